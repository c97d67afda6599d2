# cython: language_level=3, cdivision=True, auto_pickle=False, binding=False
# cython: freethreading_compatible=True
"""The kernels in C: csrc/binadd.h behind NumPy arrays.

Every function checks its arguments with `contract`, lets go of the GIL, and cuts long work into
slices of well under 0.2 s, so that Ctrl-C is heard between two of them.

Arrays are reached through the buffer protocol itself: `contract` has checked their shapes and
dtypes, so typed memoryviews would check them again, and their code is larger than all the rest.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint8_t, uint64_t

from binadd.kernels cimport cbinadd as c

import numpy as np

from binadd.errors import BackendError, InvalidInputError
from binadd.kernels import contract
from binadd.kernels.contract import Forward

NAME = "native"
VERSION = (<bytes> c.BINADD_VERSION).decode()

cdef dict ERRORS = {
    <int> c.BINADD_BAD_NETWORK: InvalidInputError,
    <int> c.BINADD_BAD_ARGUMENT: InvalidInputError,
    <int> c.BINADD_BAD_SYMBOL: InvalidInputError,
    <int> c.BINADD_SMALL_WORKSPACE: MemoryError,
    <int> c.BINADD_UNKNOWN_ISA: BackendError,
    <int> c.BINADD_MISSING_ISA: BackendError,
}

cdef dict RULES = {
    "sgd": <int> c.BINADD_SGD,
    "momentum": <int> c.BINADD_MOMENTUM,
    "nesterov": <int> c.BINADD_NESTEROV,
    "adam": <int> c.BINADD_ADAM,
}

cdef dict LOSSES = {
    "squared_error": <int> c.BINADD_SQUARED_ERROR,
    "cross_entropy": <int> c.BINADD_CROSS_ENTROPY,
}

# Multiplications of a slice: about 20 ms at the slowest instruction set.
cdef enum:
    SLICE_WORK = 20000000


cdef int check(c.binadd_status status) except -1:
    """Turn a status into the exception of the table."""
    if status != c.BINADD_OK:
        raise ERRORS[<int> status]((<bytes> c.binadd_message(status)).decode())
    return 0


# ---------------------------------------------------------------------------------------------
# Arguments
# ---------------------------------------------------------------------------------------------


cdef class Call:
    """What a call holds until it returns: the memory of its arrays, and a workspace."""

    cdef Py_buffer[8] buffers
    cdef int held
    cdef void *workspace
    cdef size_t workspace_size

    def __dealloc__(self):
        cdef int i
        for i in range(self.held):
            PyBuffer_Release(&self.buffers[i])
        PyMem_Free(self.workspace)


cdef void *hold(Call call, array, int flags) except? NULL:
    """The memory of an array until the call returns; of None, NULL."""
    if array is None:
        return NULL
    PyObject_GetBuffer(array, &call.buffers[call.held], flags)
    call.held += 1
    return call.buffers[call.held - 1].buf


cdef const void *read(Call call, array) except? NULL:
    return hold(call, array, PyBUF_SIMPLE)


cdef void *write(Call call, array) except? NULL:
    return hold(call, array, PyBUF_WRITABLE)


cdef const void *read_matrix(
    Call call, array, char letter, Py_ssize_t rows, Py_ssize_t columns
) except NULL:
    """`read` that checks: numbers of this letter of the `struct` module, in this shape."""
    cdef void *memory = hold(call, array, PyBUF_ND | PyBUF_FORMAT)
    cdef Py_buffer *buffer = &call.buffers[call.held - 1]
    if (
        memory == NULL or buffer.format[0] != letter or buffer.format[1] or buffer.ndim != 2
        or buffer.shape[0] != rows or buffer.shape[1] != columns or rows * columns == 0
    ):
        raise ValueError
    return memory


cdef int make_room(Call call, size_t size) except -1:
    """Give the call its workspace."""
    call.workspace = PyMem_Malloc(size)
    if call.workspace == NULL:
        raise MemoryError(f"a workspace of {size} bytes is not to be had")
    call.workspace_size = size
    return 0


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
        rule=<c.binadd_rule> <int> RULES[optimizer.rule],
        learning_rate=optimizer.learning_rate,
        momentum=optimizer.momentum,
        beta1=optimizer.beta1,
        beta2=optimizer.beta2,
        epsilon=optimizer.epsilon,
        clip_norm=optimizer.clip_norm,
    )


cdef c.binadd_loss loss_of(name) except *:
    return <c.binadd_loss> <int> LOSSES[name]


cdef size_t real_size(const c.binadd_network *network) noexcept:
    return 8 if network.dtype == c.BINADD_FLOAT64 else 4


cdef size_t slice_of(const c.binadd_network *network) noexcept:
    """Steps of one sequence that make a slice of work."""
    return <size_t> SLICE_WORK // <size_t> (network.hidden_size * (network.hidden_size + 24))


cdef size_t slice_sequences(const c.binadd_network *network, size_t steps) noexcept:
    """Sequences that make a slice, a multiple of 16: lanes are never left half full."""
    return max(slice_of(network) // steps // 16, <size_t> 1) * 16


# ---------------------------------------------------------------------------------------------
# Forward
# ---------------------------------------------------------------------------------------------


def forward(architecture, block, symbols, initial_state=None, *, hidden=False):
    """See `contract.Kernels.forward`."""
    contract.check_forward(architecture, block, symbols, initial_state)
    count, steps = symbols.shape
    dtype, size = architecture.dtype, architecture.hidden_size
    result = Forward(
        np.empty((count, steps), dtype),
        np.empty((count, steps), dtype),
        np.empty((count, steps, size), dtype) if hidden else None,
        np.empty((count, size), dtype),
    )
    cdef Call call = Call()
    _forward(call, network_of(architecture), c.binadd_run(
        block=read(call, block),
        symbols=<const uint8_t *> read(call, symbols),
        sequences=<Py_ssize_t> count,
        steps=<Py_ssize_t> steps,
        initial_state=read(call, initial_state),
        logits=write(call, result.logits),
        probabilities=write(call, result.probabilities),
        hidden=write(call, result.hidden),
        final_state=write(call, result.final_state),
    ))
    return result


def logits(architecture, block, symbols):
    """See `contract.Kernels.logits`: nothing is checked twice, or made that is not returned."""
    cdef c.binadd_network network = network_of(architecture)
    cdef char letter = b"d" if network.dtype == c.BINADD_FLOAT64 else b"f"
    cdef Py_ssize_t rows, columns, count, steps
    cdef const void *weights
    cdef const void *inputs
    cdef Call call = Call()
    try:
        rows, columns = architecture.block_shape
        count, steps = symbols.shape
        weights = read_matrix(call, block, letter, rows, columns)
        inputs = read_matrix(call, symbols, b"B", count, steps)
    except (AttributeError, BufferError, TypeError, ValueError):
        contract.check_forward(architecture, block, symbols, None)  # says which it was
        raise
    result = np.empty((count, steps), block.dtype)
    final_state = None
    if count == 1 and <size_t> steps > slice_of(&network):
        final_state = np.empty(network.hidden_size, block.dtype)
    _forward(call, network, c.binadd_run(
        block=weights,
        symbols=<const uint8_t *> inputs,
        sequences=count,
        steps=steps,
        initial_state=NULL,
        logits=write(call, result),
        probabilities=NULL,
        hidden=NULL,
        final_state=write(call, final_state),
    ))
    return result


cdef int _forward(Call call, c.binadd_network network, c.binadd_run run) except -1:
    """One sequence by so many steps at a time, each going on from the state of the last; or so
    many sequences at a time."""
    cdef bint stream = run.sequences == 1
    cdef size_t most = slice_of(&network) if stream else slice_sequences(&network, run.steps)
    cdef size_t left = run.steps if stream else run.sequences
    cdef size_t steps = run.steps, size = network.hidden_size * real_size(&network)
    cdef c.binadd_status status
    make_room(call, c.binadd_forward_workspace(&network))
    while True:
        if stream:
            run.steps = min(most, left)
        else:
            run.sequences = min(most, left)
        with nogil:
            status = c.binadd_forward(&network, &run, call.workspace, call.workspace_size)
        check(status)
        left -= run.steps if stream else run.sequences
        if left == 0:
            return 0
        PyErr_CheckSignals()
        if stream:
            run.initial_state = run.final_state
        else:
            run.initial_state = after(<void *> run.initial_state, run.sequences * size)
            run.final_state = after(run.final_state, run.sequences * size)
        steps = run.sequences * run.steps
        run.symbols += steps
        run.logits = after(run.logits, steps * real_size(&network))
        run.probabilities = after(run.probabilities, steps * real_size(&network))
        run.hidden = after(run.hidden, steps * size)


cdef void *after(void *memory, size_t bytes) noexcept:
    """So many bytes further on; NULL stays NULL."""
    return NULL if memory == NULL else <char *> memory + bytes


# ---------------------------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------------------------


cdef int _train(
    Call call,
    c.binadd_network network,
    c.binadd_loss loss,
    c.binadd_optimizer optimizer,
    c.binadd_training data,
) except -1:
    """All batches; a slice ends where a batch does, or a multiple of 16 sequences into a long one.

    What a long batch has gathered waits in the workspace: the weights change only between batches.
    """
    cdef size_t most = slice_sequences(&network, data.steps), position
    cdef c.binadd_status status
    make_room(call, c.binadd_training_workspace(&network, data.steps))
    while data.first < data.sequences:
        position = data.first % data.batch_size
        if data.batch_size > most:
            data.count = min(most, data.batch_size - position)
        else:
            data.count = min(most // data.batch_size * data.batch_size,
                             data.sequences - data.first)
        with nogil:
            status = c.binadd_train(&network, loss, &optimizer, &data,
                                    call.workspace, call.workspace_size)
        check(status)
        data.first += data.count
        if data.first < data.sequences:
            PyErr_CheckSignals()
    return 0


def loss_and_gradients(architecture, block, symbols, targets, loss):
    """See `contract.Kernels.loss_and_gradients`."""
    contract.check_gradients(architecture, block, symbols, targets, loss)
    count, steps = symbols.shape
    cdef c.binadd_optimizer optimizer = optimizer_of(contract.Optimizer())  # clips nothing
    optimizer.rule = c.BINADD_NO_UPDATE
    gradient = np.empty_like(block)
    value = np.empty(1, block.dtype)
    cdef Call call = Call()
    _train(call, network_of(architecture), loss_of(loss), optimizer, c.binadd_training(
        block=write(call, np.array(block)),
        moments=write(call, np.zeros((2, *block.shape), block.dtype)),
        powers=write(call, np.ones(2, block.dtype)),
        gradient=write(call, gradient),
        symbols=<const uint8_t *> read(call, symbols),
        targets=<const uint8_t *> read(call, targets),
        sequences=<Py_ssize_t> count,
        steps=<Py_ssize_t> steps,
        batch_size=<Py_ssize_t> count,
        first=0,
        count=0,
        losses=write(call, value),
        wrong_bits=NULL,
    ))
    return value.item(), gradient


def train(
    architecture, block, moments, powers, symbols, targets,
    *, loss, optimizer, batch_size, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train`."""
    contract.check_training(
        architecture, block, moments, powers, symbols, targets, loss, optimizer, batch_size,
        losses, wrong_bits,
    )
    count, steps = symbols.shape
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef Call call = Call()
    _train(call, network_of(architecture), loss_of(loss), rule, c.binadd_training(
        block=write(call, block),
        moments=write(call, moments),
        powers=write(call, powers),
        gradient=NULL,
        symbols=<const uint8_t *> read(call, symbols),
        targets=<const uint8_t *> read(call, targets),
        sequences=<Py_ssize_t> count,
        steps=<Py_ssize_t> steps,
        batch_size=<Py_ssize_t> batch_size,
        first=0,
        count=0,
        losses=write(call, losses),
        wrong_bits=<int64_t *> write(call, wrong_bits),
    ))


