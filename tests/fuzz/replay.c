/* A fuzz target on each file of a folder, without a fuzzer: replay FOLDER.
 *
 * The folder holds what a fuzzer found worth keeping, and each input that once was a fault. Each is
 * tried in a process of its own, and may cost what any hostile file may. */
#include "fuzz.h"

#include "../core/testing.h"

static char *folder;

typedef struct
{
  char *bytes;
  gsize n;
} Input;

static void
run (gconstpointer data)
{
  const Input *input = data;

  LLVMFuzzerTestOneInput ((const uint8_t *) input->bytes, input->n);
}

static void
test_replay (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  for (; (name = g_dir_read_name (dir)) != NULL; n++)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *bytes = NULL;
      Input input;

      g_assert_true (g_file_get_contents (path, &bytes, &input.n, NULL));
      input.bytes = bytes;
      g_test_message ("%s", name);
      testing_run_within_limits (run, &input);
    }
  g_test_message ("%u inputs", n);
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
