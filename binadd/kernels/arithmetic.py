"""The elementary functions and the sums that all the rest is made of, to the last bit.

csrc/arithmetic.h computes the same operations in the same order: only + − × ÷ √, comparisons and
bit moves, each rounded once, and sums in the written order of `hidden_sum` and `sequence_sum`.
Neither NumPy's exp nor its dot nor its sum is used, since their last bits vary with the machine.
docs/arithmetic.md gives the reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from binadd.kernels.contract import Real, lanes
from binadd.kernels.mode import ieee_mode

Scalar: TypeAlias = np.floating[Any]


# ---------------------------------------------------------------------------------------------
# Elementary functions
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constants:
    """The constants of exp and log at one precision; csrc/arithmetic.h has the same table."""

    limit: Scalar  # e^±limit is a normal number
    log2_e: Scalar
    magic: (
        Scalar  # adding 1.5·2^mantissa_bits rounds to an integer, which is then in the low bits;
    )
    # with the exponent's bias on top, a shift makes these the bits of a power of two
    ln2_high: Scalar  # few enough bits that n·ln2_high is exact
    ln2_low: Scalar
    exp: tuple[Scalar, ...]  # eʳ − 1 = r + r²·P(r), |r| ≤ ½·ln 2: the coefficients of P
    log1p: tuple[Scalar, ...]  # ln((1+w)/(1−w)) = 2w·(1 + w²·L(w²)), 0 ≤ w ≤ ⅓: those of L
    integer: type[np.signedinteger[Any]]
    mantissa_bits: int


@ieee_mode()  # rounds to float32
def _constants(
    real: type[np.floating[Any]],
    limit: float,
    ln2: tuple[float, float],
    exp: tuple[float, ...],
    log1p: tuple[float, ...],
    integer: type[np.signedinteger[Any]],
    mantissa_bits: int,
    exponent_bias: int,
) -> Constants:
    return Constants(
        limit=real(limit),
        log2_e=real(1.4426950408889634),
        magic=real(1.5 * 2.0**mantissa_bits + exponent_bias),
        ln2_high=real(ln2[0]),
        ln2_low=real(ln2[1]),
        exp=tuple(real(c) for c in exp),
        log1p=tuple(real(c) for c in log1p),
        integer=integer,
        mantissa_bits=mantissa_bits,
    )


# Derived by tools/coefficients.py.
CONSTANTS = {
    np.dtype(np.float64): _constants(
        np.float64,
        limit=708.39,
        ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
        exp=(
            0.5,
            0.16666666666666666,
            0.04166666666665136,
            0.008333333333332155,
            0.0013888888905881542,
            0.0001984126985433861,
            2.4801536388690766e-05,
            2.755728006701698e-06,
            2.761380686153829e-07,
            2.5095554677111112e-08,
        ),
        log1p=(
            0.33333333333333487,
            0.19999999999780063,
            0.14285714338330496,
            0.11111106278964857,
            0.09091130554209872,
            0.07686637438179002,
            0.0675117123587855,
            0.05161334635249541,
            0.08435350330548605,
        ),
        integer=np.int64,
        mantissa_bits=52,
        exponent_bias=1023,
    ),
    np.dtype(np.float32): _constants(
        np.float32,
        limit=87.33,
        ln2=(0.693359375, -2.12194440e-4),
        exp=(
            0.5,
            0.16666631400585175,
            0.04166662320494652,
            0.008357204496860504,
            0.0013918719487264752,
        ),
        log1p=(
            0.3333333432674408,
            0.19999852776527405,
            0.142961785197258,
            0.1085328757762909,
            0.11612164974212646,
        ),
        integer=np.int32,
        mantissa_bits=23,
        exponent_bias=127,
    ),
}


def _estrin(c: tuple[Scalar, ...], r: Real, r2: Real) -> Real:
    """P(r) by pairs: shorter chains than Horner's, and the order that C uses."""
    pairs = [c[i] + c[i + 1] * r for i in range(0, len(c) - 1, 2)]
    if len(c) == 5:
        return pairs[0] + (pairs[1] + c[4] * r2) * r2
    r4 = r2 * r2
    return (pairs[0] + pairs[1] * r2) + ((pairs[2] + pairs[3] * r2) + pairs[4] * r4) * r4


