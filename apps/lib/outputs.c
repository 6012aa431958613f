#include <math.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/memory.h>

#include "drawing.h"
#include "outputs.h"
#include "writer.h"

/* So many rows that the network need not wait for a saver that takes its rows in strips. */
#define SEG_OUTPUTS_AHEAD 64
/* So many rows does libvips hold on their way into a tiled TIFF, as measured with three of them;
 * into a PNG it holds less. */
#define SEG_OUTPUTS_SAVER_ROWS 820

typedef enum
{
  SEG_OUTPUT_EXACT = 1 << 0,  /* pixels are numbers: what changes one is refused */
  SEG_OUTPUT_IMAGE = 1 << 1,  /* shows the image */
  SEG_OUTPUT_COLOUR = 1 << 2, /* red, green and blue */
} SegOutputFlags;

static const struct
{
  const char *option;
  SegOutputFlags flags;
} seg_output_kinds[SEG_N_OUTPUTS] = {
  [SEG_OUTPUT_LABELS] = { "output", SEG_OUTPUT_EXACT },
  [SEG_OUTPUT_COLORS] = { "colors", SEG_OUTPUT_COLOUR },
  [SEG_OUTPUT_OVERLAY] = { "overlay", SEG_OUTPUT_COLOUR | SEG_OUTPUT_IMAGE },
  [SEG_OUTPUT_OUTLINES] = { "outlines", SEG_OUTPUT_COLOUR | SEG_OUTPUT_IMAGE },
  [SEG_OUTPUT_PROBABILITIES] = { "probabilities", SEG_OUTPUT_EXACT },
};

struct _SegOutputs
{
  SegWriter *writers[SEG_N_OUTPUTS]; /* NULL: not wanted */
  SegClassifier *classifier;
  SegColours colours;
  gint64 width;
  guint probability_bits;
  gpointer row;  /* what is pushed, of any kind */
  guint8 *older; /* for outlines: labels of the last row but one, and of the last */
  guint8 *last;
  guint8 *last_image;
  guint64 n_pushed;
};

/**
 * seg_output_kind_get_option:
 * @kind: of an output
 *
 * Returns: the long name of the option that asks for it
 */
const char *
seg_output_kind_get_option (SegOutputKind kind)
{
  return seg_output_kinds[kind].option;
}

/* A PNG has samples of 8 or 16 bits, and a second band would be its alpha. */
static gboolean
seg_outputs_check_probabilities (SegOutputs *self, guint bits, GError **error)
{
  SegWriter *writer = self->writers[SEG_OUTPUT_PROBABILITIES];
  guint n_classes = seg_classifier_get_n_classes (self->classifier);
  gboolean tiff = writer != NULL && seg_writer_takes_floats (writer);

  self->probability_bits = bits != 0 ? bits : tiff ? 32 : 8;
  if (writer == NULL || tiff)
    return TRUE;
  if (n_classes > 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: has room for the probability of one class, not %u: choose one with "
                 "--classes, or write a .tif file",
                 seg_writer_get_name (writer), n_classes);
  else if (self->probability_bits == 32)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: cannot hold floats: ask for --probability-bits 8 or 16, or write a .tif file",
                 seg_writer_get_name (writer));
  else
    return TRUE;
  return FALSE;
}

/**
 * seg_outputs_new:
 * @names: of files, or %NULL: that kind is not wanted
 * @model: has the colours
 * @classifier: (transfer none): says what is in a row; must outlive the outputs
 * @probability_bits: 32: floats 0…1; 8 or 16: integers up to 255 or 65535; 0: 32 in a TIFF, 8
 *   elsewhere
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_UNSUPPORTED`; `G_OPTION_ERROR` where a file cannot
 * hold the probabilities.
 */
SegOutputs *
seg_outputs_new (char *const names[SEG_N_OUTPUTS], SegModel *model, SegClassifier *classifier,
                 guint probability_bits, GError **error)
{
  g_autoptr (SegOutputs) self = g_new0 (SegOutputs, 1);

  self->classifier = classifier;
  seg_colours_init (&self->colours, model);
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    {
      if (names[i] == NULL)
        continue;
      self->writers[i] = seg_writer_new (names[i], seg_output_kinds[i].flags & SEG_OUTPUT_EXACT,
                                         error);
      if (self->writers[i] == NULL)
        return NULL;
    }
  return seg_outputs_check_probabilities (self, probability_bits, error) ? g_steal_pointer (&self)
                                                                         : NULL;
}

