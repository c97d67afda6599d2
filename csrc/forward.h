/* forward.h: run a network: one sequence with units in the lanes, many with sequences. */
#ifndef BINADD_FORWARD_H
#define BINADD_FORWARD_H

#include "arena.h"
#include "network.h"
#include "spread.h"

INLINE void load_row(vec *row, const real *values, int size, int columns)
{
    memset(row, 0, columns * sizeof(real));
    memcpy(row, values, size * sizeof(real));
}

/* Steps `first` … of one sequence of any length. */
INLINE void run_one_shaped(const shape *s, const weights *w, const binadd_run *r, real *logits,
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
        ivec x[BINADD_MAX_OPERANDS];
        for (int i = 0; i < s->operands; i++)
            x[i] = operand_mask(r->symbols[t], i);
        step(s, UNITS, w, x, before, h);
        if (logits)
            logits[t] = unit_logit(s, w, h);
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
INLINE void run_lanes_shaped(const shape *s, const weights *w, const binadd_run *r, real *logits,
                             vec *states, size_t index, int count)
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
        step(s, SEQUENCES, w, x, before, h);
        if (logits) {
            vec logit = lanes_logit(s, SEQUENCES, w, h);
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

NOINLINE void run_one(const shape *s, const weights *w, const binadd_run *r, real *logits,
                      vec *states)
{
    SHAPED(run_one_shaped, s, w, r, logits, states);
}

NOINLINE void run_lanes(const shape *s, const weights *w, const binadd_run *r, real *logits,
                        vec *states, size_t index, int count)
{
    SHAPED(run_lanes_shaped, s, w, r, logits, states, index, count);
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

static size_t forward_workspace_size(const binadd_network *network)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_forward(&a, &s);
    return arena_size(&a);
}

static void forward(const binadd_network *network, const binadd_run *r, void *workspace)
{
    const shape s = shape_of(network);
    arena a = arena_at(workspace);
    forward_workspace f = take_forward(&a, &s);
    const int single = r->sequences == 1;
    const size_t each = single ? 1 : r->steps, from = r->first * each;
    const size_t end = r->first + r->count;
    real *logits = r->logits ? r->logits : r->probabilities;
    memcpy(f.block, r->block, block_size(&s) * sizeof(real));
    const weights w = weights_of(&s, single ? UNITS : SEQUENCES, f.block, 0);
    if (single)
        run_one(&s, &w, r, logits, f.states);
    else
        for (size_t i = r->first; i < end; i += WIDTH)
            run_lanes(&s, &w, r, logits, f.states, i, lanes_for(end - i));
    if (r->probabilities)
        activate_values(BINADD_SIGMOID, logits + from, r->count * each,
                        (real *)r->probabilities + from);
}

#endif
