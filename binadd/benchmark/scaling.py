"""`scaling`: the time of native training against network, sequences, batches and threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from binadd.benchmark.ours import Ours
from binadd.benchmark.timing import interleave
from binadd.benchmark.work import Work, work
from binadd.kernels import load

__all__ = ["scaling"]

SIZES = (4, 8, 16, 32, 64, 128)
LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
BATCHES = (1, 4, 16, 64, 256, 1024)
THREADS = (1, 2, 4, 8, 16, 32, 64)

Row = dict[str, float]


def scaling(bits: int, repeats: int, **parameters: Any) -> dict[str, list[Row]]:
    """Return tables by title, of µs per sequence.

    Parameters
    ----------
    bits : int
        Steps of a sequence, except in the table over steps.
    repeats : int
        Rounds; the times are those of the quickest.
    **parameters
        Arguments of the network's constructor.
    """

    def both(count: int, steps: int, **changed: int) -> Row:
        return {
            label: _time(work(count, steps, batch_size, **parameters | changed), repeats)
            for label, batch_size in (("online", 1), ("batches of 64", 64))
        }

    return {
        "Hidden units": [
            {"hidden units": size} | both(max(64, 32768 // size), bits, hidden_size=size)
            for size in SIZES
        ],
        "Steps": [{"steps": steps} | both(max(64, 4096 // steps), steps) for steps in LENGTHS],
        "Batch size": [
            {"batch size": size, "µs": _time(work(4096, bits, size, **parameters), repeats)}
            for size in BATCHES
        ],
        "Threads": _threads(work(4096, bits, **parameters), repeats),
    }


def _time(work: Work, repeats: int) -> float:
    function = Ours(load("native")).train(work)
    return interleave({"": function}, repeats)[""].best * 1e6 / len(work.symbols)


def _threads(work: Work, repeats: int) -> list[Row]:
    """Time independent networks, one a thread: the kernels release the GIL.

    Processor time per sequence shows whether threads slow each other down, even on a machine that
    other programs use: without interference it does not depend on the number of threads.
    """
    function = Ours(load("native")).train(work)
    numbers = [n for n in THREADS if n <= (os.cpu_count() or 1)]
    with ThreadPoolExecutor(numbers[-1]) as pool:

        def together(threads: int) -> Callable[[], object]:
            return lambda: list(pool.map(lambda _: function(), range(threads)))

        functions = {str(n): together(n) for n in numbers}
        times = interleave(functions, 10 * repeats)  # some with every processor free
        busy = interleave(functions, repeats, clock=time.process_time)
    scale = 1e6 / len(work.symbols)
    return [
        {
            "threads": n,
            "µs": times[str(n)].best * scale / n,
            "speed-up": n * times["1"].best / times[str(n)].best,
            "processor's µs": busy[str(n)].best * scale / n,
        }
        for n in numbers
    ]
