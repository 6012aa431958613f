#pragma once

#include "train-run.h"

G_BEGIN_DECLS

char *seg_train_dry_run (const SegTrainRun *run, GError **error);

G_END_DECLS
