/* Bands: the network as a line-buffered pipeline. Rows of the image are pushed in from the top, few
 * at a time, and each node makes what its inputs allow: each row of each value once. It is kept in
 * a ring of rows until its last reader is done. */
#include "schedule-private.h"

#include <segkit/describe.h>

/* Packed weights are streamed from memory again each time that a step runs. A step with many of
 * them waits until it can make so many pixels that this is no matter; but for no more rows than so
 * many bands have, since what its readers join with its output must wait, too. (The U-Net with a
 * ResNet-34, 512 columns, bands of 16, one thread: 0.98 s if no step waits, 0.94 if for at most 2
 * bands, 0.86 for 4; rings at width 8192 are then an eighth larger.) */
#define SEG_BANDS_MANY_BYTES (1 << 20)
#define SEG_BANDS_PIXELS 4096
#define SEG_BANDS_WAITING_BANDS 4

/* Of this size at most an image is one band. */
#define SEG_BANDS_SMALL_IMAGE 512

/* So wide that lower bands have work enough. */
#define SEG_BANDS_WIDE_IMAGE 1024

/* How often a map is read. */
#define SEG_BANDS_MAP_READS 3

typedef struct
{
  gint64 least, most; /* rows to make at a time, unless they are the last */
  SegValue lacks;     /* it can make none before this value has so many rows */
  gint64 n_lacking;
} SegBandsNode;

/* How far a run has come. */
struct _SegBands
{
  SegSchedule *schedule;
  gint64 *done; /* per value: rows made */
  gint64 *end;  /* per value: rows that the output depends on; no more are made */
  gint64 n_written;
  guint next;     /* node to look at; behind the last, the output and then a new round */
  gboolean moved; /* in this round */
  gboolean dry;   /* this round asked for rows of the image, and there were no more */
  SegBandsNode *nodes;
};

static SegValue
seg_bands_get_output (const SegPlan *plan, guint node)
{
  return ((const SegPlanNode *) plan->nodes->pdata[node])->output;
}

/* Backwards from the whole output: how many rows of each value it depends on. */
static void
seg_bands_find_ends (SegSchedule *self, gint64 *end)
{
  SegPlan *plan = self->plan;

  end[plan->output] = self->shapes[plan->output].h;
  for (guint i = plan->nodes->len; i-- > 0;)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      SegRect rows = { 0, 0, self->shapes[node->output].w, end[node->output] };

      if (rows.h == 0)
        continue;
      rows = _seg_plan_round (node, self->shapes, rows);
      end[node->output] = rows.y + rows.h;
      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegRect need = _seg_plan_required (node, self->shapes, &rows, j);

          if (!seg_rect_is_empty (&need))
            end[node->inputs[j]] = MAX (end[node->inputs[j]], need.y + need.h);
        }
    }
}

/* As many of a value's rows as lie beside @rows of the image's, at least one. To the nearest: a map
 * that is a little higher than its level needs must not wait for a row more. */
static gint64
seg_bands_scale (SegSchedule *self, SegValue value, gint64 rows)
{
  gint64 height = self->shapes[self->plan->input].h, scaled;

  if (__builtin_mul_overflow (MIN (rows, height), self->shapes[value].h, &scaled))
    return self->shapes[value].h;
  return MAX ((scaled + height / 2) / height, 1);
}

/* What follows a step that waits gets its rows in portions by itself, and needs not wait again: it
 * would each time for another portion, since a window's first rows are always some short of one. */
static void
seg_bands_find_portion (SegBands *self, guint index, gint64 *portions)
{
  SegSchedule *schedule = self->schedule;
  const SegPlanNode *node = schedule->plan->nodes->pdata[index];
  SegBandsNode *state = &self->nodes[index];
  const SegShape *shape = &schedule->shapes[node->output];
  gint64 height = schedule->shapes[schedule->plan->input].h, *portion = &portions[node->output];
  gint64 rows;

  state->least = 1;
  state->most = seg_bands_scale (schedule, node->output, schedule->band_rows);
  for (guint i = 0; i < node->n_inputs; i++)
    *portion = MAX (*portion, portions[node->inputs[i]]);
  if (node->step == NULL || node->step->packed_bytes < SEG_BANDS_MANY_BYTES)
    return;

  rows =
      MIN ((SEG_BANDS_PIXELS + shape->w - 1) / shape->w,
           seg_bands_scale (schedule, node->output, SEG_BANDS_WAITING_BANDS * schedule->band_rows));
  state->most = MAX (state->most, rows);
  if (rows * height / shape->h < 2 * *portion)
    return;
  state->least = rows;
  *portion = rows * height / shape->h;
}

