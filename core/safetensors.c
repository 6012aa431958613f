/* Tensors by name, and how they are written to a file. Reading is in safetensors-read.c. */

#include <segkit/atomic-file.h>
#include <segkit/error.h>

#include <string.h>
#include <unistd.h>

#include "safetensors-private.h"
#include "tensor-private.h"
#include "text.h"

G_DEFINE_FINAL_TYPE (SegSafetensors, seg_safetensors, G_TYPE_OBJECT)

static gint
seg_safetensors_compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  (void) user_data;
  return strcmp (a, b);
}

static void
seg_safetensors_finalize (GObject *object)
{
  SegSafetensors *self = SEG_SAFETENSORS (object);

  g_ptr_array_unref (self->names);
  g_tree_unref (self->tensors);
  json_decref (self->metadata);
  g_free (self->path);
  if (self->fd >= 0)
    close (self->fd);
  g_array_unref (self->places);
  G_OBJECT_CLASS (seg_safetensors_parent_class)->finalize (object);
}

static void
seg_safetensors_class_init (SegSafetensorsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_safetensors_finalize;
}

static void
seg_safetensors_init (SegSafetensors *self)
{
  self->names = g_ptr_array_new ();
  self->tensors = g_tree_new_full (seg_safetensors_compare_names, NULL, g_free,
                                   (GDestroyNotify) seg_tensor_unref);
  self->metadata = json_object ();
  self->fd = -1;
  self->places = g_array_new (FALSE, FALSE, sizeof (guint64));
}

/**
 * seg_safetensors_new:
 *
 * Returns: (transfer full): no tensors and no metadata
 */
SegSafetensors *
seg_safetensors_new (void)
{
  return g_object_new (SEG_TYPE_SAFETENSORS, NULL);
}

/**
 * seg_safetensors_set_metadata:
 * @self: tensors
 * @key: a printable name
 * @value: UTF-8 text
 *
 * Sets a text that goes with the tensors. A file always has `format`, with the value `pt`.
 */
void
seg_safetensors_set_metadata (SegSafetensors *self, const char *key, const char *value)
{
  g_return_if_fail (SEG_IS_SAFETENSORS (self));
  g_return_if_fail (_seg_text_is_name (key));
  g_return_if_fail (g_utf8_validate (value, -1, NULL));

  json_object_set_new (self->metadata, key, json_string (value));
}

/**
 * seg_safetensors_get_metadata:
 * @self: tensors
 * @key: a name
 *
 * Returns: (transfer none) (nullable): the text, or %NULL if there is none
 */
const char *
seg_safetensors_get_metadata (SegSafetensors *self, const char *key)
{
  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), NULL);

  return json_string_value (json_object_get (self->metadata, key));
}

/**
 * seg_safetensors_list_metadata:
 * @self: tensors
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys of all texts
 */
char **
seg_safetensors_list_metadata (SegSafetensors *self)
{
  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), NULL);

  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();

  for (void *i = json_object_iter (self->metadata); i;
       i = json_object_iter_next (self->metadata, i))
    g_strv_builder_add (keys, json_object_iter_key (i));
  return g_strv_builder_end (keys);
}

/**
 * seg_safetensors_add:
 * @self: tensors
 * @name: a printable name, at most 256 bytes, not yet there
 * @tensor: a tensor
 *
 * Adds a tensor, by reference.
 */
void
seg_safetensors_add (SegSafetensors *self, const char *name, SegTensor *tensor)
{
  g_return_if_fail (SEG_IS_SAFETENSORS (self));
  g_return_if_fail (_seg_text_is_name (name));
  g_return_if_fail (strcmp (name, SEG_SAFETENSORS_METADATA) != 0);
  g_return_if_fail (seg_safetensors_lookup (self, name) == NULL);

  char *key = g_strdup (name);
  g_ptr_array_add (self->names, key);
  g_tree_insert (self->tensors, key, seg_tensor_ref (tensor));
}

/**
 * seg_safetensors_lookup:
 * @self: tensors
 * @name: a name
 *
 * Returns: (transfer none) (nullable): the tensor, or %NULL if there is none
 */
SegTensor *
seg_safetensors_lookup (SegSafetensors *self, const char *name)
{
  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), NULL);

  return g_tree_lookup (self->tensors, name);
}

/**
 * seg_safetensors_list:
 * @self: tensors
 *
 * Returns: (transfer full) (array zero-terminated=1): the names, in the order added
 */
char **
seg_safetensors_list (SegSafetensors *self)
{
  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), NULL);

  char **names = g_new0 (char *, self->names->len + 1);
  for (guint i = 0; i < self->names->len; i++)
    names[i] = g_strdup (self->names->pdata[i]);
  return names;
}

/* ---- writing ------------------------------------------------------------------------- */

/* Gives the tensors their places: wider elements first, so that each lies at a multiple of its
 * size, which readers that map the file need. */
