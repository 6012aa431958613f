#pragma once

#include <segkit/types.h>

G_BEGIN_DECLS

void seg_probabilities_from_logits (const SegView *logits, gint64 sample, gint64 y, float *out);

G_END_DECLS
