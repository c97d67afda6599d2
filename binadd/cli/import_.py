"""`binadd import`: a network that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from binadd.cli.command import Outcome, option, require, subcommand
from binadd.cli.files import demand_own_files, existing_file, new_file
from binadd.cli.options import coefficients_option

__all__ = ["import_"]

_KINDS = {
    "torch": (".pt", ".pth"),
    "keras": (".keras", ".h5"),
    "onnx": (".onnx",),
    "safetensors": (".safetensors",),
}
"""The endings of each program's files."""

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
@new_file("-o", "--output", required=True, help="Write the network here, as a model file.")
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
    ending = Path(file).suffix.lower()
    found = [name for name, endings in _KINDS.items() if ending in endings]
    if not found:
        known = ", ".join(each for endings in _KINDS.values() for each in endings)
        raise click.UsageError(f"{file} must end in one of {known}", click.get_current_context())
    (kind,) = found
    require(_LIBRARIES[kind], "torch" if kind == "torch" else "interop")
    if kind == "onnx":
        net = interop.from_onnx(file)
    elif kind == "keras":
        net = interop.from_keras(file, activation=activation)
    elif kind == "safetensors" and "binadd" in read_tensors(file)[0]:
        net = interop.from_safetensors(file)
    else:
        net = interop.from_torch(file, activation=activation)
    if coefficients is not None:
        net.coefficients = coefficients
    net.save(output)
    settings = net.settings
    text = (
        f"{output} holds the network of {file}: {settings.hidden_size} {settings.activation} "
        f"units, {settings.operands} operands, {settings.dtype}"
    )
    data = {
        "file": file,
        "output": output,
        "hidden_size": settings.hidden_size,
        "operands": settings.operands,
        "activation": settings.activation,
        "dtype": settings.dtype,
    }
    return Outcome(text, data)
