/* Gradients of parameters: each slot sums over consecutive rows of the batch, in tasks for ranges of
 * channel blocks, and slots are joined in order. */
#include "workspace-private.h"

typedef struct
{
  const SegBackwardJob *backward;
  SegWorkspace *workspace;
  SegParamSplit split;
  float **slots; /* n_params pointers for each slot */
} SegSlotJob;

static void
seg_gradients_slot (guint task, guint thread, gpointer user_data)
{
  SegSlotJob *job = user_data;
  const SegBackwardJob *b = job->backward;
  const SegPlanNode *node = b->node;
  SegRun run = *b->run;
  gint64 n_rows = b->out->shape.n * b->out->shape.h;
  guint slot = task / job->split.n_ranges, block = task % job->split.n_ranges * job->split.grain;
  SegParamPiece piece = { n_rows * slot / job->split.n_slots,
                          n_rows * (slot + 1) / job->split.n_slots, block,
                          MIN (job->split.grain, b->out->n_blocks - block) };
  float *const *dparams = job->slots + slot * node->n_params;

  run.scratch = job->workspace->scratch + thread * job->workspace->schedule->scratch_bytes;
  if (node->step->backward_params != NULL)
    node->step->backward_params (node->step, &run, b->in, node->n_inputs, b->out, b->dout, &piece,
                                 dparams);
  else
    SEG_LAYER_GET_CLASS (node->layer)
        ->backward_params (node->layer, &run, b->in, node->n_inputs, b->out, b->dout, &piece,
                           dparams);
}

/* Slots are joined in runs of so many numbers. */
#define SEG_GRADIENT_RUN 16384

/* Numbers of a slot lie in the order of the node's trained parameters. */
static void
seg_gradients_join (guint task, guint thread, gpointer user_data)
{
  SegSlotJob *job = user_data;
  const SegPlanNode *node = job->backward->node;
  float **gradients = job->workspace->gradients->parameters + node->first_param;
  const float *slots = job->workspace->gradients->slots;
  gsize first = (gsize) task * SEG_GRADIENT_RUN;
  gsize end = MIN (first + SEG_GRADIENT_RUN, job->split.n_floats), at = 0;

  (void) thread;
  for (guint p = 0; p < node->n_params; p++)
    {
      gsize size = gradients[p] != NULL ? seg_tensor_get_n_elements (node->tensors[p]) : 0;

      for (gsize i = MAX (first, at); i < MIN (end, at + size); i++)
        gradients[p][i - at] = slots[i];
      for (guint s = 1; s < job->split.n_slots; s++)
        for (gsize i = MAX (first, at); i < MIN (end, at + size); i++)
          gradients[p][i - at] += slots[s * job->split.n_floats + i];
      at += size;
    }
}

static guint
seg_gradients_count_runs (gsize n)
{
  return (guint) ((n + SEG_GRADIENT_RUN - 1) / SEG_GRADIENT_RUN);
}

/* Where each slot's numbers go: the only one's straight to the gradients. */
static void
seg_gradients_place_slots (SegSlotJob *job)
{
  SegWorkspace *workspace = job->workspace;
  const SegPlanNode *node = job->backward->node;
  float **gradients = workspace->gradients->parameters + node->first_param;
  float *at = workspace->gradients->slots;

  for (guint i = 0; i < job->split.n_slots * node->n_params; i++)
    {
      guint p = i % node->n_params;
      gsize n;

      if (gradients[p] == NULL)
        continue;
      n = seg_tensor_get_n_elements (node->tensors[p]);
      job->slots[i] = gradients[p];
      if (job->split.n_slots > 1)
        {
          job->slots[i] = at;
          at += n;
        }
      if (!node->step->sets_params)
        _seg_workspace_zero (workspace, job->slots[i], n * sizeof (float));
    }
}

/* The gradients of a node's parameters, which no other node has. */
void
_seg_gradients_run_params (SegWorkspace *workspace, const SegBackwardJob *backward)
{
  SegSlotJob job = { backward, workspace,
                     _seg_schedule_split_params (workspace->schedule, backward->index), NULL };
  guint n_slots = job.split.n_slots;
  g_autofree float **slots = g_new0 (float *, n_slots * backward->node->n_params);

  job.slots = slots;
  seg_gradients_place_slots (&job);
  seg_pool_run (workspace->pool, n_slots * job.split.n_ranges, seg_gradients_slot, &job);
  if (n_slots > 1)
    seg_pool_run (workspace->pool, seg_gradients_count_runs (job.split.n_floats),
                  seg_gradients_join, &job);
}
