#include <math.h>

#include "optimizers.h"

struct _SegRmsprop
{
  SegOptimizer parent_instance;
  float alpha, eps, momentum;
  gboolean centered;
};

G_DEFINE_FINAL_TYPE (SegRmsprop, seg_rmsprop, SEG_TYPE_OPTIMIZER)

/**
 * SegRmsprop:
 *
 * s ← α s + (1 - α) g², w ← w - η g / (√s + ε). Centred, s is less the square of the mean gradient,
 * kept likewise (Graves 2013, equation 40); with momentum μ, b ← μ b + g / (√s + ε) and w ← w - η b.
 * Decay λ adds λ w to g. As PyTorch's RMSprop, to the order of its operations.
 * Source: Tieleman and Hinton 2012, lecture 6.5
 */

enum
{
  SQUARE_AVG,
  NEXT, /* what comes second: momentum, or the mean if there is no momentum */
};

static const char *const *
seg_rmsprop_slots (SegOptimizer *optimizer)
{
  static const char *const plain[] = { "square_avg", NULL };
  static const char *const centered[] = { "square_avg", "grad_avg", NULL };
  static const char *const momentum[] = { "square_avg", "momentum_buffer", NULL };
  static const char *const both[] = { "square_avg", "momentum_buffer", "grad_avg", NULL };
  SegRmsprop *self = SEG_RMSPROP (optimizer);

  if (self->momentum > 0.f)
    return self->centered ? both : momentum;
  return self->centered ? centered : plain;
}

static void
seg_rmsprop_step (SegOptimizer *optimizer, guint64 step, double rate, double decay, float *w,
                  const float *g, float *const *slots, gsize n)
{
  SegRmsprop *self = SEG_RMSPROP (optimizer);
  float eta = (float) rate, lambda = (float) decay, momentum = self->momentum, eps = self->eps;
  float alpha = self->alpha, share = (float) (1. - (double) alpha);
  float *square = slots[SQUARE_AVG], *buffer = momentum > 0.f ? slots[NEXT] : NULL;
  float *mean = !self->centered ? NULL : slots[buffer != NULL ? NEXT + 1 : NEXT];
  (void) step;

  for (gsize i = 0; i < n; i++)
    {
      float d = g[i] + lambda * w[i], variance;

      square[i] = alpha * square[i] + share * d * d;
      variance = square[i];
      if (mean != NULL)
        {
          mean[i] = alpha * mean[i] + share * d;
          variance -= mean[i] * mean[i];
        }
      d /= sqrtf (MAX (variance, 0.f)) + eps; /* by rounding it may be less than nothing */
      if (buffer != NULL)
        d = buffer[i] = momentum * buffer[i] + d;
      w[i] -= eta * d;
    }
}

static void
seg_rmsprop_class_init (SegRmspropClass *klass)
{
  SegOptimizerClass *optimizer = SEG_OPTIMIZER_CLASS (klass);

  optimizer->slots = seg_rmsprop_slots;
  optimizer->step = seg_rmsprop_step;
  seg_optimizer_class_set_info (optimizer, "RMSprop", "Tieleman and Hinton 2012, lecture 6.5");
  seg_class_add_float (klass, "alpha", G_STRUCT_OFFSET (SegRmsprop, alpha), 0.f, 0.999999f, 0.99f,
                       "How much of the mean squared gradient is kept in a step");
  seg_class_add_float (klass, "momentum", G_STRUCT_OFFSET (SegRmsprop, momentum), 0.f, 1.f, 0.f,
                       "Share of the last step in the next one");
  seg_class_add_float (klass, "eps", G_STRUCT_OFFSET (SegRmsprop, eps), 0.f, 1.f, 1e-8f,
                       "Added to the root of the mean squared gradient");
  seg_class_add_boolean (klass, "centered", G_STRUCT_OFFSET (SegRmsprop, centered), FALSE,
                         "Whether the mean gradient is taken off, so that its variance is divided by");
}

static void
seg_rmsprop_init (SegRmsprop *self)
{
  (void) self;
}
