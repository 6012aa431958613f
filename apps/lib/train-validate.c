/* How good the model is: batch norm's statistics are made those of the weights as they are, and the
 * validation images are run whole. */
#include <math.h>
#include <string.h>

#include "evaluate.h"
#include "train-private.h"

/* Statistics for a look at the model are taken from fewer batches than the final ones: a running
 * mean of some steps' swings (small batches), one of too many batches costs more than it tells. */
#define SEG_TRAINING_LOOK_BATCHES 16

/* ---- statistics ------------------------------------------------------------------------- */

static gboolean
seg_training_next_batch (guint i, SegBatch *batch, gpointer user_data, GError **error)
{
  (void) i;
  return seg_batcher_next (user_data, batch, error);
}

/* Recomputes the running statistics from crops of the training set that are not augmented: as the
 * images will come. Always the same crops, so that the bits depend on the weights alone. */
gboolean
_seg_training_freeze_norms (SegTraining *self, guint n_batches, GError **error)
{
  SegBatcherOptions options = self->recipe->batches;
  g_autoptr (SegBatcher) batcher = NULL;

  options.border_weights = FALSE;
  batcher = seg_batcher_new (self->run->dataset, SEG_SPLIT_TRAIN, NULL, &options, 0, error);
  return batcher != NULL
         && seg_trainer_recompute_statistics (self->trainer, seg_training_next_batch, n_batches,
                                              batcher, error);
}

/* ---- sizes ------------------------------------------------------------------------------ */

/* Images that are evaluated whole may be too small for the network, which is to be told before there is
 * anything to lose. Those that are at least as large as a crop are not. */
gboolean
_seg_training_check_sizes (SegTraining *self, GError **error)
{
  static const SegSplit splits[] = { SEG_SPLIT_VALIDATION, SEG_SPLIT_TEST };
  SegDataset *dataset = self->run->dataset;
  g_autoptr (SegPredictor) predictor = seg_predictor_new (
      seg_trainer_get_model (self->trainer), self->pool, self->run->limit_bytes, error);

  for (guint s = 0; predictor != NULL && s < G_N_ELEMENTS (splits); s++)
    for (guint i = 0; i < seg_dataset_get_n (dataset, splits[s]); i++)
      {
        const SegSample *sample = seg_dataset_get (dataset, splits[s], i);

        if ((sample->height >= self->recipe->batches.h && sample->width >= self->recipe->batches.w)
            || seg_predictor_check_size (predictor, sample->height, sample->width, error))
          continue;
        g_prefix_error (error, "%s: ", sample->images[0]);
        return FALSE;
      }
  return predictor != NULL;
}

/* ---- metrics ---------------------------------------------------------------------------- */

/* The number by which models are compared: more is better. */
double
_seg_training_choose_metric (const char *name, const SegMetrics *metrics, double loss)
{
  if (strcmp (name, "loss") == 0)
    return -loss;
  if (strcmp (name, "accuracy") == 0)
    return seg_metrics_get_pixel_accuracy (metrics);
  return seg_metrics_get_mean (metrics,
                               g_str_has_suffix (name, "iou") ? SEG_METRIC_IOU : SEG_METRIC_DICE,
                               g_str_has_prefix (name, "foreground") ? 1 : 0);
}

static gboolean
seg_training_run_images (SegTraining *self, SegMetrics *metrics, double *loss, GError **error)
{
  const SegTrainerOptions *options = &self->recipe->trainer;
  g_autoptr (SegPredictor) predictor = seg_predictor_new (
      seg_trainer_get_model (self->trainer), self->pool, self->run->limit_bytes, error);
  SegEvaluation evaluation = { .predictor = predictor,
                               .dataset = self->run->dataset,
                               .split = SEG_SPLIT_VALIDATION,
                               .loss = options->loss,
                               .class_weight = self->recipe->class_weight };

  return predictor != NULL
         && seg_evaluate (&evaluation, metrics, NULL, loss, self->cancellable, error);
}

