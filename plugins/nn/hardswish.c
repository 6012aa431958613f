#include "nn.h"

struct _SegHardswish
{
  SegElementwise parent_instance;
};

G_DEFINE_FINAL_TYPE (SegHardswish, seg_hardswish, SEG_TYPE_ELEMENTWISE)

/**
 * SegHardswish:
 *
 * x · clamp (x + 3, 0, 6) / 6: swish with straight lines for the logistic function.
 * Shapes: (N, C, H, W) → the same.
 * Source: Howard et al. 2019, Searching for MobileNetV3, section 5.2, arXiv:1905.02244
 * Halo: none
 * Kept for backward: the input
 */

/* The comparisons are such that NaN gets through them. */
static void
seg_hardswish_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  (void) layer;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    {
      float above = x[i] + 3.f < 0.f ? 0.f : x[i] + 3.f;
      y[i] = x[i] * (above > 6.f ? 6.f : above) / 6.f;
    }
}

static void
seg_hardswish_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                        gsize n)
{
  (void) layer, (void) y;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    dx[i] += x[i] < -3.f ? 0.f : x[i] <= 3.f ? dy[i] * (x[i] / 3.f + 0.5f) : dy[i];
}

static void
seg_hardswish_class_init (SegHardswishClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_hardswish_forward;
  elementwise->backward = seg_hardswish_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Hard swish",
                            "Howard et al. 2019, arXiv:1905.02244");
}

static void
seg_hardswish_init (SegHardswish *self)
{
  (void) self;
}
