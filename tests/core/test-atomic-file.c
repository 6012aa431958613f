#include <segkit/atomic-file.h>

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing.h"

static SegAtomicFile *
begin (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  SegAtomicFile *file = seg_atomic_file_new (path, &error);

  g_assert_no_error (error);
  g_assert_true (seg_atomic_file_write (file, text, strlen (text), &error));
  g_assert_no_error (error);
  return file;
}

static void
commit (SegAtomicFile *file)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_atomic_file_commit (file, &error));
  g_assert_no_error (error);
  seg_atomic_file_free (file);
}

static void
assert_contents (const char *path, const char *expected)
{
  g_autofree char *contents = NULL;

  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, expected);
}

static void
assert_refused (const char *path, GIOErrorEnum code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_atomic_file_new (path, &error));
  g_assert_error (error, G_IO_ERROR, (gint) code);
  g_assert_nonnull (strstr (error->message, path));
}

/* Until the commit the old contents stay; afterwards there are the new ones and nothing else. */
static void
test_replace (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out.tif", NULL);
  SegAtomicFile *file;

  commit (begin (path, "old"));
  file = begin (path, "new");
  g_assert_true (g_str_has_suffix (seg_atomic_file_get_path (file), ".tif"));
  g_assert_cmpint (testing_folder_count (folder), ==, 2);
  assert_contents (path, "old");
  commit (file);
  assert_contents (path, "new");
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
}

static void
test_abandon (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out", NULL);

  commit (begin (path, "old"));
  seg_atomic_file_free (begin (path, "new"));
  assert_contents (path, "old");
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
  seg_atomic_file_free (NULL);
}

/* A library such as libvips opens the temporary file by its name. */
static void
test_by_name (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out.png", NULL);
  SegAtomicFile *file = begin (path, "something longer");
  int fd = open (seg_atomic_file_get_path (file), O_WRONLY | O_TRUNC);

  g_assert_cmpint (write (fd, "png", 3), ==, 3);
  close (fd);
  commit (file);
  assert_contents (path, "png");
}

static void
test_mode (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out", NULL);
  mode_t before = umask (027);
  SegAtomicFile *file = begin (path, "");
  GStatBuf status;

  g_assert_cmpint (g_stat (seg_atomic_file_get_path (file), &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_true (fcntl (seg_atomic_file_get_fd (file), F_GETFD) & FD_CLOEXEC);
  commit (file);
  umask (before);
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0640);
}

static void
test_symlink (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *target = g_build_filename (folder, "target", NULL);
  g_autofree char *path = g_build_filename (folder, "link", NULL);

  commit (begin (target, "untouched"));
  g_assert_cmpint (symlink ("target", path), ==, 0);
  commit (begin (path, "new"));
  g_assert_false (g_file_test (path, G_FILE_TEST_IS_SYMLINK));
  assert_contents (path, "new");
  assert_contents (target, "untouched");
}

static void
test_refuse (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *slash = g_strconcat (folder, "/", NULL);
  g_autofree char *dot = g_build_filename (folder, ".", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *nowhere = g_build_filename (folder, "no", "out", NULL);
  g_autofree char *beneath = g_build_filename (folder, "file", "out", NULL);
  g_autofree char *file = g_build_filename (folder, "file", NULL);

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  commit (begin (file, ""));
  assert_refused (folder, G_IO_ERROR_IS_DIRECTORY);
  assert_refused (slash, G_IO_ERROR_IS_DIRECTORY);
  assert_refused (dot, G_IO_ERROR_IS_DIRECTORY);
  assert_refused (fifo, G_IO_ERROR_NOT_REGULAR_FILE);
  assert_refused ("/dev/null", G_IO_ERROR_NOT_REGULAR_FILE);
  assert_refused (nowhere, G_IO_ERROR_NOT_FOUND);
  assert_refused (beneath, G_IO_ERROR_NOT_DIRECTORY);
  assert_refused ("", G_IO_ERROR_NOT_FOUND);
  g_assert_cmpint (testing_folder_count (folder), ==, 2);
}

static void
test_names (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  char longest[256] = "";
  const char *names[] = { "plain",  ".hidden",  "two.dots.tif", "-n",
                          "a b\nc", "\xff.png", "trailing.",    longest };

  memset (longest, 'x', sizeof longest - 1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      commit (begin (path, names[i]));
      assert_contents (path, names[i]);
      g_assert_cmpint (testing_folder_count (folder), ==, i + 1);
    }
}

/* Errors are one line, whatever the name. */
static void
test_message (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "no\n\033[2J\xff", "out", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_atomic_file_new (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "no\\u000a\\u001b[2J\\xff/out"));
}

static void
test_twice_at_once (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out", NULL);
  SegAtomicFile *file = begin (path, "first");

  assert_refused (path, G_IO_ERROR_EXISTS);
  commit (file);
  assert_contents (path, "first");
}

static void
test_too_many (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (GPtrArray) files =
      g_ptr_array_new_with_free_func ((GDestroyNotify) seg_atomic_file_free);
  g_autoptr (GError) error = NULL;

  while (files->len < 1000)
    {
      g_autofree char *path = g_strdup_printf ("%s/%u", folder, files->len);
      SegAtomicFile *file = seg_atomic_file_new (path, &error);
      if (file == NULL)
        break;
      g_ptr_array_add (files, file);
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_cmpint (files->len, >=, 16);
  g_ptr_array_set_size (files, 0);
  g_assert_cmpint (testing_folder_count (folder), ==, 0);
}

/* A limit on file sizes stands in for a full disk. */
static void
test_no_space (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out", NULL);
  g_autofree char *data = g_malloc0 (100000);
  g_autoptr (GError) error = NULL;
  struct rlimit before, limit;
  SegAtomicFile *file;

  commit (begin (path, "old"));
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = (struct rlimit){ 50000, before.rlim_max };
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  file = begin (path, "new");
  g_assert_false (seg_atomic_file_write (file, data, 100000, &error));
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);

  g_assert_true (error->domain == G_IO_ERROR);
  g_assert_true (g_str_has_prefix (error->message, path));
  seg_atomic_file_free (file);
  assert_contents (path, "old");
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
}

/* kill -9 leaves a temporary file, which the next writer of that name removes, and only that. */
static void
test_killed (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out.png", NULL);
  g_autofree char *similar = g_build_filename (folder, ".out.png.segkit-tmp.1.png", NULL);
  g_autofree char *mine = g_build_filename (folder, ".out.segkit-tmp.x.png", NULL);
  int status;

  g_assert_true (g_file_set_contents (similar, "", 0, NULL));
  g_assert_true (g_file_set_contents (mine, "", 0, NULL));
  commit (begin (path, "old"));

  pid_t child = fork ();
  if (child == 0)
    {
      begin (path, "half of the n");
      raise (SIGKILL);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status));
  assert_contents (path, "old");
  g_assert_cmpint (testing_folder_count (folder), ==, 4);

  commit (begin (path, "new"));
  assert_contents (path, "new");
  g_assert_cmpint (testing_folder_count (folder), ==, 3);
}

