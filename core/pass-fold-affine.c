/* Folds a layer that is y = scale[c]·x + shift[c], such as batch norm with frozen statistics,
 * into the step before it. */
#include "plan-private.h"

gboolean
_seg_pass_fold_affine (SegPlan *plan, SegPlanNode *node)
{
  SegPlanNode *reader = _seg_plan_find_absorbable (plan, node, SEG_POST_AFFINE);
  SegPost post = { 0 };

  if (reader == NULL || !_seg_plan_make_affine (plan, reader, &post))
    return FALSE;
  _seg_plan_absorb (plan, node, reader, &post);
  return TRUE;
}
