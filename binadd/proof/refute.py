"""Find operands that a network adds wrongly.

Exhaustive tests of short words and random tests of long ones fool: a network may be right on every
8-bit pair and on a million random bits, and wrong on (2⁹¹ − 1) + 1. So words are tried that such
networks are known to fail on, cheapest first:

- every short word;
- where a proof failed, if the caller knows;
- a short prefix and then a short period, over and over, until the state repeats exactly: then the
  network is right on this word for ever. States that keep moving are followed, for millions of
  steps if they move slowly;
- random words in which carries run long;
- words grown symbol by symbol towards the smallest margin, overall and after each of many recent
  pasts, and towards states never seen before.

All is deterministic: the same network always gives the same answer, except that the Python kernels
do not follow a word for as long as the native ones. Finding nothing proves nothing; `binadd.prove`
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from binadd.bits import (
    data_stream,
    integer_of,
    sum_length,
    unpack_symbols,
)
from binadd.checks import check_choice
from binadd.kernels.contract import Bytes, words_per_sequence
from binadd.model import BinaryAdderRNN
from binadd.proof.probe import Probe, Real, Steps, popcounts
from binadd.proof.shrink import shrink

__all__ = ["EFFORTS", "Effort", "Refutation", "refute"]


@dataclass(frozen=True, slots=True)
class Refutation:
    """A sum that a network gets wrong; the network itself has said so.

    Examples
    --------
    >>> Refutation(operands=(1, 1), wrong_bit=1, got=0, expected=2).wrong_bit
    1
    """

    operands: tuple[int, ...]
    wrong_bit: int
    """The lowest bit in which the sums differ."""
    got: int
    """What `net.add(*operands)` says."""
    expected: int
    """The true sum."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to try. Counts are of words side by side, of symbols, or of steps of one word."""

    exhaustive_bits: int
    """All words of so many bits, over all operands."""
    cycles: int
    """Periodic words to begin with."""
    stages: tuple[tuple[int, int], ...]
    """Of those that still move: (how many words, for how many steps more), stage by stage."""
    chains: tuple[int, int]
    """Random words with long carries: how many, how long."""
    beam: tuple[int, int]
    """Words kept by the beam search, and how long they grow."""
    pasts: tuple[int, int]
    """Words kept that look ahead to a small margin (for four symbols; of more symbols, fewer), and
    how long they grow."""
    explored: float
    """Work on looking for new states: steps of a network of 16 units, fewer of a larger one."""
    shrinking: float
    """Work on making a wrong word smaller."""


EFFORTS = {
    "quick": Effort(
        exhaustive_bits=10,
        cycles=160,
        stages=((8, 400),),
        chains=(16, 128),
        beam=(12, 16),
        pasts=(0, 0),
        explored=0,
        shrinking=20_000,
    ),
    "thorough": Effort(
        exhaustive_bits=16,
        cycles=8192,
        stages=((512, 400), (64, 4000), (16, 40_000), (4, 400_000), (1, 4_000_000)),
        chains=(256, 1024),
        beam=(128, 96),
        pasts=(512, 48),
        explored=200_000,
        shrinking=4_000_000,
    ),
}


def refute(
    net: BinaryAdderRNN,
    *,
    hints: Iterable[Sequence[int]] = (),
    effort: str = "quick",
) -> Refutation | None:
    """Look for operands that the network adds wrongly.

    Parameters
    ----------
    net : BinaryAdderRNN
    hints : iterable of sequences of int
        Words of symbols that may lead to a wrong bit, least significant symbol first: bit i of a
        symbol is a bit of operand i. They are tried first.
    effort : {"quick", "thorough"}
        Milliseconds, or seconds. Thorough finds failures millions of bits away.

    Returns
    -------
    Refutation or None
        None says nothing about the network.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `effort` is none of these.

    Examples
    --------
    >>> refutation = refute(BinaryAdderRNN(seed=0))  # untrained
    >>> refutation.got == refutation.expected
    False
    """
    plan = EFFORTS[check_choice("effort", effort, EFFORTS)]
    probe = Probe(net)
    searches: tuple[Callable[[], Bytes | None], ...] = (
        lambda: _exhaustive(probe, plan.exhaustive_bits),
        lambda: _hinted(probe, hints, plan),
        lambda: _periodic(probe, plan),
        lambda: _long_carries(probe, *plan.chains),
        lambda: _beam(probe, *plan.beam),
        lambda: _beam_of_pasts(probe, *plan.pasts),
        lambda: _explore(probe, plan.explored),
    )
    for search in searches:
        word = search()
        if word is not None:
            return _confirmed(net, shrink(probe, word, plan.shrinking))
    return None