/* A run that has not begun. */
SegBands *
_seg_bands_new (SegSchedule *schedule)
{
  SegBands *self = g_new0 (SegBands, 1);
  SegPlan *plan = schedule->plan;
  g_autofree gint64 *portions = g_new0 (gint64, plan->n_values); /* in rows of the image */

  self->schedule = schedule;
  self->done = g_new0 (gint64, plan->n_values);
  self->end = g_new0 (gint64, plan->n_values);
  self->nodes = g_new0 (SegBandsNode, MAX (plan->nodes->len, 1));
  self->next = plan->nodes->len + 1;
  seg_bands_find_ends (schedule, self->end);
  for (guint i = 0; i < plan->nodes->len; i++)
    seg_bands_find_portion (self, i, portions);
  return self;
}

void
_seg_bands_free (SegBands *self)
{
  g_free (self->done);
  g_free (self->end);
  g_free (self->nodes);
  g_free (self);
}

/* The new rows of a node up to @until, in whole cells of its grid. */
static SegRect
seg_bands_get_rows (SegBands *self, guint index, gint64 until)
{
  const SegPlanNode *node = self->schedule->plan->nodes->pdata[index];
  gint64 done = self->done[node->output];
  SegRect rows = { 0, done, self->schedule->shapes[node->output].w, until - done };

  return _seg_plan_round (node, self->schedule->shapes, rows);
}

/* Whether all that @rows of a node need is there; if not, notes what is lacking. */
static gboolean
seg_bands_is_ready (SegBands *self, guint index, const SegRect *rows)
{
  const SegPlanNode *node = self->schedule->plan->nodes->pdata[index];

  for (guint j = 0; j < node->n_inputs; j++)
    {
      SegRect need = _seg_plan_required (node, self->schedule->shapes, rows, j);

      if (seg_rect_is_empty (&need) || need.y + need.h <= self->done[node->inputs[j]])
        continue;
      self->nodes[index].lacks = node->inputs[j];
      self->nodes[index].n_lacking = need.y + need.h;
      return FALSE;
    }
  return TRUE;
}

/* The most rows that a node can make now; more rows never need less. */
static SegRect
seg_bands_find_rows (SegBands *self, guint index)
{
  SegBandsNode *state = &self->nodes[index];
  SegValue output = seg_bands_get_output (self->schedule->plan, index);
  gint64 done = self->done[output], end = self->end[output];
  gint64 over = MIN (done + state->most, end) + 1;
  SegRect rows, more, none = { 0 };

  if (done == end || self->done[state->lacks] < state->n_lacking)
    return none;
  rows = seg_bands_get_rows (self, index, MIN (done + state->least, end));
  if (!seg_bands_is_ready (self, index, &rows))
    return none;

  for (gint64 until = over - 1; until > rows.y + rows.h;
       until = rows.y + rows.h + (over - rows.y - rows.h) / 2)
    {
      more = seg_bands_get_rows (self, index, until);
      if (seg_bands_is_ready (self, index, &more))
        rows = more;
      else
        over = until;
    }
  state->n_lacking = 0; /* what lacked for more */
  return rows;
}

/* All is done; or, of a plugin that does not say truly what it reads, nothing can be any more. */
static gboolean
seg_bands_is_over (SegBands *self)
{
  SegPlan *plan = self->schedule->plan;

  return self->n_written == self->end[plan->output] || (self->dry && !self->moved);
}

