#pragma once

#include <segkit/trainer.h>

#include "augmentation.h"
#include "dataset.h"

G_BEGIN_DECLS

/**
 * SegBatcherOptions:
 * @n: samples of a batch
 * @h: rows of a crop
 * @w: columns of a crop
 * @seed: of the order of samples, crops and augmentation
 * @n_threads: that read ahead; 0: seg_batcher_next() itself reads
 * @n_kept: batches that are in use at a time: each is valid until the call of seg_batcher_next()
 *   that is so many calls later; 0 is taken for 1
 * @border_weights: whether pixels between objects that nearly touch weigh more; the dataset has
 *   instances
 * @border_w0: the weight that is added where two objects touch; the U-Net paper's 10
 * @border_sigma: how fast it falls, in pixels; the paper's 5
 * @class_weight: (nullable): of each class; only for @border_weights, where the weight of a pixel
 *   is that of its class plus the border's, and the loss then is given none
 * @mean: (nullable): of each band; %NULL: 0
 * @std: (nullable): of each band; %NULL: 1
 */
typedef struct
{
  gint64 n, h, w;
  guint64 seed;
  guint n_threads, n_kept;
  gboolean border_weights;
  double border_w0, border_sigma;
  const float *class_weight;
  const float *mean, *std;
} SegBatcherOptions;

/**
 * SegBatcher:
 *
 * An endless sequence of batches, each of which depends on the options, the dataset and its own
 * number alone.
 */
typedef struct _SegBatcher SegBatcher;

SegBatcher *seg_batcher_new                 (SegDataset *dataset, SegSplit split,
                                             SegAugmentation *augmentation,
                                             const SegBatcherOptions *options, guint64 first_step,
                                             GError **error);
gsize       seg_batcher_estimate_bytes      (SegDataset *dataset, SegSplit split,
                                             const SegBatcherOptions *options);
void        seg_batcher_free                (SegBatcher *self);
gboolean    seg_batcher_next                (SegBatcher *self, SegBatch *out, GError **error);
guint64     seg_batcher_get_steps_per_epoch (SegBatcher *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegBatcher, seg_batcher_free)

G_END_DECLS
