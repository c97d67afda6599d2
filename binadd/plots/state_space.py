"""Where a network's hidden states lie, and the sets that a proof draws around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from binadd.bits import unpack_symbols
from binadd.checks import check_instance
from binadd.model import BinaryAdderRNN
from binadd.plots.figures import CARRIES, INK, key_of_carries, new_figure
from binadd.proof import Proved, Verdict
from binadd.random_streams import data_stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["state_space"]

Reals = NDArray[np.float64]

SUMS, STEPS = 24, 24
"""Random sums whose states are drawn, and their steps."""
MOST_SETS = 600
"""More than this many sets are not drawn: they would take long and show less."""
MARKERS = "os^DvP*Xh"
"""One more than there are colours, so that no two carries have the same of both."""


@overload
def state_space(net: BinaryAdderRNN, verdict: Verdict | None = None) -> Figure: ...
@overload
def state_space(net: BinaryAdderRNN, verdict: Verdict | None = None, *, axes: Axes) -> Axes: ...
def state_space(
    net: BinaryAdderRNN, verdict: Verdict | None = None, *, axes: Axes | None = None
) -> Figure | Axes:
    """Draw hidden states on random numbers along the two axes in which they differ most.

    Parameters
    ----------
    net : BinaryAdderRNN
    verdict : Proved, Refuted or Undecided, optional
        With a proof, the shadows of its certificate's sets are drawn around the states.
    axes : matplotlib.axes.Axes, optional
        Draw here instead of in a figure of its own, and return them.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes

    Raises
    ------
    InvalidTypeError
        If `net` is not a network.
    """
    check_instance("net", net, BinaryAdderRNN)
    if axes is not None:
        _draw(axes, net, verdict)
        return axes
    key = key_of_carries(net.settings.form)
    caption = (
        f"Each mark is the state of all {net.settings.hidden_size} hidden units after one step on "
        f"random numbers, in the two directions in which states differ most."
    )
    if isinstance(verdict, Proved):
        caption += _sets_in_words(len(verdict.certificate.cells))
    with new_figure(6, 4.6, "Hidden states on random numbers", caption, key) as figure:
        _draw(figure.subplots(), net, verdict)
        return figure


def _sets_in_words(count: int) -> str:
    if count > MOST_SETS:
        return f" The proof has {count:,} sets around them, too many to be drawn."
    return (
        " Outlines are the shadows of the proof's sets: from any of them, whatever the bits, the "
        "network is back in one of them after a few steps. In between, and in its first steps, it "
        "may be outside."
    )


def _draw(axes: Axes, net: BinaryAdderRNN, verdict: Verdict | None) -> None:
    from matplotlib.collections import PolyCollection

    states, carried = _states(net)
    lowest = net.settings.form.lowest
    middle = states.mean(axis=0)
    _, sizes, directions = np.linalg.svd(states - middle, full_matrices=False)
    plane = np.zeros((2, states.shape[1]))
    plane[: len(directions[:2])] = directions[:2]
    if isinstance(verdict, Proved) and len(verdict.certificate.cells) <= MOST_SETS:
        certificate = verdict.certificate
        outlines = [
            _shadow(certificate, number, plane, middle) for number in range(len(certificate.cells))
        ]
        numbers = [certificate.carries[context] - lowest for context, _ in certificate.cells]
        colours = [CARRIES[k % len(CARRIES)] for k in numbers]
        axes.add_collection(
            PolyCollection(outlines, facecolors="none", edgecolors=colours, linewidths=1, zorder=4)
        )
    points = (states - middle) @ plane.T
    for carry in range(net.settings.form.carries):
        chosen = points[carried == carry + lowest]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=9,
            color=CARRIES[carry % len(CARRIES)],
            marker=MARKERS[carry % len(MARKERS)],
            linewidths=0.3,
            edgecolors=INK,
            zorder=3,
        )
    shares = np.append(sizes[:2] ** 2 / max(float((sizes**2).sum()), 1e-300), 0.0)
    axes.set_xlabel(f"first axis ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second axis ({shares[1]:.0%} of the variance)")
    axes.autoscale_view()


def _states(net: BinaryAdderRNN) -> tuple[Reals, NDArray[np.int64]]:
    """Return states (N, H) after steps of random sums, and the carry after each (N,)."""
    operands = net.settings.operands
    raw = data_stream(0).random_raw(SUMS * STEPS).reshape(SUMS, STEPS)
    symbols = (raw >> np.uint64(8) & np.uint64((1 << operands) - 1)).astype(np.uint8)
    X = unpack_symbols(symbols, operands)
    states = net.hidden_states(X).astype(np.float64)
    return states.reshape(SUMS * STEPS, -1), net.settings.form.after(symbols).reshape(-1)


def _shadow(certificate: Any, number: int, plane: Reals, middle: Reals) -> Reals:
    """Return the outline (m, 2) of a set's shadow in a plane (2, H) through `middle`.

    A box's shadow is a zonotope: its outline's edges are those of the box, in order of direction.
    """
    context, k = certificate.cells[number]
    centre, half = certificate.middles[number].copy(), certificate.halves[number].copy()
    width = certificate.widths[context]
    if width > 0:
        low = max(centre[0] - half[0], (k - 0.5) * width)
        high = min(centre[0] + half[0], (k + 0.5) * width)
        centre[0], half[0] = (low + high) / 2, max(high - low, 0) / 2
    frame = certificate.frame[context]
    edges = plane if frame < 0 else plane @ np.linalg.inv(certificate.frames[frame])  # (2, H)
    origin = plane @ (certificate.centres[context] - middle) + edges @ centre
    sides = (edges * half).T
    sides = np.where((sides[:, 1] < 0)[:, None], -sides, sides)
    sides = sides[np.argsort(np.arctan2(sides[:, 1], sides[:, 0]))]
    start = origin - sides.sum(axis=0)
    upward = start + 2 * np.cumsum(sides, axis=0)
    return np.concatenate([[start], upward, upward[-1] - 2 * np.cumsum(sides, axis=0)])
