"""A short round of fuzz.py, which damages files for as long as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "emscripten", "wasi"), reason="memory cannot be limited there"
)


def test_damaged_files_are_read_or_refused() -> None:
    script = Path(__file__).with_name("fuzz.py")
    result = subprocess.run(
        [sys.executable, str(script), "150", "--seed", "1"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert {line.partition(":")[0] for line in result.stdout.splitlines()} >= {
        "model",
        "checkpoint",
        "certificate",
        "rows",
    }
