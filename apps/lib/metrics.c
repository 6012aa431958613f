/* Of the confusion matrix of some pixels, the measures that papers report.
 *
 * Quotients of nothing by nothing:
 *
 * - A class that is neither in the truth nor in the prediction has no measures: they are NaN, and
 *   left out of means (as nnU-Net does). A perfect prediction of an image without the class is
 *   thus neither rewarded nor punished.
 * - Where a class is in only one of them, IoU and Dice are 0; so is the precision of a class that
 *   was never predicted, and the recall of one that was not there to be found (as scikit-learn).
 *   Otherwise a network would raise its mean precision by never naming a rare class.
 * - The specificity of a class that all pixels belong to is NaN.
 *
 * Counts are whole numbers: metrics of parts, joined in any order, are those of the whole, bit
 * for bit. */
#include <math.h>
#include <string.h>

#include "metrics.h"
#include "table.h"
#include "units.h"

struct _SegMetrics
{
  guint n_classes;
  guint64 *counts; /* truth × predicted */
};

/**
 * seg_metric_get_name:
 * @metric: one of them
 *
 * Returns: how people call it, such as "Dice"
 */
const char *
seg_metric_get_name (SegMetric metric)
{
  static const char *const names[SEG_N_METRICS] = {
    "IoU", "Dice", "precision", "recall", "specificity", "accuracy",
  };

  g_return_val_if_fail (metric < SEG_N_METRICS, NULL);
  return names[metric];
}

/**
 * seg_metrics_new:
 * @n_classes: 2 to 256; of a network with one logit, 2
 *
 * Returns: (transfer full): metrics of no pixels
 */
SegMetrics *
seg_metrics_new (guint n_classes)
{
  SegMetrics *self;

  g_return_val_if_fail (n_classes >= 2 && n_classes <= 256, NULL);

  self = g_new0 (SegMetrics, 1);
  self->n_classes = n_classes;
  self->counts = g_new0 (guint64, (gsize) n_classes * n_classes);
  return self;
}

void
seg_metrics_free (SegMetrics *self)
{
  g_free (self->counts);
  g_free (self);
}

/**
 * seg_metrics_add:
 * @self: metrics
 * @truth: the class of each pixel; those that are no class, as `SEG_TARGET_IGNORE`, do not count
 * @predicted: what it was taken for, below the number of classes
 * @n: pixels
 */
void
seg_metrics_add (SegMetrics *self, const guint16 *truth, const guint8 *predicted, gsize n)
{
  guint n_classes = self->n_classes;

  for (gsize i = 0; i < n; i++)
    if (truth[i] < n_classes && predicted[i] < n_classes)
      self->counts[truth[i] * n_classes + predicted[i]]++;
}

/**
 * seg_metrics_join:
 * @self: metrics
 * @other: metrics of other pixels and as many classes, which are counted here, too
 */
void
seg_metrics_join (SegMetrics *self, const SegMetrics *other)
{
  g_return_if_fail (self->n_classes == other->n_classes);

  for (gsize i = 0; i < (gsize) self->n_classes * self->n_classes; i++)
    self->counts[i] += other->counts[i];
}

guint
seg_metrics_get_n_classes (const SegMetrics *self)
{
  return self->n_classes;
}

/**
 * seg_metrics_get_count:
 * @self: metrics
 * @truth: a class
 * @predicted: a class
 *
 * Returns: how many pixels of the one were taken for the other
 */
guint64
seg_metrics_get_count (const SegMetrics *self, guint truth, guint predicted)
{
  g_return_val_if_fail (truth < self->n_classes && predicted < self->n_classes, 0);
  return self->counts[truth * self->n_classes + predicted];
}

/**
 * seg_metrics_get_n_pixels:
 * @self: metrics
 *
 * Returns: how many pixels count
 */
guint64
seg_metrics_get_n_pixels (const SegMetrics *self)
{
  guint64 n = 0;

  for (gsize i = 0; i < (gsize) self->n_classes * self->n_classes; i++)
    n += self->counts[i];
  return n;
}

/**
 * seg_metrics_get_tally:
 * @self: metrics
 * @class: a class
 *
 * Returns: the pixels in four heaps, as the class sees them
 */
SegMetricsTally
seg_metrics_get_tally (const SegMetrics *self, guint class)
{
  SegMetricsTally tally = { 0 };

  g_return_val_if_fail (class < self->n_classes, tally);

  tally.tp = seg_metrics_get_count (self, class, class);
  for (guint i = 0; i < self->n_classes; i++)
    if (i != class)
      {
        tally.fp += seg_metrics_get_count (self, i, class);
        tally.fn += seg_metrics_get_count (self, class, i);
      }
  tally.tn = seg_metrics_get_n_pixels (self) - tally.tp - tally.fp - tally.fn;
  return tally;
}

static double
seg_metrics_divide (guint64 a, guint64 b, double otherwise)
{
  return b > 0 ? (double) a / (double) b : otherwise;
}

/**
 * seg_metrics_get:
 * @self: metrics
 * @metric: which
 * @class: of which class
 *
 * Returns: 0 to 1, or NaN for a class that is neither in the truth nor in the prediction; see the
 *   top of this file
 */
