/* Opening an image file that may be anything at all.
 *
 * The loader of the file's own format is called: so its own error is reported. Libraries that
 * were not made for hostile files stay blocked. A damaged file is an error; libvips' default
 * would fill with grey what is missing. Of several pages or frames the first is read, unless
 * options in brackets behind the name say otherwise, as for libvips' own tools: `a.tif[page=2]`. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <gio/gio.h>

#include <segkit/error.h>
#include <segkit/property.h>

#include "image-file.h"
#include "image-format.h"
#include "image-kind.h"
#include "image-name.h"
#include "tiff-tags.h"
#include "vips-error.h"
#include "warning.h"

#define SEG_IMAGE_FILE_MAX_BANDS 64
/* Two such sides make no more than 2^40 pixels. */
#define SEG_IMAGE_FILE_MAX_SIDE 1000000
/* Of an image that cannot be decoded row by row and so must be held in memory whole, and of a row
 * of tiles. */
#define SEG_IMAGE_FILE_MAX_WHOLE_PIXELS (G_GINT64_CONSTANT (1) << 28)

/* What is to be read, and how. */
typedef struct
{
  const char *path; /* as the user gave it, and as messages call it */
  char *name;       /* of the file */
  char *options;    /* `name=value,name=value`, or NULL */
  const SegImageFormat *format;
} SegImageFile;

static void
seg_image_file_clear (SegImageFile *self)
{
  g_free (self->name);
  g_free (self->options);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegImageFile, seg_image_file_clear)

static gboolean
seg_image_file_set_option (SegImageFile *self, VipsOperation *load, const char *name,
                           const char *text, GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (load), name);
  GValue value = G_VALUE_INIT;
  gboolean valid;

  if (pspec == NULL || !g_strv_contains (self->format->options, name))
    {
      g_autofree char *known = g_strjoinv (" and ", (char **) self->format->options);

      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s: a %s file has no option \"%s\"%s%s",
                   self->path, self->format->name, name, *known != '\0' ? "; there is " : "",
                   known);
      return FALSE;
    }
  if (!seg_value_from_string (pspec, text, &value, error))
    {
      g_prefix_error (error, "%s: option \"%s\": ", self->path, name);
      return FALSE;
    }
  valid = g_param_value_is_valid (pspec, &value);
  if (valid)
    g_object_set_property (G_OBJECT (load), name, &value);
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s: option \"%s\" cannot be %s", self->path,
                 name, text);
  g_value_unset (&value);
  return valid;
}

static gboolean
seg_image_file_set_options (SegImageFile *self, VipsOperation *load, GError **error)
{
  g_auto (GStrv) list = g_strsplit (self->options != NULL ? self->options : "", ",", -1);

  for (guint i = 0; list[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (list[i], "=", 2);
      const char *name = words[0] != NULL ? g_strstrip (words[0]) : "";
      const char *text = *name != '\0' && words[1] != NULL ? g_strstrip (words[1]) : "";

      if (*name != '\0' && !seg_image_file_set_option (self, load, name, text, error))
        return FALSE;
    }
  return TRUE;
}

static VipsImage *
seg_image_file_load (SegImageFile *self, VipsAccess access, GError **error)
{
  VipsOperation *load = vips_operation_new (self->format->loader);
  VipsImage *image = NULL;

  if (load == NULL)
    {
      vips_error_clear ();
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: this libvips cannot read %s files",
                   self->path, self->format->name);
      return NULL;
    }
  g_object_set (load, "filename", self->name, "access", access, "fail-on", VIPS_FAIL_ON_ERROR,
                NULL);
  if (seg_image_file_set_options (self, load, error))
    {
      if (vips_object_build (VIPS_OBJECT (load)) == 0)
        g_object_get (load, "out", &image, NULL);
      else
        seg_vips_error (error, self->path, SEG_ERROR, SEG_ERROR_FORMAT);
    }
  vips_object_unref_outputs (VIPS_OBJECT (load));
  g_object_unref (load);
  return image;
}

/* PNG and JPEG files that become sharper step by step show their first row last. */
static gboolean
seg_image_file_is_whole (SegImageFile *self, VipsImage *image)
{
  return vips_image_get_typeof (image, "interlaced") != 0 || g_str_equal (self->format->name, "GIF")
         || g_str_equal (self->format->name, "WebP");
}

