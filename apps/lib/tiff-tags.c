/* What libvips knows of a TIFF and does not tell: how high its tiles are, of which it holds a row,
 * and whether its last band is said to be alpha. */
#include <fcntl.h>
#include <unistd.h>

#include "tiff-tags.h"

/* In all directories, which may lead back to the first. */
#define SEG_TIFF_MAX_ENTRIES 100000

#define SEG_TIFF_TILE_LENGTH 323
#define SEG_TIFF_EXTRA_SAMPLES 338 /* 0: nobody says what it is, 1 and 2: alpha */

typedef struct
{
  int fd;
  gboolean big_endian;
  gboolean big;      /* BigTIFF, whose offsets and counts have 8 bytes */
  guint64 n_entries; /* still to be looked at */
} SegTiff;

static gboolean
seg_tiff_try_read (const SegTiff *self, guint64 at, guint n_bytes, guint64 *number)
{
  guint8 bytes[8] = { 0 };

  if (at > G_MAXINT64 || pread (self->fd, bytes, n_bytes, (off_t) at) != (ssize_t) n_bytes)
    return FALSE;
  *number = 0;
  for (guint i = 0; i < n_bytes; i++)
    *number = *number << 8 | bytes[self->big_endian ? i : n_bytes - 1 - i];
  return TRUE;
}

/* 0 behind the end of the file, where no directory can be. */
static guint64
seg_tiff_read (const SegTiff *self, guint64 at, guint n_bytes)
{
  guint64 number;

  return seg_tiff_try_read (self, at, n_bytes, &number) ? number : 0;
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

/* An entry's value number @i. FALSE where it is no number, or cannot be read. */
static gboolean
seg_tiff_read_value (const SegTiff *self, guint64 entry, guint64 i, guint64 *value)
{
  guint n_bytes = seg_tiff_get_type_bytes (seg_tiff_read (self, entry + 2, 2));
  guint n_offset = self->big ? 8 : 4;
  guint64 n = seg_tiff_read (self, entry + 4, n_offset), at = entry + 4 + n_offset;

  if (n_bytes == 0 || i >= n || n > G_MAXUINT16
      || (n * n_bytes > n_offset && !seg_tiff_try_read (self, at, n_offset, &at)))
    return FALSE;
  return seg_tiff_try_read (self, at + i * n_bytes, n_bytes, value);
}

typedef void (*SegTiffVisit) (const SegTiff *self, guint64 entry, gpointer data);

/* Of one directory, each entry of that tag. Returns where the next one is, or 0. */
static guint64
seg_tiff_read_directory (SegTiff *self, guint64 at, guint tag, SegTiffVisit visit, gpointer data)
{
  guint n_count = self->big ? 8 : 2, n_entry = self->big ? 20 : 12;
  guint64 n = MIN (seg_tiff_read (self, at, n_count), self->n_entries);

  for (guint64 i = 0; i < n; i++)
    {
      guint64 entry = at + n_count + i * n_entry;

      if (seg_tiff_read (self, entry, 2) == tag)
        visit (self, entry, data);
    }
  self->n_entries -= n;
  return n == 0 ? 0 : seg_tiff_read (self, at + n_count + n * n_entry, self->big ? 8 : 4);
}

static void
seg_tiff_visit (const char *path, gboolean all_pages, guint tag, SegTiffVisit visit, gpointer data)
{
  SegTiff self = { .fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
                   .n_entries = SEG_TIFF_MAX_ENTRIES };
  guint64 at;

  if (self.fd < 0)
    return;
  self.big_endian = seg_tiff_read (&self, 0, 1) == 'M';
  self.big = seg_tiff_read (&self, 2, 2) == 43;
  at = seg_tiff_read (&self, self.big ? 8 : 4, self.big ? 8 : 4);
  do
    at = seg_tiff_read_directory (&self, at, tag, visit, data);
  while (at != 0 && all_pages);
  close (self.fd);
}

static void
seg_tiff_note_height (const SegTiff *self, guint64 entry, gpointer data)
{
  gint64 *height = data;
  guint64 value;

  if (seg_tiff_read_value (self, entry, 0, &value))
    *height = MAX (*height, (gint64) MIN (value, G_MAXINT32));
}

/**
 * seg_tiff_tags_get_tile_height:
 * @path: a TIFF file
 *
 * Whoever made the file may lie: nothing but a limit should rest on it.
 *
 * Returns: the height of its highest tiles, in any page; 0 where it has none
 */
gint64
seg_tiff_tags_get_tile_height (const char *path)
{
  gint64 height = 0;

  seg_tiff_visit (path, TRUE, SEG_TIFF_TILE_LENGTH, seg_tiff_note_height, &height);
  return height;
}

static void
seg_tiff_note_alpha (const SegTiff *self, guint64 entry, gpointer data)
{
  guint64 n = seg_tiff_read (self, entry + 4, self->big ? 8 : 4), value;

  *(gboolean *) data = n > 0 && seg_tiff_read_value (self, entry, n - 1, &value) && value != 0;
}

/**
 * seg_tiff_tags_is_last_band_alpha:
 * @path: a TIFF file
 *
 * Returns: whether the last band of its first page is said to be alpha (TIFF 6.0, ExtraSamples);
 *   where the tag is missing, damaged or 0, nothing is said
 */
gboolean
seg_tiff_tags_is_last_band_alpha (const char *path)
{
  gboolean is_alpha = FALSE;

  seg_tiff_visit (path, FALSE, SEG_TIFF_EXTRA_SAMPLES, seg_tiff_note_alpha, &is_alpha);
  return is_alpha;
}
