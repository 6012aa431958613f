#pragma once

#include <vips/vips.h>

G_BEGIN_DECLS

VipsImage *seg_image_kind_convert (const char *name, VipsImage *image, GError **error);

G_END_DECLS
