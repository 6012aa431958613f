#include "schedule-private.h"

#include <segkit/memory.h>

G_DEFINE_FINAL_TYPE (SegSchedule, seg_schedule, G_TYPE_OBJECT)

/* Far below where a gint64 overflows, so that layers may add and multiply without a check. */
#define SEG_SCHEDULE_MAX_SIZE G_MAXINT32

/* The least side that a network takes is looked for up to here. */
#define SEG_SCHEDULE_MAX_LEAST 1024

/* And so many from there on are tried, to see that none is refused: of 32 in a row one is odd, and
 * one can be halved five times. */
#define SEG_SCHEDULE_LEAST_RUN 32

static void
seg_schedule_finalize (GObject *object)
{
  SegSchedule *self = SEG_SCHEDULE (object);

  g_clear_object (&self->plan);
  g_free (self->shapes);
  g_free (self->slots);
  g_clear_pointer (&self->moves, g_array_unref);
  g_free (self->again);
  g_free (self->producers);
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  G_OBJECT_CLASS (seg_schedule_parent_class)->finalize (object);
}

static void
seg_schedule_class_init (SegScheduleClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_schedule_finalize;
}

static void
seg_schedule_init (SegSchedule *self)
{
  (void) self;
}

static void
seg_schedule_find_repeats (SegSchedule *self)
{
  const SegPlan *plan = self->plan;

  for (guint v = 0; v < plan->n_values; v++)
    self->slots[v].repeat = 1;
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];

      self->slots[node->output].repeat = _seg_plan_get_row_repeat (plan, node, self->shapes);
    }
}

static gboolean
seg_schedule_takes_square (SegSchedule *self, SegShape input, gint64 side)
{
  input.h = input.w = side;
  return _seg_plan_infer (self->plan, &input, self->shapes, NULL);
}

/* The side of a square from which on the network takes all, found by halving what is left: a few
 * dozen looks at a network of any depth. 0: there is none, as where only multiples will do. */
static gint64
seg_schedule_find_least (SegSchedule *self, SegShape input)
{
  gint64 refused = 0, least = SEG_SCHEDULE_MAX_LEAST + 1;

  while (least - refused > 1)
    {
      gint64 side = (refused + least) / 2;

      if (seg_schedule_takes_square (self, input, side))
        least = side;
      else
        refused = side;
    }
  for (gint64 i = 0; i < SEG_SCHEDULE_LEAST_RUN; i++)
    if (!seg_schedule_takes_square (self, input, least + i))
      return 0;
  return least;
}

/* The shape of every value. Who has too small an image is told what would do, and not which layer
 * is left without pixels. */
static gboolean
seg_schedule_infer (SegSchedule *self, const SegShape *input, GError **error)
{
  g_autoptr (GError) cause = NULL;
  gint64 least;

  if (_seg_plan_infer (self->plan, input, self->shapes, &cause))
    return TRUE;
  least = seg_schedule_find_least (self, *input);
  if (MIN (input->h, input->w) >= least)
    g_propagate_error (error, g_steal_pointer (&cause));
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                 "an image of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                 " pixels is too small for the network, which takes %" G_GINT64_FORMAT
                 " × %" G_GINT64_FORMAT " or more",
                 input->w, input->h, least, least);
  return FALSE;
}

/* The part that both ways of running share: shapes, and slots that hold nothing yet. */
SegSchedule *
_seg_schedule_new (SegPlan *plan, const SegShape *input, GError **error)
{
  g_autoptr (SegSchedule) self = g_object_new (SEG_TYPE_SCHEDULE, NULL);
  const SegShape *nominal = &_seg_graph_get_value (plan->graph, plan->input)->shape;
  SegShape shape = *input;

  shape.c = nominal->c;
  if (shape.n < 1 || shape.h < 1 || shape.w < 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "an image of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels is empty",
                   shape.w, shape.h);
      return NULL;
    }
  if (shape.n > SEG_SCHEDULE_MAX_SIZE || shape.h > SEG_SCHEDULE_MAX_SIZE
      || shape.w > SEG_SCHEDULE_MAX_SIZE)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%" G_GINT64_FORMAT " images of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                   " pixels are too large to count",
                   shape.n, shape.w, shape.h);
      return NULL;
    }
  self->plan = g_object_ref (plan);
  self->shapes = g_new0 (SegShape, plan->n_values);
  self->slots = g_new0 (SegSlot, plan->n_values);
  if (!seg_schedule_infer (self, &shape, error))
    return NULL;
  self->parts = _seg_plan_find_parts (plan, self->shapes);
  seg_schedule_find_repeats (self);
  return g_steal_pointer (&self);
}

