"""Forms: y = Σ cᵢxᵢ with integer coefficients, computed bit by bit with a carry.

With s the carry plus the coefficients of the operands whose bit is 1, the bit of y is s mod 2 and
the next carry ⌊s / 2⌋: docs/proof.md derives that. With P the sum of the positive coefficients and
−N that of the others, carries are −N … max(P, 1) − 1. Kernels and searches count them from the
lowest, and weights are N more than the coefficients add up to: so nothing is negative, and half of
a total, weight + carry, is the next carry still, for it is s + 2N. A form is the automaton of a
sum with other weights and another start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_integer, shorten
from binadd.errors import InvalidInputError, InvalidTypeError

__all__ = ["MAX_CARRIES", "MAX_OPERANDS", "Form", "check_coefficients", "form_of", "with_minus"]

MAX_OPERANDS = 8
MAX_CARRIES = 16


@dataclass(frozen=True, slots=True)
class Form:
    """A form and its automaton; `form_of` makes one. n operands, K carries.

    >>> form = form_of((2, -1))
    >>> str(form), form.evaluate([3, 10]), form.lowest, form.carries
    ('2a − b', -4, -1, 3)
    >>> form.weights
    array([1, 3, 0, 2], dtype=uint8)
    """

    coefficients: tuple[int, ...]
    weights: NDArray[np.uint8] = field(compare=False, repr=False)
    """(2ⁿ,): what each symbol adds to the carry, N more than the coefficients of its ones."""
    lowest: int = field(compare=False, repr=False)
    """−N, the lowest carry."""
    carries: int = field(compare=False, repr=False)
    """K, how many values the carry can have: `lowest`, `lowest` + 1, …"""
    carry_steps: int = field(compare=False, repr=False)
    """Zero symbols after the last bit after which outputs change no more."""

    @property
    def start(self) -> int:
        """The carry 0, with which all begins, counted from the lowest."""
        return -self.lowest

    @property
    def is_sum(self) -> bool:
        """Whether all coefficients are 1."""
        return set(self.coefficients) == {1}

    @property
    def verb(self) -> str:
        """What a network does with numbers: "adds", or "computes a − b for"."""
        return "adds" if self.is_sum else f"computes {self} for"

    def evaluate(self, integers: Iterable[int]) -> int:
        """Return Σ cᵢxᵢ."""
        return sum(c * x for c, x in zip(self.coefficients, integers, strict=True))

    def length(self, integers: Sequence[int]) -> int:
        """Return steps that Σ cᵢxᵢ always fits in, its sign included, at least 1."""
        return max(1, max(map(int.bit_length, integers)) + self.carry_steps)

    def signed(self, value: int, steps: int) -> int:
        """Return the integer of a value of `steps` bits: in two's complement if signs occur."""
        return value - (1 << steps) if self.lowest and value >> steps - 1 else value

    def totals(self, symbols: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return weight + carry, counted from the lowest, at each step of symbols (N, T)."""
        totals: NDArray[np.uint8] = self.weights[symbols]
        totals[:, 0] += np.uint8(self.start)
        for t in range(1, symbols.shape[1]):
            totals[:, t] += totals[:, t - 1] >> 1
        return totals

    def after(self, symbols: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the carry after each step of symbols (N, T)."""
        return (self.totals(symbols) >> 1).astype(np.int64) + self.lowest

    def write(self, terms: Iterable[str], times: str = "·") -> str:
        """Return the form with these terms as operands, such as 9 − 2·4."""
        text = ""
        for c, term in zip(self.coefficients, terms, strict=True):
            part = term if abs(c) == 1 else f"{abs(c)}{times}{term}"
            sign = " − " if c < 0 else " + "
            text += sign + part if text else sign.strip(" +") + part
        return text

    def __str__(self) -> str:
        return self.write("abcdefgh"[: len(self.coefficients)], "")


def with_minus(integer: int) -> str:
    """Return an integer with the minus sign that `Form.write` has.

    >>> with_minus(-32)
    '−32'
    """
    return str(integer).replace("-", "−")


@lru_cache(maxsize=64)
def form_of(coefficients: tuple[int, ...]) -> Form:
    """Return the form of these coefficients, made once."""
    positive = sum(c for c in coefficients if c > 0)
    negative = -sum(c for c in coefficients if c < 0)
    symbols = np.arange(1 << len(coefficients))
    weights = np.full(len(symbols), negative)
    for i, c in enumerate(coefficients):
        weights += c * (symbols >> i & 1)
    steps = (max(positive, negative) - 1).bit_length() + (negative > 0)
    made = weights.astype(np.uint8)
    made.flags.writeable = False
    return Form(coefficients, made, -negative, negative + max(positive, 1), steps)


def check_coefficients(coefficients: Any) -> tuple[int, ...]:
    """Return coefficients as a tuple of 1 to 8 integers, not all 0, with at most 16 carries.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If they are anything else.
    """
    if not np.iterable(coefficients) or isinstance(coefficients, str | bytes | dict | set):
        raise InvalidTypeError(
            f"coefficients must be a sequence of integers, not {shorten(coefficients)}"
        )
    given = list(coefficients)
    if not 1 <= len(given) <= MAX_OPERANDS:
        raise InvalidInputError(
            f"there must be 1 to {MAX_OPERANDS} coefficients, not {len(given)}"
        )
    checked = tuple(check_integer("a coefficient", c, -(2**62), 2**62) for c in given)
    if not any(checked):
        raise InvalidInputError("coefficients must not all be 0")
    carries = sum(abs(c) for c in checked) + (max(checked) <= 0)
    if carries > MAX_CARRIES:
        raise InvalidInputError(
            f"coefficients must need at most {MAX_CARRIES} carries, as many as their magnitudes "
            f"add up to; {shorten(checked)} need {shorten(carries)}"
        )
    return checked
