#include <math.h>

#include "losses.h"

struct _SegFocal
{
  SegPixelLoss parent_instance;
  float gamma;
};

G_DEFINE_FINAL_TYPE (SegFocal, seg_focal, SEG_TYPE_PIXEL_LOSS)

/**
 * SegFocal:
 *
 * L = -Σ v(y) w (1 - p)^γ log p / Σ v(y): pixels that are already right count for less. With γ = 0 it
 * is the cross-entropy. The paper's α are weights of classes.
 * Source: Lin, Goyal, Girshick, He and Dollár 2017, equations 4 and 5, arXiv:1708.02002
 */

/* -log p times d loss / d log p is q^γ - γ q^(γ - 1) p log p, with q = 1 - p. */
static double
seg_focal_pixel (SegPixelLoss *loss, double minus_log_p, double *slope)
{
  double gamma = (double) SEG_FOCAL (loss)->gamma;
  double p = exp (-minus_log_p), q = -expm1 (-minus_log_p);
  double power = gamma == 2. ? q * q : pow (q, gamma);
  double ratio = q > 1e-9 ? p * minus_log_p / q : 1.; /* -p log p / q, which tends to 1 */

  *slope = power * (1. + gamma * ratio);
  return power * minus_log_p;
}

static void
seg_focal_class_init (SegFocalClass *klass)
{
  SEG_PIXEL_LOSS_CLASS (klass)->pixel = seg_focal_pixel;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Focal loss",
                           "Lin et al. 2017, equations 4 and 5, arXiv:1708.02002");
  seg_class_add_float (klass, "gamma", G_STRUCT_OFFSET (SegFocal, gamma), 0.f, 10.f, 2.f,
                       "How much less pixels count that are already right; 0: no less");
}

static void
seg_focal_init (SegFocal *self)
{
  (void) self;
}
