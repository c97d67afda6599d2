/* refusals.c: what the C core refuses, with which status, and that nothing is written then.
 *
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc tests/c/refusals.c csrc/… -o refusals
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "check.h"

enum { SEQUENCES = 64, STEPS = 3, BYTES = SEQUENCES * STEPS, REALS = 7 * 8, ROOM = 1 << 22 };
static const binadd_loss LOSS = BINADD_CROSS_ENTROPY;

static uint8_t symbols[BYTES], targets[BYTES], bytes[BYTES];
static double block[REALS], moments[2 * REALS], powers[2] = {1, 1}, results[BYTES];
static const double rates[1] = {0.1};
static char workspace[ROOM];

static const binadd_network NETWORK = {2, 2, 1, BINADD_SIGMOID, BINADD_FLOAT64, {0}};
static const binadd_optimizer OPTIMIZER = {BINADD_SGD, 0.1, 0, 0, 0, 0, 1};
static const dataset DATA = {symbols, targets, SEQUENCES, STEPS};

/* ---- Arguments that are valid ------------------------------------------------------------------ */

static binadd_run valid_run(void)
{
    binadd_run r = run_on(DATA, block);
    r.logits = results;
    return r;
}

static binadd_training valid_training(void)
{
    binadd_training t = train_on(DATA, SEQUENCES, block, moments, powers);
    t.losses = results;
    return t;
}

static binadd_population valid_population(void)
{
    binadd_population p = train_all_on(DATA, 1, block, moments, powers, rates);
    p.losses = results;
    return p;
}

/* A context with a set of one cell, the second with one of two: its frame is the first. */
static const double frames[2 * 8] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const double widths[2] = {INFINITY, 1}, rows_of_units[3 * 8];
static const int32_t carries[2] = {0, 1}, successors[2 * 4] = {0, 0, 0, 1, 0, 1, 1, 1};
static const int32_t frame[2] = {-1, 0}, lowest[2] = {0, -1}, first[3] = {0, 1, 3};
static const int32_t owners[3] = {0, 1, 1}, origins[2] = {-1, 2};
static int32_t outcomes[2], depths[2];
static int64_t works[2];

static binadd_reach valid_reach(void)
{
    binadd_reach r = {0};
    r.block = block, r.unit_error = r.generator_error = rows_of_units;
    r.affine = 1, r.steps = STEPS, r.budget = 1;
    r.contexts = 2, r.carries = carries, r.successors = successors, r.centres = rows_of_units;
    r.frame_count = 1, r.frames = r.bases = frames, r.frame = frame, r.widths = widths;
    r.cells = 3, r.lowest = lowest, r.first = first, r.owners = owners;
    r.middles = r.halves = rows_of_units;
    r.count = 2, r.origins = origins, r.outcomes = outcomes, r.depths = depths, r.work = works;
    r.margins = r.least = r.most = r.low = r.high = results;
    return r;
}

/* The same with every cell as an origin, and the state 0. */
static double bounds[3 * 8], boxes[2][3 * 8], escaped[2][3 * 8], all_margins[4];
static uint8_t states[4];
static int32_t deepest[4] = {1, 1, 1, 1}, all_outcomes[4], all_depths[4];
static int64_t all_works[4];

static binadd_closing valid_closing(void)
{
    binadd_closing c = {0};
    c.middles = boxes[0], c.halves = boxes[1], c.low = c.high = bounds;
    c.states = states, c.steps = deepest;
    c.most_steps = c.rounds = 1, c.work = 1, c.most_cells = 3;
    return c;
}

/* Two contexts of two symbols, with three states for each carry. */
static const int32_t pools[2 * 3] = {0, SEQUENCES - 1, -1, 1, 2, 3};
static uint8_t words[2 * 2];

static binadd_sampling valid_sampling(void)
{
    binadd_sampling b = {0};
    b.block = block, b.symbols = symbols, b.pools = pools, b.carries = carries, b.words = words;
    b.sequences = SEQUENCES, b.steps = STEPS, b.samples = 3, b.contexts = b.length = 2;
    b.low = results, b.high = results + 2 * 8;
    return b;
}

