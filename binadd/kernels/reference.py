"""The kernels in NumPy: binadd's arithmetic, written to be read.

This module, on the functions and sums of `arithmetic` and the optimizers of `update`, *defines*
what binadd computes. The C core computes the same operations in the same order, so both give the
same bits.

Arrays keep the hidden units first and the sequences last, so a sum over hidden units adds slices
that are contiguous.

The network is Elman's (1990, https://doi.org/10.1207/s15516709cog1402_1), its training
backpropagation through time (Werbos 1990, https://doi.org/10.1109/5.58337).
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.kernels import arguments, contract
from binadd.kernels.arithmetic import (
    ACTIVATIONS,
    SLOPES,
    Scalar,
    hidden_sum,
    sequence_sum,
    sigmoid,
    softplus,
)
from binadd.kernels.axes import principal_axes as principal_axes
from binadd.kernels.closing import close_sets as close_sets
from binadd.kernels.contract import (
    LEAST_ROOM,
    Architecture,
    Batch,
    Bytes,
    Forward,
    Learner,
    Optimizer,
    Real,
    Reals,
    Report,
    Samples,
)
from binadd.kernels.mode import quiet_ieee_mode
from binadd.kernels.reach import propagate as propagate
from binadd.kernels.relaxation import larger, smaller
from binadd.kernels.update import update

NAME = "python"


# ---------------------------------------------------------------------------------------------
# One time step, forward and backward
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """A block's rows by name, as columns (…, H, 1) that broadcast over the sequences."""

    inputs: Real  # (n, H, 1)
    hidden: Real  # (H from, H to, 1)
    hidden_bias: Real  # (H, 1)
    output: Real  # (H, 1)
    output_bias: Scalar  # ()

    @classmethod
    def of(cls, architecture: Architecture, block: Real) -> "Weights":
        """Name the rows of a block."""
        n, size = architecture.operands, architecture.hidden_size
        columns = block[:, :size, None]
        return cls(
            inputs=columns[:n],
            hidden=columns[architecture.hidden_rows],
            hidden_bias=columns[n + size],
            output=columns[n + size + 1],
            output_bias=block[n + size + 2, 0],
        )


def _operand_bits(symbols: Bytes, operands: int) -> Iterator[NDArray[np.bool_]]:
    """xₜ operand by operand, (N,) each, out of the symbols of one step."""
    return ((symbols >> i & 1).astype(bool) for i in range(operands))


def _pick(bits: NDArray[np.bool_], values: Real) -> Real:
    """values · x for a bit x, without a multiplication."""
    return np.where(bits, values, values.dtype.type(0))


def _step(weights: Weights, activation: str, symbols: Bytes, state: Real | None) -> Real:
    """hₜ = f(Wₕhₜ₋₁ + (bₕ + Wᵢxₜ)) (H, N); with no state, hₜ₋₁ = 0 adds nothing."""
    a = np.broadcast_to(weights.hidden_bias, (len(weights.hidden_bias), len(symbols)))
    for bits, row in zip(_operand_bits(symbols, len(weights.inputs)), weights.inputs, strict=True):
        a = a + _pick(bits, row)
    if state is not None:
        a = hidden_sum(weights.hidden * state[:, None, :]) + a
    return ACTIVATIONS[activation](a)


def _logit(weights: Weights, state: Real) -> Real:
    """oₜ = Wₒhₜ + bₒ (N,)."""
    return hidden_sum(weights.output * state) + weights.output_bias


def _step_back(
    weights: Weights, activation: str, state: Real, d_logit: Real, delta_next: Real | None
) -> Real:
    """δₜ = (Wₕᵀδₜ₊₁ + Wₒᵀ∂L/∂oₜ) ⊙ f′(aₜ) (H, N)."""
    d_state = weights.output * d_logit
    if delta_next is not None:
        to_from = weights.hidden.swapaxes(0, 1)
        d_state = hidden_sum(to_from * delta_next[:, None, :]) + d_state
    return d_state * SLOPES[activation](state)


