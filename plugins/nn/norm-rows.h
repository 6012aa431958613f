/* What normalisations do with a row of a channel block: kernels on blocks, and the same on planes,
 * which few networks have. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

/* As the kernels of the same names. @n: pixels */
void seg_norm_sum          (const SegKernels *kernels, gint lanes, gint64 n, const float *x,
                            double *sum, double *square);
void seg_norm_sum_gradient (const SegKernels *kernels, gint lanes, gint64 n, const float *x,
                            const float *dy, const float *mean, double *sum, double *product);
void seg_norm_gradient     (const SegKernels *kernels, gint lanes, gint64 n,
                            const SegKernelNormGradient *of, const float *x, const float *dy,
                            const float *add, float *y);
void seg_norm_unclamp      (const SegKernels *kernels, gint lanes, gint64 n, const float *x,
                            const SegKernelPrologue *clamp, const float *dy, float *to);

G_END_DECLS
