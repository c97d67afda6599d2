"""Integer linear forms: their automaton, and networks that learn, prove and compute them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import gadgets
import numpy as np
import pytest
from conftest import BACKENDS
from gadgets import excess
from hypothesis import given
from hypothesis import strategies as st
from machine import EXACT, Machine, Unit

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, InvalidTypeError, bits
from binadd.cli import main
from binadd.cli.numbers import write_integer
from binadd.errors import CertificateError
from binadd.form import MAX_CARRIES, check_coefficients, form_of
from binadd.interop import c_source
from binadd.interop.promise import promise
from binadd.interop.rounding import rounded
from binadd.kernels import load, reference
from binadd.kernels.contract import Architecture
from binadd.proof import Certificate, Proved, Refuted, prove

FORMS = [(1, -1), (3,), (1, 1, 1), (2, 1), (1, -2), (1, 1, -1), (-1,), (2,), (-1, -1), (5, 3)]
LEARNT = [(1, -1), (3,), (2, 1), (1, -2), (-1,)]
"""Those that a test has time to learn."""

COEFFICIENTS = (
    st.lists(st.integers(-16, 16), min_size=1, max_size=8)
    .filter(any)
    .filter(lambda c: sum(map(abs, c)) + (max(c) <= 0) <= MAX_CARRIES)
    .map(tuple)
)


@cache
def learnt(coefficients: tuple[int, ...], **params: Any) -> BinaryAdderRNN:
    """Return a proved network."""
    if "native" not in BACKENDS and coefficients not in ((1, -1), (1, 1), (-1,)):
        pytest.skip("to learn it takes minutes in the Python kernels")
    net = BinaryAdderRNN(coefficients=coefficients, **params)
    run = binadd.train(net, max_sequences=100_000)
    assert run.status == "proved"
    return net


# The automaton -----------------------------------------------------------------------------------


@given(COEFFICIENTS, st.data())
def test_bits_and_carries_are_those_of_the_value(
    coefficients: tuple[int, ...], data: st.DataObject
) -> None:
    """Bit t of Σcᵢxᵢ in two's complement, and ⌊Σcᵢ(xᵢ mod 2ᵗ⁺¹) / 2ᵗ⁺¹⌋ carried after it."""
    form = form_of(coefficients)
    count = len(coefficients)
    integers = data.draw(st.lists(st.integers(0, 2**80), min_size=count, max_size=count))
    steps = form.length(integers) + data.draw(st.integers(0, 9))
    symbols = bits.pack_integers(integers, steps)[None]
    value = form.evaluate(integers)
    assert value == sum(c * x for c, x in zip(coefficients, integers, strict=True))
    output = (form.totals(symbols) & 1)[0]
    assert output.tolist() == [value >> t & 1 for t in range(steps)]
    assert form.signed(bits.integer_of(output), steps) == value
    carries = [form.evaluate(x % (2 << t) for x in integers) >> t + 1 for t in range(steps)]
    assert form.after(symbols)[0].tolist() == carries
    assert form.lowest <= min(carries) <= max(carries) < form.lowest + form.carries


@given(COEFFICIENTS)
def test_every_carry_occurs_and_no_step_after_the_last_bit_is_wasted(
    coefficients: tuple[int, ...],
) -> None:
    form = form_of(coefficients)
    found, waiting = {form.start}, [form.start]
    while waiting:
        carry = waiting.pop()
        after = {(int(weight) + carry) >> 1 for weight in form.weights} - found
        found |= after
        waiting += after
    assert found == set(range(form.carries))
    ones, signed = (1 << 9) - 1, form.lowest < 0
    values = [form.evaluate(ones * (c * sign > 0) for c in coefficients) for sign in (1, -1)]
    needed = max((v if v >= 0 else ~v).bit_length() for v in values) + signed
    assert form.length([ones] * len(coefficients)) == needed


def test_a_sum_is_a_form() -> None:
    form = form_of((1, 1, 1))
    assert (form.is_sum, form.lowest, form.carries, form.carry_steps) == (True, 0, 3, 2)
    assert form.weights.tolist() == [symbol.bit_count() for symbol in range(8)]
    assert form.verb == "adds" and str(form) == "a + b + c"
    assert form_of((1, 1, 1)) is form


