#pragma once

#include <segkit/property.h>

G_BEGIN_DECLS

#define SEG_TYPE_OPTIMIZER (seg_optimizer_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegOptimizer, seg_optimizer, SEG, OPTIMIZER, GObject)

/**
 * SegOptimizerClass:
 * @slots: the numbers that are kept for each weight from step to step, by the names that PyTorch
 *   has for them: static strings, %NULL at the end. %NULL: none
 * @step: changes @n weights, each by itself: step 1 is the first, and then all slots are zero
 *
 * How weights follow gradients. One object may serve any number of trainings: what changes lies in
 * slots. step() may be called for any pieces of a parameter, in any thread.
 */
struct _SegOptimizerClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source;

  /*< public >*/
  const char *const *(*slots) (SegOptimizer *self);
  void (*step) (SegOptimizer *self, guint64 step, double rate, double decay, float *w,
                const float *g, float *const *slots, gsize n);

  /*< private >*/
  gpointer reserved[8];
};

void        seg_optimizer_class_set_info (SegOptimizerClass *klass, const char *title,
                                          const char *source);
const char *seg_optimizer_get_title      (SegOptimizer *self);
const char *seg_optimizer_get_source     (SegOptimizer *self);

const char *const *seg_optimizer_get_slots (SegOptimizer *self, guint *n);
void               seg_optimizer_step      (SegOptimizer *self, guint64 step, double rate,
                                            double decay, float *w, const float *g,
                                            float *const *slots, gsize n);

G_END_DECLS
