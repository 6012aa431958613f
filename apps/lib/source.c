/* What a model sees of an image.
 *
 * - Kinds of image: image-kind.c has by then made them 8-bit, 16-bit or float, grey, RGB or bands.
 * - Samples: 8-bit counts as 0…255, 16-bit as 0…65535, both scaled to 0…1; float as it is, and
 *   NaN or infinity is an error.
 * - Bands: as many as the model has channels, and they are taken as they are. Otherwise an alpha
 *   band is dropped, not blended: a model knows no background. (Where nobody says how many channels
 *   there should be, a TIFF's last band is alpha only if the file says so.) Then grey is repeated
 *   for three channels, and red, green and blue become one as Rec. 601 luma, rounded as Pillow's "L"
 *   is. Anything else is refused.
 * - Several files: their bands follow each other, each file without what it says is alpha, and by
 *   the range of its own samples; there must be as many as the model has channels.
 * - ICC profiles are not applied: models are trained on the numbers in the file.
 *
 * A channel is then (value − mean) / std in float32, for integers from a table: the same bits
 * in every way of running. */
#include <math.h>

#include <segkit/memory.h>

#include "image-file.h"
#include "source.h"
#include "units.h"
#include "vips-error.h"
#include "warning.h"

/* Models expect floats of 0…1; above this somebody has forgotten to divide by 255. */
#define SEG_SOURCE_LARGE 2.f

/* One of its files. */
typedef struct
{
  const char *name;
  VipsImage *image;
  VipsRegion *region;   /* what was fetched */
  guint first;          /* channel */
  guint n_colours;      /* bands without alpha, unless a channel is to be made of it */
  gboolean last_untold; /* the last band would be alpha, if the file said so */
  guint n_values;       /* of an integer sample, 0 for float */
  gboolean warned;      /* of floats that are too large */
} SegSourceFile;

struct _SegSource
{
  char **names;
  GArray *files; /* SegSourceFile; their bands follow each other */
  SegImageMemory memory;
  guint channels;
  const float *mean, *std;
  SegModel *model; /* owns mean and std; NULL: nothing is normalised */
  float **tables;  /* for each channel what its integers count as, or NULL for float */
  gboolean luma;
  gpointer luma_row; /* of the image's format */
};

static SegSourceFile *
seg_source_get_file (SegSource *self, guint i)
{
  return &g_array_index (self->files, SegSourceFile, i);
}

static void
seg_source_file_count_bands (SegSourceFile *self)
{
  gboolean alpha = vips_image_hasalpha (self->image);

  self->last_untold
      = alpha && vips_image_get_typeof (self->image, SEG_IMAGE_FILE_UNTOLD) != 0;
  self->n_colours = (guint) self->image->Bands - (alpha && !self->last_untold ? 1 : 0);
}

static gboolean
seg_source_fail_bands (SegSource *self, GError **error)
{
  const SegSourceFile *first = seg_source_get_file (self, 0);
  gboolean hint = self->model != NULL && first->n_colours < self->channels;

  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: has %u band%s%s, and %s %u%s",
               first->name, first->n_colours, seg_units_plural (first->n_colours),
               first->n_colours < (guint) first->image->Bands ? " beside alpha" : "",
               self->model != NULL ? "the model takes" : "there should be", self->channels,
               hint ? "; for bands in several files there is --image-suffixes" : "");
  return FALSE;
}

/* Which bands of a single file become which channels. */
static gboolean
seg_source_match_bands (SegSource *self, GError **error)
{
  SegSourceFile *file = seg_source_get_file (self, 0);
  guint n_bands = (guint) file->image->Bands;

  if (n_bands == self->channels)
    file->n_colours = n_bands;
  else if (self->channels != 0 && file->last_untold)
    file->n_colours--;
  if (self->channels == 0)
    self->channels = file->n_colours;
  self->luma = file->n_colours == 3 && self->channels == 1;

  return file->n_colours == self->channels || self->luma
         || (file->n_colours == 1 && self->channels == 3) || seg_source_fail_bands (self, error);
}

