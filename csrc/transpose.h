/* transpose.h: the hidden weights by rows, which the step back reads when lanes are units. */
#ifndef BINADD_TRANSPOSE_H
#define BINADD_TRANSPOSE_H

#include "shape.h"

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

/* Swap rows and columns of the hidden weights (H, S); what lies beyond H stays zero. */
INLINE void transpose_shaped(const shape *s, const vec *hidden, vec *transposed)
{
    const real *from = (const real *)hidden;
    real *to = (real *)transposed;
    const int squares = s->hidden_size / SQUARE * SQUARE;
    for (int k = 0; k < squares; k += SQUARE)
        for (int j = 0; j < squares; j += SQUARE)
            transpose_square(from + k * s->columns + j, to + j * s->columns + k, s->columns);
    for (int k = 0; k < s->hidden_size; k++)
        for (int j = k < squares ? squares : 0; j < s->hidden_size; j++)
            to[j * s->columns + k] = from[k * s->columns + j];
}

NOINLINE void transpose(const vec *hidden, vec *transposed, const shape *s)
{
    SHAPED(transpose_shaped, s, hidden, transposed);
}

#endif
