/* How dataset-classes.c adds to the table of classes. */
#pragma once

#include "dataset-private.h"

G_BEGIN_DECLS

SegDatasetClass *_seg_dataset_add_class (SegDataset *self, const char *name);
void     _seg_dataset_class_add_code    (SegDatasetClass *klass, guint32 code);
gboolean _seg_dataset_parse_code        (const char *text, guint32 *code);
gboolean _seg_dataset_read_classes      (SegDataset *self, GKeyFile *recipe, GError **error);

G_END_DECLS
