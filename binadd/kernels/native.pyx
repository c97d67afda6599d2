# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True, binding=False, auto_pickle=False
"""The kernels in C: csrc/binadd.h behind typed memoryviews, or bare buffers where every µs counts.

Every function checks its `arguments`, which memoryviews do not do for each other, and releases the
GIL. Running, training and bounding are cut into slices of well under 0.2 s, so that Ctrl-C is
noticed between two of them; `first_error` and what makes data run in one piece.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

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

cdef dict DTYPES = {
    "float64": c.BINADD_FLOAT64,
    "float32": c.BINADD_FLOAT32,
}

cdef dict ACTIVATIONS = {
    "sigmoid": c.BINADD_SIGMOID,
    "tanh": c.BINADD_TANH,
}

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
        raise MemoryError(f"a workspace of {size} bytes cannot be allocated")
    return workspace


cdef class Matrix:
    """The bare buffer of a matrix, had more quickly than a memoryview."""

    cdef Py_buffer buffer
    cdef size_t rows, columns

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)


cdef Matrix matrix_of(array, char kind):
    """Raise ValueError, TypeError or BufferError unless C-contiguous, aligned and of this kind."""
    cdef Matrix matrix = Matrix.__new__(Matrix)
    PyObject_GetBuffer(array, &matrix.buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    cdef const char *found = matrix.buffer.format
    # What is not aligned, or of another byte order, has a mark before its kind.
    if matrix.buffer.ndim != 2 or found[0] != kind or found[1] != 0:
        raise ValueError
    matrix.rows, matrix.columns = matrix.buffer.shape[0], matrix.buffer.shape[1]
    return matrix


cdef c.binadd_network network_of(architecture) except *:
    return c.binadd_network(
        hidden_size=architecture.hidden_size,
        operands=architecture.operands,
        biases=architecture.biases,
        activation=ACTIVATIONS[architecture.activation],
        dtype=DTYPES[architecture.dtype],
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
    if architecture.dtype == "float64":
        return _forward[double](architecture, block, symbols, initial_state, hidden)
    return _forward[float](architecture, block, symbols, initial_state, hidden)


cdef _forward(
    architecture,
    const real[:, ::1] block,
    const uint8_t[:, ::1] symbols,
    const real[:, ::1] initial_state,
    bint with_hidden,
):
    cdef c.binadd_network network = network_of(architecture)
    cdef size_t count = symbols.shape[0], steps = symbols.shape[1], size = network.hidden_size
    dtype = architecture.dtype
    logits_array = np.empty((count, steps), dtype)
    probabilities_array = np.empty((count, steps), dtype)
    final_array = np.empty((count, size), dtype)
    hidden_array = np.empty((count, steps, size), dtype) if with_hidden else None
    cdef real[:, ::1] logits = logits_array, probabilities = probabilities_array
    cdef real[:, ::1] final = final_array
    cdef real[:, :, ::1] states = hidden_array
    cdef c.binadd_run run = c.binadd_run(
        block=&block[0, 0],
        symbols=&symbols[0, 0],
        sequences=count,
        steps=steps,
        initial_state=NULL,
        logits=&logits[0, 0],
        probabilities=&probabilities[0, 0],
        hidden=NULL,
        final_state=&final[0, 0],
    )
    if initial_state is not None:
        run.initial_state = &initial_state[0, 0]
    if states is not None:
        run.hidden = &states[0, 0, 0]
    if count == 1:
        _forward_stream(&network, &run)
    else:
        _forward_many(&network, &run)
    return Forward(logits_array, probabilities_array, hidden_array, final_array)


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
    cdef Matrix weights = matrix_of(block, real_kind)
    cdef Matrix questions = matrix_of(symbols, c"B")
    cdef size_t count = questions.rows, steps = questions.columns
    cdef size_t real_size = real_size_of(network)
    if (
        weights.rows != c.binadd_block_rows(network)
        or weights.columns != c.binadd_block_columns(network)
        or not count * steps
    ):
        raise ValueError
    dtype = BYTE if wanted == BITS else FLOAT64 if is_double else FLOAT32
    answers = np.empty((count, steps), dtype)
    cdef Matrix results = matrix_of(answers, c"B" if wanted == BITS else real_kind)
    cdef c.binadd_run run = c.binadd_run(
        block=weights.buffer.buf,
        symbols=<const uint8_t *> questions.buffer.buf,
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
        run.logits = results.buffer.buf
    else:
        run.probabilities = results.buffer.buf
    if count == 1:
        state = workspace_of(network.hidden_size * real_size)
        run.final_state = state.memory
        _forward_stream(network, &run)
    else:
        _forward_many(network, &run)
    if wanted == BITS:
        with nogil:
            if is_double:
                signs_of(<const double *> logits.memory, count * steps, results.buffer.buf)
            else:
                signs_of(<const float *> logits.memory, count * steps, results.buffer.buf)
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
    if architecture.dtype == "float64":
        return _loss_and_gradients[double](architecture, block, symbols, targets, loss)
    return _loss_and_gradients[float](architecture, block, symbols, targets, loss)


cdef _loss_and_gradients(
    architecture,
    const real[:, ::1] block,
    const uint8_t[:, ::1] symbols,
    const uint8_t[:, ::1] targets,
    loss,
):
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer optimizer = optimizer_of(contract.Optimizer())
    optimizer.rule = c.BINADD_NO_UPDATE
    optimizer.clip_norm = float("inf")
    gradient_array = np.empty_like(block)
    cdef real[:, ::1] gradient = gradient_array
    cdef real[:, ::1] work = np.array(block)
    cdef real[:, :, ::1] moments = np.zeros((2, *architecture.block_shape), architecture.dtype)
    cdef real[::1] powers = np.ones(2, architecture.dtype)
    cdef real value = 0
    cdef c.binadd_training data = c.binadd_training(
        block=&work[0, 0],
        moments=&moments[0, 0, 0],
        powers=&powers[0],
        gradient=&gradient[0, 0],
        symbols=&symbols[0, 0],
        targets=&targets[0, 0],
        noise=NULL,
        sequences=symbols.shape[0],
        steps=symbols.shape[1],
        batch_size=symbols.shape[0],
        first=0,
        count=0,
        losses=&value,
        wrong_bits=NULL,
    )
    _train_slices(&network, LOSSES[loss], &optimizer, &data)
    return value, gradient_array


def train(
    architecture, block, moments, powers, symbols, targets,
    *, loss, optimizer, Py_ssize_t batch_size, noise=None, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train`."""
    arguments.check_training(
        architecture, block, moments, powers, symbols, targets, loss, optimizer, batch_size,
        noise, losses, wrong_bits,
    )
    if architecture.dtype == "float64":
        _train[double](architecture, block, moments, powers, symbols, targets, loss, optimizer,
                       batch_size, noise, losses, wrong_bits)
    else:
        _train[float](architecture, block, moments, powers, symbols, targets, loss, optimizer,
                      batch_size, noise, losses, wrong_bits)


