"""Images of sets of hidden states: bounds of both kernels, equal bit for bit, and true."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from kernel_cases import Compare, learner, same_bits, unaligned
from reach_cases import (
    SURE,
    Case,
    carried,
    carries_of,
    cells_of,
    coordinates,
    drawn,
    errors_of,
    points,
)

from binadd.errors import BinaddError, InvalidInputError
from binadd.kernels import reach, reference
from binadd.kernels.contract import (
    CLOSED,
    DOUBT,
    ESCAPED,
    MAX_BUDGET,
    MAX_STEPS,
    MOST_ESCAPES,
    OPEN,
    STUCK,
    TOO_MANY,
    WIDENED,
    Cells,
    Closure,
    Contexts,
    Images,
    Origins,
    Propagation,
)
from binadd.proof.bounds import SLACK

SIZES = (1, 3, 8, 10, 16, 20)
PROPAGATION = Propagation(affine=True, steps=3, budget=1000, slack=1e-9)


def propagate(kernels: Any, case: Case, **options: Any) -> Images:
    images: Images = kernels.propagate(*case, PROPAGATION._replace(**options))
    return images


# ---------------------------------------------------------------------------------------------
# The same bits
# ---------------------------------------------------------------------------------------------


@pytest.mark.thorough(one_in=11)
@pytest.mark.parametrize("affine", [True, False], ids=["zonotopes", "boxes"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("size", SIZES)
def test_bits_are_equal(compare: Compare, size: int, activation: str, affine: bool) -> None:
    random = np.random.default_rng([size, affine, 1])
    seen: set[int] = set()
    for i in range(12):
        operands = int(random.integers(1, 4))
        case = drawn(
            100 * size + i,
            frames=i % 4 > 0,
            cut=i % 4 > 1,
            scale=float(random.choice([0.05, 0.2, 1.0, 3.0])),
            half=float(random.choice([0.05, 0.3, 1.0])),
            logit=SURE if i % 3 else 1e-12,
            hidden_size=size,
            operands=operands,
            activation=activation,
        )
        options = {
            "affine": affine,
            "steps": int(random.integers(1, 8 - operands)),
            "budget": int(random.choice([5, 50, 2000])),
            "slack": float(random.choice([0, 1e-9])),
        }
        images = compare(lambda kernels, c=case, o=options: propagate(kernels, c, **o))
        seen |= set(images.outcomes.tolist())
    for flag in (DOUBT, ESCAPED, WIDENED, TOO_MANY):
        assert any(outcome & flag for outcome in seen)


@pytest.mark.parametrize("size", [1, 10, 16])
@pytest.mark.parametrize("width", [np.inf, 0.1, 0.01])
@pytest.mark.parametrize("affine", [True, False], ids=["zonotopes", "boxes"])
def test_bits_are_equal_where_sets_hold(
    compare: Compare, affine: bool, width: float, size: int
) -> None:
    case = carried(size, width=width, scale=0.3 if affine else 0.1, hidden_size=size)
    images = compare(lambda kernels: propagate(kernels, case, affine=affine))
    assert (images.outcomes == 0).sum() > len(images.outcomes) / 2
    assert np.isfinite(images.low[0, 0])
    assert np.isfinite(images.high[-1, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 1e17, -0.0])
@pytest.mark.parametrize("row", [0, 5, -3, -2, -1])
def test_bits_are_equal_of_any_weights(compare: Compare, row: int, value: float) -> None:
    for affine in (True, False):
        case = drawn(7, hidden_size=10, scale=0.2)
        case.block[row, 0] = value
        images = compare(lambda kernels, c=case, a=affine: propagate(kernels, c, affine=a))
        assert not np.isnan(images.margins).any()
        if np.isnan(value) and row != 0:
            assert (images.outcomes & (DOUBT | TOO_MANY) != 0).all()


@pytest.mark.parametrize("name", ["centres", "middles", "halves", "frames"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_bits_are_equal_of_any_sets(compare: Compare, name: str, value: float) -> None:
    case = drawn(11, hidden_size=10, scale=0.2)
    getattr(case.contexts, name)[:, 1, ...] = value
    images = compare(lambda kernels: propagate(kernels, case))
    if name != "frames":
        assert (images.outcomes[case.origins >= 0] != 0).all()
    assert not np.isnan(images.least).any()
    assert not np.isnan(images.low).any()


@pytest.mark.thorough
def test_bits_are_equal_of_large_networks(compare: Compare) -> None:
    for options in ({"hidden_size": 256, "operands": 1}, {"hidden_size": 3, "operands": 8}):
        case = drawn(1, scale=0.05, origins=3, **options)
        for affine in (True, False):
            compare(lambda kernels, c=case, a=affine: propagate(kernels, c, affine=a, steps=2))


def test_a_constant_network_has_margins_of_zero(compare: Compare) -> None:
    case = drawn(2, hidden_size=3, scale=0.0, logit=0.0)
    images = compare(lambda kernels: propagate(kernels, case))
    assert same_bits(images.margins, np.where(images.margins == 0, 0.0, -np.inf))
    assert (images.margins == 0).any()


# ---------------------------------------------------------------------------------------------
# Rounds
# ---------------------------------------------------------------------------------------------


class Closing(NamedTuple):
    """The arguments of `close_sets` but for its options; it changes the last three."""

    case: Case
    contexts: Contexts
    cells: Cells
    origins: Origins


CLOSURE = Closure(growth=0.3, most_steps=4, rounds=12, work=10**6, most_cells=10**6)


def closing(case: Case, *, steps: int = 2) -> Closing:
    """All cells of a case, as if nothing were known of them."""
    contexts = case.contexts._replace(
        middles=case.contexts.middles.copy(), halves=case.contexts.halves.copy()
    )
    low, high = contexts.middles - contexts.halves, contexts.middles + contexts.halves
    cut, bottom, top = cuts(contexts)
    low[cut, 0], high[cut, 0] = np.maximum(low[cut, 0], bottom), np.minimum(high[cut, 0], top)
    count = len(low) + 1
    origins = Origins(
        np.full(count, OPEN, np.uint8),
        np.full(count, steps, np.int32),
        *np.zeros((2, count), np.int32),
        np.zeros(count),
    )
    return Closing(case, contexts, Cells(low, high), origins)


def cuts(contexts: Contexts) -> tuple[Any, Any, Any]:
    """Return which cells are cut, and between what along their first axis."""
    of = contexts.owners
    cut = np.isfinite(contexts.widths[of])
    k = contexts.lowest[of] + np.arange(len(of)) - contexts.first[of]
    width = contexts.widths[of][cut]
    return cut, (k[cut] - 0.5) * width, (k[cut] + 0.5) * width


def close_sets(kernels: Any, given: Closing, **options: Any) -> Any:
    """Its answer and all that it wrote; what was given is left as it was."""
    case, *rest = given
    contexts, cells, origins = (type(part)(*(array.copy() for array in part)) for part in rest)
    how = {name: options.pop(name) for name in Propagation._fields if name in options}
    answer = kernels.close_sets(
        *case[:2],
        contexts,
        cells,
        origins,
        case.errors,
        PROPAGATION._replace(**{"steps": 5, **how}),
        CLOSURE._replace(**options),
    )
    return (*answer, *cells, contexts.middles, contexts.halves, *origins)


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("affine", [True, False], ids=["zonotopes", "boxes"])
def test_rounds_are_equal(compare: Compare, affine: bool) -> None:
    seen: set[int] = set()
    rounds: set[int] = set()
    for seed in range(6):
        for width in (np.inf, 0.05):
            case = carried(seed, width=width, half=0.01, scale=0.3, hidden_size=3 + seed)
            given = closing(case)
            answer = compare(lambda kernels, g=given: close_sets(kernels, g, affine=affine))
            seen |= set(answer[6].tolist())
            rounds.add(answer[0])
    assert max(rounds) > 1
    assert CLOSED in seen


@pytest.mark.parametrize("seed", range(8))
def test_rounds_are_equal_of_any_contexts(compare: Compare, seed: int) -> None:
    """Also of empty cells, and where logits are in doubt or there are too many images."""
    logit = SURE if seed % 2 else 1e-12
    case = drawn(seed, hidden_size=10, scale=0.3, half=0.05, logit=logit)
    given, budget = closing(case, steps=1 + seed % 3), 50 if seed % 3 else 2000
    answer = compare(lambda kernels: close_sets(kernels, given, budget=budget))
    assert set(answer[6].tolist()) <= {CLOSED, OPEN, STUCK}


def test_rounds_may_be_taken_one_by_one(kernels: Any) -> None:
    case = carried(1, half=0.01, scale=0.3, hidden_size=5)
    given = closing(case, steps=1)
    whole = close_sets(kernels, given)
    count = whole[0]
    assert count > 2
    spent = 0
    for done in range(count):
        assert done < count
        part = close_sets(kernels, given, rounds=1)
        spent += part[1]
        given.contexts.middles[...], given.contexts.halves[...] = part[4:6]
        cells, origins = Cells(*part[2:4]), Origins(*part[6:])
        given = given._replace(cells=cells, origins=origins)
    assert same_bits(whole[2:], part[2:])
    assert spent == whole[1]


def test_what_rounds_closed_is_held(kernels: Any) -> None:
    """When nothing is open, all images are in cells, by `propagate` alone; so are those for which
    cells were begun, with slack to spare."""
    for width, slack in ((np.inf, 1e-9), (0.05, 1e-9), (0.05, SLACK)):
        case = carried(2, width=width, half=0.01, scale=0.3, hidden_size=4)
        given = closing(case)
        cut = np.flatnonzero(cuts(given.contexts)[0])
        given.cells.low[cut[::2]], given.cells.high[cut[::2]] = np.inf, -np.inf
        answer = close_sets(kernels, given, rounds=50, slack=slack)
        middles, halves, states, depths = answer[4], answer[5], answer[6], answer[9]
        used = halves[:, 0] >= 0
        assert (states[:-1][used] == CLOSED).all()
        assert used[cut[::2]].any() == (width < np.inf)
        contexts = case.contexts._replace(middles=middles, halves=halves)
        origins = np.flatnonzero(used).astype(np.int32)
        images = propagate(
            kernels,
            case._replace(contexts=contexts, origins=origins),
            steps=int(depths.max()),
            slack=slack,
        )
        assert (images.outcomes == 0).all()


def test_limits_end_the_rounds(kernels: Any) -> None:
    given = closing(carried(1, half=0.01, scale=0.3, hidden_size=5), steps=1)
    assert close_sets(kernels, given)[0] > 2
    assert close_sets(kernels, given, rounds=2)[0] == 2
    assert close_sets(kernels, given, work=1)[0] == 1
    assert close_sets(kernels, given, most_cells=1)[0] == 1


def test_cells_are_not_widened_over_their_cuts(kernels: Any) -> None:
    given = closing(carried(1, width=0.05, half=0.01, scale=0.3, hidden_size=5), steps=1)
    low, high = close_sets(kernels, given)[2:4]
    assert (low < given.cells.low)[:, 1:].any()
    cut, bottom, top = cuts(given.contexts)
    assert (low[cut, 0] >= bottom).all()
    assert (high[cut, 0] <= top).all()


def test_what_leaves_all_cells_takes_more_steps(kernels: Any) -> None:
    case = carried(1, width=0.05, half=0.01, scale=0.3, hidden_size=5)
    last = case.contexts.first[-2:].sum() // 2  # the last context has half of its cells only
    contexts = case.contexts._replace(
        first=np.append(case.contexts.first[:-1], last).astype(np.int32),
        owners=case.contexts.owners[:last].copy(),
        middles=case.contexts.middles[:last].copy(),
        halves=case.contexts.halves[:last].copy(),
    )
    answer = close_sets(kernels, closing(case._replace(contexts=contexts), steps=1))
    assert (answer[7] > 1).any()


@pytest.mark.parametrize("option", ["steps", "budget", "rounds"])
def test_rounds_that_cannot_be_are_refused(kernels: Any, option: str) -> None:
    given = closing(carried(1, hidden_size=3))
    with pytest.raises(InvalidInputError, match=f"^{option} must be"):
        close_sets(kernels, given, **{option: 0})


@pytest.mark.parametrize("part", ["contexts", "cells", "origins"])
def test_what_rounds_cannot_read_is_refused(kernels: Any, part: str) -> None:
    given = closing(carried(1, hidden_size=3))
    for name, array in getattr(given, part)._asdict().items():
        wrong = [array.astype(np.complex128), array[:-1], array[None]]
        if array.itemsize > 1 and array.size:
            wrong.append(unaligned(array))
        for spoilt in wrong:
            other = getattr(given, part)._replace(**{name: spoilt})
            with pytest.raises(InvalidInputError):
                kernels.close_sets(
                    *given.case[:2],
                    *given._replace(**{part: other})[1:],
                    given.case.errors,
                    PROPAGATION,
                    CLOSURE,
                )


def test_numbers_of_what_is_not_there_are_refused_in_rounds(kernels: Any) -> None:
    for name in ("carries", "successors", "frame", "lowest", "first", "owners"):
        given = closing(carried(1, hidden_size=3))
        getattr(given.contexts, name).reshape(-1)[0] = 1 << 25
        with pytest.raises(InvalidInputError, match="must be"):
            close_sets(kernels, given)


# ---------------------------------------------------------------------------------------------
# No order of cases matters
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_order_of_origins_does_not_matter(kernels: Any, seed: int) -> None:
    for case in (drawn(seed, hidden_size=3), carried(seed, width=0.05, hidden_size=3)):
        order = np.random.default_rng(seed).permutation(len(case.origins))
        turned = case._replace(origins=np.ascontiguousarray(case.origins[order]))
        one, other = propagate(kernels, case), propagate(kernels, turned)
        assert same_bits(tuple(array[order] for array in one[:4]), tuple(other[:4]))
        assert same_bits(tuple(one[4:]), tuple(other[4:]))


def test_few_cases_at_once_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [drawn(5, hidden_size=3), carried(5, width=0.05, hidden_size=3)]
    results = [propagate(reference, case) for case in cases]
    monkeypatch.setattr(reach, "CHUNK_BYTES", 2000)
    monkeypatch.setattr(reach, "ESCAPES_BYTES", 1 << 18)
    for case, expected in zip(cases, results, strict=True):
        assert same_bits(expected, propagate(reference, case))


# ---------------------------------------------------------------------------------------------
# What is said is true
# ---------------------------------------------------------------------------------------------


class Runs:
    """Words from points of the origins' cells, as the network itself runs them."""

    def __init__(self, kernels: Any, case: Case, steps: int, count: int = 4000) -> None:
        random = np.random.default_rng(steps)
        n = case.architecture.operands
        self.origins = random.integers(0, len(case.origins), count)  # places of them
        cells = case.origins[self.origins]
        self.symbols = random.integers(0, 1 << n, (count, steps), np.uint8)
        before = case.contexts.carries[case.contexts.owners[cells]]
        run = kernels.forward(
            case.architecture, case.block, self.symbols, points(case, cells), hidden=True
        )
        self.states = run.hidden  # (count, steps, H)
        self.carries = carries_of(self.symbols, n, before)  # after each step
        started = np.column_stack([before, self.carries[:, :-1]])
        bits = np.unpackbits(self.symbols[..., None], axis=-1).sum(-1, dtype=np.int64)
        self.totals = bits + started
        self.margins = np.where(self.totals & 1, run.logits, -run.logits)


