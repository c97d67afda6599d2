"""How a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from binadd.checks import check_instance
from binadd.errors import InvalidInputError
from binadd.plots.figures import BLUE, GREEN, GREY, PALE, new_figure
from binadd.training import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["learning_curve"]


def learning_curve(progress: Sequence[Progress], title: str = "Learning to add") -> Figure:
    """Draw loss and bit accuracy as they change with the sequences seen.

    A line ends where the network started again with other weights, and where the last phase
    started, which has another loss and longer sequences. That phase is shaded.

    Parameters
    ----------
    progress : sequence of Progress
        As `train(net, progress=history.append)` collects them.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If it is of something else, or there is none.

    Examples
    --------
    >>> history = []
    >>> run = binadd.train(net, progress=history.append)      # doctest: +SKIP
    >>> save(learning_curve(history), "learning.png")         # doctest: +SKIP
    """
    for report in progress:
        check_instance("progress", report, Progress)
    if not progress:
        raise InvalidInputError("there is no progress to draw")
    parts = [list(part) for _, part in groupby(progress, lambda p: (p.restarts, p.noise > 0))]
    with new_figure(7, 4.6, title, _caption(parts)) as figure:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for axes in (top, bottom):
            _mark(axes, parts)
        for part in parts:
            sequences = [p.sequences for p in part]
            style = {"lw": 2, "marker": "o", "ms": 3.5}
            top.plot(sequences, [p.loss for p in part], color=BLUE, **style)
            bottom.plot(sequences, [100 * p.bit_accuracy for p in part], color=GREEN, **style)
        top.set_ylabel("loss of a sequence")
        top.set_ylim(bottom=0)
        bottom.set_ylabel("right bits, %")
        bottom.set_ylim(min(49.0, *(100 * p.bit_accuracy - 2 for p in progress)), 102.5)
        bottom.set_xlabel("sequences seen")
        bottom.set_xlim(0, progress[-1].sequences * 1.02)
        bottom.xaxis.set_major_formatter("{x:,.0f}")
        figure.align_ylabels()
        return figure


def _mark(axes: Axes, parts: list[list[Progress]]) -> None:
    """Shade last phases, and draw a line where the network started again."""
    for before, part in pairwise(parts):
        begin = before[-1].sequences
        if part[0].restarts > before[-1].restarts:
            axes.axvline(begin, color=GREY, lw=1, ls=":")
        if part[0].noise:
            axes.axvspan(begin, part[-1].sequences, color=PALE, alpha=0.6, lw=0, zorder=0)


def _caption(parts: list[list[Progress]]) -> str:
    """Say what is drawn beside the curves."""
    texts = ["Right bits are counted before the update that learns from them."]
    if len({part[0].restarts for part in parts}) > 1:
        texts.append("Dotted: the network started again with other weights.")
    if any(part[0].noise for part in parts):
        texts.append("Shaded: the last phase, with another loss and longer sequences.")
    return " ".join(texts)
