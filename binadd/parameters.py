"""The one place that lays out, initialises and checks a network's weights.

Kernels keep the weights in one block (R, S), drawn in `binadd.kernels.contract`; here its parts
get their names. Gradients and moments have the same layout, hence the same names:

    input_weights   (H, n)    block[0 : n, :H].T
    hidden_weights  (H, H)    block[n : n+H, :H].T
    hidden_bias     (H,)      block[n+H, :H]
    output_weights  (H,)      block[n+H+1, :H]
    output_bias     ()        block[n+H+2, 0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from binadd.checks import check_array, check_choice, check_dtype, shorten
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.form import MAX_OPERANDS
from binadd.kernels.contract import (
    ACTIVATIONS,
    DTYPES,
    MAX_HIDDEN_SIZE,
    Architecture,
)
from binadd.kernels.mode import ieee_mode
from binadd.random_streams import weight_stream

__all__ = [
    "Parameters",
    "has_nonzero_padding",
    "initial_block",
    "named_arrays",
    "named_views",
    "parameter_shapes",
    "read_parameters",
    "with_parameter",
]

_BIASES = ("hidden_bias", "output_bias")


def parameter_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter that the architecture has, by its name.

    Examples
    --------
    >>> parameter_shapes(Architecture(hidden_size=4, biases=False))
    {'input_weights': (4, 2), 'hidden_weights': (4, 4), 'output_weights': (4,)}
    """
    hidden, operands = architecture.hidden_size, architecture.operands
    shapes: dict[str, tuple[int, ...]] = {
        "input_weights": (hidden, operands),
        "hidden_weights": (hidden, hidden),
        "hidden_bias": (hidden,),
        "output_weights": (hidden,),
        "output_bias": (),
    }
    if architecture.biases:
        return shapes
    return {name: shape for name, shape in shapes.items() if name not in _BIASES}


def named_views(architecture: Architecture, block: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the parts of a block by name, as views: what is written to them is in the block.

    Examples
    --------
    >>> architecture = Architecture(hidden_size=4)
    >>> block = np.zeros(architecture.block_shape)
    >>> named_views(architecture, block)["output_bias"][...] = 0.5
    >>> float(block.sum())
    0.5
    """
    hidden, operands = architecture.hidden_size, architecture.operands
    after = operands + hidden
    views = {
        "input_weights": block[:operands, :hidden].T,
        "hidden_weights": block[architecture.hidden_rows, :hidden].T,
        "hidden_bias": block[after, :hidden],
        "output_weights": block[after + 1, :hidden],
        "output_bias": block[after + 2, :1].reshape(()),
    }
    return {name: views[name] for name in parameter_shapes(architecture)}


def named_arrays(architecture: Architecture, block: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the parts of a block by name, as C-contiguous copies that any program stores rightly.

    Examples
    --------
    >>> architecture = Architecture(hidden_size=4)
    >>> named_arrays(architecture, np.zeros(architecture.block_shape))["input_weights"].strides
    (16, 8)
    """
    views = named_views(architecture, block)
    return {name: np.array(view, order="C") for name, view in views.items()}


class Parameters(Mapping[str, NDArray[Any]]):
    """A network's weights by name, as they were when this was made.

    The arrays are C-contiguous and read-only. Assigning to a name gives the network, and this
    mapping, another array in its place: it is checked and copied.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(4)
    >>> net.parameters["output_bias"] = 0.5
    >>> net.parameters["output_bias"]
    array(0.5)
    >>> net.parameters["output_bias"] = np.nan
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidInputError: output_bias must hold finite numbers, but has NaN or infinity
    """

    def __init__(
        self,
        architecture: Architecture,
        block: NDArray[Any],
        write: Callable[[str, ArrayLike], NDArray[Any]],
    ) -> None:
        """Take a block and how to write to the network: `write` returns the block after it."""
        self._architecture, self._write = architecture, write
        self._read(block)

    def _read(self, block: NDArray[Any]) -> None:
        self._arrays = named_arrays(self._architecture, block)
        for array in self._arrays.values():
            array.flags.writeable = False

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        self._read(self._write(name, values))

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._arrays!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._arrays,)  # a copy or a pickle has no network


def with_parameter(
    architecture: Architecture, block: NDArray[Any], name: str, values: ArrayLike
) -> NDArray[Any]:
    """Return a copy of a block with other values of one parameter.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If there is no parameter of this name, or the values are of another shape or not finite.

    Examples
    --------
    >>> architecture = Architecture(hidden_size=4)
    >>> block = with_parameter(architecture, initial_block(architecture, 0), "output_bias", 2)
    >>> float(block[-1, 0])
    2.0
    """
    block = block.copy()
    views = named_views(architecture, block)
    if name not in views:
        raise InvalidInputError(f"{shorten(name)} is not a parameter; allowed: {', '.join(views)}")
    _write(name, views[name], check_array(name, values, "iuf", "real numbers"))
    return block


@ieee_mode()
def _write(name: str, view: NDArray[Any], array: NDArray[Any]) -> None:
    """Write a parameter's values into a block, through its view."""
    if array.shape != view.shape:
        raise InvalidInputError(f"{name} must have the shape {view.shape}, not {array.shape}")
    with np.errstate(over="ignore"):
        view[...] = array
    if not np.isfinite(view).all():
        raise InvalidInputError(f"{name} must hold finite numbers, but has NaN or infinity")


def has_nonzero_padding(architecture: Architecture, block: NDArray[Any]) -> bool:
    """Whether a block holds more than its parameters: numbers where there should be zeros.

    Examples
    --------
    >>> block = np.zeros(Architecture(hidden_size=4, biases=False).block_shape)
    >>> block[-1, 0] = 500.0  # an output bias, where there is none
    >>> has_nonzero_padding(Architecture(hidden_size=4, biases=False), block)
    True
    """
    return bool(np.count_nonzero(block.take(_padding_places(architecture))))


