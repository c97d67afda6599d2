"""The checker accepts what is proved and refuses whatever was altered."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adversarial import adversarial_networks
from framed import framed
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracle import Oracle
from proved import KINDS, accepted, certified, trained

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError, InvalidInputError
from binadd.proof import Proved, Refuted, checker, cover, integers
from binadd.proof.bounds import Bounds
from binadd.proof.certificate import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_LISTS,
    SLABS,
    Certificate,
    weights_digest,
)
from binadd.proof.integers import ONE, SLOPE_BITS

mpmath = pytest.importorskip("mpmath")


def refused(certificate: Certificate, net: BinaryAdderRNN) -> bool:
    return not accepted(certificate, net)


def refused_unless_true(certificate: Certificate, net: BinaryAdderRNN) -> bool:
    """Other sets may prove it as well: then an oracle finds nothing wrong with them."""
    if refused(certificate, net):
        return True
    assert Oracle(net).slack(certificate) >= 0
    return False


def altered(certificate: Certificate, **fields: Any) -> Certificate:
    return dataclasses.replace(certificate, **fields)


def put(entries: tuple[Any, ...], q: int, entry: Any) -> tuple[Any, ...]:
    return (*entries[:q], entry, *entries[q + 1 :])


def with_cells(certificate: Certificate, kept: Any) -> Certificate:
    """Return some of its cells, by number."""
    return altered(
        certificate,
        cells=tuple(certificate.cells[i] for i in kept),
        middles=certificate.middles[kept],
        halves=certificate.halves[kept],
    )


def without_set(certificate: Certificate, q: int) -> Certificate:
    return with_cells(certificate, [i for i, (t, _) in enumerate(certificate.cells) if t != q])


def first_set(certificate: Certificate) -> int:
    return int(np.argmax(certificate.has_set))


@pytest.mark.parametrize("kind", KINDS)
def test_accepts_what_the_search_found(kind: str) -> None:
    net, certificate = certified(kind)
    told: list[tuple[int, int]] = []
    found = binadd.check(certificate, net, progress=lambda done, total: told.append((done, total)))
    assert found == checker.Checked(
        weights_digest(net),
        net.settings.operands,
        len(certificate),
        len(certificate.cells),
        certificate.steps,
        certificate.step_error,
        certificate.logit_error,
        runtimes=(),
    )
    assert found
    assert told == sorted(told)
    assert told[-2:] == [(certificate.cells[-1][0], len(certificate)), (len(certificate),) * 2]
    assert {total for _, total in told} == {len(certificate)}


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_same_after_a_file(kind: str, tmp_path: Path) -> None:
    net, certificate = certified(kind)
    certificate.save(tmp_path / "certificate.json")
    again = Certificate.load(tmp_path / "certificate.json")
    assert again.to_json() == certificate.to_json()
    for name in ("centres", "frames", "widths", "middles", "halves"):
        assert np.array_equal(getattr(again, name), getattr(certificate, name))
    binadd.check(again, net)
    assert [path.name for path in tmp_path.iterdir()] == ["certificate.json"]


def test_a_certificate_is_shown_without_its_arrays() -> None:
    _, certificate = certified("boxes")
    shown = (
        f"Certificate(digest='{certificate.digest[:16]}'…, contexts={len(certificate)}, margin="
    )
    assert repr(certificate).startswith(shown) and len(repr(certificate)) < 100


@pytest.mark.parametrize("coefficient", [-17, -16, 16, 17])
def test_coefficients_are_16_at_most(coefficient: int) -> None:
    certificate = certified("boxes")[1]
    form = {"coefficients": (1, coefficient), "carries": (0,) * len(certificate)}
    if abs(coefficient) == 16:
        assert altered(certificate, **form).coefficients == (1, coefficient)
    else:
        with pytest.raises(CertificateError, match="coefficients"):
            altered(certificate, **form)


def test_cells_may_lie_far_along_an_axis() -> None:
    """States of 16 tanh units are up to 4 from the middle, in the coordinates of a frame."""
    net = trained(7, hidden_size=16, activation="tanh")
    verdict = binadd.prove(net)
    assert isinstance(verdict, Proved)
    assert np.abs(verdict.certificate.middles).max() > 2
    assert binadd.check(verdict.certificate, net)


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'{"format": "other"}', b"\xff\xfe", b"[" * 100_000, b"NaN"],
)
def test_refuses_what_is_no_certificate(text: bytes) -> None:
    with pytest.raises(CertificateError):
        Certificate.from_json(text)


def test_refuses_every_truncation() -> None:
    text = certified("boxes")[1].to_json()
    for length in [*range(0, 200), *range(200, len(text), 997)]:
        with pytest.raises(CertificateError):
            Certificate.from_json(text[:length])


def test_a_number_is_no_path() -> None:
    with pytest.raises(TypeError):
        Certificate.load(0)  # type: ignore[arg-type]  standard input, to Python's open


def test_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CertificateError, match="too large for a certificate"):
        Certificate.load(path)


@pytest.mark.parametrize(
    ("part", "count", "sentence"),
    [
        (b"[],", MAX_LISTS + 1, "too many lists"),
        (b"[1],", MAX_LISTS + 1, "too many lists"),
        (b"{},", MAX_LISTS + 1, "too many lists"),
        (b'"":0,', MAX_LISTS + 1, "too many lists"),
        (b"0,", MAX_ENTRIES + 1, "too many entries"),
    ],
)
def test_what_would_fill_memory_is_refused_unparsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: bytes, count: int, sentence: str
) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b'{"format": "binadd-certificate", "x": [' + part * count)
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(CertificateError, match=f"{sentence} for a certificate"):
        Certificate.load(path)


ODD = (None, True, -1, 0, 1.5, "x", [], {}, [[]], [None], [[1], [1, 2]], 10**400, float("nan"))


def test_refuses_malformed_fields() -> None:
    net, certificate = certified("boxes")
    content = json.loads(certificate.to_json())
    for name in content:
        for odd in ODD:
            same = type(odd) is type(content[name]) and odd == content[name]
            true = name == "margin" or (name == "affine" and odd is True)
            if same or true:
                continue
            with pytest.raises(CertificateError):
                binadd.check(Certificate.from_json(json.dumps(content | {name: odd})), net)
        missing = {key: value for key, value in content.items() if key != name}
        with pytest.raises(CertificateError):
            Certificate.from_json(json.dumps(missing))
    with pytest.raises(CertificateError):
        Certificate.from_json(json.dumps(content | {"more": 1}))
    with pytest.raises(CertificateError, match="version 1"):
        Certificate.from_json(json.dumps(content | {"version": 1}))


def test_refuses_numbers_that_are_none() -> None:
    content = json.loads(certified("boxes")[1].to_json())
    for odd in ("1", True, None, [1.0]):
        content["centres"][3][2] = odd
        with pytest.raises(CertificateError):
            Certificate.from_json(json.dumps(content))


def test_refuses_a_field_that_comes_twice() -> None:
    text = certified("boxes")[1].to_json()
    with pytest.raises(CertificateError, match="fields"):
        Certificate.from_json(text[:-1] + ', "operands": 2}')


def test_refuses_masked_arrays() -> None:
    certificate = certified("boxes")[1]
    with pytest.raises(CertificateError, match="halves"):
        altered(certificate, halves=np.ma.masked_greater(certificate.halves, 0))


# Alterations that break the proof ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_other_weights(kind: str) -> None:
    net, certificate = certified(kind)
    for name, array in net.parameters.items():
        parameters = {key: value.copy() for key, value in net.parameters.items()}
        parameters[name] = np.nextafter(array, 2)
        other = BinaryAdderRNN.from_parameters(parameters)
        assert refused(certificate, other)
    assert refused(certificate, BinaryAdderRNN(8, seed=99))


def test_refuses_another_network_in_disguise() -> None:
    net, certificate = certified("boxes")
    for other in (BinaryAdderRNN(8, seed=99), trained(3)):
        if other.parameters is not net.parameters:
            assert refused(altered(certificate, digest=weights_digest(other)), other)
    tanh = BinaryAdderRNN.from_parameters(net.parameters, activation="tanh")
    assert refused(altered(certificate, digest=weights_digest(tanh)), tanh)
    assert refused(altered(certificate, digest=weights_digest(tanh), activation="tanh"), tanh)
    single = BinaryAdderRNN.from_parameters(net.parameters, dtype="float32")
    disguised = altered(certificate, digest=weights_digest(single), dtype="float32")
    assert refused(disguised, single)  # float32 rounds more than the certificate allows for


def insist(net: BinaryAdderRNN, output_bias: float) -> None:
    """Write to what is read-only."""
    net.state.block.flags.writeable = True
    net.state.block[-1, 0] = output_bias


def test_refuses_weights_that_are_no_parameters() -> None:
    """A bias in the block of a network that has none is computed with, but not listed."""
    net = trained(3, hidden_size=16, biases=False)
    verdict = binadd.prove(net)
    assert isinstance(verdict, Proved)
    other = BinaryAdderRNN.from_parameters(net.parameters)
    with pytest.raises(ValueError, match="read-only"):
        other.state.block[-1, 0] = 50.0  # the output's bias
    insist(other, 50.0)
    with pytest.raises(InvalidInputError, match="outside the parameters"):
        net.state = dataclasses.replace(net.state, block=other.state.block)
    assert not np.array_equal(binadd_logits(other), binadd_logits(net))
    with pytest.raises(CertificateError, match="outside its parameters"):
        binadd.check(verdict.certificate, other)
    assert isinstance(binadd.prove(other), Refuted)
    insist(other, 1e-9)  # it adds rightly
    with pytest.raises(CertificateError, match="outside its parameters"):
        binadd.prove(other)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_smaller_errors_than_there_are(kind: str) -> None:
    net, certificate = certified(kind)
    for name in ("step_error", "logit_error"):
        for factor in (0.0, 0.5, 0.98):
            assert refused(
                altered(certificate, **{name: getattr(certificate, name) * factor}), net
            )


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_missing_context(kind: str) -> None:
    net, certificate = certified(kind)
    last = len(certificate) - 1
    smaller = without_set(certificate, last)
    fewer = {
        name: getattr(certificate, name)[:last]
        for name in ("contexts", "carries", "successors", "centres", "frame", "widths")
    }
    fewer |= {name: getattr(smaller, name) for name in ("cells", "middles", "halves")}
    with pytest.raises(CertificateError, match="successors"):
        altered(certificate, **fewer)
    for t in range(last):
        successors = tuple(
            tuple(t if q == last else q for q in row) for row in fewer["successors"]
        )
        assert refused(altered(certificate, **fewer | {"successors": successors}), net)
    for name, entries in fewer.items():
        with pytest.raises(CertificateError):
            altered(certificate, **{name: entries})


def test_refuses_swapped_successors() -> None:
    """Any two different successors of a context: hardly ever are both others right."""
    net, certificate = certified("boxes")
    generator = random.Random(0)
    accepted = 0
    for _ in range(300):
        q = generator.randrange(len(certificate))
        row = list(certificate.successors[q])
        i, j = generator.sample(range(len(row)), 2)
        row[i], row[j] = row[j], row[i]
        if tuple(row) != certificate.successors[q]:
            swapped = put(certificate.successors, q, tuple(row))
            accepted += not refused_unless_true(altered(certificate, successors=swapped), net)
    assert accepted < 300 // 20


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_sets_that_are_too_small_or_elsewhere(kind: str) -> None:
    """If they leave nothing to do without them."""
    net, certificate = certified(kind)
    assert refused(altered(certificate, halves=np.zeros_like(certificate.halves)), net)
    found = []
    for i in range(0, len(certificate.cells), 5):
        for name in ("halves", "middles"):
            array = getattr(certificate, name).copy()
            if name == "halves":
                array[i] = 0.0
            else:
                array[i] += certificate.halves[i].max() * 2 + 1e-3
            found.append(refused_unless_true(altered(certificate, **{name: array}), net))
    for q in np.flatnonzero(certificate.has_set)[::5]:
        centres = certificate.centres.copy()
        centres[q] += certificate.halves.max() * 2 + 1e-3
        found.append(refused_unless_true(altered(certificate, centres=centres), net))
    assert sum(found) > len(found) // 3


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_sets_that_hold_wrong_states(kind: str) -> None:
    """All of a set is stepped, not just what is reached of it."""
    net, certificate = certified(kind)
    for i in range(len(certificate.cells)):
        halves = certificate.halves.copy()
        halves[i] = 0.9
        assert refused(altered(certificate, halves=halves), net)


def test_refuses_carries_that_are_not_those_of_addition() -> None:
    net, certificate = certified("boxes")
    for q in range(len(certificate)):
        swapped = put(certificate.carries, q, 1 - certificate.carries[q])
        assert refused(altered(certificate, carries=swapped), net)
    others = tuple(1 - carry for carry in certificate.carries)
    assert refused(altered(certificate, carries=others), net)


def test_refuses_a_proof_that_begins_with_a_carry() -> None:
    """¬(¬a + ¬b) = a + b + 1: with all bits turned round, the sets prove a network that adds 1."""
    net, certificate = certified("boxes")
    p = net.parameters
    turned = {
        "input_weights": -p["input_weights"],
        "hidden_weights": p["hidden_weights"],
        "hidden_bias": p["hidden_bias"] + p["input_weights"].sum(1),
        "output_weights": -p["output_weights"],
        "output_bias": -p["output_bias"],
    }
    other = BinaryAdderRNN.from_parameters(turned)
    assert other.add(2, 3) == 6
    bounds = Bounds(other)
    claim = altered(
        certificate,
        digest=weights_digest(other),
        step_error=bounds.step_error,
        logit_error=bounds.logit_error,
        carries=tuple(1 - carry for carry in certificate.carries),
        successors=tuple(row[::-1] for row in certificate.successors),
    )
    with pytest.raises(CertificateError, match="arithmetic begins without a carry"):
        binadd.check(claim, other)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_fewer_steps_than_are_needed(kind: str) -> None:
    net, certificate = certified(kind)
    least = next(
        steps for steps in range(1, 9) if not refused(altered(certificate, steps=steps), net)
    )
    assert 1 < least <= certificate.steps  # at least as many as the first words are long
    assert not refused(altered(certificate, steps=least + 1), net)


def test_refuses_a_context_without_its_set() -> None:
    """An image there must be propagated further, and has no step left."""
    net, certificate = certified("boxes")
    for q in np.flatnonzero(certificate.has_set).tolist():
        assert refused(altered(without_set(certificate, q), steps=1), net)
    assert refused(with_cells(certificate, []), net)


ARRAYS = ("centres", "frames", "widths", "middles", "halves")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [*ARRAYS, "step_error", "logit_error"])
def test_refuses_what_is_not_finite(name: str, value: float) -> None:
    certificate = certified("cells")[1]
    broken: Any = value
    if name in ARRAYS:
        broken = getattr(certificate, name).copy()
        broken[(4, 2, 2)[: broken.ndim]] = value
    with pytest.raises(CertificateError):
        altered(certificate, **{name: broken})


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("cells", ()),
        ("cells", (6,)),
        ("cells", (6, 0, 0)),
        ("cells", [6, 0]),
        ("cells", (6, 0.0)),
        ("cells", (6, True)),
        ("cells", (6.0, 0)),
        ("cells", (6, None)),
        ("cells", (-1, 0)),
        ("cells", (9, 0)),
        ("cells", (10**30, 0)),
        ("cells", (6, 10**30)),
        ("cells", (6, SLABS.stop)),
        ("cells", (6, SLABS.start - 1)),
        ("successors", (5, 5, 5)),
        ("successors", (5,) * 5),
        ("successors", (5, 5, 5, 10**30)),
        ("successors", (5, 5, 5, -1)),
        ("successors", (5, 5, 5, 5.0)),
        ("frame", -2),
        ("frame", 8),
        ("frame", 10**30),
        ("frame", False),
        ("carries", -1),
        ("carries", 2),
        ("carries", True),
        ("contexts", 1),
    ],
)
def test_refuses_malformed_entries(name: str, entry: Any) -> None:
    certificate = certified("cells")[1]
    with pytest.raises(CertificateError, match=name):
        altered(certificate, **{name: put(getattr(certificate, name), 6, entry)})


def test_refuses_cells_in_disorder() -> None:
    """Each once, in order, none but the slab 0 where there are no slabs."""
    for kind in ("cells", "frames"):
        certificate = certified(kind)[1]
        cells = certificate.cells
        for odd in (
            cells[::-1],
            (cells[1], cells[0], *cells[2:]),
            (cells[0], cells[0], *cells[2:]),
            (*cells, cells[-1]),
            cells[1:],
        ):
            with pytest.raises(CertificateError, match=r"cells|middles"):
                altered(certificate, cells=odd)
    with pytest.raises(CertificateError, match="cells"):
        altered(certificate, cells=put(cells, 3, (cells[3][0], 1)))  # it is not cut


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 0},
        {"steps": 257},
        {"steps": True},
        {"affine": 1},
        {"operands": 9},
        {"operands": 10**30},
        {"halves": -np.eye(32, 8)},
        {"halves": np.zeros((31, 8))},
        {"middles": np.zeros((32, 7))},
        {"middles": np.zeros(32)},
        {"cells": ()},
        {"cells": []},
        {"widths": np.full(37, 0.5)},
        {"widths": np.full(37, -0.5)},
        {"widths": np.zeros(36)},
        {"widths": (0.0,) * 37},
        {"frames": np.zeros((0, 7, 8))},
        {"frames": np.zeros((8, 8))},
        {"frames": np.zeros((0, 8, 8), np.float32)},
        {"coefficients": np.array([1, 1])},
        {"coefficients": []},
    ],
)
def test_refuses_malformed_values(fields: dict[str, Any]) -> None:
    with pytest.raises(CertificateError, match="malformed"):
        altered(certified("boxes")[1], **fields)


# Cells and frames -------------------------------------------------------------------------------


def wrong_later() -> tuple[BinaryAdderRNN, Certificate]:
    """Return a network that copies its operand, wrongly after a 1, and a set of no state of it."""
    net = BinaryAdderRNN(1, coefficients=(1,))
    weights = {"input_weights": [[10]], "hidden_weights": [[8]], "hidden_bias": [-7]}
    for name, values in (weights | {"output_weights": [10], "output_bias": -5}).items():
        net.parameters[name] = values
    assert isinstance(binadd.prove(net), Refuted)
    arrays = [np.array([[0.0], [0.5]]), np.zeros((0, 1, 1)), (-1, -1), np.zeros(2)]
    cells = ((1, 0),), np.array([[0.0]]), np.array([[0.02]])
    names, carries, successors = ("start", "after"), (0, 0), ((1, 1), (1, 1))
    what = (weights_digest(net), 1, "sigmoid", "float64", 1e-9, 1e-9, 0.1, 1, False)
    return net, Certificate(*what, names, carries, successors, *arrays, *cells, (1,))


def test_refuses_what_was_written_to_arrays_later() -> None:
    """A width makes a slab of a set without a frame, beyond which nobody would look."""
    net, certificate = wrong_later()
    assert refused(certificate, net)
    certificate.widths[1] = 0.02
    assert refused(certificate, net)
    for name in ("centres", "middles", "halves"):
        net, certificate = wrong_later()
        getattr(certificate, name)[0] = -np.inf
        assert refused(certificate, net), name


def test_trusts_no_class_made_of_certificates() -> None:
    class Lenient(Certificate):
        @property
        def has_set(self) -> NDArray[np.bool_]:
            return np.zeros(len(self), np.bool_)

        def copy(self) -> Certificate:
            return self

    net, certificate = wrong_later()
    lenient = Lenient(*(getattr(certificate, f.name) for f in dataclasses.fields(certificate)))
    object.__setattr__(lenient, "widths", np.full(2, 0.02))
    assert refused(lenient, net)


def test_cells_show_what_a_whole_set_does_not() -> None:
    """The boxes around them hold more, and that is too much."""
    shown = 0
    for kind in ("cells", "settled"):
        net, certificate = certified(kind)
        owners = np.array(certificate.cells)[:, 0]
        first = np.unique(owners, return_index=True)[1]
        low, high = (certificate.middles + sign * certificate.halves for sign in (-1, 1))
        low, high = np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
        whole = altered(
            certificate,
            widths=np.zeros(len(certificate)),
            cells=tuple((int(q), 0) for q in owners[first]),
            middles=(low + high) / 2,
            halves=(high - low) / 2,
        )
        binadd.check(certificate, net)
        shown += refused_unless_true(whole, net)
    assert shown > 0


def curve(generator: np.random.Generator, size: int, width: float) -> Certificate:
    """One context whose cells follow a parabola, in a frame that is turned at random."""
    turned = np.linalg.qr(generator.normal(size=(size, size)))[0]
    cells = tuple((0, k) for k in range(-4, 5))
    middles = np.zeros((9, size))
    middles[:, 0] = np.arange(-4, 5) * width
    middles[:, 1] = 2 * middles[:, 0] ** 2
    halves = np.full((9, size), 0.06)
    halves[:, 0] = generator.uniform(0.4, 0.7, 9) * width
    return Certificate(
        digest="",
        operands=1,
        activation="tanh",
        dtype="float64",
        step_error=0.0,
        logit_error=0.0,
        margin=0.0,
        steps=1,
        affine=True,
        contexts=("only",),
        carries=(0,),
        successors=((0, 0),),
        centres=generator.uniform(-0.3, 0.3, (1, size)),
        frames=turned[None],
        frame=(0,),
        widths=np.array([width]),
        cells=cells,
        middles=middles,
        halves=halves,
    )


def in_cells(certificate: Certificate, states: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each state lies in a cell, but for rounding."""
    y = (states - certificate.centres[0]) @ certificate.frames[0].T
    w, off = certificate.widths[0], 2.0**-24
    inside = np.zeros(len(states), np.bool_)
    for (_, k), middle, half in zip(
        certificate.cells, certificate.middles, certificate.halves, strict=True
    ):
        slab = np.abs(y[:, 0] - k * w) <= w / 2 + off
        inside |= slab & (np.abs(y - middle) <= half + off).all(1)
    return inside


