"""The checker accepts what is proved and refuses whatever was altered."""

from __future__ import annotations

import dataclasses
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proved import KINDS, certified, trained

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError, InvalidInputError
from binadd.proof import Proved, Refuted, checker
from binadd.proof.certificate import MAX_BYTES, Certificate, inside, weights_digest
from binadd.proof.fixed_point import Fields

mpmath = pytest.importorskip("mpmath")


def refused(certificate: Certificate, net: BinaryAdderRNN) -> bool:
    try:
        binadd.check(certificate, net)
    except CertificateError:
        return True
    return False


def altered(certificate: Certificate, **fields: Any) -> Certificate:
    return dataclasses.replace(certificate, **fields)


def put(entries: tuple[Any, ...], q: int, entry: Any) -> tuple[Any, ...]:
    return (*entries[:q], entry, *entries[q + 1 :])


@pytest.mark.parametrize("kind", KINDS)
def test_accepts_what_the_search_found(kind: str) -> None:
    net, certificate = certified(kind)
    told: list[tuple[int, int]] = []
    binadd.check(certificate, net, progress=lambda done, total: told.append((done, total)))
    assert told == [(q + 1, len(certificate)) for q in range(len(certificate))]


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_same_after_a_file(kind: str, tmp_path: Path) -> None:
    net, certificate = certified(kind)
    certificate.save(tmp_path / "certificate.json")
    again = Certificate.load(tmp_path / "certificate.json")
    assert again.to_json() == certificate.to_json()
    for name in ("centres", "radii"):
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
            if same or name == "margin":
                continue
            with pytest.raises(CertificateError):
                binadd.check(Certificate.from_json(json.dumps(content | {name: odd})), net)
        missing = {key: value for key, value in content.items() if key != name}
        with pytest.raises(CertificateError):
            Certificate.from_json(json.dumps(missing))
    with pytest.raises(CertificateError):
        Certificate.from_json(json.dumps(content | {"more": 1}))
    with pytest.raises(CertificateError, match="version 2"):
        Certificate.from_json(json.dumps(content | {"version": 2}))


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
def test_refuses_a_missing_set(kind: str) -> None:
    net, certificate = certified(kind)
    last = len(certificate) - 1
    fewer = altered(
        certificate,
        carries=certificate.carries[:last],
        centres=certificate.centres[:last],
        radii=certificate.radii[:last],
        plans=certificate.plans[:last],
        histories=certificate.histories[:last],
        cells=certificate.cells[:last],
    )
    assert refused(fewer, net)
    with pytest.raises(CertificateError):
        altered(certificate, carries=certificate.carries[:last])


def test_refuses_swapped_successors() -> None:
    """Any two different ends of any plan of a chain of boxes: never are both others right."""
    net, certificate = certified("boxes")
    generator = random.Random(0)
    accepted = 0
    for _ in range(300):
        q = generator.randrange(len(certificate))
        plan = list(certificate.plans[q])
        i, j = generator.sample([i for i, word in enumerate(plan) if word < 0] or [0, 0], 2)
        plan[i], plan[j] = plan[j], plan[i]
        if plan != list(certificate.plans[q]):
            accepted += not refused(
                altered(certificate, plans=put(certificate.plans, q, tuple(plan))), net
            )
    assert accepted == 0


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_sets_that_are_too_small_or_elsewhere(kind: str) -> None:
    net, certificate = certified(kind)
    for q in range(0, len(certificate), 5):
        for name, change in (("radii", -1.0), ("centres", 1.0)):
            array = getattr(certificate, name).copy()
            array[q] += change * certificate.radii[q].max() * 2 + 1e-3 * (change > 0)
            if name == "radii":
                array[q] = 0.0
            if q > 0 or name == "centres":
                assert refused(altered(certificate, **{name: array}), net)


def test_refuses_negative_radii_and_carries() -> None:
    net, certificate = certified("boxes")
    with pytest.raises(CertificateError, match="radii"):
        altered(certificate, radii=-certificate.radii)
    assert refused(altered(certificate, carries=put(certificate.carries, 5, -1)), net)
    for q in range(len(certificate)):
        swapped = put(certificate.carries, q, 1 - certificate.carries[q])
        assert refused(altered(certificate, carries=swapped), net)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["centres", "radii", "step_error", "logit_error"])
