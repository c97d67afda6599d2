/* arena.h: a workspace, handed out piece by piece.
 *
 * Each piece begins at a multiple of 64 bytes. Run over a NULL base, the code that lays a workspace out
 * counts how large it must be.
 */
#ifndef BINADD_ARENA_H
#define BINADD_ARENA_H

#include "lanes.h"

enum { ALIGNMENT = 64 };

typedef struct {
    char *base;
    size_t used;
} arena;

INLINE arena arena_at(void *workspace)
{
    size_t past = (uintptr_t)workspace % ALIGNMENT;
    return (arena){workspace, past ? ALIGNMENT - past : 0};
}

INLINE void *take(arena *a, size_t bytes)
{
    char *piece = a->base ? a->base + a->used : 0;
    a->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return piece;
}

/* With room for an aligned start. */
INLINE size_t arena_size(const arena *a)
{
    return a->used + ALIGNMENT;
}

#endif
