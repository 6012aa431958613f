#pragma once

#include <segkit/loss.h>
#include <segkit/model.h>
#include <segkit/optimizer.h>
#include <segkit/rate-schedule.h>

G_BEGIN_DECLS

/**
 * SegBatch:
 * @images: (array): n·c·h·w numbers, planar and normalised
 * @targets: (array): n·h·w classes or %SEG_TARGET_IGNORE
 * @weights: (array) (nullable): n·h·w weights of pixels
 * @n: samples
 * @c: channels
 * @h: rows
 * @w: columns
 */
typedef struct
{
  const float *images;
  const guint16 *targets;
  const float *weights;
  gint64 n, c, h, w;

  /*< private >*/
  gpointer reserved[4];
} SegBatch;

/**
 * SegTrainerOptions:
 * @loss: what is made small
 * @optimizer: how weights follow gradients
 * @schedule: (nullable): of the rate; %NULL: constant
 * @rate: learning rate
 * @weight_decay: of parameters of %SEG_ROLE_WEIGHT, and of no other
 * @clip_norm: the largest norm of all gradients together; 0: any
 * @ema_decay: of the moving average of weights, 0 to 1; 0: none is kept
 * @accumulate: batches of one step; 0 is taken for 1
 * @auxiliary_heads: of the network while it is trained; each weighs half as much in the loss as the
 *   one before it, the first half as much as the model's logits; weights sum to 1
 * @frozen: (nullable): prefixes of names of parameters that stay as they are, with commas between
 *   them: `encoder.`
 * @freeze_norms: whether norms use their running statistics, and these, scales and shifts stay
 * @class_weight: (array) (nullable): of each class
 * @seed: of layers that draw, such as dropout
 * @n_steps: of the whole training, for the schedule
 */
typedef struct
{
  SegLoss *loss;
  SegOptimizer *optimizer;
  SegRateSchedule *schedule;
  double rate, weight_decay, clip_norm, ema_decay;
  guint accumulate, auxiliary_heads;
  const char *frozen;
  gboolean freeze_norms;
  const float *class_weight;
  guint64 seed, n_steps;

  /*< private >*/
  gpointer reserved[8];
} SegTrainerOptions;

/**
 * SegTrainerStep:
 * @loss: mean over the step's batches, before the step; with auxiliary heads, theirs is in it
 * @gradient_norm: of all gradients together, before clipping
 * @rate: that the step was made with
 */
typedef struct
{
  double loss, gradient_norm, rate;

  /*< private >*/
  gpointer reserved[4];
} SegTrainerStep;

/**
 * SegTrainerNextFunc:
 * @i: from 0
 * @batch: (out caller-allocates): valid until the next call
 * @user_data: as given
 * @error: return location
 *
 * Returns: %FALSE with @error set
 */
typedef gboolean (*SegTrainerNextFunc) (guint i, SegBatch *batch, gpointer user_data,
                                        GError **error);

#define SEG_TYPE_TRAINER (seg_trainer_get_type ())
G_DECLARE_FINAL_TYPE (SegTrainer, seg_trainer, SEG, TRAINER, GObject)

SegTrainer *seg_trainer_new          (SegModel *model, const SegTrainerOptions *options,
                                      SegPool *pool, gint64 n, gint64 h, gint64 w, GError **error);
gboolean    seg_trainer_step         (SegTrainer *self, const SegBatch *batches,
                                      SegTrainerStep *result, GError **error);
void        seg_trainer_observe      (SegTrainer *self, double metric);
guint64     seg_trainer_get_step     (SegTrainer *self);
SegModel   *seg_trainer_get_model    (SegTrainer *self);
gboolean    seg_trainer_use_averaged (SegTrainer *self, gboolean averaged, GError **error);
gboolean    seg_trainer_recompute_statistics (SegTrainer *self, SegTrainerNextFunc next,
                                              guint n_batches, gpointer user_data, GError **error);

gboolean    seg_trainer_save         (SegTrainer *self, const char *path, const char *const *keys,
                                      const char *const *values, GError **error);
gboolean    seg_trainer_load         (SegTrainer *self, const char *path, GHashTable **metadata,
                                      GError **error);
gsize       seg_trainer_estimate_bytes (SegModel *model, const SegTrainerOptions *options, gint64 n,
                                        gint64 h, gint64 w, guint n_threads, GError **error);

G_END_DECLS
