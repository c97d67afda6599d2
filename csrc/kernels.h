/* kernels.h: the table of one instruction set and one dtype, and its kernels.
 *
 * A file of isa/ defines REAL_BITS, VECTOR_BYTES and TABLE and includes this. Reading order: lanes.h,
 * arithmetic.h, shape.h, sums.h and network.h; then, as one likes,
 * - running: arena.h, spread.h, forward.h
 * - training: loss.h, sequence.h, examples.h, transpose.h, update.h, train.h
 * - checking: interval.h, box.h, first_error.h
 * - proving: sampling.h, interval.h, relaxation.h, reach.h, closing.h, axes.h
 */
#include "binadd.h"
#include "table.h"

#include "first_error.h"
#include "forward.h"
#include "train.h"
#if REAL_BITS == 64
#include "axes.h"
#include "closing.h"
#include "sampling.h"
#endif

const binadd_kernels TABLE = {
    .forward = forward,
    .train = train,
    .train_population = train_population,
    .first_error = first_error,
    .activation_values = activate_values,
    .forward_workspace_size = forward_workspace_size,
    .training_workspace_size = training_workspace_size,
    .first_error_workspace_size = first_error_workspace_size,
#if REAL_BITS == 64
    .sample_boxes = sample_boxes,
    .propagate = propagate,
    .close = close_sets,
    .principal_axes = principal_axes,
    .sampling_workspace_size = sampling_workspace_size,
    .reach_workspace_size = reach_workspace_size,
    .axes_workspace_size = axes_workspace_size,
#endif
};
