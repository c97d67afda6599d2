"""Pictures: how a network learns, what it holds in mind during a sum, the machine inside it.

Each function returns a `matplotlib.figure.Figure` and leaves pyplot alone; `save` writes one to a
file. Needs matplotlib: `pip install 'binadd[plot]'`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from binadd.archive import write_atomically
from binadd.bits import encode
from binadd.errors import InvalidInputError
from binadd.kernels import reference
from binadd.model import BinaryAdderRNN
from binadd.training import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from binadd.proof.automaton import Automaton

__all__ = ["automaton", "hidden_states", "learning_curve", "save", "timings"]

# Colours that colour-blind people can tell apart: M. Okabe & K. Ito, "Color Universal Design".
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8F98"
INK, PALE = "#22262B", "#E9ECEF"

STYLE = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": PALE,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure, and binadd's style while it is drawn."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        yield Figure((width, height), layout="constrained", facecolor="white")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, atomically; its ending says as what: png, svg, pdf.

    Raises
    ------
    InvalidInputError
        If matplotlib does not know the ending.
    OSError
        If the file cannot be written.
    """
    kind = Path(path).suffix.removeprefix(".").lower() or "png"
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise InvalidInputError(f"a picture can be {', '.join(sorted(known))}, not {kind!r}")
    data = io.BytesIO()
    # No date in it: the same picture is the same file.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    figure.savefig(data, format=kind, dpi=200, metadata=metadata)
    write_atomically(path, data.getvalue())


# Learning ----------------------------------------------------------------------------------------


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
    with _figure(7, 5) as figure:
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


# One sum -----------------------------------------------------------------------------------------


def hidden_states(net: BinaryAdderRNN, *integers: int) -> Figure:
    """Draw the hidden units during one sum, with the bits that go in, the carry, and what is said.

    The least significant bit is at the right, as on paper, so time runs from right to left. Units
    are sorted by how their values follow the carry, which says what part of it each has.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `net.add`, and if the integers are too long to be drawn.
    """
    X = encode([integers])
    steps, operands = X.shape[1:]
    if operands != net.settings.operands:
        raise InvalidInputError(
            f"this network adds {net.settings.operands} integers, not {operands}"
        )
    if steps > 64:
        raise InvalidInputError(f"a sum of {steps} bits is too long to be drawn: 64 at most")
    states, said = net.hidden_states(X)[0], net.predict(X)[0]
    carry = _carries(X[0])
    true = reference.exact_sums(np.ascontiguousarray(_symbols(X)), operands)[0]
    order = _by_carry(states, carry)
    low = -1.0 if net.settings.activation == "tanh" else 0.0
    with _figure(max(5.0, 1.7 + 0.42 * steps), 1.8 + 0.26 * (len(order) + operands)) as figure:
        bits, heat, sums = figure.subplots(
            3, 1, sharex=True, height_ratios=(operands, len(order), 2), gridspec_kw={"hspace": 0.0}
        )
        names = [str(integer) for integer in integers]
        _bit_rows(bits, X[0].T, names, [BLUE] * operands)
        bits.set_title(f"{' + '.join(names)} = {net.add(*integers)}, says the network")
        image = heat.imshow(
            states[:, order].T, aspect="auto", cmap="cividis", vmin=low, vmax=1, origin="upper"
        )
        heat.set_yticks(range(len(order)), [str(unit) for unit in order], fontsize=7)
        heat.set_ylabel("hidden unit")
        heat.grid(False)
        figure.colorbar(image, ax=heat, pad=0.02, label="state", aspect=30)
        colours = [GREY, GREEN if np.array_equal(said, true) else ORANGE]
        _bit_rows(sums, np.array([carry, said]), ["carry after", "said"], colours)
        for t in np.flatnonzero(said != true):
            sums.text(t, 1, "✗", color="white", ha="center", va="center", weight="bold")
        sums.set_xticks(range(steps))
        sums.tick_params(labelbottom=True)
        sums.set_xlabel("bit (← time)")
        sums.set_xlim(steps - 0.5, -0.5)
        for axes in (bits, heat, sums):
            axes.spines[:].set_visible(False)
        return figure


def _symbols(X: Any) -> Any:
    """Return the symbols (N, T) of bits (N, T, n)."""
    weights = 1 << np.arange(X.shape[2])
    return (X * weights).sum(axis=2).astype(np.uint8)


def _carries(bits: Any) -> Any:
    """Return the carry after each step of bits (T, n)."""
    carries, carry = [], 0
    for ones in bits.sum(axis=1, dtype=int):
        carry = (int(ones) + carry) // 2
        carries.append(carry)
    return np.array(carries)


def _by_carry(states: Any, carry: Any) -> list[int]:
    """Return the units, those first that are highest after a carry, those last that are lowest."""
    if carry.min() == carry.max():
        return list(range(states.shape[1]))
    lean = states - states.mean(axis=0)
    return [int(unit) for unit in np.argsort(-(carry - carry.mean()) @ lean, kind="stable")]


def _bit_rows(axes: Axes, rows: Any, names: list[str], colours: list[str]) -> None:
    """Draw rows of bits as squares with their digits, filled where the bit is not 0."""
    from matplotlib.patches import Rectangle

    for y, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        for x, bit in enumerate(row):
            face = colour if bit else PALE
            axes.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=face))
            ink = "white" if bit else INK
            axes.text(x, y, str(int(bit)), color=ink, ha="center", va="center", fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [n if len(n) < 20 else f"{n[:17]}…" for n in names])
    axes.tick_params(labelbottom=False)
    axes.grid(False)


# The automaton -----------------------------------------------------------------------------------


def automaton(machine: Automaton, title: str = "The machine inside the network") -> Figure:
    """Draw the minimal automaton of a proved network: `binadd.prove(net).automaton`.

    A state is the carry; an arrow says how many ones the step's symbol has, and after the slash
    the bit that the network says.
    """
    labels: dict[tuple[int, int], list[str]] = {}
    for state, ones, output, following in machine.edges():
        labels.setdefault((state, following), []).append(f"{ones}/{output}")
    count = len(machine)
    gap = 3.4
    with _figure(1.4 + 1.9 * count, 3.0 if count < 3 else 3.6) as figure:
        axes = figure.subplots()
        axes.set_title(title)
        axes.set_axis_off()
        axes.set_aspect("equal")
        for (state, following), texts in labels.items():
            if state == following:
                _loop(axes, state * gap, texts)
            else:
                _arc(axes, state * gap, following * gap, texts)
        for state in range(count):
            _state(axes, state * gap, state)
        _arrow(axes, (-2.0, 0), (-0.85, 0), 0.0)
        axes.text(-2.05, 0.0, "start", ha="right", va="center", color=GREY)
        reach = 0.95 + 0.55 * max(abs(a - b) for a, b in labels)
        axes.set_xlim(-3.3, (count - 1) * gap + 1.4)
        axes.set_ylim(-reach, max(reach, 2.2))
        figure.supxlabel("ones in the symbol / bit of the sum", fontsize=9, color=GREY)
        return figure


RADIUS = 0.8


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


# Benchmarks --------------------------------------------------------------------------------------


def timings(report: Any) -> Figure:
    """Draw the sections of a `binadd.benchmark.Report` as bars of microseconds, shorter is better.

    The scale is logarithmic: from one line to the next it is ten times as long.
    """
    sections = report.sections
    columns = 2
    rows = -(-len(sections) // columns)
    longest = max(len(section.rows) for section in sections)
    with _figure(11, rows * (0.95 + 0.27 * longest)) as figure:
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
