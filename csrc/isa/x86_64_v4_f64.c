/* x86_64_v4, float64: the kernels at vectors of 64 bytes. */
#define REAL_BITS 64
#define VECTOR_BYTES 64
#define TABLE binadd_x86_64_v4_f64

#include "../kernels.h"
