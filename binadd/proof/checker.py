"""Check a certificate, trusting nobody: whole numbers only, no part of the search, no NumPy.

Every number here is an integer that counts units of 2^−BITS: sums and products are exact, and each
rounding is written out, outwards. A reader needs the format (`binadd.proof.certificate`) and these
facts, which docs/proof.md derives:

- the network computes ĥ′ with |ĥ′ − f(Wₕĥ + Wᵢx + bₕ)| ≤ step_error in each unit, and a logit ô
  with |ô − (Wₒĥ′ + bₒ)| ≤ logit_error; `_Network._check_errors` bounds both;
- tanh(a) = 2σ(2a) − 1, σ(−a) = 1 − σ(a), σ′ = σ(1 − σ); σ is convex below 0 and concave above.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from operator import add, sub

from binadd.checks import check_instance, check_progress
from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.cover import Cover
from binadd.proof.fixed_point import BEYOND, BITS, ONE, Case, Fields, dot, units

__all__ = ["check"]

GUARD = 32  # further bits where σ is tabulated
MAX_DEPTH, MOST_WORK = 200, 1 << 35  # of a plan; of all, in products: up to an hour
# Accumulators of a sum, what one operation rounds relatively, and |computed f − f|.
ROUNDING = {"float64": (8, ONE >> 53, ONE >> 50), "float32": (16, ONE >> 24, ONE >> 21)}
SIGMOID_ERROR = 4  # |_sigmoid(a) − σ(a)|


def check(
    certificate: Certificate,
    net: BinaryAdderRNN,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Check that a certificate proves that a network adds all numbers of every length.

    Parameters
    ----------
    certificate : Certificate
    net : BinaryAdderRNN
    progress : callable, optional
        Called with the number of sets that are checked and the number of all.

    Raises
    ------
    CertificateError
        If it is of another network, or a step of the proof does not hold.
    InvalidTypeError
        If an argument is of another type.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> binadd.check(binadd.prove(net).certificate, net)
    """
    check_instance("certificate", certificate, Certificate)
    check_instance("net", net, BinaryAdderRNN)
    check_progress(progress)
    network = _Network(certificate, net.copy())  # as it is now
    carries, nothing = certificate.carries, [0] * network.size
    cover = None if certificate.frames is None else Cover(certificate, network.fields)
    sets = network.boxes(certificate) if cover is None else cover.cases()

    def inside(case: Case, carry: int, q: int) -> bool:
        """Whether a case lies in set q, or frame q's sets cover it, and they have this carry."""
        if cover is not None:
            network.reaches(case)
            network.work += network.size**2 * (case.g + 1)
            return cover.holds(case, carry, q)
        if q >= len(sets) or carries[q] != carry:
            return False
        rows = zip(case.z, case.spread, sets[q].z, sets[q].s, strict=True)
        return all(abs(z - c) + spread <= r for z, spread, c, r in rows)

    def follow(plan: Iterator[int], case: Case, carry: int, steps: int) -> None:
        """Follow a plan from a case to its ends: every bit right, every end inside a set."""
        word = next(plan, 2)
        _demand(word < 2 and steps <= MAX_DEPTH, "a plan ends too early, is too deep or malformed")
        if word < 0:
            _demand(steps > 0, "a plan ends without a step")  # or the induction would not advance
            _demand(inside(case, carry, -1 - word), f"a case is not inside set {-1 - word}")
            return
        for symbol, reached in enumerate(network.step(case, affine=word == 1)):
            total = carry + symbol.bit_count()
            _demand(network.says(reached, total & 1), "an output bit may be wrong")
            follow(plan, reached, total >> 1, steps + 1)

    start = Case(nothing, nothing, 0, nothing, nothing)
    _demand(inside(start, 0, 0), "set 0 does not hold the initial state")
    for q, (box, plan) in enumerate(zip(sets, map(iter, certificate.plans), strict=True)):
        follow(plan, box, carries[q], 0)
        _demand(next(plan, None) is None, f"the plan of set {q} goes on after its end")
        if progress is not None:
            progress(q + 1, len(sets))


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise CertificateError(sentence)


