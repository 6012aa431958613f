#include "losses.h"

struct _SegDice
{
  SegOverlapLoss parent_instance;
};

G_DEFINE_FINAL_TYPE (SegDice, seg_dice, SEG_TYPE_OVERLAP_LOSS)

/**
 * SegDice:
 *
 * I = (2 Σ p y + s) / (Σ p + Σ y + s), s the smoothing: nnU-Net's soft Dice, which is this minus 1.
 * Source: Drozdzal, Vorontsov, Chartrand, Kadoury and Pal 2016, equation 2, arXiv:1608.04117;
 *   nnU-Net's MemoryEfficientSoftDiceLoss
 */

static double
seg_dice_index (SegOverlapLoss *self, double both, double predicted, double true, double smooth,
                double *by_both, double *by_predicted)
{
  double denominator = MAX (predicted + true + smooth, SEG_OVERLAP_LEAST);
  double index = (2. * both + smooth) / denominator;
  (void) self;

  *by_both = 2. / denominator;
  *by_predicted = -index / denominator;
  return index;
}

static void
seg_dice_class_init (SegDiceClass *klass)
{
  SEG_OVERLAP_LOSS_CLASS (klass)->index = seg_dice_index;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Soft Dice",
                           "Drozdzal et al. 2016, equation 2, arXiv:1608.04117; nnU-Net");
}

static void
seg_dice_init (SegDice *self)
{
  (void) self;
}
