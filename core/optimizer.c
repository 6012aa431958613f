#include "property-private.h"

#include <segkit/optimizer.h>

/**
 * SegOptimizer:
 *
 * Base of optimisers: how a weight follows its gradient.
 */
G_DEFINE_ABSTRACT_TYPE (SegOptimizer, seg_optimizer, G_TYPE_OBJECT)

static void
seg_optimizer_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_optimizer_parent_class)->dispose (object);
}

static void
seg_optimizer_class_init (SegOptimizerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = seg_optimizer_dispose;
}

static void
seg_optimizer_init (SegOptimizer *self)
{
  (void) self;
}

/**
 * seg_optimizer_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: paper and algorithm
 */
void
seg_optimizer_class_set_info (SegOptimizerClass *klass, const char *title, const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_optimizer_get_title (SegOptimizer *self)
{
  return SEG_OPTIMIZER_GET_CLASS (self)->title;
}

const char *
seg_optimizer_get_source (SegOptimizer *self)
{
  return SEG_OPTIMIZER_GET_CLASS (self)->source;
}

/**
 * seg_optimizer_get_slots:
 * @self: an optimiser
 * @n: (out) (optional): how many there are
 *
 * Returns: (transfer none) (array zero-terminated=1): names of the numbers that it keeps for each
 *   weight
 */
const char *const *
seg_optimizer_get_slots (SegOptimizer *self, guint *n)
{
  static const char *const none[] = { NULL };
  SegOptimizerClass *klass = SEG_OPTIMIZER_GET_CLASS (self);
  const char *const *slots = klass->slots != NULL ? klass->slots (self) : none;

  if (n != NULL)
    *n = g_strv_length ((char **) slots);
  return slots;
}

/**
 * seg_optimizer_step:
 * @self: an optimiser
 * @step: from 1
 * @rate: learning rate
 * @decay: weight decay
 * @w: (array length=n): weights, which are changed
 * @g: (array length=n): the loss's gradient by them
 * @slots: for each slot @n numbers
 * @n: how many
 *
 * Makes one step of some weights. Each is a function of its own numbers alone, so that pieces of a
 * parameter may be stepped one by one.
 * Threads: any, on different weights.
 */
void
seg_optimizer_step (SegOptimizer *self, guint64 step, double rate, double decay, float *w,
                    const float *g, float *const *slots, gsize n)
{
  SEG_OPTIMIZER_GET_CLASS (self)->step (self, step, rate, decay, w, g, slots, n);
}
