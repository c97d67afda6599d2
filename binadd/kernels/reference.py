"""The kernels in NumPy: binadd's arithmetic, written to be read.

This module *defines* what binadd computes. The C core computes the same operations in the same
order, so both give the same bits: only + − × ÷ √, comparisons and bit moves, each rounded once,
and sums in the written order of `hidden_sum` and `sequence_sum`. Neither NumPy's exp nor its dot
nor its sum is used, since their last bits vary with the machine.

Arrays keep the hidden units first and the sequences last, so a sum over hidden units adds slices
that are contiguous.

The network is Elman's (1990, https://doi.org/10.1207/s15516709cog1402_1), its training
backpropagation through time (Werbos 1990, https://doi.org/10.1109/5.58337).
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.kernels import contract
from binadd.kernels.contract import Architecture, Bytes, Forward, Optimizer, Real

NAME = "python"
Scalar: TypeAlias = np.floating[Any]


# ---------------------------------------------------------------------------------------------
# Elementary functions
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constants:
    """What exp and log need at one precision; csrc/arithmetic.h has the same table."""

    limit: Scalar  # e^±limit is a normal number
    log2_e: Scalar
    magic: (
        Scalar  # adding 1.5·2^mantissa_bits rounds to an integer, which is then in the low bits;
    )
    # with the exponent's bias on top, a shift makes these the bits of a power of two
    ln2_high: Scalar  # few enough bits that n·ln2_high is exact
    ln2_low: Scalar
    exp: tuple[Scalar, ...]  # eʳ − 1 = r + r²·P(r), |r| ≤ ½·ln 2: the coefficients of P
    log1p: tuple[Scalar, ...]  # ln((1+w)/(1−w)) = 2w·(1 + w²·L(w²)), 0 ≤ w ≤ ⅓: those of L
    integer: type[np.signedinteger[Any]]
    mantissa_bits: int


def _constants(
    real: type[np.floating[Any]],
    limit: float,
    ln2: tuple[float, float],
    exp: tuple[float, ...],
    log1p: tuple[float, ...],
    integer: type[np.signedinteger[Any]],
    mantissa_bits: int,
    exponent_bias: int,
) -> Constants:
    return Constants(
        limit=real(limit),
        log2_e=real(1.4426950408889634),
        magic=real(1.5 * 2.0**mantissa_bits + exponent_bias),
        ln2_high=real(ln2[0]),
        ln2_low=real(ln2[1]),
        exp=tuple(real(c) for c in exp),
        log1p=tuple(real(c) for c in log1p),
        integer=integer,
        mantissa_bits=mantissa_bits,
    )


# Derived by tools/coefficients.py.
CONSTANTS = {
    np.dtype(np.float64): _constants(
        np.float64,
        limit=708.39,
        ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
        exp=(
            0.5,
            0.16666666666666666,
            0.04166666666665136,
            0.008333333333332155,
            0.0013888888905881542,
            0.0001984126985433861,
            2.4801536388690766e-05,
            2.755728006701698e-06,
            2.761380686153829e-07,
            2.5095554677111112e-08,
        ),
        log1p=(
            0.33333333333333487,
            0.19999999999780063,
            0.14285714338330496,
            0.11111106278964857,
            0.09091130554209872,
            0.07686637438179002,
            0.0675117123587855,
            0.05161334635249541,
            0.08435350330548605,
        ),
        integer=np.int64,
        mantissa_bits=52,
        exponent_bias=1023,
    ),
    np.dtype(np.float32): _constants(
        np.float32,
        limit=87.33,
        ln2=(0.693359375, -2.12194440e-4),
        exp=(
            0.5,
            0.16666631400585175,
            0.04166662320494652,
            0.008357204496860504,
            0.0013918719487264752,
        ),
        log1p=(
            0.3333333432674408,
            0.19999852776527405,
            0.142961785197258,
            0.1085328757762909,
            0.11612164974212646,
        ),
        integer=np.int32,
        mantissa_bits=23,
        exponent_bias=127,
    ),
}


def _estrin(c: tuple[Scalar, ...], r: Real, r2: Real) -> Real:
    """P(r) by pairs: shorter chains than Horner's, and the order that C uses."""
    pairs = [c[i] + c[i + 1] * r for i in range(0, len(c) - 1, 2)]
    if len(c) == 5:
        return pairs[0] + (pairs[1] + c[4] * r2) * r2
    r4 = r2 * r2
    return (pairs[0] + pairs[1] * r2) + ((pairs[2] + pairs[3] * r2) + pairs[4] * r4) * r4


