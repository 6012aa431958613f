/* A page of the documentation taken apart: its files, and its commands. */
#include "tutorial.h"

#include <string.h>

/* The NAME of a line that ends with `NAME`: in front of a file's text. */
static char *
tutorial_get_name (const char *line)
{
  const char *end = line + strlen (line), *start;

  if (!g_str_has_suffix (line, "`:"))
    return NULL;
  end -= 2;
  start = g_strrstr_len (line, end - line, "`");
  return start != NULL ? g_strndup (start + 1, (gsize) (end - start - 1)) : NULL;
}

static void
tutorial_write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (strchr (name, '/'), ==, NULL);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

/*
 * @page: the text of the page
 * @folder: where its files are written
 *
 * A block between fences is a command where its language is sh; otherwise it is a file, and the
 * line before it ends with the file's name. Any other block fails the test, so that none is
 * forgotten.
 *
 * Returns: (transfer full): a script of all commands, which ends at the first that fails
 */
char *
tutorial_unpack (const char *page, const char *folder)
{
  g_auto (GStrv) lines = g_strsplit (page, "\n", -1);
  g_autoptr (GString) script = g_string_new ("set -eux\n");
  const char *before = "";

  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "```"))
      {
        gboolean is_command = g_str_equal (*line, "```sh");
        g_autofree char *name = is_command ? NULL : tutorial_get_name (before);
        g_autoptr (GString) text = g_string_new (NULL);

        for (line++; *line != NULL && !g_str_equal (*line, "```"); line++)
          g_string_append_printf (text, "%s\n", *line);
        g_assert_nonnull (*line);
        if (is_command)
          g_string_append (script, text->str);
        else if (name != NULL)
          tutorial_write_file (folder, name, text->str);
        else
          g_error ("a block without the name of a file before it: \"%s\"", before);
      }
    else if (**line != '\0')
      before = *line;
  return g_string_free (g_steal_pointer (&script), FALSE);
}
