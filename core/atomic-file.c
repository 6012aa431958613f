/* Writing files so that a reader, a full disk, a crash or kill -9 never meets half of one:
 * temporary name, write, fsync, close, rename, fsync of the folder. */

#include <segkit/atomic-file.h>

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define SEG_ATOMIC_FILE_MAX 64 /* being written at once */
#define SEG_ATOMIC_FILE_MARK ".segkit-tmp."
#define SEG_ATOMIC_FILE_NAME_MAX 255
#define SEG_ATOMIC_FILE_SUFFIX_MAX 32

/* What a signal handler needs to remove a temporary file, in memory that is never freed. A slot
 * is taken before its file is made and given back when it is gone, so that there is no moment
 * at which a signal would leave one behind. */
typedef struct
{
  gint taken, ready;
  int dir_fd;
  char name[SEG_ATOMIC_FILE_NAME_MAX + 1];
} SegAtomicFileSlot;

static SegAtomicFileSlot seg_atomic_file_slots[SEG_ATOMIC_FILE_MAX];

struct _SegAtomicFile
{
  char *path, *name; /* final: as given, and its last part */
  char *temp_path;
  int dir_fd, fd;
  mode_t mode; /* of the final file */
  SegAtomicFileSlot *slot;
};

static gboolean
seg_atomic_file_fail (const char *path, const char *what, int code, GError **error)
{
  g_autofree char *shown = _seg_text_escape_path (path);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s: %s", shown, what,
               g_strerror (code));
  return FALSE;
}

static SegAtomicFileSlot *
seg_atomic_file_take_slot (int dir_fd, const char *name)
{
  for (guint i = 0; i < SEG_ATOMIC_FILE_MAX; i++)
    {
      SegAtomicFileSlot *slot = &seg_atomic_file_slots[i];
      if (g_atomic_int_compare_and_exchange (&slot->taken, FALSE, TRUE))
        {
          slot->dir_fd = dir_fd;
          g_strlcpy (slot->name, name, sizeof slot->name);
          g_atomic_int_set (&slot->ready, TRUE);
          return slot;
        }
    }
  return NULL;
}

static void
seg_atomic_file_give_slot (SegAtomicFileSlot *slot)
{
  g_atomic_int_set (&slot->ready, FALSE);
  g_atomic_int_set (&slot->taken, FALSE);
}

/* The suffix, with its dot, that the temporary name shares with the final one, since libvips
 * picks a saver by it. */
static const char *
seg_atomic_file_get_suffix (const char *name)
{
  const char *dot = strrchr (name, '.');
  return dot && dot > name && strlen (dot) <= SEG_ATOMIC_FILE_SUFFIX_MAX ? dot : "";
}

/* What the temporary names of all writers of @name begin with. A long name is cut to leave room
 * for the rest: equal beginnings of two such names do no harm, a file in use is locked. */
static char *
seg_atomic_file_dup_prefix (const char *name)
{
  gsize n_stem = strlen (name) - strlen (seg_atomic_file_get_suffix (name));
  gsize n_rest = strlen ("." SEG_ATOMIC_FILE_MARK) + 20 + SEG_ATOMIC_FILE_SUFFIX_MAX;

  return g_strdup_printf (".%.*s" SEG_ATOMIC_FILE_MARK,
                          (int) MIN (n_stem, SEG_ATOMIC_FILE_NAME_MAX - n_rest), name);
}

/* Whether @entry is the prefix, a process number and the suffix. */
static gboolean
seg_atomic_file_is_temporary (const char *entry, const char *prefix, const char *suffix)
{
  if (!g_str_has_prefix (entry, prefix))
    return FALSE;
  entry += strlen (prefix);
  gsize n_digits = strspn (entry, "0123456789");
  return n_digits > 0 && strcmp (entry + n_digits, suffix) == 0;
}

/* Removes what killed writers of the same file have left. A writer holds a lock on its
 * temporary file that the kernel drops when it dies: unlike a process number it is never taken
 * over by another program, and it also counts between containers. Where a file system has no
 * locks nothing is removed. */
static void
seg_atomic_file_sweep (const char *folder, int dir_fd, const char *prefix, const char *suffix)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)))
    if (seg_atomic_file_is_temporary (entry, prefix, suffix))
      {
        int fd = openat (dir_fd, entry, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
          continue;
        if (flock (fd, LOCK_EX | LOCK_NB) == 0)
          unlinkat (dir_fd, entry, 0);
        close (fd);
      }
}

