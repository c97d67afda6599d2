/* example_lanes.h: the network with an example in each lane.
 *
 * An example is a sequence that shares its network with the other lanes (weights are scalars), or
 * one of a population's networks with a sequence of its own (weights are vectors). The includer
 * defines `weight` as `real` or `vec` and NAME(x) as the prefix of every function, twice.
 *
 * Forward and backward of one step stand next to each other and read as the equations do.
 */

typedef struct {
    const weight *inputs;      /* (n, S)  from operand i to unit j */
    const weight *hidden;      /* (H, S)  from unit k to unit j */
    const weight *hidden_bias; /* (S) */
    const weight *output;      /* (S) */
    const weight *output_bias; /* (1) */
} NAME(weights);

INLINE NAME(weights) NAME(name_rows)(const weight *block, const shape *s)
{
    const weight *after = block + (s->operands + s->hidden_size) * s->columns;
    return (NAME(weights)){block, block + s->operands * s->columns, after, after + s->columns,
                           after + 2 * s->columns};
}

/* Σₖ wₖ·hₖ over the hidden units, in the written order, for two units at once, which share the hₖ: w
 * is `along` reals on for the next k and `across` for the other unit. */
INLINE pair NAME(term)(const weight *w, int across, int along, const vec *h, int size, int i)
{
    if (i >= size)
        return (pair){splat(0), splat(0)};
    pair sum = {w[i * along] * h[i], w[i * along + across] * h[i]};
    for (int k = i + LANES; k < size; k += LANES)
        sum = add_pairs(sum, (pair){w[k * along] * h[k], w[k * along + across] * h[k]});
    return sum;
}

INLINE pair NAME(hidden_sums_here)(const weight *w, int across, int along, const vec *h, int size)
{
#define TERM(i) NAME(term)(w, across, along, h, size, i)
    return HALVE(add_pairs, TERM);
#undef TERM
}

APART pair NAME(hidden_sums_of_any_size)(const weight *w, int across, int along, const vec *h,
                                         int size)
{
    return NAME(hidden_sums_here)(w, across, along, h, size);
}

/* Unrolled where the compiler knows the size; else called, which costs little and saves much code. */
INLINE pair NAME(hidden_sums)(const weight *w, int across, int along, const vec *h, int size)
{
    return CONSTANT(size) ? NAME(hidden_sums_here)(w, across, along, h, size)
                          : NAME(hidden_sums_of_any_size)(w, across, along, h, size);
}

/* sums[j] = Σₖ wⱼₖ·hₖ + sums[j] for every unit j, one by one where registers hold all of h. */
INLINE void NAME(add_hidden_sums)(const weight *w, int across, int along, const vec *restrict h,
                                  int size, vec *restrict sums)
{
    const int held = MANY_REGISTERS && size == 16, together = held ? 1 : 2;
    vec kept[16];
    if (held) {
        UNROLL
        for (int k = 0; k < 16; k++) {
            kept[k] = h[k];
            KEEP(kept[k]);
        }
        h = kept;
    }
    for (int j = 0; j < size; j += together) {
        pair sum = NAME(hidden_sums)(w + j * across, across, along, h, size);
        sums[j] = sum.first + sums[j];
        if (!held && j + 1 < size)
            sums[j + 1] = sum.second + sums[j + 1];
    }
}

/* bₕ + Wᵢx of one unit. To subtract +0 changes nothing, and makes a vector of a real. */
INLINE vec NAME(input_sum)(const NAME(weights) * w, const shape *s, const ivec *x, int j)
{
    vec u = w->hidden_bias[j] - splat(0);
    for (int i = 0; i < s->operands; i++)
        u = u + pick(x[i], w->inputs[i * s->columns + j] - splat(0));
    return u;
}

/* hₜ = f(Wₕhₜ₋₁ + (bₕ + Wᵢxₜ)); with `before` NULL, hₜ₋₁ = 0 adds nothing. */
INLINE void NAME(step)(const NAME(weights) * w, const shape *s, const ivec *restrict x,
                       const vec *restrict before, vec *restrict h)
{
    for (int j = 0; j < s->hidden_size; j++)
        h[j] = NAME(input_sum)(w, s, x, j);
    if (before)
        NAME(add_hidden_sums)(w->hidden, 1, s->columns, before, s->hidden_size, h);
    activate(h, s->hidden_size, s->activation);
}

/* δₜ = (Wₕᵀδₜ₊₁ + Wₒᵀ∂L/∂oₜ) ⊙ f′(aₜ); with `after` NULL, there is no step t + 1. */
INLINE void NAME(step_back)(const NAME(weights) * w, const shape *s, const vec *restrict h,
                            vec d_logit, const vec *restrict after, vec *restrict delta)
{
    for (int k = 0; k < s->hidden_size; k++)
        delta[k] = w->output[k] * d_logit;
    if (after)
        NAME(add_hidden_sums)(w->hidden, s->columns, 1, after, s->hidden_size, delta);
    for (int k = 0; k < s->hidden_size; k++)
        delta[k] = delta[k] * slope(h[k], s->activation);
}

/* oₜ = Wₒhₜ + bₒ. */
INLINE vec NAME(logit)(const NAME(weights) * w, const shape *s, const vec *h)
{
    return NAME(hidden_sums)(w->output, 0, 1, h, s->hidden_size).first + *w->output_bias;
}

INLINE void NAME(run_shaped)(const NAME(weights) * w, const shape *s, const examples *e)
{
    const vec *before = 0;
    for (size_t t = 0; t < e->steps; t++) {
        vec *h = e->hidden + t * s->hidden_size;
        NAME(step)(w, s, e->inputs + t * s->operands, before, h);
        e->logits[t] = NAME(logit)(w, s, h);
        before = h;
    }
}

INLINE void NAME(run_back_shaped)(const NAME(weights) * w, const shape *s, const examples *e)
{
    const vec *after = 0;
    for (size_t t = e->steps; t-- > 0;) {
        vec *delta = e->deltas + t * s->hidden_size;
        NAME(step_back)(w, s, e->hidden + t * s->hidden_size, e->d_logits[t], after, delta);
        after = delta;
    }
}

APART void NAME(run)(const NAME(weights) * w, const shape *given, const examples *e)
{
    SHAPED(NAME(run_shaped)(w, s, e));
}

APART void NAME(run_back)(const NAME(weights) * w, const shape *given, const examples *e)
{
    SHAPED(NAME(run_back_shaped)(w, s, e));
}
