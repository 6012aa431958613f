/* A fuzz target on each file of a folder, without a fuzzer: replay FOLDER.
 *
 * The folder holds what a fuzzer found worth keeping, and each input that once was a fault. */
#include "fuzz.h"

static char *folder;

static void
test_replay (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gint64 slowest = 0;
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  for (; (name = g_dir_read_name (dir)) != NULL; n++)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *bytes = NULL;
      gint64 start;
      gsize n_bytes;

      g_assert_true (g_file_get_contents (path, &bytes, &n_bytes, NULL));
      g_test_message ("%s", name);
      start = g_get_monotonic_time ();
      LLVMFuzzerTestOneInput ((const uint8_t *) bytes, n_bytes);
      slowest = MAX (slowest, g_get_monotonic_time () - start);
    }
  g_test_message ("%u inputs, the slowest took %" G_GINT64_FORMAT " us", n, slowest);
  g_assert_cmpuint (n, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  folder = argv[1];
  LLVMFuzzerInitialize (&argc, &argv);

  g_autofree char *name = g_path_get_basename (folder);
  g_autofree char *path = g_strconcat ("/fuzz/", name, NULL);
  g_test_add_func (path, test_replay);
  return g_test_run ();
}
