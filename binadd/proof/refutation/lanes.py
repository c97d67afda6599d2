"""Periodic words side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.front import Front
from binadd.proof.refutation.probe import Probe, Real, Steps

__all__ = ["Lanes"]


@dataclass
class Lanes:
    """Periodic words side by side, run as far as `steps`."""

    symbols: Bytes
    """(N, T): the words' beginnings; their last `cycle` symbols repeat from then on."""
    cycle: int
    targets: Bytes
    """(N, cycle): the true bits, which have become periodic as well."""
    state: Real
    """(N, H)"""
    carry: Bytes
    """(N,)"""
    steps: int

    def word(self, lane: int, length: int) -> Bytes:
        """The first `length` symbols of one word."""
        beginning, repeated = self.symbols[lane], self.symbols[lane, -self.cycle :]
        more = max(0, length - len(beginning))
        return np.concatenate([beginning, np.resize(repeated, more)])[:length]

    def keep(self, lanes: NDArray[np.intp]) -> Lanes:
        """These words only."""
        return Lanes(
            self.symbols[lanes],
            self.cycle,
            self.targets[lanes],
            self.state[lanes],
            self.carry[lanes],
            self.steps,
        )

    def front(self) -> Front:
        """Where the words have led to, as empty words to be continued."""
        return Front(np.empty((len(self.state), 0), np.uint8), self.state, self.carry)

    def advanced(self, probe: Probe, cycles: int) -> tuple[Lanes, Steps]:
        """These words some cycles further on, and what the network said on the way."""
        symbols = np.tile(self.symbols[:, -self.cycle :], cycles)
        steps = probe.run(symbols, np.tile(self.targets, cycles), self.state)
        return replace(self, state=steps.state, steps=self.steps + symbols.shape[1]), steps

    def wrong_word(self, steps: Steps) -> Bytes | None:
        """The word up to the first wrong bit in steps from here on, if any."""
        found = steps.first_wrong()
        return None if found is None else self.word(found[0], self.steps + found[1] + 1)
