#include "optimizers.h"

struct _SegConstant
{
  SegRateSchedule parent_instance;
};

G_DEFINE_FINAL_TYPE (SegConstant, seg_constant, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegConstant:
 *
 * The same rate all the way, after the warm-up.
 */

static double
seg_constant_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  (void) schedule, (void) step, (void) n_steps, (void) state;
  return 1.;
}

static void
seg_constant_class_init (SegConstantClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_constant_factor;
  seg_rate_schedule_class_set_info (schedule, "The same rate all the way",
                                    "Robbins and Monro 1951");
}

static void
seg_constant_init (SegConstant *self)
{
  (void) self;
}
