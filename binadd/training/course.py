"""One network on its way to a goal: when it is looked at, and what is seen then.

`binadd.training.loop` takes one network along its course, `binadd.training.population` many at
once; both arrive at the same weights, since all that decides about them is here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from binadd.bits import integer_of, unpack_symbols
from binadd.kernels.contract import Optimizer
from binadd.model import BinaryAdderRNN
from binadd.state import Report, advance
from binadd.training import saturation
from binadd.training.data import DataStream
from binadd.training.schedule import (
    Goal,
    after_check,
    after_failed_proof,
    is_saturating,
    is_stuck,
    proof_effort,
    rate_factor,
    restarted,
    started,
)

if TYPE_CHECKING:
    from binadd.proof import Verdict

__all__ = ["Course", "TrainingRun"]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The outcome of a run.

    Attributes
    ----------
    status : {"proved", "exact", "finished", "limit", "diverged"}
        Proved correct for all lengths; right on every sum of `bits`-bit operands; trained on the
        number of sequences asked for; stopped at `max_sequences` short of its goal; or, only in a
        population, stopped because a weight became infinite or NaN, where `train` raises.
    sequences, updates : int
        All that the network has been trained on, earlier runs and restarts included.
    restarts : int
        How often it started again with other weights, in all.
    seconds : float
        Of this run.
    bits : int
        Length of the operands it was trained on.
    wrong : tuple of int or None
        Operands of a sum that was wrong when last looked at, if any.
    verdict : Proved, Refuted, Undecided or None
        Of the last proof that was tried; if a run ends at its limit, of the network as it is then.
    network : BinaryAdderRNN
    """

    status: str
    sequences: int
    updates: int
    restarts: int
    seconds: float
    bits: int
    wrong: tuple[int, ...] | None = None
    verdict: Verdict | None = field(default=None, repr=False)
    network: BinaryAdderRNN = field(kw_only=True, repr=False)

    @property
    def reached(self) -> bool:
        """Whether the run came to its goal."""
        return self.status not in ("limit", "diverged")

    def __repr__(self) -> str:
        restarts = f", restarts={self.restarts}" if self.restarts else ""
        wrong = "" if self.wrong is None else f", wrong={self.wrong}"
        return (
            f"TrainingRun({self.status!r}, sequences={self.sequences}, updates={self.updates}"
            f"{restarts}, seconds={self.seconds:.3g}, bits={self.bits}{wrong})"
        )


