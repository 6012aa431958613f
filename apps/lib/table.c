/* Text in columns. */
#include <stdarg.h>
#include <string.h>

#include "table.h"

struct _SegTable
{
  char *columns;
  guint n_columns;
  GPtrArray *rows; /* of GStrv */
};

/**
 * seg_table_new:
 * @columns: a letter for each: `l` to align left, `r` to align right
 *
 * Returns: (transfer full): an empty table
 */
SegTable *
seg_table_new (const char *columns)
{
  SegTable *self = g_new0 (SegTable, 1);

  self->columns = g_strdup (columns);
  self->n_columns = (guint) strlen (columns);
  self->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  return self;
}

void
seg_table_free (SegTable *self)
{
  g_free (self->columns);
  g_ptr_array_unref (self->rows);
  g_free (self);
}

/**
 * seg_table_add:
 * @self: a table
 * @...: text of each column, and %NULL. UTF-8 of one line
 *
 * Adds a row.
 */
void
seg_table_add (SegTable *self, ...)
{
  char **row = g_new0 (char *, self->n_columns + 1);
  const char *cell;
  va_list args;

  va_start (args, self);
  for (guint i = 0; (cell = va_arg (args, const char *)) != NULL; i++)
    {
      g_assert (i < self->n_columns);
      row[i] = g_strdup (cell);
    }
  va_end (args);
  g_ptr_array_add (self->rows, row);
}

/* Places that the text takes on a terminal. */
static guint
seg_table_measure (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);
      width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    }
  return width;
}

/**
 * seg_table_print:
 * @self: a table
 * @indent: spaces before each row
 * @out: where to
 *
 * Appends all rows, each a line without spaces at its end.
 */
void
seg_table_print (SegTable *self, guint indent, GString *out)
{
  g_autofree guint *widths = g_new0 (guint, self->n_columns);

  for (guint r = 0; r < self->rows->len; r++)
    {
      char **row = self->rows->pdata[r];

      for (guint i = 0; row[i] != NULL; i++)
        widths[i] = MAX (widths[i], seg_table_measure (row[i]));
    }
  for (guint r = 0; r < self->rows->len; r++)
    {
      char **row = self->rows->pdata[r];
      gsize end;

      g_string_append_printf (out, "%*s", (int) indent, "");
      for (guint i = 0; row[i] != NULL; i++)
        {
          int padding = (int) (widths[i] - seg_table_measure (row[i]));
          gboolean right = self->columns[i] == 'r';

          g_string_append_printf (out, "%s%*s%s%*s", i > 0 ? "  " : "", right ? padding : 0, "",
                                  row[i], right ? 0 : padding, "");
        }
      for (end = out->len; end > 0 && out->str[end - 1] == ' '; end--)
        ;
      g_string_truncate (out, end);
      g_string_append_c (out, '\n');
    }
}

/**
 * seg_table_print_wrapped:
 * @text: words
 * @indent: spaces before each line
 * @width: of a terminal
 * @out: where to
 *
 * Appends text in lines that are not longer, where no single word is.
 */
void
seg_table_print_wrapped (const char *text, guint indent, guint width, GString *out)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  guint column = 0;

  for (char **word = words; *word != NULL; word++)
    {
      guint n = seg_table_measure (*word);

      if (column > 0 && column + 1 + n > width)
        {
          g_string_append_c (out, '\n');
          column = 0;
        }
      if (column == 0)
        g_string_append_printf (out, "%*s%s", (int) indent, "", *word);
      else
        g_string_append_printf (out, " %s", *word);
      column += n + (column == 0 ? indent : 1);
    }
  g_string_append_c (out, '\n');
}
