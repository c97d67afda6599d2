"""`binadd bench`: how fast is native here?"""

from __future__ import annotations

from binadd.cli.command import COUNT, NO, Outcome, option, require, say, subcommand
from binadd.cli.files import new_picture
from binadd.cli.options import dtype_option, hidden_option, recipe_option

__all__ = ["bench"]


@subcommand(
    "bench",
    short_help="Time native code against NumPy and others.",
    examples="""
binadd bench
binadd bench --peers --scaling --plot bench.png
binadd bench --hidden 32 --dtype float32
""",
)
@hidden_option
@option(
    "--bits",
    type=COUNT,
    metavar="N",
    default=8,
    help="The number of steps in each sequence [default: 8].",
)
@dtype_option
@recipe_option
@option(
    "--repeats",
    type=COUNT,
    metavar="N",
    default=9,
    help="Take the median of this many measurements [default: 9].",
)
@option(
    "--peers",
    is_flag=True,
    help="Also time Numba, PyTorch, JAX and ONNX Runtime, where they are installed.",
)
@option(
    "--scaling",
    is_flag=True,
    help="Also show how time grows with hidden units, steps, batch size and threads.",
)
@new_picture("--plot", help="Also draw the result in this file: a .png, .svg or .pdf.")
@option("-q", "--quiet", is_flag=True, help="Show no progress.")
def bench(
    hidden_size: int,
    bits: int,
    dtype: str,
    recipe: str | None,
    repeats: int,
    peers: bool,
    scaling: bool,
    plot: str | None,
    quiet: bool,
) -> Outcome:
    """Time the native kernels, the NumPy reference and, with --peers, other libraries.

    All of them do the same work, and their results are compared before anything is timed. The
    first row is the code of the tutorial notebook that binadd began with.

    Exit status 1: a result differs.
    """
    if plot is not None:
        require("matplotlib", "plot")
    from binadd.benchmark import run
    from binadd.errors import DisagreementError

    try:
        report = run(
            hidden_size,
            bits,
            dtype,
            recipe=recipe or "default",
            repeats=repeats,
            peers=peers,
            scaling=scaling,
            progress=None if quiet else lambda title: say(f"timing: {title}", dim=True),
        )
    except DisagreementError as error:
        return Outcome(str(error), {"status": "differs", "reason": str(error)}, NO)
    if plot is not None:
        report.plot(plot)
        say(f"the picture is in {plot}")
    return Outcome(report.table(), report.to_dict())
