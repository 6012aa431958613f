/* Which values lie in memory as blocks of interleaved channels, and which as planes. Blocks are
 * taken wherever the layers around a value allow it: the image and what the network gives are
 * planes, and a layer that knows only planes keeps them around it, up to the next convolution. */
#include "plan-private.h"

typedef struct
{
  SegPlan *plan;
  SegLayout *layouts; /* of nodes */
  gboolean changed;
} SegLayoutSearch;

static void
seg_layout_make_planar (SegLayoutSearch *self, SegValue value)
{
  self->changed |= self->plan->lanes[value] != 1;
  self->plan->lanes[value] = 1;
}

/* Channels in each block of a value, given those of the values before it. */
static void
seg_layout_find_blocks (SegPlan *plan, const SegPlanNode *node, SegLayout layout)
{
  GArray *blocks = plan->blocks->pdata[node->output];
  gint64 n_channels = seg_graph_get_channels (plan->graph, node->output);
  gint lanes = plan->lanes[node->output];

  g_array_set_size (blocks, 0);
  if (lanes > 1 && (layout == SEG_LAYOUT_ALIKE || layout == SEG_LAYOUT_FIRST))
    {
      guint n_inputs = node->is_alias ? node->n_inputs : 1;

      for (guint i = 0; i < n_inputs; i++)
        {
          GArray *of_input = plan->blocks->pdata[node->inputs[i]];
          g_array_append_vals (blocks, of_input->data, of_input->len);
        }
      return;
    }
  for (gint64 c = 0; c < n_channels; c += lanes)
    {
      gint32 n = (gint32) MIN (lanes, n_channels - c);
      g_array_append_val (blocks, n);
    }
}

/* Whether two values hold the same channels in each of their blocks. */
gboolean
_seg_plan_have_same_blocks (SegPlan *plan, SegValue a, SegValue b)
{
  GArray *of_a = plan->blocks->pdata[a], *of_b = plan->blocks->pdata[b];

  return plan->lanes[a] == plan->lanes[b] && of_a->len == of_b->len
         && memcmp (of_a->data, of_b->data, of_a->len * sizeof (gint32)) == 0;
}

/* Whether input @i must lie as the output does. What posts add must. */
static gboolean
seg_layout_is_bound (const SegPlanNode *node, SegLayout layout, guint i)
{
  if (i >= node->n_layer_inputs)
    return TRUE;
  return layout != SEG_LAYOUT_EACH && (layout != SEG_LAYOUT_FIRST || i == 0);
}

static void
seg_layout_make_bound_planar (SegLayoutSearch *self, const SegPlanNode *node, SegLayout layout)
{
  for (guint i = 0; i < node->n_inputs; i++)
    if (seg_layout_is_bound (node, layout, i))
      seg_layout_make_planar (self, node->inputs[i]);
  seg_layout_make_planar (self, node->output);
}

/* If one of the values that must lie alike is planar, all are. */
static void
seg_layout_settle_lanes (SegLayoutSearch *self, guint index)
{
  const SegPlanNode *node = self->plan->nodes->pdata[index];
  SegLayout layout = self->layouts[index];
  gboolean planar = layout == SEG_LAYOUT_PLANAR, bound = FALSE;

  for (guint i = 0; i < node->n_inputs; i++)
    if (seg_layout_is_bound (node, layout, i))
      {
        bound = TRUE;
        planar |= self->plan->lanes[node->inputs[i]] == 1;
      }
  if (planar || (bound && self->plan->lanes[node->output] == 1))
    seg_layout_make_bound_planar (self, node, layout);
}

/* Nor can those lie in blocks of which each holds other channels. An alias only joins blocks. */
static void
seg_layout_settle_blocks (SegLayoutSearch *self, guint index)
{
  const SegPlanNode *node = self->plan->nodes->pdata[index];
  SegLayout layout = self->layouts[index];

  seg_layout_find_blocks (self->plan, node, layout);
  if (node->is_alias)
    return;
  for (guint i = 0; i < node->n_inputs; i++)
    if (seg_layout_is_bound (node, layout, i)
        && !_seg_plan_have_same_blocks (self->plan, node->inputs[i], node->output))
      {
        seg_layout_make_bound_planar (self, node, layout);
        return;
      }
}

/* Sets the plan's lanes and blocks. Planes spread to both sides, so nodes are gone through in both
 * directions: a chain, however long, is settled at once. */
void
_seg_plan_choose_layouts (SegPlan *plan)
{
  g_autofree SegLayout *layouts = g_new (SegLayout, MAX (plan->nodes->len, 1));
  SegLayoutSearch self = { plan, layouts, TRUE };

  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      layouts[i] = node->is_alias ? SEG_LAYOUT_ALIKE : _seg_plan_get_layout (plan, node);
    }
  plan->lanes = g_new (gint, plan->n_values);
  plan->blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  for (guint v = 0; v < plan->n_values; v++)
    {
      plan->lanes[v] = plan->kernels->lanes;
      g_ptr_array_add (plan->blocks, g_array_new (FALSE, FALSE, sizeof (gint32)));
    }
  plan->lanes[plan->input] = plan->lanes[plan->output] = 1;
  for (gint64 c = 0; c < seg_graph_get_channels (plan->graph, plan->input); c++)
    {
      gint32 one = 1;
      g_array_append_val ((GArray *) plan->blocks->pdata[plan->input], one);
    }

  while (self.changed)
    {
      self.changed = FALSE;
      for (guint i = plan->nodes->len; i-- > 0;)
        seg_layout_settle_lanes (&self, i);
      for (guint i = 0; i < plan->nodes->len; i++)
        seg_layout_settle_lanes (&self, i);
      for (guint i = 0; i < plan->nodes->len; i++)
        seg_layout_settle_blocks (&self, i);
    }
}
