#include "norm-rows.h"

#include "blocks.h"

static inline void
seg_norm_sum_lanes (gint lanes, gint64 n, const float *restrict x, double *restrict sum,
                    double *restrict square)
{
  for (gint64 i = 0; i < n; i++, x += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      {
        sum[l] += (double) x[l];
        square[l] += (double) x[l] * (double) x[l];
      }
}

void
seg_norm_sum (gint lanes, gint64 n, const float *x, double *sum, double *square)
{
  SEG_CALL_WITH_LANES (lanes, seg_norm_sum_lanes, n, x, sum, square);
}

static inline void
seg_norm_sum_gradient_lanes (gint lanes, gint64 n, const float *restrict x,
                             const float *restrict dy, const float *restrict mean,
                             double *restrict sum, double *restrict product)
{
  for (gint64 i = 0; i < n; i++, x += lanes, dy += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      {
        sum[l] += (double) dy[l];
        product[l] += (double) dy[l] * ((double) x[l] - (double) mean[l]);
      }
}

void
seg_norm_sum_gradient (gint lanes, gint64 n, const float *x, const float *dy, const float *mean,
                       double *sum, double *product)
{
  SEG_CALL_WITH_LANES (lanes, seg_norm_sum_gradient_lanes, n, x, dy, mean, sum, product);
}

static inline void
seg_norm_add_lanes (gint lanes, gint64 n, const SegNormGradient *of, const float *restrict x,
                    const float *restrict dy, float *restrict dx)
{
  if (lanes == 1)
    {
      float scale = of->scale[0], mean = of->mean[0], center = of->center[0], slope = of->slope[0];
#pragma omp simd
      for (gint64 i = 0; i < n; i++)
        dx[i] += scale * dy[i] - mean - (x[i] - center) * slope;
      return;
    }
  for (gint64 i = 0; i < n; i++, x += lanes, dy += lanes, dx += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      dx[l] += of->scale[l] * dy[l] - of->mean[l] - (x[l] - of->center[l]) * of->slope[l];
}

void
seg_norm_add_gradient (gint lanes, gint64 n, const SegNormGradient *of, const float *x,
                       const float *dy, float *dx)
{
  SEG_CALL_WITH_LANES (lanes, seg_norm_add_lanes, n, of, x, dy, dx);
}

void
seg_norm_unclamp (gint64 n, const float *restrict y, float lo, float hi, const float *restrict dy,
                  float *restrict to)
{
#pragma omp simd
  for (gint64 i = 0; i < n; i++)
    {
      float g = dy[i];
      to[i] = ((y[i] <= lo) | (y[i] >= hi)) ? 0.f : g;
    }
}

static inline void
seg_norm_unclamp_lanes (gint lanes, gint64 n, const float *restrict x, const float *restrict scale,
                        const float *restrict shift, float lo, float hi, const float *restrict dy,
                        float *restrict to)
{
  for (gint64 i = 0; i < n; i++, x += lanes, dy += lanes, to += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      {
        float y = x[l] * scale[l] + shift[l], g = dy[l];
        to[l] = ((y <= lo) | (y >= hi)) ? 0.f : g;
      }
}

void
seg_norm_unclamp_affine (gint lanes, gint64 n, const float *x, const float *scale,
                         const float *shift, float lo, float hi, const float *dy, float *to)
{
  SEG_CALL_WITH_LANES (lanes, seg_norm_unclamp_lanes, n, x, scale, shift, lo, hi, dy, to);
}
