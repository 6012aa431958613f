#pragma once

#include <gio/gio.h>

#include <segkit/loss.h>

#include "dataset.h"
#include "metrics.h"
#include "predictor.h"

G_BEGIN_DECLS

/**
 * SegEvaluateFunc:
 * @n_done: samples that are done
 * @n: how many there are
 * @user_data: as given
 */
typedef void (*SegEvaluateFunc) (guint n_done, guint n, gpointer user_data);

/**
 * SegEvaluation:
 * @predictor: the model; its number of classes is that of the data
 * @dataset: images and truth
 * @split: which of them
 * @loss: (nullable): also computed
 * @class_weight: (nullable): of each class, for the loss
 * @progress: (nullable): called after each sample
 * @progress_data: for it
 *
 * What to compare with what.
 */
typedef struct
{
  SegPredictor *predictor;
  SegDataset *dataset;
  SegSplit split;
  SegLoss *loss;
  const float *class_weight;
  SegEvaluateFunc progress;
  gpointer progress_data;
} SegEvaluation;

gboolean seg_evaluate (const SegEvaluation *evaluation, SegMetrics *total, GPtrArray *cases,
                       double *loss, GCancellable *cancellable, GError **error);

G_END_DECLS
