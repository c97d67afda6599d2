"""Bounds hold what the network computes; the error bound of a step holds for its worst."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import factorial
from typing import Any, NamedTuple

import numpy as np
import pytest
from framed import bare_certificate
from proved import certified
from reach_cases import SURE, ones

from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.kernels.arithmetic import CONSTANTS
from binadd.kernels.contract import WIDENED, Contexts, Images, Propagation, lanes
from binadd.proof import checker, cover
from binadd.proof.bounds import ACTIVATION_ERROR, Bounds
from binadd.proof.integers import ONE

mpmath = pytest.importorskip("mpmath")

SETTINGS = [
    ("sigmoid", "float64", 2, True),
    ("sigmoid", "float32", 3, False),
    ("tanh", "float64", 1, False),
    ("tanh", "float32", 2, True),
]


def network(
    activation: str,
    dtype: str,
    operands: int,
    biases: bool,
    scale: float,
    seed: int,
    size: int = 9,
) -> BinaryAdderRNN:
    """Return a network of random weights; cancellation makes rounding show."""
    generator = np.random.default_rng(seed)
    parameters = {
        "input_weights": generator.normal(0, scale, (size, operands)),
        "hidden_weights": generator.normal(0, scale, (size, size)),
        "output_weights": generator.normal(0, scale, size),
    }
    if biases:
        parameters["hidden_bias"] = generator.normal(0, scale, size)
        parameters["output_bias"] = generator.normal(0, scale, ())
    return BinaryAdderRNN.from_parameters(parameters, activation, dtype=dtype)


def exact_step(net: BinaryAdderRNN, state: Any, symbol: int) -> tuple[list[Any], Any]:
    """Return the next state and the logit of the state given, in 60 digits."""
    p = net.parameters
    size, operands = p["input_weights"].shape
    f = mpmath.tanh if net.activation == "tanh" else lambda a: 1 / (1 + mpmath.exp(-a))
    bits = [symbol >> i & 1 for i in range(operands)]
    nothing = np.zeros(size)

    def total(bias: Any, *terms: tuple[Any, Any]) -> Any:
        products = (mpmath.mpf(float(w)) * mpmath.mpf(float(v)) for w, v in terms)
        return mpmath.mpf(float(bias)) + mpmath.fsum(products)

    biases = p.get("hidden_bias", nothing)
    reached = [
        f(
            total(
                biases[j],
                *zip(p["hidden_weights"][j], state, strict=True),
                *zip(p["input_weights"][j], bits, strict=True),
            )
        )
        for j in range(size)
    ]
    return reached, total(p.get("output_bias", 0.0), *zip(p["output_weights"], state, strict=True))


def computed(net: BinaryAdderRNN, state: Any, symbol: int) -> tuple[Any, Any]:
    """Return the next state as the network computes it, and *its* logit."""
    run = net.kernels.forward(
        net.state.architecture,
        net.state.block,
        np.array([[symbol]], np.uint8),
        np.ascontiguousarray(state[None]).astype(net.settings.dtype),
    )
    return run.final_state[0], float(run.logits[0, 0])


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize("scale", [0.3, 5.0, 300.0, 1e6])
@pytest.mark.parametrize("setting", SETTINGS)
def test_errors_of_a_step_are_bounded(setting: Any, scale: float) -> None:
    """Random and extreme states; the bound is held and is not absurdly large either."""
    worst = 0.0
    with mpmath.workdps(60):
        for seed in range(6):
            net = network(*setting, scale, seed)
            bounds = Bounds(net)
            generator = np.random.default_rng(seed)
            for trial in range(8):
                low = -1.0 if net.activation == "tanh" else 0.0
                state = generator.uniform(low, 1, 9).astype(net.settings.dtype)
                if trial < 4:
                    state = np.where(state > 0.5 * (1 + low), 1, low).astype(net.settings.dtype)
                symbol = trial % (1 << net.operands)
                reached, logit = computed(net, state, symbol)
                exact, _ = exact_step(net, state, symbol)
                _, exact_logit = exact_step(net, reached, symbol)
                error = max(
                    abs(float(h - e)) for h, e in zip(reached.tolist(), exact, strict=True)
                )
                assert error <= bounds.step_error
                assert abs(float(logit - exact_logit)) <= bounds.logit_error
                worst = max(worst, error / bounds.step_error)
    assert worst > 1e-4 or scale > 5  # f saturates


SIZES = (1, 7, 8, 16, 33, 64, 256)


def heavy(kind: str, size: int, activation: str, dtype: str, seed: int) -> BinaryAdderRNN:
    """Return a network whose sums round badly for the states that `hard_states` gives."""
    if kind == "lost":
        return losing(size, activation, dtype)
    generator = np.random.default_rng(seed)
    scale = {"small": 1e-3, "usual": 2.0, "large": 1e4, "cancelling": 1.0}[kind]
    W, inputs = generator.uniform(-scale, scale, (size, size)), np.zeros((size, 2))
    bias, out = generator.uniform(-scale, scale, size), generator.uniform(-scale, scale, size)
    if kind == "cancelling":  # W·½ + b is about 0, where f is steepest, out of terms of one sign
        W, out = np.abs(W), np.abs(out)
        bias = -W.sum(axis=1) / 2
    return BinaryAdderRNN.from_parameters(
        {
            "input_weights": inputs if kind == "cancelling" else inputs + bias[:, None],
            "hidden_weights": W,
            "hidden_bias": bias,
            "output_weights": out,
            "output_bias": np.asarray(-out.sum() / 2 if kind == "cancelling" else scale),
        },
        activation,
        dtype=dtype,
    )


def losing(size: int, activation: str, dtype: str) -> BinaryAdderRNN:
    """Return the worst case: each accumulator starts with ±1 and loses all later terms."""
    width = lanes(dtype)
    ulp = float(np.finfo(dtype).eps)
    row = np.full(size, 0.499 * ulp)
    row[:width] = 1 + 8 * ulp
    row[: width // 2] *= -1  # what is left is about 0, where f is steepest
    parameters = {
        "input_weights": np.zeros((size, 2)),
        "hidden_weights": np.tile(row, (size, 1)),
        "hidden_bias": np.zeros(size),
        "output_weights": row,
        "output_bias": np.zeros(()),
    }
    return BinaryAdderRNN.from_parameters(parameters, activation, dtype=dtype)


def hard_states(kind: str, size: int, dtype: str, seed: int) -> Any:
    """States (256, H) with full mantissas, about ½; or 1, where products are to be exact."""
    generator = np.random.default_rng(seed)
    states = np.ones((1, size)) if kind == "lost" else generator.uniform(0.4, 0.6, (256, size))
    return states.astype(dtype)


def worst_errors(net: BinaryAdderRNN, states: Any) -> tuple[float, float]:
    """Return the largest errors of a step and its logit: found in long double, then exactly."""
    p = net.parameters
    size, tanh = len(p["output_weights"]), net.activation == "tanh"
    run = net.kernels.forward(
        net.state.architecture, net.state.block, np.full((len(states), 1), 3, np.uint8), states
    )
    wide = {name: array.astype(np.longdouble) for name, array in p.items()}
    a = states @ wide["hidden_weights"].T + wide["input_weights"].sum(1) + wide["hidden_bias"]
    with np.errstate(over="ignore"):
        f = np.tanh(a) if tanh else 1 / (1 + np.exp(-a))
    m, j = np.unravel_index(np.argmax(np.abs(run.final_state - f)), (len(states), size))
    logits = run.final_state @ wide["output_weights"] + wide["output_bias"]
    k = int(np.argmax(np.abs(run.logits[:, 0] - logits)))

    def exact(bias: Any, weights: Any, values: Any) -> Any:
        pairs = zip(weights.tolist(), values.tolist(), strict=True)
        return bias + mpmath.fsum(mpmath.mpf(w) * mpmath.mpf(v) for w, v in pairs)

    with mpmath.workdps(60):
        bias = mpmath.fsum([float(p["hidden_bias"][j]), *p["input_weights"][j].tolist()])
        total = exact(bias, p["hidden_weights"][j], states[m])
        state = mpmath.tanh(total) if tanh else 1 / (1 + mpmath.exp(-total))
        logit = exact(float(p["output_bias"]), p["output_weights"], run.final_state[k])
        return (
            float(abs(float(run.final_state[m, j]) - state)),
            float(abs(float(run.logits[k, 0]) - logit)),
        )


@pytest.mark.thorough(one_in=8)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("kind", ["small", "usual", "large", "cancelling", "lost"])
def test_errors_of_a_step_are_bounded_at_any_size(kind: str, activation: str, dtype: str) -> None:
    """With room to spare: the worst that is met is below half the bound."""
    for size in SIZES:
        net = heavy(kind, size, activation, dtype, size)
        bounds = Bounds(net)
        step, logit = worst_errors(net, hard_states(kind, size, dtype, size))
        assert 2 * step <= bounds.step_error
        assert 2 * logit <= bounds.logit_error
    if kind == "lost" and activation == "tanh":
        assert step > 0.3 * bounds.step_error  # nor is the bound much larger than it need be


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_polynomial_is_as_near_as_the_proof_needs(dtype: str) -> None:
    """|r + r²P(r) − (eʳ − 1)| ≤ 0.4u for all |r| ≤ ½·ln 2: exactly at the points of a fine grid,
    and between them by the slope."""
    real = np.dtype(dtype)
    unit = Fraction(float(np.finfo(real).eps)) / 2
    exact = [Fraction(0), Fraction(1), *map(Fraction, map(float, CONSTANTS[real].exp))]
    terms = 24
    reach = Fraction("0.34658")  # a little more than ½·ln 2
    off = [
        (exact[i] if i < len(exact) else 0) - (Fraction(1, factorial(i)) if i else 0)
        for i in range(terms)
    ]
    points = 20_000
    scale = 1 << 160
    units = [round(d * scale) for d in off]
    worst = 0
    for j in range(-points, points + 1):
        x, value = round(reach * j / points * scale), 0
        for d in reversed(units):
            value = value * x // scale + d
        worst = max(worst, abs(value))
    slope = sum(i * abs(d) * reach ** (i - 1) for i, d in enumerate(off) if i)
    between = slope * reach / points / 2
    rest = 2 * reach**terms / factorial(terms) + Fraction(100, scale)
    assert Fraction(worst, scale) + between + rest <= Fraction(2, 5) * unit


@pytest.mark.thorough(of="python")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activation_is_as_near_as_the_proof_needs(name: str, dtype: str, kernels: Any) -> None:
    generator = np.random.default_rng(0)
    steps = np.log(2) / 2 * np.arange(-300, 301)  # where the reduction changes over
    values = np.concatenate(
        [generator.normal(0, 3, 2000), generator.normal(0, 200, 500), steps, steps / 2, [0.0]]
    ).astype(dtype)
    values = np.concatenate([values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)])
    got = kernels.activation(values, name)
    with mpmath.workdps(40):
        f = mpmath.tanh if name == "tanh" else lambda a: 1 / (1 + mpmath.exp(-a))
        error = max(
            abs(mpmath.mpf(float(y)) - f(mpmath.mpf(float(a))))
            for a, y in zip(values, got, strict=True)
        )
    assert error <= ACTIVATION_ERROR[dtype] / 2


@pytest.mark.parametrize("setting", SETTINGS)
def test_checker_agrees_on_the_errors(setting: Any) -> None:
    """The errors that the search assumes are enough for the checker, and not much more."""
    for scale, size in ((0.1, 4), (3.0, 16), (50.0, 33), (1e6, 9)):
        net = network(*setting, scale, 1, size)
        claim = bare_certificate(net)
        checker._Network(claim, net)
        for name in ("step_error", "logit_error"):
            factor = 0.7 if scale < 1 else 0.98  # of small errors, more is for underflow
            small = replace(claim, **{name: getattr(claim, name) * factor})
            with pytest.raises(CertificateError, match="smaller rounding errors"):
                checker._Network(small, net)


def step_all(net: BinaryAdderRNN, states: Any, symbol: int) -> tuple[Any, Any]:
    """Return the next states (M, P, H) that the network computes, and *their* logits (M, P)."""
    flat = states.reshape(-1, states.shape[-1]).astype(net.settings.dtype)
    symbols = np.full((len(flat), 1), symbol, np.uint8)
    run = net.kernels.forward(net.state.architecture, net.state.block, symbols, flat)
    shape = states.shape[:-1]
    return run.final_state.reshape(states.shape), run.logits[:, 0].reshape(shape)


class Boxes(NamedTuple):
    """M boxes, each in a frame of its own: x = centre + Vᵀy, |y| ≤ half."""

    centres: Any  # (M, H)
    frames: Any  # (M, H, H)
    halves: Any  # (M, H)


def random_boxes(net: BinaryAdderRNN, count: int, radius: float, seed: int) -> Boxes:
    """Every third of them is in the coordinates of the units."""
    generator = np.random.default_rng(seed)
    size = net.settings.architecture.hidden_size
    low = -0.8 if net.activation == "tanh" else 0.1
    frames = np.linalg.qr(generator.normal(size=(count, size, size)))[0]
    frames[::3] = np.eye(size)
    return Boxes(
        generator.uniform(low, 0.9, (count, size)),
        frames,
        generator.uniform(0, radius, (count, size)),
    )


def states_in(boxes: Boxes, count: int, dtype: str, seed: int) -> tuple[Any, Boxes]:
    """Corners of boxes and points between them, (M, count, H); and boxes that hold what rounding
    makes of them: that is none of a step's errors."""
    generator = np.random.default_rng(seed)
    e = generator.uniform(-1, 1, (len(boxes.centres), count, boxes.centres.shape[1]))
    e[:, ::2] = np.sign(e[:, ::2])
    states = boxes.centres[:, None] + (e * boxes.halves[:, None]) @ boxes.frames
    if dtype == "float64":
        return states, boxes
    states = states.astype(np.float32).astype(np.float64)
    return states, boxes._replace(halves=boxes.halves + 1e-6)


