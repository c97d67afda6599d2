"""Find operands that a network adds wrongly.

Exhaustive tests of short words and random tests of long ones are deceptive: a network may be right
on every 8-bit pair and on a million random bits, and wrong on (2⁹¹ − 1) + 1. So the words tried
are those on which such networks are known to fail, cheapest first:

- every short word;
- where a proof failed, if the caller knows;
- a short prefix and then a short period, over and over, until the state repeats exactly: the
  network is then right on this word for ever. States that keep moving are followed, for millions
  of steps if they move slowly;
- random words in which carries run long;
- words grown symbol by symbol towards the smallest margin, overall and after each of many recent
  pasts, and towards states never seen before.

All is deterministic: the same network always gives the same answer, except that the Python kernels
do not follow a word for as long as the native ones. Finding nothing proves nothing; `binadd.prove`
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from binadd.bits import integer_of, sum_length, unpack_symbols
from binadd.checks import check_choice
from binadd.kernels.contract import Bytes
from binadd.model import BinaryAdderRNN
from binadd.proof.refutation.beams import beam, beam_of_pasts
from binadd.proof.refutation.cells import explore
from binadd.proof.refutation.effort import EFFORTS, Effort
from binadd.proof.refutation.long_carries import long_carries
from binadd.proof.refutation.periodic import hinted, periodic
from binadd.proof.refutation.probe import Probe
from binadd.proof.refutation.shrink import shrink
from binadd.proof.verdict import Refuted

__all__ = ["EFFORTS", "Effort", "refute", "refute_shortly"]


def refute(
    net: BinaryAdderRNN,
    *,
    hints: Iterable[Sequence[int]] = (),
    effort: str = "quick",
) -> Refuted | None:
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
    Refuted or None
        None says nothing about the network.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `effort` is none of these.

    Examples
    --------
    >>> wrong = refute(BinaryAdderRNN(seed=0))  # untrained
    >>> wrong.got == wrong.expected
    False
    """
    plan = EFFORTS[check_choice("effort", effort, EFFORTS)]
    probe = Probe(net)
    searches: tuple[Callable[[], Bytes | None], ...] = (
        lambda: _exhaustive(probe, plan.exhaustive_bits),
        lambda: hinted(probe, hints, plan),
        lambda: periodic(probe, plan),
        lambda: long_carries(probe, *plan.chains),
        lambda: beam(probe, *plan.beam),
        lambda: beam_of_pasts(probe, *plan.pasts),
        lambda: explore(probe, plan.explored),
    )
    for search in searches:
        word = search()
        if word is not None:
            return _confirmed(net, shrink(probe, word, plan.shrinking))
    return None


def refute_shortly(net: BinaryAdderRNN) -> Refuted | None:
    """Look among all short sums and no others: that takes well under a millisecond."""
    probe, plan = Probe(net), EFFORTS["quick"]
    word = _exhaustive(probe, plan.exhaustive_bits)
    return None if word is None else _confirmed(net, shrink(probe, word, plan.shrinking))


def _exhaustive(probe: Probe, bits: int) -> Bytes | None:
    """All words of at most `bits` bits over all operands: the shortest wrong one."""
    length = max(1, bits // probe.operands)
    probe.work += (2 << bits) * probe.weight
    found = probe.kernels.first_error(probe.architecture, probe.block, length)
    return None if found is None else np.array(found[1], np.uint8)


def _confirmed(net: BinaryAdderRNN, word: Bytes) -> Refuted | None:
    """Let the network itself add the operands that a wrong word spells.

    None if it adds them correctly after all, as when another thread has trained it meanwhile.
    """
    operands = _spell(word, net.state.architecture.operands)
    if sum_length(operands) < len(word):  # the wrong bit lies beyond: a 1 above brings it in
        operands = _spell(np.append(word, np.uint8(1)), len(operands))
    got, expected = net.add(*operands), sum(operands)
    if got == expected:
        return None
    difference = got ^ expected
    return Refuted(operands, (difference & -difference).bit_length() - 1, got, expected)


def _spell(word: Bytes, operands: int) -> tuple[int, ...]:
    """The integers that a word of symbols (T,) spells."""
    bits = unpack_symbols(word, operands)
    return tuple(integer_of(bits[:, i]) for i in range(operands))
