/* x86_64_v3, float32: the kernels at vectors of 32 bytes. */
#define REAL_BITS 32
#define VECTOR_BYTES 32
#define TABLE binadd_x86_64_v3_f32

#include "../kernels.h"
