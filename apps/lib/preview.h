#pragma once

#include "batcher.h"

G_BEGIN_DECLS

gboolean seg_preview_write (SegDataset *dataset, SegAugmentation *augmentation,
                            const SegBatcherOptions *options, const char *path, GError **error);

G_END_DECLS
