"""Proofs hold for every program whose steps are off by no more than they assume."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from adversarial import adversarial_networks
from conftest import BACKENDS
from framed import bare_certificate
from proved import KINDS, certified, trained
from test_bounds import SETTINGS, network

import binadd
from binadd import BinaryAdderRNN, prove
from binadd.errors import CertificateError, InvalidInputError, InvalidTypeError
from binadd.interop.tanh_form import tanh_form
from binadd.kernels.contract import DTYPES
from binadd.proof import Proved, Refuted, Undecided, checker
from binadd.proof.bounds import ACTIVATION_ERROR, RUNTIMES, Bounds

NETWORKS: dict[str, dict[str, Any]] = {
    "sigmoid": {"seed": 2},
    "float32": {"seed": 3, "dtype": "float32"},
    "without biases": {"seed": 3, "hidden_size": 16, "biases": False},
    "tanh": {"seed": 0, "hidden_size": 16, "activation": "tanh"},
    "three operands": {"seed": 1, "hidden_size": 12, "operands": 3},
}


@cache
def most_tolerant(kind: str) -> tuple[BinaryAdderRNN, Proved]:
    if "native" not in BACKENDS and kind != "sigmoid":
        pytest.skip("a search for the tolerance takes a minute in the Python kernels")
    net = trained(**NETWORKS[kind])
    verdict = prove(net, tolerance=True, effort="medium")
    assert isinstance(verdict, Proved)
    return net, verdict


# A program that errs -----------------------------------------------------------------------------


class Erring:
    """A network in float64, every step of which is off by as much as it may be."""

    def __init__(self, net: BinaryAdderRNN) -> None:
        p = {name: array.astype(np.float64) for name, array in net.parameters.items()}
        self.inputs, self.hidden = p["input_weights"], p["hidden_weights"]
        self.out = p["output_weights"]
        self.bias = p.get("hidden_bias", np.zeros(len(self.out)))
        self.output_bias = float(p.get("output_bias", 0.0))
        self.tanh = net.activation == "tanh"

    def f(self, a: Any) -> Any:
        return np.tanh(a) if self.tanh else 1 / (1 + np.exp(-a))

    def slope(self, h: Any) -> Any:
        return 1 - h**2 if self.tanh else h * (1 - h)

    def margin(
        self, symbols: Any, step_error: float, logit_error: float, push: Callable[..., Any]
    ) -> float:
        """Return the least of all logits' distances to the right side of 0, over words (N, T).

        `push(toward, exact, t)` returns by which share of the error (N, H) states are off, given
        the direction that brings the logit of this step, and those of the next, closer to 0.
        """
        n = self.inputs.shape[1]
        state, carry = np.zeros((len(symbols), len(self.out))), np.zeros(len(symbols), int)
        least = np.inf
        for t in range(symbols.shape[1]):
            bits = symbols[:, t, None] >> np.arange(n) & 1
            exact = self.f(state @ self.hidden.T + bits @ self.inputs.T + self.bias)
            total = carry + bits.sum(1)
            side = np.where(total % 2 == 1, 1.0, -1.0)
            carry = total // 2
            now = -side[:, None] * np.sign(self.out)
            # The next bit, if both of its operands' bits are 0, is the carry's lowest.
            later = np.where(carry % 2 == 1, 1.0, -1.0)[:, None]
            after = self.f(exact @ self.hidden.T + self.bias)
            through = (self.slope(after) * self.out) @ self.hidden
            state = exact + step_error * push(now, -later * np.sign(through), t)
            logit = state @ self.out + self.output_bias - side * logit_error
            least = min(least, float((side * logit).min()))
        return least


def pushes(seed: int) -> list[Callable[..., Any]]:
    generator = np.random.default_rng(seed)
    return [
        lambda now, later, t: now,
        lambda now, later, t: later,
        lambda now, later, t: later if t % 2 else now,
        lambda now, later, t: np.where(generator.random(len(now))[:, None] < 0.8, later, now),
        lambda now, later, t: generator.choice([-1.0, 1.0], now.shape),
        lambda now, later, t: generator.uniform(-1, 1, now.shape),
        lambda now, later, t: np.ones_like(now),
        lambda now, later, t: -np.ones_like(now),
    ]


def words(operands: int, seed: int) -> Any:
    """Random words and words that repeat one symbol or two: (160, 120)."""
    generator = np.random.default_rng(seed)
    symbols = generator.integers(0, 1 << operands, (160, 120))
    symbols[:40, 3:] = symbols[:40, 3:4]
    symbols[40:80, 3::2], symbols[40:80, 4::2] = symbols[40:80, 3:4], symbols[40:80, 4:5]
    return symbols


def worst(net: BinaryAdderRNN, step_error: float, logit_error: float) -> float:
    """Return the least margin that any of the pushes leaves."""
    erring, symbols = Erring(net), words(net.settings.operands, 0)
    return min(erring.margin(symbols, step_error, logit_error, push) for push in pushes(1))


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("kind", NETWORKS)
def test_no_program_within_the_proved_error_gets_a_bit_wrong(kind: str) -> None:
    """Nor does any of its logits come closer to 0 than the verdict's margin."""
    net, verdict = most_tolerant(kind)
    assert verdict.tolerance is not None and verdict.tolerance > 1e-4
    assert verdict.step_error == verdict.tolerance <= verdict.logit_error
    assert worst(net, verdict.step_error, verdict.logit_error) >= verdict.margin > 0
    for step_error in ("float32", 1e-5):
        fixed = prove(net, step_error=step_error, effort="medium")
        assert isinstance(fixed, Proved) and fixed.tolerance is None
        assert worst(net, fixed.step_error, fixed.logit_error) >= fixed.margin > 0


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("kind", NETWORKS)
def test_an_error_that_makes_a_program_wrong_is_not_proved(kind: str) -> None:
    net, verdict = most_tolerant(kind)
    assert verdict.tolerance is not None
    right, wrong = verdict.tolerance, 0.5
    assert worst(net, wrong, wrong) < 0
    for _ in range(9):
        middle = (right * wrong) ** 0.5
        right, wrong = (middle, wrong) if worst(net, middle, middle) > 0 else (right, middle)
    assert verdict.tolerance < wrong
    for error in (wrong, min(3 * wrong, 0.9)):
        assert isinstance(prove(net, step_error=error, effort="medium"), Undecided)
        with pytest.raises(CertificateError):
            binadd.check(claiming(verdict.certificate, error), net)


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_logit_error_above_the_margin_is_not_proved(kind: str) -> None:
    net, _ = most_tolerant(kind)
    margin = worst(net, 0.0, 0.0)
    assert isinstance(prove(net, logit_error=margin, effort="medium"), Undecided)
    verdict = prove(net, logit_error=0.1 * margin, effort="medium")
    assert isinstance(verdict, Proved) and verdict.logit_error == 0.1 * margin
    assert verdict.step_error == Bounds(net).step_error


