"""The package as installed: its metadata, what it needs, and what it refuses."""

import ast
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import binadd
from binadd.kernels import load, native_is_installed

PACKAGE = Path(binadd.__file__).parent

pytestmark = pytest.mark.skipif(
    sys.platform in ("emscripten", "wasi"), reason="there are no processes here"
)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in which warnings are errors."""
    cleared = {k: v for k, v in os.environ.items() if not k.startswith("BINADD_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**cleared, **environment},
        capture_output=True,
        text=True,
    )


def output(code: str, **environment: str) -> str:
    result = run(code, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_version_is_the_distribution_s() -> None:
    assert importlib.metadata.version("binadd") == binadd.__version__


def test_metadata() -> None:
    metadata = importlib.metadata.metadata("binadd")
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    needed = {
        re.match(r"[\w-]+", requirement)[0]  # type: ignore[index]
        for requirement in importlib.metadata.requires("binadd") or []
        if "extra ==" not in requirement
    }
    assert needed == {"numpy", "click", "tqdm"}


def test_console_script() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="binadd")
    assert script.value == "binadd.__main__:main"


def test_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_import_keeps_subnormal_numbers() -> None:
    """Linked with -ffast-math, an extension turns them off in its whole process."""
    code = (
        "import numpy as np; import binadd; binadd.BinaryAdderRNN(2); "
        "print(np.array([1e-310])[0] * 0.5 > 0)"
    )
    assert output(code) == "True"


def test_what_freezes_programs_finds_every_module() -> None:
    """PyInstaller and its like follow import statements, wherever they stand.

    They may leave out the peers of benchmarks, which need libraries of their own.
    """
    modules = {
        ".".join(("binadd", *p.relative_to(PACKAGE).with_suffix("").parts))
        for p in [*PACKAGE.rglob("*.py"), PACKAGE / "kernels" / "native.py"]
    }
    modules = {module.removesuffix(".__init__") for module in modules if ".peers." not in module}
    imported = {"binadd", "binadd.__main__"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{n.name}" for n in node.names)}
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
    assert modules <= imported


@pytest.mark.skipif(not native_is_installed(), reason="there is no native extension here")
class TestNative:
    """The native kernels are taken where they are, and never silently given up."""

    BACKEND = "import binadd.kernels; print(binadd.kernels.load().NAME)"

    def test_is_taken_by_default(self) -> None:
        assert output(self.BACKEND) == "native"

    def test_can_be_switched_off(self) -> None:
        assert output(self.BACKEND, BINADD_BACKEND="python") == "python"

    def test_is_of_this_version(self) -> None:
        assert output("from binadd.kernels import native; print(native.VERSION)") == (
            binadd.__version__
        )

    @pytest.mark.thorough(one_in=4)
    @pytest.mark.parametrize(
        ("spoil", "sentence"),
        [
            (lambda whole: b"", "the native kernels are broken ("),
            (lambda whole: whole[:100], "the native kernels are broken ("),
            (lambda whole: whole[: len(whole) // 2], "the native kernels are broken ("),
            (lambda whole: b"\x7f" * len(whole), "the native kernels are broken ("),
            (lambda whole: whole, "the native kernels are of binadd 0."),
        ],
        ids=["empty", "only its start", "only half", "garbage", "of another version"],
    )
    def test_unusable_is_refused(
        self, tmp_path: Path, spoil: Callable[[bytes], bytes], sentence: str
    ) -> None:
        self.copy_package(tmp_path, spoil, version="99.0")
        result = run("import binadd; binadd.BinaryAdderRNN()", PYTHONPATH=str(tmp_path))
        assert result.returncode == 1
        last = result.stderr.splitlines()[-1]
        assert last.startswith(f"binadd.errors.BackendError: {sentence}")
        assert last.endswith("reinstall binadd; BINADD_BACKEND=python does without them")
        assert output(self.BACKEND, PYTHONPATH=str(tmp_path), BINADD_BACKEND="python") == "python"
        main = "import sys, binadd.cli; sys.exit(binadd.cli.main(['info']))"
        result = run(main, PYTHONPATH=str(tmp_path))
        assert (result.returncode, result.stderr) == (1, "")
        assert f"backend   none ({sentence}" in result.stdout and str(tmp_path) in result.stdout

    def test_missing_is_done_without_unless_asked_for(self, tmp_path: Path) -> None:
        self.copy_package(tmp_path)
        assert output(self.BACKEND, PYTHONPATH=str(tmp_path)) == "python"
        result = run(self.BACKEND, PYTHONPATH=str(tmp_path), BINADD_BACKEND="native")
        assert result.returncode != 0
        assert "not built" in result.stderr.splitlines()[-1]

    def test_every_instruction_set_can_be_forced(self) -> None:
        levels = load("native").isas()  # type: ignore[attr-defined]
        assert levels["baseline"]
        for level, supported in levels.items():
            result = run("from binadd.kernels import load; print(load().isa())", BINADD_ISA=level)
            assert (result.stdout.strip() == level) == supported
            assert (result.returncode == 0) == supported

    def test_unknown_instruction_set_is_refused(self) -> None:
        result = run(self.BACKEND, BINADD_ISA="x86_64_v9")
        assert result.returncode != 0
        assert result.stderr.splitlines()[-1].startswith("binadd.errors.BackendError: ")

    @staticmethod
    def copy_package(
        target: Path, spoil: Callable[[bytes], bytes] | None = None, version: str = "0.0"
    ) -> None:
        """Copy the package as another version, with a spoilt extension or without one."""
        for source in PACKAGE.rglob("*.py"):
            copy = target / "binadd" / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        start = target / "binadd/__init__.py"
        start.write_text(start.read_text("utf-8").replace(binadd.__version__, version), "utf-8")
        if spoil is not None:
            spec = importlib.util.find_spec("binadd.kernels.native")
            assert spec is not None and spec.origin is not None
            whole = Path(spec.origin)
            (target / "binadd/kernels" / whole.name).write_bytes(spoil(whole.read_bytes()))


@pytest.mark.parametrize("is_tree", [True, False])
def test_a_source_tree_is_told_from_an_install(tmp_path: Path, is_tree: bool) -> None:
    TestNative.copy_package(tmp_path)
    if is_tree:
        (tmp_path / "csrc").mkdir()
        (tmp_path / "csrc" / "binadd.h").touch()
    shown = output(
        "import sys, binadd.cli; sys.exit(binadd.cli.main(['info']))", PYTHONPATH=str(tmp_path)
    )
    reason = f"this source tree has no compiled extension: pip install -e {tmp_path}"
    assert f"folder    {tmp_path / 'binadd'}" in shown and "backend   python (this " in shown
    assert (reason in shown) == ("(a source tree)" in shown) == is_tree


@pytest.mark.skipif(not native_is_installed(), reason="there is no native extension here")
def test_an_extension_older_than_its_sources_is_named(tmp_path: Path) -> None:
    TestNative.copy_package(tmp_path, lambda whole: whole, version=binadd.__version__)
    header = tmp_path / "csrc" / "binadd.h"
    header.parent.mkdir()
    header.touch()
    (extension,) = tmp_path.rglob("native.*")
    info = "import sys, binadd.cli; sys.exit(binadd.cli.main(['info']))"
    for age, is_named in ((-10, False), (10, True)):
        changed = extension.stat().st_mtime + age
        os.utime(header, (changed, changed))
        shown = output(info, PYTHONPATH=str(tmp_path))
        assert "backend   native" in shown
        assert (f"older than its sources: pip install -e {tmp_path}" in shown) == is_named
