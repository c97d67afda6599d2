"""`proofs`: how long it takes from a seed to a proved network, and proving and checking in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from binadd.benchmark.summary import Row, Section
from binadd.benchmark.timing import Times, interleave
from binadd.model import BinaryAdderRNN
from binadd.proof import Proved, check, prove
from binadd.training import train

__all__ = ["proofs"]

MOST_SEQUENCES = 5000
"""The limit of each training; networks that are not proved by then are left out."""
START = "seed → proved"


def proofs(seeds: int, **parameters: Any) -> Section | None:
    """Return the times of networks with seeds 0, 1, …, as ratios to those from seed to proof.

    `parameters` are the constructor's. None if no network was proved.
    """
    every: dict[str, list[float]] = {START: [], "prove": [], "check": []}
    for seed in range(seeds):
        net = BinaryAdderRNN(seed=seed, **parameters)
        if train(net, max_sequences=MOST_SEQUENCES).status != "proved":
            continue
        verdict = prove(net)
        assert isinstance(verdict, Proved)  # again, and likewise
        functions: dict[str, Callable[[], object]] = {
            START: partial(_from_seed, seed, parameters),
            "prove": partial(prove, net),
            "check": partial(check, verdict.certificate, net),
        }
        for name, times in interleave(functions, 1).items():
            every[name].append(times.median)
    proved = len(every[START])
    if not proved:
        return None
    base = Times(every[START])
    return Section(
        f"From seed to proof, networks with seeds 0 to {seeds - 1}",
        "network",
        [
            Row(
                name,
                median(seconds) * 1e6,
                min(seconds) * 1e6,
                Times(seconds).ratio(base),
                f"{proved} of {seeds} proved",
            )
            for name, seconds in every.items()
        ],
    )


def _from_seed(seed: int, parameters: dict[str, Any]) -> None:
    train(BinaryAdderRNN(seed=seed, **parameters), max_sequences=MOST_SEQUENCES)
