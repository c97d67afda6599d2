/* loss.h: the loss of one output bit, and its slope. */
#ifndef BINADD_LOSS_H
#define BINADD_LOSS_H

#include "arithmetic.h"

/* ∂L/∂o, and (where it is asked for) L; the target is all ones or 0. */
INLINE vec loss_slope(vec logit, ivec target, binadd_loss loss, vec *value)
{
    vec probability = sigmoid(logit);
    vec difference = probability - select_or_zero(target, splat(1));
    if (loss == BINADD_CROSS_ENTROPY) {
        if (value)
            *value = softplus(blend(target, -logit, logit));
        return difference;
    }
    if (value)
        *value = difference * difference;
    return (2 * difference) * (probability * (1 - probability));
}

#endif
