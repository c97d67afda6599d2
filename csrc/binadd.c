/* binadd.c: checks what it is given, then calls through the table of the chosen instruction set. */
#include "binadd.h"

#include <math.h>
#include <string.h>

#include "form.h"
#include "fpenv.h"
#include "table.h"

/* A new status is one line here. */
static const char *const messages[] = {
    [BINADD_OK] = "no error",
    [BINADD_BAD_NETWORK] =
        "hidden_size must be 1 to 256, operands 1 to 8, carries at most 16, and dtype and "
        "activation one of those named",
    [BINADD_BAD_ARGUMENT] = "an argument is missing, empty or out of range",
    [BINADD_BAD_SYMBOL] = "a symbol is not below 2 to the number of operands, or a target is not "
                          "0 or 1",
    [BINADD_SMALL_WORKSPACE] = "the workspace is missing or too small",
    [BINADD_UNKNOWN_ISA] = "this build has no instruction set of that name",
    [BINADD_MISSING_ISA] = "this machine does not have that instruction set",
};

const char *binadd_message(binadd_status status)
{
    const int known = (int)(sizeof messages / sizeof *messages);
    return (int)status >= 0 && (int)status < known ? messages[status] : "unknown status";
}

/* ---- Checks ----------------------------------------------------------------------------------- */

static int valid_network(const binadd_network *n)
{
    return n && n->hidden_size >= 1 && n->hidden_size <= BINADD_MAX_HIDDEN_SIZE &&
           n->operands >= 1 && n->operands <= BINADD_MAX_OPERANDS &&
           (unsigned)n->activation < BINADD_ACTIVATIONS && (unsigned)n->dtype < BINADD_DTYPES &&
           count_carries(n) <= BINADD_MAX_CARRIES;
}

static int valid_optimizer(binadd_loss loss, const binadd_optimizer *o)
{
    return (unsigned)loss < BINADD_LOSSES && o && (unsigned)o->name < BINADD_OPTIMIZERS;
}

/* Whether operands of `bits` bits have few enough words to run them all. */
static int enumerable(const binadd_network *n, int bits)
{
    return bits >= 1 && bits <= 24 / n->operands;
}

/* Whether a size_t counts the bytes of a workspace for training: none takes more than `each` for a
 * step, and what does not grow with the steps is far below SIZE_MAX / 2. */
static int measurable(const binadd_network *n, size_t steps)
{
    const size_t each = 64 * (size_t)(2 * n->hidden_size + n->operands + 4);
    return steps >= 1 && steps <= SIZE_MAX / 2 / each;
}

/* Whether a slice, which is not empty, lies within a whole of `all`. */
static int within(size_t first, size_t count, size_t all)
{
    return count && first < all && count <= all - first;
}

/* Whether every byte is below the limit, a power of two; eight at a time, without branches, so that
 * it costs next to nothing whatever the compiler makes of it. */
static int all_below(const uint8_t *bytes, size_t count, int limit)
{
    uint64_t word, words = 0;
    uint8_t bits = 0;
    size_t i = 0;
    for (; i + sizeof word <= count; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        words |= word;
    }
    for (; i < count; i++)
        bits |= bytes[i];
    for (; words; words >>= 8)
        bits |= (uint8_t)words;
    return bits < limit;
}

static int valid_data(const binadd_network *n, const uint8_t *symbols, const uint8_t *targets,
                      size_t bytes)
{
    return all_below(symbols, bytes, 1 << n->operands) && all_below(targets, bytes, 2);
}

#define DEMAND(condition, status)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return status;                                                                         \
    } while (0)

/* Calls a kernel through the table, in the floating-point environment that it needs. */
#define COMPUTE(call)                                                                              \
    do {                                                                                           \
        const binadd_fpenv before = binadd_fpenv_enter();                                          \
        call;                                                                                      \
        binadd_fpenv_leave(before);                                                                \
    } while (0)

