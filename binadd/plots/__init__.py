"""Pictures: how a network learns, what it holds in mind during a sum, the machine inside it.

Each function returns a `matplotlib.figure.Figure` and leaves pyplot alone; `save` writes one to a
file. Needs matplotlib: `pip install 'binadd[plot]'`.
"""

from __future__ import annotations

from binadd.plots.figures import save
from binadd.plots.learning import learning_curve
from binadd.plots.machine import automaton
from binadd.plots.sums import hidden_states
from binadd.plots.timings import timings

__all__ = ["automaton", "hidden_states", "learning_curve", "save", "timings"]
