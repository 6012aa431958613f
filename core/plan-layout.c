/* Which values lie in memory as blocks of interleaved channels, and which as planes. Blocks are
 * taken wherever the layers around a value allow it: the image and what the network gives are
 * planes, and a layer that knows only planes keeps them around it, up to the next convolution. */
#include "plan-private.h"

typedef struct
{
  SegPlan *plan;
  gint lanes;
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
seg_layout_find_blocks (SegLayoutSearch *self, const SegPlanNode *node, SegLayout layout)
{
  SegPlan *plan = self->plan;
  GArray *blocks = plan->blocks->pdata[node->output];
  gint64 n_channels = seg_graph_get_channels (plan->graph, node->output);
  gint lanes = plan->lanes[node->output];

  g_array_set_size (blocks, 0);
  if (lanes > 1 && (layout == SEG_LAYOUT_ALIKE || layout == SEG_LAYOUT_FIRST))
    {
      guint n_inputs = _seg_plan_is_alias (plan, node) ? node->n_inputs : 1;

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

static gboolean
seg_layout_have_same_blocks (SegPlan *plan, SegValue a, SegValue b)
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

/* Values that must lie alike, but do not, become planar. An alias only joins its inputs' blocks. */
static void
seg_layout_settle_node (SegLayoutSearch *self, const SegPlanNode *node)
{
  SegPlan *plan = self->plan;
  gboolean is_alias = _seg_plan_is_alias (plan, node);
  SegLayout layout = is_alias ? SEG_LAYOUT_ALIKE : _seg_plan_get_layout (plan, node);
  gboolean planar = layout == SEG_LAYOUT_PLANAR, bound = FALSE;

  seg_layout_find_blocks (self, node, layout);
  for (guint i = 0; i < node->n_inputs; i++)
    if (seg_layout_is_bound (node, layout, i))
      {
        bound = TRUE;
        planar |= is_alias ? plan->lanes[node->inputs[i]] == 1
                           : !seg_layout_have_same_blocks (plan, node->inputs[i], node->output);
      }
  planar |= bound && plan->lanes[node->output] == 1;
  if (!planar)
    return;

  for (guint i = 0; i < node->n_inputs; i++)
    if (seg_layout_is_bound (node, layout, i))
      seg_layout_make_planar (self, node->inputs[i]);
  seg_layout_make_planar (self, node->output);
}

static void
seg_layout_free_blocks (gpointer blocks)
{
  g_array_unref (blocks);
}

/* Sets the plan's lanes and blocks. */
void
_seg_plan_choose_layouts (SegPlan *plan)
{
  gboolean blocked = plan->purpose == SEG_PURPOSE_INFERENCE;
  SegLayoutSearch self = { plan, blocked ? plan->kernels->lanes : 1, TRUE };

  plan->lanes = g_new (gint, plan->n_values);
  plan->blocks = g_ptr_array_new_with_free_func (seg_layout_free_blocks);
  for (guint v = 0; v < plan->n_values; v++)
    {
      plan->lanes[v] = self.lanes;
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
      for (guint i = 0; i < plan->nodes->len; i++)
        seg_layout_settle_node (&self, plan->nodes->pdata[i]);
    }
}
