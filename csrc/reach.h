/* reach.h: what becomes of sets of hidden states, until sets cover it again.
 *
 * A context is what the last input words tell: true addition's carry, and about where the network
 * is. Its set is one box, or boxes side by side, its cells, in the coordinates y = V(x − o) of the
 * context; V = I without a frame. Cell k holds states with (k − ½)w ≤ y₀ ≤ (k + ½)w, w the width of
 * the context's cells. All that a cell can become is propagated as zonotopes {z + G·e + s·e′ :
 * |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}, depth first, symbol by symbol: an image that the cells of its context cover
 * is done, any other takes a further step. Bounds hold for the very function that binadd computes;
 * docs/proof.md derives them, and the order of every sum is that of binadd/kernels/reach.py.
 *
 * Generators are kept as those of the pre-activations, A = Wₕ·G, a row for each unit. So what a
 * linear form of the next state adds up to, over slopes λ, is Σₖ (cₖλₖ)·Aₖ: the logit's, an axis's
 * and the next pre-activations' generators come from one loop, whose vectors are generators.
 */
#ifndef BINADD_REACH_H
#define BINADD_REACH_H

#include "arena.h"
#include "relaxation.h"
#include "transpose.h"

#define REACH_PAD 0x1p-44 /* covers sums of some hundred terms that add up to at most 2 */
#define REACH_BOUND 2     /* no state is as far from 0 as this */

/* The nearest integer, of two the even one; for numbers below 2⁵¹. */
INLINE real nearest(real x)
{
    volatile const real shifted = x + R(0x1.8p52);
    return shifted - R(0x1.8p52);
}

INLINE real clip(real x)
{
    return x < -1 ? -1 : x > 1 ? 1 : x;
}

/* ---- Linear forms of generators --------------------------------------------------------------- */

enum { FORM_ROWS = GROUP > 4 ? 1 : 8 / GROUP, ROW_BLOCKS = 4 };

/* Σₖ c(row, k)·A(k, ·), k from 0 up, for some rows and blocks of ACCUMULATORS columns: enough sums at a time
 * to keep the adders busy. */
INLINE void mix_tile(const real *c, size_t stride, int rows, int blocks, const real *A,
                     size_t columns, int size, vec sums[][GROUP])
{
    UNROLL
    for (int i = 0; i < rows * blocks; i++) {
        UNROLL
        for (int g = 0; g < GROUP; g++)
            sums[i][g] = load(A + i % blocks * ACCUMULATORS + g * WIDTH) * c[i / blocks * stride];
    }
    for (int k = 1; k < size; k++) {
        UNROLL
        for (int i = 0; i < rows * blocks; i++) {
            UNROLL
            for (int g = 0; g < GROUP; g++)
                sums[i][g] =
                    sums[i][g] + load(A + k * columns + i % blocks * ACCUMULATORS + g * WIDTH) *
                                     c[i / blocks * stride + k];
        }
    }
}

/* Add what a tile's sums differ from 0 to the rows' totals, and keep them if there is room. */
INLINE void settle_tile(int rows, int blocks, vec sums[][GROUP], vec totals[][GROUP], real *to,
                        size_t to_columns)
{
    UNROLL
    for (int i = 0; i < rows * blocks; i++) {
        UNROLL
        for (int g = 0; g < GROUP; g++) {
            totals[i / blocks][g] = totals[i / blocks][g] + magnitude(sums[i][g]);
            if (to)
                memcpy(to + i / blocks * to_columns + i % blocks * ACCUMULATORS + g * WIDTH,
                       &sums[i][g], sizeof(vec));
        }
    }
}

