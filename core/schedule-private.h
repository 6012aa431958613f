#pragma once

#include "plan-private.h"

#include <segkit/schedule.h>

G_BEGIN_DECLS

/* Where the rows of a value live: row y of the map in row (y - rect.y) mod n_rows of its
 * memory, all channels of a row together. Nothing is stored of a value whose parts are others. */
typedef struct
{
  SegRect rect;      /* what of the map is ever held; by bands the whole width, from row 0 */
  gint64 n_rows;     /* rows held at a time */
  gsize row_floats;  /* from one channel of a row to the next */
  gsize offset;      /* in the arena, bytes */
  gsize bytes;
  guint birth, death; /* first and last node, by number, that use it */
} SegSlot;

struct _SegSchedule
{
  GObject parent_instance;
  SegPlan *plan;
  SegShape *shapes; /* per value */
  SegSlot *slots;   /* per value */
  gboolean bands;
  gint64 band_rows;
  SegRect out; /* region: what is wanted of the output */
  gsize arena_bytes;
  gsize scratch_bytes; /* of each thread, in whole cache lines */
  gsize max_rows, max_blocks; /* row pointers and channel blocks of one node's views together */
};

#define SEG_NEVER G_MAXUINT

SegSchedule *_seg_schedule_new    (SegPlan *plan, const SegShape *input, GError **error);
gboolean     _seg_schedule_layout (SegSchedule *self, GError **error);
gboolean     _seg_arena_layout    (SegSlot *slots, guint n_slots, gsize *arena_bytes, GError **error);

/* Rows by bands: how far each value must get so that the output gets to row @until, and the
 * first row of each that is still to be read when this is so far done. */
void _seg_bands_targets   (SegSchedule *self, const gint64 *done, gint64 until, gint64 *target);
void _seg_bands_low_water (SegSchedule *self, const gint64 *done, gint64 *low);

G_END_DECLS
