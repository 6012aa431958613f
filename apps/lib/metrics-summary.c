/* Metrics as nnU-Net's `summary.json` has them, so that what reads one reads the other.
 *
 * As there, "mean" of a class is the mean over the images in which it has the metric, every image
 * counting the same, and "foreground_mean" that over the classes but the background; a class
 * that was in no image is left out of it, where nnU-Net's would become NaN. Where nnU-Net writes
 * NaN, which is no JSON, there is null. Beyond nnU-Net's, "pooled" has the metrics of all pixels
 * together, which do not favour small images, and their confusion matrix. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include <segkit/atomic-file.h>

#include "metrics.h"
#include "path.h"

/* What nnU-Net writes of a class, in its order. */
typedef enum
{
  SEG_SUMMARY_DICE,
  SEG_SUMMARY_FN,
  SEG_SUMMARY_FP,
  SEG_SUMMARY_IOU,
  SEG_SUMMARY_TN,
  SEG_SUMMARY_TP,
  SEG_SUMMARY_N_PRED,
  SEG_SUMMARY_N_REF,
  SEG_N_SUMMARIES,
} SegSummary;

static const char *const seg_summary_names[SEG_N_SUMMARIES] = {
  "Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref",
};

typedef struct
{
  double values[SEG_N_SUMMARIES];
} SegSummaryRow;

static SegSummaryRow
seg_summary_row_new (const SegMetrics *metrics, guint class)
{
  SegMetricsTally tally = seg_metrics_get_tally (metrics, class);

  return (SegSummaryRow){ {
      [SEG_SUMMARY_DICE] = seg_metrics_get (metrics, SEG_METRIC_DICE, class),
      [SEG_SUMMARY_FN] = (double) tally.fn,
      [SEG_SUMMARY_FP] = (double) tally.fp,
      [SEG_SUMMARY_IOU] = seg_metrics_get (metrics, SEG_METRIC_IOU, class),
      [SEG_SUMMARY_TN] = (double) tally.tn,
      [SEG_SUMMARY_TP] = (double) tally.tp,
      [SEG_SUMMARY_N_PRED] = (double) (tally.tp + tally.fp),
      [SEG_SUMMARY_N_REF] = (double) (tally.tp + tally.fn),
  } };
}

/* The mean of each value over the rows that have it. */
static SegSummaryRow
seg_summary_row_mean (const SegSummaryRow *rows, guint n)
{
  SegSummaryRow mean;

  for (guint v = 0; v < SEG_N_SUMMARIES; v++)
    {
      double sum = 0;
      guint n_with = 0;

      for (guint i = 0; i < n; i++)
        if (!isnan (rows[i].values[v]))
          {
            sum += rows[i].values[v];
            n_with++;
          }
      mean.values[v] = n_with > 0 ? sum / n_with : NAN;
    }
  return mean;
}

static json_t *
seg_summary_pack_number (double value)
{
  return isnan (value) ? json_null () : json_real (value);
}

/* Pixels are a whole number, unless they are a mean. */
static json_t *
seg_summary_pack_count (double value)
{
  return value == floor (value) ? json_integer ((json_int_t) value)
                                : seg_summary_pack_number (value);
}

static json_t *
seg_summary_pack_row (const SegSummaryRow *row)
{
  json_t *object = json_object ();

  for (guint v = 0; v < SEG_N_SUMMARIES; v++)
    json_object_set_new (object, seg_summary_names[v],
                         v == SEG_SUMMARY_DICE || v == SEG_SUMMARY_IOU
                             ? seg_summary_pack_number (row->values[v])
                             : seg_summary_pack_count (row->values[v]));
  return object;
}

/* {"0": …, "1": …} */
static json_t *
seg_summary_pack_case (const SegCase *result)
{
  g_autofree char *image = seg_path_escape (result->image);
  g_autofree char *mask = seg_path_escape (result->mask);
  json_t *classes = json_object ();

  for (guint i = 0; i < seg_metrics_get_n_classes (result->metrics); i++)
    {
      SegSummaryRow row = seg_summary_row_new (result->metrics, i);
      g_autofree char *key = g_strdup_printf ("%u", i);

      json_object_set_new (classes, key, seg_summary_pack_row (&row));
    }
  return json_pack ("{s:o, s:s, s:n, s:s, s:o}", "metrics", classes, "image_file", image,
                    "prediction_file", "reference_file", mask, "loss",
                    seg_summary_pack_number (result->loss));
}

