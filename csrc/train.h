/* train.h: updates one after the other: online, by batches, and for a population at once. */
#ifndef BINADD_TRAIN_H
#define BINADD_TRAIN_H

#include "examples.h"
#include "sequence.h"
#include "transpose.h"
#include "update.h"

/* ---- One network in memory, its weights as vectors of neighbours ---------------------------- */

typedef struct {
    vec *block, *moments[2], *gradient; /* (R, S) each */
    vec *quiet;      /* (R, S)  the weights without noise, while the block has it */
    vec *transposed; /* (H, S) */
    real powers[2];
} learner;

INLINE learner take_learner(arena *a, const shape *s)
{
    const size_t bytes = block_size(s) * sizeof(real);
    learner l;
    l.block = take(a, bytes);
    l.moments[0] = take(a, bytes);
    l.moments[1] = take(a, bytes);
    l.gradient = take(a, bytes);
    l.quiet = take(a, bytes);
    l.transposed = take(a, (size_t)s->hidden_size * s->columns * sizeof(real));
    return l;
}

/* The weights that persist between two updates: those without noise. */
INLINE vec *kept_weights(const learner *l, const binadd_training *d)
{
    return d->noise ? l->quiet : l->block;
}

INLINE void load_learner(learner *l, const shape *s, const binadd_training *d)
{
    const size_t size = block_size(s), bytes = size * sizeof(real);
    memcpy(kept_weights(l, d), d->block, bytes);
    memcpy(l->moments[0], d->moments, bytes);
    memcpy(l->moments[1], (const real *)d->moments + size, bytes);
    memset(l->gradient, 0, bytes);
    memset(l->transposed, 0, (size_t)s->hidden_size * s->columns * sizeof(real));
    memcpy(l->powers, d->powers, sizeof l->powers);
}

INLINE void store_learner(const learner *l, const shape *s, const binadd_training *d)
{
    const size_t size = block_size(s), bytes = size * sizeof(real);
    memcpy(d->block, kept_weights(l, d), bytes);
    memcpy(d->moments, l->moments[0], bytes);
    memcpy((real *)d->moments + size, l->moments[1], bytes);
    memcpy(d->powers, l->powers, sizeof l->powers);
    const size_t full = (d->first + d->count) / d->batch_size - d->first / d->batch_size;
    if (d->gradient && full)
        memcpy(d->gradient, l->gradient, bytes);
}

/* An update's noise, NULL if there is none. */
INLINE const real *noise_of(const binadd_training *d, const shape *s, size_t update)
{
    return d->noise ? (const real *)d->noise + update * block_size(s) : 0;
}

NOINLINE void add_noise(const learner *l, const shape *s, const real *noise)
{
    const real *quiet = (const real *)l->quiet;
    real *block = (real *)l->block;
    for (size_t i = 0; i < block_size(s); i++)
        block[i] = quiet[i] + noise[i];
}

NOINLINE void take_noise_off(const learner *l, const shape *s, const real *noise)
{
    const real *block = (const real *)l->block;
    real *quiet = (real *)l->quiet;
    for (size_t i = 0; i < block_size(s); i++)
        quiet[i] = block[i] - noise[i];
}

NOINLINE void learn(learner *l, const shape *s, const update_constants *c, const real *noise)
{
    const size_t count = block_size(s) / WIDTH;
    real scale = clips(c) ? clip_scale(square_norm(l->gradient, count), c->clip_norm) : 1;
    vec powers[2];
    if (c->name == BINADD_ADAM) {
        l->powers[0] *= *(const real *)&c->beta1;
        l->powers[1] *= *(const real *)&c->beta2;
    }
    powers[0] = splat(l->powers[0]);
    powers[1] = splat(l->powers[1]);
    update(c, count, l->block, l->moments[0], l->moments[1], l->gradient, splat(scale), powers);
    if (noise && c->name != BINADD_NO_UPDATE) /* without an update, it would only round them */
        take_noise_off(l, s, noise);
}

