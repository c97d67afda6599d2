/* modes.c: in whatever floating-point mode the caller is, kernels give the same bits, and leave him
 * the mode and the flags that he had; at every instruction set.
 *
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc tests/c/modes.c csrc/… -lm -o modes
 */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binadd.h"

#if defined(__SSE__) && (defined(__GNUC__) || defined(__clang__))
#include <xmmintrin.h>
#define FLUSHES 1
#else
#define FLUSHES 0
#endif

enum { HIDDEN = 16, OPERANDS = 2, REALS = (OPERANDS + HIDDEN + 3) * HIDDEN };
enum { SEQUENCES = 24, STEPS = 6, POINTS = 64 };

static const binadd_network NETWORK = {HIDDEN, OPERANDS, 1, BINADD_SIGMOID, BINADD_FLOAT64, {0}};
static const binadd_optimizer OPTIMIZER = {
    .name = BINADD_ADAM,
    .learning_rate = 0.01,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .clip_norm = INFINITY,
};

typedef struct {
    double block[REALS], moments[2 * REALS], powers[2], losses[SEQUENCES];
    double probabilities[SEQUENCES * STEPS], values[POINTS];
    int64_t wrong_bits[SEQUENCES];
    uint64_t word;
    int step;
} results;

static uint8_t symbols[SEQUENCES * STEPS], targets[SEQUENCES * STEPS];
static double initial[REALS], points[POINTS];
static char workspace[1 << 20];
static results nearest, found;
static int passed, failed;

static void expect(int holds, const char *what, const char *mode)
{
    passed += holds != 0;
    failed += !holds;
    if (!holds)
        printf("  %s: %s in the mode %s\n", binadd_isa(), what, mode);
}

static int compute(results *r)
{
    memset(r, 0, sizeof *r);
    memcpy(r->block, initial, sizeof initial);
    r->powers[0] = r->powers[1] = 1;
    const binadd_training training = {
        .block = r->block,
        .moments = r->moments,
        .powers = r->powers,
        .symbols = symbols,
        .targets = targets,
        .sequences = SEQUENCES,
        .steps = STEPS,
        .batch_size = 1,
        .count = SEQUENCES,
        .losses = r->losses,
        .wrong_bits = r->wrong_bits,
    };
    const binadd_run run = {
        .block = r->block,
        .symbols = symbols,
        .sequences = SEQUENCES,
        .steps = STEPS,
        .count = SEQUENCES,
        .probabilities = r->probabilities,
    };
    return binadd_train(&NETWORK, BINADD_SQUARED_ERROR, &OPTIMIZER, &training, workspace,
                        sizeof workspace) == BINADD_OK &&
           binadd_forward(&NETWORK, &run, workspace, sizeof workspace) == BINADD_OK &&
           binadd_first_error(&NETWORK, r->block, 5, &r->step, &r->word, workspace,
                              sizeof workspace) == BINADD_OK &&
           binadd_activation_values(BINADD_FLOAT64, BINADD_TANH, points, POINTS, r->values) ==
               BINADD_OK;
}

static void same(const char *mode)
{
    expect(compute(&found) && memcmp(&found, &nearest, sizeof found) == 0, "other bits", mode);
}

static void test_modes(void)
{
    static const struct {
        const char *name;
        int rounding;
    } modes[] = {
        {"to nearest", FE_TONEAREST},
        {"upward", FE_UPWARD},
        {"downward", FE_DOWNWARD},
        {"toward zero", FE_TOWARDZERO},
    };
    expect(compute(&nearest), "an error", "to nearest");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (fesetround(modes[i].rounding)) /* some machines have one mode only */
            continue;
        feclearexcept(FE_ALL_EXCEPT);
        same(modes[i].name);
        expect(fegetround() == modes[i].rounding, "another rounding afterwards", modes[i].name);
#if FLUSHES || defined(__aarch64__)
        expect(FLUSHES == 0 || !fetestexcept(FE_ALL_EXCEPT), "flags afterwards", modes[i].name);
#endif
    }
    fesetround(FE_TONEAREST);
#if FLUSHES
    const unsigned before = _mm_getcsr();
    static const unsigned bits[] = {0x8000, 0x0040, 0x8040, 0xE040};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        const unsigned mode = (before & ~0x3Fu) | bits[i];
        _mm_setcsr(mode);
        same("subnormal numbers are zero");
        expect(_mm_getcsr() == mode, "another mode afterwards", "subnormal numbers are zero");
    }
    _mm_setcsr(0x0000 | (before & 0x6000)); /* every exception trapped: none may come */
    const int computed = compute(&found);
    _mm_setcsr(before);
    expect(computed && memcmp(&found, &nearest, sizeof found) == 0, "other bits", "trapping");
#endif
}

int main(void)
{
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof symbols; i++)
        symbols[i] = (x = x * 1664525u + 1013904223u) >> 30;
    for (size_t i = 0; i < REALS; i++)
        initial[i] = ((int32_t)(x = x * 1664525u + 1013904223u) >> 8) * 0x1p-15; /* ±256 */
    for (size_t i = 1; i < HIDDEN; i++)
        initial[REALS - HIDDEN + i] = 0;
    for (int i = 0; i < POINTS; i++)
        points[i] = ldexp(1.25, i % 2 ? i / 2 - 20 : -1074 + i);
    if (binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, targets) != BINADD_OK)
        return 1;
    for (int i = 0; binadd_isa_name(i); i++) {
        if (binadd_use_isa(binadd_isa_name(i)) != BINADD_OK)
            continue;
        test_modes();
    }
    int subnormal = 0;
    for (int i = 0; i < 2 * REALS; i++)
        subnormal += fpclassify(nearest.moments[i]) == FP_SUBNORMAL;
    expect(subnormal > 0, "no subnormal number, so nothing was tested,", "to nearest");
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
