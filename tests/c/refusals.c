/* refusals.c: what the C core refuses, with which status, and that nothing is written then.
 *
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc tests/c/refusals.c csrc/… -o refusals
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binadd.h"

enum { SEQUENCES = 64, STEPS = 3, BYTES = SEQUENCES * STEPS, REALS = 7 * 8, ROOM = 1 << 20 };
static const binadd_loss LOSS = BINADD_CROSS_ENTROPY;

static uint8_t symbols[BYTES], targets[BYTES], bytes[BYTES];
static double block[REALS], moments[2 * REALS], powers[2] = {1, 1}, results[BYTES];
static const double rates[1] = {0.1};
static char workspace[ROOM];
static int passed, failed;

static const binadd_network NETWORK = {
    .hidden_size = 2,
    .operands = 2,
    .biases = 1,
    .activation = BINADD_SIGMOID,
    .dtype = BINADD_FLOAT64,
};
static const binadd_optimizer OPTIMIZER = {
    .rule = BINADD_SGD,
    .learning_rate = 0.1,
    .clip_norm = 1,
};
static const binadd_run RUN = {
    .block = block,
    .symbols = symbols,
    .sequences = SEQUENCES,
    .steps = STEPS,
    .logits = results,
};
static const binadd_training TRAINING = {
    .block = block,
    .moments = moments,
    .powers = powers,
    .symbols = symbols,
    .targets = targets,
    .sequences = SEQUENCES,
    .steps = STEPS,
    .batch_size = SEQUENCES,
    .count = SEQUENCES,
    .losses = results,
};
static const binadd_population POPULATION = {
    .blocks = block,
    .moments = moments,
    .powers = powers,
    .learning_rates = rates,
    .symbols = symbols,
    .targets = targets,
    .networks = 1,
    .sequences = SEQUENCES,
    .steps = STEPS,
    .count = SEQUENCES,
    .losses = results,
};

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
    const binadd_status one = binadd_train(n, (binadd_loss)loss, o, &TRAINING, memory, size);
    const binadd_status all =
        binadd_train_population(n, (binadd_loss)loss, o, &POPULATION, memory, size);
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

static void expect(int holds, const char *what)
{
    passed += holds != 0;
    failed += !holds;
    if (!holds)
        printf("  %s\n", what);
}

#define REFUSED(status, call) expect((call) == (status) && untouched(), #call)

/* The call on `x`, a sound structure but for one member. */
#define REFUSED_WITH(type, sound, member, value, status, call)                                     \
    do {                                                                                           \
        type x = sound;                                                                            \
        x.member = value;                                                                          \
        expect((call) == (status) && untouched(), #call " with " #member " = " #value);            \
    } while (0)

/* Of no size, whatever is asked for. */
static int measureless(const binadd_network *n)
{
    return binadd_block_rows(n) == 0 && binadd_block_columns(n) == 0 &&
           binadd_forward_workspace(n) == 0 && binadd_training_workspace(n, STEPS) == 0 &&
           binadd_first_error_workspace(n, 1) == 0;
}

static void refuse_network(const binadd_network *n)
{
    const binadd_status status = BINADD_BAD_NETWORK;
    expect(measureless(n), "the size of a bad network");
    REFUSED(status, run(n, &RUN));
    REFUSED(status, check(n, 1));
    REFUSED(status, trainings(n, LOSS, &OPTIMIZER, workspace, ROOM, status));
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
#undef BAD
    refuse_network(NULL);
    expect(binadd_block_rows(&NETWORK) * binadd_block_columns(&NETWORK) == REALS, "a block");
}

static void refuse_runs(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_run, RUN, member, value, BINADD_BAD_ARGUMENT, run(&NETWORK, &x))
    BAD(block, NULL);
    BAD(symbols, NULL);
    BAD(sequences, 0);
    BAD(steps, 0);
#undef BAD
    const size_t size = binadd_forward_workspace(&NETWORK);
    REFUSED(BINADD_BAD_ARGUMENT, run(&NETWORK, NULL));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_forward(&NETWORK, &RUN, NULL, ROOM));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_forward(&NETWORK, &RUN, workspace, size - 1));
}

static void refuse_trainings(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_training, TRAINING, member, value, BINADD_BAD_ARGUMENT, train(&x))
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
    binadd_training from_eight = TRAINING;
    from_eight.first = from_eight.count = 8; /* a slice that begins so far into a batch */
    REFUSED(BINADD_BAD_ARGUMENT, train(&from_eight));
    REFUSED(BINADD_BAD_ARGUMENT, train(NULL));
}

static void refuse_populations(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_population, POPULATION, member, value, BINADD_BAD_ARGUMENT, train_all(&x))
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
    unknown.rule = (binadd_rule)BINADD_RULES;
    REFUSED(bad, trainings(&NETWORK, LOSS, &unknown, workspace, ROOM, bad));
    unknown.rule = (binadd_rule)-1;
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

static void refuse_data(void)
{
    symbols[BYTES - 1] = 4;
    REFUSED(BINADD_BAD_SYMBOL, run(&NETWORK, &RUN));
    REFUSED(BINADD_BAD_SYMBOL, train(&TRAINING));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&POPULATION));
    REFUSED(BINADD_BAD_SYMBOL, binadd_exact_sums(symbols, SEQUENCES, STEPS, 2, bytes));
    symbols[BYTES - 1] = 0;
    targets[BYTES - 1] = 2;
    REFUSED(BINADD_BAD_SYMBOL, train(&TRAINING));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&POPULATION));
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
    REFUSED(network, binadd_exact_sums(symbols, SEQUENCES, STEPS, 0, bytes));
    REFUSED(network, binadd_exact_sums(symbols, SEQUENCES, STEPS, BINADD_MAX_OPERANDS + 1, bytes));
    REFUSED(argument, binadd_exact_sums(NULL, SEQUENCES, STEPS, 2, bytes));
    REFUSED(argument, binadd_exact_sums(symbols, SEQUENCES, STEPS, 2, NULL));
    REFUSED(argument, binadd_exact_sums(symbols, 0, STEPS, 2, bytes));
    REFUSED(argument, binadd_exact_sums(symbols, SEQUENCES, 0, 2, bytes));
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
    refuse_data();
    refuse_words();
    refuse_activations();
    refuse_instruction_sets();
    read_messages();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
