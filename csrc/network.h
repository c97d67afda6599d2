/* network.h: the network, a step forward and a step back.
 *
 * The two stand next to each other and read as the equations do. They are the same whatever lies side
 * by side in a vector (sums.h); only the logit, a sum over units, is not.
 */
#ifndef BINADD_NETWORK_H
#define BINADD_NETWORK_H

#include "sums.h"

/* Rows of a block: vectors, or reals where lanes are sequences. */
typedef struct {
    const void *inputs;      /* (n, S)  from operand i */
    const void *hidden;      /* (H, S)  row k: from unit k */
    const void *transposed;  /* (H, S)  row j: to unit j; for the step back, if lanes are units */
    const void *hidden_bias; /* (S) */
    const void *output;      /* (S) */
    const void *output_bias;
} weights;

/* Weights in a row, by the type that weight_at reads. */
INLINE int row_length(const shape *s, lane_kind lanes)
{
    return lanes == UNITS ? vectors_of(s) : s->columns;
}

/* Vectors of a state. */
INLINE int state_length(const shape *s, lane_kind lanes)
{
    return lanes == UNITS ? vectors_of(s) : s->hidden_size;
}

INLINE weights weights_of(const shape *s, lane_kind lanes, const void *block,
                          const void *transposed)
{
    const char *from = block;
    const size_t row = s->columns * (lanes == NETWORKS ? sizeof(vec) : sizeof(real));
    const char *after = from + (s->operands + s->hidden_size) * row;
    return (weights){from,        from + s->operands * row, transposed, after,
                     after + row, after + 2 * row};
}

/* All ones where operand i's bit of a symbol is 1, in the lanes of sequences, or in all. */
INLINE ivec bit_mask(ivec symbols, int i)
{
    return -(symbols >> i & 1);
}

INLINE ivec operand_mask(uint8_t symbol, int i)
{
    return bits_of(splat(0)) - (integer)(symbol >> i & 1);
}

/* hₜ = f(Wₕhₜ₋₁ + (bₕ + Wᵢxₜ)); with `before` NULL, hₜ₋₁ = 0 adds nothing. */
INLINE void step(const shape *s, lane_kind lanes, const weights *w, const ivec *restrict x,
                 const vec *restrict before, vec *restrict h)
{
    const int row = row_length(s, lanes), size = state_length(s, lanes);
    for (int j = 0; j < size; j++) {
        vec a = weight_at(w->hidden_bias, j, lanes);
        for (int i = 0; i < s->operands; i++)
            a = a + select_or_zero(x[i], weight_at(w->inputs, i * row + j, lanes));
        h[j] = a;
    }
    if (before)
        add_sums((matrix){w->hidden, row, 1}, before, s->hidden_size, lanes, size, h);
    activate(h, size, s->activation);
}

/* δₜ = (Wₕᵀδₜ₊₁ + Wₒᵀ∂L/∂oₜ) ⊙ f′(aₜ); with `after` NULL, there is no step t + 1. */
INLINE void step_back(const shape *s, lane_kind lanes, const weights *w, const vec *restrict h,
                      vec d_logit, const vec *restrict after, vec *restrict delta)
{
    const int row = row_length(s, lanes), size = state_length(s, lanes);
    const matrix transposed =
        lanes == UNITS ? (matrix){w->transposed, row, 1} : (matrix){w->hidden, 1, row};
    for (int k = 0; k < size; k++)
        delta[k] = weight_at(w->output, k, lanes) * d_logit;
    if (after)
        add_sums(transposed, after, s->hidden_size, lanes, size, delta);
    for (int k = 0; k < size; k++)
        delta[k] = delta[k] * slope(h[k], s->activation);
}

/* oₜ = Wₒhₜ + bₒ, of one sequence and of those in the lanes. */
INLINE real unit_logit(const shape *s, const weights *w, const vec *h)
{
    return dot(w->output, h, s) + *(const real *)w->output_bias;
}

INLINE vec lanes_logit(const shape *s, lane_kind lanes, const weights *w, const vec *h)
{
    vec logit = weight_at(w->output_bias, 0, lanes);
    add_sums((matrix){w->output, 1, 0}, h, s->hidden_size, lanes, 1, &logit);
    return logit;
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

#endif
