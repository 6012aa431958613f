/* The reverse walk of a training plan: gradients of values and of parameters. A layer's backward
 * adds; core decides the order, and nothing else. */
#include "workspace-private.h"

#include <segkit/memory.h>
#include <segkit/registry.h>

void
_seg_gradients_free (SegGradients *gradients)
{
  for (guint i = 0; i < gradients->n_parameters; i++)
    seg_free (gradients->parameters[i]);
  g_free (gradients->parameters);
  g_free (gradients->is_wanted);
  seg_free (gradients->slots);
  g_free (gradients);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegGradients, _seg_gradients_free)

#define SEG_GRADIENT_ZERO_BYTES (256 << 10)

typedef struct
{
  char *memory;
  gsize bytes;
} SegZeroJob;

static void
seg_gradients_zero_task (guint task, guint thread, gpointer user_data)
{
  const SegZeroJob *job = user_data;
  gsize first = (gsize) task * SEG_GRADIENT_ZERO_BYTES;

  (void) thread;
  memset (job->memory + first, 0, MIN (SEG_GRADIENT_ZERO_BYTES, job->bytes - first));
}

void
_seg_workspace_zero (SegWorkspace *workspace, gpointer memory, gsize bytes)
{
  SegZeroJob job = { memory, bytes };

  seg_pool_run (workspace->pool,
                (guint) ((bytes + SEG_GRADIENT_ZERO_BYTES - 1) / SEG_GRADIENT_ZERO_BYTES),
                seg_gradients_zero_task, &job);
}

/* Which parameters get a gradient: those that are trained and not frozen, and what else the node has
 * whose layer works out all of them together. */
static gboolean *
seg_gradients_choose (SegWorkspace *workspace)
{
  SegPlan *plan = workspace->schedule->plan;
  guint n = seg_parameters_get_n (plan->parameters);
  gboolean *chosen = g_new0 (gboolean, MAX (n, 1));

  for (guint i = 0; i < n; i++)
    chosen[i] = _seg_role_is_trained (seg_parameters_get_role (plan->parameters, i))
                && (workspace->frozen == NULL || !workspace->frozen[i]);
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      gboolean any = FALSE;

      for (guint p = node->first_param; p < node->first_param + node->n_params; p++)
        any |= chosen[p];
      for (guint p = node->first_param; any && p < node->first_param + node->n_params; p++)
        chosen[p] = _seg_role_is_trained (seg_parameters_get_role (plan->parameters, p));
    }
  return chosen;
}

static SegGradients *
seg_gradients_new (SegWorkspace *workspace, GError **error)
{
  g_autofree gboolean *chosen = seg_gradients_choose (workspace);
  SegSchedule *schedule = workspace->schedule;
  SegParameters *parameters = schedule->plan->parameters;
  g_autoptr (SegGradients) self = g_new0 (SegGradients, 1);

  self->n_parameters = seg_parameters_get_n (parameters);
  self->parameters = g_new0 (float *, MAX (self->n_parameters, 1));
  self->is_wanted = g_new0 (gboolean, schedule->plan->n_values);
  if ((self->slots = seg_alloc (schedule->slot_floats, sizeof (float), "gradient slots", error))
      == NULL)
    return NULL;

  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, error);

      if (tensor == NULL)
        return NULL;
      if (!chosen[i])
        continue;
      self->parameters[i] = seg_alloc (seg_tensor_get_n_elements (tensor), sizeof (float),
                                       "parameter gradients", error);
      if (self->parameters[i] == NULL)
        return NULL;
      /* what the output does not depend on has no other gradient */
      _seg_workspace_zero (workspace, self->parameters[i],
                           seg_tensor_get_n_elements (tensor) * sizeof (float));
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

  if (klass->update == NULL || _seg_workspace_is_frozen (self, index))
    return;
  for (guint i = 0; i < node->n_inputs; i++)
    shapes[i] = self->schedule->shapes[node->inputs[i]];
  klass->update (node->layer, shapes, node->n_inputs, self->stats[index], self->share,
                 (gpointer const *) node->params);
}

