/* threads.c: threads that compute at once, with one network and workspaces of their own, get the bits
 * of one alone; the first call, which chooses the instruction set, is made by all of them at once.
 *
 *     cc -std=c11 -O1 -fsanitize=thread -ffp-contract=off -I csrc tests/c/threads.c csrc/… -o threads
 */
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { HIDDEN = 16, OPERANDS = 2, REALS = (OPERANDS + HIDDEN + 3) * HIDDEN };
enum { SEQUENCES = 40, STEPS = 6, THREADS = 8, ROUNDS = 20 };

static const binadd_network NETWORK = {HIDDEN, OPERANDS, 1, BINADD_TANH, BINADD_FLOAT64, {0}};
static const binadd_optimizer OPTIMIZER = {
    .name = BINADD_NESTEROV, .learning_rate = 0.1, .momentum = 0.9, .clip_norm = 1};

static uint8_t symbols[SEQUENCES * STEPS], targets[SEQUENCES * STEPS];
static double initial[REALS];
static const dataset DATA = {symbols, targets, SEQUENCES, STEPS};

typedef struct {
    double block[REALS], logits[SEQUENCES * STEPS], axes[HIDDEN * HIDDEN], boxes[2][2 * HIDDEN];
    uint64_t word;
    int step, failed;
} results;

static results found[THREADS];

/* Boxes of two contexts of a symbol. */
static binadd_status sample(results *r, void *workspace, size_t size)
{
    static const int32_t pools[OPERANDS * 3] = {0, SEQUENCES - 1, -1, 1, 2, 3}, carries[] = {0, 1};
    static const uint8_t words[] = {3, 0};
    binadd_sampling b = {0};
    b.block = initial, b.symbols = symbols, b.pools = pools, b.carries = carries, b.words = words;
    b.sequences = SEQUENCES, b.steps = STEPS, b.samples = 3, b.contexts = 2, b.length = 1;
    b.low = r->boxes[0], b.high = r->boxes[1];
    return binadd_sample_boxes(&NETWORK, &b, INT64_MAX, workspace, size);
}

static void *compute(void *argument)
{
    results *r = argument;
    double moments[2 * REALS], powers[2], centre[HIDDEN] = {0};
    const size_t size = 1 << 20;
    void *workspace = malloc(size);
    for (int round = 0; round < ROUNDS && !r->failed; round++) {
        memcpy(r->block, initial, sizeof initial);
        memset(moments, 0, sizeof moments);
        powers[0] = powers[1] = 1;
        const binadd_training training = train_on(DATA, 4, r->block, moments, powers);
        binadd_run run = run_on(DATA, r->block);
        run.logits = r->logits;
        r->failed = !workspace ||
                    binadd_train(&NETWORK, BINADD_CROSS_ENTROPY, &OPTIMIZER, &training, workspace,
                                 size) != BINADD_OK ||
                    binadd_forward(&NETWORK, &run, workspace, size) != BINADD_OK ||
                    binadd_first_error(&NETWORK, r->block, 5, &r->step, &r->word, workspace,
                                       size) != BINADD_OK ||
                    sample(r, workspace, size) != BINADD_OK ||
                    binadd_principal_axes(&NETWORK, initial, 1, REALS / HIDDEN, centre, r->axes,
                                          workspace, size) != BINADD_OK;
    }
    free(workspace);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < sizeof symbols; i++)
        symbols[i] = (uint8_t)(draw() >> 62);
    for (size_t i = 0; i < REALS - HIDDEN + 1; i++)
        initial[i] = draw_real();
    must(binadd_exact_sums(&NETWORK, symbols, SEQUENCES, STEPS, targets));
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, compute, &found[i]))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    static results alone;
    compute(&alone);
    for (int i = 0; i < THREADS; i++)
        expect(!found[i].failed && memcmp(&found[i], &alone, sizeof alone) == 0,
               "a thread differs from one alone");
    return report();
}
