"""The checker accepts what is proved and refuses whatever was altered."""

from __future__ import annotations

import dataclasses
import json
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framed import bisected, framed
from hypothesis import given
from hypothesis import strategies as st
from liars import liars
from numpy.typing import NDArray
from oracle import Oracle
from proved import KINDS, certified, trained

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError, InvalidInputError
from binadd.proof import Proved, Refuted, checker, integers
from binadd.proof.certificate import MAX_BYTES, WHOLE, Certificate, weights_digest
from binadd.proof.enclosure import Enclosure
from binadd.proof.integers import ONE, SLOPE_BITS

mpmath = pytest.importorskip("mpmath")


def refused(certificate: Certificate, net: BinaryAdderRNN) -> bool:
    try:
        binadd.check(certificate, net)
    except CertificateError:
        return True
    return False


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


def first_set(certificate: Certificate) -> int:
    return int(np.argmax(certificate.has_set))


@pytest.mark.parametrize("kind", KINDS)
def test_accepts_what_the_search_found(kind: str) -> None:
    net, certificate = certified(kind)
    told: list[tuple[int, int]] = []
    binadd.check(certificate, net, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (len(certificate), len(certificate))
    assert {total for _, total in told} == {len(certificate)}


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_same_after_a_file(kind: str, tmp_path: Path) -> None:
    net, certificate = certified(kind)
    certificate.save(tmp_path / "certificate.json")
    again = Certificate.load(tmp_path / "certificate.json")
    assert again.to_json() == certificate.to_json()
    for name in ("centres", "radii", "frames"):
        assert np.array_equal(getattr(again, name), getattr(certificate, name))
    binadd.check(again, net)
    assert [path.name for path in tmp_path.iterdir()] == ["certificate.json"]


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


def test_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CertificateError, match="too large for a certificate"):
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
    with pytest.raises(CertificateError, match="radii"):
        altered(certificate, radii=np.ma.masked_greater(certificate.radii, 0))


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


def test_refuses_weights_that_are_no_parameters() -> None:
    """A bias in the block of a network that has none is computed with, but not listed."""
    net = trained(3, hidden_size=16, biases=False)
    verdict = binadd.prove(net)
    assert isinstance(verdict, Proved)
    other = BinaryAdderRNN.from_parameters(net.parameters)
    other.state.block[-1, 0] = 5.0  # the output's bias
    with pytest.raises(InvalidInputError, match="outside the parameters"):
        net.state = dataclasses.replace(net.state, block=other.state.block)
    assert not np.array_equal(binadd_logits(other), binadd_logits(net))
    with pytest.raises(CertificateError, match="outside its parameters"):
        binadd.check(verdict.certificate, other)
    assert isinstance(binadd.prove(other), Refuted)
    other.state.block[-1, 0] = 1e-9  # it adds rightly
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
    fewer = {
        name: getattr(certificate, name)[:last]
        for name in ("contexts", "carries", "successors", "centres", "radii", "frame", "pieces")
    }
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
    assert accepted < 6


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_sets_that_are_too_small_or_elsewhere(kind: str) -> None:
    """If they leave nothing to do without them."""
    net, certificate = certified(kind)
    assert refused(altered(certificate, radii=np.minimum(certificate.radii, 0.0)), net)
    found = []
    for q in np.flatnonzero(certificate.has_set)[::5]:
        for name in ("radii", "centres"):
            array = getattr(certificate, name).copy()
            if name == "radii":
                array[q] = 0.0
            else:
                array[q] += certificate.radii[q].max() * 2 + 1e-3
            found.append(refused_unless_true(altered(certificate, **{name: array}), net))
    assert sum(found) > len(found) // 3


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_sets_that_hold_wrong_states(kind: str) -> None:
    """All of a set is stepped, not just what is reached of it."""
    net, certificate = certified(kind)
    for q in np.flatnonzero(certificate.has_set):
        radii = certificate.radii.copy()
        radii[q] = 0.9
        assert refused(altered(certificate, radii=radii), net)


