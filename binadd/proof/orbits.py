"""Follow periodic input words until the network errs or its states repeat.

Once a state comes back exactly the network is right on this word for ever. Where states still move
a wrong bit may lie millions of steps ahead, so effort is divided by successive halving: many
orbits for a few steps, then ever fewer for ever longer (Z. Karnin, T. Koren and O. Somekh, "Almost
optimal exploration in multi-armed bandits", 2013, https://proceedings.mlr.press/v28/karnin13.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from binadd.form import Form
from binadd.kernels.contract import Bytes
from binadd.proof.frontier import Frontier, nth_of_each
from binadd.proof.probe import Probe, Real

__all__ = ["Rung", "follow_hints", "search_orbits"]

Symbols = tuple[int, ...]
Rung = tuple[int, int, int]
"""The number of orbits, the periods per round, and the rounds."""

LONGEST = 3
"""Symbols of a prefix and of a period."""
PERIOD = 6
"""Steps after which periods of 1, 2 and 3 symbols repeat."""
CONTINUATION = 2
"""Symbols of a continuation."""
HEAVY = 15.0
"""Work of a step of a network of some 64 units; rungs of heavier ones end sooner."""


def follow_hints(
    probe: Probe, hints: Iterable[Sequence[int]], rungs: Sequence[Rung]
) -> Bytes | None:
    """Return a wrong word on the orbits of periods that are given, or None."""
    hinted = {tuple(hint) for hint in hints}
    for length in sorted({len(period) for period in hinted} - {0}):
        alike = sorted(period for period in hinted if len(period) == length)
        period = length * -(-PERIOD // length)
        words = _words(probe.form, _to_carries(probe.form), alike, period)
        word = _follow(probe, words, period, rungs)
        if word is not None:
            return word
    return None


def search_orbits(probe: Probe, count: int, rungs: Sequence[Rung]) -> Bytes | None:
    """Return a wrong word on the orbits of `count` of the shortest periods, or None."""
    return _follow(probe, _short_periods(probe.form, count), PERIOD, rungs)


@lru_cache(maxsize=32)
def _short_periods(form: Form, count: int) -> Bytes:
    """Return at most `count` words (N, T): a prefix and a period of at most LONGEST symbols each.

    Each combination where these are few; else short prefixes, among them one to each carry.
    """
    size = len(form.weights)
    alphabet = [37 * i % size for i in range(size)]  # unlike symbols first
    tuples = [t for k in range(1, LONGEST + 1) for t in islice(product(alphabet, repeat=k), count)]
    prefixes = _to_carries(form)[: LONGEST + 1]
    periods = [t for t in tuples if len(t) == 1 or len(set(t)) > 1][: count // len(prefixes)]
    prefixes += [t for t in tuples if t not in prefixes]
    return _words(form, prefixes[: count // len(periods)], periods, PERIOD)


def _to_carries(form: Form) -> list[Symbols]:
    """Return a shortest prefix to each carry, beginning with the empty one."""
    found: dict[int, Symbols] = {form.start: ()}
    for carry, prefix in (queue := list(found.items())):
        for symbol in reversed(range(len(form.weights))):
            after = (int(form.weights[symbol]) + carry) >> 1
            if after not in found:
                found[after] = (*prefix, symbol)
                queue.append((after, found[after]))
    return list(found.values())


def _words(form: Form, prefixes: list[Symbols], cycles: list[Symbols], period: int) -> Bytes:
    """Return each prefix with each cycle after it (N, T), until carries are periodic as well."""
    length = max(map(len, prefixes)) + period * (form.carries + 1)
    words = [(prefix + cycle * length)[:length] for prefix in prefixes for cycle in cycles]
    return np.array(words, np.uint8)


@dataclass
class Orbits:
    """Periodic words side by side, followed as far as `steps`."""

    beginnings: Bytes
    """(N, T): the last `period` symbols repeat from then on."""
    period: int
    bits: Bytes
    """(N, period): the true bits, which have become periodic as well."""
    state: Real
    """(N, H)"""
    carry: Bytes
    """(N,): the same after each period, counted from the lowest."""
    steps: int
    margins: Real
    """(N, 2): the smallest margin in each of the last two calls of `advance`."""
    moves: Real
    """(N, 2): how far the state moved in each of them."""

    def word(self, row: int, length: int) -> Bytes:
        """Return the first `length` symbols of one word."""
        beginning = self.beginnings[row]
        more = np.resize(beginning[-self.period :], max(0, length - len(beginning)))
        return np.concatenate([beginning, more])[:length]

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Follow these orbits only, from now on in this order."""
        for name in ("beginnings", "bits", "state", "carry", "margins", "moves"):
            setattr(self, name, getattr(self, name)[rows])

    def advance(self, probe: Probe, cycles: int) -> Bytes | None:
        """Follow all, in place; return the word up to the first wrong bit, if any."""
        symbols = np.tile(self.beginnings[:, -self.period :], cycles)
        steps = probe.run(symbols, np.tile(self.bits, cycles), self.state)
        found = steps.first_wrong()
        if found is not None:
            return self.word(found[0], self.steps + found[1] + 1)
        move = np.abs(steps.state - self.state).max(axis=1)
        self.margins = np.stack([self.margins[:, 1], steps.margins.min(axis=1)], axis=1)
        self.moves = np.stack([self.moves[:, 1], move], axis=1)
        self.state, self.steps = steps.state, self.steps + symbols.shape[1]
        return None

    def continuation(self, probe: Probe) -> tuple[int, Bytes] | None:
        """Return the first orbit that goes wrong under a short continuation, and this, or None.

        Some networks go wrong unnoticed: they have lost the carry, or the ability to output 1,
        where the word itself does not ask for it.
        """
        frontier = Frontier(np.empty((len(self.state), 0), np.uint8), self.state, self.carry)
        for _ in range(CONTINUATION):
            frontier, steps = frontier.expand(probe)
            found = steps.first_wrong()
            if found is not None:
                word = frontier.words[found[0]]
                return found[0] * len(self.state) // len(frontier.words), word
        return None


