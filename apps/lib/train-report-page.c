/* The page of a report, from its head to its foot. What there is nothing of is left out. */
#include <math.h>

#include "chart.h"
#include "html.h"
#include "train-report-private.h"

static void seg_train_report_print_tile (GString *out, const char *name, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
seg_train_report_print_tile (GString *out, const char *name, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_string_append (out, "<div><b>");
  seg_html_append (out, text);
  g_string_append (out, "</b><span>");
  seg_html_append (out, name);
  g_string_append (out, "</span></div>\n");
}

static char *
seg_train_report_dup_time (double seconds)
{
  gint64 minutes = (gint64) (seconds / 60 + 0.5);

  if (seconds < 60)
    return g_strdup_printf ("%.0f s", seconds);
  if (minutes < 60)
    return g_strdup_printf ("%" G_GINT64_FORMAT " min", minutes);
  return g_strdup_printf ("%" G_GINT64_FORMAT " h %02" G_GINT64_FORMAT " min", minutes / 60,
                          minutes % 60);
}

static void
seg_train_report_print_run_tiles (SegTrainReport *self, GString *out)
{
  guint n = seg_train_log_get_n_rows (self->log);
  const SegTrainLogRow *last = n > 0 ? seg_train_log_get_row (self->log, n - 1) : NULL;
  const SegTrainLogRow *best =
      self->best < n ? seg_train_log_get_row (self->log, self->best) : NULL;
  g_autofree char *time = NULL;

  if (last == NULL)
    return;
  time = seg_train_report_dup_time (last->seconds);
  if (best != NULL && last->epoch > 0)
    seg_train_report_print_tile (out, "best epoch", "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
                                 best->epoch, last->epoch);
  seg_train_report_print_tile (out, "steps", "%" G_GUINT64_FORMAT, last->step);
  seg_train_report_print_tile (out, "of training", "%s", time);
}

static void
seg_train_report_print_tiles (SegTrainReport *self, GString *out)
{
  static const SegMetric shown[] = { SEG_METRIC_IOU, SEG_METRIC_DICE };

  g_string_append (out, "<div class=\"tiles\">\n");
  for (guint i = 0; self->metrics != NULL && i < G_N_ELEMENTS (shown); i++)
    {
      double mean = seg_metrics_get_mean (self->metrics, shown[i], 0);
      g_autofree char *name = g_strdup_printf ("mean %s", seg_metric_get_name (shown[i]));

      if (!isnan (mean))
        seg_train_report_print_tile (out, name, "%.3f", mean);
    }
  if (self->metrics != NULL && seg_metrics_get_n_pixels (self->metrics) > 0)
    seg_train_report_print_tile (out, "of the pixels right", "%.1f %%",
                                 100 * seg_metrics_get_pixel_accuracy (self->metrics));
  if (self->log != NULL)
    seg_train_report_print_run_tiles (self, out);
  g_string_append (out, "</div>\n");
}

/* A column of the log. */
static double *
seg_train_report_dup_column (SegTrainReport *self, gsize offset)
{
  guint n = seg_train_log_get_n_rows (self->log);
  double *values = g_new (double, n);

  for (guint i = 0; i < n; i++)
    values[i] = G_STRUCT_MEMBER (double, seg_train_log_get_row (self->log, i), offset);
  return values;
}

/* Epochs, where each row is one. */
static gboolean
seg_train_report_counts_epochs (SegTrainReport *self)
{
  guint64 epoch = 0;

  for (guint i = 0; i < seg_train_log_get_n_rows (self->log); i++)
    {
      guint64 next = seg_train_log_get_row (self->log, i)->epoch;

      if (next <= epoch)
        return FALSE;
      epoch = next;
    }
  return TRUE;
}

static void
seg_train_report_print_charts (SegTrainReport *self, GString *out)
{
  guint n = seg_train_log_get_n_rows (self->log);
  gboolean epochs = seg_train_report_counts_epochs (self);
  g_autofree double *x = g_new (double, n);
#define SEG_TRAIN_REPORT_COLUMN(name)                                                              \
  g_autofree double *name =                                                                        \
      seg_train_report_dup_column (self, G_STRUCT_OFFSET (SegTrainLogRow, name))
  SEG_TRAIN_REPORT_COLUMN (train_loss);
  SEG_TRAIN_REPORT_COLUMN (validation_loss);
  SEG_TRAIN_REPORT_COLUMN (mean_iou);
  SEG_TRAIN_REPORT_COLUMN (mean_dice);
  SEG_TRAIN_REPORT_COLUMN (accuracy);
  SEG_TRAIN_REPORT_COLUMN (rate);
  SEG_TRAIN_REPORT_COLUMN (images_per_second);
#undef SEG_TRAIN_REPORT_COLUMN
  const SegChartSeries losses[] = { { "training", train_loss }, { "validation", validation_loss } };
  const SegChartSeries metrics[] = { { "mean IoU", mean_iou },
                                     { "mean Dice", mean_dice },
                                     { "pixel accuracy", accuracy } };
  const SegChartSeries rates[] = { { "learning rate", rate } };
  const SegChartSeries speeds[] = { { "images per second", images_per_second } };
  SegChart chart = { .x_title = epochs ? "epoch" : "step", .x = x, .n = n, .mark = self->best };

  for (guint i = 0; i < n; i++)
    {
      const SegTrainLogRow *row = seg_train_log_get_row (self->log, i);
      x[i] = (double) (epochs ? row->epoch : row->step);
    }
#define SEG_TRAIN_REPORT_CHART(heading, lines)                                                     \
  chart.title = heading;                                                                           \
  chart.series = lines;                                                                            \
  chart.n_series = G_N_ELEMENTS (lines);                                                           \
  seg_chart_print (&chart, out)
  g_string_append (out, "<h2>Training</h2>\n<div class=\"charts\">\n");
  SEG_TRAIN_REPORT_CHART ("Loss", losses);
  SEG_TRAIN_REPORT_CHART ("Validation images", metrics);
  chart.from_zero = TRUE;
  SEG_TRAIN_REPORT_CHART ("Learning rate", rates);
  SEG_TRAIN_REPORT_CHART ("Speed", speeds);
#undef SEG_TRAIN_REPORT_CHART
  g_string_append (out, "</div>\n");
  if (self->best < n)
    g_string_append (out, "<p class=\"muted\">The dashed line is where the model that was kept "
                          "comes from.</p>\n");
}

static void
seg_train_report_print_metrics (SegTrainReport *self, GString *out)
{
  g_string_append (out, "<h2>Classes</h2>\n<p class=\"muted\">Of ");
  seg_html_append (out, self->metrics_of);
  g_string_append (out, ", all pixels together. A class that is neither in the truth nor in the "
                        "prediction has no numbers and counts in no mean.</p>\n");
  _seg_train_report_print_classes (self->metrics, self->model, self->log, out);
  g_string_append (out, "<h2>What was taken for what</h2>\n<p class=\"muted\">In percent of the "
                        "pixels of each true class, with their number.</p>\n");
  _seg_train_report_print_confusion (self->metrics, self->model, out);
}

static void
seg_train_report_print_samples (SegTrainReport *self, GString *out)
{
  g_string_append (out, "<h2>Images</h2>\n<p class=\"key\">");
  for (guint i = 0; i < seg_model_get_n_classes (self->model); i++)
    {
      const SegClass *class = seg_model_get_class (self->model, i);

      g_string_append_printf (out,
                              "<span><i class=\"swatch\" style=\"background:#%02x%02x%02x\"></i>",
                              class->red, class->green, class->blue);
      seg_html_append (out, class->name);
      g_string_append (out, "</span>\n");
    }
  g_string_append (out, "<span><i class=\"swatch\" style=\"background:#d62828\"></i>wrong</span>\n"
                        "<span><i class=\"swatch\" style=\"background:#7896c8\"></i>not counted"
                        "</span></p>\n");
  g_string_append_len (out, self->samples->str, (gssize) self->samples->len);
}

static void
seg_train_report_print_facts (SegTrainReport *self, GString *out)
{
  g_string_append (out, "<h2>How it was made</h2>\n<div class=\"facts\">\n");
  for (guint i = 0; i < self->sections->len; i++)
    {
      const SegTrainReportSection *section = self->sections->pdata[i];

      g_string_append (out, "<section><h3>");
      seg_html_append (out, section->title);
      g_string_append_printf (out, "</h3><dl>\n%s</dl></section>\n", section->rows->str);
    }
  g_string_append (out, "</div>\n");
}

/* Lines are kept, and what is no text is shown as such. */
static void
seg_train_report_print_recipe (SegTrainReport *self, GString *out)
{
  g_auto (GStrv) lines = g_strsplit (self->recipe, "\n", -1);

  g_string_append (out, "<h2>Recipe</h2>\n<pre>");
  for (char **line = lines; *line != NULL; line++)
    {
      seg_html_append (out, *line);
      g_string_append_c (out, '\n');
    }
  g_string_append (out, "</pre>\n");
}

/**
 * _seg_train_report_print_page: (skip)
 * @self: a report
 * @out: gets the page
 */
void
_seg_train_report_print_page (SegTrainReport *self, GString *out)
{
  g_string_append (out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                        "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>");
  seg_html_append (out, self->title);
  g_string_append_printf (out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>",
                          _seg_train_report_style);
  seg_html_append (out, self->title);
  g_string_append (out, "</h1>\n");
  seg_train_report_print_tiles (self, out);
  if (self->log != NULL && seg_train_log_get_n_rows (self->log) > 0)
    seg_train_report_print_charts (self, out);
  if (self->metrics != NULL)
    seg_train_report_print_metrics (self, out);
  if (self->samples->len > 0)
    seg_train_report_print_samples (self, out);
  if (self->sections->len > 0)
    seg_train_report_print_facts (self, out);
  if (self->recipe != NULL)
    seg_train_report_print_recipe (self, out);
  g_string_append (out, "<footer>segkit " SEGKIT_VERSION "</footer>\n</body>\n</html>\n");
}
