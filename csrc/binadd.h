/* binadd.h: a C core that trains a small recurrent network to add binary numbers.
 *
 * The network is Elman's. At step t (t = 0 is the least significant bit, h₋₁ = 0) it reads bit t
 * of each of n operands xᵢ and outputs bit t of Σ cᵢxᵢ, in two's complement; of their sum, unless
 * integer coefficients cᵢ are given:
 *
 *     aₜ = Wᵢxₜ + Wₕhₜ₋₁ + bₕ      hₜ = f(aₜ)      oₜ = Wₒhₜ + bₒ      ŷₜ = σ(oₜ)
 *
 * It is trained by backpropagation through time (Werbos 1990, doi:10.1109/5.58337).
 *
 * Conventions
 * - Memory belongs to the caller. Nothing is allocated, printed or kept between two calls but the
 *   choice of instruction set. Two threads may call at once with workspaces of their own.
 * - Every function returns a status; anything but BINADD_OK means that no output was written.
 * - Results are the same to the last bit on every machine and at every instruction set. Compile with
 *   -ffp-contract=off, which the sources request, too, but clang's -ffp-contract=fast overrides
 *   them, and without -ffast-math, which they refuse.
 * - Every call computes in IEEE 754's default mode, to nearest and with subnormal numbers, and leaves
 *   the thread's floating-point mode and flags as it found them.
 * - `void *` arrays hold the network's dtype: double for BINADD_FLOAT64, float for BINADD_FLOAT32.
 *   They need the alignment of their type only.
 *
 * Shapes: N sequences of T steps, H hidden units, n operands, B sequences a batch, K networks.
 * Symbols: one byte a step; bit i is bit t of operand i. Targets: one byte a step, 0 or 1.
 *
 * A network's weights are one block of R × S reals, row after row; every row is a vector over the
 * hidden units, padded with zeros to S, the next multiple of 8 (float64) or 16 (float32):
 *
 *     rows 0 … n−1        weights from operand i
 *     rows n … n+H−1      weights from hidden unit k to every hidden unit (column k of Wₕ)
 *     row  n+H            hidden biases
 *     row  n+H+1          output weights
 *     row  n+H+2          output bias, in its first element
 */
#ifndef BINADD_H
#define BINADD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BINADD_VERSION "0.1.0"
#define BINADD_MAX_HIDDEN_SIZE 256
#define BINADD_MAX_OPERANDS 8
#define BINADD_MAX_CARRIES 16

/* ---- Choices and statuses ------------------------------------------------------------------ */

typedef enum {
    BINADD_OK = 0,
    BINADD_BAD_NETWORK,  /* a size, coefficient, dtype or activation out of range */
    BINADD_BAD_ARGUMENT, /* a null pointer, an empty shape, an unknown option */
    BINADD_BAD_SYMBOL,   /* a symbol not below 2ⁿ, or a target that is not a bit */
    BINADD_SMALL_WORKSPACE,
    BINADD_UNKNOWN_ISA, /* no instruction set of this name in this build */
    BINADD_MISSING_ISA, /* this machine lacks that instruction set */
} binadd_status;

typedef enum { BINADD_FLOAT64, BINADD_FLOAT32 } binadd_dtype;
typedef enum { BINADD_SIGMOID, BINADD_TANH } binadd_activation;
typedef enum { BINADD_SQUARED_ERROR, BINADD_CROSS_ENTROPY } binadd_loss;
enum {
    BINADD_DTYPES = BINADD_FLOAT32 + 1, /* how many there are of each */
    BINADD_ACTIVATIONS = BINADD_TANH + 1,
    BINADD_LOSSES = BINADD_CROSS_ENTROPY + 1,
};

/* g is the gradient, clipped to the global norm `clip_norm`.
 * SGD: w ← w − ηg. Momentum: m ← μm + g; w ← w − ηm. Nesterov: w ← w − η(g + μm) after the same m.
 * Adam: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − ηm̂/(√v̂ + ε) (arXiv:1412.6980). */
typedef enum {
    BINADD_NO_UPDATE, /* gradients only */
    BINADD_SGD,
    BINADD_MOMENTUM,
    BINADD_NESTEROV,
    BINADD_ADAM,
} binadd_optimizer_name;
enum { BINADD_OPTIMIZERS = BINADD_ADAM + 1 };

typedef struct {
    int hidden_size; /* H, 1 … 256 */
    int operands;    /* n, 1 … 8 */
    int biases;      /* 0: bias gradients are zero, so biases stay what they are */
    binadd_activation activation;
    binadd_dtype dtype;
    int coefficients[BINADD_MAX_OPERANDS]; /* (n)  c; all 0: the sum, as if all were 1 */
} binadd_network;

