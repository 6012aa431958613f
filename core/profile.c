/* Where a run's time goes, step by step. */
#include "workspace-private.h"

/**
 * seg_workspace_start_profile:
 * @self: a workspace
 *
 * From the next run on, takes the time of each step.
 */
void
seg_workspace_start_profile (SegWorkspace *self)
{
  g_free (self->profile);
  self->profile = g_new0 (SegStepProfile, MAX (self->schedule->plan->nodes->len, 1));
}

/**
 * seg_workspace_get_profile:
 * @self: a workspace
 * @step: of its plan
 * @profile: (out caller-allocates): what it took since seg_workspace_start_profile()
 */
void
seg_workspace_get_profile (SegWorkspace *self, guint step, SegStepProfile *profile)
{
  g_return_if_fail (self->profile != NULL && step < self->schedule->plan->nodes->len);

  *profile = self->profile[step];
}

/* Of rows that are the same one is stored. */
static double
seg_profile_count_rows (const SegView *view)
{
  gint64 n = 0;

  for (gint64 y = 0; y < view->valid.h && view->n_blocks > 0; y++)
    n += y == 0 || view->blocks[0].rows[y] != view->blocks[0].rows[y - 1];
  return (double) n;
}

static double
seg_profile_count_bytes (const SegView *view)
{
  double pixels = (double) view->shape.n * (double) view->valid.w * seg_profile_count_rows (view);

  return view->n_blocks > 0 ? pixels * view->n_blocks * view->blocks[0].lanes * sizeof (float) : 0;
}

/* Adds one run of a step. Its bytes are those of the maps that it reads and writes, once each, and
 * of its weights. */
void
_seg_profile_add (SegWorkspace *self, guint index, const SegView *in, const SegView *out,
                  gint64 microseconds, double multiply_adds)
{
  const SegPlanNode *node = self->schedule->plan->nodes->pdata[index];
  SegStepProfile *profile = &self->profile[index];

  profile->n_runs++;
  profile->seconds += (double) microseconds / G_USEC_PER_SEC;
  profile->multiply_adds += multiply_adds;
  profile->bytes += seg_profile_count_bytes (out) + (double) node->step->packed_bytes;
  for (guint i = 0; i < node->n_inputs; i++)
    profile->bytes += seg_profile_count_bytes (&in[i]);
}
