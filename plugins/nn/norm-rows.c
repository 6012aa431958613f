#include "norm-rows.h"

void
seg_norm_sum (const SegKernels *kernels, gint lanes, gint64 n, const float *x, double *sum,
              double *square)
{
  if (lanes > 1)
    {
      kernels->norm_sum ((gsize) n, x, sum, square);
      return;
    }
  for (gint64 i = 0; i < n; i++)
    {
      *sum += (double) x[i];
      *square += (double) x[i] * (double) x[i];
    }
}

void
seg_norm_sum_gradient (const SegKernels *kernels, gint lanes, gint64 n, const float *x,
                       const float *dy, const float *mean, double *sum, double *product)
{
  if (lanes > 1)
    {
      kernels->norm_sum_gradient ((gsize) n, x, dy, mean, sum, product);
      return;
    }
  for (gint64 i = 0; i < n; i++)
    {
      *sum += (double) dy[i];
      *product += (double) dy[i] * ((double) x[i] - (double) *mean);
    }
}

static void
seg_norm_gradient_plane (gint64 n, const SegKernelNormGradient *of, const float *x,
                         const float *dy, const float *add, float *y)
{
  float scale = of->scale[0], mean = of->mean[0], center = of->center[0], slope = of->slope[0];

#pragma omp simd
  for (gint64 i = 0; i < n; i++)
    {
      float dx = scale * dy[i] - mean - (x[i] - center) * slope;

      y[i] = add != NULL ? add[i] + dx : dx;
    }
}

void
seg_norm_gradient (const SegKernels *kernels, gint lanes, gint64 n,
                   const SegKernelNormGradient *of, const float *x, const float *dy,
                   const float *add, float *y)
{
  if (lanes > 1)
    kernels->norm_gradient ((gsize) n, of, x, dy, add, y);
  else
    seg_norm_gradient_plane (n, of, x, dy, add, y);
}

static void
seg_norm_unclamp_plane (gint64 n, const float *restrict x, float scale, float shift, float lo,
                        float hi, const float *restrict dy, float *restrict to)
{
#pragma omp simd
  for (gint64 i = 0; i < n; i++)
    {
      float y = x[i] * scale + shift, g = dy[i];
      to[i] = ((y <= lo) | (y >= hi)) ? 0.f : g;
    }
}

void
seg_norm_unclamp (const SegKernels *kernels, gint lanes, gint64 n, const float *x,
                  const SegKernelPrologue *clamp, const float *dy, float *to)
{
  gboolean affine = clamp->scale != NULL;

  if (lanes > 1)
    kernels->unclamp ((gsize) n, x, clamp, dy, to);
  else
    seg_norm_unclamp_plane (n, x, affine ? clamp->scale[0] : 1.f, affine ? clamp->shift[0] : 0.f,
                            clamp->lo, clamp->hi, dy, to);
}