def _split_exp(x: Real, k: Constants) -> tuple[Real, Real]:
    """s and q with e⁻ˣ = s·(1 + q), s = 2ⁿ and q = e^(−x − n·ln 2) − 1, for |x| ≤ limit."""
    shifted = x * -k.log2_e + k.magic
    n = shifted - k.magic
    r = (n * -k.ln2_high - x) - n * k.ln2_low
    r2 = r * r
    q = r + r2 * _estrin(k.exp, r, r2)
    return (shifted.view(k.integer) << k.mantissa_bits).view(x.dtype), q


def sigmoid(a: Real) -> Real:
    """σ(a) = 1/(1 + e⁻ᵃ), as 1/((1 + s) + s·q): one rounding less than adding 1 to e⁻ᵃ.

    Below −limit it is 0, whatever has come out.
    """
    k = CONSTANTS[a.dtype]
    s, q = _split_exp(np.minimum(a, k.limit), k)  # which lets a NaN through
    return np.where(a < -k.limit, a.dtype.type(0), 1 / ((1 + s) + s * q))


def tanh(a: Real) -> Real:
    """tanh(a) = (1 − e)/(1 + e) with the sign of a; e = e^(−2|a|) = s·(1 + q): nothing cancels."""
    k = CONSTANTS[a.dtype]
    s, q = _split_exp(np.minimum(2 * np.abs(a), k.limit), k)
    sq = s * q
    return np.copysign(((1 - s) - sq) / ((1 + s) + sq), a)


def softplus(z: Real) -> Real:
    """ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|); the logarithm by its series in w = e/(2 + e)."""
    k = CONSTANTS[z.dtype]
    s, q = _split_exp(np.minimum(np.abs(z), k.limit), k)
    e = s + s * q
    w = e / (2 + e)
    w2 = w * w
    series = np.full_like(w, k.log1p[-1])
    for coefficient in k.log1p[-2::-1]:
        series = coefficient + series * w2
    return np.maximum(z, 0) + (w + w) * (1 + w2 * series)


ACTIVATIONS = {"sigmoid": sigmoid, "tanh": tanh}
SLOPES: dict[str, Callable[[Real], Real]] = {
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
}  # f′(a) from h = f(a)


# ---------------------------------------------------------------------------------------------
# Sums in their written order
# ---------------------------------------------------------------------------------------------


def _halve(accumulators: Real) -> Real:
    """Add the second half of the leading axis to the first until one is left."""
    while len(accumulators) > 1:
        half = len(accumulators) // 2
        accumulators = accumulators[:half] + accumulators[half:]
    total: Real = accumulators[0]
    return total


def _strided_sum(terms: Real, width: int) -> Real:
    """Deal the terms of the leading axis to `width` accumulators in turn, then halve these.

    ``s[i] = t[i] + t[i + width] + …`` left to right, missing terms being +0.
    """
    missing = -len(terms) % width
    if missing:
        terms = np.concatenate([terms, np.zeros((missing, *terms.shape[1:]), terms.dtype)])
    accumulators = terms[:width]
    for start in range(width, len(terms), width):
        accumulators = accumulators + terms[start : start + width]
    return _halve(accumulators)


def hidden_sum(products: Real) -> Real:
    """Sum over hidden units, the leading axis."""
    return _strided_sum(products, contract.lanes(products.dtype.name))


