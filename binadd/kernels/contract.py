"""What every kernel module offers, and the shapes that all of them share.

`native` (C, through Cython) and `reference` (NumPy) each provide the functions listed in
`Kernels`. Their results are equal bit for bit; only the arithmetic is written twice, everything
that the two agree on is here, once.

Notation: N sequences of T steps, n operands, H hidden units, S = H padded to whole lanes,
R = n + H + 3 rows of a parameter block, K networks of a population, or values of the carry, B
sequences of one batch.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_choice, check_integer
from binadd.errors import InvalidInputError
from binadd.form import MAX_OPERANDS, Form, check_coefficients, form_of

Real: TypeAlias = NDArray[np.floating[Any]]
"""A float64 or float32 array (the architecture's dtype)."""
Bytes: TypeAlias = NDArray[np.uint8]

LANE_BYTES = 64
"""Sums run over this many bytes of accumulators, on every machine: the widest vector there is."""

ACTIVATIONS = ("sigmoid", "tanh")
LOSSES = ("squared_error", "cross_entropy")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam")
DTYPES = ("float64", "float32")
MAX_HIDDEN_SIZE = 256
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
    """What a parameter block means, and what the network is to compute.

    >>> Architecture(hidden_size=16).block_shape
    (21, 16)
    """

    hidden_size: int
    operands: int = 2
    activation: str = "sigmoid"
    biases: bool = True
    dtype: str = "float64"
    coefficients: tuple[int, ...] = ()
    """The form's, whose value the outputs are to spell; none stand for a sum's, all 1."""
    block_shape: tuple[int, int] = field(init=False, repr=False, compare=False)
    """(R, S): a row each for the operands and the hidden units a unit listens to, then hidden
    bias, output weights, output bias; a column for each hidden unit, zeros in the padding."""

    def __post_init__(self) -> None:
        check_integer("hidden_size", self.hidden_size, 1, MAX_HIDDEN_SIZE)
        check_integer("operands", self.operands, 1, MAX_OPERANDS)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("dtype", self.dtype, DTYPES)
        coefficients = check_coefficients(self.coefficients or (1,) * self.operands)
        if len(coefficients) != self.operands:
            raise InvalidInputError(
                f"there must be {self.operands} coefficients, not {len(coefficients)}"
            )
        object.__setattr__(self, "coefficients", coefficients)
        rows = self.operands + self.hidden_size + 3
        object.__setattr__(self, "block_shape", (rows, padded_size(self.hidden_size, self.dtype)))

    @property
    def hidden_rows(self) -> slice:
        """Rows of the block that hold the hidden weights: row n + k is column k of Wₕ."""
        return slice(self.operands, self.operands + self.hidden_size)

    @property
    def incoming_rows(self) -> slice:
        """Rows of the block with all that a hidden unit listens to: inputs, units, its bias."""
        return slice(0, self.operands + self.hidden_size + self.biases)

    @property
    def form(self) -> Form:
        """The form, with its automaton."""
        return form_of(self.coefficients)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer with its constants; `clip_norm` = inf clips nothing.

    With g the gradient, clipped to the global norm `clip_norm`:

    - sgd: w ← w − ηg
    - momentum: m ← μm + g; w ← w − ηm
    - nesterov: m ← μm + g; w ← w − η(g + μm)
    - adam: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − ηm̂/(√v̂ + ε)
      (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980)
    """

    name: str = "nesterov"
    learning_rate: float = 0.1
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float = float("inf")


class Learner(NamedTuple):
    """What updates change: a network's weights, and what its optimizer remembers.

    Of a population, every array has a leading K.
    """

    architecture: Architecture
    block: Real  # (R, S)
    moments: Real  # (2, R, S): zeros at the start
    powers: Real  # (2,): Adam's β₁ᵗ and β₂ᵗ, ones at the start


class Batch(NamedTuple):
    """Sequences to learn from, of one batch or of several in turn; of a population (K, N, T)."""

    symbols: Bytes  # (N, T)
    targets: Bytes  # (N, T): the bits of the true sums, or forms


class Report(NamedTuple):
    """Filled in by training: how each batch went before its update; of a population (K, N)."""

    losses: Real  # (N / batch_size,): the mean over its sequences
    wrong_bits: NDArray[np.int64]  # (N / batch_size,)


class Forward(NamedTuple):
    """What `forward` returns."""

    logits: Real  # (N, T)
    probabilities: Real  # (N, T)
    hidden: Real | None  # (N, T, H)
    final_state: Real  # (N, H)


Reals: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]

MAX_STEPS = 64
"""The most steps before sets must cover an image."""
MAX_BUDGET = (1 << 63) - 2

DOUBT, ESCAPED, WIDENED, TOO_MANY = 1, 2, 4, 8
"""What came of an origin: none of these if sets hold all its images, and all bits are right.

A logit may have the wrong sign; an image is far outside after the last step; images are a little
outside, `Images.least` and `most` say how far; there are more images than the budget, and nothing
else is known."""

MOST_ESCAPES = 8192
"""Images of one origin that may be a little outside; more count as far outside."""


class Contexts(NamedTuple):
    """N contexts, whose sets of hidden states are C cells.

    The set of context q are the cells `first[q]` … `first[q + 1]` − 1, boxes in the coordinates
    y = V(x − o) of the context, side by side along its first axis: the i-th of them lies between
    (k − ½)w and (k + ½)w, k = `lowest[q]` + i. A context may have no cell: no set.

    Rows over units are padded with zeros to S, as those of a block are.
    """

    carries: Indices  # (N,): counted from the lowest
    successors: Indices  # (N, 2ⁿ): the context after each symbol
    centres: Reals  # (N, S): o
    frames: Reals  # (F, H, S): V
    bases: Reals  # (F, H, S): the columns of U = V⁻¹, within what `Errors.unit` allows
    frame: Indices  # (N,): of F, or −1: V = U = I, and there is one cell at the most
    widths: Reals  # (N,): w, or inf where there is one cell, not cut
    lowest: Indices  # (N,)
    first: Indices  # (N + 1,)
    owners: Indices  # (C,): the context of each cell
    middles: Reals  # (C, S)
    halves: Reals  # (C, S): negative: an empty cell


class Errors(NamedTuple):
    """By how much bounds must be wider than exact arithmetic would have them."""

    step: float  # a computed hidden state, from the exact step's
    logit: float  # a computed logit, from the exact one, and from what the bounds compute
    unit: Reals  # (S,): a pre-activation, as the bounds compute it
    generator: Reals  # (S,): the same, for each of its generators


class Propagation(NamedTuple):
    """How origins are propagated, and what counts as covered.

    An image that the cells of its context cover, with `slack` to spare, is done; another takes a
    further step, at most `steps` in all. What is rounded in the coordinates of a context is left
    to `slack`: it must be larger than that.
    """

    affine: bool  # as zonotopes, or else as boxes
    steps: int
    budget: int  # the most work of an origin
    slack: float


class Images(NamedTuple):
    """What came of P origins."""

    outcomes: Indices  # (P,)
    depths: Indices  # (P,): steps taken, 0 unless all went well
    work: NDArray[np.int64]  # (P,): zonotopes, by their generators; at most budget + 1
    margins: Reals  # (P,): the least distance of a logit from the wrong side
    least: Reals  # (C, S): what each cell would have to hold for the origins that are only WIDENED
    most: Reals  # (C, S): ±inf where nothing escaped
    low: Reals  # (2K, S): bounds of the units after each total of `Form`, of all images
    high: Reals  # (2K, S): of the origins of which all went well


def new_images(architecture: Architecture, contexts: Contexts, origins: int) -> Images:
    """Images of which nothing is known yet."""
    columns = architecture.block_shape[1]
    least = np.full((len(contexts.owners), columns), np.inf)
    low = np.full((2 * architecture.form.carries, columns), np.inf)
    return Images(
        outcomes=np.zeros(origins, np.int32),
        depths=np.zeros(origins, np.int32),
        work=np.zeros(origins, np.int64),
        margins=np.zeros(origins),
        least=least,
        most=-least,
        low=low,
        high=-low,
    )


LEAST_ROOM = 1e-4
"""What there is between sampled states and the sides of their box, in any unit."""


class Samples(NamedTuple):
    """Words after which states are sampled: C contexts, a carry and D symbols after it each."""

    symbols: Bytes  # (N, T): words from the state 0
    pools: Indices  # (K, M): for each carry, those that end with it; −1: the state 0 instead
    carries: Indices  # (C,): those before the symbols, counted from the lowest
    words: Bytes  # (C, D): the symbols; D may be 0


class Cells(NamedTuple):
    """The cells of `Contexts` by their bounds."""

    low: Reals  # (C, S): widened in place
    high: Reals  # (C, S): below `low` in some unit: an empty cell


CLOSED, OPEN, STUCK = 0, 1, 2
"""An origin: sets held what it can become; it is to be propagated; or it was in vain, since a bit
is in doubt, there are too many images, or it may take no more steps."""


class Origins(NamedTuple):
    """Every cell as an origin and, last, the state 0 in context 0: P = C + 1; changed in place."""

    states: Bytes  # (P,): CLOSED, OPEN or STUCK
    steps: Indices  # (P,): after which images must be covered
    outcomes: Indices  # (P,): as in `Images`, of when each was last propagated
    depths: Indices  # (P,)
    margins: Reals  # (P,)


class Closure(NamedTuple):
    """How cells are widened from round to round, and when rounds end."""

    growth: float  # extra widening of a cell, as a part of what is needed
    most_steps: int  # of an origin that leaves all cells
    rounds: int
    work: int
    most_cells: int


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
        """Return the output bits (N, T) from the initial state: 1 where the logit is above 0."""

    def loss_and_gradients(
        self, architecture: Architecture, block: Real, batch: Batch, loss: str
    ) -> tuple[float, Real]:
        """Mean over the sequences of the loss summed over the steps, and its gradient (R, S)."""

    def train(
        self,
        learner: Learner,
        batch: Batch,
        optimizer: Optimizer,
        *,
        loss: str,
        batch_size: int = 1,
        noise: Real | None = None,
        report: Report | None = None,
    ) -> None:
        """Update the learner in place, once for each `batch_size` sequences in turn.

        `noise` (N / batch_size, R, S) is added to the weights before a batch's gradient is
        computed, and taken off again after its update.
        """

    def train_population(
        self,
        learner: Learner,
        batch: Batch,
        optimizer: Optimizer,
        *,
        loss: str,
        learning_rates: Real,
        report: Report | None = None,
    ) -> None:
        """`train` with batches of one for K networks at once, each on its own data and rate.

        `learning_rates` (K,) replaces the optimizer's.
        """

    def first_error(
        self, architecture: Architecture, block: Real, bits: int
    ) -> tuple[int, tuple[int, ...]] | None:
        """Find the first wrong output over *all* sums of `bits`-bit operands, to the last carry.

        Returns the step t and the symbols 0…t of a word whose logit at t has the wrong sign:
        smallest t first, then the smallest word read as a number, symbol 0 its lowest digit.
        None says that every such sum is right.
        """

    def sample_boxes(
        self,
        architecture: Architecture,
        block: Reals,
        samples: Samples,
        inflation: float,
        floor: float,
    ) -> tuple[Reals, Reals]:
        """Bound the states sampled in C contexts, with some room: low and high (C, S).

        float64 only. A context's states are those after its symbols from M states of its carry
        and, where sums begin with this, from the state 0. To each side there is as much room as
        `inflation` times the width of those M and `floor` times that of the unit where they are
        widest, and `LEAST_ROOM` more.
        """

    def propagate(
        self,
        architecture: Architecture,
        block: Reals,
        contexts: Contexts,
        origins: Indices,
        errors: Errors,
        propagation: Propagation,
    ) -> Images:
        """Bound all that origins can become, step by step, until sets cover it.

        float64 only. Origins (P,) are cells; −1 is the state 0 in context 0.
        """

    def close_sets(
        self,
        architecture: Architecture,
        block: Reals,
        contexts: Contexts,
        cells: Cells,
        origins: Origins,
        errors: Errors,
        propagation: Propagation,
        closure: Closure,
    ) -> tuple[int, int]:
        """Propagate open origins and widen cells by what escapes, round by round.

        Rounds end when no origin is open, one is stuck, `rounds` of them have passed, or when they
        have taken more than `work` or filled more than `most_cells` cells. Returns how many there
        were, and their work.

        Each round propagates the origins that are open, one after the other, but not those of
        empty cells, and the state 0 only in a round in which there is no other. What escapes
        widens cells at once, but not over their cuts, and opens them. An origin that left all
        cells stays open and takes a step more in the next round, up to `most_steps`. All ends as
        soon as an origin is stuck.

        `contexts.middles` and `contexts.halves` are written: the boxes of the cells' bounds, those
        of cells that are cut 2 · `slack` longer to each side.
        """

    def principal_axes(self, architecture: Architecture, states: Reals, centres: Reals) -> Reals:
        """Orthonormal axes (K, H, S) of states (K, samples, H) about centres (K, S).

        float64 only; the axis of the greatest spread first.
        """

    def unpack_words(self, words: NDArray[np.uint64], operands: int, length: int) -> Bytes:
        """Symbols (N, length) out of random words (N, W): n bits a symbol, lowest first."""

    def exact_sums(self, architecture: Architecture, symbols: Bytes) -> Bytes:
        """Bits (N, T) of the true form of the operands spelt by the symbols (N, T)."""

    def activation(self, values: Real, name: str) -> Real:
        """σ or tanh of an array of float64 or float32, elementwise."""


class NativeKernels(Kernels, Protocol):
    """The functions of the native module, which is built for several instruction sets."""

    def isa(self) -> str:
        """Return the instruction set in use."""

    def isas(self) -> dict[str, bool]:
        """Map each instruction set of this build to whether this machine has it."""

    def use_isa(self, name: str | None) -> None:
        """Use this instruction set in all threads, or the machine's widest if None."""

    def set_mode(self, mode: bytes | None) -> bytes:
        """Set this thread's floating-point mode, if None IEEE 754's, and return the one before."""


def words_per_sequence(operands: int, length: int) -> int:
    """64-bit words that hold `length` symbols, none of them split between two words."""
    return -(-length // (64 // operands))


def spell(word: int, operands: int, bits: int, last_step: int) -> tuple[int, ...]:
    """Return the symbols 0…last_step of word number `word`: the operands, then zeros."""
    return tuple(
        word >> operands * t & (1 << operands) - 1 if t < bits else 0 for t in range(last_step + 1)
    )
