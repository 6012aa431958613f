#include <math.h>

#include "optimizers.h"

typedef struct
{
  float beta1, beta2, eps;
} SegAdamPrivate;

/**
 * SegAdam:
 *
 * m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², w ← w - η m̂ / (√v̂ + ε), where m̂ = m / (1 - β₁ᵗ) and
 * v̂ = v / (1 - β₂ᵗ) in step t. Decay λ adds λ w to g. As PyTorch's Adam, to the order of its operations.
 * Source: Kingma and Ba 2015, algorithm 1, arXiv:1412.6980
 */
G_DEFINE_TYPE_WITH_PRIVATE (SegAdam, seg_adam, SEG_TYPE_OPTIMIZER)

static const char *const *
seg_adam_slots (SegOptimizer *optimizer)
{
  static const char *const slots[] = { "exp_avg", "exp_avg_sq", NULL };
  (void) optimizer;

  return slots;
}

static void
seg_adam_step (SegOptimizer *optimizer, guint64 step, double rate, double decay, float *w,
               const float *g, float *const *slots, gsize n)
{
  SegAdamPrivate *priv = seg_adam_get_instance_private (SEG_ADAM (optimizer));
  gboolean decoupled = SEG_ADAM_GET_CLASS (optimizer)->decoupled;
  double beta1 = (double) priv->beta1, beta2 = (double) priv->beta2;
  float b1 = priv->beta1, a1 = (float) (1. - beta1), b2 = priv->beta2, a2 = (float) (1. - beta2);
  float eta = (float) (rate / (1. - pow (beta1, (double) step)));
  float root = (float) sqrt (1. - pow (beta2, (double) step));
  float lambda = decoupled ? 0.f : (float) decay;
  float keep = decoupled ? (float) (1. - rate * decay) : 1.f, eps = priv->eps;
  float *m = slots[0], *v = slots[1];

#pragma omp simd
  for (gsize i = 0; i < n; i++)
    {
      float weight = w[i] * keep, d = g[i] + lambda * weight;

      m[i] = m[i] * b1 + a1 * d;
      v[i] = v[i] * b2 + a2 * d * d;
      w[i] = weight - eta * (m[i] / (sqrtf (v[i]) / root + eps));
    }
}

static void
seg_adam_class_init (SegAdamClass *klass)
{
  SegOptimizerClass *optimizer = SEG_OPTIMIZER_CLASS (klass);
  gsize offset = (gsize) g_type_class_get_instance_private_offset (klass);

  optimizer->slots = seg_adam_slots;
  optimizer->step = seg_adam_step;
  seg_optimizer_class_set_info (optimizer, "Adam",
                                "Kingma and Ba 2015, algorithm 1, arXiv:1412.6980");
  seg_class_add_float (klass, "beta1", offset + G_STRUCT_OFFSET (SegAdamPrivate, beta1), 0.f,
                       0.9999f, 0.9f, "How much of the mean gradient is kept in a step");
  seg_class_add_float (klass, "beta2", offset + G_STRUCT_OFFSET (SegAdamPrivate, beta2), 0.f,
                       0.999999f, 0.999f, "How much of the mean squared gradient is kept in a step");
  seg_class_add_float (klass, "eps", offset + G_STRUCT_OFFSET (SegAdamPrivate, eps), 0.f, 1.f,
                       1e-8f, "Added to the root of the mean squared gradient");
}

static void
seg_adam_init (SegAdam *self)
{
  (void) self;
}

/**
 * SegAdamw:
 *
 * Adam whose decay does not go through its means: w ← w - η λ w beside the step.
 * Source: Loshchilov and Hutter 2019, algorithm 2, arXiv:1711.05101
 */
struct _SegAdamw
{
  SegAdam parent_instance;
};

G_DEFINE_FINAL_TYPE (SegAdamw, seg_adamw, SEG_TYPE_ADAM)

static void
seg_adamw_class_init (SegAdamwClass *klass)
{
  SEG_ADAM_CLASS (klass)->decoupled = TRUE;
  seg_optimizer_class_set_info (SEG_OPTIMIZER_CLASS (klass), "Adam with decoupled weight decay",
                                "Loshchilov and Hutter 2019, algorithm 2, arXiv:1711.05101");
}

static void
seg_adamw_init (SegAdamw *self)
{
  (void) self;
}