static gboolean
seg_atomic_file_check_target (int dir_fd, const char *name, const char *path, GError **error)
{
  struct stat status;

  if (fstatat (dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || seg_atomic_file_fail (path, "cannot write", errno, error);
  if (S_ISREG (status.st_mode) || S_ISLNK (status.st_mode))
    return TRUE;

  g_autofree char *shown = _seg_text_escape_path (path);
  if (S_ISDIR (status.st_mode))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY, "%s: is a folder", shown);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "%s: is not a regular file",
                 shown);
  return FALSE;
}

/* Makes and locks the temporary file. */
static gboolean
seg_atomic_file_create (SegAtomicFile *self, GError **error)
{
  struct stat status;

  do
    {
      if (self->fd >= 0)
        close (self->fd);
      self->fd =
          openat (self->dir_fd, self->slot->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (self->fd < 0)
        {
          int code = errno;
          /* Then it is not ours to remove either. */
          g_clear_pointer (&self->slot, seg_atomic_file_give_slot);
          return seg_atomic_file_fail (self->path, "cannot create a file beside it", code, error);
        }
      /* Where there are no locks, there is no sweeping either: go on. */
      while (flock (self->fd, LOCK_EX) < 0 && errno == EINTR)
        ;
      if (fstat (self->fd, &status) < 0)
        return seg_atomic_file_fail (self->path, "cannot write", errno, error);
    }
  /* A sweep may have been faster than the lock. */
  while (status.st_nlink == 0);

  /* This is 0666 less the umask, or what the folder's default ACL says, and asking the kernel
   * this way disturbs no other thread. Until complete the file is nobody else's business. Memory
   * cards and network drives may know no modes: then it is as it is. */
  self->mode = status.st_mode & 07777;
  fchmod (self->fd, 0600);
  return TRUE;
}

/**
 * seg_atomic_file_new: (skip)
 * @path: the final name
 * @error: return location
 *
 * Begins to write a file, under the temporary name `.STEM.segkit-tmp.PID.SUFFIX` in the same
 * folder. A symbolic link at @path will be replaced, not followed. Leftovers of killed writers of
 * the same file are removed.
 * Errors: %G_IO_ERROR, with %G_IO_ERROR_IS_DIRECTORY and %G_IO_ERROR_NOT_REGULAR_FILE if @path
 * is a folder, FIFO or device; %G_IO_ERROR_EXISTS if this process is writing it already.
 * Threads: may be called at once from many threads for different files.
 *
 * Returns: (transfer full): a new file, or %NULL with @error set
 */
SegAtomicFile *
seg_atomic_file_new (const char *path, GError **error)
{
  g_return_val_if_fail (path, NULL);

  g_autoptr (SegAtomicFile) self = g_new0 (SegAtomicFile, 1);
  self->dir_fd = self->fd = -1;
  self->path = g_strdup (path);

  if (*path == '\0' || g_str_has_suffix (path, "/"))
    {
      seg_atomic_file_fail (path, "cannot write", *path ? EISDIR : ENOENT, error);
      return NULL;
    }

  g_autofree char *folder = g_path_get_dirname (path);
  self->name = g_path_get_basename (path);
  self->dir_fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->dir_fd < 0)
    {
      seg_atomic_file_fail (path, "cannot open its folder", errno, error);
      return NULL;
    }
  if (!seg_atomic_file_check_target (self->dir_fd, self->name, path, error))
    return NULL;

  const char *suffix = seg_atomic_file_get_suffix (self->name);
  g_autofree char *prefix = seg_atomic_file_dup_prefix (self->name);
  g_autofree char *temp_name = g_strdup_printf ("%s%ld%s", prefix, (long) getpid (), suffix);
  seg_atomic_file_sweep (folder, self->dir_fd, prefix, suffix);

  self->temp_path = g_build_filename (folder, temp_name, NULL);
  self->slot = seg_atomic_file_take_slot (self->dir_fd, temp_name);
  if (!self->slot)
    {
      seg_atomic_file_fail (path, "too many files are being written at once", EMFILE, error);
      return NULL;
    }
  if (!seg_atomic_file_create (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * seg_atomic_file_get_path: (skip)
 * @self: a file not yet committed
 *
 * The temporary name, for writers that open a file by name. They must write into the file that
 * is there, not put another in its place.
 *
 * Returns: (type filename): the path
 */
const char *
seg_atomic_file_get_path (SegAtomicFile *self)
{
  return self->temp_path;
}

/**
 * seg_atomic_file_get_fd: (skip)
 * @self: a file not yet committed
 *
 * The file descriptor, opened for reading and writing. It remains the file's.
 *
 * Returns: the file descriptor
 */
int
seg_atomic_file_get_fd (SegAtomicFile *self)
{
  return self->fd;
}

/**
 * seg_atomic_file_write: (skip)
 * @self: a file not yet committed
 * @data: (array length=n_bytes) (element-type guint8): bytes
 * @n_bytes: how many
 * @error: return location
 *
 * Appends bytes.
 * Errors: %G_IO_ERROR, as the system has it: no space, quota, file too large.
 * Threads: one at a time.
 *
 * Returns: %FALSE with @error set if not all were written
 */
gboolean
seg_atomic_file_write (SegAtomicFile *self, gconstpointer data, gsize n_bytes, GError **error)
{
  const guint8 *next = data;

  while (n_bytes > 0)
    {
      ssize_t n = write (self->fd, next, MIN (n_bytes, G_MAXINT32));
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return seg_atomic_file_fail (self->path, "cannot write", n < 0 ? errno : EIO, error);
      next += n;
      n_bytes -= n;
    }
  return TRUE;
}

static int
seg_atomic_file_sync (int fd)
{
  int result;

  do
    result = fsync (fd);
  while (result < 0 && errno == EINTR);
  return result;
}

/**
 * seg_atomic_file_commit: (skip)
 * @self: a file not yet committed
 * @error: return location
 *
 * Brings what was written to the disk and gives it the final name. Afterwards @self can only be
 * freed.
 * Errors: %G_IO_ERROR. The old file is then still there, except if only the last act failed,
 * bringing the folder itself to the disk: the message says so.
 * Threads: one at a time.
 *
 * Returns: %FALSE with @error set if the file may not survive a power failure
 */
gboolean
seg_atomic_file_commit (SegAtomicFile *self, GError **error)
{
  g_return_val_if_fail (self->slot, FALSE);

  fchmod (self->fd, self->mode);
  if (seg_atomic_file_sync (self->fd) < 0)
    return seg_atomic_file_fail (self->path, "cannot write", errno, error);

  /* Some file systems tell of a failed write only here. EINTR: Linux has closed it. */
  int closed = close (self->fd);
  self->fd = -1;
  if (closed < 0 && errno != EINTR)
    return seg_atomic_file_fail (self->path, "cannot write", errno, error);

  if (renameat (self->dir_fd, self->slot->name, self->dir_fd, self->name) < 0)
    return seg_atomic_file_fail (self->path, "cannot rename the complete file", errno, error);
  g_clear_pointer (&self->slot, seg_atomic_file_give_slot);

  /* EINVAL: this file system has no such thing as bringing a folder to the disk. */
  if (seg_atomic_file_sync (self->dir_fd) < 0 && errno != EINVAL)
    return seg_atomic_file_fail (self->path, "written, but its folder may not be on the disk",
                                 errno, error);
  return TRUE;
}

/**
 * seg_atomic_file_free: (skip)
 * @self: (transfer full) (nullable): a file
 *
 * Frees a file. What was not committed is removed.
 */
void
seg_atomic_file_free (SegAtomicFile *self)
{
  if (!self)
    return;
  if (self->slot)
    {
      unlinkat (self->dir_fd, self->slot->name, 0);
      seg_atomic_file_give_slot (self->slot);
    }
  if (self->fd >= 0)
    close (self->fd);
  if (self->dir_fd >= 0)
    close (self->dir_fd);
  g_free (self->temp_path);
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

/**
 * seg_atomic_file_abort_all: (skip)
 *
 * Removes the temporary files of everything not yet committed, which can then no longer be.
 * For signal handlers, on the way out.
 * Threads: async-signal-safe.
 */
void
seg_atomic_file_abort_all (void)
{
  int code = errno;

  for (guint i = 0; i < SEG_ATOMIC_FILE_MAX; i++)
    if (g_atomic_int_get (&seg_atomic_file_slots[i].ready))
      unlinkat (seg_atomic_file_slots[i].dir_fd, seg_atomic_file_slots[i].name, 0);
  errno = code;
}