cdef int _train(
    architecture,
    real[:, ::1] block,
    real[:, :, ::1] moments,
    real[::1] powers,
    const uint8_t[:, ::1] symbols,
    const uint8_t[:, ::1] targets,
    loss,
    optimizer,
    size_t batch_size,
    const real[:, :, ::1] noise,
    real[::1] losses,
    int64_t[::1] wrong_bits,
) except -1:
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef c.binadd_training data = c.binadd_training(
        block=&block[0, 0],
        moments=&moments[0, 0, 0],
        powers=&powers[0],
        gradient=NULL,
        symbols=&symbols[0, 0],
        targets=&targets[0, 0],
        noise=NULL,
        sequences=symbols.shape[0],
        steps=symbols.shape[1],
        batch_size=batch_size,
        first=0,
        count=0,
        losses=NULL,
        wrong_bits=NULL,
    )
    if noise is not None:
        data.noise = &noise[0, 0, 0]
    if losses is not None:
        data.losses = &losses[0]
    if wrong_bits is not None:
        data.wrong_bits = &wrong_bits[0]
    return _train_slices(&network, LOSSES[loss], &rule, &data)


def train_population(
    architecture, blocks, moments, powers, symbols, targets,
    *, loss, optimizer, learning_rates, losses=None, wrong_bits=None,
):
    """See `contract.Kernels.train_population`."""
    arguments.check_population(
        architecture, blocks, moments, powers, symbols, targets, loss, optimizer, learning_rates,
        losses, wrong_bits,
    )
    if architecture.dtype == "float64":
        _train_population[double](architecture, blocks, moments, powers, symbols, targets, loss,
                                  optimizer, learning_rates, losses, wrong_bits)
    else:
        _train_population[float](architecture, blocks, moments, powers, symbols, targets, loss,
                                 optimizer, learning_rates, losses, wrong_bits)