def test_refuses_what_is_not_finite(name: str, value: float) -> None:
    certificate = certified("boxes")[1]
    broken: Any = value
    if name in ("centres", "radii"):
        broken = getattr(certificate, name).copy()
        broken[4, 2] = value
    with pytest.raises(CertificateError):
        altered(certificate, **{name: broken})


@pytest.mark.parametrize(
    "plan",
    [
        (),
        (0,),
        (0, -1),
        (inside(0),),
        (0, inside(10**30), inside(1), inside(1), inside(1)),
        (2, *[inside(1)] * 4),
        (10**30,),
        (inside(10**30),),
        (0,) * 1000,
        (0, *[inside(0)] * 4),
        (0, *[inside(1)] * 5),
    ],
)
def test_refuses_bad_plans(plan: tuple[int, ...]) -> None:
    net, certificate = certified("boxes")
    for q in (0, 7):
        assert refused(altered(certificate, plans=put(certificate.plans, q, plan)), net)


def test_refuses_endless_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans may be as long as a file: what would take hours is given up."""
    net, certificate = certified("boxes")
    plans = certificate.plans
    further = tuple(
        tuple(step for word in plan for step in ((word,) if word >= 0 else plans[-1 - word]))
        for plan in plans
    )
    longer = altered(certificate, plans=further)
    binadd.check(longer, net)
    monkeypatch.setattr(checker, "MOST_WORK", 1 << 20)
    binadd.check(certificate, net)
    with pytest.raises(CertificateError, match="more steps than are checked"):
        binadd.check(longer, net)


def binadd_logits(net: BinaryAdderRNN) -> Any:
    bits = np.random.default_rng(0).integers(0, 2, (50, 20, 2))
    return net.decision_function(bits)


# Its arithmetic ---------------------------------------------------------------------------------


@given(st.floats(-150, 150))
def test_sigmoid_is_enclosed(a: float) -> None:
    units = round(Fraction(a) * checker.ONE)
    found = checker._sigmoid(units)
    with mpmath.workdps(60):
        exact = checker.ONE / (1 + mpmath.exp(-mpmath.mpf(units) / checker.ONE))
        assert abs(found - exact) <= checker.SIGMOID_ERROR


@given(st.floats(-60, 60), st.floats(0, 30), st.booleans(), st.booleans())
def test_lines_enclose(low: float, width: float, affine: bool, tanh: bool) -> None:
    left = round(Fraction(low) * checker.ONE)
    right = left + round(Fraction(width) * checker.ONE)
    slope, offset, error = checker._line(left, right, affine, tanh)
    with mpmath.workdps(50):
        for i in range(41):
            a = mpmath.mpf(left + (right - left) * i // 40) / checker.ONE
            exact = mpmath.tanh(a) if tanh else 1 / (1 + mpmath.exp(-a))
            line = (
                (slope * a + offset) / checker.ONE if affine else mpmath.mpf(offset) / checker.ONE
            )
            assert abs(exact - line) <= mpmath.mpf(error) / checker.ONE
    if width < 1 and affine:
        assert error <= checker.ONE // 20 * max(1, round(width * 20)) or not tanh


@given(st.lists(st.integers(-(2**90), 2**90), max_size=30))
def test_fields_are_vectors(values: list[int]) -> None:
    count = len(values)
    fields = Fields(30 << 90)

    def vector(entries: list[int]) -> int:
        return sum(entry << fields.bits * i for i, entry in enumerate(entries))

    assert fields.join(values) == vector(values)
    assert [fields.entry(vector(values), i) for i in range(count)] == values
    assert fields.size(vector(values), count) == sum(map(abs, values))
    below = [value // checker.ONE for value in values]
    assert fields.round_down(vector(values), count) == vector(below)


def test_checker_shares_no_code_with_the_search() -> None:
    parts = ("checker", "cover", "fixed_point")
    allowed = {f"binadd.proof.{part}" for part in (*parts, "certificate")}
    for part in parts:
        source = Path(checker.__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
        imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
        ours = {line.split()[1] for line in imports if "binadd" in line}
        assert ours <= allowed | {"binadd.checks", "binadd.errors", "binadd.model"}
        assert "numpy" not in source.replace("NumPy", "")
        assert len(source.splitlines()) < 250
