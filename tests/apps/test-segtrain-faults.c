/* segtrain when it is stopped or something is wrong: runs that are killed, recipes and data that are
 * refused, and disks that are full. */
#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

#include "training.h"

/* The whole run once, and then ones that are killed at moments by chance. */
static void
test_killed (Tool *tool, gconstpointer data)
{
  guint n = g_test_slow () ? 20 : 3;
  g_autofree char *expected = NULL, *log = NULL;
  gint64 begin = g_get_monotonic_time (), duration;

  (void) data;
  training_run (tool);
  duration = g_get_monotonic_time () - begin;
  expected = training_hash (tool, MODEL);
  log = training_read_log (tool, "m.run/log.csv");
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *other_log = NULL, *folder = tool_path (tool, "m.run");
      gint64 moment = (gint64) (g_test_rand_double () * (double) duration);
      g_autofree char *model = tool_path (tool, MODEL);
      GPid pid;

      samples_free (g_steal_pointer (&folder));
      g_unlink (model);
      pid = training_start (tool, "24");
      g_usleep ((gulong) moment);
      g_test_message ("killed after %.3f s: %d", (double) moment / G_USEC_PER_SEC,
                      training_stop (pid, SIGKILL));
      training_run (tool);
      training_assert_same_file (tool, MODEL, expected);
      other_log = training_read_log (tool, "m.run/log.csv");
      g_assert_cmpstr (other_log, ==, log);
      training_assert_no_temporary_file (tool, "m.run");
      training_assert_no_temporary_file (tool, ".");
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
  training_run (tool);
  expected = training_hash (tool, MODEL);
  g_unlink (model);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  bytes[n - 5] ^= 4;
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
  training_run (tool);
  g_assert_nonnull (strstr (tool->error_line, newest));
  g_assert_nonnull (strstr (tool->error_line, "going on from the checkpoint before it"));
  training_assert_same_file (tool, MODEL, expected);
}

/* A signal is answered with a checkpoint, from which the same command goes on. */
static void
test_signals (Tool *tool, gconstpointer data)
{
  static const int numbers[] = { SIGINT, SIGTERM };
  g_autofree char *expected = NULL;

  (void) data;
  training_run (tool);
  expected = training_hash (tool, MODEL);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *folder = tool_path (tool, "m.run");
      GPid pid;
      int status;

      samples_free (g_steal_pointer (&folder));
      pid = training_start (tool, "24");
      training_wait_for (tool, "m.run/recipe.ini");
      status = training_stop (pid, numbers[i]);
      /* on a quick machine it may just have been done */
      g_assert_true (status == 128 + numbers[i] || status == OK);
      training_run (tool);
      training_assert_same_file (tool, MODEL, expected);
    }
}

static void
test_locked (Tool *tool, gconstpointer data)
{
  g_autofree char *holder = NULL;
  GPid pid;

  (void) data;
  pid = training_start (tool, "100000");
  training_wait_for (tool, "m.run/recipe.ini");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, IN_USE);
  holder = g_strdup_printf ("m.run: process %d has been training here from step 0", (int) pid);
  tool_assert_fails (tool, IN_USE, holder, "segkit:in-use");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--dry-run", "-o", MODEL, "cells", NULL), ==,
                   IN_USE);
  tool_assert_fails (tool, IN_USE, holder, "segkit:in-use");
  g_assert_cmpint (training_stop (pid, SIGINT), ==, 128 + SIGINT);
  g_assert_false (training_exists (tool, MODEL));
}

