"""Damage files at random: every reader returns what can be used, or refuses in one sentence.

    python tests/fuzz.py 100000                 # so many inputs for each reader
    python tests/fuzz.py 100000 model rows      # for these
    python tests/fuzz.py 1000 onnx --seed 7

test_fuzz.py runs a short round. What a model file or a checkpoint holds is also changed and sealed
again, so that what lies behind the digest is reached.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import binadd
from binadd import interop
from binadd.archive import read_archive, seal_header
from binadd.errors import BinaddError
from binadd.proof import Certificate
from binadd.training.checkpoint import load_checkpoint
from binadd.training.sweep import RESULTS

TOKENS = [
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e999",
    b"10" * 400,
    b"null",
    b"true",
    b"[" * 2000,
    b'{"a":' * 500,
    b"\\ud800",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"9223372036854775808",
    b"1e-310",
    b'""',
    b"[]",
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 257, 2**31, 2**63, 2**64, -(2**70), 10**300),
    *(0.0, -0.0, 0.5, 1e308, 1e-310, "", "inf", "nan", "sigmoid", "\ud800", "x" * 5000),
    *([], [1], [[[]]], {}, {"a": 1}),
]


def damage(data: bytes, random: random.Random, others: list[bytes]) -> bytes:
    """Return bytes with some changes, like those that a fault or an attacker makes."""
    changed = bytearray(data)
    for _ in range(1 + int(random.expovariate(1))):
        size = len(changed)
        place = random.randint(0, size)
        end = min(size, place + random.choice((1, 2, 4, 8, 64, 1000)))
        kind = random.randrange(7)
        if kind == 0 and size:
            changed[place % size] ^= 1 << random.randrange(8)
        elif kind == 1:
            changed[place:end] = random.randbytes(end - place)
        elif kind == 2:
            del changed[place:end]
        elif kind == 3:
            changed[place:place] = changed[place:end]
        elif kind == 4:
            changed[place:end] = random.choice(TOKENS)
        elif kind == 5:
            del changed[place:]
        else:
            other = random.choice(others)
            start = random.randint(0, len(other))
            changed[place:end] = other[start : start + random.choice((8, 100, 10_000))]
    return bytes(changed)


def change(value: Any, random: random.Random) -> Any:
    """Return JSON with one of its parts replaced, removed or added."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        kind = random.random()
        if kind < 0.1:
            return {key: each for key, each in value.items() if key != name}
        if kind < 0.2:
            return value | {random.choice(["extra", "", "sha256", name + "s"]): 1}
        return value | {name: change(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        return [*value[:place], change(value[place], random), *value[place + 1 :]]
    return random.choice(VALUES)


def resealed(path: Path, format_name: str) -> Callable[[random.Random], bytes]:
    """Return what makes files of this kind with another header or other arrays, sealed."""
    header, arrays = read_archive(path, format_name, BinaddError)
    full = {"format": format_name, "format_version": 3, **header}

    def make(random: random.Random) -> bytes:
        new, members = full, dict(arrays)
        if random.random() < 0.7:
            new = change(full, random)
        else:
            name = random.choice(list(members))
            array = members[name].copy()
            kind = random.randrange(4)
            if kind == 0 and array.size:
                array.reshape(-1)[random.randrange(array.size)] = random.choice(
                    [np.nan, np.inf, -np.inf, 1e308, 5e-324, -0.0]
                )
            elif kind == 1:
                array = array[..., :-1] if array.ndim else np.zeros(2)
            elif kind == 2:
                array = array.astype(random.choice(["<f4", ">f8", "<i8", "<c16", "<U3"]))
            else:
                del members[name]
                name = random.choice(["other", name + "s"])
            members[name] = array
        buffer = io.BytesIO()
        try:
            text = seal_header(new, members) if isinstance(new, dict) and new else json.dumps(new)
        except ValueError:  # an infinite number
            text = json.dumps(new)
        np.savez(buffer, header=np.array(text), **members)
        return buffer.getvalue()

    return make


def keras_files(net: binadd.BinaryAdderRNN, folder: Path) -> list[Path]:
    """Write the weights of a network as Keras does, and a model of them, not compressed."""
    import h5py

    weights, model = folder / "net.weights.h5", folder / "net.keras"
    arrays = interop.keras_weights(net)
    groups = ("simple_rnn/cell", arrays[:3]), ("dense", arrays[3:])
    with h5py.File(weights, "w") as file:
        for group, members in groups:
            for i, array in enumerate(members):
                file.create_dataset(f"layers/{group}/vars/{i}", data=array)
    layers = [
        {"class_name": kind, "config": {"activation": "sigmoid"}}
        for kind in ("SimpleRNN", "Dense")
    ]
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.write(weights, "model.weights.h5")
    return [weights, model]


def changed_keras(files: list[Path]) -> Callable[[random.Random], bytes]:
    """Return what makes .keras files with another configuration or damaged weights."""
    with zipfile.ZipFile(files[1]) as archive:
        config, weights = json.loads(archive.read("config.json")), files[0].read_bytes()

    def make(random: random.Random) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(
            buffer, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
        ) as new:
            new.writestr("config.json", json.dumps(change(config, random)))
            new.writestr("model.weights.h5", damage(weights, random, [weights]))
        return buffer.getvalue()

    return make


Reader = Callable[[Path], object]


class Target:
    """A kind of file, how to read it and use what it holds, and whole files to begin with."""

    def __init__(
        self,
        read: Reader,
        corpus: list[Path],
        make: Callable[[random.Random], bytes] | None = None,
    ) -> None:
        self.read, self.make = read, make
        self.corpus = [path.read_bytes() for path in corpus]

    def run(self, count: int, random: random.Random, path: Path) -> tuple[int, int]:
        """Return how many inputs were read and how many refused; another outcome raises."""
        read = 0
        for _ in range(count):
            if self.make is not None and random.random() < 0.5:
                data = self.make(random)
            else:
                data = damage(random.choice(self.corpus), random, self.corpus)
            path.write_bytes(data)
            try:
                self.read(path)
                read += 1
            except BinaddError as error:
                assert str(error) and len(str(error)) < 2000, error
            except Exception:
                kept = Path(tempfile.gettempdir(), f"fuzz{path.suffix}")
                kept.write_bytes(data)
                print(f"the input is in {kept}", flush=True)
                raise
        return read, count - read


def targets(folder: Path) -> dict[str, Target]:
    """Return all kinds of files, as far as libraries are there that read them."""
    net = binadd.BinaryAdderRNN(4, seed=2)
    binadd.train(net, 4, until=2000, checkpoint=folder / "run.npz")
    net.save(folder / "net.npz")
    verdict = binadd.prove(net)
    other = binadd.BinaryAdderRNN(8, seed=1)
    binadd.train(other)
    for name, proved in (("one", verdict), ("two", binadd.prove(other))):
        if proved.status == "proved":
            proved.certificate.save(folder / f"{name}.json")
    goal = {"hidden_size": 2, "bits": 4, "until": 10, "workers": 1}
    binadd.sweep(range(4), path=folder / "rows", **goal)

    def model(path: Path) -> None:
        loaded = binadd.load(path)
        loaded.predict(np.zeros((1, 3, loaded.settings.operands)))
        loaded.save(path)

    def checkpoint(path: Path) -> None:
        run = load_checkpoint(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            binadd.prove(run.net, effort="quick")

    def certificate(path: Path) -> None:
        for network in (net, other):
            binadd.check(Certificate.load(path), network)

    def rows(path: Path) -> None:
        for row in binadd.sweep(range(4), path=path, **goal):
            assert row.keys() >= RESULTS.keys()

    found = {
        "model": Target(model, [folder / "net.npz"], resealed(folder / "net.npz", "binadd model")),
        "checkpoint": Target(
            checkpoint, [folder / "run.npz"], resealed(folder / "run.npz", "binadd checkpoint")
        ),
        "certificate": Target(certificate, sorted(folder.glob("*.json"))),
        "rows": Target(rows, [folder / "rows"]),
    }
    try:
        for form in ("rnn", "step", "scan"):
            interop.to_onnx(net, folder / f"{form}.onnx", form=form, force=True)
        found["onnx"] = Target(
            lambda path: interop.from_onnx(path, check=False), sorted(folder.glob("*.onnx"))
        )
        interop.to_safetensors(net, folder / "net.safetensors", force=True)
        written = keras_files(net, folder)
        found["keras"] = Target(interop.from_keras, written, changed_keras(written))
        found["safetensors"] = Target(interop.from_safetensors, [folder / "net.safetensors"])
    except (ImportError, binadd.MissingExtraError):
        pass
    return found


def fuzz(count: int, names: list[str], seed: int) -> dict[str, tuple[int, int]]:
    """Return, for each kind of file, how many inputs were read and how many refused."""
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {}
        for kind, target in targets(folder).items():
            if not names or kind in names:
                path = folder / f"input{'.safetensors' if kind == 'safetensors' else '.onnx'}"
                results[kind] = target.run(count, random.Random(f"{seed} {kind}"), path)
        return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for kind, (read, refused) in fuzz(given.count, given.names, given.seed).items():
        print(f"{kind}: {read} inputs were read, {refused} were refused")