/* ---- Calls with all that does not matter ------------------------------------------------------ */

static binadd_status run(const binadd_network *n, const binadd_run *r)
{
    return binadd_forward(n, r, workspace, ROOM);
}

static binadd_status train(const binadd_training *d)
{
    return binadd_train(&NETWORK, LOSS, &OPTIMIZER, d, workspace, ROOM);
}

static binadd_status train_all(const binadd_population *d)
{
    return binadd_train_population(&NETWORK, LOSS, &OPTIMIZER, d, workspace, ROOM);
}

/* Both ways of training. */
static binadd_status trainings(const binadd_network *n, int loss, const binadd_optimizer *o,
                               void *memory, size_t size, binadd_status refusal)
{
    const binadd_training training = valid_training();
    const binadd_population population = valid_population();
    const binadd_status one = binadd_train(n, (binadd_loss)loss, o, &training, memory, size);
    const binadd_status all =
        binadd_train_population(n, (binadd_loss)loss, o, &population, memory, size);
    return one == refusal ? all : one;
}

static int found_step;
static uint64_t found_word;

static binadd_status check(const binadd_network *n, int bits)
{
    return binadd_first_error(n, block, bits, &found_step, &found_word, workspace, ROOM);
}

static binadd_status check_one_bit(const void *weights, int *step, uint64_t *word, void *memory,
                                   size_t size)
{
    return binadd_first_error(&NETWORK, weights, 1, step, word, memory, size);
}

static binadd_status propagate(const binadd_network *n, binadd_reach *r)
{
    return binadd_propagate(n, r, 1, workspace, ROOM);
}

static binadd_reach closing_reach(void)
{
    binadd_reach r = valid_reach();
    r.middles = boxes[0], r.halves = boxes[1];
    r.count = 4, r.origins = NULL;
    r.outcomes = all_outcomes, r.depths = all_depths, r.work = all_works;
    r.margins = all_margins, r.least = escaped[0], r.most = escaped[1];
    r.low = r.high = NULL;
    return r;
}

static binadd_status close_sets(const binadd_network *n, binadd_closing *c, binadd_reach *r)
{
    c->reach = r;
    return binadd_close(n, c, 1, workspace, ROOM);
}

static binadd_status find_axes(const binadd_network *n, const double *states, size_t sets,
                               size_t samples, const double *centres, double *axes)
{
    return binadd_principal_axes(n, states, sets, samples, centres, axes, workspace, ROOM);
}

static binadd_status sample(const binadd_network *n, binadd_sampling *b)
{
    return binadd_sample_boxes(n, b, 1, workspace, ROOM);
}

/* The same, or no error if counts have a workspace that are to have none. */
static binadd_status sample_measureless(binadd_sampling *b)
{
    return binadd_sampling_workspace(&NETWORK, b) ? BINADD_OK : sample(&NETWORK, b);
}

/* ---- Refusals --------------------------------------------------------------------------------- */

static int untouched(void)
{
    for (int i = 0; i < REALS; i++)
        if (block[i] != 0 || moments[i] != 0)
            return 0;
    for (int i = 0; i < BYTES; i++)
        if (results[i] != 0)
            return 0;
    return powers[0] == 1;
}

#define REFUSED(status, call) expect((call) == (status) && untouched(), #call)