INLINE void mix_rows(const real *c, size_t stride, int rows, const real *A, size_t columns,
                     int size, real *to, size_t to_columns, real *spreads)
{
    vec totals[FORM_ROWS][GROUP], sums[FORM_ROWS + ROW_BLOCKS][GROUP];
    const int blocks = rows == 1 ? ROW_BLOCKS : 1;
    size_t column = 0;
    for (int i = 0; i < rows; i++)
        for (int g = 0; g < GROUP; g++)
            totals[i][g] = splat(0);
    for (; column + blocks * ACCUMULATORS <= columns; column += blocks * ACCUMULATORS) {
        mix_tile(c, stride, rows, blocks, A + column, columns, size, sums);
        settle_tile(rows, blocks, sums, totals, to ? to + column : 0, to_columns);
    }
    for (; column < columns; column += ACCUMULATORS) {
        mix_tile(c, stride, rows, 1, A + column, columns, size, sums);
        settle_tile(rows, 1, sums, totals, to ? to + column : 0, to_columns);
    }
    for (int i = 0; i < rows; i++)
        spreads[i] = halve(totals[i], GROUP);
}

/* Rows C·A, `rows` of them but at most FORM_ROWS: kept in `to` unless it is NULL; `spreads` get the
 * sum of each row's magnitudes. */
NOINLINE void mix(const real *c, size_t stride, int rows, const real *A, size_t columns, int size,
                  real *to, size_t to_columns, real *spreads)
{
    if (rows == FORM_ROWS) {
        mix_rows(c, stride, FORM_ROWS, A, columns, size, to, to_columns, spreads);
        return;
    }
    for (int i = 0; i < rows; i++)
        mix_rows(c + i * stride, stride, 1, A, columns, size, to ? to + i * to_columns : 0,
                 to_columns, spreads + i);
}

/* ---- A walk over all images of an origin ------------------------------------------------------ */

enum { MOST_ESCAPES = 8192, LEVEL_ROWS = 7, SCRATCH_ROWS = 5 };

/* A case, and its image under the symbol at hand. */
typedef struct {
    real *A;        /* (H, S·(t + 1))  generators of the pre-activations */
    size_t columns; /* S·(t + 1) */
    vec *sums;      /* (S)  Wₕz */
    vec *error;     /* (S)  by how much pre-activations may be off, but for the generators */
    vec *radius;    /* (S)  the same with the generators */
    vec *slope;     /* (S)  λ: the image's generators are slope·A */
    vec *z;         /* (S)  the image's middle */
    vec *box;       /* (S)  the image's box */
    vec *spread;    /* (S)  by how much the image's units differ from the middle at most */
} level;

/* Where a walk stands; kept in the workspace from one call to the next. */
typedef struct {
    int depth; /* levels in use */
    int steps; /* most of them so far */
    int most;  /* the last of them: images must be covered */
    int escapes, outcome;
    int64_t work;
    real margin;
} standing;

typedef struct {
    const shape *s;
    const binadd_reach *r;
    standing *now;
    form form;
    vec *block;        /* (R, S) */
    vec *sizes;        /* (R, S)  magnitudes */
    real *inputs;      /* (2ⁿ, S) bₕ + Wᵢx of every symbol */
    vec *weights;      /* (H, S)  Wₕ by rows: to unit j */
    real *rows;        /* (S, S)  coefficients of what generators are asked for */
    real *forms;       /* (H, S·steps)  an image's generators in a context's coordinates */
    vec *scratch;      /* (SCRATCH_ROWS, S) */
    relaxation *lines; /* (S / WIDTH) */
    int32_t *path;     /* (steps, 2)  contexts and symbols */
    int32_t *escapes;  /* (MOST_ESCAPES)        cells */
    real *escaped;     /* (MOST_ESCAPES, 2, S)  low and high in their coordinates */
    real *at, *reach;  /* (S)  an image in a context's coordinates: y, and its spread */
    real *low, *high;  /* (2K, S)  bounds of the origin's images after each total */
    level levels[BINADD_MAX_STEPS];
} walker;

