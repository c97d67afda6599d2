"""`binadd bench`: how fast is native here?"""

from __future__ import annotations

import click

from binadd.cli.command import Command, Outcome, option
from binadd.kernels.contract import DTYPES

__all__ = ["bench"]


@click.command(
    "bench",
    cls=Command,
    short_help="Time native code against NumPy and the notebook.",
    examples="""
binadd bench
binadd bench --hidden 32 --dtype float32
""",
)
@option("--hidden", type=int, metavar="N", default=16, help="Hidden units; default 16.")
@option("--bits", type=int, metavar="N", default=8, help="Steps of a sequence; default 8.")
@option(
    "--dtype",
    type=click.Choice(DTYPES),
    metavar="|".join(DTYPES),
    default="float64",
    help="Of all numbers; default float64.",
)
@option("--repeats", type=int, metavar="N", default=9, help="The median of so many; default 9.")
def bench(hidden: int, bits: int, dtype: str, repeats: int) -> Outcome:
    """Time one training update: the notebook's way, the NumPy twin, native code.

    All make the same updates, and what they compute is compared before anything is timed.
    """
    from binadd.benchmark import run

    report = run(hidden, bits, dtype, repeats=repeats)
    return Outcome(report.table(), report.to_dict())
