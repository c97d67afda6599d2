/* lanes.h: `real`, and `vec`, as many reals as one register holds.
 *
 * A kernel file defines REAL_BITS (64 or 32) and VECTOR_BYTES (16, 32, 64) before it includes the
 * kernel bodies. GNU C gives vectors with + - * / and comparisons; for other compilers a `vec` is
 * one real, which the very same bodies then compute with, slower and to the same bits.
 *
 * LANES is the number of accumulators of every sum, part of binadd's arithmetic: it does not
 * depend on how wide the vectors are. WIDTH is how many of them one register holds here.
 */
#ifndef BINADD_LANES_H
#define BINADD_LANES_H

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

#define LANE_BYTES 64
#define LANES ((int)(LANE_BYTES / sizeof(real)))

#if defined(_MSC_VER) && !defined(__clang__)
#define INLINE static __forceinline
#define UNROLL
#define ALIGNED __declspec(align(64))
#else
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 64")
#define ALIGNED __attribute__((aligned(64)))
#endif

#if defined(__GNUC__) && !defined(BINADD_SCALAR_LANES)
/* ---- vectors ------------------------------------------------------------------------------ */
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef integer ivec __attribute__((vector_size(VECTOR_BYTES)));
#define WIDTH ((int)(VECTOR_BYTES / sizeof(real)))

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
INLINE vec pick(ivec mask, vec x)
{
    return (vec)(mask & (ivec)x);
}

INLINE ivec less(vec a, vec b)
{
    return (ivec)(a < b);
}

#else
/* ---- scalars ------------------------------------------------------------------------------ */
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

INLINE vec pick(ivec mask, vec x)
{
    return from_bits(mask & bits_of(x));
}

INLINE ivec less(vec a, vec b)
{
    return -(ivec)(a < b);
}
#endif

/* Vectors in one group of LANES. */
#define GROUP (LANES / WIDTH)

/* x where the mask is set, else y. */
INLINE vec blend(ivec mask, vec x, vec y)
{
    return from_bits((mask & bits_of(x)) | (~mask & bits_of(y)));
}

/* min(limit, max(-limit, z)); a NaN passes through. */
INLINE vec clamp(vec z, real limit)
{
#if defined(__AVX512F__) && REAL_BITS == 64 && VECTOR_BYTES == 64
    return _mm512_min_pd(splat(limit), _mm512_max_pd(splat(-limit), z));
#elif defined(__AVX512F__) && REAL_BITS == 32 && VECTOR_BYTES == 64
    return _mm512_min_ps(splat(limit), _mm512_max_ps(splat(-limit), z));
#elif defined(__AVX__) && REAL_BITS == 64 && VECTOR_BYTES == 32
    return _mm256_min_pd(splat(limit), _mm256_max_pd(splat(-limit), z));
#elif defined(__AVX__) && REAL_BITS == 32 && VECTOR_BYTES == 32
    return _mm256_min_ps(splat(limit), _mm256_max_ps(splat(-limit), z));
#elif defined(__SSE2__) && REAL_BITS == 64 && VECTOR_BYTES == 16
    return _mm_min_pd(splat(limit), _mm_max_pd(splat(-limit), z));
#elif defined(__SSE2__) && REAL_BITS == 32 && VECTOR_BYTES == 16
    return _mm_min_ps(splat(limit), _mm_max_ps(splat(-limit), z));
#else
    z = blend(less(z, splat(-limit)), splat(-limit), z);
    return blend(less(splat(limit), z), splat(limit), z);
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
