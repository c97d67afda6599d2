"""A certificate that was altered, or whose network was, is refused if its proof is broken."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from oracle import Oracle
from proved import KINDS, accepted, certified

from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.kernels.reference import exact_sums
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import MOST_STEPS, Certificate, weights_digest

ROUNDING = 1e-12
"""The oracle's error: a state that is outside by less than this may be inside."""


# Alterations -------------------------------------------------------------------------------------

Mutation = Callable[[Certificate, random.Random], dict[str, Any]]


def _array(name: str) -> Mutation:
    """One number, or a whole row, by a little or by much."""

    def mutate(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
        array = getattr(certificate, name).copy()
        place = tuple(generator.randrange(length) for length in array.shape)
        by = 10.0 ** generator.uniform(-9, 1) * generator.choice([-1, 1])
        array[place if generator.random() < 0.8 else place[0]] += by
        return {name: array}

    return mutate


def _scaled(name: str) -> Mutation:
    """Return a cell, or the width of a context's."""

    def mutate(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
        array = getattr(certificate, name).copy()
        array[generator.randrange(len(array))] *= 10.0 ** generator.uniform(-2, 2)
        return {name: array}

    return mutate


def _error(name: str) -> Mutation:
    def mutate(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
        return {name: getattr(certificate, name) * 10.0 ** generator.uniform(-4, 12)}

    return mutate


def _entry(name: str, draw: Callable[[random.Random, int], Any]) -> Mutation:
    """One entry of a field that holds one for each set."""

    def mutate(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
        entries = list(getattr(certificate, name))
        entries[generator.randrange(len(entries))] = draw(generator, len(entries))
        return {name: tuple(entries)}

    return mutate


def _successor(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """One symbol leads elsewhere, to any context or to one of the right carry."""
    successors = [list(row) for row in certificate.successors]
    row = generator.choice(successors)
    x = generator.randrange(len(row))
    carries = certificate.carries
    alike = [t for t in range(len(carries)) if carries[t] == carries[row[x]]]
    row[x] = generator.choice([generator.randrange(len(carries)), generator.choice(alike)])
    return {"successors": tuple(map(tuple, successors))}


def _swap_successors(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    rows = [list(row) for row in certificate.successors]
    places = [(row, x) for row in rows for x in range(len(row))]
    (one, x), (other, y) = generator.sample(places, 2)
    one[x], other[y] = other[y], one[x]
    return {"successors": tuple(map(tuple, rows))}


def _steps(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """More steps are true as well; fewer may be."""
    steps = generator.choice([certificate.steps - 1, certificate.steps + 1, 1, 2, 7])
    return {"steps": min(max(steps, 1), MOST_STEPS)}


def _other_steps(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """Intervals for affine forms, or the other way round: true either way, if it is accepted."""
    return {"affine": not certificate.affine}


def _with_cells(certificate: Certificate, rows: list[tuple[int, int, int]]) -> dict[str, Any]:
    """Return (context, k, the number of the cell that it copies), in order."""
    rows.sort()
    chosen = [i for _, _, i in rows]
    return {
        "cells": tuple((q, k) for q, k, _ in rows),
        "middles": certificate.middles[chosen],
        "halves": certificate.halves[chosen],
    }


def _rows(certificate: Certificate) -> list[tuple[int, int, int]]:
    return [(q, k, i) for i, (q, k) in enumerate(certificate.cells)]


def _move_cell(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """To another slab, by itself or with all that it holds, or out of order."""
    rows = _rows(certificate)
    i = generator.randrange(len(rows))
    q, k, _ = rows[i]
    by = generator.choice([-1, 1, 1, -2, 3])
    rows[i] = (q, k + by, i)
    changed = _with_cells(certificate, rows)
    if generator.random() < 0.5:
        changed["middles"][rows.index((q, k + by, i)), 0] += by * certificate.widths[q]
    elif generator.random() < 0.2:
        changed["cells"] = (*certificate.cells[:i], (q, k + by), *certificate.cells[i + 1 :])
    return changed


def _move_cells(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """All cells of a context, as if the slabs were numbered from elsewhere."""
    context, by = generator.choice(certificate.cells)[0], generator.choice([-1, 1])
    rows = [(q, k + by * (q == context), i) for q, k, i in _rows(certificate)]
    return _with_cells(certificate, rows)


def _drop_cell(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    rows = _rows(certificate)
    del rows[generator.randrange(len(rows))]
    return _with_cells(certificate, rows)


def _copy_cell(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """Insert a copy in the same slab or the next, or replace what is there."""
    rows = _rows(certificate)
    q, k, i = generator.choice(rows)
    k += generator.choice([-1, 0, 1, 1])
    if generator.random() < 0.5:
        rows = [row for row in rows if row[:2] != (q, k)]
    return _with_cells(certificate, [*rows, (q, k, i)])


def _give_cell(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """To another context, which may have one like it, or may not; or those of two swapped."""
    rows = _rows(certificate)
    i, j = generator.randrange(len(rows)), generator.randrange(len(rows))
    if generator.random() < 0.5:
        (q, k, _), (t, n, _) = rows[i], rows[j]
        rows[i], rows[j] = (q, k, j), (t, n, i)
    else:
        q = generator.randrange(len(certificate))
        rows = [row for row in rows if row[:2] != (q, rows[i][1]) or row == rows[i]]
        i = rows.index(next(row for row in rows if row[2] == i))
        rows[i] = (q, *rows[i][1:])
    return _with_cells(certificate, rows)


def _cut(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """Cut what is not, with its one cell in the middle, or leave whole what is cut."""
    widths = certificate.widths.copy()
    q = generator.randrange(len(widths))
    widths[q] = 0.0 if widths[q] > 0 else 10.0 ** generator.uniform(-2, 1)
    rows = [row for row in _rows(certificate) if row[0] != q or row[1] == 0]
    return {"widths": widths, **_with_cells(certificate, rows)}


def _frame(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """One number of a frame, by a little or by much, or a frame turned, or stretched."""
    if not len(certificate.frames):
        return _scaled("halves")(certificate, generator)
    frames = certificate.frames.copy()
    frame = frames[generator.randrange(len(frames))]
    by = 10.0 ** generator.uniform(-9, 1)
    match generator.randrange(4):
        case 0:
            frame[tuple(map(generator.randrange, frame.shape))] += by
        case 1:  # orthonormal as before
            i, j = generator.sample(range(len(frame)), 2)
            c, s = np.cos(by), np.sin(by)
            frame[[i, j]] = np.array([[c, -s], [s, c]]) @ frame[[i, j]]
        case 2:
            frame *= 1 + by
        case _:
            frame[generator.randrange(len(frame))] *= generator.choice([0.0, -1.0, 1 + by])
    return {"frames": frames}


def _no_set(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """Remove a context's set; the certificate stays true if steps are left."""
    q = generator.choice(certificate.cells)[0]
    return _with_cells(certificate, [row for row in _rows(certificate) if row[0] != q])


def _swap_sets(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    """Two contexts of the list, but not where they are spoken of."""
    order = list(range(len(certificate)))
    i, j = generator.sample(order, 2)
    order[i], order[j] = j, i
    every = ["centres", "frame", "widths", "cells", "carries", "successors"]
    sets = ["centres", "frame", "widths", "cells"]
    changed = {}
    for name in generator.choice([*([name] for name in every), sets, every]):
        if name == "cells":
            rows = [(order[q], k, i) for q, k, i in _rows(certificate)]
            changed.update(_with_cells(certificate, rows))
            continue
        value = getattr(certificate, name)
        arrays = isinstance(value, np.ndarray)
        changed[name] = value[order] if arrays else tuple(value[q] for q in order)
    return changed


def _say_otherwise(certificate: Certificate, generator: random.Random) -> dict[str, Any]:
    name, value = generator.choice(
        [
            ("activation", "tanh"),
            ("dtype", "float32"),
            ("operands", generator.randrange(-1, 9)),
            ("digest", certificate.digest[::-1]),
            ("margin", generator.random() * 9),
            ("contexts", certificate.contexts[::-1]),
        ]
    )
    return {name: value}


MUTATIONS: tuple[Mutation, ...] = (
    _array("centres"),
    _array("middles"),
    _array("halves"),
    _array("widths"),
    _scaled("middles"),
    _scaled("halves"),
    _scaled("widths"),
    _error("step_error"),
    _error("logit_error"),
    _entry("carries", lambda generator, count: generator.randrange(-1, 4)),
    _entry("frame", lambda generator, count: generator.randrange(-2, count)),
    _successor,
    _swap_successors,
    _steps,
    _other_steps,
    _move_cell,
    _move_cells,
    _drop_cell,
    _copy_cell,
    _give_cell,
    _cut,
    _frame,
    _no_set,
    _swap_sets,
    _say_otherwise,
)


def mutants(certificate: Certificate, count: int) -> list[Certificate]:
    """As many alterations of each kind as of any other; sometimes two or three at once."""
    generator = random.Random(count)
    found = []
    for i in range(count):
        mutant = certificate
        try:
            for mutate in (MUTATIONS[i % len(MUTATIONS)], *generator.choices(MUTATIONS, k=2)):
                mutant = dataclasses.replace(mutant, **mutate(mutant, generator))
                if generator.random() < 0.8:
                    break
        except CertificateError:  # refused as it is made
            continue
        found.append(mutant)
    return found


def judge(mutants: list[Certificate], net: BinaryAdderRNN) -> tuple[int, int]:
    """How many are accepted, and how many are broken; none is both."""
    oracle = Oracle(net)
    both = [accepted(mutant, net) for mutant in mutants]
    slacks = [oracle.slack(mutant) for mutant in mutants]
    for mutant, yes, slack in zip(mutants, both, slacks, strict=True):
        assert not yes or slack >= -ROUNDING, (slack, mutant)
    return sum(both), sum(slack < -ROUNDING for slack in slacks)


@pytest.mark.parametrize("kind", KINDS)
def test_the_oracle_finds_nothing_wrong_with_a_proof(kind: str) -> None:
    net, certificate = certified(kind)
    assert Oracle(net).slack(certificate) >= 0


@pytest.mark.thorough(one_in=9)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [60, pytest.param(6000, marks=pytest.mark.exhaustive)])
def test_no_broken_certificate_is_accepted(kind: str, count: int) -> None:
    net, certificate = certified(kind)
    altered = mutants(certificate, count)
    good, broken = judge(altered, net)
    assert good > count // 30  # a margin, a name, a number by very little
    assert broken > count // 6  # others are refused as they are made, or are as true


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.exhaustive)])
def test_no_broken_file_is_accepted(count: int) -> None:
    """Bytes flipped, dropped, repeated: what is still read as a certificate is judged as one."""
    net, certificate = certified("boxes")
    text = certificate.to_json().encode()
    generator = random.Random(count)
    read = []
    for _ in range(2 * count):  # some three quarters can no longer be read
        altered = bytearray(text)
        at = generator.randrange(len(text))
        match generator.randrange(4):
            case 0:
                altered[at] = generator.choice(b'0123456789-+.eE,[]{}":NaInfity ')
            case 1:
                altered[at] ^= 1 << generator.randrange(8)
            case 2:
                del altered[at : at + generator.randrange(1, 30)]
            case _:
                altered[at:at] = altered[at : at + generator.randrange(1, 30)]
        try:
            read.append(Certificate.from_json(bytes(altered)))
        except CertificateError:
            continue
    judge(read, net)
    assert len(read) > count // 4


# Altered networks --------------------------------------------------------------------------------


def moved(net: BinaryAdderRNN, direction: dict[str, Any], by: float) -> BinaryAdderRNN:
    parameters = {name: array + by * direction[name] for name, array in net.parameters.items()}
    return BinaryAdderRNN.from_parameters(
        parameters, net.activation, dtype=net.settings.architecture.dtype
    )


def certificate_for(certificate: Certificate, net: BinaryAdderRNN) -> Certificate:
    """Return the same contexts and sets with another network's digest."""
    bounds = Bounds(net)
    return dataclasses.replace(
        certificate,
        digest=weights_digest(net),
        step_error=bounds.step_error,
        logit_error=bounds.logit_error,
    )


def words() -> Any:
    """Random words, and such in which carries run long: (600, 64)."""
    symbols = np.random.default_rng(7).integers(0, 4, (600, 64), dtype=np.uint8)
    symbols[:200] = symbols[:200, :1]
    symbols[200:300, ::2] = 3
    return symbols


def towards_the_brink(
    net: BinaryAdderRNN, generator: np.random.Generator
) -> Iterator[tuple[BinaryAdderRNN, bool]]:
    """(network, wrong): ever nearer to where weights moved in one direction get a sum wrong."""
    symbols = words()
    bits = exact_sums(net.state.architecture, symbols)
    few = generator.choice([0.02, 0.2, 1.0])
    direction = {
        name: generator.normal(size=array.shape) * (generator.random(array.shape) < few)
        for name, array in net.parameters.items()
    }
    low, high, by = 0.0, np.inf, 1e-6
    for _ in range(16):
        other = moved(net, direction, by)
        state = other.state
        logits = other.kernels.forward(state.architecture, state.block, symbols).logits
        wrong = bool(np.any((logits > 0) != bits))
        yield other, wrong
        low, high = (low, by) if wrong else (by, high)
        by = by * 8 if high == np.inf else (low + high) / 2


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, pytest.param(150, marks=pytest.mark.exhaustive)])
def test_no_wrong_network_has_a_certificate(kind: str, count: int) -> None:
    net, certificate = certified(kind)
    generator = np.random.default_rng(count)
    met = Counter[tuple[bool, bool]]()
    for _ in range(count):
        for other, wrong in towards_the_brink(net, generator):
            disguised = certificate_for(certificate, other)
            yes = accepted(disguised, other)
            broken = Oracle(other).slack(disguised) < -ROUNDING
            assert not (yes and (wrong or broken))
            met[wrong, yes] += 1
    assert met[False, True] and met[False, False] and met[True, False]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [30, pytest.param(3000, marks=pytest.mark.exhaustive)])
def test_no_altered_certificate_fits_a_wrong_network(kind: str, count: int) -> None:
    net, certificate = certified(kind)
    near = towards_the_brink(net, np.random.default_rng(0))
    wrong = [other for other, is_wrong in near if is_wrong][-1]
    for mutant in mutants(certificate_for(certificate, wrong), count):
        assert not accepted(mutant, wrong)
