/* The log of a training run: what is written reads back, and a run that is continued writes the
 * same file. */
#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <segkit/error.h>

#include "../../apps/lib/train-log.h"

static const char *const names[] = { "background", "cell, \"round\"", NULL };

typedef struct
{
  char *folder, *path;
} Fixture;

static void
setup (Fixture *fixture, gconstpointer data)
{
  (void) data;
  fixture->folder = g_dir_make_tmp ("segkit-log-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "log.csv", NULL);
}

static void
teardown (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_remove (fixture->path);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0); /* nothing else was left there */
  g_free (fixture->folder);
  g_free (fixture->path);
}

static void
append (SegTrainLog *log, guint64 step)
{
  const double iou[] = { 1. / 3, step == 30 ? NAN : 0.1 };
  SegTrainLogRow row = { .epoch = step / 10,
                         .step = step,
                         .seconds = (double) step + 0.12345,
                         .rate = 1e-3,
                         .train_loss = 1. / (double) step,
                         .validation_loss = NAN,
                         .mean_iou = 0.1 + 0.2,
                         .mean_dice = 1e-300,
                         .accuracy = 1,
                         .images_per_second = 12.3456,
                         .iou = step == 20 ? NULL : iou };
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_train_log_append (log, &row, &error));
  g_assert_no_error (error);
}

static char *
read_text (Fixture *fixture)
{
  char *text;

  g_assert_true (g_file_get_contents (fixture->path, &text, NULL, NULL));
  return text;
}

static void
test_text (Fixture *fixture, gconstpointer data)
{
  g_autoptr (SegTrainLog) log = seg_train_log_open (fixture->path, names, 0, NULL);
  g_autofree char *text = NULL;

  (void) data;
  append (log, 10);
  append (log, 20);
  text = read_text (fixture);
  g_assert_cmpstr (text, ==,
                   "epoch,step,seconds,images_per_second,learning_rate,train_loss,"
                   "validation_loss,pixel_accuracy,mean_iou,mean_dice,iou_background,"
                   "\"iou_cell, \"\"round\"\"\"\n"
                   "1,10,10.123,12.346,0.001,0.1,,1,0.30000000000000004,1e-300,"
                   "0.3333333333333333,0.1\n"
                   "2,20,20.123,12.346,0.001,0.05,,1,0.30000000000000004,1e-300,,\n");
}

static void
test_continued (Fixture *fixture, gconstpointer data)
{
  SegTrainLog *log = seg_train_log_open (fixture->path, names, 0, NULL);
  g_autofree char *whole = NULL, *again = NULL;
  g_autoptr (GError) error = NULL;
  const SegTrainLogRow *row;

  (void) data;
  for (guint64 step = 10; step <= 50; step += 10)
    append (log, step);
  seg_train_log_free (log);
  whole = read_text (fixture);

  log = seg_train_log_open (fixture->path, names, 35, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seg_train_log_get_n_rows (log), ==, 3);
  row = seg_train_log_get_row (log, 2);
  g_assert_cmpuint (row->step, ==, 30);
  g_assert_cmpuint (row->epoch, ==, 3);
  g_assert_cmpfloat (row->train_loss, ==, 1. / 30);
  g_assert_cmpfloat (row->mean_iou, ==, 0.1 + 0.2);
  g_assert_cmpfloat (row->mean_dice, ==, 1e-300);
  g_assert_true (isnan (row->validation_loss));
  g_assert_cmpfloat (row->iou[0], ==, 1. / 3);
  g_assert_true (isnan (row->iou[1]));
  append (log, 40);
  append (log, 50);
  seg_train_log_free (log);
  again = read_text (fixture);
  g_assert_cmpstr (whole, ==, again);

  log = seg_train_log_open (fixture->path, names, 0, NULL);
  g_assert_cmpuint (seg_train_log_get_n_rows (log), ==, 0);
  seg_train_log_free (log);
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const other[] = { "background", "dog", NULL };
  g_autoptr (GError) error = NULL;
  SegTrainLog *log = seg_train_log_open (fixture->path, names, 0, NULL);

  (void) data;
  append (log, 10);
  seg_train_log_free (log);
  g_assert_null (seg_train_log_open (fixture->path, other, 10, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "move it away"));
}

/* What was cut off is lost, and no reason not to go on. */
static void
test_damaged (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    gsize n_bytes; /* of the text that are left */
    const char *more;
    guint n_rows;
  } cases[] = { { 0, "", 0 },
                { 20, "", 0 },
                { 1000, "3,30,oops\n4,40\n", 2 },
                { 1000, "3,30,30.1,12,0.001,0.05,,1,0.3,0.1,0.25,0.12", 2 } };
  g_autoptr (SegTrainLog) log = seg_train_log_open (fixture->path, names, 0, NULL);
  g_autofree char *text = NULL;

  (void) data;
  append (log, 10);
  append (log, 20);
  text = read_text (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (SegTrainLog) again = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *left = g_strndup (text, cases[i].n_bytes);
      g_autofree char *damaged = g_strconcat (left, cases[i].more, NULL);

      g_assert_true (g_file_set_contents (fixture->path, damaged, -1, NULL));
      again = seg_train_log_open (fixture->path, names, 100, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (seg_train_log_get_n_rows (again), ==, cases[i].n_rows);
      append (again, 50);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/train-log/text", Fixture, NULL, setup, test_text, teardown);
  g_test_add ("/train-log/continued", Fixture, NULL, setup, test_continued, teardown);
  g_test_add ("/train-log/damaged", Fixture, NULL, setup, test_damaged, teardown);
  g_test_add ("/train-log/refused", Fixture, NULL, setup, test_refused, teardown);
  return g_test_run ();
}
