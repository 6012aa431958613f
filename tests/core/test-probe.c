/* Plugins that would take the program down: tried out in another process, they are refused with a
 * reason that says what they did, and the program goes on. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <segkit/segkit.h>

#include "testing.h"

#define SIGSEGV_LOADING "crashed with signal 11 (Segmentation fault) while being loaded"

static SegRegistry *
registry_loaded (void)
{
  static gboolean loaded;
  SegRegistry *registry = seg_registry_get_default ();

  if (!loaded)
    seg_registry_load_default (registry, NULL);
  loaded = TRUE;
  return registry;
}

static char *
bad_module (const char *name)
{
  return g_test_build_filename (G_TEST_BUILT, "plugins-bad", name, NULL);
}

static char *
copy_module (const char *from, const char *folder, const char *name)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_bytes;

  g_file_get_contents (from, &contents, &n_bytes, &error);
  g_assert_no_error (error);
  g_file_set_contents (path, contents, (gssize) n_bytes, &error);
  g_assert_no_error (error);
  return path;
}

static void
assert_refused (const char *path, const char *reason)
{
  g_autofree char *message = g_strdup_printf ("%s: %s", path, reason);
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_registry_load_file (registry_loaded (), path, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, message));
  g_assert_cmpuint (seg_registry_lookup (registry_loaded (), "misbehaving"), ==, G_TYPE_INVALID);
}

static void
assert_bad_refused (const char *name, const char *reason)
{
  g_autofree char *path = bad_module (name);

  assert_refused (path, reason);
}

static void
assert_loads (const char *path)
{
  g_autoptr (GError) error = NULL;

  seg_registry_load_file (registry_loaded (), path, &error);
  g_assert_no_error (error);
}

static void
test_crash (void)
{
  assert_bad_refused ("constructor-aborts.so",
                      "crashed with signal 6 (Aborted) while being loaded");
  assert_bad_refused ("constructor-crashes.so", SIGSEGV_LOADING);
  assert_bad_refused ("register-crashes.so", SIGSEGV_LOADING);
  assert_bad_refused ("class-crashes.so", SIGSEGV_LOADING);
  assert_bad_refused ("instance-crashes.so", SIGSEGV_LOADING);
  assert_bad_refused ("destructor-aborts.so",
                      "crashed with signal 6 (Aborted) while being unloaded");
}

static void
test_exit (void)
{
  assert_bad_refused ("constructor-exits.so", "ended the process with status 3");
  assert_bad_refused ("register-exits.so", "ended the process with status 0");
}

static void
test_complaint (void)
{
  assert_bad_refused ("class-complains.so", "GLib-GObject does not accept it: g_object_unref: ");
  assert_bad_refused ("class-complains-long.so", "GLib does not accept it: xxxxxxxxxxxxxxxx");
}

/* The second module with a type of that name would wait for ever, and one that takes the name of
 * a type of ours would make ours wait. GObject's warning would end a test: it is not heard here. */
static void
test_same_type (void)
{
  g_autofree char *one = bad_module ("twin-one.so");

  assert_loads (one);
  assert_bad_refused ("twin-two.so", "GLib-GObject does not accept it: cannot register existing "
                                     "type 'BadTwin'");
  assert_bad_refused ("own-type.so", "GLib-GObject does not accept it: cannot register existing "
                                     "type 'SegRelu'");
}

static void
test_damaged_process (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *original = bad_module ("duplicate-feature.so"), *contents = NULL;
  g_autofree char *path = g_build_filename (folder, "damaged.so", NULL);
  gsize n_bytes;

  g_assert_true (g_file_get_contents (original, &contents, &n_bytes, NULL));
  for (guint round = 0; round < 12; round++)
    {
      g_autofree char *damaged = g_memdup2 (contents, n_bytes);
      g_autoptr (GError) error = NULL;
      gsize first = round == 0 ? 1024 : (gsize) g_rand_int_range (random, 64, (gint) n_bytes / 2);

      for (gsize i = first; i < MIN (first + 2048, n_bytes); i++)
        damaged[i] = (char) (round == 0 ? 0xff : g_rand_int (random));
      g_assert_true (g_file_set_contents (path, damaged, (gssize) n_bytes, NULL));
      /* what was hit may not matter, but by then it is sure that it does not */
      if (!seg_registry_load_file (registry_loaded (), path, &error))
        {
          g_test_message ("%s", error->message);
          g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
          g_assert_true (g_utf8_validate (error->message, -1, NULL));
          g_assert_null (strchr (error->message, '\n'));
        }
    }
}

/* As long as the original, but not the same inside. What comes through the trial is loaded: not
 * into the program of the other tests. */
