#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <gio/gio.h>
#include <segkit/atomic-file.h>

#include "exit-code.h"
#include "path.h"
#include "run-folder.h"
#include "units.h"

#define SEG_RUN_FOLDER_LOCK ".segkit.lock"
#define SEG_RUN_FOLDER_ENDING ".run"

struct _SegRunFolder
{
  char *path;
  int lock_fd; /* -1: nobody locks; the lock dies with the process */
};

static gboolean
seg_run_folder_fail (const char *path, const char *what, int code, GError **error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s: %s", path, what,
               g_strerror (code));
  return FALSE;
}

/* ---- the lock --------------------------------------------------------------------------- */

static gboolean
seg_run_folder_blame_holder (const char *path, int fd, GError **error)
{
  char text[64] = "";
  unsigned long long step = 0;
  int pid = 0;
  ssize_t n = pread (fd, text, sizeof text - 1, 0);

  if (n > 0 && sscanf (text, "%d %llu", &pid, &step) >= 1)
    g_set_error (error, SEG_APP_ERROR, SEG_APP_ERROR_IN_USE,
                 "%s: process %d has been training here from step %llu on", path, pid, step);
  else
    g_set_error (error, SEG_APP_ERROR, SEG_APP_ERROR_IN_USE, "%s: another process is training here",
                 path);
  return FALSE;
}

static gboolean
seg_run_folder_lock (SegRunFolder *self, int flags, int kind, GError **error)
{
  g_autofree char *path = seg_run_folder_dup_file (self, SEG_RUN_FOLDER_LOCK);

  self->lock_fd = open (path, flags | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (self->lock_fd < 0)
    return seg_run_folder_fail (path, "cannot open the lock", errno, error);
  while (flock (self->lock_fd, kind | LOCK_NB) != 0)
    {
      if (errno == EWOULDBLOCK)
        return seg_run_folder_blame_holder (self->path, self->lock_fd, error);
      if (errno != EINTR)
        return seg_run_folder_fail (path, "cannot lock (--no-lock does without)", errno, error);
    }
  return TRUE;
}

/**
 * seg_run_folder_set_step:
 * @self: a folder
 * @step: where this run begins
 * @error: return location
 *
 * Writes into the lock who holds it, for another run to name.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_run_folder_set_step (SegRunFolder *self, guint64 step, GError **error)
{
  g_autofree char *text
      = g_strdup_printf ("%d %" G_GUINT64_FORMAT "\n", (int) getpid (), step);

  if (self->lock_fd < 0)
    return TRUE;
  if (ftruncate (self->lock_fd, 0) != 0
      || pwrite (self->lock_fd, text, strlen (text), 0) != (ssize_t) strlen (text))
    return seg_run_folder_fail (self->path, "cannot write the lock", errno, error);
  return TRUE;
}

/* ---- the folder ------------------------------------------------------------------------- */

/* Whether a file can be made and renamed in a folder, found out before hours of work. */
static gboolean
seg_run_folder_probe (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, ".segkit-probe", NULL);
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (path, error);

  if (file == NULL || !seg_atomic_file_write (file, "probe", 5, error)
      || !seg_atomic_file_commit (file, error))
    return FALSE;
  /* another run may have tried it out, too */
  return unlink (path) == 0 || errno == ENOENT
         || seg_run_folder_fail (path, "cannot be removed", errno, error);
}

/**
 * seg_run_folder_dup_name:
 * @model_path: the model that is to be made
 *
 * Returns: (transfer full): the folder of its training, which need not be there
 */
char *
seg_run_folder_dup_name (const char *model_path)
{
  g_autofree char *stem = g_str_has_suffix (model_path, SEG_PATH_MODEL_ENDING)
                              ? g_strndup (model_path, strlen (model_path)
                                                           - strlen (SEG_PATH_MODEL_ENDING))
                              : g_strdup (model_path);

  return g_strconcat (stem, SEG_RUN_FOLDER_ENDING, NULL);
}

static gboolean
seg_run_folder_check_model (const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY, "%s: is a folder", path);
  else if (*path == '\0'
           || (g_file_test (path, G_FILE_TEST_EXISTS)
               && !g_file_test (path, G_FILE_TEST_IS_REGULAR)))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "\"%s\" cannot be a model file",
                 path);
  else
    return TRUE;
  return FALSE;
}

static SegRunFolder *
seg_run_folder_new (const char *model_path)
{
  SegRunFolder *self = g_new0 (SegRunFolder, 1);

  self->path = seg_run_folder_dup_name (model_path);
  self->lock_fd = -1;
  return self;
}

/**
 * seg_run_folder_open:
 * @model_path: the model that is to be made, `cells.safetensors`
 * @lock: whether to keep others out, which some network file systems cannot
 * @error: return location
 *
 * Makes `cells.run` where it is not there, and locks it as long as the process lives. Both it and the
 * model's folder are tried out.
 * Errors: `SEG_APP_ERROR_IN_USE`; `G_IO_ERROR`.
 *
 * Returns: (transfer full): the folder, or %NULL with @error set
 */
