/* What segment does when something is wrong: an exit status that says what kind of thing, one
 * line that says which, and no file that is not whole. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"

enum { OK, FAILED, USAGE, INPUT, IO };

static void
save_picture (Tool *tool, const char *name)
{
  VipsImage *picture = tool_picture (60, 40, 3);

  tool_save_image (tool, name, picture);
  g_object_unref (picture);
}

static void
assert_refused (Tool *tool, const char *image, int status, const char *names, const char *cause)
{
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", image, NULL), ==, status);
  tool_assert_fails (tool, status, names, cause);
}

static void
test_usage (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *arguments[8], *names;
  } cases[] = {
    { { "-o", "out.png" }, "image" },
    { { "image.png" }, "-o" },
    { { "-o", "out.png", "image.png", "image.png" }, "image" },
    { { "-o", "out.png", "--tile", "0", "image.png" }, "--tile" },
    { { "-o", "out.png", "--tile", "-3", "image.png" }, "--tile" },
    { { "-o", "out.png", "--tile", "x", "image.png" }, "--tile" },
    { { "-o", "out.png", "--tile", "99999999999", "image.png" }, "--tile" },
    { { "-o", "out.png", "--bands", "0", "image.png" }, "--bands" },
    { { "-o", "out.png", "--threads", "0", "image.png" }, "--threads" },
    { { "-o", "out.png", "--tile", "8", "--bands", "8", "image.png" }, "--bands" },
    { { "-o", "out.png", "--tta", "d4", "--bands", "8", "image.png" }, "--bands" },
    { { "-o", "out.png", "--tta", "flip", "image.png" }, "--tta" },
    { { "-o", "out.png", "--colour", "image.png" }, "--colour" },
  };

  (void) data;
  save_picture (tool, "image.png");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const *a = cases[i].arguments;

      g_assert_cmpint (tool_run (tool, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], NULL), ==,
                       USAGE);
      tool_assert_fails (tool, USAGE, cases[i].names, "usage");
    }
  tool_assert_files (tool, "image.png", NULL);
  g_assert_cmpint (tool_run (tool, "--version", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, "--help", NULL), ==, OK);
}

static void
test_output (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *out, *overlay, *names, *cause;
    int status;
  } cases[] = {
    { "out.jpg", NULL, "out.jpg: only .png, .tif", "segkit:param", USAGE },
    { "out", NULL, "out: only .png, .tif", "segkit:param", USAGE },
    { "out.png[colour=1]", NULL, "\"colour\"", "segkit:param", USAGE },
    { "out.png[compression=10]", NULL, "\"compression\" cannot be 10", "segkit:param", USAGE },
    { "out.tif[compression=jpeg]", NULL, "compression=jpeg", "segkit:param", USAGE },
    { "out.tif[bitdepth=1]", NULL, "bitdepth=1", "segkit:param", USAGE },
    { "out.tif[tile-width=17]", NULL, "out.tif", "io:failed", IO },
    { "folder.png", NULL, "folder.png: is a folder", "io:is-directory", IO },
    { "image.png/out.png", NULL, "image.png: Not a directory", "io:not-directory", IO },
    { "image.png", NULL, "image.png", "usage", USAGE },
    { "./image.png", NULL, "image.png", "usage", USAGE },
    { "link.png", NULL, "link.png", "usage", USAGE },
    { "out.png", "image.png", "image.png", "usage", USAGE },
    { "out.png", "out.png", "out.png", "usage", USAGE },
    { "out.png", "./out.png", "out.png", "usage", USAGE },
    { "out.png", "image.png/over.png", "image.png: Not a directory", "io:not-directory", IO },
  };
  g_autofree char *folder = tool_path (tool, "folder.png"), *link = tool_path (tool, "link.png");

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (g_mkdir (folder, 0777), ==, 0);
  g_assert_cmpint (symlink ("image.png", link), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (tool_run (tool, MODEL, "-o", cases[i].out, "image.png",
                                 cases[i].overlay != NULL ? "--overlay" : NULL, cases[i].overlay,
                                 NULL),
                       ==, cases[i].status);
      tool_assert_fails (tool, cases[i].status, cases[i].names, cases[i].cause);
    }
  tool_assert_files (tool, "image.png", "folder.png", "link.png", NULL);
}

static void
test_model (Tool *tool, gconstpointer data)
{
  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, "-m", "none.safetensors", "-o", "out.png", "image.png", NULL),
                   ==, IO);
  tool_assert_fails (tool, IO, "none.safetensors", "io:not-found");
  g_assert_cmpint (tool_run (tool, "-m", "image.png", "-o", "out.png", "image.png", NULL), ==,
                   INPUT);
  tool_assert_fails (tool, INPUT, "image.png", "segkit:format");
  tool_assert_files (tool, "image.png", NULL);
}

/* A file that was there before stays as it is until the new one is whole. */
static void
test_old_file (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "out.png"), *contents = NULL;

  (void) data;
  save_picture (tool, "image.png");
  tool_save_bytes (tool, "text.png", "not a picture\n", 14);
  tool_save_bytes (tool, "out.png", "old", 3);
  assert_refused (tool, "text.png", INPUT, "text.png", "segkit:unsupported");
  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "old");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", "image.png", NULL), ==, OK);
  g_object_unref (tool_load (tool, "out.png"));
}

