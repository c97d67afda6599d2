from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import (
    Architecture,
    Bytes,
    Cells,
    Contexts,
    Errors,
    Forward,
    Images,
    Indices,
    Optimizer,
    Origins,
    Real,
    Reals,
)

NAME: str
VERSION: str

def forward(
    architecture: Architecture,
    block: Real,
    symbols: Bytes,
    initial_state: Real | None = None,
    *,
    hidden: bool = False,
) -> Forward: ...
def logits(architecture: Architecture, block: Real, symbols: Bytes) -> Real: ...
def probabilities(architecture: Architecture, block: Real, symbols: Bytes) -> Real: ...
def bits(architecture: Architecture, block: Real, symbols: Bytes) -> Bytes: ...
def loss_and_gradients(
    architecture: Architecture, block: Real, symbols: Bytes, targets: Bytes, loss: str
) -> tuple[float, Real]: ...
def train(
    architecture: Architecture,
    block: Real,
    moments: Real,
    powers: Real,
    symbols: Bytes,
    targets: Bytes,
    *,
    loss: str,
    optimizer: Optimizer,
    batch_size: int,
    noise: Real | None = None,
    losses: Real | None = None,
    wrong_bits: NDArray[np.int64] | None = None,
) -> None: ...
def train_population(
    architecture: Architecture,
    blocks: Real,
    moments: Real,
    powers: Real,
    symbols: Bytes,
    targets: Bytes,
    *,
    loss: str,
    optimizer: Optimizer,
    learning_rates: Real,
    losses: Real | None = None,
    wrong_bits: NDArray[np.int64] | None = None,
) -> None: ...
def first_error(
    architecture: Architecture, block: Real, bits: int
) -> tuple[int, tuple[int, ...]] | None: ...
def propagate(
    architecture: Architecture,
    block: Reals,
    contexts: Contexts,
    origins: Indices,
    errors: Errors,
    *,
    affine: bool,
    steps: int,
    budget: int,
    slack: float,
    mild: float,
    held: bool = False,
) -> Images: ...
def close_sets(
    architecture: Architecture,
    block: Reals,
    contexts: Contexts,
    cells: Cells,
    origins: Origins,
    errors: Errors,
    *,
    affine: bool,
    steps: int,
    budget: int,
    slack: float,
    growth: float,
    bounded: bool,
    patient: bool,
    most_steps: int,
    rounds: int,
    work: int,
    most_cells: int,
) -> tuple[int, int]: ...
def principal_axes(architecture: Architecture, states: Reals, centres: Reals) -> Reals: ...
def unpack_words(words: NDArray[np.uint64], operands: int, length: int) -> Bytes: ...
def exact_sums(symbols: Bytes, operands: int) -> Bytes: ...
def activation(values: NDArray[Any], name: str) -> NDArray[Any]: ...
def isa() -> str: ...
def isas() -> dict[str, bool]: ...
def use_isa(name: str | None) -> None: ...
