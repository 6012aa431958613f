/* What tests of files share: a folder of their own, and where test data may be. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

/* A new empty folder. */
static inline char *
testing_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("segkit-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

/* How many files the folder has: what a test left behind that it should not have. */
static inline guint
testing_folder_count (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* Removes the folder, which has no folders in it. */
static inline void
testing_folder_free (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_remove (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

typedef char TestingFolder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestingFolder, testing_folder_free)

/* A file or folder of the test data that does not come with the sources, or NULL, and then the
 * test is skipped. */
static inline char *
testing_find_data (const char *relative)
{
  const char *folder = g_getenv ("SEGKIT_TEST_DATA"), *sources = g_getenv ("G_TEST_SRCDIR");
  g_autofree char *path = folder != NULL ? g_build_filename (folder, relative, NULL)
                                         : g_build_filename (sources != NULL ? sources : ".", "..",
                                                             "shared", "data", relative, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  g_autofree char *reason = g_strdup_printf ("%s is not there", path);
  g_test_skip (reason);
  return NULL;
}
