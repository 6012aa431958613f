/* A training from its first step to its last. What the next step depends on is in a checkpoint, so
 * that a run that was stopped in any way goes on to the same model. */
#include <math.h>
#include <string.h>

#include <segkit/error.h>

#include "train-private.h"
#include "units.h"

/* A checkpoint at least this often, beside those at each validation. */
#define SEG_TRAINING_CHECKPOINT_INTERVAL (5 * 60 * G_USEC_PER_SEC)

/* Who gave a time has planned with it: a speed that was measured wrong may cost no more than this. */
#define SEG_TRAINING_LATE 1.1

void
_seg_training_clear (SegTraining *self)
{
  g_clear_pointer (&self->progress, seg_train_progress_free);
  g_clear_pointer (&self->batcher, seg_batcher_free);
  g_clear_pointer (&self->log, seg_train_log_free);
  g_clear_object (&self->trainer);
  g_clear_pointer (&self->pool, seg_pool_free);
  g_clear_pointer (&self->folder, seg_run_folder_free);
  g_clear_pointer (&self->class_names, g_strfreev);
  g_clear_pointer (&self->contents, g_free);
  seg_checkpoint_state_clear (&self->state);
}

double
_seg_training_get_seconds (SegTraining *self)
{
  return self->seconds_before
         + (double) (g_get_monotonic_time () - self->begun) / (double) G_USEC_PER_SEC;
}

/* Passes over the data that so many steps are. */
double
_seg_training_get_epochs (SegTraining *self, guint64 n_steps)
{
  return (double) n_steps * MAX (self->recipe->trainer.accumulate, 1)
         / (double) MAX (seg_batcher_get_steps_per_epoch (self->batcher), 1);
}

/* Steps of the optimiser that so many passes over the data take. */
static guint64
seg_training_count_steps (SegTraining *self, guint64 n_epochs)
{
  guint64 accumulate = MAX (self->recipe->trainer.accumulate, 1);

  return (n_epochs * MAX (seg_batcher_get_steps_per_epoch (self->batcher), 1) + accumulate - 1)
         / accumulate;
}

guint64
_seg_training_get_validation_interval (SegTraining *self)
{
  return self->recipe->validate_every > 0 ? self->recipe->validate_every
                                          : seg_training_count_steps (self, 1);
}

/* ---- beginning -------------------------------------------------------------------------- */

static gboolean
seg_training_new_trainer (SegTraining *self, GError **error)
{
  const SegBatcherOptions *batches = &self->recipe->batches;
  guint n_told = self->recipe->reasons->len;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (self->recipe, error);

  for (guint i = n_told; i < self->recipe->reasons->len; i++)
    seg_train_progress_say (self->progress, "%s", (char *) self->recipe->reasons->pdata[i]);
  if (model == NULL || !_seg_training_check_memory (self, model, error))
    return FALSE;
  g_clear_object (&self->trainer);
  self->trainer = seg_trainer_new (model, &self->recipe->trainer, self->pool, batches->n,
                                   batches->h, batches->w, error);
  return self->trainer != NULL;
}

/* How many steps there are, if the recipe leaves it to epochs or to the time. Of a time, a run that
 * is gone on with has measured it. */
static gboolean
seg_training_fix_steps (SegTraining *self, const SegCheckpointState *before, gboolean measures,
                        GError **error)
{
  SegTrainRecipe *recipe = self->recipe;
  guint64 n_steps = recipe->n_steps;

  if (n_steps > 0)
    return TRUE;
  if (before != NULL && recipe->max_seconds > 0.)
    {
      g_autoptr (GKeyFile) keys = g_key_file_new ();

      if (g_key_file_load_from_data (keys, before->recipe, (gsize) -1, G_KEY_FILE_NONE, NULL))
        n_steps = g_key_file_get_uint64 (keys, "train", "steps", NULL);
    }
  if (n_steps == 0 && recipe->max_seconds > 0.)
    {
      if (!measures)
        return TRUE;
      if (!seg_training_new_trainer (self, error)
          || !_seg_training_measure_steps (self, &n_steps, error))
        return FALSE;
    }
  if (n_steps == 0)
    n_steps = seg_training_count_steps (self, recipe->n_epochs);
  /* steps made for measuring do not count */
  self->state.loss_sum = 0.;
  self->state.loss_steps = 0;
  return seg_train_recipe_set_steps (recipe, n_steps, error);
}

