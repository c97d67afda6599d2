"""Prove that a network adds all numbers of every length, or find a sum that it gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from binadd.checks import check_choice, check_instance
from binadd.kernels.mode import quiet_ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.progress import reporting
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.checker import Checked, check
from binadd.proof.closure import LARGE, Failure, Found, Strategy, affordable, close
from binadd.proof.falsify import Falsifier
from binadd.proof.memory import describe_memory
from binadd.proof.samples import Sampler
from binadd.proof.sets import Shape
from binadd.proof.verdict import Proved, Refuted, Undecided, Verdict

__all__ = [
    "Certificate",
    "Checked",
    "ProofProgress",
    "Proved",
    "Refuted",
    "Undecided",
    "Verdict",
    "attempt",
    "check",
    "prove",
]


def _curves(depth: int, width: float, steps: int, work: int = 3_000_000) -> Strategy:
    """Return cells along the first axis of frames, widened without end, in fixed contexts."""
    shape = Shape(True, width, 0, 0, 0.4, inf)
    return Strategy(depth, shape, steps=steps, cells=30_000, budget=100_000, work=work)


def _splitting(work: int) -> Strategy:
    """Return cells that grow little: what escapes takes more steps, then contexts are split."""
    return Strategy(3, Shape(True, 0.5, 0, 0, 0.3, 0.5), most_steps=9, splits=0.2, work=work)


PORTFOLIO: dict[str, tuple[Strategy, ...]] = {
    "quick": (
        Strategy(
            2, Shape(False, inf, 0.1, 0, 1, inf), affine=False, steps=1, least_units=64, rounds=8
        ),
        Strategy(
            2,
            Shape(False, inf, 0.3, 0.03, 0.3, inf),
            steps=5,
            rounds=12,
            budget=10_000,
            work=100_000,
        ),
    ),
    "medium": (_curves(2, 0.5, 3, 100_000), _curves(3, 0.5, 3, 200_000)),
    "thorough": (
        _curves(4, 0.3, 3, 1_000_000),
        _splitting(600_000),
        _curves(4, 0.08, 3),
        _curves(5, 0.3, 4, 6_000_000),
        _curves(4, 0.3, 4),
        _curves(4, 0.15, 2),
        _splitting(3_000_000),
        _curves(5, 0.2, 3),
        _curves(5, 0.12, 3),
        _curves(4, 0.15, 3),
        _curves(4, 0.5, 3),
        _curves(3, 0.5, 3, 1_000_000),
    ),
}
"""For each effort, strategies in the order that decides soonest; an effort begins with those of
the efforts before it, and a search for a wrong sum comes before them and after them."""

SAMPLES = {"quick": 32, "medium": 128, "thorough": 128}
"""States of each context around which sets begin."""


@dataclass(frozen=True, slots=True)
class ProofProgress:
    """What `prove` is doing: what it calls its `progress` with, several times a second.

    Attributes
    ----------
    attempt, attempts : int
        The strategy that is tried, counted from 1, and how many there are.
    contexts, unsettled : int
        Contexts, and sets of states of which it is not yet known that they lead to others.
    """

    attempt: int
    attempts: int
    contexts: int
    unsettled: int

    def __str__(self) -> str:
        return (
            f"attempt {self.attempt} of {self.attempts}: {self.contexts:,} contexts, "
            f"{self.unsettled:,} sets unsettled"
        )


def prove(
    net: BinaryAdderRNN,
    *,
    effort: str = "thorough",
    progress: Callable[[ProofProgress], object] | bool | None = None,
) -> Verdict:
    """Decide whether a network adds all numbers of every length.

    Parameters
    ----------
    net : BinaryAdderRNN
    effort : {"quick", "medium", "thorough"}
        How long to look. With 16 units: a few milliseconds, as between two stretches of training;
        some hundredths of a second; or up to half a minute.
    progress : callable or True, optional
        Called with a `ProofProgress` now and then; True shows a line on stderr.

    Returns
    -------
    Proved, Refuted or Undecided
        Classes of `binadd.proof`, as is the `Certificate` of the first. The verdict is about the
        network as it is when this is called, even if it changes meanwhile; it is the same on every
        machine and with every kernel. It is never wrong: a proof is sound for the arithmetic that
        the network computes with, and a wrong sum has been confirmed by the network itself.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an argument is of the wrong type, or the effort is unknown.
    CertificateError
        If the network computes with weights outside its parameters.

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
    check_choice("effort", effort, tuple(PORTFOLIO))
    # An overflow proves nothing: comparisons with NaN are false.
    with reporting(progress) as report, quiet_ieee_mode():
        return _Decision(net.copy(), 0, report).run(effort)


