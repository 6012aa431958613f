/* A disk that is full, or fails, at each call that writes: one line, status 4, and each output
 * is as it was before or the new one, whole. strace makes the calls fail; a small file system in
 * memory is full in earnest. A new program or output is one more line of the table. */
#include <string.h>

#include <glib/gstdio.h>

#include "tool.h"

#define OLD "old"
#define LOG "strace.log"

enum { OK, FAILED, USAGE, INPUT, IO };

static const struct
{
  guint step; /* 1: each call fails once; more: only some, where a line above has tried the code */
  const char *program;
  const char *arguments[8];
  const char *outputs[4];
} commands[] = {
  { 1,
    "segment",
    { "-m", "model.safetensors", "-o", "out.png", "image.png" },
    { "out.png" } },
  { 1,
    "segment",
    { "-m", "model.safetensors", "-o", "out.tif", "image.png" },
    { "out.tif" } },
  { 1,
    "segment",
    { "-m", "model.safetensors", "-o", "out.tif[compression=none,tile-width=64,tile-height=64]",
      "image.png" },
    { "out.tif" } },
  { 1,
    "segment",
    { "-m", "model.safetensors", "-o", "out.tif[pyramid,tile-width=64,tile-height=64]", "--overlay",
      "over.png", "image.png" },
    { "out.tif", "over.png" } },
  { 7,
    "segment",
    { "-m", "model.safetensors", "--probabilities", "p.tif", "--stats", "s.json", "image.png" },
    { "p.tif", "s.json" } },
  { 7,
    "segment",
    { "-m", "model.safetensors", "--outlines", "lines.jpg", "--colors", "colors.png", "image.png" },
    { "lines.jpg", "colors.png" } },
  { 1, "segconvert", { "model.safetensors", "copy.safetensors" }, { "copy.safetensors" } },
  { 11,
    "segconvert",
    { "--format", "smp", "smp.safetensors", "smp" },
    { "smp/config.json", "smp/model.safetensors", "smp/segkit.json" } },
};

/* Calls that fail alike. */
typedef struct
{
  const char *calls, *error;
} Fault;

static const Fault no_space = { "write,pwrite64,writev,pwritev,ftruncate,fallocate", "ENOSPC" };
static const Fault no_sync = { "fsync,fdatasync", "EIO" };
static const Fault no_rename = { "rename,renameat,renameat2", "EIO" };

static int
run_command (Tool *tool, guint i, const char *const *before)
{
  const char *const *a = commands[i].arguments;

  tool->program = commands[i].program;
  tool->before = before;
  tool->max_seconds = 120;
  return tool_run (tool, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], NULL);
}

static char *
read_file (Tool *tool, const char *name, gsize *n)
{
  g_autofree char *path = tool_path (tool, name);
  char *contents = NULL;

  *n = 0;
  g_file_get_contents (path, &contents, n, NULL);
  return contents;
}

/* Old files where there are to be any, and none otherwise. */
static void
reset_outputs (Tool *tool, guint i, gboolean old)
{
  for (guint j = 0; commands[i].outputs[j] != NULL; j++)
    {
      g_autofree char *path = tool_path (tool, commands[i].outputs[j]);

      if (old)
        tool_save_bytes (tool, commands[i].outputs[j], OLD, strlen (OLD));
      else
        g_unlink (path);
    }
}

static gboolean
has_temporary_file (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (strstr (name, "segkit-tmp") != NULL)
      return TRUE;
  return FALSE;
}

/* Each as before, or as in a run in which nothing failed. Returns how many are new. */
static guint
count_new_outputs (Tool *tool, guint i, gboolean old, GBytes **expected)
{
  g_autofree char *below = tool_path (tool, "smp");
  guint n_new = 0;

  for (guint j = 0; commands[i].outputs[j] != NULL; j++)
    {
      gsize n, n_expected;
      gconstpointer whole = g_bytes_get_data (expected[j], &n_expected);
      g_autofree char *contents = read_file (tool, commands[i].outputs[j], &n);

      if (contents != NULL && n == n_expected && memcmp (contents, whole, n) == 0)
        n_new++;
      else if (old)
        g_assert_cmpstr (contents, ==, OLD);
      else
        g_assert_null (contents);
    }
  g_assert_false (has_temporary_file (tool->folder));
  g_assert_false (has_temporary_file (below));
  return n_new;
}

static void
assert_one_error_line (Tool *tool)
{
  const char *line = tool->error_line;

  g_assert_true (g_str_has_prefix (line, "segment: error: ")
                 || g_str_has_prefix (line, "segconvert: error: "));
  g_assert_nonnull (strstr (line, " (io:"));
  g_assert_true (strchr (line, '\n') == line + strlen (line) - 1);
}

