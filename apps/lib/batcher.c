/* Batches, made ahead by threads. Sample number k since training began is drawn from k alone: its
 * image from the permutation of its epoch, its crop and augmentation from streams of random
 * numbers. So threads may make them in any order, and a run that is resumed goes on with the same.
 */
#include <math.h>
#include <string.h>

#include <segkit/memory.h>
#include <segkit/random.h>

#include "batcher.h"
#include "border-weights.h"
#include "crop.h"
#include "warning.h"

/* Batches that are ready or being made, the one that is asked for next among them. */
#define SEG_BATCHER_AHEAD 3

/* Of an epoch: they are counted in 32 bits, the last batch's beyond it among them. */
#define SEG_BATCHER_MAX_DRAWS (G_MAXUINT32 / 2)

typedef struct
{
  float *images;
  guint16 *targets;
  float *weights;
  guint n_missing; /* samples that are still being made; guarded by the mutex, as is @error */
  GError *error;   /* of the first sample, by number, that failed */
  guint failed;    /* which that is */
} SegBatcherSlot;

typedef struct
{
  SegBatcherSlot *slot;
  guint sample; /* of the batch */
  guint index;  /* of the data set */
  guint64 counter;
} SegBatcherTask;

struct _SegBatcher
{
  SegDataset *dataset;
  SegSplit split;
  SegAugmentation *augmentation;
  SegBatcherOptions options;
  float *class_weight, *mean, *std; /* copies for options */
  guint n_samples, n_classes;
  guint n_draws; /* of an epoch */
  gint64 c;
  float **borders; /* of each sample that is kept in memory, once known; guarded by the mutex */

  guint64 next_batch, next_made;
  guint64 epoch; /* that @order is of */
  guint *order;
  guint n_ahead, n_slots;
  SegBatcherSlot *slots; /* batch k is in slot k modulo n_slots */
  GThreadPool *pool;     /* NULL: samples are made in seg_batcher_next() */
  GMutex mutex;
  GCond made;
  gboolean stopped; /* guarded by the mutex */
};

static gpointer
seg_batcher_copy (gconstpointer values, guint n)
{
  return values != NULL ? g_memdup2 (values, n * sizeof (float)) : NULL;
}

/* Fisher and Yates. */
static void
seg_batcher_draw_order (SegBatcher *self, guint64 epoch)
{
  guint64 stream = seg_random_name_hash ("batcher.order");

  self->epoch = epoch;
  for (guint i = 0, n = 0; i < self->n_samples; i++)
    for (guint j = seg_dataset_get (self->dataset, self->split, i)->n_draws; j > 0; j--)
      self->order[n++] = i;
  for (guint i = self->n_draws; i-- > 1;)
    {
      float uniform;
      guint j, kept = self->order[i];

      seg_random_uniform (self->options.seed, stream, epoch * self->n_draws + i, 1, &uniform);
      j = (guint) ((double) uniform * (i + 1));
      self->order[i] = self->order[j];
      self->order[j] = kept;
    }
}

/* The weights of a sample's borders, computed once for each that is kept in memory. @own is set
 * where the caller has to free them. */
static const float *
seg_batcher_get_border (SegBatcher *self, guint index, const SegSampleData *data, float **own,
                        GError **error)
{
  const float *border;
  float *made;

  g_mutex_lock (&self->mutex);
  border = self->borders[index];
  g_mutex_unlock (&self->mutex);
  if (border != NULL)
    return border;

  made = seg_alloc ((gsize) data->h * (gsize) data->w, sizeof (float), "weights of borders", error);
  *own = made;
  if (made == NULL
      || !seg_border_weights_compute (data->instances, data->h, data->w, self->options.border_w0,
                                      self->options.border_sigma, made, error))
    return NULL;
  g_mutex_lock (&self->mutex);
  if (self->borders[index] == NULL && seg_dataset_keeps (self->dataset, self->split, index))
    self->borders[index] = g_steal_pointer (own);
  g_mutex_unlock (&self->mutex);
  return made;
}

