"""Measure everything that binadd claims about its speed, in one go, on a quiet machine.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/measure.py results/NAME

writes NAME.json, NAME.txt and NAME.png. Needs what `pip install 'binadd[bench,plot]'` brings, and
some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import binadd
from binadd import BinaryAdderRNN, benchmark
from binadd.benchmark.timing import interleave
from binadd.benchmark.work import work as draw_work
from binadd.kernels import load
from binadd.kernels.contract import Batch

HERE = Path(__file__).parent
ROUNDS = 21


def best(function: Callable[[], object], calls: int = 1, rounds: int = 9) -> float:
    """Return the seconds of one call in the quickest round."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        found.append((time.perf_counter() - start) / calls)
    return min(found)


def calls() -> dict[str, float]:
    """Measure what one call from Python costs."""
    net = BinaryAdderRNN()
    binadd.train(net, until="exact")
    X = binadd.encode([(23, 42)], 8)
    long = int.from_bytes(np.random.default_rng(0).bytes(125_000), "little")
    return {
        "predict, one sequence of 8 bits: µs": best(lambda: net.predict(X), 500, 99) * 1e6,
        "add, two numbers of 8 bits: µs": best(lambda: net.add(123, 231), 500, 99) * 1e6,
        "add, two numbers of 10⁶ bits: ms": best(lambda: net.add(long, long)) * 1e3,
    }


def imports() -> dict[str, float]:
    """Measure what `import binadd` costs in addition to NumPy's import."""
    code = (
        "from time import *; import numpy; t = perf_counter(); import binadd;"
        "print(perf_counter() - t)"
    )
    command = [sys.executable, "-c", code]
    found = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(21)
    ]
    return {"import binadd, over numpy: ms": min(found) * 1e3}


def learning() -> dict[str, float]:
    """From a seed to a network that is exact on all pairs, and to one that is proved."""
    found = {}
    for until, seeds in (("exact", 300), ("proved", 100)):
        times = []
        for seed in range(seeds):
            start = time.perf_counter()
            run = binadd.train(BinaryAdderRNN(seed=seed), until=until)
            times.append((time.perf_counter() - start) * 1e3)
            assert run.reached
        found[f"from a seed to {until}, median of {seeds}: ms"] = median(times)
        found[f"from a seed to {until}, 99th percentile: ms"] = float(np.percentile(times, 99))
    return found


def checks() -> dict[str, float]:
    """Time the check of all 65,536 pairs for networks that pass it."""
    kernels = load("native")
    times = []
    for seed in range(40):
        net = BinaryAdderRNN(seed=seed)
        binadd.train(net, until="exact")
        state = net.state
        times.append(best(lambda s=state: kernels.first_error(s.architecture, s.block, 8)))  # type: ignore[misc]
    return {
        "check of all 8-bit pairs, median of 40 networks: ms": median(times) * 1e3,
        "check of all 8-bit pairs, slowest: ms": max(times) * 1e3,
    }


def overhead() -> dict[str, float]:
    """Measure what drawing, checks and slices add to the time of the kernel."""
    kernels, count = load("native"), 50_000
    net = BinaryAdderRNN()
    settings, state = net.settings, net.state
    work = draw_work(count, 8)

    def bare() -> None:
        kernels.train(
            state.learner(settings.optimizer),
            Batch(work.symbols, work.targets),
            settings.kernel_optimizer,
            loss=settings.loss,
        )

    def whole() -> None:
        binadd.train(BinaryAdderRNN(), until=count)

    times = interleave({"bare": bare, "whole": whole}, ROUNDS)
    ratio = times["whole"].best / times["bare"].best
    return {"train beside its kernel, 50,000 sequences: ×": ratio}


def reports() -> dict[str, Any]:
    """Run the benchmark with all peers, for two recipes and both dtypes."""
    found = {}
    for recipe in ("default", "notebook"):
        for dtype in ("float64", "float32"):
            first = (recipe, dtype) == ("default", "float64")
            print(f"{recipe}, {dtype}", file=sys.stderr)
            found[f"{recipe}, {dtype}"] = benchmark.run(
                dtype=dtype, recipe=recipe, repeats=ROUNDS, peers=True, scaling=first
            )
    return found


def main() -> None:
    target = HERE / sys.argv[1]
    target.parent.mkdir(exist_ok=True)
    single = {"programs at work in the minute before": os.getloadavg()[0]}
    for measure in (calls, imports, learning, checks, overhead):
        print(measure.__doc__, file=sys.stderr)
        single |= measure()
    found = reports()
    lines = [f"{name:60} {value:8.3g}" for name, value in single.items()]
    text = "\n\n\n".join(["\n".join(lines), *(report.table() for report in found.values())])
    data = {"single": single} | {name: report.to_dict() for name, report in found.items()}
    target.with_suffix(".json").write_text(
        json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    target.with_suffix(".txt").write_text(text + "\n", "utf-8")
    found["default, float64"].plot(target.with_suffix(".png"))
    print(text)


if __name__ == "__main__":
    main()
