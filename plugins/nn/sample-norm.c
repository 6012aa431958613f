#include <math.h>

#include "blocks.h"
#include "nn.h"
#include "norm-rows.h"

/**
 * SegSampleNorm:
 *
 * Base of layers that normalise groups of channels of one sample at a time: y = (x - mean) /
 * √(variance + eps) · weight + bias, mean and variance (the biased one) over the channels of the
 * group and all positions. The same in training and in inference, and so there are no running
 * statistics (PyTorch's track_running_stats=False).
 * Shapes: (N, C, H, W), weight and bias (C) → the same.
 * Source: Wu and He 2018, Group normalization, eq. 1 to 7, arXiv:1803.08494
 * Halo: the whole map, in inference, too: it is computed and held before the first output. Rows
 *   are summed on their own, in double, and joined in order
 * Kept for backward: the input
 *
 * Longer than most layers, as it is two of them.
 */
typedef struct
{
  float eps;
  gboolean affine;
} SegSampleNormPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (SegSampleNorm, seg_sample_norm, SEG_TYPE_LAYER)

/* What finish() leaves in run->stats: one run of N · groups floats each. */
typedef enum
{
  MEAN,
  INVERSE_DEVIATION,
  MEAN_DY, /* of the gradient times weight, from here on in the backward phase */
  MEAN_DY_XHAT,
  N_STATS,
} Stat;

static gint64
seg_sample_norm_get_n_groups (SegLayer *layer, const SegShape *in)
{
  return SEG_SAMPLE_NORM_GET_CLASS (layer)->get_n_groups (SEG_SAMPLE_NORM (layer), in->c);
}

/* One number of one group's. @channel counts in the sample. */
static float
seg_sample_norm_get_stat (SegLayer *layer, const SegRun *run, const SegShape *in, Stat stat,
                          gint64 sample, gint64 channel)
{
  gint64 n_groups = seg_sample_norm_get_n_groups (layer, in);

  return run->stats[(stat * in->n + sample) * n_groups + channel * n_groups / in->c];
}

static gboolean
seg_sample_norm_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                       GError **error)
{
  gint64 n_groups = seg_sample_norm_get_n_groups (layer, in);
  (void) n_in;

  if (in->c % n_groups != 0)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%" G_GINT64_FORMAT " groups do not divide %" G_GINT64_FORMAT " channels",
                   n_groups, in->c);
      return FALSE;
    }
  if (in->c == n_groups && in->h == 1 && in->w == 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "a map of 1×1 pixels leaves a group of one number, which has no deviation");
      return FALSE;
    }
  *out = *in;
  return TRUE;
}

static void
seg_sample_norm_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));
  SegInit zero = { SEG_INIT_CONSTANT, 0.f, 0, 0 }, one = { SEG_INIT_CONSTANT, 1.f, 0, 0 };
  (void) n_in;

  if (!priv->affine)
    return;
  seg_param_set_add (params, "weight", SEG_ROLE_NORM, SEG_DTYPE_F32, one, 1, in->c);
  seg_param_set_add (params, "bias", SEG_ROLE_NORM, SEG_DTYPE_F32, zero, 1, in->c);
}

/* The channel's weight, or 1. */
static double
seg_sample_norm_get_weight (SegLayer *layer, const SegRun *run, guint c)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));

  return priv->affine ? (double) ((const float *) run->params[0])[c] : 1.;
}

/* ---- sums ------------------------------------------------------------------------------ */

static gsize
seg_sample_norm_n_sums (SegLayer *layer, SegPhase phase, const SegShape *in, guint n_in)
{
  (void) phase, (void) n_in;
  return 2 * (gsize) (in->n * seg_sample_norm_get_n_groups (layer, in));
}

static gsize
seg_sample_norm_n_stats (SegLayer *layer, const SegShape *in, guint n_in)
{
  (void) n_in;
  return N_STATS * (gsize) (in->n * seg_sample_norm_get_n_groups (layer, in));
}

/* The means of a block's channels. */
static void
seg_sample_norm_get_means (SegLayer *layer, const SegRun *run, const SegView *in, gint64 sample,
                           guint b, float *means)
{
  for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
    means[l] = seg_sample_norm_get_stat (layer, run, &in->shape, MEAN, sample,
                                         in->blocks[b].channel + l);
}