static gboolean
seg_training_open_batcher (SegTraining *self, guint64 first, GError **error)
{
  g_clear_pointer (&self->batcher, seg_batcher_free);
  self->batcher = seg_batcher_new (self->run->dataset, SEG_SPLIT_TRAIN, self->recipe->augmentation,
                                   &self->recipe->batches, first, error);
  return self->batcher != NULL;
}

/* All that can be refused, before anything is written. */
static gboolean
seg_training_prepare (SegTraining *self, gboolean measures, GError **error)
{
  g_auto (SegCheckpointState) before = { 0 };
  gboolean found = FALSE;

  self->contents = seg_dataset_dup_contents (self->run->dataset);
  if (!seg_training_open_batcher (self, 0, error)
      || (!self->run->fresh && !seg_checkpoints_peek (self->folder, &before, &found, error))
      || !seg_training_fix_steps (self, found ? &before : NULL, measures, error)
      || (found && !_seg_training_check_same (self, &before, error)))
    return FALSE;
  /* a run that was begun for a time, and is gone on with by its recipe alone, still has no more */
  if (found && self->recipe->max_seconds <= 0.)
    self->recipe->max_seconds = before.max_seconds;
  return seg_training_new_trainer (self, error) && _seg_training_check_sizes (self, error)
         && _seg_training_check_space (self, error);
}

/* What a run before has left, and this one will not have until its end. */
static gboolean
seg_training_remove_old (SegTraining *self, GError **error)
{
  return seg_checkpoints_remove_all (self->folder, error)
         && seg_run_folder_remove (self->folder, SEG_TRAINING_SUMMARY, error)
         && seg_run_folder_remove (self->folder, SEG_TRAINING_REPORT, error);
}

/* From the newest checkpoint, if there is one. */
static gboolean
seg_training_resume (SegTraining *self, GError **error)
{
  gboolean found = FALSE;

  if (!seg_checkpoints_load_last (self->folder, self->trainer, &self->state, &found, error))
    return FALSE;
  if (found)
    {
      self->seconds_before = self->state.seconds;
      /* of a damaged one nobody has looked at the one before */
      if (!_seg_training_check_same (self, &self->state, error))
        return FALSE;
      seg_train_progress_say (self->progress, "going on from step %" G_GUINT64_FORMAT,
                              seg_trainer_get_step (self->trainer));
    }
  else
    {
      self->state.recipe = g_strdup (self->recipe->text);
      self->state.data = g_compute_checksum_for_string (G_CHECKSUM_SHA256, self->contents, -1);
    }
  self->state.max_seconds = self->recipe->max_seconds;
  self->first_step = seg_trainer_get_step (self->trainer);
  return seg_run_folder_set_step (self->folder, self->first_step, error);
}

/* ---- steps ------------------------------------------------------------------------------ */

static gboolean
seg_training_next (SegTraining *self, SegBatch *batches, GError **error)
{
  for (guint i = 0; i < MAX (self->recipe->trainer.accumulate, 1); i++)
    if (!seg_batcher_next (self->batcher, &batches[i], error))
      return FALSE;
  return TRUE;
}

