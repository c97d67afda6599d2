"""Reports of a run: its progress, its outcome, and advice if it failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from binadd.model import BinaryAdderRNN
from binadd.settings import Settings, recipe_values

if TYPE_CHECKING:
    from binadd.proof import Verdict

__all__ = ["Progress", "TrainingRun"]

TOO_FEW_UNITS = {
    1: "by none of 50 networks",
    2: "by 34 of 50 networks, each within 1,000,000 sequences",
}
"""How often, with so few hidden units, sums of two operands were learnt; with three, by all 50."""

MANY_TANH_UNITS = 64
"""So many are saturated by initial weights in [−1, 1), before anything is learnt."""

FAR = 10.0
"""A learning rate that differs from the recipe's by this factor is the first suspect."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: `train` passes it to `progress` after every slice.

    Attributes
    ----------
    sequences, updates : int
        All that the network has been trained on so far.
    seconds : float
        Since the run began.
    bits : int
        Length of the operands of the slice, which is longer in the last phase.
    loss : float
        Mean over the slice's updates; summed over the bits of a sequence.
    bit_accuracy : float
        Share of the slice's bits that were right before their update.
    learning_rate : float
    restarts : int
        Restarts with other weights of the seed.
    failed_proofs : int
        Attempts that failed since the last restart.
    noise : float
        Amplitude of the noise on the weights, above 0 in the last phase: `binadd.training.noise`.
    """

    sequences: int
    updates: int
    seconds: float
    bits: int
    loss: float
    bit_accuracy: float
    learning_rate: float
    restarts: int
    failed_proofs: int
    noise: float

    def __str__(self) -> str:
        return (
            f"{self.sequences:,} sequences, loss {self.loss:.3g}, "
            f"{self.bit_accuracy:.2%} of bits right"
        )


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The outcome of a run.

    Attributes
    ----------
    status : {"proved", "exact", "finished", "limit", "stuck", "diverged"}
        Proved correct for all lengths; right on every sum of `bits`-bit operands; trained on the
        requested number of sequences; stopped at `max_sequences` short of its goal; stopped after
        long training without success, with weights that are not the seed's and so are kept; or,
        only in a sweep, stopped because a weight became infinite or NaN, where `train` raises.
    sequences, updates : int
        All that the network has been trained on, earlier runs and restarts included.
    restarts : int
        All restarts with other weights of the seed.
    seconds : float
        Duration of this run.
    bits : int
        Length of the operands it was trained on.
    wrong : tuple of int or None
        Operands of the first wrong sum at the end, if the last evaluation met one.
    verdict : Proved, Refuted, Undecided or None
        Result of the last attempt at a proof.
    failed_proofs : int
        Attempts that failed since the last restart.
    bit_accuracy : float
        Share of right bits at the end, on the 1,024 sums that training would draw next.
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
    failed_proofs: int = field(default=0, repr=False)
    bit_accuracy: float = field(default=float("nan"), repr=False)
    network: BinaryAdderRNN = field(kw_only=True, repr=False)

    @property
    def reached(self) -> bool:
        """Whether the run came to its goal."""
        return self.status in ("proved", "exact", "finished")

    @property
    def advice(self) -> str | None:
        """A sentence on what to try if the run did not reach its goal."""
        if self.reached:
            return None
        return _advice(self.status, self.network.settings, self.wrong is None)

    def __repr__(self) -> str:
        restarts = f", restarts={self.restarts}" if self.restarts else ""
        wrong = "" if self.wrong is None else f", wrong={self.wrong}"
        return (
            f"TrainingRun({self.status!r}, sequences={self.sequences}, updates={self.updates}"
            f"{restarts}, seconds={self.seconds:.3g}, bits={self.bits}{wrong})"
        )


def _advice(status: str, settings: Settings, is_exact: bool) -> str:
    """Return one sentence about a run that ended with this status.

    `is_exact`: whether every short sum was right at the end, so that only a proof was missing.

    Examples
    --------
    >>> from binadd import BinaryAdderRNN
    >>> _advice("limit", BinaryAdderRNN(hidden_size=1).settings, is_exact=False)
    'with 1 hidden unit, sums were learnt by none of 50 networks: take 3 units or more'
    """
    recipe = recipe_values(
        settings.recipe, settings.hidden_size, settings.form.carries, settings.activation
    )
    rate, usual = settings.learning_rate, recipe["learning_rate"]
    if status == "diverged" or rate > FAR * usual:
        return f"a learning rate lower than {rate:g} may help: the recipe has {usual:g}"
    if rate < usual / FAR:
        return f"a learning rate higher than {rate:g} may help: the recipe has {usual:g}"
    if settings.coefficients == (1, 1) and settings.hidden_size in TOO_FEW_UNITS:
        units = "unit" if settings.hidden_size == 1 else "units"
        return (
            f"with {settings.hidden_size} hidden {units}, sums were learnt "
            f"{TOO_FEW_UNITS[settings.hidden_size]}: take 3 units or more"
        )
    if status == "stuck":
        return (
            "these weights are not the seed's and were kept: restart=True replaces them with the "
            "seed's own"
        )
    if is_exact:
        return "short sums are right, only a proof is missing: a higher max_sequences may bring it"
    if settings.activation == "tanh" and settings.hidden_size >= MANY_TANH_UNITS:
        return (
            f"with tanh and {MANY_TANH_UNITS} hidden units or more, none of 12 networks was "
            "proved within 20,000 sequences: take fewer units, or sigmoid"
        )
    return "a higher max_sequences, another seed or more hidden units may help"
