/* unit_lanes.h: the network with a hidden unit in each lane: one sequence at a time.
 *
 * A row of S reals is `width` vectors. Forward needs Wₕ by columns (all units' weights from unit
 * k, as the block has them), backward needs it by rows, so its transpose is kept at hand.
 */
#ifndef BINADD_UNIT_LANES_H
#define BINADD_UNIT_LANES_H

#include "shape.h"

typedef struct {
    const vec *inputs;      /* (n, S) */
    const vec *hidden;      /* (H, S)  row k: from unit k */
    const vec *transposed;  /* (H, S)  row j: to unit j */
    const vec *hidden_bias; /* (S) */
    const vec *output;      /* (S) */
    const real *output_bias;
} unit_weights;

INLINE int vectors_of(const shape *s)
{
    return s->columns / WIDTH;
}

INLINE unit_weights unit_rows(const vec *block, const vec *transposed, const shape *s)
{
    const int width = vectors_of(s);
    const vec *after = block + (s->operands + s->hidden_size) * width;
    return (unit_weights){block, block + s->operands * width, transposed, after, after + width,
                          (const real *)(after + 2 * width)};
}

/* One vector of Σₖ wₖ·hₖ, k over the hidden units in the written order; rows `width` apart. */
INLINE vec unit_term(const vec *w, int width, const real *h, int size, int i)
{
    if (i >= size)
        return splat(0);
    vec sum = w[i * width] * h[i];
    for (int k = i + LANES; k < size; k += LANES)
        sum = sum + w[k * width] * h[k];
    return sum;
}

INLINE vec unit_sum(const vec *w, int width, const real *h, int size)
{
#define TERM(i) unit_term(w, width, h, size, i)
    return HALVE(TERM);
#undef TERM
}

/* Whole rows of Σₖ wₖ·hₖ, added to `sums` on the right: sums ← Σ + sums. */
INLINE void add_unit_sums(const vec *w, const real *h, const shape *s, vec *sums)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++)
        sums[v] = unit_sum(w + v, width, h, s->hidden_size) + sums[v];
}

/* bₕ + Wᵢx. */
INLINE void unit_inputs(const unit_weights *w, const shape *s, uint8_t symbol, vec *sums)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++)
        sums[v] = w->hidden_bias[v];
    for (int i = 0; i < s->operands; i++) {
        ivec bit = bits_of(splat(0)) - (integer)(symbol >> i & 1);
        for (int v = 0; v < width; v++)
            sums[v] = sums[v] + pick(bit, w->inputs[i * width + v]);
    }
}

/* hₜ = f(Wₕhₜ₋₁ + (bₕ + Wᵢxₜ)); with `before` NULL, hₜ₋₁ = 0 adds nothing. */
INLINE void unit_step(const unit_weights *w, const shape *s, uint8_t symbol, const vec *before,
                      vec *h)
{
    const int width = vectors_of(s);
    unit_inputs(w, s, symbol, h);
    if (before)
        add_unit_sums(w->hidden, (const real *)before, s, h);
    for (int v = 0; v < width; v++)
        h[v] = activate(h[v], s->activation);
}

/* δₜ = (Wₕᵀδₜ₊₁ + Wₒᵀ∂L/∂oₜ) ⊙ f′(aₜ); with `after` NULL, there is no step t + 1. */
INLINE void unit_step_back(const unit_weights *w, const shape *s, const vec *h, real d_logit,
                           const vec *after, vec *delta)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++)
        delta[v] = w->output[v] * d_logit;
    if (after)
        add_unit_sums(w->transposed, (const real *)after, s, delta);
    for (int v = 0; v < width; v++)
        delta[v] = delta[v] * slope(h[v], s->activation);
}

/* oₜ = Wₒhₜ + bₒ: the products of a row, strided onto one group of LANES, then halved. */
INLINE real unit_logit(const unit_weights *w, const shape *s, const vec *h)
{
    vec sums[GROUP];
    for (int g = 0; g < GROUP; g++)
        sums[g] = w->output[g] * h[g];
    for (int v = GROUP; v < vectors_of(s); v++)
        sums[v % GROUP] = sums[v % GROUP] + w->output[v] * h[v];
    return halve_lanes(sums) + *w->output_bias;
}

/* Swap rows and columns of the hidden weights (H, S); what lies beyond H stays zero. */
INLINE void transpose(const vec *hidden, vec *transposed, const shape *s)
{
    const real *from = (const real *)hidden;
    real *to = (real *)transposed;
    for (int k = 0; k < s->hidden_size; k++)
        for (int j = 0; j < s->hidden_size; j++)
            to[j * s->columns + k] = from[k * s->columns + j];
}