static gboolean
seg_gradients_is_part (SegSchedule *schedule, SegValue value, guint part)
{
  const GArray *parts = schedule->parts->pdata[value];
  gboolean is_part = FALSE;

  for (guint i = 0; i < parts->len; i++)
    is_part |= g_array_index (parts, guint, i) == part;
  return is_part;
}

/* Whether the step going back at this time is the first to give anything to the gradients of one of
 * its inputs, and can do so without their being cleared. */
static gboolean
seg_gradients_sets_input (SegWorkspace *workspace, guint time, const SegPlanNode *node, guint input)
{
  SegSchedule *schedule = workspace->schedule;
  const GArray *parts = schedule->parts->pdata[node->inputs[input]];

  if (!node->step->sets_input || !workspace->gradients->is_wanted[node->inputs[input]])
    return FALSE;
  for (guint i = 0; i < parts->len; i++)
    {
      guint part = g_array_index (parts, guint, i), n_readers = 0;

      for (guint j = 0; j < node->n_inputs; j++)
        n_readers += seg_gradients_is_part (schedule, node->inputs[j], part);
      if (n_readers > 1 || _seg_schedule_get_slot (schedule, SEG_BANK_GRADIENT, part)->birth != time)
        return FALSE;
    }
  return TRUE;
}

/* Clears the gradients that somebody adds to at this time first: @node, or nobody if %NULL. */
static void
seg_gradients_bear (SegWorkspace *workspace, guint time, const SegPlanNode *node)
{
  SegSchedule *schedule = workspace->schedule;

  for (guint v = 1; v < schedule->plan->n_values; v++)
    {
      const SegSlot *slot = _seg_schedule_get_slot (schedule, SEG_BANK_GRADIENT, v);
      gboolean is_set = FALSE;

      if (slot->birth != time)
        continue;
      for (guint i = 0; node != NULL && i < node->n_inputs; i++)
        is_set |= seg_gradients_is_part (schedule, node->inputs[i], v)
                  && seg_gradients_sets_input (workspace, time, node, i);
      if (!is_set)
        _seg_workspace_zero (workspace, workspace->arena + slot->offset, slot->bytes);
    }
}

/* ---- one node ---------------------------------------------------------------------------- */

static void
seg_gradients_input_piece (const SegPiece *piece, gpointer scratch, gpointer user_data)
{
  SegBackwardJob *job = user_data;
  SegRun run = *job->run;

  run.scratch = scratch;
  run.sets = job->sets;
  if (job->node->step->backward_input != NULL)
    job->node->step->backward_input (job->node->step, &run, job->in, job->node->n_inputs, job->out,
                                     job->dout, job->input, job->din, piece);
  else
    SEG_LAYER_GET_CLASS (job->node->layer)
        ->backward_input (job->node->layer, &run, job->in, job->node->n_inputs, job->out, job->dout,
                          job->input, job->din, piece);
}

static gboolean
seg_gradients_has_trained (SegGradients *self, const SegPlanNode *node)
{
  for (guint p = 0; p < node->n_params; p++)
    if (self->parameters[node->first_param + p] != NULL)
      return TRUE;
  return FALSE;
}

/* Adds to the gradients of those inputs on which something trained depends. */
static void
seg_gradients_run_inputs (SegWorkspace *workspace, guint time, SegBackwardJob *job, SegView *din)
{
  const SegPlanNode *node = job->node;
  SegRect whole = job->out->valid;
  SegCells cells = { .channel_grain = 1 };

  if (node->step->backward_input != NULL)
    cells = (SegCells){ .grid_y = node->step->back_grid, .grid_x = node->step->back_grid,
                        .channel_grain = node->step->back_channel_grain,
                        .many_weights = _seg_workspace_has_many_weights (node->step) };
  for (guint i = 0; i < node->n_inputs; i++)
    {
      SegRect need = _seg_plan_required (node, workspace->schedule->shapes, &whole, i);

      if (seg_rect_is_empty (&need) || !workspace->gradients->is_wanted[node->inputs[i]])
        continue;
      job->din = &din[i];
      job->input = i;
      job->sets = seg_gradients_sets_input (workspace, time, node, i);
      _seg_workspace_for_pieces (workspace, &din[i], cells, seg_gradients_input_piece, job);
    }
}

