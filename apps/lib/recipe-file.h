#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

gboolean  seg_recipe_file_probe      (const char *path);
GKeyFile *seg_recipe_file_load       (const char *path, GError **error);
SegModel *seg_recipe_file_make_model (const char *path, guint64 seed, GError **error);

G_END_DECLS
