"""The checker's numbers: integers that count units of 2^−BITS, vectors of them, sets of states."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from operator import mul
from typing import NamedTuple

from binadd.errors import CertificateError

__all__ = ["BEYOND", "BITS", "ONE", "Case", "Fields", "dot", "units"]

BITS = 64
ONE, BEYOND = 1 << BITS, 2 << BITS  # no state is as far from 0 as BEYOND, and no set may be


def units(values: Sequence[float]) -> list[int]:
    """Round to the nearest units."""
    if not all(abs(value) < 2.0**64 for value in values):
        raise CertificateError("a number is not finite or too large")
    return [round(math.ldexp(value, BITS)) for value in values]


def dot(a: Iterable[int], b: Iterable[int]) -> int:
    """Σaᵢbᵢ, exactly."""
    return sum(map(mul, a, b))


class Fields:
    """Vectors as single integers, Σ vᵢ·2^(bits·i), so that Python adds and multiplies all entries
    at once. They are signed and borrow from each other, until `half` is added to each."""

    def __init__(self, largest: int) -> None:
        self.bits = largest.bit_length() + 2  # |vᵢ| and Σ|vᵢ| are below half = 2^(bits − 1)
        self.ones = cache(lambda n: sum(1 << self.bits * i for i in range(n)))

    def round_down(self, v: int, n: int) -> int:
        """Each of n entries divided by ONE and rounded down."""
        ones, bits = self.ones(n), self.bits
        halves, whole = ones << bits - 1, (ones << bits - BITS) - ones
        return (v + halves >> BITS & whole) - (halves >> BITS)

    def size(self, v: int, n: int) -> int:
        """Σ|vᵢ| of n entries."""
        ones, bits = self.ones(n), self.bits
        raised = v + (ones << bits - 1)
        signs = raised >> bits - 1 & ones  # 1 where vᵢ ≥ 0
        positive = (raised & (signs << bits) - signs) - (signs << bits - 1)
        return (2 * positive - v) % ((1 << bits) - 1)  # |vᵢ|, and their sum: 2^bits leaves 1

    def join(self, entries: list[int]) -> int:
        """The vector of these entries."""
        return sum(entry << self.bits * i for i, entry in enumerate(entries))

    def entry(self, v: int, i: int) -> int:
        """Its entry i."""
        bits, half = self.bits, 1 << self.bits - 1
        return (v + (self.ones(i + 1) << bits - 1) >> bits * i & 2 * half - 1) - half


class Case(NamedTuple):
    """The set {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}: H units, g generators."""

    z: list[int]  # (H,)
    G: list[int]  # (H,): rows of g `Fields`
    g: int
    s: list[int]  # (H,)
    spread: list[int]  # (H,): s + Σ|G| or more
