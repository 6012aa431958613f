/* What a plan has become and what a schedule takes, for tools. */
#include "schedule-private.h"

#include <segkit/describe.h>

/* An image that no border reaches the middle of, so large that strides show in sizes whatever
 * unpadded layers cut off. */
#define SEG_DESCRIBE_SIDE (G_GINT64_CONSTANT (1) << 20)

/**
 * seg_plan_describe_step:
 * @self: a plan
 * @step: its number, from 0
 * @info: (out caller-allocates): what it does
 */
void
seg_plan_describe_step (SegPlan *self, guint step, SegStepInfo *info)
{
  const SegPlanNode *node;

  g_return_if_fail (step < self->nodes->len);

  node = self->nodes->pdata[step];
  *info = (SegStepInfo){
    .nodes = (const guint *) (gpointer) node->nodes->data,
    .n_nodes = node->nodes->len,
    .layer = node->layer,
    .kernel = node->step != NULL ? node->step->kernel : NULL,
    .packed_bytes = node->step != NULL ? node->step->packed_bytes : 0,
    .inputs = node->inputs,
    .n_inputs = node->n_inputs,
    .n_layer_inputs = node->n_layer_inputs,
    .output = node->output,
  };
}

/**
 * seg_plan_get_input:
 * @self: a plan
 *
 * Returns: the image, as a value of the graph
 */
SegValue
seg_plan_get_input (SegPlan *self)
{
  return self->input;
}

/**
 * seg_plan_get_output:
 * @self: a plan
 *
 * Returns: what the network gives, as a value of the graph
 */
SegValue
seg_plan_get_output (SegPlan *self)
{
  return self->output;
}

/**
 * seg_plan_get_packed_bytes:
 * @self: a plan
 *
 * Returns: bytes that all steps together take for weights in a form of their own
 */
gsize
seg_plan_get_packed_bytes (SegPlan *self)
{
  gsize bytes = 0;

  for (guint i = 0; i < self->nodes->len; i++)
    {
      const SegPlanNode *node = self->nodes->pdata[i];
      bytes += node->step != NULL ? node->step->packed_bytes : 0;
    }
  return bytes;
}

/* ---- halos ----------------------------------------------------------------------------- */

/* One axis of a map: @up of its pixels lie on @down of the image's. */
typedef struct
{
  gint64 up, down;
} SegScale;

typedef struct
{
  SegPlan *plan;
  SegHaloKind kind;
  SegShape *shapes; /* per value, for the large image */
  SegHalo *halos;   /* per value */
  gint64 align_x, align_y;
} SegHaloSearch;

static SegScale
seg_describe_get_scale (gint64 size)
{
  return (SegScale){ MAX ((size + SEG_DESCRIBE_SIDE / 2) / SEG_DESCRIBE_SIDE, 1),
                     MAX ((SEG_DESCRIBE_SIDE + size / 2) / size, 1) };
}

/* The least common multiple, unless no image is so large. */
static gint64
seg_describe_join_strides (gint64 a, gint64 b)
{
  gint64 x = a, y = b;

  while (y != 0)
    {
      gint64 rest = x % y;
      x = y;
      y = rest;
    }
  return a / x > SEG_DESCRIBE_SIDE / b ? a : a / x * b;
}

/* What of its output a node computes to give @out. */
static SegRect
seg_describe_round (SegHaloSearch *self, const SegPlanNode *node, SegRect out)
{
  return self->kind == SEG_HALO_COMPILED ? _seg_plan_round (node, self->shapes, out) : out;
}

/* What of an input it then reads. */
static SegRect
seg_describe_require (SegHaloSearch *self, const SegPlanNode *node, const SegRect *out, guint input)
{
  const SegShape *shape = &self->shapes[node->inputs[input]];
  g_autofree SegShape *in = NULL;
  SegRect need;

  if (self->kind == SEG_HALO_COMPILED || node->step == NULL || input >= node->n_layer_inputs)
    return _seg_plan_required (node, self->shapes, out, input);
  in = g_new (SegShape, node->n_layer_inputs);
  for (guint i = 0; i < node->n_layer_inputs; i++)
    in[i] = self->shapes[node->inputs[i]];
  seg_layer_required (node->layer, in, node->n_layer_inputs, out, input, &need);
  return seg_rect_intersect (need, (SegRect){ 0, 0, shape->w, shape->h });
}

/* Values that need the whole image; of all others, the period of which those of all are parts. */
static void
seg_describe_find_whole (SegHaloSearch *self)
{
  for (guint i = 0; i < self->plan->nodes->len; i++)
    {
      const SegPlanNode *node = self->plan->nodes->pdata[i];
      SegHalo *halo = &self->halos[node->output];
      const SegShape *shape = &self->shapes[node->output];
      gboolean by_cells = self->kind == SEG_HALO_COMPILED && node->step != NULL;

      if (SEG_LAYER_GET_CLASS (node->layer)->flags & SEG_LAYER_WHOLE_MAP)
        halo->whole = TRUE;
      for (guint j = 0; j < node->n_inputs; j++)
        halo->whole |= self->halos[node->inputs[j]].whole;
      if (halo->whole)
        continue;
      self->align_x = seg_describe_join_strides (
          self->align_x,
          seg_describe_get_scale (shape->w).down * (by_cells ? MAX (node->step->grid_x, 1) : 1));
      self->align_y = seg_describe_join_strides (
          self->align_y,
          seg_describe_get_scale (shape->h).down * (by_cells ? MAX (node->step->grid_y, 1) : 1));
    }
}

