#include "map.h"

#include <string.h>

#include <segkit/kernels.h>
#include <segkit/random.h>

/* Behind each row: kernels may read so far, and must not write there. An odd number, so that
 * rows begin at every alignment. */
#define GUARD (SEG_KERNEL_MAX_PIXELS + 15)

/* A NaN of our own: what was never written is told from every result, and poisons what reads it. */
static const guint32 guard_bits = 0x7fc0dead;

static gboolean
map_is_guard (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return bits == guard_bits;
}

/* All guard at first. */
Map *
map_new (const SegShape *shape, const SegRect *valid)
{
  Map *self = g_new0 (Map, 1);
  gsize pitch = (gsize) MAX (valid->w, 0) + GUARD;
  gsize n_views = (gsize) (shape->n * MAX (valid->h, 0));

  self->n_rows = n_views * (gsize) shape->c;
  self->n_floats = self->n_rows * pitch + GUARD;
  self->memory = g_new (float, self->n_floats);
  self->rows = g_new (float *, self->n_rows + 1);
  self->blocks = g_new0 (SegChannelBlock, (gsize) shape->c);
  for (gsize i = 0; i < self->n_floats; i++)
    memcpy (&self->memory[i], &guard_bits, sizeof guard_bits);
  for (gsize i = 0; i < self->n_rows; i++)
    self->rows[i] = self->memory + GUARD + i * pitch;
  for (gint32 c = 0; c < shape->c; c++)
    self->blocks[c] = (SegChannelBlock){ self->rows + (gsize) c * n_views, c, 1, 1 };
  self->view = (SegView){ *shape, *valid, self->blocks, (guint) shape->c };
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

/* A pixel has the same value whatever rectangle holds it. */
Map *
map_new_random (const SegShape *shape, const SegRect *valid, guint64 seed)
{
  Map *self = map_new (shape, valid);

  for (guint c = 0; c < shape->c; c++)
    for (gint64 n = 0; n < shape->n; n++)
      for (gint64 y = valid->y; y < valid->y + valid->h; y++)
        {
          float *row = seg_view_at (&self->view, c, n, y, valid->x);

          seg_random_uniform (seed, 1,
                              (guint64) (((n * shape->c + c) * shape->h + y) * shape->w + valid->x),
                              (gsize) MAX (valid->w, 0), row);
          for (gint64 x = 0; x < valid->w; x++)
            row[x] = 2.f * row[x] - 1.f;
        }
  return self;
}

/* For maps held whole: their numbers one after the other. */
gsize
map_get_n (const Map *self)
{
  return self->n_rows * (gsize) self->view.valid.w;
}

float *
map_at (const Map *self, gsize element)
{
  gsize width = (gsize) self->view.valid.w;

  return self->rows[element / width] + element % width;
}

/* Inside @written of those channel blocks there is no guard left, outside nothing else. */
void
map_assert_guards (const Map *self, const SegRect *written, guint block, guint n_blocks)
{
  const SegRect *valid = &self->view.valid;
  gsize pitch = (gsize) valid->w + GUARD;

  for (gsize i = 0; i < self->n_floats; i++)
    {
      gsize row = i < GUARD ? self->n_rows : (i - GUARD) / pitch;
      gsize b = row / (self->n_rows / self->view.n_blocks);
      gint64 x = valid->x + (gint64) ((i - GUARD) % pitch);
      gint64 y = valid->y + (gint64) (row % (gsize) valid->h);
      gboolean inside = b >= block && b < block + n_blocks && x >= written->x
                        && x < written->x + written->w && y >= written->y
                        && y < written->y + written->h;

      g_assert_cmpint (map_is_guard (self->memory[i]), ==, !inside);
    }
}

gboolean
map_equal_bits (const Map *whole, const Map *part, const SegRect *rect)
{
  for (guint c = 0; c < part->view.n_blocks; c++)
    for (gint64 n = 0; n < part->view.shape.n; n++)
      for (gint64 y = rect->y; y < rect->y + rect->h; y++)
        if (memcmp (seg_view_at (&whole->view, c, n, y, rect->x),
                    seg_view_at (&part->view, c, n, y, rect->x), (gsize) rect->w * sizeof (float))
            != 0)
          return FALSE;
  return TRUE;
}
