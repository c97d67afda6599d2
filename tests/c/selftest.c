/* selftest.c: holds the C core to the golden results, to the last bit, with no Python.
 *
 * It is how binadd is tested where Python does not run: under an emulator, in a sandbox, on a
 * target for which there is only a compiler. Every instruction set of the machine takes its turn.
 *
 *     python tests/c/golden_header.py golden.h
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc -I . tests/c/selftest.c csrc/… -o selftest
 */
#include <math.h>
#include <string.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { QUESTIONS = 5, NETWORKS = 3 };

typedef struct {
    const char *name;
    binadd_network network;
    binadd_optimizer optimizer;
    binadd_loss loss;
    size_t batch_size, updates, steps;
    uint64_t seed;
    double scale;                  /* of the initial weights */
    const uint64_t *weights;       /* (R, H), the last row's first only counts */
    const uint64_t *losses;        /* (updates,) */
    const uint64_t *probabilities; /* (QUESTIONS, steps) */
    const uint64_t *hidden;        /* (QUESTIONS, H) */
    int64_t wrong_bits;
    int checked_bits, error_step;
    uint64_t error_word;
} golden;

typedef struct {
    const char *name;
    binadd_network network;
    double step_error, logit_error, slack;
    int affine, steps;
    int64_t budget;
    size_t contexts, cells, frames, origin_count, samples;
    size_t sequences, word_steps, pool, boxes, length; /* N, T, M, C, D of boxes */
    const uint64_t *block, *unit_error, *generator_error;
    const uint64_t *carries, *successors, *centres, *axes_of_contexts, *bases, *frame, *widths,
        *lowest;
    const uint64_t *first, *owners, *middles, *halves, *origins;
    const uint64_t *states, *state_centres; /* (frames, samples, H) and (frames, S) */
    const uint64_t *sampled_symbols, *sampled_pools, *sampled_carries, *sampled_words;
    const uint64_t *axes; /* (frames, H, S), and so on: what is expected */
    const uint64_t *outcomes, *depths, *work, *margins, *least, *most, *low, *high;
    const uint64_t *closed_low, *closed_high, *closed_middles, *closed_halves, *closed_states;
    const uint64_t *closed_steps, *closed_outcomes, *closed_depths, *closed_margins;
    const uint64_t *closed_counts;          /* rounds, and their work */
    const uint64_t *boxes_low, *boxes_high; /* (boxes, S) */
} golden_reach;

/* As in golden_reach.py. */
#define CLOSING_GROWTH 0.25
#define BOXES_INFLATION 0.25
#define BOXES_FLOOR 0.0625
enum { CLOSING_ROUNDS = 4, CLOSING_WORK = 100000 };

#include "golden.h"

/* ---- Numbers as bits ------------------------------------------------------------------------ */

static size_t real_size(binadd_dtype dtype)
{
    return dtype == BINADD_FLOAT64 ? sizeof(double) : sizeof(float);
}

