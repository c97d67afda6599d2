"""Sound sets through one step of the very function that binadd computes, many at once.

A *case* is a set of hidden states {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}: a centre z (H,), g
generators G (H, g) that keep how units depend on each other, and a box s (H,) around them. M cases
are handled together.

Two things are rounded outwards here, and docs/proof.md derives how far:

- what the network rounds: `step_error` and `logit_error` bound the difference, in any unit, of a
  computed step from the exact one;
- what this module itself rounds, in float64: each sum of m terms by at most m·2⁻⁵²·Σ|terms| in
  whatever order it is summed, σ and tanh by the kernels' contract.

So σ and tanh are the kernels' own, never NumPy's.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import lanes
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Reals

__all__ = ["ACTIVATION_ERROR", "Cases", "Enclosure", "Reached"]

Integers: TypeAlias = NDArray[np.int64]

ACTIVATION_ERROR = {"float64": 2.0**-50, "float32": 2.0**-21}
"""|computed f − f|, four times what the kernels promise: 2 ulp of a value of at most 1."""
UNIT = 2.0**-52
"""Of float64, twice the relative error of one operation: room for second-order terms."""
PAD = 2.0**-44
"""Covers sums of some hundred terms that add up to at most 2."""
OVERFLOW = 2.0**64
BOUND = 2.0
"""No state is as far from 0 as this, nor may a set be, else our own sums err by more."""


class Cases(NamedTuple):
    """M sets of hidden states."""

    z: Reals  # (M, H)
    G: Reals  # (M, H, g)
    s: Reals  # (M, H)


class Reached(NamedTuple):
    """The states that M cases can be in after a step with each of X symbols.

    Case m reaches {z + slope·A·e + s·e′} with its own z, slope and s for each symbol: its
    generators slope·A are multiplied out only where needed.
    """

    z: Reals  # (M, X, H)
    slope: Reals  # (M, X, H)
    A: Reals  # (M, H, g)
    s: Reals  # (M, X, H)
    spread: Reals  # (M, X, H): by how much each unit differs from the centre at most

    def cases(self, m: Integers, x: Integers) -> Cases:
        """Of the pairs (m, x), both (K,), as cases."""
        return Cases(self.z[m, x], self.slope[m, x][:, :, None] * self.A[m], self.s[m, x])


class Enclosure:
    """A network's step with everything that may go wrong on the way.

    Attributes
    ----------
    step_error, logit_error : float
        By how much a computed hidden state and a computed logit may differ from the exact ones.
    """

    def __init__(self, net: BinaryAdderRNN) -> None:
        architecture = net.settings.architecture
        weights = {name: array.astype(np.float64) for name, array in net.parameters.items()}
        self.size, self.operands = architecture.hidden_size, architecture.operands
        self.activation_name, self.dtype = architecture.activation, architecture.dtype
        self.kernels, self.state = net.kernels, net.state
        self.W = np.ascontiguousarray(weights["hidden_weights"])
        self.W_abs = np.abs(self.W)
        self.out = weights["output_weights"]
        self.out_bias = float(weights.get("output_bias", 0.0))
        self.bias = weights.get("hidden_bias", np.zeros(self.size))
        self.inputs = weights["input_weights"]
        symbols = np.arange(1 << self.operands)
        bits = symbols[:, None] >> np.arange(self.operands) & 1
        self.ones = bits.sum(1)
        with np.errstate(all="ignore"):  # what overflows is not finite, and said so
            self.u = bits @ self.inputs.T + self.bias  # (X, H)
            self._bound_errors()

    def _bound_errors(self) -> None:
        """A term of a sum is rounded at most m times on its way: γ = mu/(1 − mu) ≤ 2mu.

        Of the products Wh through the strided and the halving sum to the addition of u, these are
        1 + (⌈H/lanes⌉ − 1) + log₂ lanes + 1; of the bias, one for each operand and one more.
        """
        width = lanes(self.dtype)
        m = max(-(-self.size // width) + width.bit_length(), self.operands + 1)
        gamma = m * float(np.finfo(self.dtype).eps)
        load = np.abs(self.bias) + np.abs(self.inputs).sum(1) + self.W_abs.sum(1)
        out_load = abs(self.out_bias) + float(np.abs(self.out).sum())
        self.finite = bool(load.max() < OVERFLOW and out_load < OVERFLOW)  # false of NaN too
        tiny = 1e-16 + self.size * float(np.finfo(self.dtype).tiny)
        slope = 1.0 if self.activation_name == "tanh" else 0.25
        self.step_error = 1.001 * (
            slope * (gamma * float(load.max()) + tiny) + ACTIVATION_ERROR[self.dtype]
        )
        self.logit_error = 1.001 * (gamma * out_load + tiny)
        # Of our own sums, for states within BOUND.
        self.sum_error = 2 * (self.size + self.operands + 16) * UNIT * (2 * load) + 1e-300
        self.out_error = 2 * (self.size + 16) * UNIT * (2 * out_load) + 1e-300

    def f(self, a: Reals) -> Reals:
        """The activation in float64, within ACTIVATION_ERROR."""
        values = self.kernels.activation(np.ascontiguousarray(a), self.activation_name)
        return np.asarray(values, np.float64)

    def quick_f(self, a: Reals) -> Reals:
        """The activation, by NumPy: for guesses only."""
        with np.errstate(over="ignore"):
            guess = np.tanh(a) if self.activation_name == "tanh" else 1 / (1 + np.exp(-a))
        return np.asarray(guess, np.float64)

    def final_states(self, symbols: NDArray[np.uint8]) -> Reals:
        """The states (N, H) after words (N, T), as the network computes them."""
        run = self.kernels.forward(self.state.architecture, self.state.block, symbols)
        return run.final_state.astype(np.float64)

    def slope_at(self, y: Reals) -> Reals:
        """f′ where f is y."""
        return 1 - y * y if self.activation_name == "tanh" else y * (1 - y)

    # Boxes ---------------------------------------------------------------------------------------

    def hull(self, centre: Reals, radius: Reals) -> tuple[Reals, Reals]:
        """Lower and upper bounds (M, X, H) of the next states of boxes, symbol by symbol.

        f rises, so that its bounds are its values at the ends: nothing is lost but dependence.
        """
        a = (centre @ self.W.T)[:, None] + self.u
        r = ((radius + PAD) @ self.W_abs.T + self.sum_error)[:, None]
        low, high = self.f(np.stack([a - r, a + r]))
        error = self.step_error + ACTIVATION_ERROR["float64"] + PAD
        return low - error, high + error

    def hull_margin(self, low: Reals, high: Reals, sign: Reals) -> Reals:
        """How far the logits of boxes (…, H) are at least on the side ±1 of 0."""
        middle = (low + high) * 0.5 @ self.out + self.out_bias
        radius = (high - low) * 0.5 @ np.abs(self.out) + self.out_error + self.logit_error
        margin: Reals = sign * middle - radius
        return margin

    # Affine forms --------------------------------------------------------------------------------

    def affine(self, cases: Cases) -> Reached:
        """The next states of cases, symbol by symbol.

        f is enclosed between two lines of its secant's slope: what is linear stays exact, the
        gap between the lines becomes the new box.
        """
        z, G, s = cases
        A = np.concatenate([self.W @ G, self.W * s[:, None, :]], axis=-1)
        error = self.sum_error + 4 * UNIT * A.shape[-1] * self.W_abs.sum(1)
        a = (z @ self.W.T)[:, None] + self.u
        r = (np.abs(A).sum(-1) + error)[:, None]
        slope, offset, gap = self.line(a - r, a + r)
        linear = slope * a
        box = gap + slope * error + self.step_error
        box += PAD * (1 + np.abs(linear) + np.abs(offset))
        return Reached(linear + offset, slope, A, box, slope * r + box + PAD)

    def line(self, low: Reals, high: Reals) -> tuple[Reals, Reals, Reals]:
        """λ, o and d with f(a) = λa + o ± d for low ≤ a ≤ high."""
        bottom, top = self.f(np.stack([low, high]))
        width = high - low
        wide = width > 2.0**-30
        slope = np.where(wide, (top - bottom) / np.where(wide, width, 1.0), 0.0)
        point = self._tangent_point(slope)
        upper = self._supremum(low, high, slope, top, bottom, point)
        whole = 0.0 if self.activation_name == "tanh" else 1.0  # f(−a) = whole − f(a)
        lower = whole - self._supremum(-high, -low, slope, whole - bottom, whole - top, point)
        error = 4 * ACTIVATION_ERROR["float64"] + 8 * UNIT * np.abs(slope) * np.maximum(
            np.abs(low), np.abs(high)
        )
        return slope, (upper + lower) * 0.5, (upper - lower) * 0.5 + error

    def _tangent_point(self, slope: Reals) -> Reals:
        """About where f′ is the slope, a ≥ 0; a guess is enough."""
        tanh = self.activation_name == "tanh"
        root = np.sqrt(np.clip(1 - (slope if tanh else 4 * slope), 0.0, 1 - 1e-15))
        point: Reals = np.arctanh(root) * (1.0 if tanh else 2.0)
        return point

    def _supremum(
        self, low: Reals, high: Reals, slope: Reals, top: Reals, bottom: Reals, point: Reals
    ) -> Reals:
        """An upper bound of v(a) = f(a) − λa on [low, high], but for rounding.

        Where v is convex (a ≤ 0) it is at most its value at an end; where it is concave it lies
        under its tangent at any point, so also at our guess of where v is greatest.
        """
        start = np.maximum(low, 0.0)
        p = np.clip(point, start, np.maximum(high, start))
        y = self.f(p)
        rise = self.slope_at(y) - slope
        tangent = y - slope * p + np.maximum(rise * (high - p), -rise * (p - start)).clip(0.0)
        ends = np.maximum(bottom - slope * low, top - slope * high)
        bound: Reals = np.maximum(ends, np.where(high > 0, tangent, ends))
        return bound

    def margin(self, reached: Reached, sign: Reals) -> Reals:
        """How far all logits (M, X) are at least on the side ±1 of 0."""
        middle = reached.z @ self.out + self.out_bias
        linear = (reached.slope * self.out) @ reached.A  # (M, X, g)
        radius = np.abs(linear).sum(-1) + reached.s @ np.abs(self.out)
        error = self.out_error + 4 * UNIT * linear.shape[-1] * float(np.abs(self.out).sum())
        margin = sign * middle - radius - error - self.logit_error
        wild = (np.abs(reached.z) + reached.spread).max(-1) > BOUND  # or our errors may be larger
        return np.where(wild, -np.inf, margin)