typedef struct {
    binadd_optimizer_name name;
    double learning_rate; /* η */
    double momentum;      /* μ */
    double beta1, beta2, epsilon;
    double clip_norm; /* INFINITY clips nothing */
} binadd_optimizer;

/* One English sentence for a status; never NULL. */
const char *binadd_message(binadd_status status);

/* ---- Instruction sets ------------------------------------------------------------------------ */

/* The name of the instruction set in use: "baseline", "x86_64_v3" or "x86_64_v4". */
const char *binadd_isa(void);

/* The i-th instruction set of this build, widest last, NULL past the end. */
const char *binadd_isa_name(int i);

/* Whether this machine has the instruction set: 1, 0, or −1 for an unknown name. */
int binadd_isa_supported(const char *name);

/* Use this instruction set from now on; NULL chooses the widest that the machine has.
 * Not to be called while another thread is inside a kernel. */
binadd_status binadd_use_isa(const char *name);

/* ---- Sizes ------------------------------------------------------------------------------------ */

/* All of them are 0 for a network, steps or bits out of range. */

size_t binadd_block_rows(const binadd_network *network);    /* R */
size_t binadd_block_columns(const binadd_network *network); /* S */

/* K, how many values the carry of Σ cᵢxᵢ can have: with P the sum of the positive coefficients and −N
 * that of the others, it is −N … max(P, 1) − 1. K may be up to BINADD_MAX_CARRIES. */
int binadd_carries(const binadd_network *network);

/* Bytes of workspace for binadd_forward, for either training function at T steps a sequence, and
 * for binadd_first_error on operands of `bits` bits. They depend on the instruction set: call these
 * again after binadd_use_isa. No alignment is needed. */
size_t binadd_forward_workspace(const binadd_network *network);
size_t binadd_training_workspace(const binadd_network *network, size_t steps);
size_t binadd_first_error_workspace(const binadd_network *network, int bits);

/* ---- Running a network ------------------------------------------------------------------------ */

/* Sequences `first` … `first + count − 1` are run; of a single sequence (N = 1), steps `first` …
 * `first + count − 1`. So a long run can be cut into slices: `first` is where the last slice ended. A
 * later slice of a single sequence goes on from the `final_state` of the one before it. */
typedef struct {
    const void *block;      /* (R, S) */
    const uint8_t *symbols; /* (N, T) */
    size_t sequences, steps;
    size_t first, count;
    const void *initial_state; /* (N, H), or NULL for zeros */
    void *logits;              /* (N, T), or NULL */
    void *probabilities;       /* (N, T), or NULL */
    void *hidden;              /* (N, T, H), or NULL */
    void *final_state;         /* (N, H), or NULL: pass it as initial_state to continue a stream;
                                * it may be the same memory */
} binadd_run;

binadd_status binadd_forward(const binadd_network *network, const binadd_run *run, void *workspace,
                             size_t workspace_size);

/* ---- Training --------------------------------------------------------------------------------- */

/* Sequences `first` … `first + count − 1` are trained on, with one update whenever a batch is full.
 * Noise is added to the weights before a batch's gradient is computed, and taken off again after the
 * update. Like the block, it has zeros in the padding.
 * So a long training can be cut into slices: `first` is where the last slice ended. A slice
 * ends at the end of a batch or a multiple of 16 sequences into it. What the batch has gathered so
 * far waits in the workspace: the next slice needs it at the same address, untouched, and the same
 * steps and instruction set. */
typedef struct {
    void *block;            /* (R, S), updated */
    void *moments;          /* (2, R, S): m and v, updated; zeros at the start */
    void *powers;           /* (2,): β₁ᵗ and β₂ᵗ, updated; ones at the start */
    void *gradient;         /* (R, S): the last batch's that was filled, if one was; or NULL */
    const uint8_t *symbols; /* (N, T) */
    const uint8_t *targets; /* (N, T) */
    const void *noise;      /* (N / B, R, S): of each update, or NULL for none */
    size_t sequences, steps, batch_size;
    size_t first, count;
    void *losses;        /* (N / B,): each batch's mean loss before its update, or NULL */
    int64_t *wrong_bits; /* (N / B,): its wrong output bits, or NULL */
} binadd_training;

binadd_status binadd_train(const binadd_network *network, binadd_loss loss,
                           const binadd_optimizer *optimizer, const binadd_training *training,
                           void *workspace, size_t workspace_size);

/* K networks at once, each on its own sequences with batches of one: arrays as above, with a
 * leading K, and learning rates in place of the optimizer's. */
