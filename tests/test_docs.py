"""Everything that README and docs/ show is run, or compared with what it quotes.

```python          is run, a file's blocks one after another; what stands as a comment behind an
                   expression is its value
```python needs x  likewise, where the library x is installed
```{toctree} ...    is for Sphinx, which checks it
```python quote    stands so in the package
```c               stands so in csrc/ or examples/
```sh              its lines that begin with `binadd` are run; `# exits 1` is their exit status
```text            is what the lines above print, but for times
"""

from __future__ import annotations

import ast
import doctest
import json
import pkgutil
import re
import shlex
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import binadd
from binadd.cli import main
from binadd.kernels import native_is_installed

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="the docs are not here")


@dataclass
class Block:
    kind: str
    text: str
    line: int


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    found = re.finditer(r"^```([^\n]*)\n(.*?)^```", text, re.M | re.S)
    return [Block(m[1].strip(), m[2], text[: m.start()].count("\n") + 1) for m in found]


def run_python(block: Block, names: dict[str, Any]) -> None:
    lines = block.text.splitlines()
    for statement in ast.parse(block.text).body:
        assert statement.end_lineno is not None
        code = textwrap.dedent("\n".join(lines[statement.lineno - 1 : statement.end_lineno]))
        comment = lines[statement.end_lineno - 1].partition("  # ")[2].strip()
        if isinstance(statement, ast.Expr) and comment:
            value = eval(compile(ast.Expression(statement.value), code, "eval"), names)
            assert value is None or repr(value) == comment, f"{code} is {value!r}"
        else:
            exec(compile(ast.Module([statement], []), code, "exec"), names)


def run_shell(block: Block, capfd: pytest.CaptureFixture[str]) -> str:
    """Run what there is of `binadd`, and return all that it printed."""
    capfd.readouterr()
    for line in block.text.splitlines():
        for command in line.split("&&"):
            words = shlex.split(command, comments=True)
            if words and Path(words[0]).name == "binadd":
                wanted = re.search(r"# exits (\d+)", line)
                assert main(words[1:]) == (int(wanted[1]) if wanted else 0), line
    return "".join(reversed(capfd.readouterr()))


def without_times(text: str) -> list[str]:
    return re.sub(r"\b[\d.]+ (ms|s|min)\b", "some time", text).split()


def squeeze(text: str) -> str:
    return " ".join(text.split())


