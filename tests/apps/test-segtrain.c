/* segtrain from data to model: that it learns, that its bits depend on nothing but data, recipe and
 * seed, and what it does when it is stopped or something is wrong. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <jansson.h>

#include "samples.h"
#include "tool.h"

#define SIDE 64
#define N_IMAGES 8
#define N_DISCS 4

/* A network and a training of a second. */
#define SMALL                                                                                      \
  "--set", "model.encoder.channels=4", "--set", "model.encoder.depth=2", "--set", "train.rate=0.02"
#define STEPS "--steps", "24"
#define MODEL "m.safetensors"

enum { OK, FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC, PLUGIN, IN_USE };

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
  g_autoptr (VipsImage) image
      = vips_image_new_from_memory_copy (bytes, SIDE * SIDE, SIDE, SIDE, 1, VIPS_FORMAT_UCHAR);

  image->Type = VIPS_INTERPRETATION_B_W;
  samples_save (tool->folder, name, image);
}

/* Bright discs on a dark ground, and noise. */
static void
save_discs (Tool *tool, guint i)
{
  g_autofree char *image = g_strdup_printf ("cells/images/%u.png", i);
  g_autofree char *mask = g_strdup_printf ("cells/masks/%u.png", i);
  guint8 pixels[SIDE * SIDE], truth[SIDE * SIDE] = { 0 };
  guint32 state = i + 1;

  for (guint d = 0; d < N_DISCS; d++)
    {
      int x = (int) draw (&state, SIDE), y = (int) draw (&state, SIDE);
      int r = 5 + (int) draw (&state, 8);

      for (int p = 0; p < SIDE * SIDE; p++)
        if ((p % SIDE - x) * (p % SIDE - x) + (p / SIDE - y) * (p / SIDE - y) < r * r)
          truth[p] = 255;
    }
  for (int p = 0; p < SIDE * SIDE; p++)
    pixels[p] = (guint8) ((truth[p] > 0 ? 150 : 60) + draw (&state, 50));
  save_gray (tool, image, pixels);
  save_gray (tool, mask, truth);
}

static void
remove_pair (Tool *tool, guint i)
{
  static const char *const folders[] = { "images", "masks" };

  for (guint k = 0; k < G_N_ELEMENTS (folders); k++)
    {
      g_autofree char *name = g_strdup_printf ("cells/%s/%u.png", folders[k], i);
      g_autofree char *path = tool_path (tool, name);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

static void
setup (Tool *tool, gconstpointer data)
{
  tool_setup (tool, data);
  tool->program = "segtrain";
  tool->max_seconds = 300;
  for (guint i = 0; i < N_IMAGES; i++)
    save_discs (tool, i);
}

/* With the folders in it. */
static void
teardown (Tool *tool, gconstpointer data)
{
  (void) data;
  samples_free (tool->folder);
  g_free (tool->output);
  g_free (tool->error_line);
}

/* ---- what came of it -------------------------------------------------------------------- */

static char *
read_text (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static gboolean
exists (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static char *
hash (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name), *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) bytes, n);
}

static void
assert_same_file (Tool *tool, const char *name, const char *expected)
{
  g_autofree char *found = hash (tool, name);

  g_assert_cmpstr (found, ==, expected);
}

/* The log without its columns of seconds and speed. */
static char *
read_log (Tool *tool, const char *name)
{
  g_autofree char *text = read_text (tool, name);
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

static double
read_mean_iou (Tool *tool, const char *name)
{
  g_autofree char *text = read_text (tool, name);
  json_t *root = json_loads (text, 0, NULL);
  double iou = json_number_value (
      json_object_get (json_object_get (root, "foreground_mean"), "IoU"));

  json_decref (root);
  return iou;
}

static double
get_cell (const char *log, guint line, guint column)
{
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  g_auto (GStrv) cells = NULL;

  g_assert_cmpuint (line, <, g_strv_length (lines));
  cells = g_strsplit (lines[line], ",", -1);
  g_assert_cmpuint (column, <, g_strv_length (cells));
  return g_ascii_strtod (cells[column], NULL);
}

static void
assert_no_temporary_file (Tool *tool, const char *folder)
{
  g_autofree char *path = tool_path (tool, folder);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_assert_null (strstr (name, "segkit-tmp"));
}

/* ---- a run beside the test -------------------------------------------------------------- */

static GPid
start (Tool *tool, const char *n_steps)
{
  const char *argv[] = { g_getenv ("SEGKIT_SEGTRAIN"), SMALL, "--steps", n_steps, "-o", MODEL,
                         "cells", NULL };
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

static int
stop (GPid pid, int number)
{
  int status;

  kill (pid, number);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

/* Until the run has got so far as to have made this file. */
static void
wait_for (Tool *tool, const char *name)
{
  for (guint i = 0; i < 1200 && !exists (tool, name); i++)
    g_usleep (50 * 1000);
  g_assert_true (exists (tool, name));
}

static void
train (Tool *tool)
{
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, OK);
}

/* ---- cases ------------------------------------------------------------------------------ */

static void
test_learns (Tool *tool, gconstpointer data)
{
  g_autofree char *log = NULL, *path = tool_path (tool, MODEL);
  g_autoptr (SegModel) model = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--steps", "80", "-o", MODEL, "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "7 to learn from, 1 to validate"));
  g_assert_nonnull (strstr (tool->output, "[train.loss] type=dice-ce: "));
  log = read_text (tool, "m.run/log.csv");
  g_assert_cmpfloat (get_cell (log, 10, 5), <, 0.6 * get_cell (log, 1, 5));
  g_assert_cmpfloat (read_mean_iou (tool, "m.run/summary.json"), >, 0.9);
  g_assert_true (exists (tool, "m.run/report.html"));

  model = seg_model_load (path, NULL);
  g_assert_nonnull (model);
  g_assert_cmpuint (seg_model_get_n_channels (model), ==, 1);
  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 2);
  g_assert_cmpstr (seg_model_get_class (model, 0)->name, ==, "background");

  tool->program = "segment";
  g_assert_cmpint (tool_run (tool, "-m", MODEL, "-o", "labels.png", "cells/images/0.png", NULL), ==,
                   OK);
}

