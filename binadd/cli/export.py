"""`binadd export`: a network for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from binadd.cli.command import (
    Command,
    Outcome,
    check_new_file,
    demand_own_files,
    existing_file,
    require,
)

__all__ = ["export"]

_FORMATS = {".onnx": "onnx", ".safetensors": "safetensors"}
"""What the file's name ends in, and the library that writes it."""


@click.command(
    "export",
    cls=Command,
    short_help="Write a network as ONNX or safetensors.",
    examples="""
binadd export adder.npz adder.onnx
binadd export adder.npz adder.safetensors
""",
)
@click.argument("model", type=existing_file)
@click.argument("output", callback=check_new_file)
def export(model: str, output: str) -> Outcome:
    """Write the network in MODEL to OUTPUT, whose ending decides the format.

    An .onnx file computes in float32. A .safetensors file keeps every bit of the weights.
    """
    from binadd import interop, load

    name = _FORMATS.get(Path(output).suffix.lower())
    if name is None:
        raise click.UsageError(
            f"{output} must end in {' or '.join(_FORMATS)}", click.get_current_context()
        )
    demand_own_files(model=model, export=output)
    require(name, "interop")
    write = interop.to_onnx if name == "onnx" else interop.to_safetensors
    write(load(model), output)
    text = f"{output} holds the network of {model}"
    return Outcome(text, {"model": model, "output": output, "format": name})
