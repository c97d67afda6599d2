"""Check a certificate, trusting nobody: whole numbers only, and no part of the search.

Every number here is a whole number that counts units of 2^−BITS (`binadd.proof.integers`): sums
and products are exact, as comments show, and each rounding is written out, outwards. A reader
needs the format (`binadd.proof.certificate`) and these facts, which docs/proof.md derives:

- the network computes ĥ′ with |ĥ′ − f(Wₕĥ + Wᵢx + bₕ)| ≤ step_error in each unit, and a logit ô
  with |ô − (Wₒĥ′ + bₒ)| ≤ logit_error; `_Network._check_errors` bounds both for binadd, and for
  all evaluations in float32 and float64;
- no case reaches as far as 2 from 0, and neither does a state, as each is in a case;
- tanh(a) = 2σ(2a) − 1, σ(−a) = 1 − σ(a), σ′ = σ(1 − σ); σ is convex below 0 and concave above.

A *case* is a set of states {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}; M of them are stepped at once.
Under one symbol it becomes another. If the cells of its context cover that, nothing is left to do.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_instance
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.progress import reporting
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.cover import Cases, Sets
from binadd.proof.integers import (
    BEYOND,
    BITS,
    SLOPE_BITS,
    Integers,
    demand,
    nearest,
    relax,
    rounded,
    scaled,
)

__all__ = ["Checked", "check"]

MOST_WORK, MOST_WAITING = 1 << 36, 1 << 25  # products: two minutes; numbers: 256 MiB
TINY = 1 << 10  # smaller boxes become no generators
# Accumulators of a sum, what one operation rounds, and |computed f − f|, in units of 2⁻⁶⁴.
ROUNDING = {"float64": (8, 1 << 11, 1 << 14), "float32": (16, 1 << 40, 1 << 43)}


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` has found true: the network adds numbers of every length correctly.

    Attributes
    ----------
    digest : str
        The SHA-256 of all that decides what the network computes.
    operands : int
        How many numbers it adds.
    contexts, sets : int
        What the certificate lists, all of it checked.
    steps : int
        The most steps from a set into the next, whatever the symbols.
    step_error, logit_error : float
        By how much a computed hidden state, in any unit, and a computed logit may differ from the
        exact ones: this holds for every program that keeps to these bounds, and for binadd.
    runtimes : tuple of str
        "float32" and "float64", if their bounds are below these for this network: then this holds
        for every program that computes with its weights in that dtype, in any order of sums.
    """

    digest: str
    operands: int
    contexts: int
    sets: int
    steps: int
    step_error: float
    logit_error: float
    runtimes: tuple[str, ...]


@ieee_mode()
def check(
    certificate: Certificate,
    net: BinaryAdderRNN,
    *,
    progress: Callable[[int, int], object] | bool | None = None,
) -> Checked:
    """Check that a certificate proves that a network adds all numbers of every length.

    Parameters
    ----------
    certificate : Certificate
    net : BinaryAdderRNN
    progress : callable or True, optional
        Called with the number of contexts that are checked and the number of all; True shows a
        bar on stderr.

    Returns
    -------
    Checked
        What was checked; whatever does not hold raises.

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
    >>> binadd.check(binadd.prove(net).certificate, net).operands
    2
    """
    check_instance("certificate", certificate, Certificate)
    check_instance("net", net, BinaryAdderRNN)
    with reporting(progress) as report:
        return _check(Certificate.copy(certificate), net.copy(), report)  # as they are now