/* Looks at the model as it would be saved now: with averaged weights, if there are any. */
gboolean
_seg_training_evaluate (SegTraining *self, SegMetrics *metrics, double *loss, GError **error)
{
  gboolean averaged = self->recipe->trainer.ema_decay > 0.;
  guint n_batches = MIN (self->recipe->statistics_batches, SEG_TRAINING_LOOK_BATCHES);
  gboolean good;

  if (averaged && !seg_trainer_use_averaged (self->trainer, TRUE, error))
    return FALSE;
  good = _seg_training_freeze_norms (self, n_batches, error)
         && seg_training_run_images (self, metrics, loss, error);
  return seg_trainer_use_averaged (self->trainer, FALSE, good ? error : NULL) && good;
}

static gboolean
seg_training_log (SegTraining *self, const SegMetrics *metrics, double loss, GError **error)
{
  guint64 step = seg_trainer_get_step (self->trainer);
  guint n_classes = seg_metrics_get_n_classes (metrics);
  gint64 now = g_get_monotonic_time ();
  g_autofree double *iou = g_new (double, n_classes);
  SegTrainLogRow row = {
    .epoch = (guint64) _seg_training_get_epochs (self, step),
    .step = step,
    .seconds = _seg_training_get_seconds (self),
    .rate = self->state.rate,
    .train_loss = self->state.loss_sum / (double) MAX (self->state.loss_steps, 1),
    .validation_loss = loss,
    .mean_iou = seg_metrics_get_mean (metrics, SEG_METRIC_IOU, 0),
    .mean_dice = seg_metrics_get_mean (metrics, SEG_METRIC_DICE, 0),
    .accuracy = seg_metrics_get_pixel_accuracy (metrics),
    .images_per_second = (double) self->state.loss_steps * (double) self->recipe->batches.n
                         * MAX (self->recipe->trainer.accumulate, 1) * G_USEC_PER_SEC
                         / (double) MAX (now - self->row_begun, 1),
    .iou = iou,
  };

  for (guint i = 0; i < n_classes; i++)
    iou[i] = seg_metrics_get (metrics, SEG_METRIC_IOU, i);
  return seg_train_log_append (self->log, &row, error);
}

/* Looks at the model, notes it in the log, and finds out whether it is the best so far. Without
 * validation images the newest is. */
gboolean
_seg_training_validate (SegTraining *self, GError **error)
{
  SegDataset *dataset = self->run->dataset;
  g_autoptr (SegMetrics) metrics = seg_metrics_new (seg_dataset_get_n_classes (dataset));
  SegCheckpointState *state = &self->state;
  double loss = NAN, metric = NAN;

  if (seg_dataset_get_n (dataset, SEG_SPLIT_VALIDATION) > 0)
    {
      if (!_seg_training_evaluate (self, metrics, &loss, error))
        return FALSE;
      metric = _seg_training_choose_metric (self->recipe->metric, metrics, loss);
    }
  if (!seg_training_log (self, metrics, loss, error))
    return FALSE;
  /* a metric that there is not is no better than one, and with no images the newest is the best */
  if (state->best_step == 0 || isnan (state->best_metric) || metric > state->best_metric)
    {
      state->best_step = seg_trainer_get_step (self->trainer);
      state->best_metric = metric;
      state->n_worse = 0;
    }
  else
    state->n_worse++;
  if (!isnan (metric))
    seg_trainer_observe (self->trainer, metric);
  seg_train_progress_say (
      self->progress,
      "step %" G_GUINT64_FORMAT ": loss %.4f, validation loss %.4f, mean IoU %.4f, mean Dice %.4f, "
      "accuracy %.4f%s",
      seg_trainer_get_step (self->trainer), state->loss_sum / (double) MAX (state->loss_steps, 1),
      loss, seg_metrics_get_mean (metrics, SEG_METRIC_IOU, 0),
      seg_metrics_get_mean (metrics, SEG_METRIC_DICE, 0), seg_metrics_get_pixel_accuracy (metrics),
      state->n_worse == 0 ? " (best)" : "");
  _seg_training_show (self);
  state->loss_sum = 0.;
  state->loss_steps = 0;
  self->row_begun = g_get_monotonic_time ();
  return TRUE;
}
