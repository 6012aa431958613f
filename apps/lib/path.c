/* Names of files: how they are shown, and whether two of them mean one file. */
#include <errno.h>
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
 * seg_path_is_same_file:
 * @a: a path
 * @b: another
 *
 * Returns: whether writing one would replace the other, by whatever names they go; also for
 *   files that do not exist yet
 */
gboolean
seg_path_is_same_file (const char *a, const char *b)
{
  struct stat stat_a, stat_b;
  int status_a = stat (a, &stat_a), status_b = stat (b, &stat_b);
  g_autofree char *name_a = g_path_get_basename (a), *name_b = g_path_get_basename (b);
  g_autofree char *folder_a = g_path_get_dirname (a), *folder_b = g_path_get_dirname (b);

  if ((status_a == 0) != (status_b == 0))
    return FALSE;
  if (status_a != 0
      && (strcmp (name_a, name_b) != 0 || stat (folder_a, &stat_a) != 0
          || stat (folder_b, &stat_b) != 0))
    return FALSE;
  return stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino;
}

/**
 * seg_path_check_not_over:
 * @written: a file to be written
 * @other: (nullable): one that must not be lost by it
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` where both are one file.
 */
gboolean
seg_path_check_not_over (const char *written, const char *other, GError **error)
{
  if (other == NULL || !seg_path_is_same_file (written, other))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: would be written over %s, which is the same file", written, other);
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
