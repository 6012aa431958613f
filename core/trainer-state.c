/* Checkpoints: everything that the next step depends on, as named tensors in one safetensors file,
 * with a checksum of each, so that a file that has suffered is refused and not gone on with. */
#include "model-private.h"
#include "trainer-private.h"

#include <string.h>

#include "text.h"

#define SEG_CHECKPOINT_VERSION "1"
#define SEG_CHECKPOINT_PREFIX "segkit." /* of metadata that is not the caller's */
#define SEG_CHECKPOINT_KEY SEG_CHECKPOINT_PREFIX "checkpoint"
#define SEG_CHECKPOINT_SUMS SEG_CHECKPOINT_PREFIX "sha256" /* as sha256sum prints them */

/* A tensor of a checkpoint. */
typedef struct
{
  char *name;
  SegTensor *tensor; /* what the trainer has */
  char *sha256;
} SegCheckpointEntry;

static void
seg_checkpoint_entry_clear (gpointer data)
{
  SegCheckpointEntry *entry = data;

  g_free (entry->name);
  g_free (entry->sha256);
  seg_tensor_unref (entry->tensor);
}

/* Takes the name and the tensor; FALSE without one. */
static gboolean
seg_checkpoint_add (GArray *entries, char *name, SegTensor *tensor, GError **error)
{
  SegCheckpointEntry entry = { name, tensor, NULL };

  if (tensor != NULL && _seg_text_is_name (name))
    {
      g_array_append_val (entries, entry);
      return TRUE;
    }
  if (tensor != NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "\"%.100s...\" is too long for a name in a checkpoint", name);
      seg_tensor_unref (tensor);
    }
  g_free (name);
  return FALSE;
}

/* As 64-bit integers: a step as it is, and numbers by their bits, for there is no type of double. */
static SegTensor *
seg_checkpoint_new_words (gconstpointer words, gint64 n, GError **error)
{
  SegTensor *tensor = seg_tensor_new (SEG_DTYPE_I64, 1, &n, error);

  if (tensor != NULL)
    memcpy (tensor->data, words, seg_tensor_get_n_bytes (tensor));
  return tensor;
}

static gboolean
seg_checkpoint_add_parameter (GArray *entries, SegTrainer *self, SegTrainerParameter *p,
                              GError **error)
{
  if (!seg_checkpoint_add (entries, g_strdup (p->name), seg_tensor_ref (p->tensor), error))
    return FALSE;
  for (guint s = 0; p->slots != NULL && s < self->n_slots; s++)
    if (!seg_checkpoint_add (entries,
                             g_strdup_printf ("optimizer.%s.%s", self->slot_names[s], p->name),
                             seg_tensor_ref (p->slots[s]), error))
      return FALSE;
  return p->average == NULL
         || seg_checkpoint_add (entries, g_strconcat ("ema.", p->name, NULL),
                                seg_tensor_ref (p->average), error);
}

static GArray *
seg_checkpoint_list (SegTrainer *self, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (SegCheckpointEntry));

  g_array_set_clear_func (entries, seg_checkpoint_entry_clear);
  if (!seg_checkpoint_add (entries, g_strdup ("trainer.step"),
                           seg_checkpoint_new_words (&self->step, 1, error), error)
      || !seg_checkpoint_add (
          entries, g_strdup ("trainer.schedule"),
          seg_checkpoint_new_words (self->state, SEG_RATE_SCHEDULE_MAX_STATE, error), error))
    return NULL;
  for (guint i = 0; i < self->n_parameters; i++)
    if (!seg_checkpoint_add_parameter (entries, self, &self->parameters[i], error))
      return NULL;
  return g_steal_pointer (&entries);
}

/* ---- checksums --------------------------------------------------------------------------- */

typedef struct
{
  GArray *entries;
  SegSafetensors *file; /* whose tensors are summed; NULL: the entries' own */
} SegChecksumJob;

static void
seg_checkpoint_sum_entry (guint task, guint thread, gpointer user_data)
{
  SegChecksumJob *job = user_data;
  SegCheckpointEntry *entry = &g_array_index (job->entries, SegCheckpointEntry, task);
  const SegTensor *tensor
      = job->file != NULL ? seg_safetensors_lookup (job->file, entry->name) : entry->tensor;
  (void) thread;

  g_free (entry->sha256);
  entry->sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, tensor->data,
                                               seg_tensor_get_n_bytes (tensor));
}

