"""One self-contained C file: the network for a microcontroller, with binadd's own bits.

The operations and their order are those of binadd/kernels/arithmetic.py, for one network and one
step at a time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from binadd.errors import InvalidInputError
from binadd.files import write_atomically
from binadd.interop.promise import Demands, Promise, promise
from binadd.interop.rounding import rounded_parameters
from binadd.kernels.arithmetic import CONSTANTS
from binadd.kernels.contract import lanes
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN

__all__ = ["c_source", "to_c"]


def to_c(
    net: BinaryAdderRNN,
    path: str | os.PathLike[str],
    *,
    name: str = "adder",
    dtype: str | None = None,
    **demands: Unpack[Demands],
) -> Promise:
    """Write the network as one C99 file, atomically, if it is not refuted.

    Every bit that the file computes is that of the returned network, so a proof holds for it.

    Parameters
    ----------
    net, name, dtype
        See `c_source`.
    path : path
    step_error, tolerance, effort, force : optional
        See `promise`; the default is binadd's own arithmetic.

    Returns
    -------
    Promise
        The network as written, and the verdict on it, which the file's first lines repeat.

    Raises
    ------
    ExportError
        If the network is refuted, unless forced; nothing has been written then, nor below.
    InvalidTypeError, InvalidInputError
        As `c_source`.
    OSError
        If the file cannot be written.
    """
    demands.setdefault("step_error", 0.0)
    found = promise(net, dtype, **demands)
    source = c_source(found.network, name=name)
    about = [found.sentence, f"weights: {found.digest}"]
    write_atomically(path, ("".join(f"/* {line} */\n" for line in about) + source).encode())
    return found


@ieee_mode()
def c_source(net: BinaryAdderRNN, *, name: str = "adder", dtype: str | None = None) -> str:
    """Return the network as the text of a C99 file, whatever it computes.

    It allocates nothing and includes but <stdint.h>, <string.h>. Its functions::

        void  NAME_start(NAME_state *state)                          before the lowest bits
        int   NAME_step(NAME_state *state, unsigned symbol)          the result's next bit
        real  NAME_step_logit(NAME_state *state, unsigned symbol)    1 where this is above 0
        void  NAME_add(const uint8_t *const operands[], size_t bytes,
                       uint8_t *sum, size_t sum_bytes)

    Bit i of a symbol is the next bit of operand i, the lowest first. `NAME_add` takes whole
    numbers of `bytes` bytes, the lowest byte first, and computes their sum, or another form with
    negative values in two's complement; what does not fit in `sum_bytes` is dropped. A state is a
    plain struct: copy it to go on twice, have many for many streams.

    Parameters
    ----------
    net : BinaryAdderRNN
    name : str, default "adder"
        The prefix of all names in the file.
    dtype : {"float32", "float64"}, optional
        By default the network's own.

    Returns
    -------
    str
        To be compiled for IEEE arithmetic without -ffast-math.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, `name` is no C identifier, or a weight is not finite in `dtype`.

    Examples
    --------
    >>> "int adder_step(" in c_source(BinaryAdderRNN(4), dtype="float32")
    True
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise InvalidInputError(f"name must be a C identifier, not {name!r}")
    parameters = rounded_parameters(net, dtype)
    kind = parameters["input_weights"].dtype
    constants = CONSTANTS[kind]
    hidden, operands = parameters["input_weights"].shape
    values = {
        "NAME": name,
        "HIDDEN": hidden,
        "OPERANDS": operands,
        "VERB": net.settings.form.verb,
        "NUMBERS": "number" if operands == 1 else "numbers",
        "SIGN": _SIGN if net.settings.form.lowest < 0 else "",
        "LANES": lanes(kind.name),
        "REAL": "float" if kind == np.float32 else "double",
        "BITS": 8 * kind.itemsize,
        "MANTISSA_BITS": constants.mantissa_bits,
        "LIMIT": _literal(constants.limit),
        "LOG2_E": _literal(constants.log2_e),
        "MAGIC": _literal(constants.magic),
        "LN2_HIGH": _literal(constants.ln2_high),
        "LN2_LOW": _literal(constants.ln2_low),
        "ZERO": _literal(kind.type(0)),
        "ONE": _literal(kind.type(1)),
        "TWO": _literal(kind.type(2)),
        "POLYNOMIAL": _row(constants.exp),
        "TAIL": _TAILS[kind.name],
        "INPUT": _rows(parameters["input_weights"].T),
        "RECURRENT": _rows(parameters["hidden_weights"]),
        "HIDDEN_BIAS": _row(parameters["hidden_bias"]),
        "OUTPUT": _row(parameters["output_weights"]),
        "OUTPUT_BIAS": _literal(parameters["output_bias"][()]),
        "ACTIVATION": net.settings.activation,
        "FUNCTION": _FUNCTIONS[net.settings.activation],
    }
    text = _FILE
    for key in ("TAIL", "FUNCTION"):  # in which there are others
        text = text.replace(f"@{key}@", str(values[key]))
    return re.sub(r"@(\w+)@", lambda match: str(values[match[1]]), text)