/* What strace has seen of the calls that it made fail: their lines. */
static char *
read_injected (Tool *tool)
{
  g_autofree char *path = tool_path (tool, LOG), *log = NULL;
  g_autoptr (GString) injected = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;
  gsize n;

  log = read_file (tool, LOG, &n);
  g_unlink (path);
  g_assert_nonnull (log);
  lines = g_strsplit (log, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (strstr (lines[i], "(INJECTED)") != NULL)
      g_string_append_printf (injected, "%s\n", lines[i]);
  return g_string_free (g_steal_pointer (&injected), FALSE);
}

/* Lets the call of that number in each thread fail. Returns whether there was one. */
static gboolean
try_fault (Tool *tool, guint i, const Fault *fault, guint number, GBytes **expected)
{
  g_autofree char *inject =
      g_strdup_printf ("inject=%s:error=%s:when=%u", fault->calls, fault->error, number);
  const char *before[] = { "strace", "-f", "-qq", "-y", "-o", LOG, "-e", inject, NULL };
  gboolean old = number % 2 == 0;
  g_autofree char *injected = NULL;
  guint n_new, n_outputs = 0;
  int status;

  while (commands[i].outputs[n_outputs] != NULL)
    n_outputs++;
  reset_outputs (tool, i, old);
  status = run_command (tool, i, before);
  n_new = count_new_outputs (tool, i, old, expected);
  injected = read_injected (tool);
  g_test_message ("%s%s", injected, tool->error_line);

  if (status == OK)
    {
      /* then it was none of the calls that matter */
      g_assert_null (strstr (injected, "segkit-tmp"));
      g_assert_cmpuint (n_new, ==, n_outputs);
      return *injected != '\0';
    }
  g_assert_cmpint (status, ==, IO);
  /* a thread of its own writes the file, and the main thread's first write is the message */
  if (strstr (injected, " write(2<") == NULL)
    {
      assert_one_error_line (tool);
      /* where the folder's own fsync fails the new file is there, only perhaps not on the disk */
      g_assert_true (n_new < n_outputs || strstr (tool->error_line, "its folder may not") != NULL);
    }
  return TRUE;
}

static void
make_inputs (Tool *tool)
{
  VipsImage *picture = tool_picture (200, 150, 3);
  g_autofree char *folder = tool_path (tool, "smp");

  tool_save_image (tool, "image.png", picture);
  g_object_unref (picture);
  tool_save_recipe (tool, "smp.safetensors",
                    "[segkit]\nformat=1\n"
                    "[input]\nchannels=3\n"
                    "[classes]\nnames=a;b\n"
                    "[model]\ntype=unet\nclasses=2\nhead-kernel-size=3\n"
                    "[model.encoder]\ntype=resnet-encoder\ndepth=18\n"
                    "[model.decoder]\ntype=unet-smp-decoder\nchannels=8;8;8;8;8\n");
  g_assert_cmpint (g_mkdir (folder, 0777), ==, 0);
}

static void
clear_inputs (Tool *tool)
{
  g_autofree char *folder = tool_path (tool, "smp");

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    reset_outputs (tool, i, FALSE);
  g_rmdir (folder);
}

static gboolean
can_trace (Tool *tool)
{
  static const char *const probe[] = { "strace", "-f", "-qq", "-o", LOG, NULL };
  g_autofree char *strace = g_find_program_in_path ("strace");

#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the sanitizer does not work below strace");
  return FALSE;
#endif
  make_inputs (tool);
  if (strace != NULL && run_command (tool, 0, probe) == OK)
    return TRUE;
  g_test_skip ("needs strace, and to be allowed to use it");
  clear_inputs (tool);
  return FALSE;
}

/* Of a run in which nothing fails. */
static void
run_expected (Tool *tool, guint i, const char *const *before, GBytes **expected)
{
  g_assert_cmpint (run_command (tool, i, before), ==, OK);
  for (guint j = 0; commands[i].outputs[j] != NULL; j++)
    {
      gsize n;
      char *contents = read_file (tool, commands[i].outputs[j], &n);

      g_assert_nonnull (contents);
      g_clear_pointer (&expected[j], g_bytes_unref);
      expected[j] = g_bytes_new_take (contents, n);
    }
}

static void
clear_expected (GBytes **expected, gsize n)
{
  for (gsize i = 0; i < n; i++)
    g_clear_pointer (&expected[i], g_bytes_unref);
}

static void
test_fault (Tool *tool, gconstpointer data)
{
  GBytes *expected[G_N_ELEMENTS (commands[0].outputs)] = { NULL };

  if (!can_trace (tool))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      guint number = 1;

      run_expected (tool, i, NULL, expected);
      while (try_fault (tool, i, data, number, expected))
        number += commands[i].step;
      /* at least one call could fail */
      g_assert_cmpuint (number, >, 1);
      clear_expected (expected, G_N_ELEMENTS (expected));
    }
  clear_inputs (tool);
}

/* The numbers of the calls of close() by which the main thread ends a temporary file: the others
 * are too many to try, and harmless. strace counts in each thread by itself, and the low number of
 * a saver's thread would also be that of a library in the main one. */