/* A network that learns too fast: the model of before stays. */
static void
test_diverges (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL;

  (void) data;
  training_run (tool);
  expected = training_hash (tool, MODEL);
  g_assert_cmpint (tool_run (tool, "-q", STEPS, "--set", "model.encoder.channels=4", "--set",
                             "train.rate=1e30", "--fresh", "-o", MODEL, "cells", NULL),
                   ==, NUMERIC);
  tool_assert_fails (tool, NUMERIC, MODEL ": step ", "segkit:diverged");
  g_assert_nonnull (strstr (tool->error_line, "a train.rate below 1e+30"));
  training_assert_same_file (tool, MODEL, expected);
  /* what the run before has said is not said of this one */
  g_assert_false (training_exists (tool, "m.run/report.html"));
  g_assert_false (training_exists (tool, "m.run/summary.json"));
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
    { USAGE, { "-o", "x.png", "cells" }, "x.png: the name of a model ends in .safetensors", "usage" },
    { USAGE, { "--preview", "p.txt", "cells" }, "p.txt: the name of a preview ends in .png", "usage" },
    { USAGE,
      { "evaluate", "model.safetensors", "cells", "-o", "s.txt" },
      "s.txt: the name of a summary ends in .json",
      "usage" },
    { USAGE, { "evaluate", "cells" }, "name a model and a folder", "usage" },
    { USAGE, { "--epochs", "2", "--steps", "2", "cells" }, "--epochs, --steps", "usage" },
    { USAGE, { "--resume", "--fresh", "cells" }, "--resume and --fresh", "usage" },
    { USAGE, { "--resume", "--seed", "2", "cells" }, "--resume", "usage" },
    { USAGE, { "--seed", "-2", "cells" }, "--seed", "usage" },
    { USAGE, { "--batch", "0", "cells" }, "--batch: 0 is not in", "usage" },
    { USAGE, { "--dry-run", "--dump-recipe", "cells" }, "--dry-run", "usage" },
    { USAGE, { "--split", "test", "cells" }, "--split", "usage" },
    { USAGE, { "evaluate", "--split", "best", "a", "cells" }, "--split is", "usage" },
    { USAGE, { "--tta", "d4", "cells" }, "--tta", "usage" },
    { USAGE, { "evaluate", "--tta", "flip", "a", "cells" }, "--tta is", "usage" },
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
    { USAGE,
      { "--set", "train.crop=3", "cells" },
      "[train] crop: an image of 3 × 3 pixels is too small for the network, which takes 16 × 16",
      "segkit:param" },
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
  g_assert_false (training_exists (tool, "cells.safetensors"));
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
        samples_save_mask (tool->folder, cases[i].name, TRAINING_SIDE, TRAINING_SIDE / 2, "0 255");
      g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, INPUT);
      tool_assert_fails (tool, INPUT, cases[i].names, "segkit:format");
      g_assert_cmpint (tool_run (tool, "check", "cells", NULL), ==, INPUT);
      tool_assert_fails (tool, INPUT, cases[i].names, "segkit:format");
      g_unlink (path);
      training_save_discs (tool, 3);
    }
  samples_save_text (tool->folder, "empty/images/readme", "");
  samples_save_text (tool->folder, "empty/masks/readme", "");
  g_assert_cmpint (tool_run (tool, "empty", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "empty: has no image", "segkit:format");
  g_assert_false (training_exists (tool, "m.run"));
}

/* ---- full disks ------------------------------------------------------------------------- */

/* Whether a call of that name was made to fail. */
static gboolean
is_injected (Tool *tool, const char *call)
{
  g_autofree char *log = training_read_text (tool, "strace.log");
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
  training_run (tool);
  expected = training_hash (tool, MODEL);
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
      training_run (tool);
      training_assert_same_file (tool, MODEL, expected);
      training_assert_no_temporary_file (tool, "m.run");
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
#define ADD(path, function)                                                                        \
  g_test_add ("/segtrain/" path, Tool, NULL, training_setup, function, training_teardown)
  ADD ("killed", test_killed);
  ADD ("damaged", test_damaged);
  ADD ("signals", test_signals);
  ADD ("locked", test_locked);
  ADD ("diverges", test_diverges);
  ADD ("usage", test_usage);
  ADD ("broken", test_broken);
  ADD ("full-disk", test_full_disk);
  ADD ("small-disk", test_small_disk);
#undef ADD
  return g_test_run ();
}
