/* One optimiser step after the other: forward, loss, backward, and what the step does to weights.
 * Nothing is changed before the step is known to be good. */
#include "trainer-private.h"
#include "workspace-private.h"

#include <math.h>
#include <string.h>

/**
 * SegTrainer:
 *
 * Trains a model on batches of one size. The weights are the model's own, and change in place. With
 * auxiliary heads (deep supervision) the loss also looks at logits of coarser maps inside the
 * network, which the model has not: their weights are the trainer's, and are in its checkpoints.
 * Everything that the next step depends on can be saved, and a training that goes on from there has
 * the bits of one that was not interrupted, whatever the number of threads.
 *
 * Threads: one at a time; the pool is in use in each call.
 */
G_DEFINE_FINAL_TYPE (SegTrainer, seg_trainer, G_TYPE_OBJECT)

static void
seg_trainer_finalize (GObject *object)
{
  SegTrainer *self = SEG_TRAINER (object);

  _seg_trainer_release (self);
  g_clear_object (&self->workspace);
  g_clear_object (&self->schedule);
  _seg_supervision_clear (&self->network);
  g_clear_object (&self->model);
  g_clear_object (&self->options.loss);
  g_clear_object (&self->options.optimizer);
  g_clear_object (&self->options.schedule);
  g_free ((char *) self->options.frozen);
  g_free ((float *) self->options.class_weight);
  G_OBJECT_CLASS (seg_trainer_parent_class)->finalize (object);
}

static void
seg_trainer_class_init (SegTrainerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_trainer_finalize;
}

static void
seg_trainer_init (SegTrainer *self)
{
  (void) self;
}

/* ---- making one -------------------------------------------------------------------------- */

static gboolean
seg_trainer_check_number (const char *what, double value, double most, GError **error)
{
  if (isfinite (value) && value >= 0. && value <= most)
    return TRUE;
  if (isfinite (most))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s cannot be %g (0 to %g)", what, value, most);
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s cannot be %g (0 or more)", what, value);
  return FALSE;
}

static gboolean
seg_trainer_check_options (const SegTrainerOptions *options, SegModel *model, GError **error)
{
  guint n_slots;

  if (!seg_trainer_check_number ("the learning rate", options->rate, INFINITY, error)
      || !seg_trainer_check_number ("weight decay", options->weight_decay, INFINITY, error)
      || !seg_trainer_check_number ("the norm to clip at", options->clip_norm, INFINITY, error)
      || !seg_trainer_check_number ("the decay of averages", options->ema_decay, 1., error))
    return FALSE;
  for (guint i = 0; options->class_weight != NULL && i < seg_model_get_n_classes (model); i++)
    if (!seg_trainer_check_number ("the weight of a class", (double) options->class_weight[i],
                                   INFINITY, error))
      return FALSE;
  seg_optimizer_get_slots (options->optimizer, &n_slots);
  if (n_slots <= SEG_TRAINER_MAX_SLOTS)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "an optimiser has %u slots, more than %d",
               n_slots, SEG_TRAINER_MAX_SLOTS);
  return FALSE;
}

static void
seg_trainer_take_options (SegTrainer *self, const SegTrainerOptions *options)
{
  self->options = *options;
  g_object_ref (self->options.loss);
  g_object_ref (self->options.optimizer);
  if (self->options.schedule != NULL)
    g_object_ref (self->options.schedule);
  self->options.frozen = g_strdup (options->frozen);
  self->options.class_weight
      = options->class_weight == NULL
            ? NULL
            : g_memdup2 (options->class_weight,
                         seg_model_get_n_classes (self->model) * sizeof (float));
  self->options.accumulate = MAX (options->accumulate, 1);
  self->slot_names = seg_optimizer_get_slots (self->options.optimizer, &self->n_slots);
}

static SegSchedule *
seg_trainer_new_schedule (const SegSupervision *network, gint64 n, gint64 h, gint64 w,
                          GError **error)
{
  g_autoptr (SegPlan) plan =
      seg_plan_new (network->graph, network->parameters, SEG_PURPOSE_TRAINING, NULL, NULL, error);
  g_autoptr (SegSchedule) schedule
      = plan != NULL ? seg_schedule_new_region (plan, n, h, w, NULL, error) : NULL;
  const SegShape *out;

  if (schedule == NULL)
    return NULL;
  out = seg_schedule_get_output_shape (schedule);
  if (out->h == h && out->w == w)
    return g_steal_pointer (&schedule);
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "of a crop of %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " the network gives a map of "
               "%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT ": it cannot be trained on whole masks",
               w, h, out->w, out->h);
  return NULL;
}

