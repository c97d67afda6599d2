"""How the documentation is built: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import binadd

project = "binadd"
author = copyright = "The binadd developers"
version = release = binadd.__version__

extensions = [
    "myst_parser",  # pages are Markdown, which people also read in the repository
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

autodoc_typehints = "none"  # docstrings name the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nitpicky = True

# Only where the network can be reached: names of these packages become links.
intersphinx_mapping = {}