double
seg_metrics_get (const SegMetrics *self, SegMetric metric, guint class)
{
  SegMetricsTally tally = seg_metrics_get_tally (self, class);
  guint64 present = tally.tp + tally.fp + tally.fn;

  if (present == 0)
    return NAN;
  switch (metric)
    {
    case SEG_METRIC_IOU:
      return seg_metrics_divide (tally.tp, present, 0);
    case SEG_METRIC_DICE:
      return seg_metrics_divide (2 * tally.tp, present + tally.tp, 0);
    case SEG_METRIC_PRECISION:
      return seg_metrics_divide (tally.tp, tally.tp + tally.fp, 0);
    case SEG_METRIC_RECALL:
      return seg_metrics_divide (tally.tp, tally.tp + tally.fn, 0);
    case SEG_METRIC_SPECIFICITY:
      return seg_metrics_divide (tally.tn, tally.tn + tally.fp, NAN);
    case SEG_METRIC_ACCURACY:
      return seg_metrics_divide (tally.tp + tally.tn, present + tally.tn, 0);
    case SEG_N_METRICS:
      break;
    }
  g_return_val_if_reached (NAN);
}

/**
 * seg_metrics_get_mean:
 * @self: metrics
 * @metric: which
 * @first_class: 0: of all classes; 1: of all but the background
 *
 * Returns: the mean of the classes that have it; NaN if none has
 */
double
seg_metrics_get_mean (const SegMetrics *self, SegMetric metric, guint first_class)
{
  double sum = 0;
  guint n = 0;

  for (guint i = first_class; i < self->n_classes; i++)
    {
      double value = seg_metrics_get (self, metric, i);

      if (!isnan (value))
        {
          sum += value;
          n++;
        }
    }
  return n > 0 ? sum / n : NAN;
}

/**
 * seg_metrics_get_pixel_accuracy:
 * @self: metrics
 *
 * Returns: the share of pixels that got their class; NaN of no pixels
 */
double
seg_metrics_get_pixel_accuracy (const SegMetrics *self)
{
  guint64 right = 0;

  for (guint i = 0; i < self->n_classes; i++)
    right += seg_metrics_get_count (self, i, i);
  return seg_metrics_divide (right, seg_metrics_get_n_pixels (self), NAN);
}

static char *
seg_metrics_dup_number (double value)
{
  return isnan (value) ? g_strdup ("–") : g_strdup_printf ("%.4f", value);
}

/* @values are a metric each, @share is empty or of all pixels */
static void
seg_metrics_add_row (SegTable *table, const char *name, const char *share,
                     const double values[SEG_N_METRICS])
{
  char *cells[SEG_N_METRICS];

  for (guint m = 0; m < SEG_N_METRICS; m++)
    cells[m] = seg_metrics_dup_number (values[m]);
  seg_table_add (table, name, share, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5],
                 NULL);
  for (guint m = 0; m < SEG_N_METRICS; m++)
    g_free (cells[m]);
}

/**
 * seg_metrics_print:
 * @self: metrics
 * @class_names: of each class, UTF-8 of one line
 * @out: where to
 *
 * Appends a table for a terminal: a line for each class, one for their mean, one for the mean
 * without the background if there are several others, and the accuracy of all pixels.
 */
void
seg_metrics_print (const SegMetrics *self, const char *const *class_names, GString *out)
{
  g_autoptr (SegTable) table = seg_table_new ("lrrrrrrr");
  guint64 n_pixels = seg_metrics_get_n_pixels (self);
  g_autofree char *accuracy = seg_metrics_dup_number (seg_metrics_get_pixel_accuracy (self));
  double values[SEG_N_METRICS];

  G_STATIC_ASSERT (SEG_N_METRICS == 6);
  seg_table_add (table, "class", "share", "IoU", "Dice", "precision", "recall", "specificity",
                 "accuracy", NULL);
  for (guint i = 0; i < self->n_classes; i++)
    {
      SegMetricsTally tally = seg_metrics_get_tally (self, i);
      g_autofree char *share =
          g_strdup_printf ("%.2f %%", 100. * seg_metrics_divide (tally.tp + tally.fn, n_pixels, 0));

      for (guint m = 0; m < SEG_N_METRICS; m++)
        values[m] = seg_metrics_get (self, m, i);
      seg_metrics_add_row (table, class_names[i], share, values);
    }
  for (guint first = 0; first <= (self->n_classes > 2 ? 1 : 0); first++)
    {
      g_autofree char *name =
          first == 0 ? g_strdup ("mean") : g_strdup_printf ("mean without %s", class_names[0]);

      for (guint m = 0; m < SEG_N_METRICS; m++)
        values[m] = seg_metrics_get_mean (self, m, first);
      seg_metrics_add_row (table, name, "", values);
    }
  seg_table_print (table, 0, out);
  g_string_append_printf (out, "pixel accuracy %s of %" G_GUINT64_FORMAT " pixel%s\n", accuracy,
                          n_pixels, seg_units_plural (n_pixels));
}
