/* box.h: boxes of hidden states, run through every word that can follow, all at once.
 *
 * A box holds for each unit an interval that contains its computed state. One step in interval
 * arithmetic gives a box of the next states and an interval of the logit; where these intervals
 * stay on the right side of 0, every sum that passes through the box is right, without running any
 * of them. A network that adds forgets what lies further back, so words that agree in the carry
 * before their last few symbols, and in these, can share a box: a context. A few dozen of them then
 * stand for all the words of any length. Where boxes leave doubts, they are few, and only the words
 * that lead there need be run (first_error.h).
 *
 * Rounding: a sum of at most 265 products, of states up to 1, is off by at most 50u·Σ|w| in its
 * written order (33 strided additions, 4 halvings, 10 more for inputs and bias; u is half a unit in
 * the last place of 1), and an activation by 2.5 units. SLACK = 512u covers each of them and the
 * rounding of the intervals' own ends, several times over. What underflow takes from products is
 * absolute: it counts for the logit's sign alone, where TINY is far more than all of it.
 */
#ifndef BINADD_BOX_H
#define BINADD_BOX_H

#include "arena.h"
#include "form.h"
#include "interval.h"

#if REAL_BITS == 64
#define SLACK 0x1p-44
#define TINY 0x1p-1022
#else
#define SLACK 0x1p-15f
#define TINY 0x1p-126f
#endif

enum {
    MAX_CONTEXTS = 1024,
    LONGEST_WINDOW = 3,
    WORTHWHILE_DOUBTS = 64 /* of an exact network there are at most a few dozen */
};

/* The ends of each unit's interval. */
typedef struct {
    vec *low, *high; /* (S) each, one after the other */
} box;

/* The contexts that words of one length can be in. */
typedef struct {
    vec *boxes; /* (MAX_CONTEXTS, 2, S) */
    int *carry; /* (MAX_CONTEXTS)  the carry now, −1 where no word has been */
} layer;

/* Which symbols a context remembers, and how it is numbered: the carry before the window, then the
 * window's symbols as digits, the oldest lowest. */
typedef struct {
    int length;    /* symbols of a whole window */
    int filled;    /* of the window so far */
    int radix;     /* 2ⁿ */
    int of_window; /* radix ^ length */
} window;

typedef struct {
    const vec *block;  /* (R, S)   weights */
    const vec *inputs; /* (2ⁿ, S)  bₕ + Wᵢx of every symbol */
    const form *form;
    int bits, depth; /* symbols of a word; with the zero symbols after it */
    vec *sizes;      /* (R, S)   the weights' absolute values */
    vec *slack;      /* (S)      what rounding may add to a unit's sum */
    real output_slack;
    vec *sums; /* (4, S)   middle and radius of a box, and of Wₕh */
    layer layers[2];
    window window;  /* of the contexts that were run last */
    int doubts;     /* how many outputs these left in doubt */
    uint8_t *doubt; /* (depth, MAX_CONTEXTS)  whether one comes after this many symbols */
} box_checker;

INLINE box_checker take_box_checker(arena *a, const shape *s, int depth)
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
    b.doubt = take(a, (size_t)depth * MAX_CONTEXTS);
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
    b->output_slack = total * SLACK + TINY;
}

INLINE box box_of(const layer *l, const shape *s, int context)
{
    vec *place = l->boxes + (size_t)context * 2 * vectors_of(s);
    return (box){place, place + vectors_of(s)};
}

INLINE int power(int base, int exponent)
{
    int result = 1;
    while (exponent-- > 0)
        result *= base;
    return result;
}

INLINE int next_context(const window *w, const form *f, int context, int symbol)
{
    const int carry = context / w->of_window, digits = context % w->of_window;
    if (w->filled < w->length)
        return context + symbol * power(w->radix, w->filled);
    if (w->length == 0)
        return (carry + f->weights[symbol]) >> 1;
    const int carry_after = (carry + f->weights[digits % w->radix]) >> 1;
    return carry_after * w->of_window + digits / w->radix + symbol * (w->of_window / w->radix);
}

/* Wₕh of a box: middle and radius, in `sums` and the row after it. */
INLINE void sum_box(const box_checker *b, const shape *s, box states, vec *sums)
{
    const int width = vectors_of(s);
    vec *middle = b->sums, *radius = middle + width;
    for (int v = 0; v < width; v++) {
        sums[v] = splat(0);
        sums[width + v] = b->slack[v];
    }
    centre(s, states.low, SLACK, middle, radius);
    add_hidden(s, b->block, middle, sums);
    add_hidden(s, b->sizes, radius, sums + width);
}

/* Activate what `sums` and a symbol's inputs give, widen the box `to` by it, and return the logit's
 * margin. */
