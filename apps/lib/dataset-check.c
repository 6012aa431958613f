/* Everything that is wrong with a data set, at once. */
#include <string.h>

#include <segkit/pool.h>

#include "dataset-values.h"
#include "path.h"
#include "units.h"

/* Of one kind, in a text. */
#define SEG_PROBLEMS_SHOWN 20

typedef struct
{
  SegDataset *self;
  GPtrArray *entries;
  guint *place; /* of each entry in its part */
  gboolean *failed;
} SegChecking;

void
seg_problem_free (SegProblem *problem)
{
  g_free (problem->file);
  g_free (problem->text);
  g_free (problem);
}

static SegProblem *
seg_problem_add (GPtrArray *problems, gboolean is_error, const char *kind, const char *file,
                 const char *text)
{
  SegProblem *problem = g_new0 (SegProblem, 1);

  problem->is_error = is_error;
  problem->kind = kind;
  problem->file = g_strdup (file);
  problem->text = g_strdup (text);
  problem->splits = SEG_SPLITS_ALL;
  g_ptr_array_add (problems, problem);
  return problem;
}

/**
 * _seg_dataset_add_problem: (skip)
 * @kind: a static text
 * @format: what comes behind the name of the file and a colon
 *
 * Returns: (transfer none): what was added, of any part
 */
SegProblem *
_seg_dataset_add_problem (GPtrArray *problems, gboolean is_error, const char *kind,
                          const char *file, const char *format, ...)
{
  g_autofree char *text = NULL, *line = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  line = g_strconcat (file, ": ", text, NULL);
  return seg_problem_add (problems, is_error, kind, file, line);
}

/**
 * _seg_dataset_add_failure: (skip)
 * @kind: a static text
 * @failure: whose message names the file
 *
 * Returns: (transfer none): what was added, of any part
 */
SegProblem *
_seg_dataset_add_failure (GPtrArray *problems, const char *kind, const char *file,
                          const GError *failure)
{
  return seg_problem_add (problems, TRUE, kind, file, failure->message);
}

static char *
seg_sample_data_dup_hash (const SegSampleData *data)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_MD5);
  gint64 shape[3] = { data->c, data->h, data->w };

  g_checksum_update (sum, (const guchar *) shape, sizeof shape);
  for (gint64 row = 0; row < data->c * data->h; row++)
    g_checksum_update (sum, (const guchar *) (data->image + row * data->w),
                       (gssize) data->w * (gssize) sizeof (float));
  return g_strdup (g_checksum_get_string (sum));
}

static gboolean
seg_checking_read (SegChecking *checking, guint i, GError **error)
{
  SegEntry *entry = g_ptr_array_index (checking->entries, i);
  g_autoptr (SegSampleData) data =
      seg_dataset_read (checking->self, entry->split, checking->place[i], error);

  if (data == NULL)
    return FALSE;
  g_free (entry->hash);
  entry->hash = seg_sample_data_dup_hash (data);
  _seg_entry_hash_contents (entry);
  return TRUE;
}

static void
seg_checking_run (guint task, guint thread, gpointer data)
{
  SegChecking *checking = data;

  (void) thread;
  checking->failed[task] = !seg_checking_read (checking, task, NULL);
}

/* Reads whole images. What fails is tried again alone, as in dataset-inspect.c. */
static void
seg_dataset_check_images (SegDataset *self, GPtrArray *problems)
{
  g_autoptr (SegPool) pool = seg_pool_new (g_get_num_processors ());
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  g_autoptr (GArray) place = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autofree gboolean *failed = NULL;
  SegChecking checking = { .self = self, .entries = entries };

  for (guint s = 0; s < SEG_N_SPLITS; s++)
    for (guint i = 0; i < self->splits[s]->len; i++)
      if (_seg_dataset_get_entry (self, s, i)->readable)
        {
          g_ptr_array_add (entries, _seg_dataset_get_entry (self, s, i));
          g_array_append_val (place, i);
        }
  checking.place = (guint *) place->data;
  checking.failed = failed = g_new0 (gboolean, entries->len + 1);
  seg_pool_run (pool, entries->len, seg_checking_run, &checking);
  for (guint i = 0; i < entries->len; i++)
    {
      SegEntry *entry = g_ptr_array_index (entries, i);
      g_autoptr (GError) failure = NULL;

      if (!failed[i] || seg_checking_read (&checking, i, &failure)
          || (entry->has_unknown && g_str_has_prefix (failure->message, entry->sample.mask)))
        continue; /* what is unknown was noted */
      _seg_dataset_add_failure (problems,
                                g_error_matches (failure, SEG_ERROR, SEG_ERROR_NUMERIC)
                                    ? "not a number"
                                    : "cannot be read",
                                entry->sample.images[0], failure);
    }
}