def images_of(bounds: Bounds, boxes: Boxes, carries: Any, affine: bool) -> tuple[Images, Any, Any]:
    """Return the images of boxes after one step, and their bounds (M, 2ⁿ, H).

    Each symbol leads from each box to another context, whose cell is the state 0, so that the
    whole image escapes.
    """
    count, size = boxes.centres.shape
    symbols, columns = 1 << bounds.operands, bounds.architecture.block_shape[1]
    sinks = count * symbols
    total = carries[:, None] + ones(np.arange(symbols))
    below = ((0, sinks), (0, columns - size))
    successors = count + np.arange(sinks).reshape(count, symbols)
    of_units = (boxes.frames == np.eye(size)).all((1, 2))
    frames = np.pad(boxes.frames, ((0, 0), (0, 0), (0, columns - size)))
    contexts = Contexts(
        carries=np.append(carries, total >> 1).astype(np.int32),
        successors=np.pad(successors, ((0, sinks), (0, 0))).astype(np.int32),
        centres=np.pad(boxes.centres, below),
        frames=frames,
        bases=frames,
        frame=np.append(np.where(of_units, -1, np.arange(count)), np.full(sinks, -1)).astype(
            np.int32
        ),
        widths=np.full(count + sinks, np.inf),
        lowest=np.zeros(count + sinks, np.int32),
        first=np.arange(count + sinks + 1, dtype=np.int32),
        owners=np.arange(count + sinks, dtype=np.int32),
        middles=np.zeros((count + sinks, columns)),
        halves=np.pad(boxes.halves, below),
    )
    errors = bounds.errors._replace(logit=bounds.errors.logit + SURE)  # no bit is in doubt
    images = bounds.kernels.propagate(
        bounds.architecture,
        bounds.block,
        contexts,
        np.arange(count, dtype=np.int32),
        errors,
        Propagation(affine, steps=1, budget=10**6, slack=0.0),
    )
    shape = (count, symbols, size)
    least, most = (part[count:, :size].reshape(shape) for part in (images.least, images.most))
    return images, least, most


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("radius", [1e-6, 0.02, 0.2])
@pytest.mark.parametrize("scale", [0.5, 4.0])
@pytest.mark.parametrize("setting", SETTINGS)
def test_search_encloses_what_is_computed(
    setting: Any, scale: float, radius: float, affine: bool, backend: str
) -> None:
    """With no more than the errors that are bounded; float32 networks among them."""
    net = network(*setting, scale, 3)
    net.set_params(backend=backend)
    bounds = Bounds(net)
    boxes = random_boxes(net, 12, radius, 0)
    states, boxes = states_in(boxes, 64, net.settings.dtype, 1)
    carries = np.arange(12) % net.operands
    images, least, most = images_of(bounds, boxes, carries, affine)
    told = images.outcomes == WIDENED  # all but what may reach beyond ±2
    assert told.all() or (net.activation == "tanh" and affine and told.sum() > 4 and radius > 0.1)
    assert (images.margins[~told] == -np.inf).all()
    for symbol in range(1 << net.operands):
        after, logits = step_all(net, states, symbol)
        assert np.all(least[told, None, symbol] <= after[told])
        assert np.all(after[told] <= most[told, None, symbol])
        odd = carries + symbol.bit_count() & 1
        margins = np.where(odd[:, None] == 1, logits, -logits)
        assert np.all(images.margins[:, None] + SURE <= margins)


