"""How a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from binadd.errors import InvalidInputError
from binadd.plots.figures import BLUE, ORANGE, new_figure
from binadd.training import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["learning_curve"]


def learning_curve(progress: Sequence[Progress], title: str = "Learning to add") -> Figure:
    """Draw loss and bit accuracy as they change with the sequences seen.

    Parameters
    ----------
    progress : sequence of Progress
        As `train(net, progress=history.append)` collects them.

    Raises
    ------
    InvalidInputError
        If there is none.

    Examples
    --------
    >>> history = []
    >>> run = binadd.train(net, progress=history.append)      # doctest: +SKIP
    >>> save(learning_curve(history), "learning.png")         # doctest: +SKIP
    """
    if not progress:
        raise InvalidInputError("there is no progress to draw")
    sequences = [p.sequences for p in progress]
    with new_figure(7, 5) as figure:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        top.set_title(title)
        top.plot(sequences, [p.loss for p in progress], color=BLUE, lw=2, marker="o", ms=3.5)
        top.set_ylabel("loss of a sequence")
        top.set_ylim(bottom=0)
        accuracy = [100 * p.bit_accuracy for p in progress]
        bottom.plot(sequences, accuracy, color=ORANGE, lw=2, marker="o", ms=3.5)
        bottom.set_ylabel("right bits, %")
        bottom.set_ylim(min(49.0, min(accuracy) - 2), 101.5)
        bottom.set_xlabel("sequences seen")
        bottom.set_xlim(0, sequences[-1] * 1.02)
        bottom.xaxis.set_major_formatter("{x:,.0f}")
        figure.align_ylabels()
        return figure