static void
test_threads (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *log = NULL, *other_log = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--threads", "1", "-o", MODEL, "cells", NULL), ==,
                   OK);
  expected = hash (tool, MODEL);
  log = read_log (tool, "m.run/log.csv");
  for (guint n = 2; n <= 3; n++)
    {
      g_autofree char *threads = g_strdup_printf ("%u", n);

      g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--threads", threads, "--fresh", "-o",
                                 "n.safetensors", "cells", NULL),
                       ==, OK);
      assert_same_file (tool, "n.safetensors", expected);
    }
  other_log = read_log (tool, "n.run/log.csv");
  g_assert_cmpstr (log, ==, other_log);
}

/* What was written down does the same again, and so does the printed recipe; another seed does not. */
static void
test_repeats (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *other = NULL, *printed = NULL;

  (void) data;
  train (tool);
  expected = hash (tool, MODEL);
  g_assert_cmpint (tool_run (tool, "--recipe", "m.run/recipe.ini", "-o", "n.safetensors", "cells",
                             NULL),
                   ==, OK);
  assert_same_file (tool, "n.safetensors", expected);

  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--dump-recipe", "cells", NULL), ==, OK);
  printed = read_text (tool, "m.run/recipe.ini");
  g_assert_cmpstr (tool->output, ==, printed);

  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--seed", "2", "-o", "n.safetensors", "--fresh",
                             "cells", NULL),
                   ==, OK);
  other = hash (tool, "n.safetensors");
  g_assert_cmpstr (other, !=, expected);
}

/* The whole run once, and then ones that are killed at moments by chance. */
static void
test_killed (Tool *tool, gconstpointer data)
{
  guint n = g_test_slow () ? 20 : 3;
  g_autofree char *expected = NULL, *log = NULL;
  gint64 begin = g_get_monotonic_time (), duration;

  (void) data;
  train (tool);
  duration = g_get_monotonic_time () - begin;
  expected = hash (tool, MODEL);
  log = read_log (tool, "m.run/log.csv");
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *other_log = NULL, *folder = tool_path (tool, "m.run");
      gint64 moment = (gint64) (g_test_rand_double () * (double) duration);
      g_autofree char *model = tool_path (tool, MODEL);
      GPid pid;

      samples_free (g_steal_pointer (&folder));
      g_unlink (model);
      pid = start (tool, "24");
      g_usleep ((gulong) moment);
      g_test_message ("killed after %.3f s: %d", (double) moment / G_USEC_PER_SEC,
                      stop (pid, SIGKILL));
      train (tool);
      assert_same_file (tool, MODEL, expected);
      other_log = read_log (tool, "m.run/log.csv");
      g_assert_cmpstr (other_log, ==, log);
      assert_no_temporary_file (tool, "m.run");
      assert_no_temporary_file (tool, ".");
    }
}

