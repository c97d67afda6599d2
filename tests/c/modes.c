/* modes.c: in whatever floating-point mode the caller is, kernels give the same bits, and leave it
 * the mode and the flags that it had; at every instruction set.
 *
 *     cc -std=c11 -O2 -ffp-contract=off -I csrc tests/c/modes.c csrc/… -lm -o modes
 */
#include <fenv.h>
#include <math.h>
#include <string.h>

#include "check.h"

#if defined(__SSE__) && (defined(__GNUC__) || defined(__clang__))
#include <xmmintrin.h>
#define FLUSHES 1
#else
#define FLUSHES 0
#endif

enum { HIDDEN = 16, OPERANDS = 2, REALS = (OPERANDS + HIDDEN + 3) * HIDDEN };
enum { SEQUENCES = 24, STEPS = 6, POINTS = 64 };

static const binadd_network NETWORK = {HIDDEN, OPERANDS, 1, BINADD_SIGMOID, BINADD_FLOAT64, {0}};
static const binadd_optimizer OPTIMIZER = {BINADD_ADAM, 0.01, 0, 0.9, 0.999, 1e-8, INFINITY};

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
static const dataset DATA = {symbols, targets, SEQUENCES, STEPS};

static int compute(results *r)
{
    memset(r, 0, sizeof *r);
    memcpy(r->block, initial, sizeof initial);
    r->powers[0] = r->powers[1] = 1;
    binadd_training training = train_on(DATA, 1, r->block, r->moments, r->powers);
    training.losses = r->losses;
    training.wrong_bits = r->wrong_bits;
    binadd_run run = run_on(DATA, r->block);
    run.probabilities = r->probabilities;
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
    expect_in(mode, compute(&found) && memcmp(&found, &nearest, sizeof found) == 0, "other bits");
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
    expect_in("to nearest", compute(&nearest), "an error");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (fesetround(modes[i].rounding)) /* some machines have one mode only */
            continue;
        feclearexcept(FE_ALL_EXCEPT);
        same(modes[i].name);
        expect_in(modes[i].name, fegetround() == modes[i].rounding, "another rounding afterwards");
#if FLUSHES || defined(__aarch64__)
        expect_in(modes[i].name, !fetestexcept(FE_ALL_EXCEPT), "flags afterwards");
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
        expect_in("subnormal numbers are zero", _mm_getcsr() == mode, "another mode afterwards");
    }
    _mm_setcsr(0x0000 | (before & 0x6000)); /* every exception trapped: none may come */
    const int computed = compute(&found);
    _mm_setcsr(before);
    expect_in("trapping", computed && memcmp(&found, &nearest, sizeof found) == 0, "other bits");
#endif
}

int main(void)
{
    for (size_t i = 0; i < sizeof symbols; i++)
        symbols[i] = (uint8_t)(draw() >> 62);
    for (size_t i = 0; i < REALS - HIDDEN + 1; i++)
        initial[i] = 256 * draw_real();
    for (int i = 0; i < POINTS; i++)
        points[i] = ldexp(1.25, i % 2 ? i / 2 - 20 : -1074 + i);
    must(binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, targets));
    for (int i = 0; binadd_isa_name(i); i++) {
        if (binadd_use_isa(binadd_isa_name(i)) != BINADD_OK)
            continue;
        test_modes();
    }
    int subnormal = 0;
    for (int i = 0; i < 2 * REALS; i++)
        subnormal += fpclassify(nearest.moments[i]) == FP_SUBNORMAL;
    expect(subnormal > 0, "no subnormal number, so nothing was tested");
    return report();
}
