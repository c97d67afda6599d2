/* slices.c: what is cut into slices gives the bits of the whole, with noise on the weights, too; at
 * every instruction set.
 *
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc tests/c/slices.c csrc/… -o slices
 */
#include <string.h>

#include "check.h"

enum { HIDDEN = 16, OPERANDS = 2, REALS = (OPERANDS + HIDDEN + 3) * HIDDEN };
enum { SEQUENCES = 96, STEPS = 5, BATCH = 48, BATCHES = SEQUENCES / BATCH };

static const binadd_network NETWORK = {HIDDEN, OPERANDS, 1, BINADD_SIGMOID, BINADD_FLOAT64, {0}};
static const binadd_optimizer OPTIMIZER = {BINADD_ADAM, 0.01, 0, 0.9, 0.999, 1e-8, 0.1};

static uint8_t symbols[SEQUENCES * STEPS], targets[SEQUENCES * STEPS];
static double initial[REALS], noise[BATCHES * REALS];
static const dataset DATA = {symbols, targets, SEQUENCES, STEPS};

/* All of a block but the output bias, whose row is padding otherwise. */
static void draw_block(double *block)
{
    for (int i = 0; i < REALS - HIDDEN; i++)
        block[i] = draw_real();
}

static void draw_data(void)
{
    for (int i = 0; i < SEQUENCES * STEPS; i++)
        symbols[i] = (uint8_t)(draw() >> 62);
    draw_block(initial);
    for (int batch = 0; batch < BATCHES; batch++)
        draw_block(noise + batch * REALS);
    must(binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, targets));
}

/* ---- Training ------------------------------------------------------------------------------- */

/* All that training changes. */
typedef struct {
    double block[REALS], moments[2 * REALS], powers[2], gradient[REALS], losses[BATCHES];
    int64_t wrong_bits[BATCHES];
} learner;

static learner new_learner(void)
{
    learner l = {.powers = {1, 1}};
    memcpy(l.block, initial, sizeof initial);
    return l;
}

static void train(const binadd_optimizer *optimizer, learner *l, const double *added, size_t first,
                  size_t count, void *workspace, size_t size)
{
    binadd_training training = train_on(DATA, BATCH, l->block, l->moments, l->powers);
    training.gradient = l->gradient;
    training.noise = added;
    training.first = first;
    training.count = count;
    training.losses = l->losses;
    training.wrong_bits = l->wrong_bits;
    must(binadd_train(&NETWORK, BINADD_CROSS_ENTROPY, optimizer, &training, workspace, size));
}

/* The first and the last slice fill no batch; the one between them ends one and begins another. */
static void test_training(const double *added)
{
    const size_t size = binadd_training_workspace(&NETWORK, STEPS);
    void *workspace = zeros(size);
    learner whole = new_learner(), cut = new_learner(), before;
    train(&OPTIMIZER, &whole, added, 0, SEQUENCES, workspace, size);
    cut.gradient[0] = 1;
    before = cut;
    train(&OPTIMIZER, &cut, added, 0, 16, workspace, size);
    expect(memcmp(&cut, &before, sizeof cut) == 0, "a slice that fills no batch changes something");
    train(&OPTIMIZER, &cut, added, 16, 48, workspace, size);
    before = cut;
    train(&OPTIMIZER, &cut, added, 64, 16, workspace, size);
    expect(memcmp(&cut, &before, sizeof cut) == 0, "a slice within a batch changes something");
    train(&OPTIMIZER, &cut, added, 80, 16, workspace, size);
    expect(memcmp(&cut, &whole, sizeof cut) == 0, "slices and the whole differ");
    free(workspace);
}

/* Noise changes what the gradient is, but no weight where there is no update. */
static void test_gradient(void)
{
    const binadd_optimizer none = {.name = BINADD_NO_UPDATE, .clip_norm = 1};
    const size_t size = binadd_training_workspace(&NETWORK, STEPS);
    void *workspace = zeros(size);
    learner with = new_learner(), without = new_learner();
    train(&none, &with, noise, 0, BATCH, workspace, size);
    train(&none, &without, NULL, 0, BATCH, workspace, size);
    expect(memcmp(with.block, initial, sizeof initial) == 0, "noise stays on the weights");
    expect(memcmp(with.gradient, without.gradient, sizeof with.gradient) != 0,
           "noise leaves the gradient as it was");
    free(workspace);
}

