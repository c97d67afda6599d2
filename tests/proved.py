"""Networks that are proved, for the tests of proofs: trained once a session."""

from __future__ import annotations

from functools import cache

import binadd
from binadd import BinaryAdderRNN
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.enclosure import Enclosure
from binadd.proof.search import Adaptive, AffineForms, Attempt, Boxes, Cells, Missed, Sampler

KINDS: dict[str, tuple[Attempt, int]] = {
    "boxes": (Boxes(2), 2),
    "affine": (AffineForms(1, steps=5, cases=5000), 4),
    "adaptive": (Adaptive(1, histories=100, work=3_000_000), 6),
    "cells": (Cells(1, width=1.0), 8),
}


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
    if isinstance(found, Missed):
        return None
    return found.certificate(enclosure, weights_digest(net))


@cache
def certified(kind: str) -> tuple[BinaryAdderRNN, Certificate]:
    """A network and its certificate from each kind of search."""
    how, first_seed = KINDS[kind]
    for seed in range(first_seed, first_seed + 20):
        net = trained(seed, clip_norm=2.0)  # long steps leave margins narrow enough to attack
        certificate = attempt(net, how)
        if certificate is not None:
            return net, certificate
    raise AssertionError(f"no network of twenty is proved by {how}")
