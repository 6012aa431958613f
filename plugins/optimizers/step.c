#include <math.h>

#include "optimizers.h"

struct _SegStairs
{
  SegRateSchedule parent_instance;
  gint stairs;
  float gamma;
};

G_DEFINE_FINAL_TYPE (SegStairs, seg_stairs, SEG_TYPE_RATE_SCHEDULE)

/**
 * SegStairs:
 *
 * f = γ^k behind the k-th of the stairs, which cut the training into equal parts: PyTorch's StepLR.
 * Source: He, Zhang, Ren and Sun 2016, section 3.4, arXiv:1512.03385
 */

static double
seg_stairs_factor (SegRateSchedule *schedule, guint64 step, guint64 n_steps, const double *state)
{
  SegStairs *self = SEG_STAIRS (schedule);
  double part = (double) step / (double) n_steps * (self->stairs + 1);
  (void) state;

  return pow ((double) self->gamma, MIN (floor (part), self->stairs));
}

static void
seg_stairs_class_init (SegStairsClass *klass)
{
  SegRateScheduleClass *schedule = SEG_RATE_SCHEDULE_CLASS (klass);

  schedule->factor = seg_stairs_factor;
  seg_rate_schedule_class_set_info (schedule, "A stair down now and then",
                                    "He et al. 2016, section 3.4, arXiv:1512.03385");
  seg_class_add_int (klass, "stairs", G_STRUCT_OFFSET (SegStairs, stairs), 1, 1000, 2,
                     "How many there are, in equal distances");
  seg_class_add_float (klass, "gamma", G_STRUCT_OFFSET (SegStairs, gamma), 0.f, 1.f, 0.1f,
                       "What the rate is multiplied by at each");
}

static void
seg_stairs_init (SegStairs *self)
{
  (void) self;
}
