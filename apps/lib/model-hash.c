/* What a result was made with, so that it can be told later: of a model file the SHA-256 that
 * `sha256sum FILE` prints; of a folder that of what `sha256sum *` prints in it. */
#include <gio/gio.h>

#include "model-hash.h"

#define SEG_MODEL_HASH_CHUNK (1 << 20)

struct _SegModelHash
{
  char *path;
  GThread *thread; /* NULL once joined */
  gint stop;       /* atomic */
  char *sha256;
  GError *error;
};

static char *
seg_model_hash_file (SegModelHash *self, const char *path, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, error);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *chunk = g_malloc (SEG_MODEL_HASH_CHUNK);
  gssize n = 0;

  while (stream != NULL && !g_atomic_int_get (&self->stop)
         && (n = g_input_stream_read (G_INPUT_STREAM (stream), chunk, SEG_MODEL_HASH_CHUNK, NULL,
                                      error))
                > 0)
    g_checksum_update (checksum, chunk, n);
  if (stream == NULL || n < 0)
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return g_strdup (g_checksum_get_string (checksum));
}

static gint
seg_model_hash_compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static char *
seg_model_hash_folder (SegModelHash *self, GError **error)
{
  g_autoptr (GDir) folder = g_dir_open (self->path, 0, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) listing = g_string_new (NULL);
  const char *name;

  if (folder == NULL)
    return NULL;
  while ((name = g_dir_read_name (folder)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, seg_model_hash_compare_names);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (self->path, names->pdata[i], NULL);
      g_autofree char *sha256 = NULL;

      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      if ((sha256 = seg_model_hash_file (self, path, error)) == NULL)
        return NULL;
      g_string_append_printf (listing, "%s  %s\n", sha256, (char *) names->pdata[i]);
    }
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) listing->str, listing->len);
}

static gpointer
seg_model_hash_run (gpointer data)
{
  SegModelHash *self = data;

  if (g_file_test (self->path, G_FILE_TEST_IS_DIR))
    self->sha256 = seg_model_hash_folder (self, &self->error);
  else
    self->sha256 = seg_model_hash_file (self, self->path, &self->error);
  return NULL;
}

/**
 * seg_model_hash_new:
 * @path: a model that can be loaded
 *
 * Begins to read it.
 */
SegModelHash *
seg_model_hash_new (const char *path)
{
  SegModelHash *self = g_new0 (SegModelHash, 1);

  self->path = g_strdup (path);
  self->thread = g_thread_try_new ("hash", seg_model_hash_run, self, NULL);
  if (self->thread == NULL)
    seg_model_hash_run (self);
  return self;
}

/**
 * seg_model_hash_free:
 * @self: a hash
 */
void
seg_model_hash_free (SegModelHash *self)
{
  g_atomic_int_set (&self->stop, TRUE);
  g_clear_pointer (&self->thread, g_thread_join);
  g_clear_error (&self->error);
  g_free (self->sha256);
  g_free (self->path);
  g_free (self);
}

/**
 * seg_model_hash_get:
 * @self: a hash
 * @error: return location
 *
 * Waits until it is known.
 * Errors: `G_IO_ERROR`.
 *
 * Returns: (transfer none): 64 hexadecimal digits, or %NULL with @error set
 */
const char *
seg_model_hash_get (SegModelHash *self, GError **error)
{
  g_clear_pointer (&self->thread, g_thread_join);
  if (self->sha256 == NULL)
    g_propagate_error (error, g_error_copy (self->error));
  return self->sha256;
}
