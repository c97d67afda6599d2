"""The role of each hidden unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binadd.form import with_minus
from binadd.kernels.contract import Reals

__all__ = ["Unit", "units_of"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Which totals a hidden unit distinguishes: a total is the symbol's weight plus the carry.

    The weight is the sum of the coefficients of the operands whose bit is 1: of a sum, their
    number.

    The total decides both the output bit and the next carry. A unit distinguishes two totals if
    its values after them, over all sums, lie in intervals that do not overlap.
    """

    index: int
    ranges: tuple[tuple[float, float], ...]
    """For each total, from 0 to 2n − 1, the bounds of the unit's values after it."""
    lowest: int = 0
    """The lowest carry. Where it is negative, totals are counted from twice that."""

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Groups of totals that the unit alone does not distinguish, lowest values first."""
        order = sorted(range(len(self.ranges)), key=lambda total: self.ranges[total])
        order = [total for total in order if self.ranges[total][0] < np.inf]  # that can come
        groups: list[list[int]] = []
        reach = -np.inf
        for total in order:
            low, high = self.ranges[total]
            if low > reach:
                groups.append([])
            groups[-1].append(total)
            reach = max(reach, high)
        return tuple(tuple(sorted(group)) for group in groups)

    @property
    def split(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The totals below and above the widest gap; none above where nothing is distinguished."""
        groups, gaps = self.groups, self._gaps
        at = 1 + gaps.index(max(gaps)) if gaps else len(groups)
        return tuple(sorted(sum(groups[:at], ()))), tuple(sorted(sum(groups[at:], ())))

    @property
    def gap(self) -> float:
        """The width of the widest gap; 0 where nothing is distinguished."""
        return max(self._gaps, default=0.0)

    @property
    def _gaps(self) -> list[float]:
        """Between each group and the next."""
        groups = self.groups
        tops = [max(self.ranges[total][1] for total in group) for group in groups]
        bottoms = [min(self.ranges[total][0] for total in group) for group in groups]
        return [low - high for high, low in zip(tops, bottoms[1:], strict=False)]

    @property
    def role(self) -> str:
        """What the unit distinguishes by its widest gap, in words.

        >>> Unit(0, ((0.1, 0.2), (0.1, 0.3), (0.8, 0.9), (0.7, 0.9))).role
        'carry 0 from 1'
        >>> Unit(0, ((0.1, 0.2), (0.8, 0.9), (0.1, 0.2), (0.7, 0.9))).role
        'bit 0 from 1'
        """
        low, high = sorted(self.split)
        if not low:
            return "nothing by itself"
        if all(total % 2 == 0 for total in low) and all(total % 2 for total in high):
            return "bit 0 from 1"
        if high[0] == len(low) and high[0] % 2 == 0:
            carries = ([total // 2 + self.lowest for total in part] for part in (low, high))
            lower, upper = (_span(part[0], part[-1]) for part in carries)
            return f"carry {lower} from {upper}"
        parts = ([with_minus(total + 2 * self.lowest) for total in part] for part in (low, high))
        lower, upper = map(", ".join, parts)
        return f"totals {lower} from {upper}"


def _span(first: int, last: int) -> str:
    return with_minus(first) if first == last else f"{with_minus(first)} to {with_minus(last)}"


def units_of(low: Reals, high: Reals, lowest: int) -> tuple[Unit, ...]:
    """Return the role of each hidden unit, from bounds (2K, H) of the units after each total."""
    return tuple(
        Unit(index, tuple(zip(*ranges, strict=True)), lowest)
        for index, ranges in enumerate(zip(low.T.tolist(), high.T.tolist(), strict=True))
    )