static gboolean
seg_batcher_make_sample (SegBatcher *self, const SegBatcherTask *task, GError **error)
{
  g_autoptr (SegSampleData) data =
      seg_dataset_read (self->dataset, self->split, task->index, error);
  gsize n = (gsize) self->options.h * (gsize) self->options.w;
  SegCropPlace place = { task->slot->images + task->sample * (gsize) self->c * n,
                         task->slot->targets + task->sample * n, NULL };
  const float *border = NULL;
  float *own = NULL;
  gboolean made;

  if (data == NULL)
    return FALSE;
  if (self->options.border_weights)
    {
      place.weights = task->slot->weights + task->sample * n;
      border = seg_batcher_get_border (self, task->index, data, &own, error);
    }
  made = (border != NULL || !self->options.border_weights)
         && seg_crop_make (data, border, self->augmentation, &self->options,
                           seg_dataset_get_class_counts (self->dataset), self->n_classes,
                           task->counter, &place, error);
  seg_free (own);
  return made;
}

static void
seg_batcher_run (gpointer data, gpointer user_data)
{
  g_autofree SegBatcherTask *task = data;
  SegBatcher *self = user_data;
  SegBatcherSlot *slot = task->slot;
  GError *error = NULL;
  gboolean stopped;

  g_mutex_lock (&self->mutex);
  stopped = self->stopped;
  g_mutex_unlock (&self->mutex);
  if (!stopped)
    seg_batcher_make_sample (self, task, &error);

  g_mutex_lock (&self->mutex);
  if (error != NULL && (slot->error == NULL || task->sample < slot->failed))
    {
      g_clear_error (&slot->error);
      slot->error = g_steal_pointer (&error);
      slot->failed = task->sample;
    }
  slot->n_missing--;
  g_cond_broadcast (&self->made);
  g_mutex_unlock (&self->mutex);
  g_clear_error (&error);
}

/* Begins to make a batch; its slot is free. */
static void
seg_batcher_begin (SegBatcher *self, guint64 batch)
{
  SegBatcherSlot *slot = &self->slots[batch % self->n_slots];
  guint n = (guint) self->options.n;

  slot->n_missing = n;
  for (guint i = 0; i < n; i++)
    {
      SegBatcherTask *task = g_new (SegBatcherTask, 1);
      guint64 counter = batch * n + i, epoch = counter / self->n_draws;

      if (epoch != self->epoch)
        seg_batcher_draw_order (self, epoch);
      *task = (SegBatcherTask){ slot, i, self->order[counter % self->n_draws], counter };
      if (self->pool != NULL)
        g_thread_pool_push (self->pool, task, NULL);
      else
        seg_batcher_run (task, self);
    }
}

static guint
seg_batcher_count_ahead (const SegBatcherOptions *options)
{
  return options->n_threads > 0 ? SEG_BATCHER_AHEAD : 1;
}

static guint
seg_batcher_count_slots (const SegBatcherOptions *options)
{
  return seg_batcher_count_ahead (options) + MAX (options->n_kept, 1) - 1;
}

/**
 * seg_batcher_estimate_bytes:
 * @dataset: that samples would be read from
 * @split: which part of it
 * @options: what batches would be like
 *
 * Returns: bytes that a batcher holds at most, samples that the data set keeps, and the weights of
 *   their borders, apart
 */
gsize
seg_batcher_estimate_bytes (SegDataset *dataset, SegSplit split, const SegBatcherOptions *options)
{
  gsize c = seg_dataset_get_n_bands (dataset), n_readers = MAX (options->n_threads, 1);
  gsize of_pixel =
      c * sizeof (float) + sizeof (guint16) + (options->border_weights ? sizeof (float) : 0);
  /* a mask's codes are gone before borders are weighed */
  gsize of_sample =
      c * sizeof (float) + 2 * sizeof (guint16)
      + MAX (sizeof (guint32), options->border_weights ? SEG_BORDER_WORKING_BYTES : 0);
  gsize of_order = seg_dataset_count_draws (dataset, split) * sizeof (guint);
  gint64 largest = 0;

  for (guint i = 0; i < seg_dataset_get_n (dataset, split); i++)
    {
      const SegSample *sample = seg_dataset_get (dataset, split, i);

      largest = MAX (largest, sample->width * sample->height);
    }
  return seg_batcher_count_slots (options) * (gsize) (options->n * options->h * options->w)
             * of_pixel
         + n_readers * (gsize) largest * of_sample + of_order;
}

