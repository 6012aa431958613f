/* Whether a module file is all there. dlopen() maps segments without asking how long the file is:
 * one that a full disk or an interrupted copy has cut short ends the process with SIGBUS. For a
 * file that is tried out (probe.c) this only makes a better reason and saves the trial; our own
 * plugins are not tried out, and an installation that broke off half-way is met here. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf-check.h"

#include <segkit/error.h>

/* The header of this library itself, from the linker. */
extern const ElfW (Ehdr) __ehdr_start __attribute__ ((visibility ("hidden")));

/* Whether @n bytes from @offset lie in a file of so many. */
static gboolean
seg_elf_inside (guint64 n_bytes, guint64 offset, guint64 n)
{
  return offset <= n_bytes && n <= n_bytes - offset;
}

static gboolean
seg_elf_read (int fd, gpointer to, gsize n, guint64 offset)
{
  return pread (fd, to, n, (off_t) offset) == (ssize_t) n;
}

/* NULL, or what is wrong with the file. */
static const char *
seg_elf_find_fault (int fd)
{
  static const char cut_short[] = "the file is cut short";
  struct stat status;
  ElfW (Ehdr) header;
  guint64 n_bytes;

  if (fstat (fd, &status) != 0)
    return g_strerror (errno);
  if (!S_ISREG (status.st_mode))
    return "not a regular file";
  n_bytes = (guint64) status.st_size;
  if (!seg_elf_read (fd, &header, sizeof header, 0)
      || memcmp (header.e_ident, __ehdr_start.e_ident, EI_VERSION) != 0
      || header.e_machine != __ehdr_start.e_machine || header.e_phentsize != sizeof (ElfW (Phdr)))
    return "not a module that this program could load";

  if (!seg_elf_inside (n_bytes, header.e_phoff, (guint64) header.e_phnum * header.e_phentsize)
      || !seg_elf_inside (n_bytes, header.e_shoff, (guint64) header.e_shnum * header.e_shentsize))
    return cut_short;
  for (guint i = 0; i < header.e_phnum; i++)
    {
      ElfW (Phdr) segment;

      if (!seg_elf_read (fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment)
          || !seg_elf_inside (n_bytes, segment.p_offset, segment.p_filesz))
        return cut_short;
    }
  return NULL;
}

/* Opened so that a pipe in a plugin folder does not make the program wait. */
gboolean
_seg_elf_check (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const char *fault = fd >= 0 ? seg_elf_find_fault (fd) : g_strerror (errno);

  if (fault != NULL)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PLUGIN, fault);
  if (fd >= 0)
    close (fd);
  return fault == NULL;
}
