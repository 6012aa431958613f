#pragma once

#include <segkit/trainer.h>

#include "run-folder.h"

G_BEGIN_DECLS

/**
 * SegCheckpointState:
 * @recipe: the whole recipe; a run goes on only with the same
 * @data: fingerprint of the data, likewise
 * @best_step: of the best validation; 0: none yet
 * @best_metric: its metric
 * @n_worse: validations since without a better one
 * @validated_step: of the last validation; a step is looked at once
 * @loss_sum: of the steps since that row
 * @loss_steps: how many steps that are
 * @rate: of the last step
 * @seconds: of training, all sittings together
 * @max_seconds: that it was begun for, or 0
 * @is_finished: whether no step is to follow
 *
 * What a run must know to go on, beside what its trainer knows.
 */
typedef struct
{
  char *recipe, *data;
  guint64 best_step;
  double best_metric;
  guint64 n_worse, validated_step;
  double loss_sum;
  guint64 loss_steps;
  double rate;
  double seconds, max_seconds;
  gboolean is_finished;
} SegCheckpointState;

void     seg_checkpoint_state_clear (SegCheckpointState *state);

gboolean seg_checkpoints_save       (SegRunFolder *folder, SegTrainer *trainer,
                                     const SegCheckpointState *state, GError **error);
gboolean seg_checkpoints_load_last  (SegRunFolder *folder, SegTrainer *trainer,
                                     SegCheckpointState *state, gboolean *found, GError **error);
gboolean seg_checkpoints_load_step  (SegRunFolder *folder, SegTrainer *trainer, guint64 step,
                                     GError **error);
gboolean seg_checkpoints_remove_all (SegRunFolder *folder, GError **error);
gboolean seg_checkpoints_peek       (SegRunFolder *folder, SegCheckpointState *state,
                                     gboolean *found, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegCheckpointState, seg_checkpoint_state_clear)

G_END_DECLS
