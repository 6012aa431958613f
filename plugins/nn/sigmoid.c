#include <math.h>

#include "nn.h"

struct _SegSigmoid
{
  SegElementwise parent_instance;
};

G_DEFINE_FINAL_TYPE (SegSigmoid, seg_sigmoid, SEG_TYPE_ELEMENTWISE)

/**
 * SegSigmoid:
 *
 * The logistic function, 1 / (1 + exp (-x)).
 * Shapes: (N, C, H, W) → the same, in 0…1.
 * Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors
 * Halo: none
 * Kept for backward: the output
 */

/* No `omp simd` here: the mathematical library's vector exponential rounds otherwise than its
 * scalar one, and the bits of a pixel would depend on whether it falls into a loop's tail. */
static void
seg_sigmoid_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  (void) layer;
  for (gsize i = 0; i < n; i++)
    y[i] = 1.f / (1.f + expf (-x[i]));
}

static void
seg_sigmoid_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                      gsize n)
{
  (void) layer, (void) x;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    dx[i] += dy[i] * y[i] * (1.f - y[i]);
}

static void
seg_sigmoid_class_init (SegSigmoidClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_sigmoid_forward;
  elementwise->backward = seg_sigmoid_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_INPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Logistic sigmoid",
                            "Rumelhart, Hinton and Williams 1986");
}

static void
seg_sigmoid_init (SegSigmoid *self)
{
  (void) self;
}
