#pragma once

#include <segkit/trainer.h>

#include "augmentation.h"
#include "batcher.h"
#include "dataset.h"

G_BEGIN_DECLS

/**
 * SegTrainLimits:
 * @n_threads: of the pool
 * @max_memory: bytes that training may take; 0: any
 * @max_seconds: that it may take; 0: what the recipe says
 */
typedef struct
{
  guint n_threads;
  gsize max_memory;
  double max_seconds;
} SegTrainLimits;

/**
 * SegTrainRecipe:
 * @text: the whole recipe, with all that was chosen: a run of it does the same again
 * @trainer: loss, optimiser, schedule and their numbers
 * @augmentation: of the samples
 * @batches: their size, and how numbers are normalised
 * @seed: of weights, order, crops and layers that draw
 * @n_steps: of the optimiser; 0: not yet known, see seg_train_recipe_set_steps()
 * @n_epochs: passes over the data, if @n_steps is 0
 * @max_seconds: of the run, or 0; if @n_steps is 0 these decide
 * @validate_every: so many steps; 0: each epoch
 * @patience: validations without a better metric that end the run; 0: any number
 * @metric: by which models are compared
 * @statistics_batches: that the final statistics of norms are taken from
 * @encoder_weights: (nullable): file of weights that the encoder begins with
 * @from_model: (nullable): model whose weights it begins with
 * @reasons: (element-type utf8): what was chosen, and why
 *
 * All that a training is.
 */
typedef struct
{
  char *text;
  SegTrainerOptions trainer;
  SegAugmentation *augmentation;
  SegBatcherOptions batches;
  guint64 seed, n_steps, n_epochs, validate_every;
  double max_seconds;
  guint patience;
  char *metric;
  guint statistics_batches;
  char *encoder_weights, *from_model;
  GPtrArray *reasons;

  /*< private >*/
  GKeyFile *keys;
  char *frozen;
  float *class_weight, *mean, *std;
} SegTrainRecipe;

gboolean        seg_train_recipe_set       (GKeyFile *recipe, const char *assignment,
                                            GError **error);
gboolean        seg_train_recipe_parse_time (const char *text, double *seconds, GError **error);
SegTrainRecipe *seg_train_recipe_new       (GKeyFile *given, SegDataset *dataset,
                                            const SegTrainLimits *limits, GError **error);
void            seg_train_recipe_free      (SegTrainRecipe *self);
char          **seg_train_recipe_dup_class_names (SegTrainRecipe *self);
gsize           seg_train_recipe_estimate_bytes (SegTrainRecipe *self, SegModel *model,
                                                 SegDataset *dataset,
                                                 const SegBatcherOptions *batches,
                                                 guint n_threads, GError **error);
SegModel       *seg_train_recipe_new_model (SegTrainRecipe *self, GError **error);
gboolean        seg_train_recipe_set_steps (SegTrainRecipe *self, guint64 n_steps, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTrainRecipe, seg_train_recipe_free)

G_END_DECLS
