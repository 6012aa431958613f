/* A folder of images and masks: opening it, and what is known of it. */
#include <segkit/pool.h>

#include "dataset-private.h"
#include "memory-budget.h"

SegEntry *
seg_entry_new (const char *name)
{
  SegEntry *self = g_new0 (SegEntry, 1);

  self->sample.name = g_strdup (name);
  self->sample.n_draws = 1;
  return self;
}

void
seg_entry_free (SegEntry *self)
{
  g_free (self->sample.name);
  g_strfreev (self->sample.images);
  g_free (self->sample.mask);
  g_free (self->sample.instances);
  g_free (self->file_bands);
  g_free (self->palette);
  g_clear_pointer (&self->values, g_array_unref);
  g_free (self->hash);
  g_strfreev (self->contents);
  g_clear_pointer (&self->data, seg_sample_data_unref);
  g_free (self);
}

SegEntry *
_seg_dataset_get_entry (SegDataset *self, SegSplit split, guint i)
{
  return g_ptr_array_index (self->splits[split], i);
}

static void
seg_dataset_class_free (SegDatasetClass *self)
{
  g_free (self->name);
  g_array_unref (self->codes);
  g_free (self);
}

/* The most bands that any sample's file has: grey is repeated among colours. */
static void
seg_dataset_find_bands (SegDataset *self)
{
  self->file_bands = g_new0 (guint, self->n_files);
  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      for (guint k = 0; k < self->n_files; k++)
        self->file_bands[k] = MAX (self->file_bands[k], entry->file_bands[k]);
      self->depth = MAX (self->depth, entry->depth);
    }
  for (guint k = 0; k < self->n_files; k++)
    {
      if (self->n_files == 1 && self->options.bands > 0)
        self->file_bands[k] = (guint) self->options.bands;
      self->n_bands += self->file_bands[k];
    }
}

static gboolean
seg_dataset_load (SegDataset *self, GKeyFile *recipe, GError **error)
{
  g_autoptr (SegPool) pool = seg_pool_new (g_get_num_processors ());

  if (!_seg_dataset_options_read (&self->options, recipe, error)
      || !_seg_dataset_find_files (self, error) || !_seg_dataset_split (self, error))
    return FALSE;
  _seg_dataset_inspect (self, pool);
  seg_dataset_find_bands (self);
  return _seg_dataset_find_classes (self, recipe, error);
}

/**
 * seg_dataset_open:
 * @path: a folder
 * @recipe: (nullable): its groups [data] and [data.classes] say what the folder does not
 * @error: return location
 *
 * Finds samples and classes. Every mask is read for it, and every image's head. What is wrong with
 * single files is no error here but a problem of seg_dataset_check().
 * Errors: `SEG_ERROR_FORMAT` where the folder is none of a data set, `SEG_ERROR_PARAM` for a key or
 * value of the recipe, `SEG_ERROR_UNSUPPORTED`, `G_IO_ERROR`, `G_FILE_ERROR`.
 * Threads: one opens and checks; then any number may read.
 */