/* ---- Online: an update after every sequence -------------------------------------------------- */

typedef struct {
    learner learner;
    sequence sequence;
} online_workspace;

INLINE online_workspace take_online(arena *a, const shape *s, size_t steps)
{
    const size_t states = steps * s->columns * sizeof(real);
    const size_t outputs = (steps + ACCUMULATORS) * sizeof(real);
    online_workspace w;
    w.learner = take_learner(a, s);
    w.sequence.steps = steps;
    w.sequence.hidden = take(a, states);
    w.sequence.deltas = take(a, states);
    w.sequence.logits = take(a, outputs);
    w.sequence.d_logits = take(a, outputs);
    w.sequence.sums = take(a, outputs);
    w.sequence.gradient = w.learner.gradient;
    return w;
}

NOINLINE void train_online(const shape *s, binadd_loss loss, const update_constants *c,
                           const binadd_training *d, void *workspace)
{
    arena a = arena_at(workspace);
    online_workspace space = take_online(&a, s, d->steps);
    learner *l = &space.learner;
    sequence *q = &space.sequence;
    const weights w = weights_of(s, UNITS, l->block, l->transposed);
    load_learner(l, s, d);
    memset(q->logits, 0, (d->steps + ACCUMULATORS) * sizeof(real));
    memset(q->sums, 0, (d->steps + ACCUMULATORS) * sizeof(real));
    for (size_t i = d->first; i < d->first + d->count; i++) {
        const real *noise = noise_of(d, s, i);
        real value;
        int64_t wrong = 0;
        if (noise)
            add_noise(l, s, noise);
        q->symbols = d->symbols + i * d->steps;
        q->targets = d->targets + i * d->steps;
        load_targets(q);
        run_sequence(s, &w, q);
        transpose(w.hidden, l->transposed, s); /* while the last logit is on its way */
        find_slopes(q, loss, d->losses ? &value : 0, d->wrong_bits ? &wrong : 0);
        run_sequence_back(s, &w, q);
        learn(l, s, c, noise);
        if (d->losses)
            ((real *)d->losses)[i] = value;
        if (d->wrong_bits)
            d->wrong_bits[i] = wrong;
    }
    store_learner(l, s, d);
}

/* ---- By batches: a sequence in each lane ------------------------------------------------------ */

typedef struct {
    learner learner;
    examples examples;
    vec *gradients; /* (GROUP, R, S)  what the batch has gathered, lane by lane */
    vec *losses;    /* (GROUP) */
    int64_t *wrong;
} batch_workspace;

INLINE batch_workspace take_batch(arena *a, const shape *s, size_t steps)
{
    batch_workspace w;
    w.gradients = take(a, GROUP * block_size(s) * sizeof(vec));
    w.losses = take(a, GROUP * sizeof(vec));
    w.wrong = take(a, sizeof *w.wrong);
    w.learner = take_learner(a, s);
    w.examples = take_examples(a, s, steps);
    return w;
}

INLINE void begin_batch(const batch_workspace *b, const shape *s)
{
    memset(b->gradients, 0, GROUP * block_size(s) * sizeof(vec));
    memset(b->losses, 0, GROUP * sizeof(vec));
    *b->wrong = 0;
}

INLINE int64_t count_wrong(ivec wrong)
{
    integer each[WIDTH];
    int64_t total = 0;
    memcpy(each, &wrong, sizeof each);
    for (int lane = 0; lane < WIDTH; lane++)
        total -= each[lane];
    return total;
}

