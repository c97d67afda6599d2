"""A page about a network, in which it adds: one HTML file that fetches nothing.

`render` puts it together: words from `story`, pictures from `figures`, and the network itself for
`adder.js`, which computes the same bits as binadd. Needs matplotlib: `pip install 'binadd[plot]'`.
"""

from __future__ import annotations

import json
import os
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from binadd import plots
from binadd.checks import check_instance
from binadd.errors import InvalidInputError
from binadd.files import write_atomically
from binadd.model import BinaryAdderRNN
from binadd.plots.sums import EXAMPLE
from binadd.proof import Proved, Refuted, Verdict, prove
from binadd.proof.certificate import weights_digest
from binadd.report import story
from binadd.report.figures import inline
from binadd.report.story import NAMES

__all__ = ["describe", "render", "write"]

LONGEST = 512
"""Bits of a counterexample that the page can begin with."""


def write(
    net: BinaryAdderRNN, path: str | os.PathLike[str], verdict: Verdict | None = None
) -> None:
    """Write a network's page to a file, atomically.

    Raises
    ------
    InvalidTypeError, MissingExtraError
        As `render`.
    OSError
        If the file cannot be written.
    """
    write_atomically(path, render(net, verdict).encode())


def render(net: BinaryAdderRNN, verdict: Verdict | None = None) -> str:
    """Return a network's page as HTML.

    Parameters
    ----------
    net : BinaryAdderRNN
    verdict : Proved, Refuted or Undecided, optional
        By default what `binadd.prove(net)` returns.

    Raises
    ------
    InvalidTypeError
        If it is not a network.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> page = render(net)                                            # doctest: +SKIP
    """
    check_instance("net", net, BinaryAdderRNN)
    if verdict is None:
        verdict = prove(net)
    form = net.settings.form
    act = "add" if form.is_sum else "compute"
    order = list(range(net.settings.hidden_size))
    sections = [_section("How it was trained", _training(net))]
    sections.append(
        _section(
            "What it remembers",
            "<p>The network remembers what it has read in its hidden units, and nowhere else. "
            f"To {act if form.is_sum else f'{act} {form}'}, it must keep the carry there.</p>"
            + inline(plots.state_space(net, verdict), "states"),
        )
    )
    if isinstance(verdict, Proved):
        machine = verdict.automaton
        units = plots.by_role(machine)
        order = [unit.index for unit in units]
        content = inline(plots.automaton(machine), "automaton") + story.roles(units)
        sections.append(_section("The machine inside it", content))
    heading = {"proved": "Why it is right", "refuted": "Where it goes wrong"}
    sections.append(
        _section(heading.get(verdict.status, "What is not known"), story.proof(net, verdict))
    )
    return _fill(
        title=f"A network that {form.verb} {story.count(net.settings.operands)}",
        lead=story.summary(net, verdict),
        act=act,
        button=act.capitalize(),
        style=_text("style.css"),
        script=_text("adder.js") + _text("page.js"),
        inputs=_inputs(_summands(net, verdict)),
        operand_heads="".join(
            f'<th scope="col">{name}</th>' for name in NAMES[: net.settings.operands]
        ),
        order_in_words=""
        if verdict.status != "proved"
        else "; those that hold the carry are first",
        sections="\n".join(sections),
        network=_json(describe(net)),
        order=_json(order),
        footer=_footer(net),
    )


def describe(net: BinaryAdderRNN) -> dict[str, Any]:
    """Return a network as adder.js takes it; JSON has the shortest decimals that are exact."""
    settings, parameters = net.settings, net.parameters
    weights = {name: array.tolist() for name, array in parameters.items()}
    weights.setdefault("hidden_bias", [0.0] * settings.hidden_size)
    weights.setdefault("output_bias", 0.0)
    return {
        "hidden_size": settings.hidden_size,
        "operands": settings.operands,
        "coefficients": settings.coefficients,
        "carry_steps": settings.form.carry_steps,
        "signed": settings.form.lowest < 0,
        "written": settings.form.write("#" * settings.operands).split("#"),
        "activation": settings.activation,
        "dtype": settings.dtype,
        "weights": weights,
    }


def _training(net: BinaryAdderRNN) -> str:
    text = f"<p>{story.describe_network(net)}</p><p>{story.describe_training(net)}</p>"
    if not net.state.sequences:
        return text
    try:
        return text + inline(plots.learning_curve(*plots.train_again(net)), "learning")
    except InvalidInputError as reason:
        return f"{text}<p>{escape(str(reason)).capitalize()}.</p>"


def _summands(net: BinaryAdderRNN, verdict: Verdict) -> tuple[int, ...]:
    """Return the numbers that the page begins with: a wrong sum if it is known."""
    if isinstance(verdict, Refuted) and max(verdict.operands).bit_length() <= LONGEST:
        return verdict.operands
    return EXAMPLE[: net.settings.operands]


def _inputs(numbers: tuple[int, ...]) -> str:
    return "".join(
        f'<div><label for="number-{name}">Number {name}</label>'
        f'<input id="number-{name}" value="{number}" autocomplete="off" spellcheck="false"></div>'
        for name, number in zip(NAMES, numbers, strict=False)
    )


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{heading}</h2>{content}</section>"


def _footer(net: BinaryAdderRNN) -> str:
    from binadd import __version__

    return (
        f"Written by binadd {__version__} for <code>{escape(repr(net))}</code>, whose weights "
        f"have the SHA-256 <code>{weights_digest(net)}</code>."
    )


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def _text(name: str) -> str:
    return files("binadd.report").joinpath(name).read_text("utf-8")


def _fill(**values: str) -> str:
    return Template(_text("template.html")).substitute(values)