/* Of several files all bands become channels, in order, and nothing is left over. */
static gboolean
seg_source_match_files (SegSource *self, GError **error)
{
  g_autoptr (GString) counts = g_string_new (NULL);
  guint n = 0;

  for (guint i = 0; i < self->files->len; i++)
    {
      SegSourceFile *file = seg_source_get_file (self, i);

      file->first = n;
      n += file->n_colours;
      g_string_append_printf (counts, "%s%u", i > 0 ? " + " : "", file->n_colours);
    }
  if (n == self->channels)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "%s: it and its other files have %s bands, and the model takes %u", self->names[0],
               counts->str, self->channels);
  return FALSE;
}

/* The file that has a channel. */
static SegSourceFile *
seg_source_find_file (SegSource *self, guint channel)
{
  guint i = self->files->len;

  while (i > 1 && seg_source_get_file (self, i - 1)->first > channel)
    i--;
  return seg_source_get_file (self, i - 1);
}

static float
seg_source_normalise (SegSource *self, guint channel, float value)
{
  return self->model != NULL ? (value - self->mean[channel]) / self->std[channel] : value;
}

static gboolean
seg_source_make_table (SegSource *self, guint channel, GError **error)
{
  guint n_values = seg_source_find_file (self, channel)->n_values;
  float *table;

  if (n_values == 0)
    return TRUE;
  table = seg_alloc (n_values, sizeof (float), "the values of samples", error);
  if (table == NULL)
    return FALSE;
  for (guint value = 0; value < n_values; value++)
    table[value] = seg_source_normalise (self, channel, (float) value / (float) (n_values - 1));
  self->tables[channel] = table;
  return TRUE;
}

static gboolean
seg_source_make_tables (SegSource *self, GError **error)
{
  const VipsImage *first = seg_source_get_file (self, 0)->image;

  if (self->luma)
    {
      self->luma_row = seg_alloc ((gsize) first->Xsize, VIPS_IMAGE_SIZEOF_ELEMENT (first),
                                  "a row of luma", error);
      if (self->luma_row == NULL)
        return FALSE;
    }
  self->tables = g_new0 (float *, self->channels);
  for (guint channel = 0; channel < self->channels; channel++)
    if (!seg_source_make_table (self, channel, error))
      return FALSE;
  return TRUE;
}

static gboolean
seg_source_open_file (SegSource *self, const char *name, gboolean random, GError **error)
{
  SegSourceFile file = { .name = name }, *first;

  file.image = seg_image_file_open (name, random, &self->memory, error);
  if (file.image == NULL)
    return FALSE;
  seg_source_file_count_bands (&file);
  if (file.image->BandFmt != VIPS_FORMAT_FLOAT)
    file.n_values = file.image->BandFmt == VIPS_FORMAT_UCHAR ? G_MAXUINT8 + 1 : G_MAXUINT16 + 1;
  file.region = vips_region_new (file.image);
  g_array_append_val (self->files, file);
  first = seg_source_get_file (self, 0);
  if (file.image->Xsize == first->image->Xsize && file.image->Ysize == first->image->Ysize)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE, "%s: has %d × %d pixels, and %s %d × %d", name,
               file.image->Xsize, file.image->Ysize, first->name, first->image->Xsize,
               first->image->Ysize);
  return FALSE;
}

static gboolean
seg_source_open (SegSource *self, const char *const *files, gboolean random, GError **error)
{
  self->names = g_strdupv ((char **) files);
  self->files = g_array_new (FALSE, FALSE, sizeof (SegSourceFile));
  for (char **name = self->names; *name != NULL; name++)
    if (!seg_source_open_file (self, *name, random, error))
      return FALSE;
  if (!(self->files->len == 1 ? seg_source_match_bands (self, error)
                              : seg_source_match_files (self, error)))
    return FALSE;
  if (!seg_source_make_tables (self, error))
    {
      g_prefix_error (error, "%s: ", self->names[0]);
      return FALSE;
    }
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
  for (guint i = 0; i < self->files->len; i++)
    {
      g_clear_object (&seg_source_get_file (self, i)->region);
      g_clear_object (&seg_source_get_file (self, i)->image);
    }
  for (guint channel = 0; self->tables != NULL && channel < self->channels; channel++)
    seg_free (self->tables[channel]);
  g_free (self->tables);
  g_array_unref (self->files);
  g_strfreev (self->names);
  g_clear_object (&self->model);
  seg_free (self->luma_row);
  g_free (self);
}

