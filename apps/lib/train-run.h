#pragma once

#include <gio/gio.h>

#include "dataset.h"
#include "progress.h"
#include "train-recipe.h"

G_BEGIN_DECLS

/**
 * SegTrainRun:
 * @dataset: what to learn from
 * @wishes: how, as far as the user has said it
 * @recipe: how; its number of steps is set where it was left to time or epochs
 * @output: the model file that is to be made; its run folder lies beside it
 * @fresh: whether to begin anew where an earlier run could be gone on with
 * @no_lock: whether not to keep others out of the folder
 * @n_threads: of the pool; results do not depend on it
 * @limit_bytes: memory that the process may take
 * @progress: how to tell how far it is
 * @quiet: whether not to print at the end how good it is
 *
 * A training, from data to model.
 */
typedef struct
{
  SegDataset *dataset;
  GKeyFile *wishes;
  SegTrainRecipe *recipe;
  const char *output;
  gboolean fresh, no_lock, quiet;
  guint n_threads;
  gsize limit_bytes;
  SegProgressKind progress;
} SegTrainRun;

gboolean seg_train_run (const SegTrainRun *run, GCancellable *cancellable, GError **error);

G_END_DECLS
