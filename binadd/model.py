"""The network: `BinaryAdderRNN`.

Elman's recurrent network (1990, https://doi.org/10.1207/s15516709cog1402_1) reads one bit of each
operand at a time, t = 0 being the least significant, and outputs one bit of the sum at each step:

    aₜ = Wᵢxₜ + Wₕhₜ₋₁ + bₕ      hₜ = f(aₜ)      oₜ = Wₒhₜ + bₒ      ŷₜ = σ(oₜ)      h₋₁ = 0

f is σ or tanh; the answer at step t is 1 where the logit oₜ is above 0.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from html import escape
from inspect import Parameter, signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from binadd.bits import (
    check_bits,
    check_sequences,
    integer_of,
    pack_integers,
)
from binadd.bitstream import BitStream, run_on
from binadd.checks import check_instance, check_integer, shorten
from binadd.errors import InvalidInputError, ModelFileError, UnknownAttributeError
from binadd.kernels import load as load_kernels
from binadd.kernels.arguments import check_layout
from binadd.kernels.contract import Architecture, Batch, Kernels
from binadd.parameters import (
    Parameters,
    has_nonzero_padding,
    named_arrays,
    read_parameters,
    with_parameter,
)
from binadd.random_streams import data_stream
from binadd.settings import Settings, bits_by_shape, resolve
from binadd.state import (
    State,
    advance,
    has_weights_of_seed,
    initial_state,
    state_of_block,
)

__all__ = ["DEFAULTS", "BinaryAdderRNN"]

MAX_STREAMS = 2**24
"""Parallel streams at most: more is a mistake."""
_SLICE = 2**20
"""Steps that `add` computes at once: of a longer sum, only the bits are kept."""

T = TypeVar("T")

PICKLE_FORMAT = 1

_CHANGING = threading.RLock()
"""Held while a network's snapshot is read and replaced, which takes microseconds."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_CHANGING.acquire,
        after_in_parent=_CHANGING.release,
        after_in_child=_CHANGING.release,
    )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A network at one moment, replaced as a whole: no thread sees settings beside the weights of
    others."""

    given: Mapping[str, Any]
    """The constructor's parameters as they were given."""
    settings: Settings
    kernels: Kernels
    state: State
    steps: int | None = None
    """The length T of the sequences that `fit` or `partial_fit` last had."""

    def parameter(self, name: str) -> Any:
        """Return one as it was given: the very object, unless that has been changed since."""
        value = self.given[name]
        if name == "coefficients" and value is not None:
            unchanged = np.array_equal(value, self.settings.coefficients)
            return value if unchanged else self.settings.coefficients
        return value

    def parameters(self) -> dict[str, Any]:
        """Return all of the constructor's."""
        return {name: self.parameter(name) for name in self.given}


def _configure(given: Mapping[str, Any], before: _Snapshot | None = None) -> _Snapshot:
    """Return the network of these parameters, with the weights of `before` if they are its."""
    settings = resolve(given)
    if given["coefficients"] is not None:  # which decide how many operands there are
        given = {**given, "operands": settings.operands}
    kernels = load_kernels(given["backend"])
    state = None if before is None else _of_settings(before.state, settings)
    if before is not None and state is not None:
        return replace(before, given=given, settings=settings, kernels=kernels, state=state)
    state = initial_state(settings.architecture, settings.seed)
    return _Snapshot(given, settings, kernels, state)


def _belongs(state: State, settings: Settings) -> bool:
    """Whether a state has the architecture and seed of the settings."""
    return (state.architecture, state.seed) == (settings.architecture, settings.seed)


def _of_settings(state: State, settings: Settings) -> State | None:
    """Return a state as one of these settings, which may ask for another form; or None."""
    before = state.architecture
    if len(before.coefficients) == settings.operands and before != settings.architecture:
        other = replace(before, coefficients=settings.coefficients)
        state = replace(state, architecture=other, status=None)
    return state if _belongs(state, settings) else None


