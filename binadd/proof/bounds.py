"""A network in float64, and by how much its computed steps, and bounds of them, may be off.

Two things are rounded outwards wherever sets of states are stepped, as docs/proof.md derives:

- what the network rounds, or another runtime: `step_error` and `logit_error` bound the difference,
  in any unit, of a computed step from the exact one;
- what the bounds themselves round, in float64: a sum of m terms, in its written order, by at most
  m·2⁻⁵²·Σ|terms|, σ and tanh by the kernels' contract.

Sums of magnitudes are taken in their order, so that they are the same on every machine; what they
round is far below the factors that are taken for it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np

from binadd.kernels.contract import Errors, Reals, lanes
from binadd.model import BinaryAdderRNN

__all__ = ["ACTIVATION_ERROR", "RUNTIMES", "SLACK", "Bounds"]

RUNTIMES = ("float32", "float64")
"""Arithmetics of which any evaluation of a step can be assumed, in any order of sums."""

ACTIVATION_ERROR = {"float64": 2.0**-50, "float32": 2.0**-21}
"""|computed f − f|: 8 units of 2⁻⁵³ or 2⁻²⁴, as far apart as numbers just below 1.

The kernels promise a quarter of it; of the other runtimes that were measured, none needs more than
5.5 units.
"""
SLACK = 2.0**-16
"""Room in a set beyond what it must hold: more than bounds and the checker's integers round."""
_ROUNDING = {"float64": 2.0**-53, "float32": 2.0**-24}
"""u: by how much one operation is off at most, relatively."""
_LEAST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126}
_SLOPE = {"sigmoid": 0.25, "tanh": 1.0}
"""f′ at its greatest."""
_UNIT = 2.0**-52
"""Twice the relative error of one float64 operation: room for second-order terms."""
_LARGEST = 2.0**27
"""With larger sums of weights nothing is proved: the checker's integers might overflow."""
_FRAME_ERROR = 2.0**-30
"""|I − UV|·|x − o| in any unit, and what o + Uy rounds: elements of I − UV are below 2⁻⁴⁰, there
are at most 64 in a row, and |x − o| < 4."""


class Bounds:
    """A network prepared for stepping sets of its states, with the errors to allow for.

    Attributes
    ----------
    architecture, block
        Those of the same network in float64.
    step_error, logit_error : float
        Bounds of the difference of a computed hidden state and logit from the exact ones, as
        assumed: never below those of the network's own arithmetic.
    finite : bool
        Whether the weights are small enough for anything to be proved.
    errors : Errors
        The error bounds that `propagate` takes.
    """

    def __init__(
        self,
        net: BinaryAdderRNN,
        step_error: float | str = 0.0,
        logit_error: float | None = None,
    ) -> None:
        """Assume the errors of the network's own arithmetic, or larger ones, as `prove` does."""
        self.kernels, self.network = net.kernels, net.state.architecture
        self.size, self.operands = self.network.hidden_size, self.network.operands
        self.form = self.network.form
        self.architecture = self.network
        if self.network.dtype != "float64":
            self.architecture = replace(self.network, dtype="float64")
        self.block = np.zeros(self.architecture.block_shape)
        self.block[:, : self.size] = net.state.block[:, : self.size]
        magnitudes = np.abs(self.block)
        self.finite = bool(magnitudes.max() < _LARGEST)  # false of NaN, too
        if self.finite:
            self._bound_loads(magnitudes)
            self.step_error, self.logit_error = self._own_errors()
            if isinstance(step_error, str):
                step_error, logit_error = self._runtime_errors(step_error)
            self._assume(step_error, step_error if logit_error is None else logit_error)

    def assuming(self, error: float) -> Bounds:
        """Return the same with steps and logits off by as much as `error`, or as much as here."""
        other = copy(self)
        other._assume(error, error)
        return other

    def _bound_loads(self, magnitudes: Reals) -> None:
        """Add up the magnitudes of all terms of pre-activations and of the logit."""
        size, n = self.size, self.operands
        self._hidden = np.add.accumulate(magnitudes[n : n + size, :size])[-1]
        inputs = np.add.accumulate(magnitudes[:n, :size])[-1]
        self._load = self._hidden + (inputs + magnitudes[n + size, :size])
        self._heaviest = float(self._load.max())
        self._output = float(np.add.accumulate(magnitudes[-2, :size])[-1] + magnitudes[-1, 0])
        self.finite = max(self._heaviest, self._output) < _LARGEST
        self._slope = _SLOPE[self.network.activation]

    def _own_errors(self) -> tuple[float, float]:
        """Bound the errors of a step: γ = mu/(1 − mu) ≤ 2mu for terms rounded at most m times.

        A product Wh is rounded 1 + (⌈H/lanes⌉ − 1) + log₂ lanes + 1 times: once itself, then in
        the strided sum, in the halving sum, and when u is added. The bias is rounded once for each
        operand and once more.
        """
        size, dtype = self.size, self.network.dtype
        width = lanes(dtype)
        m = max(-(-size // width) + width.bit_length(), self.operands + 1)
        gamma, tiny = m * 2 * _ROUNDING[dtype], 1e-16 + size * _LEAST_NORMAL[dtype]
        step = self._slope * (gamma * self._heaviest + tiny) + ACTIVATION_ERROR[dtype]
        return 1.001 * step, 1.001 * (gamma * self._output + tiny)

    def _runtime_errors(self, dtype: str) -> tuple[float, float]:
        """Bound the errors of a step in another runtime, by the theorem in docs/proof.md.

        A term is rounded H + n + 4 times at most: its weight, its product, or twice the bias of a
        form with tanh units, then in H + n + 1 additions. States are within ±(1 + δ).
        """
        m, unit = self.size + self.operands + 4, _ROUNDING[dtype]
        gamma, reach = m * unit / (1 - m * unit), 1 + ACTIVATION_ERROR[dtype]
        tiny = 2.0**-60
        step = self._slope * (gamma * reach * self._heaviest + tiny) + ACTIVATION_ERROR[dtype]
        return 1.001 * step, 1.001 * (gamma * reach * self._output + tiny)

    def _assume(self, step_error: float, logit_error: float) -> None:
        """Take these errors where they are larger, and what bounds themselves round."""
        size, n, load, output = self.size, self.operands, self._load, self._output
        self.step_error = max(self.step_error, step_error)
        self.logit_error = max(self.logit_error, logit_error)
        unit, generator = np.zeros((2, self.architecture.block_shape[1]))
        unit[:size] = 4 * (size + n + 16) * _UNIT * load + 1e-300
        unit[:size] += _FRAME_ERROR * self._hidden
        generator[:size] = 8 * _UNIT * self._hidden
        # The last term is for the checker: it rounds weights and states more coarsely.
        logit = self.logit_error + 4 * (size + 16) * _UNIT * output + 2.0**-20 * output
        self.errors = Errors(self.step_error, logit, unit, generator)
