"""When training stops, and how it goes until then: goal, phases, checks, proofs, restarts.

All of it is counted in sequences, never in seconds, so that a run is the same run however fast
the machine is and however often it was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from binadd.checks import check_flag, check_integer, shorten
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.form import Form
from binadd.kernels.contract import MAX_EXHAUSTIVE_BITS, Optimizer
from binadd.settings import Settings, bits_by_shape
from binadd.training import noise

__all__ = ["MAX_SEQUENCES", "Goal", "Phase", "Schedule", "check_goal", "phase_of"]

MAX_SEQUENCES = 1_000_000
MAX_BITS = 2**20
MAX_COUNT = 2**62

UNTIL = ("proved", "exact")

SHORT_WORDS = 16
"""A proof is tried once all words of this many bits in all (2 operands: 8 bits each) are right."""

CHECK_UPDATES = 128
"""Updates between two checks, or a sixteenth of the sequences since the start, if that is more."""

FIRST_CHECK = 320
"""Updates of a new network before its second check, after the one at the start: hardly any network
is right sooner."""

PATIENCE = 16_384
"""Updates after which a network is restarted, or a quarter of all sequences before they began,
whichever is more: most networks that have not come to their goal by then never would."""

FAILURES_PER_HALVING = 32
MAX_HALVINGS = 4
"""After every 32 failed proofs, 16,000 sequences or more, the learning rate is halved, down to a
sixteenth."""

QUICK_PROOFS = 3
"""Quick attempts between two of medium effort."""


# Goals -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal of a run: it trains on operands of `bits` bits until this is reached."""

    bits: int
    until: str | int
    max_sequences: int
    restart: bool | None = None

    @property
    def sequences(self) -> int:
        """The count of sequences that ends the run at the latest."""
        return self.until if isinstance(self.until, int) else self.max_sequences

    def checked_bits(self, operands: int) -> int:
        """Return the length of the operands whose every sum is checked."""
        return self.bits if self.until == "exact" else min(self.bits, SHORT_WORDS // operands)


def check_goal(
    form: Form,
    bits: object,
    until: object,
    max_sequences: object,
    restart: object = None,
) -> Goal:
    """Return the goal that these arguments of `train` mean; bits None: decided by the shape.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If one is of the wrong type or not allowed.
    """
    operands = len(form.coefficients)
    longest = MAX_EXHAUSTIVE_BITS // operands
    if bits is None:
        bits = bits_by_shape(form.carries)
        if until == "exact":
            bits = min(bits, longest)
    length = check_integer("bits", bits, 1, MAX_BITS)
    limit = check_integer("max_sequences", _whole(max_sequences), 0, MAX_COUNT)
    choice = _check_until(until)
    if choice == "exact" and length > longest:
        raise InvalidInputError(
            f"every sum of {operands} operands can be checked up to {longest} bits, not {length}; "
            "train until 'proved' or for a number of sequences"
        )
    if length == 1 and form.carries > 1 and isinstance(choice, str):
        raise InvalidInputError(
            "bits must be at least 2 to show a carry, not 1; only a number of sequences can be "
            "trained on single bits"
        )
    return Goal(length, choice, limit, None if restart is None else check_flag("restart", restart))


def _check_until(until: object) -> str | int:
    sentence = f"until must be 'proved', 'exact' or a number of sequences, not {shorten(until)}"
    if isinstance(until, str):
        if until not in UNTIL:
            raise InvalidInputError(sentence)
        return str(until)
    until = _whole(until)
    if not hasattr(until, "__index__"):
        raise InvalidTypeError(sentence)
    return check_integer("until", until, 0, MAX_COUNT)


def _whole(count: object) -> object:
    """Return a whole float, such as 1e4, as an integer; leave all else as it is."""
    if isinstance(count, float | np.floating) and float(count).is_integer():
        return int(count)
    return count


# Phases ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phase:
    """The settings of a phase of training."""

    bits: int
    batch_size: int
    loss: str
    optimizer: Optimizer
    noise: float
    """The amplitude of the noise on the weights."""


def phase_of(goal: Goal, settings: Settings, failed_proofs: int) -> Phase:
    """Return the phase of a run: from the first failed proof until one succeeds, that with noise.

    Failed proofs also lower its learning rate.
    """
    if goal.until != "proved" or not failed_proofs:
        return Phase(
            goal.bits, settings.batch_size, settings.loss, settings.kernel_optimizer, noise=0.0
        )
    optimizer = noise.optimizer(settings.activation)
    factor = 0.5 ** min(failed_proofs // FAILURES_PER_HALVING, MAX_HALVINGS)  # hence exact
    return Phase(
        max(goal.bits, noise.BITS),
        1,
        noise.LOSS,
        replace(optimizer, learning_rate=optimizer.learning_rate * factor),
        noise.amplitude(settings.activation, failed_proofs),
    )


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a run is evaluated next; all but `failed_proofs` are counts of sequences."""

    start: int
    """Where the run, or its last restart, began."""
    next_check: int = 0
    """When to see whether every short sum is right."""
    next_proof: int = 0
    """Before this, no further proof is tried."""
    failed_proofs: int = 0
    """Since the start."""

    def after_check(self, sequences: int, batch_size: int) -> Schedule:
        """Return the schedule after a check that found a wrong sum."""
        first = FIRST_CHECK * batch_size - sequences
        wait = max(CHECK_UPDATES * batch_size, first, (sequences - self.start) // 16)
        return replace(self, next_check=sequences + wait)

    def after_failed_proof(self, sequences: int) -> Schedule:
        """Return the schedule after a network right on short sums could not be proved."""
        due = sequences + max(noise.UPDATES, (sequences - self.start) // 16)
        return Schedule(self.start, due, due, self.failed_proofs + 1)

    def is_stuck(self, sequences: int, batch_size: int) -> bool:
        """Whether training has been without success for so long that it had better start again."""
        return sequences - self.start >= max(PATIENCE * batch_size, self.start // 4)

    def restarted(self, sequences: int, batch_size: int) -> Schedule:
        """Return the schedule of a network with new weights."""
        return Schedule(sequences).after_check(sequences, batch_size)

    @property
    def proof_effort(self) -> str:
        """The effort of the next proof: mostly quick, since further training helps most.

        Each fourth attempt takes about a tenth of a second, where the others take milliseconds.
        """
        return "medium" if self.failed_proofs % (QUICK_PROOFS + 1) == QUICK_PROOFS else "quick"
