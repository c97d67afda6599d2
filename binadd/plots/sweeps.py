"""What a sweep found: how many networks learnt and are proved, how soon, where others err."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from binadd.errors import InvalidInputError
from binadd.plots.figures import CARRIES, INK, new_figure
from binadd.training.sweep import RESULTS, SECONDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["first_errors", "heat_map", "shares", "sweep", "times", "wilson"]

Row = Mapping[str, Any]

GOALS = ("proved", "exact", "finished")
MOST = len(CARRIES)
"""Groups that can be told apart by colour."""

NORMAL_95 = 1.959964
"""Standard deviations within which 95 % of a normal distribution lie."""

CAPTIONS: Mapping[str, str] = {
    "shares": "Share of networks over the sequences they have learnt from, with 95 % intervals of "
    "Wilson's; solid: came to the goal of their training, dashed: also proved for every length.",
    "heat_map": "",
    "first_errors": "Lowest wrong bit: of the wrong sum that refutes a network which had come to "
    "its goal.",
    "times": "Dots are medians, lines reach from 5 to 95 %, crosses are means.",
}


def wilson(count: Any, of: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bounds of a share's 95 % confidence interval, as E. B. Wilson has it (1927).

    Parameters
    ----------
    count : int or array of int
        How many of the sample have a property.
    of : int
        The size of the sample, at least 1.

    Examples
    --------
    >>> low, high = wilson(45, 50)
    >>> f"{low:.3f} to {high:.3f}"
    '0.786 to 0.957'
    """
    share = np.asarray(count, np.float64) / of
    z = NORMAL_95**2 / of
    centre = (share + z / 2) / (1 + z)
    half = np.sqrt(z * (share * (1 - share) + z / 4)) / (1 + z)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def sweep(rows: Sequence[Row]) -> Figure:
    """Draw all that the rows of a sweep show, each panel as a function of this module.

    Parameters
    ----------
    rows : sequence of mappings
        What `binadd.sweep` returned, or `binadd.training.tables.read_table`; with the seconds that
        a file of rows has, there is a panel of them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidInputError
        If there are no rows.
    """
    _check(rows)
    panels: dict[str, Callable[[Axes], Any]] = {"shares": lambda axes: shares(rows, axes=axes)}
    if len(_differing(rows)) > 1:
        panels["heat_map"] = lambda axes: heat_map(rows, axes=axes)
    if _wrong_bits(rows):
        panels["first_errors"] = lambda axes: first_errors(rows, axes=axes)
    if any(row.get("seconds") is not None for row in rows):
        panels["times"] = lambda axes: times(rows, axes=axes)
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    caption = " ".join(filter(None, [*(CAPTIONS[name] for name in panels), _together(rows)]))
    labels = [label for label in _groups(rows) if label]
    key = dict(zip(labels, CARRIES, strict=False))
    with new_figure(
        1.5 + 5 * columns, 3.3 * lines, f"{len(rows):,} networks", caption, key
    ) as figure:
        places = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, draw in zip(places, panels.values(), strict=False):
            draw(axes)
            if axes.get_legend() is not None:  # the key says it once for all
                axes.get_legend().remove()
        for axes in places[len(panels) :]:
            axes.set_axis_off()
        return figure


def _together(rows: Sequence[Row]) -> str:
    """Return which parameters' values are drawn together, where there would be too many lines."""
    grouping = _grouping(rows)
    hidden = [name.replace("_", " ") for name in _differing(rows) if name not in grouping]
    return f"A line is of all values of {' and '.join(hidden)} together." if hidden else ""


# Panels ------------------------------------------------------------------------------------------


@overload
def shares(rows: Sequence[Row]) -> Figure: ...
@overload
def shares(rows: Sequence[Row], *, axes: Axes) -> Axes: ...
def shares(rows: Sequence[Row], *, axes: Axes | None = None) -> Figure | Axes:
    """Draw the shares of networks that came to their goal, and are proved, over sequences.

    There is a line for each combination of those parameters, other than the seed, that differ;
    where these were more than 8, those of most values are left out. The bands are Wilson's.

    Raises
    ------
    InvalidInputError
        If there are no rows.
    """
    return _alone_or_in(axes, rows, "shares", _draw_shares, "When networks learnt")