def test_refuses_carries_that_are_not_those_of_addition() -> None:
    net, certificate = certified("boxes")
    for q in range(len(certificate)):
        swapped = put(certificate.carries, q, 1 - certificate.carries[q])
        assert refused(altered(certificate, carries=swapped), net)
    others = tuple(1 - carry for carry in certificate.carries)
    assert refused(altered(certificate, carries=others), net)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_fewer_steps_than_are_needed(kind: str) -> None:
    net, certificate = certified(kind)
    least = next(
        steps for steps in range(1, 9) if not refused(altered(certificate, steps=steps), net)
    )
    assert 1 < least <= certificate.steps  # at least as many as the first words are long
    assert not refused(altered(certificate, steps=least + 1), net)


def test_refuses_a_context_without_its_set() -> None:
    """What is reached there must go on, and has no step left."""
    net, certificate = certified("boxes")
    for q in np.flatnonzero(certificate.has_set):
        radii = certificate.radii.copy()
        radii[q] = -1.0
        assert refused(altered(certificate, radii=radii, steps=1), net)
    assert refused(altered(certificate, radii=np.full_like(certificate.radii, -1.0)), net)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["centres", "radii", "frames", "step_error", "logit_error"])
def test_refuses_what_is_not_finite(name: str, value: float) -> None:
    certificate = certified("frames")[1]
    broken: Any = value
    if name in ("centres", "radii", "frames"):
        broken = getattr(certificate, name).copy()
        broken[4, 2] = value
    with pytest.raises(CertificateError):
        altered(certificate, **{name: broken})


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("pieces", ()),
        ("pieces", (0,)),
        ("pieces", (0, -1)),
        ("pieces", (0, -1, -1, -1)),
        ("pieces", (-1, -1)),
        ("pieces", (8, -1, -1)),
        ("pieces", (-2,)),
        ("pieces", (10**30, -1, -1)),
        ("pieces", (True, -1, -1)),
        ("pieces", [-1]),
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
    certificate = certified("frames")[1]
    with pytest.raises(CertificateError, match=name):
        altered(certificate, **{name: put(getattr(certificate, name), 6, entry)})


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 0},
        {"steps": 257},
        {"steps": True},
        {"affine": 1},
        {"operands": 9},
        {"operands": 10**30},
        {"radii": -np.eye(37, 8)},
        {"frames": np.zeros((0, 7, 8))},
        {"frames": np.zeros((8, 8))},
        {"frames": np.zeros((0, 8, 8), np.float32)},
    ],
)
def test_refuses_malformed_values(fields: dict[str, Any]) -> None:
    with pytest.raises(CertificateError, match="malformed"):
        altered(certified("boxes")[1], **fields)


# Pieces and frames ------------------------------------------------------------------------------


def test_pieces_show_what_a_whole_set_does_not() -> None:
    """Boxes that are too wide for intervals, but whose pieces are not."""
    net, certificate = certified("boxes")
    shown = 0
    for factor in (1.06, 1.07, 1.08, 1.1):
        radii = np.where(certificate.radii < 0, -1.0, certificate.radii * factor)
        wide = altered(certificate, radii=radii)
        cut = tuple(bisected(row, 0.3 * row.max()) if row[0] >= 0 else WHOLE for row in radii)
        shown += refused(wide, net) and not refused(altered(wide, pieces=cut), net)
    assert shown > 0


@given(st.data())
def test_pieces_cover_their_set(data: st.DataObject) -> None:
    radius = np.array(data.draw(st.lists(st.integers(0, 50), min_size=3, max_size=3)))

    def trees(depth: int) -> Any:
        if depth == 0:
            return st.just(WHOLE)
        cut = st.tuples(st.integers(0, 2), trees(depth - 1), trees(depth - 1))
        return st.one_of(st.just(WHOLE), cut.map(lambda parts: (parts[0], *parts[1], *parts[2])))

    pieces = list(checker._bisect(data.draw(trees(5)), radius))
    points = np.random.default_rng(0).integers(-radius, radius + 1, (200, 3))
    held = [(np.abs(points - middle) <= half).all(1) for middle, half in pieces]
    assert np.any(held, axis=0).all()


