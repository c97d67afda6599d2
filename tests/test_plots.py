"""Pictures are drawn and hold what they should; whether they are beautiful, people have to say."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from proved import certified

import binadd
from binadd import BinaryAdderRNN, InvalidInputError

pytest.importorskip("matplotlib")

from binadd import benchmark, plots
from binadd.automaton import Automaton, Unit
from binadd.benchmark.summary import Report, Row, Section
from binadd.form import form_of, with_minus
from binadd.plots.figures import BLUE, GREEN, ORANGE, PALE_GREEN
from binadd.plots.sweeps import wilson
from binadd.proof import Proved


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
    assert top.lines[0].get_ydata()[0] == history[0].loss / 3
    assert list(bottom.lines[0].get_xdata()) == [p.sequences for p in history]
    for ending in ("png", "svg", "pdf"):
        path = tmp_path / f"curve.{ending}"
        plots.save(plots.learning_curve(history), path)
        first = path.read_bytes()
        plots.save(plots.learning_curve(history), path)
        if ending != "pdf":  # which names its fonts at random
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
        curves = [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-"]
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


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize(
    ("params", "training", "marks"),
    [
        ({"seed": 0}, {}, ["right on short numbers and proved"]),
        ({"seed": 0}, {"until": "exact"}, ["right on short numbers"]),
        ({"seed": 0, "dtype": "float32"}, {"until": 1000}, []),
        ({"operands": 3, "batch_size": 8}, {"max_sequences": 2000}, []),
    ],
    ids=str,
)
def test_training_again(
    params: dict[str, Any], training: dict[str, Any], marks: list[str]
) -> None:
    net = BinaryAdderRNN(**params)
    run = binadd.train(net, **training)
    history, again = plots.train_again(net)
    assert (again.status, again.sequences) == (run.status, run.sequences)
    assert history[-1].sequences == run.sequences
    twice, _ = plots.train_again(net)
    assert [replace(p, seconds=0) for p in history] == [replace(p, seconds=0) for p in twice]
    assert 30 <= len(history) <= 130
    figure = plots.learning_curve(history, again)
    assert [text.get_text() for text in figure.axes[0].texts] == marks
    loss = net.settings.loss.replace("_", " ")
    assert f"The loss is the {loss}." in words(figure) and "guessing" in words(figure)
    assert_legible(figure)


def test_a_run_that_never_happened_is_not_drawn() -> None:
    net = BinaryAdderRNN(seed=0)
    with pytest.raises(InvalidInputError, match="has not been trained"):
        plots.train_again(net)
    binadd.train(net, until=256)
    binadd.train(net, until=512)
    assert plots.train_again(net)[1].sequences == 512  # the same data, the same weights
    net.parameters["output_bias"] = 0.5
    with pytest.raises(InvalidInputError, match="this network comes to other weights"):
        plots.train_again(net)


def test_marks_apart_and_marks_close() -> None:
    def step(sequences: int, failed_proofs: int) -> binadd.Progress:
        return binadd.Progress(
            sequences, 1, 0.0, 8, 2.0, 0.75, 0.1, 0, failed_proofs, failed_proofs > 0
        )

    net = BinaryAdderRNN()
    early = [step(100, 0), step(200, 1), step(1000, 2)]
    run = binadd.training.TrainingRun("proved", 1000, 1000, 0, 0.0, 8, network=net)
    figure = plots.learning_curve(early, run)
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "right on short numbers",
        "proved",
    ]
    assert_legible(figure)
    late = plots.learning_curve([step(100, 0), step(900, 0), step(1000, 1)], run)
    assert [text.get_text() for text in late.axes[0].texts] == [
        "right on short numbers, then proved"
    ]
    assert_legible(late)


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
    assert {*map(str, integers), "carry after", "output"} <= set(texts(figure))
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
    said, colours = row_of(figure, "output")
    right, _ = row_of(figure, "true sum")
    assert binadd.decode([said, right]) == [answer, true]
    for bit, its, colour in zip(said, right, colours, strict=True):
        assert colour == (ORANGE if bit != its else GREEN if bit else PALE_GREEN)
    assert f"= {answer}, which is wrong: it is {true}" in words(figure)
    assert_legible(figure)


def test_a_right_answer_needs_no_true_sum() -> None:
    net = BinaryAdderRNN(seed=1)
    binadd.train(net)
    figure = plots.hidden_states(net, 2**62 + 12345, 2**63 - 1)
    assert "true sum" not in texts(figure)
    assert set(row_of(figure, "output")[1]) == {GREEN, PALE_GREEN}
    assert f"= {2**62 + 12345 + 2**63 - 1}, which is right" in words(figure)
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
    picture = (tmp_path / "automaton.svg").read_text("utf-8")
    assert BLUE.lower() in picture
    named = re.findall(r'(?:fill|stroke): ([^;"]+)', picture)
    assert all(re.fullmatch(r"none|#[0-9a-f]{6}", colour) for colour in named)


def test_units_show_what_they_hold() -> None:
    net = BinaryAdderRNN(seed=1)
    machine = binadd.train(net).verdict.automaton
    figure = plots.automaton(machine)
    units = plots.by_role(machine)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == [
        f"unit {unit.index}" for unit in units
    ]
    assert f"separates {units[0].role}" in texts(figure)
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[1].patches]
    for unit, drawn in zip(units, np.array(bars).reshape(len(units), -1, 2), strict=True):
        for (low, high), (left, right) in zip(unit.ranges, drawn, strict=True):
            assert left == low and right >= high - 1e-9
    assert "total of a step is the number of its ones plus the carry before it" in words(figure)
    assert_legible(figure)
    assert_legible(plots.units(machine))


@pytest.mark.parametrize("params", [{}, {"activation": "tanh"}, {"operands": 3}], ids=str)
def test_states(params: dict[str, Any]) -> None:
    net = BinaryAdderRNN(6, **params)
    figure = plots.state_space(net)
    assert len(figure.axes[0].collections) == net.settings.operands
    assert {f"carry {carry}" for carry in range(net.settings.operands)} <= set(texts(figure))
    assert_legible(figure)


def test_sets_are_drawn_around_states() -> None:
    from matplotlib.path import Path as Outline

    from binadd.plots.state_space import _shadow

    net = BinaryAdderRNN(seed=0)
    verdict = binadd.train(net).verdict
    certificate = verdict.certificate
    sets, *marks = plots.state_space(net, verdict).axes[0].collections
    outlines = sets.get_paths()
    assert len(outlines) == len(certificate.cells)
    points = np.concatenate([np.asarray(mark.get_offsets()) for mark in marks])
    inside = np.any([outline.contains_points(points) for outline in outlines], axis=0)
    assert inside.mean() > 0.9  # others are on their way from one set to another
    # The corners of a box lie within its shadow, and some on its edge.
    generator = np.random.default_rng(0)
    plane = np.linalg.qr(generator.normal(size=(16, 2)))[0].T
    for number, (context, _) in enumerate(certificate.cells):
        signs = generator.choice([-1, 1], (200, 16))
        y = certificate.middles[number] + signs * certificate.halves[number]
        frame = certificate.frame[context]
        x = certificate.centres[context] + (
            y if frame < 0 else np.linalg.solve(certificate.frames[frame], y.T).T
        )
        shadow = Outline(_shadow(certificate, number, plane, np.zeros(16)))
        if certificate.widths[context] == 0:
            assert shadow.contains_points(x @ plane.T, radius=1e-9).all() or (
                shadow.contains_points(x @ plane.T, radius=-1e-9).all()
            )


def test_a_cut_set_is_drawn_as_far_as_its_slab() -> None:
    """In the plane of its first two axes its shadow is a rectangle."""
    from binadd.plots.state_space import MOST_SETS, _sets_in_words, _shadow

    _, certificate = certified("cells")
    for number, (context, k) in enumerate(certificate.cells):
        width, frame = certificate.widths[context], certificate.frame[context]
        middle, half = certificate.middles[number], certificate.halves[number]
        if frame < 0:
            continue
        low, high = middle[0] - half[0], middle[0] + half[0]
        if width:
            low, high = max(low, (k - 0.5) * width), min(high, (k + 0.5) * width)
        plane = certificate.frames[frame][:2]
        shadow = _shadow(certificate, number, plane, certificate.centres[context])
        found = [*shadow.min(0), *shadow.max(0)]
        wanted = [low, middle[1] - half[1], max(low, high), middle[1] + half[1]]
        np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert (certificate.widths > 0).any()
    assert f"{MOST_SETS + 1} sets around them, too many" in _sets_in_words(MOST_SETS + 1)


def test_a_run_that_diverges_now_is_not_drawn() -> None:
    net = BinaryAdderRNN(4, seed=0)
    binadd.train(net, until=64)
    net.learning_rate = 1e300
    with pytest.raises(InvalidInputError, match="its settings or weights were changed since"):
        plots.train_again(net)


def test_totals_that_a_form_does_not_have_are_left_out() -> None:
    """Of 2a + 2b all totals are even."""
    from matplotlib.figure import Figure

    coefficients = (2, 2)
    form = form_of(coefficients)
    total = np.arange(form.carries)[:, None] + form.weights.astype(int)
    ranges = tuple(
        (0.0, 1.0) if t in total else (np.inf, -np.inf) for t in range(2 * form.carries)
    )
    unit = Unit(0, ranges)
    machine = Automaton(2, total % 2, total // 2, 0, (unit,), coefficients)
    axes = plots.units(machine, axes=Figure((5, 2)).subplots())
    assert len(axes.patches) == sum(low <= high for low, high in ranges)


def test_axes_are_taken_and_returned() -> None:
    from matplotlib.figure import Figure

    net = BinaryAdderRNN(seed=1)
    verdict = binadd.train(net).verdict
    one, other, third = Figure((12, 4)).subplots(1, 3)
    assert plots.state_space(net, verdict, axes=one) is one and one.collections
    assert plots.automaton(verdict.automaton, axes=other) is other and other.patches
    assert plots.units(verdict.automaton, axes=third) is third and third.patches


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


@pytest.mark.parametrize("coefficients", [(1, -1), (3,), (-1, -1), (1, -3), (4, -4)], ids=str)
def test_the_machine_of_a_form(coefficients: tuple[int, ...]) -> None:
    form = form_of(coefficients)
    total = np.arange(form.carries)[:, None] + form.weights.astype(int)
    count = len(coefficients)
    figure = plots.automaton(Automaton(count, total % 2, total // 2, 0, (), coefficients))
    carries = set(map(with_minus, range(form.lowest, form.lowest + form.carries)))
    assert carries | {"start"} <= set(texts(figure))
    assert "the sum of the coefficients of the operands" in words(figure)
    assert_legible(figure)


def test_pictures_of_a_difference() -> None:
    net = BinaryAdderRNN(coefficients=(1, -1), seed=0)
    binadd.train(net)
    figure = plots.hidden_states(net, 4, 9)
    assert "4 − 9 = −5, which is right" in words(figure)
    assert_legible(figure)
    verdict = binadd.prove(net)
    figure = plots.state_space(net, verdict)
    assert {"carry −1", "carry 0"} <= set(texts(figure))
    assert isinstance(verdict, Proved)
    figure = plots.automaton(verdict.automaton)
    assert {"−1/1", "0/0", "separates carry −1 from 0"} <= set(
        "   ".join(texts(figure)).split("   ")
    )
    total = "total of a step is the sum of the coefficients of the operands whose bit is 1, plus"
    assert total in words(figure) and total in words(plots.units(verdict.automaton))


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


def network(seed: int, size: int, sequences: int | None, status: str, **more: Any) -> Any:
    """Return a row of a sweep."""
    verdict = more.pop("verdict", "proved" if status == "proved" else None)
    row = {"seed": seed, "hidden_size": size, "sequences": sequences, "status": status}
    return row | {"verdict": verdict, "wrong_bit": None} | more


def curves(axes: Any) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_shares_of_a_sweep_are_drawn() -> None:
    from matplotlib.figure import Figure

    rows = [
        network(0, 8, 300, "proved"),
        network(1, 8, 100, "proved"),
        network(2, 8, 400, "limit"),
    ]
    rows += [network(seed, 16, 200, "proved") for seed in range(3)]
    figure = plots.shares(rows)
    slow, quick = figure.axes[0].lines
    assert slow.get_label() == "hidden size 8" and quick.get_label() == "hidden size 16"
    assert list(slow.get_xdata()) == [0, 100, 300, 400]
    assert np.allclose(slow.get_ydata(), [0, 100 / 3, 200 / 3, 200 / 3])
    assert list(quick.get_ydata())[-1] == 100
    assert_legible(figure)
    axes = Figure().subplots()
    assert plots.shares(rows[:3], axes=axes) is axes and axes.get_legend() is None
    for draw in (plots.sweep, plots.shares, plots.heat_map):
        with pytest.raises(InvalidInputError, match="no network to draw"):
            draw([])


def test_networks_that_learnt_and_are_not_proved_have_a_line_of_their_own() -> None:
    rows = [network(seed, 8, 100 * seed, "exact", verdict="proved") for seed in (1, 2)]
    rows += [network(3, 8, 400, "exact", verdict="refuted", wrong_bit=9)]
    learnt, proved = plots.shares(rows).axes[0].lines
    assert learnt.get_linestyle() == "-" and list(learnt.get_ydata())[-1] == 100
    assert proved.get_linestyle() == "--" and np.isclose(list(proved.get_ydata())[-1], 200 / 3)


def test_wilson() -> None:
    """The bounds of scipy.stats.binomtest(k, n).proportion_ci(method="wilson")."""
    for count, of, expected in [
        (0, 10, (0.0, 0.277533)),
        (3, 10, (0.107791, 0.603222)),
        (50, 1000, (0.038130, 0.065314)),
        (1, 1, (0.206549, 1.0)),
    ]:
        assert np.allclose(wilson(count, of), expected, atol=1e-6)
        low, high = wilson(of - count, of)
        assert np.allclose((1 - high, 1 - low), expected, atol=1e-6)


def test_a_sweep_with_diverged_networks_is_drawn() -> None:
    """They have no count of sequences."""
    diverged = network(0, 8, None, "diverged")
    (line,) = plots.sweep([diverged, network(1, 8, 300, "proved")]).axes[0].lines
    assert list(line.get_ydata()) == [0, 50, 50]
    (line,) = plots.sweep([diverged]).axes[0].lines
    assert list(line.get_ydata()) == [0, 0]


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize("sizes", [1, 2, 8, 9])
def test_all_that_a_sweep_found_is_drawn(sizes: int) -> None:
    """Each panel where there is something to draw; colours say for which networks, once."""
    rows = [
        network(
            seed,
            size,
            100 * seed + size,
            "exact",
            recipe=recipe,
            verdict="refuted" if seed == 3 else "proved",
            wrong_bit=2**size if seed == 3 else None,
            seconds=0.01 * (seed + 1),
        )
        for recipe in ("default", "sgd")
        for size in range(4, 4 + sizes)
        for seed in range(4)
    ]
    figure = plots.sweep(rows)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    maps = ["Share proved for every length"] * (sizes > 1)
    assert titles == [
        "How many learnt, and how soon",
        *maps,
        "Where refuted networks err",
        "How long a network takes",
    ]
    together = "of all values of hidden size together" in words(figure)
    assert together == (sizes > 4)  # there are eight colours
    if sizes > 1:
        assert texts(figure).count("75 %") == 2 * sizes
    assert_legible(figure)


@pytest.mark.parametrize("most", [0.0121, 0.0145, 0.05, 0.11, 1.1, 110.0])
def test_logarithmic_axes_have_two_labels_at_least(most: float) -> None:
    share = np.linspace(0, 1, 40)
    rows = [
        network(i, 8, int(120 * 14**s), "proved", seconds=0.012 * (most / 0.012) ** s)
        for i, s in enumerate(share.tolist())
    ]
    figure = plots.sweep(rows)
    assert_legible(figure)
    seen = [text for text, _ in drawn(figure)]
    for axes in figure.axes:
        assert axes.get_xscale() == "log"
        labels = {label.get_text() for label in axes.get_xticklabels()} & set(seen)
        assert len(labels) >= 2 and all(label in seen for label in labels)


def test_panels_that_rows_do_not_allow() -> None:
    rows = [network(seed, 8, 100, "proved") for seed in range(2)]
    assert len(plots.sweep(rows).axes) == 1
    with pytest.raises(InvalidInputError, match="a heat map needs two parameters that differ"):
        plots.heat_map(rows)
    with pytest.raises(InvalidInputError, match="'units' is not a parameter of these networks"):
        plots.heat_map(rows, "units")
    with pytest.raises(InvalidInputError, match="no network that came to its goal was refuted"):
        plots.first_errors(rows)
    with pytest.raises(InvalidInputError, match="these rows have no seconds"):
        plots.times(rows)


def test_a_heat_map_of_networks_without_verdicts() -> None:
    rows = [
        network(seed, size, 100, "exact" if seed < size else "limit", momentum=momentum)
        for size in (1, 2)
        for momentum in (0.5, 0.9)
        for seed in range(2)
    ]
    figure = plots.heat_map(rows, "momentum")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("momentum", "hidden size")
    assert [text.get_text() for text in axes.texts] == ["50 %", "50 %", "100 %", "100 %"]
    assert axes.get_title(loc="left") == "Share that came to their goal"
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
