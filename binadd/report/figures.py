"""Pictures as inline SVG that follows the page's colours, light or dark."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from binadd.plots import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inline"]

WIDTH = 5.0
"""Inches at most, so that what is written stays legible on a telephone."""

_COLOURS = {
    "#ffffff": "paper",
    "#22262b": "ink",
    "#000000": "ink",
    "#5a616b": "slate",
    "#e9ecef": "pale",
    "#8a8f98": "grey",
    "#0072b2": "blue",
    "#d55e00": "orange",
    "#009e73": "green",
    "#e69f00": "amber",
}
"""Those of binadd.plots, and the variables of style.css that stand for them."""


def inline(figure: Figure, name: str) -> str:
    """Return a figure as HTML: its title tells screen readers what it is, its caption is text.

    `name` keeps the parts of one SVG apart from those of another on the same page.
    """
    title, caption = (" ".join(text.get_text().split()) for text in figure.texts[:2])
    for text in list(figure.texts[:2]):
        text.remove()
    figure.set_figwidth(min(figure.get_figwidth(), WIDTH))
    data = render(figure, "svg", name=name, bbox_inches="tight", pad_inches=0.05)
    svg = data.decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->\n?", "", svg)
    used = set(re.findall(r'#([\w.-]+)[")]', svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub("#[0-9a-f]{6}", lambda match: _variable(match[0]), svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
    return (
        f'<figure><div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"{svg}</div><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _variable(colour: str) -> str:
    return f"var(--{_COLOURS[colour]})" if colour in _COLOURS else colour
