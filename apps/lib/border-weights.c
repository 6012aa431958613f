/* The weights by which a U-Net learns to separate objects that touch (Ronneberger 2015, equation
 * 2): w0 · exp(−(d1 + d2)² / 2σ²) for a pixel of the background that lies d1 from the nearest
 * object and d2 from the second nearest.
 *
 * Both distances are exact. The two nearest objects of a pixel in each column are found first; the
 * second nearest object of all is among these, as any other of its column would have two before
 * it. Beyond six σ the weight is less than w0 · 10⁻⁷ and taken for none. */
#include <math.h>

#include <segkit/memory.h>

#include "border-weights.h"

#define SEG_BORDER_REACH 6

/* Two objects, the nearer one first; the distance along the column is G_MAXINT32 where there is
 * none. */
typedef struct
{
  gint32 distance[2];
  guint16 object[2];
} SegBorderPair;

G_STATIC_ASSERT (sizeof (SegBorderPair) + sizeof (float) == SEG_BORDER_WORKING_BYTES);

static inline void
seg_border_pair_add (SegBorderPair *pair, guint16 object, gint32 distance)
{
  if (distance < pair->distance[0])
    {
      if (object != pair->object[0] || pair->distance[0] == G_MAXINT32)
        {
          pair->distance[1] = pair->distance[0];
          pair->object[1] = pair->object[0];
        }
      pair->distance[0] = distance;
      pair->object[0] = object;
    }
  else if (distance < pair->distance[1] && object != pair->object[0])
    {
      pair->distance[1] = distance;
      pair->object[1] = object;
    }
}

/* One step along a column: what was near the pixel before is one further. */
static void
seg_border_step (SegBorderPair *pair, const SegBorderPair *before, guint16 object)
{
  for (guint k = 0; k < 2; k++)
    if (before->distance[k] < G_MAXINT32)
      seg_border_pair_add (pair, before->object[k], before->distance[k] + 1);
  if (object != 0)
    seg_border_pair_add (pair, object, 0);
}

static void
seg_border_find_columns (const guint16 *objects, gint64 h, gint64 w, SegBorderPair *pairs)
{
  static const SegBorderPair none = { { G_MAXINT32, G_MAXINT32 }, { 0, 0 } };

  for (gint64 i = 0; i < h * w; i++)
    {
      pairs[i] = none;
      seg_border_step (&pairs[i], i >= w ? &pairs[i - w] : &none, objects[i]);
    }
  for (gint64 i = h * w - w; i-- > 0;)
    seg_border_step (&pairs[i], &pairs[i + w], objects[i]);
}

/* Squares of the distances to the two nearest objects, or G_MAXINT32. */
static void
seg_border_find_nearest (const SegBorderPair *row, gint64 x, gint64 w, gint64 reach,
                         SegBorderPair *nearest)
{
  *nearest = (SegBorderPair){ { G_MAXINT32, G_MAXINT32 }, { 0, 0 } };
  for (gint64 i = MAX (x - reach, 0); i <= MIN (x + reach, w - 1); i++)
    for (guint k = 0; k < 2; k++)
      if (row[i].distance[k] <= reach)
        seg_border_pair_add (nearest, row[i].object[k],
                             (gint32) ((i - x) * (i - x))
                                 + row[i].distance[k] * row[i].distance[k]);
}

/**
 * seg_border_weights_compute:
 * @objects: (array): h·w numbers of objects, 0 for the background
 * @h: rows
 * @w: columns
 * @w0: weight where two objects touch
 * @sigma: how fast it falls, in pixels
 * @weights: (out caller-allocates): what is added to the weight of each pixel; 0 in objects
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_border_weights_compute (const guint16 *objects, gint64 h, gint64 w, double w0, double sigma,
                            float *weights, GError **error)
{
  gint64 reach = (gint64) ceil (SEG_BORDER_REACH * sigma);
  SegBorderPair *pairs = seg_alloc ((gsize) h * (gsize) w, sizeof *pairs, "distances", error);

  if (pairs == NULL)
    return FALSE;
  seg_border_find_columns (objects, h, w, pairs);
  for (gint64 y = 0; y < h; y++)
    for (gint64 x = 0; x < w; x++)
      {
        SegBorderPair nearest;
        float *weight = &weights[y * w + x];

        *weight = 0;
        if (objects[y * w + x] != 0)
          continue;
        seg_border_find_nearest (pairs + y * w, x, w, reach, &nearest);
        if (nearest.distance[1] < G_MAXINT32)
          {
            double d = sqrt (nearest.distance[0]) + sqrt (nearest.distance[1]);

            *weight = (float) (w0 * exp (-d * d / (2 * sigma * sigma)));
          }
      }
  seg_free (pairs);
  return TRUE;
}
