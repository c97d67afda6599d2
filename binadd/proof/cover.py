"""The sets of a certificate in whole numbers, as `binadd.proof.checker` reads and covers them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import Certificate
from binadd.proof.integers import BEYOND, BITS, Integers, demand, nearest, rounded

__all__ = ["AT_ONCE", "Cases", "Sets"]

AT_ONCE = 1 << 17  # numbers that stay in the processor's cache
FRAME_BITS, BASIS_BITS = 23, 25  # of V and of U
MOST_RESIDUAL = 1 << 36  # of |I − UV|, in units of their product
FAR, MOST_SLABS, PART_BITS = 1 << 41, 64, 24  # beyond all coordinates; of a case; of a generator


class Cases(NamedTuple):
    """M sets of states, with H units and g generators."""

    context: Integers  # (M,): that each is in
    z: Integers  # (M, H)
    G: Integers  # (M, H, g)
    s: Integers  # (M, H)

    def where(self, kept: NDArray[np.bool_] | Integers) -> "Cases":
        """Return some of them."""
        return Cases(*(part[kept] for part in self))

    def numbers(self) -> int:
        """How many numbers they come to, with the generators of the next step."""
        numbers: int = self.z.size * (4 + self.G.shape[2] + self.z.shape[1])
        return numbers

    def split(self) -> Iterator["Cases"]:
        """As many at a time as memory is for."""
        chunks = -(-self.numbers() // AT_ONCE)
        for i in range(chunks := min(chunks, len(self.z))):
            yield Cases(*(part[i::chunks] for part in self))


class Sets:
    """The cells of a certificate: as cases, and what they cover.

    V in units of 2^−FRAME_BITS, and in those of 2^−BASIS_BITS a U₀ that is about its inverse. With
    E = I − U₀V and y = V(x − o) a state x is o + Uy + E²(x − o), where U = (I + E)U₀; as
    |x − o| < 4, the last term is tiny.
    """

    def __init__(self, claim: Certificate) -> None:
        most, unit = 1 << 30, np.eye(claim.centres.shape[1], dtype=np.int64)
        self.V = rounded(np.concatenate([claim.frames, unit[None]]), FRAME_BITS, most)
        U = rounded(np.concatenate([claim.inverses, unit[None]]), BASIS_BITS, most)
        loads = [np.abs(self.V).sum(2), np.abs(U).sum(1), np.abs(U).sum(2)]
        demand(max(load.max() for load in loads) < most, "a frame's axes are too long")
        both = FRAME_BITS + BASIS_BITS
        E = (unit << both) - U @ self.V  # 2³⁰ · 2³⁰
        demand(np.abs(E).max() < MOST_RESIDUAL, "a frame's axes are not independent")
        residual = (np.abs(E).sum(2).max(1) >> both - BITS) + 1  # at most 2²⁶
        self.slip = (4 * residual**2 >> BITS) + 1
        self.U = U + nearest(nearest(E, 7) @ U, both - 7)  # 2³⁰ · 2³⁰
        self.o, self.frame = rounded(claim.centres, BITS, BEYOND), np.array(claim.frame)
        self.owner, k = np.array(claim.cells, np.int64).reshape(-1, 2).T
        self.has_set, self.keys = claim.has_set, (self.owner << 32) + k  # |k| ≤ 2³⁰
        # Half a width, h; in units of V's products a slab ends at (2k ± 1)h.
        self.h = rounded(claim.widths, FRAME_BITS + BITS - 1, 1 << 60)
        h = self.h[self.owner]
        demand(((self.h > 0) == (claim.widths > 0)).all(), "slabs are too narrow")
        demand((np.abs(k) < (1 << 59) // np.maximum(h, 1)).all(), "a slab is too far away")
        self.start = np.where(h > 0, (2 * k - 1) * h >> FRAME_BITS, -FAR)
        self.end = np.where(h > 0, -(-(2 * k + 1) * h >> FRAME_BITS), FAR)
        middle, half = (rounded(y, BITS, 1 << 36) for y in (claim.middles, claim.halves))
        self.low, self.high = middle - half, middle + half
        reach, load = (np.abs(middle) + half).max(initial=0), np.abs(self.U).sum(2).max()
        demand(int(reach) * int(load) < 1 << 62, "a cell reaches too far")  # Σ|U||y| does not
        # At an end of its slab a cell has no end of its own.
        self.low[self.low[:, 0] <= self.start, 0] = -FAR
        self.high[self.high[:, 0] >= self.end, 0] = FAR

    def origins(self) -> Iterator[Cases]:
        """Return the initial state, in context 0, and all cells."""
        low, high, size = self.low.copy(), self.high.copy(), self.o.shape[1]
        low[:, 0], high[:, 0] = np.maximum(low[:, 0], self.start), np.minimum(high[:, 0], self.end)
        demand((low <= high).all(), "a cell is not in its slab")
        y = low + high >> 1
        cells = (self.owner, self.frame[self.owner], self.o[self.owner], y, high - y)
        zero = np.zeros((1, size), np.int64)
        initial = (zero[:, 0], zero[:, 0] - 1, zero, zero, zero)
        every = tuple(map(np.concatenate, zip(initial, cells, strict=True)))
        at_once = max(1, AT_ONCE // (4 * size * size))
        for i in range(0, len(every[0]), at_once):
            context, frame, z, y, r = (part[i : i + at_once] for part in every)
            if (frame < 0).all():
                cases = Cases(context, z + y, np.zeros((*z.shape, 0), np.int64), r)
            else:  # Σ|U||y| and Σ|U|r < 2⁶²; U is off by less than a unit
                U, off = self.U[frame], np.abs(y).sum(1) + r.sum(1) >> BASIS_BITS
                z, G = z + (_apply(U, y) >> BASIS_BITS), nearest(U * r[:, None], BASIS_BITS)
                s = np.repeat((self.slip[frame] + off)[:, None] + (size >> 1) + 3, size, axis=1)
                cases = Cases(context, z, G, s)
            reach = np.abs(cases.z) + np.abs(cases.G).sum(2) + cases.s
            demand(reach.max() < BEYOND, "a set reaches too far")
            yield cases

    def cover(self, cases: Cases, spend: Callable[[int], None]) -> NDArray[np.bool_]:
        """Whether each case lies in the cells of its context."""
        covered, has_frame = self.has_set[cases.context], self.frame[cases.context] >= 0
        plain, framed = np.flatnonzero(covered & ~has_frame), np.flatnonzero(covered & has_frame)
        if len(plain):
            some = cases.where(plain)
            y, reach = some.z - self.o[some.context], np.abs(some.G).sum(2) + some.s
            cell = np.searchsorted(self.keys, some.context << 32)
            covered[plain] = self._inside(cell, y, reach)
        if len(framed):
            covered[framed] = self._cover_parts(cases.where(framed), spend)
        return covered

    def _inside(self, cell: Integers, y: Integers, reach: Integers) -> NDArray[np.bool_]:
        """Whether y ± reach, in their slabs, lie in cells."""
        inside = (y - reach >= self.low[cell]) & (y + reach <= self.high[cell])
        return np.asarray(inside.all(1))

    def _cover_parts(self, cases: Cases, spend: Callable[[int], None]) -> NDArray[np.bool_]:
        """Bound what of a case is in a slab, by the generator that moves it most along the first
        axis, or by the next one if that is about as long: the search may have taken it first.

        Σ|V| < 2³⁰, |z − o| < 2³², Σ|G| + s < 2³¹ and h < 2⁶⁰: sums of products are below 1.5·2⁶²,
        coordinates below 2³⁹.
        """
        h, V = self.h[cases.context], self.V[self.frame[cases.context]]
        y = _apply(V, cases.z - self.o[cases.context]) >> FRAME_BITS
        box = _apply(np.abs(V), cases.s)
        reach = (np.abs(V[:, 0, None] @ cases.G).sum(2) + box[:, :1] >> FRAME_BITS) + 2
        ends = np.stack([y[:, 0] - reach[:, 0], y[:, 0] + reach[:, 0]]) << FRAME_BITS
        first, last = np.where(h > 0, (ends + h) // np.maximum(2 * h, 1), 0)
        covered = last - first < MOST_SLABS
        slabs = np.where(covered, last - first + 1, 0)
        spend(20 * y.shape[1] * int(slabs.sum()))
        i = np.repeat(np.arange(len(y)), slabs)  # the case of each part
        k = first[i] + np.arange(len(i)) - np.repeat(np.cumsum(slabs) - slabs, slabs)
        keys = (cases.context[i] << 32) + np.clip(k, -1 << 31, (1 << 31) - 1)
        cell = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        covered[i[self.keys[cell] != keys]] = False
        cell, i = cell[covered[i]], i[covered[i]]
        some = np.flatnonzero(covered)
        i = (np.cumsum(covered) - 1)[i]
        forms = np.zeros((*y[some].shape, cases.G.shape[2] + 2), np.int64)  # there are always two
        forms[:, :, 2:] = V[some] @ cases.G[some]
        reach = (np.abs(forms).sum(2) + box[some] >> FRAME_BITS) + 2
        y, sizes, every = y[some], np.abs(forms[:, 0]), np.arange(len(some))
        longest, held = sizes.max(1), np.zeros(len(i), np.bool_)
        for again in (False, True):
            most = sizes.argmax(1)
            along = forms[every, :, most] >> FRAME_BITS
            near = sizes[every, most] >= longest - (longest >> 4)
            left = np.flatnonzero(~held & near[i])
            m = i[left]
            spend(again * 20 * y.shape[1] * len(left))
            held[left] = self._part_inside(cell[left], y[m], reach[m], along[m])
            sizes[every, most] = -1
        covered[some[i[~held]]] = False
        return np.asarray(covered)

    def _part_inside(
        self, cell: Integers, y: Integers, reach: Integers, along: Integers
    ) -> NDArray[np.bool_]:
        """Whether y ± reach, as far as it is in their slabs, lies in cells: only a part of the
        generator `along` reaches there, whatever the others do."""
        along = along * np.where(along[:, :1] < 0, -1, 1)
        rest, divisor = reach[:, 0] - along[:, 0] + 2, np.maximum(along[:, 0], 1)
        # So much of it reaches into the slab: at most 2³⁸ · 2²⁴.
        low, high = self.start[cell] - y[:, 0] - rest, self.end[cell] - y[:, 0] + rest
        low, high = np.clip([low, high], -divisor, divisor)
        low, high = (low << PART_BITS) // divisor, -((-high << PART_BITS) // divisor)
        y = y + (along * (low + high >> 1)[:, None] >> PART_BITS)
        along = np.abs(along)
        reach = reach + (along * (high - (low + high >> 1))[:, None] >> PART_BITS) - along + 4
        return self._inside(cell, y, reach)


def _apply(matrices: Integers, vectors: Integers) -> Integers:
    """M matrices times a vector each."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])
