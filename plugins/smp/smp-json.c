/* Small JSON files, read strictly: nothing in them may be ambiguous, endless or unshowable. */
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "smp.h"

#define MAX_BYTES (1024 * 1024)
#define MAX_SHOWN 80

/* The contents of @folder/@name, an object; NULL with @error set. */
json_t *
_seg_smp_json_read (const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *text = NULL;
  json_error_t where;
  GStatBuf status;
  gsize n_bytes;
  json_t *root;

  /* a pipe would keep us waiting, a device would never end */
  if (g_stat (path, &status) < 0)
    {
      int code = errno;
      g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (code), "%s: %s", name,
                   g_strerror (code));
      return NULL;
    }
  if (!S_ISREG (status.st_mode) || status.st_size > MAX_BYTES)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                   "%s: not a regular file of at most %d bytes", name, MAX_BYTES);
      return NULL;
    }
  if (!g_file_get_contents (path, &text, &n_bytes, error))
    return NULL;
  /* Jansson passes over one behind a number */
  if (strlen (text) != n_bytes)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: has a NUL character", name);
      return NULL;
    }

  root = json_loadb (text, n_bytes, JSON_REJECT_DUPLICATES, &where);
  if (root == NULL)
    {
      /* it quotes what it does not understand */
      g_autofree char *shown = g_strescape (where.text, "\"");
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: line %d: %s", name, where.line, shown);
    }
  else if (!json_is_object (root))
    {
      json_decref (root);
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: not an object", name);
      return NULL;
    }
  return root;
}

/* Writes @root, which may be NULL when there was no memory for it, as @folder/@name, the way
 * Python's json.dumps (sort_keys=True, indent=2) does. */
gboolean
_seg_smp_json_write (json_t *root, const char *folder, const char *name, GError **error)
{
  char *text = root != NULL ? json_dumps (root, JSON_INDENT (2) | JSON_SORT_KEYS
                                                    | JSON_ENSURE_ASCII | JSON_REAL_PRECISION (9))
                            : NULL;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (SegAtomicFile) file = NULL;
  gboolean written;

  if (text == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY, "no memory for %s", name);
      return FALSE;
    }
  written = (file = seg_atomic_file_new (path, error)) != NULL
            && seg_atomic_file_write (file, text, strlen (text), error)
            && seg_atomic_file_write (file, "\n", 1, error)
            && seg_atomic_file_commit (file, error);
  free (text);
  return written;
}

/* JSON in ASCII, without the one control character that Jansson does not escape. */
static char *
seg_smp_json_show (const json_t *value)
{
  char *text = json_dumps (value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT
                                      | JSON_REAL_PRECISION (9));

  return text != NULL ? g_strdelimit (text, "\177", '?') : NULL;
}

/* `"KEY": VALUE: WHY`, so that no value can reach a terminal raw. */
gboolean
_seg_smp_json_refuse (SegError code, const char *key, const json_t *value, const char *why,
                      GError **error)
{
  json_auto_t *name = json_string (key);
  char *shown = seg_smp_json_show (name), *text = seg_smp_json_show (value);
  gboolean cut = text != NULL && strlen (text) > MAX_SHOWN;

  g_set_error (error, SEG_ERROR, (gint) code, "%.*s%s%.*s%s: %s", MAX_SHOWN,
               shown != NULL ? shown : "?", text != NULL ? ": " : "", MAX_SHOWN,
               text != NULL ? text : "", cut ? "..." : "", why);
  free (shown);
  free (text);
  return FALSE;
}
