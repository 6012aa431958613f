#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

/**
 * SegOverlay:
 *
 * Draws classes over an image. The image's rows come earlier than their classes, by as many rows
 * as the network looks ahead, and wait here.
 */
typedef struct _SegOverlay SegOverlay;

SegOverlay   *seg_overlay_new      (SegModel *model, gint64 width);
void          seg_overlay_free     (SegOverlay *self);
guint8       *seg_overlay_add_row  (SegOverlay *self, GError **error);
gboolean     seg_overlay_is_empty (SegOverlay *self);
const guint8 *seg_overlay_take_row (SegOverlay *self, const guint8 *labels);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegOverlay, seg_overlay_free)

G_END_DECLS
