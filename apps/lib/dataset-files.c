/* A sample's files have the same name but for ending and suffix: 7.png and 7_mask.png, or
 * 7_0000.tif, 7_0001.tif and 7.tif. Where no two names of a folder of images and one of masks
 * agree, they are compared without what all names of their folder begin and end with: cell_07.png
 * and truth_07.png. */
#include <string.h>

#include <gio/gio.h>

#include "dataset-files.h"
#include "image-name.h"

/* Files of one sample, _0000 to _0063. */
#define SEG_FILES_MAX_CHANNELS 64

static const char *const seg_mask_suffixes[] = { "_mask",      "_masks",        "_label",
                                                 "_labels",    "_seg",          "_gt",
                                                 "_L",         "-mask",         "-label",
                                                 "_instances", "_labelTrainIds" };

typedef struct
{
  char *key; /* what the files of a sample share */
  char *path;
} SegFile;

static void
seg_file_free (SegFile *self)
{
  g_free (self->key);
  g_free (self->path);
  g_free (self);
}

/* All files of a split. */
typedef struct
{
  GPtrArray *images; /* a list for each file of a sample */
  guint n_images;    /* files that a sample has; the lists behind are of images without masks */
  GPtrArray *masks;
  GPtrArray *instances; /* or NULL */
  gboolean channels;    /* the lists are of one folder, whose names end with their numbers */
} SegFileLists;

static void
seg_file_lists_clear (SegFileLists *self)
{
  g_clear_pointer (&self->images, g_ptr_array_unref);
  g_clear_pointer (&self->masks, g_ptr_array_unref);
  g_clear_pointer (&self->instances, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegFileLists, seg_file_lists_clear)

/**
 * seg_name_compare:
 * @a: a name
 * @b: another
 *
 * Numbers in names are compared as numbers: 9 is before 10.
 *
 * Returns: negative, 0 only for equal names, or positive
 */
gint
seg_name_compare (const char *a, const char *b)
{
  const char *p = a, *q = b;

  while (*p != '\0' && *q != '\0')
    if (g_ascii_isdigit (*p) && g_ascii_isdigit (*q))
      {
        gsize n, m;

        p += strspn (p, "0");
        q += strspn (q, "0");
        n = strspn (p, "0123456789");
        m = strspn (q, "0123456789");
        if (n != m || strncmp (p, q, n) != 0)
          return n != m ? (n < m ? -1 : 1) : strncmp (p, q, n);
        p += n;
        q += n;
      }
    else if (*p != *q)
      return (guchar) *p < (guchar) *q ? -1 : 1;
    else
      p++, q++;
  return *p != *q ? (*p == '\0' ? -1 : 1) : strcmp (a, b);
}

static gint
seg_file_compare (gconstpointer a, gconstpointer b)
{
  const SegFile *first = *(SegFile *const *) a, *second = *(SegFile *const *) b;
  gint order = seg_name_compare (first->key, second->key);

  return order != 0 ? order : strcmp (first->path, second->path);
}

/* Once, though a folder may be looked through for several things. */
static void
seg_files_note_left_out (SegDataset *self, const SegLeftOut *left_out)
{
  static const char kind[] = "left out";
  g_autofree char *text = seg_left_out_dup_text (left_out, SEG_LEFT_OUT_FORMAT);

  for (guint i = 0; i < self->problems->len; i++)
    {
      const SegProblem *problem = g_ptr_array_index (self->problems, i);

      if (problem->kind == kind && g_strcmp0 (problem->file, left_out->first) == 0)
        return;
    }
  if (left_out->n > 0)
    _seg_dataset_add_problem (self->problems, FALSE, kind, left_out->first, "%s", text);
}

/* The images of a folder whose names end with @suffix, by name. */
static GPtrArray *
seg_files_list (SegDataset *self, const char *folder, const char *suffix, GError **error)
{
  g_auto (SegLeftOut) left_out = { 0 };
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_file_free);
  GDir *dir = g_dir_open (folder, 0, error);
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      gsize length = seg_image_name_get_stem_length (name);
      g_autofree char *stem = g_strndup (name, length);
      SegFile *file;

      if (length == 0)
        seg_left_out_add (&left_out, folder, name);
      if (length == 0 || (suffix != NULL && !g_str_has_suffix (stem, suffix)))
        continue;
      file = g_new0 (SegFile, 1);
      file->key = g_strndup (stem, length - (suffix != NULL ? strlen (suffix) : 0));
      file->path = g_build_filename (folder, name, NULL);
      g_ptr_array_add (files, file);
    }
  g_dir_close (dir);
  seg_files_note_left_out (self, &left_out);
  g_ptr_array_sort (files, seg_file_compare);
  return g_steal_pointer (&files);
}

