"""Hold what is about to be shipped to what was promised: `check_dist.py FOLDER [TAG]`.

All are of the version that the tag names. Wheels, native and pure: at most 760 kB, the licence
inside, no sources, typed. The sdist: everything that builds them.
"""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

LARGEST_WHEEL = 760_000
SOURCES = (".c", ".h", ".pyx", ".pxd")


def check_wheel(path: Path) -> None:
    names = zipfile.ZipFile(path).namelist()
    assert path.stat().st_size <= LARGEST_WHEEL, f"{path.name} has {path.stat().st_size} bytes"
    assert any(name.endswith("licenses/LICENSE") for name in names), f"{path.name}: no licence"
    assert "binadd/py.typed" in names, f"{path.name}: not typed"
    assert not [n for n in names if n.endswith(SOURCES)], f"{path.name}: sources"
    strangers = {name.split("/")[0] for name in names if not name.startswith("binadd")}
    assert not strangers, f"{path.name} also installs {strangers}"
    extensions = [name for name in names if name.endswith((".so", ".pyd"))]
    assert len(extensions) == ("none-any" not in path.name), f"{path.name}: {extensions}"
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(names)} files")


def check_sdist(path: Path) -> None:
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = [*Path("csrc").rglob("*.[ch]"), *Path("binadd").rglob("*.p[yx]*"), Path("LICENSE")]
    needed += [Path("pyproject.toml"), Path("setup.py"), *Path("tests").rglob("*.[chpj]*")]
    missing = [f.as_posix() for f in needed if f.suffix != ".pyc" and f.as_posix() not in names]
    assert not missing, f"{path.name} lacks {missing}"
    built = [name for name in names if name.endswith((".so", ".pyd", ".o", "native.c"))]
    assert not built, f"{path.name} has {built}"
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(names)} files")


def check_version(files: list[Path], tag: str | None) -> None:
    source = Path("binadd/__init__.py").read_text("utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', source, re.M)
    assert tag in (None, f"v{version}"), f"the tag is {tag}, the version {version}"
    own = (f"binadd-{version}-", f"binadd-{version}.tar.gz")
    others = [file.name for file in files if not file.name.startswith(own)]
    assert not others, f"not of version {version}: {others}"


def main(folder: str, tag: str | None = None) -> None:
    wheels, sdists = sorted(Path(folder).glob("*.whl")), sorted(Path(folder).glob("*.tar.gz"))
    pure = [wheel for wheel in wheels if "none-any" in wheel.name]
    assert len(pure) == 1 and len(wheels) > 1 and len(sdists) == 1, (
        f"{folder} has {len(wheels)} wheels, {len(pure)} of them pure, and {len(sdists)} sdists"
    )
    check_version([*wheels, *sdists], tag)
    for wheel in wheels:
        check_wheel(wheel)
    check_sdist(sdists[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
