#!/bin/sh
# clang reorders sums under -ffp-model=fast and does not define __FAST_MATH__.
#
# Expected: code that must not be reordered can refuse to compile by #ifdef __FAST_MATH__; clang
#   14 defines it for -ffp-model=fast, which then meant the same as -ffast-math.
# Happens: -ffp-model=fast defines no macro and __FINITE_MATH_ONLY__ is 0, as without any option,
#   yet Knuth's TwoSum, whose result is the exact rounding error of a sum, gives 0: its operations
#   are cancelled as in algebra, just as with -ffast-math. The older meaning, macro included, is
#   now -ffp-model=aggressive.
# Versions: clang 22.1.8, as zig cc in ziglang 0.17.1; x86-64 Linux.
# Date: 2026-11-28.
# Why it matters: the usual guard lets the option through, so compensated sums, error-free
#   transformations and double-double arithmetic compile without a word and are wrong. In
#   the file itself #pragma float_control(precise, on) keeps the arithmetic, as the last line shows.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q ziglang==0.17.1
ZIG_GLOBAL_CACHE_DIR="$work/cache" ZIG_LOCAL_CACHE_DIR="$work/cache"
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
cat >"$work/sum.c" <<'EOF'
#include <stdio.h>
#ifdef PRECISE
#pragma float_control(precise, on)
#endif

int main(void) {
    volatile float large = 1, small = 0x1p-30f;
    float a = large, b = small, sum = a + b, part = sum - a;
    float error = (a - (sum - part)) + (b - part);
#ifdef __FAST_MATH__
    const char *macro = "defined";
#else
    const char *macro = "undefined";
#endif
    printf("__FAST_MATH__ %s, __FINITE_MATH_ONLY__ %d, rounding error of 1 + 2^-30: %a\n",
           macro, __FINITE_MATH_ONLY__, error);
    return 0;
}
EOF
"$work/venv/bin/python" -m ziglang cc --version | head -n 1
for options in -ffp-model=precise -ffp-model=fast -ffp-model=aggressive -ffast-math \
    "-ffp-model=fast -DPRECISE"; do
    # shellcheck disable=SC2086 # the last are two words
    "$work/venv/bin/python" -m ziglang cc -O2 $options "$work/sum.c" -o "$work/sum"
    printf '%-26s %s\n' "$options" "$("$work/sum")" | tee -a "$work/seen"
done
cat >"$work/stated" <<'EOF'
-ffp-model=precise         __FAST_MATH__ undefined, __FINITE_MATH_ONLY__ 0, rounding error of 1 + 2^-30: 0x1p-30
-ffp-model=fast            __FAST_MATH__ undefined, __FINITE_MATH_ONLY__ 0, rounding error of 1 + 2^-30: 0x0p+0
-ffp-model=aggressive      __FAST_MATH__ defined, __FINITE_MATH_ONLY__ 1, rounding error of 1 + 2^-30: 0x0p+0
-ffast-math                __FAST_MATH__ defined, __FINITE_MATH_ONLY__ 1, rounding error of 1 + 2^-30: 0x0p+0
-ffp-model=fast -DPRECISE  __FAST_MATH__ undefined, __FINITE_MATH_ONLY__ 0, rounding error of 1 + 2^-30: 0x1p-30
EOF
if cmp -s "$work/seen" "$work/stated"; then echo "as stated"; else echo "CHANGED"; exit 1; fi
