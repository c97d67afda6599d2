"""`binadd import`: a network that was trained elsewhere."""

from __future__ import annotations

import zipfile
from pathlib import Path

import click

from binadd.cli.command import Outcome, option, require, subcommand
from binadd.cli.files import demand_own_files, existing_file, new_file
from binadd.cli.options import coefficients_option

__all__ = ["import_"]

_KINDS = {
    ".pt": "torch",
    ".pth": "torch",
    ".keras": "keras",
    ".h5": "keras",
    ".onnx": "onnx",
    ".safetensors": "safetensors",
}
"""Who writes files of which ending."""

_LIBRARIES = {"torch": "torch", "keras": "h5py", "onnx": "onnx", "safetensors": "safetensors"}


@subcommand(
    "import",
    short_help="Read a network that PyTorch, Keras or ONNX wrote.",
    examples="""
binadd import adder.pt -o adder.npz
binadd import adder.keras -o adder.npz
binadd import adder.onnx -o adder.npz
""",
)
@click.argument("file", type=existing_file)
@new_file(
    "-o",
    "--output",
    endings=(".npz",),
    required=True,
    help="Write the network here, as a model file.",
)
@option(
    "--activation",
    type=click.Choice(["tanh", "sigmoid"]),
    metavar="tanh|sigmoid",
    help="The activation of the hidden units, where FILE does not hold it [default: tanh].",
)
@coefficients_option
def import_(
    file: str, output: str, activation: str | None, coefficients: tuple[int, ...] | None
) -> Outcome:
    """Make a model of the Elman network in FILE, whose ending names the program that wrote it.

    .pt and .pth hold a state dict of PyTorch; .keras and .weights.h5 are files of Keras; .onnx
    holds a graph, of any program; .safetensors is binadd's or a PyTorch state dict. What is
    imported is compared with that program's equations.
    """
    from binadd import interop
    from binadd.interop.safetensors import read_tensors

    demand_own_files(file=file, output=output)
    kind = _KINDS.get(Path(file).suffix.lower())
    if kind is None:
        known = ", ".join(_KINDS)
        raise click.UsageError(f"{file} must end in one of {known}", click.get_current_context())
    require(_LIBRARIES[kind], "torch" if kind == "torch" else "interop")
    if kind == "safetensors" and "binadd" not in read_tensors(file)[0]:
        kind = "torch"  # its state dict
    given = {} if activation is None else {"activation": activation}
    if given and kind in ("onnx", "safetensors"):
        raise click.UsageError(
            f"{file} says which activation it has: leave --activation out",
            click.get_current_context(),
        )
    net = getattr(interop, f"from_{kind}")(file, **given)
    operands = net.settings.operands
    if coefficients is not None:
        if len(coefficients) != operands:
            raise click.UsageError(
                f"--coefficients must be {operands}, one for each operand of {file}, not "
                f"{len(coefficients)}",
                click.get_current_context(),
            )
        net.coefficients = coefficients
    net.save(output)
    settings = net.settings
    # Of these files, only a .keras, which is a zip file, holds the activation.
    is_assumed = not given and (
        kind == "torch" or (kind == "keras" and not zipfile.is_zipfile(file))
    )
    assumed = " (assumed: --activation sigmoid if they are not)" if is_assumed else ""
    text = (
        f"{output} holds the network of {file}: {settings.hidden_size} {settings.activation} "
        f"units{assumed}, {operands} operands, {settings.dtype}"
    )
    data = {
        "file": file,
        "output": output,
        "hidden_size": settings.hidden_size,
        "operands": operands,
        "activation": settings.activation,
        "activation_is_assumed": is_assumed,
        "dtype": settings.dtype,
    }
    return Outcome(text, data)
