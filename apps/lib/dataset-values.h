/* What the files share that find out which class a value is. */
#pragma once

#include "dataset-private.h"

G_BEGIN_DECLS

/* All samples of which image and mask can be read. */
#define SEG_DATASET_FOREACH_READABLE(self, entry)                                                  \
  for (guint split_ = 0; split_ < SEG_N_SPLITS; split_++)                                          \
    for (guint i_ = 0; i_ < (self)->splits[split_]->len; i_++)                                     \
      if ((entry = g_ptr_array_index ((self)->splits[split_], i_))->readable)

SegDatasetClass *_seg_dataset_add_class (SegDataset *self, const char *name);
void     _seg_dataset_class_add_code    (SegDatasetClass *klass, guint32 code);
gboolean _seg_dataset_parse_code        (const char *text, guint32 *code);
gboolean _seg_dataset_read_classes      (SegDataset *self, GKeyFile *recipe, GError **error);
GArray  *_seg_dataset_join_values       (SegDataset *self);
void     _seg_dataset_discover_classes  (SegDataset *self);
void     _seg_dataset_count_values      (SegDataset *self);

G_END_DECLS
