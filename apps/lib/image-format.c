/* Which kind of file it is, told by its first bytes. A name may lie; and a search through all
 * loaders of libvips, as it does by itself, ends in one that is not meant and an error that
 * misleads. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include <segkit/error.h>

#include "image-format.h"

/* Texts and profiles that may precede a PNG's pixels. libpng holds each of them whole. */
#define SEG_IMAGE_FORMAT_MAX_PNG_HEAD (G_GINT64_CONSTANT (64) << 20)

static const SegImageFormat seg_image_format_png = { "PNG", "pngload", { NULL } };
static const SegImageFormat seg_image_format_jpeg = { "JPEG", "jpegload", { "shrink", NULL } };
static const SegImageFormat seg_image_format_tiff = { "TIFF",
                                                      "tiffload",
                                                      { "page", "subifd", NULL } };
static const SegImageFormat seg_image_format_webp = { "WebP", "webpload", { "page", NULL } };
static const SegImageFormat seg_image_format_gif = { "GIF", "gifload", { "page", NULL } };

static const struct
{
  const SegImageFormat *format;
  guint offset, n_bytes;
  const char *magic;
} seg_image_formats[] = {
  { &seg_image_format_png, 0, 8, "\x89PNG\r\n\x1a\n" },
  { &seg_image_format_jpeg, 0, 3, "\xff\xd8\xff" },
  { &seg_image_format_tiff, 0, 4, "II*\0" },
  { &seg_image_format_tiff, 0, 4, "MM\0*" },
  { &seg_image_format_tiff, 0, 4, "II+\0" },
  { &seg_image_format_tiff, 0, 4, "MM\0+" },
  { &seg_image_format_webp, 8, 4, "WEBP" },
  { &seg_image_format_gif, 0, 4, "GIF8" },
};

static void
seg_image_format_fail (const char *path, GError **error)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
}

static void
seg_image_format_fail_kind (const char *path, GError **error)
{
  g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: is not a regular file", path);
}

/* A chunk's length is only a number: libpng takes memory for what it says, up to 2 GiB, before it
 * finds that a file of 57 bytes does not hold it. So the chunks are walked first. */
static gboolean
seg_image_format_check_png (const char *path, int fd, gint64 n_bytes, GError **error)
{
  guint8 head[8];
  gint64 at = 8;

  while (pread (fd, head, sizeof head, at) == sizeof head && memcmp (head + 4, "IDAT", 4) != 0)
    {
      gint64 length =
          (gint64) head[0] << 24 | (gint64) head[1] << 16 | (gint64) head[2] << 8 | head[3];

      if (at + 12 + length > n_bytes)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                       "%s: the chunk \"%.4s\" at byte %" G_GINT64_FORMAT
                       " claims %" G_GINT64_FORMAT
                       " bytes, and the file ends after %" G_GINT64_FORMAT,
                       path, head + 4, at, length, MAX (n_bytes - at - 8, 0));
          return FALSE;
        }
      at += 12 + length;
      if (at > SEG_IMAGE_FORMAT_MAX_PNG_HEAD)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                       "%s: texts and profiles of %" G_GINT64_FORMAT
                       " bytes precede the pixels; at most %" G_GINT64_FORMAT " are read",
                       path, at, SEG_IMAGE_FORMAT_MAX_PNG_HEAD);
          return FALSE;
        }
    }
  return TRUE; /* where the file ends before its pixels, libpng says so */
}

static const SegImageFormat *
seg_image_format_match (const guint8 *bytes)
{
  for (guint i = 0; i < G_N_ELEMENTS (seg_image_formats); i++)
    if (memcmp (bytes + seg_image_formats[i].offset, seg_image_formats[i].magic,
                seg_image_formats[i].n_bytes)
        == 0)
      return seg_image_formats[i].format;
  return NULL;
}

static const SegImageFormat *
seg_image_format_read (const char *path, int fd, GError **error)
{
  const SegImageFormat *format;
  guint8 bytes[16] = { 0 };
  struct stat status;

  if (fstat (fd, &status) != 0)
    return seg_image_format_fail (path, error), NULL;
  if (!S_ISREG (status.st_mode))
    return seg_image_format_fail_kind (path, error), NULL;
  if (pread (fd, bytes, sizeof bytes, 0) < 0)
    return seg_image_format_fail (path, error), NULL;

  format = seg_image_format_match (bytes);
  if (format == NULL)
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                 "%s: is not a PNG, JPEG, TIFF, WebP or GIF image", path);
  else if (format == &seg_image_format_png
           && !seg_image_format_check_png (path, fd, status.st_size, error))
    return NULL;
  return format;
}

/**
 * seg_image_format_detect:
 * @path: anything at all
 * @error: return location
 *
 * Errors: `SEG_ERROR_FORMAT` if it is not a regular file, or a PNG that claims more bytes than it
 * has; `SEG_ERROR_UNSUPPORTED`; `SEG_ERROR_MEMORY`; `G_IO_ERROR`.
 *
 * Returns: (transfer none): how to read it
 */
const SegImageFormat *
seg_image_format_detect (const char *path, GError **error)
{
  /* Without O_NONBLOCK a pipe without a writer would be waited for. */
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const SegImageFormat *format;

  if (fd < 0 && errno == ENXIO) /* a socket */
    return seg_image_format_fail_kind (path, error), NULL;
  if (fd < 0)
    return seg_image_format_fail (path, error), NULL;
  format = seg_image_format_read (path, fd, error);
  close (fd);
  return format;
}
