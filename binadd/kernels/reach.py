"""What becomes of sets of hidden states, in NumPy: the definition of `propagate`.

csrc/reach.h computes the same operations in the same order, one case after the other; here many
cases take each step at once, for a case alone would take Python far too long. Nothing that is
reported depends on the order of cases. docs/proof.md says why bounds are bounds.

Arrays have the units first and the cases last: (S, M), or (H, columns, M) for generators, which
are those of the pre-activations, A = Wₕ·G. What lies beyond H is carried along, as C does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.kernels import arguments
from binadd.kernels.arithmetic import ACTIVATIONS, hidden_sum
from binadd.kernels.contract import (
    DOUBT,
    ESCAPED,
    MOST_ESCAPES,
    TOO_MANY,
    WIDENED,
    Architecture,
    Contexts,
    Errors,
    Images,
    Indices,
    Propagation,
    Real,
    Reals,
    new_images,
)
from binadd.kernels.mode import quiet_ieee_mode
from binadd.kernels.relaxation import F_ERROR, relax

PAD = 2.0**-44
"""Covers sums of some hundred terms that add up to at most 2."""
BOUND = 2.0
"""Every coordinate of a state is nearer to 0 than this."""

CHUNK_BYTES = 1 << 22
"""The memory for generators of images that take a step at once."""
ESCAPES_BYTES = 1 << 28
"""The memory for images that escape, of the origins that are propagated at once."""

Places: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


# ---------------------------------------------------------------------------------------------
# Linear forms of generators
# ---------------------------------------------------------------------------------------------


def _mix(coefficients: Real, generators: Real) -> tuple[Real, Real]:
    """Σₖ c(row, k)·A(k, ·), k from 0 up, and the sum of each row's magnitudes.

    Coefficients are (rows, S, M), or (rows, S, 1) where they are those of all cases.
    """
    forms = coefficients[:, 0, None] * generators[0]
    for k in range(1, len(generators)):
        forms += coefficients[:, k, None] * generators[k]
    return forms, hidden_sum(np.abs(forms).swapaxes(0, 1))


def _unit_sums(rows: Real, x: Real) -> Real:
    """Σₖ rows(k)·xₖ (S, M), k over the hidden units."""
    return hidden_sum(rows[:, :, None] * x[: len(rows), None])


def _box_generators(weights: Real, box: Real) -> tuple[Real, Real]:
    """Return the generators W(j, k)·box(k) of a box of states, and each row's magnitude."""
    generators = weights[:, :, None] * box
    return generators, hidden_sum(np.abs(generators).swapaxes(0, 1))


def _near(z: Real, spread: Real) -> Mask:
    """Whether all states are so near 0 that the bounds of our own rounding hold."""
    near: Mask = np.logical_and.reduce(np.abs(z) + spread <= BOUND)
    return near


# ---------------------------------------------------------------------------------------------
# Cases and their images
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cases:
    """Sets of states that take their next step together."""

    step: int  # t, that they have behind them
    origins: Places  # (M,)
    contexts: Places  # (M,)
    generators: Real | None  # (H, S·(t + 1), M): A, of zonotopes
    sums: Real  # (S, M): Wₕz
    error: Real  # (S, M): by how much pre-activations may be off, but for the generators
    radius: Real  # (S, M): the same with the generators


@dataclass(frozen=True)
class Steps:
    """What becomes of some cases under some symbols."""

    cases: Places  # (M,): which of them
    contexts: Places  # (M,): those they are in then
    slope: Real | None  # (S, M): λ: the generators are λ·A
    z: Real  # (S, M): the middles
    box: Real  # (S, M)
    spread: Real  # (S, M): by how much units differ from the middle at most

    def __getitem__(self, places: Places | Mask | slice) -> Steps:
        return Steps(
            self.cases[places],
            self.contexts[places],
            None if self.slope is None else self.slope[:, places],
            self.z[:, places],
            self.box[:, places],
            self.spread[:, places],
        )

    @classmethod
    def join(cls, parts: list[Steps]) -> Steps:
        """Make one of what becomes of the same cases."""
        slopes = [part.slope for part in parts if part.slope is not None]
        return cls(
            np.concatenate([part.cases for part in parts]),
            np.concatenate([part.contexts for part in parts]),
            np.concatenate(slopes, 1) if slopes else None,
            np.concatenate([part.z for part in parts], 1),
            np.concatenate([part.box for part in parts], 1),
            np.concatenate([part.spread for part in parts], 1),
        )


