/* The first look at every sample: what its image is, and which values its mask has. */
#include <string.h>

#include <segkit/pool.h>

#include "dataset-private.h"
#include "image-file.h"
#include "source.h"
#include "units.h"

typedef struct
{
  SegDataset *self;
  GPtrArray *entries; /* of all splits */
  gboolean *failed;
} SegInspection;

static gboolean
seg_entry_inspect_images (SegDataset *self, SegEntry *entry, GError **error)
{
  guint n = g_strv_length (entry->sample.images);

  if (n != self->n_files)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%s: its sample has %u file%s, and the first one %u", entry->sample.images[0], n,
                   seg_units_plural (n), self->n_files);
      return FALSE;
    }
  g_free (entry->file_bands);
  entry->file_bands = g_new0 (guint, n);
  for (guint k = 0; k < n; k++)
    {
      const char *path = entry->sample.images[k];
      g_autoptr (SegSource) source = seg_source_new_plain (path, 0, error);
      gint64 w, h;

      if (source == NULL)
        return FALSE;
      w = seg_source_get_width (source);
      h = seg_source_get_height (source);
      if (k > 0 && (w != entry->sample.width || h != entry->sample.height))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                       "%s: has %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                       " pixels, and %s %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
                       path, w, h, entry->sample.images[0], entry->sample.width,
                       entry->sample.height);
          return FALSE;
        }
      entry->sample.width = w;
      entry->sample.height = h;
      entry->file_bands[k] = seg_source_get_n_channels (source);
      if (entry->untold == NULL && seg_source_is_last_band_untold (source))
        entry->untold = path;
      entry->depth = MAX (entry->depth, seg_source_get_depth (source));
    }
  return TRUE;
}

/* An image that is turned and a mask that is not: half a turn, and a turn of a square, could have
 * been meant for both. */
static gboolean
seg_entry_check_orientation (SegEntry *entry, gint64 w, gint64 h, GError **error)
{
  gint of_image = seg_image_file_get_orientation (entry->sample.images[0]);
  gint of_mask = of_image != 1 ? seg_image_file_get_orientation (entry->sample.mask) : 1;

  if (of_image == of_mask || (of_image >= 5 && w != h))
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "%s: has orientation %d, and its mask %s has %d: whether the mask is upright cannot "
               "be told; turn both upright and save them without the tag",
               entry->sample.images[0], of_image, entry->sample.mask, of_mask);
  return FALSE;
}

static gboolean
seg_entry_check_size (SegEntry *entry, const char *path, gint64 w, gint64 h, GError **error)
{
  gboolean turned = w == entry->sample.height && h == entry->sample.width && w != h
                    && seg_image_file_get_orientation (entry->sample.images[0]) >= 5;

  if (w == entry->sample.width && h == entry->sample.height)
    return seg_entry_check_orientation (entry, w, h, error);
  g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
               "%s: has %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
               " pixels, and its image %s %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT "%s",
               path, w, h, entry->sample.images[0], entry->sample.width, entry->sample.height,
               turned ? ", turned upright as its orientation tag says" : "");
  return FALSE;
}

static gboolean
seg_entry_inspect (SegDataset *self, SegEntry *entry, GError **error)
{
  g_auto (SegMask) mask = { 0 };

  g_clear_pointer (&entry->values, g_array_unref);
  g_clear_pointer (&entry->palette, g_free);
  if (!seg_entry_inspect_images (self, entry, error)
      || !seg_mask_read (&mask, entry->sample.mask, error)
      || !seg_entry_check_size (entry, entry->sample.mask, mask.w, mask.h, error))
    return FALSE;
  if (self->options.threshold > 0)
    seg_mask_threshold (&mask, (guint) self->options.threshold);
  entry->is_colour = mask.is_colour;
  entry->mask_depth = mask.depth;
  entry->n_palette = mask.n_palette;
  entry->palette = g_memdup2 (mask.palette, 3 * mask.n_palette);
  entry->values = seg_mask_count (&mask);
  if (entry->sample.instances != NULL)
    {
      g_auto (SegMask) instances = { 0 };

      if (!seg_mask_read (&instances, entry->sample.instances, error))
        return FALSE;
      if (instances.is_colour)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                       "%s: has colours; objects are told apart by numbers",
                       entry->sample.instances);
          return FALSE;
        }
      if (!seg_entry_check_size (entry, entry->sample.instances, instances.w, instances.h, error))
        return FALSE;
    }
  entry->readable = TRUE;
  return TRUE;
}

static void
seg_inspection_run (guint task, guint thread, gpointer data)
{
  SegInspection *inspection = data;

  (void) thread;
  inspection->failed[task] =
      !seg_entry_inspect (inspection->self, g_ptr_array_index (inspection->entries, task), NULL);
}

static const char *
seg_inspection_get_kind (const GError *failure)
{
  if (g_error_matches (failure, SEG_ERROR, SEG_ERROR_SHAPE))
    return "sizes differ";
  if (g_error_matches (failure, SEG_ERROR, SEG_ERROR_UNSUPPORTED))
    return "not supported";
  return "cannot be read";
}

/**
 * _seg_dataset_inspect: (skip)
 *
 * Looks at all samples, and notes what cannot be read. Where something fails it is tried again
 * alone: libvips has one buffer for the messages of all threads.
 */
void
_seg_dataset_inspect (SegDataset *self, SegPool *pool)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  g_autofree gboolean *failed = NULL;
  SegInspection inspection = { self, entries, NULL };

  for (guint split = 0; split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < self->splits[split]->len; i++)
      g_ptr_array_add (entries, g_ptr_array_index (self->splits[split], i));
  if (entries->len > 0)
    self->n_files = g_strv_length (((SegEntry *) g_ptr_array_index (entries, 0))->sample.images);
  inspection.failed = failed = g_new0 (gboolean, entries->len + 1);
  seg_pool_run (pool, entries->len, seg_inspection_run, &inspection);
  for (guint i = 0; i < entries->len; i++)
    {
      SegEntry *entry = g_ptr_array_index (entries, i);
      g_autoptr (GError) failure = NULL;

      if (!failed[i] || seg_entry_inspect (self, entry, &failure))
        g_ptr_array_add (self->readable, entry);
      else
        _seg_dataset_add_failure (self->problems, seg_inspection_get_kind (failure),
                                  entry->sample.images[0], failure)
            ->splits = 1u << entry->split;
    }
}
