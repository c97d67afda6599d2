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
    return (unit_weights){block,         block + s->operands * width,      transposed, after,
                          after + width, (const real *)(after + 2 * width)};
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

INLINE vec unit_sum_here(const vec *w, int width, const real *h, int size)
{
#define TERM(i) unit_term(w, width, h, size, i)
    return HALVE(add, TERM);
#undef TERM
}

APART vec unit_sum_of_any_size(const vec *w, int width, const real *h, int size)
{
    return unit_sum_here(w, width, h, size);
}

INLINE vec unit_sum(const vec *w, int width, const real *h, int size)
{
    return CONSTANT(size) ? unit_sum_here(w, width, h, size)
                          : unit_sum_of_any_size(w, width, h, size);
}

/* The same for two vectors next to each other, which share the hₖ. */
INLINE pair unit_term_pair(const vec *w, int width, const real *h, int size, int i)
{
    if (i >= size)
        return (pair){splat(0), splat(0)};
    vec all = splat(h[i]);
    pair sum = {w[i * width] * all, w[i * width + 1] * all};
    for (int k = i + LANES; k < size; k += LANES) {
        all = splat(h[k]);
        sum = add_pairs(sum, (pair){w[k * width] * all, w[k * width + 1] * all});
    }
    return sum;
}

INLINE pair unit_sum_pair_here(const vec *w, int width, const real *h, int size)
{
#define TERM(i) unit_term_pair(w, width, h, size, i)
    return HALVE(add_pairs, TERM);
#undef TERM
}

APART pair unit_sum_pair_of_any_size(const vec *w, int width, const real *h, int size)
{
    return unit_sum_pair_here(w, width, h, size);
}

INLINE pair unit_sum_pair(const vec *w, int width, const real *h, int size)
{
    return CONSTANT(size) ? unit_sum_pair_here(w, width, h, size)
                          : unit_sum_pair_of_any_size(w, width, h, size);
}

/* sums ← Σₖ wₖ·hₖ + sums, a whole row. */
INLINE void add_unit_sums(const vec *w, const real *h, const shape *s, vec *sums)
{
    const int width = vectors_of(s);
    for (int v = 0; v + 2 <= width; v += 2) {
        pair sum = unit_sum_pair(w + v, width, h, s->hidden_size);
        sums[v] = sum.first + sums[v];
        sums[v + 1] = sum.second + sums[v + 1];
    }
    if (width % 2)
        sums[width - 1] = unit_sum(w + width - 1, width, h, s->hidden_size) + sums[width - 1];
}

/* All ones in every lane if the symbol's bit i is 1. */
INLINE ivec operand_mask(uint8_t symbol, int i)
{
    return bits_of(splat(0)) - (integer)(symbol >> i & 1);
}

/* bₕ + Wᵢx. */
INLINE void unit_inputs(const unit_weights *w, const shape *s, uint8_t symbol, vec *sums)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++)
        sums[v] = w->hidden_bias[v];
    for (int i = 0; i < s->operands; i++) {
        const ivec mask = operand_mask(symbol, i);
        for (int v = 0; v < width; v++)
            sums[v] = sums[v] + pick(mask, w->inputs[i * width + v]);
    }
}

