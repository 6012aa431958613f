#include "losses.h"

/* Whose overlap it is. */
typedef enum
{
  SEG_PER_BATCH,
  SEG_PER_SAMPLE,
} SegPer;

static GType seg_per_get_type (void);
G_DEFINE_ENUM_TYPE (SegPer, seg_per, G_DEFINE_ENUM_VALUE (SEG_PER_BATCH, "batch"),
                    G_DEFINE_ENUM_VALUE (SEG_PER_SAMPLE, "sample"))

typedef struct
{
  SegPer per;
  gboolean background;
  float smooth;
} SegOverlapLossPrivate;

/**
 * SegOverlapLoss:
 *
 * Base of losses of overlap: L = 1 - Σ_c v_c I_c / Σ_c v_c, with an index of overlap I_c of class c's
 * sums Σ w p y, Σ w p and Σ w y over the pixels that count, p its probability, y whether it is true and
 * w the pixel's weight; v_c is the class's weight. Without the background, class 0 is left out; one
 * plane is class 1. Per sample, L is the mean over samples.
 */
G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (SegOverlapLoss, seg_overlap_loss, SEG_TYPE_LOSS)

/* The sums of one plane; after finish(), dL/dp where the plane's class is true and where not. */
enum
{
  BOTH,
  PREDICTED,
  TRUE_CLASS,
  N_PLANE_SUMS,

  IF_TRUE = BOTH,
  IF_NOT = PREDICTED,
};

static gsize
seg_overlap_loss_n_sums (SegLoss *loss, guint n_classes)
{
  (void) loss;
  return N_PLANE_SUMS * (gsize) n_classes;
}

static gboolean
seg_overlap_loss_by_sample (SegLoss *loss)
{
  SegOverlapLossPrivate *priv = seg_overlap_loss_get_instance_private (SEG_OVERLAP_LOSS (loss));

  return priv->per == SEG_PER_SAMPLE;
}

/* Weights of a run's pixels, 0 if they do not count, and whether any does. */
static gboolean
seg_overlap_loss_get_weights (const SegLossRow *row, const SegLossRun *run, gsize first,
                              float weights[SEG_LOSS_RUN])
{
  gboolean any = FALSE;

  for (guint i = 0; i < run->n; i++)
    {
      gboolean counts = row->target[first + i] != SEG_TARGET_IGNORE;

      weights[i] = counts ? seg_loss_row_weight (row, first + i) : 0.f;
      any |= counts;
    }
  return any;
}

static void
seg_overlap_loss_sum_row (SegLoss *loss, const SegLossRow *row, double *sums)
{
  float weights[SEG_LOSS_RUN];
  SegLossRun run;
  (void) loss;

  for (gsize first = 0; first < row->n; first += SEG_LOSS_RUN)
    {
      seg_loss_run_compute (&run, row, first);
      if (!seg_overlap_loss_get_weights (row, &run, first, weights))
        continue;
      for (guint c = 0; c < row->n_classes; c++)
        {
          double *plane = sums + N_PLANE_SUMS * c;
          guint class = row->n_classes > 1 ? c : 1;

          for (guint i = 0; i < run.n; i++)
            if (weights[i] != 0.f)
              {
                double p = (double) weights[i] * (double) run.p[c][i];

                plane[PREDICTED] += p;
                if (row->target[first + i] == class)
                  {
                    plane[BOTH] += p;
                    plane[TRUE_CLASS] += (double) weights[i];
                  }
              }
        }
    }
}

static double
seg_overlap_loss_finish (SegLoss *loss, guint n_classes, const float *class_weight, double *sums)
{
  SegOverlapLoss *self = SEG_OVERLAP_LOSS (loss);
  SegOverlapLossPrivate *priv = seg_overlap_loss_get_instance_private (self);
  guint first = n_classes > 1 && !priv->background ? 1 : 0;
  double index = 0., total = 0., counted = 0.;

  for (guint c = first; c < n_classes; c++)
    total += class_weight != NULL && n_classes > 1 ? (double) class_weight[c] : 1.;
  for (guint c = 0; c < n_classes; c++)
    {
      double *plane = sums + N_PLANE_SUMS * c, by_both, by_predicted;
      double share = class_weight != NULL && n_classes > 1 ? (double) class_weight[c] : 1.;

      counted += plane[PREDICTED];
      share = c < first || !(total > 0.) ? 0. : share / total;
      index += share
               * SEG_OVERLAP_LOSS_GET_CLASS (self)->index (self, plane[BOTH], plane[PREDICTED],
                                                           plane[TRUE_CLASS],
                                                           (double) priv->smooth, &by_both,
                                                           &by_predicted);
      plane[IF_TRUE] = -share * (by_both + by_predicted);
      plane[IF_NOT] = -share * by_predicted;
    }
  return counted != 0. && total > 0. ? 1. - index : 0.; /* NaN is not 0 */
}

static void
seg_overlap_loss_gradient_row (SegLoss *loss, const SegLossRow *row, const double *sums,
                               double factor, float *const *dlogits)
{
  float weights[SEG_LOSS_RUN], gradient[SEG_LOSS_MAX_PLANES][SEG_LOSS_RUN];
  SegLossRun run;
  (void) loss;

  for (gsize first = 0; first < row->n; first += SEG_LOSS_RUN)
    {
      seg_loss_run_compute (&run, row, first);
      if (!seg_overlap_loss_get_weights (row, &run, first, weights))
        continue;
      for (guint c = 0; c < row->n_classes; c++)
        {
          float if_true = (float) (factor * sums[N_PLANE_SUMS * c + IF_TRUE]);
          float if_not = (float) (factor * sums[N_PLANE_SUMS * c + IF_NOT]);
          guint class = row->n_classes > 1 ? c : 1;

          for (guint i = 0; i < run.n; i++)
            gradient[c][i]
                = weights[i] * (row->target[first + i] == class ? if_true : if_not);
        }
      seg_loss_run_chain (&run, row->n_classes, first, gradient, dlogits);
    }
}

static void
seg_overlap_loss_class_init (SegOverlapLossClass *klass)
{
  SegLossClass *loss = SEG_LOSS_CLASS (klass);
  gsize offset = (gsize) g_type_class_get_instance_private_offset (klass);

  loss->n_sums = seg_overlap_loss_n_sums;
  loss->by_sample = seg_overlap_loss_by_sample;
  loss->sum_row = seg_overlap_loss_sum_row;
  loss->finish = seg_overlap_loss_finish;
  loss->gradient_row = seg_overlap_loss_gradient_row;
  seg_class_add_enum (klass, "per", offset + G_STRUCT_OFFSET (SegOverlapLossPrivate, per),
                      seg_per_get_type (), SEG_PER_BATCH,
                      "Whether overlap is that of the whole batch, or of each sample by itself");
  seg_class_add_boolean (klass, "background",
                         offset + G_STRUCT_OFFSET (SegOverlapLossPrivate, background), FALSE,
                         "Whether class 0 counts, where there are two planes or more");
  seg_class_add_float (klass, "smooth", offset + G_STRUCT_OFFSET (SegOverlapLossPrivate, smooth),
                       0.f, 1e6f, 1e-5f,
                       "Pixels that are added to both sides of the fraction, against 0 / 0");
}

static void
seg_overlap_loss_init (SegOverlapLoss *self)
{
  (void) self;
}
