"""Model files: a network's weights under their names, and where they came from.

The file is one of `binadd.archive`'s, of the format "binadd model". Its arrays are those of
`BinaryAdderRNN.parameters`; its header adds

    configuration   every one of the network's settings, but for coefficients that are all 1
    training        sequences, updates, position in the data stream, restarts, from_seed, bits,
                    status

The optimizer's moments are not in it: a checkpoint has those.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from numpy.typing import NDArray

from binadd.archive import read_archive, write_archive
from binadd.checks import check_choice, check_flag, check_instance, check_integer
from binadd.errors import InvalidInputError, InvalidTypeError, ModelFileError
from binadd.kernels import load as load_kernels
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.parameters import parameter_shapes, read_parameters
from binadd.settings import Settings, recipe_values, resolve
from binadd.state import COUNTS, STATUSES, State, state_of_block

__all__ = [
    "load",
    "read_configuration",
    "read_counts",
    "read_network",
    "read_object",
    "save",
    "write_configuration",
    "write_counts",
]

_FORMAT = "binadd model"
_TRAINING = [*COUNTS, "from_seed", "bits", "status"]


@ieee_mode()
def save(net: BinaryAdderRNN, path: str | os.PathLike[str]) -> None:
    """Write a network to a model file, atomically.

    Parameters
    ----------
    net : BinaryAdderRNN
    path : path
        Used as it is; `.npz` is customary. A file of this name is replaced.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is infinite or NaN; nothing has been written then.
    OSError
        If the file cannot be written; one that was there before is left as it was.

    Examples
    --------
    >>> import binadd, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net = binadd.BinaryAdderRNN(seed=3)
    ...     net.save(f"{folder}/adder.npz")
    ...     binadd.load(f"{folder}/adder.npz") == net
    True
    """
    net = check_instance("net", net, BinaryAdderRNN).copy()  # as it is now
    parameters = net.parameters
    read_parameters(parameters, net.settings.activation)  # refuses NaN before anything is written
    header = {
        "configuration": write_configuration(net.settings),
        "training": write_counts(net.state),
    }
    write_archive(path, _FORMAT, header, parameters)


@ieee_mode()
def load(path: str | os.PathLike[str], backend: str = "auto") -> BinaryAdderRNN:
    """Read a network from a model file.

    Parameters
    ----------
    path : path
    backend : {"auto", "native", "python"}

    Raises
    ------
    ModelFileError
        If the file is truncated, altered, oversized, foreign, of a newer version, or holds what
        no network can be made of.
    InvalidTypeError, InvalidInputError, BackendError
        If there is no backend of that name, or it is missing or broken.
    OSError
        If the file cannot be opened.
    """
    load_kernels(backend)  # first: a wrong name is not the file's fault
    header, arrays = read_archive(path, _FORMAT, ModelFileError)
    try:
        net = read_network(header.get("configuration"), arrays, backend)
        net.state = replace(net.state, **read_counts(header.get("training")))
    except (InvalidInputError, InvalidTypeError) as reason:
        raise ModelFileError(f"{os.fspath(path)} holds no network: {reason}") from None
    return net


def read_network(
    configuration: object, parameters: Mapping[str, NDArray[Any]], backend: str
) -> BinaryAdderRNN:
    """Return the network of a configuration and its parameters by name.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If there is no such network.
    """
    net = BinaryAdderRNN(**read_configuration(configuration), backend=backend)
    settings = net.settings
    wanted = parameter_shapes(settings.architecture)
    if {name: array.shape for name, array in parameters.items()} != wanted:
        raise InvalidInputError(f"its arrays should have the shapes {wanted}")
    _, block = read_parameters(parameters, settings.activation, settings.dtype)
    net.state = state_of_block(settings.architecture, block, settings.seed)
    return net


def write_configuration(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON, which has no infinity; coefficients that are all 1 are left out."""
    values = asdict(settings)
    if settings.form.is_sum:
        del values["coefficients"]
    return {name: "inf" if value == math.inf else value for name, value in values.items()}


def read_configuration(configuration: object) -> dict[str, Any]:
    """Return the constructor's parameters that a configuration stands for.

    What the recipe decides anyway is left to it, so that a loaded network reads as it was made.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a name is missing or unknown, or a value not allowed.
    """
    names = [field.name for field in fields(Settings)]
    if isinstance(configuration, Mapping) and "coefficients" not in configuration:
        names.remove("coefficients")
    values = read_object("configuration", configuration, names)
    if values["clip_norm"] == "inf":
        values["clip_norm"] = math.inf
    settings = resolve(values, complete=True)
    if "coefficients" in values:
        values["coefficients"] = settings.coefficients
    if asdict(settings) != {"coefficients": settings.coefficients} | values:
        raise InvalidInputError("its configuration leaves something undecided")
    recipe = recipe_values(
        settings.recipe, settings.hidden_size, settings.form.carries, settings.activation
    )
    params = {name: None if recipe.get(name) == value else value for name, value in values.items()}
    if values["recipe"] == "default":
        params["recipe"] = None
    return params


def write_counts(state: State) -> dict[str, Any]:
    """Return how far a state has come, as plain data."""
    return {name: getattr(state, name) for name in _TRAINING}


def read_counts(counts: object) -> dict[str, Any]:
    """Return the fields of a state that `write_counts` wrote.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a name is missing or unknown, or a value not allowed.
    """
    values = read_object("training", counts, _TRAINING)
    for name in COUNTS:
        check_integer(name, values[name], 0, 2**63)
    check_flag("from_seed", values["from_seed"])
    if values["bits"] is not None:
        check_integer("bits", values["bits"], 1)
    if values["status"] is not None:
        check_choice("status", values["status"], STATUSES)
    return values


def read_object(name: str, value: object, keys: list[str]) -> dict[str, Any]:
    """Return a copy of a JSON object that must have exactly these keys.

    Raises
    ------
    InvalidInputError
        If it is anything else.
    """
    if not isinstance(value, Mapping) or set(value) != set(keys):
        raise InvalidInputError(f"its {name} should have {', '.join(keys)}, and nothing else")
    return dict(value)