typedef struct {
    size_t steps;
    const uint8_t *symbols; /* (T) */
    const uint8_t *targets; /* (T) */
    vec *hidden;            /* (T, S)  hₜ */
    vec *deltas;            /* (T, S)  δₜ */
    vec *logits;            /* (T)     oₜ, padded to whole vectors */
    vec *d_logits;          /* (T)     ∂L/∂oₜ */
    ivec *sums;             /* (T)     all ones where the sum's bit is 1 */
    vec *gradient;          /* (R, S) */
} unit_sequence;

INLINE void unit_run(const unit_weights *w, const shape *s, const unit_sequence *q)
{
    const int width = vectors_of(s);
    for (size_t t = 0; t < q->steps; t++) {
        vec *h = q->hidden + t * width;
        unit_step(w, s, q->symbols[t], t ? h - width : 0, h);
    }
    for (size_t t = 0; t < q->steps; t++)
        ((real *)q->logits)[t] = unit_logit(w, s, q->hidden + t * width);
}

INLINE void unit_run_back(const unit_weights *w, const shape *s, const unit_sequence *q)
{
    const int width = vectors_of(s);
    for (size_t t = q->steps; t-- > 0;) {
        vec *delta = q->deltas + t * width;
        unit_step_back(w, s, q->hidden + t * width, ((const real *)q->d_logits)[t],
                       t + 1 < q->steps ? delta + width : 0, delta);
    }
}

/* Rows k … k + rows − 1 of Σₜ δₜ hₜ₋₁ᵀ, `columns` vectors from v on, in registers meanwhile. */
INLINE void unit_tile(const unit_sequence *q, const shape *s, vec *gradient, int k, int v, int rows,
                      int columns)
{
    enum { ROWS = 8, COLUMNS = 2 };
    vec sums[ROWS][COLUMNS];
    const int width = vectors_of(s);
    const real *h = (const real *)(q->hidden + (q->steps - 2) * width) + k;
    const vec *delta = q->deltas + (q->steps - 1) * width + v;
    UNROLL
    for (int row = 0; row < rows; row++)
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row][column] = h[row] * delta[column];
    for (size_t t = q->steps - 1; t-- > 1;) {
        h -= s->columns;
        delta -= width;
        UNROLL
        for (int row = 0; row < rows; row++)
            UNROLL
            for (int column = 0; column < columns; column++)
                sums[row][column] = sums[row][column] + h[row] * delta[column];
    }
    UNROLL
    for (int row = 0; row < rows; row++)
        UNROLL
        for (int column = 0; column < columns; column++)
            gradient[(k + row) * width + v + column] = sums[row][column] + R(0.0);
}

/* ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, some rows at a time. */
INLINE void unit_hidden_gradient(const unit_sequence *q, const shape *s)
{
    enum { ROWS = VECTOR_BYTES == 64 ? 8 : 4 };
    const int width = vectors_of(s);
    vec *gradient = q->gradient + s->operands * width;
    if (q->steps < 2) {
        memset(gradient, 0, sizeof(real) * s->hidden_size * s->columns);
        return;
    }
    int k = 0;
    for (; k + ROWS <= s->hidden_size; k += ROWS) {
        int v = 0;
        for (; v + 2 <= width; v += 2)
            unit_tile(q, s, gradient, k, v, ROWS, 2);
        for (; v < width; v++)
            unit_tile(q, s, gradient, k, v, ROWS, 1);
    }
    for (; k < s->hidden_size; k++)
        for (int v = 0; v < width; v++)
            unit_tile(q, s, gradient, k, v, 1, 1);
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, ∂L/∂bₒ = Σ ∂L/∂oₜ. */
INLINE void unit_other_gradients(const unit_sequence *q, const shape *s)
{
    const int width = vectors_of(s);
    const real *d_logits = (const real *)q->d_logits;
    vec *hidden_bias = q->gradient + (s->operands + s->hidden_size) * width;
    vec *output = hidden_bias + width;
    for (int i = 0; i < s->operands; i++)
        for (int v = 0; v < width; v++) {
            vec sum = splat(0);
            for (size_t t = q->steps; t-- > 0;) {
                ivec bit = bits_of(splat(0)) - (integer)(q->symbols[t] >> i & 1);
                sum = sum + pick(bit, q->deltas[t * width + v]);
            }
            q->gradient[i * width + v] = sum;
        }
    for (int v = 0; v < width; v++) {
        vec bias = splat(0), out = splat(0);
        for (size_t t = q->steps; t-- > 0;) {
            bias = bias + q->deltas[t * width + v];
            out = out + q->hidden[t * width + v] * d_logits[t];
        }
        hidden_bias[v] = s->biases ? bias : splat(0);
        output[v] = out;
    }
    for (int j = s->hidden_size; j < s->columns; j++)
        ((real *)output)[j] = 0; /* σ(0) is not 0: the padding's units are not silent */
    real bias = 0;
    for (size_t t = q->steps; t-- > 0;)
        bias += d_logits[t];
    real *output_bias = (real *)(output + width);
    output_bias[0] = s->biases ? bias : 0;
}

#endif
