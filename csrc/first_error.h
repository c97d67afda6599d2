/* first_error.h: every sum of `bits` bits; words that share a prefix share its states.
 *
 * Boxes settle most networks that are right (box.h), and most words of the others. To run the rest,
 * the words' first symbols are spread over the lanes. From there a depth-first walk feeds every
 * symbol to all lanes at once: Wₕh is computed once for all the symbols that follow it.
 */
#ifndef BINADD_FIRST_ERROR_H
#define BINADD_FIRST_ERROR_H

#include "box.h"
#include "spread.h"

enum { MAX_DEPTH = 32 };

typedef struct {
    int bits, depth; /* symbols of a word; with the zero symbols after it */
    int step;        /* of the first wrong output so far, `depth` if there is none */
    uint64_t word;   /* the smallest wrong word of that step */
    form form;
    vec *states;  /* (H) */
    vec *sums;    /* (depth, H)  Wₕh of the walk's path */
    real *inputs; /* (2ⁿ, S)     bₕ + Wᵢx of every symbol */
    real *block;  /* (R, S) */
    box_checker boxes;
    int doubts_known; /* by the boxes; else every word is in doubt */
} exhaustive;

INLINE exhaustive take_exhaustive(arena *a, const binadd_network *network, const shape *s, int bits)
{
    exhaustive x;
    x.form = form_of(network);
    x.bits = bits;
    x.depth = bits + x.form.steps;
    x.step = x.depth;
    x.word = 0;
    x.states = take(a, s->hidden_size * sizeof(vec));
    x.sums = take(a, (size_t)x.depth * s->hidden_size * sizeof(vec));
    x.inputs = take(a, ((size_t)s->columns << s->operands) * sizeof(real));
    x.block = take(a, block_size(s) * sizeof(real));
    x.boxes = take_box_checker(a, s, x.depth);
    return x;
}

INLINE void prepare_exhaustive(exhaustive *x, const shape *s, const real *block)
{
    memcpy(x->block, block, block_size(s) * sizeof(real));
    sum_inputs(block, s, x->inputs);
    x->boxes.block = (const vec *)x->block;
    x->boxes.inputs = (const vec *)x->inputs;
    x->boxes.form = &x->form;
    x->boxes.bits = x->bits;
    x->boxes.depth = x->depth;
    prepare_box_checker(&x->boxes, s);
}

/* Note the smallest word, of the earliest step, among the lanes whose output is wrong. */
INLINE void note_errors(exhaustive *x, int step, vec logit, ivec totals, uint64_t first,
                        uint64_t path, uint64_t mask, int count)
{
    ivec wrong = less(splat(0), logit) ^ -(totals & 1);
    integer each[WIDTH];
    if (!any_lane(wrong) || step > x->step)
        return;
    memcpy(each, &wrong, sizeof each);
    for (int lane = 0; lane < count; lane++) {
        uint64_t word = (first + lane + path) & mask;
        if (each[lane] && (step < x->step || word < x->word)) {
            x->step = step;
            x->word = word;
        }
    }
}

/* Wₕh of the step t to come. */
INLINE void set_sums(exhaustive *x, const shape *s, const weights *w, int t)
{
    vec *sums = x->sums + t * s->hidden_size;
    for (int j = 0; j < s->hidden_size; j++)
        sums[j] = splat(R(-0.0)); /* x + −0 is x, for −0 too */
    add_sums((matrix){w->hidden, s->columns, 1}, x->states, s->hidden_size, SEQUENCES,
             s->hidden_size, sums);
}

/* Whether some output may be wrong after t symbols, from `level` on those of the path. */
INLINE int worth_walking(const exhaustive *x, const shape *s, int level, int t, uint64_t path)
{
    const window *w = &x->boxes.window;
    if (t >= x->depth || t > x->step)
        return 0;
    if (!x->doubts_known || t - level < w->length)
        return 1;
    const int digits = (int)(path >> s->operands * (t - w->length)) & (w->of_window - 1);
    return in_doubt(&x->boxes, t, digits);
}