static uint64_t bits_at(binadd_dtype dtype, const void *reals, size_t i)
{
    uint64_t wide;
    uint32_t narrow;
    if (dtype == BINADD_FLOAT64) {
        memcpy(&wide, (const double *)reals + i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, (const float *)reals + i, sizeof narrow);
    return narrow;
}

static void set_bits(binadd_dtype dtype, void *reals, size_t i, uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    if (dtype == BINADD_FLOAT64)
        memcpy((double *)reals + i, &bits, sizeof bits);
    else
        memcpy((float *)reals + i, &narrow, sizeof narrow);
}

static void set_real(binadd_dtype dtype, void *reals, size_t i, double value)
{
    if (dtype == BINADD_FLOAT64)
        ((double *)reals)[i] = value;
    else
        ((float *)reals)[i] = (float)value;
}

/* ---- Verdicts ----------------------------------------------------------------------------- */

static void expect_reals(const golden *g, const char *what, const void *reals,
                         const uint64_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_in(g->name, bits_at(g->network.dtype, reals, i) == expected[i], what);
}

/* ---- The same starting point as golden.py's ----------------------------------------------- */

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void fill_block(const golden *g, void *block, uint64_t *state)
{
    size_t rows = binadd_block_rows(&g->network), columns = binadd_block_columns(&g->network);
    for (size_t row = 0; row < rows; row++) {
        size_t width = row == rows - 1 ? 1 : (size_t)g->network.hidden_size;
        int is_bias = row == rows - 3 || row == rows - 1;
        for (size_t i = 0; i < width; i++) {
            double value = (double)(split_mix(state) >> 40) * 0x1p-23 - 1;
            value *= g->scale;
            if (g->network.biases || !is_bias)
                set_real(g->network.dtype, block, row * columns + i, value);
        }
    }
}

static uint8_t *draw_symbols(const golden *g, size_t sequences, uint64_t *state)
{
    uint8_t *symbols = zeros(sequences * g->steps);
    for (size_t i = 0; i < sequences * g->steps; i++)
        symbols[i] = (uint8_t)(split_mix(state) >> (64 - g->network.operands));
    return symbols;
}

/* ---- The tests ---------------------------------------------------------------------------- */

typedef struct {
    size_t block_bytes, sequences;
    void *blocks, *moments, *powers, *losses, *learning_rates; /* of NETWORKS equal networks */
    int64_t *wrong_bits;
    uint8_t *symbols, *targets, *questions; /* symbols and targets once for each network */
} setting;

static setting set_up(const golden *g)
{
    binadd_dtype dtype = g->network.dtype;
    size_t size = binadd_block_rows(&g->network) * binadd_block_columns(&g->network);
    setting s = {.block_bytes = size * real_size(dtype), .sequences = g->updates * g->batch_size};
    size_t bytes = s.sequences * g->steps;
    uint64_t state = g->seed;
    s.blocks = zeros(NETWORKS * s.block_bytes);
    s.moments = zeros(NETWORKS * 2 * s.block_bytes);
    s.powers = zeros(NETWORKS * 2 * real_size(dtype));
    s.learning_rates = zeros(NETWORKS * real_size(dtype));
    s.losses = zeros(NETWORKS * g->updates * real_size(dtype));
    s.wrong_bits = zeros(NETWORKS * g->updates * sizeof *s.wrong_bits);
    s.symbols = zeros(NETWORKS * bytes);
    s.targets = zeros(NETWORKS * bytes);

    fill_block(g, s.blocks, &state);
    uint8_t *drawn = draw_symbols(g, s.sequences, &state);
    s.questions = draw_symbols(g, QUESTIONS, &state);
    for (int k = 0; k < NETWORKS; k++) {
        memcpy((char *)s.blocks + k * s.block_bytes, s.blocks, s.block_bytes);
        memcpy(s.symbols + k * bytes, drawn, bytes);
        must(binadd_exact_sums(&g->network, drawn, s.sequences, g->steps, s.targets + k * bytes));
        set_real(dtype, s.learning_rates, k, g->optimizer.learning_rate);
        set_real(dtype, s.powers, 2 * k, 1);
        set_real(dtype, s.powers, 2 * k + 1, 1);
    }
    free(drawn);
    return s;
}

static void tear_down(setting *s)
{
    void *all[] = {s->blocks,     s->moments, s->powers,  s->losses,   s->learning_rates,
                   s->wrong_bits, s->symbols, s->targets, s->questions};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
}

static void expect_trained(const golden *g, const setting *s, size_t k)
{
    size_t columns = binadd_block_columns(&g->network), hidden = (size_t)g->network.hidden_size;
    size_t bytes = real_size(g->network.dtype);
    const char *block = (const char *)s->blocks + k * s->block_bytes;
    for (size_t row = 0; row < binadd_block_rows(&g->network); row++)
        expect_reals(g, "a weight", block + row * columns * bytes, g->weights + row * hidden,
                     hidden);
    expect_reals(g, "a loss", (const char *)s->losses + k * g->updates * bytes, g->losses,
                 g->updates);
    int64_t wrong_bits = 0;
    for (size_t i = 0; i < g->updates; i++)
        wrong_bits += s->wrong_bits[k * g->updates + i];
    expect_in(g->name, wrong_bits == g->wrong_bits, "the number of wrong bits");
}

/* Trains in two slices, since a long training is cut into slices. */
static void test_training(const golden *g, const setting *s)
{
    size_t half = g->updates / 2 * g->batch_size;
    size_t bytes = binadd_training_workspace(&g->network, g->steps);
    void *workspace = zeros(bytes);
    const dataset data = {s->symbols, s->targets, s->sequences, g->steps};
    binadd_training training = train_on(data, g->batch_size, s->blocks, s->moments, s->powers);
    training.losses = s->losses;
    training.wrong_bits = s->wrong_bits;
    training.count = half;
    must(binadd_train(&g->network, g->loss, &g->optimizer, &training, workspace, bytes));
    training.first = half;
    training.count = s->sequences - half;
    must(binadd_train(&g->network, g->loss, &g->optimizer, &training, workspace, bytes));
    free(workspace);
    expect_trained(g, s, 0);
}

static void test_population(const golden *g, const setting *s)
{
    size_t bytes = binadd_training_workspace(&g->network, g->steps);
    void *workspace = zeros(bytes);
    const dataset data = {s->symbols, s->targets, s->sequences, g->steps};
    binadd_population population =
        train_all_on(data, NETWORKS, s->blocks, s->moments, s->powers, s->learning_rates);
    population.losses = s->losses;
    population.wrong_bits = s->wrong_bits;
    must(binadd_train_population(&g->network, g->loss, &g->optimizer, &population, workspace,
                                 bytes));
    free(workspace);
    for (size_t k = 0; k < NETWORKS; k++)
        expect_trained(g, s, k);
}

static void test_forward(const golden *g, const setting *s)
{
    size_t size = real_size(g->network.dtype), bytes = binadd_forward_workspace(&g->network);
    size_t hidden = (size_t)g->network.hidden_size;
    void *workspace = zeros(bytes);
    void *probabilities = zeros(QUESTIONS * g->steps * size);
    void *final_state = zeros(QUESTIONS * hidden * size);
    binadd_run run = run_on((dataset){s->questions, NULL, QUESTIONS, g->steps}, s->blocks);
    run.probabilities = probabilities;
    run.final_state = final_state;
    must(binadd_forward(&g->network, &run, workspace, bytes));
    expect_reals(g, "a probability", probabilities, g->probabilities, QUESTIONS * g->steps);
    expect_reals(g, "a hidden state", final_state, g->hidden, QUESTIONS * hidden);
    free(workspace);
    free(probabilities);
    free(final_state);
}

static void test_first_error(const golden *g, const setting *s)
{
    size_t bytes = binadd_first_error_workspace(&g->network, g->checked_bits);
    void *workspace = zeros(bytes);
    int step = 0;
    uint64_t word = 0;
    must(binadd_first_error(&g->network, s->blocks, g->checked_bits, &step, &word, workspace,
                            bytes));
    free(workspace);
    expect_in(g->name, step == g->error_step, "the step of the first error");
    expect_in(g->name, step < 0 || word == g->error_word, "the word of the first error");
}

static void test_activation(const char *name, binadd_dtype dtype, binadd_activation activation,
                            const uint64_t *points, const uint64_t *expected, size_t count)
{
    void *values = zeros(count * real_size(dtype));
    for (size_t i = 0; i < count; i++)
        set_bits(dtype, values, i, points[i]);
    must(binadd_activation_values(dtype, activation, values, count, values));
    for (size_t i = 0; i < count; i++)
        expect_in(name, bits_at(dtype, values, i) == expected[i], "a value");
    free(values);
}

/* ---- What becomes of sets ------------------------------------------------------------------- */

static double *reals_of(const uint64_t *bits, size_t count)
{
    double *reals = zeros(count * sizeof *reals);
    memcpy(reals, bits, count * sizeof *reals);
    return reals;
}

static int32_t *indices_of(const uint64_t *bits, size_t count)
{
    int32_t *indices = zeros(count * sizeof *indices);
    for (size_t i = 0; i < count; i++)
        indices[i] = (int32_t)(uint32_t)bits[i];
    return indices;
}

static uint8_t *bytes_of(const uint64_t *numbers, size_t count)
{
    uint8_t *bytes = zeros(count);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)numbers[i];
    return bytes;
}

