"""The page about a network: whole, fetching nothing, and adding to the same bits as binadd."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import binadd
from binadd import BinaryAdderRNN, InvalidTypeError

pytest.importorskip("matplotlib")

from binadd import report
from binadd.automaton import Unit
from binadd.proof import Refuted, Undecided
from binadd.report.story import describe_training, roles

NODE = shutil.which("node") or shutil.which("nodejs")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

PAIRS = 1000

RUN = """
const sums = %s;
function hex(x) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}
const bitsOf = (sum) => network.add(sum.map(BigInt)).map((step) => hex(step.probability));
const lines = sums.map((sum) => bitsOf(sum).join(" "));
"""


def test_how_a_network_was_trained_in_words() -> None:
    net = BinaryAdderRNN(4)
    assert describe_training(net) == "It has not been trained by binadd."
    binadd.train(net, until=64)
    text = describe_training(net)
    assert text.startswith("It saw 64 sums of random numbers of 8 bits, drawn from seed 0. Recipe")
    for restarts, times in ((1, "once"), (2, "2 times")):
        net.state = replace(net.state, restarts=restarts)
        assert f"seed 0, and started again with other weights {times}." in describe_training(net)


def test_units_that_hold_the_carry_only_together() -> None:
    silent = [Unit(i, ((0.0, 1.0),) * 4) for i in range(3)]
    assert roles(silent) == (
        "<p>No unit separates anything by itself: it takes several to hold the carry.</p>"
    )


def sums_of(operands: int, count: int) -> list[tuple[int, ...]]:
    """Random operands of up to 24 bits; the last ones carry far."""
    generator = np.random.default_rng(7)
    drawn = generator.integers(0, 2 ** generator.integers(1, 25, (count, 1)), (count, operands))
    rows = [tuple(row) for row in drawn.tolist()]
    rows[-2:] = [(2**24 - 1,) + (1,) * (operands - 1), (0,) * operands]
    return rows


def as_expected(net: BinaryAdderRNN, sums: list[tuple[int, ...]]) -> list[str]:
    """Return the probabilities of each sum's bits as hexadecimal doubles."""
    lines = []
    for row in sums:
        X = binadd.encode([row], coefficients=net.settings.coefficients)
        lines.append(" ".join(as_hex(net.predict_proba(X)[0])))
    return lines


def as_hex(values: Any) -> list[str]:
    """Return the bits of numbers as doubles."""
    return [f"{bits:016x}" for bits in values.astype(np.float64).view(np.uint64).tolist()]


def program(net: BinaryAdderRNN, sums: list[tuple[int, ...]]) -> str:
    script = files("binadd.report").joinpath("adder.js").read_text("utf-8")
    texts = json.dumps([[str(number) for number in row] for row in sums])
    network = f"const network = new Network({json.dumps(report.describe(net))});\n"
    return script + network + RUN % texts + 'console.log(lines.join("\\n"));\n'


def small(**params: Any) -> BinaryAdderRNN:
    """Return an untrained network whose pre-activations are anything but small."""
    net = BinaryAdderRNN(seed=3, **params)
    for name, array in net.parameters.items():
        net.parameters[name] = array * np.linspace(1, 40, array.size).reshape(array.shape)
    return net


