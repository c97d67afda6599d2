"""The demonstration: what it shows is so, at any width, on any terminal."""

import json

import pytest

from binadd import BinaryAdderRNN, prove, train
from binadd.cli import main
from binadd.cli.demo import _shade


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["demo", *options]) == 0
    return capsys.readouterr().out


def test_fits_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).splitlines()
    assert max(map(len, lines)) <= 52
    assert len(lines) <= 40


def test_shows_what_the_network_computes(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown(capsys, "--json"))
    net = BinaryAdderRNN(seed=0)
    run = train(net)
    assert (found["status"], found["sequences"], found["sum"]) == ("proved", run.sequences, 65)
    hasty = BinaryAdderRNN(seed=1)
    train(hasty, until="exact")
    wrong = found["refuted"]
    assert prove(hasty).status == "refuted"
    assert hasty.add(*wrong["operands"]) == wrong["got"] != sum(wrong["operands"])
    assert (wrong["got"] ^ sum(wrong["operands"])) & -(1 << wrong["wrong_bit"]) != 0


def test_does_without_blocks_where_there_are_none() -> None:
    assert set(_shade([0.0, 0.5, 1.0], "ascii")) == {".", "+", "#"}
    assert set(_shade([0.0, 0.5, 1.0], "utf-8")) == {"·", "▒", "█"}
