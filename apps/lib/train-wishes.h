#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

extern const GOptionEntry seg_train_wishes_entries[]; /* the options that speak of the recipe */

gboolean  seg_train_wishes_check          (GError **error);
gboolean  seg_train_wishes_are_given      (void);
gboolean  seg_train_wishes_need_training  (void);
const char *seg_train_wishes_get_recipe   (void);
GKeyFile *seg_train_wishes_read           (const char *basis, GError **error);
GKeyFile *seg_train_wishes_read_for_model (SegModel *model, const char *folder, GError **error);

G_END_DECLS
