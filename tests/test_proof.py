"""`prove` never gives a wrong verdict, and seldom none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from grafts import RUN, grafted
from liars import Liar, liars
from proved import KINDS, attempt, certified, trained

import binadd
from binadd import BinaryAdderRNN, proof
from binadd.errors import CertificateError, InvalidInputError
from binadd.proof import Proved, Refuted, Undecided, prove
from binadd.proof.certificate import weights_digest
from binadd.proof.enclosure import Cases, Enclosure, Reached
from binadd.proof.falsify import falsify
from binadd.proof.search import (
    Adaptive,
    AffineForms,
    Attempt,
    Boxes,
    Found,
    Missed,
    Sampler,
    affine,
    shorten,
)
from binadd.proof.search.following import MOST_FOLLOWED
from binadd.proof.search.histories import MOST_EDGES, Histories, History, affordable_depth, uniform


def test_a_trained_network_is_proved() -> None:
    net = trained(2)
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    assert verdict.status == "proved"
    assert verdict.margin > 0
    binadd.check(verdict.certificate, net)


def test_an_untrained_network_is_refuted() -> None:
    verdict = prove(BinaryAdderRNN(8, seed=5), effort="quick")
    assert isinstance(verdict, Refuted)
    net = BinaryAdderRNN(8, seed=5)
    assert verdict.got == net.add(*verdict.operands) != sum(verdict.operands) == verdict.expected
    assert (verdict.got ^ verdict.expected) >> verdict.wrong_bit & 1


def test_a_verdict_is_of_the_network_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    net = trained(2).copy()
    before, other = net.copy(), BinaryAdderRNN(**net.get_params())

    class Meanwhile(Sampler):
        """Of a network that another thread begins anew while it is being proved."""

        def __init__(self, enclosure: Enclosure) -> None:
            net.state = other.state
            super().__init__(enclosure)

    monkeypatch.setattr(proof, "Sampler", Meanwhile)
    verdict = prove(net)
    assert isinstance(verdict, Proved) and net == other
    assert verdict.network == before
    binadd.check(verdict.certificate, before)
    assert len(verdict.automaton) == 2


def test_what_is_wrong_on_short_words_is_not_put_to_the_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "LADDER", {"quick": ()})
    assert isinstance(prove(BinaryAdderRNN(8, operands=5), effort="quick"), Refuted)


def test_operands_of_many_digits_can_be_shown() -> None:
    shown = repr(Refuted((1, 2**20_000), wrong_bit=0, got=0, expected=2**20_000 + 1))
    assert "operands=(1, an integer of 20001 bits), wrong_bit=0, got=0" in shown


def test_verdicts_and_states_are_shown_in_a_line() -> None:
    net = trained(4)
    shown = repr(prove(net)), repr(net.state)
    assert shown[0].startswith("Proved(certificate=Certificate(digest='")
    assert all(len(line) < 400 and "\n" not in line for line in shown)


def test_the_margin_is_held() -> None:
    net = trained(4)
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    bits = np.random.default_rng(0).integers(0, 2, (200, 100, 2))
    assert np.abs(net.decision_function(bits)).min() >= verdict.margin


def test_verdicts_do_not_depend_on_the_backend(make: Callable[..., BinaryAdderRNN]) -> None:
    net = trained(2)
    other = make(8, seed=2)
    other.state = net.state
    first, second = prove(net, effort="quick"), prove(other, effort="quick")
    assert first.status == second.status == "proved"
    assert isinstance(first, Proved) and isinstance(second, Proved)
    assert first.certificate.plans == second.certificate.plans


@pytest.mark.parametrize(
    "params",
    [
        {
            "activation": "tanh",
            "learning_rate": 0.05,
            "clip_norm": 1.0,
            "hidden_size": 6,
            "seed": 4,
        },
        {"dtype": "float32"},
        {"biases": False, "hidden_size": 16, "seed": 3},
        {"operands": 1},
        {"hidden_size": 5},
    ],
    ids=str,
)
def test_every_kind_of_network_can_be_proved(params: dict[str, object]) -> None:
    net = trained(**{"seed": 3, **params})  # type: ignore[arg-type]
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    binadd.check(verdict.certificate, net)


def test_an_effort_must_be_known() -> None:
    with pytest.raises(InvalidInputError, match="effort"):
        prove(BinaryAdderRNN(4), effort="heroic")


# Liars ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("liar", liars(), ids=str)
def test_no_liar_is_proved(liar: Liar) -> None:
    """Not by any attempt that `prove` makes, and not at the search's full effort."""
    enclosure = Enclosure(liar.network)
    if not enclosure.finite:
        return
    for how in (Boxes(1), Boxes(2), AffineForms(1, steps=3, cases=600)):
        with np.errstate(all="ignore"):
            assert attempt(liar.network, how) is None


