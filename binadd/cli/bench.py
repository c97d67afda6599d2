"""`binadd bench`: the notebook's way, the NumPy twin and native, side by side."""

from __future__ import annotations

import click

from binadd.cli.command import Command, Outcome

__all__ = ["bench"]


@click.command(
    "bench",
    cls=Command,
    short_help="Compare native with Python.",
    examples="""
binadd bench
binadd bench --hidden 32 --dtype float32
""",
)
@click.option("--hidden", "hidden_size", type=int, default=16, show_default=True)
@click.option("--bits", type=int, default=8, show_default=True, help="Steps of a sequence.")
@click.option("--dtype", default="float64", show_default=True)
@click.option("--repeats", type=int, default=9, show_default=True, help="Interleaved runs.")
def bench(hidden_size: int, bits: int, dtype: str, repeats: int) -> Outcome:
    """Time one update of the notebook's code, the NumPy twin and native, the same bits first."""
    from binadd.benchmark import run

    report = run(hidden_size, bits, dtype, repeats=repeats)
    return Outcome(report.table(), report.to_dict())
