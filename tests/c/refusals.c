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

static uint8_t symbols[BYTES], targets[BYTES], wrong[BYTES];
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
    return binadd_train(&NETWORK, BINADD_CROSS_ENTROPY, &OPTIMIZER, d, workspace, ROOM);
}

static binadd_status train_by(int loss, const binadd_optimizer *o)
{
    return binadd_train(&NETWORK, (binadd_loss)loss, o, &TRAINING, workspace, ROOM);
}

static binadd_status train_all(const binadd_population *d)
{
    return binadd_train_population(&NETWORK, BINADD_CROSS_ENTROPY, &OPTIMIZER, d, workspace, ROOM);
}

static binadd_status check(const binadd_network *n, int bits)
{
    int step;
    uint64_t word;
    return binadd_first_error(n, block, bits, &step, &word, workspace, ROOM);
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

static void refuse_networks(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_network, NETWORK, member, value, BINADD_BAD_NETWORK, run(&x, &RUN));       \
    REFUSED_WITH(binadd_network, NETWORK, member, value, BINADD_BAD_NETWORK, check(&x, 1))
    BAD(hidden_size, 0);
    BAD(hidden_size, BINADD_MAX_HIDDEN_SIZE + 1);
    BAD(operands, 0);
    BAD(operands, BINADD_MAX_OPERANDS + 1);
    BAD(activation, (binadd_activation)2);
    BAD(dtype, (binadd_dtype)2);
#undef BAD
    REFUSED(BINADD_BAD_NETWORK, run(NULL, &RUN));
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
    BAD(targets, NULL);
    BAD(batch_size, 0);
    BAD(batch_size, 48); /* does not divide the sequences */
    BAD(count, 0);
    BAD(count, 8); /* a slice that ends so far into a batch */
    BAD(count, SEQUENCES + 1);
    BAD(first, 16); /* goes on past the end */
    BAD(first, SIZE_MAX);
#undef BAD
    const size_t size = binadd_training_workspace(&NETWORK, STEPS);
    REFUSED(BINADD_BAD_ARGUMENT, train_by(2, &OPTIMIZER));
    REFUSED(BINADD_BAD_ARGUMENT, train_by(BINADD_CROSS_ENTROPY, NULL));
    REFUSED_WITH(binadd_optimizer, OPTIMIZER, rule, (binadd_rule)5, BINADD_BAD_ARGUMENT,
                 train_by(BINADD_CROSS_ENTROPY, &x));
    REFUSED(BINADD_SMALL_WORKSPACE, binadd_train(&NETWORK, BINADD_CROSS_ENTROPY, &OPTIMIZER,
                                                 &TRAINING, workspace, size - 1));
}

static void refuse_populations(void)
{
#define BAD(member, value)                                                                         \
    REFUSED_WITH(binadd_population, POPULATION, member, value, BINADD_BAD_ARGUMENT, train_all(&x))
    BAD(blocks, NULL);
    BAD(learning_rates, NULL);
    BAD(networks, 0);
    BAD(count, SEQUENCES + 1);
    BAD(first, 1);
#undef BAD
}

/* Bits of an operand for which there would be more than 2²⁴ words. */
static void refuse_checks(void)
{
    const int bits[] = {INT_MIN, -1, 0, 13, INT_MAX / 2, INT_MAX / 2 + 2, INT_MAX};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        REFUSED(BINADD_BAD_ARGUMENT, check(&NETWORK, bits[i]));
        expect(binadd_first_error_workspace(&NETWORK, (size_t)bits[i]) == 0,
               "workspace of a check");
    }
    expect(check(&NETWORK, 12) == BINADD_OK, "a check of 24 bits in all");
}

static void refuse_data(void)
{
    const uint64_t word = 0;
    symbols[BYTES - 1] = 4;
    REFUSED(BINADD_BAD_SYMBOL, run(&NETWORK, &RUN));
    REFUSED(BINADD_BAD_SYMBOL, train(&TRAINING));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&POPULATION));
    REFUSED(BINADD_BAD_SYMBOL, binadd_exact_sums(symbols, SEQUENCES, STEPS, 2, wrong));
    symbols[BYTES - 1] = 0;
    targets[BYTES - 1] = 2;
    REFUSED(BINADD_BAD_SYMBOL, train(&TRAINING));
    REFUSED(BINADD_BAD_SYMBOL, train_all(&POPULATION));
    targets[BYTES - 1] = 0;
    REFUSED(BINADD_BAD_NETWORK, binadd_exact_sums(symbols, SEQUENCES, STEPS, 9, wrong));
    REFUSED(BINADD_BAD_NETWORK, binadd_unpack_words(&word, 1, 1, 0, STEPS, wrong));
    REFUSED(BINADD_BAD_ARGUMENT, binadd_unpack_words(&word, 1, 1, 2, 33, wrong));
    REFUSED(BINADD_BAD_ARGUMENT,
            binadd_activation_values(BINADD_FLOAT64, BINADD_TANH, NULL, 1, results));
}

static void refuse_instruction_sets(void)
{
    REFUSED(BINADD_UNKNOWN_ISA, binadd_use_isa("x86_64_v5"));
    expect(binadd_isa_supported("x86_64_v5") == -1, "an unknown instruction set");
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
    refuse_checks();
    refuse_data();
    refuse_instruction_sets();
    read_messages();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