/* The call on `x`, a valid structure but for one member. */
#define REFUSED_WITH(type, valid, member, value, status, call)                                     \
    do {                                                                                           \
        type x = valid;                                                                            \
        x.member = value;                                                                          \
        expect((call) == (status) && untouched(), #call " with " #member " = " #value);            \
    } while (0)

/* Every size of it is 0. */
static int measureless(const binadd_network *n)
{
    const binadd_sampling sampling = valid_sampling();
    return binadd_block_rows(n) == 0 && binadd_block_columns(n) == 0 &&
           binadd_forward_workspace(n) == 0 && binadd_training_workspace(n, STEPS) == 0 &&
           binadd_first_error_workspace(n, 1) == 0 && binadd_reach_workspace(n, 1) == 0 &&
           binadd_axes_workspace(n) == 0 && binadd_sampling_workspace(n, &sampling) == 0;
}

/* Bounds are those of valid float64 networks. */
static void refuse_bounds_of(const binadd_network *n)
{
    binadd_reach r = valid_reach();
    binadd_sampling b = valid_sampling();
    REFUSED(BINADD_BAD_NETWORK, sample(n, &b));
    REFUSED(BINADD_BAD_NETWORK, propagate(n, &r));
    REFUSED(BINADD_BAD_NETWORK, find_axes(n, block, 1, 1, block, results));
}

static void refuse_network(const binadd_network *n)
{
    const binadd_status status = BINADD_BAD_NETWORK;
    const binadd_run valid = valid_run();
    expect(measureless(n), "the size of a bad network");
    REFUSED(status, run(n, &valid));
    REFUSED(status, check(n, 1));
    REFUSED(status, trainings(n, LOSS, &OPTIMIZER, workspace, ROOM, status));
    refuse_bounds_of(n);
}

static void refuse_networks(void)
{
#define BAD(member, value)                                                                         \
    do {                                                                                           \
        binadd_network n = NETWORK;                                                                \
        n.member = value;                                                                          \
        refuse_network(&n);                                                                        \
    } while (0)
    BAD(hidden_size, 0);
    BAD(hidden_size, BINADD_MAX_HIDDEN_SIZE + 1);
    BAD(operands, 0);
    BAD(operands, BINADD_MAX_OPERANDS + 1);
    BAD(activation, (binadd_activation)BINADD_ACTIVATIONS);
    BAD(activation, (binadd_activation)-1);
    BAD(dtype, (binadd_dtype)BINADD_DTYPES);
    BAD(dtype, (binadd_dtype)-1);
    BAD(coefficients[0], BINADD_MAX_CARRIES + 1);
    BAD(coefficients[0], -BINADD_MAX_CARRIES); /* the carry 0 is one more */
    BAD(coefficients[1], INT_MAX);
    BAD(coefficients[1], INT_MIN);
#undef BAD
    refuse_network(NULL);
    expect(binadd_block_rows(&NETWORK) * binadd_block_columns(&NETWORK) == REALS, "a block");
}

static void refuse_runs(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_run, valid_run(), member, value, BINADD_BAD_ARGUMENT, run(&NETWORK, &x))
    BAD(block, NULL);
    BAD(symbols, NULL);
    BAD(sequences, 0);
    BAD(sequences, 1); /* of 3 steps, not 64 */
    BAD(steps, 0);
    BAD(count, 0);
    BAD(count, SEQUENCES + 1);
    BAD(first, 1); /* goes on past the end */
    BAD(first, SIZE_MAX);
#undef BAD
    const binadd_run valid = valid_run();
    binadd_run part = valid;
    part.sequences = part.count = 1; /* a slice of one sequence, with no place for its state */
    REFUSED(BINADD_BAD_ARGUMENT, run(&NETWORK, &part));
    const size_t size = binadd_forward_workspace(&NETWORK);
    REFUSED(BINADD_BAD_ARGUMENT, run(&NETWORK, NULL));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_forward(&NETWORK, &valid, NULL, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_forward(&NETWORK, &valid, workspace, size - 1));
}

static void refuse_trainings(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_training, valid_training(), member, value, BINADD_BAD_ARGUMENT, train(&x))
    BAD(block, NULL);
    BAD(moments, NULL);
    BAD(powers, NULL);
    BAD(symbols, NULL);
    BAD(targets, NULL);
    BAD(sequences, 0);
    BAD(steps, 0);
    BAD(steps, SIZE_MAX / 8); /* no workspace is large enough */
    BAD(batch_size, 0);
    BAD(batch_size, 48); /* does not divide the sequences */
    BAD(count, 0);
    BAD(count, 8); /* a slice that ends so far into a batch */
    BAD(count, SEQUENCES + 1);
    BAD(first, 16); /* goes on past the end */
    BAD(first, (size_t)0 - SEQUENCES);