static double *filled(double value, size_t count)
{
    double *reals = zeros(count * sizeof *reals);
    for (size_t i = 0; i < count; i++)
        reals[i] = value;
    return reals;
}

static void expect_doubles(const golden_reach *g, const char *what, const double *reals,
                           const uint64_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_in(g->name, bits_at(BINADD_FLOAT64, reals, i) == expected[i], what);
}

static void expect_reach(const golden_reach *g, const binadd_reach *r, size_t columns)
{
    const size_t totals = 2 * (size_t)g->network.operands * columns;
    for (size_t i = 0; i < r->count; i++) {
        expect_in(g->name, r->outcomes[i] == (int32_t)g->outcomes[i], "an outcome");
        expect_in(g->name, r->depths[i] == (int32_t)g->depths[i], "a depth");
        expect_in(g->name, r->work[i] == (int64_t)g->work[i], "work");
    }
    expect_doubles(g, "a margin", r->margins, g->margins, r->count);
    expect_doubles(g, "a least bound", r->least, g->least, r->cells * columns);
    expect_doubles(g, "a greatest bound", r->most, g->most, r->cells * columns);
    expect_doubles(g, "a low bound", r->low, g->low, totals);
    expect_doubles(g, "a high bound", r->high, g->high, totals);
}

/* What a case is about, and room for what comes of it. */
typedef struct {
    double *reals[14];
    int32_t *indices[9];
    binadd_reach reach;
    size_t bytes;
    void *workspace;
} bounding;