static json_t *
seg_summary_pack_pooled_class (const SegMetrics *metrics, guint class, const char *name)
{
  json_t *object = json_pack ("{s:s}", "name", name);

  for (guint m = 0; m < SEG_N_METRICS; m++)
    json_object_set_new (object, seg_metric_get_name (m),
                         seg_summary_pack_number (seg_metrics_get (metrics, m, class)));
  return object;
}

static json_t *
seg_summary_pack_pooled (const SegMetrics *metrics, const char *const *class_names)
{
  guint n = seg_metrics_get_n_classes (metrics);
  json_t *classes = json_object (), *mean = json_object (), *matrix = json_array ();

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);
      json_t *row = json_array ();

      for (guint j = 0; j < n; j++)
        json_array_append_new (row,
                               json_integer ((json_int_t) seg_metrics_get_count (metrics, i, j)));
      json_array_append_new (matrix, row);
      json_object_set_new (classes, key,
                           seg_summary_pack_pooled_class (metrics, i, class_names[i]));
    }
  for (guint m = 0; m < SEG_N_METRICS; m++)
    json_object_set_new (mean, seg_metric_get_name (m),
                         seg_summary_pack_number (seg_metrics_get_mean (metrics, m, 0)));
  return json_pack ("{s:o, s:o, s:o, s:o}", "pixel_accuracy",
                    seg_summary_pack_number (seg_metrics_get_pixel_accuracy (metrics)), "mean",
                    mean, "classes", classes, "confusion", matrix);
}

/* Of each class the mean over all cases, and of these the mean but for the background's. */
static void
seg_summary_pack_means (json_t *root, GPtrArray *cases, guint n_classes)
{
  g_autofree SegSummaryRow *means = g_new (SegSummaryRow, n_classes);
  g_autofree SegSummaryRow *rows = g_new (SegSummaryRow, cases->len);
  json_t *object = json_object ();
  SegSummaryRow foreground;

  for (guint i = 0; i < n_classes; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      for (guint c = 0; c < cases->len; c++)
        rows[c] = seg_summary_row_new (((SegCase *) cases->pdata[c])->metrics, i);
      means[i] = seg_summary_row_mean (rows, cases->len);
      json_object_set_new (object, key, seg_summary_pack_row (&means[i]));
    }
  foreground = seg_summary_row_mean (means + 1, n_classes - 1);
  json_object_set_new (root, "foreground_mean", seg_summary_pack_row (&foreground));
  json_object_set_new (root, "mean", object);
}

/**
 * seg_case_free:
 * @self: (nullable): a case
 */
void
seg_case_free (SegCase *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->image);
  g_free (self->mask);
  seg_metrics_free (self->metrics);
  g_free (self);
}

/**
 * seg_metrics_write_summary:
 * @self: metrics of all pixels
 * @cases: (element-type SegCase): what they are made of
 * @class_names: of each class
 * @tta: (nullable): what the file is to say of test-time augmentation
 * @path: a JSON file
 * @error: return location
 *
 * Writes a file like nnU-Net's `summary.json`, whole or not at all.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_metrics_write_summary (const SegMetrics *self, GPtrArray *cases, const char *const *class_names,
                           const char *tta, const char *path, GError **error)
{
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (path, error);
  json_t *root, *list;
  char *text;
  gboolean ok;

  if (file == NULL)
    return FALSE;
  root = json_object ();
  list = json_array ();
  seg_summary_pack_means (root, cases, seg_metrics_get_n_classes (self));
  for (guint i = 0; i < cases->len; i++)
    json_array_append_new (list, seg_summary_pack_case (cases->pdata[i]));
  json_object_set_new (root, "metric_per_case", list);
  json_object_set_new (root, "pooled", seg_summary_pack_pooled (self, class_names));
  if (tta != NULL)
    json_object_set_new (root, "tta", json_string (tta));

  text = json_dumps (root, JSON_INDENT (2) | JSON_REAL_PRECISION (15));
  ok = seg_atomic_file_write (file, text, strlen (text), error)
       && seg_atomic_file_write (file, "\n", 1, error) && seg_atomic_file_commit (file, error);
  free (text);
  json_decref (root);
  return ok;
}
