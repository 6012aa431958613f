/* Maps as PyTorch keeps them: nothing interleaved, nothing in rings. */
#include <segkit/memory.h>

#include "planes.h"

struct _SegPlanes
{
  float *samples, *own; /* the same, or somebody else's and NULL */
  float **rows;
  SegChannelBlock *blocks;
  SegView view;
};

/* The engine's view is made of pointers to rows. */
static gboolean
seg_planes_point (SegPlanes *self, GError **error)
{
  const SegRect *valid = &self->view.valid;
  gsize n_planes = self->view.n_blocks, n_rows = n_planes * (gsize) valid->h;

  self->rows = seg_alloc (n_rows, sizeof *self->rows, "pointers to rows", error);
  if (self->rows == NULL)
    return FALSE;
  for (gsize i = 0; i < n_rows; i++)
    self->rows[i] = self->samples + i * (gsize) valid->w;
  self->blocks = seg_alloc (n_planes, sizeof *self->blocks, "channel blocks", error);
  if (self->blocks == NULL)
    return FALSE;
  for (gsize c = 0; c < n_planes; c++)
    self->blocks[c] = (SegChannelBlock){
      .rows = self->rows + c * (gsize) valid->h, .channel = (gint32) c, .n_channels = 1, .lanes = 1
    };
  self->view.blocks = self->blocks;
  return TRUE;
}

/**
 * seg_planes_new_over:
 * @samples: (transfer none): rect->w × rect->h of each channel, which must outlive the planes
 * @shape: of the whole map; one of a batch
 * @rect: the part of it that is in memory
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
SegPlanes *
seg_planes_new_over (float *samples, const SegShape *shape, const SegRect *rect, GError **error)
{
  g_autoptr (SegPlanes) self = g_new0 (SegPlanes, 1);

  self->samples = samples;
  self->view = (SegView){ .shape = *shape, .valid = *rect, .n_blocks = (guint) shape->c };
  return seg_planes_point (self, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_planes_new:
 * @shape: of the whole map; one of a batch
 * @rect: the part of it that is to be in memory
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): planes of anything
 */
SegPlanes *
seg_planes_new (const SegShape *shape, const SegRect *rect, GError **error)
{
  gsize pixel_bytes = (gsize) shape->c * sizeof (float);
  float *samples = seg_alloc ((gsize) (rect->w * rect->h), pixel_bytes, "planes", error);
  SegPlanes *self = samples != NULL ? seg_planes_new_over (samples, shape, rect, error) : NULL;

  if (self == NULL)
    {
      seg_free (samples);
      return NULL;
    }
  self->own = samples;
  return self;
}

/**
 * seg_planes_free:
 * @self: planes
 */
void
seg_planes_free (SegPlanes *self)
{
  seg_free (self->blocks);
  seg_free (self->rows);
  seg_free (self->own);
  g_free (self);
}

const SegView *
seg_planes_get_view (SegPlanes *self)
{
  return &self->view;
}

/**
 * seg_planes_at:
 * @self: planes
 * @channel: which plane
 * @y: row of the map, inside the rectangle
 * @x: column of the map, inside the rectangle
 *
 * Returns: (transfer none): the sample there; those right of it follow
 */
float *
seg_planes_at (SegPlanes *self, gint64 channel, gint64 y, gint64 x)
{
  return seg_view_at (&self->view, (guint) channel, 0, y, x);
}

/**
 * seg_planes_copy:
 * @self: planes
 * @view: the same map, of which the planes have view->valid
 *
 * Takes over what a view has.
 */
void
seg_planes_copy (SegPlanes *self, const SegView *view)
{
  const SegRect *r = &view->valid;

  for (guint b = 0; b < view->n_blocks; b++)
    for (gint32 lane = 0; lane < view->blocks[b].n_channels; lane++)
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          gint32 lanes = view->blocks[b].lanes;
          const float *from = seg_view_at (view, b, 0, y, r->x) + lane;
          float *to = seg_planes_at (self, view->blocks[b].channel + lane, y, r->x);

          for (gint64 x = 0; x < r->w; x++)
            to[x] = from[x * lanes];
        }
}
