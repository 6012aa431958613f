#pragma once

#include <stdio.h>

#include "dataset.h"

G_BEGIN_DECLS

char    *seg_train_data_dup_text (SegDataset *dataset);
gboolean seg_train_data_check_not_over (SegDataset *dataset, const char *written,
                                        GError **error);
gboolean seg_train_data_check    (SegDataset *dataset, guint evaluated, FILE *warnings,
                                  GError **error);

G_END_DECLS
