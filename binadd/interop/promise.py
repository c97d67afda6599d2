"""What is known of a network as it is exported: proved, refuted or undecided.

The weights are rounded to the export's dtype first, since these are what the file holds. The
verdict is of binadd's arithmetic on them; another runtime rounds its sums and its σ differently.
"""

from __future__ import annotations

from dataclasses import dataclass

from binadd.checks import shorten
from binadd.errors import ExportError
from binadd.interop.rounding import rounded
from binadd.model import BinaryAdderRNN
from binadd.proof import Proved, Refuted, Verdict, prove
from binadd.proof.certificate import weights_digest

__all__ = ["Promise", "promise"]


@dataclass(frozen=True)
class Promise:
    """A network as exported, and the verdict on it."""

    network: BinaryAdderRNN
    """With its weights rounded to the export's dtype."""
    verdict: Verdict
    digest: str
    """`weights_digest` of `network`, as in a certificate of it."""

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
    def _reason(self) -> str:
        arithmetic = f"in binadd's {self.network.settings.dtype} arithmetic"
        if isinstance(self.verdict, Proved):
            return f"it {self.network.settings.form.verb} all numbers of every length {arithmetic}"
        if isinstance(self.verdict, Refuted):
            return f"it outputs {shorten(self.verdict.got)} for {self.verdict.sum} {arithmetic}"
        return f"there is neither a proof nor a wrong sum {arithmetic}"

    @property
    def metadata(self) -> dict[str, str]:
        """Return a file's metadata, for any format that has them."""
        return {
            "binadd.verdict": self.status,
            "binadd.arithmetic": self.network.settings.dtype,
            "binadd.digest": self.digest,
        }


def promise(
    net: BinaryAdderRNN, dtype: str | None = None, *, effort: str = "medium", force: bool = False
) -> Promise:
    """Round a network's weights and decide whether it is right with these.

    Parameters
    ----------
    net : BinaryAdderRNN
    dtype : {"float32", "float64"}, optional
        By default the network's own.
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
    found = Promise(network, prove(network, effort=effort), weights_digest(network))
    if isinstance(found.verdict, Refuted) and not force:
        raise ExportError(
            f"not exported, for this network is {found.sentence}; force=True does it"
        )
    return found