# ---------------------------------------------------------------------------------------------
# Losses
# ---------------------------------------------------------------------------------------------


def _loss_and_slope(logits: Real, targets: Bytes, loss: str) -> tuple[Real, Real]:
    """Return the loss of each output bit, and ∂L/∂oₜ."""
    y = targets.astype(logits.dtype)
    probabilities = sigmoid(logits)
    difference = probabilities - y
    if loss == "cross_entropy":  # −ln ŷ or −ln(1 − ŷ), stably from the logit
        return softplus(np.where(targets == 1, -logits, logits)), difference
    if loss == "squared_error":
        slope = (2 * difference) * (probabilities * (1 - probabilities))
        return difference * difference, slope
    raise NotImplementedError(loss)


# ---------------------------------------------------------------------------------------------
# Backpropagation through time
# ---------------------------------------------------------------------------------------------


def _run(architecture: Architecture, weights: Weights, symbols: Bytes) -> list[Real]:
    """Return the hidden states hₜ (H, N) of every step, from h₋₁ = 0."""
    states: list[Real] = []
    state = None
    for t in range(symbols.shape[1]):
        state = _step(weights, architecture.activation, symbols[:, t], state)
        states.append(state)
    return states


def _sequence_gradients(
    architecture: Architecture,
    weights: Weights,
    symbols: Bytes,
    states: list[Real],
    d_logits: Real,
) -> Real:
    """Return each sequence's gradient (R, S, N), summed over t from the last step down."""
    n, size = architecture.operands, architecture.hidden_size
    gradients = np.zeros((*architecture.block_shape, len(symbols)), d_logits.dtype)
    inputs, hidden = gradients[:n, :size], gradients[architecture.hidden_rows, :size]
    hidden_bias, output, output_bias = gradients[n + size :, :size]
    delta = None
    for t in reversed(range(len(states))):
        delta = _step_back(weights, architecture.activation, states[t], d_logits[:, t], delta)
        for row, bits in zip(inputs, _operand_bits(symbols[:, t], n), strict=True):
            row += _pick(bits, delta)
        if t > 0:
            hidden += states[t - 1][:, None, :] * delta
        if architecture.biases:
            hidden_bias += delta
            output_bias[0] += d_logits[:, t]
        output += d_logits[:, t] * states[t]
    return gradients


@dataclass(frozen=True)
class BatchResult:
    """A batch's mean loss and gradient, and how many of its output bits were wrong."""

    loss: Any
    gradient: Real  # (R, S)
    wrong_bits: int


def _backpropagate(
    architecture: Architecture, block: Real, batch: Batch, loss: str
) -> BatchResult:
    symbols, targets = batch
    weights = Weights.of(architecture, block)
    states = _run(architecture, weights, symbols)
    logits = np.stack([_logit(weights, state) for state in states], axis=1)
    losses, d_logits = _loss_and_slope(logits, targets, loss)
    gradients = _sequence_gradients(architecture, weights, symbols, states, d_logits)
    inverse = block.dtype.type(1) / block.dtype.type(len(symbols))
    total = losses[:, 0]
    for t in range(1, losses.shape[1]):
        total = total + losses[:, t]
    return BatchResult(
        loss=sequence_sum(total) * inverse,
        gradient=sequence_sum(np.moveaxis(gradients, -1, 0)) * inverse,
        wrong_bits=int(np.count_nonzero((logits > 0) != (targets == 1))),
    )


# ---------------------------------------------------------------------------------------------
# The kernels
# ---------------------------------------------------------------------------------------------