def test_a_wrong_sum_refutes_whatever_is_assumed() -> None:
    net = BinaryAdderRNN(4)
    for step_error in ("float32", "float64", 0.01, 0.9):
        assert isinstance(prove(net, step_error=step_error, tolerance=True), Refuted)


@pytest.mark.thorough(one_in=16)
@pytest.mark.parametrize("case", adversarial_networks(100), ids=str)
def test_no_adversarial_network_is_proved(case: Any) -> None:
    if "native" not in BACKENDS:
        pytest.skip("a proof of each takes minutes in the Python kernels")
    for step_error in ("float32", 1e-4):
        verdict = prove(case.network, step_error=step_error, tolerance=True, effort="quick")
        assert not isinstance(verdict, Proved)


@pytest.mark.slow
def test_verdicts_do_not_depend_on_the_backend() -> None:
    net = trained(2)
    for options in ({"step_error": 1e-3}, {"step_error": "float32", "tolerance": True}):
        found = []
        for backend in ("python", "auto"):
            other = BinaryAdderRNN.from_parameters(net.parameters, backend=backend)
            verdict = prove(other, effort="quick", **options)  # type: ignore[arg-type]
            assert isinstance(verdict, Proved)
            found.append((verdict.certificate.to_json(), verdict.margin, verdict.tolerance))
        assert found[0] == found[1]


# Certificates ------------------------------------------------------------------------------------


def claiming(certificate: Any, step_error: float, logit_error: float | None = None) -> Any:
    logit_error = step_error if logit_error is None else logit_error
    return dataclasses.replace(certificate, step_error=step_error, logit_error=logit_error)


@pytest.mark.thorough(one_in=7)
@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_error_than_it_was_made_for_is_refused(kind: str) -> None:
    """Sets have little room: what is accepted, an erring program must bear."""
    net, certificate = certified(kind)
    for error in 2.0 ** np.arange(-40, 0, 2):
        try:
            found = binadd.check(claiming(certificate, float(error)), net)
        except CertificateError as reason:
            assert "may be wrong" in str(reason) or "not in the set" in str(reason)
            refused = float(error)
            break
        assert (found.step_error, found.logit_error) == (error, error)
        assert worst(net, float(error), float(error)) > 0
    assert refused < 0.02
    for error in (1.5 * refused, 0.1, 0.9, 3.0, 1e9, 1e300):
        for more in ((error, certificate.logit_error), (error, error)):
            with pytest.raises(CertificateError):
                binadd.check(claiming(certificate, *more), net)
    for error in (1e3, 1e9, 1e300):
        with pytest.raises(CertificateError):
            binadd.check(claiming(certificate, certificate.step_error, error), net)


