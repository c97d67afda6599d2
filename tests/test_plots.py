"""Pictures are drawn and hold what they should; whether they are beautiful, people have to say."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import binadd
from binadd import BinaryAdderRNN, InvalidInputError

pytest.importorskip("matplotlib")

from binadd import benchmark, plots
from binadd.benchmark.report import Report, Row, Section
from binadd.plots.figures import GREEN, ORANGE, PALE_GREEN
from binadd.proof.automaton import Automaton


def texts(figure: Any) -> list[str]:
    """All that is written in a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def words(figure: Any) -> str:
    """Join lines that were broken."""
    return " ".join(" ".join(texts(figure)).split())


def drawn(figure: Any) -> list[tuple[str, Any]]:
    """Every text that is drawn, with its box: of ticks those within the axes only."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    seen: list[Any] = []
    draw = Text.draw

    def note(text: Any, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            seen.append(text)
        draw(text, renderer)

    with mock.patch.object(Text, "draw", note):
        FigureCanvasAgg(figure).draw()
    return [(text.get_text(), text.get_window_extent()) for text in seen]


def assert_legible(figure: Any) -> None:
    """No text leaves the picture, and none lies on another."""
    boxes, page = drawn(figure), figure.bbox
    assert boxes
    for text, box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1, f"{text!r} is cut off at a side"
        assert page.y0 <= box.y0 and box.y1 <= page.y1, f"{text!r} is cut off above or below"
    for (text, box), (other, its) in combinations(boxes, 2):
        assert not box.overlaps(its), f"{text!r} and {other!r} overlap"


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


def test_phases_and_new_beginnings_are_parted() -> None:
    def step(sequences: int, restarts: int, noise: float) -> binadd.Progress:
        return binadd.Progress(sequences, 1, 0.0, 8, 2.0, 0.75, 0.1, restarts, 0, noise)

    begun = [step(100, 0, False), step(200, 0, False)]
    again = [step(300, 1, False), step(400, 1, False)]
    last = [step(500, 1, True), step(600, 1, True)]
    plain = plots.learning_curve(begun)
    assert len(plain.axes[0].lines) == 1
    assert "Dotted" not in words(plain) and "Shaded" not in words(plain)
    figure = plots.learning_curve(begun + again + last)
    for axes in figure.axes:
        dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
        curves = [list(line.get_xdata()) for line in axes.lines if line not in dotted]
        assert curves == [[100, 200], [300, 400], [500, 600]]
        assert [list(line.get_xdata()) for line in dotted] == [[200, 200]]
        (shade,) = axes.patches
        assert list(shade.get_extents().transformed(axes.transData.inverted()).intervalx) == [
            pytest.approx(400),
            pytest.approx(600),
        ]
    assert "Dotted: the network started again with other weights." in words(figure)
    assert "Shaded: the last phase" in words(figure)
    assert_legible(figure)


def test_no_history() -> None:
    with pytest.raises(InvalidInputError, match="no progress to draw"):
        plots.learning_curve([])


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize("params", [{}, {"activation": "tanh"}, {"operands": 3}], ids=str)
def test_hidden_states(params: dict[str, Any], tmp_path: Path) -> None:
    net = BinaryAdderRNN(5, **params)
    integers = (23, 42, 7)[: net.settings.operands]
    figure = plots.hidden_states(net, *integers)
    image = figure.axes[1].images[0].get_array()
    steps = binadd.encode([integers]).shape[1]
    assert image.shape == (5, steps)
    assert {*map(str, integers), "carry after", "said"} <= set(texts(figure))
    assert {"input", "true value", "right output", "wrong output"} <= set(texts(figure))
    assert "Units are sorted by the carry: at the top those that are higher" in words(figure)
    assert_legible(figure)
    plots.save(figure, tmp_path / "states.png")


def row_of(figure: Any, name: str) -> tuple[list[int], list[str]]:
    """Return the bits of a row below the units and their colours, lowest bit first."""
    from matplotlib.colors import to_hex

    axes = figure.axes[2]
    names = [label.get_text() for label in axes.get_yticklabels()]
    steps = len(axes.texts) // len(names)
    row = slice(names.index(name) * steps, (names.index(name) + 1) * steps)
    bits = [int(text.get_text()) for text in axes.texts[row]]
    return bits, [to_hex(patch.get_facecolor()).upper() for patch in axes.patches[row]]


@pytest.mark.thorough(one_in=6)
@pytest.mark.parametrize(
    ("operands", "seed", "integers"),
    [
        (2, 0, (23, 42)),
        (2, 1, (4095, 1)),
        (4, 0, (1, 2, 3, 4)),
        (8, 0, tuple(range(1000, 1008))),
        (8, 0, (2**61 - 1,) * 8),
        (8, 0, (888_888_888,) * 8),
    ],
)
def test_every_bit_is_right_or_wrong_by_itself(
    operands: int, seed: int, integers: tuple[int, ...]
) -> None:
    net = BinaryAdderRNN(16, operands=operands, seed=seed)
    answer, true = net.add(*integers), sum(integers)
    assert answer != true
    figure = plots.hidden_states(net, *integers)
    said, colours = row_of(figure, "said")
    right, _ = row_of(figure, "true sum")
    assert binadd.decode([said, right]) == [answer, true]
    for bit, its, colour in zip(said, right, colours, strict=True):
        assert colour == (ORANGE if bit != its else GREEN if bit else PALE_GREEN)
    assert f"= {answer}, says the network, but it is {true}" in words(figure)
    assert_legible(figure)


def test_a_right_answer_needs_no_true_sum() -> None:
    net = BinaryAdderRNN(seed=1)
    binadd.train(net)
    figure = plots.hidden_states(net, 2**62 + 12345, 2**63 - 1)
    assert "true sum" not in texts(figure)
    assert set(row_of(figure, "said")[1]) == {GREEN, PALE_GREEN}
    assert f"= {2**62 + 12345 + 2**63 - 1}, says the network, and is right" in words(figure)
    assert_legible(figure)


def test_a_carry_that_stays_sorts_nothing() -> None:
    figure = plots.hidden_states(BinaryAdderRNN(5), 4, 3)
    units = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert units == ["0", "1", "2", "3", "4"]
    assert "the network's own order, since the carry is 0 after every bit" in words(figure)


@pytest.mark.thorough(one_in=4)
@pytest.mark.parametrize("hidden_size", [1, 32, 33, 256])
def test_many_units_share_the_height(hidden_size: int) -> None:
    figure = plots.hidden_states(BinaryAdderRNN(hidden_size), 23, 42)
    units = figure.axes[1]
    assert units.images[0].get_array().shape[0] == hidden_size
    assert len(units.get_yticklabels()) == {1: 1, 32: 32, 33: 17, 256: 32}[hidden_size]
    assert figure.get_figheight() < 12
    assert_legible(figure)


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
    assert "before the slash is how many of the input bits are ones" in words(figure)
    plots.save(figure, tmp_path / "automaton.svg")


@pytest.mark.thorough(one_in=8)
@pytest.mark.parametrize("operands", range(1, 9))
def test_arrows_and_their_texts_keep_apart(operands: int) -> None:
    from matplotlib.patches import FancyArrowPatch

    ones = np.array([symbol.bit_count() for symbol in range(2**operands)])
    total = np.arange(operands)[:, None] + ones
    machine = Automaton(operands, total % 2, total // 2, operands, ())
    figure = plots.automaton(machine)
    assert {text for label in machine.arrows().values() for text in label} <= set(
        "   ".join(texts(figure)).split()
    )
    assert_legible(figure)
    axes = figure.axes[0]
    labels = [text.get_window_extent() for text in axes.texts if "/" in text.get_text()]
    for arrow in (patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)):
        path = axes.transData.transform_path(arrow.get_path())
        points = [point for part in path.to_polygons(closed_only=False) for point in part]
        assert not any(label.contains(x, y) for label in labels for x, y in points)


@pytest.mark.slow
def test_timings(tmp_path: Path) -> None:
    report = benchmark.run(2, 2, repeats=1)
    report.plot(tmp_path / "bench.png")
    written = texts(plots.timings(report))
    assert "NumPy reference" in written
    assert (tmp_path / "bench.png").stat().st_size > 10_000


@pytest.mark.parametrize("scaling", [False, True])
def test_sections_and_scaling(scaling: bool) -> None:
    def row(name: str, microseconds: float) -> Row:
        return Row(name, microseconds, microseconds, microseconds / 2, "")

    rows = [
        row("notebook's code", 447),
        row("NumPy reference", 12345.6),
        row("native x86_64_v3", 2),
    ]
    sections = [Section(f"Training, an update for {n} sequences", "sequence", rows) for n in "123"]
    tables: dict[str, list[dict[str, Any]]] = {
        "Steps": [{"steps": n, "online": 1.0 * n, "batches of 64": 0.5 * n} for n in (8, 16, 32)],
        "Batch size": [{"batch size": n, "µs": 1 + 1 / n} for n in (1, 4)],
        "Threads": [{"threads": 1, "µs": 0.7, "speed-up": 1, "processor's µs": 0.7}],
    }
    machine = {"binadd": "1", "processor": "a processor"}
    settings = {"hidden_size": 16, "steps": 8, "dtype": "float64"}
    figure = plots.timings(Report(machine, settings, sections, tables if scaling else {}))
    written = texts(figure)
    assert "12,346 µs   6,173×" in written
    assert {"native", "NumPy reference", "others"} <= set(written)
    assert "binadd 1 on a processor: 16 hidden units, 8 steps, float64" in written
    curves = {axes.get_title(loc="left"): axes.lines for axes in figure.axes if axes.lines}
    if scaling:
        assert {name: len(lines) for name, lines in curves.items()} == {
            "Steps: µs per sequence": 2,
            "Batch size: µs per sequence": 1,
            "Threads: µs per sequence": 2,
        }
        assert list(curves["Steps: µs per sequence"][0].get_ydata()) == [8, 16, 32]
    else:
        assert not curves
    assert_legible(figure)


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
