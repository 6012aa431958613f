#pragma once

#include <vips/vips.h>

G_BEGIN_DECLS

VipsImage *seg_image_file_open (const char *path, gboolean random, GError **error);

G_END_DECLS
