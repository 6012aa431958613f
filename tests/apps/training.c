#include "training.h"

#include <signal.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#define N_DISCS 4

/* ---- data ------------------------------------------------------------------------------- */

static guint
draw (guint32 *state, guint n)
{
  *state = *state * 1664525 + 1013904223;
  return (*state >> 16) % n;
}

static void
save_gray (Tool *tool, const char *name, const guint8 *bytes)
{
  g_autoptr (VipsImage) image = vips_image_new_from_memory_copy (
      bytes, TRAINING_SIDE * TRAINING_SIDE, TRAINING_SIDE, TRAINING_SIDE, 1, VIPS_FORMAT_UCHAR);

  image->Type = VIPS_INTERPRETATION_B_W;
  samples_save (tool->folder, name, image);
}

/* Bright discs on a dark ground, and noise. */
void
training_save_discs (Tool *tool, guint i)
{
  g_autofree char *image = g_strdup_printf ("cells/images/%u.png", i);
  g_autofree char *mask = g_strdup_printf ("cells/masks/%u.png", i);
  guint8 pixels[TRAINING_SIDE * TRAINING_SIDE], truth[TRAINING_SIDE * TRAINING_SIDE] = { 0 };
  guint32 state = i + 1;

  for (guint d = 0; d < N_DISCS; d++)
    {
      int x = (int) draw (&state, TRAINING_SIDE), y = (int) draw (&state, TRAINING_SIDE);
      int r = 5 + (int) draw (&state, 8);

      for (int p = 0; p < TRAINING_SIDE * TRAINING_SIDE; p++)
        if ((p % TRAINING_SIDE - x) * (p % TRAINING_SIDE - x)
                + (p / TRAINING_SIDE - y) * (p / TRAINING_SIDE - y)
            < r * r)
          truth[p] = 255;
    }
  for (int p = 0; p < TRAINING_SIDE * TRAINING_SIDE; p++)
    pixels[p] = (guint8) ((truth[p] > 0 ? 150 : 60) + draw (&state, 50));
  save_gray (tool, image, pixels);
  save_gray (tool, mask, truth);
}

void
training_setup (Tool *tool, gconstpointer data)
{
  tool_setup (tool, data);
  tool->program = "segtrain";
  tool->max_seconds = 300;
  for (guint i = 0; i < TRAINING_IMAGES; i++)
    training_save_discs (tool, i);
}

/* With the folders in it. */
void
training_teardown (Tool *tool, gconstpointer data)
{
  (void) data;
  samples_free (tool->folder);
  g_free (tool->output);
  g_free (tool->error_line);
}

/* ---- what came of it -------------------------------------------------------------------- */

char *
training_read_text (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

gboolean
training_exists (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

char *
training_hash (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name), *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) bytes, n);
}

void
training_assert_same_file (Tool *tool, const char *name, const char *expected)
{
  g_autofree char *found = training_hash (tool, name);

  g_assert_cmpstr (found, ==, expected);
}

/* The log without its columns of seconds and speed. */
char *
training_read_log (Tool *tool, const char *name)
{
  g_autofree char *text = training_read_text (tool, name);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *timeless = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) cells = g_strsplit (*line, ",", -1);

      for (guint i = 0; cells[i] != NULL; i++)
        if (i != 2 && i != 3)
          g_string_append_printf (timeless, "%s,", cells[i]);
      g_string_append_c (timeless, '\n');
    }
  return g_string_free (timeless, FALSE);
}

void
training_assert_no_temporary_file (Tool *tool, const char *folder)
{
  g_autofree char *path = tool_path (tool, folder);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_assert_null (strstr (name, "segkit-tmp"));
}

/* ---- a run beside the test -------------------------------------------------------------- */

GPid
training_start (Tool *tool, const char *n_steps)
{
  const char *argv[] = {
    g_getenv ("SEGKIT_SEGTRAIN"), SMALL, "--steps", n_steps, "-o", MODEL, "cells", NULL
  };
  g_auto (GStrv) environment = tool_dup_environment (tool);
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async (tool->folder, (char **) argv, environment,
                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL
                     | G_SPAWN_STDERR_TO_DEV_NULL,
                 NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

int
training_stop (GPid pid, int number)
{
  int status;

  kill (pid, number);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

/* Until the run has got so far as to have made this file. */
void
training_wait_for (Tool *tool, const char *name)
{
  for (guint i = 0; i < 1200 && !training_exists (tool, name); i++)
    g_usleep (50 * 1000);
  g_assert_true (training_exists (tool, name));
}

void
training_run (Tool *tool)
{
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, OK);
}
