"""ONNX graphs of other programs: the weights of the one Elman network in them.

Two kinds of graph are read: an RNN node and the linear layer after it; and plain operators, in the
body of a Scan or a Loop or written out step by step, where the operand of a product shows which
matrix it is. The graph is then run, by onnx's reference implementation, and compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import extra, shorten
from binadd.errors import BinaddError, DisagreementError, InvalidInputError, ModelFileError
from binadd.interop.arrays import real_array
from binadd.interop.elman import agree, elman, refuse
from binadd.interop.sizes import check_file
from binadd.interop.tanh_form import tanh_form
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN

__all__ = ["from_onnx"]

_OTHERS = {
    "Relu",
    "Elu",
    "LeakyRelu",
    "Selu",
    "Softsign",
    "Softplus",
    "HardSigmoid",
    "Gelu",
    "Clip",
}


@ieee_mode()
def from_onnx(source: Any, *, check: bool = True, backend: str = "auto") -> BinaryAdderRNN:
    """Make a network from an ONNX model: binadd's own, PyTorch's or Keras' of an Elman network.

    Parameters
    ----------
    source : onnx.ModelProto, or path
    check : bool, default True
        Compare with the graph, run by `onnx.reference`.
    backend : {"auto", "native", "python"}

    Returns
    -------
    BinaryAdderRNN
        In float64 if the weights are, else in float32. The bits of the weights are those of the
        file; what `to_onnx` made one of tanh units becomes one of sigmoid units again.

    Raises
    ------
    InvalidInputError, DisagreementError, ModelFileError, OSError
        As `from_torch`.
    MissingExtraError
        If onnx is not installed.
    """
    with extra("interop"):
        import onnx  # noqa: F401
    model = _load(source) if isinstance(source, str | os.PathLike) else source
    if not hasattr(model, "graph"):
        raise refuse(f"expected an ONNX model or a path, found {type(model).__name__}")
    try:
        net = _of_model(model, backend)
    except BinaddError:
        raise
    except Exception as reason:  # whatever a malformed graph makes onnx, or a look-up in it, raise
        raise refuse(f"the ONNX graph is malformed ({shorten(str(reason))})") from None
    if check:
        _compare(net, model)
    return net


def _of_model(model: Any, backend: str) -> BinaryAdderRNN:
    constants = dict(_constants(model.graph))
    _, *states = [each.name for each in model.graph.input if each.name not in constants] or [""]
    graph = _Graph(list(_nodes(model.graph)), constants, states)
    for node in graph.nodes:
        if node.op_type == "Identity" and node.input[0] in graph.constants:
            graph.constants[node.output[0]] = graph.constants[node.input[0]]  # the same array
    kinds = {node.op_type for node in graph.nodes}
    for kind in ("LSTM", "GRU"):
        if kind in kinds:
            raise refuse(f"expected an RNN node, found {kind}")
    net = (_of_rnn_node if "RNN" in kinds else _of_operators)(graph, backend)
    return _restore(net, {entry.key: entry.value for entry in model.metadata_props})


def _load(path: str | os.PathLike[str]) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    check_file(path)
    try:
        model = onnx.load(path)
    except (DecodeError, ValueError, onnx.checker.ValidationError):
        model = None
    if model is None or not model.HasField("graph"):  # an empty file is an empty message
        raise ModelFileError(f"{os.fspath(path)} is no ONNX file")
    return model


@dataclass
class _Graph:
    """A graph's nodes, those of bodies included, and what in it is constant."""

    nodes: list[Any]
    constants: dict[str, NDArray[Any]]
    states: list[str]
    """Inputs other than the bits: the state, which comes back with the next step."""

    def constant(self, name: str, of: str) -> NDArray[Any]:
        if name not in self.constants:
            raise refuse(f"expected {of} to be constant in the graph, found {name or 'none'}")
        return self.constants[name]

    def reals(self, size: int, kind: str = "Add") -> list[NDArray[Any]]:
        """Return each constant of `size` reals that nodes of this kind take, once."""
        names = [name for node in self.nodes if node.op_type == kind for name in node.input]
        arrays = {id(self.constants[name]): name for name in names if name in self.constants}
        found = [self.constants[name] for name in arrays.values()]
        return [each for each in found if each.size == size and each.dtype.kind == "f"]

    def products(self) -> Iterator[tuple[str, int, NDArray[Any]]]:
        """Yield each x @ W: the name of x, an identity of W, and W."""
        for node in self.nodes:
            if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in self.constants:
                continue
            matrix = self.constants[node.input[1]]
            attributes = _attributes(node)
            if attributes.get("alpha", 1.0) != 1.0 or attributes.get("transA", 0):
                raise refuse("expected Gemm nodes with alpha = 1 and transA = 0")
            right = matrix.T if attributes.get("transB", 0) else matrix
            yield node.input[0], id(matrix), right


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.name == "body":
                yield from _nodes(attribute.g)


