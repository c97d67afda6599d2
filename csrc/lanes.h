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

/* Each operation is rounded once, to its own type, whatever the compiler is told. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "binadd computes the same bits everywhere, but not with -ffast-math, -Ofast, /fp:fast"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "excess precision changes the bits: -msse2 -mfpmath=sse or -fexcess-precision=fast avoid it"
#endif

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
#define APART static __declspec(noinline)
#define CONSTANT(x) 0
#define UNROLL
#define UNROLL_TWO
#else
#define INLINE static inline __attribute__((always_inline, unused))
#define APART static __attribute__((noinline, unused))
#define CONSTANT(x) __builtin_constant_p(x)
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

INLINE vec pick(ivec mask, vec x)
{
    return from_bits(mask & bits_of(x));
}

INLINE ivec less(vec a, vec b)
{
    return -(ivec)(a < b);
}
#endif

/* Swap rows and columns of a square of SQUARE × SQUARE reals; rows are `stride` reals apart. */
#if WIDTH >= 4
#define SQUARE (WIDTH < 8 ? 4 : 8)
typedef real square_row __attribute__((vector_size(SQUARE * sizeof(real))));
#if defined(__clang__)
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else /* before version 12, GCC has no other */
typedef integer square_indices __attribute__((vector_size(SQUARE * sizeof(real))));
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (square_indices){__VA_ARGS__})
#endif

INLINE void transpose_square(const real *from, real *to, int stride)
{
    square_row a[SQUARE], b[SQUARE];
    UNROLL
    for (int i = 0; i < SQUARE; i++)
        memcpy(&a[i], from + i * stride, sizeof a[i]);
#if SQUARE == 4
    UNROLL
    for (int i = 0; i < 2; i++) {
        b[i] = SHUFFLE(a[i], a[i + 2], 0, 1, 4, 5);
        b[i + 2] = SHUFFLE(a[i], a[i + 2], 2, 3, 6, 7);
    }
    UNROLL
    for (int i = 0; i < 4; i += 2) {
        a[i] = SHUFFLE(b[i], b[i + 1], 0, 4, 2, 6);
        a[i + 1] = SHUFFLE(b[i], b[i + 1], 1, 5, 3, 7);
    }
#else
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        b[i] = SHUFFLE(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[i + 1] = SHUFFLE(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    UNROLL
    for (int i = 0; i < 8; i++) {
        const int low = i % 2 + i / 4 * 4; /* rows i and i + 2 of each half */
        a[i] = i & 2 ? SHUFFLE(b[low], b[low + 2], 2, 3, 10, 11, 6, 7, 14, 15)
                     : SHUFFLE(b[low], b[low + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        b[i] = SHUFFLE(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[i + 4] = SHUFFLE(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    memcpy(a, b, sizeof a);
#endif
    UNROLL
    for (int i = 0; i < SQUARE; i++)
        memcpy(to + i * stride, &a[i], sizeof a[i]);
}
#else
#define SQUARE WIDTH

INLINE void transpose_square(const real *from, real *to, int stride)
{
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < SQUARE; j++)
            to[j * stride + i] = from[i * stride + j];
}
#endif

/* KEEP a value in a register: a compiler may think it cheaper to load it again with each use, and
 * the loads are what is scarce. MANY_REGISTERS are 32 of them, else there are 16 or fewer. */
#if defined(__AVX512F__) && VECTOR_BYTES == 64
#define MANY_REGISTERS 1
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__AVX__) && VECTOR_BYTES == 32
#define MANY_REGISTERS 0
#define KEEP(x) __asm__("" : "+x"(x))
#else
#define MANY_REGISTERS 0
#define KEEP(x) (void)(x)
#endif

/* Vectors in one group of LANES. */
#define GROUP (LANES / WIDTH)

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