def with_frames(certificate: Certificate, frames: NDArray[np.float64]) -> Certificate:
    """The same boxes in frames."""
    return altered(certificate, frames=frames, frame=(0,) * len(certificate))


def test_a_frame_of_the_units_changes_nothing() -> None:
    net, certificate = certified("boxes")
    for signs in (np.ones(8), -np.ones(8)):
        assert not refused(with_frames(certificate, np.diag(signs)[None]), net)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8)),
        np.ones((8, 8)),
        np.eye(8)[[0, 1, 2, 3, 4, 5, 6, 6]],
        np.eye(8) * 1.001,
        np.eye(8) * 0.999,
        np.eye(8) + 1e-3 * np.eye(8, k=1),
        np.eye(8) * 1e300,
        np.eye(8) * 1e9,
        np.full((8, 8), 1e18),
        np.eye(8) * 1e-300,
    ],
)
def test_refuses_frames_that_are_not_orthonormal(frame: NDArray[np.float64]) -> None:
    net, certificate = certified("boxes")
    assert refused(with_frames(certificate, frame[None]), net)


def test_what_a_frame_lacks_is_made_up_for() -> None:
    """Sets hold every state whose coordinates lie in them, as far as V is from orthonormal."""
    generator = np.random.default_rng(0)
    _, certificate = certified("frames")
    q = first_set(certificate)
    for unevenness in (0.0, 1e-7, 1e-6, 1e-5):
        frames = certificate.frames + generator.uniform(-1, 1, (1, 8, 8)) * unevenness
        sets = checker._Sets(altered(certificate, frames=frames))
        cases = next(c for c in sets.origins() if (c.context == q).any())
        m = int(np.flatnonzero(cases.context == q)[-1])
        V, o, r = sets.V[sets.frame[q]], sets.o[q], sets.r[q]
        y = np.sign(generator.normal(size=(200, 8))) * r
        away = np.linalg.solve(V / 2.0**checker.FRAME_BITS, y.T).T
        outside = np.abs(o + away - cases.z[m] - (y / np.maximum(r, 1)) @ cases.G[m].T)
        assert (outside <= cases.s[m] + 1e-3).all()


# Overflow and endless work ----------------------------------------------------------------------

HUGE = (0.99, 1.99, 2.0, 3.99, 4.0, 1e3, 2.0**31, 2.0**32, 2.0**33, 2.0**34, 1e18, 2.0**63, 1e300)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["boxes", "pieces"])
def test_refuses_huge_numbers(kind: str) -> None:
    """Nothing wraps around."""
    net, certificate = certified(kind)
    for q in (0, first_set(certificate), len(certificate) - 1):
        if not certificate.has_set[q]:
            continue
        for value in (*HUGE, *(-value for value in HUGE)):
            for name in ("centres", "radii"):
                for j in (3, slice(None)):
                    array = getattr(certificate, name).copy()
                    array[q, j] = value
                    if name == "radii" and value < 0:
                        continue
                    claim = altered(certificate, **{name: array})
                    assert refused_unless_true(claim, net) or abs(value) < 4
    for name in ("step_error", "logit_error"):
        for value in HUGE[1:]:
            broken = altered(certificate, **{name: value * 4})
            assert refused(broken, net)


