/* What is installed: it works from wherever it lies, its headers stand alone, and whoever follows
 * the tutorial with it gets what the tutorial says. */
#define _GNU_SOURCE /* memmem */
#include <segkit/segkit.h>
#include <string.h>
#include <unistd.h>
#include <vips/vips.h>

#include "tutorial.h"

/* The installed tree, as if its files had come from another machine: built for SEGKIT_PREFIX,
 * installed below a DESTDIR, and moved from there. */
static struct
{
  char *folder;        /* to work in; a temporary one */
  char *prefix;        /* where the tree now is */
  char **environment;  /* in which it is found, and nothing else of ours */
  const char *missing; /* why there is none */
} installed;

/* Runs a command in @folder; its output is shown if it fails, and returned. */
static char *
run (const char *folder, const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *said = NULL;
  char *output;
  va_list args;
  int status;

  va_start (args, first);
  for (const char *argument = first; argument != NULL; argument = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) argument);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  g_spawn_sync (folder, (char **) argv->pdata, installed.environment, G_SPAWN_SEARCH_PATH_FROM_ENVP,
                NULL, NULL, &output, &said, &status, &error);
  g_assert_no_error (error);
  if (status != 0)
    g_test_message ("%s: status %d\n%s%s", first, status, output, said);
  g_assert_cmpint (status, ==, 0);
  return output;
}

static gboolean
skip_without (const char *program, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  if (installed.missing != NULL)
    {
      g_test_skip (installed.missing);
      return TRUE;
    }
  va_start (args, program);
  for (; program != NULL && reason == NULL; program = va_arg (args, const char *))
    {
      g_autofree char *path = g_find_program_in_path (program);

      reason = path == NULL ? g_strdup_printf ("%s is not installed", program) : NULL;
    }
  va_end (args);
  if (reason != NULL)
    g_test_skip (reason);
  return reason != NULL;
}

static char *
new_folder (const char *name)
{
  char *folder = g_build_filename (installed.folder, name, NULL);

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  return folder;
}

/* ---- the tree --------------------------------------------------------------------------- */

static char *
in_prefix (const char *first, const char *second)
{
  return g_build_filename (installed.prefix, first, second, NULL);
}

/* The environment of somebody who has this tree, and has not read how it was built. */
static void
set_environment (void)
{
  static const char *const unset[] = { "LD_LIBRARY_PATH",   "SEGKIT_PLUGIN_PATH",
                                       "SEGKIT_DATA_PATH",  "DESTDIR",
                                       "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR" };
  g_autofree char *programs = in_prefix (g_getenv ("SEGKIT_BINDIR"), NULL);
  g_autofree char *path = g_strdup_printf ("%s:%s", programs, g_getenv ("PATH"));
  g_autofree char *packages = in_prefix (g_getenv ("SEGKIT_LIBDIR"), "pkgconfig");
  g_autofree char *source = g_build_filename (installed.folder, "source", NULL);
  char **environment = g_get_environ ();

  for (guint i = 0; i < G_N_ELEMENTS (unset); i++)
    environment = g_environ_unsetenv (environment, unset[i]);
  environment = g_environ_setenv (environment, "PATH", path, TRUE);
  environment = g_environ_setenv (environment, "PKG_CONFIG_PATH", packages, TRUE);
  environment = g_environ_setenv (environment, "SEGKIT_SOURCE", source, TRUE);
  g_strfreev (installed.environment);
  installed.environment = environment;
}

static const char *
find_obstacle (void)
{
  g_autofree char *meson = g_find_program_in_path ("meson");

  if (meson == NULL)
    return "meson is not installed";
  if (g_path_is_absolute (g_getenv ("SEGKIT_LIBDIR")))
    return "a tree with an absolute libdir cannot be moved";
  return NULL;
}

