"""`binadd plot`: pictures of a network, or of a sweep over many."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import click

from binadd.cli.command import NO, Outcome, option, require, subcommand
from binadd.cli.files import PICTURES, check_new_picture, demand_own_files, existing_file
from binadd.cli.numbers import parse_integer
from binadd.cli.prove import describe_verdict, verdict_data
from binadd.errors import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from binadd.model import BinaryAdderRNN
    from binadd.proof import Verdict

__all__ = ["plot"]

_KINDS = ("sum", "automaton", "learning", "states")
_CHOICES = (*_KINDS, "all", "sweep")


@subcommand(
    "plot",
    short_help="Draw a sum, the automaton, the learning, the states, or a sweep.",
    examples="""
binadd plot sum adder.npz 23 42 -o sum.png
binadd plot automaton adder.npz -o automaton.svg
binadd plot all adder.npz -o pictures
binadd plot sweep rows.jsonl -o sweep.png
""",
)
@click.argument("kind", type=click.Choice(_CHOICES), metavar="KIND")
@click.argument("model", type=existing_file)
@click.argument("numbers", nargs=-1)
@option(
    "-o",
    "--output",
    metavar="FILE",
    help="Draw in this file, a .png, .svg or .pdf [default: the kind's name with .png]; all "
    "pictures in this folder [default: pictures].",
)
def plot(kind: str, model: str, numbers: tuple[str, ...], output: str | None) -> Outcome:
    """Draw what the network in MODEL does, or what a sweep found; KIND is one of these.

    \b
    sum        its hidden units during one sum of NUMBERS
    automaton  the finite machine inside it and what each unit holds,
               if it can be proved
    learning   loss and right bits as it learnt, by training a new network
               with the same options
    states     where its hidden states lie, with the sets of the proof
    all        each of these that can be drawn, in a folder
    sweep      how many networks learnt and are proved, how soon, where
               others err, and the time it took; MODEL is the file of
               rows or the table of binadd sweep

    In the picture of a sum, output bits are green if they are right and orange if they are wrong;
    the carry, and the true sum below a wrong one, are grey. Hidden units that are higher when
    more is carried stand at the top, units that are lower at the bottom.

    Exit status 1: there is no proof.
    """
    context = click.get_current_context()
    if bool(numbers) != (kind == "sum") and kind != "all":
        raise click.UsageError("NUMBERS are needed for a sum, and for nothing else", context)
    if kind == "all":
        folder = _new_folder(output or "pictures")
        paths = {name: os.path.join(folder, f"{name}.png") for name in _KINDS}
    else:
        paths = {kind: output or f"{kind}.png"}
        (parameter,) = (p for p in context.command.params if p.name == "output")
        check_new_picture(context, parameter, paths[kind])
    for path in paths.values():
        demand_own_files(model=model, picture=path)
    require("matplotlib", "plot")
    if kind == "sweep":
        return _draw_sweep(model, paths[kind])
    from binadd import load, plots
    from binadd.proof import prove

    net = load(model)
    verdict = cache(partial(prove, net))  # which takes long: once, if at all
    drawn, skipped = [], {}
    for name, path in paths.items():
        try:
            figure = _draw(name, net, numbers, verdict)
        except InvalidInputError as reason:
            if kind != "all":
                raise
            skipped[name] = str(reason)
            continue
        if isinstance(figure, Outcome):
            if kind != "all":
                return figure
            skipped[name] = f"the network is {figure.data['status']}"
            continue
        plots.save(figure, path)
        drawn.append(path)
    data = {"kind": kind, "model": model, "output": output or paths.get(kind, "pictures")}
    if kind != "all":
        return Outcome(f"the picture is in {drawn[0]}", data)
    lines = [f"the picture is in {path}" for path in drawn]
    lines += [f"no picture of {name}: {reason}" for name, reason in skipped.items()]
    return Outcome("\n".join(lines), data | {"pictures": drawn, "skipped": skipped})


def _draw_sweep(table: str, path: str) -> Outcome:
    from binadd import plots
    from binadd.training.tables import read_table

    rows = read_table(table)
    plots.save(plots.sweep(rows), path)
    data = {"kind": "sweep", "table": table, "networks": len(rows), "output": path}
    return Outcome(f"the picture of {len(rows):,} networks is in {path}", data)


def _new_folder(path: str) -> str:
    context = click.get_current_context()
    if not os.path.isdir(path) and (
        os.path.exists(path) or os.path.splitext(path)[1].lower() in PICTURES
    ):
        raise click.UsageError(f"all pictures go into a folder, and {path} is not one", context)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}", context) from None
    return path


def _draw(
    kind: str, net: BinaryAdderRNN, numbers: tuple[str, ...], verdict: Callable[[], Verdict]
) -> Figure | Outcome:
    """Return a picture; an outcome where there is none without a proof."""
    from binadd import plots
    from binadd.plots.sums import EXAMPLE
    from binadd.proof import Proved

    if kind == "sum":
        integers = map(parse_integer, numbers) if numbers else EXAMPLE[: net.settings.operands]
        return plots.hidden_states(net, *integers)
    if kind == "learning":
        return plots.learning_curve(*plots.train_again(net))
    found = verdict()
    if kind == "states":
        return plots.state_space(net, found)
    if not isinstance(found, Proved):
        text = describe_verdict(found, net.settings.form) + "\nNo picture: only a proof has one."
        return Outcome(text, verdict_data(found), NO)
    return plots.automaton(found.automaton)
