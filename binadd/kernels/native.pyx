# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True, binding=False, auto_pickle=False
"""The kernels in C: csrc/binadd.h behind the bare memory of arrays.

Every function checks its `arguments`, hands C the addresses, lets go of the GIL, and cuts long
work into slices of well under 0.2 s, so that Ctrl-C is heard between two of them. Typed
memoryviews would check again, take longer than a short question, and be most of the compiled code.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint8_t, uint64_t

from binadd.kernels cimport cbinadd as c

import numpy as np

from binadd.errors import BackendError, InvalidInputError
from binadd.kernels import arguments, contract
from binadd.kernels.contract import Forward

ctypedef fused real:
    double
    float

NAME = "native"
VERSION = (<bytes> c.BINADD_VERSION).decode()

cdef dict ERRORS = {
    c.BINADD_BAD_NETWORK: InvalidInputError,
    c.BINADD_BAD_ARGUMENT: InvalidInputError,
    c.BINADD_BAD_SYMBOL: InvalidInputError,
    c.BINADD_SMALL_WORKSPACE: MemoryError,
    c.BINADD_UNKNOWN_ISA: BackendError,
    c.BINADD_MISSING_ISA: BackendError,
}

FLOAT64 = np.dtype(np.float64)
FLOAT32 = np.dtype(np.float32)
BYTE = np.dtype(np.uint8)

cdef dict RULES = {
    "sgd": c.BINADD_SGD,
    "momentum": c.BINADD_MOMENTUM,
    "nesterov": c.BINADD_NESTEROV,
    "adam": c.BINADD_ADAM,
}

cdef dict LOSSES = {
    "squared_error": c.BINADD_SQUARED_ERROR,
    "cross_entropy": c.BINADD_CROSS_ENTROPY,
}

# Multiplications of a slice: about 20 ms at the slowest instruction set.
cdef enum:
    SLICE_WORK = 20000000


cdef int check(c.binadd_status status) except -1:
    """Turn a status into the exception of the table."""
    if status != c.BINADD_OK:
        raise ERRORS[status]((<bytes> c.binadd_message(status)).decode())
    return 0


cdef class Workspace:
    """Memory that lives as long as a call."""

    cdef void *memory
    cdef size_t size

    def __dealloc__(self):
        PyMem_Free(self.memory)


cdef Workspace workspace_of(size_t size):
    cdef Workspace workspace = Workspace.__new__(Workspace)
    workspace.size = size
    workspace.memory = PyMem_Malloc(size)
    if workspace.memory == NULL:
        raise MemoryError(f"a workspace of {size} bytes is not to be had")
    return workspace


cdef class Arrays:
    """The arrays of a call, which keep their memory where it is until the call ends."""

    cdef Py_buffer buffers[10]
    cdef int count

    def __dealloc__(self):
        for i in range(self.count):
            PyBuffer_Release(&self.buffers[i])


cdef Py_buffer *buffer_of(Arrays arrays, array, int flags) except NULL:
    """Raise ValueError, TypeError or BufferError unless it is C-contiguous and as asked for."""
    cdef Py_buffer *buffer = &arrays.buffers[arrays.count]
    PyObject_GetBuffer(array, buffer, flags)
    arrays.count += 1
    return buffer


cdef void *read(Arrays arrays, array) except? NULL:
    """The array's memory; NULL for None."""
    return NULL if array is None else buffer_of(arrays, array, PyBUF_SIMPLE).buf


cdef void *write(Arrays arrays, array) except? NULL:
    """The array's memory, which may be written to; NULL for None."""
    return NULL if array is None else buffer_of(arrays, array, PyBUF_WRITABLE).buf