def _confirmed(net: BinaryAdderRNN, word: Bytes) -> Refutation | None:
    """Let the network itself add the operands that a wrong word spells.

    None if it adds them rightly after all, as when another thread has trained it meanwhile.
    """
    operands = _spell(word, net.state.architecture.operands)
    if sum_length(operands) < len(word):  # the wrong bit lies beyond: a 1 above brings it in
        operands = _spell(np.append(word, np.uint8(1)), len(operands))
    got, expected = net.add(*operands), sum(operands)
    if got == expected:
        return None
    difference = got ^ expected
    return Refutation(operands, (difference & -difference).bit_length() - 1, got, expected)


def _spell(word: Bytes, operands: int) -> tuple[int, ...]:
    """The integers that a word of symbols (T,) spells."""
    bits = unpack_symbols(word, operands)
    return tuple(integer_of(bits[:, i]) for i in range(operands))


# Every short word --------------------------------------------------------------------------------


def _exhaustive(probe: Probe, bits: int) -> Bytes | None:
    """All words of at most `bits` bits over all operands: the shortest wrong one."""
    length = max(1, bits // probe.operands)
    probe.work += (2 << bits) * probe.weight
    found = probe.kernels.first_error(probe.architecture, probe.block, length)
    return None if found is None else np.array(found[1], np.uint8)


# Periodic words ----------------------------------------------------------------------------------

LONGEST = 3
"""Symbols of a prefix and of a period."""
CYCLE = 6
"""Steps after which periods of 1, 2 and 3 symbols repeat."""


@dataclass
class Lanes:
    """Periodic words side by side, run as far as `steps`."""

    symbols: Bytes
    """(N, T): the words' beginnings; their last `cycle` symbols repeat from then on."""
    cycle: int
    targets: Bytes
    """(N, cycle): the true bits, which have become periodic as well."""
    state: Real
    """(N, H)"""
    carry: Bytes
    """(N,)"""
    steps: int

    def word(self, lane: int, length: int) -> Bytes:
        """The first `length` symbols of one word."""
        beginning, repeated = self.symbols[lane], self.symbols[lane, -self.cycle :]
        more = max(0, length - len(beginning))
        return np.concatenate([beginning, np.resize(repeated, more)])[:length]

    def keep(self, lanes: NDArray[np.intp]) -> Lanes:
        """These words only."""
        return Lanes(
            self.symbols[lanes],
            self.cycle,
            self.targets[lanes],
            self.state[lanes],
            self.carry[lanes],
            self.steps,
        )

    def front(self) -> Front:
        """Where the words have led to, as empty words to be continued."""
        return Front(np.empty((len(self.state), 0), np.uint8), self.state, self.carry)

    def repeated(self, cycles: int) -> tuple[Bytes, Bytes]:
        """Symbols and targets (N, cycle · cycles) of the steps that follow."""
        return (
            np.tile(self.symbols[:, -self.cycle :], cycles),
            np.tile(self.targets, cycles),
        )


def _periodic(probe: Probe, plan: Effort) -> Bytes | None:
    """Prefix + period words, followed for as long as their states still move."""
    symbols = _cyclic_words(probe.operands, plan.cycles)
    return _follow(probe, symbols, CYCLE, _stages(probe, plan))


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


def _follow(
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
        lanes, word = _moving(probe, lanes, count)
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

    Now and then every short continuation is tried, since some networks go wrong unheard: they have
    lost the carry, or the way to say 1, where this word does not ask for it.
    """
    cycles = max(1, length // lanes.cycle)
    at_once = min(cycles, max(1, CHUNK // (len(lanes.symbols) * lanes.cycle)))
    for _ in range(-(-cycles // at_once)):
        after, word = _advanced(probe, lanes, at_once)
        if word is not None:
            return word
        continued = _continuation(probe, after.front())
        if continued is not None:
            return _earliest(probe, lanes.keep(np.array([continued[0]])), at_once)
        lanes.state, lanes.steps = after.state, after.steps
    return None


def _advanced(probe: Probe, lanes: Lanes, cycles: int) -> tuple[Lanes, Bytes | None]:
    """The lanes after some cycles more, and the word up to the first wrong bit in them, if any."""
    symbols, targets = lanes.repeated(cycles)
    steps = probe.run(symbols, targets, lanes.state)
    found = steps.first_wrong()
    word = None if found is None else lanes.word(found[0], lanes.steps + found[1] + 1)
    return replace(lanes, state=steps.state, steps=lanes.steps + symbols.shape[1]), word


CONTINUATION = 2
"""Symbols of a continuation."""


def _continuation(probe: Probe, front: Front) -> tuple[int, Bytes] | None:
    """The first row of a front that goes wrong under some continuation, and its word."""
    children = 1
    for step in range(CONTINUATION):
        alphabet = _symbols_at(probe, step)
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
        after, _ = _advanced(probe, lane, middle - low)
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


WATCHED = 8
"""Cycles within which a state that only rounding moves is expected to come back."""
MANY = 64
"""Of more lanes than these it is not worth waiting for."""


def _moving(probe: Probe, lanes: Lanes, count: int) -> tuple[Lanes, Bytes | None]:
    """Those `count` lanes that deserve to be followed, and a wrong word if one turned up.

    A lane whose state repeats exactly is right for ever. Of the others, a third each is taken by
    where the margin is heading, by how far the state still moves, and by how little it slows down.
    """
    origin = lanes.state
    repeats = np.zeros(len(origin), np.bool_)
    margins, moves = [], []
    symbols = np.ascontiguousarray(lanes.symbols[:, -lanes.cycle :])
    for _ in range(2 if len(origin) > MANY else WATCHED):
        steps = probe.run(symbols, lanes.targets, lanes.state)
        found = steps.first_wrong()
        if found is not None:
            return lanes, lanes.word(found[0], lanes.steps + found[1] + 1)
        margins.append(steps.margins.min(axis=1))
        moves.append(np.abs(steps.state - lanes.state).max(axis=1))
        repeats |= (steps.state == origin).all(axis=1)
        lanes.state, lanes.steps = steps.state, lanes.steps + lanes.cycle
    alive = np.flatnonzero(~repeats)
    if len(alive) > count:
        alive = alive[_ranked(margins, moves, alive)]
        alive = alive[_distinct_first(symbols[alive])[:count]]
    return lanes.keep(alive), None


def _ranked(margins: list[Real], moves: list[Real], alive: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions within `alive`, those to be followed first."""
    before, after = margins[-2][alive], margins[-1][alive]
    slow, slower = moves[-2][alive], moves[-1][alive]
    with np.errstate(all="ignore"):
        ratio = np.nan_to_num(slower / slow, nan=1.0)
        rest = np.where(ratio < 1, ratio / (1 - ratio), 1e6)
        heading = after + (after - before) * rest
    orders = (np.argsort(heading), np.argsort(-slower), np.argsort(-ratio))
    ranked = np.stack(orders, axis=1).reshape(-1)
    _, first = np.unique(ranked, return_index=True)
    return ranked[np.sort(first)]


def _distinct_first(cycles: Bytes) -> NDArray[np.intp]:
    """An order of cycles (N, c): the first of each kind, the second of each, and so on."""
    _, kinds = np.unique(cycles, axis=0, return_inverse=True)
    order = np.argsort(kinds.reshape(-1), kind="stable")
    sizes = np.bincount(kinds.reshape(-1))
    nth = np.empty(len(cycles), np.intp)
    nth[order] = np.arange(len(cycles)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.argsort(nth, kind="stable")


# Hints -------------------------------------------------------------------------------------------


def _hinted(probe: Probe, hints: Iterable[Sequence[int]], plan: Effort) -> Bytes | None:
    """The hints as periods, each from every carry."""
    by_length: dict[int, set[tuple[int, ...]]] = {}
    for hint in hints:
        if len(hint):
            by_length.setdefault(len(hint), set()).add(tuple(hint))
    for length, words in sorted(by_length.items()):
        symbols = _from_every_carry(probe, np.array(sorted(words), np.uint8))
        word = _follow(probe, symbols, length, _stages(probe, plan))
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


# Random words ------------------------------------------------------------------------------------


def _long_carries(probe: Probe, count: int, length: int) -> Bytes | None:
    """Random words whose symbols hold for long, so that carries run on."""
    unpack = probe.kernels.unpack_words
    return probe.first_wrong_word(_random_words(unpack, probe.operands, count, length))


Unpack = Callable[[NDArray[np.uint64], int, int], Bytes]


@lru_cache(maxsize=32)
def _random_words(unpack: Unpack, operands: int, count: int, length: int) -> Bytes:
    """Words (count, length); word m changes its symbol with a probability of 2^−(m mod 6).

    In every other word only the number of ones holds, not which operands they belong to.
    """
    stream = data_stream(0)

    def draw(bits: int) -> Bytes:
        width = words_per_sequence(bits, length)
        return unpack(stream.random_raw((count, width)), bits, length)

    word = np.arange(count)[:, None]
    holds = np.zeros((count, length), np.bool_)
    for power in range(1, 6):
        holds |= (draw(1) == 1) & (word % 6 >= power)
    holds[:, 0] = False
    last_change = np.maximum.accumulate(np.where(holds, 0, np.arange(length)), axis=1)
    held = np.take_along_axis(draw(operands), last_change, axis=1)
    turns = draw(operands) % operands
    turned = (held << turns | held >> (operands - turns)) & np.uint8((1 << operands) - 1)
    return np.ascontiguousarray(np.where(word % 2 == 1, turned, held))


# Words grown symbol by symbol --------------------------------------------------------------------


@dataclass
class Front:
    """Words of one length, with the states and carries that they lead to."""

    words: Bytes
    """(N, T)"""
    state: Real | None
    """(N, H), or None at the beginning."""
    carry: Bytes
    """(N,)"""

    @classmethod
    def start(cls) -> Front:
        """The empty word."""
        return cls(np.empty((1, 0), np.uint8), None, np.zeros(1, np.uint8))

    def grow(self, probe: Probe, alphabet: Bytes) -> tuple[Front, Steps]:
        """Every word with every symbol after it, and what the network says there."""
        count, size = len(self.words), len(alphabet)
        parents = np.repeat(np.arange(count), size)
        symbols = np.tile(alphabet, count)
        totals: Bytes = popcounts(symbols) + self.carry[parents]
        bits: Bytes = (totals & np.uint8(1))[:, None]
        carry: Bytes = totals >> np.uint8(1)
        state = None if self.state is None else self.state[parents]
        steps = probe.run(symbols[:, None].copy(), bits, state)
        words = np.concatenate([self.words[parents], symbols[:, None]], axis=1)
        return Front(words, steps.state, carry), steps

    def word(self, row: int) -> Bytes:
        """One of the words."""
        word: Bytes = self.words[row]
        return word

    def keep(self, rows: NDArray[np.intp]) -> Front:
        """These words only."""
        assert self.state is not None
        return Front(self.words[rows], self.state[rows], self.carry[rows])


LARGEST_ALPHABET = 32
"""Symbols tried after each word; of more, a sample that changes from step to step."""


def _symbols_at(probe: Probe, step: int) -> Bytes:
    """The symbols to try at a step: all of them, or a sample."""
    alphabet = probe.alphabet
    if len(alphabet) <= LARGEST_ALPHABET:
        return alphabet
    return np.roll(alphabet, 37 * step)[:: len(alphabet) // LARGEST_ALPHABET]


def _beam(probe: Probe, width: int, depth: int) -> Bytes | None:
    """Grow words, keeping those with the smallest margins, some for each carry."""
    front = Front.start()
    for step in range(depth):
        front, steps = front.grow(probe, _symbols_at(probe, step))
        found = steps.first_wrong()
        if found is not None:
            return front.word(found[0])
        front = front.keep(_narrowest(front, steps.margins[:, 0], width // probe.operands))
    return None


def _narrowest(front: Front, margins: Real, per_carry: int) -> NDArray[np.intp]:
    """Rows of the smallest margins of each carry."""
    order = np.argsort(margins)
    rows = [order[front.carry[order] == carry][:per_carry] for carry in np.unique(front.carry)]
    return np.concatenate(rows)


RECENT = 3
"""Symbols that make up a recent past."""


def _beam_of_pasts(probe: Probe, width: int, depth: int) -> Bytes | None:
    """Grow words, keeping those of each recent past that one step more can bring nearest to 0.

    The smallest margins of all are often after the same few symbols, whatever came before them;
    what goes wrong may come from a past whose own margins are still wide.
    """
    front = Front.start()
    for step in range(depth):
        alphabet = _symbols_at(probe, step)
        front, steps = front.grow(probe, alphabet)
        ahead, next_steps = front.grow(probe, alphabet)
        for grown, said in ((front, steps), (ahead, next_steps)):
            found = said.first_wrong()
            if found is not None:
                return grown.word(found[0])
        margins = next_steps.margins.reshape(len(front.words), -1).min(axis=1)
        front = front.keep(_narrowest_of_pasts(front, margins, 4 * width // len(alphabet)))
    return None


def _narrowest_of_pasts(front: Front, margins: Real, width: int) -> NDArray[np.intp]:
    """Rows of the smallest margins of each recent past; of equal margins, one."""
    keys = np.concatenate([front.carry[:, None], front.words[:, -RECENT:]], axis=1)
    _, past = np.unique(keys, axis=0, return_inverse=True)
    past = past.reshape(-1)
    order = np.lexsort((margins, past))
    past, rounded = past[order], np.round(margins[order], 7)
    new = np.r_[True, (past[1:] != past[:-1]) | (rounded[1:] != rounded[:-1])]
    order, past = order[new], past[new]
    nth = np.arange(len(order)) - np.searchsorted(past, past)
    return order[np.argsort(nth, kind="stable")[:width]]


def _explore(probe: Probe, budget: float) -> Bytes | None:
    """Grow words while they lead to states unlike all before: breadth first, coarse to fine."""
    limit = probe.work + budget
    for resolution in RESOLUTIONS:
        word = _explore_cells(probe, resolution, limit)
        if word is not None:
            return word
    return None


RESOLUTIONS = (2.0, 8.0, 32.0, 128.0, 512.0, 2048.0, 8192.0)
"""Cells of a hidden unit's values per unit of length; a cell's number fits in 16 bits."""
MOST_CELLS_AT_ONCE = 512


def _explore_cells(probe: Probe, resolution: float, limit: float) -> Bytes | None:
    """Visit every cell of the state space that can be reached from a state of another cell."""
    seen: set[bytes] = set()
    front = Front.start()
    while len(front.words) and probe.work < limit:
        front, steps = front.grow(probe, _symbols_at(probe, front.words.shape[1]))
        found = steps.first_wrong()
        if found is not None:
            return front.word(found[0])
        rows = _unseen(front, resolution, seen)
        front = front.keep(rows[:MOST_CELLS_AT_ONCE])
    return None


def _unseen(front: Front, resolution: float, seen: set[bytes]) -> NDArray[np.intp]:
    """Rows of the first words to reach their cell: the state rounded, and the carry."""
    assert front.state is not None
    with np.errstate(all="ignore"):
        cells = np.rint(front.state * resolution).astype(np.int16)
    keys = np.concatenate([cells, front.carry[:, None].astype(np.int16)], axis=1)
    rows = []
    for row, key in enumerate(keys):
        cell = key.tobytes()
        if cell not in seen:
            seen.add(cell)
            rows.append(row)
    return np.array(rows, np.intp)