/* bₕ + Wᵢx of every symbol, (2ⁿ, S). */
INLINE void sum_inputs(const real *block, const shape *s, real *inputs)
{
    const real *bias = block + (s->operands + s->hidden_size) * s->columns;
    for (int symbol = 0; symbol < 1 << s->operands; symbol++) {
        real *sums = inputs + symbol * s->columns;
        memcpy(sums, bias, s->columns * sizeof(real));
        for (int i = 0; i < s->operands; i++)
            for (int j = 0; j < s->columns; j++)
                sums[j] += symbol >> i & 1 ? block[i * s->columns + j] : 0;
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
    activate(h, width, s->activation);
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

/* Σⱼ wⱼ·hⱼ of two rows: the products, strided onto one group of LANES, then halved. */
INLINE real dot(const vec *w, const vec *h, const shape *s)
{
    vec sums[GROUP];
    for (int g = 0; g < GROUP; g++)
        sums[g] = w[g] * h[g];
    for (int v = GROUP; v < vectors_of(s); v++)
        sums[v % GROUP] = sums[v % GROUP] + w[v] * h[v];
    return halve_vectors(sums, GROUP);
}

/* oₜ = Wₒhₜ + bₒ. */
INLINE real unit_logit(const unit_weights *w, const shape *s, const vec *h)
{
    return dot(w->output, h, s) + *w->output_bias;
}

/* Swap rows and columns of the hidden weights (H, S); what lies beyond H stays zero. */
INLINE void transpose_shaped(const vec *hidden, vec *transposed, const shape *s)
{
    const real *from = (const real *)hidden;
    real *to = (real *)transposed;
    const int squares = s->hidden_size / SQUARE * SQUARE;
    for (int k = 0; k < squares; k += SQUARE)
        for (int j = 0; j < squares; j += SQUARE)
            transpose_square(from + k * s->columns + j, to + j * s->columns + k, s->columns);
    for (int k = 0; k < s->hidden_size; k++)
        for (int j = k < squares ? squares : 0; j < s->hidden_size; j++)
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

INLINE void unit_run_shaped(const unit_weights *w, const shape *s, const unit_sequence *q)
{
    const int width = vectors_of(s);
    for (size_t t = 0; t < q->steps; t++) {
        vec *h = q->hidden + t * width;
        unit_step(w, s, q->symbols[t], t ? h - width : 0, h);
        ((real *)q->logits)[t] = unit_logit(w, s, h);
    }
}

/* Rows of a tile of ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, two vectors each, that the registers hold. */
enum { UNIT_TILE_ROWS = MANY_REGISTERS ? 8 : 4 };

/* Add step t's part to rows k … k + rows − 1 of such a tile, `columns` vectors from v on. */
INLINE void unit_tile_step(const unit_sequence *q, const shape *s, size_t t, int k, int v, int rows,
                           int columns, vec sums[][2])
{
    const int width = vectors_of(s);
    const real *h = (const real *)(q->hidden + (t - 1) * width) + k;
    const vec *delta = q->deltas + t * width + v;
    UNROLL
    for (int row = 0; row < rows; row++) {
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row][column] = sums[row][column] + h[row] * delta[column];
    }
}

/* What lies beyond the last row is left out. */
INLINE void store_unit_tile(const unit_sequence *q, const shape *s, int k, int v, int rows,
                            int columns, vec sums[][2])
{
    vec *gradient = q->gradient + (s->operands + k) * vectors_of(s) + v;
    UNROLL
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            if (k + row < s->hidden_size)
                gradient[row * vectors_of(s) + column] = sums[row][column];
}

INLINE void clear_unit_tile(int rows, int columns, vec sums[][2])
{
    UNROLL
    for (int row = 0; row < rows; row++) {
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row][column] = splat(0);
    }
}

INLINE void unit_tile(const unit_sequence *q, const shape *s, int k, int v, int columns)
{
    vec sums[UNIT_TILE_ROWS][2];
    clear_unit_tile(UNIT_TILE_ROWS, columns, sums);
    for (size_t t = q->steps; --t > 0;)
        unit_tile_step(q, s, t, k, v, UNIT_TILE_ROWS, columns, sums);
    store_unit_tile(q, s, k, v, UNIT_TILE_ROWS, columns, sums);
}

/* Rows k … of ∂L/∂Wₕ, tile by tile. */
INLINE void unit_hidden_gradient(const unit_sequence *q, const shape *s, int k)
{
    const int width = vectors_of(s);
    for (; k < s->hidden_size; k += UNIT_TILE_ROWS) {
        for (int v = 0; v + 2 <= width; v += 2)
            unit_tile(q, s, k, v, 2);
        if (width % 2)
            unit_tile(q, s, k, width - 1, 1);
    }
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, of one vector of units. */
INLINE void unit_other_gradient(const unit_sequence *q, const shape *s, int v)
{
    const int width = vectors_of(s), n = s->operands;
    const real *d_logits = (const real *)q->d_logits;
    vec inputs[BINADD_MAX_OPERANDS], bias = splat(0), output = splat(0);
    for (int i = 0; i < n; i++)
        inputs[i] = splat(0);
    for (size_t t = q->steps; t-- > 0;) {
        const vec delta = q->deltas[t * width + v];
        for (int i = 0; i < n; i++)
            inputs[i] = inputs[i] + pick(operand_mask(q->symbols[t], i), delta);
        bias = bias + delta;
        output = output + q->hidden[t * width + v] * d_logits[t];
    }
    vec *gradient = q->gradient + v;
    for (int i = 0; i < n; i++)
        gradient[i * width] = inputs[i];
    gradient[(n + s->hidden_size) * width] = s->biases ? bias : splat(0);
    gradient[(n + s->hidden_size + 1) * width] = output;
}

/* The gradient of all but Wₕ; that of bₒ is Σ ∂L/∂oₜ. */
INLINE void unit_other_gradients(const unit_sequence *q, const shape *s)
{
    const int width = vectors_of(s);
    const real *d_logits = (const real *)q->d_logits;
    real *output = (real *)(q->gradient + (s->rows - 2) * width), bias = 0;
    for (int v = 0; v < width; v++)
        unit_other_gradient(q, s, v);
    for (int j = s->hidden_size; j < s->columns; j++)
        output[j] = 0; /* σ(0) is not 0: the padding's units are not silent */
    for (size_t t = q->steps; t-- > 0;)
        bias += d_logits[t];
    output[s->columns] = s->biases ? bias : 0;
}

/* δₜ from the last step to the first, and the gradient. Each δ waits for the one before it, and the
 * multipliers would wait, too: a first tile of ∂L/∂Wₕ is summed on the way, where the registers hold
 * it besides. */
INLINE void unit_run_back_shaped(const unit_weights *w, const shape *s, const unit_sequence *q)
{
    const int width = vectors_of(s);
    const int early = MANY_REGISTERS && CONSTANT(width) && width <= 2 ? 16 / width : 0;
    vec sums[16][2];
    clear_unit_tile(early, width, sums);
    for (size_t t = q->steps; t-- > 0;) {
        vec *delta = q->deltas + t * width;
        unit_step_back(w, s, q->hidden + t * width, ((const real *)q->d_logits)[t],
                       t + 1 < q->steps ? delta + width : 0, delta);
        if (t)
            unit_tile_step(q, s, t, 0, 0, early, width, sums);
    }
    store_unit_tile(q, s, 0, 0, early, width, sums);
    unit_hidden_gradient(q, s, early);
    unit_other_gradients(q, s);
}

APART void transpose(const vec *hidden, vec *transposed, const shape *given)
{
    SHAPED(transpose_shaped(hidden, transposed, s));
}

APART void unit_run(const unit_weights *w, const shape *given, const unit_sequence *q)
{
    SHAPED(unit_run_shaped(w, s, q));
}

APART void unit_run_back(const unit_weights *w, const shape *given, const unit_sequence *q)
{
    SHAPED(unit_run_back_shaped(w, s, q));
}

#endif
