#pragma once

#include <gio/gio.h>

#include "dataset.h"
#include "tta.h"

G_BEGIN_DECLS

/**
 * SegTrainEvaluate:
 * @model: the model that is looked at
 * @dataset: images and truth
 * @split: part of the data, as `--split` names it; %NULL: test images, else those to validate with
 * @summary: (nullable): file to be written
 * @tta: in which orientations the model sees each image
 * @n_threads: threads to use
 * @limit_bytes: memory that the process may take
 * @quiet: whether not to tell on a terminal how far it is
 *
 * How good a model is.
 */
typedef struct
{
  SegModel *model;
  SegDataset *dataset;
  const char *split, *summary;
  SegTta tta;
  guint n_threads;
  gsize limit_bytes;
  gboolean quiet;
} SegTrainEvaluate;

gboolean seg_train_evaluate_is_split (const char *name);
guint    seg_train_evaluate_get_splits (const SegTrainEvaluate *request);
gboolean seg_train_evaluate (const SegTrainEvaluate *request, GCancellable *cancellable,
                             GError **error);

G_END_DECLS