static void
test_damaged (void)
{
  g_test_trap_subprocess ("/probe/damaged/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_own_name (void)
{
  g_autofree char *reason = g_strdup_printf ("plugin \"nn\" is already there from %s",
                                             seg_registry_get_plugin (registry_loaded (), "relu"));

  assert_bad_refused ("same-name.so", reason);
}

/* Modules and folders that anyone may write to. */
static void
test_public (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new (), links = testing_folder_new ();
  g_autofree char *original = bad_module ("same-name.so"), *link = NULL, *of_folder = NULL;
  g_autofree char *path = copy_module (original, folder, "public.so");

  g_assert_cmpint (chmod (path, 0666), ==, 0);
  assert_refused (path, "the file may be written to by anyone");
  g_assert_cmpint (chmod (path, 0600), ==, 0);
  assert_refused (path, "plugin \"nn\" is already there");

  /* who cannot change this file can put another beside it, sticky or not */
  g_assert_cmpint (chmod (folder, 01777), ==, 0);
  of_folder = g_strdup_printf ("%s may be written to by anyone", folder);
  assert_refused (path, of_folder);
  link = g_build_filename (links, "link.so", NULL);
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_refused (link, of_folder);
  g_assert_cmpint (chmod (folder, 0700), ==, 0);
  assert_refused (link, "plugin \"nn\" is already there");
}

/* A link in a folder that anyone may write to, on the way from one safe folder to another. */
static void
test_public_way (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new (), way = testing_folder_new (),
                            links = testing_folder_new ();
  g_autofree char *original = bad_module ("same-name.so"), *of_way = NULL, *target = NULL;
  g_autofree char *path = copy_module (original, folder, "good.so"), *name = NULL;
  g_autofree char *middle = g_build_filename (way, "middle.so", NULL);
  g_autofree char *link = g_build_filename (links, "link.so", NULL);

  name = g_path_get_basename (way);
  target = g_build_filename ("..", name, "middle.so", NULL);
  g_assert_cmpint (symlink (path, middle), ==, 0);
  g_assert_cmpint (symlink (target, link), ==, 0);
  assert_refused (link, "plugin \"nn\" is already there");

  g_assert_cmpint (chmod (way, 0777), ==, 0);
  of_way = g_strdup_printf ("%s/../%s may be written to by anyone", links, name);
  assert_refused (link, of_way);
}

/* Files and folders that are somebody else's. */
static void
test_owner (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *original = bad_module ("same-name.so"), *of_folder = NULL;
  g_autofree char *path = copy_module (original, folder, "theirs.so");
  static const uid_t nobody = 65534;

  if (chown (path, nobody, (gid_t) -1) != 0)
    {
      g_test_skip ("only root can give a file away");
      return;
    }
  assert_refused (path, "the file belongs to user 65534, not to root or to user 0");
  g_assert_cmpint (chown (path, 0, (gid_t) -1), ==, 0);
  assert_refused (path, "plugin \"nn\" is already there");
  g_assert_cmpint (chown (folder, nobody, (gid_t) -1), ==, 0);
  of_folder = g_strdup_printf ("%s belongs to user 65534", folder);
  assert_refused (path, of_folder);
}

/* What the program has done to its signals and descriptors is not the plugin's to know. */
static void
test_surroundings (void)
{
  g_autofree char *path = bad_module ("surroundings.so");
  sigset_t blocked, before;
  void (*handler) (int) = signal (SIGPIPE, SIG_IGN);

  sigfillset (&blocked);
  sigprocmask (SIG_BLOCK, &blocked, &before);
  g_assert_cmpint (dup2 (2, 99), ==, 99);
  /* it does look, and nowhere else than in the trial */
  g_setenv ("BAD_FAULT", "40", TRUE);
  assert_refused (path, "ended the process with status 40");
  g_unsetenv ("BAD_FAULT");
  assert_loads (path);
  close (99);
  sigprocmask (SIG_SETMASK, &before, NULL);
  signal (SIGPIPE, handler);
}

static void
test_hang (void)
{
  g_autoptr (GTimer) timer = g_timer_new ();

  assert_bad_refused ("hanging/constructor-hangs.so", "did not answer within 5 s");
  g_assert_cmpfloat (g_timer_elapsed (timer, NULL), >=, 5.);
  assert_bad_refused ("hanging/register-hangs.so", "did not answer within 5 s");
  assert_bad_refused ("hanging/constructor-closes.so", "did not answer within 5 s");
  assert_bad_refused ("hanging/destructor-hangs.so", "did not end within 5 s");
}

/* How many processes try out a plugin for that one. */
static guint
count_trials (GPid parent)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  g_autofree char *pid = g_strdup_printf ("%d", parent);
  const char *name;
  guint n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc", name, "cmdline", NULL), *line = NULL;
      gsize n_bytes;

      if (g_file_get_contents (path, &line, &n_bytes, NULL)
          && g_str_has_suffix (line, "/segkit-probe-plugin")
          && g_str_equal (line + strlen (line) + 1, pid))
        n++;
    }
  return n;
}

/* Long, since machines are busy, but shorter than the test may take: a trial that nobody ends does
 * not end by itself. */
