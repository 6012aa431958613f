/* The reverse walk of a training plan: gradients of values and of parameters. A layer's backward
 * adds; core decides the order, and nothing else. */
#include "workspace-private.h"

#include <segkit/memory.h>
#include <segkit/registry.h>

/* Parameter gradients are summed in so many slots, each over consecutive rows of the batch, and
 * joined in order: fixed by the shape, so that bits do not depend on threads. */
#define SEG_GRADIENT_SLOTS 8

struct _SegGradients
{
  char *arena;        /* gradients of values, laid out as the values are */
  float **parameters; /* gradient of each parameter, or NULL if it is not trained */
  guint n_parameters;
  SegViewBuffer buffer;
};

void
_seg_gradients_free (SegGradients *gradients)
{
  for (guint i = 0; i < gradients->n_parameters; i++)
    seg_free (gradients->parameters[i]);
  g_free (gradients->parameters);
  seg_free (gradients->arena);
  seg_free (gradients->buffer.rows);
  seg_free (gradients->buffer.blocks);
  g_free (gradients);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegGradients, _seg_gradients_free)

static gboolean
seg_gradients_is_trained (SegRole role)
{
  return role == SEG_ROLE_WEIGHT || role == SEG_ROLE_BIAS || role == SEG_ROLE_NORM;
}

static SegGradients *
seg_gradients_new (SegWorkspace *workspace, GError **error)
{
  SegSchedule *schedule = workspace->schedule;
  SegParameters *parameters = schedule->plan->parameters;
  g_autoptr (SegGradients) self = g_new0 (SegGradients, 1);

  self->n_parameters = seg_parameters_get_n (parameters);
  self->parameters = g_new0 (float *, MAX (self->n_parameters, 1));
  /* a node's views of values, and of their gradients, are in use together */
  if ((self->arena = seg_alloc (schedule->arena_bytes, 1, "gradients", error)) == NULL
      || (self->buffer.rows = seg_alloc (2 * schedule->max_rows, sizeof (float *), "row pointers",
                                         error)) == NULL
      || (self->buffer.blocks = seg_alloc (2 * schedule->max_blocks, sizeof (SegChannelBlock),
                                           "channel blocks", error)) == NULL)
    return NULL;

  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, error);

      if (tensor == NULL)
        return NULL;
      if (seg_gradients_is_trained (seg_parameters_get_role (parameters, i))
          && (self->parameters[i] = seg_alloc (seg_tensor_get_n_elements (tensor), sizeof (float),
                                               "parameter gradients", error)) == NULL)
        return NULL;
    }
  return g_steal_pointer (&self);
}

/* Running state moves once per forward pass, as PyTorch's does. */
void
_seg_gradients_update (SegWorkspace *self, guint index)
{
  const SegPlanNode *node = self->schedule->plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *shapes = g_new (SegShape, node->n_inputs);

  if (klass->update == NULL)
    return;
  for (guint i = 0; i < node->n_inputs; i++)
    shapes[i] = self->schedule->shapes[node->inputs[i]];
  klass->update (node->layer, shapes, node->n_inputs, self->stats[index],
                 (gpointer const *) node->params);
}

/* ---- one node ---------------------------------------------------------------------------- */

typedef struct
{
  const SegPlanNode *node;
  const SegRun *run;
  const SegView *in, *out, *dout;
  SegView *din;
  guint input;
} SegBackwardJob;

static void
seg_gradients_input_piece (const SegPiece *piece, gpointer scratch, gpointer user_data)
{
  SegBackwardJob *job = user_data;
  SegRun run = *job->run;

  run.scratch = scratch;
  if (job->node->step->backward_input != NULL)
    job->node->step->backward_input (job->node->step, &run, job->in, job->node->n_inputs, job->out,
                                     job->dout, job->input, job->din, piece);
  else
    SEG_LAYER_GET_CLASS (job->node->layer)
        ->backward_input (job->node->layer, &run, job->in, job->node->n_inputs, job->out, job->dout,
                          job->input, job->din, piece);
}

/* How a node's parameter gradients are worked out: each slot sums over consecutive rows of the batch,
 * in tasks for ranges of channel blocks, and slots are joined in order. */
typedef struct
{
  const SegBackwardJob *backward;
  SegWorkspace *workspace;
  guint n_slots, grain, n_ranges;
  float **slots; /* n_params pointers for each slot */
  float *memory; /* of all slots, or NULL if the only one adds straight to the gradients */
  gsize n_floats; /* of one slot */
} SegSlotJob;

