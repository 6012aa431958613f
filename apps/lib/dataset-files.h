/* Lists of image files, and which of them belong together. */
#pragma once

#include "dataset-private.h"

G_BEGIN_DECLS

/**
 * SegFolders:
 * @images: (array zero-terminated=1): one for each file of a sample
 * @image_suffixes: (nullable): one for each; files without it are left out
 * @masks: folder
 * @mask_suffix: (nullable): files without it are left out; %NULL: the usual ones, where needed
 * @instances: (nullable): folder
 * @lenient: whether images without masks are expected
 *
 * Where the samples of a split are.
 */
typedef struct
{
  char **images;
  char **image_suffixes;
  const char *masks, *mask_suffix, *instances;
  gboolean lenient;
} SegFolders;

gint  seg_name_compare        (const char *a, const char *b);
char *seg_folder_find         (const char *parent, const char *const *names);
gboolean seg_dataset_add_folders (SegDataset *self, SegSplit split, const SegFolders *folders,
                                  GError **error);

G_END_DECLS
