"""The finite machine inside a proved network, and what each hidden unit has to do with it.

A certificate's contexts are the states of a Mealy machine: from all the hidden states that the
network can be in after a context, a symbol gives the same output bit and leads into one other
context. Merging equivalent states leaves the minimal machine (machine.py), which must
be the carry automaton of the form, with |x| the sum of the coefficients of the operands whose
bits in x are 1:

    state: the carry c      symbol x      output (|x| + c) mod 2      next ⌊(|x| + c) / 2⌋

That the network's output bits are these is not taken from the claim: the certificate's sets are
propagated once more.
"""

from __future__ import annotations

import numpy as np

from binadd.automaton.machine import Automaton, carries, coarsest
from binadd.automaton.units import Unit, units_of
from binadd.checks import check_instance
from binadd.errors import CertificateError
from binadd.form import form_of
from binadd.kernels.contract import Contexts, Indices, Propagation
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import Certificate, weights_digest

__all__ = ["Automaton", "Unit", "extract"]


@ieee_mode()
def extract(certificate: Certificate, net: BinaryAdderRNN) -> Automaton:
    """Return the minimal machine of a network, out of a certificate that `binadd.check` accepts.

    Raises
    ------
    CertificateError
        If the certificate is of another network, or its machine is not the carry automaton.
    InvalidTypeError
        If these are not a certificate and a network.

    Examples
    --------
    >>> from binadd import BinaryAdderRNN, prove, train
    >>> net = BinaryAdderRNN(seed=1)
    >>> train(net).status
    'proved'
    >>> len(extract(prove(net).certificate, net))
    2
    """
    check_instance("certificate", certificate, Certificate)
    check_instance("net", net, BinaryAdderRNN)
    if certificate.digest != weights_digest(net) or (
        certificate.coefficients != net.settings.coefficients
    ):
        raise CertificateError("the certificate is of another network")
    bounds = Bounds(net)
    contexts, cells = _contexts_of(certificate, bounds)
    images = bounds.kernels.propagate(
        bounds.architecture,
        bounds.block,
        contexts,
        np.append(cells, np.int32(-1)),
        bounds.errors,
        Propagation(certificate.affine, certificate.steps, budget=1 << 40, slack=0.0),
    )
    if (images.outcomes != 0).any():
        raise CertificateError("the certificate's sets do not hold all that they can become")
    form = form_of(certificate.coefficients)
    outputs = (
        np.array(certificate.carries)[:, None] + form.weights.astype(np.intp) + form.lowest
    ) % 2
    successors = np.array(certificate.successors)
    classes = coarsest(outputs, successors)
    states = carries(outputs, successors, classes, form)
    members = [int(np.flatnonzero(states == carry)[0]) for carry in range(form.carries)]
    return Automaton(
        operands=certificate.operands,
        outputs=outputs[members],
        successors=states[successors[members]],
        contexts=int((states >= 0).sum()),
        units=units_of(images.low[:, : bounds.size], images.high[:, : bounds.size], form.lowest),
        coefficients=form.coefficients,
    )


def _contexts_of(certificate: Certificate, bounds: Bounds) -> tuple[Contexts, Indices]:
    """Return a certificate's sets as `propagate` takes them, and where its cells are."""
    size, columns = bounds.size, bounds.architecture.block_shape[1]
    count, padding = len(certificate.carries), [(0, 0), (0, columns - size)]
    owners, pieces = np.array(certificate.cells, np.int64).reshape(-1, 2).T
    lowest, highest = np.full(count, 1 << 24), np.full(count, -(1 << 24))
    np.minimum.at(lowest, owners, pieces)
    np.maximum.at(highest, owners, pieces)
    lowest = np.where(lowest > highest, 0, lowest)  # of a context without a set
    first = np.append(0, np.cumsum((highest - lowest + 1).clip(0)))
    places = first[owners] + pieces - lowest[owners]
    middles, halves = np.zeros((first[-1], columns)), np.full((first[-1], columns), -1.0)
    middles[places], halves[places] = (
        np.pad(part, padding) for part in (certificate.middles, certificate.halves)
    )
    contexts = Contexts(
        np.array(certificate.carries, np.int32) - np.int32(bounds.form.lowest),
        np.array(certificate.successors, np.int32),
        np.pad(certificate.centres, padding),
        np.pad(certificate.frames, [(0, 0), *padding]),
        np.pad(certificate.inverses.swapaxes(1, 2), [(0, 0), *padding]),
        np.array(certificate.frame, np.int32),
        np.where(certificate.widths > 0, certificate.widths, np.inf),
        lowest.astype(np.int32),
        first.astype(np.int32),
        np.repeat(np.arange(count, dtype=np.int32), np.diff(first)),
        middles,
        halves,
    )
    return contexts, places.astype(np.int32)
