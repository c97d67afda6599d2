"""The proof as data: sets of hidden states that hold every state a network can reach.

A certificate lists sets S₀, S₁, …, each with the carry that true addition has whenever the state
is in it. S₀ holds the initial state 0. Each set comes with a *plan*, which says how to show that
steps from it, whatever the symbols, give right bits and end in a set of the list. By induction
every state of every sum lies in one of the sets, hence every bit of every sum is right:
docs/proof.md has the theorem, `binadd.proof.checker` re-derives every step of it.

A set is a box {h : |hᵢ − cᵢ| ≤ rᵢ} with a centre c and a radius r. Or it is a *cell*: a box of the
coordinates y = V(h − o) of a frame, cut along the frame's first axes into pieces of equal width:
piece k of axis i is what has (k − ½)wᵢ ≤ yᵢ ≤ (k + ½)wᵢ. Then all sets are cells.

A plan is a sequence of integers, read from the left. It begins with the set as the *case* at hand:

    0          take a step with each symbol in turn, and enclose each unit's value by itself
    1          the same, but keep how the units depend on each other (affine forms)
    −1 − q     the case lies in set q; or in cells: the cells of frame q cover it

After a 0 or a 1 the plans of the 2ⁿ cases reached follow, that of symbol 0 first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.errors import CertificateError
from binadd.files import write_atomically
from binadd.model import BinaryAdderRNN
from binadd.parameters import has_strays

__all__ = ["AFFINE", "HULL", "Certificate", "Frames", "inside", "weights_digest"]

Reals: TypeAlias = NDArray[np.float64]

HULL, AFFINE = 0, 1
FORMAT, VERSION = "binadd-certificate", 1
MAX_BYTES = 1 << 26
"""Longer files are refused unread: a thousandth of this is usual, and JSON may take thirty times
its length in memory."""


def inside(q: int) -> int:
    """Return what a plan says for "the case lies in set q".

    >>> inside(0), inside(4)
    (-1, -5)
    """
    return -1 - q


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
    architecture = net.settings.architecture
    if has_strays(architecture, net.state.block):
        raise CertificateError("the network computes with weights outside its parameters")
    digest = hashlib.sha256(
        f"{architecture.activation} {architecture.dtype} {architecture.operands} "
        f"{architecture.hidden_size} {architecture.biases}".encode()
    )
    for name, array in sorted(net.parameters.items()):
        digest.update(name.encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


class Frames(NamedTuple):
    """Coordinates y = V(h − o) in which sets are cut into cells; F of them, D axes are cut."""

    origins: Reals
    """(F, H): o"""
    axes: Reals
    """(F, H, H): about the inverse of V"""
    inverses: Reals
    """(F, H, H): V"""
    widths: Reals
    """(F, D): of the pieces of the axes that are cut"""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Certificate:
    """Sets that hold every reachable state of a network, and how to show it.

    It is data and claims nothing: `binadd.check` decides. N sets, H hidden units.

    Raises
    ------
    CertificateError
        If a field is of the wrong type or shape, a number is not finite or a radius is negative.
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
    """Every logit is at least this far on the right side of 0, as found; not part of the claim."""
    carries: tuple[int, ...]
    """Of each set: the carry that goes into the next step."""
    centres: Reals
    """(N, H)"""
    radii: Reals
    """(N, H)"""
    plans: tuple[tuple[int, ...], ...]
    """Of each set, as the module's docstring says."""
    histories: tuple[str, ...]
    """Of each set: which words lead to it, for people."""
    frames: Frames | None = None
    """If the sets are cells."""
    cells: tuple[tuple[int, ...], ...] = ()
    """Of each cell: its frame, and its piece of each axis that is cut."""

    def __post_init__(self) -> None:
        _demand(type(self.centres) is np.ndarray and self.centres.ndim == 2, "centres")
        count, size = self.centres.shape
        _demand(count > 0 and size > 0, "centres")
        _check_reals("centres", self.centres, (count, size))
        _check_reals("radii", self.radii, (count, size))
        _demand(bool((self.radii >= 0).all()), "radii")
        for name in ("step_error", "logit_error", "margin"):
            value = getattr(self, name)
            _demand(type(value) is float and 0 <= value < float("inf"), name)
        for name in ("digest", "activation", "dtype"):
            _demand(type(getattr(self, name)) is str, name)
        _demand(type(self.operands) is int, "operands")
        _check_entries("carries", self.carries, count, int)
        _check_entries("histories", self.histories, count, str)
        _check_entries("plans", self.plans, count, tuple)
        for plan in self.plans:
            _check_entries("plans", plan, len(plan), int)
        self._check_cells(count, size)

    def _check_cells(self, count: int, size: int) -> None:
        if self.frames is None:
            _check_entries("cells", self.cells, 0, tuple)
            return
        _demand(type(self.frames) is Frames and self.frames.widths.ndim == 2, "frames")
        number, cuts = self.frames.widths.shape
        square = (number, size, size)
        for array, shape in zip(
            self.frames, ((number, size), square, square, (number, cuts)), strict=True
        ):
            _check_reals("frames", array, shape)
        _demand(0 < cuts <= size and bool((self.frames.widths > 0).all()), "frames")
        _check_entries("cells", self.cells, count, tuple)
        for cell in self.cells:
            _check_entries("cells", cell, 1 + cuts, int)
            _demand(0 <= cell[0] < number, "cells")

    def case(self, q: int) -> tuple[Reals, Reals, Reals]:
        """Set q as {z + G·e + s·e′ : |eᵢ| ≤ 1, |e′ᵢ| ≤ 1}: z (H,), G (H, g) and s (H,)."""
        centre, radius = self.centres[q], self.radii[q]
        if self.frames is None:
            return centre, np.zeros((len(centre), 0)), radius
        frame = self.cells[q][0]
        axes = self.frames.axes[frame]
        z: Reals = self.frames.origins[frame] + axes @ centre
        return z, axes * radius, np.zeros_like(z)

    def __len__(self) -> int:
        """Return how many sets there are."""
        return len(self.carries)

    def __repr__(self) -> str:
        """The arrays are far too long to be shown."""
        digest = self.digest[:16]
        return f"Certificate(digest={digest!r}…, sets={len(self)}, margin={self.margin:.3g})"

    def to_json(self) -> str:
        """Return the certificate as JSON; every number is read back exactly."""
        content = {"format": FORMAT, "version": VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Frames):
                value = {name: array.tolist() for name, array in value._asdict().items()}
            content[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(content, allow_nan=False)

    @classmethod
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
                f"this certificate is of format version {version!r}; this binadd reads {VERSION}"
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
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CertificateError(f"{os.fspath(path)} is too large for a certificate")
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
    if sorted(content) != sorted(names):
        odd = sorted(set(content) ^ set(names))
        raise CertificateError(f"the certificate's fields are wrong, see {', '.join(odd)}")
    decoded = dict(content)
    for name in ("centres", "radii"):
        decoded[name] = _read_reals(name, decoded[name])
    if decoded["frames"] is not None:
        frames = decoded["frames"]
        _demand(isinstance(frames, dict) and sorted(frames) == sorted(Frames._fields), "frames")
        decoded["frames"] = Frames(*(_read_reals("frames", frames[n]) for n in Frames._fields))
    for name in ("carries", "histories", "plans", "cells"):
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
        type(entries) is tuple and len(entries) == count and all(type(e) is kind for e in entries),
        name,
    )
