#!/bin/sh
# z3 takes a NumPy weight w for another number: w * x and x * w are two, and neither is w times x.
#
# Expected: a float is a rational number, so z3's reals hold a weight exactly, on either side of a product.
# Happens: for w = numpy.float32(0.1), which is 13421773/2^27, and a z3.Real x, x * w is x/10. w * x
#   and W @ x, for arrays, are x times 0.10000000149011612, the digits that Python prints for
#   float(w). So z3 finds an x where w * x and x * w differ. RealVal(w) and RealVal(0.1) are 1/10,
#   too, and z3, which also has floats, proves that its float 0.1 is not equal to RealVal(0.1).
# Versions: z3-solver 5.4.1.0, NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-29.
# Why it matters: what is proved of a network in reals is true of another one, whose weights are off
#   by up to half a unit in the last place, up or down; and the same layer written in two ways is two
#   layers. RealVal(fractions.Fraction(float(w))) is exact.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 z3-solver==5.4.1.0
"$work/venv/bin/python" - <<'EOF'
import sys
from fractions import Fraction

import numpy as np
import z3

x = z3.Real("x")
WAYS = {
    "x * w": lambda w: x * w,
    "w * x": lambda w: w * x,
    "W @ x": lambda w: (np.array([[w]]) @ np.array([x]))[0],
    "RealVal(w) * x": lambda w: z3.RealVal(w) * x,
    "RealVal(Fraction(float(w))) * x": lambda w: z3.RealVal(Fraction(float(w))) * x,
}
weights = np.random.default_rng(0).standard_normal(1000).astype(np.float32)


def factor(product):
    """Return the number with which x is multiplied."""
    return z3.simplify(z3.substitute(product, (x, z3.RealVal(1)))).as_fraction()


def check(*constraints):
    """Return whether z3 finds numbers for which all of these hold."""
    solver = z3.Solver()
    solver.add(*constraints)
    return str(solver.check())


print("of 1000 random weights exact, the largest error in units in the last place, and 0.1:")
exact = {}
for name, way in WAYS.items():
    errors = [abs(factor(way(w)) - Fraction(float(w))) / Fraction(float(np.spacing(abs(w)))) for w in weights]
    exact[name] = errors.count(0)
    print(f"{name:32}{exact[name]:5}{float(max(errors)):9.2g}   {factor(way(np.float32(0.1)))}")
w = np.float32(0.1)
differ = check(w * x != x * w)
equal = check(z3.fpToReal(z3.FPVal(0.1, z3.Float64())) == z3.RealVal(0.1))
print(f"w * x != x * w: {differ}; the float 0.1 == RealVal(0.1): {equal}")
as_stated = (
    exact["x * w"] == exact["RealVal(w) * x"] == 0
    and exact["w * x"] == exact["W @ x"] < 100
    and exact["RealVal(Fraction(float(w))) * x"] == 1000
    and factor(x * w) == Fraction(1, 10)
    and (differ, equal) == ("sat", "unsat")
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