def attempt(
    net: BinaryAdderRNN,
    effort: str,
    *,
    known_exact_bits: int,
    progress: Callable[[ProofProgress], object] | None = None,
) -> Proved | Refuted | None:
    """Look for a proof as `prove` does, but for a last search for a wrong sum.

    All sums of operands of `known_exact_bits` bits are known to be right.
    """
    with quiet_ieee_mode():
        return _Decision(net.copy(), known_exact_bits, progress).attempt(effort)


class _Decision:
    """A network that is being decided about."""

    def __init__(
        self,
        net: BinaryAdderRNN,
        known_exact_bits: int,
        progress: Callable[[ProofProgress], object] | None,
    ) -> None:
        self.net, self.progress = net, progress
        self.falsifier = Falsifier(net, known_exact_bits)
        self.bounds = Bounds(net)
        self.failures: list[tuple[Strategy, Failure]] = []

    def run(self, effort: str) -> Verdict:
        verdict: Verdict | None = self.attempt(effort)
        if verdict is None:
            hints = [word for _, failure in self.failures for _, word in failure.doubtful[:16]]
            verdict = self.falsifier.search(effort, hints)
        return self._undecided() if verdict is None else verdict

    def attempt(self, effort: str) -> Proved | Refuted | None:
        """Try strategies, between searches for a wrong sum but for the last one."""
        wrong = self.falsifier.search_shortly()
        if wrong is not None or not self.bounds.finite:
            return wrong
        efforts = list(PORTFOLIO)
        efforts = efforts[: efforts.index(effort) + 1]
        attempts = self._attempts(efforts)
        count = sum(map(len, attempts.values()))
        for name in efforts:
            if name != "quick":  # by then a wrong sum is as likely, and found sooner
                wrong = self.falsifier.search(name)
                if wrong is not None:
                    return wrong
            sampler = Sampler(self.bounds, SAMPLES[name])
            for strategy in attempts[name]:
                found = close(self.bounds, sampler, strategy, self._report(count))
                if isinstance(found, Found):
                    digest = weights_digest(self.net)
                    write = partial(found.certificate, self.bounds, digest)
                    return Proved(found.margin, self.net, write)
                self.failures.append((strategy, found))
        return None

    def _attempts(self, efforts: list[str]) -> dict[str, list[Strategy]]:
        """Return what of the portfolio this network's size allows, each strategy once."""
        attempts: dict[str, list[Strategy]] = {}
        tried: set[Strategy] = set()
        for name in efforts:
            attempts[name] = []
            for strategy in PORTFOLIO[name]:
                plan, size = affordable(strategy, self.bounds), self.bounds.size
                fits = plan.least_units <= size and (size <= LARGE or not plan.shape.frames)
                if fits and plan not in tried:
                    attempts[name].append(plan)
                tried.add(plan)
        return attempts

    def _report(self, attempts: int) -> Callable[[int, int], object] | None:
        if self.progress is None:
            return None
        tell, attempt = self.progress, len(self.failures) + 1

        def report(contexts: int, unsettled: int) -> None:
            tell(ProofProgress(attempt, attempts, contexts, unsettled))

        return report

    def _undecided(self) -> Undecided:
        if not self.bounds.finite:
            return Undecided(
                tried=(),
                reached="nothing: with weights so large a sum might overflow",
                advice="train it anew, with a lower learning rate or clipped gradients",
            )
        margins = [failure.margin for _, failure in self.failures]
        best = max((margin for margin in margins if margin < inf), default=-inf)
        doubt = "a bit remained in doubt" if not best > 0 else "the sets kept growing"
        memory = describe_memory(self.net)
        return Undecided(
            tried=tuple(
                f"{strategy}: {found.contexts} contexts" for strategy, found in self.failures
            ),
            reached=f"{doubt}; the smallest logit margin in the best attempt was {best:.3g}",
            advice=f"{memory}. Train on, at a lower learning rate if that fails: most networks "
            "are proved a few sequences later",
        )
