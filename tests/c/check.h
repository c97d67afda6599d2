/* check.h: what the C programs of the tests share: checks that are counted, numbers at random, and calls
 * on all of their data at once.
 */
#ifndef BINADD_TESTS_CHECK_H
#define BINADD_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "binadd.h"

static int passed, failed;

static inline void expect_in(const char *where, int holds, const char *what)
{
    passed += holds != 0;
    failed += !holds;
    if (!holds && failed <= 20)
        printf("  %s%s%s: %s\n", binadd_isa(), *where ? ", " : "", where, what);
}

static inline void expect(int holds, const char *what)
{
    expect_in("", holds, what);
}

/* The exit status of a program that ends. */
static inline int report(void)
{
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

static inline void must(binadd_status status)
{
    if (status == BINADD_OK)
        return;
    printf("  %s\n", binadd_message(status));
    exit(1);
}

static inline void *zeros(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (memory)
        return memory;
    puts("  out of memory");
    exit(1);
}

/* Marsaglia's xorshift64. */
static inline uint64_t draw(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

/* From −1 to 1. */
static inline double draw_real(void)
{
    return (double)(draw() >> 11) * 0x1p-52 - 1;
}

typedef struct {
    const uint8_t *symbols, *targets; /* (sequences, steps), or (networks, sequences, steps) */
    size_t sequences, steps;
} dataset;

static inline binadd_training train_on(dataset d, size_t batch_size, void *block, void *moments,
                                       void *powers)
{
    binadd_training t = {0};
    t.block = block, t.moments = moments, t.powers = powers;
    t.symbols = d.symbols, t.targets = d.targets;
    t.sequences = t.count = d.sequences, t.steps = d.steps;
    t.batch_size = batch_size;
    return t;
}

static inline binadd_population train_all_on(dataset d, size_t networks, void *blocks,
                                             void *moments, void *powers, const void *rates)
{
    binadd_population p = {0};
    p.networks = networks, p.blocks = blocks, p.moments = moments, p.powers = powers;
    p.learning_rates = rates;
    p.symbols = d.symbols, p.targets = d.targets;
    p.sequences = p.count = d.sequences, p.steps = d.steps;
    return p;
}

static inline binadd_run run_on(dataset d, const void *block)
{
    binadd_run r = {0};
    r.block = block, r.symbols = d.symbols;
    r.sequences = d.sequences, r.steps = d.steps;
    r.count = d.sequences == 1 ? d.steps : d.sequences;
    return r;
}

#endif
