#include "nn.h"

struct _SegLeakyRelu
{
  SegElementwise parent_instance;
  float slope;
};

G_DEFINE_FINAL_TYPE (SegLeakyRelu, seg_leaky_relu, SEG_TYPE_ELEMENTWISE)

/**
 * SegLeakyRelu:
 *
 * Negative numbers are multiplied by a slope. NaN stays NaN.
 * Shapes: (N, C, H, W) → the same.
 * Source: Maas, Hannun and Ng 2013, Rectifier nonlinearities improve neural network acoustic models
 * Halo: none
 * Kept for backward: the input
 */

/* A sum of two clamps: of a choice between results GCC makes no vector code. */
static void
seg_leaky_relu_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  float slope = SEG_LEAKY_RELU (layer)->slope;

#pragma omp simd
  for (gsize i = 0; i < n; i++)
    y[i] = (x[i] < 0.f ? 0.f : x[i]) + slope * (x[i] > 0.f ? 0.f : x[i]);
}

static void
seg_leaky_relu_backward (SegLayer *layer, const float *x, const float *y, const float *dy,
                         float *dx, gsize n)
{
  float slope = SEG_LEAKY_RELU (layer)->slope;
  (void) y;

#pragma omp simd
  for (gsize i = 0; i < n; i++)
    dx[i] += x[i] > 0.f ? dy[i] : slope * dy[i];
}

static void
seg_leaky_relu_class_init (SegLeakyReluClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_leaky_relu_forward;
  elementwise->backward = seg_leaky_relu_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Leaky ReLU", "Maas, Hannun and Ng 2013");
  seg_class_add_float (klass, "slope", G_STRUCT_OFFSET (SegLeakyRelu, slope), 0.f, 1.f, 0.01f,
                       "Factor of negative numbers");
}

static void
seg_leaky_relu_init (SegLeakyRelu *self)
{
  (void) self;
}