SETS = [
    pytest.param({"width": np.inf, "framed": False}, id="boxes"),
    pytest.param({"width": np.inf}, id="frames"),
    pytest.param({"width": 0.1}, id="cells"),
    pytest.param({"width": 0.01}, id="many cells"),
]
NETWORKS = [
    pytest.param({"hidden_size": 3, "operands": 2, "activation": "tanh"}, id="tanh"),
    pytest.param({"hidden_size": 10, "operands": 3, "activation": "sigmoid"}, id="sigmoid"),
]


@pytest.mark.parametrize("affine", [True, False], ids=["zonotopes", "boxes"])
@pytest.mark.parametrize("sets", SETS)
@pytest.mark.parametrize("network", NETWORKS)
def test_bounds_hold_what_points_become(
    kernels: Any, network: dict[str, Any], sets: dict[str, Any], affine: bool
) -> None:
    case = carried(3, scale=0.3 if affine else 0.1, **network, **sets)
    images = propagate(kernels, case, affine=affine, steps=2)
    runs = Runs(kernels, case, 1)
    good = images.outcomes[runs.origins] == 0
    assert good.sum() > 100
    states, totals = runs.states[good, 0], runs.totals[good, 0]
    size = case.architecture.hidden_size
    assert (states >= images.low[totals, :size]).all()
    assert (states <= images.high[totals, :size]).all()
    assert (runs.margins[:, 0] >= images.margins[runs.origins] + SURE).all()
    whole = propagate(kernels, case, affine=affine, steps=1)
    good = whole.outcomes[runs.origins] == 0
    after = runs.carries[good, 0]
    y = coordinates(case, runs.states[good, 0], after)
    cells = cells_of(case, y, after)
    beside = np.abs(y - case.contexts.middles[cells, :size])
    assert (beside <= case.contexts.halves[cells, :size]).all()


