/* shape.h: a network's sizes as the kernels use them, and how a workspace is laid out. */
#ifndef BINADD_SHAPE_H
#define BINADD_SHAPE_H

#include "arithmetic.h"

typedef struct {
    int hidden_size; /* H */
    int operands;    /* n */
    int columns;     /* S */
    int rows;        /* R */
    int biases;
    binadd_activation activation;
} shape;

INLINE shape shape_of(const binadd_network *network)
{
    int columns = (network->hidden_size + LANES - 1) / LANES * LANES;
    return (shape){network->hidden_size,
                   network->operands,
                   columns,
                   network->operands + network->hidden_size + 3,
                   network->biases,
                   network->activation};
}

/* How many operands' bits are 1 in a symbol. */
INLINE int ones_of(int symbol)
{
    int ones = 0;
    for (; symbol; symbol &= symbol - 1)
        ones++;
    return ones;
}

/* Run a statement with the shape `s`; the default network gets code of its own from the same body,
 * in which every loop over units is unrolled. Not at the floor of x86-64 if higher levels are
 * built too: few processors run it, but every user would download it. */
#if defined(BINADD_X86_64_LEVELS) && !defined(__AVX__)
#define DEFAULT_SHAPE(given) 0
#else
#define DEFAULT_SHAPE(given) ((given)->hidden_size == 16 && (given)->operands == 2)
#endif

#define SHAPED(statement)                                                                          \
    do {                                                                                           \
        if (DEFAULT_SHAPE(given)) {                                                                \
            const shape fixed = {16, 2, 16, 21, given->biases, given->activation};                 \
            const shape *const s = &fixed;                                                         \
            statement;                                                                             \
        } else {                                                                                   \
            const shape *const s = given;                                                          \
            statement;                                                                             \
        }                                                                                          \
    } while (0)

/* Reals of one parameter block. */
INLINE size_t block_size(const shape *s)
{
    return (size_t)s->rows * s->columns;
}

/* Hands out a workspace piece by piece, each on a boundary of 64 bytes. Run over a NULL base, the
 * same code that lays a workspace out counts how large it must be. */
typedef struct {
    char *base;
    size_t used;
} arena;

INLINE arena arena_at(void *workspace)
{
    size_t past = (uintptr_t)workspace % LANE_BYTES;
    return (arena){workspace, past ? LANE_BYTES - past : 0};
}

INLINE void *take(arena *a, size_t bytes)
{
    char *piece = a->base ? a->base + a->used : 0;
    a->used += (bytes + LANE_BYTES - 1) / LANE_BYTES * LANE_BYTES;
    return piece;
}

/* With room for an aligned start. */
INLINE size_t arena_size(const arena *a)
{
    return a->used + LANE_BYTES;
}

#endif