def _literal(value: Any) -> str:
    """Return a number as C's exact hexadecimal literal.

    >>> _literal(np.float32(0.75)), _literal(np.float64(0.1))
    ('0x1.8p-1f', '0x1.999999999999ap-4')
    """
    mantissa, exponent = float(value).hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}{'f' if value.dtype == np.float32 else ''}"


def _row(values: Iterable[Any]) -> str:
    return "{" + ", ".join(map(_literal, values)) + "}"


def _rows(matrix: NDArray[Any]) -> str:
    return "{\n" + "".join(f"    {_row(row)},\n" for row in matrix) + "}"


_TAILS = {
    "float32": """\
    const real p0 = c[0] + c[1] * r, p1 = c[2] + c[3] * r;
    return r + r2 * (p0 + (p1 + c[4] * r2) * r2);
""",
    "float64": """\
    const real r4 = r2 * r2;
    const real p0 = c[0] + c[1] * r, p1 = c[2] + c[3] * r, p2 = c[4] + c[5] * r;
    const real p3 = c[6] + c[7] * r, p4 = c[8] + c[9] * r;
    return r + r2 * ((p0 + p1 * r2) + ((p2 + p3 * r2) + p4 * r4) * r4);
""",
}

_FUNCTIONS = {
    "sigmoid": """\
/* 1/(1 + e^-a) */
static real activation(real a)
{
    real s, q;
    if (a < -LIMIT)
        return @ZERO@;
    q = exp_less_one(LIMIT < a ? LIMIT : a, &s);
    return @ONE@ / ((@ONE@ + s) + s * q);
}
""",
    "tanh": """\
/* (1 - e^-2|a|)/(1 + e^-2|a|), with a's sign */
static real activation(real a)
{
    const real x = @TWO@ * (a < @ZERO@ ? -a : a);
    real s, q, sq, t;
    q = exp_less_one(LIMIT < x ? LIMIT : x, &s);
    sq = s * q;
    t = ((@ONE@ - s) - sq) / ((@ONE@ + s) + sq);
    return a < @ZERO@ ? -t : t;
}
""",
}

_SIGN = """\
 *
 * The result is in two's complement: of a negative one, all further bits are 1.
"""

