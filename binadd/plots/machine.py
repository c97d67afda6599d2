"""The machine inside a proved network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from binadd.plots.figures import BLUE, GREY, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from binadd.proof.automaton import Automaton

__all__ = ["automaton"]

RADIUS = 0.8
"""Of a state's circle."""


def automaton(machine: Automaton, title: str = "The machine inside the network") -> Figure:
    """Draw the minimal automaton of a proved network: `binadd.prove(net).automaton`.

    A state is the carry; an arrow says how many ones the step's symbol has, and after the slash
    the bit that the network says.
    """
    arrows = machine.arrows()
    count = len(machine)
    gap = 3.4
    with new_figure(1.4 + 1.9 * count, 3.0 if count < 3 else 3.6) as figure:
        axes = figure.subplots()
        axes.set_title(title)
        axes.set_axis_off()
        axes.set_aspect("equal")
        for (state, following), texts in arrows.items():
            if state == following:
                _loop(axes, state * gap, texts)
            else:
                _arc(axes, state * gap, following * gap, texts)
        for state in range(count):
            _state(axes, state * gap, state)
        _arrow(axes, (-2.0, 0), (-0.85, 0), 0.0)
        axes.text(-2.05, 0.0, "start", ha="right", va="center", color=GREY)
        reach = 0.95 + 0.55 * max(abs(a - b) for a, b in arrows)
        axes.set_xlim(-3.3, (count - 1) * gap + 1.4)
        axes.set_ylim(-reach, max(reach, 2.2))
        figure.supxlabel("ones in the symbol / bit of the sum", fontsize=9, color=GREY)
        return figure


def _state(axes: Axes, x: float, state: int) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, 0), RADIUS, facecolor="white", edgecolor=BLUE, lw=2.2, zorder=3))
    axes.text(x, 0.13, str(state), ha="center", va="center", fontsize=15, zorder=4)
    axes.text(x, -0.36, "carry", ha="center", va="center", fontsize=7.5, color=GREY, zorder=4)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>,head_length=6,head_width=3",
            color=INK,
            lw=1.3,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def _arc(axes: Axes, start: float, end: float, texts: list[str]) -> None:
    """Draw an arrow between two states: to the right above, to the left below."""
    up = 1 if end > start else -1
    distance = abs(end - start)
    lean, rise = RADIUS * np.cos(np.pi / 4), RADIUS * np.sin(np.pi / 4)
    _arrow(axes, (start + up * lean, up * rise), (end - up * lean, up * rise), -0.32)
    # The top of a quadratic curve is half as high as its control point.
    peak = rise + 0.16 * (distance - 2 * lean) + 0.12
    axes.text(
        (start + end) / 2,
        up * peak,
        "   ".join(texts),
        ha="center",
        va="bottom" if up > 0 else "top",
        fontsize=10,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        zorder=2.5,
    )


def _loop(axes: Axes, x: float, texts: list[str]) -> None:
    """Draw an arrow from a state to itself."""
    _arrow(axes, (x - 0.42, 0.68), (x + 0.42, 0.68), -2.0)
    axes.text(x, 1.68, "   ".join(texts), ha="center", va="bottom", fontsize=10)
