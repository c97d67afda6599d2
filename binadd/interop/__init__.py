"""Networks from other programs, and networks for them.

Imports take over the weights of an Elman network, and compare with what it was before they return.
Functions that write a file round the weights as the file will hold them, prove or refute the
network with these, and write none that is refuted, unless forced. Those that return weights, a
model or a text only round them: `promise` proves. docs/interop.md shows which array goes where,
and what each consumer is known to get wrong.

PyTorch, Keras, Flax, h5py, onnx and safetensors are each imported where they are needed only:
`pip install 'binadd[interop]'` brings onnx, safetensors and h5py.
"""

from binadd.interop.c_export import c_source, to_c
from binadd.interop.flax import flax_tree, from_flax
from binadd.interop.keras import from_keras, keras_weights
from binadd.interop.onnx_export import onnx_model, to_onnx
from binadd.interop.onnx_import import from_onnx
from binadd.interop.promise import Promise, promise
from binadd.interop.pytorch import from_torch, to_torch, torch_state_dict
from binadd.interop.safetensors import from_safetensors, to_safetensors
from binadd.interop.tutorial import from_numpy

__all__ = [
    "from_flax",
    "from_keras",
    "from_numpy",
    "from_onnx",
    "from_safetensors",
    "from_torch",
    "to_c",
    "to_onnx",
    "to_safetensors",
    "to_torch",
    "c_source",
    "flax_tree",
    "keras_weights",
    "onnx_model",
    "torch_state_dict",
    "Promise",
    "promise",
]
