/* What a training would take, found out by making some of its steps. Nothing is written. */
#include <math.h>

#include "batcher.h"
#include "train-dry-run.h"
#include "units.h"

/* The first step touches memory for the first time, and is not counted. */
#define SEG_DRY_RUN_STEPS 3

static gboolean
seg_dry_run_step (SegTrainer *trainer, SegBatcher *batcher, guint n, GError **error)
{
  g_autofree SegBatch *batches = g_new (SegBatch, n);
  SegTrainerStep result;

  for (guint i = 0; i < n; i++)
    if (!seg_batcher_next (batcher, &batches[i], error))
      return FALSE;
  return seg_trainer_step (trainer, batches, &result, error);
}

static gboolean
seg_dry_run_time_steps (const SegTrainRun *run, SegModel *model, SegBatcher *batcher,
                        double *seconds, GError **error)
{
  SegTrainRecipe *recipe = run->recipe;
  g_autoptr (SegPool) pool = seg_pool_new (run->n_threads);
  g_autoptr (SegTrainer) trainer
      = seg_trainer_new (model, &recipe->trainer, pool, recipe->batches.n, recipe->batches.h,
                         recipe->batches.w, error);
  guint n = MAX (recipe->trainer.accumulate, 1);
  gint64 begin;

  if (trainer == NULL || !seg_dry_run_step (trainer, batcher, n, error))
    return FALSE;
  begin = g_get_monotonic_time ();
  for (guint i = 0; i < SEG_DRY_RUN_STEPS; i++)
    if (!seg_dry_run_step (trainer, batcher, n, error))
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

  g_string_append_printf (text, "all         %.0f steps, %.1f epochs, about %.0f minutes, "
                                "without looks at the validation images\n",
                          n_steps, n_steps / of_epoch, ceil (n_steps * of_step / 60.));
}

/**
 * seg_train_dry_run:
 * @run: a training; nothing is written
 * @error: return location
 *
 * Makes the network, predicts its memory, and times some steps.
 * Errors: those of the first steps of seg_train_run().
 *
 * Returns: (transfer full): lines for a terminal, or %NULL with @error set
 */
char *
seg_train_dry_run (const SegTrainRun *run, GError **error)
{
  SegTrainRecipe *recipe = run->recipe;
  SegBatcherOptions options = recipe->batches;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (recipe, error);
  g_autoptr (SegBatcher) batcher = NULL;
  g_autofree char *parameters = NULL, *memory = NULL, *allowed = NULL;
  double of_step = 0., of_epoch;
  gsize bytes;
  GString *text;

  if (model == NULL
      || (bytes = seg_trainer_estimate_bytes (model, &recipe->trainer, options.n, options.h,
                                              options.w, run->n_threads, error))
             == 0)
    return NULL;
  parameters = seg_units_count (seg_dry_run_count_parameters (model));
  memory = seg_units_bytes ((double) bytes);
  allowed = seg_units_bytes ((double) run->limit_bytes);
  options.n_kept = MAX (recipe->trainer.accumulate, 1);
  batcher = seg_batcher_new (run->dataset, SEG_SPLIT_TRAIN, recipe->augmentation, &options, 0,
                             error);
  if (batcher == NULL
      || (bytes <= run->limit_bytes
          && !seg_dry_run_time_steps (run, model, batcher, &of_step, error)))
    return NULL;

  text = g_string_new (NULL);
  g_string_append_printf (text, "parameters  %s\n", parameters);
  g_string_append_printf (text, "memory      %s of %s that are allowed%s\n", memory, allowed,
                          bytes > run->limit_bytes ? ": too much" : "");
  if (of_step > 0.)
    {
      of_epoch = (double) seg_batcher_get_steps_per_epoch (batcher) / options.n_kept;
      g_string_append_printf (text, "step        %.3f s, %.1f images/s\n", of_step,
                              (double) (options.n * options.n_kept) / of_step);
      g_string_append_printf (text, "epoch       %.1f steps, %.1f s\n", of_epoch,
                              of_step * of_epoch);
      seg_dry_run_append_length (text, recipe, of_step, of_epoch);
    }
  return g_string_free (text, FALSE);
}
