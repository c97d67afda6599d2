"""The minimal machine: found, as text, and for Graphviz; `binadd.plots.automaton` draws it.

Minimal machines: E. F. Moore, "Gedanken-experiments on sequential machines", 1956.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.automaton.units import Unit
from binadd.checks import check_integer
from binadd.errors import CertificateError, InvalidInputError
from binadd.form import Form, form_of, with_minus

__all__ = ["Automaton", "Integers", "carries", "coarsest"]

Integers: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Automaton:
    """The minimal machine of a proved network: a state for each carry. X = 2ⁿ symbols.

    States are numbered from the lowest carry on, `form.lowest`; that of a sum is 0.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> print(binadd.prove(net).automaton.to_text())
    carry  0 ones  1 one  2 ones
    0      0 → 0   1 → 0  0 → 1
    1      1 → 0   0 → 1  1 → 1
    """

    operands: int
    outputs: Integers
    """(states, X): the output bit."""
    successors: Integers
    """(states, X): the next state."""
    contexts: int
    """The number of states before equivalent ones were merged."""
    units: tuple[Unit, ...] = field(repr=False)
    coefficients: tuple[int, ...] = ()
    """The form's; none stand for a sum's, all 1."""

    @property
    def form(self) -> Form:
        """The form that it computes."""
        return form_of(self.coefficients or (1,) * self.operands)

    def __len__(self) -> int:
        """Return how many states there are."""
        return len(self.outputs)

    def run(self, *integers: int) -> int:
        """Compute with integers as the machine does, bit by bit.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As the network's `compute`: if one is not an integer, or is negative, or if there are
            too few or too many.
        """
        if len(integers) != self.operands:
            raise InvalidInputError(
                f"this machine {self.form.verb} {self.operands} integers, not {len(integers)}"
            )
        integers = tuple(check_integer("an operand", integer) for integer in integers)
        state, total = self.form.start, 0
        length = self.form.length(integers)
        for t in range(length):
            symbol = sum((integer >> t & 1) << i for i, integer in enumerate(integers))
            total |= int(self.outputs[state, symbol]) << t
            state = int(self.successors[state, symbol])
        return self.form.signed(total, length)

    def edges(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (carry, weight, output, next carry); of a sum, the weight is a number of ones."""
        lowest = self.form.lowest
        symbols = np.unique(self.form.weights, return_index=True)[1]
        for state in range(len(self)):
            for symbol in symbols:
                yield (
                    state + lowest,
                    int(self.form.weights[symbol]) + lowest,
                    int(self.outputs[state, symbol]),
                    int(self.successors[state, symbol]) + lowest,
                )

    def arrows(self) -> dict[tuple[int, int], list[str]]:
        """Return the labels "weight/output" of the edges from one carry to another."""
        labels: dict[tuple[int, int], list[str]] = {}
        for carry, weight, output, following in self.edges():
            labels.setdefault((carry, following), []).append(f"{with_minus(weight)}/{output}")
        return labels

    def to_text(self) -> str:
        """Return the machine as an aligned table: output → next state, for each carry."""
        header, rows = ["carry"], {carry: [str(carry)] for carry, *_ in self.edges()}
        for carry, weight, output, following in self.edges():
            if carry == self.form.lowest:
                header.append(_count(weight) if self.form.is_sum else f"weight {weight}")
            rows[carry].append(f"{output} → {following}")
        return _aligned([header, *rows.values()])

    def to_dot(self) -> str:
        """Return the machine for Graphviz; edges are labelled `symbol's weight / output`."""
        carries = range(self.form.lowest, self.form.lowest + len(self))
        lines = [
            "digraph adder {",
            "  rankdir=LR;",
            "  node [shape=circle];",
            "  start [shape=point];",
            "  start -> 0;",
            *(f'  {carry} [label="carry {carry}"];' for carry in carries),
            *(
                f'  {a} -> {b} [label="{", ".join(text)}"];'
                for (a, b), text in self.arrows().items()
            ),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def units_to_text(self) -> str:
        """Return each hidden unit's role, as an aligned table with its widest gap."""
        rows = [[str(unit.index), f"{unit.gap:.3f}", unit.role] for unit in self.units]
        return _aligned([["unit", "gap", "distinguishes"], *rows])


def _count(ones: int) -> str:
    return "1 one" if ones == 1 else f"{ones} ones"


def _aligned(rows: list[list[str]]) -> str:
    """Rows of cells as lines, columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def coarsest(outputs: Integers, successors: Integers) -> Integers:
    """Return the class of each state: states are in one class if no word distinguishes them."""
    classes = np.unique(outputs, axis=0, return_inverse=True)[1].reshape(-1)
    while True:
        rows = np.column_stack([classes, classes[successors]])
        finer = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == classes.max():
            return classes
        classes = finer


def carries(
    outputs: Integers,
    successors: Integers,
    classes: Integers,
    form: Form,
) -> Integers:
    """Return the carry that each state (S,) stands for, counted from the lowest.

    It is −1 for states that no word leads to. Walk the machine and the form's automaton
    together from their starts, and demand that classes and carries correspond one to one, with
    the same outputs: an isomorphism of minimal machines.
    """
    carry_of = np.full(len(classes), -1)
    carry_of[0] = form.start
    front = [0]
    while front:
        state = front.pop()
        totals = form.weights + carry_of[state]
        _demand(np.array_equal(outputs[state], totals % 2), "outputs other bits than the form's")
        for following, carry in zip(successors[state].tolist(), totals // 2, strict=True):
            if carry_of[following] < 0:
                carry_of[following] = carry
                front.append(following)
            _demand(carry_of[following] == carry, "has a state that stands for two carries")
    pairs = np.unique(np.column_stack([classes, carry_of])[carry_of >= 0], axis=0)
    one_to_one = len(pairs) == len(np.unique(pairs[:, 0])) == form.carries
    _demand(one_to_one, "has other states than there are carries")
    return carry_of


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise CertificateError(f"the certificate's machine {what}")