static gboolean
seg_batcher_alloc (SegBatcher *self, GError **error)
{
  gsize n_pixels = (gsize) self->options.n * (gsize) self->options.h * (gsize) self->options.w;

  for (guint i = 0; i < self->n_slots; i++)
    {
      SegBatcherSlot *slot = &self->slots[i];

      slot->images = seg_alloc (n_pixels * (gsize) self->c, sizeof (float), "a batch", error);
      if (slot->images != NULL)
        slot->targets = seg_alloc (n_pixels, sizeof (guint16), "a batch", error);
      if (slot->targets == NULL)
        return FALSE;
      if (self->options.border_weights)
        slot->weights = seg_alloc (n_pixels, sizeof (float), "a batch", error);
      if (self->options.border_weights && slot->weights == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
seg_batcher_check (SegDataset *dataset, SegSplit split, const SegBatcherOptions *options,
                   GError **error)
{
  if (options->n < 1 || options->h < 1 || options->w < 1 || options->n > G_MAXUINT16)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                 "a batch of %" G_GINT64_FORMAT " crops of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                 " cannot be made",
                 options->n, options->w, options->h);
  else if (seg_dataset_get_n (dataset, split) == 0)
    g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "there is no image to make batches of");
  else if (seg_dataset_count_draws (dataset, split) > SEG_BATCHER_MAX_DRAWS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                 "an epoch of %" G_GUINT64_FORMAT " samples is longer than one of %u",
                 seg_dataset_count_draws (dataset, split), SEG_BATCHER_MAX_DRAWS);
  else if (options->border_weights && !seg_dataset_has_instances (dataset))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                 "weights of borders need masks that tell objects apart, and there are none");
  else if (options->border_weights
           && !(options->border_sigma >= SEG_BORDER_MIN_SIGMA
                && options->border_sigma <= SEG_BORDER_MAX_SIGMA))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                 "the weights of borders cannot fall in %g pixels (%g to %g)",
                 options->border_sigma, SEG_BORDER_MIN_SIGMA, SEG_BORDER_MAX_SIGMA);
  else
    return TRUE;
  return FALSE;
}

/* Without threads batches are the same, and only later there. */
static void
seg_batcher_start (SegBatcher *self, guint n_threads)
{
  g_autoptr (GError) failure = NULL;

  self->pool = g_thread_pool_new (seg_batcher_run, self, (gint) n_threads, TRUE, &failure);
  if (failure == NULL)
    return;
  seg_warning_print ("no threads to read ahead: %s", failure->message);
  if (self->pool != NULL)
    g_thread_pool_free (g_steal_pointer (&self->pool), TRUE, TRUE);
}

/**
 * seg_batcher_new:
 * @dataset: that seg_dataset_check() finds nothing wrong with; it lives longer
 * @split: which part of it
 * @augmentation: (nullable): how samples are changed; %NULL: they are only cut out
 * @options: what batches are like
 * @first_step: number of the first batch
 * @error: return location
 *
 * Begins to make batches.
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_MEMORY`, `SEG_ERROR_FORMAT` for a split without samples.
 */
