"""An Elman network of another program: made binadd's, and compared with that program's own.

The equations are the same everywhere,

    aₜ = Wᵢxₜ + Wₕhₜ₋₁ + bₕ      hₜ = f(aₜ)      ŷₜ = σ(Wₒhₜ + bₒ)      h₋₁ = 0

and what differs is how the matrices lie, how many biases there are, and what everything is called.
docs/interop.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.errors import DisagreementError, InvalidInputError
from binadd.interop.arrays import real_array, vector
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN

__all__ = ["ONLY", "Outputs", "Textbook", "agree", "elman", "refuse"]

ONLY = "binadd takes one layer of tanh or sigmoid units, in one direction, and one output unit"
"""The end of every refusal."""

Outputs = Callable[[NDArray[np.float32]], Any]
"""From bits (N, T, n) to what another program computes: probabilities or logits (N, T)."""

_TOLERANCE = {"float32": 2e-3, "float64": 1e-6}
"""By how much probabilities may differ: roundings grow from step to step in some networks, whereas
a matrix mistaken for its transpose moves some of so many probabilities by far more."""


def refuse(what: str) -> InvalidInputError:
    """Return the exception for a network that is none of binadd's, to be raised.

    Names from a file are in its sentence, so it is cut, and without what controls a terminal.
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in what[:300])
    return InvalidInputError(f"{shown}{'…' * (len(what) > 300)}: {ONLY}")


@ieee_mode()
def elman(
    *,
    input_weights: Any,
    hidden_weights: Any,
    output_weights: Any,
    hidden_biases: Sequence[Any] = (),
    output_bias: Any = None,
    activation: str,
    backend: str,
) -> BinaryAdderRNN:
    """Make a network from W: (H, n), (H, H) as in Wₕ @ h, and (H,), (1, H) or (H, 1).

    Several hidden biases are added up from left to right, in their own dtype. Where only one of
    both layers has a bias, that of the other is 0.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If shapes do not agree, or numbers are not real or not finite.
    """
    if activation not in ("sigmoid", "tanh"):
        raise refuse(f"expected units with tanh or sigmoid, found {activation}")
    matrix = real_array("hidden_weights", hidden_weights)
    parameters = {
        "input_weights": real_array("input_weights", input_weights),
        "hidden_weights": matrix,
        "output_weights": vector("output_weights", output_weights),
    }
    outputs = parameters["output_weights"]
    if outputs.shape != matrix.shape[:1]:
        raise refuse(f"expected output weights of shape {matrix.shape[:1]}, found {outputs.shape}")
    biases = [vector("hidden_bias", bias) for bias in hidden_biases if bias is not None]
    if biases or output_bias is not None:
        hidden_bias = np.zeros(len(matrix), matrix.dtype) if not biases else biases[0]
        for bias in biases[1:]:
            hidden_bias = hidden_bias + bias
        last = vector(
            "output_bias", np.zeros(1, np.float32) if output_bias is None else output_bias
        )
        if last.size != 1:
            raise refuse(f"expected one output bias, found {last.size}")
        parameters |= {"hidden_bias": hidden_bias, "output_bias": last.reshape(())}
    return BinaryAdderRNN.from_parameters(parameters, activation, backend=backend)


@ieee_mode()
def agree(
    net: BinaryAdderRNN, source: str, theirs: Outputs, sequences: int = 64, steps: int = 12
) -> None:
    """Compare a network with what it was made from, on random bits (sequences, steps, n).

    Raises
    ------
    DisagreementError
        If neither probabilities nor logits agree but for roundings.
    """
    shape = (sequences, steps, net.settings.operands)
    X = np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)
    mine = net.predict_proba(X).astype(np.float64)
    found = real_array(f"the outputs of {source}", theirs(X)).astype(np.float64)
    if found.size != mine.size:
        raise refuse(f"{source} has outputs of shape {found.shape} for bits of shape {shape}")
    found = found.reshape(mine.shape)
    difference = min(float(np.abs(each - mine).max()) for each in (found, _sigmoid(found)))
    if not difference <= _TOLERANCE[net.settings.dtype]:
        raise DisagreementError(
            f"{source} computes probabilities that differ from binadd's by {difference:.2g}, so "
            "it does more than these layers; check=False imports the layers as they are"
        )


def _sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        probabilities: NDArray[Any] = 1 / (1 + np.exp(-a))
    return probabilities


_FUNCTIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
}


@dataclass(frozen=True)
class Textbook:
    """A framework's equations in NumPy's float64, to compare with where there is no framework.

    `drive` gives Wᵢxₜ plus all hidden biases, from bits (N, n); `recur` gives Wₕhₜ₋₁ from (N, H);
    `read` gives oₜ from (N, H): each as the framework writes it, with its arrays as they lie.
    """

    hidden_size: int
    activation: str
    drive: Callable[[NDArray[Any]], NDArray[Any]]
    recur: Callable[[NDArray[Any]], NDArray[Any]]
    read: Callable[[NDArray[Any]], NDArray[Any]]

    def __call__(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return the logits (N, T) of bits (N, T, n)."""
        count, steps, _ = X.shape
        h = np.zeros((count, self.hidden_size))
        logits = np.empty((count, steps))
        for t in range(steps):
            h = _FUNCTIONS[self.activation](self.drive(X[:, t]) + self.recur(h))
            logits[:, t] = self.read(h).reshape(count)
        return logits
