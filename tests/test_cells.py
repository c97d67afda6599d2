"""Cells: what they cover, and the networks that nothing else decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from proved import certified

import binadd
from binadd import BinaryAdderRNN
from binadd.errors import CertificateError
from binadd.proof.certificate import Certificate, Frames, weights_digest
from binadd.proof.cover import Cover
from binadd.proof.enclosure import Enclosure
from binadd.proof.fixed_point import ONE, Case, Fields, units
from binadd.proof.search import Cells, CellsFound, Sampler
from binadd.proof.search.frames import CuttingFrames

SIZE, WIDTH = 4, 0.25
NAMES = tuple(Certificate.__dataclass_fields__)


def some_cells(generator: np.random.Generator, cuts: int, share: float) -> Certificate:
    """Cells of one frame, all of the same height, a share of them missing."""
    axes = np.linalg.qr(generator.normal(size=(SIZE, SIZE)))[0] * generator.uniform(0.5, 2, SIZE)
    span = np.arange(-3, 4)
    grid = np.stack(np.meshgrid(*[span] * cuts, indexing="ij"), -1).reshape(-1, cuts)
    grid = grid[generator.random(len(grid)) < share]
    centres, radii = generator.normal(size=(2, len(grid), SIZE)) * 0.02
    centres[:, :cuts] += grid * WIDTH
    radii = np.abs(radii) + 0.15
    _, other = certified("cells")
    return Certificate(
        **{name: getattr(other, name) for name in ("digest", "operands", "activation", "dtype")},
        step_error=0.0,
        logit_error=0.0,
        margin=0.0,
        carries=(0,) * len(grid),
        centres=centres,
        radii=radii,
        plans=((),) * len(grid),
        histories=("",) * len(grid),
        frames=Frames(
            generator.normal(size=(1, SIZE)) * 0.1,
            axes[None],
            np.linalg.inv(axes)[None],
            np.full((1, cuts), WIDTH),
        ),
        cells=tuple((0, *map(int, piece)) for piece in grid),
    )


def some_case(
    generator: np.random.Generator, certificate: Certificate
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """A case that is long along the axes that are cut, aslant to them, and short across."""
    assert certificate.frames is not None
    axes = certificate.frames.axes[0]
    cuts = certificate.frames.widths.shape[1]
    long = axes[:, :cuts] @ generator.uniform(-0.5, 0.5, cuts)
    G = np.column_stack([long, generator.normal(size=(SIZE, 3)) * 0.01])
    z = certificate.frames.origins[0] + axes @ (generator.normal(size=SIZE) * 0.1)
    return z, G[:, generator.permutation(4)], np.abs(generator.normal(size=SIZE)) * 0.005


FIELDS = Fields(1000 * ONE * ONE)


def case_of(*case: NDArray[Any]) -> Case:
    """The same case for the checker."""
    (z, s), g = (units(part.tolist()) for part in (case[0], case[2])), case[1].shape[1]
    G = [units(row) for row in case[1].tolist()]
    spread = [sum(map(abs, row)) + t for row, t in zip(G, s, strict=True)]
    return Case(z, list(map(FIELDS.join, G)), g, s, spread)


def searched(certificate: Certificate, *case: NDArray[Any]) -> bool:
    """Whether the search says that a case is covered."""
    assert certificate.frames is not None
    frames = CuttingFrames(*certificate.frames)
    pieces = frames.cut(np.zeros(1, np.int64), *(part[None] for part in case))
    place = {cell: q for q, cell in enumerate(certificate.cells)}
    for cell, low, high in zip(pieces.cell.tolist(), pieces.low, pieces.high, strict=True):
        q = place.get(tuple(cell))
        if q is None:
            return False
        room = certificate.radii[q] - 1e-9
        room[: frames.cuts] += 2e-9  # at a cut
        centre = certificate.centres[q]
        if not ((centre - room <= low) & (high <= centre + room)).all():
            return False
    return True


@pytest.mark.parametrize("cuts", [1, 2])
def test_what_is_covered_is_in_cells(cuts: int) -> None:
    """Every state tried of a case that is said to be covered lies in some cell."""
    generator = np.random.default_rng(cuts)
    said = 0
    for _ in range(150):
        certificate = some_cells(generator, cuts, share=generator.choice([0.8, 1.0]))
        frames = certificate.frames
        assert frames is not None
        z, G, s = some_case(generator, certificate)
        cover = Cover(certificate, FIELDS)
        e = generator.uniform(-1, 1, (400, G.shape[1] + SIZE))
        e[::2] = np.sign(e[::2])
        states = z + e[:, : G.shape[1]] @ G.T + e[:, G.shape[1] :] * s
        y = (states - frames.origins[0]) @ frames.inverses[0].T
        off = np.abs(y[:, None] - certificate.centres) - certificate.radii
        inside = (off.max(-1) <= 1e-12).any(1).all()
        case = case_of(z, G, s)
        yes = cover.holds(case, carry=0, f=0)
        assert inside or not yes
        assert yes or not searched(certificate, z, G, s)
        said += yes
        assert not cover.holds(case, carry=1, f=0)
        assert not cover.holds(case, carry=0, f=1)
    assert said > 20


def test_pieces_that_nothing_reaches_need_no_cell() -> None:
    """y₀ = 0.6e₀ + 0.5e₁ and y₁ = 0.6e₁ are never beyond opposite ends of the middle pieces."""
    full = some_cells(np.random.default_rng(0), 2, share=1.0)
    unit = np.eye(SIZE)[None]
    frames = Frames(np.zeros((1, SIZE)), unit, unit, np.ones((1, 2)))
    G = np.array([[0.6, 0.5], [0, 0.6], [0, 0], [0, 0]])
    case = case_of(np.zeros(SIZE), G, np.zeros(SIZE))
    for missing, covered in (((1, -1), True), ((-1, 1), True), ((1, 1), False), ((0, 1), False)):
        pieces = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        cells = tuple((0, *piece) for piece in pieces if piece != missing)
        claim = Certificate(
            **{name: getattr(full, name) for name in NAMES}
            | {name: getattr(full, name)[: len(cells)] for name in ("carries", "plans")}
            | {"histories": full.histories[: len(cells)], "frames": frames, "cells": cells}
            | {"centres": np.zeros((len(cells), SIZE)), "radii": np.full((len(cells), SIZE), 1.5)}
        )
        assert Cover(claim, FIELDS).holds(case, carry=0, f=0) is covered


def test_refuses_endless_cutting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The narrower the pieces that a certificate claims, the more of them there are to see."""
    generator = np.random.default_rng(0)
    certificate = some_cells(generator, 2, share=1.0)
    case = case_of(*some_case(generator, certificate))
    monkeypatch.setattr("binadd.proof.cover.MOST_PIECES", 1)
    with pytest.raises(CertificateError, match="more pieces than are checked"):
        Cover(certificate, FIELDS).holds(case, carry=0, f=0)