/* The same picture in two splits, or twice in one. */
static void
seg_dataset_check_overlap (SegDataset *self, GPtrArray *problems)
{
  static const char *const names[SEG_N_SPLITS] = { "training", "validation", "test" };
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal); /* → entry */

  for (guint s = 0; s < SEG_N_SPLITS; s++)
    for (guint i = 0; i < self->splits[s]->len; i++)
      {
        SegEntry *entry = _seg_dataset_get_entry (self, s, i), *other;

        if (entry->hash == NULL)
          continue;
        other = g_hash_table_lookup (seen, entry->hash);
        if (other == NULL)
          {
            g_hash_table_insert (seen, entry->hash, entry);
            continue;
          }
        _seg_dataset_add_problem (problems, FALSE, other->split != s ? "in two splits" : "twice",
                                  entry->sample.images[0],
                                  "a %s image, has the same pixels as the %s image %s", names[s],
                                  names[other->split], other->sample.images[0]);
      }
}

/* What all masks together have of a class. */
typedef struct
{
  guint64 n_pixels;
  guint n_masks;
  const SegEntry *entry; /* one of them */
  gint64 first;          /* in it */
} SegClassUse;

static void
seg_class_use_add (SegClassUse *use, const SegEntry *entry, const SegMaskValue *value)
{
  use->n_masks += use->entry != entry;
  use->n_pixels += value->count;
  use->entry = entry;
  use->first = value->first;
}

/* For each class; its pixels are also added to @n_pixels. */
static SegClassUse *
seg_dataset_count_uses (SegDataset *self, guint64 *n_pixels)
{
  SegClassUse *uses = g_new0 (SegClassUse, self->classes->len);

  *n_pixels = 0;
  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      for (guint j = 0; j < entry->values->len; j++)
        {
          const SegMaskValue *value = &g_array_index (entry->values, SegMaskValue, j);
          guint16 target =
              _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, value->code));

          if (target >= self->classes->len)
            continue;
          *n_pixels += value->count;
          seg_class_use_add (&uses[target], entry, value);
        }
    }
  return uses;
}

/* A slip of the pen, or a file that was changed by some program, makes a class of its own. */
static void
seg_dataset_check_stray (SegDataset *self, GPtrArray *problems)
{
  guint64 n_pixels;
  g_autofree SegClassUse *uses = seg_dataset_count_uses (self, &n_pixels);

  for (guint i = 0; i < self->classes->len; i++)
    {
      const SegClassUse *use = &uses[i];
      g_autofree char *values = seg_dataset_dup_class_values (self, i);
      gboolean is_rare = (double) use->n_pixels < SEG_VALUES_STRAY_SHARE * (double) n_pixels;
      gboolean is_lone =
          use->n_masks == 1 && self->readable->len > 1 && use->n_pixels <= SEG_VALUES_STRAY_PIXELS;

      if (use->n_pixels > 0 && (is_rare || is_lone))
        _seg_dataset_add_problem (
            problems, FALSE, "stray class", use->entry->sample.mask,
            "the class \"%s\" has %" G_GUINT64_FORMAT
            " pixel%s in %u of %u mask%s, one here in column %" G_GINT64_FORMAT
            ", row %" G_GINT64_FORMAT ": if it is none, mend the mask, or give [data] ignore = %s",
            seg_dataset_get_class (self, i)->name, use->n_pixels, seg_units_plural (use->n_pixels),
            use->n_masks, self->readable->len, seg_units_plural (self->readable->len),
            use->first % use->entry->sample.width, use->first / use->entry->sample.width, values);
    }
}

