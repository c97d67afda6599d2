#!/bin/sh
# NumPy's sum and mean with where= lose pairwise summation: a mean of equal numbers is 4% below them.
#
# Expected: np.mean(x, where=mask) is np.mean(x[mask]) without the copy, and as exact. The page on
#   np.sum says that pairwise summation is always used where no axis is given, though precision
#   may depend on other parameters; of where= it says nothing.
# Happens: each run of neighbours that are chosen is summed pairwise, and the runs one after the
#   other. The mean of every second of 10^7 float32 of 0.1 is 0.0957, that of a random half 0.0987,
#   and with one of 100 left out it is still off by 0.1%. Of 2^26 ones, the sum of every second is
#   2^24. In float64 the means are off by up to 9e-11, otherwise by 2e-16. np.std inherits the error
#   of the mean. Sums of x[mask] and np.where(mask, x, 0), and np.nanmean, are right.
# Versions: NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-29.
# Why it matters: where= is the short way to leave out padding or missing cells, and nobody sees a
#   mean that is off by 1%; another library's sum, compared with it, looks wrong. dtype=np.float64
#   keeps a sum of float32 without a copy.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6
"$work/venv/bin/python" - <<'EOF'
import sys

import numpy as np

SIZE = 10_000_000
count = np.arange(SIZE)
MASKS = {
    "all": count >= 0,
    "the first half": count < SIZE // 2,
    "all but every 100th": count % 100 > 0,
    "a random half": np.random.default_rng(0).random(SIZE) < 0.5,
    "every second": count % 2 == 0,
}


def errors(mask, dtype):
    """Return by how much each mean of tenths is off, as a part of it."""
    x = np.full(SIZE, 0.1, dtype)
    chosen = mask.sum()
    means = {
        "where=": np.mean(x, where=mask),
        "x[mask]": np.mean(x[mask]),
        "np.where": np.sum(np.where(mask, x, dtype(0))) / chosen,
        "nanmean": np.nanmean(np.where(mask, x, dtype(np.nan))),
    }
    if dtype is np.float32:
        means["where=, dtype=float64"] = np.mean(x, where=mask, dtype=np.float64)
    return {way: abs(float(mean / x[0]) - 1) for way, mean in means.items()}


found = {}
for dtype in (np.float32, np.float64):
    print(f"{dtype.__name__}, relative errors of the mean:")
    for name, mask in MASKS.items():
        found[name, dtype] = errors(mask, dtype)
        print(f"  {name:20}", ", ".join(f"{way} {error:.0e}" for way, error in found[name, dtype].items()))
tenths = np.full(SIZE, np.float32(0.1))
half = MASKS["every second"]
deviations = np.std(tenths, where=half), np.std(tenths[half])
print("standard deviation of every second: where= {:.0e}, x[mask] {:.0e}".format(*deviations))
ones = np.ones(2**26, np.float32)
half = np.arange(ones.size) % 2 == 0
sums = float(np.sum(ones, where=half)), float(np.sum(ones[half]))
print("sum of every second of 2^26 ones: where= {:.0f}, x[mask] {:.0f}".format(*sums))

far = {name: found[name, np.float32]["where="] for name in MASKS}
as_stated = (
    max(far["all"], far["the first half"]) < 1e-6
    and far["all but every 100th"] > 5e-4
    and far["a random half"] > 0.01
    and far["every second"] > 0.04
    and found["every second", np.float64]["where="] > 1e-11
    and all(
        error < (1e-6 if dtype is np.float32 else 1e-15)
        for (_, dtype), ways in found.items()
        for way, error in ways.items()
        if way != "where="
    )
    and deviations[0] > 1e-3 > 1e-6 > deviations[1]
    and sums == (2**24, 2**25)
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