#undef BAD
    binadd_training from_eight = valid_training();
    from_eight.first = from_eight.count = 8; /* a slice that begins so far into a batch */
    REFUSED(BINADD_BAD_ARGUMENT, train(&from_eight));
    REFUSED(BINADD_BAD_ARGUMENT, train(NULL));
}

static void refuse_populations(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_population, valid_population(), member, value, BINADD_BAD_ARGUMENT,        \
                 train_all(&x))
    BAD(blocks, NULL);
    BAD(moments, NULL);
    BAD(powers, NULL);
    BAD(learning_rates, NULL);
    BAD(symbols, NULL);
    BAD(targets, NULL);
    BAD(networks, 0);
    BAD(sequences, 0);
    BAD(steps, 0);
    BAD(steps, SIZE_MAX / 8);
    BAD(count, 0);
    BAD(count, SEQUENCES + 1);
    BAD(first, 1);
    BAD(first, SIZE_MAX);
#undef BAD
    REFUSED(BINADD_BAD_ARGUMENT, train_all(NULL));
}

/* Whichever way of training. */
static void refuse_optimizers_and_workspaces(void)
{
    const binadd_status bad = BINADD_BAD_ARGUMENT, small = BINADD_SMALL_WORKSPACE;
    const size_t size = binadd_training_workspace(&NETWORK, STEPS);
    binadd_optimizer unknown = OPTIMIZER;
    REFUSED(bad, trainings(&NETWORK, BINADD_LOSSES, &OPTIMIZER, workspace, ROOM, bad));
    REFUSED(bad, trainings(&NETWORK, -1, &OPTIMIZER, workspace, ROOM, bad));
    REFUSED(bad, trainings(&NETWORK, LOSS, NULL, workspace, ROOM, bad));
    unknown.name = (binadd_optimizer_name)BINADD_OPTIMIZERS;
    REFUSED(bad, trainings(&NETWORK, LOSS, &unknown, workspace, ROOM, bad));
    unknown.name = (binadd_optimizer_name)-1;
    REFUSED(bad, trainings(&NETWORK, LOSS, &unknown, workspace, ROOM, bad));
    REFUSED(small, trainings(&NETWORK, LOSS, &OPTIMIZER, NULL, ROOM, small));
    REFUSED(small, trainings(&NETWORK, LOSS, &OPTIMIZER, workspace, size - 1, small));
    expect(binadd_training_workspace(&NETWORK, 0) == 0, "a workspace of no steps");
    expect(binadd_training_workspace(&NETWORK, SIZE_MAX / 8) == 0, "a workspace that is too large");
}

/* Bits of an operand for which there would be more than 2²⁴ words. */
static void refuse_checks(void)
{
    const int bits[] = {INT_MIN, -1, 0, 13, INT_MAX / 2, INT_MAX / 2 + 2, INT_MAX};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        REFUSED(BINADD_BAD_ARGUMENT, check(&NETWORK, bits[i]));
        expect(binadd_first_error_workspace(&NETWORK, bits[i]) == 0, "workspace of a check");
    }
    expect(check(&NETWORK, 12) == BINADD_OK, "a check of 24 bits in all");

    int *step = &found_step;
    uint64_t *word = &found_word;
    const size_t size = binadd_first_error_workspace(&NETWORK, 1);
    REFUSED(BINADD_BAD_ARGUMENT, check_one_bit(NULL, step, word, workspace, ROOM));
    REFUSED(BINADD_BAD_ARGUMENT, check_one_bit(block, NULL, word, workspace, ROOM));
    REFUSED(BINADD_BAD_ARGUMENT, check_one_bit(block, step, NULL, workspace, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, check_one_bit(block, step, word, NULL, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, check_one_bit(block, step, word, workspace, size - 1));
}

static void refuse_samples(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_sampling, valid_sampling(), member, value, BINADD_BAD_ARGUMENT,            \
                 sample(&NETWORK, &x))
    BAD(block, NULL);
    BAD(symbols, NULL);
    BAD(pools, NULL);
    BAD(carries, NULL);
    BAD(words, NULL);
    BAD(low, NULL);
    BAD(high, NULL);
    BAD(next, SEQUENCES + 2); /* all is done */
    BAD(next, SIZE_MAX);
#undef BAD
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_sampling, valid_sampling(), member, value, BINADD_BAD_ARGUMENT,            \
                 sample_measureless(&x))
    BAD(sequences, 0);
    BAD(sequences, ((size_t)1 << 24) + 1); /* a workspace for more might be too large to count */
    BAD(sequences, SIZE_MAX);
    BAD(steps, 0);
    BAD(samples, 0);
    BAD(samples, (size_t)1 << 24);
    BAD(samples, SIZE_MAX);
    BAD(contexts, 0);
    BAD(contexts, ((size_t)1 << 24) + 1);
    BAD(contexts, SIZE_MAX);
    BAD(length, ((size_t)1 << 24) / 3);
    BAD(length, SIZE_MAX);
