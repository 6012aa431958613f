#pragma once

#include <glib.h>

G_BEGIN_DECLS

char    *seg_path_escape       (const char *text);
gboolean seg_path_is_same_file (const char *a, const char *b);

G_END_DECLS
