#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Why most files are left out. */
#define SEG_LEFT_OUT_FORMAT "not of a known image format (PNG, JPEG, TIFF, WebP or GIF)"

/* Files of a folder that somebody may take for images, and that are not read. */
typedef struct
{
  guint n;
  char *first; /* by name */
} SegLeftOut;

char *seg_image_name_dup_file    (const char *name);
char *seg_image_name_dup_options (const char *name);
gsize seg_image_name_get_stem_length (const char *name);

void  seg_left_out_add      (SegLeftOut *self, const char *folder, const char *name);
char *seg_left_out_dup_text (const SegLeftOut *self, const char *reason);
void  seg_left_out_clear    (SegLeftOut *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegLeftOut, seg_left_out_clear)

G_END_DECLS