@overload
def heat_map(rows: Sequence[Row], x: str | None = None, y: str | None = None) -> Figure: ...
@overload
def heat_map(
    rows: Sequence[Row], x: str | None = None, y: str | None = None, *, axes: Axes
) -> Axes: ...
def heat_map(
    rows: Sequence[Row], x: str | None = None, y: str | None = None, *, axes: Axes | None = None
) -> Figure | Axes:
    """Draw the share of networks that are proved over two parameters, as colours and numbers.

    Where no proof was tried, it is the share of those that came to their goal. Without names, the
    parameters are the first two that differ.

    Raises
    ------
    InvalidInputError
        If there are no rows, or fewer than two parameters differ, or a name is no parameter.
    """
    _check(rows)
    given = [name for name in (x, y) if name is not None]
    for name in given:
        if name not in _parameters(rows):
            raise InvalidInputError(
                f"{name!r} is not a parameter of these networks: {', '.join(_parameters(rows))}"
            )
    others = [name for name in _differing(rows) if name not in given]
    if len(given) + len(others) < 2:
        raise InvalidInputError("a heat map needs two parameters that differ")
    across = others.pop(0) if x is None else x
    down = others.pop(0) if y is None else y
    return _alone_or_in(
        axes,
        rows,
        "heat_map",
        lambda its, rows: _draw_heat_map(its, rows, across, down),
        "Share of networks",
    )


@overload
def first_errors(rows: Sequence[Row]) -> Figure: ...
@overload
def first_errors(rows: Sequence[Row], *, axes: Axes) -> Axes: ...
def first_errors(rows: Sequence[Row], *, axes: Axes | None = None) -> Figure | Axes:
    """Draw where networks err that had come to their goal and were refuted all the same.

    It is the share of them whose lowest wrong bit is there or higher.

    Raises
    ------
    InvalidInputError
        If there is no such network.
    """
    if not _wrong_bits(rows):
        raise InvalidInputError(
            "no network that came to its goal was refuted: there is no wrong bit to draw"
        )
    return _alone_or_in(axes, rows, "first_errors", _draw_first_errors, "Where networks err")


@overload
def times(rows: Sequence[Row]) -> Figure: ...
@overload
def times(rows: Sequence[Row], *, axes: Axes) -> Axes: ...
def times(rows: Sequence[Row], *, axes: Axes | None = None) -> Figure | Axes:
    """Draw the seconds that training, checks and proof of a network took.

    Raises
    ------
    InvalidInputError
        If no row has seconds: those of a sweep's file of rows do, those of tables do not.
    """
    if not any(row.get("seconds") is not None for row in rows):
        raise InvalidInputError(
            "these rows have no seconds, only those in the file of a sweep (--rows) do"
        )
    return _alone_or_in(axes, rows, "times", _draw_times, "What a network took")


def _alone_or_in(
    axes: Axes | None,
    rows: Sequence[Row],
    name: str,
    draw: Callable[[Axes, Sequence[Row]], None],
    title: str,
) -> Figure | Axes:
    """Draw in the axes given, or in a figure with a title and a caption."""
    _check(rows)
    if axes is not None:
        draw(axes, rows)
        return axes
    with new_figure(7, 3.6, f"{title}: {len(rows):,}", CAPTIONS[name]) as figure:
        draw(figure.subplots(), rows)
        return figure


