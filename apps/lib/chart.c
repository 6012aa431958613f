/* Curves as SVG within a page of HTML. */
#include <math.h>

#include "chart.h"
#include "html.h"

/* In units of the drawing, which the page scales. */
#define SEG_CHART_WIDTH 560.
#define SEG_CHART_HEIGHT 250.
#define SEG_CHART_LEFT 52.
#define SEG_CHART_RIGHT 16.
#define SEG_CHART_TOP 14.
#define SEG_CHART_BOTTOM 40.

/* More points have no tooltips: nobody could hit them. */
#define SEG_CHART_MAX_DOTS 120

#define SEG_SPARK_WIDTH 96.
#define SEG_SPARK_HEIGHT 20.

typedef struct
{
  double min, max, step; /* step between ticks */
} SegChartAxis;

/* About @n_ticks of 1, 2 or 5 times a power of ten, the outer ones around all values. */
static SegChartAxis
seg_chart_axis (double min, double max, guint n_ticks, double least_step)
{
  static const double steps[] = { 1, 2, 5, 10 };
  double raw, power;
  SegChartAxis axis = { 0 };

  if (!(max > min))
    {
      double room = MAX (fabs (min) * 0.1, 1e-6);
      min -= room;
      max += room;
    }
  raw = (max - min) / n_ticks;
  power = pow (10, floor (log10 (raw)));
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    if ((axis.step = steps[i] * power) >= raw * 0.999)
      break;
  axis.step = MAX (axis.step, least_step);
  axis.min = floor (min / axis.step + 1e-9) * axis.step;
  axis.max = ceil (max / axis.step - 1e-9) * axis.step;
  return axis;
}

static double
seg_chart_place (const SegChartAxis *axis, double value, double from, double to)
{
  return from + (value - axis->min) / (axis->max - axis->min) * (to - from);
}

static double
seg_chart_x (const SegChartAxis *axis, double value)
{
  return seg_chart_place (axis, value, SEG_CHART_LEFT, SEG_CHART_WIDTH - SEG_CHART_RIGHT);
}

static double
seg_chart_y (const SegChartAxis *axis, double value)
{
  return seg_chart_place (axis, value, SEG_CHART_HEIGHT - SEG_CHART_BOTTOM, SEG_CHART_TOP);
}

/* With a point, whatever the locale. */
static void
seg_chart_print_number (GString *out, const char *format, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (out, g_ascii_formatd (text, sizeof text, format, value));
}

static void
seg_chart_print_attribute (GString *out, const char *name, double value)
{
  g_string_append_printf (out, " %s=\"", name);
  seg_chart_print_number (out, "%.1f", value);
  g_string_append_c (out, '"');
}

static void
seg_chart_print_line (GString *out, const char *class, double x1, double y1, double x2, double y2)
{
  g_string_append_printf (out, "<line class=\"%s\"", class);
  seg_chart_print_attribute (out, "x1", x1);
  seg_chart_print_attribute (out, "y1", y1);
  seg_chart_print_attribute (out, "x2", x2);
  seg_chart_print_attribute (out, "y2", y2);
  g_string_append (out, "/>\n");
}

static void
seg_chart_print_tick (GString *out, const char *anchor, double x, double y, double value)
{
  g_string_append (out, "<text");
  seg_chart_print_attribute (out, "x", x);
  seg_chart_print_attribute (out, "y", y);
  g_string_append_printf (out, " text-anchor=\"%s\">", anchor);
  seg_chart_print_number (out, "%.6g", value);
  g_string_append (out, "</text>\n");
}

static void
seg_chart_print_axes (const SegChart *self, const SegChartAxis *x, const SegChartAxis *y,
                      GString *out)
{
  double bottom = SEG_CHART_HEIGHT - SEG_CHART_BOTTOM;
  double right = SEG_CHART_WIDTH - SEG_CHART_RIGHT;

  for (guint i = 0; y->min + i * y->step < y->max + y->step / 2; i++)
    {
      double value = y->min + i * y->step;
      double at = seg_chart_y (y, value);

      if (fabs (value) < y->step * 1e-9)
        value = 0; /* what rounding has left of it */
      seg_chart_print_line (out, i == 0 ? "axis" : "grid", SEG_CHART_LEFT, at, right, at);
      seg_chart_print_tick (out, "end", SEG_CHART_LEFT - 7, at + 4, value);
    }
  for (double value = ceil (x->min / x->step) * x->step; value <= x->max; value += x->step)
    seg_chart_print_tick (out, "middle", seg_chart_x (x, value), bottom + 17, value);
  g_string_append (out, "<text text-anchor=\"middle\"");
  seg_chart_print_attribute (out, "x", (SEG_CHART_LEFT + right) / 2);
  seg_chart_print_attribute (out, "y", SEG_CHART_HEIGHT - 5);
  g_string_append_c (out, '>');
  seg_html_append (out, self->x_title);
  g_string_append (out, "</text>\n");
}

