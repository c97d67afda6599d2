"""The enclosures hold what the network computes; the error bound of a step holds for its worst."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np
import pytest
from proved import certified

from binadd import BinaryAdderRNN
from binadd.kernels.arithmetic import CONSTANTS
from binadd.kernels.contract import lanes
from binadd.proof import checker
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.enclosure import ACTIVATION_ERROR, Cases, Enclosure

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
    """A network of random weights; cancellation makes rounding show."""
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
    """The next state and the logit of the state given, in 60 digits."""
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
    """The next state as the network computes it, and *its* logit."""
    run = net.kernels.forward(
        net.state.architecture,
        net.state.block,
        np.array([[symbol]], np.uint8),
        np.ascontiguousarray(state[None]).astype(net.settings.dtype),
    )
    return run.final_state[0], float(run.logits[0, 0])


@pytest.mark.parametrize("scale", [0.3, 5.0, 300.0, 1e6])
@pytest.mark.parametrize("setting", SETTINGS)
def test_errors_of_a_step_are_bounded(setting: Any, scale: float) -> None:
    """Random and extreme states; the bound is held and is not absurdly large either."""
    worst = 0.0
    with mpmath.workdps(60):
        for seed in range(6):
            net = network(*setting, scale, seed)
            enclosure = Enclosure(net)
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
                assert error <= enclosure.step_error
                assert abs(float(logit - exact_logit)) <= enclosure.logit_error
                worst = max(worst, error / enclosure.step_error)
    assert worst > 1e-4 or scale > 5  # f saturates


SIZES = (1, 7, 8, 16, 33, 64, 256)


def heavy(kind: str, size: int, activation: str, dtype: str, seed: int) -> BinaryAdderRNN:
    """A network whose sums are hard on rounding, for the states that `hard_states` gives."""
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
    """The worst there is: each accumulator starts with ±1 and loses all that it is given later."""
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
    """The largest errors of a step and of its logit, of these states: found in long double,
    measured exactly."""
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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("kind", ["small", "usual", "large", "cancelling", "lost"])
def test_errors_of_a_step_are_bounded_at_any_size(kind: str, activation: str, dtype: str) -> None:
    """With room to spare: the worst that is met is below half the bound."""
    for size in SIZES:
        net = heavy(kind, size, activation, dtype, size)
        enclosure = Enclosure(net)
        step, logit = worst_errors(net, hard_states(kind, size, dtype, size))
        assert 2 * step <= enclosure.step_error
        assert 2 * logit <= enclosure.logit_error
    if kind == "lost" and activation == "tanh":
        assert step > 0.3 * enclosure.step_error  # nor is the bound much larger than it need be


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
    """What the search assumes suffices for the checker, and not by much more than it needs."""
    for scale, size in ((0.1, 4), (3.0, 16), (50.0, 33), (1e6, 9)):
        net = network(*setting, scale, 1, size)
        enclosure = Enclosure(net)

        def check(factor: float, net: Any = net, enclosure: Any = enclosure) -> None:
            checker._Network(bare_certificate(net, enclosure, factor), net)

        check(1.0)
        with pytest.raises(checker.CertificateError, match="smaller rounding errors"):
            check(0.8)


def bare_certificate(net: BinaryAdderRNN, enclosure: Enclosure, factor: float) -> Certificate:
    return Certificate(
        digest=weights_digest(net),
        operands=enclosure.operands,
        activation=enclosure.activation_name,
        dtype=enclosure.dtype,
        step_error=enclosure.step_error * factor,
        logit_error=enclosure.logit_error * factor,
        margin=0.0,
        carries=(0,),
        centres=np.zeros((1, enclosure.size)),
        radii=np.zeros((1, enclosure.size)),
        plans=((0,),),
        histories=("start",),
    )


def random_cases(enclosure: Enclosure, count: int, radius: float, seed: int) -> Cases:
    generator = np.random.default_rng(seed)
    low = -0.8 if enclosure.activation_name == "tanh" else 0.1
    z = generator.uniform(low, 0.9, (count, enclosure.size))
    G = generator.normal(0, radius / 3, (count, enclosure.size, 5))
    return Cases(z, G, generator.uniform(0, radius, z.shape))


def states_in(cases: Cases, corners: int, seed: int) -> Any:
    """Corners of cases and points between them: (M, corners, H)."""
    generator = np.random.default_rng(seed)
    e = generator.uniform(-1, 1, (len(cases.z), corners, cases.G.shape[2]))
    e[:, ::2] = np.sign(e[:, ::2])
    box = np.sign(generator.normal(size=(len(cases.z), corners, cases.z.shape[1])))
    return cases.z[:, None] + e @ cases.G.swapaxes(1, 2) + box * cases.s[:, None]


def step_all(net: BinaryAdderRNN, states: Any, symbol: int) -> tuple[Any, Any]:
    flat = states.reshape(-1, states.shape[-1]).astype(net.settings.dtype)
    symbols = np.full((len(flat), 1), symbol, np.uint8)
    run = net.kernels.forward(net.state.architecture, net.state.block, symbols, flat)
    shape = states.shape[:-1]
    return run.final_state.reshape(states.shape), run.logits[:, 0].reshape(shape)


@pytest.mark.parametrize("radius", [1e-6, 0.02, 0.2])
@pytest.mark.parametrize("scale", [0.5, 4.0])
@pytest.mark.parametrize("setting", SETTINGS)
def test_search_encloses_what_is_computed(
    setting: Any, scale: float, radius: float, make: Callable[..., BinaryAdderRNN]
) -> None:
    net = network(*setting, scale, 3)
    net.set_params(backend=make().backend)
    enclosure = Enclosure(net)
    cases = random_cases(enclosure, 12, radius, 0)
    states = states_in(cases, 64, 1)
    if net.settings.dtype == "float32":  # rounding the states themselves is none of a step's
        states = states.astype(np.float32).astype(np.float64)
        cases = cases._replace(s=cases.s + 1e-6)
    sides = np.abs(cases.G).sum(2) + cases.s
    bottom, top = enclosure.hull(cases.z, sides)
    reached = enclosure.affine(cases)
    sign = np.ones(reached.z.shape[:2])
    at_least, at_most = enclosure.margin(reached, sign), -enclosure.margin(reached, -sign)
    hull_least = enclosure.hull_margin(bottom, top, sign)
    for symbol in range(1 << net.operands):
        after, logits = step_all(net, states, symbol)
        assert np.all(bottom[:, None, symbol] <= after)
        assert np.all(after <= top[:, None, symbol])
        off = np.abs(after - reached.z[:, None, symbol])
        assert np.all(off <= reached.spread[:, None, symbol])
        bounded = np.isfinite(at_least[:, symbol])
        assert np.all(at_least[bounded, None, symbol] <= logits[bounded])
        assert np.all(logits[bounded] <= at_most[bounded, None, symbol])
        assert np.all(hull_least[:, None, symbol] <= logits)


def case_in_units(
    network: checker._Network, z: Any, G: Any, s: Any, more: float = 0.0
) -> checker.Case:
    """A case as the checker keeps it, its box larger by a little."""
    bits = network.fields.bits
    columns = [checker.units(column) for column in G.T.tolist()]
    rows = [sum(column[j] << bits * i for i, column in enumerate(columns)) for j in range(len(z))]
    return checker.Case(
        checker.units(z.tolist()),
        rows,
        len(columns),
        checker.units((s + more).tolist()),
        checker.units((np.abs(G).sum(1) + s + 2 * more).tolist()),
    )


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_checker_encloses_what_is_computed(setting: Any, affine: bool) -> None:
    net = network(*setting, 2.0, 4)
    enclosure = Enclosure(net)
    network_in_units = checker._Network(bare_certificate(net, enclosure, 1.0), net)
    cases = random_cases(enclosure, 3, 0.1, 2)
    states = states_in(cases, 64, 3).astype(np.float32).astype(np.float64)
    for m in range(3):
        case = case_in_units(network_in_units, *(part[m] for part in cases), more=1e-6)
        for symbol, reached in enumerate(network_in_units.step(case, affine)):
            after, logits = step_all(net, states[m], symbol)
            z = np.array([float(v) for v in reached.z]) / checker.ONE
            spread = np.array([float(v) for v in reached.spread]) / checker.ONE
            assert np.all(np.abs(after - z) <= spread + 1e-12)
            for bit in (0, 1):
                if network_in_units.says(reached, bit):
                    assert np.all((logits > 0) == bool(bit))


def test_both_see_the_same(backend: str) -> None:
    """A second opinion: what the checker reaches lies about where the search says."""
    net, certificate = certified("affine")
    enclosure = Enclosure(net)
    network_in_units = checker._Network(certificate, net)
    cases = Cases(certificate.centres[3:4], np.zeros((1, 8, 0)), certificate.radii[3:4])
    reached = enclosure.affine(cases)
    case = case_in_units(network_in_units, *(part[0] for part in cases))
    for x, exact in enumerate(network_in_units.step(case, True)):
        z = np.array([float(v) for v in exact.z]) / float(checker.ONE)
        assert np.allclose(z, reached.z[0, x], atol=1e-10)
        spread = np.array([float(v) for v in exact.spread]) / float(checker.ONE)
        assert np.allclose(spread, reached.spread[0, x], atol=1e-10)
