/* The tables of a report: what is said of each class, and which class was taken for which. */
#include <math.h>
#include <string.h>

#include "chart.h"
#include "html.h"
#include "train-report-private.h"
#include "units.h"

/* With more classes the matrix has no room for counts, which are then in tooltips only. */
#define SEG_TRAIN_REPORT_MAX_COUNTS 12

/* Behind a number in a table, a bar of its length. */
static void
seg_train_report_print_share (double value, gboolean bar, GString *out)
{
  if (isnan (value))
    g_string_append (out, "<td class=\"none\">–</td>");
  else if (bar)
    g_string_append_printf (out,
                            "<td class=\"bar\"><i><i style=\"width:%.1f%%\"></i></i>"
                            "<b>%.3f</b></td>",
                            100 * value, value);
  else
    g_string_append_printf (out, "<td>%.3f</td>", value);
}

static void
seg_train_report_print_name (const SegClass *class, GString *out)
{
  g_string_append_printf (out,
                          "<th scope=\"row\"><i class=\"swatch\" "
                          "style=\"background:#%02x%02x%02x\"></i>",
                          class->red, class->green, class->blue);
  seg_html_append (out, class->name);
  g_string_append (out, "</th>");
}

static void
seg_train_report_print_history (SegTrainLog *log, guint class, GString *out)
{
  guint n = seg_train_log_get_n_rows (log);
  g_autofree double *values = g_new (double, n);

  for (guint i = 0; i < n; i++)
    values[i] = seg_train_log_get_row (log, i)->iou[class];
  g_string_append (out, "<td>");
  seg_chart_print_spark (values, n, out);
  g_string_append (out, "</td>");
}

static void
seg_train_report_print_means (const SegMetrics *metrics, guint first, const char *name,
                              gboolean history, GString *out)
{
  g_string_append (out, "<tr class=\"mean\"><th scope=\"row\">");
  seg_html_append (out, name);
  g_string_append (out, "</th><td></td>");
  for (guint m = 0; m < SEG_N_METRICS; m++)
    seg_train_report_print_share (seg_metrics_get_mean (metrics, m, first), m == 0, out);
  g_string_append (out, history ? "<td></td></tr>\n" : "</tr>\n");
}

/**
 * _seg_train_report_print_classes: (skip)
 * @metrics: of all pixels
 * @model: has the classes
 * @log: (nullable): where their past is
 * @out: a page
 *
 * Appends a table with a row for each class, and their means.
 */
void
_seg_train_report_print_classes (const SegMetrics *metrics, SegModel *model, SegTrainLog *log,
                                 GString *out)
{
  guint n = seg_metrics_get_n_classes (metrics);
  gboolean history =
      log != NULL && seg_train_log_get_n_rows (log) > 1 && seg_train_log_get_n_classes (log) == n;
  double n_pixels = (double) seg_metrics_get_n_pixels (metrics);

  g_string_append (out, "<div class=\"wide\"><table class=\"classes\"><thead><tr><th>class</th>"
                        "<th>share of pixels</th>");
  for (guint m = 0; m < SEG_N_METRICS; m++)
    g_string_append_printf (out, "<th>%s</th>", seg_metric_get_name (m));
  g_string_append (out, history ? "<th>IoU in training</th></tr></thead>\n<tbody>\n"
                                : "</tr></thead>\n<tbody>\n");
  for (guint i = 0; i < n; i++)
    {
      SegMetricsTally tally = seg_metrics_get_tally (metrics, i);

      g_string_append (out, "<tr>");
      seg_train_report_print_name (seg_model_get_class (model, i), out);
      g_string_append_printf (out, "<td>%.2f %%</td>",
                              n_pixels > 0 ? 100. * (double) (tally.tp + tally.fn) / n_pixels : 0.);
      for (guint m = 0; m < SEG_N_METRICS; m++)
        seg_train_report_print_share (seg_metrics_get (metrics, m, i), m == 0, out);
      if (history)
        seg_train_report_print_history (log, i, out);
      g_string_append (out, "</tr>\n");
    }
  seg_train_report_print_means (metrics, 0, "mean", history, out);
  if (n > 2)
    {
      g_autofree char *name =
          g_strdup_printf ("mean without %s", seg_model_get_class (model, 0)->name);

      seg_train_report_print_means (metrics, 1, name, history, out);
    }
  g_string_append (out, "</tbody></table></div>\n");
}

/* In groups of three digits, with thin spaces between them. */
static void
seg_train_report_print_count (guint64 count, GString *out)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, count);
  gsize n = strlen (digits);

  for (gsize i = 0; i < n; i++)
    {
      if (i > 0 && (n - i) % 3 == 0)
        g_string_append (out, "\u202f");
      g_string_append_c (out, digits[i]);
    }
}

/* Blue is right and orange is wrong, the more the stronger. */
static void
seg_train_report_print_cell (guint64 count, guint64 row, gboolean right, gboolean with_count,
                             GString *out)
{
  double share = row > 0 ? (double) count / (double) row : 0;
  guint alpha = count > 0 ? (guint) (60 + 860 * share) : 0; /* small shares must not vanish */

  g_string_append_printf (
      out, "<td class=\"%s\" style=\"--a:0.%03u\" title=\"%" G_GUINT64_FORMAT " pixel%s\">",
      alpha > 500 ? right ? "right strong" : "wrong strong"
      : right     ? "right"
                  : "wrong",
      alpha, count, seg_units_plural (count));
  if (count == 0)
    {
      g_string_append (out, "·</td>");
      return;
    }
  if (share < 0.0005)
    g_string_append (out, "&lt;0.1");
  else
    g_string_append_printf (out, "%.1f", 100 * share);
  if (with_count)
    {
      g_string_append (out, "<small>");
      seg_train_report_print_count (count, out);
      g_string_append (out, "</small>");
    }
  g_string_append (out, "</td>");
}

/**
 * _seg_train_report_print_confusion: (skip)
 * @metrics: of all pixels
 * @model: has the classes
 * @out: a page
 *
 * Appends the confusion matrix, in percent of each true class.
 */
void
_seg_train_report_print_confusion (const SegMetrics *metrics, SegModel *model, GString *out)
{
  guint n = seg_metrics_get_n_classes (metrics);

  g_string_append_printf (out,
                          "<div class=\"wide\"><table class=\"confusion%s\"><thead><tr>"
                          "<th>truth ↓ · prediction →</th>",
                          n > SEG_TRAIN_REPORT_MAX_COUNTS ? " dense" : "");
  for (guint j = 0; j < n; j++)
    {
      g_string_append (out, "<th scope=\"col\"><span>");
      seg_html_append (out, seg_model_get_class (model, j)->name);
      g_string_append (out, "</span></th>");
    }
  g_string_append (out, "</tr></thead>\n<tbody>\n");
  for (guint i = 0; i < n; i++)
    {
      SegMetricsTally tally = seg_metrics_get_tally (metrics, i);

      g_string_append (out, "<tr>");
      seg_train_report_print_name (seg_model_get_class (model, i), out);
      for (guint j = 0; j < n; j++)
        seg_train_report_print_cell (seg_metrics_get_count (metrics, i, j), tally.tp + tally.fn,
                                     i == j, n <= SEG_TRAIN_REPORT_MAX_COUNTS, out);
      g_string_append (out, "</tr>\n");
    }
  g_string_append (out, "</tbody></table></div>\n");
}
