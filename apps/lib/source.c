/* What a model sees of an image.
 *
 * - Kinds of image: image-kind.c has by then made them 8-bit, 16-bit or float, grey, RGB or bands.
 * - Samples: 8-bit counts as 0…255, 16-bit as 0…65535, both scaled to 0…1; float as it is, and
 *   NaN or infinity is an error.
 * - Bands: as many as the model has channels, and they are taken as they are. Otherwise an alpha
 *   band is dropped, not blended: a model knows no background. (Where nobody says how many channels
 *   there should be, a TIFF's last band is alpha only if the file says so.) Then grey is repeated
 *   for three channels, and red, green and blue become one as Rec. 601 luma, rounded as Pillow's "L"
 *   is. Anything else is refused. Of several files of an image all bands are taken, and no others.
 * - ICC profiles are not applied: models are trained on the numbers in the file.
 *
 * A channel is then (value − mean) / std in float32, for integers from a table: the same bits
 * in every way of running. */
#include <math.h>

#include <segkit/memory.h>

#include "image-group.h"
#include "source.h"
#include "units.h"
#include "vips-error.h"
#include "warning.h"

/* Models expect floats of 0…1; above this somebody has forgotten to divide by 255. */
#define SEG_SOURCE_LARGE 2.f

struct _SegSource
{
  char *name;
  VipsImage *image;
  SegImageMemory memory;
  VipsRegion *region; /* what was fetched */
  guint channels;
  const float *mean, *std;
  SegModel *model;     /* owns mean and std; NULL: nothing is normalised */
  guint n_colours; /* bands without alpha */
  gboolean last_untold; /* the last band would be alpha, if the file said so */
  guint n_values;  /* of an integer sample, 0 for float */
  float *table;    /* channel × value */
  gboolean luma, joined; /* of several files */
  gpointer luma_row; /* of the image's format */
  gboolean warned;   /* of floats that are too large */
};

static gboolean
seg_source_fail_bands (SegSource *self, GError **error)
{
  gboolean alpha = self->n_colours < (guint) self->image->Bands;
  gboolean hint = self->model != NULL && !self->joined && self->n_colours < self->channels;

  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: has %u band%s%s%s, and %s %u%s",
               self->name, self->n_colours, seg_units_plural (self->n_colours),
               alpha ? " beside alpha" : "", self->joined ? " with its other files" : "",
               self->model != NULL ? "the model takes" : "there should be", self->channels,
               hint ? "; --image-suffixes joins those of several files" : "");
  return FALSE;
}

/* Which bands become which channels. */
static gboolean
seg_source_match_bands (SegSource *self, GError **error)
{
  guint n_bands = (guint) self->image->Bands;

  self->n_colours = n_bands;
  if (self->joined)
    return n_bands == self->channels || seg_source_fail_bands (self, error);
  self->last_untold = vips_image_hasalpha (self->image)
                      && vips_image_get_typeof (self->image, SEG_IMAGE_FILE_UNTOLD) != 0;
  if (n_bands != self->channels && vips_image_hasalpha (self->image)
      && !(self->channels == 0 && self->last_untold))
    self->n_colours--;
  if (self->channels == 0)
    self->channels = self->n_colours;
  self->luma = self->n_colours == 3 && self->channels == 1;

  if (self->n_colours == self->channels || self->luma
      || (self->n_colours == 1 && self->channels == 3))
    return TRUE;
  return seg_source_fail_bands (self, error);
}

static float
seg_source_normalise (SegSource *self, guint channel, float value)
{
  return self->model != NULL ? (value - self->mean[channel]) / self->std[channel] : value;
}

static gboolean
seg_source_make_tables (SegSource *self, GError **error)
{
  VipsBandFormat format = vips_image_get_format (self->image);
  gsize n = 0;

  if (self->luma)
    {
      self->luma_row = seg_alloc ((gsize) self->image->Xsize,
                                  VIPS_IMAGE_SIZEOF_ELEMENT (self->image), "a row of luma", error);
      if (self->luma_row == NULL)
        return FALSE;
    }
  if (format == VIPS_FORMAT_FLOAT)
    return TRUE;

  self->n_values = format == VIPS_FORMAT_UCHAR ? G_MAXUINT8 + 1 : G_MAXUINT16 + 1;
  self->table = seg_alloc ((gsize) self->channels * self->n_values, sizeof (float),
                           "the values of samples", error);
  if (self->table == NULL)
    return FALSE;
  for (guint c = 0; c < self->channels; c++)
    for (guint value = 0; value < self->n_values; value++, n++)
      self->table[n] = seg_source_normalise (self, c, (float) value / (float) (self->n_values - 1));
  return TRUE;
}

