/* Which samples are learnt from and which validate.
 *
 * A layout's own folders or lists decide; else the recipe; else, of the training samples in the
 * order of their names, every fifth validates. That rule draws nothing: the same folder is always
 * split the same way, and pictures of a series are spread. */
#include <math.h>
#include <string.h>

#include "dataset-files.h"
#include "units.h"

static const char *const seg_list_names[SEG_N_SPLITS][3] = {
  { "train.txt", "ImageSets/Segmentation/train.txt", NULL },
  { "val.txt", "ImageSets/Segmentation/val.txt", NULL },
  { "test.txt", "ImageSets/Segmentation/test.txt", NULL },
};

/**
 * _seg_dataset_find_file: (skip)
 *
 * Returns: (transfer full) (nullable): a file that the recipe names, in the dataset's folder or
 *   else from where we are
 */
char *
_seg_dataset_find_file (SegDataset *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->path, name, NULL);

  if (!g_path_is_absolute (name) && g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&path);
  return g_file_test (name, G_FILE_TEST_IS_REGULAR) ? g_strdup (name) : NULL;
}

/**
 * _seg_dataset_get_inside: (skip)
 *
 * Returns: (nullable): the part of @path below the dataset's folder; %NULL: it is elsewhere
 */
const char *
_seg_dataset_get_inside (SegDataset *self, const char *path)
{
  gsize n = strlen (self->path);

  while (n > 0 && self->path[n - 1] == '/')
    n--;
  if (strncmp (path, self->path, n) != 0 || (n > 0 && path[n] != '/'))
    return NULL;
  return path + n + strspn (path + n, "/");
}

/* The name of the sample that a line of a list means: its first word, without folder and ending. */
static char *
seg_split_get_name (char *line)
{
  g_autofree char *base = NULL;
  char *dot;

  g_strstrip (line);
  if (*line == '\0' || *line == '#')
    return NULL;
  line[strcspn (line, " \t,")] = '\0';
  base = g_path_get_basename (line);
  dot = strrchr (base, '.');
  if (dot != NULL && dot != base && strspn (dot + 1, "0123456789") != strlen (dot + 1))
    *dot = '\0';
  return g_steal_pointer (&base);
}

static GHashTable *
seg_split_read_list (const char *path, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      char *name = seg_split_get_name (*line);

      if (name != NULL)
        g_hash_table_add (names, name);
    }
  return g_steal_pointer (&names);
}

static char *
seg_split_find_list (SegDataset *self, guint split, GError **error)
{
  if (self->options.lists[split] != NULL)
    {
      char *path = _seg_dataset_find_file (self, self->options.lists[split]);

      if (path == NULL)
        g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data]: there is no file %s, nor in %s",
                     self->options.lists[split], self->path);
      return path;
    }
  for (guint i = 0; seg_list_names[split][i] != NULL && self->options.validation_names == NULL; i++)
    {
      g_autofree char *path = g_build_filename (self->path, seg_list_names[split][i], NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
    }
  return NULL;
}

typedef gboolean (*SegSplitFunc) (SegEntry *entry, guint i, gpointer data);

/* Moves those samples to the end of another list of which @chosen is true. */
static void
seg_split_move (GPtrArray *from, GPtrArray *to, SegSplitFunc chosen, gpointer data)
{
  guint n = from->len, n_kept = 0;

  g_ptr_array_set_free_func (from, NULL);
  for (guint i = 0; i < n; i++)
    {
      SegEntry *entry = g_ptr_array_index (from, i);

      if (chosen (entry, i, data))
        g_ptr_array_add (to, entry);
      else
        from->pdata[n_kept++] = entry;
    }
  g_ptr_array_set_size (from, (gint) n_kept);
  g_ptr_array_set_free_func (from, (GDestroyNotify) seg_entry_free);
}

/* Takes its name off the names, too. */
static gboolean
seg_split_is_named (SegEntry *entry, guint i, gpointer names)
{
  (void) i;
  return g_hash_table_remove (names, entry->sample.name);
}

static gboolean
seg_split_is_any (SegEntry *entry, guint i, gpointer data)
{
  (void) entry, (void) i, (void) data;
  return TRUE;
}

/* What a list names and there is not, or is no longer. */
static void
seg_split_note_missing (SegDataset *self, const char *list, guint splits, GHashTable *names)
{
  g_autoptr (GList) keys =
      g_list_sort (g_hash_table_get_keys (names), (GCompareFunc) seg_name_compare);

  for (GList *key = keys; key != NULL; key = key->next)
    {
      gboolean used = FALSE;
      SegProblem *problem;

      for (guint split = 0; split < SEG_N_SPLITS; split++)
        for (guint i = 0; i < self->splits[split]->len && !used; i++)
          used = g_str_equal (_seg_dataset_get_entry (self, split, i)->sample.name, key->data);
      if (used)
        problem = _seg_dataset_add_problem (self->problems, TRUE, "in two lists", list,
                                            "names \"%s\", as another list does",
                                            (const char *) key->data);
      else
        problem = _seg_dataset_add_problem (self->problems, TRUE, "listed but not there", list,
                                            "names \"%s\", of which there is no image with a mask",
                                            (const char *) key->data);
      problem->splits = splits;
    }
}

