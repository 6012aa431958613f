#pragma once

#include <segkit/property.h>

G_BEGIN_DECLS

/* The most numbers a schedule may keep. */
#define SEG_RATE_SCHEDULE_MAX_STATE 8

#define SEG_TYPE_RATE_SCHEDULE (seg_rate_schedule_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegRateSchedule, seg_rate_schedule, SEG, RATE_SCHEDULE, GObject)

/**
 * SegRateScheduleClass:
 * @n_state: numbers kept from step to step, at most %SEG_RATE_SCHEDULE_MAX_STATE, zeros at first
 * @factor: of the rate, for @step of @n_steps, which begin behind the warm-up; the first step is 0
 * @observe: (nullable): takes a metric of which more is better, and changes the state
 *
 * The learning rate's way through a training.
 */
struct _SegRateScheduleClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source;

  /*< public >*/
  guint n_state;
  double (*factor) (SegRateSchedule *self, guint64 step, guint64 n_steps, const double *state);
  void (*observe) (SegRateSchedule *self, double metric, double *state);

  /*< private >*/
  gpointer reserved[8];
};

void        seg_rate_schedule_class_set_info (SegRateScheduleClass *klass, const char *title,
                                              const char *source);
const char *seg_rate_schedule_get_title      (SegRateSchedule *self);
const char *seg_rate_schedule_get_source     (SegRateSchedule *self);

double      seg_rate_schedule_get_factor     (SegRateSchedule *self, guint64 step, guint64 n_steps,
                                              const double *state);
void        seg_rate_schedule_observe        (SegRateSchedule *self, double metric, double *state);

G_END_DECLS