/* ---- Sizes ------------------------------------------------------------------------------------ */

size_t binadd_block_rows(const binadd_network *network)
{
    return valid_network(network) ? (size_t)(network->operands + network->hidden_size + 3) : 0;
}

size_t binadd_block_columns(const binadd_network *network)
{
    if (!valid_network(network))
        return 0;
    const int lanes = network->dtype == BINADD_FLOAT64 ? 8 : 16;
    return (size_t)((network->hidden_size + lanes - 1) / lanes * lanes);
}

int binadd_carries(const binadd_network *network)
{
    return valid_network(network) ? count_carries(network) : 0;
}

size_t binadd_forward_workspace(const binadd_network *network)
{
    return valid_network(network)
               ? binadd_kernels_for(network->dtype)->forward_workspace_size(network)
               : 0;
}

size_t binadd_training_workspace(const binadd_network *network, size_t steps)
{
    return valid_network(network) && measurable(network, steps)
               ? binadd_kernels_for(network->dtype)->training_workspace_size(network, steps)
               : 0;
}

size_t binadd_first_error_workspace(const binadd_network *network, int bits)
{
    return valid_network(network) && enumerable(network, bits)
               ? binadd_kernels_for(network->dtype)->first_error_workspace_size(network, bits)
               : 0;
}

/* Bounds are those of float64 networks. */
static int valid_double(const binadd_network *n)
{
    return valid_network(n) && n->dtype == BINADD_FLOAT64;
}

static int valid_steps(const binadd_network *n, int steps)
{
    return valid_double(n) && steps >= 1 && steps <= BINADD_MAX_STEPS;
}

/* Whether numbers are so small that a size_t of 32 bits, too, counts the bytes of a workspace. */
static int valid_sampling(const binadd_sampling *b)
{
    const size_t states = (size_t)1 << 19, most = (size_t)1 << 24;
    return b->sequences && b->steps && b->samples && b->contexts && b->sequences <= states &&
           b->samples < states && b->contexts <= most && b->length < most / b->samples;
}

size_t binadd_sampling_workspace(const binadd_network *network, const binadd_sampling *sampling)
{
    return valid_double(network) && sampling && valid_sampling(sampling)
               ? binadd_kernels_for(BINADD_FLOAT64)->sampling_workspace_size(network, sampling)
               : 0;
}

size_t binadd_reach_workspace(const binadd_network *network, int steps)
{
    return valid_steps(network, steps)
               ? binadd_kernels_for(BINADD_FLOAT64)->reach_workspace_size(network, steps)
               : 0;
}

size_t binadd_axes_workspace(const binadd_network *network)
{
    return valid_double(network) ? binadd_kernels_for(BINADD_FLOAT64)->axes_workspace_size(network)
                                 : 0;
}

/* ---- Calls ------------------------------------------------------------------------------------ */

binadd_status binadd_forward(const binadd_network *network, const binadd_run *run, void *workspace,
                             size_t workspace_size)
{
    DEMAND(valid_network(network), BINADD_BAD_NETWORK);
    DEMAND(run && run->block && run->symbols && run->sequences && run->steps, BINADD_BAD_ARGUMENT);
    const size_t all = run->sequences == 1 ? run->steps : run->sequences;
    const size_t each = run->sequences == 1 ? 1 : run->steps;
    DEMAND(within(run->first, run->count, all), BINADD_BAD_ARGUMENT);
    DEMAND(run->sequences > 1 || run->count == all || run->final_state, BINADD_BAD_ARGUMENT);
    DEMAND(all_below(run->symbols + run->first * each, run->count * each, 1 << network->operands),
           BINADD_BAD_SYMBOL);
    const binadd_kernels *kernels = binadd_kernels_for(network->dtype);
    DEMAND(workspace && workspace_size >= kernels->forward_workspace_size(network),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->forward(network, run, workspace));
    return BINADD_OK;
}