typedef struct {
    void *blocks;               /* (K, R, S) */
    void *moments;              /* (K, 2, R, S) */
    void *powers;               /* (K, 2) */
    const void *learning_rates; /* (K,) */
    const uint8_t *symbols;     /* (K, N, T) */
    const uint8_t *targets;     /* (K, N, T) */
    size_t networks, sequences, steps;
    size_t first, count; /* which of the N sequences */
    void *losses;        /* (K, N), or NULL */
    int64_t *wrong_bits; /* (K, N), or NULL */
} binadd_population;

binadd_status binadd_train_population(const binadd_network *network, binadd_loss loss,
                                      const binadd_optimizer *optimizer,
                                      const binadd_population *population, void *workspace,
                                      size_t workspace_size);

/* ---- Checking --------------------------------------------------------------------------------- */

/* Runs every sum of `bits`-bit operands, carry-out included: all words of `bits` symbols, then zero
 * symbols for the last carry and the sign, sharing prefixes. `step` gets the first step at which some logit has
 * the wrong sign, −1 if there is none; `word` the smallest such word: its symbols are the base-2ⁿ
 * digits, symbol 0 the lowest. n · bits may be up to 24. */
binadd_status binadd_first_error(const binadd_network *network, const void *block, int bits,
                                 int *step, uint64_t *word, void *workspace, size_t workspace_size);

/* ---- Proving ---------------------------------------------------------------------------------- */

/* Boxes around states sampled in C contexts, where a search for sets can begin. A context is a carry and
 * the symbols after it. Its box holds the states after these, from M states sampled with that carry,
 * those after some of N words; and from the state 0, if its carry is the first of sums. To each side
 * it has as much room as `inflation` times the sampled states' width and `floor` times that of the unit
 * in which they are widest, and 10⁻⁴ more. float64 networks only. */
typedef struct {
    const double *block;    /* (R, S) */
    const uint8_t *symbols; /* (N, T)  words from the state 0 */
    const int32_t *pools;   /* (K, M)  for each carry, words that end with it; −1: the state 0 */
    const int32_t *carries; /* (C)     before the contexts' symbols, counted from the lowest */
    const uint8_t *words;   /* (C, D)  the contexts' symbols; D may be 0 */
    size_t sequences, steps, samples, contexts, length; /* N, T, M, C, D */
    double inflation, floor;
    double *low, *high; /* (C, S) */
    size_t next;        /* 0 at first; N + C when all is done */
} binadd_sampling;

size_t binadd_sampling_workspace(const binadd_network *network, const binadd_sampling *sampling);

/* Go on for about `work` multiplications. The next call needs the workspace as it was left, at the
 * same address, and the same instruction set. */
binadd_status binadd_sample_boxes(const binadd_network *network, binadd_sampling *sampling,
                                  int64_t work, void *workspace, size_t workspace_size);

enum { BINADD_MAX_STEPS = 64 }; /* of a case until a set must hold it */

/* What came of an origin: none of these where all its images are held by sets, and right. */
enum {
    BINADD_DOUBT = 1,    /* a logit may have the wrong sign */
    BINADD_ESCAPED = 2,  /* an image leaves all cells at the last step, or is in too many */
    BINADD_WIDENED = 4,  /* images leave their cells: `least` and `most` say how far */
    BINADD_TOO_MANY = 8, /* there are more images than the budget: nothing else is known */
};

/* N contexts and C cells. The set of context q are the cells first[q] … first[q + 1] − 1, boxes in the
 * coordinates y = V(x − o) of the context, side by side along its first axis: the i-th of them lies
 * between (k − ½)w and (k + ½)w, k = lowest[q] + i. All images of P origins, cells or the state 0,
 * under all symbols are bounded, step by step, until the cells of their contexts cover them. float64
 * networks only: convert others. Rows of units are padded with zeros to S, like the block's. */