static void
seg_gradients_slot (guint task, guint thread, gpointer user_data)
{
  SegSlotJob *job = user_data;
  const SegBackwardJob *b = job->backward;
  const SegPlanNode *node = b->node;
  SegRun run = *b->run;
  gint64 n_rows = b->out->shape.n * b->out->shape.h;
  guint slot = task / job->n_ranges, block = task % job->n_ranges * job->grain;
  SegParamPiece piece = { n_rows * slot / job->n_slots, n_rows * (slot + 1) / job->n_slots, block,
                          MIN (job->grain, b->out->n_blocks - block) };
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

static void
seg_gradients_split (SegSlotJob *self)
{
  const SegBackwardJob *b = self->backward;
  const SegPlanNode *node = b->node;
  const SegShape *out = &b->out->shape;
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *in = g_new (SegShape, node->n_inputs);

  for (guint i = 0; i < node->n_inputs; i++)
    in[i] = b->in[i].shape;
  self->n_slots = SEG_GRADIENT_SLOTS;
  self->grain = 0;
  if (node->step->split_params != NULL)
    node->step->split_params (node->step, in, node->n_inputs, out, &self->n_slots, &self->grain);
  else if (klass->split_params != NULL)
    klass->split_params (node->layer, in, node->n_inputs, out, &self->n_slots, &self->grain);
  self->n_slots = (guint) CLAMP (self->n_slots, 1, out->n * out->h);
  if (self->grain == 0)
    self->grain = b->out->n_blocks;
  self->n_ranges = (b->out->n_blocks + self->grain - 1) / self->grain;
}

/* Slots are zeroed and joined in runs of so many numbers. */
#define SEG_GRADIENT_RUN 16384

static void
seg_gradients_clear_slots (guint task, guint thread, gpointer user_data)
{
  SegSlotJob *job = user_data;
  gsize n = job->n_floats * job->n_slots, first = (gsize) task * SEG_GRADIENT_RUN;

  (void) thread;
  memset (job->memory + first, 0, MIN (SEG_GRADIENT_RUN, n - first) * sizeof (float));
}

/* Numbers of a slot lie in the order of the node's trained parameters. */
static void
seg_gradients_join (guint task, guint thread, gpointer user_data)
{
  SegSlotJob *job = user_data;
  const SegPlanNode *node = job->backward->node;
  float **gradients = job->workspace->gradients->parameters + node->first_param;
  gsize first = (gsize) task * SEG_GRADIENT_RUN;
  gsize end = MIN (first + SEG_GRADIENT_RUN, job->n_floats), at = 0;

  (void) thread;
  for (guint p = 0; p < node->n_params; p++)
    {
      gsize size = gradients[p] != NULL ? seg_tensor_get_n_elements (node->tensors[p]) : 0;

      for (guint s = 0; s < job->n_slots; s++)
        for (gsize i = MAX (first, at); i < MIN (end, at + size); i++)
          gradients[p][i - at] += job->memory[s * job->n_floats + i];
      at += size;
    }
}

static guint
seg_gradients_count_runs (gsize n)
{
  return (guint) ((n + SEG_GRADIENT_RUN - 1) / SEG_GRADIENT_RUN);
}

static gboolean
seg_gradients_run_params (SegWorkspace *workspace, const SegBackwardJob *backward, GError **error)
{
  const SegPlanNode *node = backward->node;
  float **gradients = workspace->gradients->parameters + node->first_param;
  SegSlotJob job = { .backward = backward, .workspace = workspace };
  g_autofree float **slots = NULL;

  seg_gradients_split (&job);
  job.slots = slots = g_new0 (float *, job.n_slots * node->n_params);
  for (guint p = 0; p < node->n_params; p++)
    if (gradients[p] != NULL)
      job.n_floats += seg_tensor_get_n_elements (node->tensors[p]);
  if (job.n_slots == 1)
    memcpy (slots, gradients, node->n_params * sizeof *slots);
  else
    {
      if ((job.memory = seg_alloc (job.n_floats, job.n_slots * sizeof (float), "gradient slots",
                                   error)) == NULL)
        return FALSE;
      for (guint s = 0, p = 0; s < job.n_slots; s++)
        for (gsize at = s * job.n_floats; p < (s + 1) * node->n_params; p++)
          if (gradients[p % node->n_params] != NULL)
            {
              slots[p] = job.memory + at;
              at += seg_tensor_get_n_elements (node->tensors[p % node->n_params]);
            }
      seg_pool_run (workspace->pool, seg_gradients_count_runs (job.n_floats * job.n_slots),
                    seg_gradients_clear_slots, &job);
    }

  seg_pool_run (workspace->pool, job.n_slots * job.n_ranges, seg_gradients_slot, &job);
  if (job.n_slots > 1)
    seg_pool_run (workspace->pool, seg_gradients_count_runs (job.n_floats), seg_gradients_join, &job);
  seg_free (job.memory);
  return TRUE;
}

static gboolean
seg_gradients_run_node (SegWorkspace *workspace, guint index, GError **error)
{
  SegGradients *self = workspace->gradients;
  SegSchedule *schedule = workspace->schedule;
  const SegPlanNode *node = schedule->plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegView *in = g_new (SegView, node->n_inputs), *din = g_new (SegView, node->n_inputs);
  SegRect whole = schedule->slots[node->output].rect;
  SegView out, dout;
  SegRun run;
  SegBackwardJob job = { node, &run, in, &out, &dout, NULL, 0 };
  SegCells cells = { .channel_grain = 1 };

  if (node->step == NULL) /* an alias: its gradient is that of its parts */
    return TRUE;
  if (node->step->backward_input != NULL)
    cells = (SegCells){ .grid_y = node->step->back_grid, .grid_x = node->step->back_grid,
                        .channel_grain = node->step->back_channel_grain };
  else if (klass->backward_input == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: %s has no backward pass",
                   node->name, seg_type_get_feature (G_OBJECT_TYPE (node->layer)));
      return FALSE;
    }

  self->buffer.n_rows = self->buffer.n_blocks = 0;
  for (guint i = 0; i < node->n_inputs; i++)
    {
      SegValue value = node->inputs[i];
      SegRect rect = schedule->slots[value].rect;

      in[i] = _seg_workspace_view (workspace, &self->buffer, workspace->arena, value, rect);
      din[i] = _seg_workspace_view (workspace, &self->buffer, self->arena, value, rect);
    }
  out = _seg_workspace_view (workspace, &self->buffer, workspace->arena, node->output, whole);
  dout = _seg_workspace_view (workspace, &self->buffer, self->arena, node->output, whole);

  if (!_seg_sums_run (workspace, index, SEG_PHASE_BACKWARD, in, &dout, error))
    return FALSE;
  run = _seg_workspace_make_run (workspace, index);
  _seg_workspace_prepare_step (workspace, index, SEG_PHASE_BACKWARD);
  for (guint i = 0; i < node->n_inputs; i++)
    {
      SegRect need = _seg_plan_required (node, schedule->shapes, &whole, i);

      if (seg_rect_is_empty (&need))
        continue;
      job.din = &din[i];
      job.input = i;
      _seg_workspace_for_pieces (workspace, &din[i], cells, seg_gradients_input_piece, &job);
    }
  return (klass->backward_params == NULL && node->step->backward_params == NULL)
         || node->n_params == 0
         || seg_gradients_run_params (workspace, &job, error);
}

