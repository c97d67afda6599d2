"""`prove` never gives a wrong verdict, and seldom none."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from adversarial import AdversarialNetwork, adversarial_networks
from backdoored import RUN, backdoored
from proved import KINDS, certified, trained
from weights import put

import binadd
from binadd import BinaryAdderRNN, proof
from binadd.errors import CertificateError, InvalidInputError, UndecidedError
from binadd.form import form_of
from binadd.kernels.mode import quiet_ieee_mode
from binadd.proof import Proved, Refuted, Undecided, prove
from binadd.proof.bounds import Bounds
from binadd.proof.boxes import BoxShape
from binadd.proof.certificate import Certificate, weights_digest
from binadd.proof.closure import (
    MOST_WORK,
    START_BITS,
    Failure,
    Found,
    Strategy,
    affordable,
    close,
)
from binadd.proof.contexts import MOST_EDGES, affordable_depth, uniform
from binadd.proof.falsify import Falsifier
from binadd.proof.memory import slowest_word
from binadd.proof.samples import Sampler
from binadd.proof.sets import MOST_CELLS, MOST_SAMPLED, CellShape, Sets


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
        """A sampler whose network another thread resets while it is being proved."""

        def __init__(self, bounds: Bounds, samples: int) -> None:
            net.state = other.state
            super().__init__(bounds, samples)

    monkeypatch.setattr(proof, "Sampler", Meanwhile)
    verdict = prove(net)
    assert isinstance(verdict, Proved) and net == other
    assert verdict.network == before
    binadd.check(verdict.certificate, before)
    assert len(verdict.automaton) == 2


def test_what_is_wrong_on_short_words_is_not_put_to_the_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "PORTFOLIO", {"quick": ()})
    assert isinstance(prove(BinaryAdderRNN(8, operands=5), effort="quick"), Refuted)


def test_a_verdict_is_true_if_the_network_is_right() -> None:
    assert prove(trained(2))
    assert not prove(BinaryAdderRNN(8, seed=5), effort="quick")
    undecided = Undecided(tried=(), reached="nothing", advice="none")
    for ask in (bool, lambda verdict: not verdict, lambda verdict: [1 for _ in [0] if verdict]):
        with pytest.raises(UndecidedError, match="is neither true nor false: compare its status"):
            ask(undecided)
    assert undecided == dataclasses.replace(undecided)


def test_operands_of_many_digits_can_be_shown() -> None:
    shown = repr(Refuted((1, 2**20_000), wrong_bit=0, got=0, expected=2**20_000 + 1))
    assert "operands=(1, an integer of 20001 bits), wrong_bit=0, got=0" in shown


def test_verdicts_and_states_are_shown_in_a_line() -> None:
    net = trained(4)
    shown = repr(prove(net)), repr(net.state)
    assert shown[0].startswith("Proved(margin=")
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
    first, second = prove(net, effort="medium"), prove(other, effort="medium")
    assert isinstance(first, Proved) and isinstance(second, Proved)
    assert first.certificate.to_json() == second.certificate.to_json()


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


# Adversarial networks -------------------------------------------------------------------------


NATIVE = BinaryAdderRNN(1).kernels.NAME == "native"
SMALL = (
    Strategy(1, BoxShape(0.1, 0, 0.3), affine=False, steps=1, rounds=25),
    Strategy(2, BoxShape(0.1, 0, 0.3), affine=False, steps=1, rounds=25),
    Strategy(1, BoxShape(0.3, 0, 0.3), steps=3, rounds=8, work=2000),
    Strategy(1, CellShape(0.5, 0.4), steps=3, work=2000),
    Strategy(1, CellShape(0.5, 0.4), steps=3, lead=2, work=2000),
    Strategy(1, CellShape(0.1, 0.1), steps=3, most_steps=9, work=2000),
)
LARGE = (
    *proof.PORTFOLIO["quick"],
    *proof.PORTFOLIO["medium"],
    Strategy(2, CellShape(0.3, 0.4), steps=3, work=100_000),
    Strategy(2, CellShape(0.15, 0.1), steps=2, lead=3, most_steps=9, work=100_000),
)


def demand_no_proof(net: BinaryAdderRNN, strategies: tuple[Strategy, ...]) -> None:
    bounds = Bounds(net)
    if bounds.finite:
        sampler = Sampler(bounds)
        with np.errstate(all="ignore"):
            for strategy in strategies:
                plan = affordable(strategy, bounds.form, bounds.size)
                assert plan is None or isinstance(close(bounds, sampler, plan), Failure)


@pytest.mark.thorough(one_in=23)
@pytest.mark.parametrize("case", adversarial_networks(), ids=str)
def test_no_adversarial_network_is_proved(case: AdversarialNetwork) -> None:
    """Not by intervals, zonotopes or cells; in Python large ones by the quickest alone."""
    small = NATIVE or case.network.state.block.size <= 21 * 16
    demand_no_proof(case.network, SMALL if small else SMALL[:1])


@pytest.mark.thorough
@pytest.mark.parametrize(
    "case", [one for one in adversarial_networks(100) if "float64-2" in str(one)], ids=str
)
def test_no_adversarial_network_is_proved_with_all_effort(case: AdversarialNetwork) -> None:
    demand_no_proof(case.network, LARGE if NATIVE else SMALL)


@pytest.mark.parametrize("kind", KINDS)
def test_no_adversarial_network_has_anothers_certificate(kind: str) -> None:
    _, certificate = certified(kind)
    with pytest.raises(CertificateError):
        binadd.check(certificate, adversarial_networks(100)[0].network)


BACKDOORED: dict[str, dict[str, Any]] = {
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


@pytest.mark.parametrize("kind", BACKDOORED)
def test_a_trapdoor_in_a_proved_network_is_found(kind: str) -> None:
    """And whoever adds its units to the certificate proves nothing."""
    net = trained(**BACKDOORED[kind])
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    other = backdoored(net)
    assert isinstance(prove(other, effort="quick"), Refuted | Undecided)
    with quiet_ieee_mode():
        refutation = Falsifier(other).search("thorough")
    assert refutation is not None and RUN <= refutation.wrong_bit <= RUN + 1
    bounds, proved = Bounds(other), verdict.certificate
    more = bounds.size - len(net.parameters["output_weights"])
    frames = np.zeros((len(proved.frames), bounds.size, bounds.size))
    frames[:, :-more, :-more] = proved.frames
    frames[:, range(-more, 0), range(-more, 0)] = 1
    extended = dataclasses.replace(
        proved,
        digest=weights_digest(other),
        step_error=bounds.step_error,
        logit_error=bounds.logit_error,
        centres=np.pad(proved.centres, [(0, 0), (0, more)]),
        frames=frames,
        middles=np.pad(proved.middles, [(0, 0), (0, more)]),
        halves=np.pad(proved.halves, [(0, 0), (0, more)], constant_values=1.001),  # anywhere
    )
    with pytest.raises(CertificateError, match=r"bit may be wrong|not in the set"):
        binadd.check(extended, other)


def test_weights_that_may_overflow_prove_nothing() -> None:
    net = trained(2)
    for scale in (1e30, 1e300):
        parameters = {name: array * scale for name, array in net.parameters.items()}
        huge = BinaryAdderRNN.from_parameters(parameters)
        assert not isinstance(prove(huge, effort="quick"), Proved)
    broken = BinaryAdderRNN.from_parameters(net.parameters)
    put(broken, "hidden_weights", (0, 0), np.nan)
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


def test_equal_proofs_are_equal() -> None:
    net = trained(1)
    one, other = prove(net), prove(net.copy())
    assert isinstance(one, Proved) and isinstance(other, Proved)
    assert one == other and len({one, other}) == 1
    certificate = one.certificate
    assert certificate == Certificate.from_json(other.certificate.to_json())
    assert len({certificate, other.certificate}) == 1
    assert certificate != dataclasses.replace(certificate, steps=certificate.steps + 1)
    assert certificate != prove(trained(2)).certificate  # type: ignore[union-attr]
    assert one != prove(trained(2)) and one != certificate and certificate != 1
    assert one != dataclasses.replace(one, tolerance=0.1)


# Certificates are the same everywhere -----------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_certificates_do_not_depend_on_the_kernels(
    kind: str, make: Callable[..., BinaryAdderRNN]
) -> None:
    """To the last byte, whatever the backend and the instruction set."""
    net, certificate = certified(kind)
    other = make(**net.get_params())
    other.state = net.state
    bounds = Bounds(other)
    found = close(bounds, Sampler(bounds), KINDS[kind][0])
    assert isinstance(found, Found)
    again = found.certificate(bounds, weights_digest(net))
    assert dataclasses.replace(again, steps=found.steps).to_json() == certificate.to_json()


# Contexts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operands", "depth"), [(1, 2), (2, 0), (2, 2), (3, 1), (8, 0)])
def test_uniform_contexts(operands: int, depth: int) -> None:
    table = uniform(form_of((1,) * operands), depth)
    assert len(table.contexts) == operands * 2 ** (operands * depth)
    assert len(set(table.contexts)) == len(table.contexts)
    assert len(set(table.names)) == len(table.names) == len(table.carries)
    assert table.starts.shape[1] == max(depth, 1)


@pytest.mark.parametrize("operands", range(1, 9))
def test_contexts_are_as_long_as_is_affordable(operands: int) -> None:
    form = form_of((1,) * operands)
    depth = affordable_depth(form, 30)
    assert operands << operands * (depth + 1) <= MOST_EDGES < operands << operands * (depth + 2)
    assert affordable_depth(form, 0) == 0


STRATEGIES = [strategy for effort in ("quick", "medium") for strategy in proof.PORTFOLIO[effort]]


@pytest.mark.thorough
@pytest.mark.parametrize("operands", [2, 5, 8] if NATIVE else [2])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_work_is_bounded(operands: int, strategy: Strategy) -> None:
    """However many symbols there are, and even if a single round could exceed it."""
    bounds = Bounds(BinaryAdderRNN(operands=operands, seed=1))
    plan = affordable(strategy, bounds.form, bounds.size)
    assert plan is not None
    failure = close(bounds, Sampler(bounds), plan)
    assert isinstance(failure, Failure)
    assert failure.contexts <= (MOST_EDGES >> operands) + operands * 2**operands


def test_large_networks_are_tried_within_their_means() -> None:
    strategies = [one for effort in proof.PORTFOLIO.values() for one in effort]
    form = form_of((1, 1))
    assert [affordable(one, form, 16) for one in strategies] == strategies
    plans = [plan for one in strategies if (plan := affordable(one, form, 256)) is not None]
    assert [type(plan.shape) for plan in plans] == [BoxShape] * len(proof.PORTFOLIO["quick"])
    assert all(0 < plan.work * 256**3 <= MOST_WORK for plan in plans)
    assert [affordable(plan, form, 256) for plan in plans] == plans


@pytest.mark.slow
@pytest.mark.skipif(not NATIVE, reason="too slow in Python")
def test_proofs_of_large_networks_are_accepted() -> None:
    net = BinaryAdderRNN(96, seed=1)
    assert binadd.train(net).status == "proved"
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    binadd.check(verdict.certificate, net)


def test_huge_weights_do_not_make_millions_of_cells() -> None:
    shape = CellShape(0.1, 0.1)
    case = next(one for one in adversarial_networks() if "fading 64-sigmoid" in str(one))
    bounds = Bounds(case.network)
    sampler = Sampler(bounds)
    table = uniform(bounds.form, 1)
    sets = Sets(
        bounds,
        shape,
        sampler,
        table,
        *reversed(sampler.starts(table)),
    )
    most = MOST_SAMPLED + len(table.contexts) * (2 * MOST_CELLS + 2)
    assert len(table.contexts) < len(sets) <= most
    assert (sets.cells.low <= sets.cells.high).all(axis=1).any()


@pytest.mark.skipif(not NATIVE, reason="too slow in Python")
def test_what_leaves_all_cells_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few cells reach nowhere near the first states, which must take more steps than others."""
    monkeypatch.setattr("binadd.proof.sets.MOST_CELLS", 0)
    net = trained(17, clip_norm=2.0, activation="tanh")
    bounds, shape = Bounds(net), CellShape(0.001, 0.2)
    strategy = Strategy(1, shape, lead=3, cells=100_000, budget=100_000)
    assert isinstance(close(bounds, Sampler(bounds), strategy), Failure)
    patient = dataclasses.replace(strategy, most_steps=16)
    found = close(bounds, Sampler(bounds), patient)
    assert isinstance(found, Found)
    binadd.check(found.certificate(bounds, weights_digest(net)), net)


