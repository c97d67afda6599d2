/* forward.h: running a network: one sequence by unit lanes, many by example lanes. */
#ifndef BINADD_FORWARD_H
#define BINADD_FORWARD_H

#include "examples.h"
#include "unit_lanes.h"

INLINE void activation_values_of(binadd_activation activation, const real *values, size_t count,
                                 real *results)
{
    size_t i = 0;
    vec x;
    for (; i + WIDTH <= count; i += WIDTH) {
        memcpy(&x, values + i, sizeof x);
        activate(&x, 1, activation);
        memcpy(results + i, &x, sizeof x);
    }
    if (i == count)
        return;
    x = splat(0);
    memcpy(&x, values + i, (count - i) * sizeof(real));
    activate(&x, 1, activation);
    memcpy(results + i, &x, (count - i) * sizeof(real));
}

INLINE void load_row(vec *row, const real *values, int size, int columns)
{
    memset(row, 0, columns * sizeof(real));
    memcpy(row, values, size * sizeof(real));
}

/* Steps `first` … of one sequence of any length. */
INLINE void run_one_shaped(const shape *s, const unit_weights *w, const binadd_run *r, real *logits,
                           vec *states)
{
    const int width = vectors_of(s);
    const size_t bytes = s->hidden_size * sizeof(real);
    vec *before = 0, *h = states;
    const void *start = r->first ? r->final_state : r->initial_state;
    if (start) {
        before = states + width;
        load_row(before, start, s->hidden_size, s->columns);
    }
    for (size_t t = r->first; t < r->first + r->count; t++) {
        unit_step(w, s, r->symbols[t], before, h);
        if (logits)
            logits[t] = unit_logit(w, s, h);
        if (r->hidden)
            memcpy((real *)r->hidden + t * s->hidden_size, h, bytes);
        before = h;
        h = h == states ? states + width : states;
    }
    if (r->final_state)
        memcpy(r->final_state, before, bytes);
}

/* Steps whose symbols are spread over the lanes at once, before the first is needed. */
enum { AHEAD = 8 };

/* `count` sequences from `index` on, a lane each. */
INLINE void run_lanes_shaped(const shape *s, const shared_weights *w, const binadd_run *r,
                             real *logits, vec *states, size_t index, int count)
{
    const size_t size = s->hidden_size;
    vec *before = 0, *h = states;
    const uint8_t *bytes = r->symbols + index * r->steps;
    ivec symbols[AHEAD], x[BINADD_MAX_OPERANDS];
    size_t starts[WIDTH];
    find_starts(starts, r->steps, count);
    if (r->initial_state) {
        before = states + size;
        load_lanes(before, (const real *)r->initial_state + index * size, size, size, count);
    }
    for (size_t t = 0; t < r->steps; t++) {
        if (t % AHEAD == 0)
            for (size_t i = t; i < t + AHEAD && i < r->steps; i++)
                spread(bytes + i, starts, &symbols[i % AHEAD]);
        for (int i = 0; i < s->operands; i++)
            x[i] = bit_mask(symbols[t % AHEAD], i);
        shared_step(w, s, x, before, h);
        if (logits) {
            vec logit = shared_logit(w, s, h);
            store_lanes(&logit, logits + index * r->steps + t, r->steps, 1, count);
        }
        if (r->hidden)
            store_lanes(h, (real *)r->hidden + (index * r->steps + t) * size, r->steps * size, size,
                        count);
        before = h;
        h = h == states ? states + size : states;
    }
    if (r->final_state)
        store_lanes(before, (real *)r->final_state + index * size, size, size, count);
}

APART void run_one(const shape *given, const unit_weights *w, const binadd_run *r, real *logits,
                   vec *states)
{
    SHAPED(run_one_shaped(s, w, r, logits, states));
}

APART void run_lanes(const shape *given, const shared_weights *w, const binadd_run *r, real *logits,
                     vec *states, size_t index, int count)
{
    SHAPED(run_lanes_shaped(s, w, r, logits, states, index, count));
}

typedef struct {
    vec *block;  /* (R, S) */
    vec *states; /* two steps' */
} forward_workspace;

INLINE forward_workspace take_forward(arena *a, const shape *s)
{
    forward_workspace f;
    f.block = take(a, block_size(s) * sizeof(real));
    f.states = take(a, 2 * s->columns * sizeof(vec));
    return f;
}

INLINE void run_sequences(const shape *s, const binadd_run *r, void *workspace)
{
    arena a = arena_at(workspace);
    forward_workspace f = take_forward(&a, s);
    real *logits = r->logits ? r->logits : r->probabilities;
    memcpy(f.block, r->block, block_size(s) * sizeof(real));
    if (r->sequences == 1) {
        const unit_weights w = unit_rows(f.block, 0, s);
        run_one(s, &w, r, logits, f.states);
    } else {
        const shared_weights w = shared_name_rows((const real *)f.block, s);
        for (size_t i = r->first; i < r->first + r->count; i += WIDTH)
            run_lanes(s, &w, r, logits, f.states, i, lanes_for(r->first + r->count - i));
    }
    const size_t each = r->sequences == 1 ? 1 : r->steps, from = r->first * each;
    if (r->probabilities)
        activation_values_of(BINADD_SIGMOID, logits + from, r->count * each,
                             (real *)r->probabilities + from);
}

#endif
