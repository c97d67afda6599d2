"""Prove that a network adds all numbers of every length, or find a sum that it gets wrong."""

from __future__ import annotations

import numpy as np

from binadd.checks import check_choice, check_instance
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.checker import check
from binadd.proof.enclosure import Enclosure
from binadd.proof.refutation import refute, refute_shortly
from binadd.proof.search import Adaptive, AffineForms, Attempt, Boxes, Missed, Sampler
from binadd.proof.verdict import Proved, Refuted, Undecided, Verdict

__all__ = ["Certificate", "Proved", "Refuted", "Undecided", "Verdict", "check", "prove"]

QUICK: tuple[Attempt, ...] = (Boxes(2), AffineForms(2))
MEDIUM: tuple[Attempt, ...] = (Adaptive(1, histories=40, work=500_000, steps=8, cases=1500),)
THOROUGH: tuple[Attempt, ...] = (
    Adaptive(2, histories=200, work=12_000_000, steps=12, cases=6000),
    Adaptive(1, histories=400, work=12_000_000, steps=12, cases=10_000, inflation=0.3),
    Adaptive(2, histories=1000, work=16_000_000, steps=10, cases=16_000),
)
LADDER = {
    "quick": (("quick", QUICK),),
    "medium": (("quick", QUICK + MEDIUM),),
    "thorough": (("quick", QUICK + MEDIUM), ("thorough", ()), ("thorough", THOROUGH)),
}
"""Of each effort: attempts at a proof, then how hard to look for a wrong sum, and so on. The last
attempts take many times as long as a thorough search, which is made before them, and again after
them for where they failed."""


def prove(net: BinaryAdderRNN, *, effort: str = "thorough") -> Verdict:
    """Decide whether a network adds all numbers of every length.

    Parameters
    ----------
    net : BinaryAdderRNN
    effort : {"quick", "medium", "thorough"}
        How long to look. With 16 units: a few milliseconds, as between two stretches of training;
        a tenth of a second; or up to a minute. With 128 units even a quick look takes seconds.

    Returns
    -------
    Proved, Refuted or Undecided
        Classes of `binadd.proof`, as is the `Certificate` of the first. The verdict is about the
        network as it is when this is called, even if it changes meanwhile. It is never wrong: a
        proof is sound for the arithmetic that the network computes with, and a wrong
        sum has been confirmed by the network itself.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or the effort is unknown.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> binadd.prove(net).status
    'proved'
    >>> binadd.prove(binadd.BinaryAdderRNN(seed=1)).status
    'refuted'
    """
    check_instance("net", net, BinaryAdderRNN)
    check_choice("effort", effort, tuple(LADDER))
    with np.errstate(all="ignore"):  # an overflow proves nothing: comparisons with NaN are false
        return _decide(net.copy(), effort)


def _decide(net: BinaryAdderRNN, effort: str) -> Verdict:
    wrong = refute_shortly(net)
    if wrong is not None:
        return wrong
    enclosure = Enclosure(net)
    missed: list[tuple[Attempt, Missed]] = []
    sampler = Sampler(enclosure) if enclosure.finite else None
    for search, attempts in LADDER[effort]:
        for attempt in attempts:
            if sampler is None:
                break
            result = attempt.run(enclosure, sampler)
            if not isinstance(result, Missed):
                return Proved(result.certificate(enclosure, weights_digest(net)), net)
            missed.append((attempt, result))
        hints = [history.word for _, result in missed for history in result.doubtful[:16]]
        wrong = refute(net, hints=hints, effort=search)
        if wrong is not None:
            return wrong
    return _undecided(enclosure, missed)


def _undecided(enclosure: Enclosure, missed: list[tuple[Attempt, Missed]]) -> Undecided:
    if not enclosure.finite:
        return Undecided(
            tried=(),
            reached="nothing: with weights so large a sum might overflow",
            advice="train it anew, with a lower learning rate or clipped gradients",
        )
    best = max((result.margin for _, result in missed), default=float("nan"))
    doubt = "a bit remained in doubt" if not best > 0 else "the sets kept growing"
    return Undecided(
        tried=tuple(f"{attempt}: {result.histories} histories" for attempt, result in missed),
        reached=f"{doubt}; the smallest logit margin in the best attempt was {best:.3g}",
        advice="train on, at a lower learning rate if that fails: most networks are proved a few "
        "sequences later",
    )