@pytest.mark.thorough(one_in=8)
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("affine", [True, False], ids=["zonotopes", "boxes"])
@pytest.mark.parametrize("sets", SETS)
@pytest.mark.parametrize("network", NETWORKS)
def test_what_escapes_is_bounded(
    kernels: Any, network: dict[str, Any], sets: dict[str, Any], affine: bool, steps: int
) -> None:
    # From cells that are small but along their first axis, into such that hold nothing.
    case = carried(4, half=1e-3, **{**network, "operands": 2}, **sets)
    size = case.architecture.hidden_size
    images = propagate(kernels, case, affine=affine, steps=steps, budget=10**6, slack=0.01)
    runs = Runs(kernels, case, steps)
    assert (runs.margins.min(1) >= images.margins[runs.origins] + SURE).all()
    told = images.outcomes[runs.origins] == WIDENED
    assert told.sum() > 100
    after = runs.carries[told, -1]
    y = coordinates(case, runs.states[told, -1], after)
    cells = cells_of(case, y, after)
    assert (y >= images.least[cells, :size] - 1e-12).all()
    assert (y <= images.most[cells, :size] + 1e-12).all()


def test_a_doubt_is_where_a_logit_is_wrong(kernels: Any) -> None:
    case = carried(5, hidden_size=3, width=0.1)
    case = case._replace(errors=errors_of(case.architecture))
    images = propagate(kernels, case, steps=1)
    runs = Runs(kernels, case, 1)
    wrong = runs.margins[:, 0] <= 0
    assert wrong.any()
    assert (images.outcomes[runs.origins[wrong]] & DOUBT != 0).all()
    assert (images.margins[runs.origins[wrong]] <= 0).all()