#undef BAD
#define BAD(member, ...)                                                                           \
    do {                                                                                           \
        static const int32_t entries[] = {__VA_ARGS__};                                            \
        REFUSED_WITH(binadd_sampling, valid_sampling(), member, entries, BINADD_BAD_ARGUMENT,      \
                     sample(&NETWORK, &x));                                                        \
    } while (0)
    BAD(pools, 0, 0, 0, 0, 0, SEQUENCES);
    BAD(pools, 0, 0, 0, 0, 0, -2);
    BAD(pools, INT32_MIN, 0, 0, 0, 0, 0);
    BAD(carries, 0, 2);
    BAD(carries, -1, 0);
#undef BAD
    binadd_sampling b = valid_sampling();
    const size_t size = binadd_sampling_workspace(&NETWORK, &b);
    REFUSED(BINADD_BAD_ARGUMENT, sample(&NETWORK, NULL));
    expect(binadd_sampling_workspace(&NETWORK, NULL) == 0, "a workspace of no samples");
    REFUSED(BINADD_BAD_ARGUMENT, binadd_sample_boxes(&NETWORK, &b, 0, workspace, ROOM));
    REFUSED(BINADD_BAD_ARGUMENT, binadd_sample_boxes(&NETWORK, &b, INT64_MIN, workspace, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_sample_boxes(&NETWORK, &b, 1, NULL, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_sample_boxes(&NETWORK, &b, 1, workspace, size - 1));
    words[3] = 4;
    REFUSED(BINADD_BAD_SYMBOL, sample(&NETWORK, &b));
    words[3] = 0;
    expect(b.next == 0, "what is refused is not begun");
    b.low = boxes[0], b.high = boxes[1], b.words = NULL, b.length = 0;
    while (b.next < SEQUENCES + 2 && sample(&NETWORK, &b) == BINADD_OK)
        continue;
    expect(b.next == SEQUENCES + 2 && boxes[0][0] < boxes[1][0], "contexts without symbols");
    REFUSED(BINADD_BAD_ARGUMENT, sample(&NETWORK, &b));
    memset(boxes, 0, sizeof boxes);
}

/* Whatever has a workspace has one that is large enough, where a size_t is of 32 bits, too. */
static void measure_samples(void)
{
    const size_t state = BINADD_MAX_HIDDEN_SIZE * sizeof(double);
    binadd_network n = NETWORK;
    n.hidden_size = BINADD_MAX_HIDDEN_SIZE;
    for (size_t bits = 0; bits < CHAR_BIT * sizeof(size_t); bits++) {
        binadd_sampling b = valid_sampling();
        b.sequences = (size_t)1 << bits;
        size_t size = binadd_sampling_workspace(&n, &b);
        expect(!size || size / state >= b.sequences, "a workspace for states after words");
        b = valid_sampling();
        b.samples = (size_t)1 << bits, b.length = 0;
        size = binadd_sampling_workspace(&n, &b);
        expect(!size || size / state >= b.samples, "a workspace for sampled states");
    }
}

static void refuse_sets(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_reach, valid_reach(), member, value, BINADD_BAD_ARGUMENT,                  \
                 propagate(&NETWORK, &x))
    BAD(block, NULL);
    BAD(unit_error, NULL);
    BAD(generator_error, NULL);
    BAD(steps, 0);
    BAD(steps, BINADD_MAX_STEPS + 1);
    BAD(budget, 0);
    BAD(budget, INT64_MAX);
    BAD(contexts, 0);
    BAD(contexts, (size_t)INT32_MAX + 1);
    BAD(cells, 2);
    BAD(cells, (size_t)INT32_MAX + 1);
    BAD(carries, NULL);
    BAD(successors, NULL);
    BAD(centres, NULL);
    BAD(frames, NULL); /* a context has the first of them */
    BAD(bases, NULL);
    BAD(frame, NULL);
    BAD(widths, NULL);
    BAD(lowest, NULL);
    BAD(first, NULL);
    BAD(owners, NULL);
    BAD(middles, NULL);
    BAD(halves, NULL);
    BAD(count, 0);
    BAD(origins, NULL);
    BAD(outcomes, NULL);
    BAD(depths, NULL);
    BAD(work, NULL);
    BAD(margins, NULL);
    BAD(least, NULL);
    BAD(most, NULL);
    BAD(low, NULL);
    BAD(high, NULL);
    BAD(next, 2); /* all is done */
    BAD(frame_count, 0);
    BAD(frame_count, (size_t)INT32_MAX + 1);
#undef BAD
    REFUSED(BINADD_BAD_ARGUMENT, propagate(&NETWORK, NULL));
}

