/* box.h: boxes of hidden states, run through every word that can follow, all at once.
 *
 * A box holds for each unit an interval that contains its computed state. One step in interval
 * arithmetic gives a box of the next states and an interval of the logit; where these intervals
 * stay on the right side of 0, every sum that passes through the box is right, without running any
 * of them. A network that adds forgets what lies further back, so words that agree in the carry
 * before their last few symbols, and in these, can share a box: a context. A few dozen of them then
 * stand for all the words of any length. Where boxes decide nothing, states are run one by one.
 *
 * Rounding: a sum of at most 265 products, of states up to 1, is off by at most 50u·Σ|w| in its
 * written order (33 strided additions, 4 halvings, 10 more for inputs and bias; u is half a unit in
 * the last place of 1), and an activation by 2.5 units. SLACK = 512u covers each of them and the
 * rounding of the intervals' own ends, several times over.
 */
#ifndef BINADD_BOX_H
#define BINADD_BOX_H

#include "unit_lanes.h"

#if REAL_BITS == 64
#define SLACK 0x1p-44
#else
#define SLACK 0x1p-15f
#endif

enum { MAX_CONTEXTS = 1024 };

/* The ends of each unit's interval. */
typedef struct {
    vec *low, *high; /* (S) each */
} box;

/* The contexts that words of one length can be in. */
typedef struct {
    vec *boxes; /* (MAX_CONTEXTS, 2, S) */
    int *carry; /* (MAX_CONTEXTS)  the carry now, −1 where no word has been */
} layer;

typedef struct {
    const vec *block;  /* (R, S)   weights */
    const vec *inputs; /* (2ⁿ, S)  bₕ + Wᵢx of every symbol */
    const int *ones;   /* (2ⁿ)     how many operands' bits are 1 */
    int bits, depth;   /* symbols of a word; with the zero symbols after it */
    vec *sizes;        /* (R, S)   the weights' absolute values */
    vec *slack;        /* (S)      what rounding may add to a unit's sum */
    real output_slack;
    vec *sums; /* (4, S)   middle and radius of a box, and of Wₕh */
    layer layers[2];
} box_checker;

INLINE box_checker take_box_checker(arena *a, const shape *s)
{
    const size_t row = s->columns * sizeof(real);
    box_checker b = {0};
    b.sizes = take(a, block_size(s) * sizeof(real));
    b.slack = take(a, row);
    b.sums = take(a, 4 * row);
    for (int i = 0; i < 2; i++) {
        b.layers[i].boxes = take(a, MAX_CONTEXTS * 2 * row);
        b.layers[i].carry = take(a, MAX_CONTEXTS * sizeof(int));
    }
    return b;
}

INLINE void prepare_box_checker(box_checker *b, const shape *s)
{
    const int width = vectors_of(s);
    for (size_t i = 0; i < block_size(s) / WIDTH; i++)
        b->sizes[i] = magnitude(b->block[i]);
    for (int v = 0; v < width; v++) {
        vec total = splat(0);
        for (int row = 0; row <= s->operands + s->hidden_size; row++)
            total = total + b->sizes[row * width + v];
        b->slack[v] = total * SLACK;
    }
    const real *output = (const real *)(b->sizes + (s->rows - 2) * width);
    real total = 0;
    for (int j = 0; j <= s->columns; j++) /* the output bias comes after the row */
        total += output[j];
    b->output_slack = total * SLACK;
}

INLINE box box_of(const layer *l, const shape *s, int context)
{
    vec *place = l->boxes + (size_t)context * 2 * vectors_of(s);
    return (box){place, place + vectors_of(s)};
}

/* Which symbols a context remembers, and how it is numbered: the carry before the window, then the
 * window's symbols as digits, the oldest lowest. */
typedef struct {
    int length;    /* symbols of a whole window */
    int filled;    /* of the window so far */
    int radix;     /* 2ⁿ */
    int of_window; /* radix ^ length */
} window;

INLINE int power(int base, int exponent)
{
    int result = 1;
    while (exponent-- > 0)
        result *= base;
    return result;
}

INLINE int next_context(const window *w, const int *ones, int context, int symbol)
{
    const int carry = context / w->of_window, digits = context % w->of_window;
    if (w->filled < w->length)
        return context + symbol * power(w->radix, w->filled);
    if (w->length == 0)
        return (carry + ones[symbol]) >> 1;
    const int carry_after = (carry + ones[digits % w->radix]) >> 1;
    return carry_after * w->of_window + digits / w->radix + symbol * (w->of_window / w->radix);
}