/* Rows that n_rows consecutive ones can be of. */
gint64
_seg_slot_count_stored (const SegSlot *self)
{
  return (self->n_rows + 2 * self->repeat - 2) / self->repeat;
}

/* Whether anything is to be done for a node: not if others hold all of its output. */
gboolean
_seg_schedule_runs (SegSchedule *self, guint node)
{
  SegValue output = ((const SegPlanNode *) self->plan->nodes->pdata[node])->output;
  const GArray *parts = self->parts->pdata[output];

  return parts->len == 1 && g_array_index (parts, guint, 0) == output;
}

/* Extends the lifetime of the values that hold @value. */
static void
seg_schedule_touch (SegSchedule *self, SegValue value, guint node)
{
  GArray *parts = self->parts->pdata[value];

  for (guint i = 0; i < parts->len; i++)
    {
      SegSlot *slot = &self->slots[g_array_index (parts, guint, i)];

      slot->birth = MIN (slot->birth, node);
      slot->death = MAX (slot->death, node);
    }
}

static void
seg_schedule_find_lifetimes (SegSchedule *self)
{
  SegPlan *plan = self->plan;
  guint end = plan->nodes->len;

  for (guint v = 0; v < plan->n_values; v++)
    if (self->slots[v].birth != 0 || self->slots[v].death != end)
      self->slots[v].birth = SEG_NEVER, self->slots[v].death = 0;

  seg_schedule_touch (self, plan->input, 0);
  seg_schedule_touch (self, plan->output, end);
  for (guint i = 0; i < end; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];

      for (guint j = 0; j < node->n_inputs; j++)
        seg_schedule_touch (self, node->inputs[j], i);
      seg_schedule_touch (self, node->output, i);
    }
}

/* Adds what a view of all that is held of @value takes. */
static void
seg_schedule_count_view (SegSchedule *self, SegValue value, gsize *rows, gsize *blocks)
{
  GArray *parts = self->parts->pdata[value];
  gsize held = 0, n_blocks = ((GArray *) self->plan->blocks->pdata[value])->len;

  for (guint k = 0; k < parts->len; k++)
    held = MAX (held, (gsize) self->slots[g_array_index (parts, guint, k)].n_rows);
  *blocks += n_blocks;
  *rows += n_blocks * (gsize) self->shapes[value].n * held;
}

static void
seg_schedule_find_scratch (SegSchedule *self)
{
  SegPlan *plan = self->plan;
  SegValue exchanged[] = { plan->input, plan->output };

  for (guint i = 0; i < G_N_ELEMENTS (exchanged); i++)
    {
      gsize rows = 0, blocks = 0;

      seg_schedule_count_view (self, exchanged[i], &rows, &blocks);
      if (self->moves != NULL) /* the loss looks at the output and gives its gradient */
        rows *= 2, blocks *= 2;
      self->max_rows = MAX (self->max_rows, rows);
      self->max_blocks = MAX (self->max_blocks, blocks);
    }
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      gsize rows = 0, blocks = 0;

      if (!_seg_schedule_runs (self, i))
        continue;
      for (guint j = 0; j < node->n_inputs; j++)
        seg_schedule_count_view (self, node->inputs[j], &rows, &blocks);
      seg_schedule_count_view (self, node->output, &rows, &blocks);
      if (self->moves != NULL) /* views of values and of their gradients are in use together */
        rows *= 2, blocks *= 2;
      self->max_rows = MAX (self->max_rows, rows);
      self->max_blocks = MAX (self->max_blocks, blocks);
      self->scratch_bytes = MAX (self->scratch_bytes, node->step->scratch_bytes);
      self->shared_bytes = MAX (self->shared_bytes, node->step->shared_bytes);
    }
  self->scratch_bytes = (self->scratch_bytes + SEG_MEMORY_ALIGNMENT - 1)
                        & ~(gsize) (SEG_MEMORY_ALIGNMENT - 1);
}

