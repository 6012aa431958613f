#include <math.h>

#include "losses.h"

struct _SegBce
{
  SegLoss parent_instance;
};

G_DEFINE_FINAL_TYPE (SegBce, seg_bce, SEG_TYPE_LOSS)

/**
 * SegBce:
 *
 * Binary cross-entropy of each plane by itself, with its sigmoid p: for C planes
 * L = -Σ v(y) w (1 / C) Σ_c (y_c log p_c + (1 - y_c) log (1 - p_c)) / Σ v(y), as PyTorch's
 * BCEWithLogitsLoss has it for a one-hot target. Of one plane it is the cross-entropy.
 * Source: Good 1952, section 8
 */

enum
{
  LOSS,
  WEIGHT, /* after finish(): 1 / weight */
  N_SUMS,
};

static gsize
seg_bce_n_sums (SegLoss *loss, guint n_classes)
{
  (void) loss, (void) n_classes;
  return N_SUMS;
}

/* Whether the pixel's class is that of the plane. */
static gboolean
seg_bce_is_in_plane (const SegLossRow *row, guint plane, guint16 target)
{
  return target == (row->n_classes > 1 ? plane : 1);
}

static void
seg_bce_sum_row (SegLoss *loss, const SegLossRow *row, double *sums)
{
  (void) loss;

  for (gsize i = 0; i < row->n; i++)
    {
      guint16 target = row->target[i];
      double class_weight, sum = 0.;

      if (target == SEG_TARGET_IGNORE)
        continue;
      class_weight = (double) seg_loss_row_class_weight (row, target);
      for (guint c = 0; c < row->n_classes; c++)
        {
          float z = row->logits[c][i];

          /* a NaN is not to be lost in fmaxf() */
          sum += (double) ((z > 0.f || isnan (z) ? z : 0.f)
                           - (seg_bce_is_in_plane (row, c, target) ? z : 0.f)
                           + log1pf (seg_loss_exp (-fabsf (z))));
        }
      sums[LOSS] += class_weight * (double) seg_loss_row_weight (row, i) * sum / row->n_classes;
      sums[WEIGHT] += class_weight;
    }
}

static double
seg_bce_finish (SegLoss *loss, guint n_classes, const float *class_weight, double *sums)
{
  (void) loss, (void) n_classes, (void) class_weight;

  sums[WEIGHT] = sums[WEIGHT] > 0. ? 1. / sums[WEIGHT] : 0.;
  return sums[LOSS] * sums[WEIGHT];
}

static void
seg_bce_gradient_row (SegLoss *loss, const SegLossRow *row, const double *sums, double factor,
                      float *const *dlogits)
{
  double scale = factor * sums[WEIGHT] / row->n_classes;
  (void) loss;

  for (gsize i = 0; i < row->n; i++)
    {
      guint16 target = row->target[i];
      float k;

      if (target == SEG_TARGET_IGNORE)
        continue;
      k = (float) (scale * (double) seg_loss_row_class_weight (row, target)
                   * (double) seg_loss_row_weight (row, i));
      for (guint c = 0; c < row->n_classes; c++)
        dlogits[c][i] += k
                         * (1.f / (1.f + seg_loss_exp (-row->logits[c][i]))
                            - (seg_bce_is_in_plane (row, c, target) ? 1.f : 0.f));
    }
}

static void
seg_bce_class_init (SegBceClass *klass)
{
  SegLossClass *loss = SEG_LOSS_CLASS (klass);

  loss->n_sums = seg_bce_n_sums;
  loss->sum_row = seg_bce_sum_row;
  loss->finish = seg_bce_finish;
  loss->gradient_row = seg_bce_gradient_row;
  seg_loss_class_set_info (loss, "Binary cross-entropy of each class",
                           "Good 1952, section 8; PyTorch's BCEWithLogitsLoss");
}

static void
seg_bce_init (SegBce *self)
{
  (void) self;
}