/* Wₕh of a box: middle and radius, in `sums` and the row after it. */
INLINE void sum_box(const box_checker *b, const shape *s, box states, vec *sums)
{
    const int width = vectors_of(s);
    vec *middle = b->sums, *radius = middle + width;
    for (int v = 0; v < width; v++) {
        middle[v] = (states.low[v] + states.high[v]) * R(0.5);
        radius[v] = (states.high[v] - states.low[v]) * R(0.5) + SLACK;
        sums[v] = splat(0);
        sums[width + v] = b->slack[v];
    }
    add_unit_sums(b->block + s->operands * width, (const real *)middle, s, sums);
    add_unit_sums(b->sizes + s->operands * width, (const real *)radius, s, sums + width);
}

/* Activate what `sums` and a symbol's inputs give, widen the box `to` by it, and tell whether the
 * logit is certain to have the sign that the wanted bit asks for. */
INLINE int step_box(const box_checker *b, const shape *s, const vec *sums, int symbol, int bit,
                    box to)
{
    const int width = vectors_of(s), output_row = (s->rows - 2) * width;
    const vec *output = b->block + output_row;
    vec *middle = b->sums, *radius = middle + width;
    for (int v = 0; v < width; v++) {
        vec a = sums[v] + b->inputs[symbol * width + v];
        middle[v] = a - sums[width + v];
        radius[v] = a + sums[width + v];
    }
    activate(middle, 2 * width, s->activation); /* both rows */
    for (int v = 0; v < width; v++) {
        vec low = middle[v] - SLACK, high = radius[v] + SLACK;
        middle[v] = (low + high) * R(0.5);
        radius[v] = (high - low) * R(0.5) + SLACK;
        to.low[v] = blend(less(low, to.low[v]), low, to.low[v]);
        to.high[v] = blend(less(to.high[v], high), high, to.high[v]);
    }
    const real logit = dot(output, middle, s) + *(const real *)(output + width);
    const real spread = dot(b->sizes + output_row, radius, s) + b->output_slack;
    return (bit ? logit : -logit) > spread; /* false for a NaN */
}

/* One step of every context of a layer. */
INLINE int step_layer_shaped(const box_checker *b, const shape *s, const window *w, int t,
                             const layer *from, layer *to)
{
    const int width = vectors_of(s), contexts = s->operands * w->of_window;
    const int fed = t < b->bits ? w->radix : 1;
    vec *sums = b->sums + 2 * width;
    for (int i = 0; i < contexts; i++)
        to->carry[i] = -1;
    for (int i = 0; i < contexts; i++) {
        if (from->carry[i] < 0)
            continue;
        sum_box(b, s, box_of(from, s, i), sums);
        for (int symbol = 0; symbol < fed; symbol++) {
            const int total = from->carry[i] + b->ones[symbol];
            const int next = next_context(w, b->ones, i, symbol);
            const box states = box_of(to, s, next);
            if (to->carry[next] < 0)
                for (int v = 0; v < width; v++) {
                    states.low[v] = splat(2);
                    states.high[v] = splat(-2);
                }
            to->carry[next] = total >> 1;
            if (!step_box(b, s, sums, symbol, total & 1, states))
                return 0;
        }
    }
    return 1;
}

APART int step_layer(const box_checker *b, const shape *given, const window *w, int t,
                     const layer *from, layer *to)
{
    int right;
    SHAPED(right = step_layer_shaped(b, s, w, t, from, to));
    return right;
}

/* Whether every output of every word is certain to be right, with contexts of so many symbols. */
INLINE int boxes_are_right(const box_checker *b, const shape *s, int length)
{
    window w = {length, 0, 1 << s->operands, power(1 << s->operands, length)};
    const layer *start = &b->layers[0];
    for (int i = 0; i < s->operands * w.of_window; i++)
        start->carry[i] = i ? -1 : 0;
    memset(start->boxes, 0, 2 * (size_t)s->columns * sizeof(real));
    for (int t = 0; t < b->depth; t++) {
        layer to = b->layers[(t + 1) % 2];
        if (!step_layer(b, s, &w, t, &b->layers[t % 2], &to))
            return 0;
        w.filled += w.filled < w.length;
    }
    return 1;
}

/* The same with contexts of two symbols, then three, as far as there is room for them. */
INLINE int boxes_prove(const box_checker *b, const shape *s)
{
    for (int length = 2; length <= 3; length++)
        if (s->operands << s->operands * length <= MAX_CONTEXTS && boxes_are_right(b, s, length))
            return 1;
    return 0;
}

#endif
