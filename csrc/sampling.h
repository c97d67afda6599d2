/* sampling.h: boxes around states that a network is in after the words of contexts.
 *
 * Words from the state 0 give states for each carry; from these, the words of each context are run.
 * binadd/kernels/reference.py has the same operations in the same order.
 */
#ifndef BINADD_SAMPLING_H
#define BINADD_SAMPLING_H

#include "form.h"
#include "forward.h"

#define LEAST_ROOM 1e-4 /* to each side of a box */

typedef struct {
    forward_workspace forward;
    real *ends;     /* (N, H)      states after the words from the state 0 */
    real *states;   /* (M + 1, H)  those before a context's word, then those after it */
    uint8_t *words; /* (M + 1, D)  its word for each of them */
} sampling_workspace;

INLINE sampling_workspace take_sampling(arena *a, const shape *s, const binadd_sampling *b)
{
    const size_t state = s->hidden_size * sizeof(real), all = b->samples + 1;
    sampling_workspace k;
    k.forward = take_forward(a, s);
    k.ends = take(a, b->sequences * state);
    k.states = take(a, all * state);
    k.words = take(a, all * b->length);
    return k;
}

static size_t sampling_workspace_size(const binadd_network *network, const binadd_sampling *b)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_sampling(&a, &s, b);
    return arena_size(&a);
}

/* The states before a context's word: those of its carry and, where sums begin with this, the state 0,
 * too. Returns how many there are. */
INLINE size_t gather_states(const binadd_sampling *b, const sampling_workspace *k, size_t context,
                            size_t size, int start)
{
    const size_t state = size * sizeof(real);
    const int32_t carry = b->carries[context], *pool = b->pools + carry * b->samples;
    const size_t count = b->samples + (carry == start);
    memset(k->states, 0, count * state);
    for (size_t i = 0; i < b->samples; i++)
        if (pool[i] >= 0)
            memcpy(k->states + i * size, k->ends + pool[i] * size, state);
    for (size_t i = 0; i < count && b->length; i++)
        memcpy(k->words + i * b->length, b->words + context * b->length, b->length);
    return count;
}

/* Raise and lower bounds to hold some states. */
INLINE void hold_states(const real *states, size_t count, int size, real *low, real *high)
{
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < size; j++) {
            const real x = states[i * size + j];
            low[j] = x < low[j] ? x : low[j];
            high[j] = x > high[j] ? x : high[j];
        }
}

/* The box around the states after a context's word: room in it goes by those that were sampled. */
INLINE void box_states(const binadd_sampling *b, const real *states, size_t count, int size,
                       real *low, real *high)
{
    real room[BINADD_MAX_HIDDEN_SIZE], widest = 0;
    memcpy(low, states, size * sizeof(real));
    memcpy(high, states, size * sizeof(real));
    hold_states(states, b->samples, size, low, high);
    for (int j = 0; j < size; j++)
        widest = high[j] - low[j] > widest ? high[j] - low[j] : widest;
    for (int j = 0; j < size; j++)
        room[j] = b->inflation * (high[j] - low[j]) + (b->floor * widest + LEAST_ROOM);
    hold_states(states + b->samples * size, count - b->samples, size, low, high);
    for (int j = 0; j < size; j++) {
        low[j] -= room[j];
        high[j] += room[j];
    }
}

/* Go on for about `work` multiplications. */
static void sample_boxes(const binadd_network *network, binadd_sampling *b, int64_t work,
                         void *workspace)
{
    const shape s = shape_of(network);
    const int size = s.hidden_size, start = form_of(network).start;
    const size_t all = b->sequences + b->contexts;
    arena a = arena_at(workspace);
    const sampling_workspace k = take_sampling(&a, &s, b);
    binadd_run run = {b->block, b->symbols, b->sequences, b->steps, .final_state = k.ends};
    memcpy(k.forward.block, b->block, block_size(&s) * sizeof(real));
    const weights w = weights_of(&s, SEQUENCES, k.forward.block, 0);
    for (; b->next < b->sequences && work > 0; work -= (int64_t)size * size * WIDTH * run.steps) {
        const int count = lanes_for(b->sequences - b->next);
        run_lanes(&s, &w, &run, 0, k.forward.states, b->next, count);
        b->next += count;
    }
    run.symbols = k.words, run.sequences = b->samples + 1, run.steps = b->length;
    run.initial_state = run.final_state = k.states;
    for (; b->next < all && work > 0; b->next++) {
        const size_t context = b->next - b->sequences, place = context * s.columns;
        const size_t count = gather_states(b, &k, context, size, start);
        for (size_t i = 0; i < count && b->length; i += WIDTH)
            run_lanes(&s, &w, &run, 0, k.forward.states, i, lanes_for(count - i));
        memset(b->low + place, 0, s.columns * sizeof(real));
        memset(b->high + place, 0, s.columns * sizeof(real));
        box_states(b, k.states, count, size, b->low + place, b->high + place);
        work -= (int64_t)size * (size * (int64_t)b->length + 1) * (int64_t)count;
    }
}

#endif
