#include <math.h>

#include "optimizers.h"

struct _SegCosine
{
  SegRateSchedule parent_instance;
  float minimum;
};

G_DEFINE_FINAL_TYPE (SegCosine, seg_cosine, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegCosine:
 *
 * f = m + (1 - m) (1 + cos πt/T) / 2, m the least.
 * Source: Loshchilov and Hutter 2017, equation 5, arXiv:1608.03983
 */

static double
seg_cosine_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  double minimum = (double) SEG_COSINE (schedule)->minimum;
  double t = MIN ((double) step / (double) n_steps, 1.);
  (void) state;

  return minimum + (1. - minimum) * (1. + cos (G_PI * t)) / 2.;
}

static void
seg_cosine_class_init (SegCosineClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_cosine_factor;
  seg_rate_schedule_class_set_info (schedule, "Half a cosine, from the full rate to the least",
                                    "Loshchilov and Hutter 2017, equation 5, arXiv:1608.03983");
  seg_class_add_float (klass, "minimum", G_STRUCT_OFFSET (SegCosine, minimum), 0.f, 1.f, 0.f,
                       "Share of the full rate at the end");
}

static void
seg_cosine_init (SegCosine *self)
{
  (void) self;
}