INLINE void take_walker(walker *w, arena *a, const binadd_network *network, const shape *s,
                        int steps)
{
    const size_t row = s->columns * sizeof(real);
    w->s = s;
    w->form = form_of(network);
    w->now = take(a, sizeof(standing));
    w->block = take(a, block_size(s) * sizeof(real));
    w->sizes = take(a, block_size(s) * sizeof(real));
    w->inputs = take(a, row << s->operands);
    w->weights = take(a, row * s->hidden_size);
    w->rows = take(a, row * s->columns);
    w->forms = take(a, row * s->hidden_size * steps);
    w->at = take(a, row);
    w->reach = take(a, row);
    w->low = take(a, 2 * w->form.carries * row);
    w->high = take(a, 2 * w->form.carries * row);
    w->scratch = take(a, SCRATCH_ROWS * row);
    w->lines = take(a, 3 * row);
    w->path = take(a, 2 * steps * sizeof(int32_t));
    w->escapes = take(a, MOST_ESCAPES * sizeof(int32_t));
    w->escaped = take(a, MOST_ESCAPES * 2 * row);
    for (int t = 0; t < steps; t++) {
        level *l = &w->levels[t];
        vec **rows[LEVEL_ROWS] = {&l->sums, &l->error, &l->radius, &l->slope,
                                  &l->z,    &l->box,   &l->spread};
        l->columns = (size_t)s->columns * (t + 1);
        l->A = take(a, s->hidden_size * l->columns * sizeof(real));
        for (int i = 0; i < LEVEL_ROWS; i++)
            *rows[i] = take(a, row);
    }
}

static size_t reach_workspace_size(const binadd_network *network, int steps)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    walker w;
    take_walker(&w, &a, network, &s, steps);
    return arena_size(&a);
}

INLINE void prepare_walker(walker *w)
{
    const shape *s = w->s;
    const int width = vectors_of(s);
    memcpy(w->block, w->r->block, block_size(s) * sizeof(real));
    for (size_t i = 0; i < block_size(s) / WIDTH; i++)
        w->sizes[i] = magnitude(w->block[i]);
    memset(w->weights, 0, s->hidden_size * s->columns * sizeof(real));
    transpose(w->block + s->operands * width, w->weights, s);
    sum_inputs((const real *)w->block, s, w->inputs);
    w->now->depth = 0;
}

/* The pre-activations' middle and error, of a level whose box and middle are given. */
INLINE void sum_middle(const walker *w, level *l, const vec *z)
{
    const shape *s = w->s;
    const real *error = w->r->unit_error, *each = w->r->generator_error;
    const real generators = (real)(s->hidden_size + l->columns);
    for (int v = 0; v < vectors_of(s); v++) {
        l->sums[v] = splat(0);
        l->error[v] = load(error + v * WIDTH) + load(each + v * WIDTH) * generators;
    }
    add_hidden(s, w->block, z, l->sums);
}

/* Columns of A that a box of the states gives: A(j, k) = W(j, k)·box(k). */
INLINE void add_box(const walker *w, level *l, const vec *box, size_t column, real *spreads)
{
    const shape *s = w->s;
    for (int j = 0; j < s->hidden_size; j++) {
        vec totals[GROUP];
        for (int g = 0; g < GROUP; g++)
            totals[g] = splat(0);
        for (int v = 0; v < vectors_of(s); v++) {
            const vec generators = w->weights[j * vectors_of(s) + v] * box[v];
            memcpy(l->A + j * l->columns + column + v * WIDTH, &generators, sizeof(vec));
            totals[v % GROUP] = totals[v % GROUP] + magnitude(generators);
        }
        spreads[j] = halve(totals, GROUP);
    }
}

/* A case that is a box, of which units are followed one by one. */
INLINE void enter_interval(const walker *w, level *l, const vec *box)
{
    const shape *s = w->s;
    for (int v = 0; v < vectors_of(s); v++)
        l->radius[v] = l->error[v];
    add_hidden(s, w->sizes, box, l->radius);
}

