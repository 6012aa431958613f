#include <math.h>

#include "nn.h"

typedef enum
{
  SEG_GELU_NONE,
  SEG_GELU_TANH,
} SegGeluApproximate;

static GType seg_gelu_approximate_get_type (void);
G_DEFINE_ENUM_TYPE (SegGeluApproximate, seg_gelu_approximate,
                    G_DEFINE_ENUM_VALUE (SEG_GELU_NONE, "none"),
                    G_DEFINE_ENUM_VALUE (SEG_GELU_TANH, "tanh"))

struct _SegGelu
{
  SegElementwise parent_instance;
  SegGeluApproximate approximate;
};

G_DEFINE_FINAL_TYPE (SegGelu, seg_gelu, SEG_TYPE_ELEMENTWISE)

/**
 * SegGelu:
 *
 * Gaussian error linear unit: x · Φ (x), Φ the normal distribution's integral, by the error
 * function or by the authors' approximation with tanh.
 * Shapes: (N, C, H, W) → the same.
 * Source: Hendrycks and Gimpel 2016, section 2, arXiv:1606.08415
 * Halo: none
 * Kept for backward: the input
 */

#define SQRT_HALF 0.70710678f        /* 1 / √2 */
#define SQRT_TWO_OVER_PI 0.79788456f /* of the approximation's argument */
#define DENSITY 0.39894228f          /* 1 / √(2π) */
#define CUBIC 0.044715f

static void
seg_gelu_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  if (SEG_GELU (layer)->approximate == SEG_GELU_TANH)
    for (gsize i = 0; i < n; i++)
      {
        float inner = SQRT_TWO_OVER_PI * (x[i] + CUBIC * x[i] * x[i] * x[i]);
        y[i] = 0.5f * x[i] * (1.f + tanhf (inner));
      }
  else
    for (gsize i = 0; i < n; i++)
      y[i] = x[i] * (0.5f * (1.f + erff (x[i] * SQRT_HALF)));
}

static void
seg_gelu_backward (SegLayer *layer, const float *x, const float *y, const float *dy, float *dx,
                   gsize n)
{
  (void) y;
  if (SEG_GELU (layer)->approximate == SEG_GELU_TANH)
    for (gsize i = 0; i < n; i++)
      {
        float t = tanhf (SQRT_TWO_OVER_PI * (x[i] + CUBIC * x[i] * x[i] * x[i]));
        float slope = SQRT_TWO_OVER_PI * (1.f + 3.f * CUBIC * x[i] * x[i]);
        dx[i] += dy[i] * (0.5f * (1.f + t) + 0.5f * x[i] * (1.f - t * t) * slope);
      }
  else
    for (gsize i = 0; i < n; i++)
      dx[i] +=
          dy[i]
          * (0.5f * (1.f + erff (x[i] * SQRT_HALF)) + x[i] * DENSITY * expf (-0.5f * x[i] * x[i]));
}

static void
seg_gelu_class_init (SegGeluClass *klass)
{
  SegElementwiseClass *elementwise = SEG_ELEMENTWISE_CLASS (klass);

  elementwise->forward = seg_gelu_forward;
  elementwise->backward = seg_gelu_backward;
  SEG_LAYER_CLASS (klass)->flags |= SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "GELU",
                            "Hendrycks and Gimpel 2016, arXiv:1606.08415");
  seg_class_add_enum (klass, "approximate", G_STRUCT_OFFSET (SegGelu, approximate),
                      seg_gelu_approximate_get_type (), SEG_GELU_NONE,
                      "none: the error function; tanh: the approximation by tanh");
}

static void
seg_gelu_init (SegGelu *self)
{
  (void) self;
}