@pytest.mark.thorough(one_in=5)
@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize(
    "shape",
    [
        {"hidden_size": 16},
        {"hidden_size": 3, "operands": 3},
        {"hidden_size": 33, "biases": False},
        {"hidden_size": 9, "operands": 1},
        {"hidden_size": 5, "coefficients": (2, -3)},
    ],
    ids=str,
)
def test_javascript_computes_the_same_bits(
    dtype: str, activation: str, shape: dict[str, Any], tmp_path: Path
) -> None:
    net = small(dtype=dtype, activation=activation, **shape)
    sums = sums_of(net.settings.operands, 100)
    script = tmp_path / "sums.js"
    script.write_text(program(net, sums), "utf-8")
    done = subprocess.run([NODE, script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == as_expected(net, sums)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_javascript_has_the_same_elementary_functions(dtype: str, tmp_path: Path) -> None:
    from binadd.kernels import load

    x = np.concatenate([np.linspace(-750, 750, 3001), np.geomspace(1e-320, 1e3, 500)]).astype(
        dtype
    )
    x = np.concatenate([x, -x, np.array([0.0, -0.0], dtype)])
    net = BinaryAdderRNN(dtype=dtype)
    script = program(net, []) + (
        f"for (const x of {json.dumps(x.tolist())})"
        " console.log(hex(network.sigmoid(x)), hex(network.tanh(x)));\n"
    )
    path = tmp_path / "functions.js"
    path.write_text(script, "utf-8")
    done = subprocess.run([NODE, path], capture_output=True, text=True, check=True)
    kernels = load()
    columns = (as_hex(kernels.activation(x, name)) for name in ("sigmoid", "tanh"))
    wanted = [f"{s} {t}" for s, t in zip(*columns, strict=True)]
    assert done.stdout.split("\n")[1:-1] == wanted


# The page ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def net() -> BinaryAdderRNN:
    net = BinaryAdderRNN(seed=0)
    binadd.train(net)
    return net


@pytest.fixture(scope="module")
def page(net: BinaryAdderRNN) -> str:
    return report.render(net)


class Outline(HTMLParser):
    """Collects tags that are open, ids, labels, and whatever would be fetched."""

    VOID = ("meta", "input", "br", "hr", "img", "link")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.inputs: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.labels += [values["for"] or ""] if tag == "label" else []
        self.inputs += [values["id"] or ""] if tag == "input" else []
        for name in ("src", "href", "xlink:href", "data"):
            if not (values.get(name) or "#").startswith("#"):
                self.fetched.append(values[name] or "")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)


def test_the_page_is_whole_and_fetches_nothing(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert outline.fetched == []
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert "default-src 'none'" in page
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.labels == outline.inputs == ["number-a", "number-b"]
    assert outline.headings == [
        "Let it add",
        "How it was trained",
        "What it remembers",
        "The machine inside it",
        "Why it is right",
    ]
    assert "<strong>Proved:</strong> it adds every pair of numbers" in page
    assert page.count('role="img"') == 3 and 'aria-live="polite"' in page


def test_pictures_have_the_page_s_colours(page: str) -> None:
    colours = set(re.findall(r'(?:fill|stroke): ([^;"]+)', page))
    assert {"var(--paper)", "var(--ink)", "var(--blue)", "var(--amber)"} <= colours
    style = page[: page.index("</style>")]
    assert all(colour == "none" or f"--{colour[6:-1]}: #" in style for colour in colours)


def test_the_same_network_has_the_same_page(net: BinaryAdderRNN, page: str) -> None:
    assert report.render(net) == page


def test_a_counterexample_is_worked_through() -> None:
    net = BinaryAdderRNN(seed=1, recipe="notebook")
    binadd.train(net, until="exact")
    verdict = binadd.prove(net)
    assert isinstance(verdict, Refuted)
    page = report.render(net, verdict)
    assert f"it outputs {verdict.got} instead of {verdict.expected}." in page
    assert "Where it goes wrong" in page and "The machine inside it" not in page
    assert page.count('<td class="wrong">') == 1
    for name, operand in zip("ab", verdict.operands, strict=True):
        assert f'id="number-{name}" value="{operand}"' in page


def test_long_counterexamples_are_shortened() -> None:
    net = BinaryAdderRNN(seed=0)
    X = 1 << 5000
    verdict = Refuted((X, 0), 5000, net.add(X, 0), X)
    page = report.render(net, verdict)
    assert "… 4,990 right bits" in page and 'value="23"' in page


def test_an_untrained_or_undecided_network(net: BinaryAdderRNN) -> None:
    page = report.render(BinaryAdderRNN(4), Undecided((), "a <b>", "more units"))
    assert "It has not been trained by binadd." in page
    assert "<p>So far: a &lt;b&gt;.</p>" in page
    changed = net.copy()
    changed.parameters["output_bias"] = 0.25
    assert "comes to other weights" in report.render(changed)


def test_the_page_of_another_form_than_a_sum() -> None:
    net = BinaryAdderRNN(4, coefficients=(3,))
    page = report.render(net, Refuted((5,), 0, 2, 15, (3,)))
    assert "<h1>A network that computes 3a for one number</h1>" in page
    assert "To compute 3a, it must keep the carry there." in page
    assert "see one bit of its number and" in page
    assert "for 3·5 it outputs 2 instead of 15." in page
    text = re.sub(r"<(style|script)[^>]*>.*?</\1>|<[^>]+>", "", page, flags=re.S)
    assert not re.search(r"\b(sums?|adds?)\b", text)


def test_only_networks_have_pages() -> None:
    with pytest.raises(InvalidTypeError):
        report.render("adder.npz")  # type: ignore[arg-type]


def in_browser(page: str, tmp_path: Path, *flags: str) -> str:
    """Return the document that a page has become."""
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    flags += ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile")
    command = [str(CHROMIUM), *flags, "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


TYPE = """
const results = document.getElementById("results");
for (const [a, b] of %s) {
  document.getElementById("number-a").value = a;
  document.getElementById("number-b").value = b;
  document.querySelector("form button").click();
  const said = ["answer", "problem"].map((id) => document.getElementById(id).textContent);
  const focus = document.activeElement.id;
  results.append(said.join("|"), "|", focus, "|", rows.childElementCount, "\\n");
}
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_numbers_are_typed_in(page: str, tmp_path: Path) -> None:
    typed = [("0x10", "0b11"), ("1_000", "2 3"), ("-1", "2"), ("1", ""), ("0", "0"), ("3", "1e3")]
    typed += [(str(2**511), "1"), (str(2**512), "1")]
    extra = f'<pre id="results"></pre><script>{TYPE % json.dumps(typed)}</script></body>'
    page = page.replace("</body>", extra)
    document = in_browser(page, tmp_path, "--force-prefers-reduced-motion")
    (results,) = re.findall(r'<pre id="results">(.*?)\n</pre>', document, re.S)
    whole = "type a whole number, such as 42, 0x2a or 0b101010."
    assert results.split("\n") == [
        "16 + 3 = 19: right.|||6",
        "1000 + 23 = 1023: right.|||11",
        f"|Number a: {whole}|number-a|0",
        f"|Number b: {whole}|number-b|0",
        "0 + 0 = 0: right.||number-b|1",
        f"|Number b: {whole}|number-b|0",
        f"{2**511} + 1 = {2**511 + 1}: right.||number-b|513",
        "|Number a: the page shows numbers of up to 512 bits.|number-a|0",
    ]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_page_adds_to_the_same_bits_in_a_browser(dtype: str, tmp_path: Path) -> None:
    net = BinaryAdderRNN(seed=0, dtype=dtype)
    binadd.train(net)
    sums = sums_of(2, PAIRS)
    texts = json.dumps([[str(number) for number in row] for row in sums])
    results = 'document.getElementById("results").textContent = lines.join("\\n");'
    extra = f'<pre id="results"></pre><script>{RUN % texts}{results}</script></body>'
    document = in_browser(report.render(net).replace("</body>", extra), tmp_path)
    (results,) = re.findall(r'<pre id="results">(.*?)</pre>', document, re.S)
    assert results.split("\n") == as_expected(net, sums)
    # What the page shows at first is added by the same code.
    assert re.search(r'<p id="answer"[^>]*>23 \+ 42 = 65: right\.</p>', document)
    assert document.count('class="strip"') == 7


# In notebooks ------------------------------------------------------------------------------------


def test_networks_verdicts_and_figures_show_themselves(net: BinaryAdderRNN) -> None:
    from binadd import plots

    assert "448 sequences, proved" in net._repr_html_()
    assert "16 hidden units, 321 weights; not trained" in BinaryAdderRNN()._repr_html_()
    assert binadd.prove(net)._repr_html_().startswith("<b>Proved</b>")
    refuted = Refuted((2**5000, 1), 3, 7, 8)._repr_html_()
    assert refuted.startswith("<b>Refuted</b>") and len(refuted) < 300
    assert "&lt;b&gt;" in Undecided((), "<b>", "")._repr_html_()
    assert plots.state_space(net)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
