"""An exact adder made of threshold gates, to which fault gadgets are wired.

With n operands, unit k of the 2n − 1 adder units is on where [symbol's ones + carry]
≥ k. The carry is the number of even units that are on, the sum's bit is their alternating sum:

    uₖ(t) = [|x(t)| + u₂(t−1) + u₄(t−1) + … ≥ k]        bit(t) = u₁ − u₂ + u₃ − …

With other coefficients than ones, |x| is the sum of those of the operands whose bit is 1. Where
some are negative, unit dₖ is on where that and the carry come to at most −k: one more is borrowed
for each odd one that is on, and they count for the bit as the others do.

A gate [v ≥ 0] is σ(s·(v + ½)) of a weighted sum v of bits, with a steepness s: 4,000 saturates σ
to exactly 0 and 1, 20 leaves some 10⁻⁵. A tanh network is the same machine with every
h = (h′ + 1)/2, σ(a) = (1 + tanh(a/2))/2; since h starts at 0 and h′ at 0 too, the 1 comes from a
unit that is on from the first step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 4000.0
SOFT = 20.0
ON = "on"
"""The unit that is on from the first step."""


@dataclass
class Unit:
    """One hidden unit: what it listens to, as if every unit were 0 or 1."""

    bits: dict[int, float] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)
    bias: float = 0.0
    plain: bool = False
    """Weights are those of a tanh unit already, and whoever listens reads its h′ as it is."""


class Machine:
    """A network of gates: the adder, and whatever is wired to it."""

    def __init__(
        self, operands: int, steepness: float = EXACT, coefficients: tuple[int, ...] = ()
    ) -> None:
        self.operands = operands
        weights = dict(enumerate(map(float, coefficients or (1,) * operands)))
        self.most = 2 * int(sum(c for c in weights.values() if c > 0))
        self.least = 2 * int(sum(c for c in weights.values() if c < 0))
        self.steepness = steepness
        self.hidden: dict[str, Unit] = {}
        self.output: dict[str, float] = {}
        self.output_bias = -0.5
        for k in range(1, self.most):
            self.gate(f"u{k}", weights, self.carry(), k)
            self.output[f"u{k}"] = 1.0 if k % 2 else -1.0
        for k in range(1, 1 - self.least):
            self.gate(f"d{k}", {i: -c for i, c in weights.items()}, self.carry(-1.0), k)
            self.output[f"d{k}"] = 1.0 if k % 2 else -1.0

    def carry(self, weight: float = 1.0) -> dict[str, float]:
        """Return the units, as many of which are on as the carry is; those below 0 take away."""
        above = {f"u{k}": weight for k in range(2, self.most, 2)}
        return above | {f"d{k}": -weight for k in range(1, 1 - self.least, 2)}

    def gate(
        self, name: str, bits: dict[int, float], units: dict[str, float], least: float
    ) -> None:
        """Add a unit that is on where the weighted sum of bits and units is at least `least`."""
        s = self.steepness
        self.hidden[name] = Unit(
            {i: s * w for i, w in bits.items()},
            {k: s * w for k, w in units.items()},
            -s * (least - 0.5),
        )

    def on(self) -> str:
        """Return the unit that is on from the first step, added where it is missing."""
        self.hidden.setdefault(ON, Unit(bias=EXACT))
        return ON

    def equals(self, symbol: int, weight: float = 1.0) -> dict[int, float]:
        """Weights of the bits; their sum is |symbol|·weight for the symbol, less for others."""
        return {i: weight if symbol >> i & 1 else -weight for i in range(self.operands)}

    def after(self, name: str, symbol: int, before: dict[str, float], least: float = 1.0) -> None:
        """Add a gate: the symbol is this one, and the units before it weigh at least `least`."""
        large = 2.0 + sum(abs(w) for w in before.values())
        self.gate(name, self.equals(symbol, large), before, large * symbol.bit_count() + least)

    def parameters(
        self, activation: str, dtype: str, gain: float = 8.0
    ) -> dict[str, NDArray[Any]]:
        """Return the arrays of `BinaryAdderRNN.from_parameters`; `gain` multiplies the logit."""
        tanh = activation == "tanh"
        if tanh:
            self.on()
        index = {name: j for j, name in enumerate(self.hidden)}
        size = len(index)
        inputs, hidden, bias = (
            np.zeros((size, self.operands)),
            np.zeros((size, size)),
            np.zeros(size),
        )
        for name, unit in self.hidden.items():
            j = index[name]
            half = 0.5 if tanh and not unit.plain else 1.0
            bias[j] = unit.bias * half
            for i, weight in unit.bits.items():
                inputs[j, i] = weight * half
            for source, weight in unit.units.items():
                self._listen(hidden[j], index, source, weight * half, tanh)
        output, output_bias = np.zeros(size), self.output_bias * gain
        for source, weight in self.output.items():
            self._listen(output, index, source, weight * gain, tanh)
        arrays = {
            "input_weights": inputs,
            "hidden_weights": hidden,
            "hidden_bias": bias,
            "output_weights": output,
            "output_bias": np.asarray(output_bias),
        }
        return {name: array.astype(dtype) for name, array in arrays.items()}

    def _listen(
        self, row: NDArray[Any], index: dict[str, int], source: str, weight: float, tanh: bool
    ) -> None:
        """Listen to h = (h′ + 1)/2 of a source in a tanh network, to h of it in a sigmoid one."""
        if tanh and not self.hidden[source].plain:
            row[index[source]] += weight / 2
            row[index[ON]] += weight / 2
        else:
            row[index[source]] += weight
