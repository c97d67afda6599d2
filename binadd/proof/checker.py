"""Check a certificate, trusting nobody: whole numbers only, and no part of the search.

Every number here is a whole number that counts units of 2^−BITS (`binadd.proof.integers`): sums
and products are exact, as comments show, and each rounding is written out, outwards. A reader
needs the format (`binadd.proof.certificate`) and these facts, which docs/proof.md derives:

- the network computes ĥ′ with |ĥ′ − f(Wₕĥ + Wᵢx + bₕ)| ≤ step_error in each unit, and a logit ô
  with |ô − (Wₒĥ′ + bₒ)| ≤ logit_error; `_Network._check_errors` bounds both;
- every computed state is within ±1;
- tanh(a) = 2σ(2a) − 1, σ(−a) = 1 − σ(a), σ′ = σ(1 − σ); σ is convex below 0 and concave above.

A *case* is a set of states {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}; M of them are stepped at once.
Under one symbol it becomes another. If the cells of its context cover that, nothing is left to do.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_instance, check_progress
from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.integers import BEYOND, BITS, SLOPE_BITS, Integers, relax, rounded, scaled

__all__ = ["check"]

MOST_WORK, MOST_WAITING = 1 << 36, 1 << 25  # products: two minutes; numbers: 256 MiB
AT_ONCE = 1 << 17  # numbers that stay in the processor's cache
FRAME_BITS, UNEVEN = 27, 42  # of V; |VᵀV − I| must be below 2^UNEVEN units of 2^−(2·FRAME_BITS)
TINY = 1 << 10  # smaller boxes become no generators
FAR, MOST_SLABS, PART_BITS = 1 << 37, 64, 24
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
    network.count(len(certificate.cells), certificate.centres.shape[1])  # at least so much
    for begun in sets.origins():
        waiting = [(1, begun)]
        while waiting:
            steps, cases = waiting.pop()
            network.count(*cases.G.shape[::2])
            outside, numbers = [], sum(some.numbers() for _, some in waiting)
            for symbol, reached in enumerate(network.step(cases)):
                right = network.outputs(reached, totals[cases.context, symbol] & 1)
                _demand(right.all(), "an output bit may be wrong")
                reached = reached._replace(context=successors[cases.context, symbol])
                outside.append(reached.where(~sets.cover(reached, network.spend)))
                numbers += outside[-1].numbers()
                _demand(numbers < MOST_WAITING, "too many cases are in no set at a time")
            open_cases = _Cases(*map(np.concatenate, zip(*outside, strict=True)))
            in_time = steps < certificate.steps or not len(open_cases.z)
            _demand(in_time, "after the last step, a case is not in the set of its context")
            waiting += [(steps + 1, some) for some in open_cases.split()]
        if progress is not None:
            progress(int(begun.context[-1]), len(carries))
    if progress is not None:
        progress(len(carries), len(carries))


def _demand(holds: object, sentence: str) -> None:
    if not holds:
        raise CertificateError(sentence)


class _Cases(NamedTuple):
    """M sets of states, with H units and g generators."""

    context: Integers  # (M,): that each is in
    z: Integers  # (M, H)
    G: Integers  # (M, H, g)
    s: Integers  # (M, H)

    def where(self, kept: NDArray[np.bool_] | Integers) -> "_Cases":
        return _Cases(*(part[kept] for part in self))

    def numbers(self) -> int:
        """How many numbers they come to, with the generators of the next step."""
        numbers: int = self.z.size * (4 + self.G.shape[2] + self.z.shape[1])
        return numbers

    def split(self) -> Iterator["_Cases"]:
        """As many at a time as memory is for."""
        chunks = -(-self.numbers() // AT_ONCE)
        for i in range(chunks := min(chunks, len(self.z))):
            yield _Cases(*(part[i::chunks] for part in self))


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
        self.tanh, self.affine, self.work = of.activation == "tanh", claim.affine, 0
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

    def count(self, cases: int, generators: int) -> None:
        """Count the products that a step takes, or as many as take so long: 150 for a unit that is
        relaxed, and some for NumPy's calls."""
        size, symbols = self.size, len(self.u)
        kept = generators + size if self.affine else 0
        each = size * generators + symbols * ((size + 4) * kept + 2 * size + 150)
        self.spend(cases * size * each + (8 + symbols << 17))

    def spend(self, products: int) -> None:
        """Take so many from what may be done for a certificate."""
        self.work += products
        _demand(self.work <= MOST_WORK, "the certificate takes more work than is done for one")

    def step(self, cases: _Cases) -> Iterator[_Cases]:
        """Enclose the next states, symbol by symbol: h′ = slope·(Wh + u) + offset ± error.

        |z| + Σ|G| + s < 2³¹ and Σ|W| ≤ 2³²: products are below 2⁶³ − 2³¹, shifted at most 2⁶¹.
        """
        A, error = self.W @ cases.G, self.error
        if self.affine and cases.s.max() > TINY:  # the box becomes generators
            A = np.concatenate([A, self.W * cases.s[:, None]], axis=2)
        else:
            error = error + (cases.s @ np.abs(self.W.T) >> self.bits) + 1
        A = _nearest(A, self.bits)
        off = A.shape[2] + 1 >> 1  # each is off by half a unit
        error = error + off
        r = np.abs(A).sum(2) + error
        a = (cases.z @ self.W.T >> self.bits) + self.u[:, None]  # (X, M, H): below 2⁶¹ + 2⁶¹
        slope, offset, gap = relax(a - r, a + r, self.affine, self.tanh)
        # Where the slope is not 0, it is at most 2²⁶, and |a| + r at most 2³⁶.
        z = (slope * a >> SLOPE_BITS) + offset
        s = gap + (slope * error >> SLOPE_BITS) + self.step_error + off + 2
        spread = (slope * r >> SLOPE_BITS) + off + s + 1
        _demand((np.abs(z) + spread).max() < BEYOND, "a case reaches too far")
        for x, k in enumerate(slope):
            G = _nearest(k[:, :, None] * A, SLOPE_BITS) if self.affine else A[:, :, :0]
            yield _Cases(cases.context, z[x], G, s[x])

    def outputs(self, cases: _Cases, bits: Integers) -> NDArray[np.bool_]:
        """Whether the logits of all states of a case are strictly on its bit's side of 0.

        Σ|out| ≤ 2³⁰: every sum is below 2⁶³.
        """
        out = self.out[:-1]
        logit = cases.z @ out + (self.out[-1] << BITS)
        radius = np.abs(out @ cases.G).sum(1) + cases.s @ np.abs(out) + self.logit_error
        return np.asarray(np.where(bits == 1, logit, -logit) > radius)


