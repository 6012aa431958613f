/* What the parts of a report share. */
#pragma once

#include "train-report.h"

typedef struct
{
  char *title;
  GString *rows; /* of a description list */
} SegTrainReportSection;

struct _SegTrainReport
{
  char *title;
  SegModel *model;
  SegTrainLog *log; /* NULL: none */
  guint best;       /* row of it */
  SegMetrics *metrics; /* NULL: none */
  char *metrics_of;
  GPtrArray *sections; /* of SegTrainReportSection */
  GString *samples;
  char *recipe;
};

/* The page's styles. */
extern const char _seg_train_report_style[];

void     _seg_train_report_print_page      (SegTrainReport *self, GString *out);
void     _seg_train_report_print_classes   (const SegMetrics *metrics, SegModel *model,
                                            SegTrainLog *log, GString *out);
void     _seg_train_report_print_confusion (const SegMetrics *metrics, SegModel *model,
                                            GString *out);
gboolean _seg_train_report_print_sample    (const SegTrainReportSample *sample, SegModel *model,
                                            GString *out, GError **error);