def sequence_sum(terms: Real) -> Real:
    """Sum over the sequences of a batch, the leading axis; adding +0 leaves no −0 behind."""
    return _strided_sum(terms, contract.lanes(terms.dtype.name)) + terms.dtype.type(0)


NORM_ACCUMULATORS = 64
"""So many that the sum is not one long chain of dependent additions."""


def square_norm(gradient: Real) -> Any:
    """Σg² over a whole block, as it lies in memory."""
    flat = gradient.reshape(-1)
    return _strided_sum(flat * flat, NORM_ACCUMULATORS)


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
    """The loss of each output bit, and ∂L/∂oₜ."""
    y = targets.astype(logits.dtype)
    probabilities = sigmoid(logits)
    difference = probabilities - y
    if loss == "cross_entropy":  # −ln ŷ or −ln(1 − ŷ), stably from the logit
        return softplus(np.where(targets == 1, -logits, logits)), difference
    slope = (2 * difference) * (probabilities * (1 - probabilities))
    return difference * difference, slope


# ---------------------------------------------------------------------------------------------
# Backpropagation through time
# ---------------------------------------------------------------------------------------------


def _run(architecture: Architecture, weights: Weights, symbols: Bytes) -> list[Real]:
    """The hidden states hₜ (H, N) of every step, from h₋₁ = 0."""
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
    """The gradient of each sequence's own loss, (R, S, N): sums over t from the last step down."""
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
    architecture: Architecture, block: Real, symbols: Bytes, targets: Bytes, loss: str
) -> BatchResult:
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
# Update rules
# ---------------------------------------------------------------------------------------------


def _clip(gradient: Real, clip_norm: float) -> Real:
    """Scale the gradient down to the global norm `clip_norm` where it is longer."""
    if clip_norm == float("inf"):
        return gradient
    limit = gradient.dtype.type(clip_norm)
    norm = np.sqrt(square_norm(gradient))
    return gradient * (limit / norm) if norm > limit else gradient


def _update(block: Real, moments: Real, powers: Real, gradient: Real, rule: Optimizer) -> None:
    """One step of the rule, in place; its equations stand in `contract.Optimizer`."""
    real = block.dtype.type
    rate, mu = real(rule.learning_rate), real(rule.momentum)
    one = real(1)  # before NumPy 2, 1 − a float32 is a float64
    m, v = moments
    g = _clip(gradient, rule.clip_norm)
    if rule.rule == "sgd":
        block -= rate * g
    elif rule.rule == "adam":
        beta1, beta2 = real(rule.beta1), real(rule.beta2)
        powers *= np.array([beta1, beta2])
        m[...] = beta1 * m + (one - beta1) * g
        v[...] = beta2 * v + (one - beta2) * (g * g)
        m_hat = m * (one / (one - powers[0]))
        v_hat = v * (one / (one - powers[1]))
        block -= rate * (m_hat / (np.sqrt(v_hat) + real(rule.epsilon)))
    else:
        m[...] = mu * m + g
        block -= rate * (g + mu * m if rule.rule == "nesterov" else m)


# ---------------------------------------------------------------------------------------------
# The kernels
# ---------------------------------------------------------------------------------------------

# A diverging network overflows; it is found by its non-finite weights, not by warnings.
_quiet = np.errstate(all="ignore")


@_quiet
def forward(
    architecture: Architecture,
    block: Real,
    symbols: Bytes,
    initial_state: Real | None = None,
    *,
    hidden: bool = False,
) -> Forward:
    """See `contract.Kernels.forward`."""
    contract.check_forward(architecture, block, symbols, initial_state)
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


def bits(architecture: Architecture, block: Real, symbols: Bytes) -> Bytes:
    """See `contract.Kernels.bits`."""
    return (logits(architecture, block, symbols) > 0).view(np.uint8)


@_quiet
def loss_and_gradients(
    architecture: Architecture, block: Real, symbols: Bytes, targets: Bytes, loss: str
) -> tuple[float, Real]:
    """See `contract.Kernels.loss_and_gradients`."""
    contract.check_gradients(architecture, block, symbols, targets, loss)
    result = _backpropagate(architecture, block, symbols, targets, loss)
    return float(result.loss), result.gradient


