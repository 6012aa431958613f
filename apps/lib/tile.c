/* One tile of an image through a network: once or, for test-time augmentation, once in each
 * orientation, and then the mean of the logits.
 *
 * An orientation's tile is a tile of the image that was turned as a whole, and its logits are those
 * of the turned image at once, to the bit. They are added in the order of the orientations'
 * numbers. So the mean does not depend on the tiles, either. */
#include "orientation.h"
#include "tile.h"

typedef struct
{
  const SegTileRun *run;
  SegOrientation orientation;
  SegPlanes *sum; /* NULL: of nothing yet */
  SegRect tile;
} SegTileTurn;

static void
seg_tile_turn_clear (SegTileTurn *self)
{
  g_clear_pointer (&self->sum, seg_planes_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegTileTurn, seg_tile_turn_clear)

/* Readers and writers name their image themselves, and so must who makes room for them. */
static SegPlanes *
seg_tile_new_planes (const SegTileRun *run, const SegShape *shape, const SegRect *rect,
                     GError **error)
{
  SegPlanes *planes = seg_planes_new (shape, rect, error);

  if (planes == NULL && run->name != NULL)
    g_prefix_error (error, "%s: ", run->name);
  return planes;
}

static gboolean
seg_tile_read (const SegView *seen, gpointer data, GError **error)
{
  SegTileTurn *self = data;
  const SegTileRun *run = self->run;
  SegShape shape = { 1, seen->shape.c, run->height, run->width };
  SegRect rect = seg_orientation_turn_back (&self->orientation, &seen->valid);
  g_autoptr (SegPlanes) planes = NULL;

  if (self->orientation.number == 0)
    return run->read (seen, run->data, error);
  planes = seg_tile_new_planes (run, &shape, &rect, error);
  if (planes == NULL || !run->read (seg_planes_get_view (planes), run->data, error))
    return FALSE;
  seg_orientation_copy (&self->orientation, planes, seen);
  return TRUE;
}

static gboolean
seg_tile_add (const SegView *logits, gpointer data, GError **error)
{
  SegTileTurn *self = data;
  SegShape shape = { 1, logits->shape.c, self->run->height, self->run->width };

  if (self->sum != NULL)
    {
      seg_orientation_add (&self->orientation, logits, self->sum);
      return TRUE;
    }
  self->sum = seg_tile_new_planes (self->run, &shape, &self->tile, error);
  if (self->sum == NULL)
    return FALSE;
  seg_planes_copy (self->sum, logits);
  return TRUE;
}

/* Shares that add up to all pixels. */
static void
seg_tile_count (SegTileRun *self, guint number, gint64 n_pixels)
{
  guint n = seg_tta_get_n_orientations (self->tta);

  if (self->count != NULL)
    self->count (n_pixels * (number + 1) / n - n_pixels * number / n, self->data);
}

static gboolean
seg_tile_run_seen (SegTileRun *self, const SegOrientation *orientation, const SegRect *tile,
                   SegRowsFunc read, SegRowsFunc write, gpointer data, GCancellable *cancellable,
                   GError **error)
{
  SegRect seen = seg_orientation_turn (orientation, tile);
  g_autoptr (SegWorkspace) workspace =
      seg_workspace_cache_new_tile (self->cache, seg_orientation_get_height (orientation),
                                    seg_orientation_get_width (orientation), &seen, error);

  if (workspace == NULL)
    {
      if (self->name != NULL)
        g_prefix_error (error, "%s: ", self->name);
      return FALSE;
    }
  if (!seg_profile_run (self->profile, workspace, read, write, data, &self->multiply_adds,
                        cancellable, error))
    return FALSE;
  seg_tile_count (self, orientation->number, tile->w * tile->h);
  return TRUE;
}

/* The number of orientations is a power of two, so that dividing by it rounds nothing. */
static void
seg_tile_divide (SegPlanes *sum, guint n)
{
  const SegView *view = seg_planes_get_view (sum);
  gint64 n_samples = view->shape.c * view->valid.w * view->valid.h;
  float *samples = seg_planes_at (sum, 0, view->valid.y, view->valid.x);

  for (gint64 i = 0; i < n_samples; i++)
    samples[i] /= (float) n;
}

/**
 * seg_tile_run:
 * @self: how
 * @tile: a rectangle of the image
 * @cancellable: stops it
 * @error: return location
 *
 * Computes a tile and gives its logits to @write, once.
 * Errors: those of making room, with the name before them, and of @read and @write;
 * `G_IO_ERROR_CANCELLED`.
 */
gboolean
seg_tile_run (SegTileRun *self, const SegRect *tile, GCancellable *cancellable, GError **error)
{
  guint n = seg_tta_get_n_orientations (self->tta);
  g_auto (SegTileTurn)
      turn = { .run = self, .orientation = { 0, self->height, self->width }, .tile = *tile };

  if (n == 1)
    return seg_tile_run_seen (self, &turn.orientation, tile, self->read, self->write, self->data,
                              cancellable, error);
  for (; turn.orientation.number < n; turn.orientation.number++)
    if (!seg_tile_run_seen (self, &turn.orientation, tile, seg_tile_read, seg_tile_add, &turn,
                            cancellable, error))
      return FALSE;
  seg_tile_divide (turn.sum, n);
  return self->write (seg_planes_get_view (turn.sum), self->data, error);
}
