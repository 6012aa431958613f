#include "property-private.h"

#include <segkit/rate-schedule.h>

/* What every schedule has. */
typedef struct
{
  float warmup;
} SegRateSchedulePrivate;

/**
 * SegRateSchedule:
 *
 * Base of learning rate schedules. Each may begin with a warm-up, in which the rate grows in equal
 * steps from one small step to its full size (Goyal et al. 2017, section 2.2, arXiv:1706.02677).
 */
G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (SegRateSchedule, seg_rate_schedule, G_TYPE_OBJECT)

static void
seg_rate_schedule_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_rate_schedule_parent_class)->dispose (object);
}

static void
seg_rate_schedule_class_init (SegRateScheduleClass *klass)
{
  gssize offset = g_type_class_get_instance_private_offset (klass);

  G_OBJECT_CLASS (klass)->dispose = seg_rate_schedule_dispose;
  seg_class_add_float (klass, "warmup",
                       (gsize) (offset + (gssize) G_STRUCT_OFFSET (SegRateSchedulePrivate, warmup)),
                       0.f, 0.9f, 0.f, "Share of all steps in which the rate grows to its full size");
}

static void
seg_rate_schedule_init (SegRateSchedule *self)
{
  (void) self;
}

/**
 * seg_rate_schedule_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: paper and equation
 */
void
seg_rate_schedule_class_set_info (SegRateScheduleClass *klass, const char *title,
                                  const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_rate_schedule_get_title (SegRateSchedule *self)
{
  return SEG_RATE_SCHEDULE_GET_CLASS (self)->title;
}

const char *
seg_rate_schedule_get_source (SegRateSchedule *self)
{
  return SEG_RATE_SCHEDULE_GET_CLASS (self)->source;
}

/**
 * seg_rate_schedule_get_factor:
 * @self: a schedule
 * @step: steps that have been made
 * @n_steps: of the whole training; later steps are as the last
 * @state: (array): the class's n_state numbers
 *
 * Returns: what the rate is to be multiplied by in the next step
 */
double
seg_rate_schedule_get_factor (SegRateSchedule *self, guint64 step, guint64 n_steps,
                              const double *state)
{
  SegRateSchedulePrivate *priv = seg_rate_schedule_get_instance_private (self);
  guint64 n_warmup = (guint64) ((double) priv->warmup * (double) n_steps);

  if (step < n_warmup)
    return (double) (step + 1) / (double) (n_warmup + 1);
  return SEG_RATE_SCHEDULE_GET_CLASS (self)->factor (self, step - n_warmup,
                                                     MAX (n_steps - n_warmup, 1), state);
}

/**
 * seg_rate_schedule_observe:
 * @self: a schedule
 * @metric: of which more is better
 * @state: (array): the class's n_state numbers
 *
 * Tells the schedule how good the model is. Most do not care.
 */
void
seg_rate_schedule_observe (SegRateSchedule *self, double metric, double *state)
{
  SegRateScheduleClass *klass = SEG_RATE_SCHEDULE_GET_CLASS (self);

  if (klass->observe != NULL)
    klass->observe (self, metric, state);
}
