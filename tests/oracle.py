"""A second way to see that a certificate proves nothing: by trying, not by enclosing.

It runs states of each set along the set's plan, in NumPy, and asks whether the theorem of
docs/proof.md still holds of *these*: what it finds broken is broken, whatever a checker says.
Tried are the corners that drive each unit furthest up and down, others at random, and points
inside. A plan of one step that leaves its sets does so from a corner of the first kind, since a
unit rises with its pre-activation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from binadd import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest

RANDOM_STATES = 64


class Broken(Exception):
    """A condition of the theorem does not hold; for no state, if it is one of form."""


class Oracle:
    """A network in NumPy's arithmetic, and how far its own kernels are from it."""

    def __init__(self, net: BinaryAdderRNN) -> None:
        p = {name: array.astype(np.float64) for name, array in net.parameters.items()}
        of = net.settings.architecture
        self.kind = (of.activation, of.dtype, of.operands, of.hidden_size, weights_digest(net))
        self.W, self.out = p["hidden_weights"], p["output_weights"]
        self.bias = p.get("output_bias", np.float64(0))
        symbols = np.arange(1 << of.operands)
        bits = symbols[:, None] >> np.arange(of.operands) & 1
        self.ones = bits.sum(axis=1).tolist()
        self.u = bits @ p["input_weights"].T + p.get("hidden_bias", 0.0)
        self.tanh = of.activation == "tanh"
        self.errors = self._errors(net)

    def _errors(self, net: BinaryAdderRNN) -> tuple[float, float]:
        """The largest errors of a computed state and a computed logit met on random words."""
        count = 300
        generator = np.random.default_rng(0)
        symbols = generator.integers(0, len(self.ones), (count, 9), dtype=np.uint8)
        forward, of, block = net.kernels.forward, net.state.architecture, net.state.block
        before = forward(of, block, symbols[:, :-1].copy()).final_state
        run = forward(of, block, symbols[:, -1:].copy(), before)
        wide = np.longdouble
        a = before.astype(wide) @ self.W.T.astype(wide) + self.u[symbols[:, -1]]
        after = self.f(a)
        logits = run.final_state.astype(wide) @ self.out.astype(wide) + self.bias
        resolution = float(np.finfo(wide).eps) * 4 * len(self.out)
        return (
            float(np.abs(run.final_state - after).max()) - resolution,
            float(np.abs(run.logits[:, 0] - logits).max()) - resolution,
        )

    def f(self, a: Any) -> Any:
        """The activation."""
        with np.errstate(over="ignore"):
            return np.tanh(a) if self.tanh else 1 / (1 + np.exp(-a))

    def step(self, states: Any) -> Iterator[tuple[Any, Any]]:
        """The next states and their logits, symbol by symbol."""
        for u in self.u:
            after = self.f(states @ self.W.T + u)
            yield after, after @ self.out + self.bias

    def slack(self, certificate: Certificate) -> float:
        """The least by which a condition holds of the states tried; −∞ if one of form does not."""
        try:
            return self._slack(certificate)
        except Broken:
            return -np.inf

    def _slack(self, certificate: Certificate) -> float:
        claimed = (certificate.activation, certificate.dtype, certificate.operands)
        demand((*claimed, certificate.centres.shape[1], certificate.digest) == self.kind)
        demand(certificate.carries[0] == 0)
        demand(certificate.step_error >= self.errors[0])
        demand(certificate.logit_error >= self.errors[1])
        slacks = [self._inside(certificate, np.zeros((1, len(self.out))), 0, 0)]

        def follow(plan: Iterator[int], states: Any, carry: int, steps: int) -> None:
            word = next(plan, 2)
            demand(word < 2)
            if word < 0:
                demand(steps > 0)
                slacks.append(self._inside(certificate, states, carry, -1 - word))
                return
            for ones, (after, logits) in zip(self.ones, self.step(states), strict=True):
                total = carry + ones
                slacks.append(float((logits if total % 2 else -logits).min(initial=np.inf)))
                follow(plan, after, total // 2, steps + 1)

        generator = np.random.default_rng(1)
        for q, words in enumerate(certificate.plans):
            plan = iter(words)
            follow(plan, self._states(certificate, q, generator), certificate.carries[q], 0)
            demand(next(plan, None) is None)
        return min(slacks)

    def _inside(self, certificate: Certificate, states: Any, carry: int, q: int) -> float:
        """By how much all states lie inside set q, or each in some cell of frame q."""
        frames, sets = certificate.frames, [q]
        if frames is not None:
            demand(q < len(frames.origins))
            sets = [i for i, cell in enumerate(certificate.cells) if cell[0] == q]
            states = (states - frames.origins[q]) @ frames.inverses[q].T
        sets = [i for i in sets if i < len(certificate) and certificate.carries[i] == carry]
        demand(len(sets) > 0)
        slacks = [
            (certificate.radii[i] - np.abs(states - certificate.centres[i])).min(1) for i in sets
        ]
        return float(np.max(slacks, axis=0).min(initial=np.inf))

    def _states(self, certificate: Certificate, q: int, generator: np.random.Generator) -> Any:
        """States of set q (P, H)."""
        size = len(self.out)
        random = generator.uniform(-1, 1, (RANDOM_STATES, size))
        random[::2] = np.sign(random[::2])
        e = np.concatenate([np.sign(self.W), -np.sign(self.W), random])
        states = certificate.centres[q] + e * certificate.radii[q]
        if certificate.frames is None:
            return states
        frame = certificate.cells[q][0]
        inverse, origin = certificate.frames.inverses[frame], certificate.frames.origins[frame]
        states = origin + np.linalg.solve(inverse, states.T).T
        return states[(np.abs(states) < 2).all(1)]  # no state is further from 0


def demand(holds: bool) -> None:
    if not holds:
        raise Broken
