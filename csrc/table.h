/* table.h: what each instruction set offers for each dtype. Internal. */
#ifndef BINADD_TABLE_H
#define BINADD_TABLE_H

#include "binadd.h"

/* The table of one instruction set and dtype. */
typedef struct {
    void (*forward)(const binadd_network *, const binadd_run *, void *workspace);
    void (*train)(const binadd_network *, binadd_loss, const binadd_optimizer *,
                  const binadd_training *, void *workspace);
    void (*train_population)(const binadd_network *, binadd_loss, const binadd_optimizer *,
                             const binadd_population *, void *workspace);
    void (*first_error)(const binadd_network *, const void *block, int bits, int *step,
                        uint64_t *word, void *workspace);
    void (*sample_boxes)(const binadd_network *, binadd_sampling *, int64_t work, void *workspace);
    void (*propagate)(const binadd_network *, binadd_reach *, int64_t work, void *workspace);
    void (*close)(const binadd_network *, binadd_closing *, int64_t work, void *workspace);
    void (*principal_axes)(const binadd_network *, const double *states, size_t sets,
                           size_t samples, const double *centres, double *axes, void *workspace);
    void (*activation_values)(binadd_activation, const void *values, size_t count, void *results);
    size_t (*forward_workspace_size)(const binadd_network *);
    size_t (*training_workspace_size)(const binadd_network *, size_t steps);
    size_t (*first_error_workspace_size)(const binadd_network *, int bits);
    size_t (*sampling_workspace_size)(const binadd_network *, const binadd_sampling *);
    size_t (*reach_workspace_size)(const binadd_network *, int steps);
    size_t (*axes_workspace_size)(const binadd_network *);
} binadd_kernels;

/* Those of this build, each in a file of isa/. */
extern const binadd_kernels binadd_baseline_f64, binadd_baseline_f32;
#ifdef BINADD_X86_64_LEVELS
extern const binadd_kernels binadd_x86_64_v3_f64, binadd_x86_64_v3_f32;
extern const binadd_kernels binadd_x86_64_v4_f64, binadd_x86_64_v4_f32;
#endif

/* The tables in use, by dtype (cpu.c). */
const binadd_kernels *binadd_kernels_for(binadd_dtype dtype);

#endif
