"""The machine inside a proved network."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from binadd.automaton import Automaton
from binadd.checks import check_instance
from binadd.form import with_minus
from binadd.plots.figures import BLUE, INK, SLATE, key_of_carries, new_figure
from binadd.plots.units import caption_of_units, draw_units, height_of_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["automaton"]

Point = tuple[float, float]

RADIUS = 0.8
"""The radius of a state's circle."""
GAP = 3.4
"""From the centre of one circle to that of the next."""
INCH = 0.54
"""The length of a unit in inches."""

TITLE = "The machine inside the network"
CAPTION = (
    "A circle is a carry. An arrow is a step: before the slash is how many of the "
    "input bits are ones, after it the bit that the network outputs."
)
WEIGHTED = (
    "A circle is a carry. An arrow is a step: before the slash is the sum of the coefficients of "
    "the operands whose bit is 1, after it the bit that the network outputs."
)


@overload
def automaton(machine: Automaton, title: str = TITLE) -> Figure: ...
@overload
def automaton(machine: Automaton, *, axes: Axes) -> Axes: ...
def automaton(
    machine: Automaton, title: str = TITLE, *, axes: Axes | None = None
) -> Figure | Axes:
    """Draw the minimal automaton of a proved network: `binadd.prove(net).automaton`.

    A state is the carry; an arrow shows how many ones the step's symbol has, and after the slash
    the bit that the network outputs. Arrows to higher carries are above, those to lower ones
    below.

    The automaton is the same for every network that adds. The units, which are drawn underneath,
    show what is this network's own.

    Parameters
    ----------
    machine : Automaton
    title : str
    axes : matplotlib.axes.Axes, optional
        Draw only the states and arrows, and here.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        As `units`, and so are exceptions.
    """
    check_instance("machine", machine, Automaton)
    if axes is not None:
        _draw(axes, machine)
        return axes
    left, right, low, high = _extent(machine)
    graph, below = (high - low) * INCH, 0.0
    caption, key = CAPTION if machine.form.is_sum else WEIGHTED, {}
    if machine.units:
        below = height_of_units(machine)
        caption, key = f"{caption} {caption_of_units(machine)}", key_of_carries(machine.form)
    width = max((right - left) * INCH, 6.4 if machine.units else 0)
    with new_figure(width, graph + below, title, caption, key) as figure:
        if machine.units:
            top, bottom = figure.subplots(2, 1, height_ratios=(graph, below))
            _draw(top, machine)
            draw_units(bottom, machine)
        else:
            _draw(figure.subplots(), machine)
        return figure


def _extent(machine: Automaton) -> tuple[float, float, float, float]:
    """Return how far the drawing goes: left, right, down and up."""
    arrows = machine.arrows()
    low = -max((_top(a, b) for a, b in arrows if a > b), default=RADIUS) - 0.6
    high = max(_top(a, b) for a, b in arrows if a <= b) + 0.6
    low = min(low, -2.2) if machine.form.start else low
    return -3.3, (len(machine) - 1) * GAP + 1.4, low, high


def _draw(axes: Axes, machine: Automaton) -> None:
    left, right, low, high = _extent(machine)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    for state in range(len(machine)):
        _state(axes, state, machine.form.lowest)
    lowest, start = machine.form.lowest, machine.form.start * GAP
    for (carry, after), texts in machine.arrows().items():
        _arrow(axes, _curve(carry - lowest, after - lowest))
        _label(axes, carry - lowest, after - lowest, "   ".join(texts))
    if start:  # from below, since there are states at the left
        _arrow(axes, [(start, -y) for y in (1.75, 1.5, 1.2, RADIUS + 0.05)])
        axes.text(start, -1.8, "start", ha="center", va="top", color=SLATE)
        return
    _arrow(axes, [(-2.0, 0), (-1.6, 0), (-1.2, 0), (-RADIUS - 0.05, 0)])
    axes.text(-2.05, 0.0, "start", ha="right", va="center", color=SLATE)


def _state(axes: Axes, state: int, lowest: int) -> None:
    from matplotlib.patches import Circle

    x = state * GAP
    axes.add_patch(Circle((x, 0), RADIUS, facecolor="white", edgecolor=BLUE, lw=2.2, zorder=3))
    axes.text(x, 0.13, with_minus(state + lowest), ha="center", va="center", fontsize=15, zorder=4)
    axes.text(x, -0.4, "carry", ha="center", va="center", fontsize=8, color=SLATE, zorder=4)


def _top(state: int, following: int) -> float:
    """Return how far an arrow goes up, or down: between neighbours, or past loops and labels."""
    distance = abs(following - state)
    if distance == 1:
        return 0.95
    return 1.7 if distance == 0 else 0.95 + 0.85 * distance


def _curve(state: int, following: int) -> list[Point]:
    """Return the four points of an arrow's cubic curve, from circle to circle."""
    distance, up = min(abs(following - state), 4), 1 if following >= state else -1
    # The farther an arrow goes, the steeper it leaves, and a loop the steepest: none meet there.
    angle = np.radians((72, 36, 48, 56, 61)[distance])
    x, y = RADIUS * np.cos(angle), RADIUS * np.sin(angle)
    lean = (0.5, 0.7, 0.5, 0.5, 0.5)[distance]
    # At its top a curve is at 3/4 of its inner points and 1/4 of its ends.
    height = (_top(state, following) - y / 4) * 4 / 3
    start, end = state * GAP + up * x, following * GAP - up * x
    return [
        (start, up * y),
        (start + up * lean, up * height),
        (end - up * lean, up * height),
        (end, up * y),
    ]


def _arrow(axes: Axes, points: list[Point]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    path = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    head = "-|>,head_length=6,head_width=3"
    axes.add_patch(
        FancyArrowPatch(path=path, arrowstyle=head, color=INK, lw=1.3, mutation_scale=1, zorder=2)
    )


def _label(axes: Axes, state: int, following: int, text: str) -> None:
    """Write on the far side of an arrow's top."""
    up = 1 if following >= state else -1
    axes.text(
        (state + following) / 2 * GAP,
        up * (_top(state, following) + 0.1),
        text,
        ha="center",
        va="bottom" if up > 0 else "top",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        zorder=2.5,
    )
