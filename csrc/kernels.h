/* kernels.h: the table of one instruction set and one dtype, and its kernels.
 *
 * A file of isa/ defines REAL_BITS, VECTOR_BYTES and TABLE and includes this. The common sizes get
 * code of their own from the same bodies: sizes that the compiler knows unroll every loop.
 */
#include "binadd.h"
#include "table.h"

#include "first_error.h"

#define SHAPED(call)                                                                             \
    do {                                                                                         \
        const shape given = shape_of(network);                                                   \
        if (given.hidden_size == 16 && given.operands == 2) {                                    \
            const shape s = {16, 2, 16, 21, given.biases, given.activation};                     \
            call;                                                                                \
        } else {                                                                                 \
            const shape s = given;                                                               \
            call;                                                                                \
        }                                                                                        \
    } while (0)

static void forward(const binadd_network *network, const binadd_run *run, void *workspace)
{
    SHAPED(forward_shaped(&s, run, workspace));
}

static void train(const binadd_network *network, binadd_loss loss,
                  const binadd_optimizer *optimizer, const binadd_training *training,
                  void *workspace)
{
    const rule_constants c = constants_of(optimizer);
    if (training->batch_size == 1)
        SHAPED(train_online_shaped(&s, loss, &c, training, workspace));
    else
        SHAPED(train_batches_shaped(&s, loss, &c, training, workspace));
}

static void train_population(const binadd_network *network, binadd_loss loss,
                             const binadd_optimizer *optimizer,
                             const binadd_population *population, void *workspace)
{
    const rule_constants c = constants_of(optimizer);
    SHAPED(train_population_shaped(&s, loss, &c, population, workspace));
}

static void first_error(const binadd_network *network, const void *block, int bits, int *step,
                        uint64_t *word, void *workspace)
{
    SHAPED(first_error_shaped(&s, block, bits, step, word, workspace));
}

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

static size_t first_error_workspace_size(const binadd_network *network, size_t bits)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_exhaustive(&a, &s, (int)bits);
    return arena_size(&a);
}

const binadd_kernels TABLE = {
    .forward = forward,
    .train = train,
    .train_population = train_population,
    .first_error = first_error,
    .activation_values = activation_values,
    .forward_workspace_size = forward_workspace_size,
    .training_workspace_size = training_workspace_size,
    .first_error_workspace_size = first_error_workspace_size,
};
