"""Check a certificate, trusting nobody: whole numbers only, and no part of the search.

Every number here is a whole number that counts units of 2^−BITS (`binadd.proof.integers`): sums
and products are exact, as comments show, and each rounding is written out, outwards. A reader
needs the format (`binadd.proof.certificate`) and these facts, which docs/proof.md derives:

- the network computes ĥ′ with |ĥ′ − f(Wₕĥ + Wᵢx + bₕ)| ≤ step_error in each unit, and a logit ô
  with |ô − (Wₒĥ′ + bₒ)| ≤ logit_error; `_Network._check_errors` bounds both;
- every computed state is within ±1;
- tanh(a) = 2σ(2a) − 1, σ(−a) = 1 − σ(a), σ′ = σ(1 − σ); σ is convex below 0 and concave above.

A *case* is a set of states {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}. M of them are stepped at once.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_instance, check_progress
from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.integers import BEYOND, BITS, SLOPE_BITS, Integers, relax, rounded, scaled

__all__ = ["check"]

MOST_WORK, MOST_WAITING = 1 << 36, 1 << 26  # products: two minutes; numbers: half a gigabyte
AT_ONCE, DEEPEST = 1 << 17, 512  # numbers, so that they stay in the processor's cache; bisections
FRAME_BITS, UNEVEN = 27, 42  # of V; |VᵀV − I| must be below 2^UNEVEN units of 2^−(2·FRAME_BITS)
# Accumulators of a sum, what one operation rounds, and |computed f − f|, in units of 2⁻⁶⁴.
ROUNDING = {"float64": (8, 1 << 11, 1 << 14), "float32": (16, 1 << 40, 1 << 43)}


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
        Called with the number of contexts that are checked and the number of all.

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
    network, sets = _Network(certificate, net.copy()), _Sets(certificate)  # as it is now
    carries, successors = np.array(certificate.carries), np.array(certificate.successors)
    totals = carries[:, None] + [symbol.bit_count() for symbol in range(successors.shape[1])]
    _demand(carries[0] == 0, "addition begins without a carry")
    _demand((carries[successors] == totals >> 1).all(), "a carry is not that of true addition")
    agenda = _Agenda(certificate, sets)
    for steps, cases in agenda:
        for symbol, reached in enumerate(network.step(cases, certificate.affine)):
            right = network.outputs(reached, totals[cases.context, symbol] & 1)
            _demand(right.all(), "an output bit may be wrong")
            reached = reached._replace(context=successors[cases.context, symbol])
            outside = reached.where(~sets.hold(reached))
            in_time = steps < certificate.steps or not outside.z.size
            _demand(in_time, "after the last step, a case is not in the set of its context")
            agenda.add(steps, outside)
        if progress is not None:
            progress(agenda.settled(), len(certificate))


def _demand(holds: object, sentence: str) -> None:
    if not holds:
        raise CertificateError(sentence)


class _Cases(NamedTuple):
    """M sets of states, with H units and g generators."""

    origin: Integers  # (M,): the context that each comes from
    context: Integers  # (M,): the context that each is in
    z: Integers  # (M, H)
    G: Integers  # (M, H, g)
    s: Integers  # (M, H)

    def where(self, kept: NDArray[np.bool_]) -> "_Cases":
        return _Cases(*(part[kept] for part in self))

    def numbers(self) -> int:
        """How many numbers they come to, with the generators of the next step."""
        return self.z.size * (4 + self.G.shape[2] + self.z.shape[1])


class _Network:
    """The weights in units of 2^−bits, the rest in units, and an enclosed step."""

    def __init__(self, claim: Certificate, net: BinaryAdderRNN) -> None:
        of, self.size = net.settings.architecture, claim.centres.shape[1]
        claimed = (claim.activation, claim.dtype, claim.operands, self.size, claim.digest)
        actual = (of.activation, of.dtype, of.operands, of.hidden_size, weights_digest(net))
        _demand(claimed == actual, "the certificate is of another network")
        weights = {name: array.astype(np.float64) for name, array in net.parameters.items()}
        hidden, inputs = weights["hidden_weights"], weights["input_weights"]
        bias = weights.get("hidden_bias", np.zeros(self.size))
        out = np.append(weights["output_weights"], weights.get("output_bias", 0.0))
        self.tanh = of.activation == "tanh"
        self.W, self.bits = scaled(hidden, 1 << 32, 2)
        [self.out], self.out_bits = scaled(out[None], 1 << 30, 0)
        given = rounded(np.column_stack([bias, inputs]), BITS, 1 << 57)
        symbols = np.arange(1 << of.operands)[:, None]
        self.u = given[:, 0] + (symbols >> np.arange(of.operands) & 1) @ given[:, 1:].T  # (X, H)
        self._check_errors(claim, np.column_stack([bias, inputs, hidden]).tolist(), out.tolist())
        # Of a pre-activation: weights are off by half a unit, states within ±1; biases and inputs
        # by half a unit, and Wh is rounded down. Of a logit: the same, in units of a product.
        self.error = (self.size << BITS - 1 >> self.bits) + of.operands + 3
        self.logit_error += self.size + 1 << BITS - 1

    def _check_errors(self, claim: Certificate, rows: list[list[float]], out: list[float]) -> None:
        """A term of a sum is rounded at most m times on its way: γ = mu/(1 − mu) ≤ 2mu relatively.
        In units of 2⁻⁶⁴; two are for what is rounded down here, and for products' underflow."""
        loads = [sum(_ceil(abs(w), 64) for w in row) for row in (*rows, out)]
        lanes, u, activation_error = ROUNDING[claim.dtype]
        m = max(-(-self.size // lanes) + lanes.bit_length(), claim.operands + 1)
        hidden, output = ((load * 2 * m * u >> 64) + 2 for load in (max(loads[:-1]), loads[-1]))
        step = hidden // (1 if self.tanh else 4) + 1 + activation_error
        enough = _ceil(claim.step_error, 64) > step and _ceil(claim.logit_error, 64) > output
        _demand(enough, "the certificate assumes smaller rounding errors than there are")
        self.step_error = _ceil(claim.step_error, BITS)
        self.logit_error = _ceil(claim.logit_error, BITS + self.out_bits)
        _demand(max(self.step_error, self.logit_error) < 1 << 60, "an assumed error is too large")

    def step(self, cases: _Cases, affine: bool) -> Iterator[_Cases]:
        """Enclose the next states, symbol by symbol: h′ = slope·(Wh + u) + offset ± error.

        |z| + Σ|G| + s < 2³¹ and Σ|W| ≤ 2³²: products are below 2⁶³, shifted below 2⁶¹.
        """
        A = self.W @ cases.G >> self.bits
        if cases.s.any():  # the box becomes generators
            A = np.concatenate([A, self.W * cases.s[:, None] >> self.bits], axis=2)
        g = A.shape[2]
        error = self.error + g  # A is rounded down
        r = np.abs(A).sum(2) + error
        a = cases.z @ self.W.T >> self.bits
        for u in self.u:  # below 2⁶¹
            middle = a + u
            slope, offset, gap = relax(middle - r, middle + r, affine, self.tanh)
            # Where the slope is not 0, it is at most 2²⁶, and |middle| + r at most 2³⁶.
            z = (slope * middle >> SLOPE_BITS) + offset
            s = gap + (slope * error >> SLOPE_BITS) + self.step_error + g + 2
            G = slope[:, :, None] * A >> SLOPE_BITS if affine else A[:, :, :0]
            spread = (slope * r >> SLOPE_BITS) + g + s + 1
            _demand((np.abs(z) + spread).max() < BEYOND, "a case reaches too far")
            yield _Cases(cases.origin, cases.context, z, G, s)

    def outputs(self, cases: _Cases, bits: Integers) -> NDArray[np.bool_]:
        """Whether the logits of all states of a case are strictly on its bit's side of 0.

        Σ|out| ≤ 2³⁰: every sum is below 2⁶¹.
        """
        out, bias = self.out[:-1], int(self.out[-1]) << BITS
        middle = cases.z @ out + bias
        radius = np.abs(out @ cases.G).sum(1) + cases.s @ np.abs(out) + self.logit_error
        return np.asarray(np.where(bits == 1, middle, -middle) > radius)


class _Sets:
    """The sets of a certificate: as cases, and what lies in them.

    V in units of 2^−FRAME_BITS, whatever it is: x = o + Vᵀy + (I − VᵀV)(x − o) where y = V(x − o).
    For a state x, |x − o| < 3: if V is orthonormal, the last term is tiny, and `slip` bounds it.
    """

    def __init__(self, claim: Certificate) -> None:
        size = claim.centres.shape[1]
        self.claim, self.has_set = claim, claim.radii[:, 0] >= 0
        self.o = rounded(claim.centres, BITS, BEYOND)
        self.r = np.where(self.has_set[:, None], rounded(claim.radii, BITS, 2 * BEYOND), -1)
        self.frame = np.array(claim.frame)  # −1 is the last: the units themselves
        most = 1 << FRAME_BITS + 3
        self.V = rounded(np.concatenate([claim.frames, np.eye(size)[None]]), FRAME_BITS, most)
        self.V_abs, Vt = np.abs(self.V), self.V.swapaxes(1, 2)
        loads = [self.V_abs.sum(axis).max() for axis in (1, 2)]
        _demand(max(loads) < most, "a frame's axes are too long")  # products: 2³⁰ · 2³⁰
        uneven = np.abs(Vt @ self.V - (np.eye(size, dtype=np.int64) << 2 * FRAME_BITS))
        _demand(uneven.max() < 1 << UNEVEN, "a frame's axes are not orthonormal")
        self.slip = (3 * uneven.sum(2) >> 2 * FRAME_BITS - BITS) + 1

    def origins(self) -> Iterator[_Cases]:
        """The initial state, in context 0, and the pieces of all sets."""
        size = self.o.shape[1]
        zero = np.zeros(size, np.int64)
        pieces = (
            (q, self.frame[q], self.o[q], middle, radius)
            for q in np.flatnonzero(self.has_set)
            for middle, radius in _bisect(self.claim.pieces[q], self.r[q])
        )
        rows = chain([(0, -1, zero, zero, zero)], pieces)
        while chunk := list(islice(rows, max(1, AT_ONCE // (2 * size * size)))):
            context, frame, o, middle, radius = map(np.array, zip(*chunk, strict=True))
            if len(self.V) == 1:
                cases = _Cases(context, context, o + middle, np.zeros((*o.shape, 0), int), radius)
            else:  # Σ|V| < 2³⁰, |middle| and radius < 2³²; size + 1 products are rounded down
                Vt = self.V[frame].swapaxes(1, 2)
                z, G = o + (_apply(Vt, middle) >> FRAME_BITS), Vt * radius[:, None] >> FRAME_BITS
                cases = _Cases(context, context, z, G, self.slip[frame] + size + 1)
            reach = np.abs(cases.z) + np.abs(cases.G).sum(2) + cases.s
            _demand(reach.max() < BEYOND, "a set reaches too far")
            yield cases

    def hold(self, cases: _Cases) -> NDArray[np.bool_]:
        """Whether each case lies in the set of its context: |V(z − o)| + Σ|VG| + |V|s ≤ r.

        Σ|V| < 2³⁰, |z − o| < 2³², Σ|G| + s < 2³¹ and r < 2³²: all terms come to less than 2⁶³.
        """
        frame = self.frame[cases.context]
        room = (self.r[cases.context] << FRAME_BITS) - _apply(self.V_abs[frame], cases.s)
        room -= np.abs(_apply(self.V[frame], cases.z - self.o[cases.context]))
        held = np.asarray((room >= 0).all(1))
        some = np.flatnonzero(held)
        room[some] -= np.abs(self.V[frame[some]] @ cases.G[some]).sum(2)
        return np.asarray((room >= 0).all(1))


def _apply(matrices: Integers, vectors: Integers) -> Integers:
    """M matrices times a vector each."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])


def _bisect(tree: Iterable[int], radius: Integers) -> Iterator[tuple[Integers, Integers]]:
    """The middle and radius of each piece; they share their ends, so that none lacks a state."""
    parts = [(-radius, radius)]
    for axis in tree:
        _demand(len(parts) <= DEEPEST, "a set is cut into pieces of pieces too often")
        low, high = parts.pop()
        if axis < 0:
            middle = low + high >> 1
            yield middle, high - middle
        else:
            start, end = low.copy(), high.copy()
            start[axis] = end[axis] = low[axis] + high[axis] >> 1
            parts += [(start, high), (low, end)]


class _Agenda:
    """The cases that are still to be stepped: many at a time, in bounded memory."""

    def __init__(self, claim: Certificate, sets: _Sets) -> None:
        self.waiting: list[list[_Cases]] = [[] for _ in range(claim.steps + 1)]  # by steps taken
        self.origins, self.symbols = sets.origins(), 1 << claim.operands
        self.affine, self.work = claim.affine, 0
        self.open = np.array([len(tree) + 1 >> 1 for tree in claim.pieces]) * sets.has_set
        self.open[0] += 1
        self._count(int(self.open.sum()), claim.centres.shape[1], 0)
        self.work = 0

    def __iter__(self) -> Iterator[tuple[int, _Cases]]:
        """Give out cases with the number of the step that they are to take."""
        while (steps := self._next()) is not None:
            parts, waiting = [], self.waiting[steps]
            while waiting and _numbers(parts) < AT_ONCE:
                parts.append(waiting.pop())
            cases = _Cases(*map(np.concatenate, zip(*parts, strict=True)))
            self._count(*cases.G.shape)
            self.open -= np.bincount(cases.origin, minlength=len(self.open))
            yield steps + 1, cases

    def _next(self) -> int | None:
        """The most steps that enough cases have taken; if none, take in more, or the least."""
        numbers = list(map(_numbers, self.waiting))
        _demand(sum(numbers) < MOST_WAITING, "too many cases are in no set at a time")
        if full := [steps for steps, n in enumerate(numbers) if n >= AT_ONCE]:
            return full[-1]
        if (cases := next(self.origins, None)) is not None:
            self.waiting[0].append(cases)
            return 0
        return next((steps for steps, n in enumerate(numbers) if n > 0), None)

    def _count(self, cases: int, size: int, generators: int) -> None:
        """Count the products that a step takes; a relaxed unit counts as 150."""
        kept = generators + size if self.affine else 0
        each = size * generators + self.symbols * ((size + 4) * kept + 2 * size + 150)
        self.work += cases * size * each
        _demand(self.work <= MOST_WORK, "the certificate takes more work than is done for one")

    def add(self, steps: int, cases: _Cases) -> None:
        """Take in cases that have taken so many steps."""
        if len(cases.z):
            self.waiting[steps].append(cases)
            self.open += np.bincount(cases.origin, minlength=len(self.open))

    def settled(self) -> int:
        """How many contexts have no open case."""
        return int(np.count_nonzero(self.open == 0))


def _numbers(parts: Iterable[_Cases]) -> int:
    return sum(part.numbers() for part in parts)


def _ceil(value: float, bits: int) -> int:
    """In units of 2^−bits, rounded up."""
    _demand(value < 2.0**64, "a number is too large")
    return math.ceil(math.ldexp(value, bits))