/* Damage on the disk costs some steps: the checkpoint before is gone on from. */
static void
test_damaged (Tool *tool, gconstpointer data)
{
  static const char newest[] = "m.run/checkpoint-00000024.safetensors";
  g_autofree char *expected = NULL, *path = tool_path (tool, newest), *bytes = NULL;
  g_autofree char *model = tool_path (tool, MODEL);
  gsize n;

  (void) data;
  train (tool);
  expected = hash (tool, MODEL);
  g_unlink (model);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  bytes[n - 5] ^= 4;
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
  train (tool);
  g_assert_nonnull (strstr (tool->error_line, newest));
  g_assert_nonnull (strstr (tool->error_line, "going on from the checkpoint before it"));
  assert_same_file (tool, MODEL, expected);
}

/* Steps that fit into a time are counted once, and are then the recipe's. */
static void
test_time (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *recipe = NULL;
  g_auto (GStrv) lines = NULL;
  json_int_t n_steps = 0;
  guint n = 0;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--max-time", "4s", "--progress", "json", "-o", MODEL,
                             "cells", NULL),
                   ==, OK);
  lines = g_strsplit (g_strchomp (tool->error_line), "\n", -1);
  for (char **line = lines; *line != NULL; line++, n++)
    {
      json_t *object = json_loads (*line, 0, NULL);

      /* on a slow machine few steps fit, which is warned of */
      if (object == NULL && strstr (*line, "warning: only ") != NULL)
        continue;
      g_assert_nonnull (object);
      n_steps = json_integer_value (json_object_get (object, "of"));
      g_assert_cmpint (json_integer_value (json_object_get (object, "step")), <=, n_steps);
      g_assert_cmpfloat (json_number_value (json_object_get (object, "left")), >=, 0.);
      json_decref (object);
    }
  g_assert_cmpuint (n, >, 1);
  g_assert_cmpint (n_steps, >, 4);
  expected = hash (tool, MODEL);
  recipe = read_text (tool, "m.run/recipe.ini");
  g_assert_null (strstr (recipe, "max-time"));
  g_assert_cmpint (tool_run (tool, "--recipe", "m.run/recipe.ini", "-o", "n.safetensors", "cells",
                             NULL),
                   ==, OK);
  assert_same_file (tool, "n.safetensors", expected);
}

/* A time that a run was begun for holds also where the recipe alone says how to go on. */
static void
test_time_resumed (Tool *tool, gconstpointer data)
{
  g_autofree char *recipe = NULL, *name = NULL, *path = NULL;
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--max-time", "10s", "-o", MODEL, "cells", NULL), ==, OK);
  recipe = read_text (tool, "m.run/recipe.ini");
  g_key_file_load_from_data (keys, recipe, (gsize) -1, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  name = g_strdup_printf ("m.run/checkpoint-%08" G_GUINT64_FORMAT ".safetensors",
                          g_key_file_get_uint64 (keys, "train", "steps", NULL));
  path = tool_path (tool, name);
  g_unlink (path); /* if the time was too short for it, it was not there */
  g_assert_cmpint (tool_run (tool, "--resume", "-o", MODEL, "cells", NULL), ==, OK);
  if (!exists (tool, name))
    {
      g_test_skip ("the machine became slower, and the time was up before the last step");
      return;
    }
  file = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "max-seconds"), ==, "10");
}

/* A signal is answered with a checkpoint, from which the same command goes on. */
static void
test_signals (Tool *tool, gconstpointer data)
{
  static const int numbers[] = { SIGINT, SIGTERM };
  g_autofree char *expected = NULL;

  (void) data;
  train (tool);
  expected = hash (tool, MODEL);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *folder = tool_path (tool, "m.run");
      GPid pid;
      int status;

      samples_free (g_steal_pointer (&folder));
      pid = start (tool, "24");
      wait_for (tool, "m.run/recipe.ini");
      status = stop (pid, numbers[i]);
      /* on a quick machine it may just have been done */
      g_assert_true (status == 128 + numbers[i] || status == OK);
      train (tool);
      assert_same_file (tool, MODEL, expected);
    }
}