/* A row of coefficients times the slopes. */
INLINE void scale_row(const walker *w, const level *l, const real *from, real *to)
{
    for (int v = 0; v < vectors_of(w->s); v++) {
        const vec scaled = load(from + v * WIDTH) * l->slope[v];
        memcpy(to + v * WIDTH, &scaled, sizeof scaled);
    }
}

/* Generators C·A of pre-activations, a row for each unit; `spreads` get the sum of each row's
 * magnitudes. */
INLINE void mix_units(const walker *w, const real *c, const real *A, size_t columns, level *l,
                      real *spreads)
{
    const size_t stride = w->s->columns;
    const int size = w->s->hidden_size;
    for (int j = 0; j < size; j += FORM_ROWS)
        mix(c + j * stride, stride, size - j < FORM_ROWS ? size - j : FORM_ROWS, A, columns, size,
            l->A + j * l->columns, l->columns, spreads + j);
}

/* The next case: the image at hand of the level below. */
INLINE void enter_image(const walker *w, const level *from, level *l)
{
    const shape *s = w->s;
    const size_t stride = s->columns;
    const int size = s->hidden_size;
    sum_middle(w, l, from->z);
    if (!w->r->affine) {
        enter_interval(w, l, from->box);
        return;
    }
    real *spreads = (real *)w->scratch, *radius = (real *)l->radius;
    for (int j = 0; j < size; j++)
        scale_row(w, from, (const real *)w->weights + j * stride, w->rows + j * stride);
    add_box(w, l, from->box, from->columns, spreads);
    memset(l->radius, 0, stride * sizeof(real));
    mix_units(w, w->rows, from->A, from->columns, l, radius);
    for (int j = 0; j < size; j++)
        radius[j] = (radius[j] + spreads[j]) + ((const real *)l->error)[j];
}

/* A box in the coordinates of a frame: its middle is added to z, `box` is how far it reaches, and the
 * walker's rows get its generators, a row for each unit. */
INLINE void turn_box(const walker *w, const real *basis, const real *middle, const real *half,
                     vec *z, vec *box)
{
    const size_t stride = w->s->columns;
    memset(w->rows, 0, stride * stride * sizeof(real));
    for (int i = 0; i < w->s->hidden_size; i++)
        for (int v = 0; v < vectors_of(w->s); v++) {
            const vec column = load(basis + i * stride + v * WIDTH);
            const vec generator = column * half[i];
            real each[WIDTH];
            z[v] = z[v] + column * middle[i];
            box[v] = box[v] + magnitude(generator);
            memcpy(each, &generator, sizeof each);
            for (int k = 0; k < WIDTH; k++)
                w->rows[(v * WIDTH + k) * stride + i] = each[k];
        }
}

/* Whether all states of a case are so near 0 that the bounds of our own rounding hold; false of a NaN,
 * too. */
INLINE int near_zero(const shape *s, const vec *z, const vec *spread)
{
    int near = 1;
    for (int k = 0; k < s->hidden_size; k++)
        near &= fabs(((const real *)z)[k]) + ((const real *)spread)[k] <= REACH_BOUND;
    return near;
}

/* The first case: a cell, or the state 0. Returns whether it is near enough to 0. */
INLINE int enter_origin(const walker *w, int32_t cell, int32_t context, level *l)
{
    const shape *s = w->s;
    const binadd_reach *r = w->r;
    const size_t stride = s->columns;
    const int size = s->hidden_size, width = vectors_of(s);
    vec *z = w->scratch, *box = z + width;
    real *radius = (real *)l->radius;
    memset(l->radius, 0, stride * sizeof(real));
    memset(z, 0, 2 * stride * sizeof(real));
    if (cell >= 0) {
        const real *middle = r->middles + cell * stride, *half = r->halves + cell * stride;
        memcpy(z, r->centres + context * stride, stride * sizeof(real));
        if (r->frame[context] < 0)
            for (int v = 0; v < width; v++) {
                z[v] = z[v] + load(middle + v * WIDTH);
                box[v] = load(half + v * WIDTH);
            }
        else
            turn_box(w, r->bases + r->frame[context] * stride * size, middle, half, z, box);
    }
    if (!near_zero(s, z, box))
        return 0;
    sum_middle(w, l, z);
    if (!r->affine) {
        enter_interval(w, l, box);
        return 1;
    }
    if (cell < 0 || r->frame[context] < 0)
        add_box(w, l, box, 0, radius);
    else
        mix_units(w, (const real *)w->weights, w->rows, stride, l, radius);
    for (int v = 0; v < width; v++)
        l->radius[v] = l->radius[v] + l->error[v];
    return 1;
}