static void
seg_dataset_check_classes (SegDataset *self, GPtrArray *problems)
{
  guint n_present = 0;
  guint64 n_pixels = 0;

  for (guint i = 0; i < self->classes->len; i++)
    {
      n_present += self->counts[i] > 0;
      n_pixels += self->counts[i];
      if (self->counts[i] == 0)
        _seg_dataset_add_problem (problems, FALSE, "absent class", self->path,
                                  "no training mask has the class \"%s\"",
                                  seg_dataset_get_class (self, i)->name);
    }
  if (self->n_ignored > 0 && n_pixels == 0)
    _seg_dataset_add_problem (problems, TRUE, "all ignored", self->path,
                              "all %" G_GUINT64_FORMAT " pixels of the training masks are to be "
                              "ignored",
                              self->n_ignored);
  else if (n_pixels > 0 && n_present < 2)
    _seg_dataset_add_problem (
        problems, TRUE, "one class", self->path,
        "all training masks have one class, so that there is nothing to learn");
}

static void
seg_dataset_check_masks (SegDataset *self, GPtrArray *problems)
{
  guint n_colour = 0, n_number = 0;

  for (guint s = 0; s < SEG_N_SPLITS; s++)
    for (guint i = 0; i < self->splits[s]->len; i++)
      {
        SegEntry *entry = _seg_dataset_get_entry (self, s, i);
        gboolean counts = FALSE;

        if (!entry->readable)
          continue;
        n_colour += entry->is_colour;
        n_number += !entry->is_colour;
        for (guint j = 0; j < entry->values->len && !counts; j++)
          {
            guint32 code = g_array_index (entry->values, SegMaskValue, j).code;

            counts = _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, code))
                     != SEG_TARGET_IGNORE;
          }
        if (!counts)
          _seg_dataset_add_problem (problems, FALSE, "mask all ignored", entry->sample.mask,
                                    "all of its pixels are to be ignored");
      }
  if (n_colour > 0 && n_number > 0 && !self->greys)
    _seg_dataset_add_problem (problems, FALSE, "two kinds of masks", self->path,
                              "has %u mask%s with colours, and %u with numbers", n_colour,
                              seg_units_plural (n_colour), n_number);
}

/* Who has never thought of it expects of four bands three colours. Of samples of several files no
 * key says how many bands each should have. */
static void
seg_dataset_check_bands (SegDataset *self, GPtrArray *problems)
{
  g_autofree char *advice =
      self->n_files == 1 ? g_strdup_printf ("[data] bands = %u leaves it out", self->n_bands - 1)
                         : g_strdup ("if it is alpha, save the file without it");
  const char *first = NULL;
  guint n = 0;

  if (self->n_files == 1 && self->options.bands > 0)
    return;
  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      first = first == NULL ? entry->untold : first;
      n += entry->untold != NULL;
    }
  if (n > 0)
    _seg_dataset_add_problem (problems, FALSE, "band of no stated kind", first,
                              "its last band is not said to be alpha (ExtraSamples missing or 0), "
                              "here and in %u more, and is kept as a band; %s",
                              n - 1, advice);
}

static void
seg_dataset_check_numbers (SegDataset *self, GPtrArray *problems)
{
  guint n_train = self->splits[SEG_SPLIT_TRAIN]->len;
  guint n_validation = self->splits[SEG_SPLIT_VALIDATION]->len;

  if (n_train == 0)
    _seg_dataset_add_problem (problems, TRUE, "empty", self->path,
                              "has no image with a mask to learn from");
  else if (n_validation == 0)
    _seg_dataset_add_problem (problems, FALSE, "no validation", self->path,
                              "has no image to validate with beside the %u to learn from", n_train);
  if (self->test_without_masks)
    _seg_dataset_add_problem (problems, FALSE, "test without masks", self->path,
                              "the images of its test folder have no masks and are not used");
}

/* Fails where any problem is an error. */
static gboolean
seg_dataset_refuse (SegDataset *self, GPtrArray *problems, GError **error)
{
  const SegProblem *first = NULL;
  guint n_errors = 0;

  for (guint i = 0; i < problems->len; i++)
    {
      const SegProblem *problem = g_ptr_array_index (problems, i);

      if (problem->is_error && n_errors++ == 0)
        first = problem;
    }
  if (n_errors == 1)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT, first->text);
  else if (n_errors > 1)
    g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: has %u problems, the first: %s",
                 self->path, n_errors, first->text);
  return n_errors == 0;
}

