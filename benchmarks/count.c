/* count.c: run one kernel so many times, for count.py, which counts the instructions of it.
 *
 *     count KERNEL ISA DTYPE CALLS
 */
#include <string.h>

#include "../tests/c/check.h"

enum { HIDDEN = 16, STEPS = 8, OPERANDS = 2, SEQUENCES = 64, NETWORKS = 64, LONG = 512 };
enum { BARELY = 704 }; /* sequences after which every sum is right */

static unsigned random_bits(void)
{
    return (unsigned)(draw() >> 32);
}

static void fill(void *reals, binadd_dtype dtype, size_t i, double value)
{
    if (dtype == BINADD_FLOAT64)
        ((double *)reals)[i] = value;
    else
        ((float *)reals)[i] = (float)value;
}

/* As far as every sum stays right, but boxes no longer settle all of them. */
static void raise_output_bias(void *reals, binadd_dtype dtype, size_t i)
{
    if (dtype == BINADD_FLOAT64)
        ((double *)reals)[i] += 1;
    else
        ((float *)reals)[i] += 1;
}

int main(int count, char **argument)
{
    if (count != 5)
        return 2;
    const char *kernel = argument[1];
    const binadd_dtype dtype = strcmp(argument[3], "float32") ? BINADD_FLOAT64 : BINADD_FLOAT32;
    const long calls = atol(argument[4]);
    must(binadd_use_isa(argument[2]));

    binadd_network network = {HIDDEN, OPERANDS, 1, BINADD_SIGMOID, dtype, {0}};
    binadd_optimizer optimizer = {BINADD_NESTEROV, 0.1, 0.9, 0.9, 0.999, 1e-8, 2.0};
    const size_t columns = binadd_block_columns(&network);
    const size_t size = binadd_block_rows(&network) * columns;
    const size_t all = (size_t)NETWORKS * SEQUENCES * STEPS;
    void *blocks = zeros(NETWORKS * size * sizeof(double));
    void *moments = zeros(NETWORKS * 2 * size * sizeof(double));
    void *powers = zeros(NETWORKS * 2 * sizeof(double));
    void *rates = zeros(NETWORKS * sizeof(double));
    void *values = zeros(all * sizeof(double));
    unsigned char *symbols = zeros(all), *targets = zeros(all);
    for (size_t k = 0; k < NETWORKS; k++) {
        for (size_t i = 0; i < size - columns; i++)
            if (i % columns < HIDDEN)
                fill(blocks, dtype, k * size + i, random_bits() / 2147483648.0 - 1);
        fill(rates, dtype, k, 0.1);
        fill(powers, dtype, 2 * k, 1);
        fill(powers, dtype, 2 * k + 1, 1);
    }
    for (size_t i = 0; i < all; i++)
        symbols[i] = random_bits() & 3;
    must(binadd_exact_sums(&network, symbols, all / STEPS, STEPS, targets));

    size_t bytes = binadd_training_workspace(&network, STEPS);
    if (bytes < binadd_forward_workspace(&network))
        bytes = binadd_forward_workspace(&network);
    if (bytes < binadd_first_error_workspace(&network, STEPS))
        bytes = binadd_first_error_workspace(&network, STEPS);
    void *workspace = zeros(bytes);

    const dataset data = {symbols, targets, all / STEPS, STEPS};
    binadd_training t = train_on(data, 1, blocks, moments, powers);
    const int doubtful = !strcmp(kernel, "doubtful check");
    const int checked = doubtful || !strcmp(kernel, "check");
    if (checked) { /* a network that has learnt to add, or only just */
        t.count = doubtful ? BARELY : all / STEPS;
        must(binadd_train(&network, BINADD_CROSS_ENTROPY, &optimizer, &t, workspace, bytes));
    }
    if (doubtful)
        raise_output_bias(blocks, dtype, size - columns);
    for (long call = 0; call < calls; call++) {
        if (!strcmp(kernel, "online") || !strcmp(kernel, "batch")) {
            t.batch_size = kernel[0] == 'o' ? 1 : SEQUENCES;
            t.count = SEQUENCES;
            must(binadd_train(&network, BINADD_CROSS_ENTROPY, &optimizer, &t, workspace, bytes));
        } else if (!strcmp(kernel, "population")) {
            const dataset each = {symbols, targets, SEQUENCES, STEPS};
            binadd_population p = train_all_on(each, NETWORKS, blocks, moments, powers, rates);
            must(binadd_train_population(&network, BINADD_CROSS_ENTROPY, &optimizer, &p, workspace,
                                         bytes));
        } else if (!strcmp(kernel, "forward") || !strcmp(kernel, "stream")) {
            const int one = kernel[0] == 's';
            binadd_run r =
                run_on((dataset){symbols, NULL, one ? 1 : LONG, one ? LONG : STEPS}, blocks);
            r.logits = values;
            must(binadd_forward(&network, &r, workspace, bytes));
        } else if (checked) {
            int step;
            uint64_t word;
            must(binadd_first_error(&network, blocks, STEPS, &step, &word, workspace, bytes));
            if (step >= 0)
                return 1;
        } else if (!strcmp(kernel, "sigmoid")) {
            must(binadd_activation_values(dtype, BINADD_SIGMOID, moments, LONG, values));
        } else {
            return 2;
        }
    }
    return 0;
}
