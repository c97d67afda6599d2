"""The finite machine inside a proved network, and what each hidden unit has to do with it.

A certificate's sets, and the cases between them, are the states of a Mealy machine: from all the
hidden states of a case, a symbol gives the same output bit and leads into one other case. Merging
what no word tells apart (E. F. Moore, "Gedanken-experiments on sequential machines", 1956) leaves
its minimal machine, which must be the carry automaton of n operands:

    state c ∈ {0, …, n−1}      symbol x      output (|x| + c) mod 2      next (|x| + c) div 2

Output bits are not taken from the claim but from enclosures of the network's logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import AFFINE, HULL, Certificate, Reals, weights_digest
from binadd.proof.enclosure import Cases, Enclosure

__all__ = ["Automaton", "Contexts", "Unit", "extract"]

Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Unit:
    """Which totals a hidden unit tells apart: a total is the symbol's ones plus the carry.

    The total decides both the output bit and the next carry. Two totals are told apart by a unit
    if its values after them, over all sums, lie in intervals that do not overlap.
    """

    index: int
    ranges: tuple[tuple[float, float], ...]
    """Of each total 0 … 2n−1: between which values the unit lies after it."""

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Totals that the unit by itself does not tell apart, from its lowest values up."""
        order = sorted(range(len(self.ranges)), key=lambda total: self.ranges[total])
        groups: list[list[int]] = []
        reach = -np.inf
        for total in order:
            low, high = self.ranges[total]
            if low > reach:
                groups.append([])
            groups[-1].append(total)
            reach = max(reach, high)
        return tuple(tuple(sorted(group)) for group in groups)

    @property
    def split(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The totals below and above the widest gap; none above where nothing is told apart."""
        groups, gaps = self.groups, self._gaps
        at = 1 + gaps.index(max(gaps)) if gaps else len(groups)
        return tuple(sorted(sum(groups[:at], ()))), tuple(sorted(sum(groups[at:], ())))

    @property
    def gap(self) -> float:
        """How wide the widest gap is; 0 where nothing is told apart."""
        return max(self._gaps, default=0.0)

    @property
    def _gaps(self) -> list[float]:
        """Between each group and the next."""
        groups = self.groups
        tops = [max(self.ranges[total][1] for total in group) for group in groups]
        bottoms = [min(self.ranges[total][0] for total in group) for group in groups]
        return [low - high for high, low in zip(tops, bottoms[1:], strict=False)]

    @property
    def role(self) -> str:
        """What the unit tells by its widest gap, in words.

        >>> Unit(0, ((0.1, 0.2), (0.1, 0.3), (0.8, 0.9), (0.7, 0.9))).role
        'carry 0 from 1'
        >>> Unit(0, ((0.1, 0.2), (0.8, 0.9), (0.1, 0.2), (0.7, 0.9))).role
        'bit 0 from 1'
        """
        low, high = sorted(self.split)
        if not low:
            return "nothing by itself"
        if all(total % 2 == 0 for total in low) and all(total % 2 for total in high):
            return "bit 0 from 1"
        if high[0] == len(low) and high[0] % 2 == 0:
            lower, upper = (_span(part[0] // 2, part[-1] // 2) for part in (low, high))
            return f"carry {lower} from {upper}"
        lower, upper = (", ".join(map(str, part)) for part in (low, high))
        return f"totals {lower} from {upper}"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


@dataclass(frozen=True, eq=False, slots=True)
class Contexts:
    """Where the proof shows that the network can be after a step; C contexts, H units."""

    histories: tuple[str, ...]
    """Of each: the carry before and the symbols up to the last, or "start" and all symbols."""
    states: Integers
    """(C,): the state of the automaton, which is the carry that goes on."""
    totals: Integers
    """(C,): ones in the last symbol plus the carry before it."""
    low: Reals
    """(C, H): lower bounds of the hidden units."""
    high: Reals
    """(C, H): upper bounds."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """The minimal machine of a proved network: state c is where the carry is c. X = 2ⁿ symbols.

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
    """(states, X): the bit said."""
    successors: Integers
    """(states, X): the next state."""
    cases: int
    """How many states the machine had before what no word tells apart was merged."""
    contexts: Contexts = field(repr=False)
    units: tuple[Unit, ...] = field(repr=False)

    def __len__(self) -> int:
        """Return how many states there are."""
        return len(self.outputs)

    def run(self, *integers: int) -> int:
        """Add integers as the machine does, bit by bit.

        Raises
        ------
        ValueError
            If there are more or fewer integers than operands.
        """
        if len(integers) != self.operands:
            raise ValueError(f"this machine adds {self.operands} integers, not {len(integers)}")
        state = total = 0
        length = max(integer.bit_length() for integer in integers) + self.operands
        for t in range(length):
            symbol = sum((integer >> t & 1) << i for i, integer in enumerate(integers))
            total |= int(self.outputs[state, symbol]) << t
            state = int(self.successors[state, symbol])
        return total

    def edges(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (state, ones, output, next state); symbols with as many ones act alike."""
        for state in range(len(self)):
            for ones in range(self.operands + 1):
                symbol = (1 << ones) - 1
                yield (
                    state,
                    ones,
                    int(self.outputs[state, symbol]),
                    int(self.successors[state, symbol]),
                )

    def to_text(self) -> str:
        """Return the machine as an aligned table: output → next state, for each carry."""
        header = ["carry", *(_count(ones) for ones in range(self.operands + 1))]
        rows = [[str(state)] for state in range(len(self))]
        for state, _, output, following in self.edges():
            rows[state].append(f"{output} → {following}")
        return _aligned([header, *rows])

    def to_dot(self) -> str:
        """Return the machine for Graphviz; an edge says the symbol's ones / the output bit."""
        labels: dict[tuple[int, int], list[str]] = {}
        for state, ones, output, following in self.edges():
            labels.setdefault((state, following), []).append(f"{ones}/{output}")
        lines = [
            "digraph adder {",
            "  rankdir=LR;",
            "  node [shape=circle];",
            "  start [shape=point];",
            "  start -> 0;",
            *(f'  {state} [label="carry {state}"];' for state in range(len(self))),
            *(f'  {a} -> {b} [label="{", ".join(text)}"];' for (a, b), text in labels.items()),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def units_to_text(self) -> str:
        """Return what each hidden unit tells, as an aligned table with its widest gap."""
        rows = [[str(unit.index), f"{unit.gap:.3f}", unit.role] for unit in self.units]
        return _aligned([["unit", "gap", "tells"], *rows])

    def draw(self, axes: Any) -> None:
        """Draw the machine on Matplotlib's axes: circles in a row, edges as in `to_dot`."""
        labels: dict[tuple[int, int], list[str]] = {}
        for state, ones, output, following in self.edges():
            labels.setdefault((state, following), []).append(f"{ones}/{output}")
        for (a, b), text in labels.items():
            _draw_edge(axes, a, b, "  ".join(text))
        for state in range(len(self)):
            axes.text(
                state,
                0,
                f"carry\n{state}",
                ha="center",
                va="center",
                bbox={"boxstyle": "circle,pad=0.4", "facecolor": "white"},
            )
        axes.set_xlim(-0.6, len(self) - 0.4)
        axes.set_ylim(-1.1, 1.1)
        axes.set_axis_off()


def _draw_edge(axes: Any, a: int, b: int, label: str) -> None:
    """An arrow from state a to state b: forward above, back below, a loop on top."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "shrinkA": 24, "shrinkB": 24}
    if a == b:
        style |= {"connectionstyle": "arc3,rad=-1.6", "shrinkA": 20, "shrinkB": 20}
        axes.annotate("", (a + 0.12, 0.1), (a - 0.12, 0.1), arrowprops=style)
        axes.text(a, 0.6, label, ha="center")
        return
    style["connectionstyle"] = "arc3,rad=-0.4"
    axes.annotate("", (b, 0), (a, 0), arrowprops=style)
    height = 0.25 * abs(b - a) * (1 if b > a else -1)
    axes.text((a + b) / 2, height, label, ha="center", va="center")


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


# Extraction --------------------------------------------------------------------------------------


def extract(certificate: Certificate, net: BinaryAdderRNN) -> Automaton:
    """Return the minimal machine of a network, out of a certificate that `binadd.check` accepts.

    Raises
    ------
    CertificateError
        If the certificate is of another network, or its machine is not the carry automaton.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> len(extract(binadd.prove(net).certificate, net))
    2
    """
    if certificate.digest != weights_digest(net):
        raise CertificateError("the certificate is of another network")
    machine = _Machine(certificate, Enclosure(net))
    outputs, successors = np.array(machine.outputs), np.array(machine.successors)
    classes = _coarsest(outputs, successors)
    states = _carries(outputs, successors, classes, certificate.operands)
    members = [int(np.flatnonzero(states == carry)[0]) for carry in range(certificate.operands)]
    contexts = machine.contexts(states, certificate.operands)
    return Automaton(
        operands=certificate.operands,
        outputs=outputs[members],
        successors=states[successors[members]],
        cases=int((states >= 0).sum()),
        contexts=contexts,
        units=_units(contexts, certificate.operands),
    )


class _Machine:
    """Every set and every case between sets as a state: outputs and successors, symbol by symbol.

    State q < N is set q; the cases that plans lead through follow.
    """

    def __init__(self, certificate: Certificate, enclosure: Enclosure) -> None:
        self.enclosure = enclosure
        self.sets = (certificate.centres, certificate.radii)
        self.names = list(certificate.histories)
        self.outputs: list[list[int]] = [[] for _ in self.names]
        self.successors: list[list[int]] = [[] for _ in self.names]
        self.low: list[Reals] = []  # one (H,) for each state and symbol stepped with
        self.high: list[Reals] = []
        self.edges: list[tuple[int, int]] = []  # their (state, symbol)
        for q, words in enumerate(certificate.plans):
            centre, radius = (part[q : q + 1] for part in self.sets)
            plan = iter(words)
            case = Cases(centre, np.zeros((*centre.shape, 0)), radius)
            self._step(plan, self._word(plan, HULL), q, case)

    def _word(self, plan: Iterator[int], least: int) -> int:
        """The next word of a plan."""
        word = next(plan, None)
        if word is None or not least <= word <= AFFINE:
            raise CertificateError("the certificate's plans are malformed")
        return word

    def _step(self, plan: Iterator[int], word: int, state: int, case: Cases) -> None:
        """Take a step from a state as the plan says, then go on with the cases reached."""
        for symbol, (low, high, bit, following) in enumerate(self._reached(case, word)):
            self.outputs[state].append(bit)
            then = self._word(plan, -len(self.sets[0]))
            if then < 0:
                end = -1 - then
                centre, radius = (part[end] for part in self.sets)
                low, high = np.maximum(low, centre - radius), np.minimum(high, centre + radius)
            else:
                end = self._add_state(f"{self.names[state]} {symbol}")
            self.successors[state].append(end)
            self.edges.append((state, symbol))
            self.low.append(low)
            self.high.append(high)
            if then >= 0:
                self._step(plan, then, end, following)

    def _add_state(self, name: str) -> int:
        self.names.append(name)
        self.outputs.append([])
        self.successors.append([])
        return len(self.names) - 1

    def _reached(self, case: Cases, word: int) -> Iterator[tuple[Reals, Reals, int, Cases]]:
        """Of each symbol: bounds of the next states, the bit said from all of them, and a case."""
        up, ones = np.ones(1), np.ones((1, 1))
        nothing = np.zeros((*case.z.shape, 0))
        if word == HULL and not case.G.shape[-1]:
            low, high = (bound[0] for bound in self.enclosure.hull(case.z, case.s))
            above = self.enclosure.hull_margin(low, high, up)
            below = self.enclosure.hull_margin(low, high, -up)
            boxes = zip((low + high) / 2, (high - low) / 2, strict=True)
            cases = [Cases(z[None], nothing, s[None]) for z, s in boxes]
        else:
            reached = self.enclosure.affine(case)
            low, high = reached.z[0] - reached.spread[0], reached.z[0] + reached.spread[0]
            above = self.enclosure.margin(reached, ones)[0]
            below = self.enclosure.margin(reached, -ones)[0]
            first = np.zeros(1, np.int64)
            cases = [reached.cases(first, first + symbol) for symbol in range(len(low))]
        if not ((above > 0) | (below > 0)).all():
            raise CertificateError("a step of the certificate leaves an output bit in doubt")
        yield from zip(low, high, (above > 0).astype(int).tolist(), cases, strict=True)

    def contexts(self, states: Integers, operands: int) -> Contexts:
        """Where the steps from states that are reached lead; `states` (S,) are −1 for others."""
        origin, symbols = np.array(self.edges, np.intp).T
        kept = np.flatnonzero(states[origin] >= 0)
        origin, symbols = origin[kept], symbols[kept]
        totals = states[origin] + _ones(operands)[symbols]
        names = tuple(f"{self.names[s]} {x}" for s, x in zip(origin, symbols, strict=True))
        low, high = np.array(self.low)[kept], np.array(self.high)[kept]
        return Contexts(names, totals // 2, totals, low, high)


def _ones(operands: int) -> Integers:
    """Ones in each symbol (2ⁿ,)."""
    return np.array([symbol.bit_count() for symbol in range(1 << operands)], np.intp)


def _units(contexts: Contexts, operands: int) -> tuple[Unit, ...]:
    """What each hidden unit tells, from where the contexts of each total hold it."""
    rows = [contexts.totals == total for total in range(2 * operands)]
    low = np.array([contexts.low[row].min(axis=0) for row in rows])
    high = np.array([contexts.high[row].max(axis=0) for row in rows])
    return tuple(
        Unit(index, tuple(zip(low[:, index].tolist(), high[:, index].tolist(), strict=True)))
        for index in range(low.shape[1])
    )


def _coarsest(outputs: Integers, successors: Integers) -> Integers:
    """The class of each state: states are in one class if no word tells them apart."""
    classes = np.unique(outputs, axis=0, return_inverse=True)[1].reshape(-1)
    while True:
        rows = np.column_stack([classes, classes[successors]])
        finer = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == classes.max():
            return classes
        classes = finer


def _carries(
    outputs: Integers, successors: Integers, classes: Integers, operands: int
) -> Integers:
    """The carry that each state (S,) stands for, −1 for states that no word leads to.

    Walks the machine and the carry automaton together from their starts, and demands that classes
    and carries correspond one to one, with the same outputs: an isomorphism of minimal machines.
    """
    ones = _ones(operands)
    carry_of = np.full(len(classes), -1)
    carry_of[0] = 0
    front = [0]
    while front:
        state = front.pop()
        totals = ones + carry_of[state]
        _demand(np.array_equal(outputs[state], totals % 2), "says other bits than addition")
        for following, carry in zip(successors[state].tolist(), totals // 2, strict=True):
            if carry_of[following] < 0:
                carry_of[following] = carry
                front.append(following)
            _demand(carry_of[following] == carry, "has a state that stands for two carries")
    reached = carry_of >= 0
    pairs = np.unique(np.column_stack([classes, carry_of])[reached], axis=0)
    one_to_one = len(pairs) == len(np.unique(pairs[:, 0])) == operands
    _demand(one_to_one, "has other states than there are carries")
    return carry_of


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise CertificateError(f"the certificate's machine {what}")