/* Contexts and cells that are not there, or are not each other's. */
static void refuse_contexts(void)
{
#define BAD(member, ...)                                                                           \
    do {                                                                                           \
        static const int32_t entries[] = {__VA_ARGS__};                                            \
        REFUSED_WITH(binadd_reach, valid_reach(), member, entries, BINADD_BAD_ARGUMENT,            \
                     propagate(&NETWORK, &x));                                                     \
    } while (0)
    BAD(carries, 0, 2);
    BAD(carries, -1, 1);
    BAD(successors, 0, 0, 0, 1, 0, 1, 1, 2);
    BAD(successors, 0, 0, 0, 1, 0, 1, 1, -1);
    BAD(frame, -2, 0);
    BAD(frame, -1, -1); /* cells without a frame */
    BAD(lowest, 1, -1);
    BAD(lowest, 0, 1 << 24);
    BAD(lowest, 0, -(1 << 24) - 1);
    BAD(first, 1, 1, 3);
    BAD(first, 0, 2, 3); /* two cells of a context that is not cut */
    BAD(first, 0, 4, 3);
    BAD(first, 0, 1, 2);
    BAD(owners, 0, 0, 1);
    BAD(origins, -1, 3);
    BAD(origins, -2, 2);
#undef BAD
    const int32_t framed[] = {0, 0}, beyond[] = {0, 99, 3};
    const double one[] = {1, 1};
    binadd_reach x = valid_reach();
    x.frame = framed, x.widths = one, x.first = beyond;
    REFUSED(BINADD_BAD_ARGUMENT, propagate(&NETWORK, &x));
    const double bad[][2] = {{INFINITY, 0}, {INFINITY, -1}, {INFINITY, NAN}, {1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED_WITH(binadd_reach, valid_reach(), widths, bad[i], BINADD_BAD_ARGUMENT,
                     propagate(&NETWORK, &x));
}

static void refuse_closing(void)
{
    binadd_reach r = closing_reach();
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_closing, valid_closing(), member, value, BINADD_BAD_ARGUMENT,              \
                 close_sets(&NETWORK, &x, &r))
    BAD(middles, NULL);
    BAD(middles, bounds); /* those of the reach are others */
    BAD(halves, NULL);
    BAD(low, NULL);
    BAD(high, NULL);
    BAD(states, NULL);
    BAD(steps, NULL);
    BAD(steps, all_depths); /* of no steps */
    BAD(rounds, 0);
    BAD(done, 1);
#undef BAD
    binadd_closing c = valid_closing();
    REFUSED(BINADD_BAD_ARGUMENT, close_sets(&NETWORK, &c, NULL));
    REFUSED(BINADD_BAD_ARGUMENT, binadd_close(&NETWORK, NULL, 1, workspace, ROOM));
    c.reach = &r;
    REFUSED(BINADD_BAD_ARGUMENT, binadd_close(&NETWORK, &c, 0, workspace, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_close(&NETWORK, &c, 1, NULL, ROOM));
    r.count = 3;
    REFUSED(BINADD_BAD_ARGUMENT, close_sets(&NETWORK, &c, &r));
    r = closing_reach(), r.low = results;
    REFUSED(BINADD_BAD_ARGUMENT, close_sets(&NETWORK, &c, &r));
    r = closing_reach();
    expect(close_sets(&NETWORK, &c, &r) == BINADD_OK && c.begun, "what is sound is closed");
}

static void refuse_bounds(void)
{
    const binadd_status bad = BINADD_BAD_ARGUMENT, small = BINADD_SMALL_WORKSPACE;
    const size_t size = binadd_reach_workspace(&NETWORK, STEPS);
    const size_t axes_size = binadd_axes_workspace(&NETWORK);
    binadd_network narrow = NETWORK;
    binadd_reach r = valid_reach();
    const binadd_sampling sampling = valid_sampling();
    narrow.dtype = BINADD_FLOAT32;
    refuse_bounds_of(&narrow);
    expect(binadd_sampling_workspace(&narrow, &sampling) == 0, "a workspace of float32");
    REFUSED(bad, binadd_propagate(&NETWORK, &r, 0, workspace, ROOM));
    REFUSED(small, binadd_propagate(&NETWORK, &r, 1, NULL, ROOM));
    REFUSED(small, binadd_propagate(&NETWORK, &r, 1, workspace, size - 1));
    REFUSED(bad, find_axes(&NETWORK, NULL, 1, 1, block, results));
    REFUSED(bad, find_axes(&NETWORK, block, 0, 1, block, results));
    REFUSED(bad, find_axes(&NETWORK, block, 1, 0, block, results));
    REFUSED(bad, find_axes(&NETWORK, block, 1, 1, NULL, results));
    REFUSED(bad, find_axes(&NETWORK, block, 1, 1, block, NULL));
    REFUSED(small, binadd_principal_axes(&NETWORK, block, 1, 1, block, results, NULL, ROOM));
    REFUSED(small,
            binadd_principal_axes(&NETWORK, block, 1, 1, block, results, workspace, axes_size - 1));
    expect(binadd_reach_workspace(&NETWORK, 0) == 0, "a workspace of no steps");
    expect(binadd_reach_workspace(&NETWORK, BINADD_MAX_STEPS + 1) == 0, "of too many steps");
    expect(outcomes[0] == 0 && outcomes[1] == 0 && r.next == 0 && !r.within, "no step is taken");
    expect(propagate(&NETWORK, &r) == BINADD_OK && r.within + r.next > 0, "valid arguments");
}

static void refuse_data(void)
{
    const binadd_run valid = valid_run();
    const binadd_training training = valid_training();
    const binadd_population population = valid_population();
    binadd_sampling sampling = valid_sampling();
    symbols[BYTES - 1] = 4;
    REFUSED(BINADD_BAD_SYMBOL, run(&NETWORK, &valid));
    REFUSED(BINADD_BAD_SYMBOL, train(&training));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&population));
    REFUSED(BINADD_BAD_SYMBOL, sample(&NETWORK, &sampling));
    REFUSED(BINADD_BAD_SYMBOL, binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, bytes));
    symbols[BYTES - 1] = 0;
    targets[BYTES - 1] = 2;
    REFUSED(BINADD_BAD_SYMBOL, train(&training));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&population));
    targets[BYTES - 1] = 0;
}

