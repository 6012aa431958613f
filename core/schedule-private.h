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
  GPtrArray *parts; /* per value: GArray of guint, the values that hold its channels, in order */
  gboolean bands;
  gint64 band_rows;
  gint64 waiting_rows; /* by bands: most rows that have come in and not gone out */
  SegRect out; /* region: what is wanted of the output */
  gsize arena_bytes;
  gsize scratch_bytes; /* of each thread, in whole cache lines */
  gsize shared_bytes;  /* of all threads, while one node runs */
  gsize max_rows, max_blocks; /* row pointers and channel blocks of one node's views together */
};

#define SEG_NEVER G_MAXUINT

gboolean     _seg_schedule_runs   (SegSchedule *self, guint node);
SegSchedule *_seg_schedule_new    (SegPlan *plan, const SegShape *input, GError **error);
gboolean     _seg_schedule_layout (SegSchedule *self, GError **error);
gboolean     _seg_arena_layout    (SegSlot *slots, guint n_slots, gsize *arena_bytes, GError **error);

/* A run by bands, move by move: what is to be made of which value, or comes in, or goes out. */
#define SEG_BANDS_READ -1
#define SEG_BANDS_WRITE -2

typedef struct
{
  gint node; /* of the plan, or one of these */
  SegRect rows;
  gboolean begins_round; /* values that wait for no later round share memory within one */
} SegBandsMove;

typedef struct _SegBands SegBands;

SegBands *_seg_bands_new  (SegSchedule *schedule);
void      _seg_bands_free (SegBands *self);
gboolean  _seg_bands_next (SegBands *self, SegBandsMove *move);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegBands, _seg_bands_free)

G_END_DECLS
