#include "losses.h"

struct _SegCrossEntropy
{
  SegPixelLoss parent_instance;
};

G_DEFINE_FINAL_TYPE (SegCrossEntropy, seg_cross_entropy, SEG_TYPE_PIXEL_LOSS)

/**
 * SegCrossEntropy:
 *
 * L = -Σ v(y) w log p(y) / Σ v(y): PyTorch's CrossEntropyLoss with weight and ignore_index. One
 * plane of logits is the first against nothing, as in BCEWithLogitsLoss.
 * Source: Ronneberger, Fischer and Brox 2015, equation 1, arXiv:1505.04597
 */

static double
seg_cross_entropy_pixel (SegPixelLoss *self, double minus_log_p, double *slope)
{
  (void) self;

  *slope = 1.;
  return minus_log_p;
}

static void
seg_cross_entropy_class_init (SegCrossEntropyClass *klass)
{
  SEG_PIXEL_LOSS_CLASS (klass)->pixel = seg_cross_entropy_pixel;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Cross-entropy",
                           "Ronneberger et al. 2015, equation 1, arXiv:1505.04597");
}

static void
seg_cross_entropy_init (SegCrossEntropy *self)
{
  (void) self;
}
