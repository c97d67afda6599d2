/* fpenv.h: the floating-point environment in which the core computes. Internal.
 *
 * Other libraries leave a thread's processor rounding upward, or taking subnormal numbers for zero,
 * and new threads inherit it. So every call that computes begins with IEEE 754's defaults: to
 * nearest, subnormal numbers kept, nothing trapped. It ends with what the caller had, flags included.
 *
 * The compiler knows nothing of it, and may move an operation from between the two functions: what
 * stands there must be a call that it cannot look into, as those through the table are.
 */
#ifndef BINADD_FPENV_H
#define BINADD_FPENV_H

#include <stdint.h>

#if defined(__SSE__) || defined(_M_X64) || (defined(_M_IX86_FP) && _M_IX86_FP > 0)
#include <xmmintrin.h>

typedef uint32_t binadd_fpenv; /* MXCSR */

static inline binadd_fpenv binadd_fpenv_enter(void)
{
    const binadd_fpenv before = _mm_getcsr();
    _mm_setcsr(0x1F80);
    return before;
}

static inline void binadd_fpenv_leave(binadd_fpenv before)
{
    _mm_setcsr(before);
}

#elif defined(__aarch64__)

typedef struct {
    uint64_t mode, flags; /* FPCR, FPSR */
} binadd_fpenv;

static inline binadd_fpenv binadd_fpenv_enter(void)
{
    const uint64_t defaults = 0;
    binadd_fpenv before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before.mode));
    __asm__ volatile("mrs %0, fpsr" : "=r"(before.flags));
    __asm__ volatile("msr fpcr, %0" : : "r"(defaults) : "memory");
    return before;
}

static inline void binadd_fpenv_leave(binadd_fpenv before)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(before.mode) : "memory");
    __asm__ volatile("msr fpsr, %0" : : "r"(before.flags) : "memory");
}

#else
#include <fenv.h>

typedef fenv_t binadd_fpenv;

static inline binadd_fpenv binadd_fpenv_enter(void)
{
    binadd_fpenv before;
    fegetenv(&before);
    fesetenv(FE_DFL_ENV);
    return before;
}

static inline void binadd_fpenv_leave(binadd_fpenv before)
{
    fesetenv(&before);
}
#endif

#endif