static GHashTable *
seg_files_index (SegDataset *self, GPtrArray *files)
{
  GHashTable *index = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < files->len; i++)
    {
      SegFile *file = g_ptr_array_index (files, i), *other;

      other = g_hash_table_lookup (index, file->key);
      if (other == NULL)
        g_hash_table_insert (index, file->key, file);
      else if (self != NULL)
        _seg_dataset_add_problem (self->problems, TRUE, "two files of one name", file->path,
                                  "is one of two files that are called \"%s\"; the other is %s",
                                  file->key, other->path);
    }
  return index;
}

/* A name without the number of a file of its sample, _0000, _0001, …, as nnU-Net has them; NULL: it
 * has none. */
static char *
seg_file_dup_sample_name (const SegFile *self, guint *channel)
{
  const char *mark = strrchr (self->key, '_');

  if (mark == NULL || mark == self->key || strlen (mark) != 5
      || strspn (mark + 1, "0123456789") != 4)
    return NULL;
  *channel = (guint) g_ascii_strtoull (mark + 1, NULL, 10);
  return *channel < SEG_FILES_MAX_CHANNELS ? g_strndup (self->key, (gsize) (mark - self->key))
                                           : NULL;
}

/* Names of samples that these may be images of: whole, or without the number of a file. */
static GHashTable *
seg_files_list_names (GPtrArray *images)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < images->len; i++)
    {
      const SegFile *image = g_ptr_array_index (images, i);
      guint channel;
      char *name = seg_file_dup_sample_name (image, &channel);

      g_hash_table_add (names, g_strdup (image->key));
      if (name != NULL)
        g_hash_table_add (names, name);
    }
  return names;
}

/* Drops the usual suffixes of masks, where the name without it is that of an image. */
static void
seg_files_drop_suffixes (GPtrArray *masks, GHashTable *images)
{
  for (guint i = 0; i < masks->len; i++)
    {
      SegFile *file = g_ptr_array_index (masks, i);

      for (guint j = 0; j < G_N_ELEMENTS (seg_mask_suffixes); j++)
        if (!g_hash_table_contains (images, file->key)
            && g_str_has_suffix (file->key, seg_mask_suffixes[j]))
          {
            gsize length = strlen (file->key) - strlen (seg_mask_suffixes[j]);
            g_autofree char *key = g_strndup (file->key, length);

            if (g_hash_table_contains (images, key))
              {
                g_free (file->key);
                file->key = g_steal_pointer (&key);
              }
          }
    }
  g_ptr_array_sort (masks, seg_file_compare);
}

static guint
seg_files_count_common (GPtrArray *files, GHashTable *others)
{
  guint n = 0;

  for (guint i = 0; i < files->len; i++)
    n += g_hash_table_contains (others, ((SegFile *) g_ptr_array_index (files, i))->key);
  return n;
}

