#include "optimizers.h"

struct _SegSgd
{
  SegOptimizer parent_instance;
  float momentum, dampening;
  gboolean nesterov;
};

G_DEFINE_FINAL_TYPE (SegSgd, seg_sgd, SEG_TYPE_OPTIMIZER)

/**
 * SegSgd:
 *
 * Stochastic gradient descent: b ← μ b + (1 - δ) (g + λ w), w ← w - η b, with momentum μ, dampening δ,
 * rate η and decay λ; the first b is the gradient itself. With Nesterov's momentum it is
 * w ← w - η (g + λ w + μ b). As PyTorch's SGD, to the order of its operations.
 * Source: Sutskever, Martens, Dahl and Hinton 2013, section 2
 */

static const char *const *
seg_sgd_slots (SegOptimizer *optimizer)
{
  static const char *const none[] = { NULL }, *const slots[] = { "momentum_buffer", NULL };

  return SEG_SGD (optimizer)->momentum > 0.f ? slots : none;
}

static void
seg_sgd_step (SegOptimizer *optimizer, guint64 step, double rate, double decay, float *w,
              const float *g, float *const *slots, gsize n)
{
  SegSgd *self = SEG_SGD (optimizer);
  float eta = (float) rate, lambda = (float) decay, momentum = self->momentum;
  float share = step == 1 ? 1.f : 1.f - self->dampening;

  if (!(momentum > 0.f))
    {
#pragma omp simd
      for (gsize i = 0; i < n; i++)
        w[i] -= eta * (g[i] + lambda * w[i]);
      return;
    }

  float *buffer = slots[0];
  float look_ahead = self->nesterov ? momentum : 1.f, own = self->nesterov ? 1.f : 0.f;
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    {
      float d = g[i] + lambda * w[i];

      buffer[i] = momentum * buffer[i] + share * d;
      w[i] -= eta * (own * d + look_ahead * buffer[i]);
    }
}

static void
seg_sgd_class_init (SegSgdClass *klass)
{
  SegOptimizerClass *optimizer = SEG_OPTIMIZER_CLASS (klass);

  optimizer->slots = seg_sgd_slots;
  optimizer->step = seg_sgd_step;
  seg_optimizer_class_set_info (optimizer, "Stochastic gradient descent",
                                "Sutskever et al. 2013, section 2");
  seg_class_add_float (klass, "momentum", G_STRUCT_OFFSET (SegSgd, momentum), 0.f, 1.f, 0.9f,
                       "Share of the last step in the next one");
  seg_class_add_float (klass, "dampening", G_STRUCT_OFFSET (SegSgd, dampening), 0.f, 1.f, 0.f,
                       "Share of the gradient that momentum leaves out");
  seg_class_add_boolean (klass, "nesterov", G_STRUCT_OFFSET (SegSgd, nesterov), FALSE,
                         "Whether the gradient is looked at where momentum leads");
}

static void
seg_sgd_init (SegSgd *self)
{
  (void) self;
}
