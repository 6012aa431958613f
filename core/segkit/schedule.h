#pragma once

#include <segkit/plan.h>

G_BEGIN_DECLS

/**
 * SegSchedule:
 *
 * A plan laid out for one image size and one way of running: the rectangle or the ring of rows
 * that memory holds of each value, and where. Immutable, shared freely between threads.
 */
#define SEG_TYPE_SCHEDULE (seg_schedule_get_type ())
G_DECLARE_FINAL_TYPE (SegSchedule, seg_schedule, SEG, SCHEDULE, GObject)

SegSchedule   *seg_schedule_new_region  (SegPlan *plan, gint64 n, gint64 height, gint64 width,
                                         const SegRect *out, GError **error);
gint64         seg_schedule_choose_band_rows (SegPlan *plan, gint64 height, gint64 width);
SegSchedule   *seg_schedule_new_bands   (SegPlan *plan, gint64 height, gint64 width,
                                         gint64 band_rows, GError **error);
const SegShape *seg_schedule_get_output_shape (SegSchedule *self);
SegRect        seg_schedule_get_input_rect    (SegSchedule *self);
gint64         seg_schedule_get_input_rows    (SegSchedule *self);
gint64         seg_schedule_get_waiting_rows  (SegSchedule *self);
gsize          seg_schedule_get_arena_bytes   (SegSchedule *self);
gsize          seg_schedule_get_workspace_bytes (SegSchedule *self, guint n_threads);

G_END_DECLS
