"""The finite machine inside a proved network, and what each hidden unit has to do with it.

A certificate's sets, and the cases between them, are the states of a Mealy machine: from all the
hidden states of a case, a symbol gives the same output bit and leads into one other case
(unfold.py). Merging what no word tells apart leaves the minimal machine (minimal.py), which must
be the carry automaton of n operands:

    state c ∈ {0, …, n−1}      symbol x      output (|x| + c) mod 2      next (|x| + c) div 2

Output bits are not taken from the claim but from enclosures of the network's logits.
"""

from __future__ import annotations

import numpy as np

from binadd.checks import check_instance
from binadd.errors import CertificateError
from binadd.model import BinaryAdderRNN
from binadd.proof.automaton.machine import Automaton
from binadd.proof.automaton.minimal import carries, coarsest
from binadd.proof.automaton.unfold import Unfolded
from binadd.proof.automaton.units import Unit, units_of
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.enclosure import Enclosure

__all__ = ["Automaton", "Unit", "extract"]


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
    machine = Unfolded(certificate, Enclosure(net))
    outputs, successors = np.array(machine.outputs), np.array(machine.successors)
    classes = coarsest(outputs, successors)
    states = carries(outputs, successors, classes, certificate.operands, machine.peers)
    members = [int(np.flatnonzero(states == carry)[0]) for carry in range(certificate.operands)]
    contexts = machine.contexts(states)
    return Automaton(
        operands=certificate.operands,
        outputs=outputs[members],
        successors=states[successors[members]],
        cases=int((states >= 0).sum()),
        contexts=contexts,
        units=units_of(contexts, certificate.operands),
    )
