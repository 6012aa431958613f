/* Folds a layer that is y = scale[c]·x + shift[c], such as batch norm with frozen statistics,
 * into the step before it. */
#include "plan-private.h"

gboolean
_seg_pass_fold_affine (SegPlan *plan, SegPlanNode *node)
{
  SegPlanNode *reader = _seg_plan_find_absorbable (plan, node, SEG_POST_AFFINE);
  SegPost post = { .kind = SEG_POST_AFFINE };
  g_autofree float *scale = NULL, *shift = NULL;
  gint64 n_channels;

  if (reader == NULL || reader->n_inputs != 1
      || SEG_LAYER_GET_CLASS (reader->layer)->as_affine == NULL)
    return FALSE;

  n_channels = seg_graph_get_channels (plan->graph, node->output);
  /* up to the end of the last block of channels */
  scale = g_new0 (float, (gsize) n_channels + SEG_KERNEL_MAX_LANES);
  shift = g_new0 (float, (gsize) n_channels + SEG_KERNEL_MAX_LANES);
  if (!SEG_LAYER_GET_CLASS (reader->layer)
           ->as_affine (reader->layer, reader->params, n_channels, scale, shift))
    return FALSE;

  post.scale = g_steal_pointer (&scale);
  post.shift = g_steal_pointer (&shift);
  _seg_plan_absorb (plan, node, reader, &post);
  return TRUE;
}
