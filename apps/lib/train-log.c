/* The log of a training run. It is small, so it is written whole each time, under a temporary
 * name: under its own there is never half a row. A run that is continued from a checkpoint drops
 * the rows after it, and then writes the same again. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <segkit/atomic-file.h>
#include <segkit/error.h>

#include "csv.h"
#include "path.h"
#include "train-log.h"
#include "warning.h"

/* The numbers of a row that are not of a class, in the order of the columns. */
static const struct
{
  const char *name;
  gsize offset;
} seg_train_log_columns[] = {
  { "seconds", G_STRUCT_OFFSET (SegTrainLogRow, seconds) },
  { "images_per_second", G_STRUCT_OFFSET (SegTrainLogRow, images_per_second) },
  { "learning_rate", G_STRUCT_OFFSET (SegTrainLogRow, rate) },
  { "train_loss", G_STRUCT_OFFSET (SegTrainLogRow, train_loss) },
  { "validation_loss", G_STRUCT_OFFSET (SegTrainLogRow, validation_loss) },
  { "pixel_accuracy", G_STRUCT_OFFSET (SegTrainLogRow, accuracy) },
  { "mean_iou", G_STRUCT_OFFSET (SegTrainLogRow, mean_iou) },
  { "mean_dice", G_STRUCT_OFFSET (SegTrainLogRow, mean_dice) },
};

#define SEG_TRAIN_LOG_N_COLUMNS G_N_ELEMENTS (seg_train_log_columns)

struct _SegTrainLog
{
  char *path;
  guint n_classes;
  GString *text;   /* of the file */
  GPtrArray *rows; /* of SegTrainLogRow */
};

static void
seg_train_log_row_free (gpointer data)
{
  SegTrainLogRow *self = data;

  g_free ((gpointer) self->iou);
  g_free (self);
}

static double *
seg_train_log_row_get (const SegTrainLogRow *self, guint column)
{
  return G_STRUCT_MEMBER_P (self, seg_train_log_columns[column].offset);
}

/* ---- text ---------------------------------------------------------------------------------- */

static char *
seg_train_log_dup_header (const char *const *class_names)
{
  GString *text = g_string_new ("epoch,step");

  for (guint i = 0; i < SEG_TRAIN_LOG_N_COLUMNS; i++)
    g_string_append_printf (text, ",%s", seg_train_log_columns[i].name);
  for (guint i = 0; class_names[i] != NULL; i++)
    {
      g_autofree char *name = g_strconcat ("iou_", class_names[i], NULL);

      g_string_append_c (text, ',');
      seg_csv_append_field (text, name);
    }
  return g_string_free (text, FALSE);
}

static void
seg_train_log_print_row (SegTrainLog *self, const SegTrainLogRow *row)
{
  g_string_append_printf (self->text, "%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT, row->epoch,
                          row->step);
  for (guint i = 0; i < SEG_TRAIN_LOG_N_COLUMNS; i++)
    {
      g_string_append_c (self->text, ',');
      seg_csv_append_number (self->text, *seg_train_log_row_get (row, i));
    }
  for (guint i = 0; i < self->n_classes; i++)
    {
      g_string_append_c (self->text, ',');
      seg_csv_append_number (self->text, row->iou[i]);
    }
  g_string_append_c (self->text, '\n');
}

static gboolean
seg_train_log_parse_number (const char *text, double *value)
{
  char *end;

  *value = *text != '\0' ? g_ascii_strtod (text, &end) : NAN;
  return *text == '\0' || *end == '\0';
}

/* Returns %NULL for what is no row of @n_classes. */
static SegTrainLogRow *
seg_train_log_parse_row (const char *line, guint n_classes)
{
  g_auto (GStrv) fields = seg_csv_split (line);
  SegTrainLogRow *row = g_new0 (SegTrainLogRow, 1);
  double *iou = g_new (double, n_classes);
  gboolean ok = g_strv_length (fields) == 2 + SEG_TRAIN_LOG_N_COLUMNS + n_classes
                && g_ascii_string_to_unsigned (fields[0], 10, 0, G_MAXUINT64, &row->epoch, NULL)
                && g_ascii_string_to_unsigned (fields[1], 10, 0, G_MAXUINT64, &row->step, NULL);

  row->iou = iou;
  for (guint i = 0; ok && i < SEG_TRAIN_LOG_N_COLUMNS; i++)
    ok = seg_train_log_parse_number (fields[2 + i], seg_train_log_row_get (row, i));
  for (guint i = 0; ok && i < n_classes; i++)
    ok = seg_train_log_parse_number (fields[2 + SEG_TRAIN_LOG_N_COLUMNS + i], &iou[i]);
  if (ok)
    return row;
  seg_train_log_row_free (row);
  return NULL;
}