/**
 * seg_dataset_check:
 * @self: a data set
 * @problems: (element-type SegProblem): with seg_problem_free() for what it frees; all that is
 *   wrong is added, in the order of splits and names
 * @error: return location
 *
 * Reads everything, which also fills the memory for seg_dataset_read(), and does not stop at what
 * is wrong.
 * Errors: `SEG_ERROR_FORMAT` where any problem is an error, with their number and the first.
 *
 * Returns: whether the data set can be learnt from
 */
gboolean
seg_dataset_check (SegDataset *self, GPtrArray *problems, GError **error)
{
  for (guint i = 0; i < self->problems->len; i++)
    {
      const SegProblem *known = g_ptr_array_index (self->problems, i);

      seg_problem_add (problems, known->is_error, known->kind, known->file, known->text);
    }
  seg_dataset_check_images (self, problems);
  seg_dataset_check_masks (self, problems);
  seg_dataset_check_classes (self, problems);
  seg_dataset_check_stray (self, problems);
  seg_dataset_check_overlap (self, problems);
  seg_dataset_check_bands (self, problems);
  seg_dataset_check_numbers (self, problems);
  return seg_dataset_refuse (self, problems, error);
}

/**
 * seg_dataset_check_files:
 * @self: a data set
 * @splits: which parts matter, a bit 1 << SegSplit for each; what is wrong with others is a warning,
 *   and so is what a recipe names and the folder lacks: it may have been made for other data
 * @problems: (element-type SegProblem): as in seg_dataset_check(); what was found wrong with files
 *   when they were looked at is added
 * @error: return location
 *
 * Reads nothing.
 * Errors: as seg_dataset_check().
 *
 * Returns: whether a model can be compared with all of these parts
 */
gboolean
seg_dataset_check_files (SegDataset *self, guint splits, GPtrArray *problems, GError **error)
{
  for (guint i = 0; i < self->problems->len; i++)
    {
      const SegProblem *known = g_ptr_array_index (self->problems, i);

      seg_problem_add (problems, known->is_error && (known->splits & splits) != 0, known->kind,
                       known->file, known->text);
    }
  return seg_dataset_refuse (self, problems, error);
}

static gboolean
seg_problem_is_alike (const SegProblem *self, const SegProblem *other)
{
  return self->is_error == other->is_error && g_str_equal (self->kind, other->kind);
}

static void
seg_problems_append (GString *text, GPtrArray *problems, guint first)
{
  const SegProblem *head = g_ptr_array_index (problems, first);
  guint n = 0;

  for (guint i = first; i < problems->len; i++)
    n += seg_problem_is_alike (g_ptr_array_index (problems, i), head);
  g_string_append_printf (text, "%s: %s (%u)\n", head->is_error ? "error" : "warning", head->kind,
                          n);
  n = 0;
  for (guint i = first; i < problems->len; i++)
    {
      const SegProblem *problem = g_ptr_array_index (problems, i);

      if (seg_problem_is_alike (problem, head) && n++ < SEG_PROBLEMS_SHOWN)
        {
          g_autofree char *shown = seg_path_escape (problem->text);

          g_string_append_printf (text, "  %s\n", shown);
        }
    }
  if (n > SEG_PROBLEMS_SHOWN)
    g_string_append_printf (text, "  and %u more\n", n - SEG_PROBLEMS_SHOWN);
}

/**
 * seg_problems_dup_text:
 * @problems: (element-type SegProblem): as seg_dataset_check() gives them
 *
 * Returns: (transfer full): lines: for each kind how many there are, and the first 20
 */
char *
seg_problems_dup_text (GPtrArray *problems)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < problems->len; i++)
    {
      const SegProblem *problem = g_ptr_array_index (problems, i);
      gboolean is_first = TRUE;

      for (guint j = 0; j < i && is_first; j++)
        is_first = !seg_problem_is_alike (g_ptr_array_index (problems, j), problem);
      if (is_first)
        seg_problems_append (text, problems, i);
    }
  return g_string_free (text, FALSE);
}