def _check(
    certificate: Certificate, net: BinaryAdderRNN, progress: Callable[[int, int], object] | None
) -> Checked:
    network, sets = _Network(certificate, net), Sets(certificate)
    carries, successors = np.array(certificate.carries), np.array(certificate.successors)
    ones = np.arange(successors.shape[1])[:, None] >> np.arange(certificate.operands) & 1
    totals = carries[:, None] + ones @ np.array(certificate.coefficients)
    demand(carries[0] == 0, "arithmetic begins without a carry")
    demand((carries[successors] == totals >> 1).all(), "a carry is not that of true arithmetic")
    network.count(len(certificate.cells), certificate.centres.shape[1])  # at least so much
    for begun in sets.origins():
        waiting = [(1, begun)]
        while waiting:
            steps, cases = waiting.pop()
            network.count(*cases.G.shape[::2])
            outside, numbers = [], sum(some.numbers() for _, some in waiting)
            for symbol, reached in enumerate(network.step(cases)):
                right = network.outputs(reached, totals[cases.context, symbol] & 1)
                demand(right.all(), "an output bit may be wrong")
                reached = reached._replace(context=successors[cases.context, symbol])
                outside.append(reached.where(~sets.cover(reached, network.spend)))
                numbers += outside[-1].numbers()
                demand(numbers < MOST_WAITING, "too many cases are in no set at a time")
            open_cases = Cases(*map(np.concatenate, zip(*outside, strict=True)))
            in_time = steps < certificate.steps or not len(open_cases.z)
            demand(in_time, "after the last step, a case is not in the set of its context")
            waiting += [(steps + 1, some) for some in open_cases.split()]
        if progress is not None:
            progress(int(begun.context[-1]), len(carries))
    if progress is not None:
        progress(len(carries), len(carries))
    return Checked(
        certificate.digest,
        certificate.operands,
        len(carries),
        len(certificate.cells),
        certificate.steps,
        certificate.step_error,
        certificate.logit_error,
        network.runtimes,
    )


