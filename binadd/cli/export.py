"""`binadd export`: a network for other programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from binadd.cli.command import NO, YES, Outcome, option, require, say, subcommand
from binadd.cli.files import check_new_file, demand_own_files, existing_file
from binadd.cli.prove import effort_option, errors_data, step_error, tolerance
from binadd.errors import InvalidInputError

__all__ = ["export"]

_FORMATS = {".onnx": "onnx", ".safetensors": "safetensors", ".pt": "torch", ".c": "c"}
"""What the file's name ends in, and the format; the library that writes it has the same name."""


@subcommand(
    "export",
    short_help="Write a network as ONNX, safetensors, PyTorch or C.",
    examples="""
binadd export adder.npz adder.onnx
binadd export adder.npz step.onnx --form step --batch 1
binadd export adder.npz adder.c --dtype float32
""",
)
@click.argument("model", type=existing_file)
@click.argument("output", callback=check_new_file)
@option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    metavar="float32|float64",
    help="The dtype of the weights [default: float32 for .onnx and .pt, else the network's own].",
)
@option(
    "--form",
    type=click.Choice(["rnn", "step", "scan"]),
    metavar="rnn|step|scan",
    help="For .onnx: an RNN node, one step with the state as input and output, or a Scan.",
)
@option(
    "--batch", type=click.IntRange(1), metavar="N", help="For .onnx: a fixed number of sequences."
)
@option("--steps", type=click.IntRange(1), metavar="N", help="For .onnx: a fixed number of steps.")
@option("--uint8", is_flag=True, help="For .onnx: take bits as uint8.")
@option("--name", metavar="NAME", help="For .c: what its names begin with [default: adder].")
@step_error("the program that computes with OUTPUT; default the dtype, for .c 0")
@tolerance
@effort_option("medium")
@option("--force", is_flag=True, help="Write a network that gets a sum wrong, too.")
def export(
    model: str,
    output: str,
    effort: str,
    force: bool,
    tolerance: bool,
    step_error: float | str | None,
    **given: Any,
) -> Outcome:
    """Write the network in MODEL to OUTPUT, whose ending decides the format.

    First the network is proved or refuted with the weights as OUTPUT will hold them, for every
    program that computes with them in their dtype. One that gets a sum wrong is not written.

    Exit status 0: written. 1: not written.
    """
    from binadd import ExportError, interop, load
    from binadd.proof import Proved

    kind = _FORMATS.get(Path(output).suffix.lower())
    if kind is None:
        *endings, last = _FORMATS
        raise click.UsageError(
            f"{output} must end in {', '.join(endings)} or {last}", click.get_current_context()
        )
    demand_own_files(model=model, export=output)
    options = {name: value for name, value in given.items() if value not in (None, False)}
    _check_options(kind, options)
    if kind != "c":
        require(kind, kind if kind == "torch" else "interop")
    write: dict[str, Any] = {
        "onnx": interop.to_onnx,
        "safetensors": interop.to_safetensors,
        "torch": interop.to_torch,
        "c": interop.to_c,
    }
    data: dict[str, Any] = {"model": model, "output": output, "format": kind}
    if step_error is not None:
        options["step_error"] = step_error
    options |= {"tolerance": tolerance, "effort": effort, "force": force}
    try:
        found = write[kind](load(model), output, **options)
    except ExportError as reason:
        sentence = _as_options(reason)
        say(f"binadd export: {sentence}")
        return Outcome("", data | {"status": "refused", "reason": sentence}, NO)
    except InvalidInputError as reason:
        raise InvalidInputError(_as_options(reason)) from None
    text = (
        f"{output} holds the network of {model}\n{found.sentence}\n"
        f"weights {found.digest[:16]}…, {found.network.settings.dtype}"
    )
    data |= {
        "verdict": found.status,
        "dtype": found.network.settings.dtype,
        "arithmetic": found.arithmetic,
        "digest": found.digest,
    }
    if isinstance(found.verdict, Proved):
        data |= errors_data(found.verdict)
    return Outcome(text, data, YES)


def _as_options(reason: Exception) -> str:
    """Return a sentence with arguments as they are on the command line.

    >>> _as_options(ValueError("form='scan' or 'step' needs force=True"))
    '--form scan or step needs --force'
    """
    text = str(reason).replace("force=True", "--force").replace("form=", "--form ")
    return re.sub("'(rnn|scan|step)'", r"\1", text)


def _check_options(kind: str, options: dict[str, Any]) -> None:
    """Refuse options of another format."""
    allowed = {"onnx": {"form", "batch", "steps", "uint8"}, "c": {"name"}}.get(kind, set())
    for name in options:
        if name not in allowed | {"dtype"}:
            ending = "c" if name == "name" else "onnx"
            raise click.UsageError(f"--{name} is for .{ending}", click.get_current_context())