void
_seg_training_show (SegTraining *self)
{
  const SegTrainRecipe *recipe = self->recipe;
  guint64 step = seg_trainer_get_step (self->trainer);
  double images = (double) recipe->batches.n * MAX (recipe->trainer.accumulate, 1);
  double seconds
      = (double) (g_get_monotonic_time () - self->steps_begun) / (double) G_USEC_PER_SEC;
  double of_step = seconds / (double) MAX (step - self->first_step, 1);
  SegTrainProgressState state;

  if (recipe->n_steps == 0) /* how many there are is just being measured */
    return;
  state = (SegTrainProgressState){
    .step = step,
    .n_steps = recipe->n_steps,
    .epoch = _seg_training_get_epochs (self, step),
    .loss = self->state.loss_sum / (double) MAX (self->state.loss_steps, 1),
    .metric = self->state.best_step > 0 ? self->state.best_metric : NAN,
    .metric_name = recipe->metric,
    .images_per_second = images / of_step,
    .seconds_left = of_step * (double) (recipe->n_steps - step),
  };

  seg_train_progress_update (self->progress, &state);
}

/* What can be done about numbers that are not finite. */
static void
seg_training_advise (SegTraining *self, GError *failure)
{
  const SegTrainerOptions *options = &self->recipe->trainer;
  g_autofree char *before = failure->message;

  failure->message = g_strdup_printf (
      "%s; with --fresh and a train.rate below %g, or %s train.clip-norm, it may do better", before,
      options->rate, options->clip_norm > 0. ? "a smaller" : "a");
}

gboolean
_seg_training_step (SegTraining *self, GError **error)
{
  g_autofree SegBatch *batches = g_new (SegBatch, MAX (self->recipe->trainer.accumulate, 1));
  g_autoptr (GError) failure = NULL;
  SegTrainerStep result;

  if (!seg_training_next (self, batches, error))
    return FALSE;
  if (!seg_trainer_step (self->trainer, batches, &result, &failure))
    {
      if (g_error_matches (failure, SEG_ERROR, SEG_ERROR_DIVERGED))
        seg_training_advise (self, failure);
      g_propagate_prefixed_error (error, g_steal_pointer (&failure), "%s: ", self->run->output);
      return FALSE;
    }
  self->state.rate = result.rate;
  self->state.loss_sum += result.loss;
  self->state.loss_steps++;
  _seg_training_show (self);
  return TRUE;
}

static gboolean
seg_training_save (SegTraining *self, GError **error)
{
  self->state.seconds = _seg_training_get_seconds (self);
  self->saved = g_get_monotonic_time ();
  return seg_checkpoints_save (self->folder, self->trainer, &self->state, error);
}

static gboolean
seg_training_is_validation_due (SegTraining *self)
{
  guint64 step = seg_trainer_get_step (self->trainer);

  return step > 0 && step != self->state.validated_step
         && (step % _seg_training_get_validation_interval (self) == 0
             || step == self->recipe->n_steps);
}

/* No step follows: all are done, none has been better for long, or the time is up. */
static gboolean
seg_training_is_over (SegTraining *self)
{
  const SegTrainRecipe *recipe = self->recipe;

  if (seg_trainer_get_step (self->trainer) >= recipe->n_steps)
    return TRUE;
  if (recipe->patience > 0 && self->state.n_worse >= recipe->patience)
    seg_train_progress_say (self->progress, "no better model for %u validation%s: ending",
                            recipe->patience, seg_units_plural (recipe->patience));
  else if (recipe->max_seconds > 0.
           && _seg_training_get_seconds (self) > SEG_TRAINING_LATE * recipe->max_seconds)
    seg_train_progress_say (self->progress,
                            "the time is up at step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                            ": steps take longer than they did at first",
                            seg_trainer_get_step (self->trainer), recipe->n_steps);
  else
    return FALSE;
  return TRUE;
}

/* A signal: what is done is kept, and is said to be unfinished. */
static gboolean
seg_training_stop (SegTraining *self, GError **error)
{
  if (!seg_training_save (self, error))
    return FALSE;
  seg_train_progress_say (self->progress,
                          "stopped at step %" G_GUINT64_FORMAT
                          "; the same command goes on from there",
                          seg_trainer_get_step (self->trainer));
  return !g_cancellable_set_error_if_cancelled (self->cancellable, error);
}

