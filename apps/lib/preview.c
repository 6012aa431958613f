/* A contact sheet of augmented samples, to be looked at: each crop, and beside it the same with its
 * classes drawn over it. Pixels that are ignored are a chessboard; black classes are left out. */
#include <segkit/atomic-file.h>
#include <segkit/memory.h>
#include <vips/vips.h>

#include "preview.h"
#include "vips-error.h"

/* Crops of a row and a column of the sheet, as far as it stays below so many pixels. */
#define SEG_PREVIEW_COLUMNS 4
#define SEG_PREVIEW_ROWS 6
#define SEG_PREVIEW_MAX_WIDTH 2400
#define SEG_PREVIEW_MAX_HEIGHT 1600
#define SEG_PREVIEW_GAP 4
/* Of a class's colour over the image. */
#define SEG_PREVIEW_OPACITY 0.4f
#define SEG_PREVIEW_SQUARE 4

typedef struct
{
  SegDataset *dataset;
  gint64 columns, rows, w, h; /* of the sheet, the last two in pixels */
  guint8 *rgb;
} SegPreview;

/* The range that is shown: floats are stretched, as nothing says what they are. */
static void
seg_preview_get_range (SegPreview *self, const float *plane, gint64 n, float *least, float *largest)
{
  *least = 0;
  *largest = 1;
  if (seg_dataset_get_depth (self->dataset) != 32)
    return;
  *least = *largest = plane[0];
  for (gint64 i = 1; i < n; i++)
    {
      *least = MIN (*least, plane[i]);
      *largest = MAX (*largest, plane[i]);
    }
  *largest = *largest > *least ? *largest : *least + 1;
}

static float
seg_preview_blend (SegPreview *self, float value, guint16 target, guint colour, gint64 x, gint64 y)
{
  const SegClass *class;
  guint8 rgb[3];

  if (target == SEG_TARGET_IGNORE)
    return (x / SEG_PREVIEW_SQUARE + y / SEG_PREVIEW_SQUARE) % 2 != 0 ? value : 0.5f * value;
  class = seg_dataset_get_class (self->dataset, target);
  rgb[0] = class->red, rgb[1] = class->green, rgb[2] = class->blue;
  if (rgb[0] == 0 && rgb[1] == 0 && rgb[2] == 0)
    return value;
  return value + ((float) rgb[colour] / 255.f - value) * SEG_PREVIEW_OPACITY;
}

static void
seg_preview_draw (SegPreview *self, const SegBatch *batch, gint64 sample, gint64 left, gint64 top)
{
  gint64 n = batch->h * batch->w;
  const guint16 *target = batch->targets + sample * n;

  for (guint colour = 0; colour < 3; colour++)
    {
      const float *plane = batch->images + (sample * batch->c + (batch->c >= 3 ? colour : 0)) * n;
      float least, largest;

      seg_preview_get_range (self, plane, n, &least, &largest);
      for (gint64 y = 0; y < batch->h; y++)
        for (gint64 x = 0; x < batch->w; x++)
          {
            gint64 i = y * batch->w + x;
            guint8 *out = self->rgb + 3 * ((top + y) * self->w + left + x) + colour;
            float value = CLAMP ((plane[i] - least) / (largest - least), 0.f, 1.f);

            out[0] = (guint8) (value * 255.f + 0.5f);
            value = seg_preview_blend (self, value, target[i], colour, x, y);
            out[3 * batch->w] = (guint8) (value * 255.f + 0.5f);
          }
    }
}

static gboolean
seg_preview_save (SegPreview *self, const char *path, GError **error)
{
  g_autoptr (SegAtomicFile) file = NULL;
  VipsImage *plain =
      vips_image_new_from_memory (self->rgb, (gsize) (3 * self->w * self->h), (int) self->w,
                                  (int) self->h, 3, VIPS_FORMAT_UCHAR);
  VipsImage *image = NULL;
  void *bytes = NULL;
  gsize n_bytes;
  gboolean done = FALSE;

  if (plain == NULL
      || vips_copy (plain, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) != 0
      || vips_pngsave_buffer (image, &bytes, &n_bytes, NULL) != 0)
    seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_MEMORY);
  else
    {
      file = seg_atomic_file_new (path, error);
      done = file != NULL && seg_atomic_file_write (file, bytes, n_bytes, error)
             && seg_atomic_file_commit (file, error);
    }
  g_free (bytes);
  g_clear_object (&image);
  g_clear_object (&plain);
  return done;
}

/**
 * seg_preview_write:
 * @dataset: a data set
 * @augmentation: (nullable): how samples are changed
 * @options: as training has them; values are not normalised here
 * @path: of a PNG file
 * @error: return location
 *
 * Writes the first crops that training would see.
 * Errors: as seg_batcher_new() and seg_batcher_next(), `SEG_ERROR_MEMORY`, `G_IO_ERROR`.
 */
gboolean
seg_preview_write (SegDataset *dataset, SegAugmentation *augmentation,
                   const SegBatcherOptions *options, const char *path, GError **error)
{
  SegBatcherOptions plain = *options;
  SegPreview self = { .dataset = dataset };
  g_autoptr (SegBatcher) batcher = NULL;
  gint64 step_x = 2 * options->w + SEG_PREVIEW_GAP, step_y = options->h + SEG_PREVIEW_GAP;
  gboolean done = TRUE;

  self.columns = CLAMP (SEG_PREVIEW_MAX_WIDTH / step_x, 1, SEG_PREVIEW_COLUMNS);
  self.rows = CLAMP (SEG_PREVIEW_MAX_HEIGHT / step_y, 1, SEG_PREVIEW_ROWS);
  self.w = self.columns * step_x;
  self.h = self.rows * step_y;
  plain.mean = plain.std = NULL;
  plain.border_weights = FALSE;
  batcher = seg_batcher_new (dataset, SEG_SPLIT_TRAIN, augmentation, &plain, 0, error);
  if (batcher == NULL)
    return FALSE;
  self.rgb = seg_alloc ((gsize) (3 * self.w * self.h), 1, "a contact sheet", error);
  if (self.rgb == NULL)
    return FALSE;
  for (gint64 i = 0; i < 3 * self.w * self.h; i++)
    self.rgb[i] = G_MAXUINT8;
  for (gint64 at = 0; at < self.columns * self.rows && done;)
    {
      SegBatch batch;

      done = seg_batcher_next (batcher, &batch, error);
      for (gint64 i = 0; i < options->n && at < self.columns * self.rows && done; i++, at++)
        seg_preview_draw (&self, &batch, i, at % self.columns * step_x, at / self.columns * step_y);
    }
  done = done && seg_preview_save (&self, path, error);
  seg_free (self.rgb);
  return done;
}
