/* Lets a step add the other input of a residual sum to its own output. Of two steps that could,
 * the first in order does; the sum's bits are the same either way. */
#include "plan-private.h"

gboolean
_seg_pass_absorb_add (SegPlan *plan, SegPlanNode *node)
{
  SegPlanNode *reader = _seg_plan_find_absorbable (plan, node, SEG_POST_ADD);
  SegPost post = { .kind = SEG_POST_ADD, .input = node->n_inputs };

  if (reader == NULL || !(SEG_LAYER_GET_CLASS (reader->layer)->flags & SEG_LAYER_SUM)
      || reader->n_inputs != 2)
    return FALSE;

  node->inputs = g_renew (guint, node->inputs, node->n_inputs + 1);
  node->inputs[node->n_inputs++]
      = reader->inputs[0] == node->output ? reader->inputs[1] : reader->inputs[0];
  _seg_plan_absorb (plan, node, reader, &post);
  return TRUE;
}
