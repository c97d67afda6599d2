"""Contexts, sets and errors for the tests of `propagate`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from golden_reach import numbered
from kernel_cases import learner
from numpy.typing import NDArray

from binadd.kernels import reference
from binadd.kernels.contract import Architecture, Contexts, Errors

SURE = -100.0
"""As the error of logits: all of them then count as right, by about so much."""


class Case(NamedTuple):
    """The arguments of `propagate` but for its options."""

    architecture: Architecture
    block: NDArray[np.float64]
    contexts: Contexts
    origins: NDArray[np.int32]
    errors: Errors


def errors_of(architecture: Architecture, logit: float = 1e-12) -> Errors:
    """More than enough for small networks with weights of about 1."""
    there = np.arange(architecture.block_shape[1]) < architecture.hidden_size
    return Errors(1e-14, logit, np.where(there, 1e-13, 0.0), np.where(there, 1e-14, 0.0))


def drawn(
    seed: int,
    *,
    frames: bool = True,
    cut: bool = True,
    scale: float = 0.5,
    half: float = 0.5,
    contexts: int = 5,
    origins: int = 20,
    logit: float = SURE,
    **options: Any,
) -> Case:
    """Contexts of all kinds, with no regard to what the network does."""
    random = np.random.default_rng(seed)
    start = learner(seed, **options)
    architecture, size = start.architecture, start.architecture.hidden_size
    columns = architecture.block_shape[1]
    kinds = random.integers(0, 4 if cut else 2, contexts) if frames else np.zeros(contexts, int)
    frame = np.where(kinds > 0, random.integers(0, 3, contexts), -1)
    widths = np.where(kinds > 1, random.choice([0.05, 0.2, 0.5], contexts), np.inf)
    counts = np.where(kinds > 1, random.integers(0, 12, contexts), random.random(contexts) < 0.9)
    counts[0] = max(counts[0], 1)
    numbers = numbered(counts, kinds > 1)
    lowest, first, owners = numbers.values()
    cells = len(owners)
    centres, middles, halves = (np.zeros((rows, columns)) for rows in (contexts, cells, cells))
    spread = (0.2, 0.8) if architecture.activation == "sigmoid" else (-0.6, 0.6)
    centres[:, :size] = random.uniform(*spread, (contexts, size))
    middles[:, :size] = random.normal(size=(cells, size)) * 0.02
    halves[:, :size] = random.uniform(0.5, 1.5, (cells, size)) * half
    halves[random.random(cells) < 0.03] = -1
    for q in np.flatnonzero(kinds > 1):
        place = slice(first[q], first[q + 1])
        middles[place, 0] = (lowest[q] + np.arange(counts[q])) * widths[q]
        halves[place, 0] = np.where(halves[place, 0] < 0, -1, widths[q] / 2 + 1e-8)
    bases = np.linalg.qr(random.normal(size=(3, size, size)))[0]
    bases += random.uniform(-0.2, 0.2, bases.shape) / np.sqrt(size)
    frames = np.linalg.inv(bases).swapaxes(1, 2)
    padding = ((0, 0), (0, 0), (0, columns - size))
    return Case(
        architecture,
        start.block * scale,
        Contexts(
            carries=random.integers(0, architecture.operands, contexts).astype(np.int32),
            successors=random.integers(
                0, contexts, (contexts, 1 << architecture.operands), np.int32
            ),
            centres=centres,
            frames=np.pad(frames, padding),
            bases=np.pad(bases, padding),
            frame=frame.astype(np.int32),
            widths=widths,
            middles=middles,
            halves=halves,
            **numbers,
        ),
        random.integers(-1, cells, origins).astype(np.int32),
        errors_of(architecture, logit),
    )


def carried(
    seed: int,
    *,
    width: float = np.inf,
    framed: bool = True,
    half: float | None = None,
    scale: float = 0.3,
    **options: Any,
) -> Case:
    """Return a context for each carry; its cells span what words lead to, and some more.

    With a `half`, cells reach that far from their middles but along the first axis.
    """
    random = np.random.default_rng(seed)
    start = learner(seed, **options)
    architecture, block = start.architecture, start.block * scale
    n, size, columns = architecture.operands, architecture.hidden_size, architecture.block_shape[1]
    symbols = random.integers(0, 1 << n, (300, 12), np.uint8)
    states = reference.forward(architecture, block, symbols, hidden=True).hidden
    assert states is not None
    carries = carries_of(symbols, n)
    of_carry = [states[carries == carry] for carry in range(n)]
    centres = np.zeros((n, columns))
    centres[:, :size] = [part.mean(0) for part in of_carry]
    least = min(len(part) for part in of_carry)
    samples = np.stack([part[:least] for part in of_carry])
    frames = reference.principal_axes(architecture, samples, centres)
    first, lowest, middles, halves = [0], [], [], []
    for carry, part in enumerate(of_carry):
        axes = frames[carry, :, :size] if framed else np.eye(size)
        y = (part - centres[carry, :size]) @ axes.T
        low, high = y.min(0), y.max(0)
        middle, reach = (low + high) / 2, (high - low) * 0.75 + 0.05
        cells = [middle]
        if width < np.inf:
            numbers = np.arange(
                np.rint((middle[0] - reach[0]) / width),
                np.rint((middle[0] + reach[0]) / width) + 1,
            )
            cells = [np.append(k * width, middle[1:]) for k in numbers]
            reach[0] = width / 2 + 1e-8
            lowest.append(int(numbers[0]))
        else:
            lowest.append(0)
        if half is not None:
            reach[1:] = half
        first.append(first[-1] + len(cells))
        middles += cells
        halves += [reach] * len(cells)
    totals = np.arange(n)[:, None] + ones(np.arange(1 << n))
    padding = ((0, 0), (0, columns - size))
    return Case(
        architecture,
        block,
        Contexts(
            carries=np.arange(n, dtype=np.int32),
            successors=(totals >> 1).astype(np.int32),
            centres=centres,
            frames=frames,
            bases=frames,
            frame=np.arange(n, dtype=np.int32) if framed else np.full(n, -1, np.int32),
            widths=np.full(n, width),
            lowest=np.array(lowest, np.int32),
            first=np.array(first, np.int32),
            owners=np.repeat(np.arange(n, dtype=np.int32), np.diff(first)),
            middles=np.pad(middles, padding),
            halves=np.pad(halves, padding),
        ),
        np.arange(first[-1], dtype=np.int32),
        errors_of(architecture, SURE),
    )


def ones(symbols: NDArray[Any]) -> NDArray[np.int64]:
    """How many operands' bits are 1."""
    return np.unpackbits(symbols.astype(np.uint8)[..., None], axis=-1).sum(-1, dtype=np.int64)


