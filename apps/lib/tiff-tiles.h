#pragma once

#include <glib.h>

G_BEGIN_DECLS

gint64 seg_tiff_tiles_get_height (const char *path);

G_END_DECLS