@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.1, 0.2]), st.floats(0.05, 1.2))
def test_what_cells_cover_lies_in_cells(seed: int, width: float, scale: float) -> None:
    generator = np.random.default_rng(seed)
    size, count, generators = 3, 40, 4
    claim = curve(generator, size, width)
    sets = cover.Sets(claim)
    V = claim.frames[0]
    along = generator.uniform(-4, 4, count) * width
    middle = np.stack([along, 2 * along**2, 0 * along], 1) + generator.normal(0, 0.01, (count, 3))
    z = claim.centres[0] + middle @ V
    tangent = np.stack([np.ones(count), 4 * along, 0 * along], 1) @ V
    G = 0.01 * generator.normal(size=(count, size, generators))
    G[:, :, 1] = scale * width * generator.uniform(-1, 1, (count, 1)) * tangent
    s = np.abs(generator.normal(0, 0.003, (count, size)))
    parts = (np.rint(part * ONE).astype(np.int64) for part in (z, G, s))
    cases = cover.Cases(np.zeros(count, np.int64), *parts)
    work: list[int] = []
    covered = sets.cover(cases, work.append)
    assert sum(work) > 0
    for m in range(count):
        one = cover.Cases(*(part[m : m + 1] for part in cases))
        assert covered[m] == covers_exactly(sets, 0, one)
    for m in np.flatnonzero(covered):
        e = np.sign(generator.uniform(-1, 1, (400, generators)))
        box = generator.choice([-1, 1], (400, size)) * cases.s[m]
        e[::4], e[::3, 1] = (generator.uniform(-1, 1, part.shape) for part in (e[::4], e[::3, 1]))
        forms = V[0] @ cases.G[m]  # where generator 1 crosses from slab to slab
        rest = (cases.z[m] / ONE - claim.centres[0]) @ V[0] + (box @ V[0] + e @ forms) / ONE
        rest -= e[:, 1] * forms[1] / ONE
        face = (generator.integers(-5, 5, 400) + 0.5) * width
        crossing = (face + generator.choice([-1e-7, 1e-7], 400) - rest) * ONE / forms[1]
        e[:, 1] = np.where(np.abs(crossing) <= 1, crossing, e[:, 1])
        states = (cases.z[m] + e @ cases.G[m].T + box) / ONE
        assert in_cells(claim, states).all()
    if not covered.all():  # an image that is in no cell for sure is not covered
        apart = ~in_cells(claim, cases.z / ONE)
        assert not (covered & apart).any()


