"""A network with sigmoid units as one with tanh units.

With σ(a) = (1 + tanh(a/2))/2 and g = 2h − 1, which is −1 at first:

    gₜ = tanh(Wᵢxₜ/2 + Wₕgₜ₋₁/4 + (bₕ/2 + Wₕ1/4))      oₜ = Wₒgₜ/2 + (bₒ + Wₒ1/2)

Many runtimes have recurrent layers of tanh units alone; some compute tanh even if a file names
another function. All weights are divided by powers of 2, which is exact. Biases are added up
exactly, then rounded to float64 and to `dtype`, as the theorem of docs/proof.md assumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.interop.rounding import rounded_parameters
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN

__all__ = ["TanhForm", "tanh_form"]


@dataclass(frozen=True)
class TanhForm:
    """The parameters of a network with tanh units, of binadd's shapes, biases always."""

    input_weights: NDArray[Any]
    hidden_weights: NDArray[Any]
    hidden_bias: NDArray[Any]
    output_weights: NDArray[Any]
    output_bias: NDArray[Any]
    start: float
    """Every number of h₋₁: 0, or −1 for what had sigmoid units."""


@ieee_mode()
def tanh_form(net: BinaryAdderRNN, dtype: str) -> TanhForm:
    """Return a network as one of tanh units, in `dtype`; one that has these is left as it is.

    Examples
    --------
    >>> net = BinaryAdderRNN(4, seed=1)
    >>> form = tanh_form(net, "float64")
    >>> g = np.tanh(form.input_weights @ [1, 0] - form.hidden_weights.sum(1) + form.hidden_bias)
    >>> o = g @ form.output_weights + form.output_bias
    >>> bool(abs(o - net.decision_function([[[1, 0]]])) < 1e-12)
    True
    """
    parameters = rounded_parameters(net, dtype)
    real = np.dtype(dtype).type
    wi, wh, wo = (parameters[f"{name}_weights"] for name in ("input", "hidden", "output"))
    bh, bo = parameters["hidden_bias"], parameters["output_bias"]
    if net.settings.activation == "tanh":
        return TanhForm(wi, wh, bh, wo, bo, 0.0)
    terms = np.column_stack([bh.astype(np.float64) / 2, wh.astype(np.float64) / 4])
    output_terms = np.append(bo.astype(np.float64), wo.astype(np.float64) / 2)
    return TanhForm(
        wi / real(2),
        wh / real(4),
        np.array([fsum(row) for row in terms]).astype(real),
        wo / real(2),
        np.asarray(fsum(output_terms), real),
        -1.0,
    )
