"""binadd's style, and figures as files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from binadd.errors import InvalidInputError
from binadd.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREEN", "GREY", "INK", "ORANGE", "PALE", "new_figure", "save"]

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
def new_figure(width: float, height: float) -> Iterator[Figure]:
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
