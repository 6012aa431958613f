#pragma once

#include <vips/vips.h>

G_BEGIN_DECLS

VipsOperation *seg_saver_new      (const char *path, gboolean exact, char **file, GError **error);
void           seg_saver_set_size (VipsOperation *saver, gint64 width, gint64 height, guint bands);

G_END_DECLS