def test_cells_cover_what_follows_them() -> None:
    """Thin images along the curve, over one face, over several, up to the last one, and beyond."""
    claim = curve(np.random.default_rng(0), 3, 0.1)
    claim = altered(claim, halves=np.tile([0.0501, 0.1, 0.06], (9, 1)))
    sets = cover.Sets(claim)
    V, o = claim.frames[0], claim.centres[0]
    for at, reach, held in (
        (0.0, 0.04, True),
        (0.05, 0.0, True),
        (0.05, 0.03, True),
        (-0.2, 0.12, True),
        (0.0, 0.15, True),
        (0.4, 0.047, True),
        (0.4, 0.051, False),
        (-0.44, 0.02, False),
        (0.6, 0.01, False),
        (0.0, 1.0, False),
    ):
        middle = np.array([at, 2 * at**2, 0.0])
        G = np.array([[reach, 4 * at * reach, 0.0], [0.001, 0.0, 0.002]]) @ V
        shape = ((o + middle @ V)[None], G.T[None], np.full((1, 3), 1e-6))
        parts = [np.rint(part * ONE).astype(np.int64) for part in shape]
        [covered] = sets.cover(cover.Cases(np.zeros(1, np.int64), *parts), lambda _: None)
        assert covered == held, (at, reach)
        lacking = with_cells(claim, [0, 1, 2, 3, 5, 6, 7, 8])
        [covered] = cover.Sets(lacking).cover(
            cover.Cases(np.zeros(1, np.int64), *parts), lambda _: None
        )
        assert covered == (held and abs(at) - reach > 0.05)


