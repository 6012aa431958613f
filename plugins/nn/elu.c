#include <math.h>

#include "nn.h"

struct _SegElu
{
  SegElementwise parent_instance;
  float alpha;
};

G_DEFINE_FINAL_TYPE (SegElu, seg_elu, SEG_TYPE_ELEMENTWISE)

/**
 * SegElu:
 *
 * Exponential linear unit: x where positive, else alpha · (exp (x) - 1).
 * Shapes: (N, C, H, W) → the same.
 * Source: Clevert, Unterthiner and Hochreiter 2016, eq. 15, arXiv:1511.07289
 * Halo: none
 * Kept for backward: the input
 */

static void
seg_elu_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  float alpha = SEG_ELU (layer)->alpha;

  for (gsize i = 0; i < n; i++)
    y[i] = x[i] > 0.f ? x[i] : alpha * expm1f (x[i]);
}

static void
seg_elu_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                  gsize n)
{
  float alpha = SEG_ELU (layer)->alpha;
  (void) y;

  for (gsize i = 0; i < n; i++)
    dx[i] += x[i] > 0.f ? dy[i] : dy[i] * (alpha * expf (x[i]));
}

static void
seg_elu_class_init (SegEluClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_elu_forward;
  elementwise->backward = seg_elu_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "ELU",
                            "Clevert, Unterthiner and Hochreiter 2016, arXiv:1511.07289");
  seg_class_add_float (klass, "alpha", G_STRUCT_OFFSET (SegElu, alpha), 0.f, 100.f, 1.f,
                       "Minus the value at minus infinity");
}

static void
seg_elu_init (SegElu *self)
{
  (void) self;
}