/* Lines of a checksum and what it is of: of tensors by name, of texts with @ before the key. */
static char *
seg_checkpoint_print_sums (SegTrainer *self, GArray *entries, SegSafetensors *file,
                           GPtrArray *texts)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  SegChecksumJob job = { entries, file };

  seg_pool_run (self->pool, entries->len, seg_checkpoint_sum_entry, &job);
  for (guint i = 0; i < entries->len; i++)
    {
      const SegCheckpointEntry *entry = &g_array_index (entries, SegCheckpointEntry, i);

      g_string_append_printf (lines, "%s  %s\n", entry->sha256, entry->name);
    }
  for (guint i = 0; i < texts->len; i += 2)
    {
      g_autofree char *sum
          = g_compute_checksum_for_string (G_CHECKSUM_SHA256, texts->pdata[i + 1], -1);

      g_string_append_printf (lines, "%s  @%s\n", sum, (char *) texts->pdata[i]);
    }
  return g_string_free (g_steal_pointer (&lines), FALSE);
}

/* What has another checksum than the file says, or NULL. Lines may come in any order. */
static char *
seg_checkpoint_find_damage (const char *expected, const char *actual)
{
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GStrv) expected_lines = g_strsplit (expected, "\n", -1);
  g_auto (GStrv) lines = g_strsplit (actual, "\n", -1);

  for (char **line = expected_lines; *line != NULL; line++)
    g_hash_table_add (known, *line);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0' && !g_hash_table_contains (known, *line))
      return g_strdup (strstr (*line, "  ") + 2);
  return strlen (expected) == strlen (actual) ? NULL : g_strdup ("the list of them");
}

/* ---- writing ----------------------------------------------------------------------------- */

/**
 * seg_trainer_save:
 * @self: a trainer whose model has its live weights
 * @path: a file, replaced if there is one
 * @keys: (nullable) (array zero-terminated=1): of texts that go with it; none begins with `segkit.`
 * @values: (nullable): a text for each key
 * @error: return location
 *
 * Writes a checkpoint: parameters by their names, `optimizer.SLOT.NAME`, `ema.NAME`, step and state of
 * the schedule, with SHA-256 sums of each. All of the file or nothing; equal states make equal files.
 * What is not finite is not written, so that a training gone wrong never replaces a good checkpoint.
 * Errors: %G_IO_ERROR, `SEG_ERROR_MEMORY`; `SEG_ERROR_NUMERIC` for numbers that are not finite;
 * `SEG_ERROR_UNSUPPORTED` for names of more than 256 bytes.
 *
 * Returns: %FALSE with @error set if there is no new file
 */
gboolean
seg_trainer_save (SegTrainer *self, const char *path, const char *const *keys,
                  const char *const *values, GError **error)
{
  g_autoptr (GArray) entries = NULL;
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();
  g_autofree char *sums = NULL;

  g_return_val_if_fail (!self->averaged, FALSE);

  if ((entries = seg_checkpoint_list (self, error)) == NULL)
    {
      _seg_model_prefix_path (path, error);
      return FALSE;
    }
  for (guint i = 0; i < entries->len; i++)
    {
      const SegCheckpointEntry *entry = &g_array_index (entries, SegCheckpointEntry, i);

      if (!_seg_model_check_values (entry->name, entry->tensor, error))
        {
          _seg_model_prefix_path (path, error);
          return FALSE;
        }
      seg_safetensors_add (file, entry->name, entry->tensor);
    }
  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_return_val_if_fail (!g_str_has_prefix (keys[i], SEG_CHECKPOINT_PREFIX), FALSE);
      seg_safetensors_set_metadata (file, keys[i], values[i]);
      g_ptr_array_add (texts, (gpointer) keys[i]);
      g_ptr_array_add (texts, (gpointer) values[i]);
    }
  sums = seg_checkpoint_print_sums (self, entries, NULL, texts);
  seg_safetensors_set_metadata (file, SEG_CHECKPOINT_KEY, SEG_CHECKPOINT_VERSION);
  seg_safetensors_set_metadata (file, SEG_CHECKPOINT_SUMS, sums);
  return seg_safetensors_write (file, path, error);
}

/* ---- reading ----------------------------------------------------------------------------- */

static gboolean
seg_checkpoint_check_version (SegSafetensors *file, GError **error)
{
  const char *version = seg_safetensors_get_metadata (file, SEG_CHECKPOINT_KEY);
  g_autofree char *shown = version != NULL ? _seg_text_escape (version) : NULL;

  if (version == NULL)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT, "is no checkpoint of a training");
  else if (strcmp (version, SEG_CHECKPOINT_VERSION) != 0)
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                 "is a checkpoint of version \"%s\", but only " SEG_CHECKPOINT_VERSION
                 " is known",
                 shown);
  else
    return TRUE;
  return FALSE;
}

