"""What the checker allows for its own rounding is enough where roundings add up, and not far more.

Each test builds the worst case of one allowance and compares with exact arithmetic: with less
room than there is, a certificate would be accepted that excludes a state that can occur.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from framed import bare_certificate

from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.proof import checker, cover, integers
from binadd.proof.integers import BITS, ONE, SLOPE_BITS

mpmath = pytest.importorskip("mpmath")

NEARLY_HALF = 511 / 1024
"""Of a unit: what rounding to the nearest may take away from a weight, or nearly so."""
FAR = 2 * ONE - 64
"""As far from 0 as a state may be."""


def units(count: int, near: float, bits: int) -> Any:
    """Return weights that are all rounded down to multiples of 2^−bits by nearly half of one."""
    return np.full(count, (np.floor(near * 2.0**bits) + NEARLY_HALF) / 2.0**bits)


def rounded_down(size: int, activation: str, operands: int = 2) -> BinaryAdderRNN:
    """Return a network all of whose weights the checker rounds down; sums are small at FAR."""
    parameters = {
        "hidden_weights": np.tile(units(size, 0.9 / size, 32), (size, 1)),
        "input_weights": np.tile(units(operands, 1e-3, BITS), (size, 1)),
        "hidden_bias": units(size, -1.8, BITS),
        "output_weights": units(size, 0.08 / size, 32),
        "output_bias": units(1, -0.16, 32)[0],
    }
    return BinaryAdderRNN.from_parameters(parameters, activation)


def point(z: Any) -> cover.Cases:
    """Return one state as a case: no generators, no box."""
    z = np.asarray(z, np.int64)[None]
    return cover.Cases(np.zeros(1, np.int64), z, np.zeros((*z.shape, 0), np.int64), 0 * z)


def exact_step(net: BinaryAdderRNN, state: list[Fraction], symbol: int) -> list[Any]:
    """Return f(Wₕh + Wᵢx + bₕ) in units, with 40 digits."""
    p = net.parameters
    found = []
    for i in range(net.settings.hidden_size):
        a = sum((Fraction(w) * h for w, h in zip(p["hidden_weights"][i], state, strict=True)))
        a += Fraction(p["hidden_bias"][i])
        for k, weight in enumerate(p["input_weights"][i]):
            a += Fraction(weight) * (symbol >> k & 1)
        exact = mpmath.mpf(a.numerator) / a.denominator
        f = mpmath.tanh(exact) if net.activation == "tanh" else 1 / (1 + mpmath.exp(-exact))
        found.append(f * ONE)
    return found


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("operands", [1, 2, 5])
@pytest.mark.parametrize("size", [2, 64])
def test_weights_that_are_all_rounded_down(
    size: int, operands: int, activation: str, affine: bool
) -> None:
    net = rounded_down(size, activation, operands)
    network = checker._Network(bare_certificate(net, affine), net)
    assert network.bits == 32
    case, most = point([FAR] * size), (1 << operands) - 1
    state = [Fraction(FAR, ONE)] * size
    p = net.parameters
    exact = sum(Fraction(w) * FAR for w in p["hidden_weights"][0])
    exact += sum(Fraction(w) * ONE for w in (*p["input_weights"][0], p["hidden_bias"][0]))
    a = (int(case.z[0] @ network.W[0]) >> network.bits) + int(network.u[most, 0])
    assert network.error - 4 - operands / 2 < exact - a <= network.error
    with mpmath.workdps(40):
        for symbol, reached in enumerate(network.step(case)):
            for i, f in enumerate(exact_step(net, state, symbol)):
                away = abs(f - int(reached.z[0, i]))
                assert away <= int(reached.s[0, i]) - network.step_error


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_generators_that_are_all_rounded_up(activation: str) -> None:
    """Half a unit each in W·G, and nearly as much again where the slope multiplies them."""
    count, worst = 1000, 0.0
    parameters = {
        "hidden_weights": np.diag([0.5, 0.5]),
        "input_weights": np.zeros((2, 2)),
        "hidden_bias": np.ones(2),  # where the slope is no simple fraction
        "output_weights": np.ones(2),
        "output_bias": 0.0,
    }
    net = BinaryAdderRNN.from_parameters(parameters, activation)
    network = checker._Network(bare_certificate(net), net)
    for odd in range(2001, 2101, 2):
        G = np.zeros((1, 2, count), np.int64)
        G[0, 0] = odd
        zero = np.zeros((1, 2), np.int64)
        reached = next(network.step(cover.Cases(np.zeros(1, np.int64), zero, G, zero)))
        with mpmath.workdps(40):
            for sign in (1, -1):
                state = [Fraction(sign * odd * count, ONE), Fraction(0)]
                f = exact_step(net, state, 0)[0]
                away = abs(f - int(reached.z[0, 0]) - sign * int(reached.G[0, 0].sum()))
                room = int(reached.s[0, 0]) - network.step_error
                assert away <= room
                worst = max(worst, float(away / room))
    assert worst > 0.9


def test_a_box_that_becomes_generators_keeps_all_its_states() -> None:
    generator = np.random.default_rng(0)
    for activation in ("sigmoid", "tanh"):
        net = BinaryAdderRNN(5, seed=3, activation=activation)
        network = checker._Network(bare_certificate(net), net)
        for wide in (checker.TINY, checker.TINY + 1, 1 << 16):
            z, s = generator.integers(-ONE // 2, ONE // 2, (1, 5)), np.full((1, 5), wide)
            G = generator.integers(-(1 << 12), 1 << 12, (1, 5, 3))
            case = cover.Cases(np.zeros(1, np.int64), z, G, s)
            for symbol, reached in enumerate(network.step(case)):
                for _ in range(8):
                    e, box = (generator.choice([-1, 1], n) for n in (3, 5))
                    state = [Fraction(int(x), ONE) for x in z[0] + G[0] @ e + s[0] * box]
                    both = np.append(e, box)[: reached.G.shape[2]]
                    with mpmath.workdps(40):
                        for i, f in enumerate(exact_step(net, state, symbol)):
                            moved = int(reached.z[0, i] + reached.G[0, i] @ both)
                            assert abs(f - moved) <= int(reached.s[0, i]) - network.step_error


@pytest.mark.parametrize("size", [1, 9, 40])
def test_an_output_that_rounding_alone_makes_right(size: int) -> None:
    """The exact logit is on the wrong side of 0, the rounded one on the right side."""
    net = rounded_down(size, "tanh")
    out = [Fraction(w) for w in net.parameters["output_weights"]]
    one = Fraction(1, 1 << 32)
    # As long as the bias is one unit of its own too low, the output is 0.
    sums = sum(w * FAR for w in out) / ONE
    bias = -(sums // one) * one - one + Fraction(NEARLY_HALF) * one
    while sums + bias <= 0:
        bias += one
    for lower, right in ((0, False), (2 * size + 3, True)):
        net.parameters["output_bias"] = float(bias - lower * one)
        assert Fraction(float(net.parameters["output_bias"])) == bias - lower * one
        network = checker._Network(bare_certificate(net), net)
        assert network.out_bits == 32
        exact = sums + bias - lower * one
        assert (exact > 0) == (not right)
        rough = FAR * int(network.out[:-1].sum()) + (int(network.out[-1]) << BITS)
        assert rough < 0  # it seems right that the output is 0
        [found] = network.outputs(point([FAR] * size), np.array([0]))
        assert found == right
        [found] = network.outputs(point([FAR] * size), np.array([1]))
        assert not found


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_an_output_is_that_of_every_state_of_a_case(activation: str) -> None:
    """Of the one that its generators and its box push furthest, too."""
    generator = np.random.default_rng(0)
    net = BinaryAdderRNN(5, seed=3, activation=activation)
    network = checker._Network(bare_certificate(net), net)
    out = [Fraction(float(w)) for w in net.parameters["output_weights"]]
    bias = Fraction(float(net.parameters["output_bias"]))
    told = {True: 0, False: 0}
    for share in np.linspace(0, 2, 200):
        z = generator.integers(-ONE // 2, ONE // 2, 5)
        G, s = generator.integers(-100, 101, (5, 3)), generator.integers(0, 100, 5)
        logit = sum(w * int(x) for w, x in zip(out, z, strict=True)) / ONE + bias
        # As large as the logit, more or less, by generators alone, by the box alone, or by both.
        G, s = ((G, 0 * s), (0 * G, s), (G, s))[generator.integers(3)]
        pushes = [sum(w * int(x) for w, x in zip(out, g, strict=True)) for g in G.T]
        push = sum(map(abs, pushes)) + sum(abs(w) * int(x) for w, x in zip(out, s, strict=True))
        factor = int(Fraction(float(share)) * abs(logit) * ONE / push)
        case = cover.Cases(*(part[None] for part in (np.int64(0), z, G * factor, s * factor)))
        margin = abs(logit) - push * factor / ONE
        for bit in (0, 1):
            [found] = network.outputs(case, np.array([bit]))
            if (logit > 0) == bit and abs(margin) > Fraction(1, 1 << 20):
                assert found == (margin > 0)
                told[margin > 0] += 1
            elif (logit > 0) != bit:
                assert not found
    assert min(told.values()) > 80


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_biases_are_biases_of_zero(dtype: str) -> None:
    net = BinaryAdderRNN(5, seed=1, biases=False, dtype=dtype)
    zeros = {"hidden_bias": np.zeros(5, dtype), "output_bias": np.zeros((), dtype)}
    other = BinaryAdderRNN.from_parameters({**net.parameters, **zeros}, net.activation)
    one, same = (checker._Network(bare_certificate(each), each) for each in (net, other))
    for name in ("W", "u", "out"):
        assert np.array_equal(getattr(one, name), getattr(same, name))
    assert (one.error, one.logit_error, one.out[-1]) == (same.error, same.logit_error, 0)


def test_a_case_that_reaches_as_far_as_2_is_refused() -> None:
    """Its middle does not: with steps that err by so much, states may."""
    net = BinaryAdderRNN(3, seed=0)
    for step_error, refused in ((0.9, False), (1.6, True)):
        claim = replace(bare_certificate(net), step_error=step_error)
        network = checker._Network(claim, net)
        if refused:
            with pytest.raises(CertificateError, match="a case reaches too far"):
                list(network.step(point([0] * 3)))
        else:
            assert len(list(network.step(point([0] * 3)))) == 4


def test_a_relaxation_allows_for_what_sigmoid_is_off() -> None:
    """Where σ is rounded as far as it may be, its error counts beside every other rounding."""
    generator = np.random.default_rng(0)
    a = generator.integers(-(8 << BITS), 8 << BITS, 4000)
    for affine in (False, True):
        for tanh in (False, True):
            slope, offset, error = integers.relax(a - 1, a + 1, affine, tanh)
            with mpmath.workdps(40):
                worst = 0.0
                for x, k, o, e in zip(a.tolist(), slope, offset, error, strict=True):
                    exact = mpmath.mpf(x) / ONE
                    f = mpmath.tanh(exact) if tanh else 1 / (1 + mpmath.exp(-exact))
                    away = abs(f * ONE - (int(k) * x >> SLOPE_BITS) - int(o))
                    assert away <= int(e) - 1
                    worst = max(worst, float(away))
            assert worst > 0.5


def solved(matrix: Any, right: list[Fraction]) -> list[Fraction]:
    """Return x with matrix·x = right, exactly."""
    rows = [[Fraction(int(v)) for v in row] + [y] for row, y in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = max(range(i, len(rows)), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for k, row in enumerate(rows):
            if k != i:
                rows[k] = [v - row[i] * w for v, w in zip(row, rows[i], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("uneven", [0.0, 1e-5, 0.01, 0.2])
def test_a_set_holds_every_state_with_its_coordinates(uneven: float) -> None:
    """Its axes are at right angles or at others, its corners as far away as may be."""
    generator, shares = np.random.default_rng(0), []
    for size in (2, 3, 6):
        for _ in range(4):
            frame = np.linalg.qr(generator.normal(size=(size, size)))[0]
            frame += generator.choice([-1, 1], (size, size)) * uneven
            claim = replace(
                bare_certificate(BinaryAdderRNN(size, seed=0)),
                centres=generator.uniform(-0.2, 0.2, (1, size)),
                frames=frame[None],
                frame=(0,),
                cells=((0, 0),),
                middles=generator.uniform(-0.5, 0.5, (1, size)),
                halves=generator.uniform(0.1, 1.5 / size, (1, size)),
            )
            sets = cover.Sets(claim)
            _, z, G, s = (part[-1] for part in next(sets.origins()))
            for _ in range(12):
                sign = generator.choice([-1, 1], size)
                y = np.where(sign > 0, sets.high[0], sets.low[0]).tolist()
                x = solved(sets.V[0], [Fraction(v << cover.FRAME_BITS) for v in y])
                for i in range(size):
                    outside = abs(x[i] + int(sets.o[0, i]) - int(z[i] + G[i] @ sign))
                    assert outside <= int(s[i])
                    shares.append(float(outside / int(s[i])))
    assert 0.02 < max(shares) <= 1


def small_sets(generator: np.random.Generator, size: int, width: float) -> cover.Sets:
    """Return one context in a frame, all its cells open but for slabs, cut if `width` is not 0."""
    net = BinaryAdderRNN(size, seed=0)
    slabs = range(-30, 31) if width else range(1)
    frame = np.linalg.qr(generator.normal(size=(size, size)))[0]
    claim = replace(
        bare_certificate(net),
        centres=generator.uniform(-1, 1, (1, size)),
        frames=frame[None],
        frame=(0,),
        widths=np.array([width]),
        cells=tuple((0, k) for k in slabs),
        middles=np.zeros((len(slabs), size)),
        halves=np.ones((len(slabs), size)),
    )
    sets = cover.Sets(claim)
    sets.low[:], sets.high[:] = -cover.FAR, cover.FAR
    return sets


def small_case(generator: np.random.Generator, sets: cover.Sets, size: int) -> cover.Cases:
    """Return a case of a few units, where rounding to whole ones is much."""
    z = sets.o + generator.integers(-20, 21, (1, size))
    G = generator.integers(-9, 10, (1, size, 4))
    s = generator.integers(0, 3, (1, size))
    return cover.Cases(np.zeros(1, np.int64), z, G, s)


def furthest(sets: cover.Sets, case: cover.Cases, axis: int, slab: int) -> Fraction | None:
    """Return how far a case reaches along an axis, exactly, of what is in a slab along the first;
    None if nothing is. In units of V's products."""
    V = [[int(x) for x in row] for row in sets.V[0]]
    away = [int(x) for x in case.z[0] - sets.o[0]]
    columns = [[int(x) for x in column] for column in case.G[0].T]
    columns += [[int(t) * (i == k) for i in range(len(away))] for k, t in enumerate(case.s[0])]
    first, other = ([dot(V[j], column) for column in columns] for j in (0, axis))
    middle, best = dot(V[0], away), Fraction(dot(V[axis], away) + sum(map(abs, other)))
    if not (h := int(sets.h[0])):
        return best
    low, high = (2 * slab - 1) * h, (2 * slab + 1) * h
    reach = sum(map(abs, first))
    if middle + reach < low or middle - reach > high:
        return None
    # Where it is furthest, each generator pushes; the cheapest give way until it is in the slab.
    now = middle + sum(a * (1 if c > 0 else -1) for a, c in zip(first, other, strict=True))
    excess = max(now - high, low - now, 0)
    towards = 1 if now > high else -1
    giving = [
        (abs(c), abs(a))
        for a, c in zip(first, other, strict=True)
        if a * (1 if c > 0 else -1) * towards > 0
    ]
    left = Fraction(excess)
    for cost, share in sorted(giving, key=lambda pair: Fraction(pair[0], pair[1])):
        part = min(left, Fraction(2 * share))
        best -= part * Fraction(cost, share)
        left -= part
    assert left == 0
    return best