/* Where a round begins: what comes in, if anything must. */
static gboolean
seg_bands_begin_round (SegBands *self, SegBandsMove *move)
{
  SegPlan *plan = self->schedule->plan;
  gint64 *done = &self->done[plan->input];
  gboolean reads = !self->moved;

  move->begins_round = TRUE;
  move->node = SEG_BANDS_READ;
  move->rows = (SegRect){ 0, *done, self->schedule->shapes[plan->input].w,
                          MIN (self->schedule->band_rows, self->end[plan->input] - *done) };
  self->next = 0;
  self->moved = FALSE;
  self->dry = reads && move->rows.h == 0;
  if (!reads || self->dry)
    return FALSE;
  *done += move->rows.h;
  return TRUE;
}

static gboolean
seg_bands_run_node (SegBands *self, SegBandsMove *move)
{
  SegPlan *plan = self->schedule->plan;

  move->node = (gint) self->next++;
  move->rows = seg_bands_find_rows (self, (guint) move->node);
  if (move->rows.h == 0)
    return FALSE;
  self->done[seg_bands_get_output (plan, (guint) move->node)] = move->rows.y + move->rows.h;
  self->moved = TRUE;
  return _seg_schedule_runs (self->schedule, (guint) move->node);
}

static gboolean
seg_bands_end_round (SegBands *self, SegBandsMove *move)
{
  SegValue output = self->schedule->plan->output;

  self->next++;
  move->node = SEG_BANDS_WRITE;
  move->rows = (SegRect){ 0, self->n_written, self->schedule->shapes[output].w,
                          self->done[output] - self->n_written };
  self->n_written = self->done[output];
  return move->rows.h > 0;
}

/* Goes round and round: each node in its order makes what it can, and what there is of the output
 * goes out. New rows of the image come in when a round has moved nothing. Nothing is made in
 * portions of more than a band, lest what comes at once from far below flood the rings above.
 * FALSE: all is done. */
gboolean
_seg_bands_next (SegBands *self, SegBandsMove *move)
{
  guint n_nodes = self->schedule->plan->nodes->len;

  move->begins_round = FALSE;
  for (;;)
    {
      if (self->next < n_nodes)
        {
          if (seg_bands_run_node (self, move))
            return TRUE;
        }
      else if (self->next == n_nodes)
        {
          if (seg_bands_end_round (self, move))
            return TRUE;
        }
      else if (seg_bands_is_over (self))
        return FALSE;
      else if (seg_bands_begin_round (self, move))
        return TRUE;
    }
}

/* ---- sizes of rings ------------------------------------------------------------------------ */

/* A run without computing, that looks at which rows must be kept. */
typedef struct
{
  SegSchedule *schedule;
  SegBands *bands;
  guint *inputs;      /* per node: where its inputs begin in first */
  gint64 *first;      /* per input of each node, then of the output: the first row still needed */
  GPtrArray *readers; /* per value: GArray of guint, which of first are rows of it */
  gint64 *made, *made_before; /* per value: rows now, and when the round began */
  gint64 n_written;
} SegBandsSizes;

static void
seg_bands_sizes_clear (SegBandsSizes *self)
{
  g_clear_pointer (&self->bands, _seg_bands_free);
  g_clear_pointer (&self->readers, g_ptr_array_unref);
  g_free (self->inputs);
  g_free (self->first);
  g_free (self->made);
  g_free (self->made_before);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegBandsSizes, seg_bands_sizes_clear)

static void
seg_bands_sizes_add_reader (SegBandsSizes *self, SegValue value, guint input)
{
  GArray *parts = self->schedule->parts->pdata[value];

  for (guint i = 0; i < parts->len; i++)
    g_array_append_val ((GArray *) self->readers->pdata[g_array_index (parts, guint, i)], input);
}

/* It is not always the next row that reaches furthest back: mirrored padding comes back up at the
 * lower border. */
static void
seg_bands_sizes_find_first (SegBandsSizes *self, guint index)
{
  const SegPlanNode *node = self->schedule->plan->nodes->pdata[index];
  gint64 made = self->made[node->output];
  SegRect rest = { 0, made, self->schedule->shapes[node->output].w,
                   self->bands->end[node->output] - made };

  for (guint j = 0; j < node->n_inputs; j++)
    {
      SegRect need = { 0 };

      if (rest.h > 0)
        need = _seg_plan_required (node, self->schedule->shapes, &rest, j);
      self->first[self->inputs[index] + j] = seg_rect_is_empty (&need) ? G_MAXINT64 : need.y;
    }
}