class _Sets:
    """The cells of a certificate: as cases, and what they cover.

    V in units of 2^−FRAME_BITS, whatever it is. With E = I − VᵀV and y = V(x − o) a state x is
    o + Uy + E²(x − o), where U = (I + E)Vᵀ; as |x − o| < 3, the last term is tiny.
    """

    def __init__(self, claim: Certificate) -> None:
        most, unit = 1 << FRAME_BITS + 3, np.eye(claim.centres.shape[1], dtype=np.int64)
        self.V = rounded(np.concatenate([claim.frames, unit[None]]), FRAME_BITS, most)
        self.V_abs, Vt = np.abs(self.V), self.V.swapaxes(1, 2)
        loads = [self.V_abs.sum(axis).max() for axis in (1, 2)]
        _demand(max(loads) < most, "a frame's axes are too long")  # products: 2³⁰ · 2³⁰
        E = (unit << 2 * FRAME_BITS) - Vt @ self.V
        _demand(np.abs(E).max() < 1 << UNEVEN, "a frame's axes are not orthonormal")
        uneven = (np.abs(E).sum(2).max(1) >> 2 * FRAME_BITS - BITS) + 1  # at most 2²⁶
        self.slip = (3 * uneven**2 >> BITS) + 1
        self.U = Vt + _nearest(_nearest(E, 14) @ Vt, 2 * FRAME_BITS - 14)  # 2²⁸ · 2³⁰
        self.o, self.frame = rounded(claim.centres, BITS, BEYOND), np.array(claim.frame)
        self.owner, k = np.array(claim.cells, np.int64).reshape(-1, 2).T
        self.has_set, self.keys = claim.has_set, (self.owner << 32) + k  # |k| ≤ 2³⁰
        # Half a width, h; in units of V's products a slab ends at (2k ± 1)h.
        self.h = rounded(claim.widths, FRAME_BITS + BITS - 1, 1 << 60)
        h = self.h[self.owner]
        _demand(((self.h > 0) == (claim.widths > 0)).all(), "slabs are too narrow")
        _demand((np.abs(k) < (1 << 59) // np.maximum(h, 1)).all(), "a slab is too far away")
        self.start = np.where(h > 0, (2 * k - 1) * h >> FRAME_BITS, -FAR)
        self.end = np.where(h > 0, -(-(2 * k + 1) * h >> FRAME_BITS), FAR)
        middle, half = (
            rounded(claim.middles, BITS, BEYOND),
            rounded(claim.halves, BITS, 2 * BEYOND),
        )
        self.low, self.high = middle - half, middle + half
        # At an end of its slab a cell has no end of its own.
        self.low[self.low[:, 0] <= self.start, 0] = -FAR
        self.high[self.high[:, 0] >= self.end, 0] = FAR

    def origins(self) -> Iterator[_Cases]:
        """The initial state, in context 0, and all cells."""
        low, high, size = self.low.copy(), self.high.copy(), self.o.shape[1]
        low[:, 0], high[:, 0] = np.maximum(low[:, 0], self.start), np.minimum(high[:, 0], self.end)
        _demand((low <= high).all(), "a cell is not in its slab")
        y = low + high >> 1
        cells = (self.owner, self.frame[self.owner], self.o[self.owner], y, high - y)
        zero = np.zeros((1, size), np.int64)
        initial = (zero[:, 0], zero[:, 0] - 1, zero, zero, zero)
        every = tuple(map(np.concatenate, zip(initial, cells, strict=True)))
        at_once = max(1, AT_ONCE // (4 * size * size))
        for i in range(0, len(every[0]), at_once):
            context, frame, z, y, r = (part[i : i + at_once] for part in every)
            if (frame < 0).all():
                cases = _Cases(context, z + y, np.zeros((*z.shape, 0), np.int64), r)
            else:  # Σ|U| < 2³⁰ + 2²⁶, |y| and r < 1.5·2³²; U is off by less than a unit
                U, off = self.U[frame], np.abs(y).sum(1) + r.sum(1) >> FRAME_BITS
                z, G = z + (_apply(U, y) >> FRAME_BITS), _nearest(U * r[:, None], FRAME_BITS)
                s = np.repeat((self.slip[frame] + off)[:, None] + (size >> 1) + 3, size, axis=1)
                cases = _Cases(context, z, G, s)
            reach = np.abs(cases.z) + np.abs(cases.G).sum(2) + cases.s
            _demand(reach.max() < BEYOND, "a set reaches too far")
            yield cases

    def cover(self, cases: _Cases, spend: Callable[[int], None]) -> NDArray[np.bool_]:
        """Whether each case lies in the cells of its context."""
        covered, has_frame = self.has_set[cases.context], self.frame[cases.context] >= 0
        plain, framed = np.flatnonzero(covered & ~has_frame), np.flatnonzero(covered & has_frame)
        if len(plain):
            some = cases.where(plain)
            y, reach = some.z - self.o[some.context], np.abs(some.G).sum(2) + some.s
            cell = np.searchsorted(self.keys, some.context << 32)
            covered[plain] = self._inside(cell, y, reach)
        if len(framed):
            covered[framed] = self._cover_parts(cases.where(framed), spend)
        return covered

    def _inside(self, cell: Integers, y: Integers, reach: Integers) -> NDArray[np.bool_]:
        """Whether y ± reach, in their slabs, lie in cells."""
        inside = (y - reach >= self.low[cell]) & (y + reach <= self.high[cell])
        return np.asarray(inside.all(1))

    def _cover_parts(self, cases: _Cases, spend: Callable[[int], None]) -> NDArray[np.bool_]:
        """Bound what of a case is in a slab: of the generator that moves it most along the first
        axis, only a part reaches there, whatever the others do.

        Σ|V| < 2³⁰, |z − o| < 2³², Σ|G| + s < 2³¹: products are below 2⁶³, coordinates below 2³⁶.
        """
        h, V = self.h[cases.context], self.V[self.frame[cases.context]]
        y = _apply(V, cases.z - self.o[cases.context]) >> FRAME_BITS
        box = _apply(np.abs(V), cases.s)
        reach = (np.abs(V[:, 0, None] @ cases.G).sum(2) + box[:, :1] >> FRAME_BITS) + 2
        ends = np.clip([y[:, :1] - reach, y[:, :1] + reach], -FAR >> 3, FAR >> 3) << FRAME_BITS
        first, last = np.where(h > 0, (ends[:, :, 0] + h) // np.maximum(2 * h, 1), 0)
        covered = last - first < MOST_SLABS
        slabs = np.where(covered, last - first + 1, 0)
        spend(20 * y.shape[1] * int(slabs.sum()))
        i = np.repeat(np.arange(len(y)), slabs)  # the case of each part
        k = first[i] + np.arange(len(i)) - np.repeat(np.cumsum(slabs) - slabs, slabs)
        keys = (cases.context[i] << 32) + np.clip(k, -1 << 31, (1 << 31) - 1)
        cell = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        covered[i[self.keys[cell] != keys]] = False
        cell, i = cell[covered[i]], i[covered[i]]
        some = np.flatnonzero(covered)
        forms = V[some] @ cases.G[some]
        i = (np.cumsum(covered) - 1)[i]
        reach = (np.abs(forms).sum(2) + box[some] >> FRAME_BITS) + 2
        if forms.shape[2]:
            largest = np.abs(forms[:, 0]).argmax(1)
            along = forms[np.arange(len(some)), :, largest] >> FRAME_BITS
            along *= np.where(along[:, :1] < 0, -1, 1)
        else:
            along = np.zeros_like(reach)
        y, reach, along = y[some][i], reach[i], along[i]
        rest, divisor = reach[:, 0] - along[:, 0] + 2, np.maximum(along[:, 0], 1)
        # So much of it reaches into the slab: below 2³⁸ · 2²⁴.
        low = (self.start[cell] - y[:, 0] - rest << PART_BITS) // divisor
        high = -((y[:, 0] - rest - self.end[cell] << PART_BITS) // divisor)
        low, high = np.clip([low, high], -1 << PART_BITS, 1 << PART_BITS)
        y += along * (low + high >> 1)[:, None] >> PART_BITS
        along = np.abs(along)
        reach += (along * (high - (low + high >> 1))[:, None] >> PART_BITS) - along + 4
        covered[some[i[~self._inside(cell, y, reach)]]] = False
        return np.asarray(covered)


def _nearest(products: Integers, bits: int) -> Integers:
    """Shift right, in place, rounding to the nearest."""
    products += 1 << bits - 1
    products >>= bits
    return products


def _apply(matrices: Integers, vectors: Integers) -> Integers:
    """M matrices times a vector each."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])


def _ceil(value: float, bits: int) -> int:
    """In units of 2^−bits, rounded up."""
    _demand(value < 2.0**64, "a number is too large")
    return math.ceil(math.ldexp(value, bits))
