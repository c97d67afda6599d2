"""The types of binadd's public names: `mypy tests/typed.py`. As a program, it runs as well."""

from __future__ import annotations

from typing import assert_never, assert_type

import numpy as np

import binadd
from binadd.proof import Certificate, Proved, Refuted, Undecided, Verdict


def by_status(verdict: Verdict) -> Certificate | tuple[int, ...] | str:
    if verdict.status == "proved":
        return assert_type(verdict, Proved).certificate
    if verdict.status == "refuted":
        return assert_type(verdict, Refuted).operands
    return assert_type(verdict, Undecided).advice


def by_class(verdict: Verdict) -> float | int | str:
    match verdict:
        case Proved():
            return verdict.margin
        case Refuted(wrong_bit=bit):
            return bit
        case Undecided(reached=reached):
            return reached
        case _:
            assert_never(verdict)


net = binadd.BinaryAdderRNN()
run = binadd.train(net, until=64)
assert_type(run, binadd.TrainingRun)
assert_type(run.verdict, Verdict | None)
assert_type(net.add(23, 42), int)
assert_type(binadd.decode(net.predict(binadd.encode([(23, 42)]))), list[int])
binadd.encode(np.array([[23, 42], [7, 1]]))
binadd.encode(zip(range(4), range(4), strict=True))
verdict = binadd.prove(net)
print(by_status(verdict), by_class(verdict))
assert_type(net.hidden_size, int)
assert_type(net.learning_rate, float | None)
net.momentum = 0.5
net.parameters["output_bias"] = 0.25
if verdict.status != "undecided":
    assert_type(bool(verdict), bool)
if verdict.status == "proved":
    print(binadd.check(verdict.certificate, net=verdict.network).sets)