/* Sequences from `index` on, as many as there are lanes, `position` within the batch. */
INLINE void gather_batch(const batch_workspace *b, const shape *s, const weights *w,
                         binadd_loss loss, const binadd_training *d, size_t index, size_t position,
                         int count)
{
    const int group = (int)(position / WIDTH % GROUP);
    const int report = d->losses || d->wrong_bits;
    examples e = b->examples;
    e.gradients = b->gradients + group * block_size(s);
    e.fresh = 0;
    load_examples(&e, s, d->symbols + index * d->steps, d->targets + index * d->steps, d->steps,
                  count);
    run_examples(s, SEQUENCES, w, &e);
    load_slopes(&e, loss, report);
    run_examples_back(s, SEQUENCES, w, &e);
    add_gradients(s, &e);
    if (!report)
        return;
    b->losses[group] = b->losses[group] + e.loss;
    *b->wrong += count_wrong(e.wrong);
}

/* The batch's mean gradient, summed over the lanes. */
NOINLINE void end_batch(const batch_workspace *b, const shape *s, real inverse)
{
    const size_t size = block_size(s);
    real *gradient = (real *)b->learner.gradient;
    for (size_t i = 0; i < size; i++) {
        vec lanes[GROUP];
        for (int group = 0; group < GROUP; group++)
            lanes[group] = b->gradients[group * size + i];
        gradient[i] = (halve(lanes, GROUP) + R(0.0)) * inverse;
    }
}

NOINLINE void train_batches(const shape *s, binadd_loss loss, const update_constants *c,
                            const binadd_training *d, void *workspace)
{
    arena a = arena_at(workspace);
    batch_workspace b = take_batch(&a, s, d->steps);
    const weights w = weights_of(s, SEQUENCES, b.learner.block, 0);
    const real inverse = (real)1 / (real)d->batch_size;
    load_learner(&b.learner, s, d);
    size_t i = d->first;
    while (i < d->first + d->count) {
        const size_t position = i % d->batch_size, batch = i / d->batch_size;
        const real *noise = noise_of(d, s, batch);
        if (position == 0)
            begin_batch(&b, s);
        if (noise && (position == 0 || i == d->first))
            add_noise(&b.learner, s, noise);
        const size_t left = d->batch_size - position;
        const int count = lanes_for(left);
        gather_batch(&b, s, &w, loss, d, i, position, count);
        i += count;
        if (left > (size_t)count)
            continue;
        end_batch(&b, s, inverse);
        if (d->losses)
            ((real *)d->losses)[batch] = (halve(b.losses, GROUP) + R(0.0)) * inverse;
        if (d->wrong_bits)
            d->wrong_bits[batch] = *b.wrong;
        learn(&b.learner, s, c, noise);
    }
    store_learner(&b.learner, s, d);
}

/* ---- A population: a network in each lane ----------------------------------------------------- */

typedef struct {
    examples examples;
    vec *block, *moments[2]; /* (R, S) each */
    vec powers[2];
} population_workspace;

INLINE population_workspace take_population(arena *a, const shape *s, size_t steps)
{
    const size_t bytes = block_size(s) * sizeof(vec);
    population_workspace p;
    p.examples = take_examples(a, s, steps);
    p.examples.gradients = take(a, bytes);
    p.block = take(a, bytes);
    p.moments[0] = take(a, bytes);
    p.moments[1] = take(a, bytes);
    return p;
}

/* Networks from number `network` on, a lane each. */
INLINE void load_networks(population_workspace *p, const shape *s, const binadd_population *d,
                          size_t network, int count)
{
    const size_t size = block_size(s);
    const real *moments = (const real *)d->moments + network * 2 * size;
    load_lanes(p->block, (const real *)d->blocks + network * size, size, size, count);
    load_lanes(p->moments[0], moments, 2 * size, size, count);
    load_lanes(p->moments[1], moments + size, 2 * size, size, count);
    load_lanes(p->powers, (const real *)d->powers + network * 2, 2, 2, count);
    memset(p->examples.gradients, 0, size * sizeof(vec)); /* the padding stays 0 */
}

