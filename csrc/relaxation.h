/* relaxation.h: the activation between two lines, on an interval of pre-activations.
 *
 * docs/proof.md derives the lines; the order of every operation is that of
 * binadd/kernels/relaxation.py.
 */
#ifndef BINADD_RELAXATION_H
#define BINADD_RELAXATION_H

#include "interval.h"

#define RELAXATION_NARROW 0x1p-30  /* of an interval whose secant would say nothing */
#define RELAXATION_F_ERROR 0x1p-50 /* |computed f − f| */

/* f(a) = slope·a + offset ± gap between two bounds. */
typedef struct {
    vec slope, offset, gap;
} relaxation;

/* About where f′ is the slope, a ≥ 0: artanh √(1 − f′), a guess whose every bit is defined. */
INLINE vec tangent_point(vec slope, binadd_activation activation)
{
    const vec steep = activation == BINADD_TANH ? slope : 4 * slope;
    const vec root = square_root(smaller(larger(1 - steep, splat(0)), splat(1 - 0x1p-50)));
    const vec ratio = (1 + root) / (1 - root);
    const ivec exponent = bits_of(ratio) >> MANTISSA_BITS;
    const vec mantissa =
        from_bits((bits_of(ratio) & ((INT64_C(1) << MANTISSA_BITS) - 1)) | bits_of(splat(1)));
    const vec power = from_bits(exponent | bits_of(splat(0x1p52))) - (0x1p52 + EXPONENT_BIAS);
    const vec twice = power * (LN2_HIGH + LN2_LOW) + log_ratio((mantissa - 1) / (mantissa + 1));
    return activation == BINADD_TANH ? twice * 0.5 : twice;
}

/* An upper bound of v(a) = f(a) − λa on [low, high], but for rounding: where v is convex (a ≤ 0) no
 * more than its value at an end; where it is concave it lies under its tangent at any p. */
INLINE vec supremum(vec low, vec high, vec slope, vec bottom, vec top, vec p, vec y, vec rise)
{
    const vec start = larger(low, splat(0)), zero = splat(0);
    const vec ends = larger(bottom - slope * low, top - slope * high);
    const vec beyond = larger(larger(rise * (high - p), -rise * (p - start)), zero);
    const vec tangent = y - slope * p + beyond;
    return blend(less(zero, high), larger(ends, tangent), ends);
}

/* `a` and `r` (S): relaxations of f on a − r … a + r, with the secants' slopes. */
INLINE void relax(const vec *a, const vec *r, relaxation *to, int width,
                  binadd_activation activation, vec *scratch)
{
    const real whole = activation == BINADD_TANH ? 0 : 1; /* f(−a) = whole − f(a) */
    vec *bottom = scratch, *top = bottom + width, *above = top + width, *below = above + width;
    for (int v = 0; v < width; v++) {
        bottom[v] = a[v] - r[v];
        top[v] = a[v] + r[v];
    }
    activate(bottom, 2 * width, activation);
    for (int v = 0; v < width; v++) {
        const vec low = a[v] - r[v], high = a[v] + r[v], range = high - low;
        const ivec wide = less(splat(RELAXATION_NARROW), range);
        const vec slope = select_or_zero(wide, (top[v] - bottom[v]) / blend(wide, range, splat(1)));
        const vec guess = tangent_point(slope, activation), zero = splat(0);
        to[v].slope = slope;
        above[v] = smaller(larger(guess, larger(low, zero)), larger(high, zero));
        below[v] = smaller(larger(guess, larger(-high, zero)), larger(-low, zero));
    }
    vec points[2 * (BINADD_MAX_HIDDEN_SIZE / WIDTH)];
    memcpy(points, above, 2 * width * sizeof(vec));
    activate(above, 2 * width, activation);
    for (int v = 0; v < width; v++) {
        const vec low = a[v] - r[v], high = a[v] + r[v], s = to[v].slope;
        const vec upper = supremum(low, high, s, bottom[v], top[v], points[v], above[v],
                                   slope(above[v], activation) - s);
        const vec lower =
            whole - supremum(-high, -low, s, whole - top[v], whole - bottom[v], points[width + v],
                             below[v], slope(below[v], activation) - s);
        const vec far = larger(magnitude(low), magnitude(high));
        to[v].offset = (upper + lower) * 0.5;
        to[v].gap = (upper - lower) * 0.5 + (4 * RELAXATION_F_ERROR + (0x1p-49 * s) * far);
    }
}

#endif