static gboolean
seg_training_look (SegTraining *self, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (_seg_training_validate (self, &failure))
    {
      self->state.validated_step = seg_trainer_get_step (self->trainer);
      self->state.is_finished = seg_training_is_over (self);
      return seg_training_save (self, error);
    }
  /* the run that goes on looks again */
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return seg_training_stop (self, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
seg_training_run_steps (SegTraining *self, GError **error)
{
  self->saved = self->row_begun = self->steps_begun = g_get_monotonic_time ();
  while (!self->state.is_finished)
    {
      if (seg_training_is_validation_due (self))
        {
          if (!seg_training_look (self, error))
            return FALSE;
        }
      else if (g_cancellable_is_cancelled (self->cancellable))
        return seg_training_stop (self, error);
      else if (!_seg_training_step (self, error)
               || (g_get_monotonic_time () - self->saved > SEG_TRAINING_CHECKPOINT_INTERVAL
                   && !seg_training_save (self, error)))
        return FALSE;
    }
  return TRUE;
}

/* ---- all of it -------------------------------------------------------------------------- */

static void
seg_training_start (SegTraining *self, SegProgressKind progress)
{
  self->begun = g_get_monotonic_time ();
  self->class_names = seg_train_recipe_dup_class_names (self->recipe);
  self->pool = seg_pool_new (self->run->n_threads);
  self->progress = seg_train_progress_new (progress);
}

/* Makes all that the first step needs, as a run would, and writes nothing. Where the recipe gives a
 * time, how many steps that are stays open. */
gboolean
_seg_training_look (SegTraining *self, GError **error)
{
  seg_training_start (self, SEG_PROGRESS_NONE);
  self->folder = seg_run_folder_look (self->run->output, !self->run->no_lock, error);
  return self->folder != NULL && seg_training_prepare (self, FALSE, error);
}

static gboolean
seg_training_begin (SegTraining *self, GError **error)
{
  const SegTrainRun *run = self->run;
  g_autofree char *log = NULL;
  guint64 step;

  seg_training_start (self, run->progress);
  self->folder = seg_run_folder_open (run->output, !run->no_lock, error);
  if (self->folder == NULL || !seg_training_prepare (self, TRUE, error)
      || (run->fresh && !seg_training_remove_old (self, error))
      || !seg_training_resume (self, error))
    return FALSE;
  step = seg_trainer_get_step (self->trainer);
  if (!seg_training_open_batcher (self, step * MAX (self->recipe->trainer.accumulate, 1), error)
      || !seg_run_folder_write_text (self->folder, SEG_TRAINING_DATA, self->contents, error)
      || !seg_run_folder_write_text (self->folder, SEG_RUN_FOLDER_RECIPE, self->recipe->text,
                                     error))
    return FALSE;
  log = seg_run_folder_dup_file (self->folder, SEG_TRAINING_LOG);
  self->log = seg_train_log_open (log, (const char *const *) self->class_names, step, error);
  return self->log != NULL;
}

/**
 * seg_train_run:
 * @run: what to train, from what, and where to
 * @cancellable: cancelled by a signal: the step at hand is finished and a checkpoint is written
 * @error: return location
 *
 * Trains a model and writes it. A run that was stopped, in any way, goes on where its last checkpoint
 * is, and ends with the bits that it would have ended with.
 * Errors: `SEG_APP_ERROR_IN_USE`; `G_IO_ERROR`, `G_IO_ERROR_CANCELLED`; `SEG_ERROR_DIVERGED`, after which
 * the last checkpoint is still there; `SEG_ERROR_PARAM` for a folder in which another run was begun;
 * `SEG_ERROR_MEMORY`; those of reading the data and of making the model.
 */
gboolean
seg_train_run (const SegTrainRun *run, GCancellable *cancellable, GError **error)
{
  g_auto (SegTraining) self = { .run = run, .recipe = run->recipe, .cancellable = cancellable };

  return seg_training_begin (&self, error) && seg_training_run_steps (&self, error)
         && _seg_training_finish (&self, error);
}