/* Samples that no list names are not used, if there is a list of what to train on. */
static gboolean
seg_split_by_lists (SegDataset *self, GError **error)
{
  static const SegSplit order[] = { SEG_SPLIT_VALIDATION, SEG_SPLIT_TEST, SEG_SPLIT_TRAIN };
  g_autoptr (GPtrArray) all = g_steal_pointer (&self->splits[SEG_SPLIT_TRAIN]);
  gboolean has_train = FALSE;

  self->splits[SEG_SPLIT_TRAIN] = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_entry_free);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    {
      GError *failure = NULL;
      g_autofree char *path = seg_split_find_list (self, order[i], &failure);
      g_autoptr (GHashTable) names = path != NULL ? seg_split_read_list (path, &failure) : NULL;

      if (failure != NULL)
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
      if (names == NULL)
        continue;
      has_train |= order[i] == SEG_SPLIT_TRAIN;
      seg_split_move (all, self->splits[order[i]], seg_split_is_named, names);
      if (order[i] != SEG_SPLIT_TEST) /* whose masks are often kept back */
        seg_split_note_missing (self, path, 1u << order[i], names);
    }
  if (!has_train)
    seg_split_move (all, self->splits[SEG_SPLIT_TRAIN], seg_split_is_any, NULL);
  if (all->len > 0)
    _seg_dataset_add_problem (self->problems, FALSE, "in no list", self->path,
                              "has %u image%s with a mask that no list names; not used", all->len,
                              seg_units_plural (all->len));
  return TRUE;
}

static void
seg_split_by_names (SegDataset *self)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (char **name = self->options.validation_names; *name != NULL; name++)
    g_hash_table_add (names, *name);
  seg_split_move (self->splits[SEG_SPLIT_TRAIN], self->splits[SEG_SPLIT_VALIDATION],
                  seg_split_is_named, names);
  seg_split_note_missing (self, "[data] validation-names", 0, names);
}

/* Sample i validates where i + 1 shares round down to a new whole number. */
static gboolean
seg_split_is_due (SegEntry *entry, guint i, gpointer data)
{
  double share = *(double *) data;

  (void) entry;
  /* a share such as 0.2 is a little less or more than it says */
  return floor ((i + 1) * share + 1e-9) > floor (i * share + 1e-9);
}

/* Of two or more at least one validates. */
static void
seg_split_by_share (SegDataset *self)
{
  GPtrArray *train = self->splits[SEG_SPLIT_TRAIN], *rest = self->splits[SEG_SPLIT_VALIDATION];

  seg_split_move (train, rest, seg_split_is_due, &self->options.validation_share);
  if (rest->len == 0 && train->len > 1 && self->options.validation_share > 0)
    g_ptr_array_add (rest, g_ptr_array_steal_index (train, train->len - 1));
}

/* Returns (element-type SegSample): those of these names. */
static GPtrArray *
seg_split_find (SegDataset *self, SegSplit split, const char *names)
{
  g_autoptr (GPatternSpec) pattern = g_pattern_spec_new (names);
  GPtrArray *samples = g_ptr_array_new ();

  for (guint i = 0; i < self->splits[split]->len; i++)
    {
      SegSample *sample = &_seg_dataset_get_entry (self, split, i)->sample;

      if (g_pattern_spec_match_string (pattern, sample->name))
        g_ptr_array_add (samples, sample);
    }
  return samples;
}

static void
seg_split_note_not_oversampled (SegDataset *self, const char *names)
{
  g_autoptr (GPtrArray) validate = seg_split_find (self, SEG_SPLIT_VALIDATION, names);

  _seg_dataset_add_problem (self->problems, TRUE, "oversampled but not there", "[data] oversample",
                            "no training sample is called \"%s\"%s", names,
                            validate->len > 0 ? ": it validates" : "")
      ->splits = 0;
}

/* How often each training sample is drawn: as the first names say that are its own. */
static void
seg_split_oversample (SegDataset *self)
{
  for (guint j = self->options.oversample != NULL ? self->options.oversample->len : 0; j-- > 0;)
    {
      const SegOversampling *item = &g_array_index (self->options.oversample, SegOversampling, j);
      g_autoptr (GPtrArray) samples = seg_split_find (self, SEG_SPLIT_TRAIN, item->names);

      for (guint i = 0; i < samples->len; i++)
        ((SegSample *) g_ptr_array_index (samples, i))->n_draws = item->n_draws;
      if (samples->len == 0)
        seg_split_note_not_oversampled (self, item->names);
    }
}

/* A file without a partner is in no part, but could be in each that was taken from its folder. */
static void
seg_split_widen (SegProblem *problem, guint taken)
{
  if (problem->splits == 1u << SEG_SPLIT_TRAIN)
    problem->splits |= taken;
}

/**
 * _seg_dataset_split: (skip)
 *
 * Errors: `SEG_ERROR_PARAM` for a list that there is not, `G_FILE_ERROR`.
 */
gboolean
_seg_dataset_split (SegDataset *self, GError **error)
{
  gboolean has_folders = self->splits[SEG_SPLIT_VALIDATION]->len > 0;
  guint n_before[SEG_N_SPLITS], n_problems = self->problems->len, taken = 0;

  for (guint split = 0; split < SEG_N_SPLITS; split++)
    n_before[split] = self->splits[split]->len;
  if (!has_folders && !seg_split_by_lists (self, error))
    return FALSE;
  if (self->options.validation_names != NULL)
    seg_split_by_names (self);
  self->split_given = self->splits[SEG_SPLIT_VALIDATION]->len > 0;
  if (!self->split_given)
    seg_split_by_share (self);
  seg_split_oversample (self);
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    {
      taken |= self->splits[split]->len > n_before[split] ? 1u << split : 0;
      for (guint i = 0; i < self->splits[split]->len; i++)
        _seg_dataset_get_entry (self, split, i)->split = split;
    }
  for (guint i = 0; i < n_problems; i++)
    seg_split_widen (g_ptr_array_index (self->problems, i), taken);
  return TRUE;
}
