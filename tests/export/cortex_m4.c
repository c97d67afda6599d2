/* cortex_m4.c: the exported network on a Cortex-M4F, here QEMU's mps2-an386; prints by semihosting.
 *
 * Compiled with -include of the exported file, named "adder", and linked by cortex_m4.ld.
 */
#include "driver.h"

extern unsigned stack_top;
extern void initialise_monitor_handles(void);
void _exit(int);

static void reset(void)
{
    *(volatile unsigned *)0xE000ED88 |= 0xFu
                                        << 20; /* CPACR: the floating-point unit is off at first */
    initialise_monitor_handles();
    _exit(drive());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top, reset};
