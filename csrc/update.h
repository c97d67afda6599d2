/* update.h: clipping and the update rules, over a block of vectors.
 *
 * Vectors hold neighbouring weights of one network, or one weight of as many networks: the rule is
 * the same, so the constants are vectors too.
 */
#ifndef BINADD_UPDATE_H
#define BINADD_UPDATE_H

#include "shape.h"

/* Σg² has so many accumulators that it is not one long chain of dependent additions. */
#define NORM_ACCUMULATORS 64

typedef struct {
    binadd_rule rule;
    vec rate, momentum, beta1, beta2, epsilon;
    real clip_norm;
} rule_constants;

INLINE rule_constants constants_of(const binadd_optimizer *o)
{
    return (rule_constants){o->rule,
                            splat((real)o->learning_rate),
                            splat((real)o->momentum),
                            splat((real)o->beta1),
                            splat((real)o->beta2),
                            splat((real)o->epsilon),
                            (real)o->clip_norm};
}

INLINE int clips(const rule_constants *c)
{
    return c->clip_norm < (real)INFINITY;
}

/* What a gradient of this squared norm is multiplied by. */
INLINE real clip_scale(real square_norm, real clip_norm)
{
    real norm = (real)sqrt((double)square_norm);
    return norm > clip_norm ? clip_norm / norm : 1;
}

/* One update. `powers` are β₁ᵗ and β₂ᵗ of this step, for Adam; `scale` is the clipping. */
APART void update(const rule_constants *constants, size_t count, vec *restrict w, vec *restrict m,
                  vec *restrict v, const vec *restrict g, vec scale, const vec powers[2])
{
    const rule_constants c = *constants; /* a copy stays in registers */
    switch (c.rule) {
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
