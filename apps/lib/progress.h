#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegProgress:
 *
 * A line on the terminal that says how far the work is.
 */
typedef struct _SegProgress SegProgress;

SegProgress *seg_progress_new    (gint64 width, gint64 height);
void         seg_progress_update (SegProgress *self, gint64 pixels);
void         seg_progress_free   (SegProgress *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegProgress, seg_progress_free)

G_END_DECLS
