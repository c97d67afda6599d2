"""What is known of a network as it is exported: proved, refuted or undecided.

The weights are rounded to the export's dtype first, since these are what the file holds. The
verdict is of the arithmetic that computes with them: any evaluation in their dtype, since every
runtime rounds its sums and its σ differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from binadd.checks import shorten
from binadd.errors import ExportError
from binadd.interop.rounding import rounded
from binadd.model import BinaryAdderRNN
from binadd.proof import Proved, Refuted, Verdict, prove
from binadd.proof.certificate import weights_digest

__all__ = ["Demands", "Promise", "promise"]


class Demands(TypedDict, total=False):
    """The keyword arguments of `promise`, which every export takes, too."""

    step_error: float | str | None
    tolerance: bool
    effort: str
    force: bool


@dataclass(frozen=True)
class Promise:
    """A network as exported, and the verdict on it."""

    network: BinaryAdderRNN
    """With its weights rounded to the export's dtype."""
    verdict: Verdict
    digest: str
    """`weights_digest` of `network`, as in a certificate of it."""
    step_error: float | str
    """What was assumed; see `binadd.prove`."""

    @property
    def status(self) -> str:
        """Return "proved", "refuted" or "undecided"."""
        return self.verdict.status

    @property
    def sentence(self) -> str:
        """Return the verdict in a sentence.

        Examples
        --------
        >>> promise(BinaryAdderRNN(), force=True).sentence.startswith("refuted: it outputs ")
        True
        """
        return f"{self.status}: {self._reason}"

    @property
    def arithmetic(self) -> str:
        """Return which arithmetic the verdict is about, in words.

        Examples
        --------
        >>> promise(BinaryAdderRNN(), "float32", force=True).arithmetic
        'any float32 arithmetic'
        """
        if isinstance(self.step_error, str):
            return f"any {self.step_error} arithmetic"
        if self.step_error > 0:
            return f"any arithmetic with step errors up to {self.step_error:.3g}"
        return self._own_arithmetic

    @property
    def _own_arithmetic(self) -> str:
        return f"binadd's {self.network.settings.dtype} arithmetic"

    @property
    def _reason(self) -> str:
        verdict = self.verdict
        if isinstance(verdict, Refuted):
            wrong = f"it outputs {shorten(verdict.got)} for {verdict.sum}"
            return f"{wrong} in {self._own_arithmetic}"
        if not isinstance(verdict, Proved):
            return f"there is neither a proof nor a wrong sum in {self.arithmetic}"
        verb = self.network.settings.form.verb
        reason = f"it {verb} all numbers of every length in {self.arithmetic}"
        if self.step_error == 0 and verdict.tolerance is None:
            return reason
        errors = f"states may be off by {verdict.step_error:.3g} after a step"
        return f"{reason}; {errors}, logits by {verdict.logit_error:.3g}"

    @property
    def metadata(self) -> dict[str, str]:
        """Return a file's metadata, for any format that has them."""
        entries: dict[str, object] = {"verdict": self.status, "arithmetic": self.arithmetic}
        if isinstance(self.verdict, Proved):
            entries["step_error"] = self.verdict.step_error
            entries["logit_error"] = self.verdict.logit_error
            if self.verdict.tolerance is not None:
                entries["tolerance"] = self.verdict.tolerance
        entries["digest"] = self.digest
        return {f"binadd.{name}": str(value) for name, value in entries.items()}


def promise(
    net: BinaryAdderRNN,
    dtype: str | None = None,
    *,
    step_error: float | str | None = None,
    tolerance: bool = False,
    effort: str = "medium",
    force: bool = False,
) -> Promise:
    """Round a network's weights and decide whether it is right with these.

    Parameters
    ----------
    net : BinaryAdderRNN
    dtype : {"float32", "float64"}, optional
        By default the network's own.
    step_error : float or {"float32", "float64"}, optional
        What is assumed of the program that computes with these weights: see `binadd.prove`. By
        default any evaluation in `dtype`.
    tolerance : bool
    effort : {"quick", "medium", "thorough"}
        See `binadd.prove`.
    force : bool
        Take a refuted network, too.

    Raises
    ------
    ExportError
        If the network is refuted, unless forced.
    InvalidTypeError, InvalidInputError
        If `net` is not a network, a weight is not finite in this dtype, or no effort is called so.
    """
    network = rounded(net, dtype)
    step_error = network.settings.dtype if step_error is None else step_error
    verdict = prove(network, step_error=step_error, tolerance=tolerance, effort=effort)
    found = Promise(network, verdict, weights_digest(network), step_error)
    if isinstance(found.verdict, Refuted) and not force:
        raise ExportError(
            f"not exported, for this network is {found.sentence}; force=True does it"
        )
    return found