static gboolean
seg_gradients_run_node (SegWorkspace *workspace, guint time, guint index, GError **error)
{
  SegSchedule *schedule = workspace->schedule;
  const SegPlanNode *node = schedule->plan->nodes->pdata[index];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegView *in = g_new (SegView, node->n_inputs), *din = g_new (SegView, node->n_inputs);
  SegRect whole = schedule->slots[node->output].rect;
  SegView out, dout;
  SegRun run;
  SegBackwardJob job = { index, node, &run, in, &out, &dout, NULL, 0, FALSE };

  if (klass->backward_input == NULL && node->step->backward_input == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: %s has no backward pass",
                   node->name, seg_type_get_feature (G_OBJECT_TYPE (node->layer)));
      return FALSE;
    }

  workspace->buffer.n_rows = workspace->buffer.n_blocks = 0;
  for (guint i = 0; i < node->n_inputs; i++)
    {
      SegRect rect = schedule->slots[node->inputs[i]].rect;

      in[i] = _seg_workspace_view (workspace, SEG_BANK_BACKWARD, node->inputs[i], rect);
      din[i] = _seg_workspace_view (workspace, SEG_BANK_GRADIENT, node->inputs[i], rect);
    }
  out = _seg_workspace_view (workspace, SEG_BANK_BACKWARD, node->output, whole);
  dout = _seg_workspace_view (workspace, SEG_BANK_GRADIENT, node->output, whole);

  if (!_seg_workspace_is_frozen (workspace, index)
      && !_seg_sums_run (workspace, index, SEG_PHASE_BACKWARD, in, &out, &dout, error))
    return FALSE;
  run = _seg_workspace_make_run (workspace, index);
  _seg_workspace_prepare_step (workspace, index, SEG_PHASE_BACKWARD);
  seg_gradients_run_inputs (workspace, time, &job, din);
  if ((klass->backward_params != NULL || node->step->backward_params != NULL)
      && seg_gradients_has_trained (workspace->gradients, node))
    _seg_gradients_run_params (workspace, &job);
  return TRUE;
}

/* ---- the walk ---------------------------------------------------------------------------- */

/* Of which values the gradient is wanted: what something trained has a part in, and the image if
 * asked for. */
static void
seg_gradients_find_wanted (SegWorkspace *workspace)
{
  SegGradients *self = workspace->gradients;
  SegPlan *plan = workspace->schedule->plan;

  self->is_wanted[plan->input] = workspace->wants_input_gradient;
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      gboolean is_wanted = seg_gradients_has_trained (self, node);

      for (guint j = 0; j < node->n_inputs; j++)
        is_wanted |= self->is_wanted[node->inputs[j]];
      self->is_wanted[node->output] = is_wanted;
    }
}

static gboolean
seg_gradients_run_move (SegWorkspace *workspace, guint move, GError **error)
{
  SegSchedule *schedule = workspace->schedule;
  const SegBackwardMove *m = &g_array_index (schedule->moves, SegBackwardMove, move);
  const SegPlanNode *node = schedule->plan->nodes->pdata[m->node];
  guint time = _seg_schedule_get_time (schedule, move);
  SegValue output = node->output;

  seg_gradients_bear (workspace, time, m->again ? NULL : node);
  if (m->again)
    return _seg_workspace_run_node (workspace, m->node, SEG_BANK_BACKWARD,
                                    schedule->slots[output].rect, error);
  return !workspace->gradients->is_wanted[output]
         || seg_gradients_run_node (workspace, time, m->node, error);
}