@pytest.mark.parametrize(("first", "second"), [(0.1, 0.0999), (0.0999, 0.1), (0.1, -0.0999)])
def test_either_of_the_two_longest_generators_may_be_cut(first: float, second: float) -> None:
    """The one that the search takes may be the second to the checker, which rounds otherwise."""
    claim = curve(np.random.default_rng(0), 3, 0.1)
    k = np.arange(-4, 5)
    ends = np.abs(k) > 1  # there, at least half of each of the two has its own sign
    middles = np.stack([k * 0.1, np.where(ends, np.sign(k) * 0.06, 0.0), 0.0 * k], 1)
    halves = np.stack([0.0501 + 0.0 * k, np.where(ends, 0.03, 1.0), 1.0 + 0.0 * k], 1)
    sets = cover.Sets(altered(claim, middles=middles, halves=halves))
    for tilt, held in ((0.08, True), (0.1, False)):
        for tilted in (0, 1):
            columns = np.array([[first, 0, 0], [second, 0, 0], [0.001, 0, 0]])
            columns[tilted, 1] = tilt * np.sign(columns[tilted, 0])
            G = (columns @ claim.frames[0]).T
            shape = (claim.centres[0][None], G[None], np.full((1, 3), 1e-6))
            parts = [np.rint(part * ONE).astype(np.int64) for part in shape]
            case = cover.Cases(np.zeros(1, np.int64), *parts)
            [covered] = sets.cover(case, lambda _: None)
            assert covered == covers_exactly(sets, 0, case) == held


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_case_reaches_into_few_slabs(share: float) -> None:
    """Only the cells that a case may reach are examined and counted, however many there are."""
    claim = curve(np.random.default_rng(0), 3, 1e-4)
    count = 4 * cover.MOST_SLABS
    k = np.arange(-count, count + 1)
    claim = altered(
        claim,
        cells=tuple((0, int(n)) for n in k),
        middles=k[:, None] * np.array([1e-4, 0, 0]),
        halves=np.full((len(k), 3), 0.5),
    )
    sets, work = cover.Sets(claim), list[int]()
    reach = (1 + share * 1.5) * cover.MOST_SLABS * 1e-4 / 2 - 2e-4
    z, G = claim.centres[0], claim.frames[0][0] * reach
    shape = (z[None], G[None, :, None], np.zeros((1, 3)))
    parts = [np.rint(part * ONE).astype(np.int64) for part in shape]
    [covered] = sets.cover(cover.Cases(np.zeros(1, np.int64), *parts), work.append)
    assert covered == (share == 0)
    assert sum(work) <= 20 * 3 * cover.MOST_SLABS


