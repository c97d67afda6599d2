"""Pictures of a network and of many: how they learn, states, a sum, the machine inside, a sweep.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows, and leaves pyplot
alone; functions that take `axes` draw there and return them instead. `save` writes a figure to a
file.
Needs matplotlib: `pip install 'binadd[plot]'`.
"""

from __future__ import annotations

from binadd.plots.automata import automaton
from binadd.plots.figures import render, save
from binadd.plots.learning import learning_curve, train_again
from binadd.plots.state_space import state_space
from binadd.plots.sums import hidden_states
from binadd.plots.sweeps import first_errors, heat_map, shares, sweep, times
from binadd.plots.timings import timings
from binadd.plots.units import by_role, units

__all__ = [
    "automaton",
    "by_role",
    "first_errors",
    "heat_map",
    "hidden_states",
    "learning_curve",
    "render",
    "save",
    "shares",
    "state_space",
    "sweep",
    "times",
    "timings",
    "train_again",
    "units",
]
