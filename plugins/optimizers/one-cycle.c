#include <math.h>

#include "optimizers.h"

struct _SegOneCycle
{
  SegRateSchedule parent_instance;
  float rise, start, end;
};

G_DEFINE_FINAL_TYPE (SegOneCycle, seg_one_cycle, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegOneCycle:
 *
 * From 1 / start up to the full rate in a share of the steps, and down to 1 / (start · end), each half a
 * cosine: PyTorch's OneCycleLR, whose defaults are these.
 * Source: Smith and Topin 2019, arXiv:1708.07120
 */

/* From a to b in half a cosine, t from 0 to 1. */
static double
seg_one_cycle_anneal (double a, double b, double t)
{
  return b + (a - b) * (1. + cos (G_PI * CLAMP (t, 0., 1.))) / 2.;
}

static double
seg_one_cycle_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  SegOneCycle *self = SEG_ONE_CYCLE (schedule);
  double start = 1. / (double) self->start, end = start / (double) self->end;
  double top = (double) self->rise * (double) n_steps - 1., last = (double) n_steps - 1.;
  double t = (double) step;
  (void) state;

  if (t < top)
    return seg_one_cycle_anneal (start, 1., t / top);
  return seg_one_cycle_anneal (1., end, last > top ? (t - top) / (last - top) : 1.);
}

static void
seg_one_cycle_class_init (SegOneCycleClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_one_cycle_factor;
  seg_rate_schedule_class_set_info (schedule, "Up, and all the way down",
                                    "Smith and Topin 2019, arXiv:1708.07120");
  seg_class_add_float (klass, "rise", G_STRUCT_OFFSET (SegOneCycle, rise), 0.f, 1.f, 0.3f,
                       "Share of the steps in which the rate rises");
  seg_class_add_float (klass, "start", G_STRUCT_OFFSET (SegOneCycle, start), 1.f, 1e6f, 25.f,
                       "What the full rate is divided by in the first step");
  seg_class_add_float (klass, "end", G_STRUCT_OFFSET (SegOneCycle, end), 1.f, 1e9f, 1e4f,
                       "What the rate of the first step is divided by in the last");
}

static void
seg_one_cycle_init (SegOneCycle *self)
{
  (void) self;
}