static void
test_locked (Tool *tool, gconstpointer data)
{
  g_autofree char *holder = NULL;
  GPid pid;

  (void) data;
  pid = start (tool, "100000");
  wait_for (tool, "m.run/recipe.ini");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, IN_USE);
  holder = g_strdup_printf ("m.run: process %d has been training here from step 0", (int) pid);
  tool_assert_fails (tool, IN_USE, holder, "segkit:in-use");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--dry-run", "-o", MODEL, "cells", NULL), ==,
                   IN_USE);
  tool_assert_fails (tool, IN_USE, holder, "segkit:in-use");
  g_assert_cmpint (stop (pid, SIGINT), ==, 128 + SIGINT);
  g_assert_false (exists (tool, MODEL));
}

/* Who only looks is told the same. */
static void
test_other_recipe (Tool *tool, gconstpointer data)
{
  (void) data;
  train (tool);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "-o", MODEL, "cells", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with another recipe", "segkit:param");
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--dry-run", "-o", MODEL, "cells", NULL),
      ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with another recipe", "segkit:param");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--dry-run", "--fresh", "-o",
                             MODEL, "cells", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--dry-run", "-o", "m.run", "cells", NULL),
                   ==, IO);
  tool_assert_fails (tool, IO, "m.run: is a folder", "io:is-directory");
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--fresh", "-o", MODEL, "cells", NULL), ==,
      OK);
}

/* Files are told apart by what is in them, and the one that makes the difference is named. */
static void
test_other_data (Tool *tool, gconstpointer data)
{
  g_autofree char *list = tool_path (tool, "m.run/data.txt");

  (void) data;
  train (tool);
  save_discs (tool, 2);
  train (tool); /* the same once more */
  save_discs (tool, N_IMAGES);
  g_assert_cmpint (tool_run (tool, "-q", "--resume", "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/8.png is new",
                     "segkit:param");
  remove_pair (tool, N_IMAGES);
  /* the mean is another, too, and with it the recipe */
  samples_save_image (tool->folder, "cells/images/2.png", SIDE, SIDE, 1, 77);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/2.png has changed",
                     "segkit:param");
  g_unlink (list);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data; give", "segkit:param");
  remove_pair (tool, 2);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--fresh", "-o", MODEL, "cells", NULL), ==,
                   OK);
  save_discs (tool, 2);
  g_assert_cmpint (tool_run (tool, "-q", "--resume", "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/", "segkit:param");
}

/* The best model is lost, and the hours that made the last one are not. */
static void
test_lost_best (Tool *tool, gconstpointer data)
{
  static const char best[] = "m.run/checkpoint-00000004.safetensors";
  g_autofree char *path = tool_path (tool, best), *model = tool_path (tool, MODEL);

  (void) data;
  for (guint i = 0; i < 2; i++)
    {
      /* nothing is learnt, so that none is better than the first */
      g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--set", "train.rate=0", "--set",
                                 "train.validate-every=4", "-o", MODEL, "cells", NULL),
                       ==, OK);
      g_assert_cmpint (exists (tool, best), ==, i == 0);
      g_assert_true (exists (tool, MODEL));
      g_assert_cmpint (strstr (tool->error_line, "the last one is taken") != NULL, ==, i == 1);
      g_unlink (path);
      g_unlink (model);
    }
}

/* A network that learns too fast: the model of before stays. */
static void
test_diverges (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL;

  (void) data;
  train (tool);
  expected = hash (tool, MODEL);
  g_assert_cmpint (tool_run (tool, "-q", STEPS, "--set", "model.encoder.channels=4", "--set",
                             "train.rate=1e30", "--fresh", "-o", MODEL, "cells", NULL),
                   ==, NUMERIC);
  tool_assert_fails (tool, NUMERIC, MODEL ": step ", "segkit:diverged");
  g_assert_nonnull (strstr (tool->error_line, "a train.rate below 1e+30"));
  assert_same_file (tool, MODEL, expected);
  /* what the run before has said is not said of this one */
  g_assert_false (exists (tool, "m.run/report.html"));
  g_assert_false (exists (tool, "m.run/summary.json"));
}

