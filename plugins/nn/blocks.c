#include "blocks.h"

#include <math.h>

void
seg_block_affine (const SegRun *run, const SegView *in, SegView *out, const SegPiece *piece,
                  guint block, const float *scale, const float *shift)
{
  SegKernelPrologue affine = { scale, shift, -INFINITY, INFINITY };
  const SegRect *r = &piece->rect;

  for (gint64 y = r->y; y < r->y + r->h; y++)
    {
      const float *from = seg_view_at (in, block, piece->sample, y, r->x);
      float *to = seg_view_at (out, block, piece->sample, y, r->x);

      if (out->blocks[block].lanes == 1)
        run->kernels->affine ((gsize) r->w, from, scale[0], shift[0], to);
      else
        run->kernels->prologue ((gsize) r->w, from, &affine, to);
    }
}

static inline void
seg_block_sum_lanes (gint lanes, gint64 n, const float *restrict x, double *restrict sum,
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
seg_block_sum (const SegView *in, guint b, gint64 sample, gint64 y, double *sum, double *square)
{
  SEG_CALL_WITH_LANES (in->blocks[b].lanes, seg_block_sum_lanes, in->shape.w,
                       seg_view_at (in, b, sample, y, 0), sum, square);
}

static inline void
seg_block_sum_gradient_lanes (gint lanes, gint64 n, const float *restrict x,
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
seg_block_sum_gradient (const SegView *in, const SegView *dout, guint b, gint64 sample, gint64 y,
                        const float *mean, double *sum, double *product)
{
  SEG_CALL_WITH_LANES (in->blocks[b].lanes, seg_block_sum_gradient_lanes, in->shape.w,
                       seg_view_at (in, b, sample, y, 0), seg_view_at (dout, b, sample, y, 0), mean,
                       sum, product);
}

static inline void
seg_block_norm_lanes (gint lanes, gint64 n, const SegNormGradient *of, const float *restrict x,
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
seg_block_add_norm_gradient (const SegNormGradient *of, const SegView *in, const SegView *dout,
                             SegView *din, const SegPiece *piece, guint block)
{
  const SegRect *r = &piece->rect;

  for (gint64 y = r->y; y < r->y + r->h; y++)
    SEG_CALL_WITH_LANES (din->blocks[block].lanes, seg_block_norm_lanes, r->w, of,
                         seg_view_at (in, block, piece->sample, y, r->x),
                         seg_view_at (dout, block, piece->sample, y, r->x),
                         seg_view_at (din, block, piece->sample, y, r->x));
}
