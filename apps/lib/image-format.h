#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegImageFormat:
 * @name: as people say it
 * @loader: the operation of libvips that reads it
 * @options: those of its options that say which image of the file is meant
 */
typedef struct
{
  const char *name, *loader;
  const char *options[3];
} SegImageFormat;

const SegImageFormat *seg_image_format_detect (const char *path, GError **error);

G_END_DECLS
