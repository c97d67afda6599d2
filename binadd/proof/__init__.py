"""Prove that a network adds all numbers of every length, or find a sum that it gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from binadd.checks import check_choice, check_flag, check_instance, check_real, shorten
from binadd.errors import InvalidInputError
from binadd.kernels.mode import quiet_ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.progress import reporting
from binadd.proof.bounds import RUNTIMES, Bounds
from binadd.proof.boxes import BoxShape
from binadd.proof.certificate import Certificate, check_padding, weights_digest
from binadd.proof.checker import Checked, check
from binadd.proof.closure import Failure, Found, Strategy, affordable, close
from binadd.proof.falsify import Falsifier
from binadd.proof.memory import describe_memory
from binadd.proof.samples import Sampler
from binadd.proof.sets import CellShape
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


def _boxes(depth: int, steps: int) -> Strategy:
    """Return boxes of the units themselves: most networks of the default recipe need no more."""
    shape = BoxShape(inflation=0.3, floor=0.03, growth=0.3)
    return Strategy(depth, shape, steps=steps, rounds=12, budget=10_000, work=100_000)


def _curves(depth: int, shape: CellShape, steps: int, work: int) -> Strategy:
    """Return cells along the first axis of frames, widened without end."""
    return Strategy(depth, shape, steps=steps, cells=30_000, budget=100_000, work=work)


def _settled(depth: int, shape: CellShape, steps: int, work: int) -> Strategy:
    """Return the same around the states from the seventh step on.

    Those before lie apart in networks that forget slowly; sets that held them would be several
    times as wide. Cells reach only a part of the way to them: images that leave all cells take
    more steps.
    """
    curves = _curves(depth, shape, steps, work)
    return replace(curves, lead=7 - depth, most_steps=16, budget=2_000_000)


PORTFOLIO: dict[str, tuple[Strategy, ...]] = {
    "quick": (
        Strategy(2, BoxShape(0.1, 0, 1), affine=False, steps=1, least_units=64, rounds=8),
        _boxes(1, 4),
        _boxes(2, 5),
    ),
    "medium": (
        _curves(2, CellShape(0.5, growth=0.4, inflation=0.4), 3, 100_000),
        _curves(3, CellShape(0.5, growth=0.4, inflation=0.3), 3, 200_000),
    ),
    "thorough": (
        _settled(3, CellShape(0.2, growth=0.2, inflation=0.2, memory=4), 4, 1_000_000),
        _settled(4, CellShape(0.2, growth=0.4, inflation=0.3), 4, 8_000_000),
        _settled(5, CellShape(0.15, growth=0.1, inflation=0.1), 3, 8_000_000),
        _settled(4, CellShape(0.15, growth=0.2, inflation=0.3), 6, 40_000_000),
    ),
}
"""For each effort, strategies in the order that decides soonest; an effort begins with those of
the efforts before it. Searches for a wrong sum come before all, after the first strategy of each
effort but the quick one, as most networks that are right need no more of it, and at the end."""

_ERRORS = [(4 + i % 4) * 2.0 ** (i // 4 - 50) for i in range(4 * 48)]
"""Step errors that are tried for the tolerance, four to an octave, from 2⁻⁴⁸ to below 1."""

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
    step_error: float | str = 0.0,
    logit_error: float | None = None,
    tolerance: bool = False,
    effort: str = "thorough",
    progress: Callable[[ProofProgress], object] | bool | None = None,
) -> Verdict:
    """Decide whether a network adds all numbers of every length.

    Parameters
    ----------
    net : BinaryAdderRNN
    step_error : float or {"float32", "float64"}
        By how much another program's steps may be off. A number e below 1: from its own state h,
        it computes a next state h′ of which each number differs from f(Wₕh + Wᵢx + bₕ), computed
        exactly with this network's weights, by at most e. "float32": as much as any evaluation
        in IEEE float32 of these weights, rounded to float32, can be off: sums in any order, with
        or without fused multiply-add, σ and tanh within 8·2⁻²⁴, and with tanh units in place of
        sigmoid units, too, as exports write them. "float64": likewise, within 8·2⁻⁵³. A proof is
        always of binadd's own arithmetic as well: with 0, of nothing else.
    logit_error : float, optional
        By how much its logit differs at most from Wₒh′ + bₒ, with the state h′ that it computed;
        by default as much as `step_error`, if this is a number.
    tolerance : bool
        Search for the largest step error with which there is a proof, and return that proof. It
        bounds the logit's error, too.
    effort : {"quick", "medium", "thorough"}
        How long to look. With 16 units: milliseconds, as between two stretches of training; a
        tenth of a second; or up to two minutes.
    progress : callable or True, optional
        Called with a `ProofProgress` now and then; True shows a line on stderr.

    Returns
    -------
    Proved, Refuted or Undecided
        Classes of `binadd.proof`, as is the `Certificate` of the first. The verdict is about the
        network as it is when this is called, even if it changes meanwhile; it is the same on every
        machine and with every kernel. It is never wrong: a proof is sound for the arithmetic that
        the network computes with and for steps that are off by no more than assumed, and a wrong
        sum has been confirmed by the network itself.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an argument is of the wrong type, an error is not allowed, or the effort is unknown.
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
    >>> verdict = binadd.prove(net, step_error="float32")
    >>> binadd.check(verdict.certificate, net).runtimes
    ('float32', 'float64')
    >>> binadd.prove(net, tolerance=True).tolerance > 1e-4
    True
    """
    check_instance("net", net, BinaryAdderRNN)
    check_choice("effort", effort, tuple(PORTFOLIO))
    check_flag("tolerance", tolerance)
    errors = _check_errors(step_error, logit_error)
    # An overflow proves nothing: comparisons with NaN are false.
    with reporting(progress) as report, quiet_ieee_mode():
        return _Decision(net.copy(), report, *errors).run(effort, tolerance)


def _check_errors(
    step_error: float | str, logit_error: float | None
) -> tuple[float | str, float | None]:
    if logit_error is not None:
        logit_error = check_real("logit_error", logit_error, open_maximum=True)
    if not isinstance(step_error, str):
        return check_real("step_error", step_error, maximum=1.0, open_maximum=True), logit_error
    if step_error not in RUNTIMES:
        raise InvalidInputError(
            f"step_error must be a number or one of {', '.join(map(repr, RUNTIMES))}, "
            f"not {shorten(step_error)}"
        )
    if logit_error is not None:
        raise InvalidInputError(
            f"step_error={step_error!r} bounds the logit's error, too: logit_error cannot be given"
        )
    return step_error, None


def attempt(
    net: BinaryAdderRNN,
    effort: str,
    progress: Callable[[ProofProgress], object] | None = None,
) -> Proved | Refuted | None:
    """Look for a proof of a network that is right on short sums.

    That is as `prove` does it, but for the first and the last search for a wrong sum.
    """
    with quiet_ieee_mode():
        return _Decision(net.copy(), progress).attempt(effort)


class _Decision:
    """A network that is being decided about."""

    def __init__(
        self,
        net: BinaryAdderRNN,
        progress: Callable[[ProofProgress], object] | None,
        step_error: float | str = 0.0,
        logit_error: float | None = None,
    ) -> None:
        self.net, self.progress = net, progress
        self.falsifier = Falsifier(net)
        self.bounds = Bounds(net, step_error, logit_error)
        self.assumes = step_error != 0 or logit_error is not None
        self.failures: list[tuple[Strategy, Failure]] = []

    def run(self, effort: str, tolerance: bool) -> Verdict:
        verdict: Verdict | None = self.falsifier.search_shortly()
        if verdict is None:
            verdict = self.attempt(effort)
        if tolerance and isinstance(verdict, Proved):
            return self._most_tolerant(verdict)
        if verdict is None:
            hints = [word for _, failure in self.failures for _, word in failure.doubtful[:16]]
            verdict = self.falsifier.search(effort, hints)
        return self._undecided() if verdict is None else verdict

    def attempt(self, effort: str) -> Proved | Refuted | None:
        """Try strategies, between searches for a wrong sum but for the first and the last one."""
        if not self.bounds.finite:
            return None
        efforts = list(PORTFOLIO)
        efforts = efforts[: efforts.index(effort) + 1]
        plans = self._plans(efforts)
        report = self._report(len(plans))
        for name in efforts:
            sampler = Sampler(self.bounds, SAMPLES[name])
            strategies = [plan for plan, of in plans.items() if of == name]
            first = 1 if name != "quick" else len(strategies)
            verdict: Proved | Refuted | None = self._try(strategies[:first], sampler, report)
            if verdict is None and name != "quick":
                verdict = self.falsifier.search(name)
            if verdict is None:
                verdict = self._try(strategies[first:], sampler, report)
            if verdict is not None:
                return verdict
        return None

    def _try(
        self,
        strategies: list[Strategy],
        sampler: Sampler,
        report: Callable[[int, int], object] | None,
    ) -> Proved | None:
        for strategy in strategies:
            found = close(self.bounds, sampler, strategy, report)
            if isinstance(found, Found):
                return self._proved(found, self.bounds)
            self.failures.append((strategy, found))
        return None

    def _proved(self, found: Found, bounds: Bounds, tolerance: float | None = None) -> Proved:
        check_padding(self.net.state)
        as_proved = self.net.copy()  # whatever becomes of the verdict's network
        return Proved(
            found.margin,
            self.net,
            lambda: found.certificate(bounds, weights_digest(as_proved)),
            step_error=bounds.step_error,
            logit_error=bounds.logit_error,
            tolerance=tolerance,
        )

    def _most_tolerant(self, proved: Proved) -> Proved:
        """Bisect the step errors for the largest with which there is a proof.

        Strategies are those that were tried for the proof, and all of less than the thorough
        effort, which cost little.
        """
        plans = self._plans(list(PORTFOLIO))
        cheap = sum(effort != "thorough" for effort in plans.values())
        tried = list(plans.items())[: max(len(self.failures) + 1, cheap)]
        best = replace(proved, tolerance=proved.step_error)
        errors = [error for error in _ERRORS if error > proved.step_error]
        low, high = 0, len(errors)
        while low < high:
            middle = (low + high) // 2
            bounds = self.bounds.assuming(errors[middle])
            for strategy, effort in tried:
                found = close(bounds, Sampler(bounds, SAMPLES[effort]), strategy)
                if isinstance(found, Found):
                    low, best = middle + 1, self._proved(found, bounds, errors[middle])
                    break
            else:
                high = middle
        return best

    def _plans(self, efforts: list[str]) -> dict[Strategy, str]:
        """Return the strategies that this network's size allows, each with its lowest effort."""
        plans: dict[Strategy, str] = {}
        size = self.bounds.size
        for name in efforts:
            for strategy in PORTFOLIO[name]:
                plan = affordable(strategy, self.bounds.form, size)
                if plan is not None and plan.least_units <= size:
                    plans.setdefault(plan, name)
        return plans

    def _report(self, attempts: int) -> Callable[[int, int], object] | None:
        tell = self.progress
        if tell is None:
            return None
        return lambda contexts, unsettled: tell(
            ProofProgress(len(self.failures) + 1, attempts, contexts, unsettled)
        )

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
        train = "assume smaller errors, or train" if self.assumes else "train"
        return Undecided(
            tried=tuple(
                f"{strategy}: {found.contexts} contexts" for strategy, found in self.failures
            ),
            reached=f"{doubt}; the smallest logit margin in the best attempt was {best:.3g}; "
            f"{describe_memory(self.net)}",
            advice=f"{train} on, at a lower learning rate if that fails: most networks are proved "
            "a few sequences later",
        )
