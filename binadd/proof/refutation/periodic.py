"""Periodic words to begin with: short prefixes and periods, and what a failed proof hints at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, product

import numpy as np

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.effort import Effort
from binadd.proof.refutation.following import follow
from binadd.proof.refutation.probe import Probe

__all__ = ["hinted", "periodic"]

LONGEST = 3
"""Symbols of a prefix and of a period."""
CYCLE = 6
"""Steps after which periods of 1, 2 and 3 symbols repeat."""


def periodic(probe: Probe, plan: Effort) -> Bytes | None:
    """Prefix + period words, followed for as long as their states still move."""
    symbols = _cyclic_words(probe.operands, plan.cycles)
    return follow(probe, symbols, CYCLE, _stages(probe, plan))


PYTHON_PATIENCE = 10_000
"""Steps that the Python kernels take in about half a second, however few the words."""


def _stages(probe: Probe, plan: Effort) -> list[tuple[int, int]]:
    """The plan's stages, as far as the kernels are quick enough."""
    python = probe.kernels.NAME == "python"
    return [stage for stage in plan.stages if not python or stage[1] <= PYTHON_PATIENCE]


@lru_cache(maxsize=32)
def _cyclic_words(operands: int, count: int) -> Bytes:
    """At most `count` words (N, T): a prefix and a period of at most LONGEST symbols each.

    Each combination where these are few; else short prefixes, among them one to each carry.
    """
    size = 1 << operands
    alphabet = [37 * i % size for i in range(size)]  # unlike symbols first
    length = LONGEST + CYCLE * (operands + 1)  # in operands − 1 cycles the carry is periodic too
    every_carry = [(size - 1,) * i for i in range(min(operands, LONGEST + 1))]
    periods = _tuples(alphabet, count // len(every_carry), primitive=True)
    more = [word for word in _tuples(alphabet, count) if word not in every_carry]
    prefixes = (every_carry + more)[: count // len(periods)]
    words = [
        np.resize(np.array(period, np.uint8), length)
        if not prefix
        else np.concatenate([prefix, np.resize(np.array(period, np.uint8), length - len(prefix))])
        for prefix, period in product(prefixes, periods)
    ]
    return np.array(words, np.uint8)


def _tuples(
    alphabet: Sequence[int], count: int, *, primitive: bool = False
) -> list[tuple[int, ...]]:
    """The first `count` tuples of symbols, shortest first; `primitive`: that repeat no shorter."""
    words = (word for k in range(1, LONGEST + 1) for word in product(alphabet, repeat=k))
    return list(
        islice(
            (word for word in words if not primitive or len(word) == 1 or len(set(word)) > 1),
            count,
        )
    )


def hinted(probe: Probe, hints: Iterable[Sequence[int]], plan: Effort) -> Bytes | None:
    """The hints as periods, each from every carry."""
    by_length: dict[int, set[tuple[int, ...]]] = {}
    for hint in hints:
        if len(hint):
            by_length.setdefault(len(hint), set()).add(tuple(hint))
    for length, words in sorted(by_length.items()):
        symbols = _from_every_carry(probe, np.array(sorted(words), np.uint8))
        word = follow(probe, symbols, length, _stages(probe, plan))
        if word is not None:
            return word
    return None


def _from_every_carry(probe: Probe, periods: Bytes) -> Bytes:
    """Periods (N, p) repeated until carries repeat too, after prefixes of all-ones symbols."""
    cycles = np.tile(periods, probe.operands + 1)
    ones = np.uint8((1 << probe.operands) - 1)
    words = []
    for ones_before in range(probe.operands):
        prefix = np.full((len(periods), probe.operands - 1), ones)
        prefix[:, : probe.operands - 1 - ones_before] = 0
        words.append(np.concatenate([prefix, cycles], axis=1))
    return np.ascontiguousarray(np.concatenate(words))
