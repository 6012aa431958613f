#pragma once

#include <vips/vips.h>

G_BEGIN_DECLS

/* Metadata of an image whose last band libvips may take for alpha, and the file does not. */
#define SEG_IMAGE_FILE_UNTOLD "segkit-last-band-untold"

/**
 * SegImageMemory:
 * @in_order: bytes held of an image while it is read from top to bottom
 * @in_any_order: the same while it is read in any order
 * @unpacked: bytes in temporary files while it is read in any order
 */
typedef struct
{
  gsize in_order, in_any_order;
  guint64 unpacked;
} SegImageMemory;

VipsImage *seg_image_file_open (const char *path, gboolean random, SegImageMemory *memory,
                                GError **error);
VipsImage *seg_image_file_open_numbers (const char *path, GError **error);
gint       seg_image_file_get_orientation (const char *path);

G_END_DECLS