/* Whether the file has exactly the tensors that the trainer has. */
static gboolean
seg_checkpoint_compare (GArray *entries, SegSafetensors *file, GError **error)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GStrv) names = seg_safetensors_list (file);

  for (guint i = 0; i < entries->len; i++)
    {
      const SegCheckpointEntry *entry = &g_array_index (entries, SegCheckpointEntry, i);
      const SegTensor *wanted = entry->tensor, *tensor = seg_safetensors_lookup (file, entry->name);
      g_autofree char *shape = seg_tensor_dup_shape (wanted), *other = NULL;

      g_hash_table_add (known, entry->name);
      if (tensor == NULL)
        {
          g_ptr_array_add (problems, g_strdup_printf ("\"%s\" %s is missing", entry->name, shape));
          continue;
        }
      other = seg_tensor_dup_shape (tensor);
      if (tensor->dtype != wanted->dtype || strcmp (shape, other) != 0)
        g_ptr_array_add (problems,
                         g_strdup_printf ("\"%s\" is %s %s instead of %s %s", entry->name,
                                          seg_dtype_to_string (tensor->dtype), other,
                                          seg_dtype_to_string (wanted->dtype), shape));
    }
  for (char **name = names; *name != NULL; name++)
    if (!g_hash_table_contains (known, *name))
      {
        g_autofree char *shown = _seg_text_escape (*name);

        g_ptr_array_add (problems, g_strdup_printf ("\"%s\" has no place in it", shown));
      }
  return _seg_model_refuse_problems ("the checkpoint is not of this training", problems, error);
}

/* The caller's texts. */
static GHashTable *
seg_checkpoint_get_metadata (SegSafetensors *file, GPtrArray *texts)
{
  g_auto (GStrv) keys = seg_safetensors_list_metadata (file);
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (char **key = keys; *key != NULL; key++)
    if (!g_str_has_prefix (*key, SEG_CHECKPOINT_PREFIX) && strcmp (*key, "format") != 0)
      {
        char *name = g_strdup (*key);
        char *value = g_strdup (seg_safetensors_get_metadata (file, *key));

        g_hash_table_insert (metadata, name, value);
        g_ptr_array_add (texts, name);
        g_ptr_array_add (texts, value);
      }
  return metadata;
}

static gboolean
seg_checkpoint_check_sums (SegTrainer *self, GArray *entries, SegSafetensors *file,
                           GPtrArray *texts, GError **error)
{
  const char *expected = seg_safetensors_get_metadata (file, SEG_CHECKPOINT_SUMS);
  g_autofree char *actual = seg_checkpoint_print_sums (self, entries, file, texts);
  g_autofree char *damaged
      = seg_checkpoint_find_damage (expected != NULL ? expected : "", actual);
  g_autofree char *shown = damaged != NULL ? _seg_text_escape (damaged) : NULL;

  if (damaged == NULL)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
               "the checkpoint is damaged: the checksum of \"%s\" is another", shown);
  return FALSE;
}

/* All is known to fit. */
static void
seg_checkpoint_take (SegTrainer *self, GArray *entries, SegSafetensors *file)
{
  for (guint i = 0; i < entries->len; i++)
    {
      SegCheckpointEntry *entry = &g_array_index (entries, SegCheckpointEntry, i);
      const SegTensor *tensor = seg_safetensors_lookup (file, entry->name);

      memcpy (entry->tensor->data, tensor->data, seg_tensor_get_n_bytes (tensor));
    }
  memcpy (&self->step, g_array_index (entries, SegCheckpointEntry, 0).tensor->data,
          sizeof self->step);
  memcpy (self->state, g_array_index (entries, SegCheckpointEntry, 1).tensor->data,
          sizeof self->state);
}

/**
 * seg_trainer_load:
 * @self: a trainer, made with the options of the one that was saved
 * @path: a file of seg_trainer_save()
 * @metadata: (out) (optional) (transfer full) (element-type utf8 utf8): the texts that were saved
 * @error: return location
 *
 * Puts a trainer, and its model, where another was: the steps that follow have the bits that the
 * other's would have had. On an error nothing is changed.
 * Errors: those of seg_safetensors_read(); `SEG_ERROR_FORMAT` for a file that is no checkpoint, is of
 * another network or of other options, or whose checksums are wrong; `SEG_ERROR_UNSUPPORTED` for one of
 * a later version.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_trainer_load (SegTrainer *self, const char *path, GHashTable **metadata, GError **error)
{
  g_autoptr (SegSafetensors) file = seg_safetensors_read (path, error);
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();
  g_autoptr (GHashTable) kept = NULL;
  g_autoptr (GArray) entries = NULL;

  g_return_val_if_fail (!self->averaged, FALSE);

  if (file == NULL)
    return FALSE;
  kept = seg_checkpoint_get_metadata (file, texts);
  if (seg_checkpoint_check_version (file, error)
      && (entries = seg_checkpoint_list (self, error)) != NULL
      && seg_checkpoint_compare (entries, file, error)
      && seg_checkpoint_check_sums (self, entries, file, texts, error))
    {
      seg_checkpoint_take (self, entries, file);
      if (metadata != NULL)
        *metadata = g_steal_pointer (&kept);
      return TRUE;
    }
  _seg_model_prefix_path (path, error);
  return FALSE;
}