/* Names and sizes of a model's tensors, a line each. */
static char *
list_tensors (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSafetensors) file = seg_safetensors_open (path, &error);
  g_auto (GStrv) names = NULL;
  GString *lines = g_string_new (NULL);

  g_assert_no_error (error);
  names = seg_safetensors_list (file);
  for (char **tensor = names; *tensor != NULL; tensor++)
    {
      g_autofree char *shape = seg_tensor_dup_shape (seg_safetensors_lookup (file, *tensor));

      g_string_append_printf (lines, "%s %s\n", *tensor, shape);
    }
  return g_string_free (lines, FALSE);
}

#define DEEP(n) SMALL, "--set", "model.encoder.depth=3", "--set", "train.deep-supervision=" n, STEPS

/* Heads that only training has are in checkpoints, and never in the model. */
static void
test_deep_supervision (Tool *tool, gconstpointer data)
{
  static const char newest[] = "m.run/checkpoint-00000024.safetensors";
  g_autofree char *plain = NULL, *deep = NULL, *tuned = NULL, *checkpoint = NULL;
  g_autofree char *expected = NULL, *log = NULL, *other_log = NULL;
  g_autofree char *path = tool_path (tool, newest), *model = tool_path (tool, MODEL);

  (void) data;
  g_assert_cmpint (tool_run (tool, DEEP ("0"), "-o", "n.safetensors", "cells", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, DEEP ("2"), "--threads", "1", "-o", MODEL, "cells", NULL), ==,
                   OK);
  plain = list_tensors (tool, "n.safetensors");
  deep = list_tensors (tool, MODEL);
  checkpoint = list_tensors (tool, newest);
  g_assert_cmpstr (plain, ==, deep);
  g_assert_nonnull (strstr (checkpoint, "\nauxiliary_heads.1.conv.weight [2,16,1,1]\n"));
  expected = hash (tool, MODEL);
  log = read_log (tool, "m.run/log.csv");

  g_unlink (path);
  g_unlink (model);
  g_assert_cmpint (tool_run (tool, DEEP ("2"), "--threads", "3", "-o", MODEL, "cells", NULL), ==,
                   OK);
  assert_same_file (tool, MODEL, expected);
  other_log = read_log (tool, "m.run/log.csv");
  g_assert_cmpstr (log, ==, other_log);

  g_assert_cmpint (tool_run (tool, "--from", MODEL, "--set", "train.deep-supervision=1", "--set",
                             "train.ema-decay=0.9", "--steps", "4", "--fresh", "-o",
                             "n.safetensors", "cells", NULL),
                   ==, OK);
  tuned = list_tensors (tool, "n.safetensors");
  g_assert_cmpstr (tuned, ==, deep);

  g_assert_cmpint (tool_run (tool, "-q", DEEP ("3"), "-o", "o.safetensors", "cells", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE,
                     "deep supervision: auxiliary-heads is 3, but unet-decoder has 2 coarser maps",
                     "segkit:param");
}

static void
test_usage (Tool *tool, gconstpointer data)
{
  static const struct
  {
    int status;
    const char *arguments[8], *names, *cause;
  } cases[] = {
    { USAGE, { NULL }, "name one folder", "usage" },
    { USAGE, { "a", "b" }, "name one folder", "usage" },
    { USAGE, { "check" }, "name one folder to check", "usage" },
    { USAGE, { "evaluate", "cells" }, "name a model and a folder", "usage" },
    { USAGE, { "--epochs", "2", "--steps", "2", "cells" }, "--epochs, --steps", "usage" },
    { USAGE, { "--resume", "--fresh", "cells" }, "--resume and --fresh", "usage" },
    { USAGE, { "--resume", "--seed", "2", "cells" }, "--resume", "usage" },
    { USAGE, { "--seed", "-2", "cells" }, "--seed", "usage" },
    { USAGE, { "--batch", "0", "cells" }, "--batch: 0 is not in", "usage" },
    { USAGE, { "--dry-run", "--dump-recipe", "cells" }, "--dry-run", "usage" },
    { USAGE, { "--split", "test", "cells" }, "--split", "usage" },
    { USAGE, { "evaluate", "--split", "best", "a", "cells" }, "--split is", "usage" },
    { USAGE, { "check", "--steps", "2", "cells" }, "train nothing", "usage" },
    { USAGE, { "--set", "rate=1", "cells" }, "\"rate=1\" is not group.key=value", "usage" },
    { USAGE,
      { "--set", "traim.rate=1", "cells" },
      "--set traim.rate=1: unknown group \"traim\"; did you mean \"train\"?",
      "usage" },
    { USAGE,
      { "--set", "train.ra te=1", "cells" },
      "--set train.ra te=1: \"ra te\" cannot be",
      "usage" },
    { USAGE, { "--set", "train.rte=1", "cells" }, "[train] has no key \"rte\"", "segkit:param" },
    { USAGE, { "--set", "train.rate=x", "cells" }, "[train] rate: \"x\" is not", "segkit:param" },
    { USAGE, { "--set", "data.layuot=voc", "cells" }, "[data] has no key", "segkit:param" },
    { USAGE, { "--max-time", "soon", "cells" }, "\"soon\" is not a time", "segkit:param" },
    { USAGE,
      { "--set", "train.augmentation.elastc=1", "cells" },
      "did you mean \"elastic\"?",
      "segkit:param" },
    { USAGE, { "--recipe", "cells/images/1.png", "cells" }, "1.png: recipe", "segkit:param" },
    { USAGE, { "--recipe", "bad.ini", "cells" }, "bad.ini: recipe line 3: ", "segkit:param" },
    { USAGE, { "--set", "model.encoder.depth=99", "cells" }, "99", "segkit:param" },
    { PLUGIN,
      { "--set", "train.loss.type=dice-cd", "cells" },
      "did you mean \"dice-ce\"?",
      "segkit:plugin" },
    { IO, { "nothing" }, "nothing: ", "io:not-found" },
    { IO, { "--recipe", "nothing", "cells" }, "nothing", "io:not-found" },
    { IO,
      { "--resume", "-o", "x.safetensors", "cells" },
      "x.run: there is no run",
      "io:not-found" },
    { LIMIT,
      { "--max-memory=80M", "--batch=8", "--set=train.crop=256", "--set=model.encoder.channels=8",
        "cells" },
      "MiB are allowed; try --set train.batch=",
      "segkit:memory" },
    { LIMIT,
      { "--dry-run", "--max-memory=80M", "--batch=8", "--set=train.crop=256",
        "--set=model.encoder.channels=8", "cells" },
      "MiB are allowed; try --set train.batch=",
      "segkit:memory" },
  };

  (void) data;
  samples_save_text (tool->folder, "bad.ini", "[segkit]\nformat=1\n[tran]\n");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const *a = cases[i].arguments;

      g_assert_cmpint (tool_run (tool, "-q", a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], NULL),
                       ==, cases[i].status);
      tool_assert_fails (tool, cases[i].status, cases[i].names, cases[i].cause);
    }
  g_assert_false (exists (tool, "cells.safetensors"));
}