/* Σ dy and Σ dy·x̂ of one row, lane by lane */
static void
seg_sample_norm_sum_gradient (SegLayer *layer, const SegRun *run, const SegView *in,
                              const SegView *dout, guint b, gint64 sample, gint64 y,
                              double *sum_dy, double *sum_dy_xhat)
{
  float means[SEG_KERNEL_MAX_LANES] = { 0 };

  seg_sample_norm_get_means (layer, run, in, sample, b, means);
  seg_norm_sum_gradient (run->kernels, in->blocks[b].lanes, in->shape.w,
                         seg_view_at (in, b, sample, y, 0), seg_view_at (dout, b, sample, y, 0),
                         means, sum_dy, sum_dy_xhat);
  for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
    sum_dy_xhat[l] *= (double) seg_sample_norm_get_stat (layer, run, &in->shape, INVERSE_DEVIATION,
                                                         sample, in->blocks[b].channel + l);
}

/* Forward: Σ x and Σ x². Backward: Σ dy·weight and Σ dy·weight·x̂. */
static void
seg_sample_norm_sum_row (SegLayer *layer, SegPhase phase, const SegRun *run, const SegView *in,
                         guint n_in, const SegView *dout, gint64 sample, gint64 y, double *sums)
{
  gint64 n_groups = seg_sample_norm_get_n_groups (layer, &in->shape);
  (void) n_in;

  for (guint b = 0; b < in->n_blocks; b++)
    {
      const SegChannelBlock *block = &in->blocks[b];
      double first[SEG_KERNEL_MAX_LANES] = { 0 }, second[SEG_KERNEL_MAX_LANES] = { 0 };

      if (phase == SEG_PHASE_BACKWARD)
        seg_sample_norm_sum_gradient (layer, run, in, dout, b, sample, y, first, second);
      else
        seg_norm_sum (run->kernels, block->lanes, in->shape.w, seg_view_at (in, b, sample, y, 0),
                      first, second);

      for (gint32 l = 0; l < block->n_channels; l++)
        {
          guint c = (guint) (block->channel + l);
          double *group = sums + 2 * (sample * n_groups + c * n_groups / in->shape.c);
          double factor =
              phase == SEG_PHASE_BACKWARD ? seg_sample_norm_get_weight (layer, run, c) : 1.;

          group[0] += first[l] * factor;
          group[1] += second[l] * factor;
        }
    }
}

static void
seg_sample_norm_finish (SegLayer *layer, SegPhase phase, const SegShape *in, guint n_in,
                        const double *sums, float *stats)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));
  gint64 n_groups = seg_sample_norm_get_n_groups (layer, in), n_all = in->n * n_groups;
  double n = (double) (in->c / n_groups) * (double) in->h * (double) in->w;
  (void) n_in;

  for (gint64 i = 0; i < n_all; i++, sums += 2)
    if (phase == SEG_PHASE_BACKWARD)
      {
        stats[MEAN_DY * n_all + i] = (float) (sums[0] / n);
        stats[MEAN_DY_XHAT * n_all + i] = (float) (sums[1] / n);
      }
    else
      {
        double mean = sums[0] / n, variance = sums[1] / n - mean * mean;

        /* rounding can take the variance below zero; NaN must stay */
        variance = variance < 0. ? 0. : variance;
        stats[MEAN * n_all + i] = (float) mean;
        stats[INVERSE_DEVIATION * n_all + i] = (float) (1. / sqrt (variance + (double) priv->eps));
      }
}

/* ---- forward and backward --------------------------------------------------------------- */

static void
seg_sample_norm_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                         SegView *out, const SegPiece *piece)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));
  const SegShape *shape = &in->shape;
  gint64 n = piece->sample;
  (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      float scale[SEG_KERNEL_MAX_LANES] = { 0 }, shift[SEG_KERNEL_MAX_LANES] = { 0 };

      for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
        {
          guint c = (guint) (in->blocks[b].channel + l);
          double mean = (double) seg_sample_norm_get_stat (layer, run, shape, MEAN, n, c);
          double inverse
              = (double) seg_sample_norm_get_stat (layer, run, shape, INVERSE_DEVIATION, n, c);
          double factor = inverse * seg_sample_norm_get_weight (layer, run, c);
          double bias = priv->affine ? (double) ((const float *) run->params[1])[c] : 0.;

          scale[l] = (float) factor;
          shift[l] = (float) (bias - mean * factor);
        }
      seg_block_affine (run, in, out, piece, b, scale, shift);
    }
}