/* The image of a case under a symbol. */
INLINE void step_case(const walker *w, level *l, int symbol)
{
    const shape *s = w->s;
    const int width = vectors_of(s);
    vec *a = w->scratch, *ends = a + width;
    const vec *inputs = (const vec *)w->inputs + symbol * width;
    if (!w->r->affine) {
        activate_intervals(s, l->sums, inputs, l->radius,
                           w->r->step_error + RELAXATION_F_ERROR + REACH_PAD, ends);
        centre(s, ends, REACH_PAD, l->z, l->box);
        memcpy(l->spread, l->box, width * sizeof(vec));
        return;
    }
    for (int v = 0; v < width; v++)
        a[v] = l->sums[v] + inputs[v];
    relax(a, l->radius, w->lines, width, s->activation, ends);
    for (int v = 0; v < width; v++) {
        const relaxation *line = &w->lines[v];
        const vec linear = line->slope * a[v];
        l->slope[v] = line->slope;
        l->z[v] = linear + line->offset;
        l->box[v] = (line->gap + line->slope * l->error[v] + w->r->step_error) +
                    REACH_PAD * (1 + magnitude(linear) + magnitude(line->offset));
        l->spread[v] = line->slope * l->radius[v] + l->box[v] + REACH_PAD;
    }
}

/* How far all logits of the image are at least on the side of 0 that the bit asks for; −∞ where that
 * is not a number. Adding +0 leaves no −0 behind. */
INLINE real margin_of(const walker *w, const level *l, int bit)
{
    const shape *s = w->s;
    const int output = (s->rows - 2) * vectors_of(s);
    real *row = (real *)w->scratch, linear = 0;
    if (!near_zero(s, l->z, l->spread))
        return -INFINITY;
    if (w->r->affine) {
        scale_row(w, l, (const real *)(w->block + output), row);
        mix(row, s->columns, 1, l->A, l->columns, s->hidden_size, 0, 0, &linear);
    }
    const real margin =
        logit_margin(s, w->block, w->sizes, l->z, l->box, linear, w->r->logit_error, bit) + 0;
    return margin > -INFINITY ? margin : -INFINITY;
}

/* Whether one coordinate of a cell reaches from low to high, and `room` says how far. */
INLINE int spans(real middle, real room, real low, real high)
{
    return low - middle >= -room && high - middle <= room;
}

/* Whether a cell holds what is within bounds, in the coordinates of its context. */
INLINE int holds(const walker *w, int32_t cell, const real *low, const real *high)
{
    const size_t stride = w->s->columns;
    const real *middle = w->r->middles + cell * stride, *half = w->r->halves + cell * stride;
    int inside = half[0] >= 0;
    for (int i = 0; i < w->s->hidden_size; i++)
        inside &= spans(middle[i], half[i] - w->r->slack, low[i], high[i]);
    return inside;
}

