/* cpu.c: detect, choose and name the instruction set. Compiled for the floor, like binadd.c.
 *
 * Raw CPUID and XGETBV, in the order CPUID → OSXSAVE and XCR0 → feature: a feature bit alone does
 * not say that the system saves the registers. __builtin_cpu_supports is not used: some compilers
 * link a run-time in which it always answers no. The levels are those of the x86-64 psABI
 * (https://gitlab.com/x86-psABIs/x86-64-ABI).
 */
#include <stdatomic.h>
#include <string.h>

#include "table.h"

static int always(void)
{
    return 1;
}

#ifdef BINADD_X86_64_LEVELS
typedef struct {
    uint32_t eax, ebx, ecx, edx;
} registers;

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>

static registers cpuid(uint32_t leaf, uint32_t subleaf)
{
    int r[4];
    __cpuidex(r, (int)leaf, (int)subleaf);
    return (registers){(uint32_t)r[0], (uint32_t)r[1], (uint32_t)r[2], (uint32_t)r[3]};
}

static uint32_t xcr0(void)
{
    return (uint32_t)_xgetbv(0);
}
#else
static registers cpuid(uint32_t leaf, uint32_t subleaf)
{
    registers r;
    __asm__("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static uint32_t xcr0(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

static int all(uint32_t value, uint32_t wanted)
{
    return (value & wanted) == wanted;
}

enum {
    /* leaf 1, ecx */
    SSE3 = 1u << 0,
    SSSE3 = 1u << 9,
    FMA = 1u << 12,
    CX16 = 1u << 13,
    SSE4_1 = 1u << 19,
    SSE4_2 = 1u << 20,
    MOVBE = 1u << 22,
    POPCNT = 1u << 23,
    OSXSAVE = 1u << 27,
    AVX = 1u << 28,
    F16C = 1u << 29,
    /* leaf 7, ebx */
    BMI1 = 1u << 3,
    AVX2 = 1u << 5,
    BMI2 = 1u << 8,
    AVX512F = 1u << 16,
    AVX512DQ = 1u << 17,
    AVX512CD = 1u << 28,
    AVX512BW = 1u << 30,
    /* leaf 0x80000001, ecx */
    LAHF = 1u << 0,
    LZCNT = 1u << 5,
    /* XCR0: what the system saves */
    SAVES_YMM = 0x06,
    SAVES_ZMM = 0xE6,
};
#define AVX512VL (1u << 31)

static int has_v3(void)
{
    const uint32_t leaf1 =
        SSE3 | SSSE3 | FMA | CX16 | SSE4_1 | SSE4_2 | MOVBE | POPCNT | OSXSAVE | AVX | F16C;
    return cpuid(0, 0).eax >= 7 && all(cpuid(1, 0).ecx, leaf1) && all(xcr0(), SAVES_YMM) &&
           all(cpuid(7, 0).ebx, BMI1 | AVX2 | BMI2) && cpuid(0x80000000u, 0).eax >= 0x80000001u &&
           all(cpuid(0x80000001u, 0).ecx, LAHF | LZCNT);
}

static int has_v4(void)
{
    return has_v3() && all(xcr0(), SAVES_ZMM) &&
           all(cpuid(7, 0).ebx, AVX512F | AVX512DQ | AVX512CD | AVX512BW | AVX512VL);
}
#endif

typedef struct {
    const char *name;
    int (*supported)(void);
    const binadd_kernels *kernels[2]; /* by dtype */
} instruction_set;

/* Narrowest first; the last has a NULL name. */
static const instruction_set levels[] = {
    {"baseline", always, {&binadd_baseline_f64, &binadd_baseline_f32}},
#ifdef BINADD_X86_64_LEVELS
    {"x86_64_v3", has_v3, {&binadd_x86_64_v3_f64, &binadd_x86_64_v3_f32}},
    {"x86_64_v4", has_v4, {&binadd_x86_64_v4_f64, &binadd_x86_64_v4_f32}},
#endif
    {NULL, NULL, {NULL, NULL}},
};

/* The one thing the core remembers; NULL until it is first used or chosen. */
static _Atomic(const instruction_set *) chosen;

static const instruction_set *widest(void)
{
    const instruction_set *best = levels;
    for (const instruction_set *level = levels; level->name; level++)
        if (level->supported())
            best = level;
    return best;
}

static const instruction_set *named(const char *name)
{
    for (const instruction_set *level = levels; level->name; level++)
        if (name && strcmp(level->name, name) == 0)
            return level;
    return NULL;
}

static const instruction_set *current(void)
{
    const instruction_set *level = atomic_load(&chosen);
    if (level)
        return level;
    const instruction_set *best = widest();
    /* Another thread may have chosen in between; its choice is then in `level`. */
    return atomic_compare_exchange_strong(&chosen, &level, best) ? best : level;
}

const binadd_kernels *binadd_kernels_for(binadd_dtype dtype)
{
    return current()->kernels[dtype];
}

const char *binadd_isa(void)
{
    return current()->name;
}

const char *binadd_isa_name(int i)
{
    const int count = (int)(sizeof levels / sizeof *levels) - 1;
    return i >= 0 && i < count ? levels[i].name : NULL;
}

int binadd_isa_supported(const char *name)
{
    const instruction_set *level = named(name);
    return level ? level->supported() : -1;
}

binadd_status binadd_use_isa(const char *name)
{
    const instruction_set *level = name ? named(name) : widest();
    if (!level)
        return BINADD_UNKNOWN_ISA;
    if (!level->supported())
        return BINADD_MISSING_ISA;
    atomic_store(&chosen, level);
    return BINADD_OK;
}
