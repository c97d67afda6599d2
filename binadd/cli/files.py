"""Files that commands read and write, checked before the work begins."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import click

from binadd.cli.command import option

__all__ = [
    "check_new_file",
    "check_new_picture",
    "demand_own_files",
    "existing_file",
    "new_file",
    "new_picture",
]

PICTURES = (".png", ".svg", ".pdf")

_OF_A_FORMAT = {
    *PICTURES,
    *(".npz", ".npy", ".json", ".jsonl", ".csv", ".parquet", ".html", ".htm"),
    *(".onnx", ".safetensors", ".pt", ".pth", ".keras", ".h5", ".c"),
}
"""Endings that say what is in a file: no other format is written under them."""

existing_file = click.Path(exists=True, dir_okay=False)


def check_new_file(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Refuse a path that cannot be written to: better before the work than after."""
    if path is None:
        return None
    folder = os.path.dirname(os.path.abspath(path))
    if not path:
        reason = "the name is empty"
    elif not os.path.isdir(folder):
        reason = f"there is no folder {folder}"
    elif os.path.isdir(path):
        reason = f"{path} is a folder"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = f"{path} cannot be written to"
    else:
        return path
    raise click.BadParameter(reason, ctx, parameter)


def check_new_picture(
    ctx: click.Context, parameter: click.Parameter, path: str | None
) -> str | None:
    """Refuse a path that no picture can be written to."""
    if path and os.path.splitext(path)[1].lower() not in PICTURES:
        raise click.BadParameter(
            f"{path} must end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}", ctx, parameter
        )
    return check_new_file(ctx, parameter, path)


def demand_own_files(**paths: str | None) -> None:
    """Refuse names of what is read and written that lead to one file: it cannot be both.

    Raises
    ------
    click.UsageError
        If two do.
    """
    for (one, path), (other, another) in itertools.combinations(paths.items(), 2):
        if path and another and _is_same_file(path, another):
            raise click.UsageError(
                f"the {one} and the {other} must be different files", click.get_current_context()
            )


def _is_same_file(path: str, other: str) -> bool:
    """Whether two names lead to one file, be it there or not."""
    if os.path.exists(path) and os.path.exists(other):
        return os.path.samefile(path, other)
    return os.path.realpath(path) == os.path.realpath(other)


def new_file(*args: Any, endings: tuple[str, ...] = (), **kwargs: Any) -> Callable[[Any], Any]:
    """Declare an option that names a file to be written, with no ending of another format."""

    def check(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
        ending = os.path.splitext(path or "")[1].lower()
        if endings and ending in _OF_A_FORMAT.difference(endings):
            raise click.BadParameter(
                f"{path} must not end in {ending}: what is written is {endings[0]}", ctx, parameter
            )
        return check_new_file(ctx, parameter, path)

    return option(*args, metavar="FILE", callback=check, **kwargs)


def new_picture(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Declare an option that names a picture to be drawn."""
    return option(*args, metavar="FILE", callback=check_new_picture, **kwargs)
