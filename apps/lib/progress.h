#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegProgressKind:
 * @SEG_PROGRESS_NONE: say nothing
 * @SEG_PROGRESS_LINE: a line that is written over, if stderr is a terminal
 * @SEG_PROGRESS_JSON: one JSON object a line, on stderr, for a program to read
 */
typedef enum
{
  SEG_PROGRESS_NONE,
  SEG_PROGRESS_LINE,
  SEG_PROGRESS_JSON,
} SegProgressKind;

/**
 * SegProgress:
 *
 * How far the work on an image is.
 */
typedef struct _SegProgress SegProgress;

gboolean     seg_progress_parse_kind (const char *name, SegProgressKind *kind, GError **error);

SegProgress *seg_progress_new    (SegProgressKind kind, const char *image, guint number,
                                  guint n_images, gint64 width, gint64 height);
void         seg_progress_update (SegProgress *self, gint64 pixels);
void         seg_progress_free   (SegProgress *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegProgress, seg_progress_free)

G_END_DECLS
