/* What the user should know, although it stops nothing. */
#include <stdio.h>

#include "path.h"
#include "warning.h"

/**
 * seg_warning_print:
 * @format: as for printf(); begins with the name of the file
 *
 * Prints one line on stderr, in which names of files are as harmless as in an error. The same line
 * is not said twice in a row: an image may be opened again, to be read in another order.
 * Threads: any.
 */
void
seg_warning_print (const char *format, ...)
{
  static GMutex mutex;
  static char *last; /* guarded by it */
  g_autofree char *text = NULL;
  char *shown;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  shown = seg_path_escape (text);
  g_mutex_lock (&mutex);
  if (g_strcmp0 (shown, last) != 0)
    fprintf (stderr, "%s: warning: %s\n", g_get_prgname (), shown);
  g_free (last);
  last = shown;
  g_mutex_unlock (&mutex);
}