def test_a_smaller_claim_is_of_fewer_programs() -> None:
    net = trained(2)
    verdict = prove(net, step_error="float32")
    assert isinstance(verdict, Proved)
    certificate = verdict.certificate
    found = binadd.check(certificate, net)
    assert found.runtimes == ("float32", "float64")
    assert (found.step_error, found.logit_error) == (verdict.step_error, verdict.logit_error)
    own = Bounds(net)
    for step, logit, runtimes in (
        (0.9 * verdict.step_error, verdict.logit_error, ("float64",)),
        (verdict.step_error, 0.9 * verdict.logit_error, ("float64",)),
        (own.step_error, own.logit_error, ()),
    ):
        less = binadd.check(claiming(certificate, step, logit), net)
        assert (less.step_error, less.logit_error, less.runtimes) == (step, logit, runtimes)
    with pytest.raises(CertificateError, match="smaller rounding errors"):
        binadd.check(claiming(certificate, 0.0, 0.0), net)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_checker_bounds_runtimes_by_itself(setting: Any, runtime: str) -> None:
    """Exactly the theorem's bound, in fractions; the search assumes no less."""
    for scale, size in ((1e-3, 4), (3.0, 16), (50.0, 33), (1e6, 9)):
        net = network(*setting, scale, 1, size)
        u = Fraction(float(np.finfo(runtime).eps)) / 2
        m, reach = size + net.settings.operands + 4, 1 + 8 * u
        gamma = m * u / (1 - m * u) * reach
        p = {name: np.abs(array).astype(object) for name, array in net.parameters.items()}
        fractions = {name: np.vectorize(Fraction, otypes=[object])(p[name]) for name in p}
        rows = fractions["hidden_weights"].sum(1) + fractions["input_weights"].sum(1)
        load = max(rows + fractions.get("hidden_bias", 0))
        output = fractions["output_weights"].sum() + fractions.get("output_bias", Fraction(0))
        step = gamma * load / (1 if net.activation == "tanh" else 4) + 8 * u
        logit = gamma * Fraction(output[()] if isinstance(output, np.ndarray) else output)
        bounds = Bounds(net, runtime)
        own = Bounds(net)
        assert bounds.step_error >= step and bounds.logit_error >= logit
        least = (float(step) * (1 + 1e-6) + 2e-18, float(logit) * (1 + 1e-6) + 2e-18)
        enough = (max(least[0], own.step_error), max(least[1], own.logit_error))
        claim = bare_certificate(net)
        assert runtime in checker._Network(claiming(claim, *enough), net).runtimes
        for which in (0, 1):
            short = list(enough)
            short[which] = float((step, logit)[which]) * (1 - 1e-6)
            if short[which] > (own.step_error, own.logit_error)[which]:
                found = checker._Network(claiming(claim, *short), net).runtimes
                assert runtime not in found


# The theorem about runtimes ----------------------------------------------------------------------


def in_order(terms: Any, order: str, generator: np.random.Generator) -> Any:
    """Add up terms (N, ·) in their dtype, each sum rounded."""
    terms = list(terms)
    if order == "reversed":
        terms.reverse()
    elif order == "pairwise":
        while len(terms) > 1:
            terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + (
                [terms[-1]] if len(terms) % 2 else []
            )
        return terms[0]
    elif order == "random":
        while len(terms) > 1:
            i, j = sorted(generator.choice(len(terms), 2, replace=False), reverse=True)
            terms.append(terms.pop(i) + terms.pop(j))
        return terms[0]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def hard(size: int, activation: str, seed: int, loss: bool) -> BinaryAdderRNN:
    """Return a network in float64 whose pre-activations cancel, where f is steepest.

    With `loss`, every addition of a small weight to the large first one is rounded in one
    direction by half a unit, whatever comes first.
    """
    generator = np.random.default_rng(seed)
    W = generator.uniform(0.5, 2, (size, size))
    if loss:
        W[:] = 0.499 * 2.0**-23
        W[:, 0] = 1 + 2.0**-23
        W[:, -1] = -1.0
    low = 0.0 if activation == "sigmoid" else 0.5
    bias = -W.sum(1) * (0.5 if low == 0 else 0.75) if not loss else np.zeros(size)
    return BinaryAdderRNN.from_parameters(
        {
            "input_weights": np.zeros((size, 2)),
            "hidden_weights": W,
            "hidden_bias": bias,
            "output_weights": W[0].copy(),
            "output_bias": np.asarray(bias[0]),
        },
        activation,
    )


