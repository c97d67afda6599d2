/* update.h: clipping and the optimizers, over a block of vectors.
 *
 * Vectors hold neighbouring weights of one network, or one weight of as many networks: the update is
 * the same, so the constants are vectors too.
 */
#ifndef BINADD_UPDATE_H
#define BINADD_UPDATE_H

#include "sums.h"

/* Enough accumulators of Σg² to avoid one long chain of dependent additions. */
#define NORM_ACCUMULATORS 64

typedef struct {
    binadd_optimizer_name name;
    vec rate, momentum, beta1, beta2, epsilon;
    real clip_norm;
} update_constants;

INLINE update_constants constants_of(const binadd_optimizer *o)
{
    return (update_constants){o->name,
                              splat((real)o->learning_rate),
                              splat((real)o->momentum),
                              splat((real)o->beta1),
                              splat((real)o->beta2),
                              splat((real)o->epsilon),
                              (real)o->clip_norm};
}

INLINE int clips(const update_constants *c)
{
    return c->clip_norm < (real)INFINITY;
}

/* Σg² over the block as it lies in memory. */
NOINLINE real square_norm(const vec *gradient, size_t count)
{
    enum { STRIDE = NORM_ACCUMULATORS / WIDTH };
    vec sums[STRIDE];
    for (int i = 0; i < STRIDE; i++)
        sums[i] = splat(0);
    size_t i = 0;
    for (; i + STRIDE <= count; i += STRIDE) {
        UNROLL
        for (int a = 0; a < STRIDE; a++)
            sums[a] = sums[a] + gradient[i + a] * gradient[i + a];
    }
    UNROLL
    for (int a = 0; a < STRIDE; a++)
        if (i + a < count)
            sums[a] = sums[a] + gradient[i + a] * gradient[i + a];
    return halve(sums, STRIDE);
}

/* The factor that clips a gradient of this squared norm. */
INLINE real clip_scale(real square_norm, real clip_norm)
{
    real norm = (real)sqrt((double)square_norm);
    return norm > clip_norm ? clip_norm / norm : 1;
}

/* Accumulators `first` … `first` + 7 of Σg², kept in registers; a block is whole eights. */
INLINE void add_squares(const vec *gradient, size_t count, size_t first, vec sums[8])
{
    vec kept[8];
    UNROLL
    for (int i = 0; i < 8; i++)
        kept[i] = splat(0);
    for (; first < count; first += NORM_ACCUMULATORS) {
        UNROLL
        for (int i = 0; i < 8; i++)
            kept[i] = kept[i] + gradient[first + i] * gradient[first + i];
    }
    memcpy(sums, kept, sizeof kept);
}

/* The factor that clips each lane's gradient. */
NOINLINE vec clip_lanes(const vec *gradient, const shape *s, real clip_norm)
{
    vec sums[NORM_ACCUMULATORS];
    for (int first = 0; first < NORM_ACCUMULATORS; first += 8)
        add_squares(gradient, block_size(s), first, sums + first);
    vec scale = halve_each(sums, NORM_ACCUMULATORS);
    real each[WIDTH];
    memcpy(each, &scale, sizeof each);
    for (int lane = 0; lane < WIDTH; lane++)
        each[lane] = clip_scale(each[lane], clip_norm);
    memcpy(&scale, each, sizeof each);
    return scale;
}

/* One update. `powers` are β₁ᵗ and β₂ᵗ of this step, for Adam; `scale` is the clipping. */
NOINLINE void update(const update_constants *constants, size_t count, vec *restrict w,
                     vec *restrict m, vec *restrict v, const vec *restrict g, vec scale,
                     const vec powers[2])
{
    const update_constants c = *constants; /* a copy stays in registers */
    switch (c.name) {
    case BINADD_NO_UPDATE:
        break;
    case BINADD_SGD:
        for (size_t i = 0; i < count; i++)
            w[i] = w[i] - c.rate * (g[i] * scale);
        break;
    case BINADD_MOMENTUM:
        for (size_t i = 0; i < count; i++) {
            m[i] = c.momentum * m[i] + g[i] * scale;
            w[i] = w[i] - c.rate * m[i];
        }
        break;
    case BINADD_NESTEROV:
        for (size_t i = 0; i < count; i++) {
            vec clipped = g[i] * scale;
            m[i] = c.momentum * m[i] + clipped;
            w[i] = w[i] - c.rate * (clipped + c.momentum * m[i]);
        }
        break;
    case BINADD_ADAM: {
        vec correction1 = 1 / (1 - powers[0]), correction2 = 1 / (1 - powers[1]);
        for (size_t i = 0; i < count; i++) {
            vec clipped = g[i] * scale;
            m[i] = c.beta1 * m[i] + (1 - c.beta1) * clipped;
            v[i] = c.beta2 * v[i] + (1 - c.beta2) * (clipped * clipped);
            vec mean = m[i] * correction1, spread = square_root(v[i] * correction2);
            w[i] = w[i] - c.rate * (mean / (spread + c.epsilon));
        }
        break;
    }
    }
}

#endif
