/* Samples in memory: the same floats that `segment` gives a model, before they are normalised. */
#include <math.h>
#include <string.h>

#include <segkit/memory.h>

#include "dataset-private.h"
#include "dataset-values.h"
#include "source.h"

#define SEG_DATASET_MIN_STD 1e-4
#define SEG_DATASET_ROWS 64

static SegSampleData *
seg_sample_data_new (gint64 c, gint64 h, gint64 w, gboolean instances, const char *name,
                     GError **error)
{
  g_autoptr (SegSampleData) self = g_new0 (SegSampleData, 1);
  gsize n = (gsize) h * (gsize) w;

  g_atomic_ref_count_init (&self->ref_count);
  self->c = c;
  self->h = h;
  self->w = w;
  self->image = seg_alloc (n * (gsize) c, sizeof (float), name, error);
  self->target = self->image != NULL ? seg_alloc (n, sizeof (guint16), name, error) : NULL;
  if (self->target != NULL && instances)
    self->instances = seg_alloc (n, sizeof (guint16), name, error);
  return self->target != NULL && (!instances || self->instances != NULL) ? g_steal_pointer (&self)
                                                                         : NULL;
}

/**
 * seg_sample_data_unref:
 * @self: (transfer full): a sample in memory
 */
void
seg_sample_data_unref (SegSampleData *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  seg_free (self->image);
  seg_free (self->target);
  seg_free (self->instances);
  g_free (self->counts);
  g_free (self);
}

/* With those of the weights of borders that a batcher keeps of a sample as long as it is kept
 * itself. */
static gsize
seg_sample_data_get_bytes (const SegSampleData *self)
{
  gsize pixel = (gsize) self->c * sizeof (float) + sizeof (guint16)
                + (self->instances != NULL ? sizeof (guint16) + sizeof (float) : 0);

  return (gsize) self->h * (gsize) self->w * pixel;
}

/* Some rows of one file's bands. */
static gboolean
seg_sample_data_fill_rows (SegSampleData *self, SegSource *source, float *planes,
                           const SegRect *rect, GError **error)
{
  guint n_bands = seg_source_get_n_channels (source);
  g_autofree float **rows = g_new (float *, n_bands *(gsize) rect->h);
  g_autofree SegChannelBlock *blocks = g_new (SegChannelBlock, n_bands);
  SegView view = { { 1, n_bands, self->h, self->w }, *rect, blocks, n_bands };

  for (guint c = 0; c < n_bands; c++)
    {
      float **first = rows + c * rect->h;

      for (gint64 y = 0; y < rect->h; y++)
        first[y] = planes + (c * self->h + rect->y + y) * self->w;
      blocks[c] = (SegChannelBlock){ first, (gint32) c, 1, 1 };
    }
  return seg_source_fetch (source, rect, error) && seg_source_fill (source, &view, error);
}

/* One file's bands, some rows at a time: libvips holds these beside. */
static gboolean
seg_sample_data_fill_image (SegSampleData *self, const char *path, guint n_bands, float *planes,
                            GError **error)
{
  g_autoptr (SegSource) source = seg_source_new_plain (path, n_bands, error);
  gboolean done = TRUE;

  if (source == NULL)
    return FALSE;
  if (seg_source_get_width (source) != self->w || seg_source_get_height (source) != self->h)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%s: has %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                   " pixels now, and had %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
                   path, seg_source_get_width (source), seg_source_get_height (source), self->w,
                   self->h);
      return FALSE;
    }
  for (gint64 y = 0; y < self->h && done; y += SEG_DATASET_ROWS)
    {
      SegRect rect = { 0, y, self->w, MIN (SEG_DATASET_ROWS, self->h - y) };

      done = seg_sample_data_fill_rows (self, source, planes, &rect, error);
    }
  return done;
}

static gboolean
seg_sample_data_check_mask (SegSampleData *self, const SegMask *mask, const char *path,
                            GError **error)
{
  if (mask->w == self->w && mask->h == self->h)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
               "%s: has %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
               " pixels, and its image %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
               path, mask->w, mask->h, self->w, self->h);
  return FALSE;
}

static gboolean
seg_dataset_fill_target (SegDataset *self, SegEntry *entry, SegSampleData *data, GError **error)
{
  g_auto (SegMask) mask = { 0 };
  guint32 last = G_MAXUINT32;
  guint16 target = SEG_DATASET_UNKNOWN;

  data->counts = g_new0 (guint64, MAX (self->classes->len, 1));
  if (!seg_mask_read (&mask, entry->sample.mask, error))
    return FALSE;
  if (self->options.threshold > 0)
    seg_mask_threshold (&mask, (guint) self->options.threshold);
  if (!seg_sample_data_check_mask (data, &mask, entry->sample.mask, error))
    return FALSE;
  for (gint64 i = 0; i < mask.w * mask.h; i++)
    {
      guint32 code = mask.codes[i];

      if (code != last)
        target = _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, code));
      last = code;
      if (target == SEG_DATASET_UNKNOWN)
        {
          g_autofree char *value = _seg_dataset_dup_code_text (code);

          g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                       "%s: %s in column %" G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
                       " is no class; [data] class-values says what masks have for each",
                       entry->sample.mask, value, i % mask.w, i / mask.w);
          return FALSE;
        }
      data->target[i] = target;
      if (target != SEG_TARGET_IGNORE)
        data->counts[target]++;
      if (self->objects && data->instances != NULL)
        data->instances[i] = (guint16) code;
    }
  return TRUE;
}

