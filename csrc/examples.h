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
INLINE void load_examples(examples *e, const shape *s, const uint8_t *symbols,
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
INLINE void load_slopes(examples *e, binadd_loss loss, int report)
{
    vec total = splat(0);
    ivec wrong = bits_of(total);
    for (size_t t = 0; t < e->steps; t++) {
        vec value, difference;
        difference = loss_slope(e->logits[t], e->targets[t], loss, report ? &value : 0);
        e->d_logits[t] = pick(e->present, difference);
        if (!report)
            continue;
        total = t ? total + value : value;
        wrong = wrong + ((less(splat(0), e->logits[t]) ^ e->targets[t]) & e->present);
    }
    e->loss = pick(e->present, total);
    e->wrong = wrong;
}

/* Rows k … k + rows − 1, columns j … j + columns − 1 of Σₜ δₜ hₜ₋₁ᵀ, in registers meanwhile. */
INLINE void hidden_tile(const examples *e, const shape *s, vec *gradient, int k, int j, int rows,
                        int columns)
{
    vec sums[TILE_ROWS][TILE_COLUMNS];
    const int size = s->hidden_size;
    const vec *h = e->hidden + (e->steps - 2) * size + k;
    const vec *delta = e->deltas + (e->steps - 1) * size + j;
    UNROLL
    for (int row = 0; row < rows; row++)
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row][column] = h[row] * delta[column];
    for (size_t t = e->steps - 1; t-- > 1;) {
        h -= size;
        delta -= size;
        UNROLL
        for (int row = 0; row < rows; row++)
            UNROLL
            for (int column = 0; column < columns; column++)
                sums[row][column] = sums[row][column] + h[row] * delta[column];
    }
    UNROLL
    for (int row = 0; row < rows; row++)
        UNROLL
        for (int column = 0; column < columns; column++) {
            vec *g = gradient + (k + row) * s->columns + j + column;
            *g = *g + sums[row][column];
        }
}

/* ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, tile by tile. */
INLINE void add_hidden_gradient(const examples *e, const shape *s)
{
    vec *gradient = e->gradients + s->operands * s->columns;
    const int size = s->hidden_size;
    if (e->steps < 2)
        return;
    int k = 0;
    for (; k + TILE_ROWS <= size; k += TILE_ROWS) {
        int j = 0;
        for (; j + TILE_COLUMNS <= size; j += TILE_COLUMNS)
            hidden_tile(e, s, gradient, k, j, TILE_ROWS, TILE_COLUMNS);
        for (; j < size; j++)
            hidden_tile(e, s, gradient, k, j, TILE_ROWS, 1);
    }
    for (; k < size; k++)
        for (int j = 0; j < size; j++)
            hidden_tile(e, s, gradient, k, j, 1, 1);
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, ∂L/∂bₒ = Σ ∂L/∂oₜ. */
INLINE void add_other_gradients(const examples *e, const shape *s)
{
    const int n = s->operands, size = s->hidden_size;
    const size_t last = e->steps - 1;
    vec *hidden_bias = e->gradients + (n + size) * s->columns;
    vec *output = hidden_bias + s->columns, *output_bias = output + s->columns;
    for (int j = 0; j < size; j++) {
        for (int i = 0; i < n; i++) {
            vec sum = pick(e->inputs[last * n + i], e->deltas[last * size + j]);
            for (size_t t = last; t-- > 0;)
                sum = sum + pick(e->inputs[t * n + i], e->deltas[t * size + j]);
            e->gradients[i * s->columns + j] = e->gradients[i * s->columns + j] + sum;
        }
        vec bias = e->deltas[last * size + j];
        vec out = e->d_logits[last] * e->hidden[last * size + j];
        for (size_t t = last; t-- > 0;) {
            bias = bias + e->deltas[t * size + j];
            out = out + e->d_logits[t] * e->hidden[t * size + j];
        }
        output[j] = output[j] + out;
        if (s->biases)
            hidden_bias[j] = hidden_bias[j] + bias;
    }
    if (!s->biases)
        return;
    vec bias = e->d_logits[last];
    for (size_t t = last; t-- > 0;)
        bias = bias + e->d_logits[t];
    *output_bias = *output_bias + bias;
}

INLINE void add_gradients(const examples *e, const shape *s)
{
    add_hidden_gradient(e, s);
    add_other_gradients(e, s);
}

#endif
