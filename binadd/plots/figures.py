"""binadd's style, and figures as files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from binadd.checks import extra
from binadd.errors import InvalidInputError
from binadd.files import write_atomically
from binadd.form import Form, with_minus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "CARRIES",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PALE",
    "PALE_GREEN",
    "SLATE",
    "key_of_carries",
    "new_figure",
    "render",
    "save",
]

# Colours that colour-blind people can tell apart: M. Okabe & K. Ito, "Color Universal Design".
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8F98"
INK, SLATE, PALE, PALE_GREEN = "#22262B", "#5A616B", "#E9ECEF", "#CBEADF"
CARRIES = (BLUE, "#E69F00", GREEN, "#CC79A7", "#56B4E9", ORANGE, "#F0E442", GREY)
"""The colours of carries, from the lowest on; beyond these, they repeat with other marks."""

# Inches. Letters are taken for somewhat wider than most are, so that lines fit.
MARGIN = 0.12
TITLE_LETTER, TITLE_LINE = 0.103, 0.2
CAPTION_LETTER, CAPTION_LINE = 0.066, 0.155
KEY_LINE = 0.27
GAP = 0.08

STYLE: Any = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9,
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


@cache
def _picture() -> type[Figure]:
    """Return the class of binadd's figures, which needs matplotlib."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that a notebook shows where it is the value of a cell."""

        def _repr_png_(self) -> bytes:
            return render(self, "png", dpi=120)

    return Picture


def key_of_carries(form: Form) -> dict[str, str]:
    """Return the colour of each carry, by its name."""
    names = (f"carry {with_minus(k + form.lowest)}" for k in range(form.carries))
    return {name: CARRIES[k % len(CARRIES)] for k, name in enumerate(names)}


@contextmanager
def new_figure(
    width: float,
    height: float,
    title: str,
    caption: str = "",
    key: Mapping[str, str] | None = None,
) -> Iterator[Figure]:
    """Yield a figure with room for axes of this size, in inches, drawn in binadd's style.

    The title is above that room; below it are the key, which says what colours mean, and the
    caption. Title and caption are broken into lines that the figure is wide enough for.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with extra("plot"):
        from matplotlib import rc_context

    title = fill(title, int((width - 2 * MARGIN) / TITLE_LETTER))
    caption = fill(caption, int((width - 2 * MARGIN) / CAPTION_LETTER))
    above = MARGIN + TITLE_LINE * len(title.splitlines())
    notes = MARGIN + CAPTION_LINE * len(caption.splitlines())
    columns = _key_columns(key, width) if key else 1
    below = notes + GAP + KEY_LINE * -(-len(key or ()) // columns)
    whole = above + height + below
    with rc_context(STYLE):
        figure = _picture()((width, whole), layout="constrained", facecolor="white")
        engine: Any = figure.get_layout_engine()
        left = MARGIN / width
        engine.set(rect=(left, below / whole, 1 - 2 * left, height / whole), w_pad=0)
        figure.text(left, 1 - MARGIN / whole, title, va="top", fontsize=11, weight="bold")
        figure.text(left, notes / whole, caption, va="top", fontsize=8.5, color=SLATE)
        if key:
            _draw_key(figure, key, columns, left, (notes + GAP) / whole)
        yield figure


def _key_columns(key: Mapping[str, str], width: float) -> int:
    """Return how many entries of a key fit in a line."""
    widest = 0.35 + CAPTION_LETTER * max(map(len, key))
    at_most = min(len(key), max(1, int((width - 2 * MARGIN) / widest)))
    lines = -(-len(key) // at_most)
    return -(-len(key) // lines)


def _draw_key(
    figure: Figure, key: Mapping[str, str], columns: int, left: float, bottom: float
) -> None:
    from matplotlib.patches import Patch

    figure.legend(
        [Patch(facecolor=colour) for colour in key.values()],
        list(key),
        loc="lower left",
        bbox_to_anchor=(left, bottom),
        ncols=columns,
        fontsize=8.5,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.0,
        handleheight=1.0,
        handletextpad=0.5,
        columnspacing=1.5,
    )


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
    write_atomically(path, render(figure, kind))


def render(
    figure: Figure, kind: str, dpi: int = 200, *, name: str = "binadd", **options: Any
) -> bytes:
    """Return a figure as a file of this kind holds it: the same picture, the same bytes.

    The parts of an SVG are named after `name`, which keeps them apart from those of others that
    are on one page; `options` are those of matplotlib's `savefig`.
    """
    from matplotlib import rc_context

    data = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(data, format=kind, dpi=dpi, metadata=metadata, **options)
    return _name_parts(data.getvalue(), name) if kind == "svg" else data.getvalue()


def _name_parts(svg: bytes, name: str) -> bytes:
    """Rename the parts that others refer to: matplotlib names some of them by where they lay in
    memory."""
    text = svg.decode()
    parts = dict.fromkeys(re.findall(r'(?:url\(|href=")#([\w.-]+)', text))
    names = {part: f"{name}-{number}" for number, part in enumerate(parts)}
    text = re.sub(
        r'(?<=id=")[^"]+(?=")|(?<=#)[\w.-]+(?=[")])', lambda m: names.get(m[0], m[0]), text
    )
    return text.encode()
