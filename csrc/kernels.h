/* kernels.h: the table of one instruction set and one dtype, and its kernels.
 *
 * A file of isa/ defines REAL_BITS, VECTOR_BYTES and TABLE and includes this.
 */
#include "binadd.h"
#include "table.h"

#include "first_error.h"
#include "forward.h"
#include "train.h"

#if REAL_BITS == 64
#include "axes.h"
#endif

#if REAL_BITS == 64
static void propagate(const binadd_network *network, binadd_reach *reach, int64_t work,
                      void *workspace)
{
    const shape s = shape_of(network);
    propagate_origins(&s, reach, work, workspace);
}

static void principal_axes(const binadd_network *network, const double *states, size_t sets,
                           size_t samples, const double *centres, double *axes, void *workspace)
{
    const shape s = shape_of(network);
    const size_t each = samples * s.hidden_size, frame = (size_t)s.hidden_size * s.columns;
    for (size_t k = 0; k < sets; k++)
        find_axes(&s, states + k * each, samples, centres + k * s.columns, axes + k * frame,
                  workspace);
}

static size_t reach_workspace_size(const binadd_network *network, int steps)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    walker w;
    take_walker(&w, &a, &s, steps);
    return arena_size(&a);
}

static size_t axes_workspace_size(const binadd_network *network)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_axes(&a, &s);
    return arena_size(&a);
}
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
    .propagate = propagate,
    .principal_axes = principal_axes,
    .reach_workspace_size = reach_workspace_size,
    .axes_workspace_size = axes_workspace_size,
#endif
};
