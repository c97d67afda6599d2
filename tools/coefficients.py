"""Derive the coefficients of csrc/arithmetic.h and binadd/kernels/arithmetic.py.

    python tools/coefficients.py

Interpolation at Chebyshev nodes in 60-digit arithmetic; it is within a few per cent of the minimax
polynomial, and the degree leaves room to spare. The leading ½ of the exponential is kept exact, so
that a tiny r loses nothing.

    exp:    eʳ − 1 = r + r²·(½ + r·E(r))            |r| ≤ ½·ln 2
    log1p:  ln((1 + w)/(1 − w)) = 2w·(1 + w²·L(w²))   0 ≤ w ≤ ⅓
"""

from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def interpolate(
    f: Callable[[mp.mpf], mp.mpf], low: mp.mpf, high: mp.mpf, degree: int
) -> list[mp.mpf]:
    """Coefficients, constant first, of the interpolant at the Chebyshev nodes of [low, high]."""
    count = degree + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * count))
        for i in range(count)
    ]
    vandermonde = mp.matrix([[node**power for power in range(count)] for node in nodes])
    return list(mp.lu_solve(vandermonde, mp.matrix([f(node) for node in nodes])))


def exponential_tail(r: mp.mpf) -> mp.mpf:
    """E(r) = (eʳ − 1 − r − r²/2) / r³, by its series, since the quotient cancels near zero."""
    return mp.nsum(lambda k: r**k / mp.factorial(k + 3), [0, 40])


def logarithm_tail(square: mp.mpf) -> mp.mpf:
    """L(w²) = 1/3 + w²/5 + w⁴/7 + …"""
    return mp.nsum(lambda k: square**k / (2 * k + 3), [0, 80])


def main() -> None:
    """Print every table at both precisions."""
    edge = mp.log(2) / 2 * mp.mpf("1.0001")
    for real, exp_degree, log_degree in ((np.float64, 8, 8), (np.float32, 3, 4)):
        for name, f, low, high, degree in (
            ("exp", exponential_tail, -edge, edge, exp_degree),
            ("log1p", logarithm_tail, mp.mpf(0), mp.mpf(1) / 9, log_degree),
        ):
            coefficients = [real(str(c)) for c in interpolate(f, low, high, degree)]
            grid = [low + (high - low) * i / 500 for i in range(501)]
            error = max(
                abs(mp.polyval([mp.mpf(float(c)) for c in reversed(coefficients)], g) - f(g))
                for g in grid
            )
            print(f"{real.__name__} {name}: error {mp.nstr(error, 3)}")
            print("   ", ", ".join(repr(float(c)) for c in coefficients))


if __name__ == "__main__":
    main()