typedef struct {
    const double *block;      /* (R, S) */
    const double *unit_error; /* (S)  of each pre-activation, in the computation of its bounds */
    const double *generator_error; /* (S)  the same for each generator and unit */
    double step_error, logit_error;
    double slack; /* room that must be left in a cell that holds an image: more than what is rounded
                   * in the coordinates of a context */
    int affine;   /* zonotopes, which keep how units depend on each other; else intervals */
    int steps;    /* the most from an origin, up to BINADD_MAX_STEPS */
    int64_t budget; /* 1 or more, below INT64_MAX */
    size_t contexts, frame_count, cells;
    const int32_t *carries;    /* (N)       of true arithmetic, from the lowest: 0 … K − 1 */
    const int32_t *successors; /* (N, 2ⁿ)   the context after each symbol */
    const double *centres;     /* (N, S)    o */
    const double *frames;      /* (F, H, S) V */
    const double *bases;       /* (F, H, S) columns of U = V⁻¹, as far as errors allow */
    const int32_t *frame;      /* (N)       of F; −1: V = I, then there is one cell at the most */
    const double *widths;      /* (N)       w; INFINITY: one cell */
    const int32_t *lowest;     /* (N) */
    const int32_t *first;      /* (N + 1) */
    const int32_t *owners;     /* (C)       the context of each cell */
    const double *middles;     /* (C, S) */
    const double *halves;      /* (C, S)    negative: an empty cell */
    size_t count;
    const int32_t *origins; /* (P)     cells; −1: the state 0 in context 0 */
    int32_t *outcomes;      /* (P) */
    int32_t *depths;        /* (P)     steps taken, 0 unless all went well */
    int64_t *work;          /* (P)     zonotopes, by their generators; at most budget + 1 */
    double *margins;        /* (P)     the least distance of a logit from the wrong side */
    double *least, *most;   /* (C, S)  what each cell would have to hold, lowered and raised */
    double *low, *high;     /* (2K, S) bounds of units after each total, of all images of origins of
                             * which all went well, lowered and raised; or NULL */
    size_t next;            /* the origin to go on with: 0 at first, `count` when all is done */
    int within;             /* 0 at first; whether `next` has been begun */
} binadd_reach;

size_t binadd_reach_workspace(const binadd_network *network, int steps);

/* Go on for about `work` multiplications. The next call needs the workspace as it was left, at the
 * same address, and the same instruction set. */
binadd_status binadd_propagate(const binadd_network *network, binadd_reach *reach, int64_t work,
                               void *workspace, size_t workspace_size);

enum { BINADD_CLOSED, BINADD_OPEN, BINADD_STUCK }; /* an origin */

/* Rounds: origins that are open are propagated, one after the other, and what escapes widens cells at
 * once, which opens them as origins again. An origin that leaves all cells takes a step more in the next
 * round; one whose bits are in doubt, that has too many images, or may take no more steps is stuck.
 * Rounds end when no origin is open, one is stuck, or a limit is reached. The origins are all C cells
 * and, last, the state 0; P = C + 1. */
typedef struct {
    binadd_reach *reach; /* `steps`: the most of any origin; `origins` is not read; outcomes, depths
                          * and margins are kept from round to round, least and most are room to
                          * work in */
    double *middles, *halves; /* those of `reach`, written out of low and high */
    double *low, *high;       /* (C, S)  bounds of cells, widened; empty ones have low > high */
    uint8_t *states;          /* (P)     BINADD_CLOSED … BINADD_STUCK */
    int32_t *steps;           /* (P)     after which images of an origin must be covered */
    double growth;            /* extra widening of a cell, as a part of what is needed */
    int most_steps;           /* of an origin, if it did not begin with more */
    int rounds;               /* the most of them */
    int64_t work;             /* after which no further round begins; as of all origins' `work` */
    int32_t most_cells;       /* in use, beyond which no further round begins */
    int round, done;    /* rounds that have ended, 0 at first; whether all is done, 0 at first */
    int64_t spent;      /* of `work`, 0 at first */
    int begun, visited; /* 0 at first */
} binadd_closing;

/* Go on for about `work` multiplications, as `binadd_propagate` does and in a workspace as it needs. */
binadd_status binadd_close(const binadd_network *network, binadd_closing *closing, int64_t work,
                           void *workspace, size_t workspace_size);

/* Principal axes (K, H, S) of K sets of states (K, samples, H) about centres (K, S), the longest
 * first: rows of orthonormal matrices. float64 networks only. */
size_t binadd_axes_workspace(const binadd_network *network);
binadd_status binadd_principal_axes(const binadd_network *network, const double *states,
                                    size_t sets, size_t samples, const double *centres,
                                    double *axes, void *workspace, size_t workspace_size);

/* ---- Data ------------------------------------------------------------------------------------- */

/* Symbols (N, T) out of words (N, W): n bits a symbol, lowest first, ⌊64/n⌋ symbols a word. */
binadd_status binadd_unpack_words(const uint64_t *words, size_t sequences, size_t words_each,
                                  int operands, size_t steps, uint8_t *symbols);

/* The bits (N, T) of the true Σ cᵢxᵢ of the operands that the symbols (N, T) spell. */
binadd_status binadd_exact_sums(const binadd_network *network, const uint8_t *symbols,
                                size_t sequences, size_t steps, uint8_t *sums);

/* σ or tanh of `count` values of a dtype; `results` may be `values`. */
binadd_status binadd_activation_values(binadd_dtype dtype, binadd_activation activation,
                                       const void *values, size_t count, void *results);

#ifdef __cplusplus
}
#endif

#endif