static void
seg_bands_sizes_init (SegBandsSizes *self, SegSchedule *schedule)
{
  SegPlan *plan = schedule->plan;
  guint n_inputs = 0;

  self->schedule = schedule;
  self->bands = _seg_bands_new (schedule);
  self->made = g_new0 (gint64, plan->n_values);
  self->made_before = g_new0 (gint64, plan->n_values);
  self->inputs = g_new0 (guint, plan->nodes->len + 1);
  self->readers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  for (guint v = 0; v < plan->n_values; v++)
    g_ptr_array_add (self->readers, g_array_new (FALSE, FALSE, sizeof (guint)));

  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];

      self->inputs[i] = n_inputs;
      for (guint j = 0; j < node->n_inputs; j++, n_inputs++)
        if (_seg_schedule_runs (schedule, i))
          seg_bands_sizes_add_reader (self, node->inputs[j], n_inputs);
    }
  self->inputs[plan->nodes->len] = n_inputs;
  seg_bands_sizes_add_reader (self, plan->output, n_inputs);

  self->first = g_new0 (gint64, n_inputs + 1);
  for (guint i = 0; i < plan->nodes->len; i++)
    seg_bands_sizes_find_first (self, i);
}

/* Also rows that nobody reads need a place of their own while they are made. */
static void
seg_bands_sizes_make (SegBandsSizes *self, SegValue value, const SegRect *rows)
{
  SegSlot *slot = &self->schedule->slots[value];
  GArray *readers = self->readers->pdata[value];
  gint64 first = rows->y;

  for (guint i = 0; i < readers->len; i++)
    first = MIN (first, self->first[g_array_index (readers, guint, i)]);
  self->made[value] = rows->y + rows->h;
  slot->n_rows = MAX (slot->n_rows, self->made[value] - first);
}

/* Rows that have waited since an earlier round: the value lives through all of each. */
static void
seg_bands_sizes_read (SegBandsSizes *self, SegValue value, const SegRect *rows)
{
  GArray *parts = self->schedule->parts->pdata[value];

  for (guint i = 0; !seg_rect_is_empty (rows) && i < parts->len; i++)
    {
      guint part = g_array_index (parts, guint, i);

      if (rows->y < self->made_before[part])
        self->schedule->slots[part].birth = 0,
        self->schedule->slots[part].death = self->schedule->plan->nodes->len;
    }
}

static void
seg_bands_sizes_move (SegBandsSizes *self, const SegBandsMove *move)
{
  SegSchedule *schedule = self->schedule;
  SegPlan *plan = schedule->plan;

  if (move->begins_round)
    memcpy (self->made_before, self->made, plan->n_values * sizeof *self->made);
  if (move->node == SEG_BANDS_READ)
    {
      seg_bands_sizes_make (self, plan->input, &move->rows);
      schedule->waiting_rows =
          MAX (schedule->waiting_rows, self->made[plan->input] - self->n_written);
    }
  else if (move->node == SEG_BANDS_WRITE)
    {
      seg_bands_sizes_read (self, plan->output, &move->rows);
      self->n_written = move->rows.y + move->rows.h;
      self->first[self->inputs[plan->nodes->len]] = self->n_written;
    }
  else
    {
      const SegPlanNode *node = plan->nodes->pdata[move->node];

      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegRect need = _seg_plan_required (node, schedule->shapes, &move->rows, j);
          seg_bands_sizes_read (self, node->inputs[j], &need);
        }
      seg_bands_sizes_make (self, node->output, &move->rows);
      seg_bands_sizes_find_first (self, (guint) move->node);
    }
}

/* Whether maps, which bands of @rows keep in the cache, are more to read from memory than packed
 * weights, which are then read for each band. */
static gboolean
seg_bands_save_more_than_cost (SegPlan *plan, gint64 height, gint64 width, gint64 rows)
{
  g_autoptr (SegSchedule) whole = seg_schedule_new_region (plan, 1, height, width, NULL, NULL);
  double n_bands = (double) (height + rows - 1) / (double) rows;

  return whole != NULL
         && SEG_BANDS_MAP_READS * (double) seg_schedule_get_arena_bytes (whole)
                > n_bands * (double) seg_plan_get_packed_bytes (plan);
}

