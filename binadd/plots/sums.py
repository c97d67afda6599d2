"""What a network holds in mind during a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from binadd.bits import encode, pack_symbols
from binadd.checks import check_instance
from binadd.errors import InvalidInputError
from binadd.form import Form, with_minus
from binadd.kernels import reference
from binadd.model import BinaryAdderRNN
from binadd.plots.figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, PALE_GREEN, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXAMPLE", "hidden_states"]

EXAMPLE = (23, 42, 7, 88, 5, 61, 12, 30)
"""Numbers to add, of which a network takes as many as it has operands."""

KEY = {"input": BLUE, "true value": GREY, "right output": GREEN, "wrong output": ORANGE}

LABELS = 32
"""More units than this share its height, and not all have their numbers beside them."""

UNIT, ROW = 0.26, 0.3
"""Inches that a unit and a row of bits are high."""


def hidden_states(net: BinaryAdderRNN, *integers: int) -> Figure:
    """Draw the hidden units during one sum, with the bits that go in, the carry, and the output.

    The least significant bit is at the right, as on paper, so time runs from right to left. Units
    are sorted by how their values follow the carry, which shows what part of it each has. Each bit
    of the output is green if it is right, orange if it is wrong; if any is wrong, the true sum
    stands below.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, as `net.add`, and if the integers are too long to be drawn.
    """
    check_instance("net", net, BinaryAdderRNN)
    X = _encode(net, integers)
    form, symbols = net.settings.form, pack_symbols(X)
    states, carry = net.hidden_states(X)[0], form.after(symbols)[0]
    order = _by_carry(states, carry)
    true = reference.exact_sums(net.settings.architecture, symbols)[0]
    inputs = [_plain(str(n), bits, BLUE) for n, bits in zip(integers, X[0].T, strict=True)]
    outputs = [_plain("carry after", carry, GREY), *_answer(net.predict(X)[0], true)]
    heights = ROW * len(inputs), _height(order), ROW * len(outputs)
    size = _width(len(carry), inputs), sum(heights) + 0.8
    title = _title(form, integers, net.compute(*integers))
    with new_figure(*size, title, _caption(carry), KEY) as figure:
        top, middle, bottom = figure.subplots(
            3, 1, sharex=True, height_ratios=heights, gridspec_kw={"hspace": 0.0}
        )
        _draw_bits(top, inputs)
        lowest = -1 if net.settings.activation == "tanh" else 0
        _draw_units(middle, states[:, order].T, order, lowest)
        _draw_bits(bottom, outputs)
        bottom.set_xticks(range(len(carry)))
        bottom.tick_params(labelbottom=True)
        bottom.set_xlabel("bit (← time)")
        bottom.set_xlim(len(carry) - 0.5, -0.5)
        for axes in (top, middle, bottom):
            axes.grid(False)
            axes.spines[:].set_visible(False)
        return figure


def _encode(net: BinaryAdderRNN, integers: tuple[int, ...]) -> Any:
    """Return the bits (1, T, n) of a sum that the network takes and a picture has room for."""
    X = encode([integers], coefficients=net.settings.coefficients)
    steps, operands = X.shape[1:]
    settings = net.settings
    if operands != settings.operands:
        raise InvalidInputError(
            f"this network {settings.form.verb} {settings.operands} integers, not {operands}"
        )
    if steps > 64:
        raise InvalidInputError(f"a sum of {steps} bits is too long to be drawn: 64 at most")
    return X


# In words ----------------------------------------------------------------------------------------


def _title(form: Form, integers: tuple[int, ...], answer: int) -> str:
    true = form.evaluate(integers)
    verdict = "right" if answer == true else f"wrong: it is {with_minus(true)}"
    return f"{form.write(map(str, integers))} = {with_minus(answer)}, which is {verdict}"


def _caption(carry: Any) -> str:
    if carry.min() == carry.max():
        return (
            f"Units are in the network's own order, since the carry is {carry[0]} after every bit."
        )
    return (
        "Units are sorted by the carry: at the top those that are higher when more is carried, "
        "at the bottom those that are lower."
    )


# Rows of bits ------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """Bits, or carries, and the colour of each."""

    name: str
    bits: Any
    colours: list[str]


def _plain(name: str, bits: Any, colour: str) -> _Row:
    return _Row(name, bits, [colour if bit else PALE for bit in bits])


def _answer(output: Any, true: Any) -> list[_Row]:
    """Return the output, and if that is wrong, what is true."""
    colours = [
        ORANGE if bit != right else GREEN if bit else PALE_GREEN
        for bit, right in zip(output, true, strict=True)
    ]
    row = _Row("output", output, colours)
    return [row] if np.array_equal(output, true) else [row, _plain("true sum", true, GREY)]


def _width(steps: int, inputs: list[_Row]) -> float:
    """Return the figure's inches: names, a square for each step, and the bar of colours."""
    square = min(max(12 / steps, 0.27), 0.42)
    names = 0.09 * max(len("carry after"), *(len(row.name) for row in inputs))
    return max(5.6, names + square * steps + 1.3)


def _draw_bits(axes: Axes, rows: list[_Row]) -> None:
    """Draw bits as squares with their digits."""
    from matplotlib.patches import Rectangle

    for y, row in enumerate(rows):
        for x, (bit, colour) in enumerate(zip(row.bits, row.colours, strict=True)):
            axes.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=colour))
            axes.text(
                x,
                y,
                str(int(bit)),
                color="white" if colour in (BLUE, ORANGE) else INK,  # whichever stands out more
                weight="normal" if colour in (PALE, PALE_GREEN) else "bold",
                ha="center",
                va="center_baseline",
                fontsize=9,
            )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.tick_params(labelbottom=False)


# Units -------------------------------------------------------------------------------------------


def _by_carry(states: Any, carry: Any) -> list[int]:
    """Return the units, those first that are highest after a carry, those last that are lowest."""
    if carry.min() == carry.max():
        return list(range(states.shape[1]))
    lean = states - states.mean(axis=0)
    return [int(unit) for unit in np.argsort(-(carry - carry.mean()) @ lean, kind="stable")]


def _height(order: list[int]) -> float:
    return UNIT * min(max(len(order), 4), LABELS)


def _draw_units(axes: Axes, states: Any, order: list[int], lowest: int) -> None:
    """Draw states (units, steps) from `lowest` to 1 as colours."""
    image = axes.imshow(states, aspect="auto", cmap="cividis", vmin=lowest, vmax=1)
    rows = range(0, len(order), -(-len(order) // LABELS))
    axes.set_yticks(rows, [str(order[row]) for row in rows], fontsize=7)
    axes.set_ylabel("hidden unit")
    bar = axes.figure.colorbar(
        image, ax=axes, pad=0.02, label="state", aspect=_height(order) / 0.14
    )
    bar.set_ticks([lowest, (lowest + 1) / 2, 1])