INLINE real step_box(const box_checker *b, const shape *s, const vec *sums, int symbol, int bit,
                     box to)
{
    const int width = vectors_of(s);
    vec *ends = b->sums, *middle = ends, *radius = ends + width;
    activate_intervals(s, sums, b->inputs + symbol * width, sums + width, SLACK, ends);
    for (int v = 0; v < width; v++) {
        to.low[v] = smaller(to.low[v], ends[v]);
        to.high[v] = larger(to.high[v], ends[width + v]);
    }
    centre(s, ends, SLACK, middle, radius);
    return logit_margin(s, b->block, b->sizes, middle, radius, 0, b->output_slack, bit);
}

/* One step of every context of a layer; counts and marks those that leave an output in doubt. */
INLINE void step_layer_shaped(const shape *s, box_checker *b, int t, const layer *from, layer *to,
                              int bearable)
{
    const window *w = &b->window;
    const int width = vectors_of(s), contexts = b->form->carries * w->of_window;
    const int fed = t < b->bits ? w->radix : 1;
    vec *sums = b->sums + 2 * width;
    for (int i = 0; i < contexts; i++)
        to->carry[i] = -1;
    for (int i = 0; i < contexts && b->doubts <= bearable; i++) {
        if (from->carry[i] < 0)
            continue;
        sum_box(b, s, box_of(from, s, i), sums);
        for (int symbol = 0; symbol < fed; symbol++) {
            const int total = from->carry[i] + b->form->weights[symbol];
            const int next = next_context(w, b->form, i, symbol);
            const box states = box_of(to, s, next);
            if (to->carry[next] < 0)
                for (int v = 0; v < width; v++) {
                    states.low[v] = splat(2);
                    states.high[v] = splat(-2);
                }
            to->carry[next] = total >> 1;
            const real margin = step_box(b, s, sums, symbol, total & 1, states);
            if (margin > 0)
                continue;
            b->doubt[t * MAX_CONTEXTS + i] = 1;
            b->doubts += margin <= 0 ? 1 : WORTHWHILE_DOUBTS + 1; /* no box holds a NaN: give up */
        }
    }
}

NOINLINE void step_layer(box_checker *b, const shape *s, int t, const layer *from, layer *to,
                         int bearable)
{
    SHAPED(step_layer_shaped, s, b, t, from, to, bearable);
}

/* Run contexts of `length` symbols through all steps, or until there are too many doubts. */
INLINE void run_boxes(box_checker *b, const shape *s, int length, int bearable)
{
    const int radix = 1 << s->operands;
    layer *start = &b->layers[0];
    b->window = (window){length, 0, radix, power(radix, length)};
    b->doubts = 0;
    memset(b->doubt, 0, (size_t)b->depth * MAX_CONTEXTS);
    for (int i = 0; i < b->form->carries * b->window.of_window; i++)
        start->carry[i] = -1;
    const int first = b->form->start * b->window.of_window;
    start->carry[first] = b->form->start;
    memset(box_of(start, s, first).low, 0, 2 * (size_t)s->columns * sizeof(real));
    for (int t = 0; t < b->depth && b->doubts <= bearable; t++) {
        step_layer(b, s, t, &b->layers[t % 2], &b->layers[(t + 1) % 2], bearable);
        b->window.filled += b->window.filled < length;
    }
}

/* Doubt what leads to a doubt, too. */
INLINE void trace_doubts(box_checker *b)
{
    window w = b->window;
    for (int t = b->depth - 1; t-- > 0;) {
        const int fed = t < b->bits ? w.radix : 1;
        uint8_t *now = b->doubt + t * MAX_CONTEXTS, *then = now + MAX_CONTEXTS;
        w.filled = t < w.length ? t : w.length;
        for (int i = 0; i < b->form->carries * w.of_window; i++)
            for (int symbol = 0; symbol < fed; symbol++)
                now[i] |= then[next_context(&w, b->form, i, symbol)];
    }
}

INLINE int contexts_fit(const box_checker *b, const shape *s, int length)
{
    return length <= LONGEST_WINDOW && b->form->carries << s->operands * length <= MAX_CONTEXTS;
}

/* Contexts of two symbols, and if these leave doubts, of three, as far as there is room for them;
 * returns whether the doubts are few enough for `in_doubt` to list them. */
INLINE int settle_by_boxes(box_checker *b, const shape *s)
{
    for (int length = 2; contexts_fit(b, s, length); length++) {
        const int bearable = contexts_fit(b, s, length + 1) ? 0 : WORTHWHILE_DOUBTS;
        run_boxes(b, s, length, bearable);
        if (b->doubts <= bearable) {
            trace_doubts(b);
            return 1;
        }
    }
    return 0;
}

/* Whether boxes doubt an output after t symbols that end in a window, whatever the carry before. */
INLINE int in_doubt(const box_checker *b, int t, int digits)
{
    int doubt = 0;
    for (int carry = 0; carry < b->form->carries; carry++)
        doubt |= b->doubt[t * MAX_CONTEXTS + carry * b->window.of_window + digits];
    return doubt;
}

#endif
