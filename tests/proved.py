"""Networks that are proved, for the tests of proofs: trained once a session."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.proof.bounds import Bounds
from binadd.proof.boxes import BoxShape
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.closure import Found, Strategy, close
from binadd.proof.samples import Sampler
from binadd.proof.sets import CellShape


@cache
def trained(seed: int = 0, hidden_size: int = 8, **params: object) -> BinaryAdderRNN:
    """Return a network that some strategy proves."""
    net = BinaryAdderRNN(hidden_size, seed=seed, **params)  # type: ignore[arg-type]
    run = binadd.train(net, max_sequences=20_000)
    assert run.status == "proved"
    return net


KINDS: dict[str, tuple[Strategy, int]] = {
    "boxes": (Strategy(2, BoxShape(0.1, 0, 0.3), affine=False, steps=1), 2),
    "affine": (Strategy(1, BoxShape(0.3, 0, 0.3), steps=5, rounds=20), 4),
    "frames": (Strategy(1, CellShape(inf, 0.3), steps=5, rounds=20), 8),
    "cells": (Strategy(1, CellShape(0.3, 0.4), steps=4, budget=20_000), 7),
    "settled": (Strategy(1, CellShape(0.3, 0.4), steps=4, lead=3), 7),
}
"""How to make a certificate, and the first seed of a network that may have one."""


@cache
def certified(kind: str) -> tuple[BinaryAdderRNN, Certificate]:
    """Return a network of a kind and its certificate; other tests check it."""
    strategy, first_seed = KINDS[kind]
    for seed in range(first_seed, first_seed + 20):
        net = trained(seed, clip_norm=2.0)  # long steps leave margins narrow enough to attack
        bounds = Bounds(net)
        found = close(bounds, Sampler(bounds), strategy)
        if isinstance(found, Found):
            certificate = found.certificate(bounds, weights_digest(net))
            # Without steps to spare, damage to a certificate shows.
            return net, replace(certificate, steps=found.steps)
    raise AssertionError(f"no network of twenty has a certificate of {kind}")


def accepted(certificate: Certificate, net: BinaryAdderRNN) -> bool:
    """Whether the checker finds that a certificate proves a network."""
    try:
        binadd.check(certificate, net)
    except CertificateError:
        return False
    return True
