/* baseline, float32: the kernels at vectors of 16 bytes. */
#define REAL_BITS 32
#define VECTOR_BYTES 16
#define TABLE binadd_baseline_f32

#include "../kernels.h"