static gboolean
seg_dataset_fill_instances (SegEntry *entry, SegSampleData *data, GError **error)
{
  g_auto (SegMask) mask = { 0 };

  if (!seg_mask_read (&mask, entry->sample.instances, error))
    return FALSE;
  if (!seg_sample_data_check_mask (data, &mask, entry->sample.instances, error))
    return FALSE;
  for (gint64 i = 0; i < mask.w * mask.h; i++)
    data->instances[i] = (guint16) mask.codes[i];
  return TRUE;
}

static SegSampleData *
seg_dataset_load_sample (SegDataset *self, SegEntry *entry, GError **error)
{
  gboolean instances = self->objects || entry->sample.instances != NULL;
  g_autoptr (SegSampleData) data =
      seg_sample_data_new (self->n_bands, entry->sample.height, entry->sample.width, instances,
                           entry->sample.name, error);
  gint64 band = 0;

  if (data == NULL)
    return NULL;
  if (!entry->readable)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                   "%s: it or its mask could not be read when the data set was opened",
                   entry->sample.images[0]);
      return NULL;
    }
  for (guint k = 0; k < self->n_files; k++)
    {
      if (!seg_sample_data_fill_image (data, entry->sample.images[k], self->file_bands[k],
                                       data->image + band * data->h * data->w, error))
        return NULL;
      band += self->file_bands[k];
    }
  if (!seg_dataset_fill_target (self, entry, data, error)
      || (entry->sample.instances != NULL && !seg_dataset_fill_instances (entry, data, error)))
    return NULL;
  return g_steal_pointer (&data);
}

/**
 * seg_dataset_set_cache:
 * @self: a data set
 * @bytes: of samples that are kept in memory, the first that are read; others are read each time
 *
 * By default a third of what the process may use.
 */
void
seg_dataset_set_cache (SegDataset *self, gsize bytes)
{
  self->cache_bytes = bytes;
}

/**
 * seg_dataset_keeps:
 * @self: a data set
 * @split: which part
 * @i: below seg_dataset_get_n()
 *
 * Threads: any.
 *
 * Returns: whether the sample is in memory, and stays there
 */
gboolean
seg_dataset_keeps (SegDataset *self, SegSplit split, guint i)
{
  gboolean kept;

  g_mutex_lock (&self->mutex);
  kept = _seg_dataset_get_entry (self, split, i)->data != NULL;
  g_mutex_unlock (&self->mutex);
  return kept;
}

/**
 * seg_dataset_read:
 * @self: a data set
 * @split: which part
 * @i: below seg_dataset_get_n()
 * @error: return location
 *
 * Reads a sample whole, or finds it in memory.
 * Errors: `SEG_ERROR_FORMAT`, `SEG_ERROR_SHAPE`, `SEG_ERROR_UNSUPPORTED`, `SEG_ERROR_NUMERIC` for
 * an image with NaN or infinity, `SEG_ERROR_MEMORY`, `G_IO_ERROR`.
 * Threads: any.
 *
 * Returns: (transfer full): the sample
 */
SegSampleData *
seg_dataset_read (SegDataset *self, SegSplit split, guint i, GError **error)
{
  SegEntry *entry = _seg_dataset_get_entry (self, split, i);
  SegSampleData *data;
  gsize n_bytes;

  g_mutex_lock (&self->mutex);
  data = entry->data;
  if (data != NULL)
    g_atomic_ref_count_inc (&data->ref_count);
  g_mutex_unlock (&self->mutex);
  if (data != NULL)
    return data;

  data = seg_dataset_load_sample (self, entry, error);
  if (data == NULL)
    return NULL;
  n_bytes = seg_sample_data_get_bytes (data);
  g_mutex_lock (&self->mutex);
  if (entry->data == NULL && self->cached_bytes + n_bytes <= self->cache_bytes)
    {
      entry->data = data;
      self->cached_bytes += n_bytes;
      g_atomic_ref_count_inc (&data->ref_count);
    }
  g_mutex_unlock (&self->mutex);
  return data;
}

/**
 * seg_dataset_measure:
 * @self: a data set that seg_dataset_check() finds nothing wrong with
 * @mean: (out caller-allocates): of each band
 * @std: (out caller-allocates): of each band, at least 10⁻⁴
 * @error: return location
 *
 * Reads all training images. Each pixel counts the same.
 * Errors: as seg_dataset_read().
 */
gboolean
seg_dataset_measure (SegDataset *self, float *mean, float *std, GError **error)
{
  g_autofree double *sums = g_new0 (double, 2 * self->n_bands + 1);
  double n_pixels = 0;

  for (guint i = 0; i < seg_dataset_get_n (self, SEG_SPLIT_TRAIN); i++)
    {
      g_autoptr (SegSampleData) data = seg_dataset_read (self, SEG_SPLIT_TRAIN, i, error);

      if (data == NULL)
        return FALSE;
      for (guint c = 0; c < self->n_bands; c++)
        for (gint64 y = 0; y < data->h; y++)
          {
            const float *row = data->image + (c * data->h + y) * data->w;
            double sum = 0, squares = 0;

            for (gint64 x = 0; x < data->w; x++)
              {
                sum += row[x];
                squares += (double) row[x] * row[x];
              }
            sums[2 * c] += sum;
            sums[2 * c + 1] += squares;
          }
      n_pixels += (double) (data->h * data->w);
    }
  for (guint c = 0; c < self->n_bands; c++)
    {
      double m = sums[2 * c] / MAX (n_pixels, 1), v = sums[2 * c + 1] / MAX (n_pixels, 1) - m * m;

      mean[c] = (float) m;
      std[c] = (float) MAX (sqrt (MAX (v, 0)), SEG_DATASET_MIN_STD);
    }
  return TRUE;
}
