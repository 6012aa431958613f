#pragma once

#include "image-file.h"

G_BEGIN_DECLS

char      *seg_image_group_dup_stem (const char *image, const char *const *suffixes);
char     **seg_image_group_find     (const char *image, const char *const *suffixes,
                                     GError **error);
VipsImage *seg_image_group_open     (const char *const *files, gboolean random,
                                     SegImageMemory *memory, GError **error);

G_END_DECLS
