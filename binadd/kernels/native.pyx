# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True, binding=False, auto_pickle=False
"""The kernels in C: csrc/binadd.h, its structures filled from the buffers of arrays.

A buffer that does not fit is refused, and C refuses symbols and targets out of range: then
`arguments` says which it was. Every function releases the GIL. Running, training and bounding are
cut into slices of well under 0.2 s, so that Ctrl-C is noticed between two of them; `first_error`
and what makes data run in one piece.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from binadd.kernels cimport cbinadd as c

import numpy as np

from binadd.errors import BackendError, InvalidInputError
from binadd.kernels import arguments, contract
from binadd.kernels.contract import Forward

ctypedef fused raw:
    int64_t
    int32_t

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

REFUSED = (ValueError, TypeError, AttributeError, LookupError, BufferError, OverflowError)
"""What reading an argument raises that is not of the kind, dtype or shape it must be."""

cdef dict DTYPES = {
    "float64": c.BINADD_FLOAT64,
    "float32": c.BINADD_FLOAT32,
}

cdef dict ACTIVATIONS = {
    "sigmoid": c.BINADD_SIGMOID,
    "tanh": c.BINADD_TANH,
}

cdef dict OPTIMIZERS = {
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
        raise MemoryError(f"a workspace of {size} bytes cannot be allocated")
    return workspace


cdef class Buffer:
    """The memory of an array, had more quickly than a memoryview, and of any dtype."""

    cdef Py_buffer view

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef Buffer buffer_of(array, char kind, tuple shape=None, bint written=False):
    """The buffer of a C-contiguous, aligned array of this kind and shape.

    Without a shape, of any matrix that is not empty. Raises ValueError, TypeError or BufferError.
    """
    cdef Buffer buffer = Buffer.__new__(Buffer)
    cdef int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
    PyObject_GetBuffer(array, &buffer.view, flags | PyBUF_WRITABLE if written else flags)
    # Misaligned or byte-swapped arrays have a prefix before their kind.
    cdef const char *found = buffer.view.format
    if found[1] != 0 or not is_kind(found[0], kind) or buffer.view.itemsize != size_of(kind):
        raise ValueError
    cdef int i
    if shape is None:
        if buffer.view.ndim != 2 or buffer.view.len == 0:
            raise ValueError
        return buffer
    if buffer.view.ndim != len(shape):
        raise ValueError
    for i in range(buffer.view.ndim):
        if buffer.view.shape[i] != shape[i]:
            raise ValueError
    return buffer


cdef Buffer buffer_if_given(array, char kind, tuple shape, bint written=False):
    """The same, or for None one whose memory is NULL."""
    return Buffer.__new__(Buffer) if array is None else buffer_of(array, kind, shape, written)


cdef bint is_kind(char found, char kind) noexcept:
    """A long may be an int or a long long, as the platform has it."""
    if found == c"l":
        return kind == c"q" or kind == c"i"
    return found == kind or (kind == c"Q" and found == c"L")


cdef Py_ssize_t size_of(char kind) noexcept:
    return 1 if kind == c"B" else 4 if kind == c"f" or kind == c"i" else 8


cdef void *kept(list buffers, array, char kind, tuple shape, bint written=False) except? NULL:
    """The memory of such an array, for as long as the list of buffers lives."""
    cdef Buffer buffer = buffer_of(array, kind, shape, written)
    buffers.append(buffer)
    return buffer.view.buf


cdef c.binadd_network network_of(architecture) except *:
    cdef c.binadd_network network
    cdef int i = 0
    network.hidden_size = architecture.hidden_size
    network.operands = architecture.operands
    network.biases = architecture.biases
    network.activation = ACTIVATIONS[architecture.activation]
    network.dtype = DTYPES[architecture.dtype]
    for coefficient in architecture.coefficients:
        network.coefficients[i] = coefficient
        i += 1
    return network


cdef c.binadd_optimizer optimizer_of(optimizer) except *:
    return c.binadd_optimizer(
        name=OPTIMIZERS[optimizer.name],
        learning_rate=optimizer.learning_rate,
        momentum=optimizer.momentum,
        beta1=optimizer.beta1,
        beta2=optimizer.beta2,
        epsilon=optimizer.epsilon,
        clip_norm=optimizer.clip_norm,
    )


cdef char kind_of(const c.binadd_network *network) noexcept:
    """The kind of the network's numbers."""
    return c"d" if network.dtype == c.BINADD_FLOAT64 else c"f"