@pytest.mark.parametrize("order", ["in order", "reversed", "pairwise", "random"])
@pytest.mark.parametrize("tanh_units", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_any_evaluation_in_float32_is_within_the_bound(
    activation: str, tanh_units: bool, order: str
) -> None:
    """Weights of float64 rounded, sums in any order, fused or not, f off by 8 units; also with
    units of tanh in place of σ."""
    generator, shares = np.random.default_rng(0), []
    f64: Any = np.tanh if activation == "tanh" else lambda a: 0.5 * (1 + np.tanh(a / 2))
    for size in (1, 5, 16, 40, 160):
        for seed in range(4):
            net = hard(size, activation, seed, loss=seed == 3)
            bounds, p = Bounds(net, "float32"), net.parameters
            single = BinaryAdderRNN.from_parameters(p, activation, dtype="float32")
            form = tanh_form(single, "float32")
            fused = seed % 2 == 1
            states = generator.uniform(0.3, 1, (40, size))
            states[:8] = 1.0
            states = states.astype(np.float32)
            if tanh_units and activation == "sigmoid":
                given = (2 * states - 1).astype(np.float32)
                states = (1 + given.astype(np.float64)) / 2
                W, b, out, c = (
                    form.hidden_weights,
                    form.hidden_bias,
                    form.output_weights,
                    form.output_bias,
                )
                f: Any = np.tanh
            else:
                given, w = states, single.parameters
                W, b, out, c = (
                    w["hidden_weights"],
                    w["hidden_bias"],
                    w["output_weights"],
                    w["output_bias"],
                )
                f = f64

            def evaluate(weights: Any, bias: Any, x: Any, fused: bool = fused) -> Any:
                if fused:  # products are exact in float64, each sum is rounded once
                    total = np.repeat(bias[None], len(x), 0).astype(np.float32)
                    for k in range(x.shape[1]):
                        product = x[:, k, None].astype(np.float64) * weights[:, k]
                        total = (total + product).astype(np.float32)
                    return total
                terms = [x[:, k, None] * weights[:, k] for k in range(x.shape[1])]
                at = generator.integers(0, len(terms) + 1)
                terms.insert(at, np.repeat(bias[None], len(x), 0))
                return in_order(terms, order, generator)

            a = evaluate(W, b, given)
            assert a.dtype == np.float32
            off = generator.choice([-1.0, 1.0], a.shape) * 8 * 2.0**-24
            after = f(a.astype(np.float64)) + off
            logits = evaluate(out[None], c.reshape(1), after.astype(np.float32))[:, 0]
            meant = after.astype(np.float32).astype(np.float64)
            if tanh_units and activation == "sigmoid":
                after, meant = (1 + after) / 2, (1 + meant) / 2
            exact = f64(states.astype(np.longdouble) @ p["hidden_weights"].T + p["hidden_bias"])
            error = float(np.abs(after - exact).max())
            logit = meant.astype(np.longdouble) @ p["output_weights"] + p["output_bias"]
            logit_error = float(np.abs(logits - logit).max())
            assert error <= bounds.step_error
            assert logit_error <= bounds.logit_error
            shares.append(max(error / bounds.step_error, logit_error / bounds.logit_error))
    assert max(shares) > 0.3  # nor is the bound much larger than it need be


@pytest.mark.parametrize("dtype", DTYPES)
def test_own_arithmetic_is_the_default(dtype: str) -> None:
    net = BinaryAdderRNN(dtype=dtype)
    bounds = Bounds(net)
    assert (bounds.step_error, bounds.logit_error) == bounds._own_errors()
    assert bounds.step_error > ACTIVATION_ERROR[dtype]
    for small in (0.0, bounds.step_error):
        assert Bounds(net, small, 0.0).step_error == bounds.step_error
    larger = bounds.assuming(0.25)
    assert (larger.step_error, larger.logit_error) == (0.25, 0.25)
    assert (bounds.step_error, bounds.errors.step) == (bounds._own_errors()[0],) * 2


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"step_error": 1.0}, InvalidInputError, "at least 0 and less than 1, not 1"),
        ({"step_error": -1e-9}, InvalidInputError, "at least 0 and less than 1"),
        ({"step_error": float("nan")}, InvalidInputError, "at least 0 and less than 1"),
        ({"step_error": "float16"}, InvalidInputError, "a number or one of 'float32', 'float64'"),
        ({"step_error": None}, InvalidTypeError, "step_error must be a number"),
        ({"step_error": True}, InvalidTypeError, "step_error must be a number"),
        ({"logit_error": float("inf")}, InvalidInputError, "logit_error must be at least 0"),
        ({"logit_error": "float32"}, InvalidTypeError, "logit_error must be a number"),
        ({"step_error": "float32", "logit_error": 0.1}, InvalidInputError, "cannot be given"),
        ({"tolerance": 1}, InvalidTypeError, "tolerance"),
    ],
)
def test_errors_that_cannot_be_assumed(
    options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        prove(BinaryAdderRNN(4), **options)