# ---------------------------------------------------------------------------------------------
# Limits
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "outcome"),
    [
        (1e-4, WIDENED),
        (0.014 / MOST_ESCAPES, ESCAPED | WIDENED),
        (0.001 / MOST_ESCAPES, ESCAPED),  # each image alone is in too many
    ],
)
def test_so_much_may_escape_from_an_origin(kernels: Any, width: float, outcome: int) -> None:
    # Images, one a symbol, are about 0.01 long along the first axis, and less than 0.1 away.
    size = 3
    count = int(0.2 / width)
    case = carried(1, hidden_size=size, operands=1)
    columns = case.architecture.block_shape[1]
    cells = case.contexts._replace(
        widths=np.array([width]),
        lowest=np.array([-count // 2], np.int32),
        first=np.array([0, count], np.int32),
        owners=np.zeros(count, np.int32),
        middles=np.zeros((count, columns)),
        halves=np.zeros((count, columns)),
    )
    cells.halves[0, :size] = 0.1
    case = case._replace(contexts=cells, origins=np.zeros(1, np.int32))
    images = propagate(kernels, case, steps=1)
    escaped = int(np.isfinite(images.least[:, 0]).sum())
    assert images.outcomes[0] == outcome
    assert 50 < escaped <= MOST_ESCAPES if outcome == WIDENED else escaped == 0


def test_more_than_the_budget_says_nothing_else(kernels: Any) -> None:
    case = drawn(3, hidden_size=3, half=1e-6)
    images = propagate(kernels, case, steps=5, budget=20)
    many = images.outcomes == TOO_MANY
    assert many.any()
    assert (images.work[many] == 21).all()
    assert (images.margins[many] == -np.inf).all()
    assert (images.depths[many] == 0).all()
    if many.all():
        assert np.isinf(images.least).all()
        assert np.isinf(images.low).all()


def test_an_empty_cell_holds_nothing(kernels: Any) -> None:
    case = carried(1, hidden_size=3)
    assert (propagate(kernels, case).outcomes == 0).all()
    case.contexts.halves[:] = -1
    images = propagate(kernels, case._replace(origins=np.array([-1], np.int32)))
    assert images.outcomes[0] == WIDENED


def test_what_is_only_read_may_be_read_only(kernels: Any) -> None:
    case = drawn(0, hidden_size=3)
    expected = propagate(kernels, case)
    for array in (case.block, *case.contexts, case.origins, *case.errors[2:]):
        array.flags.writeable = False
    assert same_bits(expected, propagate(kernels, case))


# ---------------------------------------------------------------------------------------------
# Principal axes
# ---------------------------------------------------------------------------------------------


def states_of(size: int, sets: int = 4) -> tuple[Any, Any, Any]:
    """Return an architecture, states in about a plane, and their centres."""
    random = np.random.default_rng(size)
    architecture = learner(hidden_size=size).architecture
    spread = random.normal(size=(sets, 50, size)) * 4.0 ** -np.arange(size)
    turn = np.linalg.qr(random.normal(size=(sets, size, size)))[0]
    states = 0.5 + spread @ turn
    centres = np.zeros((sets, architecture.block_shape[1]))
    centres[:, :size] = states.mean(1)
    return architecture, states, centres


@pytest.mark.parametrize("size", SIZES)
def test_axes_have_equal_bits(compare: Compare, size: int) -> None:
    architecture, states, centres = states_of(size)
    compare(lambda kernels: kernels.principal_axes(architecture, states, centres))
    states[1] = centres[1, :size]  # a point
    states[2, :, -1] = centres[2, size - 1]
    compare(lambda kernels: kernels.principal_axes(architecture, states, centres))


@pytest.mark.parametrize("size", SIZES)
def test_axes_are_orthonormal_the_longest_first(kernels: Any, size: int) -> None:
    architecture, states, centres = states_of(size)
    axes = kernels.principal_axes(architecture, states, centres)
    assert not axes[:, :, size:].any()
    axes = axes[:, :, :size]
    assert (np.abs(axes @ axes.swapaxes(1, 2) - np.eye(size)) < 2.0**-44).all()
    y = (states - centres[:, None, :size]) @ axes.swapaxes(1, 2)
    moments = y.swapaxes(1, 2) @ y
    lengths = np.diagonal(moments, axis1=1, axis2=2)
    assert (np.diff(lengths, axis=1) <= 1e-12).all()
    assert (np.abs(moments - lengths[:, None] * np.eye(size)) < 1e-8).all()


def test_a_point_has_the_units_as_axes(kernels: Any) -> None:
    states, centre = np.full((4, 5, 3), 0.5), np.full((4, 8), 0.5)
    axes = kernels.principal_axes(learner(hidden_size=3).architecture, states, centre)
    assert same_bits(axes, np.broadcast_to(np.eye(3, 8), (4, 3, 8)).copy())


# ---------------------------------------------------------------------------------------------
# What is refused
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*Contexts._fields, "unit", "generator"])
def test_contexts_and_errors_that_do_not_fit_are_refused(kernels: Any, name: str) -> None:
    case = drawn(0, hidden_size=3)
    part = "contexts" if name in Contexts._fields else "errors"
    array = getattr(getattr(case, part), name)
    wrong: list[Any] = [array.tolist(), array.astype(np.complex128), unaligned(array)]
    wrong += [array.astype(array.dtype.newbyteorder()), array[None], array[:-1], array[..., :0]]
    wrong += [np.repeat(array, 2, axis=-1)[..., ::2]]
    for spoilt in wrong:
        given = case._replace(**{part: getattr(case, part)._replace(**{name: spoilt})})
        with pytest.raises(InvalidInputError):
            propagate(kernels, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("carries", value) for value in (-1, 2)],
        *[("successors", value) for value in (-1, 5)],
        *[("frame", value) for value in (-2, 3)],
        *[("lowest", value) for value in (-(1 << 24) - 1, 1 << 24, 1)],
        *[("first", value) for value in (-1, 1, 1 << 20)],
        *[("owners", value) for value in (-1, 1, 5)],
        *[("widths", value) for value in (np.nan, 0.0, -1.0, 0.1)],
        *[("origins", value) for value in (-2, 1 << 20)],
    ],
)
def test_numbers_of_what_is_not_there_are_refused(kernels: Any, name: str, value: Any) -> None:
    case = drawn(0, hidden_size=3, frames=False)
    case.contexts.frame[1] = 0
    propagate(kernels, case)
    array = case.origins if name == "origins" else getattr(case.contexts, name)
    array.reshape(-1)[0] = value
    with pytest.raises(InvalidInputError):
        propagate(kernels, case)