static GArray *
find_closes (Tool *tool)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (guint));
  g_auto (GStrv) lines = NULL;
  g_autofree char *log = NULL;
  gsize n, length;
  guint count = 0;

  log = read_file (tool, LOG, &n);
  lines = g_strsplit (log, "\n", -1);
  length = strcspn (lines[0], " "); /* the thread that begins is the main one */
  for (guint i = 0; lines[i] != NULL; i++)
    if (strncmp (lines[i], lines[0], length + 1) == 0 && strstr (lines[i], " close(") != NULL)
      {
        count++;
        if (strstr (lines[i], "segkit-tmp") != NULL)
          g_array_append_val (numbers, count);
      }
  return numbers;
}

static void
test_close (Tool *tool, gconstpointer data)
{
  static const char *const trace[] = { "strace", "-f", "-qq",         "-y", "-o",
                                       LOG,      "-e", "trace=close", NULL };
  static const Fault fault = { "close", "EIO" };
  GBytes *expected[G_N_ELEMENTS (commands[0].outputs)] = { NULL };

  (void) data;
  if (!can_trace (tool))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autoptr (GArray) numbers = NULL;

      run_expected (tool, i, trace, expected);
      numbers = find_closes (tool);
      g_assert_cmpuint (numbers->len, >, 0);
      for (guint j = 0; j < numbers->len; j++)
        g_assert_true (try_fault (tool, i, &fault, g_array_index (numbers, guint, j), expected));
      clear_expected (expected, G_N_ELEMENTS (expected));
    }
  clear_inputs (tool);
}

/* A file system of 100 kB, mounted where nobody else sees it. */
static gboolean
can_mount (Tool *tool)
{
  static const char *const probe[] = {
    "unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=100k none disk && exec \"$@\"", "sh", NULL
  };
  g_autofree char *unshare = g_find_program_in_path ("unshare");
  g_autofree char *disk = tool_path (tool, "disk");

  g_assert_cmpint (g_mkdir (disk, 0777), ==, 0);
  tool->before = probe;
  return unshare != NULL && tool_run (tool, "--version", NULL) == OK;
}

/* What is left on the disk, the shell writes down before it vanishes. */
static void
test_small_disk (Tool *tool, gconstpointer data)
{
  static const char *const before[] = {
    "unshare",
    "-rm",
    "sh",
    "-c",
    "mount -t tmpfs -o size=100k none disk && cd disk && echo old >out.tif && \"$@\";"
    "status=$?; ls -A >../left; cat out.tif >>../left; exit $status",
    "sh",
    NULL
  };
  static const char *const outputs[] = { "out.tif[compression=none]",
                                         "out.tif[compression=none,pyramid]",
                                         "out.png[compression=0]" };
  VipsImage *picture = tool_picture (500, 500, 1);

  (void) data;
  tool_save_image (tool, "image.png", picture);
  g_object_unref (picture);
  if (!can_mount (tool))
    {
      g_test_skip ("needs unshare, and to be allowed to use it");
      return;
    }
  tool->before = before;
  for (guint i = 0; i < G_N_ELEMENTS (outputs); i++)
    {
      g_autofree char *left = NULL;
      gsize n;

      g_assert_cmpint (
          tool_run (tool, "-m", "../model.safetensors", "-o", outputs[i], "../image.png", NULL), ==,
          IO);
      tool_assert_fails (tool, IO, ": No space left on device", "io:no-space");
      left = read_file (tool, "left", &n);
      g_assert_cmpstr (left, ==, "out.tif\nold\n");
    }
}

/* A picture that has to be turned is unpacked, for which TMPDIR has too little room. */
static void
test_small_tmpdir (Tool *tool, gconstpointer data)
{
  static const char *const before[] = {
    "unshare",
    "-rm",
    "sh",
    "-c",
    "mount -t tmpfs -o size=100k none disk && TMPDIR=disk VIPS_DISC_THRESHOLD=50k \"$@\"",
    "sh",
    NULL
  };
  VipsImage *picture = tool_picture (500, 500, 1);

  (void) data;
  vips_image_set_int (picture, VIPS_META_ORIENTATION, 6);
  tool_save_image (tool, "image.tif", picture);
  g_object_unref (picture);
  if (!can_mount (tool))
    {
      g_test_skip ("needs unshare, and to be allowed to use it");
      return;
    }
  tool->before = before;
  g_assert_cmpint (tool_run (tool, "-m", "model.safetensors", "-o", "out.png", "image.tif", NULL),
                   ==, IO);
  tool_assert_fails (tool, IO,
                     "image.tif: unpacked it needs 250000 bytes in disk, where 102400 "
                     "are free",
                     "io:no-space");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, fault) g_test_add (path, Tool, &fault, tool_setup, test_fault, tool_teardown)
  ADD ("/full-disk/no-space", no_space);
  ADD ("/full-disk/fsync", no_sync);
  ADD ("/full-disk/rename", no_rename);
#undef ADD
#define ADD(path, function) g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/full-disk/close", test_close);
  ADD ("/full-disk/small-disk", test_small_disk);
  ADD ("/full-disk/small-tmpdir", test_small_tmpdir);
  return g_test_run ();
}