@_quiet
def train(
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
    """See `contract.Kernels.train`."""
    contract.check_training(
        architecture,
        block,
        moments,
        powers,
        symbols,
        targets,
        loss,
        optimizer,
        batch_size,
        losses,
        wrong_bits,
    )
    for update in range(len(symbols) // batch_size):
        batch = slice(update * batch_size, (update + 1) * batch_size)
        result = _backpropagate(architecture, block, symbols[batch], targets[batch], loss)
        if losses is not None:
            losses[update] = result.loss
        if wrong_bits is not None:
            wrong_bits[update] = result.wrong_bits
        _update(block, moments, powers, result.gradient, optimizer)


def train_population(
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
    """See `contract.Kernels.train_population`: a population is its networks, one by one."""
    contract.check_population(
        architecture,
        blocks,
        moments,
        powers,
        symbols,
        targets,
        loss,
        optimizer,
        learning_rates,
        losses,
        wrong_bits,
    )
    for k, rate in enumerate(learning_rates):
        train(
            architecture,
            blocks[k],
            moments[k],
            powers[k],
            symbols[k],
            targets[k],
            loss=loss,
            optimizer=dataclasses.replace(optimizer, learning_rate=float(rate)),
            batch_size=1,
            losses=None if losses is None else losses[k],
            wrong_bits=None if wrong_bits is None else wrong_bits[k],
        )


@_quiet
def first_error(
    architecture: Architecture, block: Real, bits: int
) -> tuple[int, tuple[int, ...]] | None:
    """See `contract.Kernels.first_error`.

    Words that share a prefix share its states: column w of step t is the word whose symbols are
    the digits of w, the lowest first, so the next step's columns are this step's, once a symbol.
    """
    contract.check_exhaustive(architecture, block, bits)
    weights = Weights.of(architecture, block)
    alphabet = np.arange(1 << architecture.operands, dtype=np.uint8)
    state: Real | None = None
    carry = np.zeros(1, np.int64)
    for t in range(bits + architecture.carry_steps):
        fed = alphabet if t < bits else alphabet[:1]
        totals = _POPCOUNT[fed].astype(np.int64)[:, None] + carry
        state, logits = _fan_out(architecture, weights, fed, state, len(carry))
        wrong = (logits > 0) != (totals.reshape(-1) & 1)
        if wrong.any():
            word = int(np.argmax(wrong))
            return t, contract.spell(word, architecture.operands, bits, t)
        carry = totals.reshape(-1) >> 1
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


def unpack_words(words: NDArray[np.uint64], operands: int, length: int) -> Bytes:
    """See `contract.Kernels.unpack_words`."""
    contract.check_words(words, operands, length)
    per_word = 64 // operands
    shifts = (np.arange(per_word) * operands).astype(np.uint64)
    symbols = words[:, :, None] >> shifts & np.uint64((1 << operands) - 1)
    return np.ascontiguousarray(symbols.reshape(len(words), -1)[:, :length].astype(np.uint8))


def exact_sums(symbols: Bytes, operands: int) -> Bytes:
    """See `contract.Kernels.exact_sums`: the carry automaton, all sequences at once."""
    contract.check_symbols(symbols, operands)
    sums = np.empty_like(symbols)
    carry = np.zeros(len(symbols), np.uint8)
    for t in range(symbols.shape[1]):
        total = _POPCOUNT[symbols[:, t]] + carry
        sums[:, t] = total & 1
        carry = total >> 1
    return sums


_POPCOUNT = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1, dtype=np.uint8)
"""Ones in each byte; np.bitwise_count is newer than the oldest NumPy supported."""


@_quiet
def activation(values: Real, name: str) -> Real:
    """See `contract.Kernels.activation`."""
    contract.check_activation(values, name)
    return ACTIVATIONS[name](values)
