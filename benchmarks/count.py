"""Count the instructions of each kernel: a measure that is the same on the noisiest machine.

    python benchmarks/count.py                compare with counts.json, exit 1 if one grew by 2 %
    python benchmarks/count.py --write        write counts.json anew

Needs valgrind and a C compiler. What is counted is a run of n calls and one of 2n, and the
difference taken, so that starting up is not in it. Counts depend on the compiler, so compare only
those of the same one; valgrind 3.19 knows no AVX-512, so x86_64_v4 is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
COUNTS = HERE / "counts.json"

UNITS = {  # kernel: calls, units of work in a call, name of the unit; sizes as in count.c
    "online": (8, 64, "sequence"),
    "batch": (8, 64, "sequence"),
    "population": (1, 64 * 64, "sequence"),
    "forward": (4, 512, "sequence"),
    "stream": (4, 512, "step"),
    "check": (1, 65536, "sum"),
    "doubtful check": (1, 65536, "sum"),
    "sigmoid": (16, 512, "value"),
}
ISAS = ("baseline", "x86_64_v3")
DTYPES = ("float64", "float32")
ALLOWED = 1.02


def build(folder: str) -> Path:
    """Compile the core with the flags of setup.py, and count.c with it."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_clib", "-b", folder, "-t", f"{folder}/objects"],
        cwd=ROOT,
        check=True,
    )
    program = Path(folder, "count")
    libraries = [str(path) for path in sorted(Path(folder).glob("*.a"))]
    subprocess.run(
        [
            *("cc", "-O2", "-std=c11", f"-I{ROOT}/csrc", "-o", str(program), f"{HERE}/count.c"),
            *("-Wl,--start-group", *libraries, "-Wl,--end-group", "-lm"),
        ],
        check=True,
    )
    return program


def instructions(program: Path, kernel: str, isa: str, dtype: str, calls: int) -> int:
    """Return the instructions of a whole run."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [str(program), kernel, isa, dtype, str(calls)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Collected\s*:\s*(\d+)", result.stderr)
    assert found is not None, result.stderr
    return int(found[1])


def count() -> dict[str, float]:
    """Return the instructions of each kernel per unit of work."""
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        for kernel, (calls, units, unit) in UNITS.items():
            for isa in ISAS:
                for dtype in DTYPES:
                    once, twice = (
                        instructions(program, kernel, isa, dtype, n) for n in (calls, 2 * calls)
                    )
                    name = f"{kernel}, {dtype}, {isa}: instructions per {unit}"
                    counts[name] = round((twice - once) / (calls * units), 1)
    return counts


def compiler() -> str:
    """Return the compiler's first line about itself."""
    done = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def main() -> int:
    found = {"compiler": compiler(), "counts": count()}
    if "--write" in sys.argv[1:]:
        COUNTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    saved = json.loads(COUNTS.read_text("utf-8"))
    if saved["compiler"] != found["compiler"]:
        print(f"saved counts are of {saved['compiler']}, these of {found['compiler']}")
    grown = False
    for name, value in found["counts"].items():
        before = saved["counts"].get(name)
        change = "" if before is None else f"{value / before - 1:+7.1%}"
        grown |= before is not None and value > before * ALLOWED
        print(f"{name:60} {value:10,.1f} {change}")
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
