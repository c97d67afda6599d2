/* arithmetic.h: exp, sigmoid, tanh and softplus.
 *
 * The operations, and their order, are those of binadd/kernels/arithmetic.py, which explains them.
 * Coefficients: tools/coefficients.py.
 */
#ifndef BINADD_ARITHMETIC_H
#define BINADD_ARITHMETIC_H

#include "lanes.h"

#if REAL_BITS == 64
#define R(x) x
#define LIMIT 708.39
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG_TERMS 9
static const real EXP[] = {
    0.5,
    0.16666666666666666,
    0.04166666666665136,
    0.008333333333332155,
    0.0013888888905881542,
    0.0001984126985433861,
    2.4801536388690766e-05,
    2.755728006701698e-06,
    2.761380686153829e-07,
    2.5095554677111112e-08,
};
static const real LOG1P[LOG_TERMS] = {
    0.33333333333333487, 0.19999999999780063, 0.14285714338330496,
    0.11111106278964857, 0.09091130554209872, 0.07686637438179002,
    0.0675117123587855,  0.05161334635249541, 0.08435350330548605,
};
#else
#define R(x) x##f
#define LIMIT 87.33f
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define LOG_TERMS 5
static const real EXP[] = {
    0.5f, 0.16666631400585175f, 0.04166662320494652f, 0.008357204496860504f, 0.0013918719487264752f,
};
static const real LOG1P[LOG_TERMS] = {
    0.3333333432674408f, 0.19999852776527405f, 0.142961785197258f,
    0.1085328757762909f, 0.11612164974212646f,
};
#endif

#define LOG2_E R(1.4426950408889634)

/* Adding 1.5·2^mantissa rounds to an integer, which is then in the low bits; with the exponent's
 * bias on top, a shift makes these the bits of a power of two. */
#define MAGIC ((real)(1.5 * (double)(INT64_C(1) << MANTISSA_BITS) + EXPONENT_BIAS))

/* P(r) of e^r − 1 = r + r²·P(r), by pairs (Estrin). */
INLINE vec exp_tail(vec r, vec r2)
{
    vec p0 = EXP[0] + EXP[1] * r;
    vec p1 = EXP[2] + EXP[3] * r;
#if REAL_BITS == 64
    vec p2 = EXP[4] + EXP[5] * r;
    vec p3 = EXP[6] + EXP[7] * r;
    vec p4 = EXP[8] + EXP[9] * r;
    vec r4 = r2 * r2;
    return (p0 + p1 * r2) + ((p2 + p3 * r2) + p4 * r4) * r4;
#else
    return p0 + (p1 + EXP[4] * r2) * r2;
#endif
}

/* −x = n·ln 2 + r, |r| ≤ ½·ln 2 and −LIMIT ≤ x ≤ LIMIT: 2^n is returned through `scale`, r is the
 * result. */
INLINE vec reduce(vec x, vec *scale)
{
    vec shifted = x * -LOG2_E + MAGIC;
    vec n = shifted - MAGIC;
    *scale = from_bits(shift_left(bits_of(shifted), MANTISSA_BITS));
    return (n * -LN2_HIGH - x) - n * LN2_LOW;
}

/* e^r − 1 of what `reduce` returns: with s = 2^n and this as q, e^−x = s·(1 + q). */
INLINE vec exp_less_one(vec r)
{
    vec r2 = r * r;
    return r + r2 * exp_tail(r, r2);
}

INLINE ivec sign_bit(void)
{
    return bits_of(splat(R(-0.0)));
}

INLINE vec magnitude(vec x)
{
    return from_bits(bits_of(x) & ~sign_bit());
}

/* σ(a) = 1/(1 + e^−a). */
INLINE vec sigmoid_from(vec a, vec s, vec q)
{
    vec result = 1 / ((1 + s) + s * q);
    return from_bits(bits_of(result) & ~less(a, splat(-LIMIT)));
}

/* tanh(a) = (1 − e^−2|a|)/(1 + e^−2|a|), with a's sign. */
INLINE vec tanh_from(vec a, vec s, vec q)
{
    vec sq = s * q;
    vec result = ((1 - s) - sq) / ((1 + s) + sq);
    return from_bits((bits_of(result) & ~sign_bit()) | (bits_of(a) & sign_bit()));
}

INLINE vec sigmoid(vec a)
{
    vec s, r = reduce(at_most(a, LIMIT), &s);
    return sigmoid_from(a, s, exp_less_one(r));
}

/* ln((1 + w)/(1 − w)) by its series, for w from 0 to 1/3. */
INLINE vec log_ratio(vec w)
{
    const vec w2 = w * w;
    vec series = splat(LOG1P[LOG_TERMS - 1]);
    UNROLL
    for (int i = LOG_TERMS - 2; i >= 0; i--)
        series = LOG1P[i] + series * w2;
    return (w + w) * (1 + w2 * series);
}

/* ln(1 + e^z). */
INLINE vec softplus(vec z)
{
    vec s, r = reduce(at_most(magnitude(z), LIMIT), &s);
    vec e = s + s * exp_less_one(r);
    return select_or_zero(~less(z, splat(0)), z) + log_ratio(e / (2 + e));
}

/* The operations of one activation wait for each other. So that others fill the gaps, several
 * vectors go through each of three stages before the first goes on to the next. */
enum { INTERLEAVE = 8 };

INLINE void activate_interleaved(vec *a, int count, binadd_activation activation)
{
    const int is_tanh = activation == BINADD_TANH;
    vec s[INTERLEAVE], q[INTERLEAVE];
    for (int i = 0; i < count; i++)
        q[i] = reduce(at_most(is_tanh ? 2 * magnitude(a[i]) : a[i], LIMIT), &s[i]);
    for (int i = 0; i < count; i++)
        q[i] = exp_less_one(q[i]);
    for (int i = 0; i < count; i++)
        a[i] = is_tanh ? tanh_from(a[i], s[i], q[i]) : sigmoid_from(a[i], s[i], q[i]);
}

NOINLINE void activate_many(vec *a, int count, binadd_activation activation)
{
    for (; count >= INTERLEAVE; count -= INTERLEAVE, a += INTERLEAVE)
        activate_interleaved(a, INTERLEAVE, activation);
    for (; count > 0; count--, a++)
        activate_interleaved(a, 1, activation);
}

/* aᵢ ← f(aᵢ); in place if there are few, whose result is waited for. */
INLINE void activate(vec *a, int count, binadd_activation activation)
{
    if (IS_CONSTANT(count) && count < INTERLEAVE)
        activate_interleaved(a, count, activation);
    else
        activate_many(a, count, activation);
}

/* f′(a) from h = f(a). */
INLINE vec slope(vec h, binadd_activation activation)
{
    return activation == BINADD_TANH ? 1 - h * h : h * (1 - h);
}

/* binadd_activation_values. */
static void activate_values(binadd_activation activation, const void *from, size_t count, void *to)
{
    const real *values = from;
    real *results = to;
    size_t i = 0;
    vec x;
    for (; i + WIDTH <= count; i += WIDTH) {
        memcpy(&x, values + i, sizeof x);
        activate(&x, 1, activation);
        memcpy(results + i, &x, sizeof x);
    }
    if (i == count)
        return;
    x = splat(0);
    memcpy(&x, values + i, (count - i) * sizeof(real));
    activate(&x, 1, activation);
    memcpy(results + i, &x, (count - i) * sizeof(real));
}

#endif
