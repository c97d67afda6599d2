#!/bin/sh
# A masked recurrent layer of Keras returns other numbers on another backend, and with unroll=True.
#
# Expected: one model with one set of weights has the same outputs on every backend; unroll, which the
#   pages on the layers describe as faster and larger, does not change them.
# Happens: the outputs differ without a warning, with SimpleRNN, GRU and LSTM alike.
#   - Given an initial_state, the outputs before a row's first symbol are zeros on TensorFlow and
#     PyTorch. On JAX and NumPy they are that state, but zeros with unroll=True. The same holds for
#     the one output, without return_sequences, of a row that is all padding. The states agree.
#   - zero_output_for_mask=True has no effect with unroll=True on JAX and NumPy.
#   - Bidirectional sets zero_output_for_mask itself. Where rows are padded on the right and
#     unroll=True, its forward half is not zero at padding on JAX and NumPy, and its backward half
#     is zero at symbols on TensorFlow. PyTorch does raise here, an AttributeError.
# Versions: keras 3.15.1 on tensorflow-cpu 2.21.0, torch 2.13.0, jax 0.10.2 and NumPy 2.4.6;
#   CPython 3.11; CPU.
# Date: 2026-11-29.
# Why it matters: trained on one backend and run on another, or unrolled for an export, a model has
#   other numbers where rows are padded. Without unroll and with states of zeros all four agree;
#   with a state that is given, use only the outputs where the mask is true, and the last state.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 keras==3.15.1 tensorflow-cpu==2.21.0 torch==2.13.0 \
    jax==0.10.2 jaxlib==0.10.2
cat >"$work/show.py" <<'EOF'
import keras
import numpy as np

STEPS, INPUTS, HIDDEN = 4, 2, 3
LEFT, RIGHT, NONE = ([0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0])
KINDS = (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM)
rng = np.random.default_rng(0)
symbols = rng.standard_normal((1, STEPS, INPUTS)).astype(np.float32)
given = rng.standard_normal((1, HIDDEN)).astype(np.float32)


def outputs(layer, mask, initial=None):
    """Return what the layer makes of the sequence under a mask: outputs, then states if it returns them."""
    x, mask = keras.ops.convert_to_tensor(symbols), keras.ops.convert_to_tensor(np.array([mask], bool))
    found = layer(x, mask=mask, initial_state=initial)
    return [keras.ops.convert_to_numpy(batch)[0] for batch in keras.tree.flatten(found)]


def name(found):
    """Return what all of these numbers are."""
    known = {"zeros": 0, "given": given[0]}
    return next((title for title, value in known.items() if np.allclose(found, value, atol=1e-6)), "other")


def row(kind, unroll):
    """Return what one kind of layer returns in each of six places."""
    keras.utils.set_random_seed(0)
    initial = [keras.ops.convert_to_tensor(given)] * (2 if kind is keras.layers.LSTM else 1)
    last = kind(HIDDEN, unroll=unroll, return_state=True)
    every = kind(HIDDEN, unroll=unroll, return_sequences=True)
    zero = kind(HIDDEN, unroll=unroll, return_sequences=True, zero_output_for_mask=True)
    both = keras.layers.Bidirectional(kind(HIDDEN, unroll=unroll, return_sequences=True))
    (left,), (output, state, *_), (right,) = (
        outputs(every, LEFT, initial), outputs(last, NONE, initial), outputs(zero, RIGHT)
    )
    found = name(left[:2]), name(output), name(state), name(right[2:])
    try:
        (halves,) = outputs(both, RIGHT)
    except AttributeError:
        return (*found, "AttributeError")
    forward, backward = np.split(halves, 2, axis=1)
    return (*found, name(forward[2:]), name(backward[:2]))


for unroll in (False, True):
    (cells,) = {row(kind, unroll) for kind in KINDS}
    title = f"{keras.backend.backend()}, unroll" if unroll else keras.backend.backend()
    print("{:19} {:15} {:8} {:7} {:21} {}".format(title, *cells[:4], ", ".join(cells[4:])))
EOF
{
    echo "                    before the      no symbol:       zero_output_for_mask, Bidirectional: forward at"
    echo "                    first symbol    output   state   at padding            padding, backward at symbols"
    for backend in tensorflow torch jax numpy; do
        CUDA_VISIBLE_DEVICES="" JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=$backend \
            "$work/venv/bin/python" "$work/show.py"
    done
} | tee "$work/seen"
cat >"$work/stated" <<'EOF'
                    before the      no symbol:       zero_output_for_mask, Bidirectional: forward at
                    first symbol    output   state   at padding            padding, backward at symbols
tensorflow          zeros           zeros    given   zeros                 zeros, other
tensorflow, unroll  zeros           zeros    given   zeros                 zeros, zeros
torch               zeros           zeros    given   zeros                 zeros, other
torch, unroll       zeros           zeros    given   zeros                 AttributeError
jax                 given           given    given   zeros                 zeros, other
jax, unroll         zeros           zeros    given   other                 other, other
numpy               given           given    given   zeros                 zeros, other
numpy, unroll       zeros           zeros    given   other                 other, other
EOF
if cmp -s "$work/seen" "$work/stated"; then echo "as stated"; else echo "CHANGED"; exit 1; fi
