/* fuzz.c: whatever bytes an input has, a call refuses them or computes, and every instruction set gives
 * the same bits. Sizes, indices and reals come from the input; memory is of exactly the size that
 * the header states, so that a sanitizer sees every step outside.
 *
 *     clang -fsanitize=fuzzer,address,undefined -DFUZZER -I csrc tests/c/fuzz.c csrc/… -lm -o fuzz
 *
 * Without FUZZER it runs random inputs: `fuzz COUNT SEED`, 2,000 by default.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binadd.h"

static const uint8_t *input;
static size_t left;

static unsigned byte(void)
{
    return left ? (left--, *input++) : 0;
}

static int pick(int least, int most)
{
    return least + (int)((byte() << 8 | byte()) % (unsigned)(most - least + 1));
}

static double real(void)
{
    static const double special[] = {0,       -0.0,     1,          -1,     0.5,      4.9e-324,
                                     1e-310,  2.3e-308, 1.7e308,    -1e308, INFINITY, -INFINITY,
                                     708.396, -708.4,   (float)NAN, 1e-45,  3.4e38,   -36.7};
    const unsigned kind = byte();
    if (kind < 64)
        return special[kind % (sizeof special / sizeof *special)];
    if (kind < 224)
        return ((int)byte() - 128) / 32.0;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | byte();
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- Memory of exactly one size, freed after each input --------------------------------------- */

enum { MOST = 64 };
static void *taken[MOST];
static int count_taken;

/* Through a pointer: GCC, which believes to know how much is allocated, warns of loops within it. */
static void *(*volatile allocate)(size_t, size_t) = calloc;

static void *take(size_t size)
{
    void *memory = allocate(1, size ? size : 1);
    if (!memory || count_taken == MOST)
        abort();
    return taken[count_taken++] = memory;
}

static void release(void)
{
    while (count_taken)
        free(taken[--count_taken]);
}

static void *reals(binadd_dtype dtype, size_t count)
{
    void *array = take(count * (dtype == BINADD_FLOAT64 ? 8 : 4));
    for (size_t i = 0; i < count; i++) {
        const double value = real();
        if (dtype == BINADD_FLOAT64)
            ((double *)array)[i] = value;
        else
            ((float *)array)[i] = (float)value;
    }
    return array;
}

static double *doubles(size_t count)
{
    return reals(BINADD_FLOAT64, count);
}

static uint8_t *bytes(size_t count, unsigned mask)
{
    uint8_t *array = take(count);
    for (size_t i = 0; i < count; i++)
        array[i] = (uint8_t)(byte() & mask);
    return array;
}

static int32_t *indices(size_t count, int least, int most)
{
    int32_t *array = take(count * sizeof *array);
    for (size_t i = 0; i < count; i++)
        array[i] = byte() == 255 ? pick(-9, 99) : pick(least, most);
    return array;
}

/* ---- What a call wrote, to be compared with what others write ------------------------------------ */

static uint64_t digest;
static long computed, refused;

static void wrote(const void *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ ((const uint8_t *)memory)[i]) * UINT64_C(0x100000001b3);
}

/* NaN may have any sign and payload. */
static void wrote_reals(binadd_dtype dtype, const void *memory, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (dtype == BINADD_FLOAT64)
            memcpy(&value, (const char *)memory + 8 * i, 8);
        else {
            float single;
            memcpy(&single, (const char *)memory + 4 * i, 4);
            value = single;
        }
        if (value != value)
            value = 77;
        wrote(&value, sizeof value);
    }
}

/* ---- Calls -------------------------------------------------------------------------------------- */

static binadd_network network(void)
{
    binadd_network n = {0};
    n.hidden_size = byte() < 250 ? pick(1, 20) : pick(-1, 300);
    n.operands = byte() < 250 ? pick(1, 3) : pick(-1, 9);
    n.biases = pick(0, 1);
    n.activation = (binadd_activation)(byte() < 250 ? pick(0, 1) : pick(-1, 3));
    n.dtype = (binadd_dtype)(byte() < 250 ? pick(0, 1) : pick(-1, 3));
    if (byte() < 64)
        for (int i = 0; i < BINADD_MAX_OPERANDS; i++)
            n.coefficients[i] = i < n.operands || byte() == 255 ? pick(-3, 3) : 0;
    return n;
}

static unsigned symbol_mask(const binadd_network *n)
{
    return byte() < 250 ? (1u << (n->operands & 7)) - 1 : 255;
}

