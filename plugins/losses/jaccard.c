#include "losses.h"

struct _SegJaccard
{
  SegOverlapLoss parent_instance;
};

G_DEFINE_FINAL_TYPE (SegJaccard, seg_jaccard, SEG_TYPE_OVERLAP_LOSS)

/**
 * SegJaccard:
 *
 * I = (Σ p y + s) / (Σ p + Σ y - Σ p y + s), s the smoothing: the soft intersection over union.
 * Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks for
 *   image segmentation", equation 3
 */

static double
seg_jaccard_index (SegOverlapLoss *self, double both, double predicted, double true, double smooth,
                   double *by_both, double *by_predicted)
{
  double denominator = MAX (predicted + true - both + smooth, SEG_OVERLAP_LEAST);
  double index = (both + smooth) / denominator;
  (void) self;

  *by_both = (1. + index) / denominator;
  *by_predicted = -index / denominator;
  return index;
}

static void
seg_jaccard_class_init (SegJaccardClass *klass)
{
  SEG_OVERLAP_LOSS_CLASS (klass)->index = seg_jaccard_index;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Soft Jaccard index",
                           "Rahman and Wang 2016, equation 3");
}

static void
seg_jaccard_init (SegJaccard *self)
{
  (void) self;
}
