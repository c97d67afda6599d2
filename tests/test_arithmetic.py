"""The accuracy contract of σ and tanh: within 2.5 units in the last place, exact at the ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

BOUND = 2.5  # units in the last place; docs/arithmetic.md lists the worst cases
LIMIT = {"float64": 708.39, "float32": 87.33}


def libm_sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-a))


LIBM: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "sigmoid": libm_sigmoid,
    "tanh": np.tanh,
}
MPMATH: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "tanh": mpmath.tanh,
}


def units_off(got: NDArray[Any], wide: NDArray[Any]) -> Any:
    """Return the largest error in units in the last place of the wider true values."""
    unit = np.spacing(np.abs(wide).astype(got.dtype))
    return np.max(np.abs(got - wide) / unit)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_float64_against_mpmath(kernels: Any, name: str) -> None:
    random = np.random.default_rng(3)
    values = np.concatenate(
        [random.uniform(-45, 45, 1500), random.normal(size=1500), random.uniform(-700, -36, 500)]
    )
    hold_to_mpmath(kernels, name, values)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_million_float64_against_mpmath(kernels: Any, name: str) -> None:
    random = np.random.default_rng(4)
    values = np.concatenate(
        [
            random.uniform(-40, 40, 500_000),
            random.normal(size=300_000),
            np.geomspace(1e-300, 1, 100_000),
            random.uniform(-708, -36, 100_000),
        ]
    )
    hold_to_mpmath(kernels, name, values)


def hold_to_mpmath(kernels: Any, name: str, values: NDArray[Any]) -> None:
    function = MPMATH[name]
    with mpmath.workprec(80):
        got = kernels.activation(values, name)
        for value, result in zip(values.tolist(), got.tolist(), strict=True):
            true = function(mpmath.mpf(value))
            assert abs(result - true) <= BOUND * np.spacing(abs(float(true))), value


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_float64_against_long_double(kernels: Any, name: str) -> None:
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("long double is no wider than double on this machine")
    random = np.random.default_rng(5)
    for spread in (0.01, 1, 10, 100):
        values = random.normal(size=200_000) * spread
        wide = LIBM[name](values.astype(np.longdouble))
        assert units_off(kernels.activation(values, name), wide) <= BOUND


def float32_inputs(first: int, count: int) -> NDArray[np.float32]:
    """`count` float32 values whose bits are first, first + 1, …"""
    return (np.arange(count, dtype=np.uint32) + np.uint32(first)).view(np.float32)


def hold_float32(kernels: Any, name: str, values: NDArray[np.float32]) -> None:
    """Values of one sign, their sizes ascending: accuracy, range and monotony."""
    got = kernels.activation(values, name)
    if np.isnan(values).any():
        assert np.isnan(values).all()
        assert np.isnan(got).all()
        return
    wide = LIBM[name](values.astype(np.float64))
    flushed = (values < -LIMIT["float32"]) if name == "sigmoid" else np.zeros(len(values), bool)
    assert not got[flushed].any()
    if not flushed.all():
        assert units_off(got[~flushed], wide[~flushed]) <= BOUND
    low = 0 if name == "sigmoid" else -1
    assert got.min() >= low
    assert got.max() <= 1
    rises = np.diff(got)
    assert (rises <= 0).all() if values[0] < 0 or np.signbit(values[0]) else (rises >= 0).all()


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_float32_in_pieces(kernels: Any, name: str) -> None:
    """Runs of neighbours from every binary order of magnitude."""
    for exponent in range(0x30, 0x44):
        for sign in (0, 0x80):
            hold_float32(kernels, name, float32_inputs((sign | exponent) << 24, 4096))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_every_float32(native: Any, name: str) -> None:
    """All 2³² of them, NaNs among them; neighbouring pieces overlap, so monotony has no gaps."""
    piece = 1 << 22
    edges = [0x00000000, 0x7F800001, 0x80000000, 0xFF800001, 0x100000000]
    for start, end in pairwise(edges):
        for first in range(start, end, piece):
            hold_float32(native, name, float32_inputs(first, min(piece + 1, end - first)))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ends(kernels: Any, dtype: str) -> None:
    limit = LIMIT[dtype]
    ends = np.array([-np.inf, -2 * limit, -limit * 0.999, 0, limit, np.inf, np.nan], dtype)
    got = kernels.activation(ends, "sigmoid")
    assert got[:2].tolist() == [0, 0]
    assert 0 < got[2] < 1e-30
    assert got[3:6].tolist() == [0.5, 1, 1]
    assert np.isnan(got[6])
    got = kernels.activation(np.append(ends, [dtype == "x", -0.0]).astype(dtype), "tanh")
    assert got[[0, 1, 2, 4, 5]].tolist() == [-1, -1, -1, 1, 1]
    assert np.isnan(got[6])
    assert np.signbit(got[-1])
    assert not np.signbit(got[3])


def test_tiny_values_of_tanh_are_not_lost(kernels: Any) -> None:
    tiny = np.array([5e-324, 1e-310, 1e-200, -1e-16])
    np.testing.assert_allclose(kernels.activation(tiny, "tanh"), tiny, rtol=1e-15)


def test_monotone_where_it_bends(kernels: Any) -> None:
    """Neighbouring float64 around points where the exponent of e⁻ᵃ changes."""
    for n in range(-60, 60, 3):
        middle = (n + 0.5) * np.log(2)
        steps = np.arange(-2000, 2000) * np.spacing(abs(middle))
        for name in ("sigmoid", "tanh"):
            assert (np.diff(kernels.activation(middle + steps, name)) >= 0).all(), (n, name)