def _split_exp(x: Real, k: Constants) -> tuple[Real, Real]:
    """s and q with e⁻ˣ = s·(1 + q), s = 2ⁿ and q = e^(−x − n·ln 2) − 1, for |x| ≤ limit."""
    shifted = x * -k.log2_e + k.magic
    n = shifted - k.magic
    r = (n * -k.ln2_high - x) - n * k.ln2_low
    r2 = r * r
    q = r + r2 * _estrin(k.exp, r, r2)
    return (shifted.view(k.integer) << k.mantissa_bits).view(x.dtype), q


def sigmoid(a: Real) -> Real:
    """σ(a) = 1/(1 + e⁻ᵃ), as 1/((1 + s) + s·q): one rounding less than adding 1 to e⁻ᵃ.

    Below −limit it is 0, whatever has come out.
    """
    k = CONSTANTS[a.dtype]
    s, q = _split_exp(np.minimum(a, k.limit), k)  # which lets a NaN through
    return np.where(a < -k.limit, a.dtype.type(0), 1 / ((1 + s) + s * q))


def tanh(a: Real) -> Real:
    """tanh(a) = (1 − e)/(1 + e) with the sign of a; e = e^(−2|a|) = s·(1 + q): nothing cancels."""
    k = CONSTANTS[a.dtype]
    s, q = _split_exp(np.minimum(2 * np.abs(a), k.limit), k)
    sq = s * q
    return np.copysign(((1 - s) - sq) / ((1 + s) + sq), a)


def softplus(z: Real) -> Real:
    """ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|)."""
    k = CONSTANTS[z.dtype]
    s, q = _split_exp(np.minimum(np.abs(z), k.limit), k)
    e = s + s * q
    return np.maximum(z, 0) + log_ratio(e / (2 + e))


def log_ratio(w: Real) -> Real:
    """ln((1 + w)/(1 − w)) by its series, for w from 0 to 1/3."""
    k = CONSTANTS[w.dtype]
    w2 = w * w
    series = np.full_like(w, k.log1p[-1])
    for coefficient in k.log1p[-2::-1]:
        series = coefficient + series * w2
    return (w + w) * (1 + w2 * series)


ACTIVATIONS = {"sigmoid": sigmoid, "tanh": tanh}
SLOPES: dict[str, Callable[[Real], Real]] = {
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}  # f′(a) from h = f(a)


# ---------------------------------------------------------------------------------------------
# Sums in their written order
# ---------------------------------------------------------------------------------------------


def _halve(accumulators: Real) -> Real:
    """Add the second half of the leading axis to the first until one is left."""
    while len(accumulators) > 1:
        half = len(accumulators) // 2
        accumulators = accumulators[:half] + accumulators[half:]
    total: Real = accumulators[0]
    return total


def _strided_sum(terms: Real, width: int) -> Real:
    """Deal the terms of the leading axis to `width` accumulators in turn, then halve these.

    ``s[i] = t[i] + t[i + width] + …`` left to right, missing terms being +0.
    """
    missing = -len(terms) % width
    if missing:
        terms = np.concatenate([terms, np.zeros((missing, *terms.shape[1:]), terms.dtype)])
    accumulators = terms[:width]
    for start in range(width, len(terms), width):
        accumulators = accumulators + terms[start : start + width]
    return _halve(accumulators)


def hidden_sum(products: Real) -> Real:
    """Sum over hidden units, the leading axis."""
    return _strided_sum(products, lanes(products.dtype.name))


def sequence_sum(terms: Real) -> Real:
    """Sum over the sequences of a batch, the leading axis; adding +0 leaves no −0 behind."""
    return _strided_sum(terms, lanes(terms.dtype.name)) + terms.dtype.type(0)


NORM_ACCUMULATORS = 64
"""Enough accumulators to avoid one long chain of dependent additions."""


def square_norm(gradient: Real) -> Any:
    """Σg² over a whole block, as it lies in memory."""
    flat = gradient.reshape(-1)
    return _strided_sum(flat * flat, NORM_ACCUMULATORS)