class Network:
    """A network and what its bounds must allow for."""

    def __init__(
        self, architecture: Architecture, block: Real, errors: Errors, affine: bool
    ) -> None:
        self.form = architecture.form
        self.n, self.size = architecture.operands, architecture.hidden_size
        self.columns = architecture.block_shape[1]
        self.activation = architecture.activation
        self.errors = errors
        self.affine = affine
        self.hidden = block[architecture.hidden_rows]  # (H, S): row k: from unit k
        self.weights = np.zeros((self.size, self.columns))  # (H, S): row j: to unit j
        self.weights[:, : self.size] = self.hidden[:, : self.size].T
        self.output = block[self.n + self.size + 1]
        self.output_bias = block[self.n + self.size + 2, 0]
        self.inputs = self._sum_inputs(block)

    def _sum_inputs(self, block: Real) -> Real:
        """bₕ + Wᵢx of every symbol (2ⁿ, S)."""
        symbols = np.arange(1 << self.n)[:, None]
        sums = np.broadcast_to(block[self.n + self.size], (len(symbols), self.columns))
        for i in range(self.n):
            sums = sums + np.where(symbols >> i & 1, block[i], 0.0)
        return sums

    def _middle(self, step: int, z: Real) -> tuple[Real, Real]:
        """Return the pre-activations' middle and error."""
        count = float(self.size + self.columns * (step + 1))
        error = self.errors.unit + self.errors.generator * count
        return _unit_sums(self.hidden, z) + 0.0, np.repeat(error[:, None], z.shape[1], 1)

    def _interval(self, error: Real, box: Real) -> Real:
        """Return the radius of a zonotope that is a box."""
        return _unit_sums(np.abs(self.hidden), box) + error

    def enter(self, cases: Cases, steps: Steps) -> Cases:
        """Return the images as zonotopes of the next step."""
        sums, error = self._middle(cases.step + 1, steps.z)
        generators = None
        if cases.generators is None or steps.slope is None:
            radius = self._interval(error, steps.box)
        else:
            old, spreads = _mix(
                self.weights[:, :, None] * steps.slope, cases.generators[:, :, steps.cases]
            )
            new, boxes = _box_generators(self.weights, steps.box)
            generators = np.concatenate([old, new], 1)
            radius = np.zeros_like(error)
            radius[: self.size] = (spreads + boxes) + error[: self.size]
        origins = cases.origins[steps.cases]
        return Cases(cases.step + 1, origins, steps.contexts, generators, sums, error, radius)

    def begin(self, contexts: Contexts, origins: Indices) -> tuple[Cases, Mask]:
        """Origins as cases, and whether each is near enough to 0."""
        count, size = len(origins), self.size
        z, box = np.zeros((self.columns, count)), np.zeros((self.columns, count))
        generators = np.zeros((self.columns, self.columns, count)) if self.affine else None
        owners = np.zeros(count, np.int64)
        frames = np.full(count, -1)
        cell = np.flatnonzero(origins >= 0)
        owners[cell] = contexts.owners[origins[cell]]
        frames[cell] = contexts.frame[owners[cell]]
        z[:, cell] = contexts.centres[owners[cell]].T
        plain, turned = cell[frames[cell] < 0], np.flatnonzero(frames >= 0)
        z[:, plain] += contexts.middles[origins[plain]].T
        box[:, plain] = contexts.halves[origins[plain]].T
        middles, halves = contexts.middles[origins[turned]], contexts.halves[origins[turned]]
        for i in range(size):
            column = contexts.bases[frames[turned], i].T
            generator = column * halves[:, i]
            z[:, turned] = z[:, turned] + column * middles[:, i]
            box[:, turned] = box[:, turned] + np.abs(generator)
            if generators is not None:
                generators[:, i, turned] = generator
        near = _near(z[:size], box[:size])
        sums, error = self._middle(0, z)
        if generators is None:
            radius = self._interval(error, box)
            return Cases(0, np.arange(count), owners, None, sums, error, radius), near
        radius = np.zeros_like(error)
        to_units = np.empty((size, self.columns, count))
        plain = np.flatnonzero(frames < 0)
        to_units[:, :, plain], radius[:size, plain] = _box_generators(self.weights, box[:, plain])
        to_units[:, :, turned], radius[:size, turned] = _mix(
            self.weights[:, :, None], generators[:size, :, turned]
        )
        radius = radius + error
        return Cases(0, np.arange(count), owners, to_units, sums, error, radius), near

    def step(self, cases: Cases, rows: Places, contexts: Places, symbol: int) -> Steps:
        """Return the images of some zonotopes under a symbol."""
        a = cases.sums[:, rows] + self.inputs[symbol][:, None]
        radius, error = cases.radius[:, rows], cases.error[:, rows]
        if not self.affine:
            f = ACTIVATIONS[self.activation]
            off = (self.errors.step + F_ERROR) + PAD
            low, high = f(a - radius) - off, f(a + radius) + off
            box = (high - low) * 0.5 + PAD
            return Steps(rows, contexts, None, (low + high) * 0.5, box, box)
        slope, offset, gap = relax(a, radius, self.activation)
        linear = slope * a
        box = ((gap + slope * error) + self.errors.step) + PAD * (
            (1 + np.abs(linear)) + np.abs(offset)
        )
        spread = (slope * radius + box) + PAD
        return Steps(rows, contexts, slope, linear + offset, box, spread)

    def margins(self, cases: Cases, steps: Steps, ones: Mask) -> Real:
        """How far all logits are at least on the side of 0 that the bit asks for.

        −inf where that is not a number; added zeros leave no −0 behind.
        """
        output = self.output[:, None]
        linear: Real | float = 0.0
        if cases.generators is not None and steps.slope is not None:
            row = (output * steps.slope)[None]
            linear = _mix(row, cases.generators[:, :, steps.cases])[1][0]
        logit = hidden_sum(output * steps.z) + self.output_bias
        spread = (linear + hidden_sum(np.abs(output) * steps.box)) + self.errors.logit
        margins = (np.where(ones, logit, -logit) - spread) + 0.0
        near = _near(steps.z[: self.size], steps.spread[: self.size])
        return np.where(near & (margins > -np.inf), margins, -np.inf)


