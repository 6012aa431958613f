/* What normalisations do with a row of a channel block, lane by lane. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

/* Adds Σ x and Σ x² of @n pixels. Products of floats are exact in double, so that their difference
 * loses nothing that a float would show. */
void seg_norm_sum (gint lanes, gint64 n, const float *x, double *sum, double *square);

/* Adds Σ dy and Σ dy·(x - mean). */
void seg_norm_sum_gradient (gint lanes, gint64 n, const float *x, const float *dy,
                            const float *mean, double *sum, double *product);

/* How a norm's gradient follows from that of its output: dx += scale·dy - mean - (x - center)·slope. */
typedef struct
{
  float scale[SEG_KERNEL_MAX_LANES], mean[SEG_KERNEL_MAX_LANES], center[SEG_KERNEL_MAX_LANES],
      slope[SEG_KERNEL_MAX_LANES];
} SegNormGradient;

void seg_norm_add_gradient (gint lanes, gint64 n, const SegNormGradient *of, const float *x,
                            const float *dy, float *dx);

/* What of @dy came through a clamp whose output @y was: nothing where that is @lo or less, or @hi or
 * more. NaN lets it through. The second: whose input was scale·x + shift, lane by lane. */
void seg_norm_unclamp (gint64 n, const float *y, float lo, float hi, const float *dy, float *to);
void seg_norm_unclamp_affine (gint lanes, gint64 n, const float *x, const float *scale,
                              const float *shift, float lo, float hi, const float *dy, float *to);

G_END_DECLS