static bounding set_up_bounding(const golden_reach *g)
{
    const size_t columns = binadd_block_columns(&g->network), contexts = g->contexts;
    const size_t frame = (size_t)g->network.hidden_size * columns, count = g->origin_count;
    const size_t totals = 2 * (size_t)g->network.operands * columns;
    const size_t block = binadd_block_rows(&g->network) * columns;
    bounding b = {.reals =
                      {
                          reals_of(g->block, block),
                          reals_of(g->unit_error, columns),
                          reals_of(g->generator_error, columns),
                          reals_of(g->centres, contexts * columns),
                          reals_of(g->axes_of_contexts, g->frames * frame),
                          reals_of(g->widths, contexts),
                          reals_of(g->middles, g->cells * columns),
                          reals_of(g->halves, g->cells * columns),
                          zeros(count * sizeof(double)),
                          filled(INFINITY, g->cells * columns),
                          filled(-INFINITY, g->cells * columns),
                          filled(INFINITY, totals),
                          filled(-INFINITY, totals),
                          reals_of(g->bases, g->frames * frame),
                      },
                  .indices = {
                      indices_of(g->carries, contexts),
                      indices_of(g->successors, contexts << g->network.operands),
                      indices_of(g->frame, contexts),
                      indices_of(g->lowest, contexts),
                      indices_of(g->first, contexts + 1),
                      indices_of(g->owners, g->cells),
                      indices_of(g->origins, count),
                      zeros(count * sizeof(int32_t)),
                      zeros(count * sizeof(int32_t)),
                  }};
    double **reals = b.reals;
    int32_t **indices = b.indices;
    b.reach = (binadd_reach){
        .block = reals[0],
        .unit_error = reals[1],
        .generator_error = reals[2],
        .step_error = g->step_error,
        .logit_error = g->logit_error,
        .slack = g->slack,
        .affine = g->affine,
        .steps = g->steps,
        .budget = g->budget,
        .contexts = contexts,
        .frame_count = g->frames,
        .cells = g->cells,
        .carries = indices[0],
        .successors = indices[1],
        .centres = reals[3],
        .frames = reals[4],
        .bases = reals[13],
        .frame = indices[2],
        .widths = reals[5],
        .lowest = indices[3],
        .first = indices[4],
        .owners = indices[5],
        .middles = reals[6],
        .halves = reals[7],
        .count = count,
        .origins = indices[6],
        .outcomes = indices[7],
        .depths = indices[8],
        .work = zeros(count * sizeof(int64_t)),
        .margins = reals[8],
        .least = reals[9],
        .most = reals[10],
        .low = reals[11],
        .high = reals[12],
    };
    b.bytes = binadd_reach_workspace(&g->network, g->steps);
    b.workspace = zeros(b.bytes);
    return b;
}

