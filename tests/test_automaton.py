"""The machine inside a proved network is the carry automaton; units have the roles they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from proved import KINDS, certified, trained

import binadd
from binadd.automaton import Automaton, Unit, extract
from binadd.automaton.machine import carries
from binadd.errors import CertificateError
from binadd.form import form_of
from binadd.proof import Proved, prove


@pytest.fixture(params=KINDS)
def extracted(request: pytest.FixtureRequest) -> tuple[binadd.BinaryAdderRNN, Automaton]:
    net, certificate = certified(request.param)
    return net, extract(certificate, net)


def test_other_machines_are_refused() -> None:
    form, two = form_of((1, 1)), np.arange(2)
    outputs = np.array([[0, 1, 1, 0], [1, 0, 0, 1]])
    successors = np.array([[0, 0, 0, 1], [0, 1, 1, 1]])
    assert carries(outputs, successors, two, form).tolist() == [0, 1]
    for machine, sentence in (
        ((outputs[::-1], successors, two), "outputs other bits than the form's"),
        ((outputs, 0 * successors, two), "has a state that stands for two carries"),
        ((outputs, successors, 0 * two), "has other states than there are carries"),
    ):
        with pytest.raises(CertificateError, match=f"the certificate's machine {sentence}"):
            carries(*machine, form)


def test_it_is_the_carry_automaton(extracted: tuple[binadd.BinaryAdderRNN, Automaton]) -> None:
    _, automaton = extracted
    assert len(automaton) == 2
    assert automaton.outputs.tolist() == [[0, 1, 1, 0], [1, 0, 0, 1]]
    assert automaton.successors.tolist() == [[0, 0, 0, 1], [0, 1, 1, 1]]
    assert automaton.contexts > 2


def test_it_adds_as_the_network_does(
    extracted: tuple[binadd.BinaryAdderRNN, Automaton],
) -> None:
    net, automaton = extracted
    for pair in [(0, 0), (23, 42), (2**91 - 1, 1), (3**100, 7**80)]:
        assert automaton.run(*pair) == net.add(*pair) == sum(pair)
    assert automaton.run(np.int64(23), 42) == 65


@pytest.mark.parametrize(
    ("integers", "error", "sentence"),
    [
        ((1, 2, 3), binadd.InvalidInputError, "adds 2 integers, not 3"),
        ((1, -2), binadd.InvalidInputError, "an operand must be at least 0, not -2"),
        ((1, 2.0), binadd.InvalidTypeError, "an operand must be an integer, not 2.0"),
    ],
)
def test_it_refuses_what_the_network_refuses(
    extracted: tuple[binadd.BinaryAdderRNN, Automaton],
    integers: tuple[int, ...],
    error: type[Exception],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        extracted[1].run(*integers)


def test_every_state_lies_in_its_context(
    extracted: tuple[binadd.BinaryAdderRNN, Automaton],
) -> None:
    """The ranges of a total hold every state that the network is seen in after that total."""
    net, automaton = extracted
    bits = np.random.default_rng(0).integers(0, 2, (100, 60, 2))
    states = net.hidden_states(bits)
    carry = np.zeros(len(bits), int)
    for t in range(bits.shape[1]):
        totals = bits[:, t].sum(axis=1) + carry
        carry = totals // 2
        for unit in automaton.units:
            low, high = np.array(unit.ranges)[totals].T
            assert (low <= states[:, t, unit.index]).all()
            assert (states[:, t, unit.index] <= high).all()


def test_some_units_keep_the_carry() -> None:
    """Else the network could not add: no unit need do so alone, but in these networks one does."""
    net, certificate = certified("affine")
    roles = [unit.role for unit in extract(certificate, net).units]
    assert "carry 0 from 1" in roles


def test_one_operand_has_one_state() -> None:
    verdict = prove(trained(3, operands=1))
    assert isinstance(verdict, Proved)
    automaton = verdict.automaton
    assert len(automaton) == 1
    assert automaton.run(1234) == 1234
    assert {unit.role for unit in automaton.units} <= {"bit 0 from 1", "nothing by itself"}


def test_text_is_aligned() -> None:
    _, certificate = certified("boxes")
    automaton = extract(certificate, certified("boxes")[0])
    assert automaton.to_text().splitlines() == [
        "carry  0 ones  1 one  2 ones",
        "0      0 → 0   1 → 0  0 → 1",
        "1      1 → 0   0 → 1  1 → 1",
    ]
    lines = automaton.units_to_text().splitlines()
    assert len(lines) == 1 + len(automaton.units)
    assert lines[0].split() == ["unit", "gap", "distinguishes"]


def test_graphviz() -> None:
    dot = extract(certified("boxes")[1], certified("boxes")[0]).to_dot()
    assert dot.startswith("digraph adder {") and dot.endswith("}\n")
    for edge in ('0 -> 0 [label="0/0, 1/1"]', '0 -> 1 [label="2/0"]', '1 -> 0 [label="0/1"]'):
        assert edge in dot


# Certificates that prove nothing -----------------------------------------------------------------


def test_anothers_certificate_is_refused() -> None:
    _, certificate = certified("boxes")
    with pytest.raises(CertificateError, match="another network"):
        extract(certificate, trained(1))


def test_swapped_successors_are_no_carry_automaton() -> None:
    net, certificate = certified("boxes")
    rows = [list(row) for row in certificate.successors]
    rows[0][0], rows[0][3] = rows[0][3], rows[0][0]
    with pytest.raises(CertificateError, match=r"machine|hold all"):
        extract(replace(certificate, successors=tuple(map(tuple, rows))), net)


@pytest.mark.parametrize("by", [-0.01, 0.5])
def test_sets_that_do_not_hold_are_refused(by: float) -> None:
    net, certificate = certified("boxes")
    halves = np.maximum(certificate.halves + by, 0)
    with pytest.raises(CertificateError, match="hold all"):
        extract(replace(certificate, halves=halves), net)


# Units -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranges", "role", "gap"),
    [
        (((0, 1), (0, 1), (0, 1), (0.5, 1)), "nothing by itself", 0.0),
        (((0, 0.1), (0, 0.2), (0.7, 1), (0.6, 1)), "carry 0 from 1", 0.4),
        (((0.7, 1), (0.6, 1), (0, 0.1), (0, 0.2)), "carry 0 from 1", 0.4),
        (((0, 0.1), (0.5, 1), (0.5, 1), (0.5, 1)), "totals 0 from 1, 2, 3", 0.4),
        (((0, 0.1), (0.5, 1), (0, 0.2), (0.5, 1)), "bit 0 from 1", 0.3),
        (((0, 0.1), (0.2, 0.3), (0.6, 0.7), (0.8, 1)), "carry 0 from 1", 0.3),
        (((0.0, 0.1),) * 4 + ((0.5, 1.0),) * 2, "carry 0 to 1 from 2", 0.4),
    ],
)
def test_roles(ranges: tuple[tuple[float, float], ...], role: str, gap: float) -> None:
    unit = Unit(0, ranges)
    assert unit.role == role
    assert unit.gap == pytest.approx(gap)
