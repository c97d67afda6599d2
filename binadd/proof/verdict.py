"""Verdicts of `prove`: `Proved`, `Refuted` or `Undecided`.

Type checkers distinguish them by class and by `status`. As a truth value a verdict is the answer:
`Proved` is true, `Refuted` is false, and `Undecided` raises an `UndecidedError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn, TypeAlias

from binadd.checks import shorten
from binadd.errors import UndecidedError
from binadd.form import form_of
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate

if TYPE_CHECKING:
    from binadd.automaton import Automaton

__all__ = ["Proved", "Refuted", "Undecided", "Verdict", "every"]

_EVERY = {1: "number", 2: "pair of numbers", 3: "triple of numbers"}


def every(operands: int) -> str:
    """Return the operands that a proof is about, in words.

    >>> every(2), every(4)
    ('every pair of numbers', 'every 4 numbers')
    """
    return f"every {_EVERY.get(operands, f'{operands} numbers')}"


@dataclass(frozen=True, eq=False)
class Proved:
    """The network adds all numbers of every length correctly.

    Attributes
    ----------
    margin : float
        Every logit of every sum is at least this far on its side of 0.
    step_error, logit_error : float
        By how much each computed hidden state and logit may differ from the exact ones: the proof
        is of every program that keeps to these bounds, and of binadd. See `prove`.
    tolerance : float or None
        The largest step error with which a proof was found, if it was searched for: this one.
    certificate : Certificate
        The proof as data, which `binadd.check` re-derives and `save` keeps; written when it is
        first asked for.
    automaton : Automaton
        The finite machine inside the network, made when it is first used.
    """

    status: ClassVar[Literal["proved"]] = "proved"
    margin: float
    network: BinaryAdderRNN = field(repr=False)
    _write: Callable[[], Certificate] = field(repr=False)
    step_error: float = field(kw_only=True, repr=False)
    logit_error: float = field(kw_only=True, repr=False)
    tolerance: float | None = field(default=None, kw_only=True, repr=False)

    @cached_property
    def certificate(self) -> Certificate:
        """The proof as data."""
        return self._write()

    def __getstate__(self) -> dict[str, object]:
        """Copy and pickle the certificate, not what it would be written from."""
        kept = {**self.__dict__, "certificate": self.certificate}
        return {name: value for name, value in kept.items() if name != "_write"}

    @cached_property
    def automaton(self) -> Automaton:
        """The finite machine inside the network."""
        from binadd.automaton import extract

        return extract(self.certificate, self.network)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return (
            f"<b>Proved</b>: it {self.network.settings.form.verb} all numbers of every length. "
            f"{len(self.certificate.cells):,} sets hold every state it can reach; no logit is "
            f"closer to 0 than {self.margin:.3g}."
        )

    def __eq__(self, other: object) -> bool:
        """Two are equal if their certificates are, and with them the networks."""
        if not isinstance(other, Proved):
            return NotImplemented
        return self.tolerance == other.tolerance and self.certificate == other.certificate

    def __hash__(self) -> int:
        return hash(self.margin)

    def __bool__(self) -> Literal[True]:
        return True


@dataclass(frozen=True, repr=False)
class Refuted:
    """The network adds these operands wrongly: it has been run on them.

    Attributes
    ----------
    operands : tuple of int
    wrong_bit : int
        The lowest bit in which the sums differ.
    got, expected : int
        The network's sum, and the true one.
    coefficients : tuple of int
        Of the form that it should compute; none stand for a sum's, all 1.
    """

    status: ClassVar[Literal["refuted"]] = "refuted"
    operands: tuple[int, ...]
    wrong_bit: int
    got: int
    expected: int
    coefficients: tuple[int, ...] = ()

    @property
    def sum(self) -> str:
        """The operands as a sum, or another form, in words where they are long."""
        form = form_of(self.coefficients or (1,) * len(self.operands))
        return form.write(map(shorten, self.operands))

    def __repr__(self) -> str:
        """Integers may have thousands of digits, more than Python would write."""
        operands = ", ".join(map(shorten, self.operands))
        return (
            f"Refuted(operands=({operands}), wrong_bit={self.wrong_bit}, "
            f"got={shorten(self.got)}, expected={shorten(self.expected)})"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return (
            f"<b>Refuted</b>: for {self.sum} it outputs "
            f"{shorten(self.got)}; the sum is {shorten(self.expected)}. "
            f"Bit {self.wrong_bit:,} is the lowest that is wrong."
        )

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True, repr=False)
class Undecided:
    """Neither a proof nor a wrong sum was found.

    Attributes
    ----------
    tried : tuple of str
        The strategies tried, in order.
    reached : str
        How far the best attempt came, and how slowly the network forgets.
    advice : str
        What may help, in a sentence.
    """

    status: ClassVar[Literal["undecided"]] = "undecided"
    tried: tuple[str, ...]
    reached: str
    advice: str

    def __repr__(self) -> str:
        return f"Undecided(after {len(self.tried)} attempts: {self.reached})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return (
            f"<b>Undecided</b>: neither a proof nor a wrong sum was found. So far: "
            f"{escape(self.reached)}. What may help: {escape(self.advice)}."
        )

    def __bool__(self) -> NoReturn:
        raise UndecidedError(
            "an undecided verdict is neither true nor false: compare its status, or its class"
        )


Verdict: TypeAlias = Proved | Refuted | Undecided