/* The temporary file of another process that is alive stays. */
static void
test_other_writer (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "out.png", NULL);
  int status, ready[2], go[2];
  char byte = 0;

  g_assert_cmpint (pipe (ready), ==, 0);
  g_assert_cmpint (pipe (go), ==, 0);
  pid_t child = fork ();
  if (child == 0)
    {
      SegAtomicFile *file = begin (path, "theirs");
      gboolean told = write (ready[1], &byte, 1) == 1 && read (go[0], &byte, 1) == 1;
      _exit (told && seg_atomic_file_commit (file, NULL) ? 0 : 1);
    }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  commit (begin (path, "ours"));
  assert_contents (path, "ours");
  g_assert_cmpint (write (go[1], &byte, 1), ==, 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  assert_contents (path, "theirs");
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      close (ready[i]);
      close (go[i]);
    }
}

static void
abort_and_leave (int signal_number)
{
  (void) signal_number;
  seg_atomic_file_abort_all ();
  _exit (130);
}

static void
test_signal (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *first = g_build_filename (folder, "a.png", NULL);
  g_autofree char *second = g_build_filename (folder, "b.png", NULL);
  int status;

  pid_t child = fork ();
  if (child == 0)
    {
      signal (SIGINT, abort_and_leave);
      begin (first, "half");
      commit (begin (second, "whole"));
      begin (second, "half");
      raise (SIGINT);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 130);
  assert_contents (second, "whole");
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/atomic-file/replace", test_replace);
  g_test_add_func ("/atomic-file/abandon", test_abandon);
  g_test_add_func ("/atomic-file/by-name", test_by_name);
  g_test_add_func ("/atomic-file/mode", test_mode);
  g_test_add_func ("/atomic-file/symlink", test_symlink);
  g_test_add_func ("/atomic-file/refuse", test_refuse);
  g_test_add_func ("/atomic-file/names", test_names);
  g_test_add_func ("/atomic-file/message", test_message);
  g_test_add_func ("/atomic-file/twice-at-once", test_twice_at_once);
  g_test_add_func ("/atomic-file/too-many", test_too_many);
  g_test_add_func ("/atomic-file/no-space", test_no_space);
  g_test_add_func ("/atomic-file/killed", test_killed);
  g_test_add_func ("/atomic-file/other-writer", test_other_writer);
  g_test_add_func ("/atomic-file/signal", test_signal);
  return g_test_run ();
}