@pytest.mark.parametrize(
    ("operands", "depth", "later"), [(2, 0, 1), (2, 2, 0), (2, 1, 2), (3, 1, 1)]
)
def test_states_soon_after_the_start(operands: int, depth: int, later: int) -> None:
    """Those after all words of one length, each in its context."""
    net = BinaryAdderRNN(4, operands=operands, seed=3)
    table, sampler = uniform(form_of((1,) * operands), depth), Sampler(Bounds(net))
    owners, states = sampler.starts(table, later)
    words = list(product(range(1 << operands), repeat=max(depth, 1) + later))
    assert len(owners) == len(states) == len(words)
    for word, owner, state in zip(words, owners.tolist(), states, strict=True):
        context = 0
        for symbol in word:
            context = table.successors[context, symbol]
        assert owner == context - table.prefixes
        assert np.array_equal(state, sampler.after(np.array([word], np.uint8))[0])


def test_a_lead_is_no_longer_than_is_affordable() -> None:
    strategy = Strategy(3, CellShape(0.3, 0.4), lead=9)
    for operands in range(1, 9):
        plan = affordable(strategy, form_of((1,) * operands), 16)
        assert plan is not None
        longest = operands * (max(plan.depth, 1) + plan.lead)
        assert longest <= START_BITS or plan.lead == 0
        assert longest + operands > START_BITS or plan.lead == 9