cdef int _train_population(
    architecture,
    real[:, :, ::1] blocks,
    real[:, :, :, ::1] moments,
    real[:, ::1] powers,
    const uint8_t[:, :, ::1] symbols,
    const uint8_t[:, :, ::1] targets,
    loss,
    optimizer,
    const real[::1] learning_rates,
    real[:, ::1] losses,
    int64_t[:, ::1] wrong_bits,
) except -1:
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_optimizer rule = optimizer_of(optimizer)
    cdef c.binadd_loss loss_code = LOSSES[loss]
    cdef size_t steps = symbols.shape[2]
    cdef size_t networks = symbols.shape[0]
    cdef size_t most = max(slice_sequences(&network, steps) // networks, <size_t> 1)
    cdef Workspace workspace = workspace_of(c.binadd_training_workspace(&network, steps))
    cdef c.binadd_status status
    cdef c.binadd_population data = c.binadd_population(
        blocks=&blocks[0, 0, 0],
        moments=&moments[0, 0, 0, 0],
        powers=&powers[0, 0],
        learning_rates=&learning_rates[0],
        symbols=&symbols[0, 0, 0],
        targets=&targets[0, 0, 0],
        networks=networks,
        sequences=symbols.shape[1],
        steps=steps,
        first=0,
        count=0,
        losses=NULL,
        wrong_bits=NULL,
    )
    if losses is not None:
        data.losses = &losses[0, 0]
    if wrong_bits is not None:
        data.wrong_bits = &wrong_bits[0, 0]
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


def first_error(architecture, block, bits):
    """See `contract.Kernels.first_error`."""
    arguments.check_exhaustive(architecture, block, bits)
    if architecture.dtype == "float64":
        return _first_error[double](architecture, block, bits)
    return _first_error[float](architecture, block, bits)


cdef _first_error(architecture, const real[:, ::1] block, int bits):
    cdef c.binadd_network network = network_of(architecture)
    cdef Workspace workspace = workspace_of(c.binadd_first_error_workspace(&network, bits))
    cdef const void *memory = &block[0, 0]
    cdef int step = -1
    cdef uint64_t word = 0
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_first_error(&network, memory, bits, &step, &word,
                                      workspace.memory, workspace.size)
    check(status)
    return None if step < 0 else (step, contract.spell(word, architecture.operands, bits, step))


# ---------------------------------------------------------------------------------------------
# Proving
# ---------------------------------------------------------------------------------------------


cdef c.binadd_reach reach_of(
    block, contexts, errors, bint affine, int steps, int64_t budget, double slack, double mild,
) except *:
    """What every walk reads; origins and what becomes of them are yet to be filled in."""
    cdef c.binadd_reach reach = c.binadd_reach(
        block=reals(block),
        unit_error=reals(errors.unit),
        generator_error=reals(errors.generator),
        step_error=errors.step,
        logit_error=errors.logit,
        slack=slack,
        mild=mild,
        affine=affine,
        steps=steps,
        budget=budget,
        contexts=len(contexts.carries),
        frame_count=len(contexts.frames),
        cells=len(contexts.owners),
        carries=indices(contexts.carries),
        successors=indices(contexts.successors),
        centres=reals(contexts.centres),
        frames=reals(contexts.frames),
        frame=indices(contexts.frame),
        widths=reals(contexts.widths),
        lowest=indices(contexts.lowest),
        first=indices(contexts.first),
        owners=indices(contexts.owners),
        middles=reals(contexts.middles),
        halves=reals(contexts.halves),
        count=0,
        origins=NULL,
        outcomes=NULL,
        depths=NULL,
        work=NULL,
        margins=NULL,
        held=NULL,
        least=NULL,
        most=NULL,
        low=NULL,
        high=NULL,
        next=0,
        within=0,
    )
    return reach


def propagate(
    architecture, block, contexts, origins, errors,
    *, affine, steps, budget, slack, mild, held=False,
):
    """See `contract.Kernels.propagate`."""
    arguments.check_propagation(architecture, block, contexts, errors, steps, budget)
    arguments.check_layout("origins", origins, (len(origins),), "int32")
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_reach reach = reach_of(block, contexts, errors, affine, steps, budget, slack, mild)
    images = contract.new_images(architecture, contexts, len(origins), held=held)
    reach.count = len(origins)
    reach.origins = indices(origins)
    reach.outcomes = indices(images.outcomes)
    reach.depths = indices(images.depths)
    cdef int64_t[::1] work = images.work
    cdef uint8_t[:, ::1] marks = images.held
    reach.work = &work[0] if reach.count else NULL
    reach.margins = reals(images.margins)
    if held and reach.count:
        reach.held = &marks[0, 0]
    reach.least = reals(images.least)
    reach.most = reals(images.most)
    reach.low = reals(images.low)
    reach.high = reals(images.high)
    cdef Workspace workspace = workspace_of(c.binadd_reach_workspace(&network, steps))
    cdef c.binadd_status status = c.BINADD_OK
    while reach.next < reach.count or not reach.count:
        with nogil:
            status = c.binadd_propagate(&network, &reach, SLICE_WORK,
                                        workspace.memory, workspace.size)
        if status == c.BINADD_BAD_ARGUMENT:
            arguments.check_sets(architecture, contexts, origins)  # says which it was
        check(status)
        PyErr_CheckSignals()
    return images


def close_sets(
    architecture, block, contexts, cells, origins, errors,
    *, affine, steps, budget, slack, growth, bounded, patient, most_steps, rounds, work, most_cells,
):
    """See `contract.Kernels.close_sets`."""
    arguments.check_closing(
        architecture, block, contexts, cells, origins, errors, steps, budget, rounds)
    cdef c.binadd_network network = network_of(architecture)
    cdef c.binadd_reach reach = reach_of(
        block, contexts, errors, affine, steps, budget, slack, float("inf"))
    cdef size_t count = reach.cells + 1, columns = contexts.middles.shape[1]
    cdef double[:, ::1] middles = contexts.middles, halves = contexts.halves
    cdef double[:, ::1] low = cells.low, high = cells.high
    cdef uint8_t[::1] states = origins.states
    cdef uint8_t[:, ::1] held = origins.held
    cdef int32_t[::1] deepest = origins.steps, outcomes = origins.outcomes, depths = origins.depths
    cdef double[::1] margins = origins.margins
    cdef Workspace counts = workspace_of(count * sizeof(int64_t))
    cdef Workspace escaped = workspace_of(2 * reach.cells * columns * sizeof(double) + 1)
    reach.count = count
    reach.outcomes = &outcomes[0]
    reach.depths = &depths[0]
    reach.work = <int64_t *> counts.memory
    reach.margins = &margins[0]
    if held is not None:
        reach.held = &held[0, 0]
    reach.least = <double *> escaped.memory
    reach.most = <double *> escaped.memory + reach.cells * columns
    cdef c.binadd_closing closing = c.binadd_closing(
        reach=&reach,
        middles=NULL,
        halves=NULL,
        low=NULL,
        high=NULL,
        bottom=reals(cells.bottom),
        top=reals(cells.top),
        states=&states[0],
        steps=&deepest[0],
        growth=growth,
        bounded=bounded,
        patient=patient,
        most_steps=most_steps,
        rounds=rounds,
        work=work,
        most_cells=most_cells,
        round=0,
        done=0,
        spent=0,
        begun=0,
        visited=0,
    )
    if reach.cells:
        closing.middles = &middles[0, 0]
        closing.halves = &halves[0, 0]
        closing.low = &low[0, 0]
        closing.high = &high[0, 0]
    cdef Workspace workspace = workspace_of(c.binadd_reach_workspace(&network, steps))
    cdef c.binadd_status status
    while not closing.done:
        with nogil:
            status = c.binadd_close(&network, &closing, SLICE_WORK,
                                    workspace.memory, workspace.size)
        if status == c.BINADD_BAD_ARGUMENT:
            arguments.check_sets(architecture, contexts)  # says which it was
        check(status)
        PyErr_CheckSignals()
    return closing.round, closing.spent


cdef double *reals(array) except? NULL:
    """The first of an array's doubles, which the array keeps; NULL if there is none."""
    cdef const double[::1] view = array.reshape(-1)  # what is only read may be read-only
    return <double *> &view[0] if view.shape[0] else NULL


cdef int32_t *indices(array) except? NULL:
    cdef const int32_t[::1] view = array.reshape(-1)
    return <int32_t *> &view[0] if view.shape[0] else NULL


def principal_axes(architecture, states, centres):
    """See `contract.Kernels.principal_axes`."""
    arguments.check_axes(architecture, states, centres)
    cdef c.binadd_network network = network_of(architecture)
    cdef size_t sets = states.shape[0], samples = states.shape[1], size = network.hidden_size
    cdef size_t columns = architecture.block_shape[1], i
    axes = np.empty((sets, size, columns))
    cdef const double *sampled = reals(states)
    cdef const double *middles = reals(centres)
    cdef double *results = reals(axes)
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
    cdef const uint64_t[:, ::1] source = words
    cdef int n = operands
    cdef size_t steps = length
    symbols_array = np.empty((words.shape[0], steps), np.uint8)
    cdef uint8_t[:, ::1] symbols = symbols_array
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_unpack_words(&source[0, 0], source.shape[0], source.shape[1], n, steps,
                                       &symbols[0, 0])
    check(status)
    return symbols_array


def exact_sums(symbols, operands):
    """See `contract.Kernels.exact_sums`."""
    arguments.check_symbols(symbols, operands)
    cdef const uint8_t[:, ::1] source = symbols
    cdef int n = operands
    sums_array = np.empty_like(symbols)
    cdef uint8_t[:, ::1] sums = sums_array
    cdef c.binadd_status status
    with nogil:
        status = c.binadd_exact_sums(&source[0, 0], source.shape[0], source.shape[1], n,
                                     &sums[0, 0])
    check(status)
    return sums_array


def activation(values, name):
    """See `contract.Kernels.activation`."""
    arguments.check_activation(values, name)
    results = np.array(values, order="C")  # a copy is aligned, too
    if results.dtype == FLOAT64:
        _activate[double](results.reshape(-1), ACTIVATIONS[name])
    else:
        _activate[float](results.reshape(-1), ACTIVATIONS[name])
    return results


cdef int _activate(real[::1] values, c.binadd_activation name) except -1:
    """In place."""
    cdef c.binadd_dtype dtype = c.BINADD_FLOAT64 if real is double else c.BINADD_FLOAT32
    cdef c.binadd_status status
    if values.shape[0] == 0:
        return 0
    with nogil:
        status = c.binadd_activation_values(dtype, name, &values[0], values.shape[0], &values[0])
    return check(status)


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
