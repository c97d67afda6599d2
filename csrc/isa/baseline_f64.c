/* baseline, float64: the kernels at vectors of 16 bytes. */
#define REAL_BITS 64
#define VECTOR_BYTES 16
#define TABLE binadd_baseline_f64

#include "../kernels.h"