class _Setting(Generic[T]):
    """A parameter of the constructor as an attribute: read as it was given, set if the weights
    stay."""

    def __set_name__(self, owner: type[BinaryAdderRNN], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, net: None, owner: type[BinaryAdderRNN]) -> Self: ...
    @overload
    def __get__(self, net: BinaryAdderRNN, owner: type[BinaryAdderRNN]) -> T: ...
    def __get__(self, net: BinaryAdderRNN | None, owner: type[BinaryAdderRNN]) -> Self | T:
        if net is None:
            return self
        value: T = net._now.parameter(self._name)
        return value

    def __set__(self, net: BinaryAdderRNN, value: T) -> None:
        with _CHANGING:
            now = net._now
            after = _configure({**now.parameters(), self._name: value}, now)
            if after.state.block is not now.state.block and not has_weights_of_seed(now.state):
                raise InvalidInputError(
                    f"{self._name} = {shorten(value)} would discard the weights of this network: "
                    f"make another one, or call set_params({self._name}={shorten(value)}), which "
                    "starts anew"
                )
            net._now = after


class BinaryAdderRNN:
    """A small recurrent network that learns to add binary numbers.

    It follows scikit-learn's conventions: the constructor takes everything that shapes the
    network or its training, `get_params` returns it as it was given, and `clone` makes an
    untrained copy. The recipe decides whatever is None; `settings` shows the outcome.

    A seed decides everything: the same seed gives the same weights, bit for bit, with either
    backend and on any machine. Reading and changing a network from several threads is safe, even
    while one of them trains it: of two that train it at once, the last to end has the last word.

    Parameters
    ----------
    hidden_size : int, default 16
        Hidden units H, 1 to 256.
    operands : int, default 2
        The number n of numbers that are added: 1 to 8.
    coefficients : sequence of int, optional
        The c of Σ cᵢxᵢ, which is computed instead of a sum: (1, -1) for a difference. They decide
        how many operands there are; their magnitudes may add up to 16, or 15 if none is positive.
    activation : {"sigmoid", "tanh"}, default "sigmoid"
        The hidden units' function; the output is always a sigmoid.
    biases : bool, optional
        Whether hidden and output units have a bias.
    loss : {"cross_entropy", "squared_error"}, optional
        Summed over the steps of a sequence, averaged over a batch.
    optimizer : {"sgd", "momentum", "nesterov", "adam"}, optional
        The optimizer; its equations are in `binadd.kernels.contract.Optimizer`.
    learning_rate, momentum, beta1, beta2, epsilon : float, optional
        The optimizer's constants; one that it does not have is refused.
    clip_norm : float, optional
        The longest gradient that is not scaled down, over all weights; `math.inf` for no limit.
    batch_size : int, optional
        Sequences of one update.
    epochs : int, default 10
        The passes of `fit` over its data; `binadd.train` draws its data and ignores it.
    dtype : {"float64", "float32"} or NumPy's type, default "float64"
    seed : int, default 0
        Decides the initial weights and the data that training draws.
    backend : {"auto", "native", "python"}, default "auto"
        The compiled kernels, the NumPy reference implementation, or the first of these that
        is installed. It affects the speed and nothing else.
    recipe : {"default", "notebook", "sgd", "adam"}, optional
        Where the values of whatever is None come from: `binadd.settings.RECIPES`.

    Attributes
    ----------
    parameters : mapping of str to ndarray
    settings : binadd.settings.Settings
    state : binadd.state.State

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a parameter is of the wrong type or not allowed.
    BackendError
        If the backend is missing or broken.

    Notes
    -----
    `hidden_size`, `operands`, `activation`, `biases`, `dtype` and `seed` decide about the weights.
    Assigning another value to one of them is refused once there are weights to lose; `set_params`,
    which searches call, starts anew from the seed. Changing anything else keeps the weights.

    A subclass may have parameters of its own: `get_params` and `set_params` go by the signature of
    its constructor. Where that takes `**params`, they are those of the class above.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=0)
    >>> run = binadd.train(net)
    >>> net.add(23, 42)
    65
    """

    _now: _Snapshot

    hidden_size = _Setting[int]()
    operands = _Setting[int]()
    coefficients = _Setting[Sequence[int] | None]()
    activation = _Setting[str]()
    biases = _Setting[bool | None]()
    loss = _Setting[str | None]()
    optimizer = _Setting[str | None]()
    learning_rate = _Setting[float | None]()
    momentum = _Setting[float | None]()
    beta1 = _Setting[float | None]()
    beta2 = _Setting[float | None]()
    epsilon = _Setting[float | None]()
    clip_norm = _Setting[float | None]()
    batch_size = _Setting[int | None]()
    epochs = _Setting[int]()
    dtype = _Setting[DTypeLike]()
    seed = _Setting[int]()
    backend = _Setting[str]()
    recipe = _Setting[str | None]()

    def __init__(
        self,
        hidden_size: int = 16,
        *,
        operands: int = 2,
        coefficients: Sequence[int] | None = None,
        activation: str = "sigmoid",
        biases: bool | None = None,
        loss: str | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        momentum: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        epsilon: float | None = None,
        clip_norm: float | None = None,
        batch_size: int | None = None,
        epochs: int = 10,
        dtype: DTypeLike = "float64",
        seed: int = 0,
        backend: str = "auto",
        recipe: str | None = None,
    ) -> None:
        self._now = _configure(
            {name: value for name, value in locals().items() if name in DEFAULTS}
        )

    # Parameters of the constructor ---------------------------------------------------------------

    if not TYPE_CHECKING:  # type checkers find misspelt names themselves

        def __setattr__(self, name: str, value: object) -> None:
            # As with __slots__, a subclass may have whatever attributes it likes.
            known = name.startswith("_") or hasattr(type(self), name)
            if not known and type(self) is BinaryAdderRNN:
                raise UnknownAttributeError(_unknown("attribute", name, list(DEFAULTS)))
            super().__setattr__(name, value)

    @classmethod
    @cache
    def _signature(cls) -> Mapping[str, Any]:
        """Return the defaults of the constructor's parameters, which may be those of several
        classes."""
        defaults: dict[str, Any] = {}
        for kind in cls.__mro__:
            if "__init__" not in vars(kind):
                continue
            parameters = list(signature(vars(kind)["__init__"]).parameters.values())[1:]
            kinds = {parameter.kind for parameter in parameters}
            for parameter in parameters:
                if parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                    defaults.setdefault(parameter.name, parameter.default)
            if Parameter.VAR_KEYWORD not in kinds:
                break
        return MappingProxyType(defaults)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters as they were given.

        Parameters
        ----------
        deep : bool
            Has no effect: no parameter is an estimator.

        Examples
        --------
        >>> BinaryAdderRNN(8).get_params()["hidden_size"]
        8
        """
        return {name: getattr(self, name) for name in self._signature()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters of the constructor, all of them or none, and return the network.

        It then is what the constructor would make of them, except that it keeps its weights where
        they are weights of such a network.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If a name is unknown or a value not allowed.

        Examples
        --------
        >>> BinaryAdderRNN(8).set_params(hidden_size=4, learning_rate=0.05)
        BinaryAdderRNN(hidden_size=4, learning_rate=0.05)
        """
        allowed = self._signature()
        for name in params:
            if name not in allowed:
                raise InvalidInputError(_unknown("parameter", name, list(allowed)))
        if not params:
            return self
        with _CHANGING:
            kept = self.get_params()
            if "operands" in kept and params.get("coefficients") is not None:
                kept["operands"] = DEFAULTS["operands"]  # coefficients decide how many there are
            made = type(self)(**(kept | params))
            now, after = self._now, made._now
            state = _of_settings(now.state, after.settings)
            if state is not None:
                after = replace(after, state=state, steps=now.steps)
            self._now = after
            for name in allowed:
                if name not in DEFAULTS:
                    setattr(self, name, getattr(made, name))
        return self

    @property
    def settings(self) -> Settings:
        """The parameters with the recipe's values filled in.

        Examples
        --------
        >>> BinaryAdderRNN(recipe="notebook").settings.loss
        'squared_error'
        """
        return self._now.settings

    @property
    def kernels(self) -> Kernels:
        """The kernel module that computes: the native one or the NumPy reference."""
        return self._now.kernels

    # Weights -------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """All that training continues from, read-only. Assigning another replaces it at once.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If what is assigned is not a state, is of another architecture or seed, holds arrays
            that kernels do not take, or has weights outside the network's parameters.
        """
        return self._now.state

    @state.setter
    def state(self, state: State) -> None:
        check_instance("state", state, State)
        shape, dtype = state.architecture.block_shape, state.architecture.dtype
        check_layout("the state's block", state.block, shape, dtype)
        check_layout("the state's moments", state.moments, (2, *shape), dtype)
        check_layout("the state's powers", state.powers, (2,), dtype)
        if has_nonzero_padding(state.architecture, state.block):
            raise InvalidInputError("this state has weights outside the parameters")
        self._replace_state(state)

    def _replace_state(self, state: State, steps: int | None = None) -> None:
        """Go on with a state that came from one of this network, whose arrays need no check."""
        with _CHANGING:
            now = self._now
            if not _belongs(state, now.settings):
                raise InvalidInputError(
                    "this state belongs to a network of another architecture or seed"
                )
            self._now = _Snapshot(now.given, now.settings, now.kernels, state, steps or now.steps)

    @property
    def parameters(self) -> Parameters:
        """The weights by name, as they are now; assigning to a name changes the network.

        Returns
        -------
        Parameters
            A mapping to read-only, C-contiguous arrays of the network's dtype: input_weights
            (H, n), hidden_weights (H, H), hidden_bias (H,), output_weights (H,), output_bias ();
            without the biases if it has none. Training changes the network and not this mapping,
            so read it again afterwards.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If what is assigned has an unknown name or another shape, or is not finite.

        Examples
        --------
        >>> net = BinaryAdderRNN(4)
        >>> {name: array.shape for name, array in net.parameters.items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'input_weights': (4, 2), 'hidden_weights': (4, 4), 'hidden_bias': (4,),
         'output_weights': (4,), 'output_bias': ()}
        >>> net.parameters["output_bias"] = 0.5
        >>> net.parameters["output_bias"]
        array(0.5)
        """
        state = self._now.state
        return Parameters(state.architecture, state.block, self._write_parameter)

    def _write_parameter(self, name: str, values: ArrayLike) -> NDArray[Any]:
        """Give one parameter other values, and return the block of them all."""
        with _CHANGING:
            now = self._now
            block = with_parameter(now.state.architecture, now.state.block, name, values)
            self._now = replace(now, state=replace(now.state, block=block, status=None))
        return block

    @classmethod
    def from_parameters(
        cls, parameters: Mapping[str, ArrayLike], activation: str = "sigmoid", **params: Any
    ) -> Self:
        """Make a network with given weights.

        Parameters
        ----------
        parameters : mapping of str to array_like
            As in `parameters`, copied. Both biases may be left out: then there are none.
        activation : {"sigmoid", "tanh"}
        **params
            Further parameters of the constructor. Sizes and biases follow from the weights; so
            does dtype (float32 if all arrays are, else float64), unless it is given.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If names are missing or unknown, shapes do not agree, or a number is not finite.

        Examples
        --------
        >>> net = BinaryAdderRNN(hidden_size=4, seed=1)
        >>> BinaryAdderRNN.from_parameters(net.parameters, seed=1) == net
        True
        """
        for name in ("hidden_size", "operands", "biases"):
            if name in params:
                raise InvalidInputError(f"{name} follows from the weights and cannot be given")
        architecture, block = read_parameters(parameters, activation, params.get("dtype"))
        net = cls(
            architecture.hidden_size,
            operands=architecture.operands,
            activation=architecture.activation,
            **({"dtype": architecture.dtype} | params),
        )
        if net.settings.biases != architecture.biases:
            net.biases = architecture.biases
        architecture = replace(architecture, coefficients=net.settings.coefficients)
        net.state = state_of_block(architecture, block, net.settings.seed)
        return net

    # Prediction ----------------------------------------------------------------------------------

    def _answer(
        self,
        kernel: Callable[[Architecture, NDArray[Any], NDArray[np.uint8]], NDArray[Any]],
        X: ArrayLike,
    ) -> NDArray[Any]:
        state = self._now.state
        symbols = check_sequences(X, state.architecture.operands)
        return kernel(state.architecture, state.block, symbols)

    def predict(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Return the bits that the network outputs.

        Each call begins with a hidden state of zeros, so sequences cut in pieces are not the same
        as the whole: the carry is lost between them. `stream` keeps it.

        Parameters
        ----------
        X : array_like, shape (n, T, operands)
            Bits, the least significant first, of any boolean, integer or real dtype.
            `binadd.encode` makes them from integers.

        Returns
        -------
        ndarray of uint8, shape (n, T)
            1 where the logit is above 0. `binadd.decode` turns them into integers.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If `X` is not an array of bits of this shape, or empty.

        Examples
        --------
        >>> BinaryAdderRNN().predict([[[1, 0], [1, 1], [0, 0]]]).shape
        (1, 3)
        """
        return self._answer(self._now.kernels.bits, X)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the network's probability ŷₜ = σ(oₜ) of each bit being 1, shape (n, T).

        Parameters and exceptions are those of `predict`.
        """
        return self._answer(self._now.kernels.probabilities, X)

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return the logits oₜ, shape (n, T): above 0 the network outputs 1.

        Parameters and exceptions are those of `predict`.
        """
        return self._answer(self._now.kernels.logits, X)

    def hidden_states(self, X: ArrayLike) -> NDArray[Any]:
        """Return the hidden states hₜ, shape (n, T, H).

        Parameters and exceptions are those of `predict`.
        """
        now = self._now
        state = now.state
        symbols = check_sequences(X, state.architecture.operands)
        run = now.kernels.forward(state.architecture, state.block, symbols, hidden=True)
        assert run.hidden is not None
        return run.hidden

    def add(self, *integers: int) -> int:
        """Return the sum of non-negative integers *as the network outputs it*, right or wrong.

        They may have any number of bits; enough zero bits follow for the last carry.

        Parameters
        ----------
        *integers : int
            As many as the network has operands.

        Raises
        ------
        InvalidTypeError
            If one is not an integer; floats, strings and bools are refused.
        InvalidInputError
            If one is negative, or there are too few or too many.

        Examples
        --------
        >>> net = BinaryAdderRNN()
        >>> net.add(23, -42)
        Traceback (most recent call last):
            ...
        binadd.errors.InvalidInputError: an operand must be at least 0, not -42
        """
        form = self._now.state.architecture.form
        if not form.is_sum:
            raise InvalidInputError(f"this network does not add, it computes {form}: use compute")
        return self.compute(*integers)

    def compute(self, *integers: int) -> int:
        """Return Σ cᵢxᵢ of non-negative integers *as the network outputs it*, right or wrong.

        As many zero bits follow as it takes for the last carry and, with negative coefficients,
        the sign: a negative number goes on in ones for ever. docs/proof.md derives how many.

        Parameters and exceptions are those of `add`, which is the same for a sum.

        Examples
        --------
        >>> import binadd
        >>> net = BinaryAdderRNN(coefficients=(1, -1))
        >>> run = binadd.train(net)
        >>> net.compute(9, 4), net.compute(4, 9)
        (5, -5)
        """
        now = self._now
        state = now.state
        form = state.architecture.form
        if len(integers) != state.architecture.operands:
            count = state.architecture.operands
            raise InvalidInputError(
                f"this network {form.verb} {count} integers, not {len(integers)}"
            )
        for integer in integers:
            if type(integer) is not int or integer < 0:  # rare: an error, or NumPy's integers
                integers = tuple(check_integer("an operand", integer) for integer in integers)
                break
        symbols = pack_integers(integers, form.length(integers)).reshape(1, -1)
        if symbols.size <= _SLICE:
            bits = now.kernels.bits(state.architecture, state.block, symbols)[0]
            return form.signed(integer_of(bits), symbols.size)
        bits, hidden = np.empty_like(symbols), None
        for start in range(0, symbols.size, _SLICE):  # logits take eight bytes a step
            part = np.s_[:, start : start + _SLICE]
            bits[part], hidden = run_on(
                now.kernels, state.architecture, state.block, symbols[part], hidden
            )
        return form.signed(integer_of(bits[0]), symbols.size)

    def stream(self, streams: int | None = None) -> BitStream:
        """Return a stream: the network as it is now, to be fed bit by bit.

        Parameters
        ----------
        streams : int, optional
            Number of parallel streams; by default one, whose arrays have no axis for it.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If `streams` is not a positive integer.

        Examples
        --------
        >>> stream = BinaryAdderRNN(4).stream(streams=3)
        >>> stream.step([[1, 0], [1, 1], [0, 0]]).shape, stream.state.shape
        ((3,), (3, 4))
        """
        if streams is not None:
            streams = check_integer("streams", streams, 1, MAX_STREAMS)
        now = self._now
        return BitStream(now.state, now.kernels, streams)

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the share of sequences whose every bit is right.

        Parameters
        ----------
        X : array_like, shape (n, T, operands)
            As for `predict`.
        y : array_like, shape (n, T) or (n, T, 1), optional
            The right bits; by default those of the true sums, or of Σ cᵢxᵢ.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As `predict`, and if `y` is not an array of bits of this shape.

        Warns
        -----
        UserWarning
            If `y` has the true sums of `X` with the most significant bit first.

        Examples
        --------
        >>> BinaryAdderRNN().score([[[0, 1], [0, 0]]], [[1, 0]])
        0.0
        """
        now = self._now
        symbols, targets = _check_pair(now, X, y)
        bits = now.kernels.bits(now.state.architecture, now.state.block, symbols)
        return float((bits == targets).all(axis=1).mean())

    # Training ------------------------------------------------------------------------------------

    def loss_and_gradients(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> tuple[float, dict[str, NDArray[Any]]]:
        """Return the loss of these sequences and its gradient, by backpropagation through time.

        Parameters
        ----------
        X, y
            As for `score`.

        Returns
        -------
        loss : float
            Summed over the steps, averaged over the sequences.
        gradients : dict of str to ndarray
            With the names and shapes of `parameters`.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As `score`.

        Examples
        --------
        >>> loss, gradients = BinaryAdderRNN(4).loss_and_gradients([[[1, 0], [1, 1]]], [[1, 0]])
        >>> gradients["hidden_weights"].shape
        (4, 4)
        """
        now = self._now
        state = now.state
        symbols, targets = _check_pair(now, X, y)
        loss, gradients = now.kernels.loss_and_gradients(
            state.architecture, state.block, Batch(symbols, targets), now.settings.loss
        )
        return loss, named_arrays(state.architecture, gradients)

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train anew from the seed on given sequences, and return the network.

        It goes over them `epochs` times, each time in another order, drawn from the seed. To
        train on sums that binadd draws itself, and until they are right, use `binadd.train`.

        Parameters
        ----------
        X, y
            As for `score`.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As `score`; the network has not changed then.
        DivergenceError
            If a weight became infinite or NaN; the network keeps the weights of the last epoch
            that went well.

        Warns
        -----
        UserWarning
            As `score`.

        Examples
        --------
        >>> X = [[[1, 0], [0, 0]], [[1, 1], [0, 0]]]
        >>> BinaryAdderRNN(epochs=200).fit(X).predict(X)
        array([[1, 0],
               [0, 1]], dtype=uint8)
        """
        now = self._now
        symbols, targets = _check_pair(now, X, y)
        now = replace(now, state=initial_state(now.state.architecture, now.state.seed))
        stream = data_stream(now.state.seed)
        for _ in range(now.settings.epochs):
            order = np.argsort(stream.random_raw(len(symbols)), kind="stable")
            now = self._train_on(now, symbols[order], targets[order], words=len(symbols))
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike | None = None, classes: ArrayLike | None = None
    ) -> Self:
        """Continue training with one pass over given sequences, in their order.

        Parameters
        ----------
        X, y
            As for `score`.
        classes
            Has no effect: scikit-learn passes it, and bits are always 0 and 1.

        Raises
        ------
        InvalidTypeError, InvalidInputError, DivergenceError
            As `fit`, which also warns of the same, and if another thread has changed the settings
            in between.

        Examples
        --------
        >>> BinaryAdderRNN().partial_fit([[[1, 0], [1, 1], [0, 0]]]).state.updates
        1
        """
        now = self._now
        self._train_on(now, *_check_pair(now, X, y))
        return self

    def _train_on(
        self,
        now: _Snapshot,
        symbols: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        words: int = 0,
    ) -> _Snapshot:
        """Train the network as it was at a moment; return it as it is after that."""
        state = advance(
            now.kernels,
            now.state,
            Batch(symbols, targets),
            now.settings.kernel_optimizer,
            loss=now.settings.loss,
            batch_size=now.settings.batch_size,
            words=words,
        )
        self._replace_state(state, symbols.shape[1])
        return replace(now, state=state)

    # As an object --------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file that `binadd.load` reads: see `binadd.storage.save`."""
        from binadd.storage import save  # storage imports this module, hence not at the top

        save(self, path)

    def __repr__(self) -> str:
        params, defaults = self.get_params(), self._signature()
        if "dtype" in params:
            params["dtype"] = self.settings.dtype  # by its name, also where it is NumPy's type
        differing = (
            f"{name}={value!r}"
            for name, value in params.items()
            if repr(value) != repr(defaults[name])
        )
        return f"{type(self).__name__}({', '.join(differing)})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        settings, state = self.settings, self.state
        weights = sum(array.size for array in self.parameters.values())
        trained = f"trained on {state.sequences:,} sequences" if state.sequences else "not trained"
        status = f", {state.status}" if state.status in ("proved", "exact") else ""
        return (
            f"<code>{escape(repr(self))}</code><br>{settings.form.verb} {settings.operands} "
            f"numbers with {settings.hidden_size} hidden units, {weights:,} weights; "
            f"{trained}{status}"
        )

    def __eq__(self, other: object) -> bool:
        """Two networks are equal if they have the same architecture and the same weights."""
        if not isinstance(other, BinaryAdderRNN):
            return NotImplemented
        mine, its = self._now.state, other._now.state
        return mine.architecture == its.architecture and np.array_equal(mine.block, its.block)

    def copy(self) -> Self:
        """Return another network like this one as it is now; neither is changed with the other.

        Examples
        --------
        >>> net = BinaryAdderRNN(seed=1)
        >>> duplicate = net.copy()
        >>> duplicate.parameters["output_bias"] = 7
        >>> duplicate == net
        False
        """
        duplicate = type(self).__new__(type(self))
        vars(duplicate).update(vars(self))  # a snapshot can be shared: nothing in it ever changes
        return duplicate

    __copy__ = copy

    def __getstate__(self) -> dict[str, Any]:
        """Return plain data and arrays by name, which a later release can read or refuse."""
        now = self._now
        return {
            "format": PICKLE_FORMAT,
            "params": now.parameters(),
            "state": {name: getattr(now.state, name) for name in _PICKLED},
            "steps": now.steps,
            "own": {name: value for name, value in vars(self).items() if name != "_now"},
        }

    def __setstate__(self, pickled: Mapping[str, Any]) -> None:
        found = pickled.get("format")
        if found != PICKLE_FORMAT:
            raise ModelFileError(
                f"this release of binadd reads pickled networks of format {PICKLE_FORMAT}, not "
                f"{shorten(found)}"
            )
        params, fields = pickled["params"], dict(pickled["state"])
        for name in (*params, *fields):
            if name not in DEFAULTS and name not in _PICKLED:
                raise ModelFileError(f"this pickled network has an unknown {name}")
        vars(self).update(pickled["own"])
        self._now = now = _configure({**DEFAULTS, **params})
        for name in ("block", "moments", "powers"):  # out of a buffer they may be read-only
            fields[name] = np.array(fields[name], now.state.architecture.dtype)
        self.state = replace(now.state, **fields)
        self._now = replace(self._now, steps=pickled["steps"])

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that the network can predict from the start: it always has weights."""
        return True

    @property
    def classes_(self) -> NDArray[np.intp]:
        """The labels for scikit-learn, to which each step's bit is one: 0 to T − 1.

        T is the length of the sequences that `fit` or `partial_fit` last had; before that, of
        those that `binadd.train` draws by default.

        Examples
        --------
        >>> BinaryAdderRNN().partial_fit([[[1, 0], [1, 1], [0, 0]]]).classes_
        array([0, 1, 2])
        """
        now = self._now
        return np.arange(now.steps or bits_by_shape(now.settings.form.carries))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn, the only caller, what kind of estimator this is."""
        from sklearn.utils import (  # type: ignore[import-untyped, unused-ignore]
            ClassifierTags,
            InputTags,
            Tags,
            TargetTags,
        )

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=False, multi_output=True),
            classifier_tags=ClassifierTags(multi_class=False, multi_label=True),
            input_tags=InputTags(two_d_array=False, three_d_array=True, positive_only=True),
            requires_fit=False,
        )