class Course:
    """A network, its goal, and the data in between. The network's state is the course's own:
    whatever else is here can be lost."""

    def __init__(self, net: BinaryAdderRNN, goal: Goal) -> None:
        self.start = time.perf_counter()
        self.net = net
        self.goal = goal
        self._wrong: NDArray[np.uint8] | None = None
        self._verdict: Verdict | None = None
        self._failed = False
        net.move_on(started(net.state, goal.bits))
        self._begin_phase()

    def _begin_phase(self) -> None:
        """Set what the phase that the state is in trains by."""
        net, self.saturating = self.net, is_saturating(self.goal, self.net.state)
        bits = self.goal.bits
        if self.saturating:
            bits = max(bits, saturation.BITS)
            self.batch_size, self.loss = 1, saturation.LOSS
            self._rule = saturation.optimizer(net.settings.activation)
        else:
            self.batch_size, self.loss = net.settings.batch_size, net.settings.loss
            self._rule = net.settings.update_rule
        self.data = DataStream(net.kernels, net.state, bits, self.batch_size)

    def optimizer(self) -> Optimizer:
        """Return the update rule at the learning rate of this stage."""
        if not self.saturating:
            return self._rule
        rate = self._rule.learning_rate * rate_factor(self.net.state)
        return replace(self._rule, learning_rate=rate)

    def learn(self, at_most: int) -> Report:
        """Train on the next sequences, whole batches and at most so many; say how they went."""
        net, noise, count = self.net, None, min(at_most, self.remaining())
        if self.saturating:
            count = min(count, saturation.most_updates(net.state))
        symbols, targets = self.data.take(count)
        if self.saturating:
            noise = saturation.weight_noise(net.state, len(symbols))
        state, report = advance(
            net.kernels,
            net.state,
            symbols,
            targets,
            loss=self.loss,
            optimizer=self.optimizer(),
            batch_size=self.batch_size,
            words=len(symbols) * self.data.words,
            noise=noise,
        )
        net.move_on(state)
        return report

    def remaining(self) -> int:
        """Return how many sequences, in whole batches, lie before the next look or the end."""
        state, end = self.net.state, self.goal.sequences
        if isinstance(self.goal.until, str):
            end = min(end, state.next_check)
        batches = -(-max(end - state.sequences, 0) // self.batch_size)
        return batches * self.batch_size

    def look(self) -> str | None:
        """Look at the network if that is due: return how the run ends, None while it goes on."""
        state, until = self.net.state, self.goal.until
        at_end = state.sequences >= self.goal.sequences
        if isinstance(until, str) and (at_end or state.sequences >= state.next_check):
            if self._try_goal():
                return until
            if not at_end and is_stuck(self.net.state, self.net.settings.batch_size):
                self._restart()
        if not at_end:
            return None
        return "finished" if isinstance(until, int) else "limit"

    def _try_goal(self) -> bool:
        """See whether the network is as it was to become; if not, set when to look again."""
        state = self.net.state
        exact = self._is_exact()
        if exact and self.goal.until == "exact":
            return True
        if not exact or state.sequences < state.next_proof:
            self.net.move_on(after_check(state, self.batch_size))
            return False
        if self._is_proved():
            return True
        self.net.move_on(after_failed_proof(state))
        if not self.saturating:
            self._begin_phase()
        return False

    def _restart(self) -> None:
        self.net.state = restarted(self.net.state, self.net.settings.batch_size)
        self._wrong = None
        self._begin_phase()

    def end(self, status: str) -> TrainingRun:
        """Return what came of it."""
        state = self.net.state
        if status != "diverged":
            state = replace(state, status=status, start=None)
            self.net.move_on(state)
        if status == "limit" and self._failed:
            from binadd.proof import prove

            self._verdict = prove(self.net, effort="quick")
        return TrainingRun(
            status,
            state.sequences,
            state.updates,
            state.restarts,
            time.perf_counter() - self.start,
            self.goal.bits,
            self._wrong_operands(),
            self._verdict,
            network=self.net,
        )

    def _is_exact(self) -> bool:
        """Whether every sum is right; what was wrong the last time is looked at first."""
        state = self.net.state
        architecture, kernels = state.architecture, self.net.kernels
        if self._wrong is not None:
            said = kernels.bits(architecture, state.block, self._wrong)
            sums = kernels.exact_sums(self._wrong, architecture.operands)
            if said[0, -1] != sums[0, -1]:
                return False
        bits = self.goal.checked_bits(architecture.operands)
        error = kernels.first_error(architecture, state.block, bits)
        self._wrong = None if error is None else np.array([error[1]], np.uint8)
        return error is None

    def _is_proved(self) -> bool:
        """Whether a proof succeeds; its verdict is kept."""
        from binadd.proof import attempt  # no run but one until "proved" need load it

        effort = proof_effort(self.net.state)
        bits = self.goal.checked_bits(self.net.state.architecture.operands)
        self._verdict = attempt(self.net, effort, known_exact_bits=bits)
        self._failed = self._verdict is None
        return getattr(self._verdict, "status", None) == "proved"

    def _wrong_operands(self) -> tuple[int, ...] | None:
        if self._wrong is None:
            return None
        bits = unpack_symbols(self._wrong[0], self.net.settings.operands)
        return tuple(integer_of(operand) for operand in bits.T)