INLINE void store_networks(const population_workspace *p, const shape *s,
                           const binadd_population *d, size_t network, int count)
{
    const size_t size = block_size(s);
    real *moments = (real *)d->moments + network * 2 * size;
    store_lanes(p->block, (real *)d->blocks + network * size, size, size, count);
    store_lanes(p->moments[0], moments, 2 * size, size, count);
    store_lanes(p->moments[1], moments + size, 2 * size, size, count);
    store_lanes(p->powers, (real *)d->powers + network * 2, 2, 2, count);
}

/* The losses and wrong bits of sequence i, where they are wanted. */
INLINE void report_networks(const examples *e, const binadd_population *d, size_t network, size_t i,
                            int count)
{
    const size_t apart = d->sequences, place = network * apart + i;
    integer each[WIDTH];
    if (d->losses)
        store_lanes(&e->loss, (real *)d->losses + place, apart, 1, count);
    if (!d->wrong_bits)
        return;
    memcpy(each, &e->wrong, sizeof each);
    for (int lane = 0; lane < count; lane++)
        d->wrong_bits[place + lane * apart] = -each[lane];
}

NOINLINE void train_lanes(const shape *s, binadd_loss loss, update_constants c,
                          const binadd_population *d, size_t network, int count,
                          population_workspace *p)
{
    const size_t size = block_size(s), apart = d->sequences * d->steps;
    const weights w = weights_of(s, NETWORKS, p->block, 0);
    examples *e = &p->examples;
    e->fresh = 1;
    load_networks(p, s, d, network, count);
    load_lanes(&c.rate, (const real *)d->learning_rates + network, 1, 1, count);
    for (size_t i = d->first; i < d->first + d->count; i++) {
        const size_t start = network * apart + i * d->steps;
        load_examples(e, s, d->symbols + start, d->targets + start, apart, count);
        run_examples(s, NETWORKS, &w, e);
        load_slopes(e, loss, d->losses || d->wrong_bits);
        run_examples_back(s, NETWORKS, &w, e);
        add_gradients(s, e);
        const vec scale = clips(&c) ? clip_lanes(e->gradients, s, c.clip_norm) : splat(1);
        if (c.name == BINADD_ADAM) {
            p->powers[0] = p->powers[0] * c.beta1;
            p->powers[1] = p->powers[1] * c.beta2;
        }
        update(&c, size, p->block, p->moments[0], p->moments[1], e->gradients, scale, p->powers);
        report_networks(e, d, network, i, count);
    }
    store_networks(p, s, d, network, count);
}

/* ---- Entry points ----------------------------------------------------------------------------- */

/* Enough for whichever way of training: a caller may change the batch size. */
static size_t training_workspace_size(const binadd_network *network, size_t steps)
{
    const shape s = shape_of(network);
    arena online = arena_at(0), batch = arena_at(0), population = arena_at(0);
    take_online(&online, &s, steps);
    take_batch(&batch, &s, steps);
    take_population(&population, &s, steps);
    size_t most = arena_size(&online);
    if (arena_size(&batch) > most)
        most = arena_size(&batch);
    return arena_size(&population) > most ? arena_size(&population) : most;
}

static void train(const binadd_network *network, binadd_loss loss,
                  const binadd_optimizer *optimizer, const binadd_training *d, void *workspace)
{
    const shape s = shape_of(network);
    const update_constants c = constants_of(optimizer);
    if (d->batch_size == 1)
        train_online(&s, loss, &c, d, workspace);
    else
        train_batches(&s, loss, &c, d, workspace);
}

static void train_population(const binadd_network *network, binadd_loss loss,
                             const binadd_optimizer *optimizer, const binadd_population *d,
                             void *workspace)
{
    const shape s = shape_of(network);
    const update_constants c = constants_of(optimizer);
    arena a = arena_at(workspace);
    population_workspace p = take_population(&a, &s, d->steps);
    for (size_t k = 0; k < d->networks; k += WIDTH)
        train_lanes(&s, loss, c, d, k, lanes_for(d->networks - k), &p);
}

#endif
