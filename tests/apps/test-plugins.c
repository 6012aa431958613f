/* What a program says of plugins that it does not load, tried with segconvert. */
#include <signal.h>
#include <sys/wait.h>

#include <segkit/segkit.h>

#include "../core/testing.h"

static const char recipe[] = "[segkit]\nformat=1\n"
                             "[input]\nchannels=1\nmean=0\nstd=1\n"
                             "[classes]\nnames=a;b\n"
                             "[model]\ntype=unet\nclasses=2\n"
                             "[model.encoder]\ntype=unet-encoder\nchannels=2\ndepth=1\n"
                             "[model.decoder]\ntype=unet-decoder\n";

/* A folder with copies of these bad plugins, and the recipe. */
static char *
folder_with (const char *first, ...)
{
  char *folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.recipe", NULL);
  g_autoptr (GError) error = NULL;
  va_list args;

  g_file_set_contents (path, recipe, -1, &error);
  va_start (args, first);
  for (const char *name = first; name != NULL; name = va_arg (args, const char *))
    {
      g_autofree char *from = g_test_build_filename (G_TEST_BUILT, "..", "plugins-bad", name, NULL);
      g_autofree char *to = g_build_filename (folder, name, NULL), *contents = NULL;
      gsize n_bytes;

      g_assert_true (g_file_get_contents (from, &contents, &n_bytes, &error));
      g_assert_true (g_file_set_contents (to, contents, (gssize) n_bytes, &error));
    }
  va_end (args);
  g_assert_no_error (error);
  return folder;
}

/* As some service managers start programs. */
static void
ignore_children (gpointer data)
{
  (void) data;
  signal (SIGCHLD, SIG_IGN);
}

/* Makes a model in the folder; returns the exit status, and what was said. */
static int
run (const char *folder, const char *option, const char *variable, char **said)
{
  const char *argv[] = {
    g_getenv ("SEGKIT_SEGCONVERT"), "--recipe", "a.recipe", "out.safetensors", option, NULL
  };
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) error = NULL;
  int status;

  if (variable != NULL)
    environment = g_environ_setenv (environment, "SEGKIT_PLUGIN_PATH", variable, TRUE);
  g_spawn_sync (folder, (char **) argv, environment, G_SPAWN_DEFAULT, ignore_children, NULL, NULL,
                said, &status, &error);
  g_assert_no_error (error);
  g_test_message ("%s", *said);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static gboolean
wrote (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "out.safetensors", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static guint
count_lines (const char *text)
{
  guint n = 0;

  while ((text = strchr (text, '\n')) != NULL)
    text++, n++;
  return n;
}

static void
test_quiet (void)
{
  g_autoptr (TestingFolder) folder = folder_with (NULL, NULL);
  g_autofree char *said = NULL;

  g_assert_cmpint (run (folder, "--strict", NULL, &said), ==, 0);
  g_assert_cmpstr (said, ==, "");
  g_assert_true (wrote (folder));
}

/* A relu that comes before ours is taken, which is said, once, with both files. */
static void
test_takeover (void)
{
  g_autoptr (TestingFolder) folder = folder_with ("duplicate-feature.so", NULL);
  g_autofree char *said = NULL, *end = NULL;

  end = g_strdup_printf ("/segkit-nn.so: feature \"relu\" is already there from "
                         "%s/duplicate-feature.so\n",
                         folder);
  g_assert_cmpint (run (folder, NULL, folder, &said), ==, 0);
  g_assert_true (g_str_has_prefix (said, "segconvert: warning: not loaded: /"));
  g_assert_true (g_str_has_suffix (said, end));
  g_assert_cmpuint (count_lines (said), ==, 1);
  g_assert_true (wrote (folder));
}

static void
test_broken (void)
{
  g_autoptr (TestingFolder) folder =
      folder_with ("constructor-aborts.so", "incomplete.so", "wrong-abi.so", NULL);
  g_autofree char *option = g_strdup_printf ("--plugin-path=%s", folder), *said = NULL;

  g_assert_cmpint (run (folder, option, NULL, &said), ==, 0);
  /* of incomplete.so, each of seven features */
  g_assert_cmpuint (count_lines (said), ==, 9);
  g_assert_nonnull (strstr (said, "/constructor-aborts.so: crashed with signal 6"));
  g_assert_nonnull (strstr (said, "/wrong-abi.so: made for plugin interface"));
  g_assert_true (wrote (folder));
}

static void
test_strict (void)
{
  g_autoptr (TestingFolder) takeover = folder_with ("duplicate-feature.so", NULL);
  g_autoptr (TestingFolder) broken = folder_with ("constructor-aborts.so", "wrong-abi.so", NULL);
  g_autofree char *said = NULL, *said_too = NULL;

  g_assert_cmpint (run (takeover, "--strict", takeover, &said), ==, 7);
  g_assert_true (g_str_has_prefix (said, "segconvert: error: /"));
  g_assert_true (g_str_has_suffix (said, "/duplicate-feature.so (segkit:plugin)\n"));
  g_assert_cmpuint (count_lines (said), ==, 1);
  g_assert_false (wrote (takeover));

  g_assert_cmpint (run (broken, "--strict", broken, &said_too), ==, 7);
  g_assert_true (g_str_has_suffix (said_too, ", and 1 more (segkit:plugin)\n"));
  g_assert_cmpuint (count_lines (said_too), ==, 1);
  g_assert_false (wrote (broken));
}

/* A slip in the environment would show only as a feature that nobody has. */
static void
test_missing (void)
{
  g_autoptr (TestingFolder) folder = folder_with (NULL, NULL);
  g_autofree char *missing = g_build_filename (folder, "plugin", NULL);
  g_autofree char *warning
      = g_strdup_printf ("segconvert: warning: SEGKIT_PLUGIN_PATH: %s: there is no such folder\n",
                         missing);
  g_autofree char *said = NULL, *said_too = NULL;

  g_assert_cmpint (run (folder, NULL, missing, &said), ==, 0);
  g_assert_cmpstr (said, ==, warning);
  g_assert_true (wrote (folder));
  g_assert_cmpint (run (folder, "--strict", missing, &said_too), ==, 7);
  g_assert_cmpuint (count_lines (said_too), ==, 1);
  g_assert_nonnull (strstr (said_too, "there is no such folder (segkit:plugin)"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugins/quiet", test_quiet);
  g_test_add_func ("/plugins/takeover", test_takeover);
  g_test_add_func ("/plugins/broken", test_broken);
  g_test_add_func ("/plugins/strict", test_strict);
  g_test_add_func ("/plugins/missing", test_missing);
  return g_test_run ();
}
