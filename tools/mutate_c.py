"""Change one operator of the C core at a time: does its self-test, or another of tests/c, fail?

    python tools/mutate_c.py 40        # mutants of all headers of HEADERS together
    python tools/mutate_c.py 40 7      # another sample, that of this seed

Only the baseline is built, without an optimizer, which takes seconds; what does not compile is no
mutant. Survivors are printed, as by mutate.py.
"""

import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 120
HEADERS = "arithmetic axes box closing examples first_error forward interval loss network reach "
HEADERS += "relaxation sequence sums train update"
PROGRAMS = ["selftest", "slices", "refusals"]
FLAGS = ["-std=c11", "-O0", "-w", "-ffp-contract=off", "-Dalways_inline=unused"]
PAIRS = "+ -, - +, * +, / *, < <=, <= <, > >=, >= >, == !=, != ==, && ||, || &&, & |, | &, "
PAIRS += "+= -=, -= +="
SWAPPED = dict(pair.split() for pair in PAIRS.split(", "))


def places(text: str) -> list[tuple[int, str]]:
    """Return where operators are, outside comments and directives."""
    skipped = r"/\*.*?\*/|^#(?:[^\n]*\\\n)*[^\n]*$"
    bare = re.sub(skipped, lambda match: " " * len(match[0]), text, flags=re.S | re.M)
    found = re.finditer(r"(?<=[\w)\]] )(?:[-+*/<>]|[-+<>=!]=|&&?|\|\|?)(?= [\w(\-&!])", bare)
    return [(match.start(), match[0]) for match in found]


def built(core: Path, folder: Path) -> list[Path] | None:
    """Return the test programs with this core; None if it does not compile."""
    sources = [*core.glob("*.c"), *core.glob("isa/baseline_*.c")]
    programs = [folder / name for name in PROGRAMS]
    objects = folder / "core.a"
    for source in sources:
        command = ["gcc", *FLAGS, "-c", source, "-o", folder / f"{source.stem}.o"]
        if subprocess.run(command, capture_output=True).returncode:
            return None
    subprocess.run(["ar", "rcs", objects, *folder.glob("*.o")], check=True)
    for program in programs:
        include = [f"-I{core}", f"-I{folder}", f"tests/c/{program.name}.c", objects, "-lm"]
        subprocess.run(["gcc", *FLAGS, *include, "-o", program], check=True)
    return programs


def passes(program: Path) -> bool:
    try:
        return not subprocess.run([program], capture_output=True, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        return False


def main(count: str, seed: str = "0") -> None:
    folder = Path(tempfile.mkdtemp())
    core = folder / "csrc"
    subprocess.run(["cp", "-r", "csrc", core], check=True)
    subprocess.run([sys.executable, "tests/c/golden_header.py", folder / "golden.h"], check=True)
    assert all(map(passes, built(core, folder) or [])), "the tests fail anyway"
    headers = [core / f"{name}.h" for name in HEADERS.split()]
    sites = [(path, *place) for path in headers for place in places(path.read_text())]
    killed = tried = 0
    for path, start, old in sorted(random.Random(seed).sample(sites, int(count))):
        text = path.read_text()
        path.write_text(text[:start] + SWAPPED[old] + text[start + len(old) :])
        programs = built(core, folder)
        if programs is not None:
            tried += 1
            if all(map(passes, programs)):
                line = text.count("\n", 0, start) + 1
                shown = text.splitlines()[line - 1].strip()
                print(
                    f"csrc/{path.name}:{line}: {old}  →  {SWAPPED[old]}  in  {shown}", flush=True
                )
            else:
                killed += 1
        path.write_text(text)
    print(f"{killed} of {tried} killed (of {len(sites)} in all)")


if __name__ == "__main__":
    main(*sys.argv[1:])
