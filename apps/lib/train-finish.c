/* The end of a training: the final model, with the statistics of its norms taken from the training set
 * and frozen, how good it is, and a report for people. */
#include <math.h>
#include <stdio.h>

#include <gio/gio.h>
#include <segkit/format.h>

#include "evaluate.h"
#include "path.h"
#include "train-private.h"
#include "train-report.h"
#include "train-report-samples.h"
#include "units.h"
#include "warning.h"

#define SEG_TRAINING_TRAINED "segkit.trained" /* in the model's metadata */

/* Pictures in the report: from the best to the worst. */
#define SEG_TRAINING_PICTURES 6

static void
seg_training_free_case (gpointer data)
{
  seg_case_free (data);
}

/* ---- the model -------------------------------------------------------------------------- */

/* Where the best checkpoint is damaged or gone, hours of training are not: the trainer stays where
 * it is, at the last step. */
static gboolean
seg_training_load_best (SegTraining *self, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (self->state.best_step == seg_trainer_get_step (self->trainer)
      || seg_checkpoints_load_step (self->folder, self->trainer, self->state.best_step, &failure))
    return TRUE;
  if (!g_error_matches (failure, SEG_ERROR, SEG_ERROR_FORMAT)
      && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  seg_warning_print ("%s; the best checkpoint is lost, and the last one is taken",
                     failure->message);
  self->state.best_step = seg_trainer_get_step (self->trainer);
  self->state.best_metric = NAN;
  return TRUE;
}

/* The best of all that were looked at. */
static gboolean
seg_training_take_best (SegTraining *self, GError **error)
{
  return seg_training_load_best (self, error)
         && (self->recipe->trainer.ema_decay <= 0.
             || seg_trainer_use_averaged (self->trainer, TRUE, error))
         && _seg_training_freeze_norms (self, self->recipe->statistics_batches, error);
}

/* Nothing that another run of the same recipe and data would say differently. */
static char *
seg_training_describe (SegTraining *self)
{
  const SegTrainRecipe *recipe = self->recipe;
  const SegBatcherOptions *batches = &recipe->batches;
  guint n_images = seg_dataset_get_n (self->run->dataset, SEG_SPLIT_TRAIN);
  gint64 n_crops = batches->n * MAX (recipe->trainer.accumulate, 1);

  return g_strdup_printf (
      "segtrain " SEGKIT_VERSION ": %u image%s, step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
      ", %" G_GINT64_FORMAT " crop%s of %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT
      " each, seed %" G_GUINT64_FORMAT,
      n_images, seg_units_plural (n_images), self->state.best_step, recipe->n_steps, n_crops,
      seg_units_plural ((guint64) n_crops), batches->w, batches->h, recipe->seed);
}

static gboolean
seg_training_save_model (SegTraining *self, GError **error)
{
  g_autoptr (SegSafetensors) file
      = seg_model_dup_tensors (seg_trainer_get_model (self->trainer), error);
  g_autofree char *trained = seg_training_describe (self);

  if (file == NULL)
    return FALSE;
  seg_safetensors_set_metadata (file, SEG_FORMAT_RECIPE, seg_model_get_recipe (
                                                             seg_trainer_get_model (self->trainer)));
  seg_safetensors_set_metadata (file, SEG_TRAINING_TRAINED, trained);
  return seg_safetensors_write (file, self->run->output, error);
}

/* ---- the report ------------------------------------------------------------------------- */

static void
seg_training_add_facts (SegTraining *self, SegTrainReport *report)
{
  static const char *const names[SEG_N_SPLITS] = { "training", "validation", "test" };
  SegDataset *dataset = self->run->dataset;
  const SegTrainRecipe *recipe = self->recipe;
  gint64 min_width, max_width, min_height, max_height;

  for (int split = 0; split < SEG_N_SPLITS; split++)
    {
      guint n = seg_dataset_get_n (dataset, (SegSplit) split);

      seg_train_report_add_fact (report, "Data", names[split], "%u image%s", n,
                                 seg_units_plural (n));
    }
  seg_dataset_get_size_range (dataset, &min_width, &max_width, &min_height, &max_height);
  seg_train_report_add_fact (report, "Data", "sizes",
                             "%" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                             " × %" G_GINT64_FORMAT,
                             min_width, min_height, max_width, max_height);
  seg_train_report_add_fact (report, "Data", "bands", "%u", seg_dataset_get_n_bands (dataset));
  seg_train_report_add_fact (report, "Training", "steps",
                             "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
                             self->state.validated_step, recipe->n_steps);
  if (isnan (self->state.best_metric))
    seg_train_report_add_fact (report, "Training", "best",
                               "lost; this is the last step, %" G_GUINT64_FORMAT,
                               self->state.best_step);
  else
    seg_train_report_add_fact (report, "Training", "best",
                               "step %" G_GUINT64_FORMAT ", %s %.4f", self->state.best_step,
                               recipe->metric, self->state.best_metric);
  seg_train_report_add_fact (report, "Training", "seed", "%" G_GUINT64_FORMAT, recipe->seed);
  seg_train_report_add_fact (report, "Training", "time", "%.0f s",
                             _seg_training_get_seconds (self));
  for (guint i = 0; i < recipe->reasons->len; i++)
    seg_train_report_add_fact (report, "Chosen", "", "%s", (char *) recipe->reasons->pdata[i]);
}

static guint
seg_training_find_best_row (SegTraining *self)
{
  for (guint i = 0; i < seg_train_log_get_n_rows (self->log); i++)
    if (seg_train_log_get_row (self->log, i)->step == self->state.best_step)
      return i;
  return G_MAXUINT;
}

static gboolean
seg_training_report (SegTraining *self, const SegEvaluation *evaluation, SegMetrics *metrics,
                     GPtrArray *cases, GError **error)
{
  SegModel *model = seg_trainer_get_model (self->trainer);
  g_autofree char *path = seg_run_folder_dup_file (self->folder, SEG_TRAINING_REPORT);
  g_autofree char *title = g_path_get_basename (self->run->output);
  g_autoptr (SegTrainReport) report = seg_train_report_new (title, model);

  seg_training_add_facts (self, report);
  seg_train_report_add_machine (report, self->run->n_threads);
  seg_train_report_set_log (report, self->log, seg_training_find_best_row (self));
  seg_train_report_set_recipe (report, self->recipe->text);
  if (cases->len > 0)
    seg_train_report_set_metrics (report, metrics, evaluation->split == SEG_SPLIT_TEST
                                                       ? "test images"
                                                       : "validation images");
  return seg_train_report_add_samples (report, evaluation, cases, SEG_TRAINING_PICTURES,
                                       self->cancellable, error)
         && seg_train_report_write (report, path, error);
}

/* ---- all of it -------------------------------------------------------------------------- */

/* The table that seg_train_evaluate() prints, and where the model is. To who asks for quiet these
 * are not told: the result is the model, as there it is the table. */
static void
seg_training_print (SegTraining *self, SegMetrics *metrics)
{
  g_autoptr (GString) table = g_string_new (NULL);
  g_autofree char *model = seg_path_escape (self->run->output);
  g_autofree char *folder = seg_path_escape (seg_run_folder_get_path (self->folder));

  seg_metrics_print (metrics, (const char *const *) self->class_names, table);
  printf ("%s\nmodel:  %s\nreport: %s/" SEG_TRAINING_REPORT "\n", table->str, model, folder);
}

/* Makes the final model, evaluates it and writes the report. Begun again it makes the same. */
gboolean
_seg_training_finish (SegTraining *self, GError **error)
{
  SegDataset *dataset = self->run->dataset;
  SegSplit split = seg_dataset_choose_test_split (dataset);
  g_autoptr (SegMetrics) metrics = seg_metrics_new (seg_dataset_get_n_classes (dataset));
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func (seg_training_free_case);
  g_autofree char *summary = seg_run_folder_dup_file (self->folder, SEG_TRAINING_SUMMARY);
  g_autoptr (SegPredictor) predictor = NULL;
  SegEvaluation evaluation = { .dataset = dataset, .split = split };

  if (!seg_training_take_best (self, error) || !seg_training_save_model (self, error)
      || (predictor = seg_predictor_new (seg_trainer_get_model (self->trainer), self->pool,
                                         self->run->limit_bytes, error))
             == NULL)
    return FALSE;
  evaluation.predictor = predictor;
  if (!seg_evaluate (&evaluation, metrics, cases, NULL, self->cancellable, error)
      || !seg_metrics_write_summary (metrics, cases, (const char *const *) self->class_names,
                                     NULL, summary, error)
      || !seg_training_report (self, &evaluation, metrics, cases, error))
    return FALSE;
  /* a line of progress is not left standing beside the result */
  g_clear_pointer (&self->progress, seg_train_progress_free);
  if (!self->run->quiet)
    seg_training_print (self, metrics);
  return TRUE;
}