/* From `level` on, all words whose first symbols the lanes have been through. */
INLINE void walk_shaped(const shape *s, exhaustive *x, const weights *w, int level, ivec carry,
                        uint64_t first, int count)
{
    ivec carries[MAX_DEPTH];
    uint64_t paths[MAX_DEPTH];
    int symbols[MAX_DEPTH];
    int t = level;
    carries[t] = carry;
    paths[t] = 0;
    symbols[t] = 0;
    if (t >= x->depth)
        return;
    set_sums(x, s, w, t);
    while (t >= level) {
        const int fed = t < x->bits ? 1 << s->operands : 1;
        const int symbol = symbols[t]++;
        if (symbol >= fed || t > x->step) {
            t--;
            continue;
        }
        const vec *sums = x->sums + t * s->hidden_size;
        const real *inputs = x->inputs + symbol * s->columns;
        for (int j = 0; j < s->hidden_size; j++)
            x->states[j] = sums[j] + inputs[j];
        activate(x->states, s->hidden_size, s->activation);
        const ivec totals = carries[t] + x->form.weights[symbol];
        const uint64_t path =
            paths[t] + (t < x->bits ? (uint64_t)symbol << s->operands * t : UINT64_C(0));
        note_errors(x, t, lanes_logit(s, SEQUENCES, w, x->states), totals, first, path, UINT64_MAX,
                    count);
        if (!worth_walking(x, s, level, t + 1, path))
            continue;
        t++;
        carries[t] = totals >> 1;
        paths[t] = path;
        symbols[t] = 0;
        set_sums(x, s, w, t);
    }
}

NOINLINE void walk(exhaustive *x, const shape *s, const weights *w, int level, ivec carry,
                   uint64_t first, int count)
{
    SHAPED(walk_shaped, s, x, w, level, carry, first, count);
}

/* Lanes get words first … first + count − 1 of `level` symbols, run from the start. */
NOINLINE ivec run_prefixes(exhaustive *x, const shape *s, const weights *w, int level,
                           uint64_t first, int count)
{
    ivec carry = bits_of(splat(0)) + x->form.start;
    vec other[BINADD_MAX_HIDDEN_SIZE];
    vec *before = 0, *h = level % 2 ? x->states : other;
    for (int t = 0; t < level; t++) {
        integer symbols[WIDTH], added[WIDTH];
        ivec lanes, inputs[BINADD_MAX_OPERANDS], totals;
        for (int lane = 0; lane < WIDTH; lane++) {
            uint64_t word = first + (lane < count ? lane : 0);
            symbols[lane] = word >> s->operands * t & ((1 << s->operands) - 1);
            added[lane] = x->form.weights[symbols[lane]];
        }
        memcpy(&lanes, symbols, sizeof lanes);
        memcpy(&totals, added, sizeof totals);
        totals = totals + carry;
        for (int i = 0; i < s->operands; i++)
            inputs[i] = bit_mask(lanes, i);
        step(s, SEQUENCES, w, inputs, before, h);
        note_errors(x, t, lanes_logit(s, SEQUENCES, w, h), totals, first, 0,
                    (UINT64_C(1) << s->operands * (t + 1)) - 1, count);
        carry = totals >> 1;
        before = h;
        h = h == other ? x->states : other;
    }
    return carry;
}

/* Symbols that are spread over the lanes: as few as fill them. */
INLINE int spread_level(const shape *s, int bits)
{
    int level = 1;
    while (level < bits && 1 << s->operands * level < WIDTH)
        level++;
    return level;
}

static size_t first_error_workspace_size(const binadd_network *network, int bits)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_exhaustive(&a, network, &s, bits);
    return arena_size(&a);
}

static void first_error(const binadd_network *network, const void *block, int bits, int *step,
                        uint64_t *word, void *workspace)
{
    const shape s = shape_of(network);
    arena a = arena_at(workspace);
    exhaustive x = take_exhaustive(&a, network, &s, bits);
    prepare_exhaustive(&x, &s, block);
    *step = -1;
    *word = 0;
    x.doubts_known = settle_by_boxes(&x.boxes, &s);
    if (x.doubts_known && x.boxes.doubts == 0)
        return;
    const weights w = weights_of(&s, SEQUENCES, x.block, 0);
    const int level = spread_level(&s, bits);
    const uint64_t words = UINT64_C(1) << s.operands * level;
    for (uint64_t first = 0; first < words; first += WIDTH) {
        const int count = lanes_for(words - first);
        ivec carry = run_prefixes(&x, &s, &w, level, first, count);
        walk(&x, &s, &w, level, carry, first, count);
    }
    if (x.step < x.depth) {
        *step = x.step;
        *word = x.word;
    }
}

#endif