static void refuse_words(void)
{
    const uint64_t word = 0;
    const binadd_status network = BINADD_BAD_NETWORK, argument = BINADD_BAD_ARGUMENT;
    REFUSED(network, binadd_unpack_words(&word, 1, 1, 0, STEPS, bytes));
    REFUSED(network, binadd_unpack_words(&word, 1, 1, BINADD_MAX_OPERANDS + 1, STEPS, bytes));
    REFUSED(argument, binadd_unpack_words(NULL, 1, 1, 2, STEPS, bytes));
    REFUSED(argument, binadd_unpack_words(&word, 1, 1, 2, STEPS, NULL));
    REFUSED(argument, binadd_unpack_words(&word, 0, 1, 2, STEPS, bytes));
    REFUSED(argument, binadd_unpack_words(&word, 1, 1, 2, 0, bytes));
    REFUSED(argument, binadd_unpack_words(&word, 1, 1, 2, 33, bytes));
    REFUSED(argument, binadd_unpack_words(&word, 1, 1, 2, SIZE_MAX, bytes));
    expect(binadd_unpack_words(&word, 1, 1, 2, 32, bytes) == BINADD_OK, "a word's symbols");
    REFUSED(network, binadd_exact_sums(NULL, symbols, SEQUENCES, STEPS, bytes));
    REFUSED(argument, binadd_exact_sums(&NETWORK, NULL, SEQUENCES, STEPS, bytes));
    REFUSED(argument, binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, NULL));
    REFUSED(argument, binadd_exact_sums(&NETWORK, symbols, 0, STEPS, bytes));
    REFUSED(argument, binadd_exact_sums(&NETWORK, symbols, SEQUENCES, 0, bytes));
}

