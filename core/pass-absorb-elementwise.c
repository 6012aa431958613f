/* Lets a step apply the activation that follows it to the numbers it has just finished. In training
 * only clamps: what passes them is seen from their output. */
#include "plan-private.h"

gboolean
_seg_pass_absorb_elementwise (SegPlan *plan, SegPlanNode *node)
{
  SegPlanNode *reader = _seg_plan_find_absorbable (plan, node, SEG_POST_ELEMENTWISE);
  SegPost post = { .kind = SEG_POST_ELEMENTWISE };

  if (reader == NULL || !SEG_IS_ELEMENTWISE (reader->layer)
      || (plan->purpose == SEG_PURPOSE_TRAINING && !_seg_plan_is_clamp (reader->layer)))
    return FALSE;

  post.layer = g_object_ref (reader->layer);
  _seg_plan_absorb (plan, node, reader, &post);
  return TRUE;
}
