/* One sample of a batch: where it is cut out, and how it is changed. */
#include <math.h>

#include <segkit/random.h>

#include "crop.h"
#include "intensity.h"
#include "warp.h"

/* Numbers that a sample takes of a stream. */
#define SEG_CROP_DRAWS 4

typedef struct
{
  double x, y;
} SegCropPoint;

/* A class of the image, the more likely the fewer pixels have it in the whole data set; of its
 * pixels any. FALSE where all pixels are ignored. */
static gboolean
seg_crop_find_class (const SegSampleData *data, const guint64 *class_counts, guint n_classes,
                     const float *uniform, SegCropPoint *point)
{
  const guint64 *counts = data->counts;
  double total = 0, at;
  guint64 pixel;
  guint chosen = 0;

  for (guint k = 0; k < n_classes; k++)
    total += counts[k] > 0 ? 1 / (double) MAX (class_counts[k], 1) : 0;
  if (total == 0)
    return FALSE;
  at = (double) uniform[0] * total;
  for (guint k = 0; k < n_classes && at >= 0; k++)
    if (counts[k] > 0)
      {
        chosen = k;
        at -= 1 / (double) MAX (class_counts[k], 1);
      }
  pixel =
      (guint64) (((double) uniform[1] + (double) uniform[2] * 0x1p-24) * (double) counts[chosen]);
  for (gint64 i = 0; i < data->h * data->w; i++)
    if (data->target[i] == chosen && pixel-- == 0)
      {
        point->x = (double) (i % data->w) + 0.5;
        point->y = (double) (i / data->w) + 0.5;
        return TRUE;
      }
  return FALSE;
}

/* The middle of a crop that takes @extent of @n pixels, inside if it can be: anywhere, or such that
 * it contains a pixel with a wide margin. */
static double
seg_crop_place_line (double extent, gint64 n, double uniform, gboolean is_exact,
                     const double *contained)
{
  double least = MIN (extent / 2, (double) n - extent / 2);
  double largest = MAX (extent / 2, (double) n - extent / 2);

  if (contained != NULL)
    {
      double first = CLAMP (*contained - extent / 4, least, largest);
      double last = CLAMP (*contained + extent / 4, least, largest);

      least = is_exact ? ceil (first - extent / 2) + extent / 2 : first;
      largest = is_exact ? floor (last - extent / 2) + extent / 2 : last;
      largest = MAX (least, largest);
    }
  return is_exact ? least + floor (uniform * (largest - least + 1))
                  : least + uniform * (largest - least);
}

static void
seg_crop_place (const SegSampleData *data, const SegBatcherOptions *options,
                const SegAugmentationDraw *draw, const guint64 *class_counts, guint n_classes,
                guint64 counter, SegCropPoint *centre)
{
  gboolean is_exact = draw->angle == 0 && draw->scale == 1 && !draw->is_elastic;
  float uniform[SEG_CROP_DRAWS], of_class[SEG_CROP_DRAWS];
  double extent_w, extent_h;
  SegCropPoint point;
  gboolean contains;

  seg_random_uniform (options->seed, seg_random_name_hash ("crop"), counter * SEG_CROP_DRAWS,
                      SEG_CROP_DRAWS, uniform);
  seg_random_uniform (options->seed, seg_random_name_hash ("crop.class"), counter * SEG_CROP_DRAWS,
                      SEG_CROP_DRAWS, of_class);
  seg_warp_get_extent (draw, options->h, options->w, &extent_w, &extent_h);
  contains =
      draw->needs_class && seg_crop_find_class (data, class_counts, n_classes, of_class, &point);
  centre->x = seg_crop_place_line (extent_w, data->w, (double) uniform[0], is_exact,
                                   contains ? &point.x : NULL);
  centre->y = seg_crop_place_line (extent_h, data->h, (double) uniform[1], is_exact,
                                   contains ? &point.y : NULL);
}

static void
seg_crop_normalise (const SegBatcherOptions *options, float *planes, gint64 c)
{
  gint64 n = options->h * options->w;

  for (gint64 i = 0; i < c; i++)
    {
      float mean = options->mean != NULL ? options->mean[i] : 0;
      float std = options->std != NULL ? options->std[i] : 1;

      for (gint64 j = 0; j < n; j++)
        planes[i * n + j] = (planes[i * n + j] - mean) / std;
    }
}

/**
 * seg_crop_make:
 * @data: a sample
 * @border: (nullable): what its pixels' weights have beside their class's
 * @augmentation: (nullable): how it is changed
 * @options: size of the crop, seed and normalisation
 * @class_counts: (array length=n_classes): pixels of each class in the whole data set
 * @n_classes: classes
 * @counter: number of the sample since training began
 * @place: (inout): where it goes; without weights where @border is %NULL
 * @error: return location
 *
 * Depends on its arguments alone.
 * Errors: `SEG_ERROR_MEMORY`.
 * Threads: any.
 */
gboolean
seg_crop_make (const SegSampleData *data, const float *border, SegAugmentation *augmentation,
               const SegBatcherOptions *options, const guint64 *class_counts, guint n_classes,
               guint64 counter, const SegCropPlace *place, GError **error)
{
  g_auto (SegWarp) warp = { 0 };
  SegAugmentationDraw draw;
  SegCropPoint centre;

  seg_augmentation_draw (augmentation, options->seed, counter, &draw);
  seg_crop_place (data, options, &draw, class_counts, n_classes, counter, &centre);
  if (!seg_warp_init (&warp, &draw, options->h, options->w, data->h, data->w, centre.x, centre.y,
                      error)
      || !seg_warp_image (&warp, data->image, data->c, place->image, error)
      || !seg_intensity_apply (&draw, options->seed, counter, place->image, data->c, options->h,
                               options->w, error))
    return FALSE;
  seg_crop_normalise (options, place->image, data->c);
  seg_warp_target (&warp, data->target, draw.outside_ignored, place->target);
  if (border == NULL)
    return TRUE;
  seg_warp_weights (&warp, border, place->weights);
  for (gint64 i = 0; i < options->h * options->w; i++)
    {
      guint16 target = place->target[i];

      place->weights[i] +=
          options->class_weight != NULL && target < n_classes ? options->class_weight[target] : 1;
    }
  return TRUE;
}