_FILE = """\
/* An Elman network that @VERB@ @OPERANDS@ binary @NUMBERS@: @HIDDEN@ @ACTIVATION@ units in @REAL@.
 *
 * @NAME@_start, then for each step, the lowest bits first, @NAME@_step with a symbol, whose bit
 * i is the next bit of operand i: it returns the next bit of the result. Steps with symbol 0 at
 * the end return its highest bits. @NAME@_add does this for whole numbers in bytes, the lowest
 * byte first. Nothing is allocated; a state may be copied, and each stream has its own.
@SIGN@ *
 * Written by binadd, whose bits it computes: C99, IEEE arithmetic, no -ffast-math. Declare what is
 * used elsewhere, or include this file.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma float_control(precise, on) /* against parts of -ffast-math, of which no macro tells */
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "its bits are proved for IEEE arithmetic, without -ffast-math"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "excess precision changes the bits: -msse2 -mfpmath=sse avoids it"
#endif

enum { OPERANDS = @OPERANDS@, HIDDEN = @HIDDEN@, ACCUMULATORS = @LANES@ };

typedef @REAL@ real;

typedef struct {
    real h[HIDDEN];
} @NAME@_state;

static const real input_weights[OPERANDS][HIDDEN] = @INPUT@;
static const real hidden_weights[HIDDEN][HIDDEN] = @RECURRENT@;
static const real hidden_bias[HIDDEN] = @HIDDEN_BIAS@;
static const real output_weights[HIDDEN] = @OUTPUT@;
static const real output_bias = @OUTPUT_BIAS@;

#define LIMIT @LIMIT@

/* e^-x = s * (1 + q): s = 2^n, q is returned; |x| <= LIMIT */
static real exp_less_one(real x, real *s)
{
    static const real c[] = @POLYNOMIAL@;
    const real shifted = x * -@LOG2_E@ + @MAGIC@;
    const real n = shifted - @MAGIC@;
    const real r = (n * -@LN2_HIGH@ - x) - n * @LN2_LOW@;
    const real r2 = r * r;
    uint@BITS@_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= @MANTISSA_BITS@;
    memcpy(s, &bits, sizeof bits);
@TAIL@}

@FUNCTION@
/* The sum of w[i] * h[i] in binadd's order: by turns to accumulators, these then halved. */
static real dot(const real *w, const real *h)
{
    real sums[ACCUMULATORS];
    int i, half;
    for (i = 0; i < ACCUMULATORS; i++)
        sums[i] = i < HIDDEN ? w[i] * h[i] : @ZERO@;
    for (; i < HIDDEN; i++)
        sums[i % ACCUMULATORS] += w[i] * h[i];
    for (half = ACCUMULATORS / 2; half >= 1; half /= 2)
        for (i = 0; i < half; i++)
            sums[i] += sums[i + half];
    return sums[0];
}

void @NAME@_start(@NAME@_state *state)
{
    int j;
    for (j = 0; j < HIDDEN; j++)
        state->h[j] = @ZERO@;
}

real @NAME@_step_logit(@NAME@_state *state, unsigned symbol)
{
    real next[HIDDEN];
    int i, j;
    for (j = 0; j < HIDDEN; j++) {
        real a = hidden_bias[j];
        for (i = 0; i < OPERANDS; i++)
            if (symbol >> i & 1)
                a += input_weights[i][j];
        next[j] = activation(dot(hidden_weights[j], state->h) + a);
    }
    memcpy(state->h, next, sizeof next);
    return dot(output_weights, state->h) + output_bias;
}

int @NAME@_step(@NAME@_state *state, unsigned symbol)
{
    return @NAME@_step_logit(state, symbol) > @ZERO@;
}

void @NAME@_add(const uint8_t *const operands[OPERANDS], size_t bytes, uint8_t *sum,
                size_t sum_bytes)
{
    @NAME@_state state;
    size_t byte;
    int bit, i;
    @NAME@_start(&state);
    for (byte = 0; byte < sum_bytes; byte++) {
        unsigned found = 0;
        for (bit = 0; bit < 8; bit++) {
            unsigned symbol = 0;
            for (i = 0; i < OPERANDS && byte < bytes; i++)
                symbol |= (operands[i][byte] >> bit & 1u) << i;
            found |= (unsigned)@NAME@_step(&state, symbol) << bit;
        }
        sum[byte] = (uint8_t)found;
    }
}
"""
