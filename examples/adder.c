// Train a network from C until it adds every pair of 8-bit numbers, then let it add two.
//
//     gcc -O3 -ffp-contract=off -Icsrc examples/adder.c csrc/*.c csrc/isa/baseline_*.c -lm -o adder
//     ./adder 23 42
//
// binadd.h is all it needs: no Python, and no memory but what it is handed.

#include "binadd.h"

#include <stdio.h>
#include <stdlib.h>

enum { HIDDEN = 16, OPERANDS = 2, BITS = 8, STEPS = 64, SLICE = 64 };
enum { ROWS = OPERANDS + HIDDEN + 3, REALS = ROWS * HIDDEN }; /* 16 hidden units need no padding */

static const binadd_network network = {
    .hidden_size = HIDDEN,
    .operands = OPERANDS,
    .biases = 1,
    .activation = BINADD_SIGMOID,
    .dtype = BINADD_FLOAT64,
};
static const binadd_optimizer optimizer = {
    .name = BINADD_NESTEROV,
    .learning_rate = 0.1,
    .momentum = 0.9,
    .clip_norm = 2.0,
};

static void demand(binadd_status status)
{
    if (status != BINADD_OK) {
        fprintf(stderr, "%s\n", binadd_message(status));
        exit(2);
    }
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

/* SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Weights uniform in [−1, 1); biases, which are the rows n+H and n+H+2, are 0. */
static void initialise(double *block, uint64_t *state)
{
    for (int i = 0; i < REALS; i++) {
        int row = i / HIDDEN;
        int is_bias = row == OPERANDS + HIDDEN || row == OPERANDS + HIDDEN + 2;
        block[i] = is_bias ? 0 : (double)(draw(state) >> 11) * 0x1p-52 - 1;
    }
}

/* Whether every sum of 8-bit numbers is right. */
static int is_exact(const double *block, void *workspace, size_t size)
{
    int step;
    uint64_t word;
    demand(binadd_first_error(&network, block, BITS, &step, &word, workspace, size));
    return step < 0;
}

/* Train on random sums until every sum is right; returns how many that took. */
static int train(double *block, uint64_t *state)
{
    static double moments[2 * REALS], powers[2] = {1, 1};
    uint64_t words[SLICE];
    uint8_t symbols[SLICE * BITS], targets[SLICE * BITS];
    binadd_training training = {
        .block = block,
        .moments = moments,
        .powers = powers,
        .symbols = symbols,
        .targets = targets,
        .sequences = SLICE,
        .steps = BITS,
        .batch_size = 1,
        .count = SLICE,
    };
    size_t size = binadd_training_workspace(&network, BITS);
    size_t check_size = binadd_first_error_workspace(&network, BITS);
    void *workspace = allocate(size > check_size ? size : check_size);
    int sequences = 0;
    while (!is_exact(block, workspace, check_size) && sequences < 100000) {
        for (int i = 0; i < SLICE; i++)
            words[i] = draw(state);
        demand(binadd_unpack_words(words, SLICE, 1, OPERANDS, BITS, symbols));
        demand(binadd_exact_sums(&network, symbols, SLICE, BITS, targets));
        demand(
            binadd_train(&network, BINADD_CROSS_ENTROPY, &optimizer, &training, workspace, size));
        sequences += SLICE;
    }
    free(workspace);
    return sequences;
}

/* The sum of two numbers of up to 63 bits as the network says it: a bit is 1 where its logit is
 * above 0. */
static uint64_t add(const double *block, uint64_t a, uint64_t b)
{
    uint8_t symbols[STEPS];
    double logits[STEPS];
    for (int t = 0; t < STEPS; t++)
        symbols[t] = (uint8_t)((a >> t & 1) | (b >> t & 1) << 1);
    binadd_run run = {
        .block = block,
        .symbols = symbols,
        .sequences = 1,
        .steps = STEPS,
        .count = STEPS,
        .logits = logits,
    };
    size_t size = binadd_forward_workspace(&network);
    void *workspace = allocate(size);
    demand(binadd_forward(&network, &run, workspace, size));
    free(workspace);
    uint64_t sum = 0;
    for (int t = 0; t < STEPS; t++)
        sum |= (uint64_t)(logits[t] > 0) << t;
    return sum;
}

/* A number of at most 63 bits: the sum of two has a place in 64. */
static uint64_t read_number(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end || number >> 63) {
        fprintf(stderr, "%s is not a whole number from 0 to 2^63 - 1\n", text);
        exit(2);
    }
    return number;
}

int main(int argc, char **argv)
{
    static double block[REALS];
    if (argc != 1 && argc != 3) {
        fprintf(stderr, "usage: adder [NUMBER NUMBER]\n");
        return 2;
    }
    uint64_t a = argc == 3 ? read_number(argv[1]) : 23;
    uint64_t b = argc == 3 ? read_number(argv[2]) : 42;
    uint64_t state = 0;

    initialise(block, &state);
    int sequences = train(block, &state);
    uint64_t sum = add(block, a, b);
    printf("%d sequences, instruction set %s\n", sequences, binadd_isa());
    printf("%llu + %llu = %llu\n", (unsigned long long)a, (unsigned long long)b,
           (unsigned long long)sum);
    return sum == a + b ? EXIT_SUCCESS : EXIT_FAILURE;
}