static gboolean
seg_image_file_check (SegImageFile *self, VipsImage *image, GError **error)
{
  gint64 width = image->Xsize, height = image->Ysize;
  gint64 row_bytes = width * image->Bands * (gint64) VIPS_IMAGE_SIZEOF_ELEMENT (image);
  gint64 tile_height =
      g_str_equal (self->format->name, "TIFF") ? seg_tiff_tags_get_tile_height (self->name) : 0;

  if (image->Bands > SEG_IMAGE_FILE_MAX_BANDS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: has %d bands, more than %d",
                 self->path, image->Bands, SEG_IMAGE_FILE_MAX_BANDS);
  else if (width > SEG_IMAGE_FILE_MAX_SIDE || height > SEG_IMAGE_FILE_MAX_SIDE
           || row_bytes > G_MAXINT)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s: %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels, rows of %" G_GINT64_FORMAT
                 " bytes; at most %d × %d and %d are read",
                 self->path, width, height, row_bytes, SEG_IMAGE_FILE_MAX_SIDE,
                 SEG_IMAGE_FILE_MAX_SIDE, G_MAXINT);
  else if (seg_image_file_is_whole (self, image)
           && width * height > SEG_IMAGE_FILE_MAX_WHOLE_PIXELS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s: must be held whole, and all %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                 " pixels are needed at once; at most %" G_GINT64_FORMAT " are read that way",
                 self->path, width, height, SEG_IMAGE_FILE_MAX_WHOLE_PIXELS);
  else if (width * tile_height > SEG_IMAGE_FILE_MAX_WHOLE_PIXELS)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s: one row of tiles has %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                 " pixels; at most %" G_GINT64_FORMAT " are held at once",
                 self->path, width, tile_height, SEG_IMAGE_FILE_MAX_WHOLE_PIXELS);
  else
    return TRUE;
  return FALSE;
}

/* Whether any part of it can be read without the others. */
static gboolean
seg_image_file_has_parts (SegImageFile *self)
{
  return (vips_foreign_flags (self->format->loader, self->name) & VIPS_FOREIGN_PARTIAL) != 0;
}

/* To be read in any order, a file without tiles is unpacked by libvips: above some size into a
 * file that has no name. That there is no room for it is better known now than in an hour. */
static gboolean
seg_image_file_check_room (SegImageFile *self, VipsImage *image, SegImageMemory *memory,
                           GError **error)
{
  const char *folder = g_getenv ("TMPDIR") != NULL ? g_getenv ("TMPDIR") : "/tmp";
  guint64 n_bytes = VIPS_IMAGE_SIZEOF_IMAGE (image), n_free;
  struct statvfs status;

  if (n_bytes <= vips_get_disc_threshold () || seg_image_file_has_parts (self))
    return TRUE;
  if (statvfs (folder, &status) != 0)
    {
      int code = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                   "%s: cannot be unpacked in %s (see TMPDIR): %s", self->path, folder,
                   g_strerror (code));
      return FALSE;
    }
  memory->unpacked += n_bytes;
  n_free = (guint64) status.f_bavail * status.f_frsize;
  if (memory->unpacked <= n_free)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "%s: unpacked %s needs %" G_GUINT64_FORMAT " bytes in %s, where %" G_GUINT64_FORMAT
               " are free; set TMPDIR to a folder with more room",
               self->path, memory->unpacked > n_bytes ? "with the files before it" : "it",
               memory->unpacked, folder, n_free);
  return FALSE;
}

/* The smaller levels of a pyramid are pages of a TIFF, too, but nobody misses those. */
static gboolean
seg_image_file_has_second_page (SegImageFile *self, VipsImage *image)
{
  VipsImage *second = NULL;
  gboolean same_size;

  if (vips_image_get_n_pages (image) < 2)
    return FALSE;
  if (!g_str_equal (self->format->name, "TIFF"))
    return TRUE;
  if (vips_tiffload (self->name, &second, "page", 1, NULL) != 0)
    {
      vips_error_clear ();
      return FALSE;
    }
  /* one of them may lie on its side */
  same_size = VIPS_IMAGE_N_PELS (second) == VIPS_IMAGE_N_PELS (image);
  g_object_unref (second);
  return same_size;
}

/* As the file has it, within the limits. */
static VipsImage *
seg_image_file_load_checked (SegImageFile *self, gboolean random, SegImageMemory *memory,
                             GError **error)
{
  VipsImage *image =
      seg_image_file_load (self, random ? VIPS_ACCESS_RANDOM : VIPS_ACCESS_SEQUENTIAL, error);

  if (image == NULL)
    return NULL;
  if (!seg_image_file_check (self, image, error)
      || (random && !seg_image_file_check_room (self, image, memory, error)))
    {
      g_object_unref (image);
      return NULL;
    }
  if (g_str_equal (self->format->name, "TIFF") && !seg_tiff_tags_is_last_band_alpha (self->name))
    vips_image_set_int (image, SEG_IMAGE_FILE_UNTOLD, TRUE);
  return image;
}

