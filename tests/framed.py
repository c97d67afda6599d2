"""Certificates that no search made: empty ones, and sets in frames that need not be closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from binadd import BinaryAdderRNN
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.contexts import uniform
from binadd.proof.samples import Sampler


def bare_certificate(net: BinaryAdderRNN, affine: bool = True) -> Certificate:
    """Return a certificate that claims nothing but the errors of steps."""
    bounds = Bounds(net)
    return Certificate(
        digest=weights_digest(net),
        operands=bounds.operands,
        activation=bounds.network.activation,
        dtype=bounds.network.dtype,
        step_error=bounds.step_error,
        logit_error=bounds.logit_error,
        margin=0.0,
        steps=1,
        affine=affine,
        contexts=("start",),
        carries=(0,),
        successors=((0,) * (1 << bounds.operands),),
        centres=np.zeros((1, bounds.size)),
        frames=np.zeros((0, bounds.size, bounds.size)),
        frame=(-1,),
        widths=np.zeros(1),
        cells=(),
        middles=np.zeros((0, bounds.size)),
        halves=np.zeros((0, bounds.size)),
    )


def framed(
    net: BinaryAdderRNN, depth: int, steps: int, widen: float, width: float = 0.0
) -> Certificate:
    """Contexts that look back so far; cut into slabs so wide, in shares of the widest set."""
    bounds = Bounds(net)
    table = uniform(bounds.form, depth)
    states = Sampler(bounds).states(table)
    centres = states.mean(1)
    away = states - centres[:, None]
    frames = np.linalg.eigh(away.swapaxes(1, 2) @ away)[1][:, :, ::-1].swapaxes(1, 2)
    y = away @ frames.swapaxes(1, 2)
    slabs = width * float(np.ptp(y[:, :, 0], axis=1).max())
    prefixes, cells, middles, halves = table.prefixes, [], [], []
    for q, rows in enumerate(y):
        for k, low, high in hulls(rows, slabs, widen):
            cells.append((prefixes + q, k))
            middles.append((low + high) / 2)
            halves.append((high - low) / 2)
    count = len(table.contexts)
    return replace(
        bare_certificate(net),
        steps=steps,
        contexts=table.names,
        carries=tuple(table.carries.tolist()),
        successors=tuple(map(tuple, table.successors.tolist())),
        centres=np.concatenate([np.zeros((prefixes, bounds.size)), centres]),
        frames=np.ascontiguousarray(frames),
        frame=(-1,) * prefixes + tuple(range(count)),
        widths=np.array([0.0] * prefixes + [slabs] * count),
        cells=tuple(cells),
        middles=np.array(middles),
        halves=np.array(halves),
    )


def hulls(rows: Any, width: float, widen: float) -> list[tuple[int, Any, Any]]:
    """(k, low, high) of states in each slab, or of all of them, widened by shares of their width
    and of the widest; slabs between two of them, and one beyond, have those of a neighbour."""
    low, high = rows.min(0), rows.max(0)
    room = widen * (high - low) + 0.06 * widen * (high - low).max() + 1e-5
    if width == 0:
        return [(0, low - room, high + room)]
    k = np.rint(rows[:, 0] / width).astype(int)
    found, nearest = [], None
    for slab in range(k.min() - 1, k.max() + 2):
        here = rows[k == slab] if (k == slab).any() else rows[k == k.min()]
        nearest = here if nearest is None or (k == slab).any() else nearest
        low, high = nearest.min(0) - room, nearest.max(0) + room
        low[0], high[0] = (slab - 0.5) * width - 1e-5, (slab + 0.5) * width + 1e-5
        found.append((slab, low, high))
    return found