@pytest.mark.parametrize(("operands", "depth"), [(1, 0), (1, 3), (2, 0), (2, 1), (2, 3), (3, 2)])
def test_contexts_are_known_after_any_word(operands: int, depth: int) -> None:
    """The table leads every word where its last symbols say."""
    generator = np.random.default_rng(operands)
    table = uniform(form_of((1,) * operands), depth)
    assert table.carries[0] == 0 and table.names[0] == "start"
    for _ in range(50):
        carries, word, q = [0], (), 0
        for symbol in generator.integers(0, 1 << operands, 20).tolist():
            word = (*word, symbol)
            carries.append((carries[-1] + symbol.bit_count()) // 2)
            q = int(table.successors[q, symbol])
            assert table.carries[q] == carries[-1]
            if q < table.prefixes:
                assert table.names[q].split()[1:] == [str(x) for x in word]
            else:
                carry, last = table.contexts[q - table.prefixes]
                assert word[len(word) - len(last) :] == last
                assert carries[len(word) - len(last)] == carry


# Undecided --------------------------------------------------------------------------------------


def test_progress_is_told() -> None:
    told: list[proof.ProofProgress] = []
    assert prove(trained(2), progress=told.append).status == "proved"
    assert told and all(1 <= one.attempt <= one.attempts for one in told)
    assert told[0].contexts == 8 and told[0].unsettled > 0


def test_words_are_as_many_as_can_be_run() -> None:
    """Of five operands there are 32,768 words of three symbols: those are left out."""
    memory = slowest_word(BinaryAdderRNN(3, operands=5, seed=1))
    assert len(memory.word) in (1, 2) and 0 < memory.rate < 1


def test_a_verdict_can_be_pickled_and_checked_elsewhere() -> None:
    net = trained(2)
    verdict = prove(net)
    assert isinstance(verdict, Proved)
    for again in (pickle.loads(pickle.dumps(verdict)), copy.copy(verdict)):
        assert again.certificate.to_json() == verdict.certificate.to_json()
        assert (again.margin, again.step_error) == (verdict.margin, verdict.step_error)
        assert binadd.check(again.certificate, net)


def test_the_slowest_word_is_named() -> None:
    """One unit that keeps half of itself under the symbol 3, and less under the others."""
    parameters = {
        "input_weights": np.array([[1.0, 1.0]]),
        "hidden_weights": np.array([[-2.0]]),
        "hidden_bias": np.array([-2.0]),
        "output_weights": np.array([1.0]),
        "output_bias": np.array(0.0),
    }
    memory = slowest_word(BinaryAdderRNN.from_parameters(parameters))
    h = 0.5
    for _ in range(200):
        h = 1 / (1 + np.exp(2 * h))
    assert set(memory.word) == {3}
    assert memory.rate == pytest.approx(2 * h * (1 - h), abs=0.01)


@pytest.mark.thorough
def test_undecided_says_what_it_tried() -> None:
    """A network that no search refutes, but whose margins are too small to prove."""
    undecided = [
        verdict
        for case in adversarial_networks()
        if "ring 1021020-sigmoid-float64-2" in str(case)
        for verdict in [prove(case.network, effort="quick")]
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
