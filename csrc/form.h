/* form.h: the form that a network's outputs are to spell, as the automaton of its carry. Internal.
 *
 * With P the sum of the positive coefficients and −N that of the others, carries are −N …
 * max(P, 1) − 1. Here they are counted from the lowest, and a symbol's weight is N more than its
 * coefficients add up to: so half of a total, weight + carry, is the next carry (binadd/form.py).
 */
#ifndef BINADD_FORM_H
#define BINADD_FORM_H

#include "binadd.h"

typedef struct {
    int carries;      /* K */
    int start;        /* N: where the carry 0 is, with which every sum begins */
    int steps;        /* zero symbols after the last bit, until all further outputs are alike */
    int weights[256]; /* (2ⁿ) */
} form;

/* cᵢ */
static inline int coefficient(const binadd_network *network, int i)
{
    int given = 0;
    for (int k = 0; k < network->operands; k++)
        given |= network->coefficients[k];
    return given ? network->coefficients[i] : 1;
}

/* P for the sign 1, N for −1; coefficients beyond all limits are as bad as the first beyond. */
static inline int sum_of_sign(const binadd_network *network, int sign)
{
    const int limit = BINADD_MAX_CARRIES + 1;
    int sum = 0;
    for (int i = 0; i < network->operands; i++) {
        const int c = coefficient(network, i);
        const int part = sign * (c > limit ? limit : c < -limit ? -limit : c);
        sum += part > 0 ? part : 0;
    }
    return sum;
}

static inline int count_carries(const binadd_network *network)
{
    const int positive = sum_of_sign(network, 1);
    return sum_of_sign(network, -1) + (positive ? positive : 1);
}

static inline form form_of(const binadd_network *network)
{
    const int negative = sum_of_sign(network, -1);
    form f = {count_carries(network), negative, negative > 0 /* for the sign */, {negative}};
    for (int i = 0; i < network->operands; i++)
        for (int symbol = 0; symbol < 1 << i; symbol++)
            f.weights[symbol | 1 << i] = f.weights[symbol] + coefficient(network, i);
    const int positive = sum_of_sign(network, 1);
    for (int carry = (positive > negative ? positive : negative) - 1; carry > 0; carry >>= 1)
        f.steps++;
    return f;
}

#endif