@quiet_ieee_mode()
def forward(
    architecture: Architecture,
    block: Real,
    symbols: Bytes,
    initial_state: Real | None = None,
    *,
    hidden: bool = False,
) -> Forward:
    """See `contract.Kernels.forward`."""
    arguments.check_forward(architecture, block, symbols, initial_state)
    weights = Weights.of(architecture, block)
    count, steps = symbols.shape
    logits = np.empty((count, steps), block.dtype)
    states = np.empty((count, steps, architecture.hidden_size), block.dtype) if hidden else None
    state = None if initial_state is None else initial_state.T
    for t in range(steps):
        state = _step(weights, architecture.activation, symbols[:, t], state)
        logits[:, t] = _logit(weights, state)
        if states is not None:
            states[:, t] = state.T
    assert state is not None
    return Forward(logits, sigmoid(logits), states, np.ascontiguousarray(state.T))


def logits(architecture: Architecture, block: Real, symbols: Bytes) -> Real:
    """See `contract.Kernels.logits`."""
    return forward(architecture, block, symbols).logits


def probabilities(architecture: Architecture, block: Real, symbols: Bytes) -> Real:
    """See `contract.Kernels.probabilities`."""
    return forward(architecture, block, symbols).probabilities


@quiet_ieee_mode()
def bits(architecture: Architecture, block: Real, symbols: Bytes) -> Bytes:
    """See `contract.Kernels.bits`."""
    return (logits(architecture, block, symbols) > 0).view(np.uint8)


@quiet_ieee_mode()
def loss_and_gradients(
    architecture: Architecture, block: Real, batch: Batch, loss: str
) -> tuple[float, Real]:
    """See `contract.Kernels.loss_and_gradients`."""
    arguments.check_gradients(architecture, block, batch, loss)
    result = _backpropagate(architecture, block, batch, loss)
    return float(result.loss), result.gradient


