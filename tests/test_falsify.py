"""Falsifiers find what is wrong, make it small, and never accuse a network that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from adversarial import AdversarialNetwork, adversarial_networks, build
from gadgets import LOCK, LONG_LOCK, trapdoor
from machine import Machine
from proved import trained

from binadd import BinaryAdderRNN, train
from binadd.kernels import load
from binadd.kernels.mode import quiet_ieee_mode
from binadd.kernels.reference import exact_sums
from binadd.proof import PORTFOLIO
from binadd.proof.falsify import EFFORTS, Falsifier, _confirmed
from binadd.proof.frontier import search_frontier
from binadd.proof.orbits import follow_hints, search_orbits
from binadd.proof.probe import Probe
from binadd.proof.shrink import shrink
from binadd.proof.verdict import Refuted

NATIVE = load().NAME == "native"
SOON = (
    adversarial_networks(2500)
    if NATIVE
    else [one for one in adversarial_networks(120) if str(one).endswith("float64-2")]
)
FAR = [case for case in adversarial_networks() if case.trigger is not None and case.steps > 2500]
FEW = [case for case in SOON if str(case).endswith(("sigmoid-float64-2", "tanh-float32-3"))]
QUICKLY_FOUND = ("drift 64", "run drift 64", "chain drift 64", "forgetful 64")

needs_native = pytest.mark.skipif(not NATIVE, reason="too slow in Python")


@quiet_ieee_mode()
def falsify(
    net: BinaryAdderRNN, *, hints: Iterable[Sequence[int]] = (), effort: str = "quick"
) -> Refuted | None:
    return Falsifier(net).search(effort, hints)


def confirm(net: BinaryAdderRNN, refutation: Refuted | None) -> Refuted:
    """Demand a refutation that the network itself confirms."""
    assert refutation is not None
    got, expected = net.add(*refutation.operands), sum(refutation.operands)
    assert (refutation.got, refutation.expected) == (got, expected)
    assert got != expected
    assert (got ^ expected) % (2 << refutation.wrong_bit) == 1 << refutation.wrong_bit
    return refutation


def test_what_the_network_adds_rightly_is_no_error() -> None:
    """As where another thread has trained it since the word was found."""
    net = trained(2)
    assert _confirmed(net, np.array([3, 1, 0, 2], np.uint8)) is None
    other = BinaryAdderRNN(3, seed=0)
    wrong = falsify(other)
    assert wrong is not None
    bits = max(operand.bit_length() for operand in wrong.operands)
    word = [sum((a >> t & 1) << i for i, a in enumerate(wrong.operands)) for t in range(bits)]
    assert _confirmed(other, np.array(word, np.uint8)) == confirm(other, wrong)


# The adversarial networks themselves -------------------------------------------------------------


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("case", [one for one in SOON if one.trigger is not None], ids=str)
def test_an_adversarial_network_is_wrong_where_it_should_be(case: AdversarialNetwork) -> None:
    operands, bit = case.operands, case.wrong_bit
    wrong = case.network.add(*operands) ^ sum(operands)
    assert wrong % (2 << bit) == 1 << bit
    assert case.network.settings.form.length(operands) > bit


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("case", SOON, ids=str)
def test_an_adversarial_network_is_right_on_short_words(case: AdversarialNetwork) -> None:
    net = case.network
    bits = 6 if case.operand_count == 2 else 4
    assert net.kernels.first_error(net.state.architecture, net.state.block, bits) is None


@pytest.mark.parametrize("case", FEW, ids=str)
def test_an_adversarial_network_is_right_on_random_words(case: AdversarialNetwork) -> None:
    """Up to its wrong bit, on words that do not happen to be its own."""
    length = 40 if case.trigger is None else min(40, case.wrong_bit)
    symbols = np.random.default_rng(0).integers(
        0, 1 << case.operand_count, (500, length), dtype=np.uint8
    )
    state = case.network.state
    logits = case.network.kernels.forward(state.architecture, state.block, symbols).logits
    assert np.array_equal(logits > 0, exact_sums(state.architecture, symbols))


@pytest.mark.thorough(one_in=8)
@needs_native
@pytest.mark.parametrize("case", [one for one in FAR if "float64-2" in str(one)], ids=str)
def test_even_the_slowest_drift_ends_in_a_wrong_bit(case: AdversarialNetwork) -> None:
    assert case.wrong_bit > 900_000
    assert case.network.add(*case.operands) != sum(case.operands)


@pytest.mark.parametrize(
    "case", [one for one in SOON if str(one).startswith("drowned") and "32" in str(one)], ids=str
)
def test_some_are_wrong_by_the_rounding_of_float32_alone(case: AdversarialNetwork) -> None:
    exact = BinaryAdderRNN.from_parameters(case.parameters, case.activation, dtype="float64")
    assert exact.add(*case.operands) == sum(case.operands) != case.network.add(*case.operands)
    assert falsify(exact, effort="quick") is None


# Finding -----------------------------------------------------------------------------------------


@pytest.mark.thorough(one_in=8)
@pytest.mark.parametrize("case", FEW if NATIVE else FEW[1:4], ids=str)
def test_thorough_effort_finds_every_wrong_sum(case: AdversarialNetwork) -> None:
    refutation = falsify(case.network, effort="thorough")
    if case.trigger is None:
        assert refutation is None
    else:
        assert confirm(case.network, refutation).wrong_bit <= case.wrong_bit


@pytest.mark.slow
@needs_native
@pytest.mark.parametrize("case", [one for one in FAR if "float64-2" in str(one)], ids=str)
def test_thorough_effort_finds_wrong_bits_a_million_steps_away(case: AdversarialNetwork) -> None:
    refutation = confirm(case.network, falsify(case.network, effort="thorough"))
    assert refutation.wrong_bit <= case.wrong_bit + 6


@pytest.mark.parametrize("case", [one for one in SOON if one.name in QUICKLY_FOUND], ids=str)
def test_quick_effort_follows_what_drifts(case: AdversarialNetwork) -> None:
    assert confirm(case.network, falsify(case.network)).wrong_bit == case.wrong_bit


def test_a_hint_is_followed() -> None:
    """The lock is beyond quick effort, unless it is told where to look."""
    case = next(case for case in SOON if case.name == "long lock")
    assert falsify(case.network) is None
    refutation = confirm(case.network, falsify(case.network, hints=[(1, 2), LONG_LOCK, ()]))
    assert refutation.wrong_bit == case.wrong_bit


@needs_native
def test_a_wrong_bit_after_wide_margins_is_found() -> None:
    """It comes after 18 symbols whose own margins are none of the smallest."""
    net = hasty(0, 1024, recipe="adam")
    confirm(net, falsify(net, effort="thorough"))


def test_untrained_networks_are_refuted(make: Callable[..., BinaryAdderRNN]) -> None:
    for operands in range(2, 9):
        net = make(6, operands=operands, seed=operands)
        confirm(net, falsify(net))


def hasty(seed: int, sequences: int | None = None, **options: Any) -> BinaryAdderRNN:
    """Return a network that adds all short numbers, and was trained no further."""
    net = BinaryAdderRNN(seed=seed, **options)
    train(net, until="exact" if sequences is None else sequences)
    bits = net.state.bits if net.settings.operands == 2 else 5
    assert net.kernels.first_error(net.settings.architecture, net.state.block, bits) is None
    return net


LONG_CARRIES: dict[str, dict[str, Any]] = {
    "adam": {"seed": 10, "sequences": 1088, "recipe": "adam"},
    "tanh": {"seed": 38, "sequences": 2691, "activation": "tanh"},
    "steep": {
        "seed": 2,
        "sequences": 3427,
        "activation": "tanh",
        "recipe": "adam",
        "learning_rate": 0.01,
    },
    "three operands": {"seed": 55, "operands": 3},
}
"""Networks that no periodic word refutes, but long carries between other symbols do."""


@needs_native
@pytest.mark.parametrize(
    "kind", [*list(LONG_CARRIES)[:-1], pytest.param("three operands", marks=pytest.mark.slow)]
)
def test_the_frontier_finds_what_orbits_do_not(kind: str) -> None:
    net = hasty(**LONG_CARRIES[kind])
    probe, plan = Probe(net), EFFORTS["medium"]
    assert search_orbits(probe, plan.orbits, plan.rungs) is None
    word = search_frontier(probe, *EFFORTS["thorough"].frontier)
    assert word is not None
    assert probe.run(word[None]).first_wrong() == (0, len(word) - 1)


@pytest.mark.parametrize("operands", [1, 2, 3])
def test_orbits_end_where_states_repeat(operands: int) -> None:
    net = BinaryAdderRNN.from_parameters(Machine(operands).parameters("sigmoid", "float64"))
    probe = Probe(net)
    rungs = ((64, 12, 2), (64, 12, 1_000_000))
    assert follow_hints(probe, [(1, 0), (1,) * 7], rungs) is None
    assert search_orbits(probe, 64, rungs) is None
    assert probe.work < 1_000_000 * probe.weight


def test_symbols_of_many_operands_are_sampled() -> None:
    probe = Probe(BinaryAdderRNN.from_parameters(Machine(8).parameters("sigmoid", "float64")))
    assert search_frontier(probe, 64, 3) is None
    assert 0 < probe.work < 200 * probe.weight


SAME = [case for case in FEW if case.trigger is None or case.steps < 150]
AS_TRAINED: list[dict[str, Any]] = [
    {"seed": 0, "recipe": "adam"},
    {"seed": 0, "recipe": "notebook"},
    {"seed": 1, "dtype": "float32"},
    {"seed": 38, "activation": "tanh"},
    {"seed": 7, "operands": 3},
]


def falsify_with_both(net: BinaryAdderRNN, **options: Any) -> Refuted | None:
    """Demand the same answer with both kernels, and return it."""
    answers = [
        falsify(
            BinaryAdderRNN.from_parameters(
                net.parameters, net.settings.activation, dtype=net.settings.dtype, backend=backend
            ),
            **options,
        )
        for backend in ("python", "native")
    ]
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.thorough(one_in=17)
@pytest.mark.parametrize("case", SAME, ids=str)
def test_both_backends_find_the_same_wrong_sum(native: Any, case: AdversarialNetwork) -> None:
    found = falsify_with_both(case.network, effort="medium")
    assert found is not None or case.trigger is None or len(case.symbols) > 20


@pytest.mark.parametrize("options", AS_TRAINED, ids=str)
def test_both_backends_say_the_same_of_trained_networks(
    native: Any, options: dict[str, Any]
) -> None:
    net = hasty(**options)
    hints = [(1, 2, 0), (3,), (0, 3, 1, 1)]
    falsify_with_both(net, hints=hints, effort="medium")


@pytest.mark.slow
def test_both_backends_find_what_only_thorough_effort_finds(native: Any) -> None:
    found = falsify_with_both(hasty(2, 768, recipe="adam"), effort="thorough")
    assert found is not None and found.wrong_bit > 30


@pytest.mark.parametrize("level", ["baseline", "x86_64_v3", "x86_64_v4"])
def test_every_instruction_set_finds_the_same(native: Any, level: str) -> None:
    if not native.isas().get(level):
        pytest.skip("this machine does not have it")
    net = hasty(0, 1024, recipe="adam")
    expected = falsify(net, effort="medium")
    native.use_isa(level)
    try:
        assert falsify(net, effort="medium") == expected
    finally:
        native.use_isa(None)


def test_short_sums_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = trained(2)
    tried: list[int] = []
    first_error = net.kernels.first_error
    monkeypatch.setattr(
        net.kernels, "first_error", lambda *args: tried.append(args[2]) or first_error(*args)
    )
    falsifier = Falsifier(net)
    assert falsifier.search_shortly() is None
    for effort in ("quick", "medium", "medium"):
        assert falsifier.search(effort) is None
    assert tried == [EFFORTS["quick"].exhaustive // 2, EFFORTS["medium"].exhaustive // 2]


def test_no_search_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    net = trained(2)
    words: list[bytes] = []
    run = Probe.run
    monkeypatch.setattr(Probe, "run", lambda *args: words.append(args[1].tobytes()) or run(*args))
    assert falsify(net, effort="medium") is None
    at_once = words.copy()
    words.clear()
    falsifier = Falsifier(net)
    for effort in ("quick", "quick", "medium", "medium"):
        assert falsifier.search(effort) is None
    assert words == at_once
    words.clear()
    assert falsifier.search("medium", [(1,), (3, 0)]) is None  # new, if much like the others
    assert 0 < len(words) < len(at_once)


def restless(units: int) -> BinaryAdderRNN:
    """Return an exact adder in which two units go round for ever, and others do nothing."""
    parameters = Machine(2).parameters("tanh", "float64")
    first = len(parameters["output_weights"])
    for name, array in parameters.items():
        more = [(0, units - first if size == first else 0) for size in array.shape]
        parameters[name] = np.pad(array, more) if more else array
    turn = 2 * np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    parameters["hidden_weights"][first : first + 2, first : first + 2] = turn
    parameters["hidden_bias"][first] = 0.1
    return BinaryAdderRNN.from_parameters(parameters, activation="tanh")


@needs_native
def test_large_networks_are_followed_for_fewer_periods() -> None:
    """So that a search takes little longer than with 64 units."""
    work = {}
    for units in (16, 64, 256):
        probe = Probe(restless(units))
        assert search_orbits(probe, 16, ((8, 60, 40),)) is None
        work[units] = round(probe.work / probe.weight)
    assert work[16] == work[64] > 8 * work[256]


def test_nothing_is_said_against_proved_networks() -> None:
    for seed in (2, 4) if NATIVE else (2,):
        assert falsify(trained(seed), hints=[(1,), (3, 0)], effort="thorough") is None


@pytest.mark.parametrize("operands", [1, 3, 8])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_nothing_is_said_against_exact_adders(operands: int, activation: str) -> None:
    net = BinaryAdderRNN.from_parameters(
        Machine(operands).parameters(activation, "float64"), activation=activation
    )
    assert falsify(net, effort="quick") is None


def test_a_logit_of_zero_says_0() -> None:
    """Which is right where the bit is 0, however little it proves."""
    nothing = {
        "input_weights": np.zeros((3, 2)),
        "hidden_weights": np.zeros((3, 3)),
        "output_weights": np.zeros(3),
    }
    net = BinaryAdderRNN.from_parameters(nothing)
    refutation = confirm(net, falsify(net))
    assert sorted(refutation.operands) == [0, 1]
    assert refutation.got == 0


def test_a_wrong_bit_above_the_operands_is_brought_in() -> None:
    """A network that outputs 1 above all operands: `add` gets there with a longer one."""
    net = build(
        "says 1",
        "sigmoid",
        "float64",
        2,
        lambda machine: trapdoor(machine, 0, 20),
        alarm=1.0,
    ).network
    refutation = confirm(net, falsify(net))
    assert refutation.wrong_bit == 20
    assert sorted(refutation.operands) == [0, 1 << 21]


def test_every_effort_of_a_proof_is_one_of_a_search() -> None:
    assert list(EFFORTS) == list(PORTFOLIO)


# Shrinking ---------------------------------------------------------------------------------------


def test_a_wrong_word_shrinks_to_what_matters() -> None:
    case = next(case for case in SOON if case.name == "floating lock")
    noise = np.random.default_rng(1).integers(0, 4, 100).astype(np.uint8)
    word = np.concatenate([noise, case.symbols])
    probe = Probe(case.network)
    found = probe.run(word[None]).first_wrong()
    assert found is not None and found[1] > 100
    wrong = word[: found[1] + 1]
    assert np.array_equal(shrink(probe, wrong, 10_000_000)[: len(LOCK)], LOCK)


def test_shrinking_keeps_to_its_budget() -> None:
    case = next(case for case in SOON if case.name == "drift 64")
    probe = Probe(case.network)
    word = shrink(probe, case.symbols, 300)
    assert probe.work <= 300
    assert probe.run(word[None]).first_wrong() == (0, len(word) - 1)