static binadd_status activate(int dtype, int activation, const void *values, void *to)
{
    return binadd_activation_values((binadd_dtype)dtype, (binadd_activation)activation, values, 1,
                                    to);
}

static void refuse_activations(void)
{
    REFUSED(BINADD_BAD_NETWORK, activate(BINADD_DTYPES, BINADD_TANH, block, results));
    REFUSED(BINADD_BAD_NETWORK, activate(BINADD_FLOAT64, BINADD_ACTIVATIONS, block, results));
    REFUSED(BINADD_BAD_ARGUMENT, activate(BINADD_FLOAT64, BINADD_TANH, NULL, results));
    REFUSED(BINADD_BAD_ARGUMENT, activate(BINADD_FLOAT64, BINADD_TANH, block, NULL));
    expect(binadd_activation_values(BINADD_FLOAT64, BINADD_TANH, NULL, 0, NULL) == BINADD_OK,
           "no values");
}

static void refuse_instruction_sets(void)
{
    REFUSED(BINADD_UNKNOWN_ISA, binadd_use_isa("x86_64_v5"));
    expect(binadd_isa_supported("x86_64_v5") == -1, "an unknown instruction set");
    expect(binadd_isa_supported(NULL) == -1, "no instruction set");
    expect(binadd_isa_name(-1) == NULL && binadd_isa_name(99) == NULL, "instruction sets end");
}

static void read_messages(void)
{
    for (int status = BINADD_OK; status <= BINADD_MISSING_ISA; status++)
        expect(strcmp(binadd_message((binadd_status)status), "unknown status") != 0, "a message");
    expect(strcmp(binadd_message((binadd_status)-1), "unknown status") == 0, "of no status");
    expect(strcmp(binadd_message((binadd_status)99), "unknown status") == 0, "of no status");
}

int main(void)
{
    refuse_networks();
    refuse_runs();
    refuse_trainings();
    refuse_populations();
    refuse_optimizers_and_workspaces();
    refuse_checks();
    refuse_samples();
    measure_samples();
    refuse_sets();
    refuse_contexts();
    refuse_closing();
    refuse_data();
    refuse_words();
    refuse_activations();
    refuse_instruction_sets();
    refuse_bounds(); /* writes at last */
    read_messages();
    return report();
}