/**
 * seg_source_is_last_band_untold:
 * @self: a source
 *
 * Returns: of a source of one file whether the last band is one that other images have for alpha,
 *   while the file does not say what it is
 */
gboolean
seg_source_is_last_band_untold (SegSource *self)
{
  return seg_source_get_file (self, 0)->last_untold;
}

/**
 * seg_source_get_name:
 * @self: a source
 *
 * Returns: what messages call the image: its first file
 */
const char *
seg_source_get_name (SegSource *self)
{
  return self->names[0];
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
  const VipsImage *image = seg_source_get_file (self, 0)->image;
  int n_pages = vips_image_get_n_pages ((VipsImage *) image);
  g_autofree char *page = n_pages > 1 ? g_strdup_printf (", the first of %d pages", n_pages) : NULL;
  guint n_others = self->files->len - 1;
  g_autofree char *others = g_strdup_printf (", and %u more file%s", n_others,
                                             seg_units_plural (n_others));

  return g_strdup_printf ("%d × %d pixels, %d × %s%s%s", image->Xsize, image->Ysize, image->Bands,
                          vips_enum_nick (VIPS_TYPE_BAND_FORMAT, image->BandFmt),
                          page != NULL ? page : "", n_others > 0 ? others : "");
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
 * Returns: bits of a sample of the first file as it is read: 8, 16, or 32 for floats
 */
guint
seg_source_get_depth (SegSource *self)
{
  return 8 * (guint) VIPS_IMAGE_SIZEOF_ELEMENT (seg_source_get_file (self, 0)->image);
}

gint64
seg_source_get_width (SegSource *self)
{
  return seg_source_get_file (self, 0)->image->Xsize;
}

gint64
seg_source_get_height (SegSource *self)
{
  return seg_source_get_file (self, 0)->image->Ysize;
}

/**
 * seg_source_get_pixel_bytes:
 * @self: a source
 *
 * Returns: bytes of a pixel of all files while it is read
 */
gsize
seg_source_get_pixel_bytes (SegSource *self)
{
  gsize n = 0;

  for (guint i = 0; i < self->files->len; i++)
    n += VIPS_IMAGE_SIZEOF_PEL (seg_source_get_file (self, i)->image);
  return n;
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
  *xres = vips_image_get_xres (seg_source_get_file (self, 0)->image);
  *yres = vips_image_get_yres (seg_source_get_file (self, 0)->image);
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

  for (guint i = 0; i < self->files->len; i++)
    {
      SegSourceFile *file = seg_source_get_file (self, i);

      if (vips_region_prepare (file->region, &area) != 0)
        {
          seg_vips_error (error, file->name, SEG_ERROR, SEG_ERROR_FORMAT);
          return FALSE;
        }
    }
  return TRUE;
}

/* Of three bands one, with the weights of Rec. 601; of integers in 16 bits of fraction, so that
 * grey stays the same grey. */
static void
seg_source_compute_luma (SegSource *self, gconstpointer pixels, gint64 n)
{
  const VipsImage *image = seg_source_get_file (self, 0)->image;
  guint stride = (guint) image->Bands;

#define SEG_SOURCE_LUMA(type)                                                                      \
  for (gint64 i = 0; i < n; i++)                                                                   \
    {                                                                                              \
      const type *p = (const type *) pixels + i * stride;                                          \
      ((type *) self->luma_row)[i] =                                                               \
          (type) ((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);                  \
    }

  switch (image->BandFmt)
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
seg_source_fill_floats (SegSource *self, SegSourceFile *file, guint channel, const float *samples,
                        guint stride, gint64 n, float *out, gint32 lanes)
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
  if (largest > SEG_SOURCE_LARGE && !file->warned && self->model != NULL)
    {
      seg_warning_print ("%s: has samples as large as %g; floats are taken as they are, and "
                         "models expect 0 to 1",
                         file->name, (double) largest);
      file->warned = TRUE;
    }
  return -1;
}

/* One channel of one row. Returns the first pixel that is not finite, or -1. */
static gint64
seg_source_fill_row (SegSource *self, SegSourceFile *file, guint channel, gconstpointer samples,
                     guint stride, gint64 n, float *out, gint32 lanes)
{
  const float *table = self->tables[channel];

  switch (file->image->BandFmt)
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
      return seg_source_fill_floats (self, file, channel, samples, stride, n, out, lanes);
    }
}

/* One channel of one row of the model's input. */
static gboolean
seg_source_fill_channel (SegSource *self, guint channel, const SegRect *row, float *out,
                         gint32 lanes, GError **error)
{
  SegSourceFile *file = seg_source_find_file (self, channel);
  const guint8 *samples = VIPS_REGION_ADDR (file->region, (int) row->x, (int) row->y);
  guint band = file->n_colours == 1 ? 0 : channel - file->first;
  guint stride = (guint) file->image->Bands;
  gint64 bad;

  if (self->luma)
    {
      seg_source_compute_luma (self, samples, row->w);
      samples = self->luma_row;
      stride = 1;
    }
  bad = seg_source_fill_row (self, file, channel,
                             samples + band * VIPS_IMAGE_SIZEOF_ELEMENT (file->image), stride,
                             row->w, out, lanes);
  if (bad < 0)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_NUMERIC,
               "%s: the pixel in column %" G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
               " is not a finite number",
               file->name, row->x + bad, row->y);
  return FALSE;
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
  SegRect row = view->valid;

  row.h = 1;
  for (; row.y < view->valid.y + view->valid.h; row.y++)
    for (guint b = 0; b < view->n_blocks; b++)
      for (gint32 lane = 0; lane < view->blocks[b].n_channels; lane++)
        if (!seg_source_fill_channel (self, (guint) (view->blocks[b].channel + lane), &row,
                                      seg_view_at (view, b, 0, row.y, row.x) + lane,
                                      view->blocks[b].lanes, error))
          return FALSE;
  return TRUE;
}

