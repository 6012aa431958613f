/* Opening an image file that may be anything at all.
 *
 * The format is told by the first bytes, not by the name, and its own loader is called: so the
 * loader's own error is reported, where a search would end in one that is not meant. Libraries
 * that were not made for hostile files stay blocked. A damaged file is an error; libvips'
 * default would fill with grey what is missing. The first page or frame is read. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include <segkit/error.h>

#include "image-file.h"
#include "vips-error.h"

#define SEG_IMAGE_FILE_MAX_BANDS 64
#define SEG_IMAGE_FILE_MAX_SIDE 1000000
/* Of an image that cannot be decoded row by row and so must be held in memory whole. */
#define SEG_IMAGE_FILE_MAX_WHOLE_PIXELS (G_GINT64_CONSTANT (1) << 28)

static const struct
{
  const char *loader;
  guint offset, n_bytes;
  const char *magic;
} seg_image_file_formats[] = {
  { "pngload", 0, 8, "\x89PNG\r\n\x1a\n" },
  { "jpegload", 0, 3, "\xff\xd8\xff" },
  { "tiffload", 0, 4, "II*\0" },
  { "tiffload", 0, 4, "MM\0*" },
  { "tiffload", 0, 4, "II+\0" },
  { "tiffload", 0, 4, "MM\0+" },
  { "webpload", 8, 4, "WEBP" },
  { "gifload", 0, 4, "GIF8" },
};

static gboolean
seg_image_file_fail (const char *path, GError **error)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return FALSE;
}

static gboolean
seg_image_file_read_start (const char *path, guint8 *bytes, gsize n_bytes, GError **error)
{
  /* Without O_NONBLOCK a pipe without a writer would be waited for. */
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  gboolean ok = FALSE;
  struct stat status;

  if (fd < 0 || fstat (fd, &status) != 0)
    seg_image_file_fail (path, error);
  else if (!S_ISREG (status.st_mode))
    g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: is not a regular file", path);
  else if (pread (fd, bytes, n_bytes, 0) < 0)
    seg_image_file_fail (path, error);
  else
    ok = TRUE;
  if (fd >= 0)
    close (fd);
  return ok;
}

static const char *
seg_image_file_find_loader (const char *path, GError **error)
{
  guint8 bytes[16] = { 0 };

  if (!seg_image_file_read_start (path, bytes, sizeof bytes, error))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (seg_image_file_formats); i++)
    if (memcmp (bytes + seg_image_file_formats[i].offset, seg_image_file_formats[i].magic,
                seg_image_file_formats[i].n_bytes)
        == 0)
      return seg_image_file_formats[i].loader;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "%s: is not a PNG, JPEG, TIFF, WebP or GIF image", path);
  return NULL;
}

static VipsImage *
seg_image_file_load (const char *path, const char *loader, VipsAccess access, GError **error)
{
  VipsImage *image = NULL;

  if (vips_call (loader, path, &image, "access", access, "fail_on", VIPS_FAIL_ON_ERROR, NULL) != 0)
    {
      seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_FORMAT);
      return NULL;
    }
  return image;
}

static gboolean
seg_image_file_check (const char *path, VipsImage *image, GError **error)
{
  gint64 width = image->Xsize, height = image->Ysize;
  gint64 row_bytes = width * image->Bands * (gint64) VIPS_IMAGE_SIZEOF_ELEMENT (image);
  const char *loader = "";
  gboolean whole = vips_image_get_typeof (image, "interlaced") != 0; /* PNG, JPEG */

  if (vips_image_get_typeof (image, VIPS_META_LOADER) != 0
      && vips_image_get_string (image, VIPS_META_LOADER, &loader) == 0)
    whole |= g_str_has_prefix (loader, "gif") || g_str_has_prefix (loader, "webp");

  if (image->Bands > SEG_IMAGE_FILE_MAX_BANDS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: has %d bands, more than %d", path,
                 image->Bands, SEG_IMAGE_FILE_MAX_BANDS);
  else if (width > SEG_IMAGE_FILE_MAX_SIDE || height > SEG_IMAGE_FILE_MAX_SIDE
           || row_bytes > G_MAXINT)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s: %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels, rows of %" G_GINT64_FORMAT
                 " bytes; at most %d × %d and %d are read",
                 path, width, height, row_bytes, SEG_IMAGE_FILE_MAX_SIDE, SEG_IMAGE_FILE_MAX_SIDE,
                 G_MAXINT);
  else if (whole && width * height > SEG_IMAGE_FILE_MAX_WHOLE_PIXELS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s: must be held whole, and all %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                 " pixels are needed at once; at most %" G_GINT64_FORMAT " are read that way",
                 path, width, height, SEG_IMAGE_FILE_MAX_WHOLE_PIXELS);
  else
    return TRUE;
  return FALSE;
}

/**
 * seg_image_file_open: (skip)
 * @path: a PNG, JPEG, TIFF, WebP or GIF file
 * @random: whether it will be read in any order; otherwise only from top to bottom
 * @error: return location
 *
 * Opens an image and turns it upright, as its orientation tag says. Where it has to be turned,
 * or @random asks for it, a format without tiles is unpacked whole, into memory or, above 100 MB,
 * into a file in the temporary folder.
 * Errors: `SEG_ERROR_FORMAT`, `SEG_ERROR_UNSUPPORTED`, `SEG_ERROR_MEMORY` for an image above
 * the limits, `G_IO_ERROR`.
 *
 * Returns: (transfer full): the image
 */
VipsImage *
seg_image_file_open (const char *path, gboolean random, GError **error)
{
  const char *loader = seg_image_file_find_loader (path, error);
  VipsImage *image, *upright = NULL;
  gboolean turned;

  if (loader == NULL)
    return NULL;
  image = seg_image_file_load (path, loader,
                               random ? VIPS_ACCESS_RANDOM : VIPS_ACCESS_SEQUENTIAL, error);
  if (image == NULL)
    return NULL;
  if (!seg_image_file_check (path, image, error))
    {
      g_object_unref (image);
      return NULL;
    }

  turned = vips_image_get_orientation (image) > 1;
  if (turned && !random)
    {
      g_object_unref (image);
      image = seg_image_file_load (path, loader, VIPS_ACCESS_RANDOM, error);
      if (image == NULL)
        return NULL;
    }
  if (turned)
    {
      if (vips_autorot (image, &upright, NULL) != 0)
        seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_FORMAT);
      g_object_unref (image);
      image = upright;
    }
  return image;
}