@pytest.mark.parametrize("cuts", [1, 2])
def test_a_cell_holds_its_states(cuts: int) -> None:
    """A cell as a case holds every state whose coordinates lie in it, whatever its axes are."""
    generator = np.random.default_rng(5)
    certificate = some_cells(generator, cuts, share=1.0)
    frames = certificate.frames
    assert frames is not None
    skew = frames._replace(axes=frames.axes + generator.normal(size=frames.axes.shape) * 1e-3)
    for claim in (frames, skew):
        object.__setattr__(certificate, "frames", claim)
        case = Cover(certificate, FIELDS).cases()[3]
        z, s = (np.array(part, np.float64) / ONE for part in (case.z, case.s))
        G = np.array([[FIELDS.entry(row, i) / ONE for i in range(case.g)] for row in case.G])
        e = np.sign(generator.normal(size=(200, SIZE)))
        y = certificate.centres[3] + e * certificate.radii[3]
        states = claim.origins[0] + np.linalg.solve(claim.inverses[0], y.T).T
        needed = np.abs(states - (z + ((y - certificate.centres[3]) / certificate.radii[3]) @ G.T))
        assert (needed <= s + 1e-12).all()


def test_cuts_of_the_search_cover_too() -> None:
    """Every state of a case lies in a piece that the search cuts."""
    generator = np.random.default_rng(3)
    for _ in range(100):
        certificate = some_cells(generator, 2, share=1.0)
        assert certificate.frames is not None
        frames = CuttingFrames(*certificate.frames)
        z, G, s = some_case(generator, certificate)
        pieces = frames.cut(np.zeros(1, np.int64), z[None], G[None], s[None])
        e = generator.uniform(-1, 1, (200, G.shape[1] + SIZE))
        y = frames.coordinates(
            np.zeros(200, np.int64), z + e[:, : G.shape[1]] @ G.T + e[:, G.shape[1] :] * s
        )
        assert (pieces.low <= pieces.high).all()
        held = (y[:, None] >= pieces.low) & (y[:, None] <= pieces.high)
        assert held.all(-1).any(1).all()


def test_refuses_malformed_cells() -> None:
    _, certificate = certified("cells")
    frames = certificate.frames
    assert frames is not None
    for fields in (
        {"frames": None},
        {"cells": ()},
        {"cells": (*certificate.cells[:-1], (0,))},
        {"cells": (*certificate.cells[:-1], (len(frames.origins), 0, 0))},
        {"frames": frames._replace(widths=frames.widths * 0)},
        {"frames": frames._replace(axes=frames.axes[1:])},
        {"frames": frames._replace(inverses=frames.inverses * np.nan)},
    ):
        with pytest.raises(CertificateError):
            Certificate(**{name: getattr(certificate, name) for name in NAMES} | fields)


def test_decides_what_forgets_slowly() -> None:
    """A network that boxes of no history prove, as they forget the carry too slowly."""
    net = BinaryAdderRNN(recipe="notebook", seed=180)
    assert binadd.train(net, until="exact", max_sequences=100_000).reached
    enclosure = Enclosure(net)
    found = Cells(3, width=0.5).run(enclosure, Sampler(enclosure))
    assert isinstance(found, CellsFound)
    certificate = found.certificate(enclosure, weights_digest(net))
    assert certificate.margin > 0.1
    assert len(certificate) == len(certificate.cells) > 100
    binadd.check(certificate, net)


def test_gives_up_where_frames_are_no_good() -> None:
    net = BinaryAdderRNN(4, seed=1)
    net.parameters["hidden_weights"][1] = net.parameters["hidden_weights"][0]
    enclosure = Enclosure(net)
    assert not isinstance(Cells(1, width=0.5).run(enclosure, Sampler(enclosure)), CellsFound)
