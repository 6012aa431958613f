/* Images of one size that follow each other run in the same memory: of many small images, each
 * would otherwise take about as long to find memory for as to run. */
#include <segkit/schedule.h>

#include "workspace-cache.h"

struct _SegWorkspaceCache
{
  SegPlan *plan;
  SegPool *pool;                   /* the caller's */
  gint64 height, width, band_rows; /* of what is kept */
  gsize bytes;
  SegWorkspace *workspace; /* NULL: nothing is kept */
};

/**
 * seg_workspace_cache_new:
 * @plan: for inference
 * @pool: (transfer none): threads, which must outlive the cache
 *
 * Threads: one at a time.
 */
SegWorkspaceCache *
seg_workspace_cache_new (SegPlan *plan, SegPool *pool)
{
  SegWorkspaceCache *self = g_new0 (SegWorkspaceCache, 1);

  self->plan = g_object_ref (plan);
  self->pool = pool;
  return self;
}

/**
 * seg_workspace_cache_free:
 * @self: a cache
 */
void
seg_workspace_cache_free (SegWorkspaceCache *self)
{
  seg_workspace_cache_clear (self);
  g_object_unref (self->plan);
  g_free (self);
}

/**
 * seg_workspace_cache_clear:
 * @self: a cache
 *
 * Gives up what is kept: after a run that failed, of which nobody knows how much memory it has
 * touched.
 */
void
seg_workspace_cache_clear (SegWorkspaceCache *self)
{
  g_clear_object (&self->workspace);
  self->bytes = 0;
}

static gboolean
seg_workspace_cache_fits (SegWorkspaceCache *self, gint64 height, gint64 width, gint64 band_rows)
{
  return self->workspace != NULL && self->height == height && self->width == width
         && (band_rows == 0 || self->band_rows == band_rows);
}

/**
 * seg_workspace_cache_keep_only:
 * @self: a cache
 * @height: of the next image
 * @width: of the next image
 * @band_rows: of its bands; 0: not known yet; -1: it has none
 *
 * Gives up what that image could not use.
 *
 * Returns: bytes that are kept, of maps and scratch
 */
gsize
seg_workspace_cache_keep_only (SegWorkspaceCache *self, gint64 height, gint64 width,
                               gint64 band_rows)
{
  if (!seg_workspace_cache_fits (self, height, width, band_rows))
    seg_workspace_cache_clear (self);
  return self->bytes;
}

/**
 * seg_workspace_cache_get_bytes:
 * @self: a cache
 *
 * Returns: bytes that are kept, of maps and scratch
 */
gsize
seg_workspace_cache_get_bytes (SegWorkspaceCache *self)
{
  return self->bytes;
}

/**
 * seg_workspace_cache_get_bands:
 * @self: a cache
 * @height: of an image
 * @width: of the image
 * @band_rows: of a band, at most @height
 * @error: return location
 *
 * Gives what the image runs in: what is kept if it fits, and else a new one, which is kept then.
 * Errors: those of seg_schedule_new_bands() and seg_workspace_new(); nothing is kept then.
 *
 * Returns: (transfer none): a workspace, until the next call
 */
SegWorkspace *
seg_workspace_cache_get_bands (SegWorkspaceCache *self, gint64 height, gint64 width,
                               gint64 band_rows, GError **error)
{
  g_autoptr (SegSchedule) schedule = NULL;

  if (seg_workspace_cache_fits (self, height, width, band_rows))
    return self->workspace;
  seg_workspace_cache_clear (self);
  schedule = seg_schedule_new_bands (self->plan, height, width, band_rows, error);
  if (schedule != NULL)
    self->workspace = seg_workspace_new (schedule, self->pool, error);
  if (self->workspace == NULL)
    return NULL;
  self->height = height;
  self->width = width;
  self->band_rows = band_rows;
  self->bytes = seg_schedule_get_workspace_bytes (schedule, seg_pool_get_n_threads (self->pool));
  return self->workspace;
}

/**
 * seg_workspace_cache_new_tile:
 * @self: a cache
 * @height: of an image
 * @width: of the image
 * @tile: a rectangle of it
 * @error: return location
 *
 * Makes what a tile runs in, and keeps nothing.
 * Errors: those of seg_schedule_new_region() and seg_workspace_new().
 *
 * Returns: (transfer full): a workspace
 */
SegWorkspace *
seg_workspace_cache_new_tile (SegWorkspaceCache *self, gint64 height, gint64 width,
                              const SegRect *tile, GError **error)
{
  g_autoptr (SegSchedule) schedule = NULL;

  seg_workspace_cache_clear (self);
  schedule = seg_schedule_new_region (self->plan, 1, height, width, tile, error);
  return schedule != NULL ? seg_workspace_new (schedule, self->pool, error) : NULL;
}
