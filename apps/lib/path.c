/* Names of files: how they are shown, and whether two of them mean one file. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <gio/gio.h>

#include "path.h"

/* What ends a line, moves the cursor or turns the direction of what follows is not. */
static gboolean
seg_path_is_plain (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return FALSE;
    default:
      return TRUE;
    }
}

/**
 * seg_path_escape:
 * @text: a path, or a message that holds one
 *
 * Never cuts: who reads the message has to find the file.
 *
 * Returns: (transfer full): the same as valid UTF-8 on one line; other bytes as `\x1b`
 */
char *
seg_path_escape (const char *text)
{
  GString *shown = g_string_new (NULL);

  while (*text != '\0')
    {
      gunichar c = g_utf8_get_char_validated (text, -1);
      gboolean valid = c != (gunichar) -1 && c != (gunichar) -2;
      gsize n = valid ? (gsize) (g_utf8_next_char (text) - text) : 1;

      if (valid && seg_path_is_plain (c))
        g_string_append_len (shown, text, (gssize) n);
      else
        for (gsize i = 0; i < n; i++)
          g_string_append_printf (shown, "\\x%02x", (guint) (guchar) text[i]);
      text += n;
    }
  return g_string_free (shown, FALSE);
}

/**
 * seg_path_dup_identity:
 * @path: a path
 *
 * Returns: (transfer full): a text that is the same for all paths that mean one file, by whatever
 *   names they go; also for a file that does not exist yet
 */
char *
seg_path_dup_identity (const char *path)
{
  g_autofree char *name = g_path_get_basename (path), *folder = g_path_get_dirname (path);
  struct stat status;

  if (stat (path, &status) == 0)
    return g_strdup_printf ("%ju:%ju", (uintmax_t) status.st_dev, (uintmax_t) status.st_ino);
  if (stat (folder, &status) == 0)
    return g_strdup_printf ("%ju:%ju/%s", (uintmax_t) status.st_dev, (uintmax_t) status.st_ino,
                            name);
  return g_canonicalize_filename (path, NULL);
}

static gboolean
seg_path_is_same_file (const char *a, const char *b)
{
  g_autofree char *identity_a = seg_path_dup_identity (a), *identity_b = seg_path_dup_identity (b);

  return strcmp (identity_a, identity_b) == 0;
}

/**
 * seg_path_check_not_over:
 * @written: a file to be written
 * @other: (nullable): one that must not be lost by it, or a folder of such files
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` where both are one file, or @written lies in the folder.
 */
gboolean
seg_path_check_not_over (const char *written, const char *other, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (written);

  if (other == NULL)
    return TRUE;
  if (seg_path_is_same_file (written, other))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: would be written over %s, which is the same file", written, other);
  else if (seg_path_is_same_file (folder, other))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: would be written into %s, which is read", written, other);
  else
    return TRUE;
  return FALSE;
}

/**
 * seg_path_check_ending:
 * @written: (nullable): a file to be written
 * @ending: what its name must end in
 * @what: what it will hold, for the message
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` where it is called otherwise: a file of another kind may be lost.
 */
gboolean
seg_path_check_ending (const char *written, const char *ending, const char *what, GError **error)
{
  if (written == NULL || g_str_has_suffix (written, ending))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: the name of %s ends in %s", written, what, ending);
  return FALSE;
}

/**
 * seg_path_make_folder:
 * @path: a folder
 * @error: return location
 *
 * Makes it and those around it where they are not there.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_path_make_folder (const char *path, GError **error)
{
  int code;

  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  code = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return FALSE;
}

/**
 * seg_path_make_parent:
 * @written: (nullable): a file to be written
 * @error: return location
 *
 * Makes the folder that it is to be in, as all programs do before their work.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_path_make_parent (const char *written, GError **error)
{
  g_autofree char *folder = written != NULL ? g_path_get_dirname (written) : NULL;

  return folder == NULL || seg_path_make_folder (folder, error);
}