@pytest.mark.parametrize(
    ("coefficients", "letters", "numbers"),
    [
        ((1, -1), "a − b", "9 − 4"),
        ((-1, 3), "−a + 3b", "−9 + 3·4"),
        ((2, 0), "2a + 0b", "2·9 + 0·4"),
    ],
)
def test_forms_are_written_as_on_paper(
    coefficients: tuple[int, ...], letters: str, numbers: str
) -> None:
    form = form_of(coefficients)
    assert str(form) == letters and form.write(["9", "4"]) == numbers


@pytest.mark.parametrize(
    ("coefficients", "error", "sentence"),
    [
        (3, InvalidTypeError, "coefficients must be a sequence of integers, not 3"),
        ("1,-1", InvalidTypeError, "coefficients must be a sequence of integers, not '1,-1'"),
        ((1, 0.5), InvalidTypeError, "a coefficient must be an integer, not 0.5"),
        ((1, True), InvalidTypeError, "a coefficient must be an integer, not the bool True"),
        ((), InvalidInputError, "there must be 1 to 8 coefficients, not 0"),
        ((1,) * 9, InvalidInputError, "there must be 1 to 8 coefficients, not 9"),
        ((0, 0), InvalidInputError, "coefficients must not all be 0"),
        ((9, -8), InvalidInputError, r"at most 16 carries.*; \(9, -8\) need 17"),
        ((-16,), InvalidInputError, r"at most 16 carries.*; \(-16,\) need 17"),
        ((2**70,), InvalidInputError, "a coefficient must be at most"),
    ],
)
def test_what_is_no_form_is_refused_in_a_sentence(
    coefficients: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        check_coefficients(coefficients)
    with pytest.raises(error, match=sentence):
        BinaryAdderRNN(coefficients=coefficients)


# Kernels -----------------------------------------------------------------------------------------


@given(COEFFICIENTS, st.integers(1, 40))
def test_both_kernels_have_the_same_bits(coefficients: tuple[int, ...], steps: int) -> None:
    architecture = Architecture(1, len(coefficients), coefficients=coefficients)
    symbols = np.random.default_rng(steps).integers(
        0, 1 << len(coefficients), (9, steps), np.uint8
    )
    expected = reference.exact_sums(architecture, symbols)
    np.testing.assert_array_equal(load().exact_sums(architecture, symbols), expected)


@pytest.mark.parametrize("coefficients", FORMS, ids=str)
def test_both_kernels_find_the_same_first_error(
    native: Any, coefficients: tuple[int, ...]
) -> None:
    """For networks at every stage of learning, and for one that is right."""
    found = []
    for sequences in (0, 200, 400, 700, 1000, 2000):
        net = BinaryAdderRNN(coefficients=coefficients, seed=1)
        binadd.train(net, until=sequences)
        state = net.state
        for length in (1, 4):
            expected = reference.first_error(state.architecture, state.block, length)
            assert native.first_error(state.architecture, state.block, length) == expected
            found.append(expected)
    assert any(found)
    if coefficients in LEARNT:
        state = learnt(coefficients).state
        assert native.first_error(state.architecture, state.block, 6) is None
        assert reference.first_error(state.architecture, state.block, 6) is None


@pytest.mark.parametrize("coefficients", [(1, -1), (1, -2)], ids=str)
def test_both_kernels_write_the_same_certificate(
    native: Any, coefficients: tuple[int, ...]
) -> None:
    net = learnt(coefficients)
    texts = []
    for backend in ("native", "python"):
        verdict = prove(copy.copy(net).set_params(backend=backend), effort="quick")
        assert isinstance(verdict, Proved)
        texts.append(verdict.certificate.to_json())
    assert texts[0] == texts[1]


def test_an_exact_network_is_right_in_the_sign_too(make: Callable[..., BinaryAdderRNN]) -> None:
    """The zero symbols after the last bit bring out the sign, which one of these gets wrong."""
    machine = Machine(2, coefficients=(1, -1))
    right = BinaryAdderRNN.from_parameters(
        machine.parameters("sigmoid", "float64"), coefficients=(1, -1)
    )
    machine.hidden["d1"].bits[0] -= EXACT / 4  # harmless
    machine.gate("seen", {}, {}, 0)
    machine.after("late", 0, {"seen": 1.0, "d1": 1.0}, 2.0)
    machine.output["late"] = -1.0
    wrong = BinaryAdderRNN.from_parameters(
        machine.parameters("sigmoid", "float64"), coefficients=(1, -1)
    )
    for net, expected in ((right, None), (wrong, (1, (2, 0)))):
        state = net.state
        kernels = make().kernels
        assert kernels.first_error(state.architecture, state.block, 1) == expected


# Networks that learnt ----------------------------------------------------------------------------


@pytest.mark.parametrize("coefficients", LEARNT, ids=str)
def test_a_proved_network_computes_what_python_does(coefficients: tuple[int, ...]) -> None:
    net, generator = learnt(coefficients), Random(0)
    form = net.settings.form
    for _ in range(200):
        integers = [generator.getrandbits(generator.randrange(1, 1000)) for _ in coefficients]
        assert net.compute(*integers) == form.evaluate(integers)
    longest = [generator.getrandbits(10_000) for _ in coefficients]
    assert net.compute(*longest) == form.evaluate(longest)
    assert net.compute(*[0] * len(coefficients)) == 0
    X = bits.encode([longest], coefficients=coefficients)
    assert bits.decode(net.predict(X), signed=form.lowest < 0) == [form.evaluate(longest)]
    assert net.score(X) == 1.0


def test_long_results_are_computed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    net = learnt((1, -1))
    monkeypatch.setattr("binadd.model._SLICE", 64)
    a, b = 3**500, 7**300
    assert (net.compute(a, b), net.compute(b, a)) == (a - b, b - a)


@pytest.mark.parametrize("coefficients", LEARNT, ids=str)
def test_the_machine_inside_is_the_form(coefficients: tuple[int, ...]) -> None:
    net = learnt(coefficients)
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    machine, form = verdict.automaton, net.settings.form
    assert len(machine) == form.carries and machine.form is form
    totals = np.arange(form.carries)[:, None] + form.weights
    assert machine.outputs.tolist() == (totals % 2).tolist()
    assert machine.successors.tolist() == (totals // 2).tolist()
    for integers in ([5] * len(coefficients), [2**70 + 9, 3**40][: len(coefficients)]):
        assert machine.run(*integers) == net.compute(*integers) == form.evaluate(integers)
    assert "start -> 0;" in machine.to_dot()
    assert not any("inf" in unit.role or unit.gap == np.inf for unit in machine.units)


def test_a_difference_as_a_machine() -> None:
    verdict = prove(learnt((1, -1)))
    assert isinstance(verdict, Proved)
    assert verdict.automaton.to_text().split("\n") == [
        "carry  weight -1  weight 0  weight 1",
        "-1     0 → -1     1 → -1    0 → 0",
        "0      1 → -1     0 → 0     1 → 0",
    ]
    assert any(unit.role == "carry −1 from 0" for unit in verdict.automaton.units)
    names = verdict.certificate.contexts
    assert any(name.startswith("carry -1 ") for name in names)


def test_an_untrained_network_is_refuted() -> None:
    verdict = prove(BinaryAdderRNN(coefficients=(1, -2)))
    assert isinstance(verdict, Refuted)
    assert verdict.expected == verdict.operands[0] - 2 * verdict.operands[1] != verdict.got
    difference = verdict.expected ^ verdict.got
    assert difference >> verdict.wrong_bit & 1 and not difference % (1 << verdict.wrong_bit)
    assert verdict.sum == f"{verdict.operands[0]} − 2·{verdict.operands[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("coefficients", FORMS[:-1], ids=str)
def test_thousands_of_long_integers(coefficients: tuple[int, ...]) -> None:
    net, generator = learnt(coefficients), Random(1)
    for _ in range(2000 if "native" in BACKENDS else 20):
        integers = [generator.getrandbits(generator.randrange(1, 10_001)) for _ in coefficients]
        assert net.compute(*integers) == net.settings.form.evaluate(integers)


# Certificates ------------------------------------------------------------------------------------


def test_a_certificate_says_its_form(tmp_path: Path) -> None:
    net = learnt((1, -1))
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    certificate = verdict.certificate
    assert certificate.coefficients == (1, -1)
    assert set(certificate.carries) == {-1, 0} and certificate.carries[0] == 0
    certificate.save(tmp_path / "certificate.json")
    again = Certificate.load(tmp_path / "certificate.json")
    assert again.to_json() == certificate.to_json()
    assert binadd.check(again, net).sets == len(certificate.cells)
    adder = learnt((1, 1))
    sums = prove(adder)
    assert isinstance(sums, Proved)
    assert "coefficients" not in json.loads(sums.certificate.to_json())


@pytest.mark.parametrize("claimed", [(1, 1), (-1, 1), (1, -2), (2, -1), (3, -1), (1, -3)], ids=str)
def test_no_certificate_holds_for_another_form(claimed: tuple[int, ...]) -> None:
    """Neither of the network, nor of one that is said to compute that form."""
    net = learnt((1, -1))
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    with pytest.raises(CertificateError):
        binadd.check(replace(verdict.certificate, coefficients=claimed), net)
    other = copy.copy(net)
    other.coefficients = claimed
    with pytest.raises(CertificateError, match="of another form"):
        binadd.check(verdict.certificate, other)
    with pytest.raises(CertificateError):
        binadd.check(replace(verdict.certificate, coefficients=claimed), other)
    assert isinstance(prove(other), Refuted)


@pytest.mark.parametrize(
    "coefficients", [(1,), (1, -1, 1), (1, 17), (1, True), (1, 1.0), [1, -1], None], ids=str
)
def test_malformed_coefficients_of_a_certificate_are_refused(coefficients: Any) -> None:
    verdict = prove(learnt((1, -1)))
    assert isinstance(verdict, Proved)
    with pytest.raises(CertificateError, match="coefficients are malformed"):
        replace(verdict.certificate, coefficients=coefficients)


def test_no_carry_but_the_true_one_is_accepted() -> None:
    net = learnt((1, -1))
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    certificate = verdict.certificate
    for q, carry in enumerate(certificate.carries):
        changed = (*certificate.carries[:q], -1 - carry, *certificate.carries[q + 1 :])
        with pytest.raises(CertificateError):
            binadd.check(replace(certificate, carries=changed), net)


# Adversarial networks ----------------------------------------------------------------------------


def borrow_lost(machine: Machine, steps: int) -> None:
    """Let the unit that holds the borrow forget it after about so many steps of equal bits."""
    weight = 16.0
    bias = -weight - gadgets.tangent(weight) - excess(steps, weight)
    machine.hidden["d1"] = Unit({0: -weight, 1: weight}, {"d1": weight}, bias)


def sign_lost(machine: Machine, steps: int) -> None:
    """Drift only while both operands have ended and the sign's ones go on."""
    gadgets.run_drift(machine, 0, excess(steps))
    creep = machine.hidden["creep"]
    creep.units["d1"] = 100.0
    creep.bias -= 100.0


def zeros_counted(machine: Machine, steps: int) -> None:
    gadgets.trapdoor(machine, 0, steps)


def rings_met(machine: Machine, steps: int) -> None:
    gadgets.ring_counter(machine, {64: (5, 13), 1000: (7, 11, 13)}[steps])


WRONG: list[tuple[Callable[[Machine, int], None], int]] = [
    (borrow_lost, 64),
    (borrow_lost, 1000),
    (sign_lost, 64),
    (sign_lost, 1000),
    (zeros_counted, 64),
    (rings_met, 64),
    (rings_met, 1000),
]


def subtractor(wire: Callable[[Machine], None] | None, activation: str) -> BinaryAdderRNN:
    machine = Machine(2, coefficients=(1, -1))
    if wire is not None:
        wire(machine)
    if "alarm" in machine.hidden:
        machine.output["alarm"] = -1.0
    parameters = machine.parameters(activation, "float64")
    return BinaryAdderRNN.from_parameters(parameters, activation, coefficients=(1, -1))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize(("wire", "steps"), WRONG)
def test_no_wrong_subtractor_is_proved(
    wire: Callable[[Machine, int], None], steps: int, activation: str
) -> None:
    net = subtractor(partial(wire, steps=steps), activation)
    state = net.state
    assert net.kernels.first_error(state.architecture, state.block, 6) is None
    word = np.zeros((1, 2 * steps + 200), np.uint8)
    word[0, 0] = 2  # 0 − 1: a borrow, then ones for ever
    run = net.kernels.forward(state.architecture, state.block, word)
    wrong = np.flatnonzero(
        (run.logits[0] > 0) != net.kernels.exact_sums(state.architecture, word)[0]
    )
    assert wrong.size and wrong[0] > steps // 2
    assert prove(net, effort="medium").status != "proved"
    if steps == 64:
        assert prove(net).status == "refuted"


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("coefficients", FORMS, ids=str)
def test_machines_without_a_fault_are_proved(
    coefficients: tuple[int, ...], activation: str
) -> None:
    machine = Machine(len(coefficients), coefficients=coefficients)
    parameters = machine.parameters(activation, "float64")
    net = BinaryAdderRNN.from_parameters(parameters, activation, coefficients=coefficients)
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    assert binadd.check(verdict.certificate, net).operands == len(coefficients)


# The class ---------------------------------------------------------------------------------------


def test_coefficients_decide_how_many_operands_there_are() -> None:
    net = BinaryAdderRNN(coefficients=[1, 1, -1])
    assert net.operands == net.settings.operands == 3
    assert net.settings.coefficients == (1, 1, -1)
    assert repr(net) == "BinaryAdderRNN(operands=3, coefficients=[1, 1, -1])"
    assert net.set_params(coefficients=(1, -1)).operands == 2
    assert net.set_params(coefficients=None, operands=3).settings.coefficients == (1, 1, 1)
    with pytest.raises(
        InvalidInputError, match="operands must be 2, one for each coefficient, not 3"
    ):
        BinaryAdderRNN(operands=3, coefficients=(1, -1))
    with pytest.raises(
        InvalidInputError, match="operands must be 2, one for each coefficient, not 3"
    ):
        BinaryAdderRNN(coefficients=(1, -1)).set_params(operands=3)


def test_add_is_for_sums_alone() -> None:
    net = learnt((1, -1))
    with pytest.raises(InvalidInputError, match="does not add, it computes a − b: use compute"):
        net.add(9, 4)
    with pytest.raises(InvalidInputError, match="computes a − b for 2 integers, not 3"):
        net.compute(1, 2, 3)
    with pytest.raises(InvalidInputError, match="an operand must be at least 0, not -1"):
        net.compute(1, -1)
    adder = learnt((1, 1))
    assert adder.compute(23, 42) == adder.add(23, 42) == 65


def test_another_form_keeps_the_weights() -> None:
    net = copy.copy(learnt((1, 1)))
    before = net.state
    net.coefficients = (1, -1)
    assert np.array_equal(net.state.block, before.block) and net.state.status is None
    assert isinstance(prove(net), Refuted)
    assert net != learnt((1, 1))
    net.set_params(coefficients=(1, 1))
    assert net == learnt((1, 1)) and net.compute(23, 42) == 65
    with pytest.raises(InvalidInputError, match="would discard the weights"):
        net.coefficients = (1, 1, 1)


def test_a_form_is_kept(tmp_path: Path) -> None:
    net = learnt((1, -1))
    net.save(tmp_path / "net.npz")
    for again in (
        binadd.load(tmp_path / "net.npz"),
        pickle.loads(pickle.dumps(net)),
        net.copy(),
        BinaryAdderRNN.from_parameters(net.parameters, coefficients=(1, -1)),
    ):
        assert again == net and again.compute(4, 9) == -5
    run = binadd.train(BinaryAdderRNN(coefficients=(1, -1), seed=3), until=100)
    assert run.network.settings.coefficients == (1, -1)
    with pytest.raises(InvalidInputError, match="there must be 2 coefficients"):
        BinaryAdderRNN.from_parameters(net.parameters, coefficients=(1, 1, 1))


def test_fit_and_score_use_the_form() -> None:
    X = bits.encode([(a, b) for a in range(8) for b in range(8)])
    assert learnt((1, -1)).score(X) == 1.0
    assert learnt((1, 1)).score(X) == 1.0
    net = BinaryAdderRNN(coefficients=(1, -1), epochs=60).fit(X)
    assert net.score(X) > 0.9


def test_a_sweep_has_one_form_or_several(tmp_path: Path) -> None:
    rows = binadd.sweep(
        range(2), coefficients=(1, -1), path=tmp_path / "rows", workers=1, max_sequences=100_000
    )
    assert [row["coefficients"] for row in rows] == [(1, -1)] * 2
    assert [row["status"] for row in rows] == ["proved"] * 2
    again = binadd.sweep(
        range(2), coefficients=[1, -1], path=tmp_path / "rows", workers=1, max_sequences=100_000
    )
    assert [row["weights"] for row in again] == [row["weights"] for row in rows]
    both = binadd.sweep([0], coefficients=[(1, -1), (3,)], until=50, workers=1)
    assert [row["coefficients"] for row in both] == [(1, -1), (3,)]


# The command line, and pages ---------------------------------------------------------------------


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capfd.readouterr()
    status = main([str(argument) for argument in arguments])
    return status, *capfd.readouterr()


def test_on_the_command_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model, proof = tmp_path / "subtractor.npz", tmp_path / "proof.json"
    status, out, err = run(capfd, "train", "--coefficients", "1,-1", "-o", model)
    assert status == 0 and "computes a − b for every pair of numbers of every length" in out
    assert " − " in err  # the next difference, as it computes it
    assert run(capfd, "compute", model, 9, 4)[:2] == (0, "5\n")
    assert run(capfd, "compute", model, "--check", 4, 9)[:2] == (0, "-5\n")
    assert run(capfd, "compute", model, "--base", 16, 0, 255)[:2] == (0, "-0xff\n")
    assert json.loads(run(capfd, "compute", model, "--json", 4, 9)[1])["result"] == -5
    status, _, err = run(capfd, "add", model, 9, 4)
    assert status == 2 and "this network does not add, it computes a − b: use compute" in err
    status, out, _ = run(capfd, "prove", model, "-o", proof)
    assert status == 0 and "it computes a − b for every pair of numbers of every length" in out
    status, out, _ = run(capfd, "check", proof, model)
    assert status == 0 and "the network computes a − b for every pair" in out
    assert "a − b, 16 sigmoid units" in run(capfd, "info", model)[1]
    status, out, _ = run(
        capfd, "sweep", "--coefficients", "3", "--seeds", "0", "--until", 50, "--json", "-q"
    )
    assert status == 0 and json.loads(out)["rows"][0]["coefficients"] == [3]


def test_a_wrong_result_is_said_to_be_one(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = tmp_path / "untrained.npz"
    net = binadd.BinaryAdderRNN(coefficients=(1, -1), seed=0)
    net.save(model)
    assert net.compute(4, 9) != -5
    status, out, err = run(capfd, "compute", model, "--check", 4, 9)
    assert (status, out) == (1, f"{net.compute(4, 9)}\n")
    assert err.startswith("wrong in bit ") and err.endswith(": a − b is -5\n")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("1,x", "'x' is not"),
        ("", "'' is not"),
        ("9,-9", "at most 16 carries"),
        ("0", "must not all be 0"),
        ("1,1,1,1,1,1,1,1,1", "there must be 1 to 8 coefficients, not 9"),
    ],
)
def test_bad_coefficients_are_one_sentence(
    capfd: pytest.CaptureFixture[str], given: str, sentence: str
) -> None:
    status, out, err = run(capfd, "train", "--coefficients", given)
    assert (status, out) == (2, "") and sentence in err and err.count("\n") == 1


def test_very_negative_numbers_are_written() -> None:
    assert write_integer(-(10**5000)) == "-1" + "0" * 5000
    assert write_integer(-5, "2") == "-0b101"


def test_exports_say_what_they_compute() -> None:
    net = learnt((1, -1))
    assert "that computes a − b for 2 binary numbers" in c_source(net)
    assert promise(net).sentence.startswith("proved: it computes a − b for")
    single = rounded(net, "float32")
    assert single.settings.coefficients == (1, -1)