cdef Py_buffer *matrix(Arrays arrays, array, char kind) except NULL:
    """The buffer of a matrix that nobody has checked: raise ValueError also for another kind."""
    cdef Py_buffer *buffer = buffer_of(arrays, array, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    cdef const char *found = buffer.format
    if found[0] == c"=":  # not aligned, which is no matter
        found += 1
    if buffer.ndim != 2 or found[0] != kind or found[1] != 0:
        raise ValueError
    return buffer


cdef c.binadd_network network_of(architecture) except *:
    return c.binadd_network(
        hidden_size=architecture.hidden_size,
        operands=architecture.operands,
        biases=architecture.biases,
        activation=c.BINADD_TANH if architecture.activation == "tanh" else c.BINADD_SIGMOID,
        dtype=c.BINADD_FLOAT64 if architecture.dtype == "float64" else c.BINADD_FLOAT32,
    )


cdef c.binadd_optimizer optimizer_of(optimizer) except *:
    return c.binadd_optimizer(
        rule=RULES[optimizer.rule],
        learning_rate=optimizer.learning_rate,
        momentum=optimizer.momentum,
        beta1=optimizer.beta1,
        beta2=optimizer.beta2,
        epsilon=optimizer.epsilon,
        clip_norm=optimizer.clip_norm,
    )


cdef size_t real_size_of(const c.binadd_network *network) noexcept:
    return sizeof(double) if network.dtype == c.BINADD_FLOAT64 else sizeof(float)


cdef size_t slice_of(const c.binadd_network *network) noexcept:
    """Steps of one sequence that make a slice of work."""
    return <size_t> SLICE_WORK // <size_t> (network.hidden_size * (network.hidden_size + 24))


cdef size_t slice_sequences(const c.binadd_network *network, size_t steps) noexcept:
    """Sequences that make a slice, a multiple of 16: lanes are never left half full."""
    return max(slice_of(network) // steps // 16, <size_t> 1) * 16


# ---------------------------------------------------------------------------------------------
# Forward
# ---------------------------------------------------------------------------------------------


def forward(architecture, block, symbols, initial_state=None, *, bint hidden=False):
    """See `contract.Kernels.forward`."""
    arguments.check_forward(architecture, block, symbols, initial_state)
    cdef c.binadd_network network = network_of(architecture)
    cdef size_t count = symbols.shape[0], steps = symbols.shape[1], size = network.hidden_size
    cdef Arrays arrays = Arrays.__new__(Arrays)
    dtype = architecture.dtype
    result = Forward(
        np.empty((count, steps), dtype),
        np.empty((count, steps), dtype),
        np.empty((count, steps, size), dtype) if hidden else None,
        np.empty((count, size), dtype),
    )
    cdef c.binadd_run run = c.binadd_run(
        block=read(arrays, block),
        symbols=<const uint8_t *> read(arrays, symbols),
        sequences=count,
        steps=steps,
        initial_state=read(arrays, initial_state),
        logits=write(arrays, result.logits),
        probabilities=write(arrays, result.probabilities),
        hidden=write(arrays, result.hidden),
        final_state=write(arrays, result.final_state),
    )
    if count == 1:
        _forward_stream(&network, &run)
    else:
        _forward_many(&network, &run)
    return result


cdef enum Answer:
    LOGITS
    PROBABILITIES
    BITS


def logits(architecture, block, symbols):
    """See `contract.Kernels.logits`."""
    return answer(architecture, block, symbols, LOGITS)


def probabilities(architecture, block, symbols):
    """See `contract.Kernels.probabilities`."""
    return answer(architecture, block, symbols, PROBABILITIES)


def bits(architecture, block, symbols):
    """See `contract.Kernels.bits`."""
    return answer(architecture, block, symbols, BITS)


cdef answer(architecture, block, symbols, Answer wanted):
    """Run from 0: nothing is checked twice, or made that is not returned."""
    cdef c.binadd_network network = network_of(architecture)
    try:
        return _answer(&network, block, symbols, wanted)
    except (ValueError, TypeError, BufferError):
        arguments.check_forward(architecture, block, symbols, None)  # says which it was
        raise


cdef _answer(const c.binadd_network *network, block, symbols, Answer wanted):
    cdef bint is_double = network.dtype == c.BINADD_FLOAT64
    cdef char real_kind = c"d" if is_double else c"f"
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef Py_buffer *weights = matrix(arrays, block, real_kind)
    cdef Py_buffer *questions = matrix(arrays, symbols, c"B")
    cdef size_t count = questions.shape[0], steps = questions.shape[1]
    cdef size_t real_size = real_size_of(network)
    if (
        <size_t> weights.shape[0] != c.binadd_block_rows(network)
        or <size_t> weights.shape[1] != c.binadd_block_columns(network)
        or not count * steps
    ):
        raise ValueError
    dtype = BYTE if wanted == BITS else FLOAT64 if is_double else FLOAT32
    answers = np.empty((count, steps), dtype)
    cdef void *results = write(arrays, answers)
    cdef c.binadd_run run = c.binadd_run(
        block=weights.buf,
        symbols=<const uint8_t *> questions.buf,
        sequences=count,
        steps=steps,
        initial_state=NULL,
        logits=NULL,
        probabilities=NULL,
        hidden=NULL,
        final_state=NULL,
    )
    cdef Workspace logits, state
    if wanted == BITS:
        logits = workspace_of(count * steps * real_size)
        run.logits = logits.memory
    elif wanted == LOGITS:
        run.logits = results
    else:
        run.probabilities = results
    if count == 1:
        state = workspace_of(network.hidden_size * real_size)
        run.final_state = state.memory
        _forward_stream(network, &run)
    else:
        _forward_many(network, &run)
    if wanted == BITS:
        with nogil:
            if is_double:
                signs_of(<const double *> logits.memory, count * steps, results)
            else:
                signs_of(<const float *> logits.memory, count * steps, results)
    return answers


cdef void signs_of(const real *logits, size_t count, void *bits) noexcept nogil:
    cdef size_t i
    for i in range(count):
        (<uint8_t *> bits)[i] = logits[i] > 0


cdef int _forward_stream(const c.binadd_network *network, c.binadd_run *run) except -1:
    """One sequence, so many steps at a time; each slice goes on from the state of the last."""
    cdef size_t steps = run.steps, most = slice_of(network), start = 0
    cdef size_t size = network.hidden_size, real_size = real_size_of(network)
    cdef Workspace workspace = workspace_of(c.binadd_forward_workspace(network))
    cdef c.binadd_status status
    while start < steps:
        run.steps = min(most, steps - start)
        with nogil:
            status = c.binadd_forward(network, run, workspace.memory, workspace.size)
        check(status)
        start += run.steps
        run.initial_state = run.final_state
        run.symbols += run.steps
        if run.logits != NULL:
            run.logits = <char *> run.logits + run.steps * real_size
        if run.probabilities != NULL:
            run.probabilities = <char *> run.probabilities + run.steps * real_size
        if run.hidden != NULL:
            run.hidden = <char *> run.hidden + run.steps * size * real_size
        if start < steps:
            PyErr_CheckSignals()
    return 0


cdef int _forward_many(const c.binadd_network *network, c.binadd_run *run) except -1:
    """Many sequences, so many at a time."""
    cdef size_t count = run.sequences, most = slice_sequences(network, run.steps), start = 0
    cdef size_t size = network.hidden_size, real_size = real_size_of(network), steps = run.steps
    cdef Workspace workspace = workspace_of(c.binadd_forward_workspace(network))
    cdef c.binadd_status status
    while start < count:
        run.sequences = min(most, count - start)
        with nogil:
            status = c.binadd_forward(network, run, workspace.memory, workspace.size)
        check(status)
        start += run.sequences
        run.symbols += run.sequences * steps
        if run.logits != NULL:
            run.logits = <char *> run.logits + run.sequences * steps * real_size
        if run.probabilities != NULL:
            run.probabilities = <char *> run.probabilities + run.sequences * steps * real_size
        if run.hidden != NULL:
            run.hidden = <char *> run.hidden + run.sequences * steps * size * real_size
        if run.initial_state != NULL:
            run.initial_state = <char *> run.initial_state + run.sequences * size * real_size
        if run.final_state != NULL:
            run.final_state = <char *> run.final_state + run.sequences * size * real_size
        if start < count:
            PyErr_CheckSignals()
    return 0


# ---------------------------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------------------------


cdef int _train_slices(
    const c.binadd_network *network,
    c.binadd_loss loss,
    const c.binadd_optimizer *optimizer,
    c.binadd_training *data,
) except -1:
    """All batches; a slice ends where a batch does, or a multiple of 16 sequences into a long one.

    What a long batch has gathered waits in the workspace: the weights change only between batches.
    """
    cdef size_t most = slice_sequences(network, data.steps), position
    cdef Workspace workspace = workspace_of(c.binadd_training_workspace(network, data.steps))
    cdef c.binadd_status status
    data.first = 0
    while data.first < data.sequences:
        position = data.first % data.batch_size
        if data.batch_size > most:
            data.count = min(most, data.batch_size - position)
        else:
            data.count = min(most // data.batch_size * data.batch_size,
                             data.sequences - data.first)
        with nogil:
            status = c.binadd_train(network, loss, optimizer, data,
                                    workspace.memory, workspace.size)
        check(status)
        data.first += data.count
        if data.first < data.sequences:
            PyErr_CheckSignals()
    return 0


def loss_and_gradients(architecture, block, symbols, targets, loss):
    """See `contract.Kernels.loss_and_gradients`."""
    arguments.check_gradients(architecture, block, symbols, targets, loss)
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer optimizer = optimizer_of(contract.Optimizer())
    cdef Arrays arrays = Arrays.__new__(Arrays)
    optimizer.rule = c.BINADD_NO_UPDATE
    optimizer.clip_norm = float("inf")
    shape, dtype = architecture.block_shape, architecture.dtype
    gradient, losses = np.empty(shape, dtype), np.zeros(1, dtype)
    cdef c.binadd_training data = c.binadd_training(
        block=write(arrays, np.array(block)),
        moments=write(arrays, np.zeros((2, *shape), dtype)),
        powers=write(arrays, np.ones(2, dtype)),
        gradient=write(arrays, gradient),
        symbols=<const uint8_t *> read(arrays, symbols),
        targets=<const uint8_t *> read(arrays, targets),
        sequences=symbols.shape[0],
        steps=symbols.shape[1],
        batch_size=symbols.shape[0],
        first=0,
        count=0,
        losses=write(arrays, losses),
        wrong_bits=NULL,
    )
    _train_slices(&network, LOSSES[loss], &optimizer, &data)
    return float(losses[0]), gradient


def train(
    architecture, block, moments, powers, symbols, targets,
    *, loss, optimizer, Py_ssize_t batch_size, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train`."""
    arguments.check_training(
        architecture, block, moments, powers, symbols, targets, loss, optimizer, batch_size,
        losses, wrong_bits,
    )
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef c.binadd_training data = c.binadd_training(
        block=write(arrays, block),
        moments=write(arrays, moments),
        powers=write(arrays, powers),
        gradient=NULL,
        symbols=<const uint8_t *> read(arrays, symbols),
        targets=<const uint8_t *> read(arrays, targets),
        sequences=symbols.shape[0],
        steps=symbols.shape[1],
        batch_size=batch_size,
        first=0,
        count=0,
        losses=write(arrays, losses),
        wrong_bits=<int64_t *> write(arrays, wrong_bits),
    )
    _train_slices(&network, LOSSES[loss], &rule, &data)


def train_population(
    architecture, blocks, moments, powers, symbols, targets,
    *, loss, optimizer, learning_rates, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train_population`."""
    arguments.check_population(
        architecture, blocks, moments, powers, symbols, targets, loss, optimizer, learning_rates,
        losses, wrong_bits,
    )
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef c.binadd_loss loss_code = LOSSES[loss]
    cdef size_t steps = symbols.shape[2]
    cdef size_t networks = symbols.shape[0]
    cdef size_t most = max(slice_sequences(&network, steps) // networks, <size_t> 1)
    cdef Workspace workspace = workspace_of(c.binadd_training_workspace(&network, steps))
    cdef c.binadd_status status
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef c.binadd_population data = c.binadd_population(
        blocks=write(arrays, blocks),
        moments=write(arrays, moments),
        powers=write(arrays, powers),
        learning_rates=read(arrays, learning_rates),
        symbols=<const uint8_t *> read(arrays, symbols),
        targets=<const uint8_t *> read(arrays, targets),
        networks=networks,
        sequences=symbols.shape[1],
        steps=steps,
        first=0,
        count=0,
        losses=write(arrays, losses),
        wrong_bits=<int64_t *> write(arrays, wrong_bits),
    )
    while data.first < data.sequences:
        data.count = min(most, data.sequences - data.first)
        with nogil:
            status = c.binadd_train_population(&network, loss_code, &rule, &data,
                                               workspace.memory, workspace.size)
        check(status)
        data.first += data.count
        if data.first < data.sequences:
            PyErr_CheckSignals()
    return 0


# ---------------------------------------------------------------------------------------------
# Checking
# ---------------------------------------------------------------------------------------------


def first_error(architecture, block, int bits):
    """See `contract.Kernels.first_error`."""
    arguments.check_exhaustive(architecture, block, bits)
    cdef c.binadd_network network = network_of(architecture)
    cdef Workspace workspace = workspace_of(c.binadd_first_error_workspace(&network, bits))
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef const void *memory = read(arrays, block)
    cdef int step = -1
    cdef uint64_t word = 0
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_first_error(&network, memory, bits, &step, &word,
                                      workspace.memory, workspace.size)
    check(status)
    return None if step < 0 else (step, contract.spell(word, architecture.operands, bits, step))


# ---------------------------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------------------------


def unpack_words(words, int operands, Py_ssize_t length):
    """See `contract.Kernels.unpack_words`."""
    arguments.check_words(words, operands, length)
    symbols = np.empty((len(words), length), BYTE)
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef const uint64_t *source = <const uint64_t *> read(arrays, words)
    cdef uint8_t *spelt = <uint8_t *> write(arrays, symbols)
    cdef size_t count = words.shape[0], words_each = words.shape[1]
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_unpack_words(source, count, words_each, operands, length, spelt)
    check(status)
    return symbols


def exact_sums(symbols, int operands):
    """See `contract.Kernels.exact_sums`."""
    arguments.check_symbols(symbols, operands)
    sums = np.empty_like(symbols)
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef const uint8_t *source = <const uint8_t *> read(arrays, symbols)
    cdef uint8_t *bits = <uint8_t *> write(arrays, sums)
    cdef size_t count = symbols.shape[0], steps = symbols.shape[1]
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_exact_sums(source, count, steps, operands, bits)
    check(status)
    return sums


def activation(values, name):
    """See `contract.Kernels.activation`."""
    arguments.check_activation(values, name)
    cdef bint is_double = values.dtype.name == "float64", is_tanh = name == "tanh"
    cdef c.binadd_dtype dtype = c.BINADD_FLOAT64 if is_double else c.BINADD_FLOAT32
    cdef c.binadd_activation code = c.BINADD_TANH if is_tanh else c.BINADD_SIGMOID
    inputs = np.ascontiguousarray(values)
    results = np.empty(values.shape, values.dtype)
    cdef Arrays arrays = Arrays.__new__(Arrays)
    cdef const void *source = read(arrays, inputs)
    cdef void *target = write(arrays, results)
    cdef size_t count = inputs.size
    cdef c.binadd_status status
    if count == 0:
        return results
    with nogil:
        status = c.binadd_activation_values(dtype, code, source, count, target)
    check(status)
    return results


# ---------------------------------------------------------------------------------------------
# Instruction sets
# ---------------------------------------------------------------------------------------------


def isa():
    """The name of the instruction set in use."""
    return (<bytes> c.binadd_isa()).decode()


def isas():
    """Every instruction set of this build, narrowest first, and whether this machine has it."""
    names = []
    while c.binadd_isa_name(len(names)) != NULL:
        names.append((<bytes> c.binadd_isa_name(len(names))).decode())
    return {name: c.binadd_isa_supported(name.encode()) == 1 for name in names}


def use_isa(name):
    """Use the named instruction set from now on; None chooses the widest that the machine has.

    Raises BackendError for a name that this build or this machine does not have. Not to be called
    while another thread is inside a kernel.
    """
    encoded = None if name is None else name.encode()
    try:
        check(c.binadd_use_isa(NULL if encoded is None else <const char *> encoded))
    except BackendError as error:
        known = ", ".join([level for level, here in isas().items() if here])
        raise BackendError(f"BINADD_ISA={name}: {error}; it has {known}") from None
