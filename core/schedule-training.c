/* The reverse walk of a training plan: what is done in which order, and how long each map and each
 * gradient lives. A map that is cheap to make is not kept for the way back: it is made again, just
 * before it is needed, from one that is kept (Chen et al. 2016, arXiv:1604.06174). */
#include "schedule-private.h"

typedef struct
{
  SegSchedule *schedule;
  gboolean *can;  /* per value: may be made again */
  gboolean *made; /* per value: has been, on the way back */
} SegWayBack;

/* The first of the forward run's times is 0; then its output is looked at, and then the reverse walk
 * begins. */
guint
_seg_schedule_get_time (SegSchedule *self, guint move)
{
  return self->plan->nodes->len + 1 + move;
}

SegSlot *
_seg_schedule_get_slot (SegSchedule *self, SegBank bank, guint part)
{
  guint n = self->plan->n_values;

  if (bank == SEG_BANK_GRADIENT)
    return &self->slots[2 * n + part];
  return bank == SEG_BANK_BACKWARD && self->again[part] ? &self->slots[n + part]
                                                        : &self->slots[part];
}

static void
seg_way_back_touch (SegWayBack *self, SegBank bank, SegValue value)
{
  const GArray *parts = self->schedule->parts->pdata[value];
  guint time = _seg_schedule_get_time (self->schedule, self->schedule->moves->len);

  for (guint i = 0; i < parts->len; i++)
    {
      SegSlot *slot
          = _seg_schedule_get_slot (self->schedule, bank, g_array_index (parts, guint, i));

      slot->birth = MIN (slot->birth, time);
      slot->death = MAX (slot->death, time);
    }
}

/* Which of a node's values its backward pass looks at. */
static gboolean
seg_way_back_needs (const SegPlanNode *node, SegLayerFlags drops)
{
  return (_seg_plan_get_flags (node) & drops) == 0;
}

/* Marks the values that hold @value. */
static void
seg_way_back_mark (SegSchedule *self, SegValue value, gboolean *marks)
{
  const GArray *parts = self->parts->pdata[value];

  for (guint i = 0; i < parts->len; i++)
    marks[g_array_index (parts, guint, i)] = TRUE;
}

static gboolean
seg_way_back_is_at_hand (SegWayBack *self, SegValue value, const gboolean *kept)
{
  const GArray *parts = self->schedule->parts->pdata[value];

  for (guint i = 0; i < parts->len; i++)
    {
      guint part = g_array_index (parts, guint, i);

      if (!kept[part] && !self->can[part])
        return FALSE;
    }
  return TRUE;
}

/* A cheap layer's output may be made again if what it is made of is at hand anyway. What the last
 * node of the way forward reads is still there when the way back begins. */
static void
seg_way_back_find_cheap (SegWayBack *self)
{
  SegSchedule *schedule = self->schedule;
  SegPlan *plan = schedule->plan;
  g_autofree gboolean *kept = g_new0 (gboolean, plan->n_values);

  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];

      if (!_seg_schedule_runs (schedule, i))
        continue;
      for (guint j = 0; j < node->n_inputs; j++)
        if (seg_way_back_needs (node, SEG_LAYER_DROPS_INPUT))
          seg_way_back_mark (schedule, node->inputs[j], kept);
      if (seg_way_back_needs (node, SEG_LAYER_DROPS_OUTPUT))
        seg_way_back_mark (schedule, node->output, kept);
    }
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      gboolean can = _seg_schedule_runs (schedule, i)
                     && (_seg_plan_get_flags (node) & SEG_LAYER_CHEAP) != 0
                     && schedule->slots[node->output].death + 1 < plan->nodes->len;

      for (guint j = 0; can && j < node->n_inputs; j++)
        can = seg_way_back_is_at_hand (self, node->inputs[j], kept);
      self->can[node->output] = can;
    }
}

/* Sees to it that @value is there for the next move: what is not kept is made again. */
static void
seg_way_back_use (SegWayBack *self, SegValue value)
{
  SegSchedule *schedule = self->schedule;
  const GArray *parts = schedule->parts->pdata[value];

  for (guint i = 0; i < parts->len; i++)
    {
      guint part = g_array_index (parts, guint, i), index = schedule->producers[part];
      const SegPlanNode *node;

      if (!self->can[part] || self->made[part])
        continue;
      node = schedule->plan->nodes->pdata[index];
      for (guint j = 0; j < node->n_inputs; j++)
        seg_way_back_use (self, node->inputs[j]);
      self->made[part] = schedule->again[part] = TRUE;
      for (guint j = 0; j < node->n_inputs; j++)
        seg_way_back_touch (self, SEG_BANK_BACKWARD, node->inputs[j]);
      seg_way_back_touch (self, SEG_BANK_BACKWARD, part);
      g_array_append_val (schedule->moves, ((SegBackwardMove){ index, TRUE }));
    }
}

