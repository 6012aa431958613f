#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegColourRows:
 *
 * Rows of the image that wait for their labels, which come later by as many rows as the network
 * looks ahead.
 */
typedef struct _SegColourRows SegColourRows;

SegColourRows *seg_colour_rows_new      (gint64 width);
void           seg_colour_rows_free     (SegColourRows *self);
guint8        *seg_colour_rows_add      (SegColourRows *self, GError **error);
gboolean       seg_colour_rows_is_empty (SegColourRows *self);
const guint8  *seg_colour_rows_take     (SegColourRows *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegColourRows, seg_colour_rows_free)

G_END_DECLS
