/* The pictures of a report: a sample's image, its truth, what was predicted, and where the two
 * differ; side by side, and small. They are drawn in full, if that is not large, and then shrunk,
 * so that thin lines become thinner and do not break. */
#include <math.h>
#include <string.h>
#include <vips/vips.h>

#include <segkit/error.h>
#include <segkit/memory.h>

#include "drawing.h"
#include "html.h"
#include "train-report-private.h"
#include "vips-error.h"

/* Sides of a picture: drawn, and on the page, which shows them at half the size at most. */
#define SEG_TRAIN_PICTURE_MAX_DRAWN 2048
#define SEG_TRAIN_PICTURE_MAX_SIDE 560

typedef enum
{
  SEG_TRAIN_PICTURE_IMAGE,
  SEG_TRAIN_PICTURE_TRUTH,
  SEG_TRAIN_PICTURE_PREDICTION,
  SEG_TRAIN_PICTURE_ERRORS,
  SEG_N_TRAIN_PICTURES,
} SegTrainPictureKind;

typedef struct
{
  const SegTrainReportSample *sample;
  SegColours colours;
  gint64 step;        /* every so many-th pixel is drawn */
  int width, height;  /* of what is drawn */
  float least, range; /* of the samples that are shown */
  guint8 *rgb;
} SegTrainPicture;

/* Of images that are all dark, as those of 12 bits in 16 are, or not of 0 to 1, what there is fills
 * the range. */
static void
seg_train_picture_measure (SegTrainPicture *self)
{
  const SegTrainReportSample *sample = self->sample;
  gsize n = (gsize) (sample->height * sample->width) * (sample->n_bands >= 3 ? 3 : 1);
  float least = INFINITY, greatest = -INFINITY;

  for (gsize i = 0; i < n; i++)
    if (isfinite (sample->image[i]))
      {
        least = fminf (least, sample->image[i]);
        greatest = fmaxf (greatest, sample->image[i]);
      }
  self->least = 0;
  self->range = 1;
  if (greatest > least && (least < 0 || greatest > 1 || greatest < 0.5f))
    {
      self->least = least;
      self->range = greatest - least;
    }
}

static guint8
seg_train_picture_get_byte (const SegTrainPicture *self, gint64 band, gsize at)
{
  const SegTrainReportSample *sample = self->sample;
  gsize plane = (gsize) (sample->height * sample->width);
  float value = sample->image[(gsize) band * plane + at];

  /* a NaN is black */
  return (guint8) (fminf (fmaxf ((value - self->least) / self->range, 0.f), 1.f) * 255.f + 0.5f);
}

static void
seg_train_picture_draw_image (const SegTrainPicture *self, gsize at, guint8 *rgb)
{
  for (gint64 c = 0; c < 3; c++)
    rgb[c] = seg_train_picture_get_byte (self, self->sample->n_bands >= 3 ? c : 0, at);
}

/* The image in light grey, what is wrong in red, and what does not count in blue. */
static void
seg_train_picture_draw_error (const SegTrainPicture *self, gsize at, guint8 *rgb)
{
  static const guint8 wrong[] = { 214, 40, 40 }, ignored[] = { 120, 150, 200 };
  guint16 truth = self->sample->truth[at];

  if (truth >= seg_metrics_get_n_classes (self->sample->metrics))
    memcpy (rgb, ignored, 3);
  else if (truth != self->sample->predicted[at])
    memcpy (rgb, wrong, 3);
  else
    {
      seg_train_picture_draw_image (self, at, rgb);
      memset (rgb, 175 + (rgb[0] + 2 * rgb[1] + rgb[2]) / 4 * 80 / 255, 3);
    }
}

static void
seg_train_picture_draw_class (const SegTrainPicture *self, guint16 class, guint8 *rgb)
{
  static const guint8 ignored[] = { 128, 128, 128 };

  memcpy (rgb,
          class < seg_metrics_get_n_classes (self->sample->metrics) ? self->colours.rgb[class]
                                                                    : ignored,
          3);
}

static void
seg_train_picture_draw (SegTrainPicture *self, SegTrainPictureKind kind)
{
  const SegTrainReportSample *sample = self->sample;
  guint8 *rgb = self->rgb;

  for (gint64 y = 0; y < self->height; y++)
    for (gint64 x = 0; x < self->width; x++, rgb += 3)
      {
        gsize at = (gsize) (y * self->step * sample->width + x * self->step);

        switch (kind)
          {
          case SEG_TRAIN_PICTURE_IMAGE:
            seg_train_picture_draw_image (self, at, rgb);
            break;
          case SEG_TRAIN_PICTURE_TRUTH:
            seg_train_picture_draw_class (self, sample->truth[at], rgb);
            break;
          case SEG_TRAIN_PICTURE_PREDICTION:
            seg_train_picture_draw_class (self, sample->predicted[at], rgb);
            break;
          default:
            seg_train_picture_draw_error (self, at, rgb);
          }
      }
}