/**
 * seg_trainer_new:
 * @model: a model; nobody else may change its parameters while it is trained
 * @options: how; copied
 * @pool: (transfer none): threads; must outlive the trainer
 * @n: samples of a batch
 * @h: rows of a sample
 * @w: columns of a sample
 * @error: return location
 *
 * Makes a plan for training, and takes all memory but that of gradients, which comes with the first
 * step.
 * Errors: `SEG_ERROR_PARAM` for numbers out of range, and for a prefix in `frozen` that no
 * parameter has, or more auxiliary heads than the network can have; `SEG_ERROR_SHAPE` where the
 * network cannot take such samples; `SEG_ERROR_UNSUPPORTED` where its map is of another size, or it
 * can have no auxiliary heads; `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a new trainer, or %NULL with @error set
 */
SegTrainer *
seg_trainer_new (SegModel *model, const SegTrainerOptions *options, SegPool *pool, gint64 n,
                 gint64 h, gint64 w, GError **error)
{
  g_return_val_if_fail (SEG_IS_LOSS (options->loss), NULL);
  g_return_val_if_fail (SEG_IS_OPTIMIZER (options->optimizer), NULL);

  g_autoptr (SegTrainer) self = g_object_new (SEG_TYPE_TRAINER, NULL);

  self->model = g_object_ref (model);
  self->pool = pool;
  self->input = (SegShape){ n, seg_model_get_n_channels (model), h, w };
  seg_trainer_take_options (self, options);
  if (!seg_trainer_check_options (options, model, error)
      || !_seg_supervision_init (&self->network, model, options->auxiliary_heads, options->seed,
                                 error)
      || !_seg_trainer_allocate (self, error)
      || (self->schedule = seg_trainer_new_schedule (&self->network, n, h, w, error)) == NULL
      || (self->workspace = seg_workspace_new (self->schedule, pool, error)) == NULL)
    return NULL;
  seg_workspace_set_norms (self->workspace,
                           options->freeze_norms ? SEG_NORMS_RUNNING : SEG_NORMS_BATCH, 0.);
  for (guint i = 0; i < self->n_parameters; i++)
    if (!self->parameters[i].trained)
      seg_workspace_freeze (self->workspace, self->parameters[i].name);
  return g_steal_pointer (&self);
}

/**
 * seg_trainer_estimate_bytes:
 * @model: a model
 * @options: as for seg_trainer_new()
 * @n: samples of a batch
 * @h: rows of a sample
 * @w: columns of a sample
 * @n_threads: of the pool
 * @error: return location
 *
 * Errors: those of seg_trainer_new() that have to do with shapes.
 *
 * Returns: about how many bytes a trainer takes while it steps, beside the model itself; 0 with @error
 *   set
 */
gsize
seg_trainer_estimate_bytes (SegModel *model, const SegTrainerOptions *options, gint64 n, gint64 h,
                            gint64 w, guint n_threads, GError **error)
{
  g_auto (SegSupervision) network = { NULL, NULL };
  g_autoptr (SegSchedule) schedule =
      _seg_supervision_init (&network, model, options->auxiliary_heads, options->seed, error)
          ? seg_trainer_new_schedule (&network, n, h, w, error)
          : NULL;

  return schedule == NULL ? 0
                          : seg_schedule_get_workspace_bytes (schedule, n_threads)
                                + _seg_trainer_count_bytes (network.parameters, options);
}

/* ---- one batch --------------------------------------------------------------------------- */

typedef struct
{
  SegTrainer *trainer;
  const SegBatch *batch;
  SegView logits;
  double loss;
} SegTrainerJob;

static gboolean
seg_trainer_read_images (const SegView *view, gpointer user_data, GError **error)
{
  const float *row = ((SegTrainerJob *) user_data)->batch->images;
  const SegShape *shape = &view->shape;
  (void) error;

  for (gint64 n = 0; n < shape->n; n++)
    for (guint c = 0; c < (guint) shape->c; c++)
      for (gint64 y = 0; y < shape->h; y++, row += shape->w)
        memcpy (seg_view_at (view, c, n, y, 0), row, (gsize) shape->w * sizeof (float));
  return TRUE;
}

/* The view stays good until seg_trainer_read_gradient() returns. */
static gboolean
seg_trainer_keep_logits (const SegView *view, gpointer user_data, GError **error)
{
  (void) error;
  ((SegTrainerJob *) user_data)->logits = *view;
  return TRUE;
}

