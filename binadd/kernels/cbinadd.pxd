"""csrc/binadd.h as Cython sees it; the header is the manual."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef extern from "fpenv.h" nogil:
    ctypedef struct binadd_fpenv:
        pass

    binadd_fpenv binadd_fpenv_enter()
    void binadd_fpenv_leave(binadd_fpenv before)


cdef extern from "binadd.h" nogil:
    const char *BINADD_VERSION

    ctypedef enum binadd_status:
        BINADD_OK
        BINADD_BAD_NETWORK
        BINADD_BAD_ARGUMENT
        BINADD_BAD_SYMBOL
        BINADD_SMALL_WORKSPACE
        BINADD_UNKNOWN_ISA
        BINADD_MISSING_ISA

    ctypedef enum binadd_dtype:
        BINADD_FLOAT64
        BINADD_FLOAT32

    ctypedef enum binadd_activation:
        BINADD_SIGMOID
        BINADD_TANH

    ctypedef enum binadd_loss:
        BINADD_SQUARED_ERROR
        BINADD_CROSS_ENTROPY

    ctypedef enum binadd_optimizer_name:
        BINADD_NO_UPDATE
        BINADD_SGD
        BINADD_MOMENTUM
        BINADD_NESTEROV
        BINADD_ADAM

    ctypedef struct binadd_network:
        int hidden_size
        int operands
        int biases
        binadd_activation activation
        binadd_dtype dtype
        int coefficients[8]

    ctypedef struct binadd_optimizer:
        binadd_optimizer_name name
        double learning_rate
        double momentum
        double beta1
        double beta2
        double epsilon
        double clip_norm

    ctypedef struct binadd_run:
        const void *block
        const uint8_t *symbols
        size_t sequences
        size_t steps
        size_t first
        size_t count
        const void *initial_state
        void *logits
        void *probabilities
        void *hidden
        void *final_state

    ctypedef struct binadd_training:
        void *block
        void *moments
        void *powers
        void *gradient
        const uint8_t *symbols
        const uint8_t *targets
        const void *noise
        size_t sequences
        size_t steps
        size_t batch_size
        size_t first
        size_t count
        void *losses
        int64_t *wrong_bits

    ctypedef struct binadd_population:
        void *blocks
        void *moments
        void *powers
        const void *learning_rates
        const uint8_t *symbols
        const uint8_t *targets
        size_t networks
        size_t sequences
        size_t steps
        size_t first
        size_t count
        void *losses
        int64_t *wrong_bits

    const char *binadd_message(binadd_status status)
    const char *binadd_isa()
    const char *binadd_isa_name(int i)
    int binadd_isa_supported(const char *name)
    binadd_status binadd_use_isa(const char *name)

    size_t binadd_block_rows(const binadd_network *network)
    size_t binadd_block_columns(const binadd_network *network)
    size_t binadd_forward_workspace(const binadd_network *network)
    size_t binadd_training_workspace(const binadd_network *network, size_t steps)
    size_t binadd_first_error_workspace(const binadd_network *network, int bits)

    binadd_status binadd_forward(const binadd_network *network, const binadd_run *run,
                                 void *workspace, size_t workspace_size)
    binadd_status binadd_train(const binadd_network *network, binadd_loss loss,
                               const binadd_optimizer *optimizer, const binadd_training *training,
                               void *workspace, size_t workspace_size)
    binadd_status binadd_train_population(const binadd_network *network, binadd_loss loss,
                                          const binadd_optimizer *optimizer,
                                          const binadd_population *population,
                                          void *workspace, size_t workspace_size)
    binadd_status binadd_first_error(const binadd_network *network, const void *block, int bits,
                                     int *step, uint64_t *word,
                                     void *workspace, size_t workspace_size)
    binadd_status binadd_unpack_words(const uint64_t *words, size_t sequences, size_t words_each,
                                      int operands, size_t steps, uint8_t *symbols)
    binadd_status binadd_exact_sums(const binadd_network *network, const uint8_t *symbols,
                                    size_t sequences, size_t steps, uint8_t *sums)
    binadd_status binadd_activation_values(binadd_dtype dtype, binadd_activation activation,
                                           const void *values, size_t count, void *results)

    ctypedef struct binadd_sampling:
        const double *block
        const uint8_t *symbols
        const int32_t *pools
        const int32_t *carries
        const uint8_t *words
        size_t sequences
        size_t steps
        size_t samples
        size_t contexts
        size_t length
        double inflation
        double floor
        double *low
        double *high
        size_t next

    size_t binadd_sampling_workspace(
        const binadd_network *network, const binadd_sampling *sampling
    )
    binadd_status binadd_sample_boxes(
        const binadd_network *network,
        binadd_sampling *sampling,
        int64_t work,
        void *workspace,
        size_t workspace_size,
    )

    ctypedef struct binadd_reach:
        const double *block
        const double *unit_error
        const double *generator_error
        double step_error
        double logit_error
        double slack
        int affine
        int steps
        int64_t budget
        size_t contexts
        size_t frame_count
        size_t cells
        const int32_t *carries
        const int32_t *successors
        const double *centres
        const double *frames
        const double *bases
        const int32_t *frame
        const double *widths
        const int32_t *lowest
        const int32_t *first
        const int32_t *owners
        const double *middles
        const double *halves
        size_t count
        const int32_t *origins
        int32_t *outcomes
        int32_t *depths
        int64_t *work
        double *margins
        double *least
        double *most
        double *low
        double *high
        size_t next
        int within

    size_t binadd_reach_workspace(const binadd_network *network, int steps)
    binadd_status binadd_propagate(
        const binadd_network *network,
        binadd_reach *reach,
        int64_t work,
        void *workspace,
        size_t workspace_size,
    )

    ctypedef struct binadd_closing:
        binadd_reach *reach
        double *middles
        double *halves
        double *low
        double *high
        uint8_t *states
        int32_t *steps
        double growth
        int most_steps
        int rounds
        int64_t work
        int32_t most_cells
        int round
        int done
        int64_t spent
        int begun
        int visited

    binadd_status binadd_close(
        const binadd_network *network,
        binadd_closing *closing,
        int64_t work,
        void *workspace,
        size_t workspace_size,
    )
    size_t binadd_axes_workspace(const binadd_network *network)
    binadd_status binadd_principal_axes(
        const binadd_network *network,
        const double *states,
        size_t sets,
        size_t samples,
        const double *centres,
        double *axes,
        void *workspace,
        size_t workspace_size,
    )
