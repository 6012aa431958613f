#include "workspace-private.h"

#include <segkit/memory.h>
#include <segkit/random.h>

G_DEFINE_FINAL_TYPE (SegWorkspace, seg_workspace, G_TYPE_OBJECT)

static void
seg_workspace_finalize (GObject *object)
{
  SegWorkspace *self = SEG_WORKSPACE (object);

  for (guint i = 0; self->stats != NULL && i < self->schedule->plan->nodes->len; i++)
    seg_free (self->stats[i]);
  g_free (self->stats);
  g_free (self->has_stats);
  g_free (self->frozen);
  g_clear_pointer (&self->gradients, _seg_gradients_free);
  seg_free (self->arena);
  seg_free (self->scratch);
  seg_free (self->shared);
  seg_free (self->buffer.rows);
  seg_free (self->buffer.blocks);
  g_free (self->profile);
  g_clear_object (&self->schedule);
  G_OBJECT_CLASS (seg_workspace_parent_class)->finalize (object);
}

static void
seg_workspace_class_init (SegWorkspaceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_workspace_finalize;
}

static void
seg_workspace_init (SegWorkspace *self)
{
  (void) self;
}

/**
 * seg_workspace_new:
 * @schedule: what to run
 * @pool: (transfer none): threads; must outlive the workspace and serve one run at a time
 * @error: return location
 *
 * Takes the memory that the run needs for maps. Layers with statistics of whole maps take more while
 * it runs: a few numbers for each row of their input.
 * Errors: `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a new workspace, or %NULL with @error set
 */
