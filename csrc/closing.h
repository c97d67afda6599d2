/* closing.h: rounds of propagating sets and widening them, until nothing escapes.
 *
 * The order of every operation is that of binadd/kernels/closing.py.
 */
#ifndef BINADD_CLOSING_H
#define BINADD_CLOSING_H

#include "reach.h"

#define CLOSING_LEAST 1e-6 /* the least by which a cell is widened */

/* A cell's box, out of its bounds. Those of cells side by side reach a little over their cuts. */
INLINE void box_cell(const shape *s, const binadd_closing *c, size_t cell)
{
    const size_t place = cell * s->columns;
    const real *low = c->low + place, *high = c->high + place;
    real *middle = c->middles + place, *half = c->halves + place;
    int used = 1;
    for (int i = 0; i < s->hidden_size; i++)
        used &= low[i] <= high[i];
    memset(middle, 0, s->columns * sizeof(real));
    memset(half, 0, s->columns * sizeof(real));
    for (int i = 0; i < s->hidden_size; i++) {
        middle[i] = used ? (low[i] + high[i]) * R(0.5) : 0;
        half[i] = used ? (high[i] - low[i]) * R(0.5) : -1;
    }
    if (used && c->reach->widths[c->reach->owners[cell]] < INFINITY)
        half[0] += 2 * c->reach->slack;
}

/* Keep the first coordinate of a cell between its cuts: where there are none, k is 0 and the width
 * INFINITY. */
INLINE void clip_to_cuts(const binadd_reach *r, size_t cell, real *low, real *high)
{
    const int32_t q = r->owners[cell];
    const real width = r->widths[q], k = (real)((int32_t)cell - r->first[q] + r->lowest[q]);
    const real start = (k - R(0.5)) * width, end = (k + R(0.5)) * width;
    *low = *low < start ? start : *low;
    *high = *high > end ? end : *high;
}

/* Widen a cell by what it would have to hold, and more, but not over its cuts; whether it was. */
INLINE int widen_cell(const shape *s, const binadd_closing *c, size_t cell)
{
    const size_t place = cell * s->columns;
    const real *least = c->reach->least + place, *most = c->reach->most + place;
    const real room = 3 * c->reach->slack, factor = 1 + c->growth;
    const int new = c->halves[place] < 0;
    real *low = c->low + place, *high = c->high + place;
    real to[2][BINADD_MAX_HIDDEN_SIZE];
    int moved = 0, used = 1;
    for (int i = 0; i < s->hidden_size; i++) {
        const real below = low[i] - least[i] + room, above = most[i] - high[i] + room;
        to[0][i] = low[i];
        to[1][i] = high[i];
        if (new || below > 0)
            to[0][i] = new ? least[i] - room : low[i] - below * factor - CLOSING_LEAST;
        if (new || above > 0)
            to[1][i] = new ? most[i] + room : high[i] + above * factor + CLOSING_LEAST;
    }
    clip_to_cuts(c->reach, cell, &to[0][0], &to[1][0]);
    for (int i = 0; i < s->hidden_size; i++) {
        moved |= to[0][i] != low[i] || to[1][i] != high[i];
        used &= to[0][i] <= to[1][i];
    }
    if (!moved || !used)
        return 0;
    memcpy(low, to[0], s->hidden_size * sizeof(real));
    memcpy(high, to[1], s->hidden_size * sizeof(real));
    box_cell(s, c, cell);
    return 1;
}

/* Note what the outcome of an origin, after at most `steps` steps, means for what is to come. */
INLINE void judge_origin(const binadd_closing *c, size_t p, int steps)
{
    const binadd_reach *r = c->reach;
    const int outcome = r->outcomes[p];
    uint8_t *state = &c->states[p];
    *state = BINADD_OPEN;
    if (outcome == 0 || outcome == BINADD_WIDENED) /* cells are about to take in what escaped */
        *state = BINADD_CLOSED;
    else if (outcome & (BINADD_DOUBT | BINADD_TOO_MANY) || c->steps[p] >= c->most_steps)
        *state = BINADD_STUCK;
    else
        c->steps[p]++;
    if (outcome == BINADD_WIDENED)
        r->depths[p] = steps;
}

INLINE int32_t used_cells(const shape *s, const binadd_closing *c)
{
    int32_t used = 0;
    for (size_t cell = 0; cell < c->reach->cells; cell++)
        used += c->halves[cell * s->columns] >= 0;
    return used;
}

/* Whether an origin is to be propagated: not that of an empty cell, and the initial state only where
 * it is the last one open, for sets around it are wide by then. */
INLINE int is_due(const shape *s, const binadd_closing *c, size_t p)
{
    if (c->states[p] == BINADD_CLOSED)
        return 0;
    return p < c->reach->cells ? c->halves[p * s->columns] >= 0 : !c->visited;
}

/* Note that a cell would have to hold nothing more. */
INLINE void forget_escapes(const shape *s, const binadd_reach *r, size_t cell)
{
    for (size_t i = cell * s->columns; i < (cell + 1) * s->columns; i++) {
        r->least[i] = INFINITY;
        r->most[i] = -INFINITY;
    }
}

/* Widen cells by what of an origin's images escaped them; they are to be propagated again. */
INLINE void take_in(const walker *w, const binadd_closing *c)
{
    const binadd_reach *r = c->reach;
    for (int i = 0; i < w->now->escapes; i++) {
        const size_t cell = (size_t)w->escapes[i];
        if (r->least[cell * w->s->columns] == INFINITY)
            continue; /* widened already, or not to be */
        if (widen_cell(w->s, c, cell) && c->states[cell] == BINADD_CLOSED)
            c->states[cell] = BINADD_OPEN;
        forget_escapes(w->s, r, cell);
    }
}

/* See whether there is more to do. */
INLINE void end_round(const shape *s, binadd_closing *c)
{
    int open = 0;
    for (size_t p = 0; p < c->reach->count; p++) {
        const int counts = p == c->reach->cells || c->halves[p * s->columns] >= 0;
        open |= counts && c->states[p] != BINADD_CLOSED;
    }
    c->round++;
    c->done =
        !open || c->spent > c->work || c->round >= c->rounds || used_cells(s, c) > c->most_cells;
    c->reach->next = 0;
    c->visited = 0;
}

/* Go on with rounds, for about `most` multiplications. */
static void close_sets(const binadd_network *network, binadd_closing *c, int64_t most,
                       void *workspace)
{
    const shape s = shape_of(network);
    walker w;
    arena a = arena_at(workspace);
    binadd_reach *r = c->reach;
    take_walker(&w, &a, network, &s, r->steps);
    w.r = r;
    if (!c->begun) {
        prepare_walker(&w);
        for (size_t cell = 0; cell < r->cells; cell++) {
            box_cell(&s, c, cell);
            forget_escapes(&s, r, cell);
        }
        c->begun = 1;
    }
    while (!c->done && most > 0) {
        const size_t p = r->next;
        if (p == r->count) {
            end_round(&s, c);
            continue;
        }
        if (!r->within && is_due(&s, c, p)) {
            c->visited = 1;
            begin_walk(&w, p < r->cells ? (int32_t)p : -1,
                       c->steps[p] < r->steps ? c->steps[p] : r->steps);
            r->within = 1;
        }
        if (r->within) {
            if (!walk_on(&w, r, p, &most))
                return;
            c->spent += r->work[p];
            judge_origin(c, p, w.now->most);
            take_in(&w, c);
            c->done = c->states[p] == BINADD_STUCK;
        }
        r->next++;
        most--;
    }
}

#endif
