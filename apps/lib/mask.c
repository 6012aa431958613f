/* Reading masks. Unlike an image's, their samples are numbers, and may not change by one: so JPEG
 * is refused, nothing is scaled, and of a PNG with a palette the numbers are wanted that libvips
 * replaces by colours. It gets the file with another palette, in which colour i is i. */
#include <math.h>
#include <string.h>

#include <gio/gio.h>
#include <vips/vips.h>

#include <segkit/error.h>
#include <segkit/memory.h>

#include "image-file.h"
#include "image-format.h"
#include "image-name.h"
#include "mask.h"
#include "units.h"
#include "vips-error.h"

/* Of a PNG with a palette, which is held whole. */
#define SEG_MASK_MAX_PALETTE_FILE (G_GINT64_CONSTANT (1) << 28)
#define SEG_MASK_ROWS 64

static guint32
seg_mask_get_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3];
}

/* PNG specification, annex D. */
static guint32
seg_mask_compute_crc (const guint8 *bytes, gsize n)
{
  guint32 crc = 0xffffffffu;

  for (gsize i = 0; i < n; i++)
    {
      crc ^= bytes[i];
      for (guint bit = 0; bit < 8; bit++)
        crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
    }
  return ~crc;
}

/* Keeps the palette of a PNG file in memory, and puts the ramp in its place. */
static gboolean
seg_mask_replace_palette (SegMask *self, guint8 *file, gsize n_bytes)
{
  for (gsize at = 8; at + 12 <= n_bytes;)
    {
      gsize length = seg_mask_get_be32 (file + at);
      guint8 *data = file + at + 8;

      if (length > n_bytes - at - 12)
        return FALSE;
      if (memcmp (file + at + 4, "PLTE", 4) == 0)
        {
          guint32 crc;

          self->n_palette = (guint) MIN (length / 3, G_N_ELEMENTS (self->palette));
          memcpy (self->palette, data, 3 * self->n_palette);
          for (guint i = 0; i < 3 * self->n_palette; i++)
            data[i] = (guint8) (i / 3);
          crc = GUINT32_TO_BE (seg_mask_compute_crc (file + at + 4, length + 4));
          memcpy (data + length, &crc, sizeof crc);
          return TRUE;
        }
      at += length + 12;
    }
  return FALSE;
}

/* The file must have been opened as an image before, which checks its limits. */
static VipsImage *
seg_mask_open_palette (SegMask *self, const char *path, char **memory, GError **error)
{
  VipsImage *image = NULL, *upright = NULL;
  gsize n_bytes;

  if (!g_file_get_contents (path, memory, &n_bytes, error))
    return NULL;
  if (!seg_mask_replace_palette (self, (guint8 *) *memory, n_bytes))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: has no palette where it says so", path);
      return NULL;
    }
  if (vips_pngload_buffer (*memory, n_bytes, &image, "fail-on", VIPS_FAIL_ON_ERROR, NULL) != 0
      || vips_autorot (image, &upright, NULL) != 0)
    seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_FORMAT);
  g_clear_object (&image);
  return upright;
}

static gboolean
seg_mask_has_palette (const char *path)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, NULL);
  g_autoptr (GFileInfo) info = NULL;
  guint8 head[26];
  gsize n;

  if (stream == NULL)
    return FALSE;
  info = g_file_input_stream_query_info (stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, NULL);
  return info != NULL && g_file_info_get_size (info) <= SEG_MASK_MAX_PALETTE_FILE
         && g_input_stream_read_all (G_INPUT_STREAM (stream), head, sizeof head, &n, NULL, NULL)
         && n == sizeof head && memcmp (head + 12, "IHDR", 4) == 0 && head[25] == 3;
}

static VipsImage *
seg_mask_open (SegMask *self, const char *path, char **memory, GError **error)
{
  g_autofree char *name = seg_image_name_dup_file (path);
  const SegImageFormat *format = seg_image_format_detect (name, error);
  VipsImage *image;

  if (format == NULL)
    return NULL;
  if (g_str_equal (format->name, "JPEG"))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: is a JPEG, which does not keep the values of a mask; save it as PNG", path);
      return NULL;
    }
  image = seg_image_file_open_numbers (path, error);
  if (image != NULL && g_str_equal (format->name, "PNG") && seg_mask_has_palette (name))
    {
      g_object_unref (image);
      image = seg_mask_open_palette (self, name, memory, error);
    }
  return image;
}

