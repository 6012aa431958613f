/* An image mirrored or turned, as a network is to see it, and its results turned back.
 *
 * Number n mirrors columns if n has bit 0, then rows if it has bit 1, and then exchanges rows and
 * columns if it has bit 2. Nothing is interpolated. */
#include "orientation.h"

#define SEG_ORIENTATION_MIRROR_X 1
#define SEG_ORIENTATION_MIRROR_Y 2
#define SEG_ORIENTATION_TRANSPOSE 4

/**
 * seg_orientation_get_height:
 * @self: an orientation
 *
 * Returns: rows of the image as it is seen
 */
gint64
seg_orientation_get_height (const SegOrientation *self)
{
  return self->number & SEG_ORIENTATION_TRANSPOSE ? self->width : self->height;
}

/**
 * seg_orientation_get_width:
 * @self: an orientation
 *
 * Returns: columns of the image as it is seen
 */
gint64
seg_orientation_get_width (const SegOrientation *self)
{
  return self->number & SEG_ORIENTATION_TRANSPOSE ? self->height : self->width;
}

static SegRect
seg_orientation_mirror (const SegOrientation *self, const SegRect *rect)
{
  SegRect mirrored = *rect;

  if (self->number & SEG_ORIENTATION_MIRROR_X)
    mirrored.x = self->width - rect->x - rect->w;
  if (self->number & SEG_ORIENTATION_MIRROR_Y)
    mirrored.y = self->height - rect->y - rect->h;
  return mirrored;
}

static SegRect
seg_orientation_exchange (const SegOrientation *self, const SegRect *rect)
{
  if (self->number & SEG_ORIENTATION_TRANSPOSE)
    return (SegRect){ rect->y, rect->x, rect->h, rect->w };
  return *rect;
}

/**
 * seg_orientation_turn:
 * @self: an orientation
 * @rect: of the image as it is
 *
 * Returns: the same pixels, as they are seen
 */
SegRect
seg_orientation_turn (const SegOrientation *self, const SegRect *rect)
{
  SegRect mirrored = seg_orientation_mirror (self, rect);

  return seg_orientation_exchange (self, &mirrored);
}

/**
 * seg_orientation_turn_back:
 * @self: an orientation
 * @rect: of the image as it is seen
 *
 * Returns: the same pixels, as they are
 */
SegRect
seg_orientation_turn_back (const SegOrientation *self, const SegRect *rect)
{
  SegRect exchanged = seg_orientation_exchange (self, rect);

  return seg_orientation_mirror (self, &exchanged);
}

/* The sample of row @y's first pixel as it is seen; @step leads to that of the next. */
static float *
seg_orientation_find (const SegOrientation *self, SegPlanes *planes, gint64 channel,
                      const SegRect *seen, gint64 y, gint64 *step)
{
  SegRect first = { seen->x, y, 1, 1 };
  SegRect at = seg_orientation_turn_back (self, &first);

  if (self->number & SEG_ORIENTATION_TRANSPOSE)
    *step =
        (self->number & SEG_ORIENTATION_MIRROR_Y ? -1 : 1) * seg_planes_get_view (planes)->valid.w;
  else
    *step = self->number & SEG_ORIENTATION_MIRROR_X ? -1 : 1;
  return seg_planes_at (planes, channel, at.y, at.x);
}

/**
 * seg_orientation_copy:
 * @self: an orientation
 * @from: the image as it is; it has all pixels that are seen
 * @seen: a view of the image as it is seen, which gets them
 *
 * Fills what a network wants to see.
 */
void
seg_orientation_copy (const SegOrientation *self, SegPlanes *from, const SegView *seen)
{
  const SegRect *r = &seen->valid;

  for (guint b = 0; b < seen->n_blocks; b++)
    for (gint32 lane = 0; lane < seen->blocks[b].n_channels; lane++)
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          gint64 step, lanes = seen->blocks[b].lanes;
          const float *samples =
              seg_orientation_find (self, from, seen->blocks[b].channel + lane, r, y, &step);
          float *to = seg_view_at (seen, b, 0, y, r->x) + lane;

          for (gint64 x = 0; x < r->w; x++)
            to[x * lanes] = samples[x * step];
        }
}

/**
 * seg_orientation_add:
 * @self: an orientation
 * @seen: what a network gave of the image as it is seen
 * @to: of the image as it is; it has all pixels that are seen
 *
 * Adds what a network gave, turned back.
 */
void
seg_orientation_add (const SegOrientation *self, const SegView *seen, SegPlanes *to)
{
  const SegRect *r = &seen->valid;

  for (guint b = 0; b < seen->n_blocks; b++)
    for (gint32 lane = 0; lane < seen->blocks[b].n_channels; lane++)
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          gint64 step, lanes = seen->blocks[b].lanes;
          float *samples =
              seg_orientation_find (self, to, seen->blocks[b].channel + lane, r, y, &step);
          const float *from = seg_view_at (seen, b, 0, y, r->x) + lane;

          for (gint64 x = 0; x < r->w; x++)
            samples[x * step] += from[x * lanes];
        }
}
