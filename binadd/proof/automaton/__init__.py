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

from binadd.checks import check_instance
from binadd.errors import CertificateError
from binadd.form import form_of
from binadd.kernels.contract import Propagation
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.proof.automaton.machine import Automaton, carries, coarsest
from binadd.proof.automaton.units import Unit, units_of
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.sets import contexts_of

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
    contexts, cells = contexts_of(certificate, bounds)
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
