"""Checks that both kernel modules share: shapes, dtypes and ranges of arguments.

It is for those who call kernels directly: the class checks its
arguments before that, with fuller messages.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_choice, check_integer
from binadd.errors import InvalidInputError
from binadd.form import MAX_OPERANDS
from binadd.kernels.contract import (
    ACTIVATIONS,
    DTYPES,
    LOSSES,
    MAX_BUDGET,
    MAX_EXHAUSTIVE_BITS,
    MAX_STEPS,
    OPTIMIZERS,
    Architecture,
    Batch,
    Bytes,
    Cells,
    Closure,
    Contexts,
    Errors,
    Indices,
    Learner,
    Optimizer,
    Origins,
    Propagation,
    Real,
    Report,
    Samples,
    words_per_sequence,
)

_DTYPES = {name: np.dtype(name) for name in (*DTYPES, "uint8", "uint64", "int64", "int32")}


def check_layout(name: str, array: Any, shape: tuple[int, ...], dtype: str) -> None:
    """Raise InvalidInputError unless the array is C-contiguous and aligned, of shape and dtype."""
    if (
        isinstance(array, np.ndarray)
        and array.shape == shape
        and array.dtype == _DTYPES[dtype]
        and array.flags.c_contiguous
        and array.flags.aligned
    ):
        return
    raise InvalidInputError(
        f"{name} must be a C-contiguous, aligned {dtype} array of shape {shape}, "
        f"not {getattr(array, 'dtype', type(array).__name__)} {getattr(array, 'shape', '')}"
    )


def check_symbols(symbols: Any, operands: int, name: str = "symbols") -> None:
    """Raise InvalidInputError unless symbols are bytes (N, T), not empty and each below 2ⁿ."""
    check_integer("operands", operands, 1, MAX_OPERANDS)
    if not isinstance(symbols, np.ndarray) or symbols.ndim != 2 or symbols.size == 0:
        raise InvalidInputError(f"{name} must be a non-empty array of shape (sequences, steps)")
    check_layout(name, symbols, symbols.shape, "uint8")
    if int(symbols.max()) >= 1 << operands:
        raise InvalidInputError(f"{name} of {operands} operands must be below {1 << operands}")


def check_batch(batch: Batch, operands: int) -> None:
    """Raise InvalidInputError unless targets are bits, one for each symbol."""
    check_symbols(batch.symbols, operands)
    check_layout("targets", batch.targets, batch.symbols.shape, "uint8")
    if int(batch.targets.max()) > 1:
        raise InvalidInputError("targets must be 0 or 1")


def check_forward(
    architecture: Architecture, block: Real, symbols: Bytes, initial_state: Real | None
) -> None:
    """Raise InvalidInputError unless all that `forward` is given agrees."""
    check_layout("block", block, architecture.block_shape, architecture.dtype)
    check_symbols(symbols, architecture.operands)
    if initial_state is not None:
        shape = (len(symbols), architecture.hidden_size)
        check_layout("initial_state", initial_state, shape, architecture.dtype)


def check_gradients(architecture: Architecture, block: Real, batch: Batch, loss: str) -> None:
    """Raise InvalidInputError unless all that `loss_and_gradients` is given agrees."""
    check_layout("block", block, architecture.block_shape, architecture.dtype)
    check_batch(batch, architecture.operands)
    check_choice("loss", loss, LOSSES)


def check_training(
    learner: Learner,
    batch: Batch,
    optimizer: Optimizer,
    loss: str,
    batch_size: int,
    noise: Real | None,
    report: Report | None,
) -> None:
    """Raise InvalidInputError unless all that `train` is given agrees."""
    architecture = learner.architecture
    check_learner(learner, ())
    check_batch(batch, architecture.operands)
    check_optimizer(optimizer, loss)
    count = len(batch.symbols)
    if batch_size < 1 or count % batch_size:
        raise InvalidInputError(
            f"the number of sequences ({count}) must be a multiple of batch_size ({batch_size})"
        )
    updates = count // batch_size
    if noise is not None:
        check_layout("noise", noise, (updates, *architecture.block_shape), architecture.dtype)
    check_report(report, (updates,), architecture.dtype)


def check_population(
    learner: Learner,
    batch: Batch,
    optimizer: Optimizer,
    loss: str,
    learning_rates: Real,
    report: Report | None,
) -> None:
    """Raise InvalidInputError unless all that `train_population` is given agrees."""
    architecture, (symbols, targets) = learner.architecture, batch
    if not isinstance(symbols, np.ndarray) or symbols.ndim != 3 or symbols.size == 0:
        raise InvalidInputError(
            "symbols must be a non-empty array of shape (networks, sequences, steps)"
        )
    networks, count, steps = symbols.shape
    check_layout("symbols", symbols, symbols.shape, "uint8")
    check_layout("targets", targets, symbols.shape, "uint8")
    rows = Batch(symbols.reshape(-1, steps), targets.reshape(-1, steps))
    check_batch(rows, architecture.operands)
    check_learner(learner, (networks,))
    check_layout("learning_rates", learning_rates, (networks,), architecture.dtype)
    check_optimizer(optimizer, loss)
    check_report(report, (networks, count), architecture.dtype)


def check_learner(learner: Learner, networks: tuple[int, ...]) -> None:
    """Raise InvalidInputError unless arrays are those of one network, (), or of (K,) networks."""
    shape, dtype = learner.architecture.block_shape, learner.architecture.dtype
    check_layout("block", learner.block, (*networks, *shape), dtype)
    check_layout("moments", learner.moments, (*networks, 2, *shape), dtype)
    check_layout("powers", learner.powers, (*networks, 2), dtype)


def check_optimizer(optimizer: Optimizer, loss: str) -> None:
    """Raise InvalidInputError unless both names are known."""
    check_choice("loss", loss, LOSSES)
    check_choice("optimizer", optimizer.name, OPTIMIZERS)


def check_report(report: Report | None, shape: tuple[int, ...], dtype: str) -> None:
    """Raise InvalidInputError unless the arrays to fill have a place for each update."""
    if report is not None:
        check_layout("losses", report.losses, shape, dtype)
        check_layout("wrong_bits", report.wrong_bits, shape, "int64")


def check_exhaustive(architecture: Architecture, block: Real, bits: int) -> None:
    """Raise InvalidInputError unless all words of this many bits an operand can be run."""
    check_layout("block", block, architecture.block_shape, architecture.dtype)
    most = MAX_EXHAUSTIVE_BITS // architecture.operands
    if not 1 <= bits <= most:
        raise InvalidInputError(
            f"sums of {architecture.operands} operands can all be run to {most} bits, not {bits}"
        )


def check_samples(architecture: Architecture, block: Real, samples: Samples) -> None:
    """Raise InvalidInputError unless all that `sample_boxes` is given agrees."""
    check_double(architecture)
    check_layout("block", block, architecture.block_shape, "float64")
    check_symbols(samples.symbols, architecture.operands)
    for name, dimensions in (("pools", 2), ("carries", 1), ("words", 2)):
        array = getattr(samples, name)
        if not isinstance(array, np.ndarray) or array.ndim != dimensions:
            raise InvalidInputError(f"{name} must be an array with ndim {dimensions}")
        if array.size == 0 and name != "words":
            raise InvalidInputError(f"{name} must not be empty")
    pools = architecture.form.carries, samples.pools.shape[1]
    check_layout("pools", samples.pools, pools, "int32")
    check_layout("carries", samples.carries, samples.carries.shape, "int32")
    length = samples.words.shape[1]
    check_layout("words", samples.words, (len(samples.carries), length), "uint8")
    check_range("pools", samples.pools, -1, len(samples.symbols))
    check_range("carries", samples.carries, 0, architecture.form.carries)
    if length:
        check_symbols(samples.words, architecture.operands, "words")


def check_propagation(
    architecture: Architecture,
    block: Real,
    contexts: Contexts,
    errors: Errors,
    propagation: Propagation,
) -> None:
    """Raise InvalidInputError unless contexts, errors and options are of the shapes they must be.

    What numbers they hold is for `check_sets`, or for C.
    """
    check_double(architecture)
    columns, size = architecture.block_shape[1], architecture.hidden_size
    count, cells, frames = len(contexts.carries), len(contexts.owners), len(contexts.frames)
    shapes: dict[str, tuple[int, ...]] = {
        "carries": (count,),
        "successors": (count, 1 << architecture.operands),
        "centres": (count, columns),
        "frames": (frames, size, columns),
        "bases": (frames, size, columns),
        "frame": (count,),
        "widths": (count,),
        "lowest": (count,),
        "first": (count + 1,),
        "owners": (cells,),
        "middles": (cells, columns),
        "halves": (cells, columns),
    }
    check_layout("block", block, architecture.block_shape, "float64")
    for name, shape in shapes.items():
        check_layout(name, getattr(contexts, name), shape, _DTYPE_OF.get(name, "int32"))
    check_layout("errors", errors.unit, (columns,), "float64")
    check_layout("errors", errors.generator, (columns,), "float64")
    check_integer("steps", propagation.steps, 1, MAX_STEPS)
    check_integer("budget", propagation.budget, 1, MAX_BUDGET)


_DTYPE_OF = dict.fromkeys(("centres", "frames", "bases", "widths", "middles", "halves"), "float64")


def check_closing(
    architecture: Architecture,
    block: Real,
    contexts: Contexts,
    cells: Cells,
    origins: Origins,
    errors: Errors,
    propagation: Propagation,
    closure: Closure,
) -> None:
    """Raise InvalidInputError unless all that `close_sets` is given is of the shape it must be."""
    check_propagation(architecture, block, contexts, errors, propagation)
    check_integer("rounds", closure.rounds, 1)
    for name, array in zip(Cells._fields, cells, strict=True):
        check_layout(name, array, contexts.middles.shape, "float64")
    count = len(contexts.owners) + 1
    check_layout("states", origins.states, (count,), "uint8")
    for name in ("steps", "outcomes", "depths"):
        check_layout(name, getattr(origins, name), (count,), "int32")
    check_layout("margins", origins.margins, (count,), "float64")


def check_sets(
    architecture: Architecture, contexts: Contexts, origins: Indices | None = None
) -> None:
    """Raise InvalidInputError unless every index is of something that is there.

    C sees to that, too; it does not say which it was.
    """
    count, cells = len(contexts.carries), len(contexts.owners)
    for name, entries in (("carries", count), ("origins", 1 if origins is None else len(origins))):
        if not entries:
            raise InvalidInputError(f"{name} must not be empty")
    check_range("carries", contexts.carries, 0, architecture.form.carries)
    check_range("successors", contexts.successors, 0, count)
    check_range("frame", contexts.frame, -1, len(contexts.frames))
    check_range("lowest", contexts.lowest, -(1 << 24), 1 << 24)
    check_range("first", contexts.first, 0, cells + 1)
    check_range("owners", contexts.owners, 0, count)
    if origins is not None:
        check_range("origins", origins, -1, cells)
    counts = np.diff(contexts.first)
    whole = (contexts.widths == np.inf) & (contexts.lowest == 0) & (counts <= 1)
    cut = (contexts.frame >= 0) & (contexts.widths > 0)
    if (
        contexts.first[0] != 0
        or contexts.first[-1] != len(contexts.owners)
        or (counts < 0).any()
        or not (whole | cut).all()
        or not np.array_equal(contexts.owners, np.repeat(np.arange(len(counts)), counts))
    ):
        raise InvalidInputError("cells must be those of their owners, one where none are cut")


def check_range(name: str, indices: Indices, low: int, limit: int) -> None:
    """Raise InvalidInputError unless indices are from `low` to `limit` − 1."""
    if not indices.size:
        return
    if int(indices.min()) < low or int(indices.max()) >= limit:
        raise InvalidInputError(f"{name} must be from {low} to {limit - 1}")


def check_axes(architecture: Architecture, states: Any, centres: Any) -> None:
    """Raise InvalidInputError unless all that `principal_axes` is given agrees."""
    check_double(architecture)
    if not isinstance(states, np.ndarray) or states.ndim != 3 or states.size == 0:
        raise InvalidInputError("states must be a non-empty array of shape (sets, samples, units)")
    check_layout("states", states, (*states.shape[:2], architecture.hidden_size), "float64")
    check_layout("centres", centres, (len(states), architecture.block_shape[1]), "float64")


def check_double(architecture: Architecture) -> None:
    """Raise InvalidInputError unless a network is a float64 one."""
    if architecture.dtype != "float64":
        raise InvalidInputError("bounds are computed in float64: convert the network's weights")


def check_words(words: NDArray[np.uint64], operands: int, length: int) -> None:
    """Raise InvalidInputError unless each row of words (N, W) holds `length` symbols."""
    check_integer("operands", operands, 1, MAX_OPERANDS)
    check_integer("length", length, 1)
    if not isinstance(words, np.ndarray) or words.ndim != 2 or words.size == 0:
        raise InvalidInputError("words must be a non-empty array of shape (sequences, words)")
    check_layout("words", words, words.shape, "uint64")
    needed = words_per_sequence(operands, length)
    if words.shape[1] < needed:
        raise InvalidInputError(
            f"{length} symbols of {operands} operands need {needed} words, not {words.shape[1]}"
        )


def check_activation(values: Any, name: str) -> None:
    """Raise InvalidInputError unless the values are reals and the activation is known."""
    if not isinstance(values, np.ndarray) or values.dtype not in [_DTYPES[d] for d in DTYPES]:
        raise InvalidInputError("values must be a float64 or float32 array")
    check_choice("activation", name, ACTIVATIONS)
