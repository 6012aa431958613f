/* Statistics of whole maps, for layers that need them. Each row is summed on its own and rows are
 * joined in order, in double, so that the bits do not depend on threads. */
#include "workspace-private.h"

#include <segkit/memory.h>

typedef struct
{
  const SegPlanNode *node;
  SegPhase phase;
  const SegRun *run;
  SegWorkspace *workspace;
  const SegView *in, *out, *dout;
  guint n_in;
  gint64 height;
  gsize n_sums;
  double *rows; /* n_sums for each row of each sample */
} SegSumJob;

static void
seg_sums_row (guint task, guint thread, gpointer user_data)
{
  SegSumJob *job = user_data;

  SegRun run = *job->run;

  run.scratch = job->workspace->scratch + thread * job->workspace->schedule->scratch_bytes;
  if (job->node->step->sum_row != NULL)
    job->node->step->sum_row (job->node->step, job->phase, &run, job->in, job->n_in, job->out,
                              job->dout, task / job->height, task % job->height,
                              job->rows + task * job->n_sums);
  else
    SEG_LAYER_GET_CLASS (job->node->layer)
        ->sum_row (job->node->layer, job->phase, &run, job->in, job->n_in, job->dout,
                   task / job->height, task % job->height, job->rows + task * job->n_sums);
}

gboolean
_seg_sums_run (SegWorkspace *workspace, guint index, SegPhase phase, const SegView *in,
               const SegView *out, const SegView *dout, GError **error)
{
  const SegPlanNode *node = workspace->schedule->plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *shapes = g_new (SegShape, node->n_inputs);
  SegRun run = _seg_workspace_make_run (workspace, index);
  SegSumJob job = { node, phase, &run, workspace, in, out, dout, node->n_inputs, in[0].shape.h, 0,
                    NULL };
  gsize n_rows = (gsize) (in[0].shape.n * in[0].shape.h);

  if (klass->n_sums == NULL)
    return TRUE;
  for (guint i = 0; i < node->n_inputs; i++)
    shapes[i] = in[i].shape;
  if (workspace->stats[index] == NULL
      && (workspace->stats[index] = seg_alloc (klass->n_stats (node->layer, shapes, node->n_inputs),
                                               sizeof (float), "statistics", error)) == NULL)
    return FALSE;
  job.n_sums = klass->n_sums (node->layer, phase, shapes, node->n_inputs);
  if ((job.rows = seg_alloc (n_rows, job.n_sums * sizeof (double), "row sums", error)) == NULL)
    return FALSE;

  memset (job.rows, 0, n_rows * job.n_sums * sizeof (double));
  run.stats = workspace->stats[index];
  seg_pool_run (workspace->pool, (guint) n_rows, seg_sums_row, &job);
  for (gsize row = 1; row < n_rows; row++)
    for (gsize i = 0; i < job.n_sums; i++)
      job.rows[i] += job.rows[row * job.n_sums + i];
  klass->finish (node->layer, phase, shapes, node->n_inputs, job.rows, workspace->stats[index]);
  seg_free (job.rows);
  return TRUE;
}