static gboolean
seg_trainer_read_gradient (const SegView *view, gpointer user_data, GError **error)
{
  SegTrainerJob *job = user_data;
  SegTrainer *self = job->trainer;
  SegLossBatch batch = { .pool = self->pool,
                         .logits = &job->logits,
                         .targets = job->batch->targets,
                         .weights = job->batch->weights,
                         .class_weight = self->options.class_weight,
                         .gradient = view };

  return _seg_supervision_compute (self->options.loss, self->options.auxiliary_heads, &batch,
                                   1. / self->options.accumulate, &job->loss, error);
}

static gboolean
seg_trainer_check_batch (SegTrainer *self, const SegBatch *b, GError **error)
{
  const SegShape *s = &self->input;

  if (b->n == s->n && b->c == s->c && b->h == s->h && b->w == s->w)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
               "a batch has %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT
               "×%" G_GINT64_FORMAT " numbers (samples, bands, rows, columns), but training is for "
               "%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT "×%" G_GINT64_FORMAT,
               b->n, b->c, b->h, b->w, s->n, s->c, s->h, s->w);
  return FALSE;
}

/* Forward; @random is the step that layers draw for. */
static gboolean
seg_trainer_run_forward (SegTrainerJob *job, guint64 random, GError **error)
{
  SegTrainer *self = job->trainer;

  seg_workspace_set_random (self->workspace, self->options.seed, random);
  return seg_trainer_check_batch (self, job->batch, error)
         && seg_workspace_run (self->workspace, seg_trainer_read_images, seg_trainer_keep_logits,
                               job, NULL, error);
}

/* ---- steps ------------------------------------------------------------------------------- */

static gboolean
seg_trainer_check_finite (SegTrainer *self, const char *what, double value, GError **error)
{
  if (isfinite (value))
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_DIVERGED, "step %" G_GUINT64_FORMAT ": %s is %s",
               self->step + 1, what, isnan (value) ? "NaN" : "infinite");
  return FALSE;
}

/* Losses and gradients of the step's batches; changes running state. */
static gboolean
seg_trainer_look (SegTrainer *self, const SegBatch *batches, SegTrainerStep *result,
                  GError **error)
{
  guint n = self->options.accumulate;

  for (guint i = 0; i < n; i++)
    {
      SegTrainerJob job = { .trainer = self, .batch = &batches[i] };

      if (!seg_trainer_run_forward (&job, self->step * n + i, error)
          || !seg_workspace_run_backward (self->workspace, seg_trainer_read_gradient, &job, error))
        return FALSE;
      result->loss += job.loss / n;
      _seg_trainer_take_gradients (self, i);
    }
  result->gradient_norm = _seg_trainer_get_norm (self);
  return seg_trainer_check_finite (self, "the loss", result->loss, error)
         && seg_trainer_check_finite (self, "the norm of the gradient", result->gradient_norm,
                                      error);
}

/**
 * seg_trainer_step:
 * @self: a trainer
 * @batches: (array): as many as options.accumulate
 * @result: (out caller-allocates): what the step was like
 * @error: return location
 *
 * Makes one step. Gradients are the mean of the batches', and are scaled down where their norm is
 * larger than options.clip_norm, as PyTorch's clip_grad_norm_() does it. On an error everything is as
 * before the step, and @result is what was found out.
 * Errors: `SEG_ERROR_DIVERGED` if the loss or the norm is not finite; `SEG_ERROR_SHAPE` for batches of
 * another size; `SEG_ERROR_PARAM` for a target that is no class; `SEG_ERROR_MEMORY`.
 *
 * Returns: %FALSE with @error set if no step was made
 */
gboolean
seg_trainer_step (SegTrainer *self, const SegBatch *batches, SegTrainerStep *result,
                  GError **error)
{
  const SegTrainerOptions *options = &self->options;
  double scale = 1.;

  g_return_val_if_fail (!self->averaged, FALSE);

  *result = (SegTrainerStep){ .rate = options->rate };
  if (options->schedule != NULL)
    result->rate *= seg_rate_schedule_get_factor (options->schedule, self->step, options->n_steps,
                                                  self->state);
  _seg_trainer_back_up (self, FALSE);
  if (!seg_trainer_look (self, batches, result, error))
    {
      _seg_trainer_back_up (self, TRUE);
      return FALSE;
    }
  if (options->clip_norm > 0.)
    scale = MIN (options->clip_norm / (result->gradient_norm + 1e-6), 1.);
  _seg_trainer_update (self, result->rate, scale);
  self->step++;
  return TRUE;
}

