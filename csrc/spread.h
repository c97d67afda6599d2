/* spread.h: arrays of the caller spread over the lanes, and gathered from them. */
#ifndef BINADD_SPREAD_H
#define BINADD_SPREAD_H

#include "lanes.h"

/* Lanes in use when `left` sequences or networks are left. */
INLINE int lanes_for(uint64_t left)
{
    return left < (uint64_t)WIDTH ? (int)left : WIDTH;
}

/* All ones in the first `count` lanes. */
INLINE ivec first_lanes(int count)
{
    integer each[WIDTH];
    ivec lanes;
    for (int lane = 0; lane < WIDTH; lane++)
        each[lane] = -(lane < count);
    memcpy(&lanes, each, sizeof lanes);
    return lanes;
}

/* Element i of each of `count` arrays, `apart` reals apart, becomes lane 0 … of vector i. */
NOINLINE void load_lanes(vec *to, const real *from, size_t apart, size_t size, int count)
{
    for (size_t i = 0; i < size; i++) {
        real each[WIDTH];
        for (int lane = 0; lane < WIDTH; lane++)
            each[lane] = from[(lane < count ? lane : 0) * apart + i];
        memcpy(to + i, each, sizeof each);
    }
}

NOINLINE void store_lanes(const vec *from, real *to, size_t apart, size_t size, int count)
{
    for (size_t i = 0; i < size; i++) {
        real each[WIDTH];
        memcpy(each, from + i, sizeof each);
        for (int lane = 0; lane < count; lane++)
            to[lane * apart + i] = each[lane];
    }
}

/* Where sequence i of `count` begins, for lane i, and sequence 0 for lanes that are left. */
INLINE void find_starts(size_t starts[WIDTH], size_t apart, int count)
{
    for (int lane = 0; lane < WIDTH; lane++)
        starts[lane] = lane < count ? lane * apart : 0;
}

/* One byte of each sequence into its lane. Reading the vector has to wait until all are written, so
 * do this for several steps before the first of them is looked at. */
INLINE void spread(const uint8_t *bytes, const size_t starts[WIDTH], ivec *to)
{
    for (int lane = 0; lane < WIDTH; lane++)
        ((integer *)to)[lane] = bytes[starts[lane]];
}

#endif
