"""What each hidden unit of a proved network holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from binadd.automaton import Automaton, Unit
from binadd.checks import check_instance
from binadd.plots.figures import CARRIES, PALE, SLATE, key_of_carries, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["by_role", "caption_of_units", "draw_units", "height_of_units", "units"]

MOST = 32
"""Units that are drawn: those that separate most."""
ROW = 0.27
"""Inches."""

CAPTION = (
    "Bars are the proof's bounds on a unit's values, within which all of them lie, by the carry "
    "after the step; above the line where the output bit is 1, below it where it is 0. A unit "
    "that holds the carry has its colours far apart; one without a note keeps nothing apart by "
    "itself. The total of a step is {weight} plus the carry before it."
)


@overload
def units(machine: Automaton) -> Figure: ...
@overload
def units(machine: Automaton, *, axes: Axes) -> Axes: ...
def units(machine: Automaton, *, axes: Axes | None = None) -> Figure | Axes:
    """Draw between which values each hidden unit lies, by the carry and the output bit.

    Parameters
    ----------
    machine : Automaton
        `binadd.prove(net).automaton`.
    axes : matplotlib.axes.Axes, optional
        Draw here instead of in a figure of its own.

    Returns
    -------
    matplotlib.figure.Figure, or the Axes that were given

    Raises
    ------
    InvalidTypeError
        If it is not a `binadd.automaton.Automaton`.
    """
    check_instance("machine", machine, Automaton)
    if axes is not None:
        draw_units(axes, machine)
        return axes
    height, key = height_of_units(machine), key_of_carries(machine.form)
    title = "What each hidden unit holds"
    with new_figure(6, height, title, caption_of_units(machine), key) as figure:
        draw_units(figure.subplots(), machine)
        return figure


def by_role(machine: Automaton) -> list[Unit]:
    """Return units in order: those that hold the carry first, then those that separate most."""
    return sorted(machine.units, key=lambda unit: (not _holds_carry(unit), -unit.gap, unit.index))


def _holds_carry(unit: Unit) -> bool:
    return unit.role.startswith("carry")


def caption_of_units(machine: Automaton) -> str:
    """Return what the bars are, and what a total is."""
    weight = "the number of its ones"
    if not machine.form.is_sum:
        weight = "the sum of the coefficients of the operands whose bit is 1,"
    return CAPTION.format(weight=weight)


def height_of_units(machine: Automaton) -> float:
    """Return how many inches the units take."""
    return ROW * max(min(len(machine.units), MOST), 2) + 0.5


def draw_units(axes: Axes, machine: Automaton) -> None:
    """Draw the units' values, each unit in a row with its role in words beside it."""
    drawn = by_role(machine)[:MOST]
    for row, unit in enumerate(drawn):
        axes.axhline(row, color=PALE, lw=1, zorder=0)
        for total, (low, high) in enumerate(unit.ranges):
            if low > high:  # no total of the form
                continue
            carry, bit = divmod(total, 2)
            place = (carry + 0.5) / len(machine)
            axes.barh(
                row + 0.42 * (-place if bit else place),
                max(high - low, 0.008),
                0.4 / len(machine),
                left=low,
                color=CARRIES[carry % len(CARRIES)],
            )
    axes.set_yticks(range(len(drawn)), [f"unit {unit.index}" for unit in drawn], fontsize=8)
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    for row, unit in enumerate(drawn):
        if unit.gap == 0:
            continue
        axes.annotate(
            f"separates {unit.role}",
            (1, row),
            (6, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=SLATE,
        )
    axes.set_xlim(left=min(low for unit in drawn for low, _ in unit.ranges) - 0.02)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("value of the unit")
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