/* ---- Running -------------------------------------------------------------------------------- */

/* Steps `from` … `to` − 1 of so many sequences: their logits, and what becomes of the states. */
static void run(size_t sequences, size_t from, size_t to, double *states, double *logits)
{
    const size_t size = binadd_forward_workspace(&NETWORK), steps = to - from;
    uint8_t part[SEQUENCES * STEPS];
    for (size_t i = 0; i < sequences; i++)
        memcpy(part + i * steps, symbols + i * STEPS + from, steps);
    binadd_run part_run = run_on((dataset){part, NULL, sequences, steps}, initial);
    part_run.initial_state = part_run.final_state = states; /* the same memory */
    part_run.logits = logits;
    void *workspace = zeros(size);
    must(binadd_forward(&NETWORK, &part_run, workspace, size));
    free(workspace);
}

static void test_running(size_t sequences)
{
    static double whole[SEQUENCES * STEPS], cut[SEQUENCES * STEPS];
    static double end[SEQUENCES * HIDDEN], states[SEQUENCES * HIDDEN];
    const size_t first = 2, rest = STEPS - first;
    memset(end, 0, sizeof end);
    memset(states, 0, sizeof states);
    run(sequences, 0, STEPS, end, whole);
    run(sequences, 0, first, states, cut);
    for (size_t i = 0; i < sequences; i++)
        expect(memcmp(cut + i * first, whole + i * STEPS, first * sizeof *cut) == 0,
               "a first part");
    run(sequences, first, STEPS, states, cut);
    for (size_t i = 0; i < sequences; i++)
        expect(memcmp(cut + i * rest, whole + i * STEPS + first, rest * sizeof *cut) == 0,
               "a part that goes on");
    expect(memcmp(states, end, sizeof end) == 0, "the state at the end");
}

/* All that a run of so many sequences writes. */
typedef struct {
    double logits[SEQUENCES * STEPS], probabilities[SEQUENCES * STEPS];
    double hidden[SEQUENCES * STEPS * HIDDEN], final_state[SEQUENCES * HIDDEN];
} outputs;

/* The slices of a run: of its sequences, or of the steps of a single one. */
static void run_slices(size_t sequences, outputs *o, size_t size_of_slice)
{
    const size_t size = binadd_forward_workspace(&NETWORK);
    void *workspace = zeros(size);
    binadd_run run = run_on((dataset){symbols, NULL, sequences, STEPS}, initial);
    const size_t all = run.count;
    run.initial_state = noise; /* any numbers */
    run.logits = o->logits;
    run.probabilities = o->probabilities;
    run.hidden = o->hidden;
    run.final_state = o->final_state;
    for (; run.first < all; run.first += run.count) {
        const size_t left = all - run.first;
        run.count = left < size_of_slice ? left : size_of_slice;
        must(binadd_forward(&NETWORK, &run, workspace, size));
    }
    free(workspace);
}

static void test_run_slices(size_t sequences, size_t size_of_slice)
{
    static outputs whole, cut;
    memset(&whole, 0, sizeof whole);
    memset(&cut, 0, sizeof cut);
    run_slices(sequences, &whole, SEQUENCES);
    run_slices(sequences, &cut, size_of_slice);
    expect(memcmp(&cut, &whole, sizeof cut) == 0, "slices of a run and the whole differ");
}

int main(void)
{
    draw_data();
    for (int i = 0; binadd_isa_name(i); i++) {
        if (binadd_isa_supported(binadd_isa_name(i)) != 1)
            continue;
        must(binadd_use_isa(binadd_isa_name(i)));
        test_training(NULL);
        test_training(noise);
        test_gradient();
        test_running(1);
        test_running(37);
        test_run_slices(1, 2);
        test_run_slices(37, 16);
        test_run_slices(37, 5);
    }
    return report();
}
