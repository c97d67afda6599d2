"""`binadd info`: what computes here and why, or what a model file or a checkpoint holds."""

from __future__ import annotations

import itertools
import math
import os
import platform
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from binadd.cli.command import NO, YES, Outcome, style, subcommand
from binadd.cli.files import existing_file

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN
    from binadd.training.schedule import Goal
    from binadd.training.trainer import Run

__all__ = ["info"]

_PACKAGE = Path(__file__).parent.parent


@subcommand(
    "info",
    short_help="Show what computes here and why, or what a model is.",
    examples="""
binadd info
binadd info adder.npz
binadd info run.npz
""",
)
@click.argument("model", type=existing_file, required=False, metavar="[MODEL]")
def info(model: str | None) -> Outcome:
    """Show versions, the backend and instruction sets; or what MODEL is and how it was trained.

    MODEL is a model file or a checkpoint.

    Exit status 1: the compiled kernels are broken, or the requested backend is missing.
    """
    return _of_installation() if model is None else _of_model(model)


def _of_installation() -> Outcome:
    import numpy

    from binadd import __version__

    tree = _source_tree()
    data: dict[str, Any] = {
        "binadd": __version__,
        "folder": str(_PACKAGE),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": numpy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    backend = _backend(tree)
    lines = [f"{name:<10}{value}" for name, value in data.items()]
    if tree is not None:
        lines[1] += " (a source tree)"
    lines.append(f"{'backend':<10}{_describe_backend(backend)}")
    if backend["isas"]:
        lines += [f"{'':<10}{line}" for line in _describe_isas(backend)]
    status = NO if backend["backend"] is None else YES
    return Outcome("\n".join(lines), data | {"source_tree": tree is not None} | backend, status)


def _source_tree() -> Path | None:
    """Return the folder of the source tree that binadd was imported from; None: an install."""
    tree = _PACKAGE.parent
    return tree if (tree / "csrc" / "binadd.h").exists() else None


def _backend(tree: Path | None) -> dict[str, Any]:
    """Return which kernels compute, why, and with which of the instruction sets."""
    from binadd.errors import BackendError
    from binadd.kernels import load, native_is_installed

    asked = os.environ.get("BINADD_BACKEND") or "auto"
    if asked != "auto":
        reason = f"BINADD_BACKEND={asked}"
    elif native_is_installed():
        reason = "the compiled extension is installed"
    elif tree is not None:
        reason = f"this source tree has no compiled extension: pip install -e {quote(str(tree))}"
    else:
        reason = "this install has no compiled extension: there was no C compiler, or it is pure"
    found: dict[str, Any] = {"backend": None, "reason": reason, "isa": None, "isas": {}}
    try:
        kernels: Any = load()
    except BackendError as error:
        return found | {"reason": str(error)}
    found["backend"] = kernels.NAME
    if kernels.NAME == "native":
        found |= {"isa": kernels.isa(), "isas": kernels.isas()}
        if tree is not None and _is_older(Path(kernels.__file__), tree):
            found["reason"] += f", older than its sources: pip install -e {quote(str(tree))}"
    return found


def _is_older(extension: Path, tree: Path) -> bool:
    """Whether a source of the extension was changed after it was built."""
    sources = itertools.chain(tree.glob("csrc/**/*.[ch]"), tree.glob("binadd/kernels/*.p[yx][xd]"))
    built = extension.stat().st_mtime
    return any(source.stat().st_mtime > built for source in sources)


def _describe_backend(backend: dict[str, Any]) -> str:
    name = backend["backend"]
    shown = style(name or "none", fg="green" if name else "red", bold=True)
    return f"{shown} ({backend['reason']})"


def _describe_isas(backend: dict[str, Any]) -> list[str]:
    forced = os.environ.get("BINADD_ISA")
    why = f"BINADD_ISA={forced}" if forced else "the widest this machine has"
    built = ", ".join(
        name if supported else f"{name} (not on this machine)"
        for name, supported in backend["isas"].items()
    )
    return [f"instruction set {style(backend['isa'], bold=True)} ({why})", f"built: {built}"]


def _of_model(path: str) -> Outcome:
    net, run = _read(path)
    state, settings = net.state, asdict(net.settings)
    training = {name: getattr(state, name) for name in ("status", "bits", "sequences", "updates")}
    count = sum(array.size for array in net.parameters.values())
    lines = [
        f"{'network':<10}{_describe_network(net)}, {count:,} weights",
        f"{'recipe':<10}{_describe_recipe(settings)}",
        f"{'training':<10}{_describe_training(training)}",
        f"{'seed':<10}{settings['seed']}",
    ]
    data = {"model": path, "settings": settings, "training": training, "weights": count}
    if run is not None:
        lines.append(f"{'goal':<10}{_describe_goal(run.goal)}; {_how_to_go_on(run, path)}")
        data["goal"] = asdict(run.goal)
    return Outcome("\n".join(lines), data)


def _read(path: str) -> tuple[BinaryAdderRNN, Run | None]:
    """Return the network of a model file, or of a checkpoint with its run."""
    from binadd import load
    from binadd.errors import CheckpointError, ModelFileError

    try:
        return load(path), None
    except ModelFileError:
        from binadd.training.checkpoint import load_checkpoint

        with suppress(CheckpointError):
            run = load_checkpoint(path)
            return run.net, run
        raise


def _describe_network(net: BinaryAdderRNN) -> str:
    settings = net.settings
    biases = "with biases" if settings.biases else "no biases"
    what = f"{settings.operands} operands" if settings.form.is_sum else str(settings.form)
    return (
        f"{what}, {settings.hidden_size} {settings.activation} units, {biases}, {settings.dtype}"
    )


def _describe_recipe(settings: dict[str, Any]) -> str:
    from binadd.settings import CONSTANTS

    constants = [name for name, having in CONSTANTS.items() if settings["optimizer"] in having]
    shown = ", ".join(
        f"{name.replace('_', ' ')} {settings[name]:g}"
        for name in ("learning_rate", *constants, "clip_norm", "batch_size")
        if settings[name] != math.inf
    )
    loss = settings["loss"].replace("_", " ")
    return f"{settings['recipe']}: {loss}, {settings['optimizer']}, {shown}"


def _describe_goal(goal: Goal) -> str:
    if isinstance(goal.until, int):
        return f"{goal.until:,} sequences"
    return f"until {goal.until}, at most {goal.max_sequences:,} sequences"


def _how_to_go_on(run: Run, path: str) -> str:
    from binadd.training.checkpoint import has_reached_goal

    command = f"binadd train --resume {quote(path)}"
    if has_reached_goal(run):
        return f"it is reached, and {command} --until N continues beyond it"
    if run.state.sequences >= run.goal.max_sequences:
        return f"its limit is reached, and {command} --max-sequences N raises it"
    return f"{command} continues it"


def _describe_training(training: dict[str, Any]) -> str:
    if not training["sequences"]:
        return "none"
    bits = "" if training["bits"] is None else f" of {training['bits']} bits"
    how = {
        "proved": ", then proved right for every length",
        "exact": ", then right on every sum of that length",
        "limit": ", short of its goal",
    }.get(training["status"], "")
    return f"{training['sequences']:,} sequences{bits}{how}"
