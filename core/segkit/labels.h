#pragma once

#include <segkit/types.h>

G_BEGIN_DECLS

void seg_labels_from_logits (const SegView *logits, gint64 sample, gint64 y, guint8 *labels);

G_END_DECLS