class _Network:
    """The weights in units of 2^−bits, the rest in units, and an enclosed step."""

    def __init__(self, claim: Certificate, net: BinaryAdderRNN) -> None:
        of, self.size = net.settings.architecture, claim.centres.shape[1]
        claimed = (claim.activation, claim.dtype, claim.operands, self.size, claim.digest)
        actual = (of.activation, of.dtype, of.operands, of.hidden_size, weights_digest(net))
        demand(claimed == actual, "the certificate is of another network")
        demand(claim.coefficients == of.coefficients, "the certificate is of another form")
        weights = {name: array.astype(np.float64) for name, array in net.parameters.items()}
        hidden, inputs = weights["hidden_weights"], weights["input_weights"]
        bias = weights.get("hidden_bias", np.zeros(self.size))
        out = np.append(weights["output_weights"], weights.get("output_bias", 0.0))
        self.tanh = {"sigmoid": False, "tanh": True}[of.activation]  # nothing else is checked
        self.affine, self.work = claim.affine, 0
        self.W, self.bits = scaled(hidden, 1 << 32, 2)
        [self.out], self.out_bits = scaled(out[None], 1 << 30, 0)
        given = rounded(np.column_stack([bias, inputs]), BITS, 1 << 57)
        symbols = np.arange(1 << of.operands)[:, None]
        self.u = given[:, 0] + (symbols >> np.arange(of.operands) & 1) @ given[:, 1:].T  # (X, H)
        self._check_errors(claim, np.column_stack([bias, inputs, hidden]).tolist(), out.tolist())
        # Of a pre-activation: weights are off by half a unit, states within ±2; biases and inputs
        # by half a unit, and Wh is rounded down. Of a logit: the same, in units of a product.
        self.error = (self.size << BITS >> self.bits) + of.operands + 3
        self.logit_error += self.size + 1 << BITS

    def _check_errors(self, claim: Certificate, rows: list[list[float]], out: list[float]) -> None:
        """Demand the errors of binadd's own steps, and see which runtimes' are below the claim's.

        In units of 2⁻⁶⁴. A term that is rounded at most m times is off by γ = mu/(1 − mu) at most,
        relatively. For binadd, whose order of sums decides m, that is taken as 2mu, and states are
        within ±1; for others m is that of any order, and states are within 1 + activation_error.
        """
        loads = [sum(_ceil(abs(w), 64) for w in row) for row in (*rows, out)]
        claimed = [_ceil(error, 64) for error in (claim.step_error, claim.logit_error)]

        def covers(numerator: int, denominator: int, activation_error: int) -> bool:
            """Two units are for what is rounded down here, and for products' underflow."""
            errors = [load * numerator // denominator + 2 for load in loads]
            step = max(errors[:-1]) // (1 if self.tanh else 4) + 1 + activation_error
            return claimed[0] > step and claimed[1] > errors[-1]

        lanes, u, activation_error = ROUNDING[claim.dtype]
        m = max(-(-self.size // lanes) + lanes.bit_length(), claim.operands + 1)
        enough = covers(2 * m * u, 1 << 64, activation_error)
        demand(enough, "the certificate assumes smaller rounding errors than there are")
        m = self.size + claim.operands + 4
        self.runtimes = tuple(
            dtype
            for dtype, (_, u, off) in sorted(ROUNDING.items())
            if covers(m * u * ((1 << 64) + off), (1 << 64) - m * u << 64, off)
        )
        self.step_error = _ceil(claim.step_error, BITS)
        self.logit_error = _ceil(claim.logit_error, BITS + self.out_bits)
        demand(max(self.step_error, self.logit_error) < 1 << 60, "an assumed error is too large")

    def count(self, cases: int, generators: int) -> None:
        """Count the products that a step takes, or as many as take so long: 150 for a unit that is
        relaxed, and some for NumPy's calls."""
        size, symbols = self.size, len(self.u)
        kept = generators + size if self.affine else 0
        each = size * generators + symbols * ((size + 4) * kept + 2 * size + 150)
        self.spend(cases * size * each + (8 + symbols << 17))

    def spend(self, products: int) -> None:
        """Count the work on a certificate, in products, which is bounded."""
        self.work += products
        demand(self.work <= MOST_WORK, "the certificate takes more work than is done for one")

    def step(self, cases: Cases) -> Iterator[Cases]:
        """Enclose the next states, symbol by symbol: h′ = slope·(Wh + u) + offset ± error.

        |z| + Σ|G| + s < 2³¹ and Σ|W| ≤ 2³²: products are below 2⁶³ − 2³¹, shifted at most 2⁶¹.
        """
        A, error = self.W @ cases.G, self.error
        if self.affine and cases.s.max() > TINY:  # the box becomes generators
            A = np.concatenate([A, self.W * cases.s[:, None]], axis=2)
        else:
            error = error + (cases.s @ np.abs(self.W.T) >> self.bits) + 1
        A = nearest(A, self.bits)
        off = A.shape[2] + 1 >> 1  # each is off by half a unit
        error = error + off
        r = np.abs(A).sum(2) + error
        a = (cases.z @ self.W.T >> self.bits) + self.u[:, None]  # (X, M, H): below 2⁶¹ + 2⁶¹
        slope, offset, gap = relax(a - r, a + r, self.affine, self.tanh)
        # Where the slope is not 0, it is at most 2²⁶, and |a| + r at most 2³⁶.
        z = (slope * a >> SLOPE_BITS) + offset
        s = gap + (slope * error >> SLOPE_BITS) + self.step_error + off + 2
        spread = (slope * r >> SLOPE_BITS) + off + s + 1
        demand((np.abs(z) + spread).max() < BEYOND, "a case reaches too far")
        for x, k in enumerate(slope):
            G = nearest(k[:, :, None] * A, SLOPE_BITS) if self.affine else A[:, :, :0]
            yield Cases(cases.context, z[x], G, s[x])

    def outputs(self, cases: Cases, bits: Integers) -> NDArray[np.bool_]:
        """Whether the logits of all states of a case are strictly on its bit's side of 0.

        Σ|out| ≤ 2³⁰: every sum is below 2⁶³.
        """
        out = self.out[:-1]
        logit = cases.z @ out + (self.out[-1] << BITS)
        radius = np.abs(out @ cases.G).sum(1) + cases.s @ np.abs(out) + self.logit_error
        return np.asarray(np.where(bits == 1, logit, -logit) > radius)


def _ceil(value: float, bits: int) -> int:
    """In units of 2^−bits, rounded up."""
    demand(value < 2.0**64, "a number is too large")
    return math.ceil(math.ldexp(value, bits))
