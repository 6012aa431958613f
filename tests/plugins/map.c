#include "map.h"

#include <math.h>
#include <string.h>

#include <segkit/kernels.h>
#include <segkit/random.h>

/* Behind each row: nothing may be written there. An odd number, so that rows begin at every
 * alignment. */
#define GUARD 63

/* A NaN of our own: what was never written is told from every result, and poisons what reads it. */
static const guint32 guard_bits = 0x7fc0dead;

static gboolean
map_is_guard (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits == guard_bits;
}

/* Channels of the block that begins at @channel. */
gint32
map_blocks_get_channels (MapBlocks blocks, gint32 channel, gint64 n_channels)
{
  gint64 end = channel < blocks.joint ? MIN (blocks.joint, n_channels) : n_channels;

  return (gint32) MIN (blocks.lanes, end - channel);
}

guint
map_blocks_get_n (MapBlocks blocks, gint64 n_channels)
{
  guint n = 0;

  for (gint32 c = 0; c < n_channels; c += map_blocks_get_channels (blocks, c, n_channels))
    n++;
  return n;
}

Map *
map_new (const SegShape *shape, const SegRect *valid)
{
  return map_new_in_blocks (shape, valid, MAP_PLANAR);
}

/* All guard at first: what is never written, such as spare lanes, is NaN. */
Map *
map_new_in_blocks (const SegShape *shape, const SegRect *valid, MapBlocks blocks)
{
  Map *self = g_new0 (Map, 1);
  guint n_blocks = map_blocks_get_n (blocks, shape->c);
  gsize n_views = (gsize) (shape->n * MAX (valid->h, 0));
  gint32 channel = 0;

  self->pitch = (gsize) (MAX (valid->w, 0) * blocks.lanes) + GUARD;
  self->n_rows = n_views * n_blocks;
  self->n_floats = self->n_rows * self->pitch + GUARD;
  self->memory = g_new (float, self->n_floats);
  self->rows = g_new (float *, self->n_rows + 1);
  self->blocks = g_new0 (SegChannelBlock, n_blocks);
  for (gsize i = 0; i < self->n_floats; i++)
    memcpy (&self->memory[i], &guard_bits, sizeof guard_bits);
  for (gsize i = 0; i < self->n_rows; i++)
    self->rows[i] = self->memory + GUARD + i * self->pitch;
  for (guint b = 0; b < n_blocks; b++)
    {
      gint32 n = map_blocks_get_channels (blocks, channel, shape->c);

      self->blocks[b]
          = (SegChannelBlock){ self->rows + (gsize) b * n_views, channel, n, blocks.lanes };
      channel += n;
    }
  self->view = (SegView){ *shape, *valid, self->blocks, n_blocks };
  return self;
}

void
map_free (Map *self)
{
  g_free (self->memory);
  g_free (self->rows);
  g_free (self->blocks);
  g_free (self);
}

float
random_value (guint64 seed, guint64 element)
{
  float value;

  seg_random_uniform (seed, 1, element, 1, &value);
  return 2.f * value - 1.f;
}

/* Where channel @c of a pixel lies. */
static float *
map_find (const Map *self, gint64 c, gint64 n, gint64 y, gint64 x)
{
  guint b = 0;

  while (c >= self->blocks[b].channel + self->blocks[b].n_channels)
    b++;
  return seg_view_at (&self->view, b, n, y, x) + (c - self->blocks[b].channel);
}

Map *
map_new_random (const SegShape *shape, const SegRect *valid, guint64 seed)
{
  return map_new_random_in_blocks (shape, valid, MAP_PLANAR, seed);
}

