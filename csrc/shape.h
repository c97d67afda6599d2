/* shape.h: a network's sizes as the kernels use them. */
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
    int columns = (network->hidden_size + ACCUMULATORS - 1) / ACCUMULATORS * ACCUMULATORS;
    return (shape){network->hidden_size,
                   network->operands,
                   columns,
                   network->operands + network->hidden_size + 3,
                   network->biases,
                   network->activation};
}

/* Call `run(s, …)`, with code of its own for the default network, in which every loop over units is
 * unrolled. Not at the floor of x86-64 if higher levels are built too: few processors run it, but
 * every user would download it. */
#if defined(BINADD_X86_64_LEVELS) && !defined(__AVX__)
#define SHAPED(run, s, ...) run(s, __VA_ARGS__)
#else
#define SHAPED(run, s, ...)                                                                        \
    do {                                                                                           \
        if ((s)->hidden_size == 16 && (s)->operands == 2) {                                        \
            const shape fixed_ = {16, 2, 16, 21, (s)->biases, (s)->activation};                    \
            run(&fixed_, __VA_ARGS__);                                                             \
        } else {                                                                                   \
            run(s, __VA_ARGS__);                                                                   \
        }                                                                                          \
    } while (0)
#endif

/* Vectors of a row of S reals. */
INLINE int vectors_of(const shape *s)
{
    return s->columns / WIDTH;
}

/* Reals of one parameter block. */
INLINE size_t block_size(const shape *s)
{
    return (size_t)s->rows * s->columns;
}

#endif
