/* What the parts of a training share: train-check.c looks whether it can begin, train-run.c goes through
 * the steps, train-validate.c looks how good the model is, train-finish.c makes the final one and what there is to see. */
#pragma once

#include "batcher.h"
#include "metrics.h"
#include "train-checkpoints.h"
#include "train-log.h"
#include "train-progress.h"
#include "train-run.h"

G_BEGIN_DECLS

/* Files in the run's folder. */
#define SEG_TRAINING_DATA "data.txt" /* what each file of the data had in it */
#define SEG_TRAINING_LOG "log.csv"
#define SEG_TRAINING_SUMMARY "summary.json"
#define SEG_TRAINING_REPORT "report.html"

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
  char *contents; /* of the data, as seg_dataset_dup_contents() has them */
  SegCheckpointState state;

  gint64 begun; /* of this sitting, monotonic, µs */
  double seconds_before; /* of the sittings before it */
  guint64 first_step;    /* of this sitting */
  gint64 steps_begun;    /* likewise, without what comes before, monotonic, µs */
  gint64 saved;          /* when the last checkpoint was, monotonic, µs */
  gint64 row_begun;      /* when the last row of the log was, monotonic, µs */
} SegTraining;

void     _seg_training_clear          (SegTraining *self);
gboolean _seg_training_look           (SegTraining *self, GError **error);
gboolean _seg_training_check_memory   (SegTraining *self, SegModel *model, GError **error);
gboolean _seg_training_check_space    (SegTraining *self, GError **error);
gboolean _seg_training_check_same     (SegTraining *self, const SegCheckpointState *before,
                                       GError **error);
double   _seg_training_get_seconds    (SegTraining *self);
double   _seg_training_get_epochs     (SegTraining *self, guint64 n_steps);
guint64  _seg_training_get_validation_interval (SegTraining *self);
gboolean _seg_training_step           (SegTraining *self, GError **error);
void     _seg_training_show           (SegTraining *self);
gboolean _seg_training_freeze_norms   (SegTraining *self, guint n_batches, GError **error);
double   _seg_training_choose_metric  (const char *name, const SegMetrics *metrics, double loss);
gboolean _seg_training_evaluate       (SegTraining *self, SegMetrics *metrics, double *loss,
                                       GError **error);
gboolean _seg_training_check_sizes    (SegTraining *self, GError **error);
gboolean _seg_training_validate       (SegTraining *self, GError **error);
gboolean _seg_training_measure_steps  (SegTraining *self, guint64 *n_steps, GError **error);
gboolean _seg_training_finish         (SegTraining *self, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegTraining, _seg_training_clear)

G_END_DECLS