binadd_status binadd_train(const binadd_network *network, binadd_loss loss,
                           const binadd_optimizer *optimizer, const binadd_training *d,
                           void *workspace, size_t workspace_size)
{
    DEMAND(valid_network(network), BINADD_BAD_NETWORK);
    DEMAND(valid_optimizer(loss, optimizer), BINADD_BAD_ARGUMENT);
    DEMAND(d && d->block && d->moments && d->powers && d->symbols && d->targets &&
               measurable(network, d->steps) && d->batch_size &&
               d->sequences % d->batch_size == 0 && within(d->first, d->count, d->sequences),
           BINADD_BAD_ARGUMENT);
    const size_t start = d->first % d->batch_size, end = (d->first + d->count) % d->batch_size;
    DEMAND(start % 16 == 0 && end % 16 == 0, BINADD_BAD_ARGUMENT);
    const size_t from = d->first * d->steps, bytes = d->count * d->steps;
    DEMAND(valid_data(network, d->symbols + from, d->targets + from, bytes), BINADD_BAD_SYMBOL);
    const binadd_kernels *kernels = binadd_kernels_for(network->dtype);
    DEMAND(workspace && workspace_size >= kernels->training_workspace_size(network, d->steps),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->train(network, loss, optimizer, d, workspace));
    return BINADD_OK;
}

binadd_status binadd_train_population(const binadd_network *network, binadd_loss loss,
                                      const binadd_optimizer *optimizer, const binadd_population *d,
                                      void *workspace, size_t workspace_size)
{
    DEMAND(valid_network(network), BINADD_BAD_NETWORK);
    DEMAND(valid_optimizer(loss, optimizer), BINADD_BAD_ARGUMENT);
    DEMAND(d && d->blocks && d->moments && d->powers && d->learning_rates && d->symbols &&
               d->targets && measurable(network, d->steps) && d->networks &&
               within(d->first, d->count, d->sequences),
           BINADD_BAD_ARGUMENT);
    for (size_t k = 0; k < d->networks; k++) {
        const size_t from = (k * d->sequences + d->first) * d->steps, bytes = d->count * d->steps;
        DEMAND(valid_data(network, d->symbols + from, d->targets + from, bytes), BINADD_BAD_SYMBOL);
    }
    const binadd_kernels *kernels = binadd_kernels_for(network->dtype);
    DEMAND(workspace && workspace_size >= kernels->training_workspace_size(network, d->steps),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->train_population(network, loss, optimizer, d, workspace));
    return BINADD_OK;
}

binadd_status binadd_first_error(const binadd_network *network, const void *block, int bits,
                                 int *step, uint64_t *word, void *workspace, size_t workspace_size)
{
    DEMAND(valid_network(network), BINADD_BAD_NETWORK);
    DEMAND(block && step && word && enumerable(network, bits), BINADD_BAD_ARGUMENT);
    const binadd_kernels *kernels = binadd_kernels_for(network->dtype);
    DEMAND(workspace && workspace_size >= kernels->first_error_workspace_size(network, bits),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->first_error(network, block, bits, step, word, workspace));
    return BINADD_OK;
}

/* Whether every entry is from `least` to `limit` − 1. */
static int all_within(const int32_t *entries, size_t count, int64_t least, int64_t limit)
{
    int within = 1;
    for (size_t i = 0; i < count; i++)
        within &= entries[i] >= least && entries[i] < limit;
    return within;
}

