/* Checkpoints of a run: the last two and that of the best validation are kept, so that a file that a
 * disk has damaged costs some steps and not the run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>
#include <segkit/error.h>

#include "train-checkpoints.h"
#include "warning.h"

#define SEG_CHECKPOINT_PREFIX "checkpoint-"
#define SEG_CHECKPOINT_ENDING ".safetensors"
#define SEG_CHECKPOINTS_KEPT 2

/* The texts of a state, in the order of their keys. */
enum
{
  RECIPE,
  DATA,
  BEST_STEP,
  BEST_METRIC,
  N_WORSE,
  VALIDATED_STEP,
  LOSS_SUM,
  LOSS_STEPS,
  RATE,
  SECONDS,
  MAX_SECONDS,
  IS_FINISHED,
  N_KEYS,
};

static const char *const seg_checkpoint_keys[N_KEYS + 1] = {
  "recipe",         "data",     "best-step",  "best-metric", "validations-without-better",
  "validated-step", "loss-sum", "loss-steps", "rate",        "seconds",
  "max-seconds",    "finished", NULL
};

void
seg_checkpoint_state_clear (SegCheckpointState *state)
{
  g_clear_pointer (&state->recipe, g_free);
  g_clear_pointer (&state->data, g_free);
}

static char *
seg_checkpoint_dup_path (SegRunFolder *folder, guint64 step)
{
  g_autofree char *name = g_strdup_printf (
      SEG_CHECKPOINT_PREFIX "%08" G_GUINT64_FORMAT SEG_CHECKPOINT_ENDING, step);

  return seg_run_folder_dup_file (folder, name);
}

static gint
seg_checkpoint_compare (gconstpointer a, gconstpointer b)
{
  guint64 i = *(const guint64 *) a, j = *(const guint64 *) b;

  return i > j ? -1 : i < j;
}

/* Steps of the checkpoints that there are, the newest first. A folder that is not there has none;
 * of one that cannot be read nobody knows. */
static GArray *
seg_checkpoints_list (SegRunFolder *folder, GError **error)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GError) failure = NULL;
  g_autoptr (GDir) dir = g_dir_open (seg_run_folder_get_path (folder), 0, &failure);
  const char *name;

  if (dir == NULL && !g_error_matches (failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      g_array_unref (steps);
      return NULL;
    }
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      char *end;
      guint64 step;

      if (!g_str_has_prefix (name, SEG_CHECKPOINT_PREFIX))
        continue;
      step = g_ascii_strtoull (name + strlen (SEG_CHECKPOINT_PREFIX), &end, 10);
      if (g_str_equal (end, SEG_CHECKPOINT_ENDING))
        g_array_append_val (steps, step);
    }
  g_array_sort (steps, seg_checkpoint_compare);
  return steps;
}

