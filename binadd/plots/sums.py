"""What a network holds in mind during a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from binadd.bits import encode, pack_symbols
from binadd.errors import InvalidInputError
from binadd.kernels import reference
from binadd.model import BinaryAdderRNN
from binadd.plots.figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["hidden_states"]


def hidden_states(net: BinaryAdderRNN, *integers: int) -> Figure:
    """Draw the hidden units during one sum, with the bits that go in, the carry, and what is said.

    The least significant bit is at the right, as on paper, so time runs from right to left. Units
    are sorted by how their values follow the carry, which says what part of it each has.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `net.add`, and if the integers are too long to be drawn.
    """
    X = encode([integers])
    steps, operands = X.shape[1:]
    if operands != net.settings.operands:
        raise InvalidInputError(
            f"this network adds {net.settings.operands} integers, not {operands}"
        )
    if steps > 64:
        raise InvalidInputError(f"a sum of {steps} bits is too long to be drawn: 64 at most")
    states, said = net.hidden_states(X)[0], net.predict(X)[0]
    carry = _carries(X[0])
    true = reference.exact_sums(pack_symbols(X), operands)[0]
    order = _by_carry(states, carry)
    low = -1.0 if net.settings.activation == "tanh" else 0.0
    with new_figure(max(5.0, 1.7 + 0.42 * steps), 1.8 + 0.26 * (len(order) + operands)) as figure:
        bits, heat, sums = figure.subplots(
            3, 1, sharex=True, height_ratios=(operands, len(order), 2), gridspec_kw={"hspace": 0.0}
        )
        names = [str(integer) for integer in integers]
        _bit_rows(bits, X[0].T, names, [BLUE] * operands)
        bits.set_title(f"{' + '.join(names)} = {net.add(*integers)}, says the network")
        image = heat.imshow(
            states[:, order].T, aspect="auto", cmap="cividis", vmin=low, vmax=1, origin="upper"
        )
        heat.set_yticks(range(len(order)), [str(unit) for unit in order], fontsize=7)
        heat.set_ylabel("hidden unit")
        heat.grid(False)
        figure.colorbar(image, ax=heat, pad=0.02, label="state", aspect=30)
        colours = [GREY, GREEN if np.array_equal(said, true) else ORANGE]
        _bit_rows(sums, np.array([carry, said]), ["carry after", "said"], colours)
        for t in np.flatnonzero(said != true):
            sums.text(t, 1, "✗", color="white", ha="center", va="center", weight="bold")
        sums.set_xticks(range(steps))
        sums.tick_params(labelbottom=True)
        sums.set_xlabel("bit (← time)")
        sums.set_xlim(steps - 0.5, -0.5)
        for axes in (bits, heat, sums):
            axes.spines[:].set_visible(False)
        return figure


def _carries(bits: Any) -> Any:
    """Return the carry after each step of bits (T, n)."""
    carries, carry = [], 0
    for ones in bits.sum(axis=1, dtype=int):
        carry = (int(ones) + carry) // 2
        carries.append(carry)
    return np.array(carries)


def _by_carry(states: Any, carry: Any) -> list[int]:
    """Return the units, those first that are highest after a carry, those last that are lowest."""
    if carry.min() == carry.max():
        return list(range(states.shape[1]))
    lean = states - states.mean(axis=0)
    return [int(unit) for unit in np.argsort(-(carry - carry.mean()) @ lean, kind="stable")]


def _bit_rows(axes: Axes, rows: Any, names: list[str], colours: list[str]) -> None:
    """Draw rows of bits as squares with their digits, filled where the bit is not 0."""
    from matplotlib.patches import Rectangle

    for y, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        for x, bit in enumerate(row):
            face = colour if bit else PALE
            axes.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=face))
            ink = "white" if bit else INK
            axes.text(x, y, str(int(bit)), color=ink, ha="center", va="center", fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [n if len(n) < 20 else f"{n[:17]}…" for n in names])
    axes.tick_params(labelbottom=False)
    axes.grid(False)