/* All that is wrong is told before anything is learnt. */
static void
test_broken (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *name, *text, *names;
  } cases[] = {
    { "cells/images/9.png", "no picture", "9.png" },  /* and there is no mask */
    { "cells/masks/3.png", "no picture", "3.png" },
    { "cells/masks/3.png", NULL, "3.png" }, /* another size */
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = tool_path (tool, cases[i].name);

      if (cases[i].text != NULL)
        samples_save_text (tool->folder, cases[i].name, cases[i].text);
      else
        samples_save_mask (tool->folder, cases[i].name, SIDE, SIDE / 2, "0 255");
      g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, INPUT);
      tool_assert_fails (tool, INPUT, cases[i].names, "segkit:format");
      g_assert_cmpint (tool_run (tool, "check", "cells", NULL), ==, INPUT);
      tool_assert_fails (tool, INPUT, cases[i].names, "segkit:format");
      g_unlink (path);
      save_discs (tool, 3);
    }
  samples_save_text (tool->folder, "empty/images/readme", "");
  samples_save_text (tool->folder, "empty/masks/readme", "");
  g_assert_cmpint (tool_run (tool, "empty", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "empty: has no image", "segkit:format");
  g_assert_false (exists (tool, "m.run"));
}

/* Those that only look leave nothing behind. */
static void
test_looks (Tool *tool, gconstpointer data)
{
  VipsImage *preview;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--dry-run", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "\n[train]\n"));
  g_assert_nonnull (strstr (tool->output, "\nmemory "));
  g_assert_nonnull (strstr (tool->output, "24 steps, "));
  g_assert_cmpint (tool_run (tool, "check", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "pixels      1 band of 8 bits, 64 × 64\n"));
  g_assert_cmpint (tool_run (tool, "check", "--set", "data.oversample=*: 2", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "7 to learn from (14 an epoch), 1 to validate with"));
  tool_assert_files (tool, "cells", NULL);
  g_assert_cmpint (tool_run (tool, "--preview", "p.png", "cells", NULL), ==, OK);
  preview = tool_load (tool, "p.png");
  g_assert_cmpint (preview->Xsize, >=, 2 * SIDE);
  g_object_unref (preview);
  tool_assert_files (tool, "cells", "p.png", NULL);
}

