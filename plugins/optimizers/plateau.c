#include <math.h>

#include "optimizers.h"

struct _SegPlateau
{
  SegRateSchedule parent_instance;
  float factor, threshold, minimum;
  gint patience;
};

G_DEFINE_FINAL_TYPE (SegPlateau, seg_plateau, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegPlateau:
 *
 * The rate is multiplied by a factor when the metric has not risen by a share of itself for more than
 * so many times that it was looked at: PyTorch's ReduceLROnPlateau of mode max.
 */

enum
{
  SEEN, /* whether there is a best one */
  BEST,
  WAITED,
  REDUCED,
  N_STATE,
};

static double
seg_plateau_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  SegPlateau *self = SEG_PLATEAU (schedule);
  (void) step, (void) n_steps;

  return MAX (pow ((double) self->factor, state[REDUCED]), (double) self->minimum);
}

static void
seg_plateau_observe (SegRateSchedule *schedule, double metric, double *state)
{
  SegPlateau *self = SEG_PLATEAU (schedule);

  if (state[SEEN] == 0. || metric > state[BEST] + (double) self->threshold * fabs (state[BEST]))
    {
      state[SEEN] = 1.;
      state[BEST] = metric;
      state[WAITED] = 0.;
    }
  else if (++state[WAITED] > self->patience)
    {
      state[REDUCED]++;
      state[WAITED] = 0.;
    }
}

static void
seg_plateau_class_init (SegPlateauClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_plateau_factor;
  schedule->observe = seg_plateau_observe;
  schedule->n_state = N_STATE;
  seg_class_add_float (klass, "factor", G_STRUCT_OFFSET (SegPlateau, factor), 0.f, 1.f, 0.1f,
                       "What the rate is multiplied by");
  seg_class_add_int (klass, "patience", G_STRUCT_OFFSET (SegPlateau, patience), 0, 1000000, 10,
                     "How often the metric may fail to rise");
  seg_class_add_float (klass, "threshold", G_STRUCT_OFFSET (SegPlateau, threshold), 0.f, 1.f, 1e-4f,
                       "Share of the best metric by which it must rise to count");
  seg_class_add_float (klass, "minimum", G_STRUCT_OFFSET (SegPlateau, minimum), 0.f, 1.f, 0.f,
                       "Share of the full rate that is always left");
  seg_rate_schedule_class_set_info (schedule, "Down when the metric no longer rises",
                                    "PyTorch's ReduceLROnPlateau");
}

static void
seg_plateau_init (SegPlateau *self)
{
  (void) self;
}
