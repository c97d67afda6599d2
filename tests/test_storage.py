"""Model files: what is written is read; what is not a model file is refused with one sentence."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weights import put

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, ModelFileError, archive, parameters, storage

Make = Callable[..., BinaryAdderRNN]

SEEN = {"format": "binadd model", "format_version": 3}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "adder.npz"
    BinaryAdderRNN(4, seed=3).save(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the examples that hypothesis makes."""
    return tmp_path_factory.mktemp("storage")


def contents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the arrays of a file."""
    with np.load(path) as data:
        arrays = dict(data)
    return json.loads(arrays.pop("header").item()), arrays


def forge(path: Path, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write a file of any contents whose digest is right."""
    header = {name: value for name, value in header.items() if name != "sha256"}
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(path, header=np.array(archive.seal_header(header, arrays)), **arrays)


def test_an_interrupt_while_a_file_is_made_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing an archive in which a member is open would raise another error over it."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupt)
    with pytest.raises(KeyboardInterrupt):
        BinaryAdderRNN(4).save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


def test_members_hold_what_they_declare(file: Path) -> None:
    """A member shorter than it says, and one of a version of npy that savez does not write."""
    with zipfile.ZipFile(file) as before:
        members = {info.filename: before.read(info) for info in before.infolist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive_:
        for name, data in members.items():
            archive_.writestr(name, data)
        for info in archive_.infolist():
            info.file_size += 5
    with pytest.raises(ModelFileError, match=r"truncated or damaged: .* is shorter than it decl"):
        binadd.load(file)
    other = io.BytesIO()
    np.lib.format.write_array(other, np.zeros(3), version=(2, 0))
    with zipfile.ZipFile(file, "w") as archive_:
        for name, data in members.items():
            archive_.writestr(name, other.getvalue() if name != "header.npy" else data)
    with pytest.raises(ModelFileError, match="an array is of an unknown npy version"):
        binadd.load(file)


# What is written is read -------------------------------------------------------------------------


def test_a_network_is_saved_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, other = BinaryAdderRNN(3), BinaryAdderRNN(5, activation="tanh")
    before = net.copy()

    def meanwhile(*arguments: Any) -> Any:
        """Read the weights, and let another thread make another network of this one."""
        net.set_params(**other.get_params())
        return parameters.read_parameters(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "read_parameters", meanwhile)
        net.save(tmp_path / "net.npz")
    again = binadd.load(tmp_path / "net.npz")
    assert net == other
    assert again == before and again.get_params() == before.get_params()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dtype": "float32", "activation": "tanh"},
        {"biases": False, "operands": 5},
        {"recipe": "notebook", "learning_rate": 0.2},
        {"clip_norm": math.inf, "seed": 2**64 - 1, "optimizer": "adam", "batch_size": 4},
    ],
)
def test_a_network_comes_back(make: Make, tmp_path: Path, params: dict[str, Any]) -> None:
    net = make(5, **params)
    net.partial_fit(np.ones((3, 4, net.operands)))
    net.save(tmp_path / "adder.npz")
    again = binadd.load(tmp_path / "adder.npz", backend=net.backend)
    assert again == net
    assert again.get_params() == net.get_params() and again.settings == net.settings
    assert again.state.sequences == net.state.sequences == 3


def test_a_backend_that_is_none_is_not_the_files_fault(tmp_path: Path) -> None:
    BinaryAdderRNN(2).save(tmp_path / "adder.npz")
    with pytest.raises(InvalidInputError, match="backend must be 'auto', "):
        binadd.load(tmp_path / "adder.npz", backend="cuda")


def test_how_it_was_trained_comes_back(make: Make, tmp_path: Path) -> None:
    net = make(8)
    run = binadd.train(net, bits=4, until=100)
    net.save(tmp_path / "adder.npz")
    state = binadd.load(tmp_path / "adder.npz").state
    assert (state.bits, state.status, state.sequences) == (4, "finished", run.sequences)
    assert state.position == net.state.position


def test_numpy_alone_reads_the_weights(file: Path) -> None:
    header, arrays = contents(file)
    assert SEEN.items() <= header.items()
    for name, weights in BinaryAdderRNN(4, seed=3).parameters.items():
        np.testing.assert_array_equal(arrays[name], weights)


