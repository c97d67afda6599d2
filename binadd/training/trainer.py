"""The trainer: it advances a list of runs, slice by slice, until all have ended.

`binadd.train` is the list of one, a sweep the list of many. Runs of the same phase share a call of
the kernels, which compute each network's weights to the same bits alone or together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from binadd.bits import integer_of, unpack_symbols
from binadd.errors import DivergenceError
from binadd.form import Form
from binadd.kernels.contract import Batch, Report
from binadd.model import BinaryAdderRNN
from binadd.random_streams import data_stream
from binadd.state import (
    State,
    advance,
    advance_together,
    has_weights_of_seed,
    initial_state,
)
from binadd.training.data import DataStream, words_of_sequence
from binadd.training.noise import most_updates, weight_noise
from binadd.training.outcome import Progress, TrainingRun
from binadd.training.schedule import Goal, Schedule, phase_of

if TYPE_CHECKING:
    from binadd.proof import ProofProgress, Verdict

__all__ = ["WIDTH", "Run", "finish"]

FIRST_SLICE = 64
"""Updates of a run's first slice at most, of which it is not known how long they take."""

SLICE_SECONDS = 0.1
"""Training runs in slices of about this time, so that Ctrl-C and progress need not wait."""

SHORT_SLICE = 2**18
"""Bits of the first slice, before it is known how long a slice takes."""

WIDTH = 64
"""Networks trained at once: enough that what Python does between two calls hardly counts."""

FEW = 16
"""Sums that a network is tried on before all are checked: of 286 checks that 150 networks of the
default recipe did not pass, 277 ended here."""

MEASURED = 1024
"""Sequences that the share of right bits is measured on at the end, or 2²⁰ bits of them."""