def sources(*patterns: str) -> str:
    return squeeze("\n".join(p.read_text("utf-8") for q in patterns for p in ROOT.glob(q)))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(page, marks=pytest.mark.thorough) if page.name == "bptt.md" else page
        for page in PAGES
    ],
    ids=lambda path: path.name,
)
def test_page(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # Where a run shows how it goes depends on what a slice takes, and so on the machine.
    monkeypatch.setattr("binadd.training.trainer.SLICE_SECONDS", 1e5)
    names: dict[str, Any] = {}
    printed = ""
    missing: set[str] = set()
    for block in blocks_of(path):
        kind, _, library = block.kind.partition(" needs ")
        if kind.startswith("{"):
            continue  # a directive of the documentation
        elif library and find_spec(library) is None:
            missing.add(library)
        elif kind == "python":
            run_python(block, names)
        elif block.kind == "sh":
            printed = run_shell(block, capfd)
        elif block.kind == "text":
            assert without_times(block.text) == without_times(printed), f"{path}:{block.line}"
        elif block.kind == "c":
            assert squeeze(block.text) in sources("csrc/**/*.[ch]", "examples/*.c"), block.text
        elif block.kind == "python quote":
            package = Path(binadd.__file__).parent
            texts = [squeeze(p.read_text("utf-8")) for p in package.rglob("*.py")]
            assert any(squeeze(block.text) in text for text in texts), block.text
        else:
            pytest.fail(f"{path}:{block.line}: no test knows what ```{block.kind} is")
    if missing:
        pytest.skip(f"could not import {sorted(missing)}; all else was run")


@pytest.mark.slow
def test_examples_in_docstrings() -> None:
    tried = 0
    for module in pkgutil.walk_packages(binadd.__path__, "binadd."):
        if not module.name.startswith("binadd.benchmark.peers."):  # which need their libraries
            found = doctest.testmod(import_module(module.name))
            assert found.failed == 0, module.name
            tried += found.attempted
    assert tried > 100


def test_readme_sets_up_in_two_ways() -> None:
    """One runs the main job, one the tests; both end in an active environment with this tree."""
    lines = [line for block in blocks_of(PAGES[0]) for line in block.text.splitlines()]
    ways = [line.split(" && ") for line in lines if "-m venv" in line]
    assert len(ways) == 2
    for way, then in zip(ways, ("binadd train", "pytest"), strict=True):
        assert way[:2] == ["python3 -m venv .venv", ". .venv/bin/activate"]
        assert way[2].startswith("pip install -e ") and way[3].startswith(then)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    package = Path(binadd.__file__).parent.parent
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        relative = (path.parent / target).resolve().relative_to(ROOT)
        if relative.suffix == ".pyx" and not (ROOT / "binadd").exists():
            continue  # the tests of an installed package, which holds no sources
        assert (ROOT / relative).exists() or (package / relative).exists(), target


def test_the_version_is_cited() -> None:
    assert f"\nversion: {binadd.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_hooks_have_the_versions_of_the_checks() -> None:
    hooks, tools = ROOT / ".pre-commit-config.yaml", ROOT / ".ci" / "tools.txt"
    if not hooks.exists():
        pytest.skip("the hooks are not here")  # as in an sdist
    pinned = re.findall(r"\[(\S+==\S+)\]", hooks.read_text("utf-8"))
    assert pinned and set(pinned) <= set(tools.read_text("utf-8").splitlines())


@pytest.mark.slow
@pytest.mark.skipif(not native_is_installed(), reason="the tour compares with native kernels")
def test_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells run without Jupyter, too, and each mistake is one; tools/tour.py does the rest."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(ROOT / "examples")
    names: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for cell in json.loads(Path("tour.ipynb").read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            *body, last = ast.parse("".join(cell["source"])).body
            if not isinstance(last, ast.Expr):
                body.append(last)
            exec(compile(ast.Module(body, []), cell["id"], "exec"), names)
            if isinstance(last, ast.Expr):
                expression = compile(ast.Expression(last.value), cell["id"], "eval")
                values[cell["id"]] = eval(expression, names)
    assert values["learning-code"] == "100.0% of 500 sums are right"
    for mistake in ("highest-first", "slope-code", "weights-code"):
        assert float(values[mistake].partition("%")[0]) < 20
    assert all(values[cell] is True for cell in ("forward-code", "backward-code", "same-bits"))
    assert [values[cell].status for cell in ("hasty", "refute", "mended")] == [
        "exact", "refuted", "proved"
    ]  # fmt: skip
    assert values["pytorch-prove"].status == "proved"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_example_in_c(tmp_path: Path) -> None:
    """Built as in its header, which README repeats."""
    source = (ROOT / "examples" / "adder.c").read_text("utf-8")
    command = re.search(r"gcc .* -o adder", source)
    assert command is not None
    assert command[0] in (ROOT / "README.md").read_text("utf-8")
    program = str(tmp_path / "adder")
    subprocess.run(
        command[0].replace("-o adder", f"-o {program}"), shell=True, check=True, cwd=ROOT
    )
    result = subprocess.run([program, "23", "42"], capture_output=True, text=True, check=True)
    assert "23 + 42 = 65" in result.stdout
    for numbers in (["a", "1"], ["1", "-1"], ["1", ""], ["1", "9223372036854775808"], ["1"]):
        result = subprocess.run([program, *numbers], capture_output=True, text=True)
        assert (result.returncode, result.stdout) == (2, "")
        assert "is not a whole number" in result.stderr or "usage" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("-Ofast", "-ffast-math"),
        ("-ffast-math", "-ffast-math"),
        ("-funsafe-math-optimizations", "-ffast-math"),
        ("-freciprocal-math", "-ffast-math"),
        ("-ffinite-math-only", "-ffast-math"),
        ("-fsingle-precision-constant", "constants must be double"),
    ],
)
def test_the_c_core_refuses_other_arithmetic(option: str, reason: str) -> None:
    source = str(ROOT / "csrc" / "isa" / "baseline_f64.c")
    command = ["gcc", "-fsyntax-only", "-Wfatal-errors", source]  # what is refused ends at once
    result = subprocess.run([*command, option], capture_output=True, text=True)
    assert result.returncode != 0 and reason in result.stderr
