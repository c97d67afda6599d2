#!/bin/sh
# Keras with stateful=True on JAX: predict, evaluate and fit begin each batch in the same state.
#
# Expected: with stateful=True the last states of a batch are the first of the next. So say the pages on
#   the layers, with no word of a backend.
# Happens: a sequence, cut in three and given to predict or predict_on_batch piece by piece, ends
#   as if the last piece were all of it, with SimpleRNN, GRU and LSTM. After fit and evaluate the
#   state is zero. Whatever state a direct call, model(x), leaves before the first predict becomes
#   part of the compiled function: predictions begin there, also after reset_state(). Nothing warns.
#   model(x) itself keeps the state, as all of them do on the NumPy backend.
# Versions: keras 3.15.1, jax 0.10.2, NumPy 2.4.6; CPython 3.11; CPU. TensorFlow 2.21.0 and
#   PyTorch 2.13.0, tried by hand, keep the state, too.
# Date: 2026-11-29.
# Why it matters: a network that reads a stream piece by piece forgets all but the last piece once the
#   backend is another, and one that is trained so learns from pieces that begin in zeros. Take the
#   state out with return_state=True and give it back as initial_state.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2 keras==3.15.1
cat >"$work/show.py" <<'EOF'
import keras
import numpy as np

PIECES, STEPS, INPUTS, HIDDEN = 3, 2, 2, 3
sequence = np.random.default_rng(0).standard_normal((1, PIECES * STEPS, INPUTS)).astype(np.float32)
pieces = np.split(sequence, PIECES, axis=1)


def build(kind, stateful, steps):
    """Return a model of one layer; its weights are always the same."""
    keras.utils.set_random_seed(0)
    read = keras.Input(batch_shape=(1, steps, INPUTS))
    return keras.Sequential([read, kind(HIDDEN, stateful=stateful)])


def call(model, x):
    return keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x)))


def predict(model, x):
    return model.predict(x, verbose=0)


def predict_on_batch(model, x):
    return model.predict_on_batch(x)


def same(a, b):
    return bool(np.allclose(a, b, atol=1e-6))


print(keras.backend.backend())
for kind in (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM):
    known = {
        "the whole sequence": call(build(kind, False, PIECES * STEPS), sequence),
        "its last piece": call(build(kind, False, STEPS), pieces[-1]),
    }
    for way in (call, predict, predict_on_batch):
        model = build(kind, True, STEPS)
        *_, last = (way(model, piece) for piece in pieces)
        (read,) = (name for name, output in known.items() if same(last, output))
        print(f"  {kind.__name__:9} {way.__name__:16} has read {read}")

model = build(keras.layers.SimpleRNN, True, STEPS)
call(model, pieces[0])
first, second = predict(model, pieces[1]), predict(model, pieces[1])
model.layers[0].reset_state()
third = predict(model, pieces[1])
print(f"  outputs as in the first predict: in the second {same(first, second)}, after reset {same(first, third)}")

if keras.backend.backend() == "jax":
    model = build(keras.layers.SimpleRNN, True, STEPS)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    for way in (model.fit, model.evaluate):
        way(pieces[0], np.ones((1, HIDDEN)), batch_size=1, verbose=0)
        print(f"  after {way.__name__} the state is zero: {not np.any(model.layers[0].states[0])}")
EOF
for backend in numpy jax; do
    KERAS_BACKEND=$backend JAX_PLATFORMS=cpu "$work/venv/bin/python" "$work/show.py"
done | tee "$work/seen"
cat >"$work/stated" <<'EOF'
numpy
  SimpleRNN call             has read the whole sequence
  SimpleRNN predict          has read the whole sequence
  SimpleRNN predict_on_batch has read the whole sequence
  GRU       call             has read the whole sequence
  GRU       predict          has read the whole sequence
  GRU       predict_on_batch has read the whole sequence
  LSTM      call             has read the whole sequence
  LSTM      predict          has read the whole sequence
  LSTM      predict_on_batch has read the whole sequence
  outputs as in the first predict: in the second False, after reset False
jax
  SimpleRNN call             has read the whole sequence
  SimpleRNN predict          has read its last piece
  SimpleRNN predict_on_batch has read its last piece
  GRU       call             has read the whole sequence
  GRU       predict          has read its last piece
  GRU       predict_on_batch has read its last piece
  LSTM      call             has read the whole sequence
  LSTM      predict          has read its last piece
  LSTM      predict_on_batch has read its last piece
  outputs as in the first predict: in the second True, after reset True
  after fit the state is zero: True
  after evaluate the state is zero: True
EOF
if cmp -s "$work/seen" "$work/stated"; then echo "as stated"; else echo "CHANGED"; exit 1; fi