/* Keep what escaped at the last step, or note that it cannot be taken in. */
INLINE void note_escape(walker *w, int32_t cell, const real *low)
{
    const size_t stride = w->s->columns;
    standing *now = w->now;
    int noted = now->escapes < MOST_ESCAPES;
    for (int i = 0; i < w->s->hidden_size; i++)
        noted &= low[i] >= -INFINITY && low[stride + i] <= INFINITY; /* no NaN */
    if (!noted) {
        now->outcome |= BINADD_ESCAPED;
        return;
    }
    now->outcome |= BINADD_WIDENED;
    memcpy(w->escaped + 2 * stride * (size_t)now->escapes, low, 2 * stride * sizeof(real));
    w->escapes[now->escapes++] = cell;
}

/* Whether the set of a context of one cell holds the image. */
INLINE int covered_whole(walker *w, int32_t context, int last)
{
    const shape *s = w->s;
    const size_t stride = s->columns;
    const int32_t cell = w->r->first[context];
    real bounds[2 * BINADD_MAX_HIDDEN_SIZE];
    for (int i = 0; i < s->hidden_size; i++) {
        bounds[i] = w->at[i] - w->reach[i];
        bounds[stride + i] = w->at[i] + w->reach[i];
    }
    const int inside = holds(w, cell, bounds, bounds + stride);
    if (!inside && last)
        note_escape(w, cell, bounds);
    return inside;
}

/* Whether the cells of a context hold the image, each the part that reaches into it. The largest
 * generator along the first axis is shortened to what of it does. That generator may be tiny, so what
 * it is divided into must allow for all that was rounded: `reach` has the slack, too. An image that
 * reaches into more cells than may escape counts as outside, so that no image takes long. */
INLINE int covered_by_cells(walker *w, const level *l, int32_t context, int last)
{
    const shape *s = w->s;
    const binadd_reach *r = w->r;
    const size_t stride = s->columns, columns = r->affine ? l->columns : 1;
    const real width = r->widths[context], reach = w->reach[0] + r->slack;
    const real from = nearest((w->at[0] - reach) / width), to = nearest((w->at[0] + reach) / width);
    const int32_t first = r->first[context], count = r->first[context + 1] - first;
    const real lowest = r->lowest[context];
    if (!(from >= lowest && to < lowest + count && to - from < MOST_ESCAPES)) {
        w->now->outcome |= last ? BINADD_ESCAPED : 0;
        return 0;
    }
    size_t largest = 0;
    for (size_t g = 1; g < columns; g++)
        if (fabs(w->forms[g]) > fabs(w->forms[largest]))
            largest = g;
    const real along = w->forms[largest], rest = reach - fabs(along);
    int inside = 1;
    for (real k = from; k <= to; k += 1) {
        const real start = (k - R(0.5)) * width, end = (k + R(0.5)) * width;
        real bounds[2 * BINADD_MAX_HIDDEN_SIZE], middle = 0, half = 1;
        if (from < to && along != 0) {
            const real a = ((start - w->at[0]) - rest) / along,
                       b = ((end - w->at[0]) + rest) / along;
            const real low = clip(a < b ? a : b), high = clip(a < b ? b : a);
            middle = (low + high) * R(0.5);
            half = (high - low) * R(0.5);
        }
        for (int i = 0; i < s->hidden_size; i++) {
            const real generator = w->forms[i * columns + largest], size = fabs(generator);
            const real y = w->at[i] + generator * middle;
            const real spread = (w->reach[i] - size) + size * half;
            bounds[i] = y - spread;
            bounds[stride + i] = y + spread;
        }
        bounds[0] = bounds[0] < start ? start : bounds[0];
        bounds[stride] = bounds[stride] > end ? end : bounds[stride];
        const int32_t cell = first + (int32_t)(k - lowest);
        if (!holds(w, cell, bounds, bounds + stride)) {
            inside = 0;
            if (!last)
                break;
            note_escape(w, cell, bounds);
        }
    }
    return inside;
}

/* Whether one coordinate of a context's only cell may hold the image. Bounds widen as `reach` grows,
 * rounded or not, so what a part of it fails, the whole fails, too. */