/* dx = (dy · weight - mean (dy · weight) - x̂ · mean (dy · weight · x̂)) / deviation */
static SegKernelNormGradient
seg_sample_norm_get_gradient (SegLayer *layer, const SegRun *run, const SegView *in, gint64 n,
                              guint b)
{
  const SegShape *shape = &in->shape;
  SegKernelNormGradient of = { { 0 }, { 0 }, { 0 }, { 0 } };

  for (gint32 l = 0, c = in->blocks[b].channel; l < in->blocks[b].n_channels; l++, c++)
    {
      float inverse = seg_sample_norm_get_stat (layer, run, shape, INVERSE_DEVIATION, n, c);

      of.center[l] = seg_sample_norm_get_stat (layer, run, shape, MEAN, n, c);
      of.scale[l] = inverse * (float) seg_sample_norm_get_weight (layer, run, (guint) c);
      of.mean[l] = inverse * seg_sample_norm_get_stat (layer, run, shape, MEAN_DY, n, c);
      of.slope[l]
          = inverse * inverse * seg_sample_norm_get_stat (layer, run, shape, MEAN_DY_XHAT, n, c);
    }
  return of;
}

static void
seg_sample_norm_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                const SegView *out, const SegView *dout, guint input, SegView *din,
                                const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) n_in, (void) out, (void) input;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      SegKernelNormGradient of = seg_sample_norm_get_gradient (layer, run, in, piece->sample, b);

      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          float *dx = seg_view_at (din, b, piece->sample, y, r->x);

          seg_norm_gradient (run->kernels, in->blocks[b].lanes, r->w, &of,
                             seg_view_at (in, b, piece->sample, y, r->x),
                             seg_view_at (dout, b, piece->sample, y, r->x), dx, dx);
        }
    }
}

/* What one row of a block gives. */
static void
seg_sample_norm_add_params (SegLayer *layer, const SegRun *run, const SegView *in,
                            const SegView *dout, gint64 row, guint b, float *const *dparams)
{
  const SegChannelBlock *block = &in->blocks[b];
  double dbias[SEG_KERNEL_MAX_LANES] = { 0 }, dweight[SEG_KERNEL_MAX_LANES] = { 0 };

  seg_sample_norm_sum_gradient (layer, run, in, dout, b, row / in->shape.h, row % in->shape.h,
                                dbias, dweight);
  for (gint32 l = 0; l < block->n_channels; l++)
    {
      dparams[0][block->channel + l] += (float) dweight[l];
      dparams[1][block->channel + l] += (float) dbias[l];
    }
}

static void
seg_sample_norm_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                 const SegView *out, const SegView *dout,
                                 const SegParamPiece *piece, float *const *dparams)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));
  (void) n_in, (void) out;

  for (guint b = piece->block; priv->affine && b < piece->block + piece->n_blocks; b++)
    for (gint64 row = piece->row0; row < piece->row1; row++)
      seg_sample_norm_add_params (layer, run, in, dout, row, b, dparams);
}

static void
seg_sample_norm_class_init (SegSampleNormClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);
  gsize offset = (gsize) g_type_class_get_instance_private_offset (klass);

  layer->flags = SEG_LAYER_WHOLE_MAP | SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  layer->infer = seg_sample_norm_infer;
  layer->declare = seg_sample_norm_declare;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_sample_norm_forward;
  layer->backward_input = seg_sample_norm_backward_input;
  layer->backward_params = seg_sample_norm_backward_params;
  layer->n_sums = seg_sample_norm_n_sums;
  layer->n_stats = seg_sample_norm_n_stats;
  layer->sum_row = seg_sample_norm_sum_row;
  layer->finish = seg_sample_norm_finish;
  seg_class_add_float (klass, "eps", offset + G_STRUCT_OFFSET (SegSampleNormPrivate, eps), 1e-12f,
                       1.f, 1e-5f, "Added to the variance");
  seg_class_add_boolean (klass, "affine", offset + G_STRUCT_OFFSET (SegSampleNormPrivate, affine),
                         TRUE, "Whether there are a trained weight and bias");
}

static void
seg_sample_norm_init (SegSampleNorm *self)
{
  (void) self;
}
