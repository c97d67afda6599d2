"""How a network learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from math import log
from typing import TYPE_CHECKING, Any, NamedTuple

from binadd.checks import check_instance
from binadd.errors import DivergenceError, InvalidInputError
from binadd.model import BinaryAdderRNN
from binadd.plots.figures import BLUE, GREEN, GREY, INK, PALE, SLATE, new_figure
from binadd.training import Progress, TrainingRun, noise, train

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["learning_curve", "train_again"]

POINTS = 100
"""About how many points a curve has."""
FEWEST = 8
"""Sequences of a point: fewer show more chance than learning."""
MARKED = 48
"""Curves of more points have no dots."""

GUESSING = {"squared_error": 0.25, "cross_entropy": log(2)}
"""The loss of a bit whose probability is always ½."""
NEAR = 0.3
"""Marks closer than this share of the width have one label."""


def train_again(net: BinaryAdderRNN) -> tuple[list[Progress], TrainingRun]:
    """Repeat the training that a network has had, and return its progress and its outcome.

    The progress depends on the network alone, not on how fast the machine is.

    Raises
    ------
    InvalidTypeError
        If it is not a network.
    InvalidInputError
        If one call of `binadd.train`, resumed or not, with the network's settings does not lead
        to its weights: it was trained otherwise, or its settings or weights were changed since.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> history, again = train_again(net)
    >>> history[-1].sequences == run.sequences
    True
    """
    state = check_instance("net", net, BinaryAdderRNN).state
    if not state.sequences or state.bits is None:
        raise InvalidInputError("this network has not been trained by binadd.train")
    again = BinaryAdderRNN(**net.get_params())
    until: dict[str | None, str | int] = {"exact": "exact", "finished": state.sequences}
    history: list[Progress] = []
    run: TrainingRun | None
    try:
        run = train(
            again,
            state.bits,
            until=until.get(state.status, "proved"),
            max_sequences=state.sequences,
            progress=history.append,
            progress_every=max(FEWEST, state.sequences // POINTS),
        )
    except DivergenceError:
        run = None
    if run is None or again != net:
        raise InvalidInputError(
            "trained again with its settings, this network comes to other weights: it was trained "
            "in several calls, or its settings or weights were changed since"
        )
    return list(_even(history)), run


def _even(history: list[Progress]) -> Iterator[Progress]:
    """Join slices that a check cut short with the next ones, which are less due to chance."""
    longest = max(b.sequences - a for a, b in _with_counts(history))
    waiting: list[tuple[int, Progress]] = []
    for i, (begin, now) in enumerate(_with_counts(history)):
        waiting.append((now.sequences - begin, now))
        following = history[i + 1] if i + 1 < len(history) else None
        ends = following is None or _part(following) != _part(now)
        if ends or sum(count for count, _ in waiting) >= longest / 2:
            whole = sum(count for count, _ in waiting)
            yield replace(
                now,
                loss=sum(count * p.loss for count, p in waiting) / whole,
                bit_accuracy=sum(count * p.bit_accuracy for count, p in waiting) / whole,
            )
            waiting = []


def _with_counts(history: list[Progress]) -> Iterator[tuple[int, Progress]]:
    """Yield each slice with the count of sequences before it."""
    return zip([0, *(p.sequences for p in history)], history, strict=False)


def _part(now: Progress) -> tuple[int, int, bool]:
    """Return what is the same within a curve without gaps, and between two marks."""
    return now.restarts, min(now.failed_proofs, 1), now.noise > 0


class _Mark(NamedTuple):
    """What a network has become by a number of sequences."""

    sequences: int
    text: str


def learning_curve(
    progress: Sequence[Progress],
    run: TrainingRun | None = None,
    title: str = "How the network learnt",
) -> Figure:
    """Draw the loss of a bit, and the share of right bits, over the sequences seen.

    A line ends where the network started again with other weights, and where the last phase
    started, which has another loss and longer sequences. That phase is shaded.

    Parameters
    ----------
    progress : sequence of Progress
        As `train(net, progress=history.append, progress_every=16)` collects them.
    run : TrainingRun, optional
        What `train` returned. With it the picture tells what loss it is and what guessing would
        come to, and marks where the network was proved correct or exact on short numbers.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If it is of something else, or there is none.

    Examples
    --------
    >>> history = []
    >>> run = binadd.train(net, progress=history.append)      # doctest: +SKIP
    >>> save(learning_curve(history, run), "learning.png")    # doctest: +SKIP
    """
    for report in progress:
        check_instance("progress", report, Progress)
    if run is not None:
        check_instance("run", run, TrainingRun)
    if not progress:
        raise InvalidInputError("there is no progress to draw")
    parts = [list(part) for _, part in groupby(progress, _part)]
    with new_figure(7, 4.6, title, _caption(parts, run)) as figure:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        end = progress[-1].sequences
        for axes in (top, bottom):
            _shade(axes, parts)
        style: dict[str, Any] = {"lw": 2, "clip_on": False, "zorder": 3}
        if len(progress) <= MARKED:
            style |= {"marker": "o", "ms": 3.5}
        highest = 0.0
        for first, part in _with_beginnings(parts):
            sequences = [p.sequences for p in part]
            losses = [p.loss / p.bits for p in part]
            highest = max(highest, *losses)
            top.plot(sequences, losses, color=BLUE, **style)
            bottom.plot(sequences, [100 * p.bit_accuracy for p in part], color=GREEN, **style)
            if run is not None:
                level = GUESSING[_loss_of(part, run)]
                highest = max(highest, level)
                top.plot([first, sequences[-1]], [level, level], color=SLATE, lw=1, ls="--")
        bottom.axhline(50, color=SLATE, lw=1, ls="--")
        top.set_ylabel("loss per bit")
        top.set_ylim(0, 1.12 * highest)
        bottom.set_ylabel("right bits, %")
        bottom.set_ylim(min(45.0, *(100 * p.bit_accuracy - 4 for p in progress)), 104)
        bottom.set_xlabel("sequences seen")
        bottom.set_xlim(0, end * 1.02)
        bottom.xaxis.set_major_formatter("{x:,.0f}")
        if run is not None:
            _mark((top, bottom), list(_marks(progress, run)), end)
        figure.align_ylabels()
        return figure


def _with_beginnings(parts: list[list[Progress]]) -> Iterator[tuple[int, list[Progress]]]:
    begin = 0
    for part in parts:
        yield begin, part
        begin = part[-1].sequences


def _loss_of(part: list[Progress], run: TrainingRun) -> str:
    return noise.LOSS if part[0].noise else run.network.settings.loss


def _marks(progress: Sequence[Progress], run: TrainingRun) -> Iterator[_Mark]:
    """Yield where it was first found right on all short numbers, and where it was proved."""
    began = [p for p in progress if p.restarts == run.restarts]
    passed = [a for a, b in pairwise(began) if b.failed_proofs > a.failed_proofs == 0]
    if passed:
        yield _Mark(passed[0].sequences, "right on short numbers")
    elif run.status in ("exact", "proved"):
        yield _Mark(run.sequences, "right on short numbers")
    if run.status == "proved":
        yield _Mark(run.sequences, "proved")


def _mark(panels: tuple[Axes, Axes], marks: list[_Mark], end: int) -> None:
    """Draw a line at each mark, with its label above the upper panel."""
    top, _ = panels
    for axes in panels:
        for mark in marks:
            axes.axvline(mark.sequences, color=INK, lw=1.2, zorder=2)
    if len(marks) == 2 and marks[1].sequences - marks[0].sequences < NEAR * end:
        joint = " and " if marks[0].sequences == marks[1].sequences else ", then "
        marks = [_Mark(marks[1].sequences, marks[0].text + joint + marks[1].text)]
    for mark in marks:
        top.annotate(
            mark.text,
            (mark.sequences, 1),
            (0, 3),
            xycoords=top.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if mark.sequences > 0.5 * end else "left",
            fontsize=8.5,
        )


def _shade(axes: Axes, parts: list[list[Progress]]) -> None:
    """Shade last phases, and draw a line where the network started again."""
    for before, part in pairwise(parts):
        begin = before[-1].sequences
        if part[0].restarts > before[-1].restarts:
            axes.axvline(begin, color=GREY, lw=1, ls=":")
        if part[0].noise:
            axes.axvspan(begin, part[-1].sequences, color=PALE, alpha=0.6, lw=0, zorder=0)


def _caption(parts: list[list[Progress]], run: TrainingRun | None) -> str:
    """Say what is drawn beside the curves."""
    texts = []
    if run is not None:
        names = list(dict.fromkeys(_loss_of(part, run).replace("_", " ") for part in parts))
        texts.append(f"The loss is the {', then the '.join(names)}.")
    texts.append("Right bits are counted before the update that learns from them.")
    texts.append("Dashed: guessing." if run is not None else "Dashed: guessing bits.")
    if len({part[0].restarts for part in parts}) > 1:
        texts.append("Dotted: the network started again with other weights.")
    if any(part[0].noise for part in parts):
        texts.append("Shaded: the last phase, with noise on the weights and longer sequences.")
    return " ".join(texts)
