#pragma once

#include "schedule-private.h"

#include <segkit/workspace.h>

G_BEGIN_DECLS

typedef struct _SegGradients SegGradients;

/* Row pointers and channel blocks are written anew for each node, into one buffer. */
typedef struct
{
  float **rows;
  SegChannelBlock *blocks;
  gsize n_rows, n_blocks;
} SegViewBuffer;

struct _SegWorkspace
{
  GObject parent_instance;
  SegSchedule *schedule;
  SegPool *pool;
  char *arena;
  char *scratch; /* the schedule's scratch_bytes for each thread */
  char *shared;  /* its shared_bytes, of the node that runs; NULL: none */
  SegViewBuffer buffer;
  double multiply_adds;
  SegStepProfile *profile; /* per node, or NULL */
  guint64 seed, step; /* of layers that draw random numbers */
  float **stats;      /* per node, or NULL */
  gboolean *has_stats; /* of this run */
  SegGradients *gradients;
};

/* What a map is not cut finer than. */
typedef struct
{
  gint64 grid_y, grid_x, phase_y, phase_x; /* rows and columns; 0 or 1: any */
  guint channel_grain;                     /* of blocks; 0: not at all */
  gboolean many_weights;                   /* so that the caches cannot keep them */
} SegCells;

typedef void (*SegPieceFunc) (const SegPiece *piece, gpointer scratch, gpointer user_data);

SegView _seg_workspace_view         (SegWorkspace *self, SegViewBuffer *buffer, char *arena,
                                     SegValue value, SegRect valid);
SegRun  _seg_workspace_make_run     (SegWorkspace *self, guint node);
void    _seg_workspace_for_pieces   (SegWorkspace *self, const SegView *view, SegCells cells,
                                     SegPieceFunc func, gpointer user_data);
void    _seg_workspace_prepare_step (SegWorkspace *self, guint node, SegPhase phase);

void    _seg_profile_add            (SegWorkspace *self, guint index, const SegView *in,
                                     const SegView *out, gint64 microseconds,
                                     double multiply_adds);

gboolean _seg_sums_run         (SegWorkspace *self, guint node, SegPhase phase, const SegView *in,
                                const SegView *dout, GError **error);
void     _seg_gradients_update (SegWorkspace *self, guint node);
void     _seg_gradients_free   (SegGradients *gradients);

G_END_DECLS