/* What is drawn, as large as the page needs it. */
static VipsImage *
seg_train_picture_shrink (SegTrainPicture *self)
{
  double scale = (double) SEG_TRAIN_PICTURE_MAX_SIDE / MAX (self->width, self->height);
  gsize n_bytes = 3 * (gsize) self->width * (gsize) self->height;
  VipsImage *drawn = vips_image_new_from_memory (self->rgb, n_bytes, self->width, self->height, 3,
                                                 VIPS_FORMAT_UCHAR);
  VipsImage *coloured, *small;

  if (drawn == NULL
      || vips_copy (drawn, &coloured, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) != 0)
    coloured = NULL;
  g_clear_object (&drawn);
  if (coloured == NULL || scale >= 1)
    return coloured;
  if (vips_resize (coloured, &small, scale, "kernel", VIPS_KERNEL_LINEAR, NULL) != 0)
    small = NULL;
  g_object_unref (coloured);
  return small;
}

/* As a file's bytes: JPEG for what looks like a photograph, PNG for flat colours. */
static gboolean
seg_train_picture_save (SegTrainPicture *self, gboolean as_png, void **bytes, gsize *n)
{
  VipsImage *small = seg_train_picture_shrink (self);
  int result;

  if (small == NULL)
    return FALSE;
  result = as_png ? vips_pngsave_buffer (small, bytes, n, "compression", 9, NULL)
                  : vips_jpegsave_buffer (small, bytes, n, "Q", 88, NULL);
  g_object_unref (small);
  return result == 0;
}

static gboolean
seg_train_picture_print (SegTrainPicture *self, SegTrainPictureKind kind, GString *out,
                         GError **error)
{
  static const char *const names[SEG_N_TRAIN_PICTURES] = { "image", "truth", "prediction",
                                                           "errors" };
  gboolean as_png = kind == SEG_TRAIN_PICTURE_TRUTH || kind == SEG_TRAIN_PICTURE_PREDICTION;
  g_autofree char *text = NULL;
  void *bytes;
  gsize n;

  seg_train_picture_draw (self, kind);
  if (!seg_train_picture_save (self, as_png, &bytes, &n))
    {
      seg_vips_error (error, self->sample->name, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
      return FALSE;
    }
  text = g_base64_encode (bytes, n);
  g_free (bytes);
  g_string_append_printf (
      out,
      "<figure><img alt=\"%s\"%s src=\"data:image/%s;base64,%s\"/>"
      "<figcaption>%s</figcaption></figure>\n",
      names[kind],
      MAX (self->width, self->height) < SEG_TRAIN_PICTURE_MAX_SIDE / 2 ? " class=\"small\"" : "",
      as_png ? "png" : "jpeg", text, names[kind]);
  return TRUE;
}

static void
seg_train_picture_print_heading (const SegTrainReportSample *sample, GString *out)
{
  double dice = seg_metrics_get_mean (sample->metrics, SEG_METRIC_DICE, 0);
  double accuracy = seg_metrics_get_pixel_accuracy (sample->metrics);

  g_string_append (out, "<h3>");
  seg_html_append (out, sample->name);
  if (sample->remark != NULL)
    {
      g_string_append (out, " <span>");
      seg_html_append (out, sample->remark);
      g_string_append (out, "</span>");
    }
  g_string_append (out, "</h3><p class=\"muted\">");
  if (!isnan (dice))
    g_string_append_printf (out, "mean Dice %.3f, mean IoU %.3f, %.1f %% of the pixels right; ",
                            dice, seg_metrics_get_mean (sample->metrics, SEG_METRIC_IOU, 0),
                            100 * accuracy);
  g_string_append_printf (out, "%" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels</p>\n",
                          sample->width, sample->height);
}

/**
 * _seg_train_report_print_sample: (skip)
 * @sample: to be seen
 * @model: has the classes
 * @out: a page
 * @error: return location
 *
 * Appends four pictures.
 * Errors: `SEG_ERROR_MEMORY`, those of libvips.
 */
gboolean
_seg_train_report_print_sample (const SegTrainReportSample *sample, SegModel *model, GString *out,
                                GError **error)
{
  gint64 side = MAX (sample->width, sample->height);
  gint64 step = (side + SEG_TRAIN_PICTURE_MAX_DRAWN - 1) / SEG_TRAIN_PICTURE_MAX_DRAWN;
  SegTrainPicture self = {
    .sample = sample,
    .step = step,
    .width = (int) ((sample->width + step - 1) / step),
    .height = (int) ((sample->height + step - 1) / step),
  };
  gboolean ok;

  self.rgb = seg_alloc ((gsize) self.width * (gsize) self.height, 3, "a picture", error);
  if (self.rgb == NULL)
    return FALSE;
  seg_colours_init (&self.colours, model);
  seg_train_picture_measure (&self);
  g_string_append (out, "<section class=\"sample\">");
  seg_train_picture_print_heading (sample, out);
  g_string_append (out, "<div class=\"pictures\">\n");
  ok = TRUE;
  for (guint kind = 0; ok && kind < SEG_N_TRAIN_PICTURES; kind++)
    ok = seg_train_picture_print (&self, kind, out, error);
  g_string_append (out, "</div></section>\n");
  seg_free (self.rgb);
  return ok;
}