static void
seg_chart_print_dot (const SegChart *self, guint series, guint i, double x, double y, GString *out)
{
  g_string_append (out, "<circle r=\"2.5\"");
  seg_chart_print_attribute (out, "cx", x);
  seg_chart_print_attribute (out, "cy", y);
  g_string_append (out, "><title>");
  seg_html_append (out, self->series[series].name);
  g_string_append_c (out, ' ');
  seg_chart_print_number (out, "%.5g", self->series[series].values[i]);
  g_string_append (out, ", ");
  seg_html_append (out, self->x_title);
  g_string_append_c (out, ' ');
  seg_chart_print_number (out, "%.15g", self->x[i]);
  g_string_append (out, "</title></circle>\n");
}

static void
seg_chart_print_series (const SegChart *self, guint s, const SegChartAxis *x, const SegChartAxis *y,
                        GString *out)
{
  const double *values = self->series[s].values;

  g_string_append_printf (out, "<g class=\"s%u\"><polyline points=\"", s);
  for (guint i = 0; i < self->n; i++)
    if (isfinite (values[i]))
      {
        seg_chart_print_number (out, "%.1f", seg_chart_x (x, self->x[i]));
        g_string_append_c (out, ',');
        seg_chart_print_number (out, "%.1f ", seg_chart_y (y, values[i]));
      }
  g_string_append (out, "\"/>\n");
  for (guint i = 0; i < self->n && self->n <= SEG_CHART_MAX_DOTS; i++)
    if (isfinite (values[i]))
      seg_chart_print_dot (self, s, i, seg_chart_x (x, self->x[i]), seg_chart_y (y, values[i]),
                           out);
  g_string_append (out, "</g>\n");
}

/* The last number of each line is what one wants to know first. */
static void
seg_chart_print_legend (const SegChart *self, GString *out)
{
  g_string_append (out, "<p class=\"legend\">");
  for (guint s = 0; s < self->n_series; s++)
    {
      guint last = self->n;

      g_string_append_printf (out, "<span class=\"s%u\"><i></i>", s);
      seg_html_append (out, self->series[s].name);
      while (last > 0 && !isfinite (self->series[s].values[last - 1]))
        last--;
      if (last > 0)
        {
          g_string_append (out, " <b>");
          seg_chart_print_number (out, "%.3g", self->series[s].values[last - 1]);
          g_string_append (out, "</b>");
        }
      g_string_append (out, "</span> ");
    }
  g_string_append (out, "</p>\n");
}

/* Returns %FALSE where no value is a number. */
static gboolean
seg_chart_get_range (const SegChart *self, double *min, double *max)
{
  *min = INFINITY;
  *max = -INFINITY;
  for (guint s = 0; s < self->n_series; s++)
    for (guint i = 0; i < self->n; i++)
      if (isfinite (self->series[s].values[i]))
        {
          *min = MIN (*min, self->series[s].values[i]);
          *max = MAX (*max, self->series[s].values[i]);
        }
  return *min <= *max;
}

/**
 * seg_chart_print:
 * @self: curves
 * @out: a page
 *
 * Appends a `figure`; nothing where there is nothing to be drawn.
 */
void
seg_chart_print (const SegChart *self, GString *out)
{
  double min, max;
  SegChartAxis x, y;

  if (!seg_chart_get_range (self, &min, &max))
    return;
  y = seg_chart_axis (self->from_zero ? MIN (min, 0) : min, max, 5, 0);
  x = seg_chart_axis (self->x[0], self->x[self->n - 1], 8, 1);
  /* the curves fill the width */
  x.min = self->n > 1 ? self->x[0] : self->x[0] - 1;
  x.max = MAX (self->x[self->n - 1], x.min + 1);

  g_string_append (out, "<figure class=\"chart\"><figcaption>");
  seg_html_append (out, self->title);
  g_string_append (out, "</figcaption>\n");
  seg_chart_print_legend (self, out);
  g_string_append_printf (out, "<svg viewBox=\"0 0 %g %g\" role=\"img\">\n", SEG_CHART_WIDTH,
                          SEG_CHART_HEIGHT);
  seg_chart_print_axes (self, &x, &y, out);
  if (self->mark < self->n)
    {
      double at = seg_chart_x (&x, self->x[self->mark]);

      seg_chart_print_line (out, "mark", at, SEG_CHART_TOP, at,
                            SEG_CHART_HEIGHT - SEG_CHART_BOTTOM);
    }
  for (guint s = 0; s < self->n_series; s++)
    seg_chart_print_series (self, s, &x, &y, out);
  g_string_append (out, "</svg></figure>\n");
}

/**
 * seg_chart_print_spark:
 * @values: (array length=n): 0 to 1, or NaN
 * @n: points
 * @out: a page
 *
 * Appends a line the size of a word.
 */
void
seg_chart_print_spark (const double *values, guint n, GString *out)
{
  g_string_append_printf (out,
                          "<svg class=\"spark\" viewBox=\"0 0 %g %g\"><g class=\"s0\">"
                          "<polyline points=\"",
                          SEG_SPARK_WIDTH, SEG_SPARK_HEIGHT);
  for (guint i = 0; i < n; i++)
    if (isfinite (values[i]))
      {
        double share = n > 1 ? (double) i / (n - 1) : 1;

        seg_chart_print_number (out, "%.1f", 1 + share * (SEG_SPARK_WIDTH - 2));
        g_string_append_c (out, ',');
        seg_chart_print_number (out, "%.1f ", (1 - values[i]) * (SEG_SPARK_HEIGHT - 2) + 1);
      }
  g_string_append (out, "\"/></g></svg>");
}
