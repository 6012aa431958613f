#include "winograd-tiles.h"

#include <math.h>

/* While so many tiles are transformed, as many of the next block are called for: of each row a run
 * of tiles reads a few KB, too little for the processor to see by itself what comes next. */
#define SEG_WINOGRAD_CALLED_TILES 4

#define SEG_WINOGRAD_LINE_FLOATS 16

/* How many tiles from the left of a run of @n, whose first window begins at @x, are not wholly
 * inside [@begin, @end), then how many are: a window is @size pixels long. */
void
seg_winograd_split_run (gint64 x, gint64 n, gint64 tile, gint64 size, gint64 begin, gint64 end,
                        gint64 *left, gint64 *inside)
{
  gint64 first = -seg_floor_div (x - begin, tile); /* with x + i·tile ≥ begin */
  gint64 past = seg_floor_div (end - size - x, tile) + 1;

  *left = CLAMP (first, 0, n);
  *inside = CLAMP (past, *left, n) - *left;
}

/* How many tiles from @t on are worked on together that are not inside. */
gint64
seg_winograd_count_border_tiles (gint64 t, gint64 n, gint64 left, gint64 inside)
{
  gint64 end = t < left && inside > 0 ? left : n;

  return MIN (end - t, SEG_WINOGRAD_BORDER_TILES);
}

static void
seg_winograd_tiles_transform (const SegWinogradTiles *self, const float *const *rows, gint64 n,
                              const SegKernelPrologue *prologue, float *v)
{
  const SegKernels *kernels = self->kernels;

  if (self->adjoint)
    (self->tile == 4 ? kernels->winograd4_adjoint : kernels->winograd2_adjoint) (
        rows, (gsize) n, v, self->plane);
  else
    (self->tile == 4 ? kernels->winograd4_input : kernels->winograd2_input) (
        rows, (gsize) n, prologue, v, self->plane);
}

/* Up to SEG_WINOGRAD_BORDER_TILES that reach over the border: their windows are copied, with zeros
 * around the map. */
static void
seg_winograd_tiles_load_border (const SegWinogradTiles *self, const SegView *in, guint block,
                                gint64 sample, gint64 y, gint64 x, gint64 n, float *v)
{
  const SegRect *valid = &self->valid;
  gint64 lanes = self->kernels->lanes, width = (n - 1) * self->tile + self->window;
  gint64 left = CLAMP (valid->x - x, 0, width);
  gint64 right = CLAMP (valid->x + valid->w - x, left, width);
  const float *rows[SEG_WINOGRAD_MAX_WINDOW];

  for (gint64 r = 0; r < self->window; r++)
    {
      float *row = self->border + r * width * lanes, *inside = row + left * lanes;
      const float *from;
      gboolean exists = y + r >= valid->y && y + r < valid->y + valid->h && left < right;

      rows[r] = row;
      if (!exists)
        {
          memset (row, 0, (gsize) (width * lanes) * sizeof *row);
          continue;
        }
      memset (row, 0, (gsize) (left * lanes) * sizeof *row);
      memset (row + right * lanes, 0, (gsize) ((width - right) * lanes) * sizeof *row);
      from = seg_view_at (in, block, sample, y + r, x + left);
      if (self->prologue.scale != NULL)
        {
          SegKernelPrologue prologue
              = seg_conv_prologue_at (&self->prologue, in->blocks[block].channel);
          self->kernels->prologue ((gsize) (right - left), from, &prologue, inside);
        }
      else
        memcpy (inside, from, (gsize) ((right - left) * lanes) * sizeof *row);
    }
  seg_winograd_tiles_transform (self, rows, n, NULL, v);
}

/* Calls for the rows of @n tiles into the second level of the cache. */
static void
seg_winograd_tiles_call (const SegWinogradTiles *self, const SegView *in, guint block,
                         gint64 sample, gint64 y, gint64 x, gint64 n)
{
  gint64 n_floats = n * self->tile * self->kernels->lanes;

  for (gint64 r = 0; r < self->window; r++)
    {
      const float *row = seg_view_at (in, block, sample, y + r, x);

      for (gint64 i = 0; i < n_floats; i += SEG_WINOGRAD_LINE_FLOATS)
        __builtin_prefetch (row + i, 0, 2);
    }
}

/* Tiles whose windows lie inside the map. */
static void
seg_winograd_tiles_load_inside (const SegWinogradTiles *self, const SegView *in, guint block,
                                gint64 sample, gint64 y, gint64 x, gint64 n, float *v)
{
  SegKernelPrologue prologue = { NULL, NULL, -INFINITY, INFINITY };
  gint64 at_once = self->next > 0 ? SEG_WINOGRAD_CALLED_TILES : n;
  const float *rows[SEG_WINOGRAD_MAX_WINDOW];

  if (self->prologue.scale != NULL)
    prologue = seg_conv_prologue_at (&self->prologue, in->blocks[block].channel);
  for (gint64 t = 0; t < n; t += at_once)
    {
      gint64 count = MIN (at_once, n - t), column = x + t * self->tile;

      if (self->next > 0)
        seg_winograd_tiles_call (self, in, self->next, sample, y, column, count);
      for (gint64 r = 0; r < self->window; r++)
        rows[r] = seg_view_at (in, block, sample, y + r, column);
      seg_winograd_tiles_transform (self, rows, count, prologue.scale != NULL ? &prologue : NULL,
                                    v + t * self->kernels->lanes);
    }
}

/**
 * seg_winograd_tiles_load: (skip)
 * @y: row where the first window begins; it may lie outside, as all may
 * @x: its column
 * @n: tiles side by side
 * @v: where the first goes
 *
 * Transforms a run of tiles of one block of channels.
 */
void
seg_winograd_tiles_load (const SegWinogradTiles *self, const SegView *in, guint block,
                         gint64 sample, gint64 y, gint64 x, gint64 n, float *v)
{
  const SegRect *valid = &self->valid;
  gint64 lanes = self->kernels->lanes, left, inside;

  seg_winograd_split_run (x, n, self->tile, self->window, valid->x, valid->x + valid->w, &left,
                          &inside);
  if (y < valid->y || y + self->window > valid->y + valid->h)
    left = n, inside = 0;

  for (gint64 t = 0, count; t < n; t += count)
    {
      count = seg_winograd_count_border_tiles (t, n, left, inside);
      if (t == left && inside > 0)
        count = inside;
      else
        seg_winograd_tiles_load_border (self, in, block, sample, y, x + t * self->tile, count,
                                        v + t * lanes);
    }
  if (inside > 0)
    seg_winograd_tiles_load_inside (self, in, block, sample, y, x + left * self->tile, inside,
                                    v + left * lanes);
}