def test_a_context_without_a_frame_is_not_cut(kernels: Any) -> None:
    case = carried(0, width=0.1, hidden_size=3)
    propagate(kernels, case)
    case.contexts.frame[0] = -1
    with pytest.raises(InvalidInputError, match=r"^cells must be those of"):
        propagate(kernels, case)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("steps", value) for value in (-1, 0, MAX_STEPS + 1, 1 << 80, 2.0)],
        *[("budget", value) for value in (-1, 0, MAX_BUDGET + 1, 1 << 80, 2.0)],
    ],
)
def test_options_out_of_range_are_refused(kernels: Any, option: str, value: Any) -> None:
    with pytest.raises(BinaddError, match=f"^{option} must be"):
        propagate(kernels, drawn(0, hidden_size=3), **{option: value})


def test_the_most_steps_and_budget_are_taken(compare: Compare) -> None:
    case = drawn(0, hidden_size=3, operands=1, origins=3)
    most = {"steps": MAX_STEPS, "budget": 100}
    compare(lambda kernels: propagate(kernels, case, **most))
    compare(lambda kernels: propagate(kernels, case, budget=MAX_BUDGET))


def test_bounds_are_those_of_float64_networks(kernels: Any) -> None:
    narrow = learner(hidden_size=3, dtype="float32")
    case = drawn(0, hidden_size=3)._replace(architecture=narrow.architecture, block=narrow.block)
    with pytest.raises(InvalidInputError, match="float64"):
        propagate(kernels, case)
    with pytest.raises(InvalidInputError, match="float64"):
        kernels.principal_axes(narrow.architecture, np.zeros((1, 1, 3)), np.zeros((1, 8)))
