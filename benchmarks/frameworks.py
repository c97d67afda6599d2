"""Decide networks that are right on all 8-bit pairs: how many are right for every length?

    python benchmarks/frameworks.py FOLDER [--seeds 100] [--plot frameworks.png] [KIND …]

reads the networks that elsewhere.py wrote to FOLDER, trains as many with each of binadd's recipes
until they are right on all pairs, and proves or refutes each. It prints a table, with where the
wrong ones err. Rows already decided are kept in FOLDER/frameworks.jsonl, so a run that was stopped
goes on; several may go on at once, each with other kinds, such as torch or default. The plot needs
matplotlib.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from elsewhere import ACTIVATIONS, BITS, read

import binadd
from binadd.proof import Refuted

RECIPES = ("default", "sgd", "adam", "notebook")
PLACES = (16, 32, 64, 128)
"""Upper ends of the table's columns of first wrong bits."""
LAST_PLACE = 1024
"""Where the plot ends."""
KINDS = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX", "tutorial": "the tutorial"}


def networks(folder: Path, seeds: int, kind: str) -> Iterator[tuple[str, binadd.BinaryAdderRNN]]:
    """Yield the names and networks of a kind: from the folder, or trained by a recipe."""
    if kind in ACTIVATIONS:
        for path in sorted(folder.glob(f"{kind}-*.npz"))[:seeds]:
            yield path.stem, read(path)
    else:
        for seed in range(seeds):
            net = binadd.BinaryAdderRNN(seed=seed, recipe=kind)
            if binadd.train(net, until="exact", bits=BITS).status == "exact":
                yield f"{kind}-{seed:03}", net


def decide(kind: str, name: str, net: binadd.BinaryAdderRNN) -> dict[str, Any]:
    """Return the row of one network."""
    verdict = binadd.prove(net)
    place = verdict.wrong_bit if isinstance(verdict, Refuted) else None
    return {"kind": kind, "name": name, "verdict": verdict.status, "wrong_bit": place}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the counts for each kind, in Markdown."""
    ends = [f"≤ {end}" for end in PLACES] + [f"> {PLACES[-1]}"]
    lines = [
        f"| | networks | proved | refuted | undecided | first wrong bit | {' | '.join(ends)} |",
        "|---|" + "---:|" * (5 + len(ends)),
    ]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        count = {
            v: sum(r["verdict"] == v for r in mine) for v in ("proved", "refuted", "undecided")
        }
        wrong = [row["wrong_bit"] for row in mine if row["wrong_bit"] is not None]
        columns = np.bincount(np.searchsorted(PLACES, wrong), minlength=len(ends))
        cells = [len(mine), *count.values(), f"{median(wrong):.0f}" if wrong else "", *columns]
        lines.append(f"| {kind} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def plot(rows: list[dict[str, Any]], path: str) -> None:
    """Draw, for each kind, the share of networks without a known error up to each bit."""
    from matplotlib.figure import Figure

    figure = Figure((7, 4), layout="constrained")
    axes = figure.subplots()
    ends = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        wrong = sorted(row["wrong_bit"] for row in mine if row["wrong_bit"] is not None)
        places = [BITS, *wrong, LAST_PLACE]
        shares = [100 * (1 - k / len(mine)) for k in range(len(wrong) + 1)]
        (line,) = axes.plot(places, [*shares, shares[-1]], drawstyle="steps-post")
        ends.append((shares[-1], KINDS.get(kind, f"binadd, {kind}"), line.get_color()))
    height = 0.0
    for share, label, colour in sorted(ends):  # beside the lines' ends, one above the other
        height = max(share, height + 4.5)
        place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(label, (LAST_PLACE, height), color=colour, annotation_clip=False, **place)
    axes.set_xscale("log", base=2)
    axes.set_xticks([BITS, *PLACES, 256, 512, LAST_PLACE])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set(xlim=(BITS, LAST_PLACE), ylim=(0, 102), xlabel="bit of the sum, from the lowest")
    axes.set_ylabel("networks with no known error up to this bit, %")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    kinds = [*ACTIVATIONS, *RECIPES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"default: {' '.join(kinds)}")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--plot")
    options = parser.parse_intermixed_args()
    kept = options.folder / "frameworks.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    done = {row["name"] for row in rows}
    with kept.open("a") as file:
        for kind in options.kinds or kinds:
            for name, net in networks(options.folder, options.seeds, kind):
                if name not in done:
                    rows.append(decide(kind, name, net))
                    print(json.dumps(rows[-1]), file=file, flush=True)
    rows.sort(key=lambda row: kinds.index(row["kind"]))
    print(table(rows))
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