@pytest.mark.filterwarnings("error")
def test_refuses_huge_weights() -> None:
    """A certificate for a network, said to be of one with other weights, however large."""
    net, certificate = certified("boxes")
    for power in (*range(1, 70, 4), 1000):
        for name in net.parameters:
            parameters = {key: array.copy() for key, array in net.parameters.items()}
            parameters[name].flat[0] = 2.0**power
            other = BinaryAdderRNN.from_parameters(parameters)
            enclosure = Enclosure(other)
            errors = {"step_error": enclosure.step_error, "logit_error": enclosure.logit_error}
            if not np.isfinite(list(errors.values())).all():
                errors = {"step_error": 1e-12, "logit_error": 1e-12}
            disguised = altered(certificate, digest=weights_digest(other), **errors)
            wrong = isinstance(binadd.prove(other, effort="quick"), Refuted)
            assert refused(disguised, other) or not wrong


@pytest.mark.parametrize("affine", [False, True])
def test_refuses_endless_steps(affine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets so small that nothing is ever in one: four times as many cases after every step."""
    net, certificate = certified("affine")
    points = altered(certificate, radii=certificate.radii * 1e-9, steps=256, affine=affine)
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 30)  # a 64th: two seconds
    began = time.perf_counter()
    with pytest.raises(CertificateError, match=r"more work|too many cases"):
        binadd.check(points, net)
    assert time.perf_counter() - began < 30
    monkeypatch.setattr(checker, "MOST_WAITING", 1 << 20)
    tracemalloc.start()
    with pytest.raises(CertificateError, match="too many cases"):
        binadd.check(altered(points, affine=True), net)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (2 << 20)


def test_refuses_endless_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any is stepped."""
    net, certificate = certified("pieces")
    tree: tuple[int, ...] = WHOLE
    for depth in range(16):
        tree = (depth % 8, *tree, *tree)
    many = altered(certificate, pieces=put(certificate.pieces, len(certificate) - 1, tree))
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 29)
    monkeypatch.setattr(checker._Network, "step", lambda *_: pytest.fail("it is stepped"))
    began = time.perf_counter()
    with pytest.raises(CertificateError, match="more work"):
        binadd.check(many, net)
    assert time.perf_counter() - began < 5


def test_refuses_pieces_of_pieces() -> None:
    net, certificate = certified("pieces")
    for tree in ((0,) * 5000 + (-1,) * 5001, (0, -1) * 5000 + WHOLE):
        pieces = put(certificate.pieces, len(certificate) - 1, tree)
        if tree[1] == 0:  # the first is cut again and again
            with pytest.raises(CertificateError, match="too often"):
                binadd.check(altered(certificate, pieces=pieces), net)
        else:
            binadd.check(altered(certificate, pieces=pieces), net)


FEW = [liar for liar in liars() if "float64-2" in str(liar)]
REST = [pytest.param(one, marks=pytest.mark.exhaustive) for one in liars() if one not in FEW]


