"""Frames: the axes along which sets are boxes, those that a network remembers best first.

A frame gives a state x of a context the coordinates y = V(x − o). Rows of V are its axes; columns
of its inverse U are its basis, the directions in which a state moves along each axis.

A network that forgets slowly does so along few directions; what lies across them is gone after a
few steps. Boxes last if what is added across these directions, for safety, does not turn into them
later, and orthogonal axes cannot see to that. *Balanced* coordinates do (B. C. Moore, "Principal
component analysis in linear systems: controllability, observability, and model reduction", 1981,
https://doi.org/10.1109/TAC.1981.1102568). They make two quadratic forms diagonal at once:

- how far states reach, Σ (x − o)(x − o)ᵀ over sampled ones;
- how a small difference d of two states is remembered, dᵀMd: M = w · mean Jᵀ(I + M′)J over all
  symbols, where J is the step's Jacobian, M′ the form of the context that comes after it, and w
  weighs what is remembered long against what is soon forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from binadd.kernels.contract import Reals
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable, last_symbols, uniform
from binadd.proof.samples import Sampler

__all__ = ["Frames", "balanced_frames", "coordinates"]

DEPTH = 3
"""Symbols of the contexts in which memory is measured: what is to come depends on little more."""
HORIZON, FOLLOWED = 8, 16
"""Steps to come, and states of each context at which Jacobians are taken."""
CACHED = 1 << 15
"""Numbers of the products that are added up at a time, which stay in the processor's cache."""
SLOPES: dict[str, Callable[[Reals], Reals]] = {
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}
"""f′(a), by h = f(a)."""
LEAST_SPREAD = 1e-3
"""What is added to each principal axis's share of the spread, as some axes have almost none."""
MOST_RESIDUAL, MOST_MIXED = 2.0**-41, 2.0**6
"""Of elements of I − UV, as computed, and of |U||V|, which bounds what is rounded there: together
I − UV is below 2⁻⁴⁰."""
LONGEST_AXIS, LONGEST_ROW = 120.0, 15.0
"""Of Σ|V| in any row, and of Σ|U| in rows and columns: the checker takes a little more."""
FURTHEST = 4.0
"""Of coordinates of the states that are followed: cells may reach some twice as far."""


class Frames(NamedTuple):
    """Frames of K contexts, padded to S as a block's rows are."""

    axes: Reals  # (K, H, S): rows of V
    bases: Reals  # (K, H, S): columns of U = V⁻¹, each of length 1


def balanced_frames(
    bounds: Bounds, sampler: Sampler, table: ContextTable, centres: Reals, weight: float
) -> Frames:
    """Return frames for states sampled in contexts, about centres (K, S).

    Each step to come counts `weight` times as much as the one before it. Where balanced
    coordinates are too large, or not precise enough, they are those of the principal axes.
    """
    size, states = bounds.size, sampler.states(table)
    principal = bounds.kernels.principal_axes(bounds.architecture, states, centres)
    rows = principal[:, :, :size]
    away = states - centres[:, None, :size]
    y = coordinates(rows, away)
    spread = np.add.accumulate(y * y, axis=1)[:, -1]
    scale = np.sqrt(spread / np.maximum(_total(spread), 1e-300) + LEAST_SPREAD)[:, :, None]
    stretched, shrunk = rows * scale, rows / scale
    memory = _memory(bounds, sampler, table, weight)
    memory = _product(_product(stretched, memory), _transposed(stretched))
    turn = bounds.kernels.principal_axes(
        bounds.architecture, np.ascontiguousarray(memory), np.zeros_like(centres)
    )[:, :, :size]  # a symmetric matrix has the principal axes of its own rows
    columns = _product(turn, stretched)
    lengths = np.sqrt(_total(columns * columns))
    columns, axes = columns / lengths, _product(turn, shrunk) * lengths
    frames = Frames(principal.copy(), principal.copy())
    near = np.abs(coordinates(axes, away[:, _some(states)])).max((1, 2)) <= FURTHEST
    fit = near & _are_inverse(axes, _transposed(columns))
    frames.axes[fit, :, :size], frames.bases[fit, :, :size] = axes[fit], columns[fit]
    return frames


def coordinates(axes: Reals, away: Reals) -> Reals:
    """Return V(x − o) (K, m, H) of x − o (K, m, H), with the axes (K, H, H)."""
    return _product(away, _transposed(axes))


def _memory(bounds: Bounds, sampler: Sampler, table: ContextTable, weight: float) -> Reals:
    """Return M (K, H, H) of contexts, each that of its last symbols."""
    form, size = bounds.form, bounds.size
    depth = min(DEPTH, len(table.contexts[0][1]))
    near = uniform(form, depth)
    samples = sampler.states(near)
    pairs = np.zeros((len(near.contexts), size, size))
    for h in np.moveaxis(samples[:, _some(samples)], 1, 0):
        slopes = SLOPES[bounds.network.activation](h)  # of the step that led here
        pairs += slopes[:, :, None] * slopes[:, None, :]
    weights = bounds.block[bounds.architecture.hidden_rows, :size][None]  # (1, from, to)
    successors = near.successors[near.prefixes :] - near.prefixes
    memory = np.zeros_like(pairs)
    for _ in range(HORIZON):
        after = (np.eye(size) + memory) * (pairs / FOLLOWED)
        before = _product(_product(weights, after), _transposed(weights))
        memory = np.add.accumulate(before[successors], axis=1)[:, -1]
        memory *= weight / successors.shape[1]
    place = {context: i for i, context in enumerate(near.contexts)}
    return memory[[place[last_symbols(form, depth, *context)] for context in table.contexts]]


def _some(states: Reals) -> list[int]:
    """Return places of FOLLOWED states among those (K, samples, H) of each context."""
    return [i * states.shape[1] // FOLLOWED for i in range(FOLLOWED)]


def _are_inverse(V: Reals, U: Reals) -> Reals:
    """Whether UV is I as precisely as bounds allow for, and the checker takes both (K,)."""
    residual = np.abs(_product(U, V) - np.eye(V.shape[1])).max((1, 2))
    mixed = _product(np.abs(U), np.abs(V)).max((1, 2))
    axis, row, column = (_total(np.abs(m)).max((1, 2)) for m in (V, U, _transposed(U)))
    precise = (residual <= MOST_RESIDUAL) & (mixed <= MOST_MIXED) & (axis <= LONGEST_AXIS)
    return np.asarray(precise & (row <= LONGEST_ROW) & (column <= LONGEST_ROW))


def _product(left: Reals, right: Reals) -> Reals:
    """Return products of matrices, added up in their order: BLAS's differs between machines."""
    count, at_once = max(len(left), len(right)), max(1, CACHED // left[0].size)
    left, right = (np.broadcast_to(part, (count, *part.shape[1:])) for part in (left, right))
    product = np.empty((count, left.shape[1], right.shape[2]))
    for start in range(0, count, at_once):
        place = slice(start, start + at_once)
        some, rows, columns = product[place], left[place], right[place]
        np.multiply(rows[:, :, 0, None], columns[:, None, 0], out=some)
        for k in range(1, left.shape[2]):
            some += rows[:, :, k, None] * columns[:, None, k]
    return product


def _transposed(matrices: Reals) -> Reals:
    return matrices.swapaxes(1, 2)


def _total(rows: Reals) -> Reals:
    """Return the sum of each row, as an axis of one."""
    return np.add.accumulate(rows, axis=-1)[..., -1:]