static gboolean
seg_source_open (SegSource *self, const char *const *files, gboolean random, GError **error)
{
  self->name = g_strdup (files[0]);
  self->joined = files[1] != NULL;
  self->image = seg_image_group_open (files, random, &self->memory, error);
  if (self->image == NULL || !seg_source_match_bands (self, error))
    return FALSE;
  if (!seg_source_make_tables (self, error))
    {
      g_prefix_error (error, "%s: ", self->name);
      return FALSE;
    }
  self->region = vips_region_new (self->image);
  return TRUE;
}

/**
 * seg_source_new:
 * @files: (array zero-terminated=1): an image file, perhaps with options in brackets, or several
 *   whose bands follow each other
 * @model: what will look at it
 * @random: whether rectangles will be fetched in any order; otherwise only from top to bottom
 * @error: return location
 *
 * Opens an image; the top of this file says what becomes of which kind.
 * Errors: `SEG_ERROR_FORMAT`, `SEG_ERROR_UNSUPPORTED`, `SEG_ERROR_SHAPE` for files of several
 * sizes, `SEG_ERROR_MEMORY` for an image above the limits, `G_IO_ERROR`.
 * Threads: used by the one that made it.
 */
SegSource *
seg_source_new (const char *const *files, SegModel *model, gboolean random, GError **error)
{
  g_autoptr (SegSource) self = g_new0 (SegSource, 1);

  self->model = g_object_ref (model);
  self->channels = seg_model_get_n_channels (model);
  self->mean = seg_model_get_mean (model);
  self->std = seg_model_get_std (model);
  return seg_source_open (self, files, random, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_source_new_plain:
 * @path: an image file, perhaps with options in brackets
 * @n_channels: as a model would take; 0: what the image has, without alpha
 * @error: return location
 *
 * Opens an image that is read from top to bottom, for values that are scaled as for a model but
 * not normalised: (value − mean) / std of them, in float32, is what a model sees, to the bit.
 * Errors, threads: as seg_source_new().
 */
SegSource *
seg_source_new_plain (const char *path, guint n_channels, GError **error)
{
  const char *const files[] = { path, NULL };
  g_autoptr (SegSource) self = g_new0 (SegSource, 1);

  self->channels = n_channels;
  return seg_source_open (self, files, FALSE, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_source_free:
 * @self: a source
 */
void
seg_source_free (SegSource *self)
{
  g_clear_object (&self->region);
  g_clear_object (&self->image);
  g_clear_object (&self->model);
  seg_free (self->table);
  seg_free (self->luma_row);
  g_free (self->name);
  g_free (self);
}

/**
 * seg_source_is_last_band_untold:
 * @self: a source
 *
 * Returns: whether the last band is one that other images have for alpha, while the file does not
 *   say what it is
 */
gboolean
seg_source_is_last_band_untold (SegSource *self)
{
  return self->last_untold;
}

/**
 * seg_source_get_name:
 * @self: a source
 *
 * Returns: what messages call the file
 */
const char *
seg_source_get_name (SegSource *self)
{
  return self->name;
}

/**
 * seg_source_dup_summary:
 * @self: a source
 *
 * Returns: (transfer full): size and kind of the image in a few words
 */
char *
seg_source_dup_summary (SegSource *self)
{
  int n_pages = vips_image_get_n_pages (self->image);
  g_autofree char *page = n_pages > 1 ? g_strdup_printf (", the first of %d pages", n_pages) : NULL;

  return g_strdup_printf (
      "%d × %d pixels, %d × %s%s", self->image->Xsize, self->image->Ysize, self->image->Bands,
      vips_enum_nick (VIPS_TYPE_BAND_FORMAT, self->image->BandFmt), page != NULL ? page : "");
}

/**
 * seg_source_get_n_channels:
 * @self: a source
 *
 * Returns: channels that it fills
 */
guint
seg_source_get_n_channels (SegSource *self)
{
  return self->channels;
}

/**
 * seg_source_get_depth:
 * @self: a source
 *
 * Returns: bits of a sample as it is read: 8, 16, or 32 for floats
 */
guint
seg_source_get_depth (SegSource *self)
{
  return 8 * (guint) VIPS_IMAGE_SIZEOF_ELEMENT (self->image);
}

gint64
seg_source_get_width (SegSource *self)
{
  return self->image->Xsize;
}

gint64
seg_source_get_height (SegSource *self)
{
  return self->image->Ysize;
}

/**
 * seg_source_get_pixel_bytes:
 * @self: a source
 *
 * Returns: bytes of a pixel while it is read
 */
gsize
seg_source_get_pixel_bytes (SegSource *self)
{
  return VIPS_IMAGE_SIZEOF_PEL (self->image);
}

/**
 * seg_source_get_held_bytes:
 * @self: a source
 * @random: whether it is read in any order
 *
 * Returns: how much is held in memory of the image beside the rectangle at hand
 */
gsize
seg_source_get_held_bytes (SegSource *self, gboolean random)
{
  return random ? self->memory.in_any_order : self->memory.in_order;
}

/**
 * seg_source_get_resolution:
 * @self: a source
 * @xres: (out): pixels per millimetre
 * @yres: (out): the same, downwards
 */
void
seg_source_get_resolution (SegSource *self, double *xres, double *yres)
{
  *xres = vips_image_get_xres (self->image);
  *yres = vips_image_get_yres (self->image);
}

/**
 * seg_source_fetch:
 * @self: a source
 * @rect: inside the image
 * @error: return location
 *
 * Reads a rectangle, for seg_source_fill() and seg_source_copy_colour_row().
 * Errors: `SEG_ERROR_FORMAT` where the file is damaged, `G_IO_ERROR`.
 */
gboolean
seg_source_fetch (SegSource *self, const SegRect *rect, GError **error)
{
  VipsRect area = { (int) rect->x, (int) rect->y, (int) rect->w, (int) rect->h };

  if (vips_region_prepare (self->region, &area) == 0)
    return TRUE;
  seg_vips_error (error, self->name, SEG_ERROR, SEG_ERROR_FORMAT);
  return FALSE;
}

/* Of three bands one, with the weights of Rec. 601; of integers in 16 bits of fraction, so that
 * grey stays the same grey. */
static void
seg_source_compute_luma (SegSource *self, gconstpointer pixels, gint64 n)
{
  guint stride = (guint) self->image->Bands;

#define SEG_SOURCE_LUMA(type)                                                                      \
  for (gint64 i = 0; i < n; i++)                                                                   \
    {                                                                                              \
      const type *p = (const type *) pixels + i * stride;                                          \
      ((type *) self->luma_row)[i] =                                                               \
          (type) ((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);                  \
    }

  switch (self->image->BandFmt)
    {
    case VIPS_FORMAT_UCHAR:
      SEG_SOURCE_LUMA (guint8)
      break;
    case VIPS_FORMAT_USHORT:
      SEG_SOURCE_LUMA (guint16)
      break;
    default:
      for (gint64 i = 0; i < n; i++)
        {
          const float *p = (const float *) pixels + i * stride;
          ((float *) self->luma_row)[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        }
    }
#undef SEG_SOURCE_LUMA
}

/* Returns the first of @n floats that is not finite, or -1. */
static gint64
seg_source_fill_floats (SegSource *self, guint channel, const float *samples, guint stride,
                        gint64 n, float *out, gint32 lanes)
{
  float largest = 0;

  for (gint64 i = 0; i < n; i++)
    {
      float value = samples[i * stride];

      if (!isfinite (value))
        return i;
      largest = MAX (largest, value);
      out[i * lanes] = seg_source_normalise (self, channel, value);
    }
  if (largest > SEG_SOURCE_LARGE && !self->warned && self->model != NULL)
    {
      seg_warning_print ("%s: has samples as large as %g; floats are taken as they are, and "
                         "models expect 0 to 1",
                         self->name, (double) largest);
      self->warned = TRUE;
    }
  return -1;
}

/* One channel of one row. Returns the first pixel that is not finite, or -1. */
static gint64
seg_source_fill_row (SegSource *self, guint channel, gconstpointer samples, guint stride, gint64 n,
                     float *out, gint32 lanes)
{
  const float *table = self->table + (gsize) channel * self->n_values;

  switch (self->image->BandFmt)
    {
    case VIPS_FORMAT_UCHAR:
      for (gint64 i = 0; i < n; i++)
        out[i * lanes] = table[((const guint8 *) samples)[i * stride]];
      return -1;
    case VIPS_FORMAT_USHORT:
      for (gint64 i = 0; i < n; i++)
        out[i * lanes] = table[((const guint16 *) samples)[i * stride]];
      return -1;
    default:
      return seg_source_fill_floats (self, channel, samples, stride, n, out, lanes);
    }
}

/**
 * seg_source_fill:
 * @self: a source
 * @view: the model's input, inside what was fetched
 * @error: return location
 *
 * Fills view->valid with normalised values.
 * Errors: `SEG_ERROR_NUMERIC` for NaN or infinity, naming the pixel.
 */
gboolean
seg_source_fill (SegSource *self, const SegView *view, GError **error)
{
  const SegRect *valid = &view->valid;
  gsize sample_bytes = VIPS_IMAGE_SIZEOF_ELEMENT (self->image);
  gint64 bad;

  for (gint64 y = valid->y; y < valid->y + valid->h; y++)
    {
      const guint8 *samples = VIPS_REGION_ADDR (self->region, (int) valid->x, (int) y);
      guint stride = (guint) self->image->Bands, n_bands = self->n_colours;

      if (self->luma)
        {
          seg_source_compute_luma (self, samples, valid->w);
          samples = self->luma_row;
          stride = n_bands = 1;
        }
      for (guint b = 0; b < view->n_blocks; b++)
        for (gint32 lane = 0; lane < view->blocks[b].n_channels; lane++)
          {
            guint channel = (guint) (view->blocks[b].channel + lane);
            guint band = n_bands == 1 ? 0 : channel;

            bad = seg_source_fill_row (self, channel, samples + band * sample_bytes, stride,
                                       valid->w, seg_view_at (view, b, 0, y, valid->x) + lane,
                                       view->blocks[b].lanes);
            if (bad >= 0)
              {
                g_set_error (error, SEG_ERROR, SEG_ERROR_NUMERIC,
                             "%s: the pixel in column %" G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
                             " is not a finite number",
                             self->name, valid->x + bad, y);
                return FALSE;
              }
          }
    }
  return TRUE;
}

/**
 * seg_source_copy_colour_row:
 * @self: a source
 * @y: a row of what was fetched last, which was as wide as the image
 * @rgb: (out caller-allocates): three bytes for each pixel
 *
 * The image to look at: of 16 bits the upper 8, of floats the range 0…1, of many bands the
 * first three.
 */
void
seg_source_copy_colour_row (SegSource *self, gint64 y, guint8 *rgb)
{
  gconstpointer samples = VIPS_REGION_ADDR (self->region, 0, (int) y);
  guint stride = (guint) self->image->Bands;
  guint step = self->n_colours >= 3 ? 1 : 0; /* grey: the same band three times */

  for (gint64 i = 0; i < self->image->Xsize; i++)
    for (guint c = 0; c < 3; c++)
      {
        gint64 at = i * stride + c * step;

        switch (self->image->BandFmt)
          {
          case VIPS_FORMAT_UCHAR:
            *rgb++ = ((const guint8 *) samples)[at];
            break;
          case VIPS_FORMAT_USHORT:
            *rgb++ = (guint8) (((const guint16 *) samples)[at] >> 8);
            break;
          default:
            /* so that NaN, in a row that the network need not read, is black */
            *rgb++ = (guint8) (fminf (fmaxf (((const float *) samples)[at], 0.f), 1.f) * 255.f + 0.5f);
          }
      }
}