static gboolean
seg_checkpoint_remove (SegRunFolder *folder, guint64 step, GError **error)
{
  g_autofree char *path = seg_checkpoint_dup_path (folder, step);
  int code;

  if (unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  code = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return FALSE;
}

/* ---- writing ---------------------------------------------------------------------------- */

static char *
seg_checkpoint_number (double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup (g_ascii_dtostr (text, sizeof text, number));
}

static char **
seg_checkpoint_state_to_texts (const SegCheckpointState *state)
{
  char **texts = g_new0 (char *, N_KEYS + 1);

  texts[RECIPE] = g_strdup (state->recipe);
  texts[DATA] = g_strdup (state->data);
  texts[BEST_STEP] = g_strdup_printf ("%" G_GUINT64_FORMAT, state->best_step);
  texts[BEST_METRIC] = seg_checkpoint_number (state->best_metric);
  texts[N_WORSE] = g_strdup_printf ("%" G_GUINT64_FORMAT, state->n_worse);
  texts[VALIDATED_STEP] = g_strdup_printf ("%" G_GUINT64_FORMAT, state->validated_step);
  texts[LOSS_SUM] = seg_checkpoint_number (state->loss_sum);
  texts[LOSS_STEPS] = g_strdup_printf ("%" G_GUINT64_FORMAT, state->loss_steps);
  texts[RATE] = seg_checkpoint_number (state->rate);
  texts[SECONDS] = seg_checkpoint_number (state->seconds);
  texts[MAX_SECONDS] = seg_checkpoint_number (state->max_seconds);
  texts[IS_FINISHED] = g_strdup (state->is_finished ? "1" : "0");
  return texts;
}

/**
 * seg_checkpoints_save:
 * @folder: of the run
 * @trainer: what to save
 * @state: likewise
 * @error: return location
 *
 * Writes a checkpoint, and when it is safe on disk removes those that are no longer needed.
 * Errors: `G_IO_ERROR`; the checkpoints before are then still there.
 */
gboolean
seg_checkpoints_save (SegRunFolder *folder, SegTrainer *trainer, const SegCheckpointState *state,
                      GError **error)
{
  guint64 step = seg_trainer_get_step (trainer);
  g_autofree char *path = seg_checkpoint_dup_path (folder, step);
  g_auto (GStrv) texts = seg_checkpoint_state_to_texts (state);
  g_autoptr (GArray) steps = NULL;

  if (!seg_trainer_save (trainer, path, seg_checkpoint_keys, (const char *const *) texts, error))
    return FALSE;
  if ((steps = seg_checkpoints_list (folder, error)) == NULL)
    return FALSE;
  for (guint i = SEG_CHECKPOINTS_KEPT; i < steps->len; i++)
    if (g_array_index (steps, guint64, i) != state->best_step
        && !seg_checkpoint_remove (folder, g_array_index (steps, guint64, i), error))
      return FALSE;
  return TRUE;
}

/**
 * seg_checkpoints_remove_all:
 * @folder: of a run that is to begin anew
 * @error: return location
 *
 * The newest goes last: if this is stopped, no older one is gone on from.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_checkpoints_remove_all (SegRunFolder *folder, GError **error)
{
  g_autoptr (GArray) steps = seg_checkpoints_list (folder, error);

  for (guint i = steps != NULL ? steps->len : 0; i-- > 0;)
    if (!seg_checkpoint_remove (folder, g_array_index (steps, guint64, i), error))
      return FALSE;
  return steps != NULL;
}

/* ---- reading ---------------------------------------------------------------------------- */

static void
seg_checkpoint_state_from_texts (SegCheckpointState *state, const char **of_keys)
{
  for (guint i = 0; i < N_KEYS; i++)
    if (of_keys[i] == NULL)
      of_keys[i] = "";
  seg_checkpoint_state_clear (state);
  *state = (SegCheckpointState){
    .recipe = g_strdup (of_keys[RECIPE]),
    .data = g_strdup (of_keys[DATA]),
    .best_step = g_ascii_strtoull (of_keys[BEST_STEP], NULL, 10),
    .best_metric = g_ascii_strtod (of_keys[BEST_METRIC], NULL),
    .n_worse = g_ascii_strtoull (of_keys[N_WORSE], NULL, 10),
    .validated_step = g_ascii_strtoull (of_keys[VALIDATED_STEP], NULL, 10),
    .loss_sum = g_ascii_strtod (of_keys[LOSS_SUM], NULL),
    .loss_steps = g_ascii_strtoull (of_keys[LOSS_STEPS], NULL, 10),
    .rate = g_ascii_strtod (of_keys[RATE], NULL),
    .seconds = g_ascii_strtod (of_keys[SECONDS], NULL),
    .max_seconds = g_ascii_strtod (of_keys[MAX_SECONDS], NULL),
    .is_finished = g_str_equal (of_keys[IS_FINISHED], "1"),
  };
}

/**
 * seg_checkpoints_load_last:
 * @folder: of the run
 * @trainer: what to load into
 * @state: (inout): likewise
 * @found: (out): whether there was one; otherwise nothing was loaded
 * @error: return location
 *
 * Loads the newest checkpoint; from one that is damaged it falls back, with a warning, to the one
 * before.
 * Errors: `SEG_ERROR_FORMAT` if all are damaged; `G_IO_ERROR`; `SEG_ERROR_MEMORY`.
 */
gboolean
seg_checkpoints_load_last (SegRunFolder *folder, SegTrainer *trainer, SegCheckpointState *state,
                           gboolean *found, GError **error)
{
  g_autoptr (GArray) steps = seg_checkpoints_list (folder, error);

  *found = FALSE;
  for (guint i = 0; steps != NULL && i < steps->len && !*found; i++)
    {
      g_autofree char *path = seg_checkpoint_dup_path (folder, g_array_index (steps, guint64, i));
      g_autoptr (GHashTable) texts = NULL;
      g_autoptr (GError) failure = NULL;
      const char *of_keys[N_KEYS];

      *found = seg_trainer_load (trainer, path, &texts, &failure);
      if (*found)
        {
          for (guint k = 0; k < N_KEYS; k++)
            of_keys[k] = g_hash_table_lookup (texts, seg_checkpoint_keys[k]);
          seg_checkpoint_state_from_texts (state, of_keys);
        }
      else if (i + 1 == steps->len || !g_error_matches (failure, SEG_ERROR, SEG_ERROR_FORMAT))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      else
        seg_warning_print ("%s; going on from the checkpoint before it", failure->message);
    }
  return steps != NULL;
}

/**
 * seg_checkpoints_load_step:
 * @folder: of the run
 * @trainer: what to load into
 * @step: of the checkpoint
 * @error: return location
 *
 * Errors: `SEG_ERROR_FORMAT`; `G_IO_ERROR`; `SEG_ERROR_MEMORY`.
 */
gboolean
seg_checkpoints_load_step (SegRunFolder *folder, SegTrainer *trainer, guint64 step, GError **error)
{
  g_autofree char *path = seg_checkpoint_dup_path (folder, step);

  return seg_trainer_load (trainer, path, NULL, error);
}

/**
 * seg_checkpoints_peek:
 * @folder: of a run
 * @state: (inout): what the newest checkpoint says that can be opened
 * @found: (out): whether there was one; otherwise @state is as it was
 * @error: return location
 *
 * Looks at a run without loading anything of it.
 * Errors: `G_FILE_ERROR`.
 */
gboolean
seg_checkpoints_peek (SegRunFolder *folder, SegCheckpointState *state, gboolean *found,
                      GError **error)
{
  g_autoptr (GArray) steps = seg_checkpoints_list (folder, error);

  *found = FALSE;
  for (guint i = 0; steps != NULL && i < steps->len && !*found; i++)
    {
      g_autofree char *path = seg_checkpoint_dup_path (folder, g_array_index (steps, guint64, i));
      g_autoptr (SegSafetensors) file = seg_safetensors_open (path, NULL);
      const char *of_keys[N_KEYS];

      for (guint k = 0; file != NULL && k < N_KEYS; k++)
        of_keys[k] = seg_safetensors_get_metadata (file, seg_checkpoint_keys[k]);
      *found = file != NULL && of_keys[RECIPE] != NULL;
      if (*found)
        seg_checkpoint_state_from_texts (state, of_keys);
    }
  return steps != NULL;
}
