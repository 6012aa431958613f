/* How many steps fit into a time. They are counted before the first: the learning rate's way and the
 * seeds of all steps are then fixed, and the run can be repeated and gone on with to the bit. */
#include "train-private.h"
#include "warning.h"

#define SEG_TRAINING_SPEED_STEPS 4

/* With fewer steps than this hardly anything is learnt. */
#define SEG_TRAINING_SPEED_FEW 50

/* What is left for the final statistics, evaluation and report, and for what else the machine does. */
#define SEG_TRAINING_SPEED_SHARE 0.93

static double
seg_training_seconds_since (gint64 begin)
{
  return (double) (g_get_monotonic_time () - begin) / (double) G_USEC_PER_SEC;
}

/* The first step also touches memory for the first time, and is not counted. */
static gboolean
seg_training_time_step (SegTraining *self, double *seconds, GError **error)
{
  gint64 begin = 0;

  for (guint i = 0; i <= SEG_TRAINING_SPEED_STEPS; i++)
    {
      if (i == 1)
        begin = g_get_monotonic_time ();
      if (!_seg_training_step (self, error))
        return FALSE;
    }
  *seconds = seg_training_seconds_since (begin) / SEG_TRAINING_SPEED_STEPS;
  return TRUE;
}

static gboolean
seg_training_time_validation (SegTraining *self, double *seconds, GError **error)
{
  SegDataset *dataset = self->run->dataset;
  g_autoptr (SegMetrics) metrics = seg_metrics_new (seg_dataset_get_n_classes (dataset));
  gint64 begin = g_get_monotonic_time ();
  double loss;

  if (!_seg_training_evaluate (self, metrics, &loss, error))
    return FALSE;
  *seconds = seg_training_seconds_since (begin);
  return TRUE;
}

/* Counts the steps that the recipe's time is long enough for. The trainer has then been used, and is
 * of no more use. */
gboolean
_seg_training_measure_steps (SegTraining *self, guint64 *n_steps, GError **error)
{
  const SegTrainRecipe *recipe = self->recipe;
  double of_step, of_validation, left;

  seg_train_progress_say (self->progress, "measuring how many steps fit into %.0f s",
                          recipe->max_seconds);
  if (!seg_training_time_step (self, &of_step, error)
      || !seg_training_time_validation (self, &of_validation, error))
    return FALSE;
  left = SEG_TRAINING_SPEED_SHARE * recipe->max_seconds - _seg_training_get_seconds (self)
         - 2. * of_validation;
  of_step += of_validation / (double) _seg_training_get_validation_interval (self);
  *n_steps = (guint64) CLAMP (left / of_step, 1., 1e9);
  if (*n_steps < SEG_TRAINING_SPEED_FEW)
    seg_warning_print ("only %" G_GUINT64_FORMAT
                       " step%s into %.0f s, which is too little to learn from: a step with "
                       "its share of looks at the validation images takes %.2f",
                       *n_steps, *n_steps == 1 ? " fits" : "s fit", recipe->max_seconds, of_step);
  return TRUE;
}
