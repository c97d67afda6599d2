"""The checker's numbers: NumPy's int64, which are exact as long as nothing reaches 2⁶³.

They count units of 2^−BITS, slopes units of 2^−SLOPE_BITS. Where two are multiplied or many are
added, a comment says why the result is below 2⁶³. A right shift rounds down, by less than 1.
"""

from functools import cache
from operator import mul
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.errors import CertificateError

__all__ = ["BEYOND", "BITS", "ONE", "SLOPE_BITS", "Integers"]
__all__ += ["demand", "nearest", "relax", "rounded", "scaled"]

Integers: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]

BITS, SLOPE_BITS = 30, 26
ONE, BEYOND = 1 << BITS, 2 << BITS  # a case that reaches as far from 0 as BEYOND is refused
LIMIT = 64 << BITS  # pre-activations that may be further from 0 get the slope 0
TABLE_BITS, SPACING = 38, 5  # σ is tabulated at multiples of 2^−SPACING, so precisely
LAST = 23 << SPACING  # up to 23, where 1 − σ < ⅛ unit
SIGMOID_ERROR = 1  # |sigmoid(a) − σ(a)|


def demand(holds: object, sentence: str) -> None:
    """Refuse the certificate, unless this holds."""
    if not holds:
        raise CertificateError(sentence)


def nearest(products: Integers, bits: int) -> Integers:
    """Shift right, in place, rounding to the nearest."""
    products += 1 << bits - 1
    products >>= bits
    return products


def rounded(values: Reals, bits: int, most: int) -> Integers:
    """Round to the nearest multiples of 2^−bits, which must be below `most` of them: scaling by a
    power of two, rounding and conversion are exact."""
    with np.errstate(over="ignore"):
        multiples = np.rint(np.ldexp(values, bits))
    demand((np.abs(multiples) < most).all(), "a number is not finite or too large")
    return multiples.astype(np.int64)


def scaled(rows: Reals, most: int, least: int) -> tuple[Integers, int]:
    """Round to multiples of 2^−bits, with as many bits, up to 32, as keep Σ|row| ≤ most ≤ 2³²;
    at least `least`. Below 2⁵³ sums of whole numbers are exact in float64, too."""
    for bits in range(32, least - 1, -1):
        with np.errstate(over="ignore"):
            multiples = np.rint(np.ldexp(rows, bits))
        if np.abs(multiples).sum(-1).max() <= most:
            return multiples.astype(np.int64), bits
    raise CertificateError("weights so large are not checked")


def relax(low: Integers, high: Integers, affine: bool, tanh: bool) -> tuple[Integers, ...]:
    """(slope, offset, error) with f(a) = slope·a + offset ± error for low ≤ a ≤ high: the chord's
    slope, or 0. Where v(a) = σ(a) − slope·a is convex, none exceeds its values at the ends."""
    near = (low >= -LIMIT) & (high <= LIMIT)
    low, high = np.clip(low, -LIMIT, LIMIT), np.clip(high, -LIMIT, LIMIT)  # beyond, σ is 0 or 1
    if tanh:  # tanh(a) = 2σ(2a) − 1
        low, high = 2 * low, 2 * high  # below 2³⁸
    lower, upper = sigmoid(low), sigmoid(high)
    slope = np.zeros_like(low)
    if affine:
        chord = (upper - lower << SLOPE_BITS) // np.maximum(high - low, 1)  # 2³⁰ · 2²⁶
        slope = np.where(near, np.clip(chord, 0, 1 << SLOPE_BITS - 2), 0)
        ends = (  # 2²⁴ · 2³⁸
            lower - (slope * low >> SLOPE_BITS),
            upper - (slope * high >> SLOPE_BITS),
        )
        lower, upper, guess = np.minimum(*ends), np.maximum(*ends), _tangent_point(slope)
        above = _supremum(np.maximum(low, 0), high, slope, guess)
        below = ONE - _supremum(np.maximum(-high, 0), -low, slope, guess)  # v(a) = 1 − v(−a)
        upper = np.where((slope > 0) & (high > 0), np.maximum(upper, above), upper)
        lower = np.where((slope > 0) & (low < 0), np.minimum(lower, below), lower)
    offset, error = upper + lower >> 1, (upper - lower >> 1) + SIGMOID_ERROR + 3
    return (4 * slope, 2 * offset - ONE, 2 * error) if tanh else (slope, offset, error)


def _tangent_point(slope: Integers) -> Integers:
    """About where σ′ is the slope, a ≥ 0: in floats, since a guess will do."""
    root = np.minimum(np.sqrt(1 - np.ldexp(slope, 2 - SLOPE_BITS)), 1 - 2.0**-40)
    return np.asarray(np.ldexp(np.log((1 + root) / (1 - root)), BITS).astype(np.int64))


def _supremum(start: Integers, end: Integers, slope: Integers, guess: Integers) -> Integers:
    """Bound v(a) for 0 ≤ start ≤ a ≤ end from above, except for SIGMOID_ERROR.

    v is concave there, so it lies under its tangent at any point p, best where σ′(p) is the slope.
    """
    p = np.clip(guess, start, end)
    y = sigmoid(p)
    rise = (y * (ONE - y) >> BITS) - (slope << BITS - SLOPE_BITS)  # v′(p) ± 2
    right, left = (end - p >> 4) + 1, (p - start >> 4) + 1  # below 2³⁴; and |rise| ≤ 2²⁸
    above = np.maximum((2 + rise) * right, (2 - rise) * left) >> BITS - 4
    return np.asarray(y - (slope * p >> SLOPE_BITS) + above + 1)


def sigmoid(a: Integers) -> Integers:
    """σ(a) ± SIGMOID_ERROR: a Taylor polynomial about the nearest multiple of 2^−SPACING."""
    shift = BITS - SPACING
    x = np.minimum(np.abs(a), LAST << shift)
    i = x + (1 << shift - 1) >> shift
    r = x - (i << shift)  # |r| ≤ 2²⁴: times at most 2^TABLE_BITS
    first, *others = _taylor()[:, i]
    for c in others:
        first = (first * r >> BITS) + c
    y = first + (1 << TABLE_BITS - BITS - 1) >> TABLE_BITS - BITS
    return np.asarray(np.where(a >= 0, y, ONE - y))


@cache
def _taylor() -> Integers:
    """c₅, …, c₀ of σ(i·2^−SPACING + r) = Σ cₖrᵏ for each i. By Cauchy |cₖ| ≤ (2/π)ᵏ, as |σ| ≤ 1
    where |Im a| ≤ π/2: for |r| ≤ 2⁻⁶ the rest is below 2⁻³⁹. e^(−2^−SPACING) is off by 20 units of
    2⁻⁹⁶, its powers by at most 2¹⁴, and cₖ by a hundredfold: far below 2^−TABLE_BITS."""
    bits = 96
    factor = term = 1 << bits
    for k in range(1, 20):
        term = -(term >> SPACING) // k
        factor += term
    rows, power = [], 1 << bits
    for _ in range(LAST + 1):
        c = [(1 << 2 * bits) // ((1 << bits) + power)]
        for k in range(1, 6):  # σ′ = σ − σ²
            c.append((c[-1] - (sum(map(mul, c, reversed(c))) >> bits)) // k)
        rows.append([coefficient >> bits - TABLE_BITS for coefficient in reversed(c)])
        power = power * factor >> bits
    return np.ascontiguousarray(np.array(rows, np.int64).T)