def carries_of(symbols: NDArray[np.uint8], operands: int, start: Any = 0) -> NDArray[np.int64]:
    """Return the carry after each step of words (N, T)."""
    carries = np.empty(symbols.shape, np.int64)
    carry = np.broadcast_to(start, len(symbols))
    for t in range(symbols.shape[1]):
        carry = carries[:, t] = (ones(symbols[:, t]) + carry) >> 1
    return carries


def points(case: Case, cells: NDArray[Any], seed: int = 0) -> NDArray[np.float64]:
    """Return a state (H,) of each cell: a corner, or one between."""
    random = np.random.default_rng(seed)
    c, size = case.contexts, case.architecture.hidden_size
    where = random.uniform(-1, 1, (len(cells), size))
    where = np.where(random.random((len(cells), 1)) < 0.5, np.sign(where), where)
    y = c.middles[cells, :size] + where * c.halves[cells, :size]
    q = c.owners[cells]
    turned = np.einsum("ki,kij->kj", y, c.bases[np.maximum(c.frame[q], 0), :, :size])
    return c.centres[q, :size] + np.where((c.frame[q] < 0)[:, None], y, turned)


def coordinates(
    case: Case, states: NDArray[np.float64], contexts: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the y of states (K, H) in the coordinates of contexts (K,)."""
    c, size = case.contexts, case.architecture.hidden_size
    away = states - c.centres[contexts, :size]
    turned = np.einsum("kj,kij->ki", away, c.frames[np.maximum(c.frame[contexts], 0), :, :size])
    return np.where((c.frame[contexts] < 0)[:, None], away, turned)


def cells_of(case: Case, y: NDArray[np.float64], contexts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the cell that each y lies in along its context's first axis."""
    c = case.contexts
    whole = c.widths[contexts] == np.inf
    k = np.rint(y[:, 0] / np.where(whole, 1, c.widths[contexts])) - c.lowest[contexts]
    return c.first[contexts] + np.where(whole, 0, k).astype(np.int64)