/* A limit on file size is the full disk that needs no privileges. */
static void
test_no_room (Tool *tool, gconstpointer data)
{
  static const char *const outputs[]
      = { "out.png", "out.tif", "out.tif[compression=none]", "out.tif[pyramid,compression=none]",
          "out.tif[pyramid,subifd,compression=none]", "out.png[interlace]" };
  VipsImage *picture = tool_picture (600, 700, 1);

  (void) data;
  tool_save_image (tool, "image.png", picture);
  g_object_unref (picture);
  for (guint i = 0; i < G_N_ELEMENTS (outputs); i++)
    {
      tool->max_file_bytes = 4096;
      g_assert_cmpint (tool_run (tool, MODEL, "-o", outputs[i], "image.png", NULL), ==, IO);
      tool_assert_fails (tool, IO, "out.", "io:failed");
      g_assert_cmpint (tool_run (tool, MODEL, "-o", outputs[i], "--overlay", "over.tif[pyramid]",
                                 "image.png", NULL),
                       ==, IO);
      tool_assert_files (tool, "image.png", NULL);
    }
}

static gboolean
has_file (Tool *tool, const char *part)
{
  g_autoptr (GDir) dir = g_dir_open (tool->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (strstr (name, part) != NULL)
      return TRUE;
  return FALSE;
}

/* Ignored signals stay so, and whoever runs the tests may have ignored them. */
static void
hear_signals (gpointer data)
{
  (void) data;
  signal (SIGINT, SIG_DFL);
  signal (SIGTERM, SIG_DFL);
  alarm (300);
}

static void
test_signals (Tool *tool, gconstpointer data)
{
  static const int signals[] = { SIGINT, SIGTERM };
  static const char *const outputs[] = { "out.png", "out.tif", "out.tif[pyramid]" };
  g_auto (GStrv) environment = tool_dup_environment (tool);
  VipsImage *image;

  (void) data;
  /* large, but a small file; nobody waits for its end */
  g_assert_cmpint (vips_black (&image, 8000, 200000, NULL), ==, 0);
  tool_save_image (tool, "image.png", image);
  g_object_unref (image);

  for (guint i = 0; i < G_N_ELEMENTS (signals) * G_N_ELEMENTS (outputs); i++)
    {
      const char *out = outputs[i / G_N_ELEMENTS (signals)];
      int number = signals[i % G_N_ELEMENTS (signals)], status;
      char *arguments[] = { (char *) g_getenv ("SEGKIT_SEGMENT"), "-m", "model.safetensors", "-o",
                            (char *) out, "--threads", "1", "image.png", NULL };
      GPid pid;

      g_assert_true (g_spawn_async (tool->folder, arguments, environment,
                                    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
                                    hear_signals, NULL, &pid, NULL));
      for (guint wait = 0; wait < 1000 && !has_file (tool, "segkit-tmp"); wait++)
        g_usleep (G_USEC_PER_SEC / 100);
      /* into the middle of the work */
      g_usleep (G_USEC_PER_SEC / 2);
      g_assert_cmpint (kill (pid, number), ==, 0);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 128 + number);
      tool_assert_files (tool, "image.png", NULL);
    }
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) \
  g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/segment-errors/usage", test_usage);
  ADD ("/segment-errors/output", test_output);
  ADD ("/segment-errors/model", test_model);
  ADD ("/segment-errors/old-file", test_old_file);
  ADD ("/segment-errors/no-room", test_no_room);
  ADD ("/segment-errors/signals", test_signals);
  return g_test_run ();
}
