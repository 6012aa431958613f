/* Checkpoints of a folder that cannot be read are not none. */
#include <gio/gio.h>
#include <glib/gstdio.h>

#include "../../apps/lib/train-checkpoints.h"

static void
test_unreadable (void)
{
  g_autofree char *around = g_dir_make_tmp ("segkit-test-XXXXXX", NULL);
  g_autofree char *model = g_build_filename (around, "m.safetensors", NULL);
  g_autoptr (SegRunFolder) folder = seg_run_folder_look (model, TRUE, NULL);
  g_auto (SegCheckpointState) state = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean found;

  g_assert_nonnull (folder);
  g_assert_true (seg_checkpoints_peek (folder, &state, &found, &error));
  g_assert_no_error (error);
  g_assert_false (found);

  /* permissions would not keep root out */
  g_assert_true (g_file_set_contents (seg_run_folder_get_path (folder), "no folder", -1, NULL));
  g_assert_false (seg_checkpoints_peek (folder, &state, &found, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
  g_assert_nonnull (strstr (error->message, "m.run"));
  g_clear_error (&error);
  g_assert_false (seg_checkpoints_remove_all (folder, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
  g_clear_error (&error);
  g_assert_null (seg_run_folder_look (model, TRUE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);

  g_unlink (seg_run_folder_get_path (folder));
  g_rmdir (around);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/train-checkpoints/unreadable", test_unreadable);
  return g_test_run ();
}
