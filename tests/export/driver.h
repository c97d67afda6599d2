/* driver.h: 10,000 sums by an exported network, and a hash of the bits of all their logits.
 *
 * Include it after the exported file, which is named "adder" and adds two numbers.
 * tests/export_driver.py computes the same hash from binadd's own logits.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PAIRS = 10000, BYTES = 4, STEPS = 8 * (BYTES + 1) };

static uint32_t random_word(void)
{
    static uint64_t seed = 1;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

static int drive(void)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    int wrong = 0;
    for (int pair = 0; pair < PAIRS; pair++) {
        const uint32_t a = random_word(), b = random_word();
        uint8_t x[BYTES], y[BYTES], sum[BYTES + 1];
        const uint8_t *operands[2] = {x, y};
        for (int i = 0; i < BYTES; i++) {
            x[i] = (uint8_t)(a >> 8 * i);
            y[i] = (uint8_t)(b >> 8 * i);
        }
        adder_add(operands, BYTES, sum, sizeof sum);
        uint64_t found = 0;
        for (int i = 0; i <= BYTES; i++)
            found |= (uint64_t)sum[i] << 8 * i;
        wrong += found != (uint64_t)a + b;

        adder_state state;
        adder_start(&state);
        for (int t = 0; t < STEPS; t++) {
            const unsigned symbol = t < 32 ? (a >> t & 1) | (b >> t & 1) << 1 : 0;
            const real logit = adder_step_logit(&state, symbol);
            uint8_t bytes[sizeof logit];
            memcpy(bytes, &logit, sizeof logit);
            for (size_t i = 0; i < sizeof logit; i++)
                hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
        }
    }
    printf("%d wrong, logits %08lx%08lx\n", wrong, (unsigned long)(hash >> 32),
           (unsigned long)(hash & 0xFFFFFFFF));
    return wrong != 0;
}