/* One band of one row, into every third byte. */
static void
seg_source_copy_band (const SegSourceFile *file, guint band, gint64 y, guint8 *out)
{
  gconstpointer samples = VIPS_REGION_ADDR (file->region, 0, (int) y);
  guint stride = (guint) file->image->Bands;

  for (gint64 i = 0, at = band; i < file->image->Xsize; i++, at += stride, out += 3)
    switch (file->image->BandFmt)
      {
      case VIPS_FORMAT_UCHAR:
        *out = ((const guint8 *) samples)[at];
        break;
      case VIPS_FORMAT_USHORT:
        *out = (guint8) (((const guint16 *) samples)[at] >> 8);
        break;
      default:
        /* so that NaN, in a row that the network need not read, is black */
        *out = (guint8) (fminf (fmaxf (((const float *) samples)[at], 0.f), 1.f) * 255.f + 0.5f);
      }
}

/**
 * seg_source_copy_colour_row:
 * @self: a source
 * @y: a row of what was fetched last, which was as wide as the image
 * @rgb: (out caller-allocates): three bytes for each pixel
 *
 * The image to look at: of 16 bits the upper 8, of floats the range 0…1, of many bands the
 * first three, of fewer the first one.
 */
void
seg_source_copy_colour_row (SegSource *self, gint64 y, guint8 *rgb)
{
  guint n_colours = 0;

  for (guint i = 0; i < self->files->len; i++)
    n_colours += seg_source_get_file (self, i)->n_colours;
  for (guint c = 0; c < 3; c++)
    {
      guint colour = n_colours >= 3 ? c : 0; /* grey: the same band three times */
      const SegSourceFile *file = seg_source_find_file (self, colour);

      seg_source_copy_band (file, colour - file->first, y, rgb + c);
    }
}
