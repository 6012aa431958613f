#pragma once

#include "plan-private.h"

#include <segkit/schedule.h>

G_BEGIN_DECLS

/* Where the rows of a value live: row y of the map in row (y / repeat - rect.y / repeat) of its memory,
 * modulo the rows that are stored, all channels of a row together. Nothing is stored of a value whose
 * parts are others. */
typedef struct
{
  SegRect rect;      /* what of the map is ever held; by bands the whole width, from row 0 */
  gint64 n_rows;     /* rows of the map held at a time */
  gint64 repeat;     /* rows that are the same, from each multiple of it on: one is stored */
  gsize row_floats;  /* from one channel of a row to the next */
  gsize offset;      /* in the arena, bytes */
  gsize bytes;
  guint birth, death; /* first and last node, by number, that use it */
} SegSlot;

/* One move of the reverse walk: a node goes backward, or makes its output again. */
typedef struct
{
  guint node;
  gboolean again;
} SegBackwardMove;

/* How a node's parameter gradients are worked out: slots of rows, ranges of channel blocks, numbers in
 * a slot. */
typedef struct
{
  guint n_slots, grain, n_ranges;
  gsize n_floats;
} SegParamSplit;

/* Which memory of a value: that of the way forward, that of the way back, that of its gradient. */
typedef enum
{
  SEG_BANK_FORWARD,
  SEG_BANK_BACKWARD,
  SEG_BANK_GRADIENT,
} SegBank;

struct _SegSchedule
{
  GObject parent_instance;
  SegPlan *plan;
  SegShape *shapes; /* per value */
  SegSlot *slots;   /* per value; to train then those made again, and then gradients */
  GPtrArray *parts; /* per value: GArray of guint, the values that hold its channels, in order */
  gboolean bands;
  gint64 band_rows;
  gint64 waiting_rows; /* by bands: most rows that have come in and not gone out */
  SegRect out; /* region: what is wanted of the output */
  gsize arena_bytes;
  gsize scratch_bytes; /* of each thread, in whole cache lines */
  gsize shared_bytes;  /* of all threads, while one node runs */
  gsize max_rows, max_blocks; /* row pointers and channel blocks of one node's views together */

  /* to train */
  GArray *moves;     /* of SegBackwardMove; NULL for inference */
  gboolean *again;   /* per value: made again on the way back */
  guint *producers;  /* per value: the node that gives it, if one does */
  gsize gradient_floats, slot_floats; /* of all parameters' gradients; of one node's slots */
};

#define SEG_NEVER G_MAXUINT

gint64        _seg_slot_count_stored      (const SegSlot *self);
guint         _seg_schedule_get_time      (SegSchedule *self, guint move);
SegSlot      *_seg_schedule_get_slot      (SegSchedule *self, SegBank bank, guint part);
void          _seg_schedule_plan_backward (SegSchedule *self);
SegParamSplit _seg_schedule_split_params  (SegSchedule *self, guint node);
void          _seg_schedule_count_params  (SegSchedule *self);
gboolean      _seg_role_is_trained        (SegRole role);

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