/**
 * seg_trainer_observe:
 * @self: a trainer
 * @metric: of which more is better, such as the validation's
 *
 * Tells the schedule how good the model is.
 */
void
seg_trainer_observe (SegTrainer *self, double metric)
{
  if (self->options.schedule != NULL)
    seg_rate_schedule_observe (self->options.schedule, metric, self->state);
}

/**
 * seg_trainer_get_step:
 * @self: a trainer
 *
 * Returns: how many steps have been made
 */
guint64
seg_trainer_get_step (SegTrainer *self)
{
  return self->step;
}

/**
 * seg_trainer_get_model:
 * @self: a trainer
 *
 * Returns: (transfer none): the model, with its weights as they are now
 */
SegModel *
seg_trainer_get_model (SegTrainer *self)
{
  return self->model;
}

/**
 * seg_trainer_use_averaged:
 * @self: a trainer
 * @averaged: whether the model is to have the moving averages, or the live weights
 * @error: return location
 *
 * Gives the model the averages of its weights and running statistics, to be looked at or saved, or
 * takes them back. Meanwhile it cannot be trained, and the trainer cannot be saved.
 * Errors: `SEG_ERROR_PARAM` if no averages are kept.
 */
gboolean
seg_trainer_use_averaged (SegTrainer *self, gboolean averaged, GError **error)
{
  if (averaged && !(self->options.ema_decay > 0.))
    {
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PARAM, "no averages of weights are kept");
      return FALSE;
    }
  for (guint i = 0; averaged != self->averaged && i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];
      float *live = p->tensor->data, *average = p->average != NULL ? p->average->data : NULL;

      for (gsize j = 0; average != NULL && j < p->n; j++)
        {
          float kept = live[j];

          live[j] = average[j];
          average[j] = kept;
        }
    }
  self->averaged = averaged;
  return TRUE;
}

/* ---- statistics -------------------------------------------------------------------------- */

/* Zeros the running state of all layers that have one; FALSE if none has. */
static gboolean
seg_trainer_reset_statistics (SegTrainer *self)
{
  SegPlan *plan = self->schedule->plan;
  gboolean any = FALSE;

  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];

      if (SEG_LAYER_GET_CLASS (node->layer)->update == NULL)
        continue;
      any = TRUE;
      for (guint p = node->first_param; p < node->first_param + node->n_params; p++)
        if (self->parameters[p].role == SEG_ROLE_STATE
            || self->parameters[p].role == SEG_ROLE_COUNTER)
          memset (self->parameters[p].tensor->data, 0,
                  seg_tensor_get_n_bytes (self->parameters[p].tensor));
    }
  return any;
}

/**
 * seg_trainer_recompute_statistics:
 * @self: a trainer
 * @next: (scope call): gives the batches
 * @n_batches: how many, at least 1
 * @user_data: for @next
 * @error: return location
 *
 * Makes the running statistics of the model as it is now, averages or live, the mean over batches: what
 * PyTorch's update_bn() does. Weights stay. Without a layer that has running statistics, and where
 * norms are frozen, nothing is done. On an error the statistics are as before.
 * Errors: those of @next; `SEG_ERROR_DIVERGED` for statistics that are not finite; those of
 * seg_trainer_step().
 */
gboolean
seg_trainer_recompute_statistics (SegTrainer *self, SegTrainerNextFunc next, guint n_batches,
                                  gpointer user_data, GError **error)
{
  const guint64 random = G_GUINT64_CONSTANT (1) << 63; /* no step has this number */
  gboolean good = TRUE;

  if (self->options.freeze_norms)
    return TRUE;
  _seg_trainer_back_up (self, FALSE);
  if (!seg_trainer_reset_statistics (self))
    return TRUE;
  for (guint i = 0; good && i < n_batches; i++)
    {
      SegBatch batch;
      SegTrainerJob job = { .trainer = self, .batch = &batch };

      seg_workspace_set_norms (self->workspace, SEG_NORMS_BATCH, 1. / (i + 1));
      good = next (i, &batch, user_data, error)
             && seg_trainer_run_forward (&job, random + i, error);
    }
  for (guint i = 0; good && i < self->n_parameters; i++)
    if (self->parameters[i].role == SEG_ROLE_STATE)
      for (gsize j = 0; good && j < self->parameters[i].n; j++)
        good = seg_trainer_check_finite (self, self->parameters[i].name,
                                         (double) ((float *) self->parameters[i].tensor->data)[j],
                                         error);
  seg_workspace_set_norms (self->workspace, SEG_NORMS_BATCH, 0.);
  if (!good)
    _seg_trainer_back_up (self, TRUE);
  return good;
}