/* Drops what all names begin and end with. A digit is kept: of c01t1 and c01t12 only c01t goes. */
static void
seg_files_drop_common (GPtrArray *files)
{
  const char *first = files->len > 0 ? ((SegFile *) g_ptr_array_index (files, 0))->key : "";
  gsize head = strlen (first), tail = head;

  for (guint i = 1; i < files->len; i++)
    {
      const char *key = ((SegFile *) g_ptr_array_index (files, i))->key;
      gsize n = strlen (key), same = 0;

      while (same < head && first[same] == key[same])
        same++;
      head = same;
      for (same = 0; same < MIN (tail, n) && first[strlen (first) - 1 - same] == key[n - 1 - same];)
        same++;
      tail = same;
    }
  while (head > 0 && g_ascii_isdigit (first[head - 1]))
    head--;
  while (tail > 0 && g_ascii_isdigit (first[strlen (first) - tail]))
    tail--;
  for (guint i = 0; i < files->len; i++)
    {
      SegFile *file = g_ptr_array_index (files, i);
      gsize n = strlen (file->key);
      char *key = g_strndup (file->key + head, n - head - MIN (tail, n - head));

      g_free (file->key);
      file->key = key;
    }
  g_ptr_array_sort (files, seg_file_compare);
}

static void
seg_dataset_add_sample (SegDataset *self, SegSplit split, const char *name, GHashTable **images,
                        guint n_images, SegFile *mask, SegFile *instances)
{
  SegEntry *entry = seg_entry_new (name);
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  for (guint k = 0; k < n_images; k++)
    g_strv_builder_add (paths, ((SegFile *) g_hash_table_lookup (images[k], name))->path);
  entry->sample.images = g_strv_builder_end (paths);
  entry->sample.mask = g_strdup (mask->path);
  entry->sample.instances = instances != NULL ? g_strdup (instances->path) : NULL;
  g_ptr_array_add (self->splits[split], entry);
}

/* Where a file of a sample should be, as a message has it. */
static char *
seg_file_lists_dup_place (const SegFileLists *self, const SegFolders *folders, const char *key,
                          guint k)
{
  return self->channels ? g_strdup_printf ("%s_%04u in %s", key, k, folders->images[0])
                        : g_strdup_printf ("in %s", folders->images[k]);
}

/* Notes which file of its sample an image lacks. Returns whether there is one. */
static gboolean
seg_dataset_note_missing (SegDataset *self, const SegFolders *folders, const SegFileLists *files,
                          const SegFile *image, GHashTable **images, const SegFile *mask)
{
  guint n_found = 0;
  g_autofree char *place = NULL;

  while (n_found < files->n_images && g_hash_table_contains (images[n_found], image->key))
    n_found++;
  place = n_found < files->n_images ? seg_file_lists_dup_place (files, folders, image->key, n_found)
                                    : NULL;
  if (mask == NULL && !folders->lenient)
    _seg_dataset_add_problem (self->problems, TRUE, "no mask", image->path, "has no mask in %s",
                              folders->masks);
  else if (mask != NULL && place != NULL)
    _seg_dataset_add_problem (self->problems, TRUE, "a file is missing", image->path,
                              "has no counterpart %s", place);
  return mask == NULL || place != NULL;
}

/* One sample for each name that has all files. */
static void
seg_dataset_pair (SegDataset *self, SegSplit split, const SegFolders *folders,
                  const SegFileLists *files)
{
  guint n_images = files->n_images;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  g_autoptr (GHashTable) names = NULL;
  g_autofree GHashTable **images = g_new0 (GHashTable *, n_images);
  g_autoptr (GHashTable) masks = seg_files_index (self, files->masks);
  g_autoptr (GHashTable) instances =
      files->instances != NULL ? seg_files_index (self, files->instances) : NULL;

  for (guint k = 0; k < n_images; k++)
    images[k] = seg_files_index (self, g_ptr_array_index (files->images, k));
  for (guint k = 0; k < files->images->len; k++)
    g_ptr_array_extend (all, g_ptr_array_index (files->images, k), NULL, NULL);
  names = seg_files_index (NULL, all);
  for (guint i = 0; i < all->len; i++)
    {
      SegFile *image = g_ptr_array_index (all, i);
      SegFile *mask = g_hash_table_lookup (masks, image->key);

      /* of several of one name the first counts */
      if (g_hash_table_lookup (names, image->key) == image
          && !seg_dataset_note_missing (self, folders, files, image, images, mask))
        seg_dataset_add_sample (self, split, image->key, images, n_images, mask,
                                instances != NULL ? g_hash_table_lookup (instances, image->key)
                                                  : NULL);
    }
  for (guint i = 0; i < files->masks->len; i++)
    {
      SegFile *mask = g_ptr_array_index (files->masks, i);
      g_autofree char *place = seg_file_lists_dup_place (files, folders, mask->key, 0);

      if (!g_hash_table_contains (names, mask->key))
        _seg_dataset_add_problem (self->problems, TRUE, "no image", mask->path, "has no image %s",
                                  place);
    }
  for (guint k = 0; k < n_images; k++)
    g_hash_table_unref (images[k]);
}