/* Grey images are for a model of colours what they are for segment. */
static void
test_from (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "--from", "model.safetensors", "--dump-recipe", "cells", NULL),
                   ==, OK);
  g_assert_nonnull (strstr (tool->output, "\nchannels=3\n"));
  g_assert_nonnull (strstr (tool->output, "\nbands=3\n"));
  g_assert_cmpint (
      tool_run (tool, "--from", "model.safetensors", "--steps", "2", "-o", MODEL, "cells", NULL),
      ==, OK);
}

#define RECIPE_OF_DATA "[segkit]\nformat=1\n\n[data]\nvalidation-names=1,2\n"

/* The numbers are those of the training's own summary. */
static void
test_evaluate (Tool *tool, gconstpointer data)
{
  (void) data;
  train (tool);
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "-o", "s.json", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 images (validation)"));
  g_assert_cmpfloat (read_mean_iou (tool, "s.json"), ==,
                     read_mean_iou (tool, "m.run/summary.json"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "8 images (all)"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "--split", "test", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "no image of the part \"test\"", "segkit:unsupported");
  /* grey images are for colour models what they are for segment */
  g_assert_cmpint (tool_run (tool, "evaluate", "model.safetensors", "cells", NULL), ==, OK);
  tool_save_bytes (tool, "data.recipe", RECIPE_OF_DATA, strlen (RECIPE_OF_DATA));
  g_assert_cmpint (tool_run (tool, "evaluate", "model.safetensors", "cells", "--recipe",
                             "data.recipe", NULL),
                   ==, OK);
  g_assert_nonnull (strstr (tool->output, "2 images (validation)"));
}

/* A model's classes are its own: images of which none has all of them are evaluated, too. */
static void
test_evaluate_classes (Tool *tool, gconstpointer data)
{
  (void) data;
  train (tool);
  samples_save_image (tool->folder, "others/images/1.png", SIDE, SIDE, 1, 1);
  samples_save_mask (tool->folder, "others/masks/1.png", SIDE, SIDE, "255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "object"));
  samples_save_mask (tool->folder, "others/masks/1.png", SIDE, SIDE, "0 255 7");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "1.png: the value 7 in column 4, row 0 is no class",
                     "segkit:format");
  /* numbers of another kind have to be told, and so for a model that knows no values */
  samples_save_mask (tool->folder, "others/masks/1.png", SIDE, SIDE, "1");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", "--set",
                             "data.class-values=0;1", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "--steps", "1", "--set", "data.classes.background=0", "--set",
                             "data.classes.object=255", "-o", "told.safetensors", "cells", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "evaluate", "told.safetensors", "others", "--split", "all",
                             "--set", "data.class-values=0;1", NULL),
                   ==, OK);
  samples_save_mask (tool->folder, "others/masks/1.png", SIDE, SIDE, "0 1 2");
  g_assert_cmpint (
      tool_run (tool, "evaluate", "model.safetensors", "others", "--split", "all", NULL), ==,
      INPUT);
  tool_assert_fails (tool, INPUT,
                     "the model has 2 classes, and the data have 3; [data] class-values",
                     "segkit:unsupported");
}

/* Where a model's own data lie does not matter for others. */
static void
test_evaluate_elsewhere (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--set", "data.images=images", "--set",
                             "data.masks=masks", "--set", "data.validation-names=2", "-o", MODEL,
                             "cells", NULL),
                   ==, OK);
  samples_save_image (tool->folder, "others/image/1.png", SIDE, SIDE, 1, 1);
  samples_save_mask (tool->folder, "others/mask/1.png", SIDE, SIDE, "0 255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 images (all)"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 images (validation)"));
}

