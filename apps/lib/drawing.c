/* Pictures of labels, a row at a time: three bytes for each pixel. Class 0 is the background, and
 * leaves the image as it is. */
#include <string.h>

#include "drawing.h"

/**
 * seg_colours_init:
 * @self: (out caller-allocates): the colours of the model's classes
 * @model: a model
 */
void
seg_colours_init (SegColours *self, SegModel *model)
{
  memset (self, 0, sizeof *self);
  for (guint i = 0; i < MIN (seg_model_get_n_classes (model), G_N_ELEMENTS (self->rgb)); i++)
    {
      const SegClass *class = seg_model_get_class (model, i);

      self->rgb[i][0] = class->red;
      self->rgb[i][1] = class->green;
      self->rgb[i][2] = class->blue;
    }
}

/**
 * seg_draw_colors:
 * @colours: of the classes
 * @labels: a row of them
 * @n: pixels
 * @out: (out caller-allocates): the row
 *
 * Each pixel in the colour of its class, the background's, too.
 */
void
seg_draw_colors (const SegColours *colours, const guint8 *labels, gint64 n, guint8 *out)
{
  for (gint64 x = 0; x < n; x++)
    memcpy (out + 3 * x, colours->rgb[labels[x]], 3);
}

/**
 * seg_draw_overlay:
 * @colours: of the classes
 * @labels: a row of them
 * @image: the row of the image
 * @n: pixels
 * @out: (out caller-allocates): the row
 *
 * Half class, half image.
 */
void
seg_draw_overlay (const SegColours *colours, const guint8 *labels, const guint8 *image, gint64 n,
                  guint8 *out)
{
  memcpy (out, image, 3 * (gsize) n);
  for (gint64 x = 0; x < n; x++)
    if (labels[x] != 0)
      for (guint c = 0; c < 3; c++)
        out[3 * x + c] = (guint8) ((image[3 * x + c] + colours->rgb[labels[x]][c] + 1) / 2);
}

/**
 * seg_draw_outlines:
 * @colours: of the classes
 * @above: (nullable): the labels of the row above; %NULL at the image's border
 * @labels: a row of labels
 * @below: (nullable): the labels of the row below
 * @image: the row of the image
 * @n: pixels
 * @out: (out caller-allocates): the row
 *
 * The image, with those pixels in their class's colour that touch another class on one of their
 * four sides. The image's border is no outline.
 */
void
seg_draw_outlines (const SegColours *colours, const guint8 *above, const guint8 *labels,
                   const guint8 *below, const guint8 *image, gint64 n, guint8 *out)
{
  memcpy (out, image, 3 * (gsize) n);
  for (gint64 x = 0; x < n; x++)
    {
      guint8 label = labels[x];
      gboolean edge = (x > 0 && labels[x - 1] != label) || (x + 1 < n && labels[x + 1] != label)
                      || (above != NULL && above[x] != label)
                      || (below != NULL && below[x] != label);

      if (label != 0 && edge)
        memcpy (out + 3 * x, colours->rgb[label], 3);
    }
}
