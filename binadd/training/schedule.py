"""When training stops, and what it does until then: goal, phases, checks, proofs, learning rate.

All of it is counted in sequences, never in seconds, so that a run is the same run however fast
the machine is and however often it was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from binadd.checks import check_integer, shorten
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.kernels.contract import MAX_EXHAUSTIVE_BITS
from binadd.recipes import bits_by_shape
from binadd.state import State, initial_state
from binadd.training import saturation

__all__ = [
    "Goal",
    "after_check",
    "after_failed_proof",
    "check_goal",
    "is_saturating",
    "is_stuck",
    "proof_effort",
    "rate_factor",
    "restarted",
    "started",
]

MAX_BITS = 2**20
MAX_COUNT = 2**62

UNTIL = ("proved", "exact")

SHORT_WORDS = 16
"""A proof is tried once all words of this many bits in all (2 operands: 8 bits each) are right."""

CHECK_UPDATES = 128
"""Updates between two checks, or a sixteenth of the sequences since the start, if that is more."""

FIRST_CHECK = 320
"""Updates of a new network before its second check, after the one at the start: hardly any is right
before."""

PATIENCE = 16_384
"""Updates after which a network is restarted, or a quarter of all sequences before they began,
whichever is more: most networks that have not come to their goal by then never would."""

FAILURES_PER_HALVING = 32
MAX_HALVINGS = 4
"""After every 32 failed proofs, 16,000 sequences or more, the learning rate is halved, down to a
sixteenth."""

QUICK_PROOFS = 3
"""Between two attempts of medium effort."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run is for: it trains on operands of `bits` bits until it is reached."""

    bits: int
    until: str | int
    max_sequences: int

    @property
    def sequences(self) -> int:
        """The count of sequences that ends the run at the latest."""
        return self.until if isinstance(self.until, int) else self.max_sequences

    def checked_bits(self, operands: int) -> int:
        """Return the length of the operands whose every sum is checked."""
        return self.bits if self.until == "exact" else min(self.bits, SHORT_WORDS // operands)


def check_goal(operands: int, bits: object, until: object, max_sequences: object) -> Goal:
    """Return the goal that these arguments of `train` mean; bits None: decided by the shape.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If one is of the wrong type or not allowed.
    """
    longest = MAX_EXHAUSTIVE_BITS // operands
    if bits is None:
        bits = bits_by_shape(operands)
        if until == "exact":
            bits = min(bits, longest)
    length = check_integer("bits", bits, 1, MAX_BITS)
    limit = check_integer("max_sequences", max_sequences, 0, MAX_COUNT)
    choice = _check_until(until)
    if choice == "exact" and length > longest:
        raise InvalidInputError(
            f"every sum of {operands} operands can be checked up to {longest} bits, not {length}; "
            "train until 'proved' or for a number of sequences"
        )
    return Goal(length, choice, limit)


def _check_until(until: object) -> str | int:
    sentence = f"until must be 'proved', 'exact' or a number of sequences, not {shorten(until)}"
    if isinstance(until, str):
        if until not in UNTIL:
            raise InvalidInputError(sentence)
        return str(until)
    if not hasattr(until, "__index__"):
        raise InvalidTypeError(sentence)
    return check_integer("until", until, 0, MAX_COUNT)


def started(state: State, bits: int) -> State:
    """Return the state as a call of `train` takes it up: one that was interrupted goes on."""
    return replace(state, bits=bits, start=state.sequences if state.start is None else state.start)


def is_stuck(state: State, batch_size: int) -> bool:
    """Whether training has been without success for so long that it had better start again."""
    return _since_start(state) >= max(PATIENCE * batch_size, (state.start or 0) // 4)


def restarted(state: State, batch_size: int) -> State:
    """Return the state with the next weights of its seed; data and counts go on."""
    fresh = replace(
        initial_state(state.architecture, state.seed, state.restarts + 1),
        sequences=state.sequences,
        updates=state.updates,
        position=state.position,
        start=state.sequences,
        bits=state.bits,
    )
    return after_check(fresh, batch_size)


def is_saturating(goal: Goal, state: State) -> bool:
    """Whether training is in its last phase, `binadd.training.saturation`: from the first proof
    that failed until one succeeds."""
    return goal.until == "proved" and state.failed_proofs > 0


def after_check(state: State, batch_size: int) -> State:
    """Return the state after a check that found a wrong sum."""
    return replace(state, next_check=state.sequences + _interval(state, batch_size))


def after_failed_proof(state: State) -> State:
    """Return the state after a network that is right on short words could not be proved."""
    wait = max(saturation.UPDATES, _since_start(state) // 16)
    return replace(
        state,
        next_check=state.sequences + wait,
        next_proof=state.sequences + wait,
        failed_proofs=state.failed_proofs + 1,
    )


def proof_effort(state: State) -> str:
    """Return how hard the next proof tries: mostly little, since a few sequences more help most.

    Each fourth attempt takes about a tenth of a second, where the others take milliseconds.
    """
    return "medium" if state.failed_proofs % (QUICK_PROOFS + 1) == QUICK_PROOFS else "quick"


def rate_factor(state: State) -> float:
    """Return what the learning rate is to be multiplied by: a power of ½, hence exact."""
    return 0.5 ** min(state.failed_proofs // FAILURES_PER_HALVING, MAX_HALVINGS)


def _interval(state: State, batch_size: int) -> int:
    """Return the sequences until the next check."""
    first = FIRST_CHECK * batch_size - state.sequences
    return max(CHECK_UPDATES * batch_size, first, _since_start(state) // 16)


def _since_start(state: State) -> int:
    return state.sequences - (state.start or 0)