/* ---- full disks ------------------------------------------------------------------------- */

/* Whether a call of that name was made to fail. */
static gboolean
is_injected (Tool *tool, const char *call)
{
  g_autofree char *log = read_text (tool, "strace.log");
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, "(INJECTED)") != NULL && strstr (*line, call) != NULL)
      return TRUE;
  return FALSE;
}

/* A write, each (slow) or each of some, fails once: one line, and a run that goes on ends as if
 * nothing had been. */
static void
test_full_disk (Tool *tool, gconstpointer data)
{
  static const char *const probe[] = { "strace", "-f", "-qq", "-o", "strace.log", NULL };
  g_autofree char *expected = NULL, *strace = g_find_program_in_path ("strace");
  guint n_failed = 0, step = g_test_slow () ? 1 : 97;
  gboolean injected = TRUE;

  (void) data;
  train (tool);
  expected = hash (tool, MODEL);
  tool->before = probe;
  if (strace == NULL || tool_run (tool, "--version", NULL) != OK)
    {
      g_test_skip ("needs strace, and to be allowed to use it");
      return;
    }
  for (guint when = g_test_slow () ? 1 : 2; injected; when += step)
    {
      g_autofree char *inject
          = g_strdup_printf ("inject=write,pwrite64,fsync:error=ENOSPC:when=%u", when);
      int status;

      const char *const before[] = { "strace", "-f", "-qq", "-y", "-o", "strace.log",
                                     "-e", inject, NULL };

      tool->before = before;
      status = tool_run (tool, "-q", SMALL, STEPS, "--fresh", "-o", MODEL, "cells", NULL);
      injected = is_injected (tool, "");
      g_test_message ("%u: %d %s", when, status, tool->error_line);
      g_assert_true (status == IO || status == OK);
      if (status == IO)
        {
          n_failed++;
          /* unless it was the message itself that could not be written */
          if (!is_injected (tool, " write(2<"))
            tool_assert_fails (tool, IO, "m.", "io:no-space");
        }
      tool->before = NULL;
      train (tool);
      assert_same_file (tool, MODEL, expected);
      assert_no_temporary_file (tool, "m.run");
    }
  g_assert_cmpuint (n_failed, >, 0);
}

/* Found out before the first step. */
static void
test_small_disk (Tool *tool, gconstpointer data)
{
  static const char *const before[] = {
    "unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=100k none disk && exec \"$@\"", "sh", NULL
  };
  g_autofree char *unshare = g_find_program_in_path ("unshare"), *disk = tool_path (tool, "disk");

  (void) data;
  g_assert_cmpint (g_mkdir (disk, 0777), ==, 0);
  tool->before = before;
  if (unshare == NULL || tool_run (tool, "--version", NULL) != OK)
    {
      g_test_skip ("needs unshare, and to be allowed to use it");
      return;
    }
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", "disk/m.safetensors", "cells", NULL),
                   ==, IO);
  tool_assert_fails (tool, IO, "disk/m.run: checkpoints and the model need", "io:no-space");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) g_test_add ("/segtrain/" path, Tool, NULL, setup, function, teardown)
  ADD ("learns", test_learns);
  ADD ("threads", test_threads);
  ADD ("repeats", test_repeats);
  ADD ("killed", test_killed);
  ADD ("damaged", test_damaged);
  ADD ("time", test_time);
  ADD ("time-resumed", test_time_resumed);
  ADD ("signals", test_signals);
  ADD ("locked", test_locked);
  ADD ("other-recipe", test_other_recipe);
  ADD ("other-data", test_other_data);
  ADD ("lost-best", test_lost_best);
  ADD ("diverges", test_diverges);
  ADD ("deep-supervision", test_deep_supervision);
  ADD ("usage", test_usage);
  ADD ("broken", test_broken);
  ADD ("looks", test_looks);
  ADD ("from", test_from);
  ADD ("evaluate", test_evaluate);
  ADD ("evaluate-classes", test_evaluate_classes);
  ADD ("evaluate-elsewhere", test_evaluate_elsewhere);
  ADD ("full-disk", test_full_disk);
  ADD ("small-disk", test_small_disk);
#undef ADD
  return g_test_run ();
}
