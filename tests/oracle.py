"""A second way to see that a certificate proves nothing: by trying, not by enclosing.

It runs states of each cell, in NumPy, through every word until they are in the set of their
context again, and asks whether the theorem of docs/proof.md still holds of *these*: what it finds
broken is broken, whatever a checker says. Tried are the corners that drive each unit furthest up
and down, others at random, and points inside. A set that is left in one step is left from a corner
of the first kind, since a unit rises with its pre-activation. The errors that a certificate
assumes push every logit towards 0, and states at random.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from binadd import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest

RANDOM_STATES, MOST_STATES = 64, 20_000
FINENESS = 2.0**-26
"""The checker rounds centres, frames and cells: sets may be larger by less than this."""


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
        self.ones = bits.sum(axis=1)
        self.u = bits @ p["input_weights"].T + p.get("hidden_bias", 0.0)
        self.tanh = of.activation == "tanh"
        self.errors = self._errors(net)

    def _errors(self, net: BinaryAdderRNN) -> tuple[float, float]:
        """Return the largest errors of computed states and logits on random words."""
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
        """Return the activation."""
        with np.errstate(over="ignore"):
            return np.tanh(a) if self.tanh else 1 / (1 + np.exp(-a))

    def slack(self, certificate: Certificate) -> float:
        """Return the least margin of all conditions; −∞ if one of form does not hold."""
        try:
            return self._slack(certificate)
        except Broken:
            return -np.inf

    def _slack(self, certificate: Certificate) -> float:
        claimed = (certificate.activation, certificate.dtype, certificate.operands)
        demand((*claimed, certificate.centres.shape[1], certificate.digest) == self.kind)
        demand(certificate.step_error >= self.errors[0])
        demand(certificate.logit_error >= self.errors[1])
        carries, successors = map(np.array, (certificate.carries, certificate.successors))
        totals = carries[:, None] + self.ones
        demand(carries[0] == 0)
        demand((carries[successors] == totals // 2).all())
        generator = np.random.default_rng(1)
        begun = [(np.zeros((1, len(self.out))), np.zeros(1, np.intp))]
        for i, (owner, _) in enumerate(certificate.cells):
            of_cell = self._states(certificate, i, generator)
            begun.append((of_cell, np.full(len(of_cell), owner)))
        states, q = map(np.concatenate, zip(*begun, strict=True))
        nearest, slack = np.full(len(q), -np.inf), np.inf
        for _ in range(certificate.steps):
            x = np.tile(np.arange(len(self.u)), len(q))
            m = np.repeat(np.arange(len(q)), len(self.u))
            after = self.f(states[m] @ self.W.T + self.u[x])
            logits = after @ self.out + self.bias
            right = np.where(totals[q[m], x] % 2 == 1, logits, -logits)
            pushed = certificate.step_error * np.abs(self.out).sum() + certificate.logit_error
            slack = min(slack, float(right.min()) - pushed)
            after += certificate.step_error * generator.choice([-1.0, 1.0], after.shape)
            states, q = after, successors[q[m], x]
            nearest = np.maximum(nearest[m], self._inside(certificate, states, q))
            slack = min(slack, float(nearest[nearest >= 0].min(initial=np.inf)))
            (out,) = np.nonzero(nearest < 0)
            if len(out) > MOST_STATES:
                out = generator.choice(out, MOST_STATES, replace=False)
            states, q, nearest = states[out], q[out], nearest[out]
            if not len(out):
                return slack
        return min(slack, float(nearest.min()))

    def _inside(self, certificate: Certificate, states: Any, q: Any) -> Any:
        """By how much each state lies inside the cell of its context (P,) that holds it best."""
        y = states - certificate.centres[q]
        frame, w = np.array(certificate.frame)[q], certificate.widths[q]
        framed = frame >= 0
        y[framed] = (certificate.frames[frame[framed]] @ y[framed][:, :, None])[:, :, 0]
        cut = w > 0
        nearest = np.rint(y[:, 0] / np.where(cut, w, np.inf)).clip(-(2**31), 2**31)
        cells = np.array([owner * 2.0**33 + k for owner, k in certificate.cells])
        best = np.full(len(states), -np.inf)
        if not len(cells):
            return best
        for k in (nearest - 1, nearest, nearest + 1):
            wanted = q * 2.0**33 + k
            cell = np.searchsorted(cells, wanted).clip(max=len(cells) - 1)
            there = cells[cell] == wanted
            inside = (certificate.halves[cell] - np.abs(y - certificate.middles[cell])).min(1)
            slab = np.where(cut, w / 2 - np.abs(y[:, 0] - k * w), np.inf)
            best = np.where(there, np.maximum(best, np.minimum(inside, slab)), best)
        return best + FINENESS

    def _states(self, certificate: Certificate, i: int, generator: np.random.Generator) -> Any:
        """States of a cell (P, H), all within ±1 as computed ones are."""
        (q, k), size = certificate.cells[i], len(self.out)
        low, high = (certificate.middles[i] + sign * certificate.halves[i] for sign in (-1, 1))
        if (w := certificate.widths[q]) > 0:
            low[0], high[0] = max(low[0], (k - 0.5) * w), min(high[0], (k + 0.5) * w)
        inverse = np.eye(size)
        if certificate.frame[q] >= 0:
            inverse = np.linalg.pinv(certificate.frames[certificate.frame[q]])
        centre, radius = certificate.centres[q] + inverse @ (low + high) / 2, (high - low) / 2
        random = generator.uniform(-1, 1, (RANDOM_STATES, size))
        random[::2] = np.sign(random[::2])
        corners = np.sign(self.W @ inverse)
        away = np.concatenate([corners, -corners, random]) * radius @ inverse.T
        with np.errstate(all="ignore"):
            room = np.where(away == 0, np.inf, (1 - np.sign(away) * centre) / np.abs(away))
        away *= np.clip(room.min(1), 0, 1)[:, None]
        states = centre + away
        held = self._inside(certificate, states, np.full(len(states), q)) >= 0
        return states[held & (np.abs(states) <= 1 + 1e-12).all(1)]


def demand(holds: object) -> None:
    if not holds:
        raise Broken