static void
install (void)
{
  const char *build = g_getenv ("G_TEST_BUILDDIR");
  g_autofree char *destination = NULL, *here = NULL, *source = NULL, *link = NULL, *said = NULL;
  g_autofree char *package = NULL, *contents = NULL;
  g_autoptr (GError) error = NULL;

  installed.folder = g_dir_make_tmp ("segkit-test-XXXXXX", &error);
  g_assert_no_error (error);
  if ((installed.missing = find_obstacle ()) != NULL)
    return;

  destination = g_build_filename (installed.folder, "destdir", NULL);
  here = g_build_filename (destination, g_getenv ("SEGKIT_PREFIX"), NULL);
  installed.prefix = g_build_filename (installed.folder, "moved", NULL);
  set_environment ();
  said = run (installed.folder, "meson", "install", "-C", build, "--no-rebuild", "--strip",
              "--destdir", destination, NULL);
  g_assert_cmpint (g_rename (here, installed.prefix), ==, 0);

  /* "a clone that you have built", as the tutorial has it */
  source = new_folder ("source");
  link = g_build_filename (source, "build", NULL);
  g_assert_cmpint (symlink (build, link), ==, 0);

  package = in_prefix (g_getenv ("SEGKIT_LIBDIR"), "pkgconfig/segkit-1.0.pc");
  g_file_get_contents (package, &contents, NULL, &error);
  g_assert_no_error (error);
  if (strstr (contents, "prefix=${pcfiledir}") == NULL)
    installed.missing = "this build tree was set up before trees could be moved: "
                        "meson configure BUILD_DIR -Dpkgconfig.relocatable=true";
}

static void
clean_up (void)
{
  const char *argv[] = { "rm", "-rf", installed.folder, NULL };

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                NULL);
}

/* ---- tests ------------------------------------------------------------------------------- */

/* A piece of the sample, large enough for some tiles. */
static void
save_image (const char *folder)
{
  g_autofree char *from =
      g_test_build_filename (G_TEST_DIST, "data", "images", "nuclei-sample.png", NULL);
  g_autofree char *to = g_build_filename (folder, "image.png", NULL);
  VipsImage *whole = vips_image_new_from_file (from, NULL), *piece = NULL;

  g_assert_nonnull (whole);
  g_assert_cmpint (vips_extract_area (whole, &piece, 100, 100, 200, 150, NULL), ==, 0);
  g_assert_cmpint (vips_image_write_to_file (piece, to, NULL), ==, 0);
  g_object_unref (piece);
  g_object_unref (whole);
}

/* A label map of that image, with more than one label. */
static void
assert_labels (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  VipsImage *labels = vips_image_new_from_file (path, NULL);
  double least, most;

  g_assert_nonnull (labels);
  g_assert_cmpint (labels->Xsize, ==, 200);
  g_assert_cmpint (labels->Ysize, ==, 150);
  g_assert_cmpint (vips_min (labels, &least, NULL), ==, 0);
  g_assert_cmpint (vips_max (labels, &most, NULL), ==, 0);
  g_assert_cmpfloat (least, <, most);
  g_object_unref (labels);
}

/* The programs find the library, the plugins and the model where they now are. */
static void
test_programs (void)
{
  g_autofree char *folder = NULL, *said = NULL, *version = NULL;

  if (skip_without (NULL, NULL))
    return;
  folder = new_folder ("programs");
  save_image (folder);
  version = run (folder, "segment", "--version", NULL);
  g_assert_true (g_str_has_prefix (version, "segment (segkit) "));
  said = run (folder, "segment", "-o", "labels.png", "image.png", NULL);
  assert_labels (folder, "labels.png");
}

static void
test_pkg_config (void)
{
  g_autofree char *plugins = NULL, *real = NULL, *expected = NULL, *flags = NULL;

  if (skip_without ("pkg-config", NULL))
    return;
  plugins = run (NULL, "pkg-config", "--variable=plugindir", "segkit-1.0", NULL);
  real = g_canonicalize_filename (g_strchomp (plugins), NULL);
  expected = in_prefix (g_getenv ("SEGKIT_LIBDIR"), "segkit-1.0/plugins");
  g_assert_cmpstr (real, ==, expected);
  g_assert_true (g_file_test (real, G_FILE_TEST_IS_DIR));

  flags = run (NULL, "pkg-config", "--cflags", "--libs", "segkit-1.0", NULL);
  g_assert_nonnull (strstr (flags, "-ffp-contract=off"));
  g_assert_nonnull (strstr (flags, installed.prefix));
  g_assert_null (strstr (flags, g_getenv ("G_TEST_BUILDDIR")));
}