@pytest.mark.parametrize("liar", [one for one in liars(100) if "float64-2" in str(one)], ids=str)
def test_no_liar_is_proved_with_all_effort(liar: Liar) -> None:
    with np.errstate(all="ignore"):
        if Enclosure(liar.network).finite:
            assert (
                attempt(liar.network, Adaptive(2, histories=150, work=1_000_000, rounds=12))
                is None
            )


@pytest.mark.parametrize("kind", KINDS)
def test_no_liar_has_anothers_certificate(kind: str) -> None:
    _, certificate = certified(kind)
    with pytest.raises(CertificateError):
        binadd.check(certificate, liars(100)[0].network)


GRAFTS: dict[str, dict[str, Any]] = {
    "sigmoid": {"seed": 2},
    "float32": {"seed": 3, "dtype": "float32"},
    "without biases": {"seed": 3, "hidden_size": 16, "biases": False},
    "tanh": {
        "activation": "tanh",
        "learning_rate": 0.05,
        "clip_norm": 1.0,
        "hidden_size": 6,
        "seed": 4,
    },
}


@pytest.mark.parametrize("kind", GRAFTS)
def test_a_trapdoor_in_a_proved_network_is_found(kind: str) -> None:
    """And whoever adds its units to the certificate proves nothing."""
    net = trained(**GRAFTS[kind])
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    other = grafted(net)
    assert isinstance(prove(other, effort="quick"), Refuted | Undecided)
    refutation = falsify(other, effort="thorough")
    assert refutation is not None and RUN <= refutation.wrong_bit <= RUN + 1
    enclosure = Enclosure(other)
    count, size = len(verdict.certificate), enclosure.size - len(net.parameters["output_weights"])
    anywhere = np.full((count, size), 1.0)  # each of the added units is within ±1
    anywhere[0] = 0.0
    extended = dataclasses.replace(
        verdict.certificate,
        digest=weights_digest(other),
        step_error=enclosure.step_error,
        logit_error=enclosure.logit_error,
        centres=np.concatenate([verdict.certificate.centres, 0 * anywhere], axis=1),
        radii=np.concatenate([verdict.certificate.radii, 1.001 * anywhere], axis=1),
    )
    with pytest.raises(CertificateError, match=r"bit may be wrong|not inside set"):
        binadd.check(extended, other)


def test_weights_that_may_overflow_prove_nothing() -> None:
    net = trained(2)
    for scale in (1e30, 1e300):
        parameters = {name: array * scale for name, array in net.parameters.items()}
        huge = BinaryAdderRNN.from_parameters(parameters)
        assert not isinstance(prove(huge, effort="quick"), Proved)
    broken = BinaryAdderRNN.from_parameters(net.parameters)
    broken.parameters["hidden_weights"][0, 0] = np.nan
    assert not isinstance(prove(broken, effort="quick"), Proved)


def test_a_logit_of_zero_proves_nothing() -> None:
    nothing = BinaryAdderRNN.from_parameters(
        {
            "input_weights": np.zeros((3, 2)),
            "hidden_weights": np.zeros((3, 3)),
            "output_weights": np.zeros(3),
        }
    )
    assert isinstance(prove(nothing, effort="quick"), Refuted | Undecided)


# Plans ------------------------------------------------------------------------------------------


def test_plans_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """By sets that hold as well, as the checker confirms."""
    enclosure = Enclosure(trained(4))
    how, sampler = AffineForms(1, steps=5, cases=5000), Sampler(enclosure)
    monkeypatch.setattr(shorten, "LONG", 0)
    short = how.run(enclosure, sampler)
    monkeypatch.setattr(affine, "shortened", lambda *arguments: arguments[2])
    long = how.run(enclosure, sampler)
    assert isinstance(short, Found) and isinstance(long, Found)
    assert sum(map(len, short.plans)) < sum(map(len, long.plans))
    for found in (short, long):
        binadd.check(found.certificate(enclosure, weights_digest(trained(4))), trained(4))