static void
seg_image_file_predict_memory (SegImageFile *self, VipsImage *image, SegImageMemory *memory)
{
  gsize all = VIPS_IMAGE_SIZEOF_IMAGE (image);
  gsize tiles =
      g_str_equal (self->format->name, "TIFF")
          ? (gsize) seg_tiff_tags_get_tile_height (self->name) * VIPS_IMAGE_SIZEOF_LINE (image)
          : 0;
  gsize any_order = all <= vips_get_disc_threshold () ? all : 0;

  /* libvips holds two rows of a TIFF's tiles */
  if (seg_image_file_has_parts (self))
    any_order = 2 * tiles;
  memory->in_any_order += any_order;

  /* and a GIF's and a WebP's frame beside the image */
  if (seg_image_file_is_whole (self, image))
    memory->in_order += vips_image_get_typeof (image, "interlaced") != 0 ? all : 2 * all;
  else if (vips_image_get_orientation (image) != 1)
    memory->in_order += any_order;
  else
    memory->in_order += 2 * tiles;
}

static VipsImage *
seg_image_file_load_upright (SegImageFile *self, gboolean random, SegImageMemory *memory,
                             GError **error)
{
  VipsImage *image = seg_image_file_load_checked (self, random, memory, error), *upright = NULL;

  if (image == NULL)
    return NULL;
  seg_image_file_predict_memory (self, image, memory);
  if (vips_image_get_orientation (image) == 1)
    return image;
  if (!random)
    {
      g_object_unref (image);
      image = seg_image_file_load_checked (self, TRUE, memory, error);
      if (image == NULL)
        return NULL;
    }
  if (vips_autorot (image, &upright, NULL) != 0)
    seg_vips_error (error, self->path, SEG_ERROR, SEG_ERROR_FORMAT);
  g_object_unref (image);
  return upright;
}

static VipsImage *
seg_image_file_open_unconverted (const char *path, gboolean random, SegImageMemory *memory,
                                 GError **error)
{
  g_auto (SegImageFile) self = {
    .path = path,
    .name = seg_image_name_dup_file (path),
    .options = seg_image_name_dup_options (path),
  };
  VipsImage *image;

  self.format = seg_image_format_detect (self.name, error);
  if (self.format == NULL)
    return NULL;
  seg_vips_error_forget ();
  image = seg_image_file_load_upright (&self, random, memory, error);
  if (image == NULL)
    return NULL;
  seg_vips_error_forget ();
  if (self.options == NULL && seg_image_file_has_second_page (&self, image))
    seg_warning_print ("%s: only the first of %d pages is read; %s[page=1] is the second", path,
                       vips_image_get_n_pages (image), path);
  return image;
}

/**
 * seg_image_file_open: (skip)
 * @path: a PNG, JPEG, TIFF, WebP or GIF file, perhaps with options in brackets
 * @random: whether it will be read in any order; otherwise only from top to bottom
 * @memory: (inout): what libvips will hold, to which this image's part is added
 * @error: return location
 *
 * Opens an image, turns it upright, as its orientation tag says, and makes it one of the kinds of
 * image-kind.c. Where it has to be turned, or @random asks for it, a format without tiles is
 * unpacked whole, into memory or, above 100 MB, into a file in the temporary folder.
 * Errors: `SEG_ERROR_PARAM` for an option that there is not, `SEG_ERROR_FORMAT`,
 * `SEG_ERROR_UNSUPPORTED`, `SEG_ERROR_MEMORY` for an image above the limits, `G_IO_ERROR`.
 *
 * Returns: (transfer full): the image
 */
VipsImage *
seg_image_file_open (const char *path, gboolean random, SegImageMemory *memory, GError **error)
{
  VipsImage *image = seg_image_file_open_unconverted (path, random, memory, error), *converted;

  if (image == NULL)
    return NULL;
  converted = seg_image_kind_convert (path, image, error);
  g_object_unref (image);
  return converted;
}

/**
 * seg_image_file_open_numbers: (skip)
 * @path: as for seg_image_file_open()
 * @error: return location
 *
 * The same for an image whose samples are not light but numbers: they keep their type and value.
 * It is read from top to bottom.
 *
 * Returns: (transfer full): the image
 */
VipsImage *
seg_image_file_open_numbers (const char *path, GError **error)
{
  SegImageMemory memory = { 0 };

  return seg_image_file_open_unconverted (path, FALSE, &memory, error);
}

/**
 * seg_image_file_get_orientation: (skip)
 * @path: as for seg_image_file_open()
 *
 * Returns: the file's orientation tag, 1 to 8; 1 where there is none or the file cannot be read
 */
gint
seg_image_file_get_orientation (const char *path)
{
  g_auto (SegImageFile) self = {
    .path = path,
    .name = seg_image_name_dup_file (path),
    .options = seg_image_name_dup_options (path),
  };
  VipsImage *image;
  gint orientation;

  self.format = seg_image_format_detect (self.name, NULL);
  image = self.format != NULL ? seg_image_file_load (&self, VIPS_ACCESS_SEQUENTIAL, NULL) : NULL;
  if (image == NULL)
    return 1;
  orientation = vips_image_get_orientation (image);
  g_object_unref (image);
  return orientation;
}
