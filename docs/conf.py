"""How the documentation is built: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import binadd

project = "binadd"
author = copyright = "The binadd developers"
version = release = binadd.__version__

extensions = [
    "myst_nb",  # pages are Markdown, which people also read in the repository, and a notebook
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"binadd {release}"

myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tools/tour.py runs the notebook, and compares its outputs

autodoc_typehints = "none"  # docstrings name the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nitpicky = True
default_role = "code"  # what docstrings have in backticks

# Only where the network can be reached: names of these packages become links.
intersphinx_mapping = {}

# What stands elsewhere in the repository becomes a page, too.
DOCS = Path(__file__).parent


def gather(*_: object) -> None:
    """Write the pages tour.ipynb and findings.md."""
    tour = (DOCS.parent / "examples" / "tour.ipynb").read_text("utf-8")
    (DOCS / "tour.ipynb").write_text(tour.replace("../docs/", ""), "utf-8")
    (DOCS / "findings.md").write_text(findings(DOCS.parent / "findings"), "utf-8")


def findings(folder: Path) -> str:
    """Return what the findings' README begins and ends with, and the heads of all of them."""
    if not folder.exists():  # as in an sdist
        return "# What surprised\n\nThe repository has these scripts, in `findings/`.\n"
    before, _, after = (folder / "README.md").read_text("utf-8").partition("\n| | |\n")
    heads = [head(path) for path in sorted(folder.glob("*.sh"))]
    return "\n\n".join([before, re.sub(r"(?m)^\|.*\n", "", after), *heads])


def head(path: Path) -> str:
    """Return a script's first comment as a section: a title, and paragraphs by name."""
    comment = re.search(r"^#!.*\n((?:#.*\n)+)", path.read_text("utf-8"))
    assert comment, f"{path.name} does not begin with a comment"
    text = re.sub(r"(?m)^# *", "", comment[1]).replace("__", r"\_\_").strip()
    text = re.sub(r"(?m)^([A-Z][a-z ]+):", r"\n**\1:**", text)
    text = text.replace(".\n", "\n", 1)  # a title has no full stop
    return f"## {text}\n\n**Script:** `findings/{path.name}`"


def link_to_pages(app: object, page: str, source: list[str]) -> None:
    """Link what has become a page as that page."""
    source[0] = source[0].replace("../examples/tour.ipynb", "tour.ipynb")


def setup(app: Any) -> None:
    """Gather pages before Sphinx looks for them."""
    app.connect("config-inited", gather)
    app.connect("source-read", link_to_pages)
