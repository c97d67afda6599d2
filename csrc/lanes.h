/* lanes.h: `real`, and `vec`, the reals of one register.
 *
 * A kernel file defines REAL_BITS (64 or 32) and VECTOR_BYTES (16, 32, 64) before it includes the
 * kernel bodies. GNU C gives vectors with + - * / and comparisons; for other compilers a `vec` is
 * one real, which the very same bodies then compute with, slower and to the same bits.
 *
 * ACCUMULATORS is the number of accumulators of every sum, part of binadd's arithmetic: it does not
 * depend on how wide the vectors are. WIDTH is how many of them one register holds here.
 */
#ifndef BINADD_LANES_H
#define BINADD_LANES_H

#include "ieee.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#if REAL_BITS == 64
typedef double real;
typedef int64_t integer;
#define REAL_DTYPE BINADD_FLOAT64
#else
typedef float real;
typedef int32_t integer;
#define REAL_DTYPE BINADD_FLOAT32
#endif

#define ACCUMULATOR_BYTES 64
#define ACCUMULATORS ((int)(ACCUMULATOR_BYTES / sizeof(real)))

#if defined(_MSC_VER) && !defined(__clang__)
#define INLINE static __forceinline
#define NOINLINE static __declspec(noinline)
#define IS_CONSTANT(x) 0
#define UNROLL
#define UNROLL_TWO
#else
#define INLINE static inline __attribute__((always_inline, unused))
#define NOINLINE static __attribute__((noinline, unused))
#define IS_CONSTANT(x) __builtin_constant_p(x)
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_TWO _Pragma("GCC unroll 2")
#endif

#if defined(__GNUC__) && !defined(BINADD_SCALAR_LANES)
/* ---- vectors ------------------------------------------------------------------------------ */
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef integer ivec __attribute__((vector_size(VECTOR_BYTES)));
#define WIDTH (VECTOR_BYTES * 8 / REAL_BITS)

#if defined(__AVX512F__) || defined(__AVX__) || defined(__SSE2__)
#include <immintrin.h>
#endif

INLINE vec splat(real x)
{
    return x - (vec){0}; /* x − 0 is x, for −0 too */
}

INLINE ivec bits_of(vec x)
{
    return (ivec)x;
}

INLINE vec from_bits(ivec x)
{
    return (vec)x;
}

/* x where the mask is set, else +0. */
INLINE vec select_or_zero(ivec mask, vec x)
{
    return (vec)(mask & (ivec)x);
}

INLINE ivec less(vec a, vec b)
{
    return (ivec)(a < b);
}

#else
/* ---- scalars ------------------------------------------------------------------------------ */
#undef VECTOR_BYTES
#define VECTOR_BYTES 0 /* whatever the instruction set, its intrinsics cannot be used */
typedef real vec;
typedef integer ivec;
#define WIDTH 1

INLINE vec splat(real x)
{
    return x;
}

INLINE ivec bits_of(vec x)
{
    ivec bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE vec from_bits(ivec bits)
{
    vec x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE vec select_or_zero(ivec mask, vec x)
{
    return from_bits(mask & bits_of(x));
}

INLINE ivec less(vec a, vec b)
{
    return -(ivec)(a < b);
}
#endif

/* PIN a value in a register: a compiler may think it cheaper to load it again with each use, and
 * the loads are what is scarce. MANY_REGISTERS are 32 of them, else there are 16 or fewer. */
#if defined(__AVX512F__) && VECTOR_BYTES == 64
#define MANY_REGISTERS 1
#define PIN(x) __asm__("" : "+v"(x))
#elif defined(__AVX__) && VECTOR_BYTES == 32
#define MANY_REGISTERS 0
#define PIN(x) __asm__("" : "+x"(x))
#else
#define MANY_REGISTERS 0
#define PIN(x) (void)(x)
#endif

/* Vectors in one group of ACCUMULATORS. */
#define GROUP (ACCUMULATORS / WIDTH)

INLINE int any_lane(ivec mask)
{
    integer each[WIDTH], any = 0;
    memcpy(each, &mask, sizeof each);
    for (int lane = 0; lane < WIDTH; lane++)
        any |= each[lane];
    return any != 0;
}

/* x where the mask is set, else y. */
INLINE vec blend(ivec mask, vec x, vec y)
{
    return from_bits((mask & bits_of(x)) | (~mask & bits_of(y)));
}

INLINE vec load(const real *from)
{
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}

/* The larger and the smaller of two; x where they are equal, or one is a NaN. */
INLINE vec larger(vec x, vec y)
{
    return blend(less(x, y), y, x);
}

INLINE vec smaller(vec x, vec y)
{
    return blend(less(y, x), y, x);
}

/* min(limit, x); a NaN passes through. */
INLINE vec at_most(vec x, real limit)
{
#if defined(__AVX512F__) && REAL_BITS == 64 && VECTOR_BYTES == 64
    return _mm512_min_pd(splat(limit), x);
#elif defined(__AVX512F__) && REAL_BITS == 32 && VECTOR_BYTES == 64
    return _mm512_min_ps(splat(limit), x);
#elif defined(__AVX__) && REAL_BITS == 64 && VECTOR_BYTES == 32
    return _mm256_min_pd(splat(limit), x);
#elif defined(__AVX__) && REAL_BITS == 32 && VECTOR_BYTES == 32
    return _mm256_min_ps(splat(limit), x);
#elif defined(__SSE2__) && REAL_BITS == 64 && VECTOR_BYTES == 16
    return _mm_min_pd(splat(limit), x);
#elif defined(__SSE2__) && REAL_BITS == 32 && VECTOR_BYTES == 16
    return _mm_min_ps(splat(limit), x);
#else
    return blend(less(splat(limit), x), splat(limit), x);
#endif
}

INLINE ivec shift_left(ivec x, int bits)
{
#if VECTOR_BYTES
    return x << bits;
#elif REAL_BITS == 64 /* of a scalar, only an unsigned one may lose bits */
    return (ivec)((uint64_t)x << bits);
#else
    return (ivec)((uint32_t)x << bits);
#endif
}

INLINE vec square_root(vec x)
{
    real each[WIDTH];
    memcpy(each, &x, sizeof each);
    for (int i = 0; i < WIDTH; i++)
        each[i] = (real)sqrt((double)each[i]); /* rounds once: √ of a float fits a double */
    memcpy(&x, each, sizeof each);
    return x;
}

#endif
