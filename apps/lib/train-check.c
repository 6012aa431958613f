/* What is found out before the first step of a training, so that nothing is lost after many:
 * whether memory and disk are large enough, and whether the run that is to be gone on with is this
 * one. */
#include <string.h>

#include <segkit/error.h>

#include "train-private.h"
#include "units.h"

/* Of the crop that is advised where memory is short. */
#define SEG_TRAINING_LEAST_CROP 32

/* Weights, two slots of the optimiser, averages: of checkpoints the last two, the best, one being
 * written, and the model. */
#define SEG_TRAINING_FILES 5

/* ---- memory and disk -------------------------------------------------------------------- */

/* A setting with which a step would fit: of batch and crop, halved until it does. */
static char *
seg_training_advise (SegTraining *self, SegModel *model)
{
  SegBatcherOptions b = self->recipe->batches;

  while (b.n > 1 || MIN (b.w, b.h) >= 2 * SEG_TRAINING_LEAST_CROP)
    {
      gsize bytes;

      if (b.n > 1)
        b.n /= 2;
      else
        b.w /= 2, b.h /= 2;
      bytes = seg_train_recipe_estimate_bytes (self->recipe, model, self->run->dataset, &b,
                                               self->run->n_threads, NULL);
      if (bytes == 0 || bytes > self->run->limit_bytes)
        continue;
      return b.w == self->recipe->batches.w
                 ? g_strdup_printf ("try --set train.batch=%" G_GINT64_FORMAT, b.n)
                 : g_strdup_printf ("try --set train.batch=1 --set train.crop=%" G_GINT64_FORMAT
                                    "x%" G_GINT64_FORMAT,
                                    b.w, b.h);
    }
  return g_strdup ("try a smaller network");
}

gboolean
_seg_training_check_memory (SegTraining *self, SegModel *model, GError **error)
{
  const SegBatcherOptions *batches = &self->recipe->batches;
  gsize bytes = seg_train_recipe_estimate_bytes (self->recipe, model, self->run->dataset, batches,
                                                 self->run->n_threads, error);
  g_autofree char *advice = NULL;

  if (bytes == 0)
    return FALSE;
  if (bytes <= self->run->limit_bytes)
    return TRUE;
  advice = seg_training_advise (self, model);
  g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
               "%s: a step with %" G_GINT64_FORMAT " crop%s of %" G_GINT64_FORMAT
               " × %" G_GINT64_FORMAT " needs %" G_GSIZE_FORMAT " MiB, %" G_GSIZE_FORMAT
               " MiB are allowed; %s",
               self->run->output, batches->n, seg_units_plural ((guint64) batches->n), batches->w,
               batches->h, bytes >> 20, self->run->limit_bytes >> 20, advice);
  return FALSE;
}

gboolean
_seg_training_check_space (SegTraining *self, GError **error)
{
  SegParameters *parameters = seg_model_get_parameters (seg_trainer_get_model (self->trainer));
  guint64 bytes = 0;
  guint n_slots;

  seg_optimizer_get_slots (self->recipe->trainer.optimizer, &n_slots);
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    bytes += seg_tensor_get_n_bytes (seg_parameters_get_tensor (parameters, i, NULL));
  bytes *= 1 + n_slots + (self->recipe->trainer.ema_decay > 0. ? 1 : 0);
  return seg_run_folder_check_space (self->folder, bytes * SEG_TRAINING_FILES, error);
}

/* ---- the run before --------------------------------------------------------------------- */

/* Lines of seg_dataset_dup_contents(), by the file that they are of. */
static GHashTable *
seg_training_parse_contents (const char *contents)
{
  GHashTable *files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) lines = g_strsplit (contents, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) words = g_strsplit (*line, " ", 3);

      if (g_strv_length (words) == 3)
        g_hash_table_insert (files, g_strdup (words[2]), g_strdup (*line));
    }
  return files;
}

/* The first file that the others do not have, and a word for that. */
static char *
seg_training_find_missing (const char *contents, GHashTable *others, const char *what)
{
  g_auto (GStrv) lines = g_strsplit (contents, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) words = g_strsplit (*line, " ", 3);

      if (g_strv_length (words) == 3 && !g_hash_table_contains (others, words[2]))
        return g_strdup_printf ("%s %s", words[2], what);
    }
  return NULL;
}

