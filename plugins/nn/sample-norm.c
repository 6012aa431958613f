#include <math.h>

#include "blocks.h"
#include "nn.h"

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

/* Σ dy and Σ dy·x̂ of one row */
static void
seg_sample_norm_sum_gradient (SegLayer *layer, const SegRun *run, const SegView *in,
                              const SegView *dout, guint c, gint64 sample, gint64 y, double *sum_dy,
                              double *sum_dy_xhat)
{
  const float *x = seg_view_at (in, c, sample, y, 0);
  const float *dy = seg_view_at (dout, c, sample, y, 0);
  double mean = (double) seg_sample_norm_get_stat (layer, run, &in->shape, MEAN, sample, c);
  double inverse =
      (double) seg_sample_norm_get_stat (layer, run, &in->shape, INVERSE_DEVIATION, sample, c);
  double sum = 0., product = 0.;

  for (gint64 i = 0; i < in->shape.w; i++)
    {
      sum += (double) dy[i];
      product += (double) dy[i] * ((double) x[i] - mean);
    }
  *sum_dy = sum;
  *sum_dy_xhat = product * inverse;
}

/* Σ x and Σ x² of one row, lane by lane. Products of floats are exact in double, so that their
 * difference loses nothing that a float would show. */
static inline void
seg_sample_norm_sum_lanes (gint lanes, gint64 n, const float *restrict x, double *restrict sum,
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
        SEG_CALL_WITH_LANES (block->lanes, seg_sample_norm_sum_lanes, in->shape.w,
                             seg_view_at (in, b, sample, y, 0), first, second);

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
static void
seg_sample_norm_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                const SegView *out, const SegView *dout, guint input, SegView *din,
                                const SegPiece *piece)
{
  const SegShape *shape = &in->shape;
  const SegRect *r = &piece->rect;
  gint64 n = piece->sample;
  (void) n_in, (void) out, (void) input;

  for (guint c = piece->block; c < piece->block + piece->n_blocks; c++)
    {
      float mean = seg_sample_norm_get_stat (layer, run, shape, MEAN, n, c);
      float inverse = seg_sample_norm_get_stat (layer, run, shape, INVERSE_DEVIATION, n, c);
      float mean_dy = seg_sample_norm_get_stat (layer, run, shape, MEAN_DY, n, c);
      float slope = inverse * seg_sample_norm_get_stat (layer, run, shape, MEAN_DY_XHAT, n, c);
      float weight = (float) seg_sample_norm_get_weight (layer, run, c);

      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          const float *x = seg_view_at (in, c, n, y, r->x);
          const float *dy = seg_view_at (dout, c, n, y, r->x);
          float *dx = seg_view_at (din, c, n, y, r->x);
#pragma omp simd
          for (gint64 i = 0; i < r->w; i++)
            dx[i] += inverse * (dy[i] * weight - mean_dy - (x[i] - mean) * slope);
        }
    }
}

static void
seg_sample_norm_add_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                 const SegView *out, const SegView *dout, gint64 sample, gint64 y0,
                                 gint64 y1, float *const *dparams)
{
  SegSampleNormPrivate *priv = seg_sample_norm_get_instance_private (SEG_SAMPLE_NORM (layer));
  (void) n_in, (void) out;

  if (!priv->affine)
    return;
  for (guint c = 0; c < in->shape.c; c++)
    {
      double dbias = 0., dweight = 0.;

      for (gint64 y = y0; y < y1; y++)
        {
          double sum, product;

          seg_sample_norm_sum_gradient (layer, run, in, dout, c, sample, y, &sum, &product);
          dbias += sum;
          dweight += product;
        }
      dparams[0][c] += (float) dweight;
      dparams[1][c] += (float) dbias;
    }
}

static void
seg_sample_norm_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                 const SegView *out, const SegView *dout,
                                 const SegParamPiece *piece, float *const *dparams)
{
  SegParamPiece rest = *piece;
  gint64 sample, y0, y1;

  while (seg_param_piece_take (&rest, out->shape.h, &sample, &y0, &y1))
    seg_sample_norm_add_params (layer, run, in, n_in, out, dout, sample, y0, y1, dparams);
}

static void
seg_sample_norm_class_init (SegSampleNormClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);
  gsize offset = (gsize) g_type_class_get_instance_private_offset (klass);

  layer->flags = SEG_LAYER_WHOLE_MAP | SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  layer->infer = seg_sample_norm_infer;
  layer->declare = seg_sample_norm_declare;
  layer->layout = seg_layer_layout_alike_forward;
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
