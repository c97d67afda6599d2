"""Check a certificate, trusting nobody: whole numbers only, nothing of the search, no NumPy.

Every number here is an integer that counts units of 2^−BITS: sums and products are exact, and each
rounding is written out, outwards. A reader needs the format (`binadd.proof.certificate`) and these
facts, which docs/proof.md derives:

- the network computes ĥ′ with |ĥ′ − f(Wₕĥ + Wᵢx + bₕ)| ≤ step_error in each unit, and a logit ô
  with |ô − (Wₒĥ′ + bₒ)| ≤ logit_error; `_Network._check_errors` bounds both;
- tanh(a) = 2σ(2a) − 1, σ(−a) = 1 − σ(a), σ′ = σ(1 − σ); σ is convex below 0 and concave above.

A *case* is a set of states {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}, H units and g generators.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import add, mul
from typing import NamedTuple

from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest

__all__ = ["check"]

BITS, GUARD = 64, 32  # GUARD: further bits inside exp
ONE = 1 << BITS
MAX_DEPTH = 200  # of a plan
LANES = {"float64": 8, "float32": 16}
ROUNDING = {"float64": 2.0**-53, "float32": 2.0**-24}  # of one operation, relatively
TINY = {"float64": 2.0**-1074, "float32": 2.0**-149}  # of one product, where it underflows
ACTIVATION_ERROR = {"float64": 2.0**-50, "float32": 2.0**-21}  # |computed f − f|


class Case(NamedTuple):
    """A set of hidden states."""

    z: list[int]  # (H,)
    G: list[list[int]]  # (H, g)
    s: list[int]  # (H,)


def check(certificate: Certificate, net: BinaryAdderRNN) -> None:
    """Check that a certificate proves that a network adds all numbers of every length.

    Raises
    ------
    CertificateError
        If it is of another network, or a step of the proof does not hold.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> binadd.check(binadd.prove(net).certificate, net)
    """
    network, sets = _Network(certificate, net), _Sets(certificate)
    nothing = [0] * network.size
    start = Case(nothing, [[]] * network.size, nothing)
    _demand(sets.contain(0, 0, start), "set 0 does not hold the initial state")
    for q, carry in enumerate(sets.carries):
        plan = iter(certificate.plans[q])
        _follow(plan, Case(sets.c[q], start.G, sets.r[q]), carry, network, sets, 0)
        _demand(next(plan, None) is None, f"the plan of set {q} goes on after its end")


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise CertificateError(sentence)


def _follow(
    plan: Iterator[int], case: Case, carry: int, network: "_Network", sets: "_Sets", steps: int
) -> None:
    """Follow a plan from a case to its ends: every bit right, every end inside a set."""
    word = next(plan, None)
    if word is None or word > 1 or steps > MAX_DEPTH:
        raise CertificateError("a plan ends too early, is too deep or is no plan")
    if word < 0:
        _demand(steps > 0, "a plan ends without a step")  # else the induction would not advance
        _demand(sets.contain(-1 - word, carry, case), f"a case is not inside set {-1 - word}")
        return
    for symbol, reached in enumerate(network.step(case, affine=word == 1)):
        total = carry + symbol.bit_count()
        _demand(network.says(reached, total & 1), "an output bit may be wrong")
        _follow(plan, reached, total >> 1, network, sets, steps + 1)


class _Sets:
    """The certificate's boxes, with the carry that goes into the next step."""

    def __init__(self, certificate: Certificate) -> None:
        self.carries = certificate.carries
        self.c = [_units(row) for row in certificate.centres.tolist()]
        self.r = [_units(row) for row in certificate.radii.tolist()]
        _demand(min(self.carries) >= 0, "a carry is negative")
        _demand(min(map(min, self.r)) >= 0, "a radius is negative")

    def contain(self, q: int, carry: int, case: Case) -> bool:
        """Whether all of a case lies in set q, which has this carry."""
        if q >= len(self.carries) or self.carries[q] != carry:
            return False
        rows = zip(*case, self.c[q], self.r[q], strict=True)
        return all(abs(z - c) + sum(map(abs, g)) + s <= r for z, g, s, c, r in rows)


