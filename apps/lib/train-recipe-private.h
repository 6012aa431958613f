/* train-choose.c fills in what a recipe leaves open, train-recipe.c makes objects of it. */
#pragma once

#include "train-recipe.h"

G_BEGIN_DECLS

gboolean _seg_train_choose (SegTrainRecipe *self, GKeyFile *given, SegDataset *dataset,
                            const SegTrainLimits *limits, GError **error);
gboolean _seg_train_recipe_parse (SegTrainRecipe *self, SegDataset *dataset, GError **error);

G_END_DECLS
