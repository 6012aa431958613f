/* How high the tiles of a TIFF are, which libvips knows and does not tell: it holds a row of them. */
#include <fcntl.h>
#include <unistd.h>

#include "tiff-tiles.h"

/* In all directories, which may lead back to the first. */
#define SEG_TIFF_TILES_MAX_ENTRIES 100000
#define SEG_TIFF_TILES_TAG 323 /* TileLength */

typedef struct
{
  int fd;
  gboolean big_endian;
  gboolean big;      /* BigTIFF, whose offsets and counts have 8 bytes */
  guint64 n_entries; /* still to be looked at */
} SegTiff;

/* 0 behind the end of the file, where no directory can be. */
static guint64
seg_tiff_read (const SegTiff *self, guint64 at, guint n_bytes)
{
  guint8 bytes[8] = { 0 };
  guint64 number = 0;

  if (at > G_MAXINT64 || pread (self->fd, bytes, n_bytes, (off_t) at) != (ssize_t) n_bytes)
    return 0;
  for (guint i = 0; i < n_bytes; i++)
    number = number << 8 | bytes[self->big_endian ? i : n_bytes - 1 - i];
  return number;
}

/* Bytes of a number of that type, or 0 where it is none. */
static guint
seg_tiff_get_type_bytes (guint64 type)
{
  switch (type)
    {
    case 1: /* BYTE */
      return 1;
    case 3: /* SHORT */
      return 2;
    case 4: /* LONG */
      return 4;
    case 16: /* LONG8 */
      return 8;
    default:
      return 0;
    }
}

/* Of one directory. Returns where the next one is, or 0. */
static guint64
seg_tiff_read_directory (SegTiff *self, guint64 at, gint64 *height)
{
  guint n_count = self->big ? 8 : 2, n_entry = self->big ? 20 : 12;
  guint64 n = MIN (seg_tiff_read (self, at, n_count), self->n_entries);

  for (guint64 i = 0; i < n; i++)
    {
      guint64 entry = at + n_count + i * n_entry;

      if (seg_tiff_read (self, entry, 2) == SEG_TIFF_TILES_TAG)
        {
          guint n_bytes = seg_tiff_get_type_bytes (seg_tiff_read (self, entry + 2, 2));
          guint64 value = seg_tiff_read (self, entry + (self->big ? 12 : 8), n_bytes);

          *height = MAX (*height, (gint64) MIN (value, G_MAXINT32));
        }
    }
  self->n_entries -= n;
  return n == 0 ? 0 : seg_tiff_read (self, at + n_count + n * n_entry, self->big ? 8 : 4);
}

/**
 * seg_tiff_tiles_get_height:
 * @path: a TIFF file
 *
 * Whoever made the file may lie: nothing but a limit should rest on it.
 *
 * Returns: the height of its highest tiles, in any page; 0 where it has none
 */
gint64
seg_tiff_tiles_get_height (const char *path)
{
  SegTiff self = { .fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
                   .n_entries = SEG_TIFF_TILES_MAX_ENTRIES };
  gint64 height = 0;
  guint64 at;

  if (self.fd < 0)
    return 0;
  self.big_endian = seg_tiff_read (&self, 0, 1) == 'M';
  self.big = seg_tiff_read (&self, 2, 2) == 43;
  at = seg_tiff_read (&self, self.big ? 8 : 4, self.big ? 8 : 4);
  while (at != 0)
    at = seg_tiff_read_directory (&self, at, &height);
  close (self.fd);
  return height;
}