SegWorkspace *
seg_workspace_new (SegSchedule *schedule, SegPool *pool, GError **error)
{
  g_autoptr (SegWorkspace) self = g_object_new (SEG_TYPE_WORKSPACE, NULL);

  self->schedule = g_object_ref (schedule);
  self->pool = pool;
  self->stats = g_new0 (float *, MAX (schedule->plan->nodes->len, 1));
  self->has_stats = g_new0 (gboolean, MAX (schedule->plan->nodes->len, 1));

  if ((self->arena = seg_alloc (schedule->arena_bytes, 1, "maps", error)) == NULL
      || (self->scratch = seg_alloc (schedule->scratch_bytes, seg_pool_get_n_threads (pool),
                                     "scratch", error)) == NULL
      || (self->shared = seg_alloc (schedule->shared_bytes, 1, "packed weights", error)) == NULL
      || (self->buffer.rows = seg_alloc (schedule->max_rows, sizeof (float *), "row pointers",
                                         error)) == NULL
      || (self->buffer.blocks = seg_alloc (schedule->max_blocks, sizeof (SegChannelBlock),
                                           "channel blocks", error)) == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

/* ---- views ----------------------------------------------------------------------------- */

/* Addresses of rows, of which the first stored is at @base and the next @step floats further. */
static void
seg_view_buffer_add_rows (SegViewBuffer *self, const SegSlot *slot, const SegRect *valid,
                          float *base, gsize step)
{
  gint64 n_stored = _seg_slot_count_stored (slot), left = valid->h;
  gint64 stored = valid->y / slot->repeat - slot->rect.y / slot->repeat;
  gint64 n = slot->repeat - valid->y % slot->repeat; /* that are the same */

  for (stored = n_stored > 0 ? stored % n_stored : 0; left > 0; left -= n, n = slot->repeat)
    {
      n = MIN (n, left);
      for (gint64 i = 0; i < n; i++)
        self->rows[self->n_rows++] = base + (gsize) stored * step;
      stored = stored + 1 < n_stored ? stored + 1 : 0;
    }
}

/* Rows @valid of a value, gathered from the values that hold its channels. */
SegView
_seg_workspace_view (SegWorkspace *self, SegBank bank, SegValue value, SegRect valid)
{
  SegSchedule *schedule = self->schedule;
  SegViewBuffer *buffer = &self->buffer;
  GArray *parts = schedule->parts->pdata[value];
  SegView view = { schedule->shapes[value], valid, buffer->blocks + buffer->n_blocks, 0 };
  gint32 channel = 0;

  for (guint p = 0; p < parts->len; p++)
    {
      guint part = g_array_index (parts, guint, p);
      const SegSlot *slot = _seg_schedule_get_slot (schedule, bank, part);
      const GArray *blocks = schedule->plan->blocks->pdata[part];
      gint lanes = schedule->plan->lanes[part];
      gint64 n_stored = _seg_slot_count_stored (slot);
      float *base = (float *) (gpointer) (self->arena + slot->offset);

      for (guint b = 0; b < blocks->len; b++)
        {
          gint32 n_channels = g_array_index (blocks, gint32, b);
          float **rows = buffer->rows + buffer->n_rows;
          float *first = base + b * slot->row_floats + (valid.x - slot->rect.x) * lanes;
          gsize step = blocks->len * slot->row_floats;

          for (gint64 n = 0; n < view.shape.n; n++)
            seg_view_buffer_add_rows (buffer, slot, &valid, first + (gsize) (n * n_stored) * step,
                                      step);
          buffer->blocks[buffer->n_blocks++]
              = (SegChannelBlock){ rows, channel, n_channels, lanes };
          channel += n_channels;
          view.n_blocks++;
        }
    }
  return view;
}

/* Whether the node has running state, and is to use it and leave it. */
gboolean
_seg_workspace_is_frozen (SegWorkspace *self, guint node)
{
  const SegPlanNode *n = self->schedule->plan->nodes->pdata[node];

  return self->norms == SEG_NORMS_RUNNING
         && SEG_LAYER_GET_CLASS (n->layer)->update != NULL;
}

SegRun
_seg_workspace_make_run (SegWorkspace *self, guint node)
{
  SegPlan *plan = self->schedule->plan;
  const SegPlanNode *n = plan->nodes->pdata[node];

  return (SegRun){ .kernels = plan->kernels,
                   .params = n->params,
                   .stats = _seg_workspace_is_frozen (self, node) ? NULL : self->stats[node],
                   .shared = self->shared,
                   .seed = self->seed,
                   .step = self->step,
                   .stream = seg_random_name_hash (n->name) };
}

/* ---- sharing out ----------------------------------------------------------------------- */

/* Each thread gets some pieces, so that none waits long for the last. But weights that the caches
 * cannot keep should be read only once: then each thread takes its share of the channels. */
#define SEG_SPLIT_PIECES 2

typedef struct
{
  SegWorkspace *self;
  const SegView *view;
  gint64 n_x, n_y, n_c; /* pieces along each axis */
  SegCells cells;
  guint grain;
  SegPieceFunc func;
  gpointer user_data;
} SegSplit;

static gint64
seg_split_begin (gint64 size, gint64 n, gint64 i)
{
  return size / n * i + MIN (i, size % n);
}

/* Where piece @i of @n begins of columns or rows from @first on, at a cell of the grid. */
static gint64
seg_split_at_grid (gint64 first, gint64 size, gint64 grid, gint64 phase, gint64 n, gint64 i)
{
  gint64 cell = seg_floor_div (first - phase, grid);
  gint64 n_cells = seg_floor_div (first + size - phase + grid - 1, grid) - cell;
  gint64 begin = (cell + seg_split_begin (n_cells, n, i)) * grid + phase;

  return CLAMP (begin, first, first + size);
}

static void
seg_split_task (guint task, guint thread, gpointer user_data)
{
  SegSplit *split = user_data;
  const SegRect *r = &split->view->valid;
  gint64 x = task % split->n_x, y = task / split->n_x % split->n_y,
         c = task / (split->n_x * split->n_y) % split->n_c;
  gint64 n_grains = (split->view->n_blocks + split->grain - 1) / split->grain;
  const SegCells *k = &split->cells;
  gint64 x0 = seg_split_at_grid (r->x, r->w, k->grid_x, k->phase_x, split->n_x, x);
  gint64 x1 = seg_split_at_grid (r->x, r->w, k->grid_x, k->phase_x, split->n_x, x + 1);
  gint64 y0 = seg_split_at_grid (r->y, r->h, k->grid_y, k->phase_y, split->n_y, y);
  gint64 y1 = seg_split_at_grid (r->y, r->h, k->grid_y, k->phase_y, split->n_y, y + 1);
  gint64 c0 = seg_split_begin (n_grains, split->n_c, c) * split->grain;
  gint64 c1 = MIN (seg_split_begin (n_grains, split->n_c, c + 1) * split->grain,
                   split->view->n_blocks);
  SegPiece piece = { task / (split->n_x * split->n_y * split->n_c),
                     { x0, y0, x1 - x0, y1 - y0 },
                     (guint) c0,
                     (guint) (c1 - c0) };

  if (seg_rect_is_empty (&piece.rect))
    return;
  split->func (&piece, split->self->scratch + thread * split->self->schedule->scratch_bytes,
               split->user_data);
}

/* Cuts the rectangle of a view into pieces of whole cells and calls @func for each, in the pool's
 * threads. How it is cut depends on the number of threads; bits do not depend on how it is cut. */
void
_seg_workspace_for_pieces (SegWorkspace *self, const SegView *view, SegCells cells,
                           SegPieceFunc func, gpointer user_data)
{
  gint64 wanted = seg_pool_get_n_threads (self->pool);
  const SegRect *r = &view->valid;
  gint64 n_grains;
  SegSplit split = { .self = self, .view = view, .n_x = 1, .n_y = 1, .n_c = 1,
                     .cells = { MAX (cells.grid_y, 1), MAX (cells.grid_x, 1), cells.phase_y,
                                cells.phase_x, cells.channel_grain, cells.many_weights },
                     .grain = cells.channel_grain > 0 ? cells.channel_grain : view->n_blocks,
                     .func = func, .user_data = user_data };

  n_grains = (view->n_blocks + split.grain - 1) / split.grain;
  if (cells.many_weights)
    split.n_c = MIN (wanted, n_grains);
  if (wanted > split.n_c)
    {
      wanted *= SEG_SPLIT_PIECES;
      split.n_x = CLAMP (r->w / 256, 1, wanted);
      split.n_y = CLAMP (wanted / split.n_x, 1, MAX (r->h / 4, 1));
      split.n_c = CLAMP (wanted / (split.n_x * split.n_y), 1, n_grains);
    }
  seg_pool_run (self->pool, (guint) (view->shape.n * split.n_x * split.n_y * split.n_c),
                seg_split_task, &split);
}

/* ---- one node -------------------------------------------------------------------------- */

typedef struct
{
  const SegStep *step;
  const SegRun *run;
  const SegView *in;
  guint n_in;
  SegView *out;
} SegNodeRun;

static void
seg_workspace_run_piece (const SegPiece *piece, gpointer scratch, gpointer user_data)
{
  SegNodeRun *job = user_data;
  SegRun run = *job->run;

  run.scratch = scratch;
  job->step->run (job->step, &run, job->in, job->n_in, job->out, piece);
}

typedef struct
{
  const SegStep *step;
  SegRun run;
  SegPhase phase;
  char *scratch;
  gsize scratch_bytes;
} SegPrepareJob;

static void
seg_workspace_prepare_task (guint task, guint thread, gpointer user_data)
{
  SegPrepareJob *job = user_data;
  SegRun run = job->run;

  run.scratch = job->scratch + thread * job->scratch_bytes;
  job->step->prepare (job->step, &run, job->phase, task);
}

/* Parameters change from one training step to the next, so whatever is made of them is made when it
 * is used, in memory that all nodes share. */
void
_seg_workspace_prepare_step (SegWorkspace *self, guint node, SegPhase phase)
{
  const SegPlan *plan = self->schedule->plan;
  const SegStep *step = ((const SegPlanNode *) plan->nodes->pdata[node])->step;
  SegPrepareJob job = { step, _seg_workspace_make_run (self, node), phase, self->scratch,
                        self->schedule->scratch_bytes };

  if (plan->purpose == SEG_PURPOSE_TRAINING && step->prepare != NULL)
    seg_pool_run (self->pool, step->n_prepare, seg_workspace_prepare_task, &job);
}

/* What must be known before a node computes anything: packed weights that are up to date, and
 * the statistics of its whole input, once in a run. */
static gboolean
seg_workspace_prepare_node (SegWorkspace *self, guint index, const SegView *in, GError **error)
{
  SegPlan *plan = self->schedule->plan;
  const SegPlanNode *node = plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);

  _seg_workspace_prepare_step (self, index, SEG_PHASE_FORWARD);
  if (plan->purpose != SEG_PURPOSE_TRAINING && !(klass->flags & SEG_LAYER_WHOLE_MAP))
    return TRUE;
  if (klass->n_sums == NULL || self->has_stats[index] || _seg_workspace_is_frozen (self, index))
    return TRUE;
  self->has_stats[index] = TRUE;
  return _seg_sums_run (self, index, SEG_PHASE_FORWARD, in, NULL, NULL, error);
}

/* Packed by compile(), or to train by prepare(). */
#define SEG_WORKSPACE_MANY_BYTES (4 << 20)

gboolean
_seg_workspace_has_many_weights (const SegStep *step)
{
  return MAX (step->packed_bytes, step->shared_bytes) > SEG_WORKSPACE_MANY_BYTES;
}

/* Rows that are stored once are one thread's. */
static SegCells
seg_workspace_get_cells (const SegStep *step, gint64 repeat)
{
  return (SegCells){ MAX (step->grid_y, repeat), step->grid_x, step->phase_y, step->phase_x, step->channel_grain,
                     _seg_workspace_has_many_weights (step) };
}

/* Computes a rectangle of a node's output, already rounded to its grid. */
gboolean
_seg_workspace_run_node (SegWorkspace *self, guint index, SegBank bank, SegRect rect,
                         GError **error)
{
  SegSchedule *schedule = self->schedule;
  const SegPlanNode *node = schedule->plan->nodes->pdata[index];
  g_autofree SegView *in = g_new (SegView, node->n_inputs);
  SegView out;
  SegRun run;
  SegNodeRun job = { node->step, &run, in, node->n_inputs, &out };
  SegCells cells;
  double multiply_adds;
  gint64 begin;

  if (!_seg_schedule_runs (schedule, index))
    return TRUE;

  self->buffer.n_rows = self->buffer.n_blocks = 0;
  for (guint i = 0; i < node->n_inputs; i++)
    in[i] = _seg_workspace_view (self, bank, node->inputs[i],
                                 _seg_plan_required (node, schedule->shapes, &rect, i));
  out = _seg_workspace_view (self, bank, node->output, rect);

  if (!seg_workspace_prepare_node (self, index, in, error))
    return FALSE;
  run = _seg_workspace_make_run (self, index);
  begin = self->profile != NULL ? g_get_monotonic_time () : 0;
  cells = seg_workspace_get_cells (node->step, schedule->slots[node->output].repeat);
  _seg_workspace_for_pieces (self, &out, cells, seg_workspace_run_piece, &job);
  if (bank == SEG_BANK_BACKWARD) /* made again: it has been counted */
    return TRUE;
  if (schedule->plan->purpose == SEG_PURPOSE_TRAINING)
    _seg_gradients_update (self, index);

  multiply_adds = _seg_plan_count_multiply_adds (node, schedule->shapes, rect);
  self->multiply_adds += multiply_adds;
  if (self->profile != NULL)
    _seg_profile_add (self, index, in, &out, g_get_monotonic_time () - begin, multiply_adds);
  return TRUE;
}

/* ---- whole network --------------------------------------------------------------------- */

/* Hands the caller a rectangle of the network's input or output. */
static gboolean
seg_workspace_exchange (SegWorkspace *self, SegValue value, SegRect rect, SegRowsFunc func,
                        gpointer user_data, GError **error)
{
  SegView view;

  if (seg_rect_is_empty (&rect))
    return TRUE;
  self->buffer.n_rows = self->buffer.n_blocks = 0;
  view = _seg_workspace_view (self, SEG_BANK_FORWARD, value, rect);
  return func (&view, user_data, error);
}

static gboolean
seg_workspace_run_region (SegWorkspace *self, SegRowsFunc read, SegRowsFunc write,
                          gpointer user_data, GCancellable *cancellable, GError **error)
{
  SegSchedule *schedule = self->schedule;
  SegPlan *plan = schedule->plan;

  if (!seg_workspace_exchange (self, plan->input, schedule->slots[plan->input].rect, read,
                               user_data, error))
    return FALSE;
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      SegRect rect = schedule->slots[node->output].rect;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!seg_rect_is_empty (&rect) && !_seg_workspace_run_node (self, i, SEG_BANK_FORWARD, rect, error))
        return FALSE;
    }
  return seg_workspace_exchange (self, plan->output, schedule->out, write, user_data, error);
}

