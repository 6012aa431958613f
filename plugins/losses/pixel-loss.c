#include <math.h>

#include "losses.h"

/**
 * SegPixelLoss:
 *
 * Base of losses of single pixels: L = Σ v(y) w f(-log p) / Σ v(y) over pixels that count, p the
 * probability of the pixel's class y, v(y) the class's weight and w the pixel's. So the mean is that
 * of PyTorch's CrossEntropyLoss, and a border map's weights stress pixels without making others count
 * less.
 */
G_DEFINE_ABSTRACT_TYPE (SegPixelLoss, seg_pixel_loss, SEG_TYPE_LOSS)

enum
{
  LOSS,
  WEIGHT, /* after finish(): 1 / weight */
  N_SUMS,
};

static gsize
seg_pixel_loss_n_sums (SegLoss *loss, guint n_classes)
{
  (void) loss, (void) n_classes;
  return N_SUMS;
}

/* -log p of pixel @i of a run, which is not ignored. With one plane, class 0 has the logit 0. */
static double
seg_pixel_loss_minus_log_p (const SegLossRow *row, const SegLossRun *run, gsize first, guint i)
{
  guint16 target = row->target[first + i];
  float z = row->n_classes > 1 ? row->logits[target][first + i]
            : target == 1      ? row->logits[0][first + i]
                               : 0.f;

  return (double) (run->max[i] - z) + (double) logf (run->sum[i]);
}

static void
seg_pixel_loss_sum_row (SegLoss *loss, const SegLossRow *row, double *sums)
{
  SegPixelLoss *self = SEG_PIXEL_LOSS (loss);
  SegLossRun run;

  for (gsize first = 0; first < row->n; first += SEG_LOSS_RUN)
    {
      seg_loss_run_compute (&run, row, first);
      for (guint i = 0; i < run.n; i++)
        {
          guint16 target = row->target[first + i];
          double class_weight, slope;

          if (target == SEG_TARGET_IGNORE)
            continue;
          class_weight = (double) seg_loss_row_class_weight (row, target);
          sums[LOSS] += class_weight * (double) seg_loss_row_weight (row, first + i)
                        * SEG_PIXEL_LOSS_GET_CLASS (self)->pixel (
                            self, seg_pixel_loss_minus_log_p (row, &run, first, i), &slope);
          sums[WEIGHT] += class_weight;
        }
    }
}

static double
seg_pixel_loss_finish (SegLoss *loss, guint n_classes, const float *class_weight, double *sums)
{
  (void) loss, (void) n_classes, (void) class_weight;

  sums[WEIGHT] = sums[WEIGHT] > 0. ? 1. / sums[WEIGHT] : 0.;
  return sums[LOSS] * sums[WEIGHT];
}

/* d f(-log p) / dz = slope · (softmax z - the class's 1) */
static void
seg_pixel_loss_gradient_row (SegLoss *loss, const SegLossRow *row, const double *sums,
                             double factor, float *const *dlogits)
{
  SegPixelLoss *self = SEG_PIXEL_LOSS (loss);
  SegLossRun run;

  for (gsize first = 0; first < row->n; first += SEG_LOSS_RUN)
    {
      float k[SEG_LOSS_RUN] = { 0 };

      seg_loss_run_compute (&run, row, first);
      for (guint i = 0; i < run.n; i++)
        {
          guint16 target = row->target[first + i];
          double slope;

          if (target == SEG_TARGET_IGNORE)
            continue;
          SEG_PIXEL_LOSS_GET_CLASS (self)->pixel (
              self, seg_pixel_loss_minus_log_p (row, &run, first, i), &slope);
          k[i] = (float) (factor * sums[WEIGHT] * slope
                          * (double) seg_loss_row_class_weight (row, target)
                          * (double) seg_loss_row_weight (row, first + i));
          if (row->n_classes > 1 || target == 1)
            dlogits[row->n_classes > 1 ? target : 0][first + i] -= k[i];
        }
      for (guint c = 0; c < row->n_classes; c++)
        for (guint i = 0; i < run.n; i++)
          dlogits[c][first + i] += k[i] * run.p[c][i];
    }
}

static void
seg_pixel_loss_class_init (SegPixelLossClass *klass)
{
  SegLossClass *loss = SEG_LOSS_CLASS (klass);

  loss->n_sums = seg_pixel_loss_n_sums;
  loss->sum_row = seg_pixel_loss_sum_row;
  loss->finish = seg_pixel_loss_finish;
  loss->gradient_row = seg_pixel_loss_gradient_row;
}

static void
seg_pixel_loss_init (SegPixelLoss *self)
{
  (void) self;
}
