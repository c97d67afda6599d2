"""The machine as the certificate has it: every set, and every case between sets, is a state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from binadd.bits import popcounts
from binadd.errors import CertificateError
from binadd.proof.automaton.contexts import Contexts, Integers
from binadd.proof.certificate import AFFINE, HULL, Certificate, Reals
from binadd.proof.enclosure import Cases, Enclosure

__all__ = ["Unfolded"]


class Unfolded:
    """Every set and every case between sets as a state: outputs and successors, symbol by symbol.

    State q < N is set q; the cases that plans lead through follow. Cells that cover a case
    together are one another's `peers`: the first stands for all as a successor.
    """

    def __init__(self, certificate: Certificate, enclosure: Enclosure) -> None:
        self.enclosure = enclosure
        self.sets = (certificate.centres, certificate.radii)
        self.peers: dict[int, list[int]] = {}
        self.ends = list(range(len(certificate)))  # the state that a plan's −1 − q leads to
        if certificate.frames is not None:
            self._gather(certificate)
        self.names = list(certificate.histories)
        self.outputs: list[list[int]] = [[] for _ in self.names]
        self.successors: list[list[int]] = [[] for _ in self.names]
        self.low: list[Reals] = []  # one (H,) for each state and symbol stepped with
        self.high: list[Reals] = []
        self.edges: list[tuple[int, int]] = []  # their (state, symbol)
        for q, words in enumerate(certificate.plans):
            plan = iter(words)
            case = Cases(*(part[None] for part in certificate.case(q)))
            self._step(plan, self._word(plan, HULL), q, case)

    def _gather(self, certificate: Certificate) -> None:
        """Let the first cell of each frame stand for all of them."""
        for q, (frame, *_) in enumerate(certificate.cells):
            self.peers.setdefault(frame, []).append(q)
        self.ends = [self.peers[frame][0] for frame in sorted(self.peers)]
        self.peers = {cells[0]: cells[1:] for cells in self.peers.values()}

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
            then = self._word(plan, -len(self.ends))
            if then >= 0:
                end = self._add_state(f"{self.names[state]} {symbol}")
            else:
                end = self.ends[-1 - then]
                if not self.peers:  # no cells: the case lies in one set
                    centre, radius = (part[end] for part in self.sets)
                    low, high = np.maximum(low, centre - radius), np.minimum(high, centre + radius)
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

    def contexts(self, states: Integers) -> Contexts:
        """Where the steps from states that are reached lead; `states` (S,) are −1 for others."""
        origin, symbols = np.array(self.edges, np.intp).T
        kept = np.flatnonzero(states[origin] >= 0)
        origin, symbols = origin[kept], symbols[kept]
        totals = states[origin] + popcounts(symbols)
        names = tuple(f"{self.names[s]} {x}" for s, x in zip(origin, symbols, strict=True))
        low, high = np.array(self.low)[kept], np.array(self.high)[kept]
        return Contexts(names, totals // 2, totals, low, high)