def test_the_same_network_makes_the_same_file(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    binadd.load(file).save(again)
    assert again.read_bytes() == file.read_bytes()


def test_a_trained_network_goes_on_where_its_data_ended(make: Make, tmp_path: Path) -> None:
    net = make(4, optimizer="sgd")  # an optimizer without moments, which the file does not hold
    binadd.train(net, until=50)
    net.save(tmp_path / "adder.npz")
    again = binadd.load(tmp_path / "adder.npz", backend=net.backend)
    binadd.train(again, until=100)
    binadd.train(net, until=100)
    assert again == net


# How it is written -------------------------------------------------------------------------------


def test_weights_that_are_not_finite_are_not_written(make: Make, tmp_path: Path) -> None:
    net = make(4)
    put(net, "output_weights", 1, np.nan)
    with pytest.raises(binadd.InvalidInputError, match="output_weights must hold finite numbers"):
        net.save(tmp_path / "adder.npz")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_or_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BinaryAdderRNN(4).save(tmp_path / "none" / "adder.npz")
    with pytest.raises(FileNotFoundError):
        binadd.load(tmp_path / "adder.npz")


# What is no model file ---------------------------------------------------------------------------


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(ModelFileError, match=sentence) as caught:
        binadd.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@given(st.data())
def test_truncated_files_are_refused(folder: Path, data: st.DataObject) -> None:
    path = folder / "truncated.npz"
    BinaryAdderRNN(2).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(path, "truncated|empty|not an npz file")


@given(st.data())
def test_altered_files_are_refused_or_say_the_same(folder: Path, data: st.DataObject) -> None:
    path = folder / "altered.npz"
    net = BinaryAdderRNN(2)
    net.save(path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:  # zip has bytes that nobody reads, as a member's date
        assert binadd.load(path) == net
    except ModelFileError as error:
        assert str(path) in str(error)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused(folder: Path, data: bytes, like_zip: bool) -> None:
    path = folder / "any.npz"
    path.write_bytes((b"PK\3\4" if like_zip else b"") + data)
    refused(path, "not a binadd model|truncated|damaged")


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_text("hello")
    refused(path, "is not a binadd model: it is not an npz file")
    np.save(tmp_path / "foreign.npy", np.zeros(3))
    refused(tmp_path / "foreign.npy", "not an npz file")
    np.savez(tmp_path / "foreign.npz", W=np.zeros(3))
    refused(tmp_path / "foreign.npz", "it has no binadd header")
    np.savez(tmp_path / "foreign.npz", header=np.array('{"format": 1}'))
    refused(tmp_path / "foreign.npz", "its header is not binadd's")
    with zipfile.ZipFile(tmp_path / "foreign.npz", "w") as file:
        file.writestr("readme.txt", "hello")
    refused(tmp_path / "foreign.npz", "unexpected member 'readme.txt'")
    np.savez(tmp_path / "foreign.npz", header=np.array([{"a": 1}], dtype=object))
    refused(tmp_path / "foreign.npz", "damaged or not a binadd model")


def test_weights_altered_in_place_are_refused(file: Path) -> None:
    header, arrays = contents(file)
    arrays["output_weights"][0] += 2**-50
    np.savez(file, header=np.array(json.dumps(header)), **arrays)
    refused(file, "has been altered")


def test_a_header_altered_in_place_is_refused(file: Path) -> None:
    header, arrays = contents(file)
    header["configuration"]["activation"] = "tanh"
    np.savez(file, header=np.array(json.dumps(header)), **arrays)
    refused(file, "has been altered")


def test_a_checkpoint_is_no_model(file: Path) -> None:
    net = BinaryAdderRNN(4)
    file.unlink()
    binadd.train(net, until=10, checkpoint=file)
    refused(file, "has the format 'binadd checkpoint', not 'binadd model'")


def test_an_older_version_is_refused_with_the_way_to_convert_it(file: Path) -> None:
    header, arrays = contents(file)
    forge(file, header | {"format_version": 2}, arrays)
    refused(file, r"format version 2, older .*from_parameters")
    weights = {name: array for name, array in np.load(file).items() if name != "header"}
    assert BinaryAdderRNN.from_parameters(weights) == BinaryAdderRNN(4, seed=3)


def test_a_newer_version_is_refused(file: Path) -> None:
    header, arrays = contents(file)
    forge(file, header | {"format_version": 4}, arrays)
    refused(file, r"format version 4, newer than this binadd reads \(3\)")


def test_an_oversized_file_is_refused(file: Path) -> None:
    with open(file, "ab") as more:
        more.write(bytes(archive.MAX_BYTES))
    refused(file, "too large: a binadd model has at most 16 MiB")


@pytest.mark.slow
def test_a_zip_bomb_is_refused_before_it_is_unpacked(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("header.npy", bytes(2**30))
    assert file.stat().st_size < 2**21
    refused(file, "too large: it declares 1073741824 bytes")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_only_expand_whole_are_refused_unread(
    file: Path, method: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(file, "w", method) as bomb:
        bomb.writestr("header.npy", bytes(2**22))
    assert file.stat().st_size < 2000
    understate(file, 2**22)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    refused(file, "compressed by another method than deflate")


def test_no_member_is_expanded_beyond_what_it_declares(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("header.npy", bytes(2**22))
    assert file.stat().st_size < 2**13
    understate(file, 2**22)
    expanded: list[int] = []
    decompressor = zlib.decompressobj

    class Counting:
        """A decompressor that counts what it returns."""

        def __init__(self, *arguments: int) -> None:
            self.inner = decompressor(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def decompress(self, *arguments: Any) -> bytes:
            data = self.inner.decompress(*arguments)
            expanded.append(len(data))
            return data

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    refused(file, "truncated or damaged: .Bad CRC-32")
    assert 0 < sum(expanded) <= 2**13


def understate(path: Path, size: int) -> None:
    """Let a zip file declare 100 bytes, in both of its headers, where there are more."""
    data = path.read_bytes()
    whole, stated = size.to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert data.count(whole) == 2
    path.write_bytes(data.replace(whole, stated))


def test_the_digest_is_over_the_headers_text(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a process reads and writes numbers, it does not call whole files altered."""
    net, dumps = binadd.load(file), json.dumps
    monkeypatch.setattr(
        json, "dumps", lambda *_, **options: dumps({"learning_rate": 0.10000000000000002})
    )
    assert binadd.load(file) == net


@pytest.mark.parametrize("sealed", [True, False])
def test_text_that_is_no_unicode_is_refused(file: Path, sealed: bool) -> None:
    header, arrays = contents(file)
    text = archive.seal_header(header, arrays) if sealed else json.dumps(header)
    np.savez(file, header=np.array(text.replace("binadd model", "binadd \ud800")), **arrays)
    refused(file, r"has the format 'binadd \\ud800', not")
    np.savez(file, header=np.array(text.replace('"from_seed"', '"\ud800"')), **arrays)
    refused(file, "has been altered")


@pytest.mark.parametrize("shape", [(2**40,), (2**63, 2), (-1,), (2**32, 2**32, 2**32)])
def test_a_shape_larger_than_its_data_is_refused(file: Path, shape: tuple[int, ...]) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(file, "w") as archive_file:
        archive_file.writestr("header.npy", buffer.getvalue() + bytes(64))
    refused(file, "shape does not agree with its size|damaged")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"configuration": None}, "configuration should have hidden_size"),
        ({"configuration": {}}, "configuration should have hidden_size"),
        ({"hidden_size": 5}, "its arrays should have the shapes"),
        ({"hidden_size": 10**9}, "hidden_size must be at most 256"),
        ({"hidden_size": "4"}, "hidden_size must be an integer"),
        ({"recipe": "mine"}, "recipe must be"),
        ({"recipe": []}, "recipe must be"),
        ({"learning_rate": "inf"}, "learning_rate must be a number"),
        ({"biases": None}, "leaves something undecided"),
        ({"biases": False}, "its arrays should have the shapes"),
        ({"dtype": "float16"}, "dtype must be"),
        ({"training": [1]}, "training should have sequences"),
        ({"sequences": -1}, "sequences must be at least 0"),
        ({"bits": "8"}, "bits must be an integer"),
        ({"status": "perfect"}, "status must be"),
    ],
)
def test_what_no_network_can_be_made_of(
    file: Path, changes: dict[str, Any], sentence: str
) -> None:
    header, arrays = contents(file)
    for name, value in changes.items():
        for part in (header, header.get("configuration"), header.get("training")):
            if isinstance(part, dict) and name in part:
                part[name] = value
    forge(file, header, arrays)
    refused(file, sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"output_bias": np.nan}, "output_bias must hold finite"),
        ({"output_bias": np.zeros(1)}, "its arrays should have the shapes"),
        ({"hidden_weights": np.zeros((4, 5))}, "its arrays should have the shapes"),
        ({"output_weights": np.zeros(4, np.int64)}, "'output_weights' has the dtype 'int64'"),
        ({"more": np.zeros(4)}, "its arrays should have the shapes"),
    ],
)
def test_weights_that_make_no_network(file: Path, changes: dict[str, Any], sentence: str) -> None:
    header, arrays = contents(file)
    forge(file, header, arrays | changes)
    refused(file, sentence)


def test_an_archive_is_what_numpy_writes() -> None:
    arrays = {"header": np.array("{}"), "a": np.arange(6.0).reshape(2, 3), "b": np.float32(1)[...]}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    assert archive._archive(arrays) == buffer.getvalue()