def train_population(
    architecture, blocks, moments, powers, symbols, targets,
    *, loss, optimizer, learning_rates, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train_population`."""
    contract.check_population(
        architecture, blocks, moments, powers, symbols, targets, loss, optimizer, learning_rates,
        losses, wrong_bits,
    )
    networks, sequences, steps = symbols.shape
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef c.binadd_loss loss_code = loss_of(loss)
    cdef Call call = Call()
    cdef c.binadd_population data = c.binadd_population(
        blocks=write(call, blocks),
        moments=write(call, moments),
        powers=write(call, powers),
        learning_rates=read(call, learning_rates),
        symbols=<const uint8_t *> read(call, symbols),
        targets=<const uint8_t *> read(call, targets),
        networks=<Py_ssize_t> networks,
        sequences=<Py_ssize_t> sequences,
        steps=<Py_ssize_t> steps,
        first=0,
        count=0,
        losses=write(call, losses),
        wrong_bits=<int64_t *> write(call, wrong_bits),
    )
    cdef size_t most = max(slice_sequences(&network, data.steps) // data.networks, <size_t> 1)
    cdef c.binadd_status status
    make_room(call, c.binadd_training_workspace(&network, data.steps))
    while data.first < data.sequences:
        data.count = min(most, data.sequences - data.first)
        with nogil:
            status = c.binadd_train_population(&network, loss_code, &rule, &data,
                                               call.workspace, call.workspace_size)
        check(status)
        data.first += data.count
        if data.first < data.sequences:
            PyErr_CheckSignals()


# ---------------------------------------------------------------------------------------------
# Checking
# ---------------------------------------------------------------------------------------------


def first_error(architecture, block, bits):
    """See `contract.Kernels.first_error`."""
    contract.check_exhaustive(architecture, block, bits)
    cdef c.binadd_network network = network_of(architecture)
    cdef Call call = Call()
    cdef const void *weights = read(call, block)
    cdef int length = bits, step = -1
    cdef uint64_t word = 0
    cdef c.binadd_status status
    make_room(call, c.binadd_first_error_workspace(&network, length))
    with nogil:
        status = c.binadd_first_error(&network, weights, length, &step, &word,
                                      call.workspace, call.workspace_size)
    check(status)
    return None if step < 0 else (step, contract.spell(word, architecture.operands, bits, step))


# ---------------------------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------------------------


def unpack_words(words, operands, length):
    """See `contract.Kernels.unpack_words`."""
    contract.check_words(words, operands, length)
    cdef Py_ssize_t count, width, steps = length
    count, width = words.shape
    symbols = np.empty((count, length), np.uint8)
    cdef Call call = Call()
    cdef const uint64_t *source = <const uint64_t *> read(call, words)
    cdef uint8_t *target = <uint8_t *> write(call, symbols)
    cdef int n = operands
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_unpack_words(source, count, width, n, steps, target)
    check(status)
    return symbols


def exact_sums(symbols, operands):
    """See `contract.Kernels.exact_sums`."""
    contract.check_symbols(symbols, operands)
    cdef Py_ssize_t count, steps
    count, steps = symbols.shape
    sums = np.empty_like(symbols)
    cdef Call call = Call()
    cdef const uint8_t *source = <const uint8_t *> read(call, symbols)
    cdef uint8_t *target = <uint8_t *> write(call, sums)
    cdef int n = operands
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_exact_sums(source, count, steps, n, target)
    check(status)
    return sums


def activation(values, name):
    """See `contract.Kernels.activation`."""
    contract.check_activation(values, name)
    values = np.asarray(values, values.dtype.name, order="C")  # this machine's order of bytes
    results = np.empty_like(values)
    cdef Call call = Call()
    cdef const void *source = read(call, values)
    cdef void *target = write(call, results)
    cdef Py_ssize_t count = values.size
    cdef c.binadd_dtype dtype = c.BINADD_FLOAT64 if values.itemsize == 8 else c.BINADD_FLOAT32
    cdef c.binadd_activation code = c.BINADD_TANH if name == "tanh" else c.BINADD_SIGMOID
    cdef c.binadd_status status
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
    cdef const char *name
    levels = {}
    while True:
        name = c.binadd_isa_name(<int> len(levels))
        if name == NULL:
            return levels
        levels[(<bytes> name).decode()] = c.binadd_isa_supported(name) == 1


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
