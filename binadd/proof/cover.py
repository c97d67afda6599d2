"""Whether the cells of a certificate cover a case, for the checker: whole numbers only, too.

All numbers count units of 2^−BITS. A cell holds the states x, no unit as far from 0 as BEYOND,
with |V(x − o) − c| ≤ r. Whatever U is, such a state is o + U·y + (I − UV)(x − o), y its
coordinates: if U is about the inverse of V, the last term is tiny, and `slip` bounds it.
"""

from collections.abc import Sequence

from binadd.errors import CertificateError
from binadd.proof.certificate import Certificate
from binadd.proof.fixed_point import BEYOND, BITS, ONE, dot, units

__all__ = ["Cover"]

Vector = Sequence[int]
Matrix = Sequence[Vector]


class Cover:
    """The cells of a certificate, by frame and pieces."""

    def __init__(self, claim: Certificate) -> None:
        frames = claim.frames
        assert frames is not None
        self.origins, self.widths = (
            [units(row) for row in rows.tolist()] for rows in (frames.origins, frames.widths)
        )
        self.axes, self.inverses = (
            [[units(row) for row in matrix] for matrix in matrices.tolist()]
            for matrices in (frames.axes, frames.inverses)
        )
        self.centres, self.radii = (
            [units(row) for row in rows.tolist()] for rows in (claim.centres, claim.radii)
        )
        self.cells, self.carries = claim.cells, claim.carries
        self.place = {cell: q for q, cell in enumerate(claim.cells)}
        if any(width <= 0 for widths in self.widths for width in widths):
            raise CertificateError("pieces are too narrow")
        self.slips = [self._slip(f) for f in range(len(self.origins))]

    def _slip(self, f: int) -> list[int]:
        """Σₖ|I − UV|ᵢₖ·(BEYOND + |oₖ|), rounded up."""
        columns = list(zip(*self.inverses[f], strict=True))
        far = [BEYOND + abs(o) for o in self.origins[f]]
        slips = []
        for i, row in enumerate(self.axes[f]):
            error = [
                abs((ONE << BITS if i == k else 0) - dot(row, column))
                for k, column in enumerate(columns)
            ]
            slips.append((dot(error, far) >> 2 * BITS) + 1)
        return slips

    def case(self, q: int) -> tuple[list[int], list[list[int]], list[int]]:
        """Cell q as {z + G·e + s·e′}, |eᵢ| ≤ 1 and |e′ᵢ| ≤ 1: z (H,), rows of G (H, H), s (H,)."""
        f, centre, radius = self.cells[q][0], self.centres[q], self.radii[q]
        steps = [dot(row, centre) >> BITS for row in self.axes[f]]
        z = [o + step for o, step in zip(self.origins[f], steps, strict=True)]
        G = [[u * r >> BITS for u, r in zip(row, radius, strict=True)] for row in self.axes[f]]
        return z, G, [slip + len(z) + 1 for slip in self.slips[f]]

    def holds(self, z: Vector, G: Matrix, s: Vector, carry: int, f: int) -> bool:
        """Whether the cells of frame f that have this carry cover {z + G·e + s·e′}."""
        if f >= len(self.origins):
            return False
        rows, columns = self.inverses[f], list(zip(*G, strict=True))
        away = [a - b for a, b in zip(z, self.origins[f], strict=True)]
        y = [dot(row, away) >> BITS for row in rows]
        B = [[dot(row, column) >> BITS for column in columns] for row in rows]
        b = [(dot(map(abs, row), s) >> BITS) + 2 + len(columns) for row in rows]
        return self._cut(y, B, b, carry, (f,))

    def _cut(
        self, y: list[int], B: Matrix, b: list[int], carry: int, cell: tuple[int, ...]
    ) -> bool:
        """Cut {y + B·e + b·e′} along the next axis, or see whether the cell holds it."""
        axis, widths = len(cell) - 1, self.widths[cell[0]]
        if axis == len(widths):
            return self._fits(y, B, b, carry, cell)
        reach, width = sum(map(abs, B[axis])) + b[axis], widths[axis]
        first = (2 * (y[axis] - reach) + width) // (2 * width)
        last = (2 * (y[axis] + reach) + width) // (2 * width)
        for piece in range(first, last + 1):
            part = (y, B, b) if first == last else _part(y, B, b, axis, piece, width)
            if part is not None and not self._cut(*part, carry, (*cell, piece)):
                return False
        return True

    def _fits(self, y: Vector, B: Matrix, b: Vector, carry: int, cell: tuple[int, ...]) -> bool:
        """Whether a cell with this carry holds what of {y + B·e + b·e′} lies in its pieces."""
        ends = []
        for i, (middle, row, error) in enumerate(zip(y, B, b, strict=True)):
            reach = sum(map(abs, row)) + error
            low, high = middle - reach, middle + reach
            if i + 1 < len(cell):
                width, piece = self.widths[cell[0]][i], cell[i + 1]
                low = max(low, (2 * piece - 1) * width // 2)
                high = min(high, -(-(2 * piece + 1) * width // 2))
            if low > high:  # the pieces of two axes need not have a state in common
                return True
            ends.append((low, high))
        q = self.place.get(cell, -1)
        if q < 0 or self.carries[q] != carry:
            return False
        rows = zip(ends, self.centres[q], self.radii[q], strict=True)
        return all(c - r <= low and high <= c + r for (low, high), c, r in rows)


def _part(
    y: list[int], B: Matrix, b: list[int], axis: int, piece: int, width: int
) -> tuple[list[int], Matrix, list[int]] | None:
    """What of {y + B·e + b·e′} may lie in a piece of an axis, if anything: of the largest
    generator along it, only those e that can get there."""
    along = B[axis]
    if not along:
        return y, B, b
    j = max(range(len(along)), key=lambda i: abs(along[i]))
    rest = sum(map(abs, along)) - abs(along[j]) + b[axis]
    away, divisor = 2 * (piece * width - y[axis]), 2 * along[j]
    low, high = away - width - 2 * rest, away + width + 2 * rest
    if divisor < 0:
        low, high = high, low
    low = max((low << BITS) // divisor, -ONE) if divisor else -ONE
    high = min(-((-high << BITS) // divisor), ONE) if divisor else ONE
    if low > high:
        return None
    middle, radius = low + high >> 1, high - low + 1 >> 1
    y = [a + (row[j] * middle >> BITS) for a, row in zip(y, B, strict=True)]
    B = [[*row[:j], row[j] * radius >> BITS, *row[j + 1 :]] for row in B]
    return y, B, [a + 2 for a in b]
