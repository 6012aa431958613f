#pragma once

#include <segkit/model.h>

#include "metrics.h"
#include "train-log.h"

G_BEGIN_DECLS

/**
 * SegTrainReport:
 *
 * A page about a training run, in one HTML file that needs nothing else: no network, no scripts.
 */
typedef struct _SegTrainReport SegTrainReport;

/**
 * SegTrainReportSample:
 * @name: of the sample, any bytes
 * @remark: (nullable): what it is an example of
 * @metrics: of its pixels
 * @image: planes, scaled as `segment` scales them
 * @n_bands: planes
 * @height: rows
 * @width: columns
 * @truth: the class of each pixel; those that are no class count in nothing
 * @predicted: the class that the network gave each
 *
 * An image to look at, and what should have been and was found in it.
 */
typedef struct
{
  const char *name, *remark;
  const SegMetrics *metrics;
  const float *image;
  gint64 n_bands, height, width;
  const guint16 *truth;
  const guint8 *predicted;
} SegTrainReportSample;

SegTrainReport *seg_train_report_new         (const char *title, SegModel *model);
void            seg_train_report_free        (SegTrainReport *self);
void            seg_train_report_add_fact    (SegTrainReport *self, const char *section,
                                              const char *name, const char *format, ...)
                                              G_GNUC_PRINTF (4, 5);
void            seg_train_report_add_machine (SegTrainReport *self, guint n_threads);
void            seg_train_report_set_log     (SegTrainReport *self, SegTrainLog *log, guint best);
void            seg_train_report_set_metrics (SegTrainReport *self, const SegMetrics *metrics,
                                              const char *of);
void            seg_train_report_set_recipe  (SegTrainReport *self, const char *recipe);
gboolean        seg_train_report_add_sample  (SegTrainReport *self,
                                              const SegTrainReportSample *sample, GError **error);
gboolean        seg_train_report_write       (SegTrainReport *self, const char *path,
                                              GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTrainReport, seg_train_report_free)

G_END_DECLS
