#include <string.h>

#include <segkit/memory.h>

#include "colour-rows.h"

struct _SegColourRows
{
  gsize row_bytes;
  guint8 *rows; /* ring */
  gsize first, n, n_rows;
};

/**
 * seg_colour_rows_new:
 * @width: of the image
 */
SegColourRows *
seg_colour_rows_new (gint64 width)
{
  SegColourRows *self = g_new0 (SegColourRows, 1);

  self->row_bytes = 3 * (gsize) width;
  return self;
}

/**
 * seg_colour_rows_free:
 * @self: rows
 */
void
seg_colour_rows_free (SegColourRows *self)
{
  seg_free (self->rows);
  g_free (self);
}

static guint8 *
seg_colour_rows_get (SegColourRows *self, gsize i)
{
  return self->rows + (self->first + i) % self->n_rows * self->row_bytes;
}

/* How far a network looks ahead is its own affair: the ring grows until it is enough, which is
 * soon, and then stays as it is. */
static gboolean
seg_colour_rows_grow (SegColourRows *self, GError **error)
{
  gsize n_rows = MAX (2 * self->n_rows, 32);
  guint8 *rows = seg_alloc (n_rows, self->row_bytes, "rows of the picture", error);

  if (rows == NULL)
    return FALSE;
  for (gsize i = 0; i < self->n; i++)
    memcpy (rows + i * self->row_bytes, seg_colour_rows_get (self, i), self->row_bytes);
  seg_free (self->rows);
  self->rows = rows;
  self->n_rows = n_rows;
  self->first = 0;
  return TRUE;
}

/**
 * seg_colour_rows_add:
 * @self: rows
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer none): where to write red, green and blue of the image's next row
 */
guint8 *
seg_colour_rows_add (SegColourRows *self, GError **error)
{
  if (self->n == self->n_rows && !seg_colour_rows_grow (self, error))
    return NULL;
  return seg_colour_rows_get (self, self->n++);
}

gboolean
seg_colour_rows_is_empty (SegColourRows *self)
{
  return self->n == 0;
}

/**
 * seg_colour_rows_take:
 * @self: rows
 *
 * Returns: (transfer none): the oldest row that waits, until the next call
 */
const guint8 *
seg_colour_rows_take (SegColourRows *self)
{
  const guint8 *row;

  g_return_val_if_fail (self->n > 0, NULL);

  row = seg_colour_rows_get (self, 0);
  self->first = (self->first + 1) % self->n_rows;
  self->n--;
  return row;
}
