#pragma once

#include "progress.h"

G_BEGIN_DECLS

/**
 * SegTrainProgressState:
 * @step: steps done
 * @n_steps: of the whole training
 * @epoch: passes over the data done, with a fraction
 * @loss: mean of the last steps
 * @metric: of the last validation, or NaN
 * @metric_name: what it is called
 * @images_per_second: of this sitting
 * @seconds_left: or NaN
 */
typedef struct
{
  guint64 step, n_steps;
  double epoch, loss, metric;
  const char *metric_name;
  double images_per_second, seconds_left;
} SegTrainProgressState;

/**
 * SegTrainProgress:
 *
 * How far a training is.
 */
typedef struct _SegTrainProgress SegTrainProgress;

SegTrainProgress *seg_train_progress_new    (SegProgressKind kind);
void              seg_train_progress_update (SegTrainProgress *self,
                                             const SegTrainProgressState *state);
void              seg_train_progress_say    (SegTrainProgress *self, const char *format, ...)
                                             G_GNUC_PRINTF (2, 3);
void              seg_train_progress_free   (SegTrainProgress *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTrainProgress, seg_train_progress_free)

G_END_DECLS
