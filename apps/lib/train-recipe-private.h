/* train-given.c reads what is wanted, train-choose.c fills in what is left open, train-recipe.c makes
 * objects of it. */
#pragma once

#include "train-recipe.h"

G_BEGIN_DECLS

GKeyFile *_seg_train_given_read       (GKeyFile *given, GError **error);
void      _seg_train_given_copy_group (GKeyFile *from, GKeyFile *to, const char *group);
gboolean  _seg_train_given_take_model (GKeyFile *keys, guint n_classes, GPtrArray *reasons,
                                       GError **error);
gboolean  _seg_train_given_check_data (GKeyFile *keys, SegDataset *dataset, GError **error);
GKeyFile *_seg_train_given_sort       (GKeyFile *keys);

gboolean  _seg_train_choose           (SegTrainRecipe *self, GKeyFile *given, SegDataset *dataset,
                                       const SegTrainLimits *limits, GError **error);
void      _seg_train_recipe_blame     (GError **error);
gboolean  _seg_train_recipe_parse     (SegTrainRecipe *self, SegDataset *dataset, GError **error);

G_END_DECLS
