/* cpu.h: which instruction sets this build has and this machine can run. Internal. */
#ifndef BINADD_CPU_H
#define BINADD_CPU_H

#include "table.h"

typedef struct {
    const char *name;
    int (*supported)(void);
    const binadd_kernels *kernels[2]; /* by dtype */
} binadd_level;

/* Narrowest first; the last has a NULL name. */
extern const binadd_level binadd_levels[];

#endif
