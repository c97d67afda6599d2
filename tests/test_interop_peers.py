"""Round trips through the frameworks themselves; `bash .ci/wheels interop_peers` installs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import EVERY_PAIR

import binadd
from binadd import BinaryAdderRNN, DisagreementError, InvalidInputError, interop

os.environ.setdefault("KERAS_BACKEND", "torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # theirs
]
BITS = EVERY_PAIR.astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> dict[str, BinaryAdderRNN]:
    """One network of each activation, in float32, proved."""
    found = {}
    for activation in ("tanh", "sigmoid"):
        net = BinaryAdderRNN(activation=activation, dtype="float32")
        assert binadd.train(net).status == "proved"
        found[activation] = net
    return found


def torch_module(bias: bool = True, batch_first: bool = True) -> Any:
    torch = pytest.importorskip("torch")

    class Adder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.RNN(2, 16, batch_first=batch_first, bias=bias)
            self.linear = torch.nn.Linear(16, 1)

        def forward(self, x: Any, h: Any = None) -> Any:
            return self.linear(self.rnn(x, h)[0])[..., 0]

    return Adder()


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_torch_modules(dtype: str, bias: bool, batch_first: bool) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(bias, batch_first).to(getattr(torch, dtype))
    net = interop.from_torch(module)
    assert net.settings.dtype == ("float64" if dtype == "float64" else "float32")
    weights = module.rnn.weight_hh_l0.detach().to(torch.float64).numpy()
    np.testing.assert_array_equal(net.parameters["hidden_weights"], weights)


def test_torch_round_trip(trained: dict[str, BinaryAdderRNN], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for activation, net in trained.items():
        found = interop.to_torch(net, tmp_path / "net.pt")
        assert found.status == "proved"
        module = torch_module()
        module.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
        start = None if activation == "tanh" else -torch.ones(1, len(BITS), 16)
        with torch.no_grad():
            logits = module(torch.from_numpy(BITS), start).numpy()
        np.testing.assert_array_equal(logits > 0, net.predict(EVERY_PAIR))
        if activation == "tanh":
            again = interop.from_torch(module)
            assert again == net
            np.testing.assert_array_equal(again.predict(EVERY_PAIR), net.predict(EVERY_PAIR))
            assert interop.from_torch(tmp_path / "net.pt") == net


def test_torch_modules_that_do_more() -> None:
    torch = pytest.importorskip("torch")
    module = torch_module()
    forward = module.forward
    module.forward = lambda x: -forward(x)
    with pytest.raises(DisagreementError, match="the module computes probabilities"):
        interop.from_torch(module)
    relu = torch.nn.Sequential(torch.nn.RNN(2, 4, nonlinearity="relu"), torch.nn.Linear(4, 1))
    with pytest.raises(InvalidInputError, match="found relu"):
        interop.from_torch(relu)


@pytest.mark.parametrize("dynamo", [False, True])
def test_torch_exports(tmp_path: Path, dynamo: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    module = torch_module().eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(module, (torch.zeros(3, 6, 2),), path, dynamo=dynamo, verbose=False)
    assert interop.from_onnx(path) == interop.from_torch(module)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_keras_round_trip(
    trained: dict[str, BinaryAdderRNN], tmp_path: Path, activation: str
) -> None:
    keras = pytest.importorskip("keras")
    net = trained[activation]
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.SimpleRNN(16, activation=activation, return_sequences=True),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights(interop.keras_weights(net))
    assert interop.from_keras(model) == net
    model.save(tmp_path / "net.keras")
    assert interop.from_keras(tmp_path / "net.keras") == net
    model.save_weights(tmp_path / "net.weights.h5")
    assert interop.from_keras(tmp_path / "net.weights.h5", activation=activation) == net
    probabilities = np.asarray(model.predict(BITS, batch_size=8192, verbose=0))[..., 0]
    np.testing.assert_array_equal(probabilities > 0.5, net.predict(EVERY_PAIR))


def test_keras_exports(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("onnxscript")
    layers = [keras.layers.SimpleRNN(5, return_sequences=True), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((6, 2)), *layers])
    model(np.zeros((1, 6, 2)))
    model.export(tmp_path / "net.onnx", format="onnx", verbose=False)
    assert interop.from_onnx(tmp_path / "net.onnx") == interop.from_keras(model)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_flax_round_trip(trained: dict[str, BinaryAdderRNN], activation: str) -> None:
    linen = pytest.importorskip("flax.linen")
    jax = pytest.importorskip("jax")
    net = trained[activation]
    function = {"tanh": linen.tanh, "sigmoid": linen.sigmoid}[activation]

    class Adder(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            hidden = linen.RNN(linen.SimpleCell(16, activation_fn=function))(x)
            return linen.Dense(1)(hidden)[..., 0]

    module = Adder()
    fresh = module.init(jax.random.key(0), BITS[:1])
    assert interop.from_flax(fresh, activation=activation).settings.hidden_size == 16
    tree = {"params": interop.flax_tree(net)}
    assert jax.tree.map(np.shape, tree) == jax.tree.map(np.shape, fresh)
    assert interop.from_flax(tree, activation=activation) == net
    half = jax.tree.map(lambda array: jax.numpy.asarray(array, "bfloat16"), tree)
    assert interop.from_flax(half, activation=activation).settings.dtype == "float32"
    logits = np.asarray(module.apply(tree, BITS))
    np.testing.assert_array_equal(logits > 0, net.predict(EVERY_PAIR))


def test_nnx() -> None:
    nnx = pytest.importorskip("flax.nnx")

    class Adder(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.rnn = nnx.RNN(nnx.SimpleCell(2, 5, rngs=rngs))
            self.out = nnx.Linear(5, 1, rngs=rngs)

    module = Adder(nnx.Rngs(0))
    net = interop.from_flax(module)
    kernel = np.asarray(module.rnn.cell.dense_h.kernel[...])
    np.testing.assert_array_equal(net.parameters["hidden_weights"], kernel.T)
    assert interop.from_flax(nnx.state(module, nnx.Param)) == net


@pytest.mark.parametrize("options", [{}, {"uint8": True}, {"form": "scan", "dtype": "float64"}])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_runtimes(
    trained: dict[str, BinaryAdderRNN], runtime: str, activation: str, options: dict[str, Any]
) -> None:
    library = pytest.importorskip(runtime)
    net = trained[activation]
    data = interop.onnx_model(net, **options).SerializeToString()
    X = EVERY_PAIR if options.get("uint8") else EVERY_PAIR.astype(options.get("dtype", "float32"))
    if runtime == "onnxruntime":
        session = library.InferenceSession(data, providers=["CPUExecutionProvider"])
        (logits,) = session.run(["logits"], {"bits": X})
    else:
        core = library.Core()
        compiled = core.compile_model(core.read_model(data), "CPU")
        logits = compiled({"bits": X})["logits"]
    print(runtime, library.__version__, np.abs(logits - net.decision_function(X)).max())
    np.testing.assert_array_equal(logits > 0, net.predict(EVERY_PAIR))
