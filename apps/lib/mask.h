#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Set in the code of a pixel that is a colour, 0xrrggbb below; otherwise a code is a number of 16
 * bits. */
#define SEG_MASK_COLOUR (1u << 24)

/**
 * SegMask:
 * @codes: (array): h·w numbers or colours
 * @w: columns
 * @h: rows
 * @is_colour: whether the file has a colour for each pixel, and no number
 * @depth: bits of a number
 * @n_palette: colours that the file gives its numbers; 0: it gives none
 * @palette: (array): red, green and blue of each
 *
 * A file that says something of each pixel: its class, or the object that it belongs to.
 */
typedef struct
{
  guint32 *codes;
  gint64 w, h;
  gboolean is_colour;
  guint depth;
  guint n_palette;
  guint8 palette[256][3];
} SegMask;

/**
 * SegMaskValue:
 * @code: as in #SegMask
 * @count: pixels that have it
 * @first: the first of them, counted row by row
 */
typedef struct
{
  guint32 code;
  guint64 count;
  gint64 first;
} SegMaskValue;

gboolean seg_mask_read      (SegMask *self, const char *path, GError **error);
void     seg_mask_clear     (SegMask *self);
void     seg_mask_colour    (SegMask *self);
void     seg_mask_threshold (SegMask *self, guint threshold);
GArray  *seg_mask_count     (const SegMask *self);
gint     seg_mask_value_compare (gconstpointer a, gconstpointer b);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegMask, seg_mask_clear)

G_END_DECLS
