"""The proof as data: sets of hidden states that hold every state a network can reach.

A certificate lists *contexts*: what is known of the symbols read so far. In each, true addition
has one carry, every symbol leads to one other context, and a set holds the states that the network
can be in, unless too few symbols have been read to tell. Context 0 is the start, where the state
is 0.

The claim is that from each set, whatever the symbols, the network outputs right bits until, after
at most `steps` steps, its state lies in the set of the context it is in then; and that the same
holds from the start. By induction every bit of every sum is right: docs/proof.md has the theorem,
`binadd.proof.checker` derives every step of it again.

The set of a context is a list of boxes, its *cells*, in the coordinates y = V(x − o) of a frame V
and a centre o. The rows of V are the axes, at any angles; a context without a frame
has V = I. The cells of a context that is *cut* lie side by side along its first axis, in slabs of
one width w; they are numbered by integers k, and hold the states x with

    |y − middle| ≤ half, in each coordinate, and (k − ½)w ≤ y₀ ≤ (k + ½)w.

A context that is not cut has one cell at most: k = 0, and only the former counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import chain
from operator import lt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.checks import shorten
from binadd.errors import CertificateError
from binadd.files import write_atomically
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.parameters import has_nonzero_padding, named_views
from binadd.state import State

__all__ = ["MOST_OPERANDS", "MOST_STEPS", "Certificate", "check_padding", "weights_digest"]

Reals: TypeAlias = NDArray[np.float64]

FORMAT, VERSION = "binadd-certificate", 2
MOST_STEPS, MOST_OPERANDS = 256, 8
SLABS = range(-(1 << 30), 1 << 30)
MAX_BYTES = 1 << 26
"""Longer files are refused unread: a thousandth of this is usual."""
MAX_LISTS, MAX_ENTRIES = 1 << 20, 1 << 22
"""The most in a file. Its size alone is no bound: short lists take thirty times their text in
memory. Numbers of 16 characters, shorter than most, fill the largest file before they are too
many.
"""


def weights_digest(net: BinaryAdderRNN) -> str:
    """Return the SHA-256 of all that decides what a network computes.

    Raises
    ------
    CertificateError
        If the network computes with more than its parameters: its block of weights holds numbers
        where there should be zeros, as for a bias where there is none.

    >>> len(weights_digest(BinaryAdderRNN(4)))
    64
    """
    state = net.state
    check_padding(state)
    architecture = state.architecture
    digest = hashlib.sha256(
        f"{architecture.activation} {architecture.dtype} {architecture.operands} "
        f"{architecture.hidden_size} {architecture.biases}".encode()
    )
    little_endian = np.dtype(architecture.dtype).newbyteorder("<")
    for name, view in sorted(named_views(architecture, state.block).items()):
        digest.update(name.encode())
        digest.update(view.astype(little_endian, copy=False).tobytes())
    return digest.hexdigest()


def check_padding(state: State) -> None:
    """Raise CertificateError where a network computes with more than its parameters."""
    if has_nonzero_padding(state.architecture, state.block):
        raise CertificateError("the network computes with weights outside its parameters")


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Certificate:
    """Sets that hold every reachable state of a network, and how to show it.

    It is data and claims nothing: `binadd.check` decides. N contexts, H hidden units, F frames,
    n operands.

    Raises
    ------
    CertificateError
        If a field is of the wrong type or shape, or holds what it cannot mean.
    """

    digest: str
    """`weights_digest` of the network."""
    operands: int
    activation: str
    dtype: str
    step_error: float
    """By how much a computed hidden state may differ, in any unit, from the exact step."""
    logit_error: float
    """By how much a computed logit may differ from the exact one."""
    margin: float
    """Every logit is at least this far on the right side of 0, as was found; it is not checked."""
    steps: int
    """The most steps after which a state must be in the set of its context again."""
    affine: bool
    """Whether steps keep how units depend on each other; otherwise each is bounded by itself."""
    contexts: tuple[str, ...]
    """N names, for people."""
    carries: tuple[int, ...]
    """N: the carry that goes into the next step."""
    successors: tuple[tuple[int, ...], ...]
    """N × 2ⁿ: the context after each symbol."""
    centres: Reals
    """(N, H): o"""
    frames: Reals
    """(F, H, H): V"""
    frame: tuple[int, ...]
    """N: the number of each context's frame, or −1: the units themselves."""
    widths: Reals
    """(N,): w, above 0 if the context is cut, which takes a frame; 0 if not"""
    cells: tuple[tuple[int, int], ...]
    """C: (context, k), in ascending order, each once; a context may have none: no set"""
    middles: Reals
    """(C, H)"""
    halves: Reals
    """(C, H): none is negative"""
    coefficients: tuple[int, ...] = ()
    """n: those of the form that is computed; none stand for those of a sum, all 1"""

    def __post_init__(self) -> None:
        _demand(type(self.centres) is np.ndarray and self.centres.ndim == 2, "centres")
        count, size = self.centres.shape
        _demand(count > 0 and size > 0, "centres")
        _check_reals("centres", self.centres, (count, size))
        _check_reals("widths", self.widths, (count,))
        _demand(bool((self.widths >= 0).all()), "widths")
        _demand(type(self.frames) is np.ndarray and self.frames.ndim == 3, "frames")
        _check_reals("frames", self.frames, (len(self.frames), size, size))
        for name in ("step_error", "logit_error", "margin"):
            value = getattr(self, name)
            _demand(type(value) is float and 0 <= value < float("inf"), name)
        for name in ("digest", "activation", "dtype"):
            _demand(type(getattr(self, name)) is str, name)
        _demand(type(self.affine) is bool, "affine")
        _demand(type(self.operands) is int and 1 <= self.operands <= MOST_OPERANDS, "operands")
        if type(self.coefficients) is tuple and not self.coefficients:
            object.__setattr__(self, "coefficients", (1,) * self.operands)
        _check_numbers("coefficients", self.coefficients, self.operands, range(-16, 17))
        highest = max(sum(c for c in self.coefficients if c > 0), 1)
        lowest = sum(c for c in self.coefficients if c < 0)
        _demand(type(self.steps) is int and 1 <= self.steps <= MOST_STEPS, "steps")
        _check_entries("contexts", self.contexts, count, str)
        _check_numbers("carries", self.carries, count, range(lowest, highest))
        _check_numbers("frame", self.frame, count, range(-1, len(self.frames)))
        _demand(type(self.successors) is tuple and len(self.successors) == count, "successors")
        _check_rows("successors", self.successors, 1 << self.operands, range(count))
        _demand(not np.any((self.widths > 0) & (np.array(self.frame) < 0)), "widths")
        _demand(type(self.cells) is tuple, "cells")
        _check_rows("cells", self.cells, 2, SLABS)
        _check_reals("middles", self.middles, (len(self.cells), size))
        _check_reals("halves", self.halves, (len(self.cells), size))
        _demand(bool((self.halves >= 0).all()), "halves")
        owners = [context for context, _ in self.cells]
        _check_numbers("cells", tuple(owners), len(self.cells), range(count))
        _demand(all(map(lt, self.cells, self.cells[1:])), "cells")
        cut = (self.widths > 0).tolist()
        _demand(all(k == 0 or cut[context] for context, k in self.cells), "cells")

    @property
    def has_set(self) -> NDArray[np.bool_]:
        """Whether each context has a set (N,)."""
        has_set = np.zeros(len(self), np.bool_)
        has_set[[context for context, _ in self.cells]] = True
        return has_set

    @property
    def inverses(self) -> Reals:
        """(F, H, H): U, about V⁻¹, by elimination, the same on every machine.

        Not finite where there is none.
        """
        size, each = self.centres.shape[1], np.arange(len(self.frames))
        rows = np.concatenate([self.frames, np.zeros_like(self.frames)], axis=2)
        rows[:, range(size), range(size, 2 * size)] = 1
        with np.errstate(all="ignore"):
            for i in range(size):
                pivot = i + np.abs(rows[:, i:, i]).argmax(1)
                rows[each, pivot], rows[:, i] = rows[:, i].copy(), rows[each, pivot]
                rows[:, i] /= rows[:, i, i, None]
                factors = rows[:, :, i].copy()
                factors[:, i] = 0
                rows -= factors[:, :, None] * rows[:, i, None]
        return rows[:, :, size:]

    def copy(self) -> Certificate:
        """Return one with arrays of its own, and check it anew: arrays can be written to.

        Raises
        ------
        CertificateError
            If an array now holds what it cannot mean.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {n: value.copy() for n, value in values.items() if type(value) is np.ndarray}
        return Certificate(**values | arrays)

    def __eq__(self, other: object) -> bool:
        """Two certificates are equal if their JSON is, byte for byte."""
        if not isinstance(other, Certificate):
            return NotImplemented
        return self.digest == other.digest and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __len__(self) -> int:
        """Return how many contexts there are."""
        return len(self.carries)

    def __repr__(self) -> str:
        """Leave out the arrays, which are far too long to show."""
        digest = self.digest[:16]
        return f"Certificate(digest={digest!r}…, contexts={len(self)}, margin={self.margin:.3g})"

    @ieee_mode()
    def to_json(self) -> str:
        """Return the certificate as JSON, read back exactly; a sum's has no coefficients."""
        content = {"format": FORMAT, "version": VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            content[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
        if set(self.coefficients) == {1}:
            del content["coefficients"]
        return json.dumps(content, allow_nan=False)

    @classmethod
    @ieee_mode()
    def from_json(cls, text: str | bytes) -> Certificate:
        """Read what `to_json` wrote.

        Raises
        ------
        CertificateError
            If it is anything else.
        """
        try:
            content = json.loads(text, object_pairs_hook=_read_object)
        except CertificateError:  # a ValueError too
            raise
        except (ValueError, RecursionError):
            raise CertificateError("this is not a certificate: it is not JSON") from None
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise CertificateError("this is not a certificate of binadd")
        version = content.pop("version", None)
        if type(version) is not int or version != VERSION:
            raise CertificateError(
                f"this certificate is of format version {shorten(version)}; this binadd reads "
                f"{VERSION}"
            )
        return cls(**_decode(content, [field.name for field in fields(cls)]))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate to a file, atomically.

        Raises
        ------
        OSError
            If it cannot be written; one that was there before is left as it was.
        """
        write_atomically(path, self.to_json().encode("ascii"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a certificate from a file.

        Raises
        ------
        CertificateError
            If the file holds no whole certificate.
        OSError
            If it cannot be read.
        """
        with open(os.fspath(path), "rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CertificateError(f"{os.fspath(path)} is too large for a certificate")
        # Marks inside strings count, too, so these are bounds; a certificate's strings are names.
        if sum(map(content.count, (b"[", b"{", b":"))) > MAX_LISTS:
            raise CertificateError(f"{os.fspath(path)} has too many lists for a certificate")
        if content.count(b",") > MAX_ENTRIES:
            raise CertificateError(f"{os.fspath(path)} has too many entries for a certificate")
        try:
            return cls.from_json(content)
        except CertificateError as reason:
            raise CertificateError(f"{os.fspath(path)}: {reason}") from None


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what other readers of JSON may read otherwise: a name that comes twice."""
    content = dict(pairs)
    _demand(len(content) == len(pairs), "fields")
    return content


def _decode(content: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Turn JSON's lists into the fields' tuples and arrays."""
    decoded = {"coefficients": []} | dict(content)
    if sorted(decoded) != sorted(names):
        odd = ", ".join(map(shorten, sorted(set(decoded) ^ set(names))[:3]))
        raise CertificateError(f"the certificate's fields are wrong, see {odd}")
    for name in ("centres", "frames", "widths", "middles", "halves"):
        decoded[name] = _read_reals(name, decoded[name])
    size = decoded["centres"].shape[1:]
    for name, shape in (("frames", size * 2), ("middles", size), ("halves", size)):
        if decoded[name].shape == (0,):  # a list without entries does not tell their shape
            decoded[name] = np.zeros((0, *shape))
    for name in ("contexts", "carries", "successors", "frame", "cells", "coefficients"):
        _demand(isinstance(decoded[name], list), name)
        decoded[name] = tuple(
            tuple(entry) if isinstance(entry, list) else entry for entry in decoded[name]
        )
    return decoded


def _read_reals(name: str, value: Any) -> Reals:
    """Make an array of nested lists in which every leaf is a number and nothing else."""
    leaves = [value]
    while leaves and isinstance(leaves[0], list):
        _demand(all(isinstance(leaf, list) for leaf in leaves), name)
        leaves = [entry for leaf in leaves for entry in leaf]
    _demand(all(type(leaf) in (int, float) for leaf in leaves), name)
    try:
        return np.array(value, dtype=np.float64)
    except (ValueError, OverflowError):
        raise CertificateError(f"the certificate's {name} are malformed") from None


def _demand(holds: bool, name: str) -> None:
    if not holds:
        raise CertificateError(f"the certificate's {name} are malformed")


def _check_reals(name: str, array: Any, shape: tuple[int, ...]) -> None:
    _demand(
        type(array) is np.ndarray
        and array.dtype == np.float64
        and array.shape == shape
        and bool(np.isfinite(array).all()),
        name,
    )


def _check_entries(name: str, entries: Any, count: int, kind: type) -> None:
    _demand(
        type(entries) is tuple and len(entries) == count and {kind}.issuperset(map(type, entries)),
        name,
    )


def _check_numbers(name: str, entries: Any, count: int, allowed: range) -> None:
    _check_entries(name, entries, count, int)
    if entries:
        _demand(min(entries) in allowed and max(entries) in allowed, name)


def _check_rows(name: str, rows: tuple[Any, ...], width: int, allowed: range) -> None:
    """All entries at once: a certificate has thousands."""
    _check_entries(name, rows, len(rows), tuple)
    _demand({width}.issuperset(map(len, rows)), name)
    _check_numbers(name, tuple(chain.from_iterable(rows)), width * len(rows), allowed)
