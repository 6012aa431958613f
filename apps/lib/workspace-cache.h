#pragma once

#include <gio/gio.h>

#include <segkit/plan.h>
#include <segkit/pool.h>
#include <segkit/workspace.h>

G_BEGIN_DECLS

/**
 * SegWorkspaceCache:
 *
 * Where images run through a network: the memory of the last one, if it ran by bands, is kept for
 * the next of its size.
 */
typedef struct _SegWorkspaceCache SegWorkspaceCache;

SegWorkspaceCache *seg_workspace_cache_new       (SegPlan *plan, SegPool *pool);
void               seg_workspace_cache_free      (SegWorkspaceCache *self);
void               seg_workspace_cache_clear     (SegWorkspaceCache *self);
gsize              seg_workspace_cache_keep_only (SegWorkspaceCache *self, gint64 height,
                                                  gint64 width, gint64 band_rows);
gsize              seg_workspace_cache_get_bytes (SegWorkspaceCache *self);
SegWorkspace      *seg_workspace_cache_get_bands (SegWorkspaceCache *self, gint64 height,
                                                  gint64 width, gint64 band_rows, GError **error);
SegWorkspace      *seg_workspace_cache_new_tile  (SegWorkspaceCache *self, gint64 height,
                                                  gint64 width, const SegRect *tile,
                                                  GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegWorkspaceCache, seg_workspace_cache_free)

G_END_DECLS