def _check_pair(
    now: _Snapshot, X: ArrayLike, y: ArrayLike | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return symbols and targets (n, T); the true sums where `y` is None."""
    operands = now.state.architecture.operands
    symbols = check_sequences(X, operands)
    sums = now.kernels.exact_sums(now.state.architecture, symbols)
    if y is None:
        return symbols, sums
    targets = check_bits(y, symbols.shape)
    if not np.array_equal(targets, sums):
        reverse = np.ascontiguousarray(symbols[:, ::-1])
        if np.array_equal(
            targets[:, ::-1], now.kernels.exact_sums(now.state.architecture, reverse)
        ):
            warnings.warn(
                "y has the true sums of X with the most significant bit first, but a network "
                "reads the least significant first: pass X[:, ::-1] and y[:, ::-1]",
                stacklevel=3,
            )
    return symbols, targets


def _unknown(kind: str, name: str, known: list[str]) -> str:
    """Return the error for an unknown parameter or attribute, with the nearest known name."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"allowed: {', '.join(known)}"
    return f"{name!r} is not {'an' if kind[0] == 'a' else 'a'} {kind} of a network; {hint}"


DEFAULTS: Mapping[str, Any] = BinaryAdderRNN._signature()
"""The constructor's parameters and their defaults, in its order."""

_PICKLED = [field.name for field in fields(State) if field.name not in ("architecture", "seed")]
"""The fields of a state that a pickle holds; the rest follows from the parameters."""
