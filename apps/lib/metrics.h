#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegMetric:
 * @SEG_METRIC_IOU: TP / (TP + FP + FN), the Jaccard index
 * @SEG_METRIC_DICE: 2 TP / (2 TP + FP + FN), the F1 score
 * @SEG_METRIC_PRECISION: TP / (TP + FP)
 * @SEG_METRIC_RECALL: TP / (TP + FN), the sensitivity
 * @SEG_METRIC_SPECIFICITY: TN / (TN + FP)
 * @SEG_METRIC_ACCURACY: (TP + TN) / all
 * @SEG_N_METRICS: how many there are
 *
 * What is said of a class, from its pixels that were found (TP), claimed wrongly (FP), missed
 * (FN) and rightly left to others (TN).
 */
typedef enum
{
  SEG_METRIC_IOU,
  SEG_METRIC_DICE,
  SEG_METRIC_PRECISION,
  SEG_METRIC_RECALL,
  SEG_METRIC_SPECIFICITY,
  SEG_METRIC_ACCURACY,
  SEG_N_METRICS,
} SegMetric;

/**
 * SegMetricsTally:
 * @tp: pixels of the class that were found
 * @fp: pixels of other classes that were taken for it
 * @fn: pixels of the class that were taken for others
 * @tn: all others
 */
typedef struct
{
  guint64 tp, fp, fn, tn;
} SegMetricsTally;

/**
 * SegMetrics:
 *
 * How often which class was taken for which: a confusion matrix that pixels stream into, and
 * what is read from it.
 */
typedef struct _SegMetrics SegMetrics;

/**
 * SegCase:
 * @name: of the sample
 * @image: its (first) file
 * @mask: the file with the truth
 * @metrics: of its pixels
 * @loss: of its pixels; NaN where no loss was asked for
 *
 * A sample that was evaluated.
 */
typedef struct
{
  char *name, *image, *mask;
  SegMetrics *metrics;
  double loss;
} SegCase;

const char *seg_metric_get_name     (SegMetric metric);

SegMetrics *seg_metrics_new         (guint n_classes);
void        seg_metrics_free        (SegMetrics *self);
void        seg_metrics_add         (SegMetrics *self, const guint16 *truth,
                                     const guint8 *predicted, gsize n);
void        seg_metrics_join        (SegMetrics *self, const SegMetrics *other);

guint       seg_metrics_get_n_classes (const SegMetrics *self);
guint64     seg_metrics_get_count   (const SegMetrics *self, guint truth, guint predicted);
guint64     seg_metrics_get_n_pixels (const SegMetrics *self);
SegMetricsTally seg_metrics_get_tally (const SegMetrics *self, guint class);
double      seg_metrics_get         (const SegMetrics *self, SegMetric metric, guint class);
double      seg_metrics_get_mean    (const SegMetrics *self, SegMetric metric, guint first_class);
double      seg_metrics_get_pixel_accuracy (const SegMetrics *self);

void        seg_metrics_print       (const SegMetrics *self, const char *const *class_names,
                                     GString *out);

void        seg_case_free           (SegCase *self);
gboolean    seg_metrics_write_summary (const SegMetrics *self, GPtrArray *cases,
                                       const char *const *class_names, const char *tta,
                                       const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegMetrics, seg_metrics_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegCase, seg_case_free)

G_END_DECLS
