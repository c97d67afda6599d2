/* kernels.h: the table of one instruction set and one dtype, and its kernels.
 *
 * A file of isa/ defines REAL_BITS, VECTOR_BYTES and TABLE and includes this.
 */
#include "binadd.h"
#include "table.h"

#include "first_error.h"
#include "train.h"

#if REAL_BITS == 64
#include "axes.h"
#endif

static void forward(const binadd_network *network, const binadd_run *run, void *workspace)
{
    const shape s = shape_of(network);
    run_sequences(&s, run, workspace);
}

static void train(const binadd_network *network, binadd_loss loss,
                  const binadd_optimizer *optimizer, const binadd_training *training,
                  void *workspace)
{
    const shape s = shape_of(network);
    const rule_constants c = constants_of(optimizer);
    if (training->batch_size == 1)
        train_online(&s, loss, &c, training, workspace);
    else
        train_batches(&s, loss, &c, training, workspace);
}

static void train_networks(const binadd_network *network, binadd_loss loss,
                           const binadd_optimizer *optimizer, const binadd_population *population,
                           void *workspace)
{
    const shape s = shape_of(network);
    const rule_constants c = constants_of(optimizer);
    train_population(&s, loss, &c, population, workspace);
}

static void first_error(const binadd_network *network, const void *block, int bits, int *step,
                        uint64_t *word, void *workspace)
{
    const shape s = shape_of(network);
    find_first_error(&s, block, bits, step, word, workspace);
}

#if REAL_BITS == 64
static void propagate(const binadd_network *network, binadd_reach *reach, int64_t work,
                      void *workspace)
{
    const shape s = shape_of(network);
    propagate_origins(&s, reach, work, workspace);
}

static void close_all(const binadd_network *network, binadd_closing *closing, int64_t work,
                      void *workspace)
{
    const shape s = shape_of(network);
    close_sets(&s, closing, work, workspace);
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

static void activation_values(binadd_activation activation, const void *values, size_t count,
                              void *results)
{
    activation_values_of(activation, values, count, results);
}

static size_t forward_workspace_size(const binadd_network *network)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_forward(&a, &s);
    return arena_size(&a);
}

/* Enough for whichever way of training: a caller may change the batch size. */
static size_t training_workspace_size(const binadd_network *network, size_t steps)
{
    const shape s = shape_of(network);
    arena online = arena_at(0), batch = arena_at(0), population = arena_at(0);
    take_online(&online, &s, steps);
    take_batch(&batch, &s, steps);
    take_population(&population, &s, steps);
    size_t most = arena_size(&online);
    if (arena_size(&batch) > most)
        most = arena_size(&batch);
    return arena_size(&population) > most ? arena_size(&population) : most;
}

static size_t first_error_workspace_size(const binadd_network *network, int bits)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_exhaustive(&a, &s, bits);
    return arena_size(&a);
}

const binadd_kernels TABLE = {
    .forward = forward,
    .train = train,
    .train_population = train_networks,
    .first_error = first_error,
    .activation_values = activation_values,
    .forward_workspace_size = forward_workspace_size,
    .training_workspace_size = training_workspace_size,
    .first_error_workspace_size = first_error_workspace_size,
#if REAL_BITS == 64
    .propagate = propagate,
    .close = close_all,
    .principal_axes = principal_axes,
    .reach_workspace_size = reach_workspace_size,
    .axes_workspace_size = axes_workspace_size,
#endif
};