class Run:
    """A network on its way to a goal.

    What decides how it goes on is its `state`, which is also the network's, and its `schedule`.
    They are replaced together, so whoever interrupts a run finds a pair that belongs together.

    Parameters
    ----------
    net, goal
    schedule : Schedule, optional
        That of an interrupted run, which goes on.
    during_proof : callable, optional
        Called with a `ProofProgress` now and then; to raise an exception ends the run.
    progress_every : int, optional
        Sequences of a slice at most; otherwise slices take about the same time.
    """

    def __init__(
        self,
        net: BinaryAdderRNN,
        goal: Goal,
        schedule: Schedule | None = None,
        during_proof: Callable[[ProofProgress], object] | None = None,
        progress_every: int | None = None,
    ) -> None:
        self.start = time.perf_counter()
        self.busy = 0.0
        """Seconds of work on this run, its share where runs are trained together."""
        self.net = net
        self.goal = goal
        # Very long operands take a second a sequence: begin with one batch of them.
        batch_bits = net.settings.batch_size * goal.bits
        self._pace = max(1, min(FIRST_SLICE, SHORT_SLICE // batch_bits))
        self.is_timed = False
        """Whether a slice has shown how many updates take how long."""
        self._progress_every = progress_every
        self.divergence: DivergenceError | None = None
        self._during_proof = during_proof
        self._data = DataStream(net.kernels, net.state.seed, net.settings.architecture)
        self._wrong: Batch | None = None
        self._has_erred = False
        self._verdict: Verdict | None = None
        self._is_undecided = False
        state = replace(net.state, bits=goal.bits, from_seed=_is_of_seed(net.state))
        self._may_restart = state.from_seed if goal.restart is None else goal.restart
        schedule = schedule or Schedule(start=state.sequences)
        self._failed_proofs = schedule.failed_proofs
        self._failures_of_phase: int | None = None
        self._put(state, schedule)

    def _put(self, state: State, schedule: Schedule) -> None:
        self._now = state, schedule
        if self._failures_of_phase != schedule.failed_proofs:
            self._failures_of_phase = schedule.failed_proofs
            self.phase = phase_of(self.goal, self.net.settings, schedule.failed_proofs)
            """The phase that the run is in."""
        if self.net.state is not state:
            self.net._replace_state(state)

    def kin(self) -> tuple[Any, ...]:
        """Return what runs share that are trained in one call: with noise or batches, nothing."""
        phase, optimizer = self.phase, self.phase.optimizer
        if phase.noise or phase.batch_size > 1:
            return (id(self),)
        rule = replace(optimizer, learning_rate=0.0)  # rates may differ
        architecture = self.net.settings.architecture
        return (id(self.net.kernels), architecture, phase.bits, phase.loss, rule)

    @property
    def state(self) -> State:
        """The network's state."""
        return self._now[0]

    @property
    def schedule(self) -> Schedule:
        """When the run is evaluated next."""
        return self._now[1]

    @property
    def words(self) -> int:
        """Raw words of data that one of its sequences takes."""
        return words_of_sequence(self.net.settings.operands, self.phase.bits)

    @property
    def pace(self) -> int:
        """Updates of the next slice at most."""
        if self._progress_every is None:
            return self._pace
        return max(1, self._progress_every // self.phase.batch_size)

    @pace.setter
    def pace(self, updates: int) -> None:
        self._pace = updates
        self.is_timed = True

    def remaining(self) -> int:
        """Return how many updates lie before the next evaluation or the end."""
        end = self.goal.sequences
        if isinstance(self.goal.until, str):
            end = min(end, self.schedule.next_check)
        return -(-max(end - self.state.sequences, 0) // self.phase.batch_size)

    # Learning ------------------------------------------------------------------------------------

    def learn(self, updates: int, report: bool) -> Report | None:
        """Train alone, with at most this many updates.

        Raises
        ------
        DivergenceError
            If a weight became infinite or NaN.
        """
        state, phase = self.state, self.phase
        if phase.noise:
            updates = min(updates, most_updates(state))
        batch = self._data.take(
            state.position, phase.bits, updates * phase.batch_size, phase.batch_size
        )
        count = len(batch.symbols)
        updates = count // phase.batch_size
        filled = _empty_report(updates, state) if report else None
        after = advance(
            self.net.kernels,
            state,
            batch,
            phase.optimizer,
            loss=phase.loss,
            batch_size=phase.batch_size,
            words=count * self.words,
            noise=weight_noise(state, phase.noise, updates) if phase.noise else None,
            report=filled,
        )
        self._put(after, self.schedule)
        return filled

    def draw(self, batch: Batch) -> None:
        """Write the next sequences to arrays (N, bits)."""
        self._data.fill(self.state.position, batch)

    def take_over(self, result: State | DivergenceError) -> None:
        """Go on from what training together with others came to."""
        if isinstance(result, DivergenceError):
            self.divergence = result
        else:
            self._put(result, self.schedule)

    # Evaluation ----------------------------------------------------------------------------------

    def evaluate(self) -> str | None:
        """Evaluate the network if that is due: return how the run ends, None while it goes on."""
        state, until = self.state, self.goal.until
        at_end = state.sequences >= self.goal.sequences
        if isinstance(until, int):
            return "finished" if at_end else None
        due = state.sequences >= self.schedule.next_check
        if not due and not at_end:
            return None
        after = self._evaluate()
        if after is None:
            return until
        self._failed_proofs = after.failed_proofs
        if due:  # else the run, with a higher limit, would not have been evaluated here
            self._put(state, after)
        batch_size = self.net.settings.batch_size
        if at_end:
            return "limit"
        if after.is_stuck(state.sequences, batch_size):
            if not self._may_restart:
                return "stuck"
            self._restart(batch_size)
        return None

    def _evaluate(self) -> Schedule | None:
        """Return None if the goal is reached, else the schedule that follows."""
        sequences, schedule = self.state.sequences, self.schedule
        exact = self._is_exact()
        if exact and self.goal.until == "exact":
            return None
        if not exact or sequences < schedule.next_proof:
            return schedule.after_check(sequences, self.phase.batch_size)
        return None if self._is_proved() else schedule.after_failed_proof(sequences)

    def _restart(self, batch_size: int) -> None:
        """Begin again with the next weights of the seed; data and counts go on."""
        state = self.state
        fresh = replace(
            initial_state(state.architecture, state.seed, state.restarts + 1),
            sequences=state.sequences,
            updates=state.updates,
            position=state.position,
            bits=state.bits,
        )
        self._failed_proofs = 0
        self._verdict, self._is_undecided = None, False
        self._put(fresh, self.schedule.restarted(state.sequences, batch_size))

    def _is_exact(self) -> bool:
        """Whether every sum is right; a few, and what was wrong the last time, are tried first."""
        architecture, block, kernels = self.state.architecture, self.state.block, self.net.kernels
        bits = self.goal.checked_bits(architecture.operands)
        self._has_erred = True
        for batch in (_few_sums(architecture.form, bits), self._wrong):
            if batch is not None:
                output = kernels.bits(architecture, block, batch.symbols)
                if (output != batch.targets).any():
                    return False
        error = kernels.first_error(architecture, block, bits)
        if error is not None:
            word = np.array([error[1]], np.uint8)
            self._wrong = Batch(word, kernels.exact_sums(architecture, word))
        self._has_erred = error is not None
        return error is None

    def _is_proved(self) -> bool:
        """Whether a proof succeeds; its verdict is kept."""
        from binadd.proof import attempt  # no run but one until "proved" need load it

        self._verdict = attempt(self.net, self.schedule.proof_effort, self._during_proof)
        self._is_undecided = self._verdict is None
        return getattr(self._verdict, "status", None) == "proved"

    # The end -------------------------------------------------------------------------------------

    def end(self, status: str) -> TrainingRun:
        """Return what came of it."""
        if status != "diverged":
            self._put(replace(self.state, status=status), self.schedule)
        if self._is_undecided and status in ("limit", "stuck"):
            from binadd.proof import prove

            self._verdict = prove(self.net, effort="quick")
        state = self.state
        return TrainingRun(
            status,
            state.sequences,
            state.updates,
            state.restarts,
            time.perf_counter() - self.start,
            self.goal.bits,
            self._wrong_operands(),
            self._verdict,
            self._failed_proofs,
            1.0 if status in ("proved", "exact") else self._measure(),
            network=self.net,
        )

    def _measure(self) -> float:
        """Return the share of right bits on the data that would come next."""
        state, bits = self.state, self.goal.bits
        count = max(1, min(MEASURED, (1 << 20) // bits))
        batch = Batch(*np.empty((2, count, bits), np.uint8))
        self._data.fill(state.position, batch)
        output = self.net.kernels.bits(state.architecture, state.block, batch.symbols)
        return float((output == batch.targets).mean())

    def _wrong_operands(self) -> tuple[int, ...] | None:
        """Return the operands of the first wrong sum, if there was any at the last evaluation."""
        architecture = self.state.architecture
        bits = self.goal.checked_bits(architecture.operands)
        if not self._has_erred:
            return None
        error = self.net.kernels.first_error(architecture, self.state.block, bits)
        if error is None:
            return None
        operands = unpack_symbols(np.array(error[1], np.uint8), architecture.operands)
        return tuple(integer_of(operand) for operand in operands.T)

    def progress(self, report: Report) -> Progress:
        """Return the run's progress after a slice."""
        state, phase, updates = self.state, self.phase, len(report.losses)
        return Progress(
            state.sequences,
            state.updates,
            time.perf_counter() - self.start,
            phase.bits,
            float(report.losses.mean()),
            1 - int(report.wrong_bits.sum()) / (updates * phase.batch_size * phase.bits),
            phase.optimizer.learning_rate,
            state.restarts,
            self.schedule.failed_proofs,
            phase.noise,
        )


@lru_cache(maxsize=16)
def _few_sums(form: Form, bits: int) -> Batch:
    """Return a few sums: most networks that are wrong get one of them wrong."""
    drawn = data_stream(0).random_raw(FEW * bits).reshape(FEW, bits)
    symbols = (drawn & np.uint64(len(form.weights) - 1)).astype(np.uint8)
    return Batch(symbols, (form.totals(symbols) & 1).astype(np.uint8))


def _is_of_seed(state: State) -> bool:
    """Whether training began with weights of the seed, or does so now."""
    return state.from_seed if state.updates else has_weights_of_seed(state)


def _empty_report(updates: int, state: State) -> Report:
    return Report(np.empty(updates, state.block.dtype), np.empty(updates, np.int64))


# The trainer -------------------------------------------------------------------------------------


def finish(
    runs: Iterable[Run],
    width: int = WIDTH,
    after_slice: Callable[[Sequence[Run], Report | None], object] | None = None,
    report: bool = False,
) -> Iterator[TrainingRun]:
    """Take runs to their ends, `width` at a time, and yield each outcome as soon as there is one.

    Runs are taken from the iterable as places become free. The order of outcomes depends on
    nothing but the runs. After every slice, `after_slice` is called with the runs that took part
    in it, and if `report`, with what was filled in for a run alone.
    """
    waiting, active = iter(runs), list[Run]()
    while True:
        active += islice(waiting, width - len(active))
        if not active:
            return
        learning = []
        for run in active:
            before = time.perf_counter()
            status = run.evaluate()
            run.busy += time.perf_counter() - before
            if status is None:
                learning.append(run)
            else:
                yield run.end(status)
        for group in _groups(learning):
            filled = _learn(group, report)
            if after_slice is not None:
                after_slice(group, filled)
        active = [run for run in learning if run.divergence is None]
        for run in learning:
            if run.divergence is not None:
                yield run.end("diverged")


def _groups(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield the runs by what can be trained in one call.

    A call ends where the first of a group is to be evaluated. So that it does not cut the others
    short, none has more than twice as far to go as the first.
    """
    if len(runs) == 1:
        yield list(runs)
        return
    families: dict[Any, list[Run]] = {}
    for run in runs:
        families.setdefault(run.kin(), []).append(run)
    for alike in families.values():
        _share_pace(alike)
        alike.sort(key=Run.remaining)
        group: list[Run] = []
        for run in alike:
            if group and run.remaining() > 2 * group[0].remaining():
                yield group
                group = []
            group.append(run)
        yield group


def _share_pace(runs: Sequence[Run]) -> None:
    """Let those that have just joined go at the others' pace, instead of holding them up."""
    pace = min((run.pace for run in runs if run.is_timed), default=None)
    for run in runs:
        if pace is not None and not run.is_timed:
            run.pace = pace


def _learn(group: Sequence[Run], report: bool) -> Report | None:
    """Train each run until the first is to be evaluated, and for no longer than a moment."""
    before, filled = time.perf_counter(), None
    first, done = group[0], group[0].state.updates
    updates = max(1, min(run.pace for run in group) // len(group))
    updates = min(updates, first.remaining())
    if len(group) > 1:
        _learn_together(group, updates)
    else:
        try:
            filled = first.learn(updates, report)
        except DivergenceError as error:
            first.divergence = error
    seconds = max(time.perf_counter() - before, 1e-9)
    done = max(1, first.state.updates - done)
    for run in group:
        run.busy += seconds / len(group)
        run.pace = max(1, int(SLICE_SECONDS * done * len(group) / seconds))
    return filled


def _learn_together(group: Sequence[Run], updates: int) -> None:
    """Train each run on `updates` sequences of its own, in one call of the kernels."""
    phase = group[0].phase
    shape = len(group), updates, phase.bits
    batch = Batch(np.empty(shape, np.uint8), np.empty(shape, np.uint8))
    for run, symbols, targets in zip(group, *batch, strict=True):
        run.draw(Batch(symbols, targets))
    results = advance_together(
        group[0].net.kernels,
        [run.state for run in group],
        batch,
        [run.phase.optimizer for run in group],
        loss=phase.loss,
        words=updates * group[0].words,
    )
    for run, result in zip(group, results, strict=True):
        run.take_over(result)
