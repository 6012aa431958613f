/* Bands: the network as a line-buffered pipeline. Each row of each value is computed once, and
 * kept in a ring of rows until its last reader is done. */
#include "schedule-private.h"

/* Pulled from the output: walking backwards, each node must get far enough for its readers. */
void
_seg_bands_targets (SegSchedule *self, const gint64 *done, gint64 until, gint64 *target)
{
  SegPlan *plan = self->plan;

  memcpy (target, done, plan->n_values * sizeof *target);
  target[plan->output] = MAX (target[plan->output], until);
  for (guint i = plan->nodes->len; i-- > 0;)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      SegRect rows = { 0, done[node->output], self->shapes[node->output].w,
                       target[node->output] - done[node->output] };

      if (rows.h <= 0)
        continue;
      rows = _seg_plan_round (node, self->shapes, rows);
      target[node->output] = rows.y + rows.h;
      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegRect need = _seg_plan_required (node, self->shapes, &rows, j);

          if (!seg_rect_is_empty (&need))
            target[node->inputs[j]] = MAX (target[node->inputs[j]], need.y + need.h);
        }
    }
}

/* Of each value, the first row that some row still to be made by a reader needs. It is not always
 * the next one that reaches furthest back: mirrored padding comes back up at the lower border. */
void
_seg_bands_low_water (SegSchedule *self, const gint64 *done, gint64 *low)
{
  SegPlan *plan = self->plan;

  for (guint v = 0; v < plan->n_values; v++)
    low[v] = self->shapes[v].h;
  low[plan->output] = done[plan->output];
  for (guint i = plan->nodes->len; i-- > 0;)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      gint64 next = node->step != NULL ? done[node->output] : low[node->output];
      const SegShape *shape = &self->shapes[node->output];
      SegRect rest = { 0, next, shape->w, shape->h - next };

      if (next >= shape->h)
        continue;
      for (guint j = 0; j < node->n_inputs; j++)
        {
          SegRect need = _seg_plan_required (node, self->shapes, &rest, j);

          if (!seg_rect_is_empty (&need))
            low[node->inputs[j]] = MIN (low[node->inputs[j]], need.y);
        }
    }
}

/**
 * seg_schedule_choose_band_rows:
 * @height: rows of an image
 * @width: columns of the image
 *
 * How high bands are best where memory is no matter. A wide image has work enough for all threads
 * in a low one, and packed weights in the cache for long; a narrow one has neither. (A classic
 * U-Net of 32 channels at 512 × 512, two threads: 0.92 s in bands of 32 rows, 0.78 of 64, 0.79 of
 * 128. The shipped model, from 8 to 128 rows: the same within 4 % at width 8192.)
 *
 * Returns: rows of a band, at most @height
 */
gint64
seg_schedule_choose_band_rows (gint64 height, gint64 width)
{
  return MIN (width >= 8192 ? 16 : width >= 2048 ? 32 : 64, height);
}

/**
 * seg_schedule_new_bands:
 * @plan: a plan for inference
 * @height: rows of the image
 * @width: columns of the image
 * @band_rows: output rows made at a time; more is faster and takes more memory
 * @error: return location
 *
 * Lays a plan out for running from top to bottom. Ring sizes are found by going through the
 * whole image once without computing.
 * Errors: `SEG_ERROR_SHAPE`, `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a new schedule, or %NULL with @error set
 */
SegSchedule *
seg_schedule_new_bands (SegPlan *plan, gint64 height, gint64 width, gint64 band_rows,
                        GError **error)
{
  SegShape input = { 1, 0, height, width };
  g_autoptr (SegSchedule) self = NULL;
  g_autofree gint64 *done = g_new0 (gint64, plan->n_values), *low = g_new0 (gint64, plan->n_values),
                    *target = g_new0 (gint64, plan->n_values);
  gint64 n_rows;

  g_return_val_if_fail (plan->purpose == SEG_PURPOSE_INFERENCE, NULL);
  g_return_val_if_fail (band_rows >= 1, NULL);

  if ((self = _seg_schedule_new (plan, &input, error)) == NULL)
    return NULL;
  self->bands = TRUE;
  self->band_rows = band_rows;
  n_rows = self->shapes[plan->output].h;

  while (done[plan->output] < n_rows)
    {
      gint64 *previous = done;

      _seg_bands_low_water (self, done, low);
      _seg_bands_targets (self, done, MIN (done[plan->output] + band_rows, n_rows), target);
      for (guint v = 1; v < plan->n_values; v++)
        {
          SegSlot *slot = &self->slots[v];

          /* rows that nobody reads are made, too: each of a band needs a place of its own */
          slot->n_rows = MAX (slot->n_rows, target[v] - MIN (low[v], done[v]));
          /* rows that wait for the next band: the value lives through all of it */
          if (low[v] < done[v])
            slot->birth = 0, slot->death = plan->nodes->len;
        }
      done = target;
      target = previous;
    }

  for (guint v = 1; v < plan->n_values; v++)
    {
      self->slots[v].rect = (SegRect){ 0, 0, self->shapes[v].w, self->shapes[v].h };
      self->slots[v].n_rows = MAX (self->slots[v].n_rows, 0);
    }
  return _seg_schedule_layout (self, error) ? g_steal_pointer (&self) : NULL;
}
