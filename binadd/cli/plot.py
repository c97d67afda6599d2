"""`binadd plot`: pictures of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from binadd.cli.command import (
    NO,
    Command,
    Outcome,
    demand_own_files,
    existing_file,
    new_picture,
    require,
)
from binadd.cli.numbers import parse_integer
from binadd.cli.prove import describe_verdict, verdict_data

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN
    from binadd.training import Progress

__all__ = ["plot"]

_KINDS = ("sum", "automaton", "learning")


@click.command(
    "plot",
    cls=Command,
    short_help="Draw a sum, the automaton, or the learning.",
    examples="""
binadd plot sum adder.npz 23 42 -o sum.png
binadd plot automaton adder.npz -o automaton.svg
binadd plot learning adder.npz
""",
)
@click.argument("kind", type=click.Choice(_KINDS), metavar="|".join(_KINDS))
@click.argument("model", type=existing_file)
@click.argument("numbers", nargs=-1)
@new_picture(
    "-o",
    "--output",
    help="Draw in this file, a .png, .svg or .pdf [default: sum.png, automaton.png or "
    "learning.png].",
)
def plot(kind: str, model: str, numbers: tuple[str, ...], output: str | None) -> Outcome:
    """Draw what the network in MODEL does.

    \b
    sum        its hidden units during one sum of NUMBERS
    automaton  the finite machine inside it, if it can be proved
    learning   loss and right bits as it learnt, by training a new network
               with the same options

    In the picture of a sum, output bits are green if they are right and orange if they are wrong;
    the carry, and the true sum below a wrong one, are grey. Hidden units that are higher when
    more is carried stand at the top, units that are lower at the bottom.

    Exit status 1: there is no proof.
    """
    context = click.get_current_context()
    if bool(numbers) != (kind == "sum"):
        raise click.UsageError("NUMBERS are needed for a sum, and for nothing else", context)
    output = output or f"{kind}.png"
    demand_own_files(model=model, picture=output)
    require("matplotlib", "plot")
    from binadd import load, plots

    net = load(model)
    if kind == "sum":
        figure = plots.hidden_states(net, *map(parse_integer, numbers))
    elif kind == "learning":
        figure = plots.learning_curve(_learn_again(net))
    else:
        from binadd.proof import Proved, prove

        verdict = prove(net)
        if not isinstance(verdict, Proved):
            text = describe_verdict(verdict, net.settings.operands)
            return Outcome(text, verdict_data(verdict), NO)
        figure = plots.automaton(verdict.automaton)
    plots.save(figure, output)
    return Outcome(f"the picture is in {output}", {"kind": kind, "model": model, "output": output})


def _learn_again(net: BinaryAdderRNN) -> list[Progress]:
    """Train a network of the same settings for as long, and return how that went."""
    from binadd.model import BinaryAdderRNN
    from binadd.training import train

    state = net.state
    history: list[Progress] = []
    if not state.sequences or state.bits is None:
        raise click.UsageError("this network has not been trained by binadd train")
    until: dict[str | None, str | int] = {"exact": "exact", "finished": state.sequences}
    train(
        BinaryAdderRNN(**net.get_params()),
        state.bits,
        until=until.get(state.status, "proved"),
        max_sequences=state.sequences,
        progress=history.append,
    )
    return history
