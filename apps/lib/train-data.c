/* What a person is told of a data set before anything is learnt from it. */
#include "path.h"
#include "table.h"
#include "train-data.h"
#include "units.h"

static void
seg_train_data_append_classes (SegDataset *dataset, GString *text)
{
  g_autoptr (SegTable) table = seg_table_new ("lllr");
  const guint64 *counts = seg_dataset_get_class_counts (dataset);
  double total = 0.;

  for (guint i = 0; i < seg_dataset_get_n_classes (dataset); i++)
    total += (double) counts[i];
  seg_table_add (table, "class", "name", "in masks", "share", NULL);
  for (guint i = 0; i < seg_dataset_get_n_classes (dataset); i++)
    {
      g_autofree char *number = g_strdup_printf ("%u", i);
      g_autofree char *name = seg_path_escape (seg_dataset_get_class (dataset, i)->name);
      g_autofree char *values = seg_dataset_dup_class_values (dataset, i);
      g_autofree char *share
          = total > 0. ? g_strdup_printf ("%.2f %%", 100. * (double) counts[i] / total)
                       : g_strdup ("");

      seg_table_add (table, number, name, values, share, NULL);
    }
  seg_table_print (table, 0, text);
}

/* Where some come more often than others, how many that makes of an epoch. */
static char *
seg_train_data_dup_draws (SegDataset *dataset)
{
  guint64 n_draws = seg_dataset_count_draws (dataset, SEG_SPLIT_TRAIN);

  return n_draws > seg_dataset_get_n (dataset, SEG_SPLIT_TRAIN)
             ? g_strdup_printf (" (%" G_GUINT64_FORMAT " an epoch)", n_draws)
             : g_strdup ("");
}

/**
 * seg_train_data_dup_text:
 * @dataset: a data set
 *
 * Returns: (transfer full): lines that say what was found: how many images, of what kind and size,
 *   and of which classes
 */
char *
seg_train_data_dup_text (SegDataset *dataset)
{
  GString *text = g_string_new (NULL);
  g_autofree char *draws = seg_train_data_dup_draws (dataset);
  guint64 n_ignored = seg_dataset_get_ignore_count (dataset);
  gint64 min_width, max_width, min_height, max_height;
  guint depth = seg_dataset_get_depth (dataset), n_bands = seg_dataset_get_n_bands (dataset);

  seg_dataset_get_size_range (dataset, &min_width, &max_width, &min_height, &max_height);
  g_string_append_printf (text, "layout      %s\n", seg_dataset_get_layout (dataset));
  g_string_append_printf (text, "images      %u to learn from%s, %u to validate with%s, %u to test\n",
                          seg_dataset_get_n (dataset, SEG_SPLIT_TRAIN), draws,
                          seg_dataset_get_n (dataset, SEG_SPLIT_VALIDATION),
                          seg_dataset_is_split_given (dataset) ? "" : " (every fifth)",
                          seg_dataset_get_n (dataset, SEG_SPLIT_TEST));
  if (n_bands == 0) /* no image can be read */
    return g_string_free (text, FALSE);
  g_string_append_printf (
      text, "pixels      %u band%s of %u bits%s, %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT, n_bands,
      seg_units_plural (n_bands), depth, depth == 32 ? " (float)" : "", min_width, min_height);
  if (min_width != max_width || min_height != max_height)
    g_string_append_printf (text, " to %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT, max_width,
                            max_height);
  g_string_append_printf (text, "\nignored     %" G_GUINT64_FORMAT " pixel%s\n", n_ignored,
                          seg_units_plural (n_ignored));
  seg_train_data_append_classes (dataset, text);
  return g_string_free (text, FALSE);
}

/**
 * seg_train_data_check:
 * @dataset: a data set
 * @evaluated: parts that are only evaluated, a bit 1 << SegSplit for each, whose files have to be
 *   right; 0: it is to be learnt from
 * @warnings: (nullable): where what stops nothing is told
 * @error: return location
 *
 * Prints on stdout all that stops it, with its warnings, so that it can be mended at once.
 * Errors: as seg_dataset_check().
 */
gboolean
seg_train_data_check (SegDataset *dataset, guint evaluated, FILE *warnings, GError **error)
{
  g_autoptr (GPtrArray) problems
      = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_problem_free);
  gboolean good = evaluated == 0 ? seg_dataset_check (dataset, problems, error)
                                 : seg_dataset_check_files (dataset, evaluated, problems, error);
  g_autofree char *text = seg_problems_dup_text (problems);

  /* one is all in the error's own line */
  if (!good)
    warnings = problems->len > 1 ? stdout : NULL;
  if (warnings != NULL)
    fputs (text, warnings);
  return good;
}

/**
 * seg_train_data_check_not_over:
 * @dataset: what is read
 * @written: (nullable): a file to be written
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` if that is one of the data's files.
 */
gboolean
seg_train_data_check_not_over (SegDataset *dataset, const char *written, GError **error)
{
  for (int split = 0; written != NULL && split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < seg_dataset_get_n (dataset, (SegSplit) split); i++)
      {
        const SegSample *sample = seg_dataset_get (dataset, (SegSplit) split, i);

        for (char **file = sample->images; *file != NULL; file++)
          if (!seg_path_check_not_over (written, *file, error))
            return FALSE;
        if (!seg_path_check_not_over (written, sample->mask, error)
            || (sample->instances != NULL
                && !seg_path_check_not_over (written, sample->instances, error)))
          return FALSE;
      }
  return TRUE;
}
