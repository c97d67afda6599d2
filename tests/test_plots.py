"""Pictures are drawn and hold what they should; whether they are beautiful, people have to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import binadd
from binadd import BinaryAdderRNN, InvalidInputError

pytest.importorskip("matplotlib")

from binadd import benchmark, plots


def texts(figure: Any) -> list[str]:
    """All that is written in a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def test_learning_curve(tmp_path: Path) -> None:
    history: list[binadd.Progress] = []
    binadd.train(BinaryAdderRNN(4), bits=3, until=300, progress=history.append)
    figure = plots.learning_curve(history)
    top, bottom = figure.axes
    assert top.lines[0].get_ydata()[0] == history[0].loss
    assert list(bottom.lines[0].get_xdata()) == [p.sequences for p in history]
    for ending in ("png", "svg", "pdf"):
        path = tmp_path / f"curve.{ending}"
        plots.save(figure, path)
        first = path.read_bytes()
        plots.save(plots.learning_curve(history), path)
        if ending == "png":  # the others name their parts at random
            assert path.read_bytes() == first


def test_no_history() -> None:
    with pytest.raises(InvalidInputError, match="no progress to draw"):
        plots.learning_curve([])


@pytest.mark.parametrize("params", [{}, {"activation": "tanh"}, {"operands": 3}], ids=str)
def test_hidden_states(params: dict[str, Any], tmp_path: Path) -> None:
    net = BinaryAdderRNN(5, **params)
    integers = (23, 42, 7)[: net.settings.operands]
    figure = plots.hidden_states(net, *integers)
    image = figure.axes[1].images[0].get_array()
    steps = binadd.encode([integers]).shape[1]
    assert image.shape == (5, steps)
    assert {*map(str, integers), "carry after", "said"} <= set(texts(figure))
    plots.save(figure, tmp_path / "states.png")


def test_wrong_bits_are_marked() -> None:
    wrong = plots.hidden_states(BinaryAdderRNN(4), 23, 42)
    assert "✗" in texts(wrong)


@pytest.mark.parametrize(
    ("integers", "sentence"),
    [
        ((1,), "adds 2 integers, not 1"),
        ((1, -1), "at least 0"),
        ((1 << 70, 1), "a sum of 72 bits is too long to be drawn: 64 at most"),
    ],
)
def test_sums_that_cannot_be_drawn(integers: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        plots.hidden_states(BinaryAdderRNN(4), *integers)


def test_automaton(tmp_path: Path) -> None:
    net = BinaryAdderRNN(seed=1)
    run = binadd.train(net)
    figure = plots.automaton(run.verdict.automaton)
    assert {"0/0   1/1", "2/0", "0/1", "1/0   2/1"} <= set(texts(figure))
    plots.save(figure, tmp_path / "automaton.svg")


@pytest.mark.slow
def test_timings(tmp_path: Path) -> None:
    report = benchmark.run(2, 2, repeats=1)
    report.plot(tmp_path / "bench.png")
    written = texts(plots.timings(report))
    assert "Python twin" in written
    assert (tmp_path / "bench.png").stat().st_size > 10_000


def test_an_unknown_ending(tmp_path: Path) -> None:
    figure = plots.hidden_states(BinaryAdderRNN(2), 1, 1)
    with pytest.raises(InvalidInputError, match=r"a picture can be .*png.*, not 'txt'"):
        plots.save(figure, tmp_path / "picture.txt")


def test_pyplot_is_left_alone() -> None:
    import subprocess
    import sys

    code = (
        "import sys, binadd.plots as plots; from binadd import BinaryAdderRNN\n"
        "plots.hidden_states(BinaryAdderRNN(2), 1, 1)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
