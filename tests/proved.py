"""Networks that are proved, for the tests of proofs: trained once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from framed import framed

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.enclosure import Enclosure
from binadd.proof.search import Adaptive, AffineForms, Attempt, Boxes, Found, Sampler


@cache
def trained(seed: int = 0, hidden_size: int = 8, **params: object) -> BinaryAdderRNN:
    """A network that some attempt proves."""
    net = BinaryAdderRNN(hidden_size, seed=seed, **params)  # type: ignore[arg-type]
    run = binadd.train(net, max_sequences=20_000)
    assert run.status == "proved"
    return net


def attempt(net: BinaryAdderRNN, how: Attempt) -> Certificate | None:
    """The certificate that one attempt finds, if it does."""
    enclosure = Enclosure(net)
    found = how.run(enclosure, Sampler(enclosure))
    return found.certificate(enclosure, weights_digest(net)) if isinstance(found, Found) else None


KINDS: dict[str, tuple[Callable[[BinaryAdderRNN], Certificate | None], int]] = {
    "boxes": (partial(attempt, how=Boxes(2)), 2),
    "affine": (partial(attempt, how=AffineForms(1, steps=5, cases=5000)), 4),
    "adaptive": (partial(attempt, how=Adaptive(1, histories=100, work=3_000_000)), 6),
    "frames": (partial(framed, depth=1, steps=6, widen=0.2), 8),
    "pieces": (partial(framed, depth=2, steps=8, widen=0.3, cut=0.3), 5),
}
"""How to make a certificate, and the first seed of a network that may have one."""


@cache
def certified(kind: str) -> tuple[BinaryAdderRNN, Certificate]:
    """A network and its certificate of each kind."""
    make, first_seed = KINDS[kind]
    for seed in range(first_seed, first_seed + 20):
        net = trained(seed, clip_norm=2.0)  # long steps leave margins narrow enough to attack
        certificate = make(net)
        if certificate is None:
            continue
        try:
            binadd.check(certificate, net)
        except CertificateError:
            continue
        return net, certificate
    raise AssertionError(f"no network of twenty has a certificate of {kind}")
