/* Whole and tile: one rectangle of the output, and what each value must give for it. */
#include "schedule-private.h"

/**
 * seg_schedule_new_region:
 * @plan: a plan
 * @n: batch; 1 for inference
 * @height: rows of the whole image
 * @width: columns of the whole image
 * @out: (nullable): a rectangle of the output; %NULL: all of it, as training needs
 * @error: return location
 *
 * Lays a plan out for a rectangle of its output. What is needed of each map, halo included, is
 * found by walking the requirements backwards.
 * Errors: `SEG_ERROR_SHAPE` if the image is too small for the network or @out lies outside,
 * `SEG_ERROR_MEMORY` if sizes cannot be counted.
 *
 * Returns: (transfer full): a new schedule, or %NULL with @error set
 */
SegSchedule *
seg_schedule_new_region (SegPlan *plan, gint64 n, gint64 height, gint64 width, const SegRect *out,
                         GError **error)
{
  SegShape input = { n, 0, height, width };
  g_autoptr (SegSchedule) self = _seg_schedule_new (plan, &input, error);
  const SegShape *whole;
  SegRect map;

  g_return_val_if_fail (out == NULL || plan->purpose == SEG_PURPOSE_INFERENCE, NULL);

  if (self == NULL)
    return NULL;

  whole = &self->shapes[plan->output];
  map = (SegRect){ 0, 0, whole->w, whole->h };
  self->out = out != NULL ? *out : map;
  if (seg_rect_is_empty (&self->out) || self->out.x < 0 || self->out.y < 0
      || self->out.w > map.w - self->out.x || self->out.h > map.h - self->out.y)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "tile %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                   " × %" G_GINT64_FORMAT " does not lie inside %" G_GINT64_FORMAT
                   " × %" G_GINT64_FORMAT,
                   self->out.x, self->out.y, self->out.w, self->out.h, map.w, map.h);
      return NULL;
    }

  /* a step may be asked for more than one reader needs: the smallest rectangle that serves all */
  self->slots[plan->output].rect = self->out;
  for (guint i = plan->nodes->len; i-- > 0;)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      SegSlot *slot = &self->slots[node->output];

      if (seg_rect_is_empty (&slot->rect))
        continue;
      slot->rect = _seg_plan_round (node, self->shapes, slot->rect);
      /* gradients and statistics are those of whole maps, also where a reader leaves out the rim */
      if (plan->purpose == SEG_PURPOSE_TRAINING)
        slot->rect = (SegRect){ 0, 0, self->shapes[node->output].w, self->shapes[node->output].h };
      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegSlot *of_input = &self->slots[node->inputs[j]];
          SegRect need = _seg_plan_required (node, self->shapes, &slot->rect, j);

          of_input->rect = seg_rect_union (of_input->rect, need);
        }
    }

  if (plan->purpose == SEG_PURPOSE_TRAINING)
    self->slots[plan->input].rect
        = (SegRect){ 0, 0, self->shapes[plan->input].w, self->shapes[plan->input].h };
  for (guint v = 1; v < plan->n_values; v++)
    self->slots[v].n_rows = self->slots[v].rect.h;
  return _seg_schedule_layout (self, error) ? g_steal_pointer (&self) : NULL;
}