def _draw_shares(axes: Axes, rows: Sequence[Row]) -> None:
    # Where a network that diverged did so is not known.
    last = max(row["sequences"] or 0 for row in rows)
    first = last
    for number, (label, group) in enumerate(_groups(rows).items()):
        reached = sorted(row["sequences"] for row in group if row["status"] in GOALS)
        proved = sorted(row["sequences"] for row in group if row.get("verdict") == "proved")
        first = min([first, *reached])
        color = CARRIES[number]
        _draw_share(axes, reached, len(group), last, color=color, label=label)
        if proved and proved != reached:
            _draw_share(axes, proved, len(group), last, color=color, ls="--")
    left = 0.8 * first if 0 < 10 * first < last else 0
    axes.set_xlim(left, 1.02 * max(last, 1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    if left:
        _logarithmic(axes, "{x:,.0f}")
    axes.set_ylim(0, 104)
    axes.set_xlabel("sequences seen")
    axes.set_ylabel("networks, %")
    axes.set_title("How many learnt, and how soon")
    _legend(axes)


def _draw_share(axes: Axes, at: list[int], of: int, last: int, **line: Any) -> None:
    counts = np.array([*range(len(at) + 1), len(at)])
    where = [0, *at, last]
    axes.step(where, 100 * counts / of, where="post", lw=1.6, **line)
    low, high = wilson(counts, of)
    band = (where[1:], 100 * low[1:], 100 * high[1:])  # before the first of them there is no line
    axes.fill_between(*band, step="post", color=line["color"], alpha=0.15, lw=0)


def _draw_heat_map(axes: Axes, rows: Sequence[Row], x: str, y: str) -> None:
    has_verdicts = any(row.get("verdict") is not None for row in rows)
    across, down = (list(dict.fromkeys(row[name] for row in rows)) for name in (x, y))
    good, all_of = np.zeros((2, len(down), len(across)))
    for network in rows:
        place = down.index(network[y]), across.index(network[x])
        all_of[place] += 1
        if has_verdicts:
            good[place] += network["verdict"] == "proved"
        else:
            good[place] += network["status"] in GOALS
    with np.errstate(invalid="ignore"):
        share = 100 * good / all_of
    axes.imshow(np.ma.masked_invalid(share), cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(len(down), len(across)):
        if all_of[row, column]:
            axes.text(
                column,
                row,
                f"{share[row, column]:.3g} %",
                ha="center",
                va="center",
                fontsize=8.5,
                color="white" if share[row, column] > 55 else INK,
            )
    axes.set_xticks(range(len(across)), [_value(value) for value in across])
    axes.set_yticks(range(len(down)), [_value(value) for value in down])
    axes.set_xlabel(x.replace("_", " "))
    axes.set_ylabel(y.replace("_", " "))
    axes.grid(False)
    what = "proved for every length" if has_verdicts else "that came to their goal"
    axes.set_title(f"Share {what}")


def _draw_first_errors(axes: Axes, rows: Sequence[Row]) -> None:
    bits = _wrong_bits(rows)
    first, last = min(bits), max(bits)
    for number, (label, group) in enumerate(_groups(rows).items()):
        wrong = sorted(_wrong_bits(group))
        if wrong:
            share = 100 * np.arange(len(wrong), -1, -1) / len(wrong)
            name = f"{label}: {len(wrong):,}" if label else f"{len(wrong):,}"
            axes.step(
                [first, *wrong], share, where="post", lw=1.6, color=CARRIES[number], label=name
            )
    if 0 < 4 * first < last:
        axes.set_xscale("log", base=2)
        axes.set_xlim(first / 1.25, last * 1.03)
    else:
        axes.set_xlim(first - 0.05 * (last - first + 1), last + 0.05 * (last - first + 1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    axes.set_ylim(0, 104)
    axes.set_xlabel("lowest wrong bit")
    axes.set_ylabel("err there or above, %")
    axes.set_title("Where refuted networks err")
    _legend(axes)


def _draw_times(axes: Axes, rows: Sequence[Row]) -> None:
    groups = _groups(rows)
    for number, group in enumerate(groups.values()):
        seconds = [row["seconds"] for row in group if row.get("seconds") is not None]
        if seconds:
            low, middle, high = np.quantile(seconds, [0.05, 0.5, 0.95])
            color = CARRIES[number]
            axes.plot([low, high], [number, number], color=color, lw=2)
            axes.plot([middle], [number], "o", color=color, ms=6)
            axes.plot([np.mean(seconds)], [number], "x", color=color, ms=7, mew=2)
    _logarithmic(axes, "{x:g}")
    axes.set_yticks(range(len(groups)), [label or "all" for label in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlabel("seconds per network")
    axes.set_title("How long a network takes")


def _logarithmic(axes: Axes, numbers: str) -> None:
    """Make the x-axis logarithmic, with two labels at least, however short it is: it may hold but
    one power of ten, or none."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    axes.set_xscale("log")
    left, right = axes.get_xlim()
    if right < 5 * left:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if right < 100 * left else (1,)))
    axes.xaxis.set_major_formatter(numbers)
    axes.minorticks_off()
    axes.tick_params("x", pad=6.5)  # a label may lie at the left end, below one of the y-axis


def _wrong_bits(rows: Sequence[Row]) -> list[int]:
    """Return the lowest wrong bits of networks that had come to their goal."""
    return [
        row["wrong_bit"]
        for row in rows
        if row["status"] in GOALS and row.get("wrong_bit") is not None
    ]


def _legend(axes: Axes) -> None:
    lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    if len(lines) > 1:
        axes.legend(handles=lines, fontsize=8, loc="best")


# Groups ------------------------------------------------------------------------------------------


def _check(rows: Sequence[Row]) -> None:
    if not rows:
        raise InvalidInputError("there is no network to draw")


def _parameters(rows: Sequence[Row]) -> list[str]:
    return [name for name in rows[0] if name not in {*RESULTS, *SECONDS, "seed"}]


def _differing(rows: Sequence[Row]) -> list[str]:
    """Return the parameters of which there are several values; a row may lack some."""
    return [
        name for name in _parameters(rows) if any(row.get(name) != rows[0][name] for row in rows)
    ]


def _grouping(rows: Sequence[Row]) -> list[str]:
    """Return those parameters that differ, but for those of most values: few enough to colour."""
    names = _differing(rows)
    while len({tuple(row.get(name) for name in names) for row in rows}) > MOST:
        names.remove(max(names, key=lambda name: len({row.get(name) for row in rows})))
    return names


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows by the parameters that differ, in words."""
    names = _grouping(rows)
    groups: dict[str, list[Row]] = {}
    for row in rows:
        label = ", ".join(_words(name, row.get(name)) for name in names)
        groups.setdefault(label, []).append(row)
    return groups


def _words(name: str, value: Any) -> str:
    """Return a parameter with its value; a value that is a word speaks for itself."""
    return value if isinstance(value, str) else f"{name.replace('_', ' ')} {_value(value)}"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