/* Moves up to the last that gives a gradient somebody wants. */
static guint
seg_gradients_count_moves (SegWorkspace *workspace)
{
  SegSchedule *schedule = workspace->schedule;
  guint n = schedule->moves->len;

  for (; n > 0; n--)
    {
      const SegBackwardMove *m = &g_array_index (schedule->moves, SegBackwardMove, n - 1);
      const SegPlanNode *node = schedule->plan->nodes->pdata[m->node];

      if (!m->again && workspace->gradients->is_wanted[node->output])
        break;
    }
  return n;
}

/**
 * seg_workspace_run_backward:
 * @self: a workspace of a training plan that has just run
 * @read_gradient: (scope call): gives the loss's gradient with respect to the output, which is zeros
 *   at first
 * @user_data: for it
 * @error: return location
 *
 * Computes the gradients of all trained parameters. While @read_gradient is called the view of the
 * output that seg_workspace_run() gave is still good; then nothing is that could be looked at.
 * Errors: those of @read_gradient; `SEG_ERROR_UNSUPPORTED` for a layer without a backward pass;
 * `SEG_ERROR_MEMORY`.
 */
gboolean
seg_workspace_run_backward (SegWorkspace *self, SegRowsFunc read_gradient, gpointer user_data,
                            GError **error)
{
  SegPlan *plan = self->schedule->plan;
  guint n_moves;
  SegView dout;

  g_return_val_if_fail (plan->purpose == SEG_PURPOSE_TRAINING, FALSE);

  if (self->gradients == NULL && (self->gradients = seg_gradients_new (self, error)) == NULL)
    return FALSE;
  seg_gradients_find_wanted (self);
  seg_gradients_bear (self, plan->nodes->len, NULL);
  /* behind the view of the output, which the loss looks at */
  dout = _seg_workspace_view (self, SEG_BANK_GRADIENT, plan->output, self->schedule->out);
  if (!read_gradient (&dout, user_data, error))
    return FALSE;
  n_moves = seg_gradients_count_moves (self);
  for (guint i = 0; i < n_moves; i++)
    if (!seg_gradients_run_move (self, i, error))
      return FALSE;
  return TRUE;
}

/**
 * seg_workspace_get_gradient:
 * @self: a workspace that has run backward
 * @parameter: full name of a parameter
 *
 * Returns: (transfer none) (nullable): its gradient, as many numbers as it has; %NULL if there
 *   is no such parameter or it is not trained, or frozen
 */
const float *
seg_workspace_get_gradient (SegWorkspace *self, const char *parameter)
{
  gint i = seg_parameters_find (self->schedule->plan->parameters, parameter);

  return i < 0 || self->gradients == NULL ? NULL : self->gradients->parameters[i];
}

/**
 * seg_workspace_freeze:
 * @self: a workspace of a training plan that has not yet run backward
 * @parameter: full name of a parameter
 *
 * Says that nobody asks for this parameter's gradient. Where that of no parameter before it is asked for
 * either, the reverse walk ends.
 */
void
seg_workspace_freeze (SegWorkspace *self, const char *parameter)
{
  SegParameters *parameters = self->schedule->plan->parameters;
  gint i = seg_parameters_find (parameters, parameter);

  g_return_if_fail (self->gradients == NULL && i >= 0);

  if (self->frozen == NULL)
    self->frozen = g_new0 (gboolean, seg_parameters_get_n (parameters));
  self->frozen[i] = TRUE;
}

/**
 * seg_workspace_want_input_gradient:
 * @self: a workspace of a training plan
 *
 * From now on seg_workspace_run_backward() computes the gradient of the network's input, too, which
 * training has no use for.
 */
void
seg_workspace_want_input_gradient (SegWorkspace *self)
{
  self->wants_input_gradient = TRUE;
}

/**
 * seg_workspace_get_input_gradient:
 * @self: a workspace that has run backward, and was asked for this before
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

  g_return_val_if_fail (self->gradients != NULL && self->wants_input_gradient, FALSE);

  self->buffer.n_rows = self->buffer.n_blocks = 0;
  view = _seg_workspace_view (self, SEG_BANK_GRADIENT, input, self->schedule->slots[input].rect);
  return write (&view, user_data, error);
}