/* A pixel has the same value whatever rectangle holds it, and however its channels lie. */
Map *
map_new_random_in_blocks (const SegShape *shape, const SegRect *valid, MapBlocks blocks,
                          guint64 seed)
{
  Map *self = map_new_in_blocks (shape, valid, blocks);
  g_autofree float *row = g_new (float, (gsize) MAX (valid->w, 1));

  for (guint c = 0; c < shape->c; c++)
    for (gint64 n = 0; n < shape->n; n++)
      for (gint64 y = valid->y; y < valid->y + valid->h; y++)
        {
          float *to = map_find (self, c, n, y, valid->x);

          seg_random_uniform (seed, 1,
                              (guint64) (((n * shape->c + c) * shape->h + y) * shape->w + valid->x),
                              (gsize) MAX (valid->w, 0), row);
          for (gint64 x = 0; x < valid->w; x++)
            to[x * blocks.lanes] = 2.f * row[x] - 1.f;
        }
  return self;
}

/* For maps held whole: their numbers one after the other, by channel, sample, row and column. */
gsize
map_get_n (const Map *self)
{
  const SegShape *shape = &self->view.shape;

  return (gsize) (shape->n * shape->c * self->view.valid.h * self->view.valid.w);
}

float *
map_at (const Map *self, gsize element)
{
  gint64 i = (gint64) element, w = self->view.valid.w, h = self->view.valid.h, n = self->view.shape.n;

  return map_find (self, i / (w * h * n), i / (w * h) % n, self->view.valid.y + i / w % h,
                   self->view.valid.x + i % w);
}

/* Inside @written of those channel blocks there is no guard left, outside nothing else. Spare lanes
 * may hold anything. */
void
map_assert_guards (const Map *self, const SegRect *written, guint block, guint n_blocks)
{
  const SegRect *valid = &self->view.valid;

  for (gsize i = 0; i < self->n_floats; i++)
    {
      gsize row = i < GUARD ? self->n_rows : (i - GUARD) / self->pitch;
      gsize b = row / (self->n_rows / self->view.n_blocks);
      gint64 lanes = self->blocks[0].lanes, at = (gint64) ((i - GUARD) % self->pitch);
      gint64 x = valid->x + at / lanes, y = valid->y + (gint64) (row % (gsize) valid->h);
      gboolean inside = row < self->n_rows && b >= block && b < block + n_blocks
                        && at < valid->w * lanes && x >= written->x && x < written->x + written->w
                        && y >= written->y && y < written->y + written->h;

      if (!inside || at % lanes < self->blocks[b].n_channels)
        g_assert_cmpint (map_is_guard (self->memory[i]), ==, !inside);
    }
}

/* The two may lie in different blocks. */
gboolean
map_equal_bits (const Map *whole, const Map *part, const SegRect *rect)
{
  gint32 step = whole->blocks[0].lanes, part_step = part->blocks[0].lanes;

  for (gint64 c = 0; c < part->view.shape.c; c++)
    for (gint64 n = 0; n < part->view.shape.n; n++)
      for (gint64 y = rect->y; y < rect->y + rect->h; y++)
        {
          const float *a = map_find (whole, c, n, y, rect->x);
          const float *b = map_find (part, c, n, y, rect->x);

          for (gint64 x = 0; x < rect->w; x++)
            if (memcmp (&a[x * step], &b[x * part_step], sizeof *a) != 0)
              return FALSE;
        }
  return TRUE;
}

/* The largest difference of two maps held whole, in units of the largest number. */
double
map_get_error (const Map *reference, const Map *map)
{
  const SegShape *shape = &reference->view.shape;
  double difference = 0., largest = 1e-30;

  for (gint64 c = 0; c < shape->c; c++)
    for (gint64 n = 0; n < shape->n; n++)
      for (gint64 y = 0; y < shape->h; y++)
        for (gint64 x = 0; x < shape->w; x++)
          {
            double a = (double) *map_find (reference, c, n, y, x);
            double b = (double) *map_find (map, c, n, y, x);

            if (isnan (a) || isnan (b))
              return isnan (a) && isnan (b) ? 0. : INFINITY;
            difference = MAX (difference, fabs (a - b));
            largest = MAX (largest, fabs (a));
          }
  return difference / largest;
}