/**
 * seg_outputs_free:
 * @self: outputs; those that were not committed vanish
 */
void
seg_outputs_free (SegOutputs *self)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    g_clear_pointer (&self->writers[i], seg_writer_free);
  seg_free (self->row);
  seg_free (self->older);
  seg_free (self->last);
  seg_free (self->last_image);
  g_free (self);
}

/**
 * seg_outputs_get_file:
 * @self: outputs
 * @kind: one of them
 *
 * Returns: (nullable): the name of its file, without options
 */
const char *
seg_outputs_get_file (SegOutputs *self, SegOutputKind kind)
{
  return self->writers[kind] != NULL ? seg_writer_get_name (self->writers[kind]) : NULL;
}

gboolean
seg_outputs_want_image (SegOutputs *self)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL && seg_output_kinds[i].flags & SEG_OUTPUT_IMAGE)
      return TRUE;
  return FALSE;
}

gboolean
seg_outputs_want_probabilities (SegOutputs *self)
{
  return self->writers[SEG_OUTPUT_PROBABILITIES] != NULL;
}

static guint
seg_outputs_get_bands (SegOutputs *self, SegOutputKind kind)
{
  if (kind == SEG_OUTPUT_PROBABILITIES)
    return seg_classifier_get_n_classes (self->classifier);
  return seg_output_kinds[kind].flags & SEG_OUTPUT_COLOUR ? 3 : 1;
}

static guint
seg_outputs_get_bits (SegOutputs *self, SegOutputKind kind)
{
  return kind == SEG_OUTPUT_PROBABILITIES ? self->probability_bits : 8;
}

/**
 * seg_outputs_predict_bytes:
 * @self: outputs
 * @width: of the image
 * @height: of the image
 *
 * Returns: about how much memory they will take
 */
gsize
seg_outputs_predict_bytes (SegOutputs *self, gint64 width, gint64 height)
{
  gsize n_rows = (gsize) MIN (height, SEG_OUTPUTS_AHEAD + SEG_OUTPUTS_SAVER_ROWS), bytes = 0;

  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL)
      bytes += (gsize) width * n_rows * seg_outputs_get_bands (self, i)
               * (seg_outputs_get_bits (self, i) / 8);
  return bytes;
}

/**
 * seg_outputs_open:
 * @self: outputs
 * @error: return location
 *
 * Makes the temporary files, so that what is wrong with a folder shows before hours of work.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_outputs_open (SegOutputs *self, GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL && !seg_writer_open (self->writers[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
seg_outputs_start_writer (SegOutputs *self, SegOutputKind kind, const SegOutputsFormat *format,
                          GCancellable *cancellable, GError **error)
{
  SegWriterFormat writer_format = {
    .width = format->width,
    .height = format->height,
    .bands = seg_outputs_get_bands (self, kind),
    .bits = seg_outputs_get_bits (self, kind),
    .xres = format->xres,
    .yres = format->yres,
    .ahead = MIN (format->height, SEG_OUTPUTS_AHEAD),
    .stamp = format->stamp,
  };

  return seg_writer_start (self->writers[kind], &writer_format, cancellable, error);
}

static gboolean
seg_outputs_alloc (SegOutputs *self, GError **error)
{
  gsize width = (gsize) self->width;
  gsize pixel_bytes
      = MAX (3, (gsize) seg_classifier_get_n_classes (self->classifier) * sizeof (float));

  if ((self->row = seg_alloc (width, pixel_bytes, "a row to write", error)) == NULL)
    return FALSE;
  return self->writers[SEG_OUTPUT_OUTLINES] == NULL
         || ((self->older = seg_alloc (width, 1, "a row of labels", error)) != NULL
             && (self->last = seg_alloc (width, 1, "a row of labels", error)) != NULL
             && (self->last_image = seg_alloc (width, 3, "a row of the picture", error)) != NULL);
}

/**
 * seg_outputs_start:
 * @self: open outputs
 * @image: the image's name, for messages
 * @format: of the image
 * @cancellable: stops them
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`, `G_IO_ERROR`.
 */
gboolean
seg_outputs_start (SegOutputs *self, const char *image, const SegOutputsFormat *format,
                   GCancellable *cancellable, GError **error)
{
  self->width = format->width;
  if (!seg_outputs_alloc (self, error))
    {
      g_prefix_error (error, "%s: ", image);
      return FALSE;
    }
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL
        && !seg_outputs_start_writer (self, i, format, cancellable, error))
      return FALSE;
  return TRUE;
}

