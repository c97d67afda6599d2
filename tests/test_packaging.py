"""The package as installed: what it says of itself, what it needs, what it refuses."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
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
    assert script.value == "binadd.cli:main"


def test_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_import_brings_in_numpy_only() -> None:
    code = "import sys, binadd; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = output(code)
    assert "numpy" in loaded
    for other in ("click", "tqdm", "matplotlib", "onnx", "flint", "mpmath", "hypothesis"):
        assert f"'{other}'" not in loaded


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

    def test_of_another_version_is_refused(self) -> None:
        result = run(f"import binadd; binadd.__version__ = '99.0'; {self.BACKEND}")
        assert result.returncode != 0
        assert "BINADD_BACKEND=python" in result.stderr.splitlines()[-1]

    def test_broken_is_refused(self, tmp_path: Path) -> None:
        """An extension that cannot be loaded: an empty file of its name."""
        self.copy_package(tmp_path, broken=True)
        result = run(self.BACKEND, PYTHONPATH=str(tmp_path))
        assert result.returncode != 0
        assert "BINADD_BACKEND=python" in result.stderr.splitlines()[-1]
        assert output(self.BACKEND, PYTHONPATH=str(tmp_path), BINADD_BACKEND="python") == "python"

    def test_missing_is_done_without_unless_asked_for(self, tmp_path: Path) -> None:
        self.copy_package(tmp_path, broken=False)
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
    def copy_package(target: Path, broken: bool) -> None:
        """The package again, with an extension that is empty or none."""
        for source in PACKAGE.rglob("*.py"):
            copy = target / "binadd" / source.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        if broken:
            spec = importlib.util.find_spec("binadd.kernels.native")
            assert spec is not None and spec.origin is not None
            (target / "binadd/kernels" / Path(spec.origin).name).write_bytes(b"")