/* What a pixel has to say: whether it is a colour, and where in it. */
static gboolean
seg_mask_check (SegMask *self, const char *path, VipsImage *image, GError **error)
{
  int n_bands = image->Bands - (image->Bands > 1 && vips_image_hasalpha (image));
  gboolean is_byte = image->BandFmt == VIPS_FORMAT_UCHAR,
           is_short = image->BandFmt == VIPS_FORMAT_USHORT;

  if (self->n_palette > 0)
    n_bands = 1;
  self->is_colour = n_bands == 3;
  self->depth = 8 * (guint) VIPS_IMAGE_SIZEOF_ELEMENT (image);
  if (vips_band_format_iscomplex (image->BandFmt) || (n_bands != 1 && n_bands != 3)
      || (n_bands == 3 && !is_byte && !is_short))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: has %d band%s of %s; a mask has one number for each pixel, or red, green "
                   "and blue of 8 bits",
                   path, n_bands, seg_units_plural ((guint64) n_bands),
                   vips_enum_nick (VIPS_TYPE_BAND_FORMAT, image->BandFmt));
      return FALSE;
    }
  return TRUE;
}

/* Returns the first pixel whose number is none of 16 bits, or -1. */
static gint64
seg_mask_fill_row (SegMask *self, VipsImage *image, gconstpointer pixels, guint32 *codes)
{
  gint64 stride = image->Bands;

  for (gint64 x = 0; x < self->w; x++)
    switch (image->BandFmt)
      {
      case VIPS_FORMAT_UCHAR:
        {
          const guint8 *p = (const guint8 *) pixels + x * stride;

          codes[x] =
              self->is_colour ? SEG_MASK_COLOUR | (guint32) (p[0] << 16 | p[1] << 8 | p[2]) : p[0];
          break;
        }
      case VIPS_FORMAT_USHORT:
        {
          const guint16 *p = (const guint16 *) pixels + x * stride;

          codes[x] =
              self->is_colour
                  ? SEG_MASK_COLOUR | (guint32) (p[0] >> 8 << 16 | p[1] >> 8 << 8 | p[2] >> 8)
                  : p[0];
          break;
        }
      default: /* double */
        {
          double value = ((const double *) pixels)[x * stride];

          if (!(value >= 0 && value <= G_MAXUINT16 && value == floor (value)))
            return x;
          codes[x] = (guint32) value;
        }
      }
  return -1;
}

static gboolean
seg_mask_fill (SegMask *self, const char *path, VipsImage *image, GError **error)
{
  VipsRegion *region = vips_region_new (image);
  gboolean done = TRUE;

  for (gint64 y = 0; y < self->h && done; y += SEG_MASK_ROWS)
    {
      VipsRect rect = { 0, (int) y, (int) self->w, (int) MIN (SEG_MASK_ROWS, self->h - y) };

      done = vips_region_prepare (region, &rect) == 0;
      if (!done)
        seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_FORMAT);
      for (int row = 0; row < rect.height && done; row++)
        {
          gint64 bad = seg_mask_fill_row (self, image, VIPS_REGION_ADDR (region, 0, (int) y + row),
                                          self->codes + (y + row) * self->w);

          done = bad < 0;
          if (!done)
            g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                         "%s: the pixel in column %" G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
                         " is no whole number from 0 to %d",
                         path, bad, y + row, G_MAXUINT16);
        }
    }
  g_object_unref (region);
  return done;
}

/**
 * seg_mask_read:
 * @self: (out caller-allocates): cleared with seg_mask_clear()
 * @path: a PNG, TIFF, WebP or GIF file
 * @error: return location
 *
 * Reads a mask whole, upright. A palette's colours are kept beside the numbers.
 * Errors: as seg_image_file_open(), `SEG_ERROR_UNSUPPORTED` for a JPEG, `SEG_ERROR_FORMAT` for
 * what is no number of 16 bits.
 * Threads: any.
 */
