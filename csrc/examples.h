/* examples.h: a group of examples, one in each lane: run, their loss, and its gradient.
 *
 * An example is a sequence that shares its network with the other lanes, or one of a population's
 * networks with a sequence of its own.
 */
#ifndef BINADD_EXAMPLES_H
#define BINADD_EXAMPLES_H

#include "arena.h"
#include "loss.h"
#include "network.h"
#include "spread.h"

typedef struct {
    size_t steps;   /* T */
    ivec *inputs;   /* (T, n)  all ones where the operand's bit is 1 */
    ivec *targets;  /* (T)     all ones where the sum's bit is 1 */
    ivec present;   /* all ones in the lanes that hold an example */
    vec *hidden;    /* (T, H)  hₜ */
    vec *logits;    /* (T)     oₜ */
    vec *d_logits;  /* (T)     ∂L/∂oₜ */
    vec *deltas;    /* (T, H)  δₜ = ∂L/∂aₜ */
    vec *gradients; /* (R, S)  summed over the steps, lane by lane */
    int fresh;      /* whether a new gradient takes the place of the old one, or is added to it */
    vec loss;       /* summed over the steps */
    ivec wrong;     /* −(how many output bits are wrong) */
} examples;

INLINE examples take_examples(arena *a, const shape *s, size_t steps)
{
    const size_t states = steps * s->hidden_size * sizeof(vec);
    examples e;
    e.steps = steps;
    e.inputs = take(a, steps * s->operands * sizeof(ivec));
    e.targets = take(a, steps * sizeof(ivec));
    e.hidden = take(a, states);
    e.deltas = take(a, states);
    e.logits = take(a, steps * sizeof(vec));
    e.d_logits = take(a, steps * sizeof(vec));
    e.gradients = 0;
    return e;
}

/* Put `count` sequences, `apart` bytes apart, into the lanes. */
NOINLINE void load_examples(examples *e, const shape *s, const uint8_t *symbols,
                            const uint8_t *targets, size_t apart, int count)
{
    const int n = s->operands;
    size_t starts[WIDTH];
    find_starts(starts, apart, count);
    e->present = first_lanes(count);
    for (size_t t = 0; t < e->steps; t++) {
        spread(symbols + t, starts, e->inputs + t * n);
        spread(targets + t, starts, e->targets + t);
    }
    for (size_t t = 0; t < e->steps; t++) {
        const ivec symbol = e->inputs[t * n];
        for (int i = 0; i < n; i++)
            e->inputs[t * n + i] = bit_mask(symbol, i);
        e->targets[t] = -e->targets[t];
    }
}

/* ---- Running them ------------------------------------------------------------------------------- */

INLINE void run_examples_shaped(const shape *s, lane_kind lanes, const weights *w,
                                const examples *e)
{
    const vec *before = 0;
    for (size_t t = 0; t < e->steps; t++) {
        vec *h = e->hidden + t * s->hidden_size;
        step(s, lanes, w, e->inputs + t * s->operands, before, h);
        e->logits[t] = lanes_logit(s, lanes, w, h);
        before = h;
    }
}

INLINE void run_examples_back_shaped(const shape *s, lane_kind lanes, const weights *w,
                                     const examples *e)
{
    const vec *after = 0;
    for (size_t t = e->steps; t-- > 0;) {
        vec *delta = e->deltas + t * s->hidden_size;
        step_back(s, lanes, w, e->hidden + t * s->hidden_size, e->d_logits[t], after, delta);
        after = delta;
    }
}

NOINLINE void run_examples(const shape *s, lane_kind lanes, const weights *w, const examples *e)
{
    if (lanes == SEQUENCES)
        SHAPED(run_examples_shaped, s, SEQUENCES, w, e);
    else
        SHAPED(run_examples_shaped, s, NETWORKS, w, e);
}

NOINLINE void run_examples_back(const shape *s, lane_kind lanes, const weights *w,
                                const examples *e)
{
    if (lanes == SEQUENCES)
        SHAPED(run_examples_back_shaped, s, SEQUENCES, w, e);
    else
        SHAPED(run_examples_back_shaped, s, NETWORKS, w, e);
}

/* ∂L/∂o of every step; zero in lanes without an example. */
NOINLINE void load_slopes(examples *e, binadd_loss loss, int report)
{
    vec total = splat(0);
    ivec wrong = bits_of(total);
    for (size_t t = 0; t < e->steps; t++) {
        vec value = splat(0);
        vec difference = loss_slope(e->logits[t], e->targets[t], loss, report ? &value : 0);
        e->d_logits[t] = select_or_zero(e->present, difference);
        if (!report)
            continue;
        total = t ? total + value : value;
        wrong = wrong + ((less(splat(0), e->logits[t]) ^ e->targets[t]) & e->present);
    }
    e->loss = select_or_zero(e->present, total);
    e->wrong = wrong;
}

/* ---- Their gradient ----------------------------------------------------------------------------- */

/* Sums of a tile of the gradient that the registers hold, with room for their factors. */
#if VECTOR_BYTES == 64
enum { TILE_ROWS = 4, TILE_COLUMNS = 4 };
#else
enum { TILE_ROWS = 2, TILE_COLUMNS = 4 };
#endif

/* Units whose other gradients are summed side by side, since they share inputs and ∂L/∂o. */
enum { TILE_UNITS = MANY_REGISTERS ? 4 : 2 };

/* Return the gradient so far, to which a sum is added: +0 at first, which leaves no −0 behind. */
INLINE vec sum_so_far(const examples *e, vec gradient)
{
    return e->fresh ? splat(0) : gradient;
}

