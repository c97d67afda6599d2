"""A benchmark's times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from binadd.plots.figures import BLUE, GREEN, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["timings"]


def timings(report: Any) -> Figure:
    """Draw the sections of a `binadd.benchmark.Report` as bars of microseconds, shorter is better.

    The scale is logarithmic: from one line to the next it is ten times as long.
    """
    sections = report.sections
    columns = 2
    rows = -(-len(sections) // columns)
    longest = max(len(section.rows) for section in sections)
    with new_figure(11, rows * (0.95 + 0.27 * longest)) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, section in zip(grid, sections, strict=False):
            _bars(axes, section)
        for axes in grid[len(sections) :]:
            axes.set_axis_off()
        figure.suptitle(
            f"binadd {report.machine['binadd']} on {report.machine['processor']}",
            fontsize=9,
            color=GREY,
            x=0.01,
            ha="left",
        )
        return figure


def _bars(axes: Axes, section: Any) -> None:
    rows = section.rows
    values = [row.microseconds for row in rows]
    axes.barh(range(len(rows)), values, color=[_colour(row.name) for row in rows], height=0.72)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 14)
    for y, row in enumerate(rows):
        axes.text(
            row.microseconds * 1.15,
            y,
            f"{_three_digits(row.microseconds)} µs   {_three_digits(row.ratio)}×",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(f"{section.title}: µs per {section.unit}", fontsize=9)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.spines["left"].set_visible(False)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _colour(name: str) -> str:
    if name.startswith("native"):
        return BLUE
    return GREEN if name == "Python twin" else GREY
