"""`falsify` finds what is wrong, makes it small, and never accuses a network that is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from flaws import LOCK, trapdoor
from liars import Liar, liars, lie
from machine import Machine
from proved import trained

from binadd import BinaryAdderRNN, train
from binadd.bits import sum_length
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.kernels import load
from binadd.kernels.reference import exact_sums
from binadd.proof.falsify import EFFORTS, falsify
from binadd.proof.probe import Probe
from binadd.proof.shrink import shrink
from binadd.proof.verdict import Refuted

NATIVE = load().NAME == "native"
SOON = liars(2500) if NATIVE else [one for one in liars(120) if str(one).endswith("float64-2")]
FAR = [liar for liar in liars() if liar.lie is not None and liar.steps > 2500]
FEW = [liar for liar in SOON if str(liar).endswith(("sigmoid-float64-2", "tanh-float32-3"))]
QUICKLY_FOUND = ("drift 64", "run drift 64", "chain drift 64", "forgetful 64")

needs_native = pytest.mark.skipif(not NATIVE, reason="too slow in Python")


def confirm(net: BinaryAdderRNN, refutation: Refuted | None) -> Refuted:
    """Whatever is said of a network is so."""
    assert refutation is not None
    got, expected = net.add(*refutation.operands), sum(refutation.operands)
    assert (refutation.got, refutation.expected) == (got, expected)
    assert got != expected
    assert (got ^ expected) % (2 << refutation.wrong_bit) == 1 << refutation.wrong_bit
    return refutation


# The liars themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize("liar", [one for one in SOON if one.lie is not None], ids=str)
def test_a_liar_lies_where_it_says(liar: Liar) -> None:
    operands, bit = liar.operands, liar.wrong_bit
    wrong = liar.network.add(*operands) ^ sum(operands)
    assert wrong % (2 << bit) == 1 << bit
    assert sum_length(operands) > bit


@pytest.mark.parametrize("liar", SOON, ids=str)
def test_a_liar_is_right_on_short_words(liar: Liar) -> None:
    net = liar.network
    bits = 6 if liar.operand_count == 2 else 4
    assert net.kernels.first_error(net.state.architecture, net.state.block, bits) is None


@pytest.mark.parametrize("liar", FEW, ids=str)
def test_a_liar_is_right_on_random_words(liar: Liar) -> None:
    """Up to its wrong bit, on words that do not happen to be its own."""
    length = 40 if liar.lie is None else min(40, liar.wrong_bit)
    symbols = np.random.default_rng(0).integers(
        0, 1 << liar.operand_count, (500, length), dtype=np.uint8
    )
    state = liar.network.state
    logits = liar.network.kernels.forward(state.architecture, state.block, symbols).logits
    assert np.array_equal(logits > 0, exact_sums(symbols, liar.operand_count))


@needs_native
@pytest.mark.parametrize("liar", [one for one in FAR if "float64-2" in str(one)], ids=str)
def test_a_patient_liar_lies_in_the_end(liar: Liar) -> None:
    assert liar.wrong_bit > 900_000
    assert liar.network.add(*liar.operands) != sum(liar.operands)


@pytest.mark.parametrize(
    "liar", [one for one in SOON if str(one).startswith("drowned") and "32" in str(one)], ids=str
)
def test_some_lie_by_the_rounding_of_float32_alone(liar: Liar) -> None:
    exact = BinaryAdderRNN.from_parameters(liar.parameters, liar.activation, dtype="float64")
    assert exact.add(*liar.operands) == sum(liar.operands) != liar.network.add(*liar.operands)
    assert falsify(exact, effort="quick") is None


# Finding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("liar", FEW if NATIVE else FEW[1:4], ids=str)
def test_thorough_effort_finds_every_lie(liar: Liar) -> None:
    refutation = falsify(liar.network, effort="thorough")
    if liar.lie is None:
        assert refutation is None
    else:
        assert confirm(liar.network, refutation).wrong_bit <= liar.wrong_bit


@pytest.mark.slow
@needs_native
@pytest.mark.parametrize("liar", [one for one in FAR if "float64-2" in str(one)], ids=str)
def test_thorough_effort_finds_lies_a_million_bits_away(liar: Liar) -> None:
    refutation = confirm(liar.network, falsify(liar.network, effort="thorough"))
    assert refutation.wrong_bit <= liar.wrong_bit + 6


@pytest.mark.parametrize("liar", [one for one in SOON if one.name in QUICKLY_FOUND], ids=str)
def test_quick_effort_follows_what_drifts(liar: Liar) -> None:
    assert confirm(liar.network, falsify(liar.network)).wrong_bit == liar.wrong_bit


def test_a_hint_is_followed() -> None:
    """The lock is beyond quick effort, unless it is told where to look."""
    liar = next(liar for liar in SOON if liar.name == "floating lock")
    assert falsify(liar.network) is None
    refutation = confirm(liar.network, falsify(liar.network, hints=[(1, 2), LOCK, ()]))
    assert refutation.wrong_bit == liar.wrong_bit


@needs_native
def test_a_wrong_bit_after_wide_margins_is_found() -> None:
    """It comes after 18 symbols whose own margins are none of the smallest."""
    net = BinaryAdderRNN(seed=0, recipe="adam")
    assert train(net, until="exact").status == "exact"
    confirm(net, falsify(net, effort="thorough"))


def test_untrained_networks_are_refuted(make: Callable[..., BinaryAdderRNN]) -> None:
    for operands in range(2, 9):
        net = make(6, operands=operands, seed=operands)
        confirm(net, falsify(net))


def test_the_backend_makes_no_difference(make: Callable[..., BinaryAdderRNN]) -> None:
    net = make(8, seed=3)
    assert falsify(net) == falsify(BinaryAdderRNN(8, seed=3))


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
    """A network that says 1 above all operands: `add` gets there with a longer one."""
    net = lie(
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


def test_an_effort_must_be_known() -> None:
    net = BinaryAdderRNN(4)
    with pytest.raises(InvalidInputError, match="effort"):
        falsify(net, effort="endless")
    with pytest.raises(InvalidTypeError, match="effort"):
        falsify(net, effort=3)  # type: ignore[arg-type]
    assert set(EFFORTS) == {"quick", "thorough"}


# Shrinking ---------------------------------------------------------------------------------------


def test_a_wrong_word_shrinks_to_what_matters() -> None:
    liar = next(liar for liar in SOON if liar.name == "floating lock")
    noise = np.random.default_rng(1).integers(0, 4, 100).astype(np.uint8)
    word = np.concatenate([noise, liar.symbols])
    probe = Probe(liar.network)
    wrong = probe.first_wrong_word(word[None])
    assert wrong is not None and len(wrong) > 100
    assert np.array_equal(shrink(probe, wrong, 10_000_000)[: len(LOCK)], LOCK)


def test_shrinking_keeps_to_its_budget() -> None:
    liar = next(liar for liar in SOON if liar.name == "drift 64")
    probe = Probe(liar.network)
    word = shrink(probe, liar.symbols, 300)
    assert probe.work <= 300
    assert probe.run_words(word[None]).first_wrong() == (0, len(word) - 1)
