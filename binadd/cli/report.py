"""`binadd report`: a network's story on a page, in which it adds."""

from __future__ import annotations

import click

from binadd.cli.command import Outcome, require, subcommand
from binadd.cli.files import demand_own_files, existing_file, new_file
from binadd.cli.prove import verdict_data

__all__ = ["report"]


@subcommand(
    "report",
    short_help="Tell a network's story on a page, in which it adds.",
    examples="binadd report adder.npz -o report.html",
)
@click.argument("model", type=existing_file)
@new_file(
    "-o",
    "--output",
    endings=(".html", ".htm"),
    default="report.html",
    help="Write the page to this file [default: report.html].",
)
def report(model: str, output: str) -> Outcome:
    """Write a page about the network in MODEL: one HTML file that fetches nothing.

    It shows how the network was trained, where its hidden states lie, the machine inside it, and
    why it is right or where it goes wrong. It also has a place to type numbers and watch the
    network add them, to the same bits. For the curve of its learning the network is trained again,
    which takes as long as its training took.
    """
    demand_own_files(model=model, page=output)
    require("matplotlib", "plot")
    from binadd import load
    from binadd.proof import prove
    from binadd.report import write

    net = load(model)
    verdict = prove(net)
    write(net, output, verdict)
    data = {"model": model, "output": output, "verdict": verdict_data(verdict)}
    return Outcome(f"the page is in {output}", data)