static void tear_down_bounding(bounding *b)
{
    for (size_t i = 0; i < COUNT(b->reals); i++)
        free(b->reals[i]);
    for (size_t i = 0; i < COUNT(b->indices); i++)
        free(b->indices[i]);
    free(b->reach.work);
    free(b->workspace);
}

/* In calls of so many multiplications. */
static void test_propagate(const golden_reach *g, int64_t work)
{
    bounding b = set_up_bounding(g);
    while (b.reach.next < b.reach.count)
        must(binadd_propagate(&g->network, &b.reach, work, b.workspace, b.bytes));
    expect_reach(g, &b.reach, binadd_block_columns(&g->network));
    tear_down_bounding(&b);
}

/* The cells as bounds, low and high. */
static void set_up_cells(const binadd_reach *r, double *bounds[2], size_t reals)
{
    for (size_t i = 0; i < reals; i++) {
        bounds[0][i] = r->middles[i] - r->halves[i];
        bounds[1][i] = r->middles[i] + r->halves[i];
    }
}

static void test_close(const golden_reach *g, int64_t work)
{
    bounding b = set_up_bounding(g);
    binadd_reach *r = &b.reach;
    const size_t reals = g->cells * binadd_block_columns(&g->network), count = g->cells + 1;
    double *bounds[2];
    uint8_t *states = zeros(count);
    int32_t *steps = zeros(count * sizeof *steps);
    for (size_t i = 0; i < 2; i++)
        bounds[i] = zeros(reals * sizeof **bounds);
    set_up_cells(r, bounds, reals);
    for (size_t p = 0; p < count; p++) {
        states[p] = BINADD_OPEN;
        steps[p] = g->steps - 1;
    }
    r->count = count;
    r->low = r->high = NULL;
    binadd_closing c = {
        .reach = r,
        .middles = b.reals[6],
        .halves = b.reals[7],
        .low = bounds[0],
        .high = bounds[1],
        .states = states,
        .steps = steps,
        .growth = CLOSING_GROWTH,
        .most_steps = g->steps,
        .rounds = CLOSING_ROUNDS,
        .work = CLOSING_WORK,
        .most_cells = (int32_t)count,
    };
    while (!c.done)
        must(binadd_close(&g->network, &c, work, b.workspace, b.bytes));
    expect_doubles(g, "a cell's low bound", c.low, g->closed_low, reals);
    expect_doubles(g, "a cell's high bound", c.high, g->closed_high, reals);
    expect_doubles(g, "a cell's middle", c.middles, g->closed_middles, reals);
    expect_doubles(g, "a cell's half", c.halves, g->closed_halves, reals);
    expect_doubles(g, "a margin of rounds", r->margins, g->closed_margins, count);
    for (size_t p = 0; p < count; p++) {
        expect_in(g->name, states[p] == g->closed_states[p], "a state");
        expect_in(g->name, steps[p] == (int32_t)g->closed_steps[p], "the steps of an origin");
        expect_in(g->name, r->outcomes[p] == (int32_t)g->closed_outcomes[p],
                  "an outcome of rounds");
        expect_in(g->name, r->depths[p] == (int32_t)g->closed_depths[p], "a depth of rounds");
    }
    expect_in(g->name, c.round == (int)g->closed_counts[0], "the count of rounds");
    expect_in(g->name, c.spent == (int64_t)g->closed_counts[1], "the work of rounds");
    for (size_t i = 0; i < 2; i++)
        free(bounds[i]);
    free(states);
    free(steps);
    tear_down_bounding(&b);
}

