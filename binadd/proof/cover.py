"""Whether the cells of a certificate cover a case, for the checker: whole numbers only, too.

All numbers count units of 2^−BITS. A cell holds the states x, no unit as far from 0 as BEYOND,
with |V(x − o) − c| ≤ r. Whatever U is, such a state is o + U·y + (I − UV)(x − o), y its
coordinates: if U is about the inverse of V, the last term is tiny, and `slip` bounds it.
"""

from binadd.errors import CertificateError
from binadd.proof.certificate import Certificate
from binadd.proof.fixed_point import BEYOND, BITS, ONE, Case, Fields, dot, units

__all__ = ["Cover"]

MOST_PIECES = 1 << 22  # of all cases: some twenty minutes


class Cover:
    """The cells of a certificate, by frame and pieces."""

    def __init__(self, claim: Certificate, fields: Fields) -> None:
        frames = claim.frames
        assert frames is not None
        self.fields = fields
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
        self.pieces = 0
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

    def cases(self) -> list[Case]:
        """The cells as sets of states."""
        return [self._case(cell[0], q) for q, cell in enumerate(self.cells)]

    def _case(self, f: int, q: int) -> Case:
        axes, centre, radius = self.axes[f], self.centres[q], self.radii[q]
        z = [o + (dot(row, centre) >> BITS) for o, row in zip(self.origins[f], axes, strict=True)]
        G = [[u * r >> BITS for u, r in zip(row, radius, strict=True)] for row in axes]
        s = [slip + len(z) + 1 for slip in self.slips[f]]
        spread = [sum(map(abs, row)) + t for row, t in zip(G, s, strict=True)]
        return Case(z, list(map(self.fields.join, G)), len(z), s, spread)

    def holds(self, case: Case, carry: int, f: int) -> bool:
        """Whether the cells of frame f that have this carry cover a set of states."""
        return f < len(self.origins) and self._cut(self._seen(case, f), carry, (f,))

    def _seen(self, case: Case, f: int) -> Case:
        """A set of states in the coordinates of frame f."""
        V, fields, g = self.inverses[f], self.fields, case.g
        away = [a - b for a, b in zip(case.z, self.origins[f], strict=True)]
        y = [dot(row, away) >> BITS for row in V]
        B = [fields.round_down(dot(row, case.G), g) for row in V]
        b = [(dot(map(abs, row), case.s) >> BITS) + 2 + g for row in V]
        return self._with_spread(y, B, g, b)

    def _with_spread(self, y: list[int], B: list[int], g: int, b: list[int]) -> Case:
        spread = [self.fields.size(row, g) + t for row, t in zip(B, b, strict=True)]
        return Case(y, B, g, b, spread)

    def _cut(self, case: Case, carry: int, cell: tuple[int, ...]) -> bool:
        """Cut a set along the next axis, or see whether the cell holds it."""
        axis, widths = len(cell) - 1, self.widths[cell[0]]
        if axis == len(widths):
            return self._fits(case, carry, cell)
        middle, reach, width = case.z[axis], case.spread[axis], widths[axis]
        first = (2 * (middle - reach) + width) // (2 * width)
        last = (2 * (middle + reach) + width) // (2 * width)
        for piece in range(first, last + 1):
            self.pieces += 1
            if self.pieces > MOST_PIECES:
                raise CertificateError("cases are cut into more pieces than are checked")
            part = case if first == last else self._part(case, axis, piece, width)
            if part is not None and not self._cut(part, carry, (*cell, piece)):
                return False
        return True

    def _part(self, case: Case, axis: int, piece: int, width: int) -> Case | None:
        """What of a set may lie in a piece of an axis, if anything: of the largest generator
        along it, only those e that can get there."""
        fields = self.fields
        along = [fields.entry(case.G[axis], i) for i in range(case.g)]
        j = max(range(case.g), key=lambda i: abs(along[i]), default=-1)
        if j < 0 or along[j] == 0:
            return case
        rest = case.spread[axis] - abs(along[j])
        away, divisor = 2 * (piece * width - case.z[axis]), 2 * along[j]
        low, high = away - width - 2 * rest, away + width + 2 * rest
        if divisor < 0:
            low, high = high, low
        low = max((low << BITS) // divisor, -ONE)
        high = min(-((-high << BITS) // divisor), ONE)
        if low > high:
            return None
        middle, radius = low + high >> 1, high - low + 1 >> 1
        largest = [fields.entry(row, j) for row in case.G]
        y = [a + (v * middle >> BITS) for a, v in zip(case.z, largest, strict=True)]
        shorter = [(v * radius >> BITS) - v << fields.bits * j for v in largest]
        B = [row + change for row, change in zip(case.G, shorter, strict=True)]
        return self._with_spread(y, B, case.g, [t + 2 for t in case.s])

    def _fits(self, case: Case, carry: int, cell: tuple[int, ...]) -> bool:
        """Whether a cell with this carry holds what of a set lies in its pieces."""
        ends = []
        for i, (middle, reach) in enumerate(zip(case.z, case.spread, strict=True)):
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