class _Network:
    """The weights in units, and an enclosed step."""

    def __init__(self, claim: Certificate, net: BinaryAdderRNN) -> None:
        of = net.settings.architecture
        self.size, self.work = len(claim.centres[0]), 0
        claimed = (claim.activation, claim.dtype, claim.operands, self.size, claim.digest)
        actual = (of.activation, of.dtype, of.operands, of.hidden_size, weights_digest(net))
        _demand(claimed == actual, "the certificate is of another network")
        weights = {name: array.tolist() for name, array in net.parameters.items()}
        self.tanh, self.operands = of.activation == "tanh", of.operands
        self.W = [units(row) for row in weights["hidden_weights"]]
        self.out = units(weights["output_weights"])
        [self.out_bias] = units([weights.get("output_bias", 0.0)])
        self.bias = units(weights.get("hidden_bias", [0.0] * self.size))
        self.inputs = list(map(units, zip(*weights["input_weights"], strict=True)))
        self._check_errors(claim)

    def _check_errors(self, claim: Certificate) -> None:
        """A term of a sum is rounded at most m times on its way: γ = mu/(1 − mu) ≤ 2mu relatively.
        Three units for each term: what `units` rounds off a weight, and a product's underflow."""
        terms = zip(self.bias, *self.inputs, *zip(*self.W, strict=True), strict=True)
        hidden = max(sum(map(abs, row)) for row in terms)
        output = sum(map(abs, [self.out_bias, *self.out]))
        _demand(max(hidden, output) < ONE << 64, "sums of weights so large might overflow")
        lanes, u, activation_error = ROUNDING[claim.dtype]
        m = max(-(-self.size // lanes) + lanes.bit_length(), self.operands + 1)
        sums = [(load * 2 * m * u >> BITS) + 3 * (self.size + 9) for load in (hidden, output)]
        step = sums[0] // (1 if self.tanh else 4) + activation_error + 2
        self.step_error, self.logit_error = units([claim.step_error, claim.logit_error])
        enough = self.step_error >= step and self.logit_error >= sums[1]
        _demand(enough, "the certificate assumes smaller rounding errors than there are")
        frames = [] if claim.frames is None else claim.frames.inverses.tolist()
        loads = [sum(map(abs, units(row))) for frame in frames for row in frame]
        self.fields = Fields(BEYOND * (max(hidden, output, *loads) + ONE))

    def boxes(self, claim: Certificate) -> list[Case]:
        """The sets as cases."""
        nothing, sets = [0] * self.size, (claim.centres.tolist(), claim.radii.tolist())
        pairs = zip(*(map(units, rows) for rows in sets), strict=True)
        return [Case(c, nothing, 0, r, r) for c, r in pairs]

    def reaches(self, case: Case) -> None:
        """Demand that no state of a case is as far from 0 as BEYOND."""
        _demand(max(map(add, map(abs, case.z), case.spread)) < BEYOND, "a case reaches too far")

    def step(self, case: Case, affine: bool) -> Iterator[Case]:
        """Enclose the next states, symbol by symbol: h′ = slope·(Wh + u) + offset ± error."""
        self.reaches(case)
        fields, bits, g = self.fields, self.fields.bits, case.g + self.size
        self.work += self.size * (self.size * g + (500 << self.operands))  # 500 for each line
        _demand(self.work <= MOST_WORK, "the plans take more steps than are checked")
        places = range(bits * case.g, bits * g, bits)  # the box becomes generators
        G = [row + (s << at) for row, s, at in zip(case.G, case.s, places, strict=True)]
        A = [fields.round_down(dot(row, G), g) for row in self.W]
        r = [fields.size(row, g) + g + 2 for row in A]
        a = [(dot(row, case.z) >> BITS) + b for row, b in zip(self.W, self.bias, strict=True)]
        for symbol in range(1 << self.operands):
            fed = [row for i, row in enumerate(self.inputs) if symbol >> i & 1]
            middle = list(map(sum, zip(a, *fed, strict=True)))
            ends = zip(map(sub, middle, r), map(add, middle, r), strict=True)
            lines = (_line(low, high, affine, self.tanh) for low, high in ends)
            slope, offset, error = zip(*lines, strict=True)
            z = [(k * m >> BITS) + o for k, m, o in zip(slope, middle, offset, strict=True)]
            s = [e + self.step_error + 2 * g + 4 for e in error]
            spread = [(k * t >> BITS) + 1 + e for k, t, e in zip(slope, r, s, strict=True)]
            G = [fields.round_down(k * row, g) for k, row in zip(slope, A, strict=True)]
            yield Case(z, G, g if affine else 0, s, spread)

    def says(self, case: Case, bit: int) -> bool:
        """Whether the logit of every state of the case is strictly on the bit's side of 0."""
        middle = dot(self.out, case.z) + (self.out_bias << BITS)
        radius = self.fields.size(dot(self.out, case.G), case.g)
        radius += dot(map(abs, self.out), case.s) + (self.logit_error << BITS)
        return (middle if bit else -middle) > radius


def _line(low: int, high: int, affine: bool, tanh: bool = False) -> tuple[int, int, int]:
    """(slope, offset, error) with f(a) = slope·a + offset ± error for low ≤ a ≤ high: the secant's
    slope, or 0. Where v(a) = σ(a) − slope·a is convex, none exceeds its values at the ends."""
    if tanh:
        slope, offset, error = _line(2 * low, 2 * high, affine)
        return 4 * slope, 2 * offset - ONE, 2 * error
    lower, upper, slope = _sigmoid(low), _sigmoid(high), 0
    if affine and high - low > ONE >> 40:
        slope = min(max(((upper - lower) << BITS) // (high - low), 0), ONE >> 2)
        ends = lower - (slope * low >> BITS), upper - (slope * high >> BITS)
        lower, upper = min(ends), max(ends)
        if high > 0:
            upper = max(upper, _supremum(max(low, 0), high, slope))
        if low < 0:  # v(a) = 1 − v(−a)
            lower = min(lower, ONE - _supremum(max(-high, 0), -low, slope))
    return slope, (upper + lower) // 2, (upper - lower) // 2 + SIGMOID_ERROR + 2


def _supremum(start: int, end: int, slope: int) -> int:
    """A bound of v(a) for 0 ≤ start ≤ a ≤ end, but for SIGMOID_ERROR: v, concave there, lies under
    its tangent at any point. The best is where σ′(a) = slope; a guess will do."""
    root = math.sqrt(max(0.0, 1 - 4 * slope / ONE))
    guess = int(math.log((1 + root) / (1 - root)) * 2**40) << BITS - 40 if root < 1 else end
    p = min(max(guess, start), end)
    y = _sigmoid(p)
    rise, error = (y * (ONE - y) >> BITS) - slope, SIGMOID_ERROR + 1
    above = max((error + rise) * (end - p), (error - rise) * (p - start)) >> BITS
    return y - (slope * p >> BITS) + above + 1


def _sigmoid(a: int) -> int:
    """σ(a) ± SIGMOID_ERROR: a Taylor polynomial about the next multiple of 2⁻⁶."""
    x = abs(a)
    i = (x >> BITS - 7) + 1 >> 1
    r, y = x - (i << BITS - 6), 0
    for c in _taylor(i) if i < 45 << 6 else [ONE]:  # e^−45 < 2^−BITS
        y = (y * r >> BITS) + c
    return y if a >= 0 else ONE - y


@cache
def _taylor(i: int) -> list[int]:
    """c₈, …, c₀ of σ(i/64 + r) = Σ cₖrᵏ. By Cauchy |cₖ| ≤ (2/π)ᵏ, as |σ| ≤ 1 where |Im a| ≤ π/2:
    for |r| ≤ 2⁻⁷ the rest is below 2⁻⁶⁸. e^(−i/64) = (e^−y)^512 with y < ⅛: 19 terms are off by 60
    units of 2^−bits. A squaring doubles that, and cₖ are off by a hundredfold: below 2^−BITS."""
    bits = BITS + GUARD
    y, term, total = i << bits - 15, 1 << bits, 1 << bits
    for k in range(1, 20):
        term = -(term * y >> bits) // k
        total += term
    for _ in range(9):
        total = total * total >> bits
    c = [(1 << 2 * bits) // ((1 << bits) + total)]
    for k in range(1, 9):  # σ′ = σ − σ²
        c.append((c[-1] - (dot(c, reversed(c)) >> bits)) // k)
    return [coefficient >> GUARD for coefficient in reversed(c)]