def cases_in_units(boxes: Boxes) -> cover.Cases:
    """Boxes as the checker keeps them: those of units without generators if all are such."""
    count, size = boxes.centres.shape
    G = boxes.frames.swapaxes(1, 2) * boxes.halves[:, None]
    s = np.zeros((count, size))
    if (boxes.frames == np.eye(size)).all():
        G, s = G[:, :, :0], boxes.halves
    z, G, s = (np.rint(part * ONE).astype(np.int64) for part in (boxes.centres, G, s))
    return cover.Cases(np.zeros(count, np.int64), z, G, s + size // 2 + 1)  # what is rounded


@pytest.mark.parametrize("of_units", [False, True])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_checker_encloses_what_is_computed(setting: Any, affine: bool, of_units: bool) -> None:
    """In each unit, in other directions, and in that of the logit."""
    generator = np.random.default_rng(0)
    said, asked = 0, 0
    for scale, radius in ((2.0, 0.1), (2.0, 1e-3), (0.5, 1e-7), (30.0, 1e-3)):
        net = network(*setting, scale, 4)
        in_units = checker._Network(bare_certificate(net, affine), net)
        boxes = random_boxes(net, 12, radius, 2)
        if of_units:
            boxes = boxes._replace(frames=np.broadcast_to(np.eye(9), (12, 9, 9)))
        states, boxes = states_in(boxes, 64, net.settings.dtype, 3)
        directions = np.concatenate([np.eye(9), generator.normal(size=(40, 9))])
        for symbol, reached in enumerate(in_units.step(cases_in_units(boxes))):
            after, logits = step_all(net, states, symbol)
            z, G, s = (part / ONE for part in reached[1:])
            reach = np.abs(directions @ G).sum(2) + s @ np.abs(directions).T
            off = np.abs((after - z[:, None]) @ directions.T)
            assert np.all(off <= reach[:, None] + 1e-14)
            asked += 12
            for bit in (0, 1):
                right = in_units.outputs(reached, np.full(12, bit))
                said += right.sum()
                assert np.all((logits[right] > 0) == bool(bit))
    assert said > asked / 2


@pytest.mark.parametrize("kind", ["affine", "boxes", "frames"])
def test_both_see_the_same(kind: str, backend: str) -> None:
    """A second opinion: the checker's images lie about where the search's do."""
    net, certificate = certified(kind)
    net = net.copy()
    net.set_params(backend=backend)
    owners = np.array(certificate.cells)[:, 0]
    frame = np.array(certificate.frame)[owners]
    frames = np.concatenate([certificate.frames, np.eye(net.hidden_size)[None]])[frame]
    middles = (certificate.middles[:, None] @ frames)[:, 0]
    boxes = Boxes(certificate.centres[owners] + middles, frames, certificate.halves)
    carries = np.array(certificate.carries)[owners]
    images, least, most = images_of(Bounds(net), boxes, carries, certificate.affine)
    assert (images.outcomes == WIDENED).all()
    in_units = checker._Network(certificate, net)
    for symbol, reached in enumerate(in_units.step(cases_in_units(boxes))):
        z, G, s = (part / ONE for part in reached[1:])
        reach = np.abs(G).sum(2) + s
        assert np.allclose(z - reach, least[:, symbol], rtol=0, atol=1e-7)
        assert np.allclose(z + reach, most[:, symbol], rtol=0, atol=1e-7)
