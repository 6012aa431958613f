#include <math.h>

#include "batch-norm.h"

static GType seg_eps_mode_get_type (void);
G_DEFINE_ENUM_TYPE (SegEpsMode, seg_eps_mode, G_DEFINE_ENUM_VALUE (SEG_EPS_INSIDE, "inside"),
                    G_DEFINE_ENUM_VALUE (SEG_EPS_OUTSIDE, "outside"))

G_DEFINE_FINAL_TYPE (SegBatchNorm, seg_batch_norm, SEG_TYPE_LAYER)

/**
 * SegBatchNorm:
 *
 * Normalises each channel: y = (x - mean) / √(variance + eps) · weight + bias. In inference
 * with the running statistics, and then it is one affine map per channel; in training with
 * those of the batch, over samples and positions. eps and momentum mean what they do in
 * PyTorch: running = (1 - momentum) · running + momentum · batch, and the running variance
 * takes the unbiased one. With eps-mode outside it is (x - mean) / (√variance + eps), as some
 * texts on residual networks have it.
 * Shapes: (N, C, H, W) → the same.
 * Source: Ioffe and Szegedy 2015, algorithms 1 and 2, arXiv:1502.03167
 * Halo: none; in training the whole map
 * Kept for backward: the input
 */

/* What finish() leaves in run->stats: one run of C floats each. */
typedef enum
{
  MEAN,
  INVERSE_DEVIATION,
  UNBIASED_VARIANCE,
  SUM_DY,      /* of the gradient, from here on in the backward phase */
  SUM_DY_XHAT, /* of gradient times normalised input */
  N_STATS,
} Stat;

/* The parameters in the order declared. weight and bias are missing if not affine. */
typedef struct
{
  const float *weight, *bias, *mean, *variance;
} Params;

static Params
seg_batch_norm_get_params (SegLayer *layer, gconstpointer const *params)
{
  if (SEG_BATCH_NORM (layer)->affine)
    return (Params){ params[0], params[1], params[2], params[3] };
  return (Params){ NULL, NULL, params[0], params[1] };
}

/* What a channel is multiplied by. */
static double
seg_batch_norm_invert (SegBatchNorm *self, double variance)
{
  double eps = (double) self->eps;

  return 1. / (self->eps_mode == SEG_EPS_OUTSIDE ? sqrt (variance) + eps : sqrt (variance + eps));
}

static void
seg_batch_norm_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegInit zero = { SEG_INIT_CONSTANT, 0.f, 0, 0 }, one = { SEG_INIT_CONSTANT, 1.f, 0, 0 };
  (void) n_in;

  if (SEG_BATCH_NORM (layer)->affine)
    {
      seg_param_set_add (params, "weight", SEG_ROLE_NORM, SEG_DTYPE_F32, one, 1, in->c);
      seg_param_set_add (params, "bias", SEG_ROLE_NORM, SEG_DTYPE_F32, zero, 1, in->c);
    }
  seg_param_set_add (params, "running_mean", SEG_ROLE_STATE, SEG_DTYPE_F32, zero, 1, in->c);
  seg_param_set_add (params, "running_var", SEG_ROLE_STATE, SEG_DTYPE_F32, one, 1, in->c);
  seg_param_set_add (params, "num_batches_tracked", SEG_ROLE_COUNTER, SEG_DTYPE_I64, zero, 0);
}

/* Channel @c as y = scale · x + shift. In double up to the last rounding: mean · scale may be
 * far larger than the difference that counts. */
static void
seg_batch_norm_get_affine (const Params *p, guint c, double mean, double inverse, float *scale,
                           float *shift)
{
  double factor = (p->weight != NULL ? (double) p->weight[c] : 1.) * inverse;

  *scale = (float) factor;
  *shift = (float) ((p->bias != NULL ? (double) p->bias[c] : 0.) - mean * factor);
}

static gboolean
seg_batch_norm_as_affine (SegLayer *layer, gconstpointer const *params, gint64 n_channels,
                          float *scale, float *shift)
{
  SegBatchNorm *self = SEG_BATCH_NORM (layer);
  Params p = seg_batch_norm_get_params (layer, params);

  for (guint c = 0; c < n_channels; c++)
    seg_batch_norm_get_affine (&p, c, (double) p.mean[c],
                               seg_batch_norm_invert (self, (double) p.variance[c]), &scale[c],
                               &shift[c]);
  return TRUE;
}

static gsize
seg_batch_norm_n_sums (SegLayer *layer, SegPhase phase, const SegShape *in, guint n_in)
{
  (void) layer, (void) phase, (void) n_in;
  return 2 * (gsize) in->c;
}

static gsize
seg_batch_norm_n_stats (SegLayer *layer, const SegShape *in, guint n_in)
{
  (void) layer, (void) n_in;
  return N_STATS * (gsize) in->c;
}

