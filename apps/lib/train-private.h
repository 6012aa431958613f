/* What the parts of a training share: train-run.c goes through the steps, train-validate.c looks how
 * good the model is, train-finish.c makes the final one and what there is to see. */
#pragma once

#include "batcher.h"
#include "metrics.h"
#include "train-checkpoints.h"
#include "train-log.h"
#include "train-progress.h"
#include "train-run.h"

G_BEGIN_DECLS

typedef struct
{
  const SegTrainRun *run;
  SegTrainRecipe *recipe;
  GCancellable *cancellable;
  SegRunFolder *folder;
  SegPool *pool;
  SegTrainer *trainer;
  SegBatcher *batcher;
  SegTrainLog *log;
  SegTrainProgress *progress;
  char **class_names;
  SegCheckpointState state;

  gint64 begun; /* of this sitting, monotonic, µs */
  double seconds_before; /* of the sittings before it */
  guint64 first_step;    /* of this sitting */
  gint64 steps_begun;    /* likewise, without what comes before, monotonic, µs */
  gint64 saved;          /* when the last checkpoint was, monotonic, µs */
  gint64 row_begun;      /* when the last row of the log was, monotonic, µs */
  double rate;           /* of the last step */
} SegTraining;

double   _seg_training_get_seconds    (SegTraining *self);
double   _seg_training_get_epochs     (SegTraining *self, guint64 n_steps);
guint64  _seg_training_get_validation_interval (SegTraining *self);
gboolean _seg_training_step           (SegTraining *self, GError **error);
gboolean _seg_training_freeze_norms   (SegTraining *self, guint n_batches, GError **error);
double   _seg_training_choose_metric  (const char *name, const SegMetrics *metrics, double loss);
gboolean _seg_training_evaluate       (SegTraining *self, SegMetrics *metrics, double *loss,
                                       GError **error);
gboolean _seg_training_check_sizes    (SegTraining *self, GError **error);
gboolean _seg_training_validate       (SegTraining *self, GError **error);
gboolean _seg_training_measure_steps  (SegTraining *self, guint64 *n_steps, GError **error);
gboolean _seg_training_finish         (SegTraining *self, GError **error);

G_END_DECLS
