#include <math.h>

#include "nn.h"

struct _SegRelu
{
  SegElementwise parent_instance;
};

G_DEFINE_FINAL_TYPE (SegRelu, seg_relu, SEG_TYPE_ELEMENTWISE)

/**
 * SegRelu:
 *
 * Negative numbers become zero. NaN stays NaN, as in PyTorch: a broken network must not look
 * healthy.
 * Shapes: (N, C, H, W) → the same.
 * Source: Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines
 * Halo: none
 * Kept for backward: the output
 */

static void
seg_relu_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  (void) layer;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    y[i] = x[i] < 0.f ? 0.f : x[i];
}

/* The output tells positive from not as well as the input does, and so the input may be
 * overwritten by it. */
static void
seg_relu_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                   gsize n)
{
  (void) layer, (void) x;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    {
      float g = dy[i];
      dx[i] += y[i] <= 0.f ? 0.f : g;
    }
}

static gboolean
seg_relu_as_clamp (SegLayer *layer, float *lo, float *hi)
{
  (void) layer;
  *lo = 0.f;
  *hi = INFINITY;
  return TRUE;
}

static void
seg_relu_class_init (SegReluClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_relu_forward;
  elementwise->backward = seg_relu_backward;
  elementwise->as_clamp = seg_relu_as_clamp;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_INPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "ReLU", "Nair and Hinton 2010");
}

static void
seg_relu_init (SegRelu *self)
{
  (void) self;
}
