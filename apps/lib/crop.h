#pragma once

#include "batcher.h"

G_BEGIN_DECLS

/**
 * SegCropPlace:
 * @image: (array): c·h·w values of the crop
 * @target: (array): h·w classes
 * @weights: (array) (nullable): h·w
 *
 * Where a crop goes.
 */
typedef struct
{
  float *image;
  guint16 *target;
  float *weights;
} SegCropPlace;

gboolean seg_crop_make (const SegSampleData *data, const float *border,
                        SegAugmentation *augmentation, const SegBatcherOptions *options,
                        const guint64 *class_counts, guint n_classes, guint64 counter,
                        const SegCropPlace *place, GError **error);

G_END_DECLS
