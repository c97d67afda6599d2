/* interval.h: a step of a box of hidden states in interval arithmetic, and what it leaves of a logit.
 *
 * Bounds are outward: `error` covers what the computed activation and sum may be off, `pad` and the
 * errors that sums begin with the rounding of the bounds themselves. first_error (box.h) and the
 * prover (reach.h) have their bounds.
 */
#ifndef BINADD_INTERVAL_H
#define BINADD_INTERVAL_H

#include "network.h"

/* Middles and radii of intervals, whose ends are two rows; in place if wanted. */
INLINE void centre(const shape *s, const vec *ends, real pad, vec *middle, vec *radius)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++) {
        const vec low = ends[v], high = ends[width + v];
        middle[v] = (low + high) * R(0.5);
        radius[v] = (high - low) * R(0.5) + pad;
    }
}

/* sums ← Wₕh + sums, or |Wₕ|h + sums for the block of the weights' magnitudes. */
INLINE void add_hidden(const shape *s, const vec *block, const vec *h, vec *sums)
{
    const int width = vectors_of(s);
    add_sums((matrix){block + s->operands * width, width, 1}, h, s->hidden_size, UNITS, width,
             sums);
}

/* The ends of f(sums + inputs ± radius). */
INLINE void activate_intervals(const shape *s, const vec *sums, const vec *inputs,
                               const vec *radius, real error, vec *ends)
{
    const int width = vectors_of(s);
    for (int v = 0; v < width; v++) {
        const vec a = sums[v] + inputs[v];
        ends[v] = a - radius[v];
        ends[width + v] = a + radius[v];
    }
    activate(ends, 2 * width, s->activation); /* both rows */
    for (int v = 0; v < width; v++) {
        ends[v] = ends[v] - error;
        ends[width + v] = ends[width + v] + error;
    }
}

/* The least margin of a logit on the side of 0 that is right for `bit`, of states `radius` and,
 * in the logit, `more` off their middle. */
INLINE real logit_margin(const shape *s, const vec *block, const vec *sizes, const vec *middle,
                         const vec *radius, real more, real error, int bit)
{
    const vec *output = block + (s->rows - 2) * vectors_of(s);
    const real logit = dot(output, middle, s) + *(const real *)(output + vectors_of(s));
    const real spread = (more + dot(sizes + (output - block), radius, s)) + error;
    return (bit ? logit : -logit) - spread;
}

#endif
