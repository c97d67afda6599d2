"""Sets in frames of their own, for the tests of the checker: sampled, widened and tried."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from binadd import BinaryAdderRNN
from binadd.proof.certificate import WHOLE, Certificate, weights_digest
from binadd.proof.enclosure import Enclosure
from binadd.proof.search import Found, Sampler
from binadd.proof.search.histories import uniform
from binadd.proof.search.sets import Sets


def framed(
    net: BinaryAdderRNN, depth: int, steps: int, widen: float, cut: float = np.inf
) -> Certificate:
    """Contexts that look back so far; cut so often that no piece is wider than a share of the
    widest set."""
    enclosure = Enclosure(net)
    graph = uniform(enclosure.operands, depth)
    states = Sampler(enclosure).states(graph.histories)
    middle = states.mean(1)
    away = states - middle[:, None]
    frames = np.linalg.eigh(away.swapaxes(1, 2) @ away)[1].swapaxes(1, 2)
    y = away @ frames.swapaxes(1, 2)
    low, high = y.min(1), y.max(1)
    width = high - low
    radii = width / 2 + widen * width + 0.06 * widen * width.max(1, keepdims=True) + 1e-5
    centres = middle + (((low + high) / 2)[:, None] @ frames)[:, 0]
    nothing = Found(graph, Sets(centres, radii), ((1, *(-1,) * graph.symbols),), 0.0)
    plain = nothing.certificate(enclosure, weights_digest(net))
    short = len(plain) - len(graph)
    return dataclasses.replace(
        plain,
        steps=steps,
        affine=True,
        frames=np.ascontiguousarray(frames),
        frame=(-1,) * short + tuple(range(len(graph))),
        pieces=(WHOLE,) * short + tuple(bisected(row, cut * radii.max()) for row in radii),
    )


def bisected(radii: Any, cut: float) -> tuple[int, ...]:
    """A tree of bisections along the widest axes."""
    axis = int(radii.argmax())
    if radii[axis] <= cut:
        return WHOLE
    half = radii.copy()
    half[axis] /= 2
    return (axis, *bisected(half, cut) * 2)
