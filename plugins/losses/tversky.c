#include "losses.h"

struct _SegTversky
{
  SegOverlapLoss parent_instance;
  float alpha, beta;
};

G_DEFINE_FINAL_TYPE (SegTversky, seg_tversky, SEG_TYPE_OVERLAP_LOSS)

/**
 * SegTversky:
 *
 * I = (Σ p y + s) / (Σ p y + α Σ p (1 - y) + β Σ (1 - p) y + s), s the smoothing. With α = β = ½ it is
 * Dice, but for what s does; β above α asks for fewer misses at the price of false alarms.
 * Source: Salehi, Erdogmus and Gholipour 2017, equation 3, arXiv:1706.05721
 */

static double
seg_tversky_index (SegOverlapLoss *loss, double both, double predicted, double true, double smooth,
                   double *by_both, double *by_predicted)
{
  double alpha = (double) SEG_TVERSKY (loss)->alpha, beta = (double) SEG_TVERSKY (loss)->beta;
  double denominator = MAX (both + alpha * (predicted - both) + beta * (true - both) + smooth,
                            SEG_OVERLAP_LEAST);
  double index = (both + smooth) / denominator;

  *by_both = (1. - index * (1. - alpha - beta)) / denominator;
  *by_predicted = -index * alpha / denominator;
  return index;
}

static void
seg_tversky_class_init (SegTverskyClass *klass)
{
  SEG_OVERLAP_LOSS_CLASS (klass)->index = seg_tversky_index;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Tversky index",
                           "Salehi et al. 2017, equation 3, arXiv:1706.05721");
  seg_class_add_float (klass, "alpha", G_STRUCT_OFFSET (SegTversky, alpha), 0.f, 1.f, 0.3f,
                       "Weight of false alarms");
  seg_class_add_float (klass, "beta", G_STRUCT_OFFSET (SegTversky, beta), 0.f, 1.f, 0.7f,
                       "Weight of misses");
}

static void
seg_tversky_init (SegTversky *self)
{
  (void) self;
}