static binadd_status run(const binadd_network *n, size_t reals_of_block)
{
    const size_t sequences = (size_t)pick(1, 20), steps = (size_t)pick(1, 6),
                 all = sequences * steps;
    const size_t hidden = n->hidden_size > 0 ? (size_t)n->hidden_size : 0;
    binadd_run r = {0};
    r.block = reals(n->dtype, reals_of_block);
    r.symbols = bytes(all, symbol_mask(n));
    r.sequences = sequences;
    r.steps = steps;
    r.first = byte() < 200 ? 0 : (size_t)pick(0, 20);
    r.count = byte() < 200 ? (sequences == 1 ? steps : sequences) : (size_t)pick(0, 20);
    r.initial_state = byte() & 1 ? reals(n->dtype, sequences * hidden) : NULL;
    r.logits = take(8 * all);
    r.probabilities = byte() & 1 ? take(8 * all) : NULL;
    r.hidden = byte() & 1 ? take(8 * all * hidden) : NULL;
    r.final_state = byte() & 1 ? take(8 * sequences * hidden) : NULL;
    const size_t size = binadd_forward_workspace(n);
    const binadd_status status = binadd_forward(n, &r, take(size), size);
    wrote_reals(n->dtype, r.logits, all);
    if (r.hidden)
        wrote_reals(n->dtype, r.hidden, all * hidden);
    return status;
}

static binadd_optimizer optimizer(void)
{
    const binadd_optimizer o = {(binadd_optimizer_name)pick(-1, BINADD_OPTIMIZERS),
                                real(),
                                real(),
                                real(),
                                real(),
                                real(),
                                real()};
    return o;
}

static binadd_status learn(const binadd_network *n, size_t block)
{
    const size_t batch = (size_t)pick(0, 20), batches = (size_t)pick(1, 3),
                 steps = (size_t)pick(1, 6);
    const size_t sequences = batch * batches, all = sequences * steps;
    const binadd_optimizer o = optimizer();
    const unsigned mask = symbol_mask(n);
    binadd_training t = {0};
    t.block = reals(n->dtype, block);
    t.moments = reals(n->dtype, 2 * block);
    t.powers = reals(n->dtype, 2);
    t.gradient = byte() & 1 ? take(8 * block) : NULL;
    t.symbols = bytes(all, mask);
    t.targets = bytes(all, mask == 255 ? 3 : 1);
    t.noise = byte() & 1 ? reals(n->dtype, batches * block) : NULL;
    t.sequences = sequences;
    t.steps = steps;
    t.batch_size = batch;
    t.count = byte() < 200 ? sequences : (size_t)pick(0, 60);
    t.losses = byte() & 1 ? take(8 * batches) : NULL;
    t.wrong_bits = byte() & 1 ? take(8 * batches) : NULL;
    const size_t size = binadd_training_workspace(n, steps);
    const binadd_status status =
        binadd_train(n, (binadd_loss)pick(-1, 2), &o, &t, take(size), size);
    wrote_reals(n->dtype, t.block, block);
    wrote_reals(n->dtype, t.moments, 2 * block);
    if (t.wrong_bits)
        wrote(t.wrong_bits, 8 * batches);
    return status;
}

static binadd_status learn_together(const binadd_network *n, size_t block)
{
    const size_t networks = (size_t)pick(0, 10), sequences = (size_t)pick(1, 4);
    const size_t steps = (size_t)pick(1, 4), all = networks * sequences * steps;
    const binadd_optimizer o = optimizer();
    const unsigned mask = symbol_mask(n);
    binadd_population p = {0};
    p.blocks = reals(n->dtype, networks * block);
    p.moments = reals(n->dtype, networks * 2 * block);
    p.powers = reals(n->dtype, networks * 2);
    p.learning_rates = reals(n->dtype, networks);
    p.symbols = bytes(all, mask);
    p.targets = bytes(all, 1);
    p.networks = networks;
    p.sequences = sequences;
    p.steps = steps;
    p.count = sequences;
    p.losses = take(8 * networks * sequences);
    p.wrong_bits = byte() & 1 ? take(8 * networks * sequences) : NULL;
    const size_t size = binadd_training_workspace(n, steps);
    const binadd_status status =
        binadd_train_population(n, (binadd_loss)pick(0, 1), &o, &p, take(size), size);
    wrote_reals(n->dtype, p.blocks, networks * block);
    wrote_reals(n->dtype, p.losses, networks * sequences);
    return status;
}

static binadd_status check(const binadd_network *n, size_t block)
{
    const int bits = pick(-1, n->operands > 0 && n->operands < 4 ? 9 / n->operands : 3);
    const void *weights = reals(n->dtype, block);
    int step = 0;
    uint64_t word = 0;
    const size_t size = binadd_first_error_workspace(n, bits);
    const binadd_status status =
        binadd_first_error(n, weights, bits, &step, &word, take(size), size);
    wrote(&step, sizeof step);
    if (step >= 0)
        wrote(&word, sizeof word);
    return status;
}

