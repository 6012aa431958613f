#include <math.h>

#include "nn.h"

struct _SegSilu
{
  SegElementwise parent_instance;
};

G_DEFINE_FINAL_TYPE (SegSilu, seg_silu, SEG_TYPE_ELEMENTWISE)

/**
 * SegSilu:
 *
 * x times the logistic function of x, also called swish.
 * Shapes: (N, C, H, W) → the same.
 * Source: Hendrycks and Gimpel 2016, arXiv:1606.08415; Elfwing, Uchibe and Doya 2017,
 *   arXiv:1702.03118
 * Halo: none
 * Kept for backward: the input
 */

static void
seg_silu_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  (void) layer;
  for (gsize i = 0; i < n; i++)
    y[i] = x[i] / (1.f + expf (-x[i]));
}

static void
seg_silu_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                   gsize n)
{
  (void) layer, (void) y;
  for (gsize i = 0; i < n; i++)
    {
      float s = 1.f / (1.f + expf (-x[i]));
      dx[i] += dy[i] * s * (1.f + x[i] * (1.f - s));
    }
}

static void
seg_silu_class_init (SegSiluClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_silu_forward;
  elementwise->backward = seg_silu_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "SiLU (swish)",
                            "Hendrycks and Gimpel 2016, arXiv:1606.08415");
}

static void
seg_silu_init (SegSilu *self)
{
  (void) self;
}