INLINE int may_hold(const walker *w, int32_t cell, int i)
{
    const size_t place = cell * (size_t)w->s->columns + i;
    return spans(w->r->middles[place], w->r->halves[place] - w->r->slack, w->at[i] - w->reach[i],
                 w->at[i] + w->reach[i]);
}

/* Whether the set of a context covers the image; what escapes at the last step is noted. */
INLINE int covered(walker *w, const level *l, int32_t context, int last)
{
    const shape *s = w->s;
    const binadd_reach *r = w->r;
    const size_t stride = s->columns;
    const int size = s->hidden_size, width = vectors_of(s);
    const int32_t cell = r->first[context], cells = r->first[context + 1] - cell;
    const int cut = cells > 0 && r->widths[context] < INFINITY;
    const real *centre = r->centres + context * stride;
    vec *from = w->scratch;
    if (cells == 0) {
        w->now->outcome |= last ? BINADD_ESCAPED : 0;
        return 0;
    }
    for (int v = 0; v < width; v++)
        from[v] = l->z[v] - load(centre + v * WIDTH);
    if (r->frame[context] < 0) {
        memcpy(w->at, from, stride * sizeof(real));
        memcpy(w->reach, l->spread, stride * sizeof(real));
        return covered_whole(w, context, last);
    }
    const real *axes = r->frames + r->frame[context] * stride * size;
    const int early = !last && !cut;
    for (int i = 0; i < size; i++) {
        vec axis[BINADD_MAX_HIDDEN_SIZE / WIDTH], sizes[BINADD_MAX_HIDDEN_SIZE / WIDTH];
        for (int g = 0; g < GROUP; g++) /* else compilers suspect that `dot` reads nothing */
            axis[g] = sizes[g] = splat(0);
        for (int v = 0; v < width; v++) {
            axis[v] = load(axes + i * stride + v * WIDTH);
            sizes[v] = magnitude(axis[v]);
        }
        w->at[i] = dot(axis, from, s);
        w->reach[i] = dot(sizes, r->affine ? l->box : l->spread, s);
        if (early && !may_hold(w, cell, i))
            return 0;
        w->forms[i] = 0; /* of no generators */
    }
    for (int i = 0; i < size && r->affine; i += FORM_ROWS) {
        const int rows = size - i < FORM_ROWS ? size - i : FORM_ROWS;
        real spreads[FORM_ROWS];
        for (int j = 0; j < rows; j++)
            scale_row(w, l, axes + (i + j) * stride, w->rows + j * stride);
        mix(w->rows, stride, rows, l->A, l->columns, size, cut ? w->forms + i * l->columns : 0,
            l->columns, spreads);
        int inside = 1;
        for (int j = 0; j < rows; j++) {
            w->reach[i + j] = spreads[j] + w->reach[i + j];
            inside &= !early || may_hold(w, cell, i + j);
        }
        if (!inside)
            return 0;
    }
    return cut ? covered_by_cells(w, l, context, last) : covered_whole(w, context, last);
}

/* All images of the case of the deepest level under its next symbol. */
INLINE void advance(walker *w)
{
    const shape *s = w->s;
    const binadd_reach *r = w->r;
    standing *now = w->now;
    const int t = now->depth - 1;
    level *l = &w->levels[t];
    int32_t *at = w->path + 2 * t;
    if (at[1] == 1 << s->operands) {
        now->depth--;
        return;
    }
    const int symbol = at[1]++, context = at[0];
    const int next = r->successors[(size_t)context << s->operands | symbol];
    const int total = r->carries[context] + w->form.weights[symbol];
    step_case(w, l, symbol);
    const real margin = margin_of(w, l, total & 1);
    if (margin < now->margin)
        now->margin = margin;
    for (int k = 0; k < s->hidden_size && r->low; k++) {
        const size_t place = total * s->columns + k;
        const real z = ((real *)l->z)[k], spread = ((real *)l->spread)[k];
        w->low[place] = z - spread < w->low[place] ? z - spread : w->low[place];
        w->high[place] = z + spread > w->high[place] ? z + spread : w->high[place];
    }
    if (!(margin > 0)) {
        now->outcome |= BINADD_DOUBT;
        return;
    }
    const int last = t + 1 == now->most;
    if (covered(w, l, next, last) || last)
        return;
    now->depth++;
    now->work += t + 2;
    if (now->depth > now->steps)
        now->steps = now->depth;
    at[2] = next;
    at[3] = 0;
    enter_image(w, l, l + 1);
}