def with_frames(certificate: Certificate, frames: NDArray[np.float64]) -> Certificate:
    """Return the same boxes in frames."""
    return altered(certificate, frames=frames, frame=(0,) * len(certificate))


def test_a_frame_of_the_units_changes_nothing() -> None:
    net, certificate = certified("boxes")
    for signs in (np.ones(8), -np.ones(8)):
        turned = altered(certificate, middles=certificate.middles * signs)
        assert not refused(with_frames(turned, np.diag(signs)[None]), net)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8)),
        np.ones((8, 8)),
        np.eye(8)[[0, 1, 2, 3, 4, 5, 6, 6]],
        np.eye(8) + 1e-9 - np.eye(8)[0],
        np.eye(8) * np.append(np.ones(7), 2.0**-24),
        np.eye(8) * np.append(np.ones(7), 2.0**-5),
        np.eye(8) * np.append(np.ones(7), 128.0),
        np.eye(8) + 9 * np.eye(8, k=1),
        np.eye(8) * 1e300,
        np.eye(8) * 1e9,
        np.full((8, 8), 1e18),
        np.eye(8) * 1e-300,
    ],
)
def test_refuses_frames_of_no_use(frame: NDArray[np.float64]) -> None:
    net, certificate = certified("boxes")
    assert refused(with_frames(certificate, frame[None]), net)


def test_a_box_may_be_in_any_coordinates() -> None:
    """Axes may be stretched, or at no right angle: sets are what their coordinates say."""
    net, certificate = certified("boxes")
    for axis in (3.0, 0.5, -1.0):
        stretch = np.append(np.ones(7), axis)
        claim = with_frames(certificate, np.diag(stretch)[None])
        middles, halves = certificate.middles * stretch, certificate.halves * abs(stretch)
        assert not refused(altered(claim, middles=middles, halves=halves), net)
        if abs(axis) != 1:
            assert refused(claim, net)
    sheared = np.eye(8) + 0.5 * np.eye(8, k=1)
    assert refused(with_frames(certificate, sheared[None]), net)


@pytest.mark.parametrize(("size", "refused"), [(64, False), (256, True)])
def test_refuses_bases_whose_elements_add_up_to_32(size: int, refused: bool) -> None:
    """With shorter ones, sums of products stay below 2⁶³."""
    claim = curve(np.random.default_rng(0), size, 0.1)
    frame = np.ones((1, 1))
    while len(frame) < size:
        frame = np.block([[frame, frame], [frame, -frame]])
    claim = altered(claim, frames=frame[None] / (2 * np.sqrt(size)))
    if refused:
        with pytest.raises(CertificateError, match="a frame's axes are too long"):
            cover.Sets(claim)
    else:
        assert (cover.Sets(claim).V[0] != 0).all()


def test_what_a_frame_lacks_is_made_up_for() -> None:
    """Sets hold every state whose coordinates lie in them, at right angles or at others."""
    generator = np.random.default_rng(0)
    for kind in ("frames", "cells"):
        _, certificate = certified(kind)
        for unevenness in (0.0, 1e-5, 1e-2, 0.1):
            frames = certificate.frames + generator.uniform(-1, 1, (1, 8, 8)) * unevenness
            sets = cover.Sets(altered(certificate, frames=frames))
            origins = list(sets.origins())
            z, G, s = (np.concatenate([c[i] for c in origins])[1:] for i in (1, 2, 3))
            for i, (q, _) in enumerate(certificate.cells[:9]):
                low, high = sets.low[i].copy(), sets.high[i].copy()
                low[0], high[0] = max(low[0], sets.start[i]), min(high[0], sets.end[i])
                sign = np.sign(generator.normal(size=(200, 8)))
                y = np.where(sign < 0, low, high)
                V = sets.V[sets.frame[q]] / 2.0**cover.FRAME_BITS
                away = np.linalg.solve(V, y.T).T
                outside = np.abs(sets.o[q] + away - z[i] - sign @ G[i].T)
                assert (outside <= s[i] + 1e-3).all()
            assert s.max() < checker.TINY


# Overflow and endless work ----------------------------------------------------------------------

HUGE = (0.99, 1.99, 2.0, 3.99, 4.0, 1e3, 2.0**31, 2.0**32, 2.0**33, 2.0**34, 1e18, 2.0**63, 1e300)


@pytest.mark.thorough
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["boxes", "cells"])
def test_refuses_huge_numbers(kind: str) -> None:
    """Nothing wraps around."""
    net, certificate = certified(kind)
    last = len(certificate.cells) - 1
    for name, places in (
        ("centres", (0, first_set(certificate), len(certificate) - 1)),
        ("middles", (0, last)),
        ("halves", (0, last)),
    ):
        for q in places:
            for value in (*HUGE, *(-value for value in HUGE)):
                for j in (0, 3, slice(None)):
                    array = getattr(certificate, name).copy()
                    array[q, j] = value
                    if name == "halves" and value < 0:
                        continue
                    claim = altered(certificate, **{name: array})
                    small = abs(value) < 4 or (name, j) == ("halves", 0)
                    assert refused_unless_true(claim, net) or small
    for name in ("step_error", "logit_error"):
        for value in HUGE[1:]:
            broken = altered(certificate, **{name: value * 4})
            assert refused(broken, net)


@pytest.mark.filterwarnings("error")
def test_refuses_odd_widths_and_slabs() -> None:
    """Too narrow, too wide, or too far away to be told in whole numbers."""
    net, certificate = certified("cells")
    for width in (1e-300, 2.0**-60, 2.0**-57, 2.0**-56, 1e-9, *HUGE):
        for q in np.flatnonzero(certificate.widths)[::3].tolist():
            widths = certificate.widths.copy()
            widths[q] = width
            assert refused_unless_true(altered(certificate, widths=widths), net)
    q = int(np.argmax(certificate.widths))
    for width, too_large in ((256.0, True), (255.99, False)):  # below: sums of products fit
        widths = np.where(np.arange(len(certificate)) == q, width, certificate.widths)
        with pytest.raises(CertificateError) as refusal:
            binadd.check(altered(certificate, widths=widths), net)
        assert (str(refusal.value) == "a number is not finite or too large") == too_large
    q, k = certificate.cells[-1]
    for far in (k + 1, k + 40, 10**4, 10**6, 10**9, SLABS.stop - 1):
        cells = put(certificate.cells, len(certificate.cells) - 1, (q, far))
        assert refused_unless_true(altered(certificate, cells=cells), net)
        widths = certificate.widths.copy()
        middles = certificate.middles.copy()
        middles[-1, 0] = far * (width := 1.5 / far)
        widths[q] = width
        claim = altered(certificate, cells=cells, widths=widths, middles=middles)
        assert refused_unless_true(claim, net)