@quiet_ieee_mode()
def train(
    learner: Learner,
    batch: Batch,
    optimizer: Optimizer,
    *,
    loss: str,
    batch_size: int = 1,
    noise: Real | None = None,
    report: Report | None = None,
) -> None:
    """See `contract.Kernels.train`."""
    arguments.check_training(learner, batch, optimizer, loss, batch_size, noise, report)
    architecture, block, moments, powers = learner
    for i in range(len(batch.symbols) // batch_size):
        part = slice(i * batch_size, (i + 1) * batch_size)
        if noise is not None:
            block += noise[i]
        one = Batch(batch.symbols[part], batch.targets[part])
        result = _backpropagate(architecture, block, one, loss)
        if report is not None:
            report.losses[i], report.wrong_bits[i] = result.loss, result.wrong_bits
        update(block, moments, powers, result.gradient, optimizer)
        if noise is not None:
            block -= noise[i]


def train_population(
    learner: Learner,
    batch: Batch,
    optimizer: Optimizer,
    *,
    loss: str,
    learning_rates: Real,
    report: Report | None = None,
) -> None:
    """See `contract.Kernels.train_population`: a population is its networks, one by one."""
    arguments.check_population(learner, batch, optimizer, loss, learning_rates, report)
    architecture, *arrays = learner
    for k, rate in enumerate(learning_rates):
        train(
            Learner(architecture, *(array[k] for array in arrays)),
            Batch(batch.symbols[k], batch.targets[k]),
            dataclasses.replace(optimizer, learning_rate=float(rate)),
            loss=loss,
            report=None if report is None else Report(report.losses[k], report.wrong_bits[k]),
        )


@quiet_ieee_mode()
def first_error(
    architecture: Architecture, block: Real, bits: int
) -> tuple[int, tuple[int, ...]] | None:
    """See `contract.Kernels.first_error`.

    Words that share a prefix share its states: column w of step t is the word whose symbols are
    the digits of w, the lowest first, so the next step's columns are this step's, once a symbol.
    """
    arguments.check_exhaustive(architecture, block, bits)
    weights = Weights.of(architecture, block)
    alphabet = np.arange(1 << architecture.operands, dtype=np.uint8)
    state: Real | None = None
    form = architecture.form
    carry = np.full(1, form.start, np.uint8)
    for t in range(bits + form.carry_steps):
        fed = alphabet if t < bits else alphabet[:1]
        totals = form.weights[fed][:, None] + carry
        state, logits = _fan_out(architecture, weights, fed, state, len(carry))
        wrong = (logits > 0) != (totals.reshape(-1) & 1)
        if wrong.any():
            word = int(np.argmax(wrong))
            return t, contract.spell(word, architecture.operands, bits, t)
        carry = totals.reshape(-1) >> np.uint8(1)
    return None


def _fan_out(
    architecture: Architecture,
    weights: Weights,
    fed: Bytes,
    state: Real | None,
    count: int,
    chunk: int = 4096,
) -> tuple[Real, Real]:
    """Every symbol fed to every state: states (H, symbols · count) and logits of the next step."""
    size = architecture.hidden_size
    states = np.empty((size, len(fed), count), weights.hidden.dtype)
    logits = np.empty((len(fed), count), weights.hidden.dtype)
    for start in range(0, count, chunk):
        part = slice(start, min(start + chunk, count))
        for s, symbol in enumerate(fed):
            repeated = np.full(part.stop - part.start, symbol)
            origin = None if state is None else state[:, part]
            stepped = _step(weights, architecture.activation, repeated, origin)
            states[:, s, part] = stepped
            logits[s, part] = _logit(weights, stepped)
    return states.reshape(size, -1), logits.reshape(-1)


@quiet_ieee_mode()
def sample_boxes(
    architecture: Architecture, block: Reals, samples: Samples, inflation: float, floor: float
) -> tuple[Reals, Reals]:
    """See `contract.Kernels.sample_boxes`."""
    arguments.check_samples(architecture, block, samples)
    count, columns = len(samples.carries), architecture.block_shape[1]
    ends = forward(architecture, block, samples.symbols).final_state
    before = np.where(samples.pools[:, :, None] >= 0, ends[samples.pools], 0.0)[samples.carries]
    sampled = _after_words(architecture, block, samples.words, before)
    [first] = _after_words(architecture, block, samples.words, np.zeros_like(before[:, :1]))
    low: Real = sampled[0]
    high: Real = low
    widest: Real = np.zeros(count)
    for states in sampled[1:]:
        low, high = smaller(low, states), larger(high, states)
    for unit in (high - low).T:
        widest = larger(widest, unit)
    room = inflation * (high - low) + (floor * widest + LEAST_ROOM)[:, None]
    begins = (samples.carries == architecture.form.start)[:, None]
    low = np.where(begins, smaller(low, first), low) - room
    high = np.where(begins, larger(high, first), high) + room
    padding = (0, 0), (0, columns - architecture.hidden_size)
    return np.pad(low, padding), np.pad(high, padding)


def _after_words(architecture: Architecture, block: Reals, words: Bytes, before: Reals) -> Real:
    """Return the states (M, C, H) after words (C, D), from those before them (C, M, H)."""
    after: Real = before
    if words.shape[1]:
        repeated = np.repeat(words, before.shape[1], axis=0)
        rows = before.reshape(len(repeated), -1)
        after = forward(architecture, block, repeated, rows).final_state.reshape(before.shape)
    return after.swapaxes(0, 1)


def unpack_words(words: NDArray[np.uint64], operands: int, length: int) -> Bytes:
    """See `contract.Kernels.unpack_words`."""
    arguments.check_words(words, operands, length)
    per_word = 64 // operands
    shifts = (np.arange(per_word) * operands).astype(np.uint64)
    symbols = words[:, :, None] >> shifts & np.uint64((1 << operands) - 1)
    return np.ascontiguousarray(symbols.reshape(len(words), -1)[:, :length].astype(np.uint8))


def exact_sums(architecture: Architecture, symbols: Bytes) -> Bytes:
    """See `contract.Kernels.exact_sums`: the carry automaton, all sequences at once."""
    arguments.check_symbols(symbols, architecture.operands)
    return architecture.form.totals(symbols) & np.uint8(1)


@quiet_ieee_mode()
def activation(values: Real, name: str) -> Real:
    """See `contract.Kernels.activation`."""
    arguments.check_activation(values, name)
    return ACTIVATIONS[name](values)
