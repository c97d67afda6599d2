"""A network in float64, and by how much its computed steps, and bounds of them, may be off.

Two things are rounded outwards wherever sets of states are stepped, as docs/proof.md derives:

- what the network rounds: `step_error` and `logit_error` bound the difference, in any unit, of a
  computed step from the exact one;
- what the bounds themselves round, in float64: a sum of m terms, in its written order, by at most
  m·2⁻⁵²·Σ|terms|, σ and tanh by the kernels' contract.

Sums of magnitudes are taken in their order, so that they are the same on every machine; what they
round is far below the factors that are taken for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from binadd.kernels.contract import Errors, lanes
from binadd.model import BinaryAdderRNN

__all__ = ["ACTIVATION_ERROR", "SLACK", "Bounds"]

ACTIVATION_ERROR = {"float64": 2.0**-50, "float32": 2.0**-21}
"""|computed f − f|, four times what the kernels promise: 2 ulp of a value of at most 1."""
SLACK = 2.0**-16
"""Room in a set beyond what it must hold: more than bounds and the checker's integers round."""
_UNIT = 2.0**-52
"""Twice the relative error of one float64 operation: room for second-order terms."""
_LARGEST = 2.0**27
"""With larger sums of weights nothing is proved: the checker's integers might overflow."""
_FRAME_ERROR = 2.0**-30
"""|I − VᵀV|·|x − o|, where V is orthonormal within 2⁻⁴⁰."""


class Bounds:
    """A network as sets of its states are stepped.

    Attributes
    ----------
    architecture, block
        Those of the same network in float64.
    step_error, logit_error : float
        Bounds of the difference of a computed hidden state and logit from the exact ones.
    finite : bool
        Whether the weights are small enough for anything to be proved.
    errors : Errors
        The error bounds that `propagate` takes.
    """

    def __init__(self, net: BinaryAdderRNN) -> None:
        self.kernels, self.network = net.kernels, net.state.architecture
        self.size, self.operands = self.network.hidden_size, self.network.operands
        self.form = self.network.form
        self.architecture = self.network
        if self.network.dtype != "float64":
            self.architecture = replace(self.network, dtype="float64")
        self.block = np.zeros(self.architecture.block_shape)
        self.block[:, : self.size] = net.state.block[:, : self.size]
        self.finite = bool(np.abs(self.block).max() < _LARGEST)  # false of NaN, too
        if self.finite:
            self._bound_errors()

    def _bound_errors(self) -> None:
        """Bound the errors of a step: γ = mu/(1 − mu) ≤ 2mu for terms rounded at most m times.

        A product Wh is rounded 1 + (⌈H/lanes⌉ − 1) + log₂ lanes + 1 times: once itself, then in
        the strided sum, in the halving sum, and when u is added. The bias is rounded once for each
        operand and once more.
        """
        size, n, dtype = self.size, self.operands, self.network.dtype
        magnitudes = np.abs(self.block)
        hidden = np.add.accumulate(magnitudes[n : n + size, :size])[-1]
        load = hidden + np.add.accumulate(magnitudes[[*range(n), n + size], :size])[-1]
        output = float(np.add.accumulate(magnitudes[-2, :size])[-1] + magnitudes[-1, 0])
        heaviest = float(load.max())
        self.finite = max(heaviest, output) < _LARGEST
        width = lanes(dtype)
        m = max(-(-size // width) + width.bit_length(), n + 1)
        gamma = m * float(np.finfo(dtype).eps)
        tiny = 1e-16 + size * float(np.finfo(dtype).tiny)
        slope = 1.0 if self.network.activation == "tanh" else 0.25
        self.step_error = 1.001 * (slope * (gamma * heaviest + tiny) + ACTIVATION_ERROR[dtype])
        self.logit_error = 1.001 * (gamma * output + tiny)
        unit, generator = np.zeros((2, self.architecture.block_shape[1]))
        unit[:size] = 4 * (size + n + 16) * _UNIT * load + 1e-300
        unit[:size] += _FRAME_ERROR * hidden
        generator[:size] = 8 * _UNIT * hidden
        # The last term is for the checker: it rounds weights and states more coarsely.
        logit = self.logit_error + 4 * (size + 16) * _UNIT * output + 2.0**-20 * output
        self.errors = Errors(self.step_error, logit, unit, generator)
