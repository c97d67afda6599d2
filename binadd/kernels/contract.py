"""What every kernel module offers, and the shapes and checks that all of them share.

`native` (C, through Cython) and `reference` (NumPy) each provide the functions listed in
`Kernels`. Their results are equal bit for bit; only the arithmetic is written twice, everything
that is agreed between the two stands here, once.

Notation: N sequences of T steps, n operands, H hidden units, S = H padded to whole lanes,
R = n + H + 3 rows of a parameter block, K networks of a population, B sequences of one batch.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.errors import InvalidInputError

Real: TypeAlias = NDArray[np.floating[Any]]
"""A float64 or float32 array (the architecture's dtype)."""
Bytes: TypeAlias = NDArray[np.uint8]

LANE_BYTES = 64
"""Sums run over this many bytes of accumulators, on every machine: the widest vector there is."""

ACTIVATIONS = ("sigmoid", "tanh")
LOSSES = ("squared_error", "cross_entropy")
RULES = ("sgd", "momentum", "nesterov", "adam")
DTYPES = ("float64", "float32")
_DTYPES = {name: np.dtype(name) for name in (*DTYPES, "uint8", "uint64", "int64")}
MAX_HIDDEN_SIZE = 256
MAX_OPERANDS = 8
MAX_EXHAUSTIVE_BITS = 24
"""`first_error` runs every word of symbols of at most this many bits in all: 16 million words."""


def lanes(dtype: str) -> int:
    """Accumulators of a sum: 8 for float64, 16 for float32."""
    return LANE_BYTES // np.dtype(dtype).itemsize


def padded_size(hidden_size: int, dtype: str) -> int:
    """S: the hidden size rounded up to whole lanes."""
    width = lanes(dtype)
    return -(-hidden_size // width) * width


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a parameter block means: the network's sizes, activation and dtype.

    >>> Architecture(hidden_size=16).block_shape
    (21, 16)
    """

    hidden_size: int
    operands: int = 2
    activation: str = "sigmoid"
    biases: bool = True
    dtype: str = "float64"
    block_shape: tuple[int, int] = field(init=False, repr=False, compare=False)
    """(R, S): a row each for the operands and the hidden units a unit listens to, then hidden
    bias, output weights, output bias; a column for each hidden unit, zeros in the padding."""

    def __post_init__(self) -> None:
        check_range("hidden_size", self.hidden_size, MAX_HIDDEN_SIZE)
        check_range("operands", self.operands, MAX_OPERANDS)
        check_option("activation", self.activation, ACTIVATIONS)
        check_option("dtype", self.dtype, DTYPES)
        rows = self.operands + self.hidden_size + 3
        object.__setattr__(self, "block_shape", (rows, padded_size(self.hidden_size, self.dtype)))

    @property
    def hidden_rows(self) -> slice:
        """Rows of the block that hold the hidden weights: row n + k is column k of Wₕ."""
        return slice(self.operands, self.operands + self.hidden_size)

    @property
    def carry_steps(self) -> int:
        """Zero symbols after the last bit that bring out the last carry, at most n − 1."""
        return (self.operands - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An update rule with its constants; `clip_norm` = inf clips nothing.

    With g the gradient, clipped to the global norm `clip_norm`:

    - sgd: w ← w − ηg
    - momentum: m ← μm + g; w ← w − ηm
    - nesterov: m ← μm + g; w ← w − η(g + μm)
    - adam: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − ηm̂/(√v̂ + ε)
      (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980)
    """

    rule: str = "nesterov"
    learning_rate: float = 0.1
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float = float("inf")


class Forward(NamedTuple):
    """What `forward` returns."""

    logits: Real  # (N, T)
    probabilities: Real  # (N, T)
    hidden: Real | None  # (N, T, H)
    final_state: Real  # (N, H)


class Kernels(Protocol):
    """The functions of a kernel module."""

    NAME: str

    def forward(
        self,
        architecture: Architecture,
        block: Real,
        symbols: Bytes,
        initial_state: Real | None = None,
        *,
        hidden: bool = False,
    ) -> Forward:
        """Run N sequences of symbols (N, T), each from its own initial state (N, H) or from 0."""

    def logits(self, architecture: Architecture, block: Real, symbols: Bytes) -> Real:
        """Only the logits (N, T) of `forward`, from 0: the quickest answer to a short question."""

    def probabilities(self, architecture: Architecture, block: Real, symbols: Bytes) -> Real:
        """Only the probabilities (N, T) of `forward`, from 0."""

    def bits(self, architecture: Architecture, block: Real, symbols: Bytes) -> Bytes:
        """What the network says (N, T), from 0: 1 where the logit is above 0."""

    def loss_and_gradients(
        self, architecture: Architecture, block: Real, symbols: Bytes, targets: Bytes, loss: str
    ) -> tuple[float, Real]:
        """Mean over the sequences of the loss summed over the steps, and its gradient (R, S)."""

    def train(
        self,
        architecture: Architecture,
        block: Real,
        moments: Real,
        powers: Real,
        symbols: Bytes,
        targets: Bytes,
        *,
        loss: str,
        optimizer: Optimizer,
        batch_size: int,
        losses: Real | None = None,
        wrong_bits: NDArray[np.int64] | None = None,
    ) -> None:
        """One update for each `batch_size` sequences in turn, in place.

        `moments` (2, R, S) starts as zeros and `powers` (2,), Adam's β₁ᵗ and β₂ᵗ, as ones.
        `losses` and `wrong_bits` (N / batch_size,) tell of each batch before its update.
        """

    def train_population(
        self,
        architecture: Architecture,
        blocks: Real,
        moments: Real,
        powers: Real,
        symbols: Bytes,
        targets: Bytes,
        *,
        loss: str,
        optimizer: Optimizer,
        learning_rates: Real,
        losses: Real | None = None,
        wrong_bits: NDArray[np.int64] | None = None,
    ) -> None:
        """`train` with batches of one for K networks at once, each on its own data and rate.

        Shapes as in `train` with a leading K; `learning_rates` (K,) replaces the optimizer's.
        """

    def first_error(
        self, architecture: Architecture, block: Real, bits: int
    ) -> tuple[int, tuple[int, ...]] | None:
        """The first wrong output over *all* sums of `bits`-bit operands, carry-out included.

        Returns the step t and the symbols 0…t of a word whose logit at t has the wrong sign:
        smallest t first, then the smallest word read as a number, symbol 0 its lowest digit.
        None says that every such sum is right.
        """

    def unpack_words(self, words: NDArray[np.uint64], operands: int, length: int) -> Bytes:
        """Symbols (N, length) out of random words (N, W): n bits a symbol, lowest first."""

    def exact_sums(self, symbols: Bytes, operands: int) -> Bytes:
        """Bits (N, T) of the true sums of the operands spelt by the symbols (N, T)."""

    def activation(self, values: Real, name: str) -> Real:
        """σ or tanh of an array of float64 or float32, elementwise."""


def words_per_sequence(operands: int, length: int) -> int:
    """64-bit words that hold `length` symbols, none of them split between two words."""
    return -(-length // (64 // operands))


def spell(word: int, operands: int, bits: int, last_step: int) -> tuple[int, ...]:
    """The symbols 0…last_step of word number `word`; zero symbols follow the operands' bits."""
    return tuple(
        word >> operands * t & (1 << operands) - 1 if t < bits else 0 for t in range(last_step + 1)
    )


def check_array(name: str, array: Any, shape: tuple[int, ...], dtype: str) -> None:
    """Raise InvalidInputError unless the array has this shape and dtype and is C-contiguous."""
    if (
        isinstance(array, np.ndarray)
        and array.shape == shape
        and array.dtype == _DTYPES[dtype]
        and array.flags.c_contiguous
    ):
        return
    raise InvalidInputError(
        f"{name} must be a C-contiguous {dtype} array of shape {shape}, "
        f"not {getattr(array, 'dtype', type(array).__name__)} {getattr(array, 'shape', '')}"
    )


def check_symbols(symbols: Any, operands: int) -> None:
    """Raise InvalidInputError unless symbols are bytes (N, T), not empty and each below 2ⁿ."""
    if not isinstance(symbols, np.ndarray) or symbols.ndim != 2 or symbols.size == 0:
        raise InvalidInputError("symbols must be a non-empty array of shape (sequences, steps)")
    check_array("symbols", symbols, symbols.shape, "uint8")
    if int(symbols.max()) >= 1 << operands:
        raise InvalidInputError(f"symbols of {operands} operands must be below {1 << operands}")


def check_targets(targets: Any, symbols: Bytes) -> None:
    """Raise InvalidInputError unless targets are bits of the symbols' shape."""
    check_array("targets", targets, symbols.shape, "uint8")
    if int(targets.max()) > 1:
        raise InvalidInputError("targets must be 0 or 1")


def check_range(name: str, value: int, most: int) -> None:
    """Raise InvalidInputError unless 1 ≤ value ≤ most."""
    if not 1 <= value <= most:
        raise InvalidInputError(f"{name} must be 1 to {most}, not {value}")


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise InvalidInputError unless the value is one of those allowed."""
    if value not in allowed:
        raise InvalidInputError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def check_forward(
    architecture: Architecture, block: Real, symbols: Bytes, initial_state: Real | None
) -> None:
    """Raise InvalidInputError unless all that `forward` is given agrees."""
    check_array("block", block, architecture.block_shape, architecture.dtype)
    check_symbols(symbols, architecture.operands)
    if initial_state is not None:
        shape = (len(symbols), architecture.hidden_size)
        check_array("initial_state", initial_state, shape, architecture.dtype)


def check_gradients(
    architecture: Architecture, block: Real, symbols: Bytes, targets: Bytes, loss: str
) -> None:
    """Raise InvalidInputError unless all that `loss_and_gradients` is given agrees."""
    check_array("block", block, architecture.block_shape, architecture.dtype)
    check_symbols(symbols, architecture.operands)
    check_targets(targets, symbols)
    check_option("loss", loss, LOSSES)


def check_training(
    architecture: Architecture,
    block: Real,
    moments: Real,
    powers: Real,
    symbols: Bytes,
    targets: Bytes,
    loss: str,
    optimizer: Optimizer,
    batch_size: int,
    losses: Real | None,
    wrong_bits: NDArray[np.int64] | None,
) -> None:
    """Raise InvalidInputError unless all that `train` is given agrees."""
    shape, dtype = architecture.block_shape, architecture.dtype
    check_array("block", block, shape, dtype)
    check_array("moments", moments, (2, *shape), dtype)
    check_array("powers", powers, (2,), dtype)
    check_symbols(symbols, architecture.operands)
    check_targets(targets, symbols)
    check_option("loss", loss, LOSSES)
    check_option("rule", optimizer.rule, RULES)
    count = symbols.shape[0]
    if batch_size < 1 or count % batch_size:
        raise InvalidInputError(
            f"the number of sequences ({count}) must be a multiple of batch_size ({batch_size})"
        )
    check_reports(losses, wrong_bits, (count // batch_size,), dtype)


def check_population(
    architecture: Architecture,
    blocks: Real,
    moments: Real,
    powers: Real,
    symbols: Bytes,
    targets: Bytes,
    loss: str,
    optimizer: Optimizer,
    learning_rates: Real,
    losses: Real | None,
    wrong_bits: NDArray[np.int64] | None,
) -> None:
    """Raise InvalidInputError unless all that `train_population` is given agrees."""
    shape, dtype = architecture.block_shape, architecture.dtype
    if not isinstance(symbols, np.ndarray) or symbols.ndim != 3 or symbols.size == 0:
        raise InvalidInputError(
            "symbols must be a non-empty array of shape (networks, sequences, steps)"
        )
    networks, count, steps = symbols.shape
    check_array("blocks", blocks, (networks, *shape), dtype)
    check_array("moments", moments, (networks, 2, *shape), dtype)
    check_array("powers", powers, (networks, 2), dtype)
    check_array("learning_rates", learning_rates, (networks,), dtype)
    check_symbols(symbols.reshape(-1, steps), architecture.operands)
    check_array("symbols", symbols, symbols.shape, "uint8")
    check_targets(targets, symbols)
    check_option("loss", loss, LOSSES)
    check_option("rule", optimizer.rule, RULES)
    check_reports(losses, wrong_bits, (networks, count), dtype)


def check_reports(
    losses: Real | None,
    wrong_bits: NDArray[np.int64] | None,
    shape: tuple[int, ...],
    dtype: str,
) -> None:
    """Raise InvalidInputError unless the arrays to fill have a place for each update."""
    if losses is not None:
        check_array("losses", losses, shape, dtype)
    if wrong_bits is not None:
        check_array("wrong_bits", wrong_bits, shape, "int64")


def check_exhaustive(architecture: Architecture, block: Real, bits: int) -> None:
    """Raise InvalidInputError unless all words of this many bits an operand can be run."""
    check_array("block", block, architecture.block_shape, architecture.dtype)
    most = MAX_EXHAUSTIVE_BITS // architecture.operands
    if not 1 <= bits <= most:
        raise InvalidInputError(
            f"sums of {architecture.operands} operands can all be run to {most} bits, not {bits}"
        )


def check_words(words: NDArray[np.uint64], operands: int, length: int) -> None:
    """Raise InvalidInputError unless each row of words (N, W) holds `length` symbols."""
    if length < 1:
        raise InvalidInputError(f"length must be at least 1, not {length}")
    if not isinstance(words, np.ndarray) or words.ndim != 2 or words.size == 0:
        raise InvalidInputError("words must be a non-empty array of shape (sequences, words)")
    check_array("words", words, words.shape, "uint64")
    needed = words_per_sequence(operands, length)
    if words.shape[1] < needed:
        raise InvalidInputError(
            f"{length} symbols of {operands} operands need {needed} words, not {words.shape[1]}"
        )


def check_activation(values: Any, name: str) -> None:
    """Raise InvalidInputError unless the values are reals and the activation is known."""
    if not isinstance(values, np.ndarray) or values.dtype.name not in DTYPES:
        raise InvalidInputError("values must be a float64 or float32 array")
    check_option("activation", name, ACTIVATIONS)