binadd_status binadd_sample_boxes(const binadd_network *network, binadd_sampling *b, int64_t work,
                                  void *workspace, size_t workspace_size)
{
    DEMAND(valid_double(network), BINADD_BAD_NETWORK);
    DEMAND(b && b->block && b->symbols && b->pools && b->carries && (b->words || !b->length) &&
               b->low && b->high && valid_sampling(b) && work >= 1 &&
               b->next < b->sequences + b->contexts,
           BINADD_BAD_ARGUMENT);
    if (b->next == 0) {
        const int carries = count_carries(network), symbols = 1 << network->operands;
        DEMAND(all_within(b->pools, carries * b->samples, -1, (int64_t)b->sequences) &&
                   all_within(b->carries, b->contexts, 0, carries),
               BINADD_BAD_ARGUMENT);
        DEMAND(all_below(b->symbols, b->sequences * b->steps, symbols) &&
                   all_below(b->words, b->contexts * b->length, symbols),
               BINADD_BAD_SYMBOL);
    }
    const binadd_kernels *kernels = binadd_kernels_for(BINADD_FLOAT64);
    DEMAND(workspace && workspace_size >= kernels->sampling_workspace_size(network, b),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->sample_boxes(network, b, work, workspace));
    return BINADD_OK;
}

/* Whether every index is of something that is there, and cells are those of their owners. */
static int valid_contexts(const binadd_network *n, const binadd_reach *r)
{
    const int64_t contexts = (int64_t)r->contexts, cells = (int64_t)r->cells;
    const int64_t frames = (int64_t)r->frame_count;
    if (contexts > INT32_MAX || cells > INT32_MAX || frames > INT32_MAX || r->first[0] != 0 ||
        r->first[contexts] != cells ||
        (cells && !(r->owners && r->middles && r->halves && r->least && r->most)) ||
        !all_within(r->carries, r->contexts, 0, count_carries(n)) ||
        !all_within(r->successors, r->contexts << n->operands, 0, contexts) ||
        !all_within(r->frame, r->contexts, -1, r->frames && r->bases ? frames : 0) ||
        !all_within(r->lowest, r->contexts, -(1 << 24), 1 << 24))
        return 0;
    for (int64_t q = 0; q < contexts; q++) {
        const int64_t count = (int64_t)r->first[q + 1] - r->first[q];
        const int whole = r->widths[q] == INFINITY && r->lowest[q] == 0 && count <= 1;
        if (count < 0 || r->first[q + 1] > cells ||
            !(whole || (r->frame[q] >= 0 && r->widths[q] > 0)))
            return 0;
        for (int32_t cell = r->first[q]; cell < r->first[q + 1]; cell++)
            if (r->owners[cell] != q)
                return 0;
    }
    return 1;
}

/* Whether all arrays are there that every walk reads or writes. */
static int whole_reach(const binadd_network *network, const binadd_reach *r)
{
    return r && r->block && r->unit_error && r->generator_error && r->contexts && r->carries &&
           r->successors && r->centres && r->frame && r->widths && r->lowest && r->first &&
           r->count && r->outcomes && r->depths && r->work && r->margins && !r->low == !r->high &&
           r->budget >= 1 && r->budget < INT64_MAX && r->next <= r->count &&
           valid_steps(network, r->steps);
}

binadd_status binadd_propagate(const binadd_network *network, binadd_reach *r, int64_t work,
                               void *workspace, size_t workspace_size)
{
    DEMAND(valid_double(network), BINADD_BAD_NETWORK);
    DEMAND(whole_reach(network, r) && r->origins && work >= 1 && r->next < r->count,
           BINADD_BAD_ARGUMENT);
    if (r->next == 0 && !r->within)
        DEMAND(valid_contexts(network, r) &&
                   all_within(r->origins, r->count, -1, (int64_t)r->cells),
               BINADD_BAD_ARGUMENT);
    const binadd_kernels *kernels = binadd_kernels_for(BINADD_FLOAT64);
    DEMAND(workspace && workspace_size >= kernels->reach_workspace_size(network, r->steps),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->propagate(network, r, work, workspace));
    return BINADD_OK;
}

