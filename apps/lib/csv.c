/* Comma-separated values as RFC 4180 has them, without line breaks in fields. */
#include <math.h>
#include <string.h>

#include "csv.h"

/**
 * seg_csv_append_field:
 * @csv: a line
 * @text: UTF-8
 *
 * Appends a text, with quotes where a comma, a quote or a line's end would be misread.
 */
void
seg_csv_append_field (GString *csv, const char *text)
{
  if (strpbrk (text, ",\"\r\n") == NULL)
    {
      g_string_append (csv, text);
      return;
    }
  g_string_append_c (csv, '"');
  for (; *text != '\0'; text++)
    {
      if (*text == '"')
        g_string_append_c (csv, '"');
      g_string_append_c (csv, *text);
    }
  g_string_append_c (csv, '"');
}

/**
 * seg_csv_append_number:
 * @csv: a line
 * @value: a number; NaN is an empty field
 *
 * Appends the shortest of 15 to 17 digits that reads back as the same number, with a point
 * whatever the locale.
 */
void
seg_csv_append_number (GString *csv, double value)
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (value))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_ascii_formatd (text, sizeof text, formats[i], value);
      if (g_ascii_strtod (text, NULL) == value)
        break;
    }
  g_string_append (csv, text);
}

/**
 * seg_csv_split:
 * @line: without its end
 *
 * Returns: (transfer full): the fields
 */
GStrv
seg_csv_split (const char *line)
{
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();
  g_autoptr (GString) field = g_string_new (NULL);
  gboolean quoted = FALSE;

  for (const char *p = line;; p++)
    {
      if (*p == '\0' || (*p == ',' && !quoted))
        {
          g_ptr_array_add (fields, g_strdup (field->str));
          g_string_truncate (field, 0);
          if (*p == '\0')
            break;
        }
      else if (*p == '"' && quoted && p[1] == '"')
        g_string_append_c (field, *p++);
      else if (*p == '"')
        quoted = !quoted;
      else
        g_string_append_c (field, *p);
    }
  g_ptr_array_add (fields, NULL);
  return (GStrv) g_ptr_array_steal (fields, NULL);
}
