#include <string.h>

#include <segkit/memory.h>

#include "overlay.h"

struct _SegOverlay
{
  gint64 width;
  guint8 colours[256][3]; /* by label */
  guint8 *rows;           /* ring of the rows that wait */
  gsize first, n, n_rows;
};

/**
 * seg_overlay_new:
 * @model: has the colours of its classes
 * @width: of the image
 */
SegOverlay *
seg_overlay_new (SegModel *model, gint64 width)
{
  SegOverlay *self = g_new0 (SegOverlay, 1);

  self->width = width;
  for (guint i = 0; i < MIN (seg_model_get_n_classes (model), G_N_ELEMENTS (self->colours)); i++)
    {
      const SegClass *class = seg_model_get_class (model, i);

      self->colours[i][0] = class->red;
      self->colours[i][1] = class->green;
      self->colours[i][2] = class->blue;
    }
  return self;
}

/**
 * seg_overlay_free:
 * @self: an overlay
 */
void
seg_overlay_free (SegOverlay *self)
{
  seg_free (self->rows);
  g_free (self);
}

static guint8 *
seg_overlay_get_row (SegOverlay *self, gsize i)
{
  return self->rows + (self->first + i) % self->n_rows * (gsize) (3 * self->width);
}

/* How far a network looks ahead is its own affair: the ring grows until it is enough, which is
 * soon, and then stays as it is. */
static gboolean
seg_overlay_grow (SegOverlay *self, GError **error)
{
  gsize row_bytes = (gsize) (3 * self->width), n_rows = MAX (2 * self->n_rows, 32);
  guint8 *rows = seg_alloc (n_rows, row_bytes, "rows of the picture", error);

  if (rows == NULL)
    return FALSE;
  for (gsize i = 0; i < self->n; i++)
    memcpy (rows + i * row_bytes, seg_overlay_get_row (self, i), row_bytes);
  seg_free (self->rows);
  self->rows = rows;
  self->n_rows = n_rows;
  self->first = 0;
  return TRUE;
}

/**
 * seg_overlay_add_row:
 * @self: an overlay
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer none): where to write red, green and blue of the image's next row
 */
guint8 *
seg_overlay_add_row (SegOverlay *self, GError **error)
{
  if (self->n == self->n_rows && !seg_overlay_grow (self, error))
    return NULL;
  return seg_overlay_get_row (self, self->n++);
}

gboolean
seg_overlay_is_empty (SegOverlay *self)
{
  return self->n == 0;
}

/**
 * seg_overlay_take_row:
 * @self: an overlay
 * @labels: the classes of the oldest row that waits
 *
 * Class 0 is the background and leaves the image as it is; others are half class, half image.
 *
 * Returns: (transfer none): the row drawn over, until the next call
 */
const guint8 *
seg_overlay_take_row (SegOverlay *self, const guint8 *labels)
{
  guint8 *row, *p;

  g_return_val_if_fail (self->n > 0, NULL);

  row = p = seg_overlay_get_row (self, 0);
  for (gint64 x = 0; x < self->width; x++, p += 3)
    if (labels[x] != 0)
      for (guint c = 0; c < 3; c++)
        p[c] = (guint8) ((p[c] + self->colours[labels[x]][c] + 1) / 2);
  self->first = (self->first + 1) % self->n_rows;
  self->n--;
  return row;
}