# Histories --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operands", "depth"), [(1, 2), (2, 0), (2, 2), (3, 1), (8, 0)])
def test_uniform_histories(operands: int, depth: int) -> None:
    graph = uniform(operands, depth)
    assert len(graph) == operands * 2 ** (operands * depth)
    assert len(set(graph.histories)) == len(graph)
    assert graph.carries.tolist() == [history.carry for history in graph.histories]


@pytest.mark.parametrize("operands", range(1, 9))
def test_histories_are_as_long_as_is_affordable(operands: int) -> None:
    depth = affordable_depth(operands, 30)
    assert operands << operands * (depth + 1) <= MOST_EDGES < operands << operands * (depth + 2)
    assert affordable_depth(operands, 0) == 0


ATTEMPTS = (Boxes(2), AffineForms(2), Adaptive(2, histories=1000, work=1_000_000))


@pytest.mark.parametrize("operands", [2, 5, 8])
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: type(attempt).__name__)
def test_work_is_bounded(operands: int, attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many symbols there are, and even if a single round could exceed it."""
    enclosure = Enclosure(BinaryAdderRNN(operands=operands, seed=1))
    affine, stepped, generators = Enclosure.affine, [0], [0]

    def counted(self: Enclosure, cases: Cases) -> Reached:
        reached = affine(self, cases)
        stepped.append(len(cases.z) << operands)
        generators.append(stepped[-1] * reached.A.shape[2])
        return reached

    monkeypatch.setattr(Enclosure, "affine", counted)
    missed = attempt.run(enclosure, Sampler(enclosure))
    assert isinstance(missed, Missed)
    assert missed.histories <= (MOST_EDGES >> operands) + operands * 2**operands
    assert max(stepped) <= MOST_FOLLOWED
    if isinstance(attempt, Adaptive):
        first = 2 * MOST_EDGES * enclosure.size  # a round's first step is always taken
        assert sum(generators) <= 4 * attempt.work + first


def test_a_split_stops_at_the_most() -> None:
    tree = Histories(8, 0)
    assert not tree.split(list(tree.leaves), 300)
    assert 300 < len(tree.leaves) <= 300 + 8 * 2**8
    assert Histories(2, 1).split(list(Histories(2, 1).leaves))


@pytest.mark.parametrize("operands", [2, 3])
def test_histories_follow_any_word(operands: int) -> None:
    """After any split, the tables lead every word where its history says."""
    generator = np.random.default_rng(operands)
    tree = Histories(operands, 1)
    for _ in range(4):
        leaves = list(tree.leaves)
        tree.split([leaves[i] for i in generator.choice(len(leaves), 2, replace=False)])
    graph = tree.graph()
    for _ in range(50):
        history, level, q, carry = History(0), 0, 0, 0
        for symbol in generator.integers(0, 1 << operands, 20).tolist():
            total = carry + symbol.bit_count()
            carry = total // 2
            history = history.then(symbol)
            if level >= 0:
                entry = int(graph.start[level][q, symbol])
                level, q = (level + 1, entry) if entry >= 0 else (-1, -1 - entry)
            else:
                assert graph.signs[q, symbol] == (1 if total % 2 else -1)
                q = int(graph.successors[q, symbol])
            if level < 0:
                leaf = graph.histories[q]
                assert history.back(len(leaf.window)) == leaf
                assert graph.carries[q] == carry


def test_undecided_says_what_it_tried() -> None:
    """A network that is right as far as anyone knows, but with margins too small to prove."""
    undecided = [
        verdict
        for liar in liars()
        if "ring 1021020-sigmoid-float64-2" in str(liar)
        for verdict in [prove(liar.network, effort="quick")]
    ]
    for verdict in undecided:
        assert isinstance(verdict, Undecided)
        assert verdict.tried and verdict.reached and verdict.advice


def test_a_digest_tells_networks_apart() -> None:
    nets = [
        BinaryAdderRNN(4, seed=0),
        BinaryAdderRNN(4, seed=1),
        BinaryAdderRNN(4, dtype="float32"),
    ]
    nets.append(BinaryAdderRNN(4, activation="tanh"))
    nets.append(BinaryAdderRNN(4, biases=False))
    assert len({weights_digest(net) for net in nets}) == len(nets)
    assert weights_digest(BinaryAdderRNN(4)) == weights_digest(BinaryAdderRNN(4))
