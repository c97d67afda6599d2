"""Addition bit by bit: a network that keeps its hidden state between calls."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from binadd.bits import check_sequences
from binadd.checks import check_array
from binadd.errors import InvalidInputError
from binadd.kernels import load as load_kernels
from binadd.kernels.contract import Architecture, Kernels
from binadd.kernels.mode import ieee_mode
from binadd.state import State

__all__ = ["BitStream", "run_on"]


@ieee_mode()
def run_on(
    kernels: Kernels,
    architecture: Architecture,
    block: NDArray[Any],
    symbols: NDArray[np.uint8],
    state: NDArray[Any] | None,
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the bits (N, T) that follow states (N, H), or None for 0, and the states then."""
    run = kernels.forward(architecture, block, symbols, state)
    return (run.logits > 0).view(np.uint8), run.final_state


class BitStream:
    """A network that reads the operands' bits as they come, the lowest first.

    `BinaryAdderRNN.stream` makes one, of the weights that the network has then. The bits are those
    that `predict` returns for all steps at once. Streams can be copied (`copy.copy`) and pickled:
    the copy goes on from the same state, on its own.

    Attributes
    ----------
    state : ndarray, shape (H,), or (streams, H) for many streams
        The hidden state, zeros at first; a read-only copy. Assign one to go on from there.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=0)
    >>> run = binadd.train(net)
    >>> stream = net.stream()
    >>> [stream.step(bits) for bits in ([1, 1], [1, 0], [0, 0])]      # 3 + 1, the lowest bit first
    [0, 0, 1]
    """

    def __init__(self, state: State, kernels: Kernels, streams: int | None = None) -> None:
        self._architecture = state.architecture
        self._block = state.block.copy()
        self._block.setflags(write=False)
        self._kernels = kernels
        self._streams = streams
        self.reset()

    def __repr__(self) -> str:
        size = self._architecture.hidden_size
        streams = "" if self._streams is None else f", streams={self._streams}"
        return f"BitStream({self._architecture.form}, hidden_size={size}{streams})"

    def reset(self) -> None:
        """Begin anew, with a state of zeros."""
        shape = (1 if self._streams is None else self._streams, self._architecture.hidden_size)
        self._state: NDArray[Any] = np.zeros(shape, self._architecture.dtype)

    @property
    def state(self) -> NDArray[Any]:
        """The hidden state, as a copy that cannot be written to."""
        state = self._state[0].copy() if self._streams is None else self._state.copy()
        state.flags.writeable = False
        return state

    @state.setter
    @ieee_mode()
    def state(self, values: ArrayLike) -> None:
        array = check_array("state", values, "iuf", "real numbers")
        wanted = self._state.shape[1:] if self._streams is None else self._state.shape
        if array.shape != wanted:
            raise InvalidInputError(f"state must have the shape {wanted}, not {array.shape}")
        with np.errstate(over="ignore"):
            state = array.astype(self._state.dtype).reshape(self._state.shape)
        if not np.isfinite(state).all():
            raise InvalidInputError("state must hold finite numbers, but has NaN or infinity")
        self._state = state

    def step(self, x: ArrayLike) -> Any:
        """Read the next bit of each operand, and return the next bit of the sum.

        Parameters
        ----------
        x : array_like, shape (operands,), or (streams, operands)

        Returns
        -------
        int, or ndarray of uint8, shape (streams,)

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If `x` is not bits of this shape; the state has not changed then.
        """
        array = check_array("x", x, "biuf", "bits, 0 or 1")
        streams = () if self._streams is None else array.shape[:1]
        wanted = (*streams, self._architecture.operands)
        if array.shape != wanted:
            raise InvalidInputError(f"x must have the shape {wanted}, not {array.shape}")
        bits = self.feed(np.expand_dims(array, -2))
        return int(bits[0]) if self._streams is None else bits[:, 0]

    def feed(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Read T further steps at once, and return T bits of the sum.

        Parameters
        ----------
        X : array_like, shape (T, operands), or (streams, T, operands)

        Returns
        -------
        ndarray of uint8, shape (T,), or (streams, T)

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As `step`.

        Examples
        --------
        >>> from binadd import BinaryAdderRNN
        >>> net = BinaryAdderRNN()
        >>> X = np.ones((1, 6, 2))
        >>> stream = net.stream()
        >>> parts = [stream.feed(X[0, :2]), stream.feed(X[0, 2:])]
        >>> bool(np.array_equal(np.concatenate(parts), net.predict(X)[0]))
        True
        """
        given = check_array("X", X, "biuf", "bits, 0 or 1")
        if self._streams is None:
            given = given[np.newaxis]
        symbols = check_sequences(given, self._architecture.operands)
        if len(symbols) != len(self._state):
            raise InvalidInputError(
                f"there are {len(self._state)} streams, but bits for {len(symbols)}"
            )
        bits, self._state = run_on(
            self._kernels, self._architecture, self._block, symbols, self._state
        )
        return bits[0] if self._streams is None else bits

    def __copy__(self) -> BitStream:
        duplicate = type(self).__new__(type(self))
        duplicate.__dict__.update(self.__dict__)  # a state is replaced, never changed
        return duplicate

    def __deepcopy__(self, memo: dict[int, Any]) -> BitStream:
        return self.__copy__()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kernels": self._kernels.NAME}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        # By name, for a module cannot be pickled; where there is no native one, with equal bits.
        backend = "python" if pickled["_kernels"] == "python" else "auto"
        self.__dict__.update(pickled, _kernels=load_kernels(backend))
        self._block.setflags(write=False)