/**
 * seg_schedule_choose_band_rows:
 * @plan: a plan for inference
 * @height: rows of an image
 * @width: columns of the image
 *
 * How high bands are best where memory is no matter. Low ones keep the large maps of the upper
 * levels in the cache; a narrow image needs higher ones, to have work for all threads and to make
 * much of packed weights while they are there. (The U-Net with a ResNet-34, one thread, seconds of
 * the processor in bands of 16, 32, 64 and 128 rows: 512 × 512 0.84, 0.83, 0.78, 0.77, whole 0.78;
 * width 2048 2.97, 2.99, 3.00; width 4096 2.95, 2.97, 2.98, whole 3.09. With Winograd's larger
 * weights 256 × 256 takes 88 ms in bands of 64 rows, 77 as a whole. With F(4×4) at stride 16, too,
 * where a row of tiles is 64 rows of the image, 1024 × 1024 takes 1.35 in bands of 64, 1.11 in bands
 * of 128, 1.09 in 256, whole 0.98; 2048 × 2048 4.2 in bands of 32, 4.5 in 64. FC-DenseNet-56 has
 * much larger maps and a tenth of the weights: 512 × 512 0.60, 0.59, 0.64, whole 0.72; 256 × 256
 * 0.146, 0.144, 0.153, whole 0.168, and with two threads, in bands of 32, 64 and 128, 0.075, 0.073,
 * 0.077, whole 0.077. A U-Net with 16 channels at the top, as many weights and a quarter of the
 * maps: 512 × 512 the same, 256 × 256 7 % slower in bands.)
 *
 * Returns: rows of a band, at most @height
 */
gint64
seg_schedule_choose_band_rows (SegPlan *plan, gint64 height, gint64 width)
{
  gint64 low = width >= 4096 ? 16 : width >= 512 ? 32 : 64;
  gint64 rows = width >= SEG_BANDS_WIDE_IMAGE ? 128 : 256;

  if (width >= 2048 || seg_bands_save_more_than_cost (plan, height, width, low))
    rows = low;
  else if (MAX (width, height) <= SEG_BANDS_SMALL_IMAGE)
    rows = height;
  return MIN (rows, height);
}

/**
 * seg_schedule_new_bands:
 * @plan: a plan for inference
 * @height: rows of the image
 * @width: columns of the image
 * @band_rows: rows that come in at a time; more is faster and takes more memory
 * @error: return location
 *
 * Lays a plan out for running from top to bottom. Ring sizes are found by going through the
 * whole image once without computing.
 * Errors: `SEG_ERROR_SHAPE`, `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a new schedule, or %NULL with @error set
 */
SegSchedule *
seg_schedule_new_bands (SegPlan *plan, gint64 height, gint64 width, gint64 band_rows,
                        GError **error)
{
  SegShape input = { 1, 0, height, width };
  g_autoptr (SegSchedule) self = NULL;
  g_auto (SegBandsSizes) sizes = { 0 };
  SegBandsMove move;

  g_return_val_if_fail (plan->purpose == SEG_PURPOSE_INFERENCE, NULL);
  g_return_val_if_fail (band_rows >= 1, NULL);

  if ((self = _seg_schedule_new (plan, &input, error)) == NULL)
    return NULL;
  self->bands = TRUE;
  self->band_rows = MIN (band_rows, height);
  for (guint v = 1; v < plan->n_values; v++)
    self->slots[v].rect = (SegRect){ 0, 0, self->shapes[v].w, self->shapes[v].h };

  seg_bands_sizes_init (&sizes, self);
  while (_seg_bands_next (sizes.bands, &move))
    seg_bands_sizes_move (&sizes, &move);
  if (sizes.n_written < self->shapes[plan->output].h)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "a layer needs more for some rows of its output than for all");
      return NULL;
    }
  return _seg_schedule_layout (self, error) ? g_steal_pointer (&self) : NULL;
}
