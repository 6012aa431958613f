#pragma once

#include <glib.h>

G_BEGIN_DECLS

gint64   seg_tiff_tags_get_tile_height     (const char *path);
gboolean seg_tiff_tags_is_last_band_alpha (const char *path);

G_END_DECLS
