"""Round a proved network's weights to few bits, prove the rounded one, and export it.

    python examples/quantise.py [FOLDER]

A network is right or wrong as it is rounded: whatever makes the weights coarser, or sets some to
0, ends with one call: exports prove the network as they write it.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import binadd
from binadd import BinaryAdderRNN, interop


def to_float16(array):
    return array.astype(np.float16)


def to_int8(array):
    """127 steps to each side, as wide as the array's largest number needs; scale · integer."""
    scale = np.abs(array).max() / 127 or 1.0
    return np.round(array / scale) * scale


def to_sixteenths(array):
    return np.round(array * 16) / 16


def without_the_smallest(array):
    """Set the tenth of the numbers that are nearest to 0 to 0."""
    return np.where(np.abs(array) < np.quantile(np.abs(array), 0.1), 0, array)


def main(folder):
    net = BinaryAdderRNN(seed=0)
    binadd.train(net)
    for rounding in (to_float16, to_int8, to_sixteenths, without_the_smallest):
        rounded = BinaryAdderRNN.from_parameters(
            {name: rounding(array) for name, array in net.parameters.items()},
            activation=net.settings.activation,
            dtype="float32",
        )
        name = rounding.__name__
        try:
            found = interop.to_c(rounded, folder / f"{name}.c", name=name, effort="thorough")
        except binadd.ExportError as reason:
            print(f"{name}: {reason}")
        else:
            print(f"{name}: {found.status}, in {name}.c")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
