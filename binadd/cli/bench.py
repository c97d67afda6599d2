"""`binadd bench`: how fast is native here?"""

from __future__ import annotations

import click

from binadd.cli.command import NO, Command, Outcome, new_picture, option, require, say
from binadd.kernels.contract import DTYPES
from binadd.recipes import RECIPES

__all__ = ["bench"]


@click.command(
    "bench",
    cls=Command,
    short_help="Time native code against NumPy and others.",
    examples="""
binadd bench
binadd bench --peers --growth --plot bench.png
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
@option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    metavar="NAME",
    default="default",
    help=f"{', '.join(RECIPES)}.",
)
@option("--repeats", type=int, metavar="N", default=9, help="The median of so many; default 9.")
@option("--peers", is_flag=True, help="Numba, PyTorch, JAX, ONNX Runtime: what is installed.")
@option("--growth", is_flag=True, help="With size, length, batch and threads.")
@new_picture("--plot", help="Draw it here, too: a .png, .svg or .pdf.")
@option("-q", "--quiet", is_flag=True, help="Show no progress.")
def bench(
    hidden: int,
    bits: int,
    dtype: str,
    recipe: str,
    repeats: int,
    peers: bool,
    growth: bool,
    plot: str | None,
    quiet: bool,
) -> Outcome:
    """Time the notebook's code, the NumPy twin, native code and, with --peers, other libraries.

    All do the same work, and what they compute is compared before anything is timed. Exit status
    1: some result differs.
    """
    if plot is not None:
        require("matplotlib", "plot")
    from binadd.benchmark import run
    from binadd.errors import DisagreementError

    try:
        report = run(
            hidden,
            bits,
            dtype,
            recipe=recipe,
            repeats=repeats,
            peers=peers,
            growth=growth,
            progress=None if quiet else lambda title: say(f"timing: {title}", dim=True),
        )
    except DisagreementError as error:
        return Outcome(str(error), {"status": "differs", "reason": str(error)}, NO)
    if plot is not None:
        report.plot(plot)
        say(f"the picture is in {plot}")
    return Outcome(report.table(), report.to_dict())
