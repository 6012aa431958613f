#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean seg_recipe_file_probe (const char *path);
char    *seg_recipe_file_read  (const char *path, GError **error);

G_END_DECLS
