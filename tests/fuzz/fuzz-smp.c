/* A folder of segmentation_models.pytorch: config.json of any bytes up to the first NUL, then
 * segkit.json. There are no weights, so that nothing is a model in the end. */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

static FuzzFile config, notes, weights;
static char *folder;

/* The folder is on a disk, its files are not. */
static void
link_file (const FuzzFile *file, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (symlink (file->path, path), ==, 0);
}

static void
remove_folder (void)
{
  static const char *const names[] = { "config.json", "segkit.json", "model.safetensors" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      unlink (path);
    }
  rmdir (folder);
}

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  static const char empty[] = "\2\0\0\0\0\0\0\0{}";

  (void) argc;
  (void) argv;
  fuzz_init ();
  config = fuzz_file_new ();
  notes = fuzz_file_new ();
  weights = fuzz_file_new ();
  fuzz_file_write (&weights, empty, sizeof empty - 1);
  folder = g_dir_make_tmp ("segkit-fuzz-XXXXXX", NULL);
  g_assert_nonnull (folder);
  link_file (&config, "config.json");
  link_file (&notes, "segkit.json");
  link_file (&weights, "model.safetensors");
  atexit (remove_folder);
  return 0;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  const uint8_t *nul = n > 0 ? memchr (data, '\0', n) : NULL;
  size_t n_config = nul != NULL ? (size_t) (nul - data) : n;

  fuzz_file_write (&config, data, n_config);
  if (nul != NULL)
    fuzz_file_write (&notes, nul + 1, n - n_config - 1);
  else
    fuzz_file_write (&notes, "{}", 2);
  fuzz_load_model (folder);
  return 0;
}