static SegTensor **
seg_safetensors_lay_out (SegSafetensors *self, guint64 *begins)
{
  SegTensor **order = g_new (SegTensor *, self->names->len + 1);
  guint n = 0;
  guint64 end = 0;

  for (gsize size = 8; size > 0; size /= 2)
    for (guint i = 0; i < self->names->len; i++)
      {
        SegTensor *tensor = g_tree_lookup (self->tensors, self->names->pdata[i]);
        if (seg_dtype_get_size (tensor->dtype) != size)
          continue;
        begins[i] = end;
        end += seg_tensor_get_n_bytes (tensor);
        order[n++] = tensor;
      }
  return order;
}

static gboolean
seg_safetensors_check_data (SegSafetensors *self, GError **error)
{
  for (guint i = 0; i < self->names->len; i++)
    {
      const char *name = self->names->pdata[i];

      if (_seg_tensor_check_data (seg_safetensors_lookup (self, name), error))
        continue;
      g_prefix_error (error, "tensor \"%s\": ", name);
      return FALSE;
    }
  return TRUE;
}

static const char *
seg_safetensors_dtype_name (SegDtype dtype)
{
  switch (dtype)
    {
    case SEG_DTYPE_F32:
      return "F32";
    case SEG_DTYPE_F16:
      return "F16";
    case SEG_DTYPE_BF16:
      return "BF16";
    case SEG_DTYPE_I64:
      return "I64";
    }
  g_return_val_if_reached (NULL);
}

/* The JSON text, or NULL when memory ran out. */
static char *
seg_safetensors_dump_header (SegSafetensors *self, const guint64 *begins)
{
  json_t *root = json_object (), *metadata = json_copy (self->metadata);
  gboolean complete;
  char *text;

  /* Other programs refuse to load files that do not say whose tensors they are. */
  complete = json_object_set_new (metadata, "format", json_string ("pt")) == 0
             && json_object_set_new (root, SEG_SAFETENSORS_METADATA, metadata) == 0;

  for (guint i = 0; complete && i < self->names->len; i++)
    {
      const char *name = self->names->pdata[i];
      SegTensor *tensor = g_tree_lookup (self->tensors, name);
      guint64 end = begins[i] + seg_tensor_get_n_bytes (tensor);
      json_t *shape = json_array ();

      for (guint d = 0; complete && d < tensor->rank; d++)
        complete = json_array_append_new (shape, json_integer (tensor->dims[d])) == 0;
      complete &= json_object_set_new (root, name,
                                       json_pack ("{s:s, s:o, s:[I, I]}", "dtype",
                                                  seg_safetensors_dtype_name (tensor->dtype),
                                                  "shape", shape, "data_offsets",
                                                  (json_int_t) begins[i], (json_int_t) end))
                  == 0;
    }
  text = complete ? json_dumps (root, JSON_COMPACT) : NULL;
  json_decref (root);
  return text;
}

static gboolean
seg_safetensors_write_to (SegSafetensors *self, SegAtomicFile *file, GError **error)
{
  g_autofree guint64 *begins = g_new (guint64, self->names->len + 1);
  g_autofree SegTensor **order = seg_safetensors_lay_out (self, begins);
  char *header = seg_safetensors_dump_header (self, begins);
  guint64 n_padded;
  gboolean written;

  if (header == NULL)
    {
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_MEMORY, "no memory for the header");
      return FALSE;
    }
  /* The data begins at a multiple of eight, padded with spaces as the format allows. */
  gsize n_header = strlen (header);
  n_padded = (n_header + 7) / 8 * 8;
  written = seg_atomic_file_write (file, &n_padded, sizeof n_padded, error)
            && seg_atomic_file_write (file, header, n_header, error)
            && seg_atomic_file_write (file, "        ", n_padded - n_header, error);
  free (header);

  for (guint i = 0; written && i < self->names->len; i++)
    written =
        seg_atomic_file_write (file, order[i]->data, seg_tensor_get_n_bytes (order[i]), error);
  return written && seg_atomic_file_commit (file, error);
}

/**
 * seg_safetensors_write:
 * @self: tensors
 * @path: a file, replaced if there is one
 * @error: return location
 *
 * Writes a file: all of it or nothing, see seg_atomic_file_new(). Equal contents, added in the
 * same order, make equal files.
 * Errors: `SEG_ERROR_PARAM` for a tensor without data, of a file that is only open; %G_IO_ERROR;
 * `SEG_ERROR_MEMORY`.
 * Threads: any, one at a time.
 *
 * Returns: %FALSE with @error set if there is no new file
 */
gboolean
seg_safetensors_write (SegSafetensors *self, const char *path, GError **error)
{
  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), FALSE);

  if (!seg_safetensors_check_data (self, error))
    return FALSE;
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (path, error);
  return file != NULL && seg_safetensors_write_to (self, file, error);
}