def _constants(graph: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    from onnx import numpy_helper

    for tensor in graph.initializer:
        yield tensor.name, numpy_helper.to_array(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                yield node.output[0], numpy_helper.to_array(attribute.t)
            elif attribute.name == "body":
                yield from _constants(attribute.g)


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


# An RNN node -------------------------------------------------------------------------------------


def _of_rnn_node(graph: _Graph, backend: str) -> BinaryAdderRNN:
    """W (1, H, n), R (1, H, H) and B (1, 2H) lie as binadd's matrices do."""
    nodes = [node for node in graph.nodes if node.op_type == "RNN"]
    if len(nodes) > 1:
        raise refuse(f"expected one layer, found {len(nodes)} RNN nodes")
    (node,) = nodes
    attributes = _attributes(node)
    direction = attributes.get("direction", b"forward").decode()
    if direction != "forward":
        raise refuse(f"expected one direction, found {direction}")
    activation = attributes.get("activations", [b"Tanh"])[0].decode().lower()
    if activation not in ("tanh", "sigmoid"):
        raise refuse(f"expected units with tanh or sigmoid, found {activation}")
    if "clip" in attributes:
        raise refuse("expected an RNN node without clip")
    inputs = [*node.input, "", "", ""]
    w = real_array("W", graph.constant(inputs[1], "W"))[0]
    r = real_array("R", graph.constant(inputs[2], "R"))[0]
    biases = []
    if inputs[3]:
        both = real_array("B", graph.constant(inputs[3], "B"))[0]
        biases = [both[: len(r)], both[len(r) :]]
    heads = [matrix for _, _, matrix in graph.products()]
    if len(heads) != 1 or heads[0].size != len(r):
        shapes = ", ".join(str(head.shape) for head in heads)
        raise refuse(f"expected one output layer of shape ({len(r)}, 1), found {shapes or 'none'}")
    start = _first_state(graph, inputs[5])
    net = elman(
        input_weights=w,
        hidden_weights=r,
        hidden_biases=biases,
        output_weights=heads[0],
        output_bias=_output_bias(graph),
        activation=activation,
        backend=backend,
    )
    if start == 0:
        return net
    if (start, activation) != (-1, "tanh"):
        raise refuse(f"expected a first state of zeros, found {start:g}")
    return _sigmoid_units(net)


def _first_state(graph: _Graph, name: str) -> float:
    """Return the number that all of h₋₁ is; the comparison finds out where that is not so."""
    values = graph.constants.get(name)
    for node in graph.nodes:
        if node.op_type == "ConstantOfShape" and name in node.output:
            from onnx import numpy_helper

            value = _attributes(node).get("value")
            values = np.zeros(1) if value is None else numpy_helper.to_array(value)
    if values is None or not values.size:
        return 0.0
    return float(values.flat[0])


def _output_bias(graph: _Graph) -> NDArray[Any] | None:
    found = graph.reals(1) + graph.reals(1, "Gemm")
    if len(found) > 1:
        raise refuse(f"expected one output bias, found {len(found)}")
    return found[0] if found else None


@ieee_mode()
def _sigmoid_units(net: BinaryAdderRNN) -> BinaryAdderRNN:
    """Undo `tanh_form`; the biases are rounded."""
    given = net.parameters
    wide = {name: array.astype(np.float64) for name, array in given.items()}
    sums = wide["hidden_weights"].sum(1), wide["output_weights"].sum()
    parameters = {
        "input_weights": given["input_weights"] * given["input_weights"].dtype.type(2),
        "hidden_weights": given["hidden_weights"] * given["hidden_weights"].dtype.type(4),
        "hidden_bias": 2 * (wide["hidden_bias"] - sums[0]),
        "output_weights": given["output_weights"] * given["output_weights"].dtype.type(2),
        "output_bias": wide["output_bias"] - sums[1],
    }
    return BinaryAdderRNN.from_parameters(
        parameters, "sigmoid", dtype=net.settings.dtype, backend=net.get_params()["backend"]
    )


def _restore(net: BinaryAdderRNN, metadata: dict[str, str]) -> BinaryAdderRNN:
    """Return the network whose biases `to_onnx` noted, if these give the file's own weights."""
    try:
        parameters: dict[str, Any] = dict(net.parameters)
        for name in ("hidden_bias", "output_bias"):
            if f"binadd.{name}" in metadata:
                values = [float.fromhex(each) for each in metadata[f"binadd.{name}"].split()]
                parameters[name] = np.array(values).reshape(parameters[name].shape)
        configuration = json.loads(metadata.get("binadd", "{}"))
        if not configuration.get("biases", True):
            zero = [not np.any(parameters[name]) for name in ("hidden_bias", "output_bias")]
            if all(zero):
                del parameters["hidden_bias"], parameters["output_bias"]
        settings = net.settings
        noted = BinaryAdderRNN.from_parameters(
            parameters,
            settings.activation,
            dtype=settings.dtype,
            backend=net.get_params()["backend"],
            coefficients=configuration.get("coefficients"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BinaddError):
        return net
    if noted.settings.activation == "tanh":
        return noted
    mine, its = (tanh_form(each, settings.dtype) for each in (net, noted))
    close = [
        np.allclose(getattr(mine, name), getattr(its, name), rtol=1e-6, atol=1e-6)
        for name in ("hidden_bias", "output_bias")
    ]
    return noted if all(close) else net


# Plain operators ---------------------------------------------------------------------------------


def _of_operators(graph: _Graph, backend: str) -> BinaryAdderRNN:
    """Each constant W stands in x @ W: (n, H), (H, H) or (H, 1)."""
    found = {node.op_type for node in graph.nodes} & _OTHERS
    if found:
        raise refuse(f"expected units with tanh or sigmoid, found {sorted(found)[0]}")
    matrices: dict[int, NDArray[Any]] = {}
    recurring: set[int] = set()
    after = _after_activations(graph)
    for left, name, matrix in graph.products():
        matrices[name] = matrix if matrix.ndim == 2 else matrix[:, np.newaxis]
        if left in after:
            recurring.add(name)
    heads = [name for name, matrix in matrices.items() if matrix.shape[1] == 1]
    if len(heads) == len(matrices) == 3:
        raise refuse("expected two hidden units or more, found one, whose matrices look alike")
    if len(heads) != 1 or len(matrices) != 3:
        shapes = ", ".join(str(matrix.shape) for matrix in matrices.values())
        raise refuse(f"expected products with (n, H), (H, H) and (H, 1), found {shapes or 'none'}")
    (head,) = heads
    out = matrices.pop(head)
    size = len(out)
    hidden = [name for name, matrix in matrices.items() if matrix.shape == (size, size)]
    if len(hidden) == 2:
        hidden = [name for name in hidden if name in recurring]
    if len(hidden) != 1:
        raise refuse(f"expected one recurrent matrix ({size}, {size}), found {len(hidden)}")
    recurrent = matrices.pop(hidden[0])
    (into,) = matrices.values()
    tanh = any(node.op_type == "Tanh" for node in graph.nodes)
    return elman(
        input_weights=into.T,
        hidden_weights=recurrent.T,
        hidden_biases=graph.reals(size) + graph.reals(size, "Gemm"),
        output_weights=out,
        output_bias=_output_bias(graph),
        activation="tanh" if tanh else "sigmoid",
        backend=backend,
    )


def _after_activations(graph: _Graph) -> set[str]:
    """Return the names of all that follows an activation or a state, a Scan's or an input."""
    after = set(graph.states)
    for node in graph.nodes:
        for attribute in node.attribute:
            if attribute.name == "body" and node.op_type == "Scan":
                inputs = [each.name for each in attribute.g.input]
                after.update(inputs[: len(inputs) - _attributes(node)["num_scan_inputs"]])
    for node in graph.nodes:
        if node.op_type in ("Tanh", "Sigmoid") or after.intersection(node.input):
            after.update(node.output)
    return after


# The comparison ----------------------------------------------------------------------------------


def _compare(net: BinaryAdderRNN, model: Any) -> None:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    constants = {tensor.name for tensor in model.graph.initializer}
    inputs: Any = [each for each in model.graph.input if each.name not in constants]
    bits = inputs[0].type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(bits.elem_type)
    sizes = [dimension.dim_value for dimension in bits.shape.dim]
    evaluator: Any = ReferenceEvaluator(model)
    run = evaluator.run
    if len(inputs) == 2 and len(sizes) == 2:  # a step, with the state as input and output
        count = sizes[0] or 64
        agree(net, "the graph", lambda X: _by_steps(net, run, inputs, X.astype(dtype)), count)
        return
    if len(inputs) != 1 or len(sizes) != 3:
        raise InvalidInputError(
            f"the graph cannot be run to be compared: expected one input of bits (N, T, n), found "
            f"{', '.join(each.name for each in inputs)}; check=False imports it without"
        )

    def rows(X: NDArray[np.float32]) -> Any:
        return run(None, {inputs[0].name: X.astype(dtype)})[0]

    def columns(X: NDArray[np.float32]) -> Any:
        outputs = run(None, {inputs[0].name: X.transpose(1, 0, 2).astype(dtype)})[0]
        return outputs.reshape(outputs.shape[:2]).T

    try:
        agree(net, "the graph", rows, sizes[0] or 64, sizes[1] or 12)
    except (DisagreementError, InvalidInputError):  # it may have the steps first
        agree(net, "the graph", columns, sizes[1] or 64, sizes[0] or 12)


def _by_steps(net: BinaryAdderRNN, run: Any, inputs: list[Any], X: NDArray[Any]) -> Any:
    bits, state = (each.name for each in inputs)
    h = np.zeros((len(X), net.settings.hidden_size), net.settings.dtype)
    outputs = []
    for t in range(X.shape[1]):
        found, *_, h = run(None, {bits: X[:, t], state: h})
        outputs.append(found)
    return np.stack(outputs, 1)