SegBatcher *
seg_batcher_new (SegDataset *dataset, SegSplit split, SegAugmentation *augmentation,
                 const SegBatcherOptions *options, guint64 first_step, GError **error)
{
  g_autoptr (SegBatcher) self = NULL;
  guint n_bands = seg_dataset_get_n_bands (dataset);

  if (!seg_batcher_check (dataset, split, options, error))
    return NULL;
  self = g_new0 (SegBatcher, 1);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->made);
  self->dataset = dataset;
  self->split = split;
  self->augmentation = augmentation != NULL ? g_object_ref (augmentation) : NULL;
  self->n_samples = seg_dataset_get_n (dataset, split);
  self->n_classes = seg_dataset_get_n_classes (dataset);
  self->c = n_bands;
  self->options = *options;
  self->options.class_weight = self->class_weight =
      seg_batcher_copy (options->class_weight, self->n_classes);
  self->options.mean = self->mean = seg_batcher_copy (options->mean, n_bands);
  self->options.std = self->std = seg_batcher_copy (options->std, n_bands);
  self->borders = g_new0 (float *, self->n_samples);
  self->n_draws = (guint) seg_dataset_count_draws (dataset, split);
  self->order = g_new (guint, self->n_draws);
  seg_batcher_draw_order (self, 0);
  self->next_batch = self->next_made = first_step;
  self->n_ahead = seg_batcher_count_ahead (options);
  self->n_slots = seg_batcher_count_slots (options);
  self->slots = g_new0 (SegBatcherSlot, self->n_slots);
  if (!seg_batcher_alloc (self, error))
    return NULL;
  if (options->n_threads > 0)
    seg_batcher_start (self, options->n_threads);
  return g_steal_pointer (&self);
}

/**
 * seg_batcher_free:
 * @self: a batcher
 *
 * Batches that are being made are given up.
 */
void
seg_batcher_free (SegBatcher *self)
{
  g_mutex_lock (&self->mutex);
  self->stopped = TRUE;
  g_mutex_unlock (&self->mutex);
  if (self->pool != NULL)
    g_thread_pool_free (self->pool, FALSE, TRUE);
  for (guint i = 0; i < self->n_slots; i++)
    {
      seg_free (self->slots[i].images);
      seg_free (self->slots[i].targets);
      seg_free (self->slots[i].weights);
      g_clear_error (&self->slots[i].error);
    }
  for (guint i = 0; i < self->n_samples; i++)
    seg_free (self->borders[i]);
  g_free (self->slots);
  g_free (self->borders);
  g_free (self->order);
  g_free (self->class_weight);
  g_free (self->mean);
  g_free (self->std);
  g_clear_object (&self->augmentation);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->made);
  g_free (self);
}

/**
 * seg_batcher_next:
 * @self: a batcher
 * @out: (out caller-allocates): the next batch, valid until the next call, or as many further ones
 *   as the options keep
 * @error: return location
 *
 * Errors: as seg_dataset_read(), of the batch's first sample that failed.
 * Threads: one.
 */
gboolean
seg_batcher_next (SegBatcher *self, SegBatch *out, GError **error)
{
  SegBatcherSlot *slot = &self->slots[self->next_batch % self->n_slots];

  while (self->next_made < self->next_batch + self->n_ahead)
    seg_batcher_begin (self, self->next_made++);

  g_mutex_lock (&self->mutex);
  while (slot->n_missing > 0)
    g_cond_wait (&self->made, &self->mutex);
  g_mutex_unlock (&self->mutex);
  self->next_batch++;
  if (slot->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&slot->error));
      return FALSE;
    }
  *out = (SegBatch){ .images = slot->images,
                     .targets = slot->targets,
                     .weights = slot->weights,
                     .n = self->options.n,
                     .c = self->c,
                     .h = self->options.h,
                     .w = self->options.w };
  return TRUE;
}

/**
 * seg_batcher_get_steps_per_epoch:
 * @self: a batcher
 *
 * Returns: batches after which every sample has been seen; where draws are no multiple of a
 *   batch, the last one begins the next epoch
 */
guint64
seg_batcher_get_steps_per_epoch (SegBatcher *self)
{
  guint n = (guint) self->options.n;

  return (self->n_draws + n - 1) / n;
}