/* ---- the walk ---------------------------------------------------------------------------- */

static gboolean
seg_gradients_clear (SegWorkspace *workspace, GError **error)
{
  SegGradients *self = workspace->gradients;
  SegParameters *parameters = workspace->schedule->plan->parameters;

  if (self == NULL && (self = workspace->gradients = seg_gradients_new (workspace, error)) == NULL)
    return FALSE;
  memset (self->arena, 0, workspace->schedule->arena_bytes);
  for (guint i = 0; i < self->n_parameters; i++)
    if (self->parameters[i] != NULL)
      memset (self->parameters[i], 0,
              seg_tensor_get_n_elements (seg_parameters_get_tensor (parameters, i, NULL))
                  * sizeof (float));
  return TRUE;
}

/**
 * seg_workspace_run_backward:
 * @self: a workspace of a training plan that has just run
 * @read_gradient: (scope call): gives the loss's gradient with respect to the output
 * @user_data: for it
 * @error: return location
 *
 * Computes the gradients of all values and trained parameters.
 * Errors: those of @read_gradient; `SEG_ERROR_UNSUPPORTED` for a layer without a backward pass;
 * `SEG_ERROR_MEMORY`.
 */
gboolean
seg_workspace_run_backward (SegWorkspace *self, SegRowsFunc read_gradient, gpointer user_data,
                            GError **error)
{
  SegPlan *plan = self->schedule->plan;
  SegView dout;

  g_return_val_if_fail (plan->purpose == SEG_PURPOSE_TRAINING, FALSE);

  if (!seg_gradients_clear (self, error))
    return FALSE;
  self->gradients->buffer.n_rows = self->gradients->buffer.n_blocks = 0;
  dout = _seg_workspace_view (self, &self->gradients->buffer, self->gradients->arena, plan->output,
                              self->schedule->out);
  if (!read_gradient (&dout, user_data, error))
    return FALSE;
  for (guint i = plan->nodes->len; i-- > 0;)
    if (!seg_gradients_run_node (self, i, error))
      return FALSE;
  return TRUE;
}

/**
 * seg_workspace_get_gradient:
 * @self: a workspace that has run backward
 * @parameter: full name of a parameter
 *
 * Returns: (transfer none) (nullable): its gradient, as many numbers as it has; %NULL if there
 *   is no such parameter or it is not trained
 */
const float *
seg_workspace_get_gradient (SegWorkspace *self, const char *parameter)
{
  gint i = seg_parameters_find (self->schedule->plan->parameters, parameter);

  return i < 0 || self->gradients == NULL ? NULL : self->gradients->parameters[i];
}

/**
 * seg_workspace_get_input_gradient:
 * @self: a workspace that has run backward
 * @write: (scope call): takes the gradient with respect to the network's input
 * @user_data: for it
 * @error: return location
 */
gboolean
seg_workspace_get_input_gradient (SegWorkspace *self, SegRowsFunc write, gpointer user_data,
                                  GError **error)
{
  SegValue input = self->schedule->plan->input;
  SegView view;

  g_return_val_if_fail (self->gradients != NULL, FALSE);

  self->gradients->buffer.n_rows = self->gradients->buffer.n_blocks = 0;
  view = _seg_workspace_view (self, &self->gradients->buffer, self->gradients->arena, input,
                              self->schedule->slots[input].rect);
  return write (&view, user_data, error);
}