/* The first file of which the others, who have it, say something else. */
static char *
seg_training_find_changed (const char *contents, GHashTable *others)
{
  g_auto (GStrv) lines = g_strsplit (contents, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) words = g_strsplit (*line, " ", 3);
      const char *other = g_strv_length (words) == 3 ? g_hash_table_lookup (others, words[2]) : NULL;

      if (other != NULL && strcmp (other, *line) != 0)
        return g_strdup_printf ("%s %s", words[2],
                                g_str_has_prefix (other, words[0]) ? "is in another split"
                                                                   : "has changed");
    }
  return NULL;
}

/* Which file it is, if the list that the run has left is still there. */
static char *
seg_training_describe_change (SegTraining *self, const char *sum)
{
  g_autofree char *path = seg_run_folder_dup_file (self->folder, SEG_TRAINING_DATA);
  g_autofree char *before = NULL, *sum_before = NULL;
  g_autoptr (GHashTable) old = NULL, new = NULL;
  char *change;

  if (!g_file_get_contents (path, &before, NULL, NULL))
    return NULL;
  sum_before = g_compute_checksum_for_string (G_CHECKSUM_SHA256, before, -1);
  if (strcmp (sum_before, sum) != 0)
    return NULL;
  old = seg_training_parse_contents (before);
  new = seg_training_parse_contents (self->contents);
  /* files that come or go also move others to another split */
  if ((change = seg_training_find_missing (before, new, "is gone")) == NULL
      && (change = seg_training_find_missing (self->contents, old, "is new")) == NULL)
    change = seg_training_find_changed (self->contents, old);
  return change;
}

/* The first key of which the recipes say something else, with both values: one that the user gave,
 * for others may have been chosen by it. */
static char *
seg_training_find_other_key (GKeyFile *wishes, GKeyFile *before, GKeyFile *now)
{
  GKeyFile *const recipes[] = { wishes, before, now };

  for (guint r = 0; r < G_N_ELEMENTS (recipes); r++)
    {
      g_auto (GStrv) groups = g_key_file_get_groups (recipes[r], NULL);

      for (char **group = groups; *group != NULL; group++)
        {
          g_auto (GStrv) keys = g_key_file_get_keys (recipes[r], *group, NULL, NULL);

          for (char **key = keys; *key != NULL; key++)
            {
              g_autofree char *was = g_key_file_get_value (before, *group, *key, NULL);
              g_autofree char *is = g_key_file_get_value (now, *group, *key, NULL);

              if (g_strcmp0 (was, is) != 0)
                return g_strdup_printf ("[%s] %s was %s, and is %s", *group, *key,
                                        was != NULL ? was : "not given",
                                        is != NULL ? is : "not given");
            }
        }
    }
  return NULL;
}

static char *
seg_training_describe_recipe (SegTraining *self, const char *text)
{
  g_autoptr (GKeyFile) before = g_key_file_new (), now = g_key_file_new ();

  return g_key_file_load_from_data (before, text, (gsize) -1, G_KEY_FILE_NONE, NULL)
                 && g_key_file_load_from_data (now, self->recipe->text, (gsize) -1, G_KEY_FILE_NONE,
                                               NULL)
             ? seg_training_find_other_key (self->run->wishes, before, now)
             : NULL;
}

/* Refuses to go on with what another recipe or other data have begun. Of both the data are told:
 * numbers in a recipe are measured on them. */
gboolean
_seg_training_check_same (SegTraining *self, const SegCheckpointState *before, GError **error)
{
  const char *folder = seg_run_folder_get_path (self->folder);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, self->contents, -1);
  g_autofree char *change = NULL;

  if (strcmp (before->data, sum) != 0)
    {
      change = seg_training_describe_change (self, before->data);
      g_set_error (
          error, SEG_ERROR, SEG_ERROR_PARAM,
          "%s: was begun with other data%s%s; give those it was begun with, another -o, or "
          "--fresh to begin anew",
          folder, change != NULL ? ": " : "", change != NULL ? change : "");
      return FALSE;
    }
  if (strcmp (before->recipe, self->recipe->text) == 0)
    return TRUE;
  change = seg_training_describe_recipe (self, before->recipe);
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "%s: was begun with another recipe%s%s; --resume goes on by the one that it was "
               "begun with, --fresh begins anew, or give another -o",
               folder, change != NULL ? ": " : "", change != NULL ? change : "");
  return FALSE;
}
