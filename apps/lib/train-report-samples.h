#pragma once

#include "evaluate.h"
#include "train-report.h"

G_BEGIN_DECLS

gboolean seg_train_report_add_samples (SegTrainReport *self, const SegEvaluation *evaluation,
                                       GPtrArray *cases, guint n, GCancellable *cancellable,
                                       GError **error);

G_END_DECLS
