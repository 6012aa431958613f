#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegModelHash:
 *
 * The SHA-256 of a model, found by a thread of its own while the model is loaded.
 */
typedef struct _SegModelHash SegModelHash;

SegModelHash *seg_model_hash_new  (const char *path);
void          seg_model_hash_free (SegModelHash *self);
const char   *seg_model_hash_get  (SegModelHash *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegModelHash, seg_model_hash_free)

G_END_DECLS
