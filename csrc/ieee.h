/* ieee.h: what binadd needs of a compiler, or it refuses to be compiled.
 *
 * Every operation on binary64 and binary32 is rounded once, in the order in which it is written.
 * Pragmas request this where a compiler has them; where its macros reveal another mode, that is an
 * error. The self-test (tests/c/selftest.c) finds the modes that no macro reveals.
 */
#ifndef BINADD_IEEE_H
#define BINADD_IEEE_H

#include <float.h>

#if defined(__clang__)
#pragma float_control(precise, on) /* against parts of -ffast-math, which no macro reveals */
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || defined(__ASSOCIATIVE_MATH__) ||              \
    defined(__RECIPROCAL_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "binadd computes the same bits everywhere, but not with -ffast-math, -Ofast, /fp:fast"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "excess precision changes the bits: try -msse2 -mfpmath=sse (x86), -fexcess-precision=fast"
#endif
#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || FLT_MAX_EXP != 128 || DBL_MANT_DIG != 53 ||            \
    DBL_MAX_EXP != 1024
#error "float must be IEEE 754's binary32 and double its binary64"
#endif

_Static_assert(sizeof 0.1 == sizeof(double),
               "constants must be double: not -fsingle-precision-constant");

#endif