# ---------------------------------------------------------------------------------------------
# Whether sets hold images
# ---------------------------------------------------------------------------------------------


class Parts(NamedTuple):
    """Parts of images, each with the cell that it reaches into."""

    steps: Places  # which images
    cells: Places
    low: Real  # (H, ·): bounds in the coordinates of the cells' context
    high: Real


@dataclass(frozen=True)
class Sets:
    """The sets of contexts, and what it takes to be in them."""

    contexts: Contexts
    size: int
    slack: float

    def hold(self, parts: Parts) -> Mask:
        """Whether each part is within its cell."""
        halves = self.contexts.halves[parts.cells, : self.size].T
        middles, rooms = self.contexts.middles[parts.cells, : self.size].T, halves - self.slack
        within = (parts.low - middles >= -rooms) & (parts.high - middles <= rooms)
        held: Mask = np.logical_and.reduce(within) & (halves[0] >= 0)
        return held

    def parts(self, cases: Cases, steps: Steps) -> tuple[Iterator[Parts], Places]:
        """Parts of images by the cells they reach into, and images that leave all cells."""
        contexts = self.contexts
        counts = np.diff(contexts.first)[steps.contexts]
        cut = (counts > 0) & (contexts.widths[steps.contexts] < np.inf)
        plain = (counts > 0) & (contexts.frame[steps.contexts] < 0)
        whole = (counts > 0) & ~cut & ~plain
        outside = [np.flatnonzero(counts == 0)]
        found: list[Iterator[Parts]] = []
        for kind in (plain, whole, cut):
            places = np.flatnonzero(kind)
            if not len(places):
                continue
            y, reach, forms = self._coordinates(cases, steps[places], turned=kind is not plain)
            if kind is not cut:
                cells = contexts.first[steps.contexts[places]].astype(np.int64)
                found.append(iter([Parts(places, cells, y - reach, y + reach)]))
                continue
            inside, pieces = self._cut(steps.contexts[places], y, reach, forms)
            outside.append(places[~inside])
            found.append(part._replace(steps=places[part.steps]) for part in pieces)
        return (part for pieces in found for part in pieces), np.concatenate(outside)

    def _coordinates(self, cases: Cases, steps: Steps, *, turned: bool) -> tuple[Real, Real, Real]:
        """Images in their context's coordinates: y and spreads (H, M), generators (H, ·, M)."""
        size, contexts = self.size, self.contexts
        middle = steps.z - contexts.centres[steps.contexts].T
        none = np.zeros((size, 1, len(steps.cases)))
        if not turned:
            return middle[:size], steps.spread[:size], none
        axes = contexts.frames[contexts.frame[steps.contexts]].transpose(1, 2, 0)
        of_units = axes.swapaxes(0, 1)
        y = hidden_sum(of_units * middle[:, None])
        if cases.generators is None or steps.slope is None:
            return y, hidden_sum(np.abs(of_units) * steps.spread[:, None]), none
        reach = hidden_sum(np.abs(of_units) * steps.box[:, None])
        forms, spreads = _mix(axes * steps.slope, cases.generators[:, :, steps.cases])
        return y, spreads + reach, forms

    def _cut(
        self, contexts: Places, y: Real, reach: Real, forms: Real
    ) -> tuple[Mask, Iterator[Parts]]:
        """Which images are within the cells of their contexts side by side, and their parts."""
        widths = self.contexts.widths[contexts]
        lowest = self.contexts.lowest[contexts].astype(np.int64)
        first = self.contexts.first[contexts].astype(np.int64)
        count = self.contexts.first[contexts + 1] - first
        far = reach[0] + self.slack
        start, end = np.rint((y[0] - far) / widths), np.rint((y[0] + far) / widths)
        inside = (start >= lowest) & (end < lowest + count) & (end - start < MOST_ESCAPES)
        images = np.flatnonzero(inside)
        from_cell, to_cell = start[images].astype(np.int64), end[images].astype(np.int64)
        many = np.maximum(to_cell - from_cell + 1, 0)
        largest = np.abs(forms[0]).argmax(0)
        generators = forms[:, largest, np.arange(len(largest))]

        def pieces() -> Iterator[Parts]:
            most = max(1, CHUNK_BYTES // (64 * len(y)))
            ends = np.cumsum(many)
            for begin in range(0, int(many.sum()), most):
                place = np.arange(begin, min(begin + most, int(many.sum())))
                which = np.searchsorted(ends, place, side="right")
                k = from_cell[which] + (place - (ends[which] - many[which]))
                m = images[which]
                low, high = _part(
                    k,
                    from_cell[which] < to_cell[which],
                    widths[m],
                    self.slack,
                    y[:, m],
                    reach[:, m],
                    generators[:, m],
                )
                yield Parts(m, first[m] + (k - lowest[m]), low, high)

        return inside, pieces()


def _part(
    k: Places, several: Mask, width: Real, slack: float, y: Real, reach: Real, generators: Real
) -> tuple[Real, Real]:
    """Bounds of what of images reaches into cell k along the first axis.

    The largest generator along that axis is shortened to what of it does. It may be tiny, so what
    it is divided into must allow for all that was rounded: hence the slack.
    """
    start, end = (k - 0.5) * width, (k + 0.5) * width
    along, rest = generators[0], (reach[0] + slack) - np.abs(generators[0])
    shortened = several & (along != 0)
    a = ((start - y[0]) - rest) / along
    b = ((end - y[0]) + rest) / along
    low, high = np.where(a < b, a, b).clip(-1, 1), np.where(a < b, b, a).clip(-1, 1)
    middle = np.where(shortened, (low + high) * 0.5, 0.0)
    half = np.where(shortened, (high - low) * 0.5, 1.0)
    sizes = np.abs(generators)
    moved = y + generators * middle
    spread = (reach - sizes) + sizes * half
    low, high = moved - spread, moved + spread
    low[0] = np.where(low[0] < start, start, low[0])
    high[0] = np.where(high[0] > end, end, high[0])
    return low, high


# ---------------------------------------------------------------------------------------------
# A walk over all images of some origins
# ---------------------------------------------------------------------------------------------


class Walk:
    """What has come of a group of origins so far, (P, …) each."""

    def __init__(
        self, network: Network, sets: Sets, origins: Indices, propagation: Propagation
    ) -> None:
        count = len(origins)
        self.network, self.sets = network, sets
        self.origins = origins
        self.steps, self.budget = propagation.steps, propagation.budget
        self.outcomes = np.zeros(count, np.int32)
        self.depths = np.ones(count, np.int32)
        self.work = np.ones(count, np.int64)
        self.margins = np.full(count, np.inf)
        self.low = np.full((2 * network.form.carries, count, network.size), np.inf)
        self.high = np.full((2 * network.form.carries, count, network.size), -np.inf)
        self.escapes = np.zeros(count, np.int64)
        self.escaped: list[Parts] = []  # of origins, not of images

    def run(self) -> None:
        """Take the deepest cases first, so that few wait."""
        size, columns = self.network.size, self.network.columns
        stack: list[tuple[Cases | None, Steps | Places]] = []

        def push(cases: Cases | None, waiting: Steps | Places, step: int) -> None:
            count = len(waiting.cases if isinstance(waiting, Steps) else waiting)
            most = max(1, CHUNK_BYTES // (8 * size * columns * (step + 1)))
            stack.extend((cases, waiting[start : start + most]) for start in range(0, count, most))

        push(None, np.arange(len(self.origins)), 0)
        while stack:
            before, waiting = stack.pop()
            if before is None:
                assert not isinstance(waiting, Steps)
                cases, rows = self._begin(waiting)
            else:
                assert isinstance(waiting, Steps)
                waiting = waiting[self._go_on(before.origins[waiting.cases])]
                if not len(waiting.cases):
                    continue
                cases = self.network.enter(before, waiting)
                rows = np.arange(len(waiting.cases))
            if further := self._advance(cases, rows):
                push(cases, Steps.join(further), cases.step + 1)

    def _go_on(self, origins: Places) -> Mask:
        """Whether the budget of each origin lasts."""
        go_on: Mask = self.work[origins] <= self.budget
        return go_on

    def _begin(self, places: Places) -> tuple[Cases, Places]:
        """Origins as cases; those too far from 0 take no step."""
        cases, near = self.network.begin(self.sets.contexts, self.origins[places])
        self.outcomes[places[~near]] |= DOUBT
        self.margins[places[~near]] = -np.inf
        return replace(cases, origins=places), np.flatnonzero(near)

    def _advance(self, cases: Cases, rows: Places) -> list[Steps]:
        """Take a step under every symbol; return what needs a further one."""
        contexts, last = self.sets.contexts, cases.step + 1 == self.steps
        further = []
        for symbol in range(1 << self.network.n):
            rows = rows[self._go_on(cases.origins[rows])]
            if not len(rows):
                break
            before = cases.contexts[rows]
            totals = contexts.carries[before] + self.network.form.weights[symbol]
            after = contexts.successors[before, symbol].astype(np.int64)
            steps = self.network.step(cases, rows, after, symbol)
            sure = self._judge(cases, steps, totals)
            steps = steps[sure]
            open_ = steps[self._cover(cases, steps, last=last)]
            if last or not len(open_.cases):
                continue
            origins = cases.origins[open_.cases]
            np.add.at(self.work, origins, cases.step + 2)
            self.depths[origins] = np.maximum(self.depths[origins], cases.step + 2)
            further.append(open_)
        return further

    def _judge(self, cases: Cases, steps: Steps, totals: Indices) -> Mask:
        """Note margins and bounds; say which images have the right sign for sure."""
        size, origins = self.network.size, cases.origins[steps.cases]
        margins = self.network.margins(cases, steps, (totals & 1) == 1)
        np.minimum.at(self.margins, origins, margins)
        z, spread = steps.z[:size].T, steps.spread[:size].T
        np.minimum.at(self.low, (totals, origins), z - spread)
        np.maximum.at(self.high, (totals, origins), z + spread)
        sure: Mask = margins > 0
        np.bitwise_or.at(self.outcomes, origins[~sure], DOUBT)
        return sure

    def _cover(self, cases: Cases, steps: Steps, *, last: bool) -> Mask:
        """Note which images sets hold, and what escapes at the last step; return which escape."""
        origins = cases.origins[steps.cases]
        parts, outside = self.sets.parts(cases, steps)
        open_ = np.zeros(len(steps.cases), bool)
        open_[outside] = True
        if last:
            np.bitwise_or.at(self.outcomes, origins[outside], ESCAPED)
        for part in parts:
            free = ~self.sets.hold(part)
            open_[part.steps[free]] = True
            if last and free.any():
                cells, low, high = part.cells[free], part.low[:, free], part.high[:, free]
                self._escape(Parts(origins[part.steps[free]], cells, low, high))
        return open_

    def _escape(self, parts: Parts) -> None:
        """Keep what cells would have to hold, as long as it is not too much."""
        known: Mask = np.logical_and.reduce((parts.low >= -np.inf) & (parts.high <= np.inf))
        np.bitwise_or.at(self.outcomes, parts.steps, np.where(known, WIDENED, ESCAPED))
        np.add.at(self.escapes, parts.steps[known], 1)
        self.outcomes[self.escapes > MOST_ESCAPES] |= ESCAPED
        kept = known & (self.outcomes[parts.steps] == WIDENED) & self._go_on(parts.steps)
        steps, cells, low, high = parts
        self.escaped.append(Parts(steps[kept], cells[kept], low[:, kept], high[:, kept]))

    def report(self, images: Images, place: slice) -> None:
        """Write down what came of the origins."""
        size, many = self.network.size, self.work > self.budget
        outcomes = np.where(many, TOO_MANY, self.outcomes)
        images.outcomes[place] = outcomes
        images.margins[place] = np.where(many, -np.inf, self.margins)
        images.depths[place] = np.where(outcomes == 0, self.depths, 0)
        images.work[place] = np.where(many, self.budget + 1, self.work)
        for steps, cells, low, high in self.escaped:
            kept = outcomes[steps] == WIDENED
            np.minimum.at(images.least[:, :size], cells[kept], low[:, kept].T)
            np.maximum.at(images.most[:, :size], cells[kept], high[:, kept].T)
        closed = outcomes == 0
        if closed.any():
            low, high = images.low[:, :size], images.high[:, :size]
            np.minimum(low, self.low[:, closed].min(1), out=low)
            np.maximum(high, self.high[:, closed].max(1), out=high)


# ---------------------------------------------------------------------------------------------
# The kernels
# ---------------------------------------------------------------------------------------------


@quiet_ieee_mode()
def propagate(
    architecture: Architecture,
    block: Reals,
    contexts: Contexts,
    origins: Indices,
    errors: Errors,
    propagation: Propagation,
) -> Images:
    """See `contract.Kernels.propagate`."""
    arguments.check_propagation(architecture, block, contexts, errors, propagation)
    arguments.check_layout("origins", origins, (len(origins),), "int32")
    arguments.check_sets(architecture, contexts, origins)
    images = new_images(architecture, contexts, len(origins))
    group = max(1, ESCAPES_BYTES // (MOST_ESCAPES * 2 * 8 * architecture.block_shape[1]))
    network = Network(architecture, block, errors, propagation.affine)
    sets = Sets(contexts, architecture.hidden_size, propagation.slack)
    for start in range(0, len(origins), group):
        place = slice(start, start + group)
        walk = Walk(network, sets, origins[place], propagation)
        walk.run()
        walk.report(images, place)
    return images