static gboolean
seg_workspace_run_bands (SegWorkspace *self, SegRowsFunc read, SegRowsFunc write,
                         gpointer user_data, GCancellable *cancellable, GError **error)
{
  SegPlan *plan = self->schedule->plan;
  g_autoptr (SegBands) bands = _seg_bands_new (self->schedule);
  SegBandsMove move;

  while (_seg_bands_next (bands, &move))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (move.node == SEG_BANDS_READ
              ? !seg_workspace_exchange (self, plan->input, move.rows, read, user_data, error)
          : move.node == SEG_BANDS_WRITE
              ? !seg_workspace_exchange (self, plan->output, move.rows, write, user_data, error)
              : !_seg_workspace_run_node (self, (guint) move.node, SEG_BANK_FORWARD, move.rows, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * seg_workspace_run:
 * @self: a workspace
 * @read: (scope call): gives the input
 * @write: (scope call): takes the output
 * @user_data: for both
 * @cancellable: (nullable): looked at between steps
 * @error: return location
 *
 * Computes the network once, the way the schedule says. The bits of the output do not depend
 * on that way, nor on the number of threads.
 * Errors: those of @read and @write; `G_IO_ERROR_CANCELLED`; `SEG_ERROR_MEMORY` for statistics.
 * Threads: one at a time.
 */
gboolean
seg_workspace_run (SegWorkspace *self, SegRowsFunc read, SegRowsFunc write, gpointer user_data,
                   GCancellable *cancellable, GError **error)
{
  self->multiply_adds = 0;
  memset (self->has_stats, 0, self->schedule->plan->nodes->len * sizeof *self->has_stats);
  return (self->schedule->bands ? seg_workspace_run_bands : seg_workspace_run_region) (
      self, read, write, user_data, cancellable, error);
}

/**
 * seg_workspace_set_random:
 * @self: a workspace of a training plan
 * @seed: of the generator
 * @step: optimiser step, part of the generator's key
 *
 * Says what layers such as dropout draw in the next run. The same numbers give the same masks,
 * whatever the number of threads.
 */
void
seg_workspace_set_random (SegWorkspace *self, guint64 seed, guint64 step)
{
  self->seed = seed;
  self->step = step;
}

/**
 * seg_workspace_set_norms:
 * @self: a workspace of a training plan
 * @which: what norms use from the next run on
 * @share: of a batch in the running statistics, up to 1; 0: what each layer says itself
 *
 * Beginning with zeros, a share of 1/i in run i makes running statistics the mean of all batches, as
 * PyTorch's momentum of None does.
 */
void
seg_workspace_set_norms (SegWorkspace *self, SegNorms which, double share)
{
  self->norms = which;
  self->share = share;
}

/**
 * seg_workspace_get_multiply_adds:
 * @self: a workspace
 *
 * Returns: multiply-adds that the last run has done, counted as it ran
 */
double
seg_workspace_get_multiply_adds (SegWorkspace *self)
{
  return self->multiply_adds;
}