/* What of the image node @last must read to give @out. */
static SegRect
seg_describe_walk_back (SegHaloSearch *self, guint last, SegRect out, SegRect *needs)
{
  SegPlan *plan = self->plan;

  memset (needs, 0, plan->n_values * sizeof *needs);
  needs[((SegPlanNode *) plan->nodes->pdata[last])->output] = out;
  for (guint i = last + 1; i-- > 0;)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      SegRect rect = needs[node->output];

      if (seg_rect_is_empty (&rect))
        continue;
      rect = seg_describe_round (self, node, rect);
      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegRect *need = &needs[node->inputs[j]];
          *need = seg_rect_union (*need, seg_describe_require (self, node, &rect, j));
        }
    }
  return needs[plan->input];
}

/* The part of a map that covers @covered of the image. */
static SegRect
seg_describe_cover (SegHaloSearch *self, SegValue value, SegRect covered)
{
  SegScale h = seg_describe_get_scale (self->shapes[value].w),
           v = seg_describe_get_scale (self->shapes[value].h);

  return (SegRect){ covered.x * h.up / h.down, covered.y * v.up / v.down,
                    covered.w * h.up / h.down, covered.h * v.up / v.down };
}

/* What reads each of its inputs just where its output lies needs what they need: most layers of a
 * large network are so, and for them there is nothing to walk. */
static gboolean
seg_describe_share_halo (SegHaloSearch *self, const SegPlanNode *node, SegRect covered)
{
  SegRect out = seg_describe_round (self, node, seg_describe_cover (self, node->output, covered));
  SegHalo halo = self->halos[node->inputs[0]];

  for (guint i = 0; i < node->n_inputs; i++)
    {
      const SegHalo *of_input = &self->halos[node->inputs[i]];
      SegRect need = seg_describe_require (self, node, &out, i);
      SegRect there = seg_describe_cover (self, node->inputs[i], covered);

      if (memcmp (&need, &there, sizeof need) != 0)
        return FALSE;
      halo.left = MAX (halo.left, of_input->left);
      halo.top = MAX (halo.top, of_input->top);
      halo.right = MAX (halo.right, of_input->right);
      halo.bottom = MAX (halo.bottom, of_input->bottom);
    }
  self->halos[node->output] = halo;
  return TRUE;
}

static void
seg_describe_find_halo (SegHaloSearch *self, guint last, SegRect *needs)
{
  const SegPlanNode *node = self->plan->nodes->pdata[last];
  SegHalo *halo = &self->halos[node->output];
  SegRect covered = { SEG_DESCRIBE_SIDE / 2 / self->align_x * self->align_x,
                      SEG_DESCRIBE_SIDE / 2 / self->align_y * self->align_y, self->align_x,
                      self->align_y };
  SegRect need;

  if (seg_describe_share_halo (self, node, covered))
    return;
  need = seg_describe_walk_back (self, last, seg_describe_cover (self, node->output, covered),
                                 needs);
  halo->left = covered.x - need.x;
  halo->top = covered.y - need.y;
  halo->right = need.x + need.w - covered.x - covered.w;
  halo->bottom = need.y + need.h - covered.y - covered.h;
}

/**
 * seg_plan_dup_halos:
 * @self: a plan
 * @kind: what a layer needs of its inputs
 * @n: (out): how many values there are
 * @error: return location
 *
 * Finds what each value needs of the image, by walking back through what the layers need. Of a
 * value that no step gives, all is 0. An unpadded network shifts its output: then one side gets
 * less than the other.
 * Errors: `SEG_ERROR_SHAPE` if the network takes no large image.
 *
 * Returns: (transfer full) (array length=n): a halo for each value, or %NULL with @error set
 */
SegHalo *
seg_plan_dup_halos (SegPlan *self, SegHaloKind kind, guint *n, GError **error)
{
  SegShape image = { 1, seg_graph_get_channels (self->graph, self->input), SEG_DESCRIBE_SIDE,
                     SEG_DESCRIBE_SIDE };
  g_autofree SegShape *shapes = g_new0 (SegShape, self->n_values);
  g_autofree SegRect *needs = g_new (SegRect, self->n_values);
  g_autofree SegHalo *halos = g_new0 (SegHalo, self->n_values);
  SegHaloSearch search = { self, kind, shapes, halos, 1, 1 };

  if (!_seg_plan_infer (self, &image, shapes, error))
    return NULL;
  seg_describe_find_whole (&search);
  for (guint i = 0; i < self->nodes->len; i++)
    if (!halos[((SegPlanNode *) self->nodes->pdata[i])->output].whole)
      seg_describe_find_halo (&search, i, needs);
  *n = self->n_values;
  return g_steal_pointer (&halos);
}

/* ---- schedules ------------------------------------------------------------------------- */

/**
 * seg_schedule_describe_map:
 * @self: a schedule
 * @value: of its plan
 * @info: (out caller-allocates): what it takes
 */
void
seg_schedule_describe_map (SegSchedule *self, SegValue value, SegMapInfo *info)
{
  const SegSlot *slot;

  g_return_if_fail (value > 0 && value < self->plan->n_values);

  slot = &self->slots[value];
  *info = (SegMapInfo){
    .shape = self->shapes[value],
    .rect = slot->rect,
    .n_rows = slot->n_rows,
    .bytes = slot->bytes,
  };
}

/**
 * seg_schedule_get_multiply_adds:
 * @self: a schedule
 * @step: of its plan
 *
 * Returns: multiply-adds that the step does in one run; what it has taken over is not counted
 */
double
seg_schedule_get_multiply_adds (SegSchedule *self, guint step)
{
  const SegPlanNode *node;

  g_return_val_if_fail (step < self->plan->nodes->len, 0);

  node = self->plan->nodes->pdata[step];
  return _seg_plan_count_multiply_adds (node, self->shapes, self->slots[node->output].rect);
}