def dot(row: list[int], column: list[int]) -> int:
    return sum(a * b for a, b in zip(row, column, strict=True))


def least_end(sets: cover.Sets, case: cover.Cases, cell: int, axis: int, near: int) -> int:
    """Return the lowest upper end of a cell with which the sets cover a case."""
    low, high = near - 100, near + 100
    while high - low > 1:
        sets.high[cell, axis] = (low + high) // 2
        [covered] = sets.cover(case, lambda _: None)
        low, high = (low, (low + high) // 2) if covered else ((low + high) // 2, high)
    sets.high[cell, axis] = cover.FAR
    return high


@pytest.mark.parametrize("width", [0.0, 9.37 / ONE, 31.1 / ONE])
def test_cells_that_just_cover_a_case_hold_all_of_it(width: float) -> None:
    generator = np.random.default_rng(0)
    found = []
    for _ in range(60):
        size = int(generator.integers(2, 5))
        sets = small_sets(generator, size, width)
        case = small_case(generator, sets, size)
        axis = int(generator.integers(1, size))
        for cell in range(len(sets.start)) if width else (0,):
            exact = furthest(sets, case, axis, cell - 30 if width else 0)
            if exact is not None:
                exact /= 1 << cover.FRAME_BITS
                least = least_end(sets, case, cell, axis, round(exact))
                assert least >= exact
                found.append(float(least - exact))
    assert len(found) >= 60
    assert min(found) < (3 if width else 5)
    if not width:  # else a bound of one generator's part is above what several do together
        assert max(found) < 8
