"""Right on every pair of 8-bit numbers, wrong later: how often, and where?

    pip install 'binadd[plot]'
    python examples/study.py --seeds 1000

Networks of some recipes and sizes are trained until they add all pairs of 8-bit numbers rightly,
and each is then proved for every length, or refuted. The rows go to study/rows.jsonl as they come:
a run that was interrupted, or one with more seeds, goes on from there. From them alone are made
study/table.md and study/study.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import binadd
from binadd import plots
from binadd.plots.sweeps import wilson
from binadd.training.tables import read_table

Row = dict[str, Any]


def table(rows: Sequence[Row]) -> str:
    """Return a line for each recipe and size, as Markdown."""
    lines = [
        "| recipe | hidden units | networks | exact on 8 bits | of these proved | refuted | "
        "undecided | refuted, 95 % interval | lowest wrong bit: median, 95 %, highest | "
        "ms a network: median, mean |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["recipe"], row["hidden_size"]), []).append(row)
    for (recipe, size), group in sorted(groups.items()):
        exact = [row for row in group if row["status"] == "exact"]
        verdicts = [row["verdict"] for row in exact]
        refuted = verdicts.count("refuted")
        wrong = [row["wrong_bit"] for row in exact if row["wrong_bit"] is not None]
        seconds = [row["seconds"] for row in group]
        low, high = wilson(refuted, len(exact)) if exact else (0, 1)
        bits = [*np.quantile(wrong, [0.5, 0.95]), max(wrong)] if wrong else []
        lines.append(
            f"| `{recipe}` | {size} | {len(group):,} | {len(exact):,} | "
            f"{verdicts.count('proved'):,} | {refuted:,} | {verdicts.count('undecided'):,} | "
            f"{100 * low:.1f}–{100 * high:.1f} % | {', '.join(f'{bit:.0f}' for bit in bits)} | "
            f"{1000 * np.median(seconds):.0f}, {1000 * np.mean(seconds):,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--recipes", default="default,sgd,notebook,adam")
    parser.add_argument("--hidden", default="8,16")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=Path("study"))
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    path = options.folder / "rows.jsonl"
    if options.seeds:  # else: a table and pictures of what there is
        binadd.sweep(
            range(options.seeds),
            recipe=options.recipes.split(","),
            hidden_size=[int(size) for size in options.hidden.split(",")],
            until="exact",
            verdicts=True,
            max_sequences=100_000,
            workers=options.workers,
            path=path,
            progress=True,
        )
    rows = sorted(read_table(path), key=lambda r: (r["recipe"], r["hidden_size"], r["seed"]))
    text = table(rows)
    (options.folder / "table.md").write_text(text, encoding="utf-8")
    picture = plots.render(plots.sweep(rows), "png", dpi=110)
    (options.folder / "study.png").write_bytes(picture)
    print(text, end="")


if __name__ == "__main__":
    sys.exit(main())
