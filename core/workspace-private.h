#pragma once

#include "schedule-private.h"

#include <segkit/workspace.h>

G_BEGIN_DECLS

/* What the reverse walk holds beside maps and their gradients, which lie in the arena. */
typedef struct
{
  float **parameters; /* gradient of each parameter, or NULL if it is not trained */
  guint n_parameters;
  float *slots;        /* of the node at work */
  gboolean *is_wanted; /* per value: whether anything trained has a part in it */
} SegGradients;

/* A node going backward. */
typedef struct
{
  guint index;
  const SegPlanNode *node;
  const SegRun *run;
  const SegView *in, *out, *dout;
  SegView *din;
  guint input;
  gboolean sets; /* rather than adds to that input's gradient */
} SegBackwardJob;

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
  SegNorms norms;
  double share; /* of a batch in running statistics; 0: the layer's */
  float **stats;      /* per node, or NULL */
  gboolean *has_stats; /* of this run */
  gboolean wants_input_gradient;
  gboolean *frozen; /* per parameter: no gradient is wanted; NULL: all are */
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

SegView _seg_workspace_view         (SegWorkspace *self, SegBank bank, SegValue value,
                                     SegRect valid);
gboolean _seg_workspace_run_node    (SegWorkspace *self, guint node, SegBank bank, SegRect rect,
                                     GError **error);
SegRun  _seg_workspace_make_run     (SegWorkspace *self, guint node);
gboolean _seg_workspace_is_frozen  (SegWorkspace *self, guint node);
void    _seg_workspace_for_pieces   (SegWorkspace *self, const SegView *view, SegCells cells,
                                     SegPieceFunc func, gpointer user_data);
void    _seg_workspace_zero         (SegWorkspace *self, gpointer memory, gsize bytes);
gboolean _seg_workspace_has_many_weights (const SegStep *step);
void    _seg_workspace_prepare_step (SegWorkspace *self, guint node, SegPhase phase);

void    _seg_profile_add            (SegWorkspace *self, guint index, const SegView *in,
                                     const SegView *out, gint64 microseconds,
                                     double multiply_adds);

gboolean _seg_sums_run         (SegWorkspace *self, guint node, SegPhase phase, const SegView *in,
                                const SegView *out, const SegView *dout, GError **error);
void     _seg_gradients_update (SegWorkspace *self, guint node);
void     _seg_gradients_free   (SegGradients *gradients);
void     _seg_gradients_run_params (SegWorkspace *workspace, const SegBackwardJob *backward);

G_END_DECLS