@pytest.mark.filterwarnings("error")
def test_refuses_huge_weights() -> None:
    """A certificate for a network, said to be of one with other weights, however large."""
    net, certificate = certified("boxes")
    for power in (*range(1, 70, 4), 1000):
        for name in net.parameters:
            parameters = {key: array.copy() for key, array in net.parameters.items()}
            parameters[name].flat[0] = 2.0**power
            other = BinaryAdderRNN.from_parameters(parameters)
            bounds = Bounds(other)
            errors = {name: getattr(bounds, name, 0.0) for name in ("step_error", "logit_error")}
            if not np.isfinite(list(errors.values())).all():
                errors = {"step_error": 1e-12, "logit_error": 1e-12}
            disguised = altered(certificate, digest=weights_digest(other), **errors)
            wrong = isinstance(binadd.prove(other, effort="quick"), Refuted)
            assert refused(disguised, other) or not wrong


@pytest.mark.thorough
@pytest.mark.parametrize("affine", [False, True])
def test_refuses_endless_steps(affine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets so small that nothing is ever in one: four times as many cases after every step."""
    net, certificate = certified("affine")
    points = altered(certificate, halves=certificate.halves * 1e-9, steps=256, affine=affine)
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 30)  # a 64th: two seconds
    began = time.process_time()
    with pytest.raises(CertificateError, match=r"more work|too many cases"):
        binadd.check(points, net)
    assert time.process_time() - began < 30
    monkeypatch.setattr(checker, "MOST_WAITING", 1 << 20)
    tracemalloc.start()
    with pytest.raises(CertificateError, match="too many cases"):
        binadd.check(altered(points, affine=True), net)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (2 << 20)


def test_refuses_endless_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any is stepped; and before any is looked up that a case reaches into."""
    net, certificate = certified("cells")
    owner, (count, size) = certificate.cells[-1][0], (1 << 16, certificate.centres.shape[1])
    many = altered(
        certificate,
        cells=(*certificate.cells, *((owner, 10**6 + k) for k in range(count))),
        middles=np.concatenate([certificate.middles, np.zeros((count, size))]),
        halves=np.concatenate([certificate.halves, np.ones((count, size))]),
        widths=np.where(np.arange(len(certificate)) == owner, 1e-9, certificate.widths),
    )
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 29)
    monkeypatch.setattr(checker._Network, "step", lambda *_: pytest.fail("it is stepped"))
    began = time.process_time()
    with pytest.raises(CertificateError, match="more work"):
        binadd.check(many, net)
    assert time.process_time() - began < 5


FEW = [case for case in adversarial_networks() if "float64-2" in str(case)]
REST = [
    pytest.param(one, marks=pytest.mark.exhaustive)
    for one in adversarial_networks()
    if one not in FEW
]