class _Network:
    """The weights in units, and an enclosed step."""

    def __init__(self, certificate: Certificate, net: BinaryAdderRNN) -> None:
        of = net.settings.architecture
        claimed = (certificate.activation, certificate.dtype, certificate.operands)
        same = claimed == (of.activation, of.dtype, of.operands)
        self.size = certificate.centres.shape[1]
        same = same and self.size == of.hidden_size and certificate.digest == weights_digest(net)
        _demand(same, "the certificate is of another network")
        weights = {name: array.tolist() for name, array in net.parameters.items()}
        self.tanh, self.operands = of.activation == "tanh", of.operands
        self.W = [_units(row) for row in weights["hidden_weights"]]
        self.out = _units(weights["output_weights"])
        [self.out_bias] = _units([weights.get("output_bias", 0.0)])
        self.bias = _units(weights.get("hidden_bias", [0.0] * self.size))
        self.inputs = list(map(_units, zip(*weights["input_weights"], strict=True)))
        self._check_errors(certificate)

    def _check_errors(self, certificate: Certificate) -> None:
        """A term of a sum is rounded at most m times on its way: γ = mu/(1 − mu) ≤ 2mu relatively.
        What `_units` rounds off a weight, at most one unit, is counted as rounding too."""
        parts = [self.bias, *self.inputs, *zip(*self.W, strict=True)]
        hidden = max(sum(map(abs, terms)) for terms in zip(*parts, strict=True))
        output = abs(self.out_bias) + sum(map(abs, self.out))
        _demand(max(hidden, output) < ONE << 64, "sums of weights so large might overflow")
        u, lanes = ROUNDING[certificate.dtype], LANES[certificate.dtype]
        m = max(-(-self.size // lanes) + lanes.bit_length(), self.operands + 1)
        gamma, unit = _above(2 * m * u), _above(TINY[certificate.dtype]) + 2
        sums = [(load * gamma >> BITS) + unit * (self.size + 9) for load in (hidden, output)]
        step = sums[0] // (1 if self.tanh else 4) + _above(ACTIVATION_ERROR[certificate.dtype]) + 2
        errors = [certificate.step_error, certificate.logit_error]
        self.step_error, self.logit_error = _units(errors)
        enough = self.step_error >= step and self.logit_error >= sums[1]
        _demand(enough, "the certificate assumes smaller rounding errors than there are")

    def step(self, case: Case, affine: bool) -> Iterator[Case]:
        """Enclose the next states, symbol by symbol: h′ = slope·(Wh + u) + offset ± error."""
        columns = list(zip(*case.G, strict=True))
        A = [[_dot(row, column) >> BITS for column in columns] for row in self.W]
        B = [[w * t >> BITS for w, t in zip(row, case.s, strict=True)] for row in self.W]
        A = list(map(add, A, B))  # the box becomes generators
        r = [sum(map(abs, row)) + len(row) + 2 for row in A]
        kept = A if affine else [[]] * self.size
        a = [(_dot(row, case.z) >> BITS) + b for row, b in zip(self.W, self.bias, strict=True)]
        for symbol in range(1 << self.operands):
            fed = [row for i, row in enumerate(self.inputs) if symbol >> i & 1]
            middle = [sum(terms) for terms in zip(a, *fed, strict=True)]
            lines = [self._line(m - t, m + t, affine) for m, t in zip(middle, r, strict=True)]
            z = [(k * m >> BITS) + o for (k, o, _), m in zip(lines, middle, strict=True)]
            G = [[k * g >> BITS for g in row] for (k, _, _), row in zip(lines, kept, strict=True)]
            yield Case(z, G, [e + self.step_error + 2 * len(A[0]) + 4 for _, _, e in lines])

    def _line(self, low: int, high: int, affine: bool) -> tuple[int, int, int]:
        """(slope, offset, error) with f(a) = slope·a + offset ± error for low ≤ a ≤ high."""
        if not self.tanh:
            return _sigmoid_line(low, high, affine)
        slope, offset, error = _sigmoid_line(2 * low, 2 * high, affine)
        return 4 * slope, 2 * offset - ONE, 2 * error

    def says(self, case: Case, bit: int) -> bool:
        """Whether the logit of every state of the case is strictly on the bit's side of 0."""
        middle = _dot(self.out, case.z) + (self.out_bias << BITS)
        radius = sum(abs(_dot(self.out, column)) for column in zip(*case.G, strict=True))
        radius += _dot(map(abs, self.out), case.s) + (self.logit_error << BITS)
        return (middle if bit else -middle) > radius


def _sigmoid_line(low: int, high: int, affine: bool) -> tuple[int, int, int]:
    """The secant's slope, or 0, and between which offsets σ then stays."""
    bottom, top = _sigmoid(low)[0], _sigmoid(high)[1]
    wide = affine and high - low > ONE >> 40
    slope = ((top - bottom) << BITS) // (high - low) if wide else 0
    upper = _supremum(low, high, slope) if slope else top
    lower = ONE - _supremum(-high, -low, slope) if slope else bottom
    return slope, (upper + lower) // 2, (upper - lower) // 2 + 1


def _supremum(low: int, high: int, slope: int) -> int:
    """An upper bound of v(a) = σ(a) − slope·a on [low, high]. Where v is convex it is at most its
    value at an end; where it is concave it lies under its tangent at any point, as p."""
    ends = [_sigmoid(a)[1] - (slope * a >> BITS) for a in (low, high)]
    if high <= 0:
        return max(ends)
    start = max(low, 0)
    p = min(max(_tangent_point(slope), start), high)
    under, over = _sigmoid(p)
    steepest = (under * (ONE - under) >> BITS) + 1 - slope
    flattest = (over * (ONE - over) >> BITS) - slope
    rise = max(steepest * (high - p), -flattest * (p - start), 0) >> BITS
    return max(ends[0], over - (slope * p >> BITS) + rise + 1)


def _tangent_point(slope: int) -> int:
    """About where σ′(a) = slope, a ≥ 0. A guess is enough."""
    root = math.sqrt(max(0.0, 1 - 4 * slope / ONE))
    point = math.log((1 + root) / (1 - root)) if root < 1 else 40.0
    return int(min(point, 40.0) * 2**40) << BITS - 40


def _sigmoid(a: int) -> tuple[int, int]:
    """σ(a) = 1/(1 + e^−a) from below and from above."""
    low, high = _exp_minus(abs(a))
    one = ONE << GUARD
    under, over = one * ONE // (one + high), -(-one * ONE // (one + low))
    return (under, over) if a >= 0 else (ONE - over, ONE - under)


@lru_cache(maxsize=1 << 12)
def _exp_minus(a: int) -> tuple[int, int]:
    """e^−a = (e^−y)^512 for a ≥ 0, in units of 2^−bits, from below and from above. With y < ¼ the
    terms of e^−y alternate and shrink, k of them are off by 3k units; a squaring doubles that."""
    bits = BITS + GUARD
    if a >= ONE << 7:
        return 0, 1  # e^−128 < 2^−bits
    y, term, total, k = a << GUARD >> 9, 1 << bits, 1 << bits, 0
    while term:
        k += 1
        term = (term * y >> bits) // k
        total += -term if k & 1 else term
    for _ in range(9):
        total = total * total >> bits
    error = 3 * k + 3 << 10
    return max(total - error, 0), total + error


def _units(values: Iterable[float]) -> list[int]:
    """Round to the nearest units."""
    values = list(values)
    fine = all(math.isfinite(value) and abs(value) < 2.0**64 for value in values)
    _demand(fine, "a number is not finite or too large")
    return [round(math.ldexp(value, BITS)) for value in values]


def _above(value: float) -> int:
    return math.ceil(math.ldexp(value, BITS))


def _dot(a: Iterable[int], b: Iterable[int]) -> int:
    return sum(map(mul, a, b))
