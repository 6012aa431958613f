#pragma once

#include <vips/vips.h>

G_BEGIN_DECLS

char          *seg_saver_dup_file (const char *path);
VipsOperation *seg_saver_new      (const char *path, gboolean exact, char **file, GError **error);
void           seg_saver_set_size (VipsOperation *saver, gint64 bytes);
gboolean       seg_saver_takes_floats (VipsOperation *saver);

G_END_DECLS