/* Each header alone, as the first and only one that is included. */
static void
check_headers (const char *compiler, const char *standard, const char *suffix)
{
  g_autofree char *headers = in_prefix ("include", "segkit-1.0/segkit"), *folder = NULL;
  g_autofree char *source = NULL;
  g_autoptr (GDir) dir = g_dir_open (headers, 0, NULL);
  const char *name;
  guint n = 0;

  folder = new_folder (compiler);
  source = g_strdup_printf ("%s/alone.%s", folder, suffix);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *text = g_strdup_printf ("#include <segkit/%s>\n", name);
      g_autofree char *command =
          g_strdup_printf ("%s %s -Wall -Wextra -Werror -fsyntax-only alone.%s "
                           "$(pkg-config --cflags segkit-1.0)",
                           compiler, standard, suffix);
      g_autofree char *said = NULL;

      g_test_message ("%s", name);
      g_assert_true (g_file_set_contents (source, text, -1, NULL));
      said = run (folder, "sh", "-c", command, NULL);
      n++;
    }
  g_assert_cmpuint (n, >, 20);
}

static void
test_headers_c (void)
{
  if (!skip_without ("gcc", "pkg-config", NULL))
    check_headers ("gcc", "-std=c11 -Wstrict-prototypes", "c");
}

static void
test_headers_cxx (void)
{
  if (!skip_without ("g++", "pkg-config", NULL))
    check_headers ("g++", "-std=c++17", "cc");
}

/* Debugging information, which names sources, is stripped; nothing else knows of them. */
G_GNUC_UNUSED static void
assert_without (const char *folder, const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL), *contents = NULL;
      gsize n_bytes;

      if (g_file_test (file, G_FILE_TEST_IS_DIR))
        assert_without (file, path);
      else
        {
          g_assert_true (g_file_get_contents (file, &contents, &n_bytes, NULL));
          if (memmem (contents, n_bytes, path, strlen (path)) == NULL)
            continue;
          g_test_message ("%s has %s in it", file, path);
          g_test_fail ();
        }
    }
}

static void
test_no_build_paths (void)
{
  if (skip_without ("strip", NULL))
    return;
#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the sanitizers' messages name sources");
#else
  assert_without (installed.prefix, g_getenv ("G_TEST_BUILDDIR"));
  assert_without (installed.prefix, g_getenv ("G_TEST_SRCDIR"));
#endif
}

/* Its files are written, and its commands run, all in one shell. */
static void
test_tutorial (void)
{
  g_autofree char *page =
      g_test_build_filename (G_TEST_DIST, "data", "docs", "writing-a-plugin.md", NULL);
  g_autofree char *folder = NULL, *text = NULL, *script = NULL, *path = NULL, *output = NULL;
  g_autoptr (GError) error = NULL;

  if (skip_without ("cc", "meson", "ninja", "pkg-config", NULL))
    return;
  folder = new_folder ("tutorial");
  save_image (folder);
  g_file_get_contents (page, &text, NULL, &error);
  g_assert_no_error (error);
  script = tutorial_unpack (text, folder);
  path = g_build_filename (installed.folder, "commands.sh", NULL);
  g_assert_true (g_file_set_contents (path, script, -1, NULL));
  output = run (folder, "sh", path, NULL);

  g_assert_true (g_regex_match_simple ("^ok \\d+ /layer/softplus/layouts$", output,
                                       G_REGEX_MULTILINE, 0));
  g_assert_true (g_regex_match_simple ("^ok \\d+ /layer/softplus/gradients$", output,
                                       G_REGEX_MULTILINE, 0));
  g_assert_true (g_regex_match_simple ("^ok \\d+ /block/se-conv/everywhere$", output,
                                       G_REGEX_MULTILINE, 0));
  assert_labels (folder, "labels.png");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  if (VIPS_INIT (argv[0]) != 0)
    vips_error_exit (NULL);
  install ();
  g_test_add_func ("/install/programs", test_programs);
  g_test_add_func ("/install/pkg-config", test_pkg_config);
  g_test_add_func ("/install/headers-c", test_headers_c);
  g_test_add_func ("/install/headers-c++", test_headers_cxx);
  g_test_add_func ("/install/no-build-paths", test_no_build_paths);
  g_test_add_func ("/install/tutorial", test_tutorial);
  status = g_test_run ();
  clean_up ();
  return status;
}
