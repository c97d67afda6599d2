"""The network: `BinaryAdderRNN`.

Elman's recurrent network (1990, https://doi.org/10.1207/s15516709cog1402_1) reads one bit of each
operand at a time, t = 0 being the least significant, and says one bit of the sum at each step:

    aₜ = Wᵢxₜ + Wₕhₜ₋₁ + bₕ      hₜ = f(aₜ)      oₜ = Wₒhₜ + bₒ      ŷₜ = σ(oₜ)      h₋₁ = 0

f is σ or tanh; the answer at step t is 1 where the logit oₜ is above 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import signature
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from binadd.bits import (
    check_bits,
    check_sequences,
    integer_of,
    pack_integers,
    sum_length,
)
from binadd.checks import check_instance, check_integer
from binadd.errors import InvalidInputError
from binadd.kernels import load as load_kernels
from binadd.kernels.arguments import check_layout
from binadd.kernels.contract import Architecture, Kernels
from binadd.parameters import has_strays, named_views, read_parameters
from binadd.recipes import Settings, resolve
from binadd.state import State, advance, initial_state, state_of_block
from binadd.streams import data_stream

__all__ = ["DEFAULTS", "BinaryAdderRNN"]


class BinaryAdderRNN:
    """A small recurrent network that learns to add binary numbers.

    It follows scikit-learn's conventions: the constructor takes everything that shapes the
    network or its training, `get_params` gives it back as it was given, and `clone` makes an
    untrained twin. The recipe decides whatever is None; `settings` shows the outcome.

    A seed decides everything: the same seed gives the same weights, bit for bit, with either
    backend and on any machine. Reading a network from several threads is safe, even while one of
    them trains it.

    Parameters
    ----------
    hidden_size : int, default 16
        Hidden units H, 1 to 256.
    operands : int, default 2
        How many numbers are added, n: 1 to 8.
    activation : {"sigmoid", "tanh"}, default "sigmoid"
        Of the hidden units; the output is always a sigmoid.
    biases : bool, optional
        Whether hidden and output units have a bias.
    loss : {"cross_entropy", "squared_error"}, optional
        Summed over the steps of a sequence, averaged over a batch.
    optimizer : {"sgd", "momentum", "nesterov", "adam"}, optional
        The update rule; its equations are in `binadd.kernels.contract.Optimizer`.
    learning_rate, momentum, beta1, beta2, epsilon : float, optional
        The rule's constants.
    clip_norm : float, optional
        The longest gradient that is not scaled down, over all weights; `math.inf` for no limit.
    batch_size : int, optional
        Sequences of one update.
    epochs : int, default 10
        How often `fit` goes over its data; `binadd.train`, which draws its own, ignores it.
    dtype : {"float64", "float32"}, default "float64"
    seed : int, default 0
        Of the initial weights and of the data that training draws.
    backend : {"auto", "native", "python"}, default "auto"
        The compiled kernels, their NumPy twin, or the first of these that is installed. It affects
        the speed and nothing else.
    recipe : {"default", "notebook", "sgd", "adam"}, optional
        Where the values of whatever is None come from: `binadd.recipes.RECIPES`.

    Attributes
    ----------
    parameters : dict of str to ndarray
    settings : binadd.recipes.Settings
    state : binadd.state.State

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a parameter is of the wrong type or not allowed.
    BackendError
        If the backend is missing or broken.

    Notes
    -----
    Changing `hidden_size`, `operands`, `activation`, `biases`, `dtype` or `seed` asks for another
    network, which starts anew from its seed. Changing anything else keeps the weights.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=0)
    >>> run = binadd.train(net)
    >>> net.add(23, 42)
    65
    """

    _settings: Settings
    _kernels: Kernels
    _state: State

    def __init__(
        self,
        hidden_size: int = 16,
        *,
        operands: int = 2,
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
        dtype: str = "float64",
        seed: int = 0,
        backend: str = "auto",
        recipe: str | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name != "self"}
        self._configure(given, None)

    # Parameters of the constructor ---------------------------------------------------------------

    def _configure(self, given: dict[str, Any], state: State | None) -> None:
        """Take over parameters and a state; nothing has changed if a parameter is refused."""
        settings = resolve(given)
        module = load_kernels(given["backend"])
        architecture = settings.architecture
        if state is None or (state.architecture, state.seed) != (architecture, settings.seed):
            state = initial_state(architecture, settings.seed)
        self.__dict__.update(given, _settings=settings, _kernels=module, _state=state)

    def __setattr__(self, name: str, value: object) -> None:
        if name in DEFAULTS:
            self.set_params(**{name: value})
        else:
            super().__setattr__(name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters as they were given.

        Parameters
        ----------
        deep : bool
            Has no effect: no parameter is an estimator.
        """
        return {name: self.__dict__[name] for name in DEFAULTS}

    def set_params(self, **params: Any) -> Self:
        """Change parameters of the constructor, all of them or none, and return the network.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If a name is unknown or a value not allowed.
        """
        for name in params:
            if name not in DEFAULTS:
                raise InvalidInputError(
                    f"{name!r} is not a parameter; allowed: {', '.join(DEFAULTS)}"
                )
        self._configure(self.get_params() | params, self._state)
        return self

    @property
    def settings(self) -> Settings:
        """The parameters with the recipe's values filled in.

        Examples
        --------
        >>> BinaryAdderRNN(recipe="notebook").settings.loss
        'squared_error'
        """
        return self._settings

    @property
    def kernels(self) -> Kernels:
        """The kernel module that computes: the native one or its Python twin."""
        return self._kernels

    # Weights -------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """All that training continues from. Assigning another replaces it at once.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            If what is assigned is not a state, is of another architecture or seed, holds arrays
            that kernels do not take, or has weights outside the network's parameters.
        """
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        check_instance("state", state, State)
        if (state.architecture, state.seed) != (self._state.architecture, self._state.seed):
            raise InvalidInputError(
                "this state belongs to a network of another architecture or seed"
            )
        shape, dtype = state.architecture.block_shape, state.architecture.dtype
        check_layout("the state's block", state.block, shape, dtype)
        check_layout("the state's moments", state.moments, (2, *shape), dtype)
        check_layout("the state's powers", state.powers, (2,), dtype)
        if has_strays(state.architecture, state.block):
            raise InvalidInputError("this state has weights outside the parameters")
        self._state = state

    def move_on(self, state: State) -> None:
        """Take over a state that training made out of this one, without another look at it."""
        self._state = state

    @property
    def parameters(self) -> dict[str, NDArray[Any]]:
        """The weights by name, as views: what is written to them changes the network.

        Returns
        -------
        dict
            input_weights (H, n), hidden_weights (H, H), hidden_bias (H,), output_weights (H,),
            output_bias (), of the network's dtype; without the biases if it has none. Training
            puts new arrays in their place, so ask for them again after it.

        Examples
        --------
        >>> {name: array.shape for name, array in BinaryAdderRNN(4).parameters.items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'input_weights': (4, 2), 'hidden_weights': (4, 4), 'hidden_bias': (4,),
         'output_weights': (4,), 'output_bias': ()}
        """
        state = self._state
        return named_views(state.architecture, state.block)

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
        architecture, block = read_parameters(parameters, activation, params.pop("dtype", None))
        net = cls(
            architecture.hidden_size,
            operands=architecture.operands,
            activation=architecture.activation,
            dtype=architecture.dtype,
            **params,
        )
        if net.settings.biases != architecture.biases:
            net.set_params(biases=architecture.biases)
        net.state = state_of_block(architecture, block, net.settings.seed)
        return net

    # Prediction ----------------------------------------------------------------------------------

    def _answer(
        self,
        kernel: Callable[[Architecture, NDArray[Any], NDArray[np.uint8]], NDArray[Any]],
        X: ArrayLike,
    ) -> NDArray[Any]:
        state = self._state
        symbols = check_sequences(X, state.architecture.operands)
        return kernel(state.architecture, state.block, symbols)

    def predict(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Return the bits that the network says.

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
        return self._answer(self._kernels.bits, X)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the network's probability ŷₜ = σ(oₜ) of each bit being 1, shape (n, T).

        Parameters and exceptions are those of `predict`.
        """
        return self._answer(self._kernels.probabilities, X)

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return the logits oₜ, shape (n, T): above 0 the network says 1.

        Parameters and exceptions are those of `predict`.
        """
        return self._answer(self._kernels.logits, X)

    def hidden_states(self, X: ArrayLike) -> NDArray[Any]:
        """Return the hidden states hₜ, shape (n, T, H).

        Parameters and exceptions are those of `predict`.
        """
        state = self._state
        symbols = check_sequences(X, state.architecture.operands)
        run = self._kernels.forward(state.architecture, state.block, symbols, hidden=True)
        assert run.hidden is not None
        return run.hidden

    def add(self, *integers: int) -> int:
        """Return the sum of non-negative integers *as the network says it*, right or wrong.

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
        state = self._state
        if len(integers) != state.architecture.operands:
            raise InvalidInputError(
                f"this network adds {state.architecture.operands} integers, not {len(integers)}"
            )
        for integer in integers:
            if type(integer) is not int or integer < 0:  # rare: an error, or NumPy's integers
                integers = tuple(check_integer("an operand", integer) for integer in integers)
                break
        symbols = pack_integers(integers, sum_length(integers)).reshape(1, -1)
        return integer_of(self._kernels.bits(state.architecture, state.block, symbols)[0])

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the share of sequences whose every bit is right.

        Parameters
        ----------
        X : array_like, shape (n, T, operands)
            As for `predict`.
        y : array_like, shape (n, T), optional
            The right bits; by default those of the true sums.

        Raises
        ------
        InvalidTypeError, InvalidInputError
            As `predict`, and if `y` is not an array of bits of the shape (n, T).
        """
        state = self._state
        symbols, targets = self._check_pair(X, y)
        bits = self._kernels.bits(state.architecture, state.block, symbols)
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
        state = self._state
        symbols, targets = self._check_pair(X, y)
        loss, gradients = self._kernels.loss_and_gradients(
            state.architecture, state.block, symbols, targets, self._settings.loss
        )
        return loss, named_views(state.architecture, gradients)

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
        """
        symbols, targets = self._check_pair(X, y)
        self._state = initial_state(self._state.architecture, self._state.seed)
        stream = data_stream(self._state.seed)
        for _ in range(self._settings.epochs):
            order = np.argsort(stream.random_raw(len(symbols)), kind="stable")
            self._train_on(symbols[order], targets[order], words=len(symbols))
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Continue training with one pass over given sequences, in their order.

        Parameters and exceptions are those of `fit`.
        """
        self._train_on(*self._check_pair(X, y))
        return self

    def _train_on(
        self, symbols: NDArray[np.uint8], targets: NDArray[np.uint8], words: int = 0
    ) -> None:
        self._state, _ = advance(
            self._kernels,
            self._state,
            symbols,
            targets,
            loss=self._settings.loss,
            optimizer=self._settings.update_rule,
            batch_size=self._settings.batch_size,
            words=words,
        )

    def _check_pair(
        self, X: ArrayLike, y: ArrayLike | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return symbols and targets (n, T); the true sums where `y` is None."""
        operands = self._state.architecture.operands
        symbols = check_sequences(X, operands)
        if y is None:
            return symbols, self._kernels.exact_sums(symbols, operands)
        return symbols, check_bits(y, symbols.shape)

    # As an object --------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file that `binadd.load` reads: see `binadd.storage.save`."""
        from binadd.storage import save  # storage knows the network, hence not at the top

        save(self, path)

    def __repr__(self) -> str:
        params = self.get_params()
        differing = (
            f"{name}={value!r}" for name, value in params.items() if value != DEFAULTS[name]
        )
        return f"{type(self).__name__}({', '.join(differing)})"

    def __eq__(self, other: object) -> bool:
        """Two networks are equal if they have the same architecture and the same weights."""
        if not isinstance(other, BinaryAdderRNN):
            return NotImplemented
        mine, its = self._state, other._state
        return mine.architecture == its.architecture and np.array_equal(mine.block, its.block)

    def copy(self) -> Self:
        """Return another network like this one as it is now; neither is changed with the other.

        Examples
        --------
        >>> net = BinaryAdderRNN(seed=1)
        >>> twin = net.copy()
        >>> twin.parameters["output_bias"][...] = 7
        >>> twin == net
        False
        """
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)  # at once: other threads may be changing the network
        state = twin._state
        names = ("block", "moments", "powers")
        twin._state = replace(state, **{name: getattr(state, name).copy() for name in names})
        return twin

    def __getstate__(self) -> dict[str, Any]:
        derived = ("_settings", "_kernels")
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        given = {name: pickled[name] for name in DEFAULTS}
        self.__dict__.update(pickled)  # a subclass may have more
        self._configure(given, pickled["_state"])

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that the network can predict from the start: it always has weights."""
        return True

    @property
    def classes_(self) -> NDArray[np.uint8]:
        """What each bit may be, for scikit-learn's scorers."""
        return np.arange(2, dtype=np.uint8)

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
            input_tags=InputTags(two_d_array=False, three_d_array=True),
        )


DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {name: parameter.default for name, parameter in signature(BinaryAdderRNN).parameters.items()}
)
"""The constructor's parameters and their defaults, in its order."""