static binadd_status bound(const binadd_network *n, size_t block, int closing)
{
    const size_t contexts = (size_t)pick(1, 3), frames = (size_t)pick(0, 2);
    const size_t columns = binadd_block_columns(n), hidden = (size_t)abs(n->hidden_size);
    const size_t symbols = (size_t)1 << (n->operands > 0 ? n->operands % 9 : 0);
    const int carries = binadd_carries(n) > 0 ? binadd_carries(n) : 1;
    int32_t *first = take((contexts + 1) * sizeof *first);
    for (size_t q = 0; q < contexts; q++)
        first[q + 1] = first[q] + pick(0, 2);
    const size_t cells = (size_t)first[contexts];
    int32_t *owners = take(cells * sizeof *owners);
    for (size_t q = 0; q < contexts; q++)
        for (int32_t cell = first[q]; cell < first[q + 1]; cell++)
            owners[cell] = byte() == 255 ? 1 : (int32_t)q;
    double *halves = doubles(cells * columns), *middles = doubles(cells * columns);
    double *widths = doubles(contexts);
    for (size_t q = 0; q < contexts; q++)
        if (byte() < 128)
            widths[q] = INFINITY;
    binadd_reach r = {0};
    r.block = doubles(block);
    r.unit_error = doubles(columns);
    r.generator_error = doubles(columns);
    r.step_error = real();
    r.logit_error = real();
    r.slack = real();
    r.affine = pick(0, 1);
    r.steps = byte() < 250 ? pick(1, 4) : pick(-1, 99);
    r.budget = pick(0, 300);
    r.contexts = contexts;
    r.frame_count = frames;
    r.cells = cells;
    r.carries = indices(contexts, 0, carries - 1);
    r.successors = indices(contexts * symbols, 0, (int)contexts - 1);
    r.centres = doubles(contexts * columns);
    r.frames = frames ? doubles(frames * hidden * columns) : NULL;
    r.bases = frames ? doubles(frames * hidden * columns) : NULL;
    r.frame = indices(contexts, -1, (int)frames - 1);
    r.widths = widths;
    r.lowest = indices(contexts, 0, 0);
    r.first = first;
    r.owners = owners;
    r.middles = middles;
    r.halves = halves;
    r.count = closing ? cells + 1 : (size_t)pick(0, 4);
    r.origins = indices(r.count, -1, (int)cells - 1);
    r.outcomes = take(r.count * sizeof *r.outcomes);
    r.depths = take(r.count * sizeof *r.depths);
    r.work = take(r.count * sizeof *r.work);
    r.margins = take(r.count * sizeof *r.margins);
    r.least = doubles(cells * columns);
    r.most = doubles(cells * columns);
    if (!closing) {
        r.low = doubles(2 * (size_t)carries * columns);
        r.high = doubles(2 * (size_t)carries * columns);
    }
    const size_t size = binadd_reach_workspace(n, r.steps);
    void *workspace = take(size);
    binadd_status status = BINADD_OK;
    if (closing) {
        binadd_closing c = {0};
        c.reach = &r;
        c.middles = middles;
        c.halves = halves;
        c.low = doubles(cells * columns);
        c.high = doubles(cells * columns);
        c.states = bytes(r.count, 1);
        c.steps = indices(r.count, 1, 4);
        c.growth = real();
        c.most_steps = pick(0, 5);
        c.rounds = pick(0, 4);
        c.work = pick(0, 9999);
        c.most_cells = pick(0, 9);
        for (int call = 0; call < 50 && status == BINADD_OK && !c.done; call++)
            status = binadd_close(n, &c, pick(1, 20000), workspace, size);
        wrote(c.states, r.count);
        wrote_reals(BINADD_FLOAT64, c.low, cells * columns);
        wrote_reals(BINADD_FLOAT64, c.high, cells * columns);
        return status;
    }
    for (int call = 0; call < 50 && status == BINADD_OK && (!call || r.next < r.count); call++)
        status = binadd_propagate(n, &r, pick(1, 20000), workspace, size);
    wrote(r.outcomes, r.count * sizeof *r.outcomes);
    wrote_reals(BINADD_FLOAT64, r.margins, r.count);
    wrote_reals(BINADD_FLOAT64, r.least, cells * columns);
    return status;
}

static binadd_status turn(const binadd_network *n)
{
    const size_t sets = (size_t)pick(0, 2), samples = (size_t)pick(0, 5);
    const size_t hidden = (size_t)abs(n->hidden_size), columns = binadd_block_columns(n);
    double *axes = take(8 * sets * hidden * columns);
    const size_t size = binadd_axes_workspace(n);
    const double *states = doubles(sets * samples * hidden);
    const binadd_status status = binadd_principal_axes(
        n, states, sets, samples, doubles(sets * columns), axes, take(size), size);
    wrote_reals(BINADD_FLOAT64, axes, sets * hidden * columns);
    return status;
}

