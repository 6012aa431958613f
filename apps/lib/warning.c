/* What the user should know, although it stops nothing. */
#include <stdio.h>

#include "path.h"
#include "warning.h"

/**
 * seg_warning_print:
 * @format: as for printf(); begins with the name of the file
 *
 * Prints one line on stderr, in which names of files are as harmless as in an error.
 */
void
seg_warning_print (const char *format, ...)
{
  g_autofree char *text = NULL, *shown = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  shown = seg_path_escape (text);
  fprintf (stderr, "%s: warning: %s\n", g_get_prgname (), shown);
}
