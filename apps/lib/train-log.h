#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegTrainLogRow:
 * @epoch: from 1; 0 before the first is complete
 * @step: optimiser steps done
 * @seconds: of training until here
 * @rate: the learning rate of the last step
 * @train_loss: mean since the row before
 * @validation_loss: of the validation images, or NaN
 * @mean_iou: mean of all classes
 * @mean_dice: mean of all classes
 * @accuracy: of all pixels
 * @images_per_second: trained with since the row before
 * @iou: (array) (nullable): of each class; %NULL: NaN
 *
 * How far training was, and how good its network. What was not measured is NaN.
 */
typedef struct
{
  guint64 epoch, step;
  double seconds, rate, train_loss, validation_loss, mean_iou, mean_dice, accuracy,
      images_per_second;
  const double *iou;
} SegTrainLogRow;

/**
 * SegTrainLog:
 *
 * A table of a training run, `log.csv`, to which rows are added as it goes.
 */
typedef struct _SegTrainLog SegTrainLog;

SegTrainLog *seg_train_log_open       (const char *path, const char *const *class_names,
                                       guint64 last_step, GError **error);
void         seg_train_log_free       (SegTrainLog *self);
gboolean     seg_train_log_append     (SegTrainLog *self, const SegTrainLogRow *row,
                                       GError **error);
guint        seg_train_log_get_n_rows (SegTrainLog *self);
const SegTrainLogRow *seg_train_log_get_row (SegTrainLog *self, guint i);
guint        seg_train_log_get_n_classes (SegTrainLog *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTrainLog, seg_train_log_free)

G_END_DECLS
