"""The activation between two lines, on intervals of pre-activations, in NumPy.

csrc/relaxation.h computes the same operations in the same order. docs/proof.md derives the lines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from binadd.kernels.arithmetic import ACTIVATIONS, CONSTANTS, SLOPES, log_ratio
from binadd.kernels.contract import Real

NARROW = 2.0**-30
"""The width of an interval below which its secant would be all rounding errors."""
F_ERROR = 2.0**-50
"""The largest |computed f − f|."""


def larger(a: Real, b: Real | float) -> Real:
    """Return the larger one; where either is a NaN, a."""
    return np.where(a < b, b, a)


def smaller(a: Real, b: Real | float) -> Real:
    """Return the smaller one; where either is a NaN, a."""
    return np.where(b < a, b, a)


class Lines(NamedTuple):
    """f(a) = slope·a + offset ± gap between two bounds."""

    slope: Real
    offset: Real
    gap: Real


def _tangent_point(slope: Real, activation: str) -> Real:
    """About where f′ is the slope, a ≥ 0: artanh √(1 − f′), a guess whose every bit is defined."""
    k = CONSTANTS[slope.dtype]
    steep = slope if activation == "tanh" else 4 * slope
    root = np.sqrt(smaller(larger(1 - steep, 0.0), 1 - 2.0**-50))
    ratio = (1 + root) / (1 - root)
    bits = ratio.view(np.int64)
    one = np.float64(1).view(np.int64)
    mantissa = ((bits & ((1 << k.mantissa_bits) - 1)) | one).view(np.float64)
    shifted = ((bits >> k.mantissa_bits) | np.float64(2.0**52).view(np.int64)).view(np.float64)
    power = shifted - (2.0**52 + 1023)
    twice = power * (k.ln2_high + k.ln2_low) + log_ratio((mantissa - 1) / (mantissa + 1))
    point: Real = twice * 0.5 if activation == "tanh" else twice
    return point


def _supremum(
    low: Real,
    high: Real,
    slope: Real,
    bottom: Real,
    top: Real,
    p: Real,
    y: Real,
    rise: Real,
) -> Real:
    """Return an upper bound of v(a) = f(a) − λa on [low, high], but for rounding.

    Where v is convex (a ≤ 0), it is no more than its value at an end; where it is concave, it lies
    under its tangent at any p.
    """
    start = larger(low, 0.0)
    ends = larger(bottom - slope * low, top - slope * high)
    beyond = larger(larger(rise * (high - p), -rise * (p - start)), 0.0)
    tangent = (y - slope * p) + beyond
    return np.where(high > 0, larger(ends, tangent), ends)


def relax(a: Real, r: Real, activation: str) -> Lines:
    """Relaxations of f on a − r … a + r, with the secants' slopes."""
    f, derivative = ACTIVATIONS[activation], SLOPES[activation]
    whole = 0.0 if activation == "tanh" else 1.0  # f(−a) = whole − f(a)
    low, high = a - r, a + r
    bottom, top = f(low), f(high)
    reach = high - low
    wide = reach > NARROW
    slope = np.where(wide, (top - bottom) / np.where(wide, reach, 1.0), 0.0)
    guess = _tangent_point(slope, activation)
    above = smaller(larger(guess, larger(low, 0.0)), larger(high, 0.0))
    below = smaller(larger(guess, larger(-high, 0.0)), larger(-low, 0.0))
    f_above, f_below = f(above), f(below)
    upper = _supremum(low, high, slope, bottom, top, above, f_above, derivative(f_above) - slope)
    lower = whole - _supremum(
        -high,
        -low,
        slope,
        whole - top,
        whole - bottom,
        below,
        f_below,
        derivative(f_below) - slope,
    )
    far = larger(np.abs(low), np.abs(high))
    return Lines(
        slope,
        (upper + lower) * 0.5,
        (upper - lower) * 0.5 + (4 * F_ERROR + (2.0**-49 * slope) * far),
    )