/* Add one step's products, δhᵀ, to a tile's sums. Sixteen registers have room for the factors,
 * too; with 32 of the widest vectors, loads keep up with multiplications. */
INLINE void add_products(const vec *h, const vec *delta, int rows, int columns, vec *sums)
{
    vec kept[TILE_COLUMNS];
    UNROLL
    for (int column = 0; column < columns; column++) {
        kept[column] = delta[column];
        if (!MANY_REGISTERS)
            PIN(kept[column]);
    }
    UNROLL
    for (int row = 0; row < rows; row++) {
        vec x = h[row];
        if (!MANY_REGISTERS)
            PIN(x);
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row * columns + column] = sums[row * columns + column] + x * kept[column];
    }
}

/* Rows k … k + rows − 1, columns j … j + columns − 1 of Σₜ δₜ hₜ₋₁ᵀ, kept in registers: all of
 * the tile unrolled, or compilers keep the sums in memory too. */
INLINE void hidden_tile(const examples *e, const shape *s, int k, int j, int rows, int columns)
{
    vec sums[TILE_ROWS * TILE_COLUMNS];
    vec *gradient = e->gradients + (s->operands + k) * s->columns + j;
    const int size = s->hidden_size, count = rows * columns;
    const vec *h = e->hidden + (e->steps - 2) * size + k;
    const vec *delta = e->deltas + (e->steps - 1) * size + j;
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i] = h[i / columns] * delta[i % columns];
    for (size_t t = e->steps - 2; t > 0; t--) {
        h -= size;
        delta -= size;
        add_products(h, delta, rows, columns, sums);
    }
    UNROLL
    for (int i = 0; i < count; i++) {
        vec *g = gradient + i / columns * s->columns + i % columns;
        *g = sum_so_far(e, *g) + sums[i];
    }
}

/* ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, tile by tile. */
INLINE void add_hidden_gradient_shaped(const shape *s, const examples *e)
{
    const int size = s->hidden_size;
    const int tiled_rows = size - size % TILE_ROWS, tiled_columns = size - size % TILE_COLUMNS;
    for (int k = 0; k < tiled_rows; k += TILE_ROWS)
        for (int j = 0; j < tiled_columns; j += TILE_COLUMNS)
            hidden_tile(e, s, k, j, TILE_ROWS, TILE_COLUMNS);
    for (int k = 0; k < size; k++)
        for (int j = k < tiled_rows ? tiled_columns : 0; j < size; j++)
            hidden_tile(e, s, k, j, 1, 1);
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, of one unit. */
typedef struct {
    vec inputs[BINADD_MAX_OPERANDS], bias, output;
} unit_gradient;

INLINE void clear_unit(unit_gradient *g, const shape *s)
{
    for (int i = 0; i < s->operands; i++)
        g->inputs[i] = splat(0);
    g->bias = g->output = splat(0);
}

INLINE void add_unit_step(unit_gradient *g, const examples *e, const shape *s, size_t t, int j)
{
    const vec delta = e->deltas[t * s->hidden_size + j];
    for (int i = 0; i < s->operands; i++)
        g->inputs[i] = g->inputs[i] + select_or_zero(e->inputs[t * s->operands + i], delta);
    g->bias = g->bias + delta;
    g->output = g->output + e->d_logits[t] * e->hidden[t * s->hidden_size + j];
}

INLINE void add_unit(const unit_gradient *g, const examples *e, const shape *s, int j)
{
    vec *gradient = e->gradients + j;
    for (int i = 0; i < s->operands; i++)
        gradient[i * s->columns] = sum_so_far(e, gradient[i * s->columns]) + g->inputs[i];
    gradient += (s->operands + s->hidden_size) * s->columns;
    if (s->biases)
        gradient[0] = sum_so_far(e, gradient[0]) + g->bias;
    gradient[s->columns] = sum_so_far(e, gradient[s->columns]) + g->output;
}

/* Units j … j + count − 1, which share the inputs and ∂L/∂o. */
INLINE void add_units(const examples *e, const shape *s, int j, int count)
{
    unit_gradient g[TILE_UNITS];
    for (int u = 0; u < count; u++)
        clear_unit(g + u, s);
    UNROLL_TWO
    for (size_t t = e->steps; t-- > 0;)
        for (int u = 0; u < count; u++)
            add_unit_step(g + u, e, s, t, j + u);
    for (int u = 0; u < count; u++)
        add_unit(g + u, e, s, j + u);
}

/* The gradient of all but Wₕ; that of bₒ is Σ ∂L/∂oₜ. */
INLINE void add_other_gradients_shaped(const shape *s, const examples *e)
{
    const int size = s->hidden_size, together = IS_CONSTANT(size) ? size - size % TILE_UNITS : 0;
    for (int j = 0; j < together; j += TILE_UNITS)
        add_units(e, s, j, TILE_UNITS);
    for (int j = together; j < size; j++)
        add_units(e, s, j, 1);
    if (!s->biases)
        return;
    vec *output_bias = e->gradients + (s->rows - 1) * s->columns, bias = splat(0);
    for (size_t t = e->steps; t-- > 0;)
        bias = bias + e->d_logits[t];
    *output_bias = sum_so_far(e, *output_bias) + bias;
}

NOINLINE void add_hidden_gradient(const shape *s, const examples *e)
{
    SHAPED(add_hidden_gradient_shaped, s, e);
}

NOINLINE void add_other_gradients(const shape *s, const examples *e)
{
    SHAPED(add_other_gradients_shaped, s, e);
}

INLINE void add_gradients(const shape *s, const examples *e)
{
    if (e->steps > 1)
        add_hidden_gradient(s, e);
    add_other_gradients(s, e);
}

#endif