static gboolean
wait_for_trials (GPid parent, guint n)
{
  for (guint i = 0; i < 3000; i++)
    {
      if (count_trials (parent) == n)
        return TRUE;
      g_usleep (20000);
    }
  return FALSE;
}

static void
test_child_process (void)
{
  g_autofree char *path = bad_module ("hanging/constructor-forks.so");
  gint64 start = g_get_monotonic_time ();

  assert_loads (path);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 4 * G_USEC_PER_SEC);
  g_assert_true (wait_for_trials (getpid (), 0));
}

/* A process that the trial leaves behind, with the pipe in its hands, is neither waited for nor
 * left alone. */
static void
test_child (void)
{
  g_test_trap_subprocess ("/probe/child/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_beside_process (void)
{
  g_autofree char *path = bad_module ("hanging/constructor-may-crash.so");
  g_autofree char *other = bad_module ("surroundings.so");
  g_autoptr (GError) error = NULL;

  assert_loads (path);
  g_setenv ("BAD_CRASH", "1", TRUE);
  g_assert_false (seg_registry_load_file (registry_loaded (), other, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "/surroundings.so: cannot be tried out: /"));
  g_assert_true (g_str_has_suffix (error->message,
                                   "/segkit-probe-plugin, with the modules beside it, "
                                   "crashed with signal 11 (Segmentation fault)"));
}

/* Where one that has been loaded spoils the trial of the next, the next is not blamed. */
static void
test_beside (void)
{
  g_test_trap_subprocess ("/probe/beside/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

/* In a program that ignores how its children end, nobody knows how a trial has. */
static void
test_ignored (void)
{
  void (*handler) (int) = signal (SIGCHLD, SIG_IGN);

  assert_bad_refused ("destructor-aborts.so", "cannot be tried out: this program ignores");
  assert_bad_refused ("constructor-aborts.so", "cannot be tried out: this program ignores");
  signal (SIGCHLD, handler);
}

static void
test_orphan_process (void)
{
  assert_bad_refused ("hanging/constructor-hangs.so", "");
}

/* A program that is killed leaves no process behind that hangs on. */
static void
test_orphan (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  char *argv[] = { self, (char *) "--GTestSubprocess", (char *) "-p",
                   (char *) "/probe/orphan/subprocess", NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                 NULL, &pid, &error);
  g_assert_no_error (error);
  g_assert_true (wait_for_trials (pid, 1));
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  g_assert_true (wait_for_trials (pid, 0));
}

static void
test_no_helper_process (void)
{
  assert_bad_refused ("twin-one.so", "cannot be tried out: ");
}

/* A library whose program for trials is not there: a plugin is not loaded untried. */
static void
test_no_helper (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *library =
      g_test_build_filename (G_TEST_BUILT, "..", "core", "libsegkit-1.0.so.0", NULL);
  char *copy = copy_module (library, folder, "libsegkit-1.0.so.0");
  g_autofree char *before = g_strdup (g_getenv ("LD_LIBRARY_PATH"));

  g_free (copy);
  g_setenv ("LD_LIBRARY_PATH", folder, TRUE);
  g_test_trap_subprocess ("/probe/no-helper/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  if (before != NULL)
    g_setenv ("LD_LIBRARY_PATH", before, TRUE);
  else
    g_unsetenv ("LD_LIBRARY_PATH");
}

int
main (int argc, char **argv)
{
  /* a search for leaks at the end of a trial would change the status it ends with */
  g_setenv ("ASAN_OPTIONS", "detect_leaks=0", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/probe/crash", test_crash);
  g_test_add_func ("/probe/exit", test_exit);
  g_test_add_func ("/probe/complaint", test_complaint);
  g_test_add_func ("/probe/same-type", test_same_type);
  g_test_add_func ("/probe/damaged", test_damaged);
  g_test_add_func ("/probe/damaged/subprocess", test_damaged_process);
  g_test_add_func ("/probe/own-name", test_own_name);
  g_test_add_func ("/probe/public", test_public);
  g_test_add_func ("/probe/public-way", test_public_way);
  g_test_add_func ("/probe/owner", test_owner);
  g_test_add_func ("/probe/surroundings", test_surroundings);
  g_test_add_func ("/probe/hang", test_hang);
  g_test_add_func ("/probe/child", test_child);
  g_test_add_func ("/probe/child/subprocess", test_child_process);
  g_test_add_func ("/probe/beside", test_beside);
  g_test_add_func ("/probe/beside/subprocess", test_beside_process);
  g_test_add_func ("/probe/ignored", test_ignored);
  g_test_add_func ("/probe/orphan", test_orphan);
  g_test_add_func ("/probe/orphan/subprocess", test_orphan_process);
  g_test_add_func ("/probe/no-helper", test_no_helper);
  g_test_add_func ("/probe/no-helper/subprocess", test_no_helper_process);
  return g_test_run ();
}
