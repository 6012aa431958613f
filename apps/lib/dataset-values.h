/* What the files share that find out which class a value is. */
#pragma once

#include "dataset-private.h"

G_BEGIN_DECLS

/* A class of less than that share of all pixels, or of so few in one mask alone, may be none. */
#define SEG_VALUES_STRAY_SHARE 1e-5
#define SEG_VALUES_STRAY_PIXELS 16

SegDatasetClass *_seg_dataset_add_class (SegDataset *self, const char *name);
void     _seg_dataset_class_add_code    (SegDatasetClass *klass, guint32 code);
gboolean _seg_dataset_parse_code        (const char *text, guint32 *code);
char    *_seg_dataset_dup_code_text     (guint32 code);
gboolean _seg_dataset_read_classes      (SegDataset *self, GKeyFile *recipe, GError **error);
GArray  *_seg_dataset_join_values       (SegDataset *self);
void     _seg_dataset_drop_odd_masks    (SegDataset *self);
void     _seg_dataset_discover_classes  (SegDataset *self);
void     _seg_dataset_count_values      (SegDataset *self);

G_END_DECLS
