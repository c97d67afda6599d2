/* x86_64_v3, float64: the kernels at vectors of 32 bytes. */
#define REAL_BITS 64
#define VECTOR_BYTES 32
#define TABLE binadd_x86_64_v3_f64

#include "../kernels.h"