gboolean
seg_mask_read (SegMask *self, const char *path, GError **error)
{
  g_autofree char *memory = NULL; /* outlives the image */
  VipsImage *image, *numbers = NULL;
  gboolean done = FALSE;

  *self = (SegMask){ 0 };
  image = seg_mask_open (self, path, &memory, error);
  if (image == NULL)
    return FALSE;
  self->w = image->Xsize;
  self->h = image->Ysize;
  if (seg_mask_check (self, path, image, error))
    {
      if (image->BandFmt == VIPS_FORMAT_UCHAR || image->BandFmt == VIPS_FORMAT_USHORT)
        numbers = g_object_ref (image);
      else if (vips_cast (image, &numbers, VIPS_FORMAT_DOUBLE, NULL) != 0)
        seg_vips_error (error, path, SEG_ERROR, SEG_ERROR_FORMAT);
      self->codes = seg_alloc ((gsize) self->w * (gsize) self->h, sizeof (guint32), path, error);
      done = numbers != NULL && self->codes != NULL && seg_mask_fill (self, path, numbers, error);
    }
  g_clear_object (&numbers);
  g_object_unref (image);
  return done;
}

/**
 * seg_mask_clear:
 * @self: a mask, or one that could not be read
 */
void
seg_mask_clear (SegMask *self)
{
  seg_free (g_steal_pointer (&self->codes));
}

/**
 * seg_mask_colour:
 * @self: a mask
 *
 * Replaces numbers by their colours in the file's palette, as the program that made the file may
 * have numbered them as it liked.
 */
void
seg_mask_colour (SegMask *self)
{
  gint64 n = self->w * self->h;

  if (self->n_palette == 0)
    return;
  for (gint64 i = 0; i < n; i++)
    {
      const guint8 *rgb = self->palette[self->codes[i] & 0xff];

      self->codes[i] = SEG_MASK_COLOUR | (guint32) (rgb[0] << 16 | rgb[1] << 8 | rgb[2]);
    }
  self->is_colour = TRUE;
}

/**
 * seg_mask_threshold:
 * @self: a mask
 * @threshold: from 1
 *
 * Numbers, or the largest of red, green and blue, become 1 from @threshold on and 0 below.
 */
void
seg_mask_threshold (SegMask *self, guint threshold)
{
  gint64 n = self->w * self->h;

  for (gint64 i = 0; i < n; i++)
    {
      guint32 code = self->codes[i];

      if (self->is_colour)
        code = MAX (MAX (code >> 16 & 0xff, code >> 8 & 0xff), code & 0xff);
      self->codes[i] = code >= threshold;
    }
  self->is_colour = FALSE;
  self->n_palette = 0;
}

/**
 * seg_mask_value_compare:
 * @a: a #SegMaskValue
 * @b: another
 *
 * Returns: the order of their codes
 */
gint
seg_mask_value_compare (gconstpointer a, gconstpointer b)
{
  guint32 first = ((const SegMaskValue *) a)->code, second = ((const SegMaskValue *) b)->code;

  return first < second ? -1 : first > second;
}

/**
 * seg_mask_count:
 * @self: a mask
 *
 * Returns: (transfer full) (element-type SegMaskValue): what there is, by code
 */
GArray *
seg_mask_count (const SegMask *self)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (SegMaskValue));
  g_autoptr (GHashTable) places = g_hash_table_new (NULL, NULL); /* code → place + 1 */
  gint64 n = self->w * self->h;
  guint place = 0;

  for (gint64 i = 0; i < n; i++)
    {
      guint32 code = self->codes[i];

      if (i == 0 || g_array_index (values, SegMaskValue, place).code != code)
        {
          gpointer key = GUINT_TO_POINTER (code);
          guint known = GPOINTER_TO_UINT (g_hash_table_lookup (places, key));

          if (known == 0)
            {
              SegMaskValue value = { .code = code, .first = i };

              g_array_append_val (values, value);
              known = values->len;
              g_hash_table_insert (places, key, GUINT_TO_POINTER (known));
            }
          place = known - 1;
        }
      g_array_index (values, SegMaskValue, place).count++;
    }
  g_array_sort (values, seg_mask_value_compare);
  return values;
}
