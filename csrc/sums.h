/* sums.h: the one order of every sum.
 *
 * A sum has the ACCUMULATORS of binadd/kernels/arithmetic.py, however wide vectors are: term i is
 * added to accumulator i modulo their number, then they are halved, the second half added to the
 * first, again and again. The accumulators may be the lanes of vectors, or vectors of their own.
 */
#ifndef BINADD_SUMS_H
#define BINADD_SUMS_H

#include <stddef.h>

#include "shape.h"

/* ---- Accumulators in the lanes of vectors ------------------------------------------------------ */

/* Halve `count` vectors, a power of two, each lane by itself. */
INLINE vec halve_each(vec *sums, int count)
{
    UNROLL
    for (int half = count / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            sums[i] = sums[i] + sums[i + half];
    return sums[0];
}

/* Halve all accumulators of `count` vectors, a power of two. */
INLINE real halve(vec *sums, int count)
{
    const vec sum = halve_each(sums, count);
    real each[WIDTH];
    memcpy(each, &sum, sizeof each);
    UNROLL
    for (int half = WIDTH / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            each[i] += each[i + half];
    return each[0];
}

/* Σⱼ wⱼ·hⱼ of two rows. */
INLINE real dot(const vec *w, const vec *h, const shape *s)
{
    vec sums[GROUP];
    for (int g = 0; g < GROUP; g++)
        sums[g] = w[g] * h[g];
    for (int v = GROUP; v < vectors_of(s); v++)
        sums[v % GROUP] = sums[v % GROUP] + w[v] * h[v];
    return halve(sums, GROUP);
}

/* ---- Accumulators that are vectors: Σₖ wⱼₖ·hₖ for each j --------------------------------------- */

/* What lies side by side in a vector. For UNITS of one sequence, a weight is a vector of neighbours
 * and a state one real, for SEQUENCES of one network it is the other way round, and for NETWORKS with
 * a sequence each, both are vectors. Known at compile time wherever it is a parameter. */
typedef enum { UNITS, SEQUENCES, NETWORKS } lane_kind;

INLINE vec weight_at(const void *w, ptrdiff_t i, lane_kind lanes)
{
    return lanes == SEQUENCES ? splat(((const real *)w)[i]) : ((const vec *)w)[i];
}

INLINE vec state_at(const void *h, int k, lane_kind lanes)
{
    return lanes == UNITS ? splat(((const real *)h)[k]) : ((const vec *)h)[k];
}

/* Weights wⱼₖ, `along` on for the next k and `across` for the next j. */
typedef struct {
    const void *first;
    ptrdiff_t along, across;
} matrix;

INLINE matrix from_row(matrix m, int j, lane_kind lanes)
{
    const size_t size = lanes == SEQUENCES ? sizeof(real) : sizeof(vec);
    m.first = (const char *)m.first + (size_t)j * m.across * size;
    return m;
}

/* Two sums side by side, which share the hₖ. */
typedef struct {
    vec first, second;
} pair;

INLINE pair add_pairs(pair a, pair b)
{
    return (pair){a.first + b.first, a.second + b.second};
}

INLINE pair product(int k, matrix m, const void *h, lane_kind lanes)
{
    const vec state = state_at(h, k, lanes);
    return (pair){weight_at(m.first, k * m.along, lanes) * state,
                  weight_at(m.first, k * m.along + m.across, lanes) * state};
}

/* Accumulator i: every ACCUMULATORS-th product from the i-th on. */
INLINE pair strided(int i, matrix m, const void *h, int size, lane_kind lanes)
{
    if (i >= size)
        return (pair){splat(0), splat(0)};
    pair sum = product(i, m, h, lanes);
    for (int k = i + ACCUMULATORS; k < size; k += ACCUMULATORS)
        sum = add_pairs(sum, product(k, m, h, lanes));
    return sum;
}

/* The halving tree is written out depth first, so that few accumulators are alive at a time. */
#define HALVE_4(i, step, ...)                                                                      \
    add_pairs(add_pairs(strided(i, __VA_ARGS__), strided(i + 2 * (step), __VA_ARGS__)),            \
              add_pairs(strided(i + (step), __VA_ARGS__), strided(i + 3 * (step), __VA_ARGS__)))
#define HALVE_8(i, step, ...)                                                                      \
    add_pairs(HALVE_4(i, 2 * (step), __VA_ARGS__), HALVE_4(i + (step), 2 * (step), __VA_ARGS__))

INLINE pair sum_pair(matrix m, const void *h, int size, lane_kind lanes)
{
#if REAL_BITS == 64
    return HALVE_8(0, 1, m, h, size, lanes);
#else
    return add_pairs(HALVE_8(0, 2, m, h, size, lanes), HALVE_8(1, 2, m, h, size, lanes));
#endif
}

INLINE vec sum_one(matrix m, const void *h, int size, lane_kind lanes)
{
    m.across = 0; /* the second sum is not wanted, nor computed */
    return sum_pair(m, h, size, lanes).first;
}

/* Two vectors of neighbouring units. Inlined in a loop, this would want more registers than there are. */
NOINLINE pair sum_neighbours(const vec *w, ptrdiff_t along, const void *h, int size)
{
    return sum_pair((matrix){w, along, 1}, h, size, UNITS);
}

NOINLINE vec sum_neighbour(const vec *w, ptrdiff_t along, const void *h, int size)
{
    return sum_one((matrix){w, along, 1}, h, size, UNITS);
}

/* sums[j] ← Σₖ wⱼₖ·hₖ + sums[j] for `count` vectors j, one by one where registers
 * hold all of h. */
INLINE void add_sums_here(matrix m, const void *restrict h, int size, lane_kind lanes, int count,
                          vec *restrict sums)
{
    const int held =
        MANY_REGISTERS && lanes != UNITS && IS_CONSTANT(size) && size == 16 && count > 1;
    vec pinned[16];
    if (held) {
        UNROLL
        for (int k = 0; k < 16; k++) {
            pinned[k] = ((const vec *)h)[k];
            PIN(pinned[k]);
        }
    }
    int j = 0;
    const int called = lanes == UNITS && !IS_CONSTANT(size);
    const vec *neighbours = (const vec *)m.first;
    for (; j + 2 <= count && !held; j += 2) {
        const pair sum = called ? sum_neighbours(neighbours + j, m.along, h, size)
                                : sum_pair(from_row(m, j, lanes), h, size, lanes);
        sums[j] = sum.first + sums[j];
        sums[j + 1] = sum.second + sums[j + 1];
    }
    for (; j < count; j++)
        sums[j] = (called ? sum_neighbour(neighbours + j, m.along, h, size)
                          : sum_one(from_row(m, j, lanes), held ? pinned : h, size, lanes)) +
                  sums[j];
}

NOINLINE void add_sums_of_any_size(matrix m, const void *h, int size, lane_kind lanes, int count,
                                   vec *sums)
{
    if (lanes == SEQUENCES)
        add_sums_here(m, h, size, SEQUENCES, count, sums);
    else
        add_sums_here(m, h, size, NETWORKS, count, sums);
}

/* Unrolled where the compiler knows the size; else called, which costs little and saves much code:
 * row by row for units, which have few rows and wait for each, all rows at once for others. */
INLINE void add_sums(matrix m, const void *h, int size, lane_kind lanes, int count, vec *sums)
{
    if (IS_CONSTANT(size) || lanes == UNITS)
        add_sums_here(m, h, size, lanes, count, sums);
    else
        add_sums_of_any_size(m, h, size, lanes, count, sums);
}

#endif
