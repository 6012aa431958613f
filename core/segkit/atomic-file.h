#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegAtomicFile:
 *
 * A file being written under a temporary name beside its final one. Under the final name
 * there is always either nothing, or the old file, or the whole new one.
 */
typedef struct _SegAtomicFile SegAtomicFile;

SegAtomicFile *seg_atomic_file_new       (const char *path, GError **error);
const char    *seg_atomic_file_get_path  (SegAtomicFile *self);
int            seg_atomic_file_get_fd    (SegAtomicFile *self);
gboolean       seg_atomic_file_write     (SegAtomicFile *self, gconstpointer data, gsize n_bytes,
                                          GError **error);
gboolean       seg_atomic_file_commit    (SegAtomicFile *self, GError **error);
void           seg_atomic_file_free      (SegAtomicFile *self);
void           seg_atomic_file_abort_all (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegAtomicFile, seg_atomic_file_free)

G_END_DECLS