/* From a cell, or from the state 0 if it is −1. */
INLINE void begin_walk(walker *w, int32_t cell, int steps)
{
    const int32_t context = cell < 0 ? 0 : w->r->owners[cell];
    *w->now = (standing){1, 1, steps, 0, 0, 1, INFINITY};
    w->path[0] = context;
    w->path[1] = 0;
    for (int i = 0; i < 2 * w->form.carries * w->s->columns && w->r->low; i++) {
        w->low[i] = INFINITY;
        w->high[i] = -INFINITY;
    }
    if (!enter_origin(w, cell, context, w->levels)) {
        w->now->outcome = BINADD_DOUBT;
        w->now->margin = -INFINITY;
        w->now->depth = 0;
    }
}

/* Write down what came of an origin. */
INLINE void end_walk(walker *w, size_t p)
{
    const binadd_reach *r = w->r;
    const standing *now = w->now;
    const size_t stride = w->s->columns;
    const int outcome = now->work > r->budget ? BINADD_TOO_MANY : now->outcome;
    r->outcomes[p] = outcome;
    r->margins[p] = outcome == BINADD_TOO_MANY ? -INFINITY : now->margin;
    r->depths[p] = outcome ? 0 : now->steps;
    r->work[p] = now->work > r->budget ? r->budget + 1 : now->work;
    for (int i = 0; i < 2 * w->form.carries * w->s->columns && !outcome && r->low; i++) {
        r->low[i] = w->low[i] < r->low[i] ? w->low[i] : r->low[i];
        r->high[i] = w->high[i] > r->high[i] ? w->high[i] : r->high[i];
    }
    if (outcome != BINADD_WIDENED)
        return;
    for (int i = 0; i < now->escapes; i++) {
        const real *low = w->escaped + 2 * stride * (size_t)i;
        real *least = r->least + w->escapes[i] * stride, *most = r->most + w->escapes[i] * stride;
        for (int k = 0; k < w->s->hidden_size; k++) {
            least[k] = low[k] < least[k] ? low[k] : least[k];
            most[k] = low[stride + k] > most[k] ? low[stride + k] : most[k];
        }
    }
}

/* Go on with origin p, for about `most` multiplications; return whether it is done. */
INLINE int walk_on(walker *w, binadd_reach *r, size_t p, int64_t *most)
{
    const standing *now = w->now;
    const int64_t size = w->s->hidden_size;
    r->within = 1;
    while (now->depth > 0 && now->work <= r->budget && *most > 0) {
        *most -= size * size * (r->affine ? (int64_t)w->levels[now->depth - 1].columns : 2);
        advance(w);
    }
    if (now->depth > 0 && now->work <= r->budget)
        return 0;
    end_walk(w, p);
    r->within = 0;
    return 1;
}

/* Go on from where `r->next` and the workspace say, for about `most` multiplications. */
static void propagate(const binadd_network *network, binadd_reach *r, int64_t most, void *workspace)
{
    const shape s = shape_of(network);
    walker w;
    arena a = arena_at(workspace);
    take_walker(&w, &a, network, &s, r->steps);
    w.r = r;
    if (r->next == 0 && !r->within)
        prepare_walker(&w);
    for (; r->next < r->count && most > 0; r->next++) {
        if (!r->within)
            begin_walk(&w, r->origins[r->next], r->steps);
        if (!walk_on(&w, r, r->next, &most))
            return;
    }
}

#endif
