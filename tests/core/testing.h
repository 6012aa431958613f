/* What tests of files share: a folder of their own, and where test data may be. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* What one hostile file may cost. */
#define TESTING_MAX_SECONDS 2
#define TESTING_MAX_BYTES (256 * 1024 * 1024)

/* Whether a sanitizer is in the program: its shadow takes up terabytes of addresses, and it is
 * several times slower. */
#if defined __has_feature
#  define TESTING_HAS_FEATURE(x) __has_feature (x)
#else
#  define TESTING_HAS_FEATURE(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || TESTING_HAS_FEATURE (address_sanitizer)
#  define TESTING_SANITIZED 1
#else
#  define TESTING_SANITIZED 0
#endif

/* The addresses this process has now. */
static inline guint64
testing_get_address_bytes (void)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull (text, NULL, 10) * (guint64) sysconf (_SC_PAGESIZE);
}

/* Calls @function in a child that may take TESTING_MAX_SECONDS of the processor and
 * TESTING_MAX_BYTES more than this process has: it is killed, and the test fails, where it takes
 * more. */
static inline void
testing_run_within_limits (void (*function) (gconstpointer data), gconstpointer data)
{
  rlim_t bytes = testing_get_address_bytes () + TESTING_MAX_BYTES;
  rlim_t seconds = TESTING_SANITIZED ? 10 * TESTING_MAX_SECONDS : TESTING_MAX_SECONDS;
  struct rlimit address_limit = { bytes, bytes }, time_limit = { seconds, seconds };
  pid_t child;
  int status;

  /* not to be written a second time by the child */
  fflush (stdout);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      if (!TESTING_SANITIZED)
        g_assert_cmpint (setrlimit (RLIMIT_AS, &address_limit), ==, 0);
      g_assert_cmpint (setrlimit (RLIMIT_CPU, &time_limit), ==, 0);
      function (data);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}