static void
seg_way_back_add_node (SegWayBack *self, guint index)
{
  SegSchedule *schedule = self->schedule;
  const SegPlanNode *node = schedule->plan->nodes->pdata[index];
  SegBackwardMove move = { index, FALSE };
  gboolean needs_input = seg_way_back_needs (node, SEG_LAYER_DROPS_INPUT);
  gboolean needs_output = seg_way_back_needs (node, SEG_LAYER_DROPS_OUTPUT);

  for (guint j = 0; needs_input && j < node->n_inputs; j++)
    seg_way_back_use (self, node->inputs[j]);
  if (needs_output)
    seg_way_back_use (self, node->output);

  for (guint j = 0; j < node->n_inputs; j++)
    {
      if (needs_input)
        seg_way_back_touch (self, SEG_BANK_BACKWARD, node->inputs[j]);
      seg_way_back_touch (self, SEG_BANK_GRADIENT, node->inputs[j]);
    }
  if (needs_output)
    seg_way_back_touch (self, SEG_BANK_BACKWARD, node->output);
  seg_way_back_touch (self, SEG_BANK_GRADIENT, node->output);
  g_array_append_val (schedule->moves, move);
}

/* Adds the reverse walk to a schedule whose lifetimes are those of the way forward. */
void
_seg_schedule_plan_backward (SegSchedule *self)
{
  SegPlan *plan = self->plan;
  guint n = plan->n_values;
  g_autofree gboolean *can = g_new0 (gboolean, n), *made = g_new0 (gboolean, n);
  SegWayBack way = { self, can, made };
  const GArray *of_output = self->parts->pdata[plan->output];

  self->moves = g_array_new (FALSE, FALSE, sizeof (SegBackwardMove));
  self->again = g_new0 (gboolean, n);
  self->producers = g_new0 (guint, n);
  self->slots = g_renew (SegSlot, self->slots, 3 * n);
  for (guint v = 0; v < n; v++)
    {
      self->slots[n + v] = self->slots[v];
      self->slots[n + v].birth = SEG_NEVER, self->slots[n + v].death = 0;
      self->slots[2 * n + v] = self->slots[n + v];
    }
  for (guint i = 0; i < plan->nodes->len; i++)
    self->producers[((const SegPlanNode *) plan->nodes->pdata[i])->output] = i;

  seg_way_back_find_cheap (&way);
  for (guint i = plan->nodes->len; i-- > 0;)
    if (_seg_schedule_runs (self, i))
      seg_way_back_add_node (&way, i);

  /* the loss gives the output's gradient before the walk, and the input's is asked for behind it */
  seg_way_back_touch (&way, SEG_BANK_GRADIENT, plan->input);
  for (guint i = 0; i < of_output->len; i++)
    _seg_schedule_get_slot (self, SEG_BANK_GRADIENT, g_array_index (of_output, guint, i))->birth
        = plan->nodes->len;
}

/* ---- gradients of parameters ------------------------------------------------------------- */

/* Parameter gradients are summed in so many slots, each over consecutive rows of the batch, and
 * joined in order: fixed by the shape, so that bits do not depend on threads. */
#define SEG_SPLIT_SLOTS 8

/* How a node's parameter gradients are worked out. */
SegParamSplit
_seg_schedule_split_params (SegSchedule *self, guint index)
{
  const SegPlanNode *node = self->plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  const SegShape *out = &self->shapes[node->output];
  guint n_blocks = ((GArray *) self->plan->blocks->pdata[node->output])->len;
  g_autofree SegShape *in = g_new (SegShape, node->n_inputs);
  SegParamSplit split = { SEG_SPLIT_SLOTS, 0, 0, 0 };

  for (guint i = 0; i < node->n_inputs; i++)
    in[i] = self->shapes[node->inputs[i]];
  if (node->step->split_params != NULL)
    node->step->split_params (node->step, in, node->n_inputs, out, &split.n_slots, &split.grain);
  else if (klass->split_params != NULL)
    klass->split_params (node->layer, in, node->n_inputs, out, &split.n_slots, &split.grain);
  split.n_slots = (guint) CLAMP (split.n_slots, 1, out->n * out->h);
  if (split.grain == 0)
    split.grain = n_blocks;
  split.n_ranges = (n_blocks + split.grain - 1) / split.grain;
  for (guint p = 0; p < node->n_params; p++)
    if (_seg_role_is_trained (
            seg_parameters_get_role (self->plan->parameters, node->first_param + p)))
      split.n_floats += seg_tensor_get_n_elements (node->tensors[p]);
  return split;
}

gboolean
_seg_role_is_trained (SegRole role)
{
  return role == SEG_ROLE_WEIGHT || role == SEG_ROLE_BIAS || role == SEG_ROLE_NORM;
}

/* What the reverse walk takes beside maps and their gradients. */
void
_seg_schedule_count_params (SegSchedule *self)
{
  for (guint i = 0; i < self->plan->nodes->len; i++)
    {
      SegParamSplit split;

      if (!_seg_schedule_runs (self, i))
        continue;
      split = _seg_schedule_split_params (self, i);
      self->gradient_floats += split.n_floats;
      if (split.n_slots > 1)
        self->slot_floats = MAX (self->slot_floats, split.n_floats * split.n_slots);
    }
}