cdef size_t slice_of(const c.binadd_network *network) noexcept:
    """Steps of one sequence that make a slice of work."""
    return <size_t> SLICE_WORK // <size_t> (network.hidden_size * (network.hidden_size + 24))


cdef size_t slice_sequences(const c.binadd_network *network, size_t steps) noexcept:
    """Sequences that make a slice, a multiple of 16: lanes are never left half full."""
    return max(slice_of(network) // steps // 16, <size_t> 1) * 16


# ---------------------------------------------------------------------------------------------
# Forward
# ---------------------------------------------------------------------------------------------


cdef c.binadd_run run_of(Buffer weights, Buffer questions) noexcept:
    """A run from 0 of all sequences, of which nothing is wanted yet."""
    cdef c.binadd_run run
    memset(&run, 0, sizeof(run))
    run.block = weights.view.buf
    run.symbols = <const uint8_t *> questions.view.buf
    run.sequences = questions.view.shape[0]
    run.steps = questions.view.shape[1]
    return run


def forward(architecture, block, symbols, initial_state=None, *, bint hidden=False):
    """See `contract.Kernels.forward`."""
    try:
        return _forward(architecture, block, symbols, initial_state, hidden)
    except REFUSED:
        arguments.check_forward(architecture, block, symbols, initial_state)
        raise


cdef _forward(architecture, block, symbols, initial_state, bint with_hidden):
    cdef c.binadd_network network = network_of(architecture)
    cdef char kind = kind_of(&network)
    cdef Buffer weights = buffer_of(block, kind, architecture.block_shape)
    cdef Buffer questions = buffer_of(symbols, c"B")
    cdef size_t count = questions.view.shape[0], steps = questions.view.shape[1]
    size, dtype = architecture.hidden_size, architecture.dtype
    cdef Buffer initial = buffer_if_given(initial_state, kind, (count, size))
    logits = np.empty((count, steps), dtype)
    probabilities = np.empty((count, steps), dtype)
    hidden = np.empty((count, steps, size), dtype) if with_hidden else None
    final = np.empty((count, size), dtype)
    cdef c.binadd_run run = run_of(weights, questions)
    run.initial_state = initial.view.buf
    run.logits = buffer_of(logits, kind).view.buf
    run.probabilities = buffer_of(probabilities, kind).view.buf
    run.hidden = buffer_if_given(hidden, kind, (count, steps, size)).view.buf
    run.final_state = buffer_of(final, kind).view.buf
    _run_slices(&network, &run)
    return Forward(logits, probabilities, hidden, final)


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
    """Run from 0, and make nothing that is not returned."""
    try:
        return _answer(architecture, block, symbols, wanted)
    except REFUSED:
        arguments.check_forward(architecture, block, symbols, None)
        raise


cdef _answer(architecture, block, symbols, Answer wanted):
    cdef c.binadd_network network = network_of(architecture)
    cdef bint is_double = network.dtype == c.BINADD_FLOAT64
    cdef char kind = kind_of(&network)
    cdef Buffer weights = buffer_of(block, kind, architecture.block_shape)
    cdef Buffer questions = buffer_of(symbols, c"B")
    cdef size_t count = questions.view.shape[0], steps = questions.view.shape[1]
    real = FLOAT64 if is_double else FLOAT32
    answers = np.empty((count, steps), BYTE if wanted == BITS else real)
    cdef void *results = buffer_of(answers, c"B" if wanted == BITS else kind).view.buf
    cdef c.binadd_run run = run_of(weights, questions)
    cdef Workspace logits, state
    if wanted == BITS:
        logits = workspace_of(count * steps * size_of(kind))
        run.logits = logits.memory
    elif wanted == LOGITS:
        run.logits = results
    else:
        run.probabilities = results
    if count == 1:
        state = workspace_of(network.hidden_size * size_of(kind))
        run.final_state = state.memory
    _run_slices(&network, &run)
    if wanted == BITS:
        with nogil:
            if is_double:
                signs_of(<const int64_t *> logits.memory, count * steps, results)
            else:
                signs_of(<const int32_t *> logits.memory, count * steps, results)
    return answers


cdef void signs_of(const raw *logits, size_t count, void *bits) noexcept nogil:
    """Which are above 0: by their bits, which no mode of the processor flushes to zero."""
    cdef raw infinity
    cdef size_t i
    if raw is int64_t:
        infinity = 0x7FF0000000000000
    else:
        infinity = 0x7F800000
    for i in range(count):
        (<uint8_t *> bits)[i] = 0 < logits[i] <= infinity


cdef int _run_slices(const c.binadd_network *network, c.binadd_run *run) except -1:
    """Run all sequences, or all steps of a single one, slice by slice."""
    cdef bint single = run.sequences == 1
    cdef size_t end = run.steps if single else run.sequences
    cdef size_t most = slice_of(network) if single else slice_sequences(network, run.steps)
    cdef Workspace workspace = workspace_of(c.binadd_forward_workspace(network))
    cdef c.binadd_status status
    while run.first < end:
        run.count = min(most, end - run.first)
        with nogil:
            status = c.binadd_forward(network, run, workspace.memory, workspace.size)
        check(status)
        run.first += run.count
        if run.first < end:
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


cdef c.binadd_training training_of(
    Buffer weights, Buffer memory, Buffer decays, Buffer questions, Buffer answers,
    size_t batch_size,
) noexcept:
    """Training on all sequences, without noise, of which nothing is reported yet."""
    cdef c.binadd_training data
    memset(&data, 0, sizeof(data))
    data.block = weights.view.buf
    data.moments = memory.view.buf
    data.powers = decays.view.buf
    data.symbols = <const uint8_t *> questions.view.buf
    data.targets = <const uint8_t *> answers.view.buf
    data.sequences = questions.view.shape[0]
    data.steps = questions.view.shape[1]
    data.batch_size = batch_size
    return data


def loss_and_gradients(architecture, block, batch, loss):
    """See `contract.Kernels.loss_and_gradients`."""
    try:
        return _loss_and_gradients(architecture, block, batch, loss)
    except REFUSED:
        arguments.check_gradients(architecture, block, batch, loss)
        raise


cdef _loss_and_gradients(architecture, block, batch, loss):
    shape, dtype = architecture.block_shape, architecture.dtype
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer update = optimizer_of(contract.Optimizer())
    update.name = c.BINADD_NO_UPDATE
    cdef char kind = kind_of(&network)
    buffer_of(block, kind, shape)
    symbols, targets = batch
    cdef Buffer questions = buffer_of(symbols, c"B")
    cdef size_t count = questions.view.shape[0], steps = questions.view.shape[1]
    cdef Buffer answers = buffer_of(targets, c"B", (count, steps))
    gradient, value = np.empty(shape, dtype), np.empty(1, dtype)
    cdef Buffer weights = buffer_of(np.array(block), kind, shape)
    cdef Buffer memory = buffer_of(np.zeros((2, *shape), dtype), kind, (2, *shape))
    cdef Buffer decays = buffer_of(np.ones(2, dtype), kind, (2,))
    cdef c.binadd_training data = training_of(weights, memory, decays, questions, answers, count)
    data.gradient = buffer_of(gradient, kind, shape).view.buf
    data.losses = buffer_of(value, kind, (1,)).view.buf
    _train_slices(&network, LOSSES[loss], &update, &data)
    return float(value[0]), gradient


def train(
    learner, batch, optimizer, *, loss, batch_size=1, noise=None, report=None,
):
    """See `contract.Kernels.train`."""
    try:
        _train(learner, batch, optimizer, loss, batch_size, noise, report)
    except REFUSED:
        arguments.check_training(learner, batch, optimizer, loss, batch_size, noise, report)
        raise


cdef int _train(
    learner, batch, optimizer, loss, Py_ssize_t batch_size, noise, report
) except -1:
    if batch_size < 1:
        raise ValueError
    architecture, block, moments, powers = learner
    symbols, targets = batch
    shape = architecture.block_shape
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer update = optimizer_of(optimizer)
    cdef char kind = kind_of(&network)
    cdef Buffer questions = buffer_of(symbols, c"B")
    cdef size_t count = questions.view.shape[0], steps = questions.view.shape[1]
    updates = count // batch_size
    losses, wrong_bits = (None, None) if report is None else report
    cdef Buffer weights = buffer_of(block, kind, shape, True)
    cdef Buffer memory = buffer_of(moments, kind, (2, *shape), True)
    cdef Buffer decays = buffer_of(powers, kind, (2,), True)
    cdef Buffer answers = buffer_of(targets, c"B", (count, steps))
    cdef Buffer added = buffer_if_given(noise, kind, (updates, *shape))
    cdef Buffer told = buffer_if_given(losses, kind, (updates,), True)
    cdef Buffer counted = buffer_if_given(wrong_bits, c"q", (updates,), True)
    cdef c.binadd_training data = training_of(
        weights, memory, decays, questions, answers, batch_size)
    data.noise = added.view.buf
    data.losses = told.view.buf
    data.wrong_bits = <int64_t *> counted.view.buf
    return _train_slices(&network, LOSSES[loss], &update, &data)


def train_population(learner, batch, optimizer, *, loss, learning_rates, report=None):
    """See `contract.Kernels.train_population`."""
    try:
        _train_population(learner, batch, optimizer, loss, learning_rates, report)
    except REFUSED:
        arguments.check_population(learner, batch, optimizer, loss, learning_rates, report)
        raise


cdef int _train_population(learner, batch, optimizer, loss, learning_rates, report) except -1:
    architecture, blocks, moments, powers = learner
    symbols, targets = batch
    networks, count, steps = symbols.shape
    if not networks * count * steps:
        raise ValueError
    shape = architecture.block_shape
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer update = optimizer_of(optimizer)
    cdef c.binadd_loss loss_code = LOSSES[loss]
    cdef char kind = kind_of(&network)
    losses, wrong_bits = (None, None) if report is None else report
    cdef Buffer weights = buffer_of(blocks, kind, (networks, *shape), True)
    cdef Buffer memory = buffer_of(moments, kind, (networks, 2, *shape), True)
    cdef Buffer decays = buffer_of(powers, kind, (networks, 2), True)
    cdef Buffer rates = buffer_of(learning_rates, kind, (networks,))
    cdef Buffer questions = buffer_of(symbols, c"B", (networks, count, steps))
    cdef Buffer answers = buffer_of(targets, c"B", (networks, count, steps))
    cdef Buffer told = buffer_if_given(losses, kind, (networks, count), True)
    cdef Buffer counted = buffer_if_given(wrong_bits, c"q", (networks, count), True)
    cdef c.binadd_population data = c.binadd_population(
        blocks=weights.view.buf,
        moments=memory.view.buf,
        powers=decays.view.buf,
        learning_rates=rates.view.buf,
        symbols=<const uint8_t *> questions.view.buf,
        targets=<const uint8_t *> answers.view.buf,
        networks=networks,
        sequences=count,
        steps=steps,
        first=0,
        count=0,
        losses=told.view.buf,
        wrong_bits=<int64_t *> counted.view.buf,
    )
    cdef size_t most = max(slice_sequences(&network, steps) // data.networks, <size_t> 1)
    cdef Workspace workspace = workspace_of(c.binadd_training_workspace(&network, steps))
    cdef c.binadd_status status
    while data.first < data.sequences:
        data.count = min(most, data.sequences - data.first)
        with nogil:
            status = c.binadd_train_population(&network, loss_code, &update, &data,
                                               workspace.memory, workspace.size)
        check(status)
        data.first += data.count
        if data.first < data.sequences:
            PyErr_CheckSignals()
    return 0


# ---------------------------------------------------------------------------------------------
# Checking
# ---------------------------------------------------------------------------------------------


def first_error(architecture, block, bits):
    """See `contract.Kernels.first_error`."""
    arguments.check_exhaustive(architecture, block, bits)
    cdef c.binadd_network network = network_of(architecture)
    cdef Buffer weights = buffer_of(block, kind_of(&network), architecture.block_shape)
    cdef int length = bits, step = -1
    cdef Workspace workspace = workspace_of(c.binadd_first_error_workspace(&network, length))
    cdef uint64_t word = 0
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_first_error(&network, weights.view.buf, length, &step, &word,
                                      workspace.memory, workspace.size)
    check(status)
    return None if step < 0 else (step, contract.spell(word, architecture.operands, bits, step))


# ---------------------------------------------------------------------------------------------
# Proving
# ---------------------------------------------------------------------------------------------


def sample_boxes(architecture, block, samples, inflation, floor):
    """See `contract.Kernels.sample_boxes`."""
    try:
        return _sample_boxes(architecture, block, samples, inflation, floor)
    except REFUSED:
        arguments.check_samples(architecture, block, samples)
        raise


cdef _sample_boxes(architecture, block, samples, double inflation, double floor):
    cdef c.binadd_network network = network_of(architecture)
    cdef list buffers = []
    cdef Buffer symbols = buffer_of(samples.symbols, c"B")
    pools = architecture.form.carries, samples.pools.shape[1]
    count, length = len(samples.carries), samples.words.shape[1]
    shape = count, architecture.block_shape[1]
    low, high = np.empty(shape), np.empty(shape)
    cdef c.binadd_sampling sampling
    memset(&sampling, 0, sizeof(sampling))
    sampling.block = <double *> kept(buffers, block, c"d", architecture.block_shape)
    sampling.symbols = <const uint8_t *> symbols.view.buf
    sampling.sequences = symbols.view.shape[0]
    sampling.steps = symbols.view.shape[1]
    sampling.pools = <int32_t *> kept(buffers, samples.pools, c"i", pools)
    sampling.samples = pools[1]
    sampling.carries = <int32_t *> kept(buffers, samples.carries, c"i", (count,))
    sampling.words = <uint8_t *> kept(buffers, samples.words, c"B", (count, length))
    sampling.contexts = count
    sampling.length = length
    sampling.inflation = inflation
    sampling.floor = floor
    sampling.low = <double *> kept(buffers, low, c"d", shape)
    sampling.high = <double *> kept(buffers, high, c"d", shape)
    cdef Workspace workspace = workspace_of(c.binadd_sampling_workspace(&network, &sampling))
    cdef c.binadd_status status = c.BINADD_OK
    while sampling.next < sampling.sequences + sampling.contexts:
        with nogil:
            status = c.binadd_sample_boxes(&network, &sampling, SLICE_WORK,
                                           workspace.memory, workspace.size)
        check(status)
        PyErr_CheckSignals()
    return low, high


cdef c.binadd_reach reach_of(
    list buffers, architecture, block, contexts, errors, propagation, bint written,
) except *:
    """What every walk reads; origins and what becomes of them are yet to be filled in.

    `written`: whether cells are to be widened.
    """
    columns, size = architecture.block_shape[1], architecture.hidden_size
    cdef bint affine = propagation.affine
    count, frames = len(contexts.carries), len(contexts.frames)
    cells = len(contexts.owners), columns
    symbols = 1 << architecture.operands
    cdef c.binadd_reach reach
    memset(&reach, 0, sizeof(reach))
    reach.block = <double *> kept(buffers, block, c"d", architecture.block_shape)
    reach.unit_error = <double *> kept(buffers, errors.unit, c"d", (columns,))
    reach.generator_error = <double *> kept(buffers, errors.generator, c"d", (columns,))
    reach.step_error = errors.step
    reach.logit_error = errors.logit
    reach.slack = propagation.slack
    reach.affine = affine
    reach.steps = PyNumber_Index(propagation.steps)
    reach.budget = PyNumber_Index(propagation.budget)
    reach.contexts = count
    reach.frame_count = frames
    reach.cells = cells[0]
    reach.carries = <int32_t *> kept(buffers, contexts.carries, c"i", (count,))
    reach.successors = <int32_t *> kept(buffers, contexts.successors, c"i", (count, symbols))
    reach.centres = <double *> kept(buffers, contexts.centres, c"d", (count, columns))
    reach.frames = <double *> kept(buffers, contexts.frames, c"d", (frames, size, columns))
    reach.bases = <double *> kept(buffers, contexts.bases, c"d", (frames, size, columns))
    reach.frame = <int32_t *> kept(buffers, contexts.frame, c"i", (count,))
    reach.widths = <double *> kept(buffers, contexts.widths, c"d", (count,))
    reach.lowest = <int32_t *> kept(buffers, contexts.lowest, c"i", (count,))
    reach.first = <int32_t *> kept(buffers, contexts.first, c"i", (count + 1,))
    reach.owners = <int32_t *> kept(buffers, contexts.owners, c"i", cells[:1])
    reach.middles = <double *> kept(buffers, contexts.middles, c"d", cells, written)
    reach.halves = <double *> kept(buffers, contexts.halves, c"d", cells, written)
    return reach


def propagate(architecture, block, contexts, origins, errors, propagation):
    """See `contract.Kernels.propagate`."""
    try:
        return _propagate(architecture, block, contexts, origins, errors, propagation)
    except REFUSED:
        arguments.check_propagation(architecture, block, contexts, errors, propagation)
        arguments.check_layout("origins", origins, (len(origins),), "int32")
        arguments.check_sets(architecture, contexts, origins)
        raise


cdef _propagate(architecture, block, contexts, origins, errors, propagation):
    cdef c.binadd_network network = network_of(architecture)
    cdef list buffers = []
    cdef c.binadd_reach reach = reach_of(
        buffers, architecture, block, contexts, errors, propagation, False)
    count, cells = len(origins), (len(contexts.owners), architecture.block_shape[1])
    if not count:
        raise ValueError
    totals = 2 * architecture.form.carries, architecture.block_shape[1]
    reach.count = count
    reach.origins = <int32_t *> kept(buffers, origins, c"i", (count,))
    images = contract.new_images(architecture, contexts, count)
    reach.outcomes = <int32_t *> kept(buffers, images.outcomes, c"i", (count,))
    reach.depths = <int32_t *> kept(buffers, images.depths, c"i", (count,))
    reach.work = <int64_t *> kept(buffers, images.work, c"q", (count,))
    reach.margins = <double *> kept(buffers, images.margins, c"d", (count,))
    reach.least = <double *> kept(buffers, images.least, c"d", cells)
    reach.most = <double *> kept(buffers, images.most, c"d", cells)
    reach.low = <double *> kept(buffers, images.low, c"d", totals)
    reach.high = <double *> kept(buffers, images.high, c"d", totals)
    cdef Workspace workspace = workspace_of(c.binadd_reach_workspace(&network, reach.steps))
    cdef c.binadd_status status = c.BINADD_OK
    while reach.next < reach.count:
        with nogil:
            status = c.binadd_propagate(&network, &reach, SLICE_WORK,
                                        workspace.memory, workspace.size)
        check(status)
        PyErr_CheckSignals()
    return images


def close_sets(architecture, block, contexts, cells, origins, errors, propagation, closure):
    """See `contract.Kernels.close_sets`."""
    try:
        return _close_sets(
            architecture, block, contexts, cells, origins, errors, propagation, closure)
    except REFUSED:
        arguments.check_closing(
            architecture, block, contexts, cells, origins, errors, propagation, closure)
        arguments.check_sets(architecture, contexts)
        raise


cdef _close_sets(architecture, block, contexts, cells, origins, errors, propagation, closure):
    cdef c.binadd_network network = network_of(architecture)
    cdef list buffers = []
    cdef c.binadd_reach reach = reach_of(
        buffers, architecture, block, contexts, errors, propagation, True)
    shape = len(contexts.owners), architecture.block_shape[1]
    cdef size_t columns = shape[1]
    each = (shape[0] + 1,)
    reach.count = reach.cells + 1
    reach.outcomes = <int32_t *> kept(buffers, origins.outcomes, c"i", each, True)
    reach.depths = <int32_t *> kept(buffers, origins.depths, c"i", each, True)
    reach.margins = <double *> kept(buffers, origins.margins, c"d", each, True)
    cdef Workspace counts = workspace_of(reach.count * sizeof(int64_t))
    cdef Workspace escaped = workspace_of(2 * reach.cells * columns * sizeof(double) + 1)
    reach.work = <int64_t *> counts.memory
    reach.least = <double *> escaped.memory
    reach.most = <double *> escaped.memory + reach.cells * columns
    cdef c.binadd_closing closing
    memset(&closing, 0, sizeof(closing))
    closing.reach = &reach
    closing.middles = <double *> reach.middles
    closing.halves = <double *> reach.halves
    closing.low = <double *> kept(buffers, cells.low, c"d", shape, True)
    closing.high = <double *> kept(buffers, cells.high, c"d", shape, True)
    closing.states = <uint8_t *> kept(buffers, origins.states, c"B", each, True)
    closing.steps = <int32_t *> kept(buffers, origins.steps, c"i", each, True)
    closing.growth = closure.growth
    closing.most_steps = PyNumber_Index(closure.most_steps)
    closing.rounds = PyNumber_Index(closure.rounds)
    closing.work = PyNumber_Index(closure.work)
    closing.most_cells = PyNumber_Index(closure.most_cells)
    cdef Workspace workspace = workspace_of(c.binadd_reach_workspace(&network, reach.steps))
    cdef c.binadd_status status
    while not closing.done:
        with nogil:
            status = c.binadd_close(&network, &closing, SLICE_WORK,
                                    workspace.memory, workspace.size)
        check(status)
        PyErr_CheckSignals()
    return closing.round, closing.spent


def principal_axes(architecture, states, centres):
    """See `contract.Kernels.principal_axes`."""
    arguments.check_axes(architecture, states, centres)
    cdef c.binadd_network network = network_of(architecture)
    cdef size_t sets = states.shape[0], samples = states.shape[1], size = network.hidden_size
    cdef size_t columns = architecture.block_shape[1], i
    cdef list buffers = []
    shape = sets, size, columns
    axes = np.empty(shape)
    cdef const double *sampled = <double *> kept(buffers, states, c"d", (sets, samples, size))
    cdef const double *middles = <double *> kept(buffers, centres, c"d", (sets, columns))
    cdef double *results = <double *> kept(buffers, axes, c"d", shape)
    cdef Workspace workspace = workspace_of(c.binadd_axes_workspace(&network))
    cdef c.binadd_status status
    for i in range(sets):
        with nogil:
            status = c.binadd_principal_axes(
                &network, sampled + i * samples * size, 1, samples, middles + i * columns,
                results + i * size * columns, workspace.memory, workspace.size)
        check(status)
        PyErr_CheckSignals()
    return axes


# ---------------------------------------------------------------------------------------------
# Data
# ---------------------------------------------------------------------------------------------


def unpack_words(words, operands, length):
    """See `contract.Kernels.unpack_words`."""
    arguments.check_words(words, operands, length)
    cdef Buffer source = buffer_of(words, c"Q")
    symbols = np.empty((len(words), length), BYTE)
    cdef Buffer unpacked = buffer_of(symbols, c"B")
    cdef int n = operands
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_unpack_words(
            <const uint64_t *> source.view.buf, source.view.shape[0], source.view.shape[1], n,
            unpacked.view.shape[1], <uint8_t *> unpacked.view.buf)
    check(status)
    return symbols


def exact_sums(architecture, symbols):
    """See `contract.Kernels.exact_sums`."""
    try:
        return _exact_sums(network_of(architecture), symbols)
    except REFUSED:
        arguments.check_symbols(symbols, architecture.operands)
        raise


cdef _exact_sums(c.binadd_network network, symbols):
    cdef Buffer source = buffer_of(symbols, c"B")
    sums = np.empty((source.view.shape[0], source.view.shape[1]), BYTE)
    cdef Buffer results = buffer_of(sums, c"B")
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_exact_sums(
            &network, <const uint8_t *> source.view.buf, source.view.shape[0],
            source.view.shape[1], <uint8_t *> results.view.buf)
    check(status)
    return sums


def activation(values, name):
    """See `contract.Kernels.activation`."""
    arguments.check_activation(values, name)
    results = np.array(values, order="C")  # a copy is aligned, too
    if not results.size:
        return results
    cdef bint is_double = results.dtype == FLOAT64
    cdef c.binadd_dtype dtype = c.BINADD_FLOAT64 if is_double else c.BINADD_FLOAT32
    cdef c.binadd_activation function = ACTIVATIONS[name]
    cdef char kind = c"d" if is_double else c"f"
    cdef Buffer buffer = buffer_of(results.reshape(-1), kind, (results.size,))
    with nogil:
        c.binadd_activation_values(dtype, function, buffer.view.buf,
                                   buffer.view.shape[0], buffer.view.buf)
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
        known = ", ".join(level for level, here in isas().items() if here)
        raise BackendError(f"BINADD_ISA={name}: {error}; it has {known}") from None


# ---------------------------------------------------------------------------------------------
# The floating-point mode
# ---------------------------------------------------------------------------------------------


def set_mode(mode):
    """Set this thread's floating-point mode, if None IEEE 754's, and return the one before.

    A mode is what this has returned.
    """
    cdef c.binadd_fpenv before, wanted
    if mode is not None and len(mode) != sizeof(wanted):
        raise ValueError("a mode must be what set_mode returned")
    before = c.binadd_fpenv_enter()
    if mode is not None:
        memcpy(&wanted, <const char *> mode, sizeof(wanted))
        c.binadd_fpenv_leave(wanted)
    return (<const char *> &before)[:sizeof(before)]
