"""How many networks of a sweep came to their goal, and how soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from binadd.errors import InvalidInputError
from binadd.plots.figures import CARRIES, new_figure
from binadd.training.sweep import RESULTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sweep"]

Row = Mapping[str, Any]

GOALS = ("proved", "exact", "finished")
STYLES = ("-", "--", "-.", ":")
MOST = len(CARRIES)
"""Combinations of parameters that can be told apart."""


@overload
def sweep(rows: Sequence[Row]) -> Figure: ...
@overload
def sweep(rows: Sequence[Row], *, axes: Axes) -> Axes: ...
def sweep(rows: Sequence[Row], *, axes: Axes | None = None) -> Figure | Axes:
    """Draw the share of networks that came to their goal over the sequences they had seen.

    Parameters
    ----------
    rows : sequence of mappings
        What `binadd.training.sweep.sweep` returned. There is a line for each combination of those
        parameters, other than the seed, that differ.
    axes : matplotlib.axes.Axes, optional
        Draw here instead of in a figure of its own.

    Returns
    -------
    matplotlib.figure.Figure, or the Axes that were given

    Raises
    ------
    InvalidInputError
        If there are no rows, or more than 8 combinations.
    """
    if not rows:
        raise InvalidInputError("there is no network to draw")
    groups = _groups(rows)
    if len(groups) > MOST:
        raise InvalidInputError(
            f"{len(groups)} combinations of parameters are too many to be drawn: {MOST} at most"
        )
    if axes is not None:
        _draw(axes, groups)
        return axes
    title = f"When {len(rows):,} networks came to their goal"
    caption = (
        "A line rises with each network that was proved, exact or finished. One that ends below "
        "100 % is of networks that did not all get there."
    )
    with new_figure(7, 3.6, title, caption) as figure:
        _draw(figure.subplots(), groups)
        return figure


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows by the parameters that differ, in words."""
    names = [name for name in rows[0] if name not in RESULTS and name != "seed"]
    differing = [name for name in names if any(row[name] != rows[0][name] for row in rows)]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        label = ", ".join(f"{name.replace('_', ' ')} {row[name]}" for name in differing)
        groups.setdefault(label, []).append(row)
    return groups


def _draw(axes: Axes, groups: Mapping[str, Sequence[Row]]) -> None:
    # Of a network that diverged it is not known where.
    last = max(row["sequences"] or 0 for rows in groups.values() for row in rows)
    first = last
    for number, (label, rows) in enumerate(groups.items()):
        reached = sorted(row["sequences"] for row in rows if row["status"] in GOALS)
        first = min([first, *reached])
        shares = 100 * np.arange(len(reached) + 1) / len(rows)
        axes.step(
            [0, *reached, last],
            [*shares, shares[-1]],
            where="post",
            color=CARRIES[number],
            ls=STYLES[number % len(STYLES)],
            lw=2,
            label=label,
        )
    if 0 < 10 * first < last:
        axes.set_xscale("log")
    axes.set_xlim(0.8 * first if axes.get_xscale() == "log" else 0, 1.02 * max(last, 1))
    axes.set_ylim(0, 104)
    axes.set_xlabel("sequences seen")
    axes.set_ylabel("networks, %")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    if len(groups) > 1:
        axes.legend(fontsize=8.5, loc="best")