def _follow(probe: Probe, words: Bytes, period: int, rungs: Iterable[Rung]) -> Bytes | None:
    """Run periodic words (N, T), then those whose states still move, further and further."""
    length = words.shape[1]
    totals = probe.form.totals(words)
    bits = totals & np.uint8(1)
    steps = probe.run(words, bits)
    found = steps.first_wrong()
    if found is not None:
        return words[found[0], : found[1] + 1]
    carry = totals[:, -1] >> np.uint8(1)
    last, unknown = bits[:, length - period :], np.zeros((len(words), 2))
    orbits = Orbits(words, period, last, steps.state, carry, length, unknown, unknown)
    for _ in range(2):
        word = orbits.advance(probe, 1)
        if word is not None:
            return word
    share = min(1.0, HEAVY / probe.weight)
    for count, cycles, times in rungs:
        orbits.keep(_promising(orbits)[:count])
        for _ in range(max(1, int(times * share))):
            if not len(orbits.state):
                return None
            before = replace(orbits)
            word = orbits.advance(probe, cycles)
            if word is not None:
                return word
            continued = orbits.continuation(probe)
            if continued is not None:
                before.keep(np.array([continued[0]]))
                return _earliest(probe, before, cycles)
            orbits.keep(np.flatnonzero(orbits.moves[:, 1] > 0))
    return None


def _promising(orbits: Orbits) -> NDArray[np.intp]:
    """Return the orbits that still move, those to be followed first at the front.

    By turns by where the margin is heading and by how little the state slows down; and one of each
    period before a second of any.
    """
    rows = np.flatnonzero(orbits.moves[:, 1] > 0)
    moved, moves = orbits.moves[rows].T
    was, margin = orbits.margins[rows].T
    ratio = moves / moved
    with np.errstate(divide="ignore"):
        ahead = np.where(ratio < 1, ratio / (1 - ratio), 1e6)  # the rest of a geometric series
    heading = margin + (margin - was) * ahead
    orders = [np.argsort(key, kind="stable") for key in (heading, -ratio)]
    ranked = rows[np.stack(orders, axis=1).reshape(-1)]
    ranked = ranked[np.sort(np.unique(ranked, return_index=True)[1])]
    periods = orbits.beginnings[ranked, -orbits.period :]
    kinds = np.unique(periods, axis=0, return_inverse=True)[1].reshape(-1)
    return ranked[np.argsort(nth_of_each(kinds), kind="stable")]


def _earliest(probe: Probe, orbit: Orbits, cycles: int) -> Bytes:
    """Return about the shortest wrong word of a single orbit and a continuation.

    It is wrong after so many cycles; by bisection, as what is lost is taken to stay lost.
    """
    while cycles > 1:
        middle = replace(orbit)
        middle.advance(probe, cycles // 2)
        if middle.continuation(probe) is None:
            orbit, cycles = middle, cycles - cycles // 2
        else:
            cycles //= 2
    orbit.advance(probe, 1)
    continued = orbit.continuation(probe)
    assert continued is not None
    return np.concatenate([orbit.word(0, orbit.steps), continued[1]])
