#pragma once

#include "augmentation.h"

G_BEGIN_DECLS

gboolean seg_intensity_apply (const SegAugmentationDraw *draw, guint64 seed, guint64 counter,
                              float *planes, gint64 c, gint64 h, gint64 w, GError **error);

G_END_DECLS
