#!/bin/sh
# PyTorch's sigmoid depends on the place in the array: of equal numbers, the last have other outputs.
#
# Expected: an elementwise function is a function: equal inputs of one array have equal outputs.
# Happens: of an array that holds one number 33 times, the last output differs from the other 32,
#   for 44 of 1,000 numbers in float32 (with AVX-512) and for 29 in float64. Whole vectors of the
#   processor compute the sigmoid in one way, what is left over at the end in another. Lengths that
#   are multiples of 64 have no such end. tanh, exp, expm1 and erf do not depend on the place.
# Versions: torch 2.13.0 on CPU, x86-64, one thread; NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-28.
# Why it matters: a sample's probability depends on how many others are in the batch, and in which
#   row it stands: equal samples rank unequal, and a batch differs from its rows one by one even
#   where no sum is reordered.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
"$work/venv/bin/python" - <<'EOF'
import sys

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
numbers = torch.rand(1000) * 16 - 8


def split(function, length, dtype):
    """Return for how many of the numbers an array of one alone has unequal outputs."""
    outputs = (function(x.expand(length).contiguous()) for x in numbers.to(dtype))
    return sum(int((y != y[0]).any()) for y in outputs)


found = {
    (name, dtype): [split(getattr(torch, name), length, dtype) for length in (33, 63, 64, 1000)]
    for name in ("sigmoid", "tanh", "exp", "expm1", "erf")
    for dtype in (torch.float32, torch.float64)
}
print("numbers of 1000 with unequal outputs in an array of 33, 63, 64 and 1000 of them:")
for (name, dtype), counts in found.items():
    print(f"{name:8} {str(dtype):14} {counts}")
as_stated = all(
    (counts[2] == 0 and min(counts[1], counts[3]) > 10) if name == "sigmoid" else not any(counts)
    for (name, _), counts in found.items()
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