@lru_cache
def _padding_places(architecture: Architecture) -> NDArray[np.intp]:
    """Return the places in a flat block that belong to no parameter."""
    padding = np.ones(architecture.block_shape, np.bool_)
    for view in named_views(architecture, padding).values():
        view[...] = False
    return np.flatnonzero(padding)


@lru_cache
def _weight_places(architecture: Architecture) -> NDArray[np.intp]:
    """Return the places in a flat block of the weights, without biases, in the order drawn."""
    places = np.arange(np.prod(architecture.block_shape)).reshape(architecture.block_shape)
    views = named_views(architecture, places)
    return np.concatenate([view.ravel() for name, view in views.items() if name not in _BIASES])


@lru_cache(maxsize=8)  # a run asks for its network's again, to see whether they are the seed's
@ieee_mode()  # NumPy makes 64-bit integers reals in steps, each of which is rounded
def initial_block(architecture: Architecture, seed: int, restarts: int = 0) -> NDArray[Any]:
    """Return a block of new weights, read-only: uniform in [−1, 1), biases 0.

    They are drawn in the order input, hidden, output weights, each by rows, one raw word a
    weight: its highest 53 bits (float32: the highest 24 of the same word) count steps of 2⁻⁵²
    (2⁻²³) from −1. Both are exact, so that a seed starts alike in both dtypes. A restart takes the
    words that follow those of the start before it.

    Examples
    --------
    >>> architecture = Architecture(hidden_size=4)
    >>> block = initial_block(architecture, seed=0)
    >>> bool(np.all(block >= -1)) and bool(np.all(block < 1))
    True
    """
    block = np.zeros(architecture.block_shape, architecture.dtype)
    places = _weight_places(architecture)
    words = weight_stream(seed, restarts * len(places)).random_raw(len(places))
    digits = np.finfo(block.dtype).nmant + 1
    values = (words >> np.uint64(64 - digits)).astype(block.dtype)
    values *= block.dtype.type(2.0 ** (1 - digits))
    values -= 1
    block.put(places, values)
    block.flags.writeable = False
    return block


@ieee_mode()
def read_parameters(
    parameters: Mapping[str, ArrayLike],
    activation: str = "sigmoid",
    dtype: DTypeLike | None = None,
) -> tuple[Architecture, NDArray[Any]]:
    """Check given parameters and return the architecture they imply, and their block.

    Parameters
    ----------
    parameters : mapping
        Arrays by name, of the shapes in the module's docstring. Both biases may be left out:
        then the network has none.
    activation : {"sigmoid", "tanh"}
    dtype : {"float64", "float32"} or NumPy's type, optional
        By default float32 if all arrays are, else float64.

    Raises
    ------
    InvalidTypeError
        If `parameters` is not a mapping, or an array does not hold real numbers.
    InvalidInputError
        If names are missing or unknown, shapes do not agree, or a number is not finite.

    Examples
    --------
    >>> architecture, block = read_parameters(
    ...     {"input_weights": [[1, 1]], "hidden_weights": [[0.5]], "output_weights": [2]}
    ... )
    >>> architecture.hidden_size, architecture.operands, architecture.biases
    (1, 2, False)
    """
    if not isinstance(parameters, Mapping):
        raise InvalidTypeError(
            f"parameters must be a mapping of names to arrays, not {type(parameters).__name__}"
        )
    biases = any(name in parameters for name in _BIASES)
    _check_names(parameters, biases)
    arrays = {
        name: check_array(name, parameters[name], "iuf", "real numbers") for name in parameters
    }
    hidden, operands = _sizes(arrays["input_weights"], arrays["hidden_weights"])
    if dtype is None:
        single = all(array.dtype == np.float32 for array in arrays.values())
        dtype = "float32" if single else "float64"
    architecture = Architecture(
        hidden,
        operands,
        check_choice("activation", activation, ACTIVATIONS),
        biases,
        check_dtype(dtype, DTYPES),
    )
    block = np.zeros(architecture.block_shape, architecture.dtype)
    views = named_views(architecture, block)
    for name, view in views.items():
        _write(name, view, arrays[name])
    return architecture, block


def _check_names(parameters: Mapping[str, ArrayLike], biases: bool) -> None:
    wanted = list(parameter_shapes(Architecture(1, biases=biases)))
    for name in parameters:
        if name not in wanted:
            raise InvalidInputError(
                f"{shorten(name)} is not a parameter; allowed: {', '.join(wanted)}"
            )
    for name in wanted:
        if name not in parameters:
            raise InvalidInputError(f"parameters lack {name}; needed are {', '.join(wanted)}")


def _sizes(input_weights: NDArray[Any], hidden_weights: NDArray[Any]) -> tuple[int, int]:
    """Return (H, n) of an array of input weights; hidden weights say whether it is transposed."""
    shape = input_weights.shape
    if input_weights.ndim != 2 or input_weights.size == 0:
        raise InvalidInputError(
            f"input_weights must have the shape (hidden_size, operands), not {shape}"
        )
    hidden, operands = shape
    if hidden_weights.shape == (operands, operands) and hidden != operands:
        raise InvalidInputError(
            f"input_weights must have the shape ({operands}, operands) beside hidden_weights of "
            f"{hidden_weights.shape}, not {shape}: is it transposed?"
        )
    if hidden > MAX_HIDDEN_SIZE or operands > MAX_OPERANDS:
        raise InvalidInputError(
            f"input_weights of shape {shape} are too many: at most "
            f"{MAX_HIDDEN_SIZE} hidden units and {MAX_OPERANDS} operands"
        )
    return hidden, operands
