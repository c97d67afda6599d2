/* examples.h: one group of examples, an example in each lane, and the gradient of its loss. */
#ifndef BINADD_EXAMPLES_H
#define BINADD_EXAMPLES_H

#include "shape.h"

/* Sums of a tile of the gradient that the registers hold, with room for their factors. */
#if VECTOR_BYTES == 64
enum { TILE_ROWS = 4, TILE_COLUMNS = 4 };
#else
enum { TILE_ROWS = 2, TILE_COLUMNS = 4 };
#endif

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
    vec loss;       /* summed over the steps */
    ivec wrong;     /* −(how many output bits are wrong) */
} examples;

/* Sequence i of `count`, its first byte at bytes[i·apart], into lane i; sequence 0 into the rest. */
INLINE ivec gather(const uint8_t *bytes, size_t apart, int count)
{
    integer each[WIDTH];
    ivec lanes;
    for (int lane = 0; lane < WIDTH; lane++)
        each[lane] = bytes[lane < count ? lane * apart : 0];
    memcpy(&lanes, each, sizeof lanes);
    return lanes;
}

/* All ones in the lanes whose bit i is 1. */
INLINE ivec bit_mask(ivec symbols, int i)
{
    return -(symbols >> i & 1);
}

/* All ones in the first `count` lanes. */
INLINE ivec first_lanes(int count)
{
    integer each[WIDTH];
    ivec lanes;
    for (int lane = 0; lane < WIDTH; lane++)
        each[lane] = -(lane < count);
    memcpy(&lanes, each, sizeof lanes);
    return lanes;
}

/* Put `count` sequences, `apart` bytes apart, into the lanes. */
APART void load_examples(examples *e, const shape *s, const uint8_t *symbols,
                         const uint8_t *targets, size_t apart, int count)
{
    e->present = first_lanes(count);
    for (size_t t = 0; t < e->steps; t++) {
        ivec symbol = gather(symbols + t, apart, count);
        for (int i = 0; i < s->operands; i++)
            e->inputs[t * s->operands + i] = bit_mask(symbol, i);
        e->targets[t] = -gather(targets + t, apart, count);
    }
}

/* ∂L/∂o of one output, and (where it is asked for) its loss. */
INLINE vec loss_slope(vec logit, ivec target, binadd_loss loss, vec *value)
{
    vec probability = sigmoid(logit);
    vec difference = probability - pick(target, splat(1));
    if (loss == BINADD_CROSS_ENTROPY) {
        if (value)
            *value = softplus(blend(target, -logit, logit));
        return difference;
    }
    if (value)
        *value = difference * difference;
    return (2 * difference) * (probability * (1 - probability));
}

/* ∂L/∂o of every step; zero in lanes without an example. */
APART void load_slopes(examples *e, binadd_loss loss, int report)
{
    vec total = splat(0);
    ivec wrong = bits_of(total);
    for (size_t t = 0; t < e->steps; t++) {
        vec value = splat(0);
        vec difference = loss_slope(e->logits[t], e->targets[t], loss, report ? &value : 0);
        e->d_logits[t] = pick(e->present, difference);
        if (!report)
            continue;
        total = t ? total + value : value;
        wrong = wrong + ((less(splat(0), e->logits[t]) ^ e->targets[t]) & e->present);
    }
    e->loss = pick(e->present, total);
    e->wrong = wrong;
}

/* Rows k … k + rows − 1, columns j … j + columns − 1 of Σₜ δₜ hₜ₋₁ᵀ, in registers meanwhile: one
 * loop over all of the tile, unrolled, or compilers keep the sums in memory too. */
INLINE void hidden_tile(const examples *e, const shape *s, vec *gradient, int k, int j, int rows,
                        int columns)
{
    vec sums[TILE_ROWS * TILE_COLUMNS];
    const int size = s->hidden_size, count = rows * columns;
    const vec *h = e->hidden + (e->steps - 2) * size + k;
    const vec *delta = e->deltas + (e->steps - 1) * size + j;
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i] = h[i / columns] * delta[i % columns];
    for (size_t t = e->steps - 2; t > 0; t--) {
        h -= size;
        delta -= size;
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i] = sums[i] + h[i / columns] * delta[i % columns];
    }
    gradient += k * s->columns + j;
    UNROLL
    for (int i = 0; i < count; i++) {
        vec *g = gradient + i / columns * s->columns + i % columns;
        *g = *g + sums[i];
    }
}

APART void whole_tile(const examples *e, const shape *s, vec *gradient, int k, int j)
{
    hidden_tile(e, s, gradient, k, j, TILE_ROWS, TILE_COLUMNS);
}

APART void single_tile(const examples *e, const shape *s, vec *gradient, int k, int j)
{
    hidden_tile(e, s, gradient, k, j, 1, 1);
}

/* ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, tile by tile. */
INLINE void add_hidden_gradient(const examples *e, const shape *s)
{
    vec *gradient = e->gradients + s->operands * s->columns;
    const int size = s->hidden_size;
    if (e->steps < 2)
        return;
    const int tiled_rows = size - size % TILE_ROWS, tiled_columns = size - size % TILE_COLUMNS;
    for (int k = 0; k < tiled_rows; k += TILE_ROWS)
        for (int j = 0; j < tiled_columns; j += TILE_COLUMNS)
            whole_tile(e, s, gradient, k, j);
    for (int k = 0; k < size; k++)
        for (int j = k < tiled_rows ? tiled_columns : 0; j < size; j++)
            single_tile(e, s, gradient, k, j);
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, of unit j. */
INLINE void add_unit_gradient(const examples *e, const shape *s, int j)
{
    const int n = s->operands, size = s->hidden_size;
    vec inputs[BINADD_MAX_OPERANDS], bias = splat(0), output = splat(0);
    for (int i = 0; i < n; i++)
        inputs[i] = splat(0);
    for (size_t t = e->steps; t-- > 0;) {
        const vec delta = e->deltas[t * size + j];
        for (int i = 0; i < n; i++)
            inputs[i] = inputs[i] + pick(e->inputs[t * n + i], delta);
        bias = bias + delta;
        output = output + e->d_logits[t] * e->hidden[t * size + j];
    }
    vec *gradient = e->gradients + j;
    for (int i = 0; i < n; i++)
        gradient[i * s->columns] = gradient[i * s->columns] + inputs[i];
    gradient += (n + size) * s->columns;
    if (s->biases)
        gradient[0] = gradient[0] + bias;
    gradient[s->columns] = gradient[s->columns] + output;
}

/* The gradient of all but Wₕ; that of bₒ is Σ ∂L/∂oₜ. */
INLINE void add_other_gradients(const examples *e, const shape *s)
{
    for (int j = 0; j < s->hidden_size; j++)
        add_unit_gradient(e, s, j);
    if (!s->biases)
        return;
    vec *output_bias = e->gradients + (s->rows - 1) * s->columns, bias = splat(0);
    for (size_t t = e->steps; t-- > 0;)
        bias = bias + e->d_logits[t];
    *output_bias = *output_bias + bias;
}

APART void add_gradients(const examples *e, const shape *given)
{
    add_hidden_gradient(e, given);
    SHAPED(add_other_gradients(e, s));
}

#endif