/* What of 0…1 a file's samples can hold, to the nearest. NaN, which only a network that was let
 * through with one can give, is 0. */
static void
seg_outputs_scale (SegOutputs *self, const float *probabilities)
{
  gsize n = (gsize) self->width * seg_classifier_get_n_classes (self->classifier);

  switch (self->probability_bits)
    {
    case 8:
      for (gsize i = 0; i < n; i++)
        ((guint8 *) self->row)[i]
            = isnan (probabilities[i]) ? 0 : (guint8) (probabilities[i] * G_MAXUINT8 + 0.5f);
      break;
    case 16:
      for (gsize i = 0; i < n; i++)
        ((guint16 *) self->row)[i]
            = isnan (probabilities[i]) ? 0 : (guint16) (probabilities[i] * G_MAXUINT16 + 0.5f);
      break;
    default:
      memcpy (self->row, probabilities, n * sizeof (float));
    }
}

/* The outlines of a row need the row below, so they are one row behind. */
static gboolean
seg_outputs_push_outlines (SegOutputs *self, const guint8 *below, GError **error)
{
  seg_draw_outlines (&self->colours, self->n_pushed > 1 ? self->older : NULL, self->last, below,
                     self->last_image, self->width, self->row);
  return seg_writer_push (self->writers[SEG_OUTPUT_OUTLINES], self->row, error);
}

static void
seg_outputs_remember (SegOutputs *self, const guint8 *labels, const guint8 *image)
{
  guint8 *oldest = self->older;

  self->older = self->last;
  self->last = oldest;
  memcpy (self->last, labels, (gsize) self->width);
  memcpy (self->last_image, image, 3 * (gsize) self->width);
}

static gboolean
seg_outputs_push_kind (SegOutputs *self, SegOutputKind kind, const guint8 *labels,
                       const guint8 *image, const float *probabilities, GError **error)
{
  gconstpointer row = self->row;

  switch (kind)
    {
    case SEG_OUTPUT_LABELS:
      row = labels;
      break;
    case SEG_OUTPUT_COLORS:
      seg_draw_colors (&self->colours, labels, self->width, self->row);
      break;
    case SEG_OUTPUT_OVERLAY:
      seg_draw_overlay (&self->colours, labels, image, self->width, self->row);
      break;
    case SEG_OUTPUT_OUTLINES:
      if (self->n_pushed > 0 && !seg_outputs_push_outlines (self, labels, error))
        return FALSE;
      seg_outputs_remember (self, labels, image);
      return TRUE;
    case SEG_OUTPUT_PROBABILITIES:
      seg_outputs_scale (self, probabilities);
      break;
    default:
      g_return_val_if_reached (FALSE);
    }
  return seg_writer_push (self->writers[kind], row, error);
}

/**
 * seg_outputs_push:
 * @self: started outputs
 * @labels: the next row of labels
 * @image: (nullable): the same row of the image in red, green and blue, if it is wanted
 * @probabilities: (nullable): the same row of the classifier's, if they are wanted
 * @error: return location
 *
 * Waits where writing is slower than computing.
 * Errors: `G_IO_ERROR`, of this row or one before.
 */
gboolean
seg_outputs_push (SegOutputs *self, const guint8 *labels, const guint8 *image,
                  const float *probabilities, GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL
        && !seg_outputs_push_kind (self, i, labels, image, probabilities, error))
      return FALSE;
  self->n_pushed++;
  return TRUE;
}

/**
 * seg_outputs_finish:
 * @self: outputs that all rows have been pushed to
 * @error: return location
 *
 * Waits until all is written, still under temporary names.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_outputs_finish (SegOutputs *self, GError **error)
{
  if (self->writers[SEG_OUTPUT_OUTLINES] != NULL && !seg_outputs_push_outlines (self, NULL, error))
    return FALSE;
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL && !seg_writer_finish (self->writers[i], error))
      return FALSE;
  return TRUE;
}

/**
 * seg_outputs_commit:
 * @self: finished outputs
 * @error: return location
 *
 * Gives the files their names, one after the other: where one fails, those before it have theirs.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_outputs_commit (SegOutputs *self, GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (self->writers[i] != NULL && !seg_writer_commit (self->writers[i], error))
      return FALSE;
  return TRUE;
}
