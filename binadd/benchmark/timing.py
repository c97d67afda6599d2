"""Time several functions side by side on a machine that is never quite quiet.

All take turns, round after round, so that whatever slows the machine down slows all of them; a
ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

__all__ = ["Times", "interleave"]

TURN = 0.002
"""The least seconds of a turn: short functions are called many times in it."""


class Times:
    """Seconds of each round, of one function."""

    def __init__(self, seconds: list[float]) -> None:
        self.seconds = seconds

    @property
    def median(self) -> float:
        """Seconds in the median round."""
        return median(self.seconds)

    @property
    def best(self) -> float:
        """Seconds in the quickest round, with the least of the machine's noise in them."""
        return min(self.seconds)

    def ratio(self, base: Times) -> float:
        """Return the time as a multiple of `base`'s: the median of the rounds' ratios."""
        return median(mine / its for mine, its in zip(self.seconds, base.seconds, strict=True))


def interleave(
    functions: Mapping[str, Callable[[], object]],
    repeats: int = 9,
    before: Mapping[str, Callable[[], object]] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Return the times of functions that took turns `repeats` times, after one turn to warm up.

    A function's entry in `before` is called at the beginning of its turn, untimed. The clock
    `time.process_time` measures processor time instead.
    """
    get_ready = {name: (before or {}).get(name, lambda: None) for name in functions}
    calls = {}
    for name, function in functions.items():
        get_ready[name]()
        function()
        calls[name] = max(1, round(TURN / max(_time(function, 1, clock), 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in functions}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, function in functions.items():
                get_ready[name]()
                times[name].append(_time(function, calls[name], clock))
    finally:
        if enabled:
            gc.enable()
    return {name: Times(seconds) for name, seconds in times.items()}


def _time(function: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls
