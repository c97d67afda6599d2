"""Which part of the package may know which, and what an import costs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import binadd

PACKAGE = Path(binadd.__file__).parent

# A part may import from those in its own line, and from all that these may import from.
ARROWS = {
    "errors": set(),
    "checks": {"errors"},
    "form": {"checks", "errors"},
    "bits": {"form", "checks", "errors"},
    "random_streams": set(),
    "progress": {"checks", "errors"},
    "kernels": {"form", "checks", "errors"},
    "parameters": {"random_streams", "checks", "kernels"},
    "settings": {"checks", "kernels"},
    "files": set(),
    "seal": set(),
    "archive": {"checks", "files", "seal"},
    "state": {"parameters", "kernels"},
    "bitstream": {"bits", "state"},
    "model": {"bitstream", "parameters", "settings"},
    "storage": {"model", "archive"},
    "proof": {"model", "files", "progress"},
    "automaton": {"proof"},
    "training": {"proof", "storage"},
    "interop": {"proof", "storage"},
    "benchmark": {"model", "training", "interop", "plots"},
    "plots": {"model", "proof", "automaton", "training"},
    "report": {"plots", "proof", "automaton", "model", "files"},
    "cli": {"training", "proof", "benchmark", "plots", "report", "storage", "interop"},
    "__main__": {"cli"},
}

# `net.save` and `verdict.automaton`, inside the methods.
AGAINST = {("binadd.model", "binadd.storage"), ("binadd.proof.verdict", "binadd.automaton")}

MODULES = sorted(
    ".".join(("binadd", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
)


def part_of(module: str) -> str:
    """`binadd.proof.search` is of the part `proof`."""
    return module.split(".")[1] if "." in module else "binadd"


def reachable(part: str) -> set[str]:
    """All that a part may know, itself included."""
    known, waiting = set(), [part]
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            waiting += ARROWS.get(name, set())
    return known


def source_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports_of(module: str) -> set[str]:
    """Modules of binadd that a module imports, be it at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(source_of(module).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name == "binadd" or name.startswith("binadd.")}


def run(code: str) -> str:
    """Return what code prints in a fresh interpreter in which warnings are errors."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BINADD_")}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


needs_processes = pytest.mark.skipif(
    sys.platform in ("emscripten", "wasi"), reason="there are no processes here"
)


@pytest.mark.parametrize("module", [m for m in MODULES if m != "binadd"])
def test_arrows(module: str) -> None:
    allowed = reachable(part_of(module))
    # `from binadd import load` asks the package for a name: it stands for where the name is from.
    names = {f"binadd.{name}": home for name, home in binadd._LATER.items()}
    for imported in imports_of(module) - {"binadd", "binadd.__version__"}:
        part = part_of(names.get(imported, imported))
        against = any(module == a and imported.startswith(b) for a, b in AGAINST)
        if part in ARROWS and not against:
            assert part in allowed, f"{module} must not know {imported}"


def test_every_part_has_its_arrows() -> None:
    assert {part_of(module) for module in MODULES} - {"binadd"} <= set(ARROWS)


def test_the_checker_shares_nothing_with_the_search() -> None:
    parts = {f"binadd.proof.{part}" for part in ("checker", "cover", "integers")}
    parts_known = ("checks", "errors", "kernels.mode", "model", "progress", "proof.certificate")
    known = {f"binadd.{part}" for part in parts_known}
    for part in parts:
        modules = {name for name in imports_of(part) if source_of(name).exists()}
        assert modules <= known | parts


def test_proving_and_falsifying_do_not_know_each_other() -> None:
    names = ("falsify", "frontier", "orbits", "probe", "shrink")
    falsifying = {f"binadd.proof.{name}" for name in names}
    names = ("bounds", "closure", "contexts", "samples", "sets")
    proving = {f"binadd.proof.{name}" for name in names}
    assert falsifying | proving < set(MODULES)
    for one, other in ((falsifying, proving), (proving, falsifying)):
        for module in one:
            assert not any(name.startswith(tuple(other)) for name in imports_of(module))


@needs_processes
@pytest.mark.slow
def test_each_module_imports_alone() -> None:
    # Each of the peers is about a library, and an extension is not loaded twice.
    modules = [name for name in MODULES if not name.startswith("binadd.benchmark.peers.")]
    run(
        f"""
import importlib, sys
for module in {modules}:
    loaded = [name for name in sys.modules if name.partition(".")[0] == "binadd"]
    for name in loaded:
        if name != "binadd.kernels.native":
            del sys.modules[name]
    importlib.import_module(module)
"""
    )


@needs_processes
def test_import_brings_nothing_and_the_class_numpy_only() -> None:
    assert "numpy" not in run("import sys, binadd; print(*sys.modules)").split()
    code = "import sys, binadd; binadd.BinaryAdderRNN; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run(code).split()}
    without = {
        name.partition(".")[0] for name in run("import sys, numpy; print(*sys.modules)").split()
    }
    compiled = {name for name in loaded if "cython" in name}  # of the native kernels
    assert loaded - without - compiled - set(sys.stdlib_module_names) == {"binadd"}


@needs_processes
def test_import_does_not_wait_for_proof_or_training() -> None:
    loaded = run("import sys, binadd; binadd.BinaryAdderRNN; print(*sys.modules)").split()
    assert not {"binadd.proof", "binadd.training", "binadd.cli"} & set(loaded)


@needs_processes
def test_all_names_can_be_had() -> None:
    run("from binadd import BinaryAdderRNN, train, prove, check, load, encode, decode, resume")
    run("import binadd; binadd.interop.to_onnx, binadd.plots.automaton")
