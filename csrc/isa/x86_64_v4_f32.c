/* x86_64_v4, float32: the kernels at vectors of 64 bytes. */
#define REAL_BITS 32
#define VECTOR_BYTES 64
#define TABLE binadd_x86_64_v4_f32

#include "../kernels.h"