SegDataset *
seg_dataset_open (const char *path, GKeyFile *recipe, GError **error)
{
  g_autoptr (SegDataset) self = g_new0 (SegDataset, 1);

  self->path = g_strdup (path);
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    self->splits[split] = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_entry_free);
  self->readable = g_ptr_array_new ();
  self->problems = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_problem_free);
  self->classes = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_dataset_class_free);
  self->ignore = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->numbers = g_new0 (guint16, G_MAXUINT16 + 1);
  self->colour_classes = g_hash_table_new (NULL, NULL);
  self->cache_bytes = seg_memory_budget_get_default () / SEG_DATASET_CACHE_SHARE;
  g_mutex_init (&self->mutex);
  return seg_dataset_load (self, recipe, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_dataset_free:
 * @self: a data set
 */
void
seg_dataset_free (SegDataset *self)
{
  _seg_dataset_options_clear (&self->options);
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    g_clear_pointer (&self->splits[split], g_ptr_array_unref);
  g_ptr_array_unref (self->readable);
  g_ptr_array_unref (self->problems);
  g_ptr_array_unref (self->classes);
  g_array_unref (self->ignore);
  g_hash_table_unref (self->colour_classes);
  g_mutex_clear (&self->mutex);
  g_free (self->path);
  g_free (self->file_bands);
  g_free (self->numbers);
  g_free (self->counts);
  g_free (self);
}

/**
 * seg_dataset_get_layout:
 * @self: a data set
 *
 * Returns: the name of the layout that its folder has, a value of the recipe's `layout`
 */
const char *
seg_dataset_get_layout (SegDataset *self)
{
  return self->layout;
}

/**
 * seg_dataset_get_n:
 * @self: a data set
 * @split: which part
 *
 * Returns: its samples, those that cannot be read among them
 */
guint
seg_dataset_get_n (SegDataset *self, SegSplit split)
{
  return self->splits[split]->len;
}

/**
 * seg_dataset_count_draws:
 * @self: a data set
 * @split: a part of it
 *
 * Returns: samples of an epoch, of which some may come more than once
 */
guint64
seg_dataset_count_draws (SegDataset *self, SegSplit split)
{
  guint64 n_draws = 0;

  for (guint i = 0; i < seg_dataset_get_n (self, split); i++)
    n_draws += seg_dataset_get (self, split, i)->n_draws;
  return n_draws;
}

/**
 * seg_dataset_get:
 * @self: a data set
 * @split: which part
 * @i: below seg_dataset_get_n()
 *
 * Returns: (transfer none): the files of a sample; they are in the order of their names
 */
const SegSample *
seg_dataset_get (SegDataset *self, SegSplit split, guint i)
{
  return &_seg_dataset_get_entry (self, split, i)->sample;
}

/**
 * seg_dataset_choose_test_split:
 * @self: a data set
 *
 * Returns: images that no choice was made by, if there are any; otherwise those that validate
 */
SegSplit
seg_dataset_choose_test_split (SegDataset *self)
{
  return seg_dataset_get_n (self, SEG_SPLIT_TEST) > 0 ? SEG_SPLIT_TEST : SEG_SPLIT_VALIDATION;
}

/**
 * seg_dataset_is_split_given:
 * @self: a data set
 *
 * Returns: whether folders, lists or the recipe say which samples validate; otherwise every
 *   fifth does
 */
gboolean
seg_dataset_is_split_given (SegDataset *self)
{
  return self->split_given;
}

/**
 * seg_dataset_get_n_bands:
 * @self: a data set
 *
 * Returns: bands of a sample, of all its files together; alpha is none. A model for it has as
 *   many channels
 */
guint
seg_dataset_get_n_bands (SegDataset *self)
{
  return self->n_bands;
}

/**
 * seg_dataset_get_depth:
 * @self: a data set
 *
 * Returns: the most bits that an image has for a sample: 8, 16, or 32 for floats; 0 where no image
 *   can be read
 */
guint
seg_dataset_get_depth (SegDataset *self)
{
  return self->depth;
}

/**
 * seg_dataset_has_instances:
 * @self: a data set
 *
 * Returns: whether every training sample says which object a pixel belongs to
 */
gboolean
seg_dataset_has_instances (SegDataset *self)
{
  GPtrArray *train = self->splits[SEG_SPLIT_TRAIN];

  for (guint i = 0; i < train->len && !self->objects; i++)
    if (_seg_dataset_get_entry (self, SEG_SPLIT_TRAIN, i)->sample.instances == NULL)
      return FALSE;
  return train->len > 0;
}

/**
 * seg_dataset_get_size_range:
 * @self: a data set
 * @min_width: (out): of all samples
 * @max_width: (out): the same
 * @min_height: (out): the same
 * @max_height: (out): the same
 *
 * All are 0 where no sample can be read.
 */
void
seg_dataset_get_size_range (SegDataset *self, gint64 *min_width, gint64 *max_width,
                            gint64 *min_height, gint64 *max_height)
{
  *min_width = *min_height = *max_width = *max_height = 0;
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < self->splits[split]->len; i++)
      {
        const SegSample *sample = seg_dataset_get (self, split, i);

        if (sample->width == 0)
          continue;
        *min_width = *min_width == 0 ? sample->width : MIN (*min_width, sample->width);
        *min_height = *min_height == 0 ? sample->height : MIN (*min_height, sample->height);
        *max_width = MAX (*max_width, sample->width);
        *max_height = MAX (*max_height, sample->height);
      }
}

/**
 * seg_dataset_get_n_classes:
 * @self: a data set
 *
 * Returns: classes, the background among them
 */
guint
seg_dataset_get_n_classes (SegDataset *self)
{
  return self->classes->len;
}

/**
 * seg_dataset_get_class:
 * @self: a data set
 * @i: below seg_dataset_get_n_classes()
 *
 * Returns: (transfer none): name and colour
 */
const SegClass *
seg_dataset_get_class (SegDataset *self, guint i)
{
  return &((SegDatasetClass *) g_ptr_array_index (self->classes, i))->view;
}

static char *
seg_dataset_dup_codes (const GArray *codes)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < codes->len; i++)
    {
      guint32 code = g_array_index (codes, guint32, i);

      g_string_append_printf (text, code & SEG_MASK_COLOUR ? "%s#%06x" : "%s%u", i > 0 ? ", " : "",
                              code & ~SEG_MASK_COLOUR);
    }
  return g_string_free (text, FALSE);
}

/**
 * seg_dataset_dup_class_values:
 * @self: a data set
 * @i: below seg_dataset_get_n_classes()
 *
 * Returns: (transfer full): what masks have for it, as in a recipe's group [data.classes]:
 *   `7, #80ff00`
 */
char *
seg_dataset_dup_class_values (SegDataset *self, guint i)
{
  return seg_dataset_dup_codes (((SegDatasetClass *) g_ptr_array_index (self->classes, i))->codes);
}

/**
 * seg_dataset_dup_ignored_values:
 * @self: a data set
 *
 * Returns: (transfer full): what masks have for pixels that count for nothing, as in a recipe's
 *   [data] ignore; empty if there is no such value
 */
char *
seg_dataset_dup_ignored_values (SegDataset *self)
{
  return seg_dataset_dup_codes (self->ignore);
}

/**
 * seg_dataset_numbers_objects:
 * @self: a data set
 *
 * Returns: whether numbers of the masks are objects, and no classes
 */
gboolean
seg_dataset_numbers_objects (SegDataset *self)
{
  return self->objects;
}

/**
 * seg_dataset_get_class_counts:
 * @self: a data set
 *
 * Returns: (array): pixels of each class in the training masks, each of which counts once, however
 *   often an epoch has it
 */
const guint64 *
seg_dataset_get_class_counts (SegDataset *self)
{
  return self->counts;
}

/**
 * seg_dataset_get_ignore_count:
 * @self: a data set
 *
 * Returns: pixels of the training masks that count for nothing
 */
guint64
seg_dataset_get_ignore_count (SegDataset *self)
{
  return self->n_ignored;
}