/* Rows begin at cache lines. Were they whole pages apart, the rows that a window reads together
 * would crowd out each other in the cache. */
static gsize
seg_schedule_get_row_floats (gint64 width, gint lanes)
{
  gsize floats = ((gsize) (width * lanes) + 15) & ~(gsize) 15;

  return floats % 1024 == 0 ? floats + 16 : floats;
}

/* Rects, rows and pinned lifetimes (birth 0, death n_nodes) are set: finds bytes and places. */
gboolean
_seg_schedule_layout (SegSchedule *self, GError **error)
{
  SegPlan *plan = self->plan;
  guint n_slots = plan->n_values;

  seg_schedule_find_lifetimes (self);
  if (plan->purpose == SEG_PURPOSE_TRAINING)
    {
      _seg_schedule_plan_backward (self);
      _seg_schedule_count_params (self);
      n_slots *= 3;
    }
  for (guint i = 1; i < n_slots; i++)
    {
      SegSlot *slot = &self->slots[i];
      guint v = i % plan->n_values;
      GArray *parts = self->parts->pdata[v];
      gsize n_blocks = ((GArray *) plan->blocks->pdata[v])->len, bytes;

      slot->row_floats = seg_schedule_get_row_floats (slot->rect.w, plan->lanes[v]);
      if (parts->len != 1 || g_array_index (parts, guint, 0) != v || slot->birth == SEG_NEVER)
        continue;
      if (__builtin_mul_overflow (slot->row_floats * sizeof (float),
                                  (gsize) _seg_slot_count_stored (slot), &bytes)
          || __builtin_mul_overflow (bytes, n_blocks, &bytes)
          || __builtin_mul_overflow (bytes, (gsize) self->shapes[v].n, &slot->bytes))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                       "a map of %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                       " × %" G_GINT64_FORMAT " is too large",
                       self->shapes[v].c, slot->rect.w, slot->n_rows);
          return FALSE;
        }
    }
  seg_schedule_find_scratch (self);
  return _seg_arena_layout (self->slots, n_slots, &self->arena_bytes, error);
}

/**
 * seg_schedule_get_output_shape:
 * @self: a schedule
 *
 * Returns: (transfer none): shape of the whole output for this image
 */
const SegShape *
seg_schedule_get_output_shape (SegSchedule *self)
{
  return &self->shapes[self->plan->output];
}

/**
 * seg_schedule_get_input_rect:
 * @self: a schedule
 *
 * Returns: what of the image is read
 */
SegRect
seg_schedule_get_input_rect (SegSchedule *self)
{
  SegRect rect = self->slots[self->plan->input].rect;

  if (self->bands)
    rect.h = self->shapes[self->plan->input].h;
  return rect;
}

/**
 * seg_schedule_get_input_rows:
 * @self: a schedule
 *
 * Returns: rows of the image that are held at a time; no more are ever asked for at once
 */
gint64
seg_schedule_get_input_rows (SegSchedule *self)
{
  return self->slots[self->plan->input].n_rows;
}

/**
 * seg_schedule_get_waiting_rows:
 * @self: a schedule for bands
 *
 * Returns: the most rows of the image that have been asked for while the output's rows beside
 *   them have not yet been given
 */
gint64
seg_schedule_get_waiting_rows (SegSchedule *self)
{
  return self->waiting_rows;
}

/**
 * seg_schedule_get_arena_bytes:
 * @self: a schedule
 *
 * Returns: bytes that a workspace takes for maps, and to train for their gradients; weights not
 *   counted
 */
gsize
seg_schedule_get_arena_bytes (SegSchedule *self)
{
  return self->arena_bytes;
}

/**
 * seg_schedule_get_workspace_bytes:
 * @self: a schedule
 * @n_threads: of the pool
 *
 * Returns: all that seg_workspace_new() takes for it: maps, scratch of each thread, pointers to
 *   rows, and to train all gradients; weights not counted
 */
gsize
seg_schedule_get_workspace_bytes (SegSchedule *self, guint n_threads)
{
  return self->arena_bytes + n_threads * self->scratch_bytes + self->shared_bytes
         + self->max_rows * sizeof (float *) + self->max_blocks * sizeof (SegChannelBlock)
         + (self->gradient_floats + self->slot_floats) * sizeof (float);
}
