/* Lets a step do on the numbers that it loads what the step before it would have done: y =
 * scale[c]·x + shift[c] and then a clamp, the batch norm and ReLU in front of the convolutions of
 * dense and pre-activation networks. Their map is never written. */
#include "plan-private.h"

/* The step that gives what @node reads, if nobody else reads that, and it has taken over nothing. */
static SegPlanNode *
seg_pass_find_before (SegPlan *plan, const SegPlanNode *node)
{
  const SegPlanReaders *readers = &plan->readers[node->inputs[0]];
  SegPlanNode *before = readers->producer;

  if (readers->n != 1 || node->inputs[0] == plan->output || before == NULL)
    return NULL;
  return before->n_inputs == 1 && before->posts->len == 0 && before->befores->len == 0 ? before
                                                                                        : NULL;
}

gboolean
_seg_pass_absorb_before (SegPlan *plan, SegPlanNode *node)
{
  guint absorbs = plan->purpose == SEG_PURPOSE_INFERENCE
                      ? SEG_LAYER_GET_CLASS (node->layer)->absorbs_before
                      : 0;
  SegPlanNode *before = absorbs != 0 && node->n_layer_inputs == 1 ? seg_pass_find_before (plan, node)
                                                                  : NULL;
  SegPost post = { 0 };

  if (before == NULL)
    return FALSE;
  if ((absorbs & SEG_POST_ELEMENTWISE) && node->befores->len == 0
      && _seg_plan_is_clamp (before->layer))
    {
      post.kind = SEG_POST_ELEMENTWISE;
      post.layer = g_object_ref (before->layer);
    }
  else if (!(absorbs & SEG_POST_AFFINE) || !_seg_plan_make_affine (plan, before, &post))
    return FALSE;
  _seg_plan_absorb_before (plan, node, before, &post);
  return TRUE;
}