SegRunFolder *
seg_run_folder_open (const char *model_path, gboolean lock, GError **error)
{
  g_autoptr (SegRunFolder) self = seg_run_folder_new (model_path);
  g_autofree char *around = g_path_get_dirname (model_path);

  if (!seg_run_folder_check_model (model_path, error) || !seg_path_make_folder (around, error)
      || !seg_path_make_folder (self->path, error)
      || (lock
          && (!seg_run_folder_lock (self, O_RDWR | O_CREAT, LOCK_EX, error)
              || !seg_run_folder_set_step (self, 0, error)))
      || !seg_run_folder_probe (around, error) || !seg_run_folder_probe (self->path, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* The folder that is there, of this one and those around it. */
static char *
seg_run_folder_dup_existing (SegRunFolder *self)
{
  char *path = g_canonicalize_filename (self->path, NULL);

  while (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_str_equal (path, "/"))
    {
      char *around = g_path_get_dirname (path);

      g_free (path);
      path = around;
    }
  return path;
}

/**
 * seg_run_folder_look:
 * @model_path: the model that would be made
 * @lock: whether a run that has the folder would keep others out
 * @error: return location
 *
 * As seg_run_folder_open(), for who only wants to know whether that would succeed: nothing is made
 * or tried out, and the lock is shared, and held for this call only.
 * Errors: `SEG_APP_ERROR_IN_USE`; `G_IO_ERROR`.
 *
 * Returns: (transfer full): the folder, which need not be there, or %NULL with @error set
 */
SegRunFolder *
seg_run_folder_look (const char *model_path, gboolean lock, GError **error)
{
  g_autoptr (SegRunFolder) self = seg_run_folder_new (model_path);
  g_autofree char *existing = seg_run_folder_dup_existing (self);
  g_autofree char *lock_path = seg_run_folder_dup_file (self, SEG_RUN_FOLDER_LOCK);

  if (!seg_run_folder_check_model (model_path, error))
    return NULL;
  if (!g_file_test (existing, G_FILE_TEST_IS_DIR))
    seg_run_folder_fail (existing, "cannot be written to", ENOTDIR, error);
  else if (access (existing, W_OK | X_OK) != 0)
    seg_run_folder_fail (existing, "cannot be written to", errno, error);
  else if (!lock || !g_file_test (lock_path, G_FILE_TEST_EXISTS)
           || seg_run_folder_lock (self, O_RDWR, LOCK_SH, error))
    {
      if (self->lock_fd >= 0)
        close (self->lock_fd);
      self->lock_fd = -1;
      return g_steal_pointer (&self);
    }
  return NULL;
}

void
seg_run_folder_free (SegRunFolder *self)
{
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->path);
  g_free (self);
}

const char *
seg_run_folder_get_path (SegRunFolder *self)
{
  return self->path;
}

/**
 * seg_run_folder_dup_file:
 * @self: a folder
 * @name: of a file in it
 *
 * Returns: (transfer full): its path
 */
char *
seg_run_folder_dup_file (SegRunFolder *self, const char *name)
{
  return g_build_filename (self->path, name, NULL);
}

/**
 * seg_run_folder_write_text:
 * @self: a folder
 * @name: of a file in it
 * @text: what is to be in it
 * @error: return location
 *
 * Replaces the file, whole or not at all.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_run_folder_write_text (SegRunFolder *self, const char *name, const char *text, GError **error)
{
  g_autofree char *path = seg_run_folder_dup_file (self, name);
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (path, error);

  return file != NULL && seg_atomic_file_write (file, text, strlen (text), error)
         && seg_atomic_file_commit (file, error);
}

/**
 * seg_run_folder_remove:
 * @self: a folder
 * @name: of a file in it, which need not be there
 * @error: return location
 *
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_run_folder_remove (SegRunFolder *self, const char *name, GError **error)
{
  g_autofree char *path = seg_run_folder_dup_file (self, name);

  return unlink (path) == 0 || errno == ENOENT
         || seg_run_folder_fail (path, "cannot be removed", errno, error);
}

/* What a run before has left here and this one replaces. */
static guint64
seg_run_folder_count_bytes (SegRunFolder *self)
{
  g_autoptr (GDir) dir = g_dir_open (self->path, 0, NULL);
  guint64 bytes = 0;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = seg_run_folder_dup_file (self, name);
      struct stat info;

      if (stat (path, &info) == 0 && S_ISREG (info.st_mode))
        bytes += (guint64) info.st_size;
    }
  return bytes;
}

/**
 * seg_run_folder_check_space:
 * @self: a folder
 * @bytes: that the run will write, files that are already there included
 * @error: return location
 *
 * Errors: `G_IO_ERROR_NO_SPACE` if there is not that much and a fifth more.
 */
gboolean
seg_run_folder_check_space (SegRunFolder *self, guint64 bytes, GError **error)
{
  struct statvfs file_system;
  guint64 needed = bytes + bytes / 5, free_bytes;
  g_autofree char *shown_needed = seg_units_bytes ((double) needed), *shown_free = NULL;
  g_autofree char *existing = seg_run_folder_dup_existing (self);

  if (statvfs (existing, &file_system) != 0)
    return seg_run_folder_fail (self->path, "cannot tell how much room there is", errno, error);
  free_bytes = (guint64) file_system.f_bavail * file_system.f_frsize
               + seg_run_folder_count_bytes (self);
  if (free_bytes >= needed)
    return TRUE;
  shown_free = seg_units_bytes ((double) free_bytes);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "%s: checkpoints and the model need %s, %s are free", self->path, shown_needed,
               shown_free);
  return FALSE;
}
