"""Follow periodic words until the network goes wrong on one, or their states come back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.front import Front, symbols_at
from binadd.proof.refutation.lanes import Lanes
from binadd.proof.refutation.moving import moving
from binadd.proof.refutation.probe import Probe

__all__ = ["follow"]


def follow(
    probe: Probe, symbols: Bytes, cycle: int, stages: Iterable[tuple[int, int]]
) -> Bytes | None:
    """Run periodic words, then those whose states still move, further and further."""
    targets = probe.kernels.exact_sums(symbols, probe.operands)
    steps = probe.run(symbols, targets)
    found = steps.first_wrong()
    if found is not None:
        return symbols[found[0], : found[1] + 1]
    tail = np.ascontiguousarray(targets[:, -cycle:])
    carry = probe.carries(symbols)
    lanes = Lanes(symbols, cycle, tail, steps.state, carry, symbols.shape[1])
    for count, length in stages:
        lanes, word = moving(probe, lanes, count)
        if word is not None or not len(lanes.symbols):
            return word
        word = _run_on(probe, lanes, length)
        if word is not None:
            return word
    return None


CHUNK = 1 << 17
"""Steps of all lanes together in one call of the kernels."""


def _run_on(probe: Probe, lanes: Lanes, length: int) -> Bytes | None:
    """Run lanes for `length` steps more, in place; the word up to the first wrong bit, if any.

    Now and then every short continuation is tried, since some networks go wrong unnoticed: they
    have lost the carry, or the ability to say 1, where this word does not ask for it.
    """
    cycles = max(1, length // lanes.cycle)
    at_once = min(cycles, max(1, CHUNK // (len(lanes.symbols) * lanes.cycle)))
    for _ in range(-(-cycles // at_once)):
        after, steps = lanes.advanced(probe, at_once)
        word = lanes.wrong_word(steps)
        if word is not None:
            return word
        continued = _continuation(probe, after.front())
        if continued is not None:
            return _earliest(probe, lanes.keep(np.array([continued[0]])), at_once)
        lanes.state, lanes.steps = after.state, after.steps
    return None


CONTINUATION = 2
"""Symbols of a continuation."""


def _continuation(probe: Probe, front: Front) -> tuple[int, Bytes] | None:
    """The first row of a front that goes wrong under some continuation, and its word."""
    children = 1
    for step in range(CONTINUATION):
        alphabet = symbols_at(probe, step)
        children *= len(alphabet)
        front, steps = front.grow(probe, alphabet)
        found = steps.first_wrong()
        if found is not None:
            return found[0] // children, front.words[found[0]]
    return None


def _earliest(probe: Probe, lane: Lanes, cycles: int) -> Bytes:
    """The word after the fewest steps from which a continuation of a single lane goes wrong.

    It does after so many cycles. By bisection: what is lost is taken to stay lost.
    """
    low, high = 0, cycles
    while high - low > 1:
        middle = (low + high) // 2
        after, _ = lane.advanced(probe, middle - low)
        if _continuation(probe, after.front()) is None:
            low, lane = middle, after
        else:
            high = middle
    front = lane.front()
    for symbol in (*lane.symbols[0, -lane.cycle :], None):
        continued = _continuation(probe, front)
        if continued is not None or symbol is None:
            break
        front, _ = front.grow(probe, np.array([symbol]))
    assert continued is not None
    return np.concatenate([lane.word(0, lane.steps), continued[1]])