static void
seg_batch_norm_finish (SegLayer *layer, SegPhase phase, const SegShape *in, guint n_in,
                       const double *sums, float *stats)
{
  double n = (double) in->n * (double) in->h * (double) in->w;
  (void) n_in;

  for (gint64 c = 0; c < in->c; c++, sums += 2)
    if (phase == SEG_PHASE_BACKWARD)
      {
        stats[SUM_DY * in->c + c] = (float) sums[0];
        stats[SUM_DY_XHAT * in->c + c]
            = (float) (sums[1] * (double) stats[INVERSE_DEVIATION * in->c + c]);
      }
    else
      {
        double mean = sums[0] / n;
        double variance = sums[1] / n - mean * mean;

        if (variance < 0.) /* by rounding; NaN stays NaN */
          variance = 0.;

        stats[MEAN * in->c + c] = (float) mean;
        stats[INVERSE_DEVIATION * in->c + c]
            = (float) seg_batch_norm_invert (SEG_BATCH_NORM (layer), variance);
        stats[UNBIASED_VARIANCE * in->c + c] = (float) (variance * n / MAX (n - 1., 1.));
      }
}

static void
seg_batch_norm_update (SegLayer *layer, const SegShape *in, guint n_in, const float *stats,
                       double share, gpointer const *params)
{
  SegBatchNorm *self = SEG_BATCH_NORM (layer);
  float momentum = share > 0. ? (float) share : self->momentum;
  guint first = self->affine ? 2 : 0;
  float *mean = params[first], *variance = params[first + 1];
  gint64 *n_batches = params[first + 2];
  (void) n_in;

  for (gint64 c = 0; c < in->c; c++)
    {
      mean[c] += momentum * (stats[MEAN * in->c + c] - mean[c]);
      variance[c] += momentum * (stats[UNBIASED_VARIANCE * in->c + c] - variance[c]);
    }
  *n_batches += 1;
}

/* 1 / deviation, as the derivative of the variance has it: without eps where that stands outside.
 * Zero for a constant channel, whose deviation has none. */
static float
seg_batch_norm_get_slope (SegBatchNorm *self, const SegRun *run, const SegShape *in, guint c)
{
  double n = (double) in->n * (double) in->h * (double) in->w;
  float inverse = run->stats[INVERSE_DEVIATION * in->c + c], deviation;

  if (self->eps_mode == SEG_EPS_INSIDE)
    return inverse;
  deviation = (float) sqrt ((double) run->stats[UNBIASED_VARIANCE * in->c + c] * (n - 1.) / n);
  return deviation > 0.f ? 1.f / deviation : 0.f;
}

/* The statistics of the batch, or in inference, and where they are frozen, the running ones. */
SegBatchNormChannel
seg_batch_norm_get_channel (SegBatchNorm *self, const SegRun *run, const SegShape *in, gint32 c)
{
  Params p = seg_batch_norm_get_params (SEG_LAYER (self), run->params);
  double n = (double) in->n * (double) in->h * (double) in->w;
  SegBatchNormChannel of = { .weight = p.weight != NULL ? p.weight[c] : 1.f };

  if (run->stats == NULL)
    {
      of.mean = (double) p.mean[c];
      of.inverse = seg_batch_norm_invert (self, (double) p.variance[c]);
    }
  else
    {
      of.mean = (double) run->stats[MEAN * in->c + c];
      of.inverse = (double) run->stats[INVERSE_DEVIATION * in->c + c];
      of.mean_dy = (float) ((double) run->stats[SUM_DY * in->c + c] / n);
      of.slope = seg_batch_norm_get_slope (self, run, in, (guint) c)
                 * (float) ((double) run->stats[SUM_DY_XHAT * in->c + c] / n);
    }
  seg_batch_norm_get_affine (&p, (guint) c, of.mean, of.inverse, &of.scale, &of.shift);
  return of;
}

void
seg_batch_norm_get_sums (const SegRun *run, const SegShape *in, gint32 c, float *dweight,
                         float *dbias)
{
  *dweight = run->stats[SUM_DY_XHAT * in->c + c];
  *dbias = run->stats[SUM_DY * in->c + c];
}

static void
seg_batch_norm_class_init (SegBatchNormClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  seg_batch_norm_class_init_passes (layer);
  layer->declare = seg_batch_norm_declare;
  layer->n_sums = seg_batch_norm_n_sums;
  layer->n_stats = seg_batch_norm_n_stats;
  layer->finish = seg_batch_norm_finish;
  layer->update = seg_batch_norm_update;
  layer->as_affine = seg_batch_norm_as_affine;
  seg_layer_class_set_info (layer, "Batch normalisation",
                            "Ioffe and Szegedy 2015, arXiv:1502.03167");
  seg_class_add_float (klass, "eps", G_STRUCT_OFFSET (SegBatchNorm, eps), 1e-12f, 1.f, 1e-5f,
                       "Added to the variance, or to the deviation");
  seg_class_add_enum (klass, "eps-mode", G_STRUCT_OFFSET (SegBatchNorm, eps_mode),
                      seg_eps_mode_get_type (), SEG_EPS_INSIDE,
                      "What eps is added to: inside the root, to the variance; outside it");
  seg_class_add_float (klass, "momentum", G_STRUCT_OFFSET (SegBatchNorm, momentum), 0.f, 1.f, 0.1f,
                       "Weight of a new batch in the running statistics");
  seg_class_add_boolean (klass, "affine", G_STRUCT_OFFSET (SegBatchNorm, affine), TRUE,
                         "Whether there are a trained weight and bias");
}

static void
seg_batch_norm_init (SegBatchNorm *self)
{
  (void) self;
}