binadd_status binadd_close(const binadd_network *network, binadd_closing *c, int64_t work,
                           void *workspace, size_t workspace_size)
{
    DEMAND(valid_double(network), BINADD_BAD_NETWORK);
    DEMAND(c && whole_reach(network, c->reach) && c->reach->count == c->reach->cells + 1 &&
               c->middles == c->reach->middles && c->halves == c->reach->halves && c->states &&
               c->steps && (!c->reach->cells || (c->low && c->high)) && !c->done &&
               c->rounds >= 1 && work >= 1,
           BINADD_BAD_ARGUMENT);
    if (!c->begun)
        DEMAND(valid_contexts(network, c->reach) &&
                   all_within(c->steps, c->reach->count, 1, (int64_t)INT32_MAX),
               BINADD_BAD_ARGUMENT);
    const binadd_kernels *kernels = binadd_kernels_for(BINADD_FLOAT64);
    DEMAND(workspace && workspace_size >= kernels->reach_workspace_size(network, c->reach->steps),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->close(network, c, work, workspace));
    return BINADD_OK;
}

binadd_status binadd_principal_axes(const binadd_network *network, const double *states,
                                    size_t sets, size_t samples, const double *centres,
                                    double *axes, void *workspace, size_t workspace_size)
{
    DEMAND(valid_double(network), BINADD_BAD_NETWORK);
    DEMAND(states && sets && samples && centres && axes, BINADD_BAD_ARGUMENT);
    const binadd_kernels *kernels = binadd_kernels_for(BINADD_FLOAT64);
    DEMAND(workspace && workspace_size >= kernels->axes_workspace_size(network),
           BINADD_SMALL_WORKSPACE);
    COMPUTE(kernels->principal_axes(network, states, sets, samples, centres, axes, workspace));
    return BINADD_OK;
}

binadd_status binadd_activation_values(binadd_dtype dtype, binadd_activation activation,
                                       const void *values, size_t count, void *results)
{
    const binadd_network network = {1, 1, 0, activation, dtype, {0}};
    DEMAND(valid_network(&network), BINADD_BAD_NETWORK);
    DEMAND((values && results) || !count, BINADD_BAD_ARGUMENT);
    const binadd_kernels *kernels = binadd_kernels_for(dtype);
    COMPUTE(kernels->activation_values(activation, values, count, results));
    return BINADD_OK;
}

/* ---- Data ------------------------------------------------------------------------------------- */

binadd_status binadd_unpack_words(const uint64_t *words, size_t sequences, size_t words_each,
                                  int operands, size_t steps, uint8_t *symbols)
{
    DEMAND(operands >= 1 && operands <= BINADD_MAX_OPERANDS, BINADD_BAD_NETWORK);
    const size_t per_word = 64 / (size_t)operands;
    DEMAND(words && symbols && sequences && steps, BINADD_BAD_ARGUMENT);
    DEMAND(words_each >= steps / per_word + (steps % per_word != 0), BINADD_BAD_ARGUMENT);
    const uint8_t mask = (uint8_t)((1 << operands) - 1);
    for (size_t i = 0; i < sequences; i++)
        for (size_t t = 0; t < steps; t += per_word) {
            uint64_t word = words[i * words_each + t / per_word];
            const size_t end = t + per_word < steps ? t + per_word : steps;
            for (size_t u = t; u < end; u++, word >>= operands)
                symbols[i * steps + u] = (uint8_t)word & mask;
        }
    return BINADD_OK;
}

binadd_status binadd_exact_sums(const binadd_network *network, const uint8_t *symbols,
                                size_t sequences, size_t steps, uint8_t *sums)
{
    DEMAND(valid_network(network), BINADD_BAD_NETWORK);
    DEMAND(symbols && sums && sequences && steps, BINADD_BAD_ARGUMENT);
    DEMAND(all_below(symbols, sequences * steps, 1 << network->operands), BINADD_BAD_SYMBOL);
    const form f = form_of(network);
    for (size_t i = 0; i < sequences; i++) {
        int carry = f.start;
        for (size_t t = i * steps; t < (i + 1) * steps; t++) {
            const int total = f.weights[symbols[t]] + carry;
            sums[t] = total & 1;
            carry = total >> 1;
        }
    }
    return BINADD_OK;
}
