/* Text in HTML and SVG. Names come from files and may be anything. */
#include "html.h"
#include "path.h"

/**
 * seg_html_append:
 * @out: a page
 * @text: any bytes
 *
 * Appends text, which stays text: in an element or in a quoted attribute.
 */
void
seg_html_append (GString *out, const char *text)
{
  g_autofree char *shown = seg_path_escape (text);
  g_autofree char *escaped = g_markup_escape_text (shown, -1);

  g_string_append (out, escaped);
}

/**
 * seg_html_append_format:
 * @out: a page
 * @format: as printf()
 * @...: for it
 *
 * Appends text, which stays text.
 */
void
seg_html_append_format (GString *out, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  seg_html_append (out, text);
}
