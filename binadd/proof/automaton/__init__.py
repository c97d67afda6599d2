"""The finite machine inside a proved network, and what each hidden unit has to do with it.

A certificate's contexts are the states of a Mealy machine: from all the hidden states that the
network can be in after a context, a symbol gives the same output bit and leads into one other
context. Merging equivalent states leaves the minimal machine (machine.py), which must
be the carry automaton of n operands:

    state c ∈ {0, …, n−1}      symbol x      output (|x| + c) mod 2      next (|x| + c) div 2

That the network's output bits are these is not taken from the claim: the certificate's sets are
propagated once more.
"""

from __future__ import annotations

from math import inf

import numpy as np

from binadd.bits import every_symbol, popcounts
from binadd.checks import check_instance
from binadd.errors import CertificateError
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
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> len(extract(binadd.prove(net).certificate, net))
    2
    """
    check_instance("certificate", certificate, Certificate)
    check_instance("net", net, BinaryAdderRNN)
    if certificate.digest != weights_digest(net):
        raise CertificateError("the certificate is of another network")
    bounds = Bounds(net)
    contexts, cells = contexts_of(certificate, bounds)
    images = bounds.kernels.propagate(
        bounds.architecture,
        bounds.block,
        contexts,
        np.append(cells, np.int32(-1)),
        bounds.errors,
        affine=certificate.affine,
        steps=certificate.steps,
        budget=1 << 40,
        slack=0.0,
        mild=inf,
    )
    if (images.outcomes != 0).any():
        raise CertificateError("the certificate's sets do not hold all that they can become")
    ones = popcounts(every_symbol(certificate.operands)).astype(np.intp)
    outputs = (np.array(certificate.carries)[:, None] + ones) % 2
    successors = np.array(certificate.successors)
    classes = coarsest(outputs, successors)
    states = carries(outputs, successors, classes, certificate.operands)
    members = [int(np.flatnonzero(states == carry)[0]) for carry in range(certificate.operands)]
    return Automaton(
        operands=certificate.operands,
        outputs=outputs[members],
        successors=states[successors[members]],
        contexts=int((states >= 0).sum()),
        units=units_of(images.low[:, : bounds.size], images.high[:, : bounds.size]),
    )
