#include <math.h>

#include "optimizers.h"

struct _SegPoly
{
  SegRateSchedule parent_instance;
  float power;
};

G_DEFINE_FINAL_TYPE (SegPoly, seg_poly, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegPoly:
 *
 * f = (1 - t/T)^power, nnU-Net's schedule with its power 0.9.
 * Source: Chen, Papandreou, Kokkinos, Murphy and Yuille 2018, section 4.1, arXiv:1606.00915
 */

static double
seg_poly_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  double left = 1. - MIN ((double) step / (double) n_steps, 1.);
  (void) state;

  return pow (left, (double) SEG_POLY (schedule)->power);
}

static void
seg_poly_class_init (SegPolyClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_poly_factor;
  seg_rate_schedule_class_set_info (schedule, "A power of what is left",
                                    "Chen et al. 2018, section 4.1, arXiv:1606.00915");
  seg_class_add_float (klass, "power", G_STRUCT_OFFSET (SegPoly, power), 0.f, 10.f, 0.9f,
                       "1: a straight line to nothing; more: steeper at the beginning");
}

static void
seg_poly_init (SegPoly *self)
{
  (void) self;
}