@pytest.mark.parametrize("liar", [*FEW, *REST], ids=str)
def test_refuses_whatever_is_said_of_a_liar(liar: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets around states that it is in, narrow and wide: never do they prove what is wrong."""
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 26)
    if not Enclosure(liar.network).finite:
        return
    for depth, widen in ((1, 0.0), (1, 0.5), (2, 0.1)):
        claim = framed(liar.network, depth, steps=8, widen=widen)
        assert refused(claim, liar.network)
        boxes = altered(
            claim, frames=claim.frames[:0], frame=(-1,) * len(claim), radii=claim.radii * 2
        )
        assert refused(boxes, liar.network)
        assert refused(altered(boxes, affine=False), liar.network)


def binadd_logits(net: BinaryAdderRNN) -> Any:
    bits = np.random.default_rng(0).integers(0, 2, (50, 20, 2))
    return net.decision_function(bits)


# Its arithmetic ---------------------------------------------------------------------------------


def exact_sigmoid(a: int) -> Any:
    return ONE / (1 + mpmath.exp(-mpmath.mpf(a) / ONE))


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


def nearest(product: int, bits: int) -> int:
    return (product + (1 << (bits - 1))) >> bits


def exactly(network: Any, case: Any, affine: bool) -> list[tuple[Any, Any, Any]]:
    """A step of one case in Python's integers, which never overflow."""
    z, G, s = (part[0].tolist() for part in case[1:])
    W, size = network.W.tolist(), network.size
    if any(s):
        G = [
            [*row, *(t * (i == k) for k in range(size))]
            for i, (row, t) in enumerate(zip(G, s, strict=True))
        ]
    g = len(G[0])
    products = [
        [sum(map(int.__mul__, row, column)) for column in zip(*G, strict=True)] for row in W
    ]
    assert all(abs(x) < 2**63 - 2**31 for row in products for x in row)
    A = [[nearest(x, network.bits) for x in row] for row in products]
    off = (g + 1) // 2
    error = network.error + off
    found = []
    for u in network.u.tolist():
        after: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for i, row in enumerate(W):
            a = (sum(w * x for w, x in zip(row, z, strict=True)) >> network.bits) + u[i]
            r = sum(map(abs, A[i])) + error
            assert abs(a) + r < 2**63
            ends = np.array([a - r]), np.array([a + r])
            slope, offset, gap = (int(x[0]) for x in integers.relax(*ends, affine, network.tanh))
            after[0].append((slope * a >> SLOPE_BITS) + offset)
            after[1].append([nearest(slope * x, SLOPE_BITS) for x in A[i]] if affine else [])
            after[2].append(gap + (slope * error >> SLOPE_BITS) + network.step_error + off + 2)
        found.append(after)
    return found


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
    enclosure = Enclosure(net)
    frame = np.linalg.qr(generator.normal(size=(size, size)))[0]
    claim = altered(
        certified("boxes")[1],
        digest=weights_digest(net),
        activation=activation,
        affine=affine,
        step_error=enclosure.step_error * 2,
        logit_error=enclosure.logit_error * 2,
        centres=np.full((37, size), -1.99),
        radii=np.full((37, size), 3.99),
        frames=np.stack([frame, np.eye(size)]),
        frame=(0, 1) * 18 + (-1,),
    )
    network, sets = checker._Network(claim, net), checker._Sets(claim)
    for sign in (np.ones(size), np.sign(generator.normal(size=size))):
        for share in (0.0, 0.3, 1.0):
            far = 2 * ONE - 60  # a case that reaches as far as it may
            z = (sign * far * (1 - share)).astype(np.int64)[None]
            G = np.full((1, size, 3), int(far * share) // 4, np.int64)
            s = np.full((1, size), int(far * share) // 4, np.int64)
            case = checker._Cases(np.zeros(1, np.int64), z, G, s)
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
            for q in (0, 1, 36):
                V, o, r = (part.tolist() for part in (sets.V[sets.frame[q]], sets.o[q], sets.r[q]))
                away = list(map(int.__sub__, units, o))
                y = [abs(sum(map(int.__mul__, row, away))) + reach(row, G, s) for row in V]
                inside = all(a <= most << checker.FRAME_BITS for a, most in zip(y, r, strict=True))
                assert sets.hold(case._replace(context=np.array([q]))) == inside


def reach(row: list[int], G: Any, s: Any) -> int:
    """Σ|row·G| + |row|·s of one case."""
    columns = G[0].T.tolist()
    radius = sum(abs(sum(map(int.__mul__, row, column))) for column in columns)
    return radius + sum(map(int.__mul__, map(abs, row), s[0].tolist()))


def test_checker_shares_no_code_with_the_search() -> None:
    parts = ("checker", "integers")
    allowed = {f"binadd.proof.{part}" for part in (*parts, "certificate")}
    for part in parts:
        source = Path(checker.__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
        imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
        ours = {line.split()[1] for line in imports if "binadd" in line}
        assert ours <= allowed | {"binadd.checks", "binadd.errors", "binadd.model"}
        assert len(source.splitlines()) < 300
