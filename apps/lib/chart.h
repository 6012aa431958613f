#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegChartSeries:
 * @name: for the legend, UTF-8
 * @values: (array): one for each x; where it is NaN, the line goes straight on to the next
 */
typedef struct
{
  const char *name;
  const double *values;
} SegChartSeries;

/**
 * SegChart:
 * @title: above it
 * @x_title: what x is
 * @x: (array length=n): growing whole numbers
 * @n: points
 * @series: (array length=n_series): at most four lines
 * @n_series: how many
 * @from_zero: whether 0 is the bottom
 * @mark: which of the points a line is drawn through; %G_MAXUINT: none
 *
 * Curves. Colours are those of the classes `s0` to `s3` of the page's style sheet.
 */
typedef struct
{
  const char *title, *x_title;
  const double *x;
  guint n;
  const SegChartSeries *series;
  guint n_series;
  gboolean from_zero;
  guint mark;
} SegChart;

void seg_chart_print       (const SegChart *self, GString *out);
void seg_chart_print_spark (const double *values, guint n, GString *out);

G_END_DECLS