/* ---- the file ------------------------------------------------------------------------------ */

static gboolean
seg_train_log_write (SegTrainLog *self, GError **error)
{
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (self->path, error);

  return file != NULL && seg_atomic_file_write (file, self->text->str, self->text->len, error)
         && seg_atomic_file_commit (file, error);
}

/* Takes the rows until @last_step over from the file's lines. What is not one has been cut off,
 * be it only before the end of its line, or changed by somebody: it ends the table, and no
 * training. */
static void
seg_train_log_parse (SegTrainLog *self, char **lines, guint64 last_step)
{
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      SegTrainLogRow *row =
          lines[i + 1] != NULL ? seg_train_log_parse_row (lines[i], self->n_classes) : NULL;

      if (row == NULL)
        {
          seg_warning_print ("%s: line %u is no row of its table: it and what follows are left out",
                             self->path, i + 2);
          return;
        }
      if (row->step > last_step)
        {
          seg_train_log_row_free (row);
          break;
        }
      g_string_append_printf (self->text, "%s\n", lines[i]);
      g_ptr_array_add (self->rows, row);
    }
}

static gboolean
seg_train_log_read (SegTrainLog *self, const char *header, guint64 last_step, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) cause = NULL;

  if (!g_file_get_contents (self->path, &text, NULL, &cause))
    {
      if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", cause->message);
      return FALSE;
    }
  lines = g_strsplit (text, "\n", -1);
  if (lines[0] != NULL && strcmp (lines[0], header) == 0)
    seg_train_log_parse (self, lines + 1, last_step);
  else if (g_str_has_prefix (header, text))
    seg_warning_print ("%s: has lost its rows, and begins anew", self->path);
  else
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                   "%s: its first line is not that of a log of %u classes; move it away to go on",
                   self->path, self->n_classes);
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_train_log_open:
 * @path: a file, which need not exist
 * @class_names: (array zero-terminated=1): of the network
 * @last_step: rows of later steps are dropped; 0: all, whatever they are
 * @error: return location
 *
 * What a table has lost, it begins anew without, with a warning: the log is for people.
 * Errors: `SEG_ERROR_FORMAT` if there is something else in the file, `G_IO_ERROR`.
 * Threads: one at a time.
 */
SegTrainLog *
seg_train_log_open (const char *path, const char *const *class_names, guint64 last_step,
                    GError **error)
{
  g_autofree char *header = seg_train_log_dup_header (class_names);
  g_autoptr (SegTrainLog) self = g_new0 (SegTrainLog, 1);

  self->path = g_strdup (path);
  self->n_classes = g_strv_length ((char **) class_names);
  self->text = g_string_new (header);
  g_string_append_c (self->text, '\n');
  self->rows = g_ptr_array_new_with_free_func (seg_train_log_row_free);
  if ((last_step > 0 && !seg_train_log_read (self, header, last_step, error))
      || !seg_train_log_write (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * seg_train_log_free:
 * @self: a log
 */
void
seg_train_log_free (SegTrainLog *self)
{
  g_string_free (self->text, TRUE);
  g_ptr_array_unref (self->rows);
  g_free (self->path);
  g_free (self);
}

/**
 * seg_train_log_append:
 * @self: a log
 * @row: is copied
 * @error: return location
 *
 * Adds a row, on disk when this returns. Seconds and images are rounded to three digits behind the
 * point; other numbers read back as they were.
 * Errors: `G_IO_ERROR`; the file is then as it was, and has the row after the next success.
 */
gboolean
seg_train_log_append (SegTrainLog *self, const SegTrainLogRow *row, GError **error)
{
  SegTrainLogRow *copy = g_new (SegTrainLogRow, 1);
  double *iou = g_new (double, self->n_classes);

  for (guint i = 0; i < self->n_classes; i++)
    iou[i] = row->iou != NULL ? row->iou[i] : NAN;
  *copy = *row;
  copy->seconds = round (row->seconds * 1e3) / 1e3;
  copy->images_per_second = round (row->images_per_second * 1e3) / 1e3;
  copy->iou = iou;
  g_ptr_array_add (self->rows, copy);
  seg_train_log_print_row (self, copy);
  return seg_train_log_write (self, error);
}

guint
seg_train_log_get_n_rows (SegTrainLog *self)
{
  return self->rows->len;
}

/**
 * seg_train_log_get_row:
 * @self: a log
 * @i: which row
 *
 * Returns: (transfer none): the row, until the log is freed
 */
const SegTrainLogRow *
seg_train_log_get_row (SegTrainLog *self, guint i)
{
  g_return_val_if_fail (i < self->rows->len, NULL);
  return self->rows->pdata[i];
}

guint
seg_train_log_get_n_classes (SegTrainLog *self)
{
  return self->n_classes;
}