static void test_axes(const golden_reach *g)
{
    const size_t columns = binadd_block_columns(&g->network);
    const size_t size = (size_t)g->network.hidden_size, bytes = binadd_axes_workspace(&g->network);
    double *states = reals_of(g->states, g->frames * g->samples * size);
    double *centres = reals_of(g->state_centres, g->frames * columns);
    double *axes = zeros(g->frames * size * columns * sizeof *axes);
    void *workspace = zeros(bytes);
    must(binadd_principal_axes(&g->network, states, g->frames, g->samples, centres, axes, workspace,
                               bytes));
    expect_doubles(g, "an axis", axes, g->axes, g->frames * size * columns);
    free(states);
    free(centres);
    free(axes);
    free(workspace);
}

static void test_boxes(const golden_reach *g, int64_t work)
{
    const size_t columns = binadd_block_columns(&g->network), reals = g->boxes * columns;
    const size_t carries = (size_t)binadd_carries(&g->network);
    double *block = reals_of(g->block, binadd_block_rows(&g->network) * columns);
    uint8_t *symbols = bytes_of(g->sampled_symbols, g->sequences * g->word_steps);
    int32_t *pools = indices_of(g->sampled_pools, carries * g->pool);
    int32_t *first_carries = indices_of(g->sampled_carries, g->boxes);
    uint8_t *words = bytes_of(g->sampled_words, g->boxes * g->length);
    double *low = filled(NAN, reals), *high = filled(NAN, reals);
    binadd_sampling b = {
        .block = block,
        .symbols = symbols,
        .pools = pools,
        .carries = first_carries,
        .words = words,
        .sequences = g->sequences,
        .steps = g->word_steps,
        .samples = g->pool,
        .contexts = g->boxes,
        .length = g->length,
        .inflation = BOXES_INFLATION,
        .floor = BOXES_FLOOR,
        .low = low,
        .high = high,
    };
    const size_t bytes = binadd_sampling_workspace(&g->network, &b);
    void *workspace = zeros(bytes);
    while (b.next < b.sequences + b.contexts)
        must(binadd_sample_boxes(&g->network, &b, work, workspace, bytes));
    expect_doubles(g, "a box's low bound", low, g->boxes_low, reals);
    expect_doubles(g, "a box's high bound", high, g->boxes_high, reals);
    void *all[] = {block, symbols, pools, first_carries, words, low, high, workspace};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
}

static void test_everything(void)
{
    test_activation("sigmoid", BINADD_FLOAT64, BINADD_SIGMOID, points_float64, sigmoid_float64,
                    COUNT(points_float64));
    test_activation("tanh", BINADD_FLOAT64, BINADD_TANH, points_float64, tanh_float64,
                    COUNT(points_float64));
    test_activation("sigmoid", BINADD_FLOAT32, BINADD_SIGMOID, points_float32, sigmoid_float32,
                    COUNT(points_float32));
    test_activation("tanh", BINADD_FLOAT32, BINADD_TANH, points_float32, tanh_float32,
                    COUNT(points_float32));
    for (size_t i = 0; i < COUNT(GOLDEN); i++) {
        const golden *g = &GOLDEN[i];
        setting s = set_up(g);
        test_training(g, &s);
        test_forward(g, &s);
        test_first_error(g, &s);
        tear_down(&s);
        if (g->batch_size == 1) {
            s = set_up(g);
            test_population(g, &s);
            tear_down(&s);
        }
    }
    for (size_t i = 0; i < COUNT(GOLDEN_REACH); i++) {
        test_propagate(&GOLDEN_REACH[i], 1);
        test_propagate(&GOLDEN_REACH[i], INT64_MAX);
        test_close(&GOLDEN_REACH[i], 1);
        test_close(&GOLDEN_REACH[i], INT64_MAX);
        test_axes(&GOLDEN_REACH[i]);
        test_boxes(&GOLDEN_REACH[i], 1);
        test_boxes(&GOLDEN_REACH[i], INT64_MAX);
    }
}

int main(void)
{
    for (int i = 0; binadd_isa_name(i); i++) {
        const char *isa = binadd_isa_name(i);
        if (binadd_isa_supported(isa) != 1) {
            printf("%s: not on this machine\n", isa);
            continue;
        }
        must(binadd_use_isa(isa));
        const int before = passed + failed, wrong = failed;
        test_everything();
        printf("%s: %d numbers compared, %d differ\n", isa, passed + failed - before,
               failed - wrong);
    }
    return report();
}
