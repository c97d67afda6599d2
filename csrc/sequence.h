/* sequence.h: one sequence, with units in the lanes: run, its loss, and its gradient.
 *
 * The step forward needs Wₕ by columns (all units' weights from unit k, as the block has them), the
 * step back by rows, so its transpose is kept at hand.
 */
#ifndef BINADD_SEQUENCE_H
#define BINADD_SEQUENCE_H

#include "loss.h"
#include "network.h"

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
} sequence;

/* ---- Running it --------------------------------------------------------------------------------- */

INLINE void find_operands(const sequence *q, const shape *s, size_t t, ivec *x)
{
    for (int i = 0; i < s->operands; i++)
        x[i] = operand_mask(q->symbols[t], i);
}

INLINE void run_sequence_shaped(const shape *s, const weights *w, const sequence *q)
{
    const int width = vectors_of(s);
    for (size_t t = 0; t < q->steps; t++) {
        vec *h = q->hidden + t * width;
        ivec x[BINADD_MAX_OPERANDS];
        find_operands(q, s, t, x);
        step(s, UNITS, w, x, t ? h - width : 0, h);
        ((real *)q->logits)[t] = unit_logit(s, w, h);
    }
}

NOINLINE void run_sequence(const shape *s, const weights *w, const sequence *q)
{
    SHAPED(run_sequence_shaped, s, w, q);
}

INLINE void load_targets(const sequence *q)
{
    for (size_t t = 0; t < q->steps; t++)
        ((integer *)q->sums)[t] = -(integer)q->targets[t];
}

/* ∂L/∂o of every step, a vector of steps at a time; the loss and the wrong bits where asked for. */
NOINLINE void find_slopes(const sequence *q, binadd_loss loss, real *value, int64_t *wrong)
{
    real total = 0, each[WIDTH];
    for (size_t i = 0; i * WIDTH < q->steps; i++) {
        vec terms = splat(0);
        q->d_logits[i] = loss_slope(q->logits[i], q->sums[i], loss, value ? &terms : 0);
        if (!value)
            continue;
        memcpy(each, &terms, sizeof each);
        for (size_t t = 0; t < WIDTH && i * WIDTH + t < q->steps; t++)
            total = i + t ? total + each[t] : each[t];
    }
    if (value)
        *value = total;
    if (wrong)
        for (size_t t = 0; t < q->steps; t++)
            *wrong += (((const real *)q->logits)[t] > 0) != q->targets[t];
}

/* ---- Its gradient ------------------------------------------------------------------------------- */

/* Rows of a tile of ∂L/∂Wₕ = Σₜ δₜ hₜ₋₁ᵀ, two vectors each, that the registers hold. */
enum { UNIT_TILE_ROWS = MANY_REGISTERS ? 8 : 4 };

/* Add step t's part to rows k … k + rows − 1 of such a tile, `columns` vectors from v on. */
INLINE void add_tile_step(const sequence *q, const shape *s, size_t t, int k, int v, int rows,
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

/* Store a tile of ∂L/∂Wₕ, without the rows beyond the last unit. */
INLINE void store_tile(const sequence *q, const shape *s, int k, int v, int rows, int columns,
                       vec sums[][2])
{
    vec *gradient = q->gradient + (s->operands + k) * vectors_of(s) + v;
    UNROLL
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            if (k + row < s->hidden_size)
                gradient[row * vectors_of(s) + column] = sums[row][column];
}

INLINE void clear_tile(int rows, int columns, vec sums[][2])
{
    UNROLL
    for (int row = 0; row < rows; row++) {
        UNROLL
        for (int column = 0; column < columns; column++)
            sums[row][column] = splat(0);
    }
}

INLINE void sum_tile(const sequence *q, const shape *s, int k, int v, int columns)
{
    vec sums[UNIT_TILE_ROWS][2];
    clear_tile(UNIT_TILE_ROWS, columns, sums);
    for (size_t t = q->steps; --t > 0;)
        add_tile_step(q, s, t, k, v, UNIT_TILE_ROWS, columns, sums);
    store_tile(q, s, k, v, UNIT_TILE_ROWS, columns, sums);
}

/* Rows k … of ∂L/∂Wₕ, tile by tile. */
INLINE void sum_hidden_gradient(const sequence *q, const shape *s, int k)
{
    const int width = vectors_of(s);
    for (; k < s->hidden_size; k += UNIT_TILE_ROWS) {
        for (int v = 0; v + 2 <= width; v += 2)
            sum_tile(q, s, k, v, 2);
        if (width % 2)
            sum_tile(q, s, k, width - 1, 1);
    }
}

/* ∂L/∂Wᵢ = Σ δₜxₜᵀ, ∂L/∂bₕ = Σ δₜ, ∂L/∂Wₒ = Σ ∂L/∂oₜ hₜᵀ, of one vector of units. */
INLINE void sum_other_gradient(const sequence *q, const shape *s, int v)
{
    const int width = vectors_of(s), n = s->operands;
    const real *d_logits = (const real *)q->d_logits;
    vec inputs[BINADD_MAX_OPERANDS], bias = splat(0), output = splat(0);
    for (int i = 0; i < n; i++)
        inputs[i] = splat(0);
    for (size_t t = q->steps; t-- > 0;) {
        const vec delta = q->deltas[t * width + v];
        for (int i = 0; i < n; i++)
            inputs[i] = inputs[i] + select_or_zero(operand_mask(q->symbols[t], i), delta);
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
INLINE void sum_other_gradients(const sequence *q, const shape *s)
{
    const int width = vectors_of(s);
    const real *d_logits = (const real *)q->d_logits;
    real *output = (real *)(q->gradient + (s->rows - 2) * width), bias = 0;
    for (int v = 0; v < width; v++)
        sum_other_gradient(q, s, v);
    for (int j = s->hidden_size; j < s->columns; j++)
        output[j] = 0; /* σ(0) is not 0: the padding's units are not silent */
    for (size_t t = q->steps; t-- > 0;)
        bias += d_logits[t];
    output[s->columns] = s->biases ? bias : 0;
}

/* δₜ from the last step to the first, and the gradient. Each δ waits for the one before it, and the
 * multipliers would wait, too: a first tile of ∂L/∂Wₕ is summed on the way, where registers are left
 * for it. */
INLINE void run_sequence_back_shaped(const shape *s, const weights *w, const sequence *q)
{
    const int width = vectors_of(s);
    const int early = MANY_REGISTERS && IS_CONSTANT(width) && width <= 2 ? 16 / width : 0;
    vec sums[16][2];
    clear_tile(early, width, sums);
    for (size_t t = q->steps; t-- > 0;) {
        vec *delta = q->deltas + t * width;
        step_back(s, UNITS, w, q->hidden + t * width, splat(((const real *)q->d_logits)[t]),
                  t + 1 < q->steps ? delta + width : 0, delta);
        if (t)
            add_tile_step(q, s, t, 0, 0, early, width, sums);
    }
    store_tile(q, s, 0, 0, early, width, sums);
    sum_hidden_gradient(q, s, early);
    sum_other_gradients(q, s);
}

NOINLINE void run_sequence_back(const shape *s, const weights *w, const sequence *q)
{
    SHAPED(run_sequence_back_shaped, s, w, q);
}

#endif