/* Images and masks of one folder, as X.png and X_mask.png. */
static void
seg_files_take_masks (GPtrArray *images, GPtrArray *masks)
{
  g_autoptr (GHashTable) index = seg_files_list_names (images);

  for (guint i = images->len; i-- > 0;)
    {
      const char *key = ((SegFile *) g_ptr_array_index (images, i))->key;

      for (guint j = 0; j < G_N_ELEMENTS (seg_mask_suffixes); j++)
        {
          gsize length = strlen (key) - MIN (strlen (key), strlen (seg_mask_suffixes[j]));
          g_autofree char *stem = g_strndup (key, length);

          if (g_str_has_suffix (key, seg_mask_suffixes[j]) && g_hash_table_contains (index, stem))
            {
              g_hash_table_remove (index, key);
              g_ptr_array_add (masks, g_ptr_array_steal_index (images, i));
              break;
            }
        }
    }
}

/* Names whose numbered files are samples themselves: an image has the name, or one of the files a
 * mask of its own. */
static GHashTable *
seg_files_list_series (GPtrArray *images, GHashTable *masks)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < images->len; i++)
    {
      const SegFile *image = g_ptr_array_index (images, i);
      guint channel;
      g_autofree char *name = seg_file_dup_sample_name (image, &channel);

      g_hash_table_add (names, g_strdup (image->key));
      if (name != NULL && g_hash_table_contains (masks, image->key))
        g_hash_table_add (names, g_steal_pointer (&name));
    }
  return names;
}

/* Where there is a mask 7, 7_0000.png, 7_0001.png, … become the files of the sample 7. In a folder
 * of such samples those without any mask belong together, too. */
static void
seg_file_lists_take_channels (SegFileLists *self, GHashTable *masks)
{
  GPtrArray *first = g_ptr_array_index (self->images, 0);
  g_autoptr (GHashTable) series = seg_files_list_series (first, masks);
  guint channel;

  for (guint i = 0; i < first->len; i++)
    {
      g_autofree char *name = seg_file_dup_sample_name (g_ptr_array_index (first, i), &channel);

      if (name == NULL || g_hash_table_contains (series, name)
          || !g_hash_table_contains (masks, name))
        continue;
      self->channels = TRUE;
      self->n_images = MAX (self->n_images, channel + 1);
    }
  for (guint i = self->channels ? first->len : 0; i-- > 0;)
    {
      SegFile *file = g_ptr_array_index (first, i);
      g_autofree char *name = seg_file_dup_sample_name (file, &channel);

      if (name == NULL || g_hash_table_contains (series, name))
        continue;
      while (self->images->len <= channel)
        g_ptr_array_add (self->images,
                         g_ptr_array_new_with_free_func ((GDestroyNotify) seg_file_free));
      g_free (file->key);
      file->key = g_steal_pointer (&name);
      if (channel > 0)
        g_ptr_array_add (g_ptr_array_index (self->images, channel),
                         g_ptr_array_steal_index (first, i));
    }
  for (guint k = 0; k < self->images->len; k++)
    g_ptr_array_sort (g_ptr_array_index (self->images, k), seg_file_compare);
}

