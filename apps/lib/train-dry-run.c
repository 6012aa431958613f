/* What a training would take, found out by making some of its steps. Nothing is written. */
#include <math.h>

#include "train-dry-run.h"
#include "train-private.h"
#include "units.h"

/* The first step touches memory for the first time, and is not counted. */
#define SEG_DRY_RUN_STEPS 3

static gboolean
seg_dry_run_time_steps (SegTraining *training, double *seconds, GError **error)
{
  gint64 begin;

  if (!_seg_training_step (training, error))
    return FALSE;
  begin = g_get_monotonic_time ();
  for (guint i = 0; i < SEG_DRY_RUN_STEPS; i++)
    if (!_seg_training_step (training, error))
      return FALSE;
  *seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC / SEG_DRY_RUN_STEPS;
  return TRUE;
}

/* Those that training changes. */
static double
seg_dry_run_count_parameters (SegModel *model)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  double total = 0.;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      guint rank;
      const gint64 *shape = seg_parameters_get_shape (parameters, i, &rank);
      double n = 1.;

      if (seg_parameters_get_role (parameters, i) >= SEG_ROLE_STATE)
        continue;
      for (guint j = 0; j < rank; j++)
        n *= (double) shape[j];
      total += n;
    }
  return total;
}

static void
seg_dry_run_append_length (GString *text, const SegTrainRecipe *recipe, double of_step,
                           double of_epoch)
{
  double n_steps = recipe->n_steps > 0         ? (double) recipe->n_steps
                   : recipe->max_seconds > 0. ? floor (recipe->max_seconds / of_step)
                                              : (double) recipe->n_epochs * of_epoch;
  double minutes = ceil (n_steps * of_step / 60.);

  g_string_append_printf (text,
                          "all         %.0f step%s, %.1f epochs, about %.0f minute%s, "
                          "without looks at the validation images\n",
                          n_steps, seg_units_plural ((guint64) n_steps), n_steps / of_epoch,
                          minutes, seg_units_plural ((guint64) minutes));
}

/**
 * seg_train_dry_run:
 * @run: a training; nothing is written
 * @error: return location
 *
 * Makes the network, predicts its memory, and times some steps.
 * Errors: those with which seg_train_run() would refuse to begin, or to go on; those of its first
 * steps.
 *
 * Returns: (transfer full): lines for a terminal, or %NULL with @error set
 */
char *
seg_train_dry_run (const SegTrainRun *run, GError **error)
{
  SegTrainRecipe *recipe = run->recipe;
  const SegBatcherOptions *batches = &recipe->batches;
  g_auto (SegTraining) training = { .run = run, .recipe = recipe };
  g_autofree char *parameters = NULL, *memory = NULL, *allowed = NULL;
  double of_step = 0., of_epoch;
  SegModel *model;
  GString *text;

  if (!_seg_training_look (&training, error)
      || !seg_dry_run_time_steps (&training, &of_step, error))
    return NULL;
  model = seg_trainer_get_model (training.trainer);
  parameters = seg_units_count (seg_dry_run_count_parameters (model));
  memory = seg_units_bytes ((double) seg_train_recipe_estimate_bytes (
      recipe, model, run->dataset, batches, run->n_threads, NULL));
  allowed = seg_units_bytes ((double) run->limit_bytes);
  of_epoch = 1. / _seg_training_get_epochs (&training, 1);

  text = g_string_new (NULL);
  g_string_append_printf (text, "parameters  %s\n", parameters);
  g_string_append_printf (text, "memory      %s of %s that are allowed\n", memory, allowed);
  g_string_append_printf (text, "step        %.3f s, %.1f images/s\n", of_step,
                          (double) (batches->n * MAX (recipe->trainer.accumulate, 1)) / of_step);
  g_string_append_printf (text, "epoch       %.1f steps, %.1f s\n", of_epoch, of_step * of_epoch);
  seg_dry_run_append_length (text, recipe, of_step, of_epoch);
  return g_string_free (text, FALSE);
}