@pytest.mark.thorough(one_in=20)
@pytest.mark.parametrize("case", [*FEW, *REST], ids=str)
def test_refuses_every_claim_about_an_adversarial_network(
    case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets around states that it is in, narrow and wide: never do they prove what is wrong."""
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 26)
    if not Bounds(case.network).finite:
        return
    for depth, widen, width in ((1, 0.0, 0.0), (1, 0.5, 0.0), (1, 0.1, 0.3), (2, 0.1, 0.0)):
        claim = framed(case.network, depth, steps=8, widen=widen, width=width)
        assert refused(claim, case.network)
        if width:
            continue
        boxes = altered(
            claim, frames=claim.frames[:0], frame=(-1,) * len(claim), halves=claim.halves * 2
        )
        assert refused(boxes, case.network)
        assert refused(altered(boxes, affine=False), case.network)


def binadd_logits(net: BinaryAdderRNN) -> Any:
    bits = np.random.default_rng(0).integers(0, 2, (50, 20, 2))
    return net.decision_function(bits)


# Its arithmetic ---------------------------------------------------------------------------------


def exact_sigmoid(a: int) -> Any:
    return ONE / (1 + mpmath.exp(-mpmath.mpf(a) / ONE))


@pytest.mark.parametrize("bits", [1, 2, 27, 40])
def test_rounds_to_the_nearest(bits: int) -> None:
    """The checker allows half a unit for each of these, and no more."""
    half = 1 << bits - 1
    products = [k * half + d for k in range(-6, 7) for d in (-1, 0, 1)]
    for product, found in zip(products, integers.nearest(np.array(products), bits), strict=True):
        assert 2 * abs((int(found) << bits) - product) <= 1 << bits
    values = np.array(products) / 2.0**60
    for value, found in zip(values, integers.rounded(values, 60 - bits, 1 << 20), strict=True):
        assert 2 * abs((int(found) << bits) - int(value * 2.0**60)) <= 1 << bits


def test_rounds_no_more_than_is_allowed() -> None:
    for most in (5, 8):
        assert integers.rounded(np.array([0.0, 1 - most]), 0, most).tolist() == [0, 1 - most]
        for value in (most, -most, most - 0.25, np.nan, -np.inf, 1e308):
            with pytest.raises(CertificateError):
                integers.rounded(np.array([0.0, value]), 0, most)


def test_weights_are_scaled_as_far_as_their_sums_allow() -> None:
    rows = np.array([[0.75, -0.25], [0.5, 0.125]])
    for bits in range(32, -1, -1):
        whole, found = integers.scaled(rows, 1 << bits, 0)
        assert found == bits
        assert np.array_equal(whole, np.rint(np.ldexp(rows, bits)))
    assert integers.scaled(rows, (1 << 20) - 1, 19)[1] == 19
    for most, least in ((1 << 20) - 1, 20), (0, 0):
        with pytest.raises(CertificateError):
            integers.scaled(rows, most, least)


def test_sigmoid_is_enclosed() -> None:
    generator = np.random.default_rng(0)
    a = np.concatenate(
        [
            generator.integers(-(2**35), 2**35, 1500),
            generator.integers(-(2**40), 2**40, 100),
            (np.arange(-740, 741)[:, None] * 2**25 + np.array([-(2**24), -1, 0, 2**24])).ravel(),
            [0, 1, -1, 2**60, -(2**60)],
        ]
    )
    found = integers.sigmoid(a)
    assert found.min() >= 0
    assert found.max() <= ONE
    with mpmath.workdps(30):
        for unit, value in zip(a.tolist(), found.tolist(), strict=True):
            assert abs(value - exact_sigmoid(unit)) <= integers.SIGMOID_ERROR


def test_coefficients_are_those_of_sigmoid() -> None:
    table = integers._taylor()
    with mpmath.workdps(40):
        for i in (0, 1, 2, 50, 300, integers.LAST):
            point = mpmath.mpf(i) / 2**integers.SPACING
            exact = mpmath.taylor(lambda x: 1 / (1 + mpmath.exp(-x)), point, 5)
            for c, expected in zip(table[::-1, i].tolist(), exact, strict=True):
                assert 0 <= expected * 2**integers.TABLE_BITS - c <= 1


@given(st.floats(-80, 80), st.floats(0, 40), st.booleans(), st.booleans())
def test_relaxations_enclose(low: float, width: float, affine: bool, tanh: bool) -> None:
    left = round(low * ONE)
    right = left + round(width * ONE)
    found = integers.relax(np.array([left]), np.array([right]), affine, tanh)
    slope, offset, error = (int(part[0]) for part in found)
    with mpmath.workdps(40):
        for i in range(41):
            a = mpmath.mpf(left + (right - left) * i // 40) / ONE
            exact = mpmath.tanh(a) if tanh else 1 / (1 + mpmath.exp(-a))
            line = slope * a / 2**SLOPE_BITS + mpmath.mpf(offset) / ONE
            assert abs(exact - line) <= mpmath.mpf(error) / ONE
    if affine and max(abs(left), abs(right)) <= integers.LIMIT:
        assert error <= ONE * width**2 / (4 if tanh else 40) + 64  # close to the chord
    else:
        assert slope == 0


@given(st.floats(0, 30), st.floats(0, 4), st.floats(-0.01, 0.01))
def test_the_tangent_lies_above(start: float, width: float, off: float) -> None:
    """v(a) = σ(a) − slope·a, on an interval and in a point, but for what σ itself is off by."""
    left, right = round(start * ONE), round((start + width) * ONE)
    middle = start + width / 2
    chord = 1 / (2 + np.exp(middle) + np.exp(-middle)) + off
    slope = np.array([min(max(round(chord * 2**SLOPE_BITS), 1), 1 << SLOPE_BITS - 2)])
    guess = integers._tangent_point(slope)
    with mpmath.workdps(40):
        for end in (left, right):
            most = integers._supremum(np.array([left]), np.array([end]), slope, guess)
            for i in range(11):
                a = mpmath.mpf(left + (end - left) * i // 10) / ONE
                exact = 1 / (1 + mpmath.exp(-a)) - int(slope[0]) * a / 2**SLOPE_BITS
                assert exact * ONE <= int(most[0]) + integers.SIGMOID_ERROR


def test_rounding_is_that_of_the_kernels() -> None:
    """Sums have 64 bytes of accumulators; σ and tanh are right to 2.5 units in the last place."""
    for dtype, (lanes, u, activation) in checker.ROUNDING.items():
        info = np.finfo(dtype)
        assert lanes * np.dtype(dtype).itemsize == 64
        assert u == 2**64 * float(info.eps) / 2
        assert 2.5 * 2 * u <= activation <= 8 * u  # results are below 1: a unit is at most u


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("size", "operands"), [(1, 2), (8, 2), (9, 2), (16, 2), (17, 2), (33, 2), (1, 8)]
)
def test_errors_are_refused_just_below_the_bound(dtype: str, size: int, operands: int) -> None:
    """The bound of the checker is what docs/proof.md has, from 2mu and the loads of the rows."""
    net = BinaryAdderRNN(size, dtype=dtype, operands=operands, seed=size, activation="tanh")
    accumulators, u = 64 // np.dtype(dtype).itemsize, float(np.finfo(dtype).eps) / 2
    m = max(-(-size // accumulators) + accumulators.bit_length(), operands + 1)
    weights = {name: np.abs(array.astype(np.float64)) for name, array in net.parameters.items()}
    load = weights["hidden_weights"].sum(1) + weights["input_weights"].sum(1)
    logit = 2 * m * u * (weights["output_weights"].sum() + weights["output_bias"])
    step = 2 * m * u * (load + weights["hidden_bias"]).max() + 8 * u
    zeros = np.zeros((1, size)), np.zeros((0, size, size)), (-1,), np.zeros(1)
    cells = (), np.zeros((0, size)), np.zeros((0, size))

    def outcome(step_error: float, logit_error: float) -> str:
        errors = float(step_error), float(logit_error)
        what = (weights_digest(net), operands, "tanh", dtype, *errors, 0.0, 1, True)
        certificate = Certificate(*what, ("",), (0,), ((0,) * (1 << operands),), *zeros, *cells)
        with pytest.raises(CertificateError) as refusal:
            binadd.check(certificate, net)
        return str(refusal.value)

    small = "the certificate assumes smaller rounding errors than there are"
    assert outcome(1.01 * step, 1.01 * logit + 1e-18) != small
    assert outcome(0.99 * step, 1.0) == small
    assert outcome(1.0, 0.99 * logit) == small


def nearest(product: int, bits: int) -> int:
    return (product + (1 << (bits - 1))) >> bits


def exactly(network: Any, case: Any, affine: bool) -> list[tuple[Any, Any, Any]]:
    """Return a step of one case in Python's integers, which never overflow."""
    z, G, s = (part[0].tolist() for part in case[1:])
    W, size = network.W.tolist(), network.size
    error = [network.error] * size
    if affine and max(s) > checker.TINY:
        G = [
            [*row, *(t * (i == k) for k in range(size))]
            for i, (row, t) in enumerate(zip(G, s, strict=True))
        ]
    else:
        boxes = [sum(map(int.__mul__, map(abs, row), s)) for row in W]
        assert all(box < 2**63 for box in boxes)
        error = [network.error + (box >> network.bits) + 1 for box in boxes]
    g = len(G[0])
    products = [
        [sum(map(int.__mul__, row, column)) for column in zip(*G, strict=True)] for row in W
    ]
    assert all(abs(x) < 2**63 - 2**31 for row in products for x in row)
    A = [[nearest(x, network.bits) for x in row] for row in products]
    off = (g + 1) // 2
    error = [e + off for e in error]
    found = []
    for u in network.u.tolist():
        after: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for i, row in enumerate(W):
            a = (sum(w * x for w, x in zip(row, z, strict=True)) >> network.bits) + u[i]
            r = sum(map(abs, A[i])) + error[i]
            assert abs(a) + r < 2**63
            ends = np.array([a - r]), np.array([a + r])
            slope, offset, gap = (int(x[0]) for x in integers.relax(*ends, affine, network.tanh))
            after[0].append((slope * a >> SLOPE_BITS) + offset)
            after[1].append([nearest(slope * x, SLOPE_BITS) for x in A[i]] if affine else [])
            after[2].append(gap + (slope * error[i] >> SLOPE_BITS) + network.step_error + off + 2)
        found.append(after)
    return found


def covers_exactly(sets: Any, q: int, case: Any) -> bool:
    """Whether the cells of a context cover a case, in Python's integers."""
    z, G, s = (part[0].tolist() for part in case[1:])
    columns = [*zip(*G, strict=True)]
    away = [a - b for a, b in zip(z, sets.o[q].tolist(), strict=True)]
    cells = {k - (q << 32): i for i, k in enumerate(sets.keys.tolist()) if sets.owner[i] == q}
    if not cells:
        return False

    def inside(i: int, y: list[int], reach: list[int]) -> bool:
        ends = zip(sets.low[i].tolist(), y, reach, sets.high[i].tolist(), strict=True)
        return all(low <= a - r and a + r <= high for low, a, r, high in ends)

    if sets.frame[q] < 0:
        spread = [sum(map(abs, row)) + t for row, t in zip(G, s, strict=True)]
        return inside(cells[0], away, spread)
    V = sets.V[sets.frame[q]].tolist()
    bits, part = cover.FRAME_BITS, cover.PART_BITS
    y = [small(dot(row, away)) >> bits for row in V]
    box = [small(dot(map(abs, row), s)) for row in V]
    forms = [[0, 0, *(small(dot(row, column)) for column in columns)] for row in V]
    reach = [
        (small(sum(map(abs, row)) + more) >> bits) + 2
        for row, more in zip(forms, box, strict=True)
    ]
    h = int(sets.h[q])
    first, last = (
        small((y[0] + sign * reach[0] << bits) + h) // (2 * h) if h else 0 for sign in (-1, 1)
    )
    if last - first >= cover.MOST_SLABS or not cells.keys() >= set(range(first, last + 1)):
        return False
    longest, other = sorted(range(len(forms[0])), key=lambda g: -abs(forms[0][g]))[:2]
    most = abs(forms[0][longest])
    tried = (longest, other) if abs(forms[0][other]) >= most - (most >> 4) else (longest,)

    def part_inside(g: int, i: int) -> bool:
        along = [row[g] >> bits for row in forms]
        if along[0] < 0:
            along = [-x for x in along]
        rest, divisor = reach[0] - along[0] + 2, max(along[0], 1)
        ends = int(sets.start[i]) - y[0] - rest, int(sets.end[i]) - y[0] + rest
        low, high = (max(-divisor, min(divisor, end)) for end in ends)
        low, high = small(low << part) // divisor, -(small(-high << part) // divisor)
        middle = low + high >> 1
        moved = [a + (small(x * middle) >> part) for a, x in zip(y, along, strict=True)]
        shorter = [
            r + (small(abs(x) * (high - middle)) >> part) - abs(x) + 4
            for r, x in zip(reach, along, strict=True)
        ]
        return inside(i, moved, shorter)

    return all(any(part_inside(g, cells[k]) for g in tried) for k in range(first, last + 1))


def dot(row: Any, column: Any) -> int:
    return sum(map(int.__mul__, row, column))


def small(number: int) -> int:
    assert abs(number) < 2**63
    return number


@pytest.mark.thorough(one_in=8)
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("load", [1e-3, 1.0, 60.0, 1e4, 2.0**26])
def test_nothing_overflows(load: float, activation: str, affine: bool) -> None:
    """A step, a logit and a comparison with a set, at what is just allowed, in big integers."""
    generator = np.random.default_rng(0)
    size = 6
    shapes = BinaryAdderRNN(size, seed=0).parameters
    parameters = {n: np.sign(generator.normal(size=p.shape)) for n, p in shapes.items()}
    parameters = {n: p * load / max(1, p.size) for n, p in parameters.items()}
    parameters["hidden_weights"][0] = load / size
    net = BinaryAdderRNN.from_parameters(parameters, activation=activation)
    bounds = Bounds(net)
    frame = np.linalg.qr(generator.normal(size=(size, size)))[0]
    cut = {3: (4.0, range(-1, 2)), 4: (0.1, range(-39, 40)), 5: (0.2, range(-19, 20))}
    owners = [(q, k) for q in range(37) for k in (cut[q][1] if q in cut else (0,)) if q != 6]
    claim = altered(
        certified("boxes")[1],
        digest=weights_digest(net),
        activation=activation,
        affine=affine,
        step_error=bounds.step_error * 2,
        logit_error=bounds.logit_error * 2,
        centres=np.full((37, size), -1.99),
        frames=np.stack([frame, np.eye(size)]),
        frame=(0, 1) * 18 + (-1,),
        widths=np.array([cut[q][0] if q in cut else 0.0 for q in range(37)]),
        cells=tuple(owners),
        middles=np.zeros((len(owners), size)),
        halves=np.full((len(owners), size), 3.99),
    )
    network, sets = checker._Network(claim, net), cover.Sets(claim)
    for sign in (np.ones(size), np.sign(generator.normal(size=size)), -np.ones(size)):
        for share, boxed in itertools.product((0.0, 0.02, 0.3, 1.0), (0.25, 1e-7, 0.0)):
            far = 2 * ONE - 60  # a case that reaches as far as it may
            z = (sign * far * (1 - share)).astype(np.int64)[None]
            G = np.full((1, size, 3), int(far * share) // 4, np.int64)
            s = np.full((1, size), int(far * share * boxed), np.int64)
            case = cover.Cases(np.zeros(1, np.int64), z, G, s)
            try:
                reached = list(network.step(case))
            except CertificateError as reason:
                assert "too far" in str(reason)
            else:
                for one, (z2, G2, s2) in zip(reached, exactly(network, case, affine), strict=True):
                    assert one.z[0].tolist() == z2
                    assert one.G[0].tolist() == G2
                    assert one.s[0].tolist() == s2
            out, units = network.out.tolist(), [*z[0].tolist(), ONE]
            logit = sum(map(int.__mul__, out, units))
            radius = reach(out[:-1], G, s) + network.logit_error
            for bit in (0, 1):
                [right] = network.outputs(case, np.array([bit]))
                assert right == ((logit if bit else -logit) > radius)
            for q in (0, 1, 3, 4, 5, 6, 36):
                [covered] = sets.cover(case._replace(context=np.array([q])), lambda _: None)
                assert covered == covers_exactly(sets, q, case)


def test_nothing_overflows_however_far_away() -> None:
    """Along the longest axes that there may be, as far from the centre as a case may be."""
    size, generator = 32, np.random.default_rng(0)
    frame = np.ones((1, 1))
    while len(frame) < size:
        frame = np.block([[frame, frame], [frame, -frame]])
    claim = curve(generator, size, 0.5)
    claim = altered(
        claim,
        frames=frame[None] * (127.9 / size),
        centres=np.full((1, size), -1.99),
        middles=np.zeros((9, size)),
        halves=np.full((9, size), 3.99),
    )
    for width in (0.5, 1.5, 1e-3, 1e-9, 2.0**-51, 0.0):
        if width == 0:
            claim = with_cells(claim, [4])
        sets = cover.Sets(altered(claim, widths=np.array([width])))
        for sign in (1, -1):
            for share in (0.0, 0.5, 1.0):
                far = 2 * ONE - 60
                z = np.full((1, size), int(sign * far * (1 - share)))
                G = np.full((1, size, 3), int(far * share) // 4)
                case = cover.Cases(np.zeros(1, np.int64), z, G, np.abs(G[:, :, 0]))
                [covered] = sets.cover(case, lambda _: None)
                assert covered == covers_exactly(sets, 0, case)


def reach(row: list[int], G: Any, s: Any) -> int:
    """Σ|row·G| + |row|·s of one case."""
    columns = G[0].T.tolist()
    radius = sum(abs(sum(map(int.__mul__, row, column))) for column in columns)
    return radius + sum(map(int.__mul__, map(abs, row), s[0].tolist()))


def test_checker_shares_no_code_with_the_search() -> None:
    parts = ("checker", "cover", "integers")
    allowed = {f"binadd.proof.{part}" for part in (*parts, "certificate")}
    for part in parts:
        source = Path(checker.__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
        imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
        ours = {line.split()[1] for line in imports if "binadd" in line}
        apart = {"checks", "errors", "kernels.mode", "model", "progress"}
        assert ours <= allowed | {f"binadd.{part}" for part in apart}
        assert len(source.splitlines()) < 300
