"""A benchmark's times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from binadd.plots.figures import BLUE, GREEN, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["timings"]

COLUMNS = 2

KEY = {"native": BLUE, "NumPy reference": GREEN, "others": GREY}

CAPTION = (
    "Shorter and lower is better. Scales of time are logarithmic: from one line to the next it is "
    "ten times as long. ×: how many times as long as what has 1×."
)


def timings(report: Any) -> Figure:
    """Draw a `binadd.benchmark.Report`: its sections as bars of µs, its scaling as curves.

    Scales are logarithmic: of time by tens, of sizes by twos.
    """
    sections, tables = report.sections, report.scaling
    bars = [0.75 + 0.27 * max(len(s.rows) for s in pair) for pair in _pairs(sections)]
    curves = [2.6 for _ in _pairs(list(tables))]
    with new_figure(11, sum(bars + curves), _title(report), CAPTION, KEY) as figure:
        rows = figure.subplots(
            len(bars + curves), COLUMNS, squeeze=False, height_ratios=bars + curves
        )
        panels = rows[: len(bars)].ravel()
        for axes, section in zip(panels, sections, strict=False):
            _bars(axes, section)
        scaling = rows[len(bars) :].ravel()
        for axes, (name, table) in zip(scaling, tables.items(), strict=False):
            _curves(axes, name, table)
        for axes in (*panels[len(sections) :], *scaling[len(tables) :]):
            axes.set_axis_off()
        return figure


def _pairs(items: list[Any]) -> list[list[Any]]:
    return [items[i : i + COLUMNS] for i in range(0, len(items), COLUMNS)]


def _title(report: Any) -> str:
    machine, settings = report.machine, report.settings
    return (
        f"binadd {machine['binadd']} on {machine['processor']}: "
        f"{settings['hidden_size']} hidden units, {settings['steps']} steps, {settings['dtype']}"
    )


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
    axes.set_title(f"{section.title}: µs per {section.unit}")
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.spines["left"].set_visible(False)


def _curves(axes: Axes, name: str, table: list[dict[str, float]]) -> None:
    """Draw a table's columns of µs over its first one, from a power of ten to another."""
    across, *columns = (column for column in table[0] if column != "speed-up")
    sizes = [row[across] for row in table]
    for column, colour in zip(columns, (BLUE, ORANGE), strict=False):
        times = [row[column] for row in table]
        axes.plot(sizes, times, color=colour, lw=2, marker="o", ms=3.5, label=column)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    low, high = np.log10(axes.dataLim.intervaly)
    axes.set_ylim(10 ** np.floor(low), 10 ** np.ceil(high))
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.tick_params(labelsize=8)
    axes.set_xlabel(across, fontsize=9)
    axes.set_title(f"{name}: µs per sequence")
    if len(columns) > 1:
        axes.legend(fontsize=8)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _colour(name: str) -> str:
    if name.startswith("native"):
        return BLUE
    return GREEN if name == "NumPy reference" else GREY