static binadd_status sample(const binadd_network *n, size_t block)
{
    const int carries = binadd_carries(n) > 0 ? binadd_carries(n) : 1;
    const unsigned mask = symbol_mask(n);
    binadd_sampling b = {0};
    b.sequences = (size_t)pick(0, 20);
    b.steps = (size_t)pick(0, 5);
    b.samples = (size_t)pick(0, 20);
    b.contexts = (size_t)pick(0, 5);
    b.length = (size_t)pick(0, 3);
    b.inflation = real();
    b.floor = real();
    b.pools = indices((size_t)carries * b.samples, -1, (int)b.sequences - 1);
    b.carries = indices(b.contexts, 0, carries - 1);
    b.symbols = bytes(b.sequences * b.steps, mask);
    b.words = b.length ? bytes(b.contexts * b.length, mask) : NULL;
    b.block = doubles(block);
    const size_t reals_of_boxes = b.contexts * binadd_block_columns(n);
    b.low = take(8 * reals_of_boxes);
    b.high = take(8 * reals_of_boxes);
    const size_t size = binadd_sampling_workspace(n, &b), all = b.sequences + b.contexts;
    void *workspace = take(size);
    binadd_status status = BINADD_OK;
    for (int call = 0; status == BINADD_OK && (!call || b.next < all); call++)
        status = binadd_sample_boxes(n, &b, pick(1, 20000), workspace, size);
    wrote_reals(BINADD_FLOAT64, b.low, reals_of_boxes);
    wrote_reals(BINADD_FLOAT64, b.high, reals_of_boxes);
    return status;
}

static binadd_status data(const binadd_network *n)
{
    const size_t sequences = (size_t)pick(0, 3), each = (size_t)pick(0, 3),
                 steps = (size_t)pick(0, 99);
    uint64_t *words = take(8 * sequences * each);
    for (size_t i = 0; i < 8 * sequences * each; i++)
        ((uint8_t *)words)[i] = (uint8_t)byte();
    uint8_t *symbols = take(sequences * steps), *sums = take(sequences * steps);
    const binadd_status status =
        binadd_unpack_words(words, sequences, each, n->operands, steps, symbols);
    wrote(symbols, sequences * steps);
    if (status != BINADD_OK)
        return status;
    const binadd_status summed = binadd_exact_sums(n, symbols, sequences, steps, sums);
    wrote(sums, sequences * steps);
    return summed;
}

static binadd_status activate(const binadd_network *n)
{
    const size_t count = (size_t)pick(0, 40);
    void *values = reals(n->dtype, count), *results = byte() & 1 ? values : take(8 * count);
    const binadd_status status =
        binadd_activation_values(n->dtype, n->activation, values, count, results);
    wrote_reals(n->dtype, results, count);
    return status;
}

static binadd_status call(void)
{
    const unsigned function = byte() % 10;
    const binadd_network n = network();
    const size_t block = binadd_block_rows(&n) * binadd_block_columns(&n);
    switch (function) {
    case 0:
        return run(&n, block);
    case 1:
        return learn(&n, block);
    case 2:
        return learn_together(&n, block);
    case 3:
        return check(&n, block);
    case 4:
        return bound(&n, block, 0);
    case 5:
        return bound(&n, block, 1);
    case 6:
        return turn(&n);
    case 7:
        return sample(&n, block);
    case 8:
        return data(&n);
    default:
        return activate(&n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes_given, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes_given, size_t size)
{
    uint64_t expected = 0;
    for (int i = 0; binadd_isa_name(i); i++) {
        if (binadd_use_isa(binadd_isa_name(i)) != BINADD_OK)
            continue;
        input = bytes_given;
        left = size;
        digest = UINT64_C(0xcbf29ce484222325);
        const binadd_status status = call();
        *(status == BINADD_OK ? &computed : &refused) += 1;
        wrote(&status, sizeof status);
        release();
        if (i == 0)
            expected = digest;
        else if (digest != expected) {
            printf("%s computes something else\n", binadd_isa());
            abort();
        }
    }
    return 0;
}

#ifndef FUZZER
int main(int count, char **arguments)
{
    const long inputs = count > 1 ? atol(arguments[1]) : 2000;
    uint64_t x = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    static uint8_t given[4096];
    for (long i = 0; i < inputs; i++) {
        for (size_t k = 0; k < sizeof given; k++) {
            x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            given[k] = (uint8_t)(x >> 56);
        }
        LLVMFuzzerTestOneInput(given, sizeof given);
    }
    printf("%ld inputs passed: %ld calls computed, %ld were refused\n", inputs, computed, refused);
    return 0;
}
#endif
