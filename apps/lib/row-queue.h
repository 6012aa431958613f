#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegRowQueue:
 *
 * Rows of pixels on their way from one thread to another: bounded, in order.
 */
typedef struct _SegRowQueue SegRowQueue;

SegRowQueue *seg_row_queue_new   (gsize row_bytes, gsize n_rows, GError **error);
void         seg_row_queue_free  (SegRowQueue *self);
gboolean     seg_row_queue_push  (SegRowQueue *self, const guint8 *row);
gboolean     seg_row_queue_pop   (SegRowQueue *self, guint8 *row);
void         seg_row_queue_close (SegRowQueue *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegRowQueue, seg_row_queue_free)

G_END_DECLS
