"""Files of binadd: an `.npz` of plain arrays and a JSON header.

The header is the 0-d string array `header`, one JSON object:

    format          what the file is: "binadd model", "binadd checkpoint"
    format_version  3; readers refuse any other
    …               what the format adds
    sha256          of the header's text before this entry, and of every array's name, dtype,
                    shape and bytes

`numpy.load(path)["header"].item()` shows it without binadd. What is read here may come from
anywhere: nothing is unpickled, and no size is trusted before it is compared with a bound.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import shorten
from binadd.errors import BinaddError
from binadd.files import write_atomically
from binadd.seal import is_whole, seal

__all__ = ["FORMAT_VERSION", "read_archive", "read_member", "seal_header", "write_archive"]

FORMAT_VERSION = 3

MAX_BYTES = 16 * 2**20
"""The largest file that is read; a checkpoint of 256 hidden units in float64 takes 1.6 MiB."""

_REAL_DTYPES = ("<f8", "<f4")


def write_archive(
    path: str | os.PathLike[str],
    format_name: str,
    header: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Write real arrays under a header, atomically.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is left as it was.
    """
    plain: dict[str, Any] = {
        name: np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        for name, array in arrays.items()
    }
    full = {"format": format_name, "format_version": FORMAT_VERSION, **header}
    write_atomically(path, _archive({"header": np.array(seal_header(full, plain)), **plain}))


def _archive(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return what `numpy.savez` writes, also where Ctrl-C comes: then it raises another error."""
    buffer = io.BytesIO()
    archive = zipfile.ZipFile(buffer, "w")
    try:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.close()
    except BaseException:
        archive.fp = None  # closed: with a member open, closing it would raise over what came
        raise
    return buffer.getvalue()


def read_archive(
    path: str | os.PathLike[str], format_name: str, error: type[BinaddError]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_archive` wrote; an error gives the reason in one sentence.

    Raises
    ------
    error
        If the file is foreign, truncated, altered, oversized, of another format or version.
    OSError
        If it cannot be opened.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise error(f"{name} is too large: a {format_name} has at most {MAX_BYTES >> 20} MiB")
    if not data.startswith(b"PK\3\4"):
        reason = "not an npz file" if data else "empty"
        raise error(f"{name} is not a {format_name}: it is {reason}")
    try:
        members = _read_members(data)
    except _Oversized as reason:
        raise error(f"{name} is too large: {reason}") from None
    except zipfile.BadZipFile as reason:
        raise error(f"{name} is truncated or damaged: {shorten(str(reason))}") from None
    except Exception as reason:  # whatever a damaged file makes a decoder raise
        raise error(f"{name} is damaged or not a {format_name}: {shorten(str(reason))}") from None
    text, header, arrays = _split_header(name, format_name, error, members)
    if not is_whole(text, _attached(arrays)):
        raise error(f"{name} has been altered: its contents do not agree with their SHA-256")
    del header["sha256"]
    return header, arrays


def seal_header(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a header's text, with the SHA-256 over it and the arrays as its last entry."""
    return seal(header, _attached(arrays))


def _attached(arrays: Mapping[str, NDArray[Any]]) -> Iterator[bytes]:
    """Yield what the digest covers of arrays."""
    for name in sorted(arrays):
        array = arrays[name]
        yield f"\n{name} {array.dtype.str} {array.shape}\n".encode(errors="surrogatepass")
        yield array.tobytes()


class _Oversized(Exception):
    """A member declares more bytes than a file may have."""


def _read_members(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz file by name, each checked against its declared size."""
    members = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        declared = sum(info.file_size for info in archive.infolist())
        if declared > MAX_BYTES:
            raise _Oversized(f"it declares {declared} bytes of contents")
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in members:
                raise ValueError(f"unexpected member {shorten(info.filename)}")
            members[name] = _read_array(read_member(archive, info))
    return members


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member: as many as it declares, whatever it would expand to.

    Only stored and deflated members are read so; the other decompressors expand whole blocks.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{shorten(info.filename)} is compressed by another method than deflate")
    with archive.open(info) as member:
        data = member.read(info.file_size)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"{shorten(info.filename)} is shorter than it declares")
    return data


def _read_array(data: bytes) -> NDArray[Any]:
    """Read an npy file from memory; unlike NumPy, before anything of its shape is allocated."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array is of an unknown npy version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    contents = data[file.tell() :]
    size = 1
    for length in shape:  # in Python's integers: NumPy's would wrap round
        size *= length
    if dtype.hasobject or fortran or size * dtype.itemsize != len(contents):
        raise ValueError("an array's shape does not agree with its size")
    return np.frombuffer(contents, dtype).reshape(shape)


def _split_header(
    path: str, format_name: str, error: type[BinaddError], members: dict[str, NDArray[Any]]
) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the header's text, the header and the arrays, checked but for the digest."""
    member = members.pop("header", None)
    if member is None or member.shape != () or member.dtype.kind != "U":
        raise error(f"{path} is not a {format_name}: it has no binadd header")
    try:
        text = member.item()
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise error(f"{path} is damaged: its header is not JSON") from None
    if not isinstance(header, dict) or not isinstance(header.get("format"), str):
        raise error(f"{path} is not a {format_name}: its header is not binadd's")
    if header["format"] != format_name:
        raise error(f"{path} has the format {shorten(header['format'])}, not {format_name!r}")
    version = header.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise error(f"{path} is damaged: its format version is not a positive integer")
    if version > FORMAT_VERSION:
        raise error(
            f"{path} is of format version {shorten(version)}, newer than this binadd reads "
            f"({FORMAT_VERSION}); a newer binadd will"
        )
    if version < FORMAT_VERSION:
        raise error(
            f"{path} is of format version {version}, older than this binadd reads "
            f"({FORMAT_VERSION}); to convert a model, make it again with "
            "BinaryAdderRNN.from_parameters from the arrays that numpy.load finds in it"
        )
    for name, array in members.items():
        if array.dtype.str not in _REAL_DTYPES:
            raise error(
                f"{path} is not a {format_name}: {shorten(name)} has the dtype "
                f"{shorten(str(array.dtype))}"
            )
    return text, header, members