static gboolean
seg_file_lists_init (SegFileLists *self, SegDataset *dataset, const SegFolders *folders,
                     GError **error)
{
  self->images = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  for (guint k = 0; folders->images[k] != NULL; k++)
    {
      const char *suffix = folders->image_suffixes != NULL ? folders->image_suffixes[k] : NULL;
      GPtrArray *files = seg_files_list (dataset, folders->images[k], suffix, error);

      if (files == NULL)
        return FALSE;
      g_ptr_array_add (self->images, files);
    }
  self->n_images = self->images->len;
  self->masks = seg_files_list (dataset, folders->masks, folders->mask_suffix, error);
  if (self->masks == NULL)
    return FALSE;
  if (folders->instances != NULL)
    self->instances = seg_files_list (dataset, folders->instances, NULL, error);
  return folders->instances == NULL || self->instances != NULL;
}

/* Makes the keys of files that belong together the same. */
static void
seg_file_lists_match (SegFileLists *self, const SegFolders *folders)
{
  GPtrArray *first = g_ptr_array_index (self->images, 0);
  g_autoptr (GHashTable) images = NULL, masks = NULL;
  gboolean agree = TRUE;

  if (g_str_equal (folders->masks, folders->images[0]) && folders->mask_suffix == NULL)
    {
      g_ptr_array_set_size (self->masks, 0);
      seg_files_take_masks (first, self->masks);
    }
  images = seg_files_list_names (first);
  seg_files_drop_suffixes (self->masks, images);
  if (self->instances != NULL)
    seg_files_drop_suffixes (self->instances, images);

  masks = seg_files_index (NULL, self->masks);
  if (self->images->len == 1 && folders->image_suffixes == NULL)
    seg_file_lists_take_channels (self, masks);
  for (guint k = 0; k < self->images->len; k++)
    agree &= seg_files_count_common (g_ptr_array_index (self->images, k), masks) > 0;
  if (agree || self->channels)
    return;
  for (guint k = 0; k < self->images->len; k++)
    seg_files_drop_common (g_ptr_array_index (self->images, k));
  seg_files_drop_common (self->masks);
  if (self->instances != NULL)
    seg_files_drop_common (self->instances);
}

/**
 * seg_dataset_add_folders: (skip)
 *
 * Adds the samples of a split in the order of their names, and notes images without masks, masks
 * without images, names that are there twice, and files that are not read.
 * Errors: `G_FILE_ERROR`.
 */
gboolean
seg_dataset_add_folders (SegDataset *self, SegSplit split, const SegFolders *folders,
                         GError **error)
{
  g_auto (SegFileLists) files = { 0 };
  guint n_problems = self->problems->len;

  if (!seg_file_lists_init (&files, self, folders, error))
    return FALSE;
  seg_file_lists_match (&files, folders);
  seg_dataset_pair (self, split, folders, &files);
  for (guint i = n_problems; i < self->problems->len; i++)
    ((SegProblem *) g_ptr_array_index (self->problems, i))->splits = 1u << split;
  return TRUE;
}

/**
 * seg_folder_find:
 * @parent: a folder
 * @names: (array zero-terminated=1): in lower case, the best first
 *
 * Returns: (transfer full) (nullable): the first of the folders of these names, in any case
 */
char *
seg_folder_find (const char *parent, const char *const *names)
{
  g_autofree char *found = NULL;
  guint best = G_MAXUINT;
  GDir *dir = g_dir_open (parent, 0, NULL);
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *lower = g_ascii_strdown (name, -1);
      g_autofree char *path = g_build_filename (parent, name, NULL);

      for (guint i = 0; names[i] != NULL && i <= best; i++)
        if (g_str_equal (lower, names[i]) && g_file_test (path, G_FILE_TEST_IS_DIR)
            && (i < best || strcmp (path, found) < 0))
          {
            best = i;
            g_free (found);
            found = g_steal_pointer (&path);
            break;
          }
    }
  g_dir_close (dir);
  return g_steal_pointer (&found);
}
