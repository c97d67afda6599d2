/* axes.h: principal axes of states, by Jacobi's rotations.
 *
 * The order of every operation is that of binadd/kernels/axes.py: a search must not depend
 * on the machine, as it would with LAPACK's eigenvectors. (C. G. J. Jacobi, "Über ein leichtes Verfahren
 * …", 1846; G. H. Golub & C. F. Van Loan, "Matrix Computations", section 8.5.)
 */
#ifndef BINADD_AXES_H
#define BINADD_AXES_H

#include "arena.h"
#include "sums.h"

enum { JACOBI_SWEEPS = 6 };

/* Vectors from one row of a matrix to the next: columns, too, are walked along, and with a power of two
 * they would compete for few places of a cache. */
INLINE int matrix_stride(const shape *s)
{
    return vectors_of(s) + GROUP;
}

/* Row p ← c·p − s·q, row q ← s·p + c·q. */
INLINE void rotate_rows(vec *p, vec *q, int width, real c, real s)
{
    for (int v = 0; v < width; v++) {
        const vec old = p[v];
        p[v] = old * c - q[v] * s;
        q[v] = old * s + q[v] * c;
    }
}

/* Make element (p, q) of a symmetric matrix zero, and turn the axes alike. */
INLINE void rotate(const shape *sizes, vec *matrix, vec *axes, int p, int q)
{
    real *m = (real *)matrix;
    const int size = sizes->hidden_size, width = vectors_of(sizes);
    const int apart = matrix_stride(sizes), stride = apart * WIDTH;
    const real off = m[p * stride + q];
    if (off == 0)
        return;
    const real theta = (m[q * stride + q] - m[p * stride + p]) / (2 * off);
    const real root = (real)sqrt((double)(theta * theta + 1));
    const real t = theta < 0 ? -1 / (root - theta) : 1 / (theta + root);
    const real c = 1 / (real)sqrt((double)(t * t + 1)), s = t * c;
    rotate_rows(matrix + p * apart, matrix + q * apart, width, c, s);
    for (int i = 0; i < size; i++) {
        const real old = m[i * stride + p], other = m[i * stride + q];
        m[i * stride + p] = old * c - other * s;
        m[i * stride + q] = old * s + other * c;
    }
    rotate_rows(axes + p * width, axes + q * width, width, c, s);
}

typedef struct {
    vec *matrix; /* (H, S + ACCUMULATORS)  Σ (x − o)(x − o)ᵀ */
    vec *axes;   /* (H, S) */
    vec *state;  /* (S) */
} axes_workspace;

INLINE axes_workspace take_axes(arena *a, const shape *s)
{
    const size_t row = s->columns * sizeof(real);
    axes_workspace w;
    w.matrix = take(a, matrix_stride(s) * sizeof(vec) * s->hidden_size);
    w.axes = take(a, row * s->hidden_size);
    w.state = take(a, row);
    return w;
}

static size_t axes_workspace_size(const binadd_network *network)
{
    const shape s = shape_of(network);
    arena a = arena_at(0);
    take_axes(&a, &s);
    return arena_size(&a);
}

/* Axes (H, S) of states (samples, H) about a centre (S), the longest first. */
INLINE void find_axes(const shape *s, const real *states, size_t samples, const real *centre,
                      real *axes, void *workspace)
{
    arena a = arena_at(workspace);
    const axes_workspace w = take_axes(&a, s);
    const int size = s->hidden_size, width = vectors_of(s), apart = matrix_stride(s);
    int order[BINADD_MAX_HIDDEN_SIZE];
    memset(w.matrix, 0, size * apart * sizeof(vec));
    memset(w.axes, 0, size * s->columns * sizeof(real));
    memset(w.state, 0, s->columns * sizeof(real));
    for (size_t i = 0; i < samples; i++) {
        real *y = (real *)w.state;
        for (int j = 0; j < size; j++)
            y[j] = states[i * size + j] - centre[j];
        for (int j = 0; j < size; j++)
            for (int v = 0; v < width; v++)
                w.matrix[j * apart + v] = w.matrix[j * apart + v] + w.state[v] * y[j];
    }
    for (int j = 0; j < size; j++)
        ((real *)w.axes)[j * s->columns + j] = 1;
    for (int sweep = 0; sweep < JACOBI_SWEEPS; sweep++)
        for (int p = 0; p < size; p++)
            for (int q = p + 1; q < size; q++)
                rotate(s, w.matrix, w.axes, p, q);
    for (int i = 0; i < size; i++) { /* insert by length, equal ones in their order */
        const real *m = (const real *)w.matrix;
        const int next = apart * WIDTH + 1; /* along the diagonal */
        int place = i;
        for (; place > 0 && m[order[place - 1] * next] < m[i * next]; place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
    for (int i = 0; i < size; i++)
        memcpy(axes + i * s->columns, w.axes + order[i] * width, s->columns * sizeof(real));
}

static void principal_axes(const binadd_network *network, const double *states, size_t sets,
                           size_t samples, const double *centres, double *axes, void *workspace)
{
    const shape s = shape_of(network);
    const size_t each = samples * s.hidden_size, frame = (size_t)s.hidden_size * s.columns;
    for (size_t k = 0; k < sets; k++)
        find_axes(&s, states + k * each, samples, centres + k * s.columns, axes + k * frame,
                  workspace);
}

#endif
