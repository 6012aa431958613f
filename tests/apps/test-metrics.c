/* Metrics of hand-counted pixels, and of classes that are nowhere. */
#include <jansson.h>
#include <math.h>

#include <glib/gstdio.h>

#include "../../apps/lib/metrics.h"

#define IGNORE G_MAXUINT16

/* Of three classes:          predicted 0  1  2
 *                    truth 0           5  1  0
 *                          1           2  3  0
 *                          2           0  1  0   and two pixels that do not count. */
static SegMetrics *
new_example (void)
{
  static const guint16 truth[] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, IGNORE, IGNORE };
  static const guint8 predicted[] = { 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 2 };
  SegMetrics *metrics = seg_metrics_new (3);

  seg_metrics_add (metrics, truth, predicted, G_N_ELEMENTS (truth));
  return metrics;
}

static void
assert_values (const SegMetrics *metrics, guint class, const double expected[SEG_N_METRICS])
{
  for (guint m = 0; m < SEG_N_METRICS; m++)
    {
      double value = seg_metrics_get (metrics, m, class);

      if (isnan (expected[m]))
        g_assert_true (isnan (value));
      else
        g_assert_cmpfloat (value, ==, expected[m]);
    }
}

static void
test_by_hand (void)
{
  g_autoptr (SegMetrics) metrics = new_example ();
  SegMetricsTally tally = seg_metrics_get_tally (metrics, 1);

  g_assert_cmpuint (seg_metrics_get_n_pixels (metrics), ==, 12);
  g_assert_cmpuint (seg_metrics_get_count (metrics, 1, 0), ==, 2);
  g_assert_cmpuint (seg_metrics_get_count (metrics, 0, 1), ==, 1);
  g_assert_cmpuint (tally.tp, ==, 3);
  g_assert_cmpuint (tally.fp, ==, 2);
  g_assert_cmpuint (tally.fn, ==, 2);
  g_assert_cmpuint (tally.tn, ==, 5);
  /* IoU, Dice, precision, recall, specificity, accuracy */
  assert_values (metrics, 0, (double[]){ 5. / 8, 10. / 13, 5. / 7, 5. / 6, 4. / 6, 9. / 12 });
  assert_values (metrics, 1, (double[]){ 3. / 7, 6. / 10, 3. / 5, 3. / 5, 5. / 7, 8. / 12 });
  /* never predicted: its precision is 0, not left out */
  assert_values (metrics, 2, (double[]){ 0, 0, 0, 0, 11. / 11, 11. / 12 });
  g_assert_cmpfloat (seg_metrics_get_pixel_accuracy (metrics), ==, 8. / 12);
  g_assert_cmpfloat (seg_metrics_get_mean (metrics, SEG_METRIC_IOU, 0), ==,
                     (5. / 8 + 3. / 7 + 0) / 3);
  g_assert_cmpfloat (seg_metrics_get_mean (metrics, SEG_METRIC_DICE, 1), ==, (6. / 10 + 0) / 2);
}

static void
test_absent (void)
{
  g_autoptr (SegMetrics) metrics = seg_metrics_new (4);
  const double nothing[] = { NAN, NAN, NAN, NAN, NAN, NAN };

  g_assert_true (isnan (seg_metrics_get_pixel_accuracy (metrics)));
  g_assert_true (isnan (seg_metrics_get_mean (metrics, SEG_METRIC_IOU, 0)));

  seg_metrics_add (metrics, (guint16[]){ 0, 0, 0 }, (guint8[]){ 0, 0, 3 }, 3);
  assert_values (metrics, 1, nothing);
  assert_values (metrics, 2, nothing);
  /* predicted, but not there: nothing was to be found, and one pixel was claimed */
  assert_values (metrics, 3, (double[]){ 0, 0, 0, 0, 2. / 3, 2. / 3 });
  /* all pixels are of class 0: nothing could be left to others */
  assert_values (metrics, 0, (double[]){ 2. / 3, 4. / 5, 1, 2. / 3, NAN, 2. / 3 });
  /* of classes 0 and 3 only */
  g_assert_cmpfloat (seg_metrics_get_mean (metrics, SEG_METRIC_IOU, 0), ==, (2. / 3 + 0) / 2);
  g_assert_cmpfloat (seg_metrics_get_mean (metrics, SEG_METRIC_SPECIFICITY, 0), ==, 2. / 3);
  g_assert_cmpfloat (seg_metrics_get_mean (metrics, SEG_METRIC_RECALL, 1), ==, 0);
}

/* Parts, joined in any order, are the whole. */
static void
test_join (void)
{
  g_autoptr (SegMetrics) whole = seg_metrics_new (5), joined = seg_metrics_new (5);
  SegMetrics *parts[7];
  guint16 truth[1000];
  guint8 predicted[1000];

  for (guint i = 0; i < 1000; i++)
    {
      truth[i] = (guint16) g_test_rand_int_range (0, 6); /* 5 is no class */
      predicted[i] = (guint8) g_test_rand_int_range (0, 5);
    }
  seg_metrics_add (whole, truth, predicted, 1000);
  for (guint p = 0; p < G_N_ELEMENTS (parts); p++)
    {
      parts[p] = seg_metrics_new (5);
      seg_metrics_add (parts[p], truth + p * 143, predicted + p * 143, p < 6 ? 143 : 142);
    }
  for (guint p = G_N_ELEMENTS (parts); p-- > 0;)
    {
      seg_metrics_join (joined, parts[p]);
      seg_metrics_free (parts[p]);
    }
  for (guint i = 0; i < 5; i++)
    for (guint j = 0; j < 5; j++)
      g_assert_cmpuint (seg_metrics_get_count (whole, i, j), ==,
                        seg_metrics_get_count (joined, i, j));
}

static void
test_print (void)
{
  static const char *const names[] = { "sky", "tree", "Straße" };
  g_autoptr (SegMetrics) metrics = new_example ();
  g_autoptr (GString) out = g_string_new (NULL);

  seg_metrics_print (metrics, names, out);
  g_assert_cmpstr (
      out->str, ==,
      "class               share     IoU    Dice  precision  recall  specificity  accuracy\n"
      "sky               50.00 %  0.6250  0.7692     0.7143  0.8333       0.6667    0.7500\n"
      "tree              41.67 %  0.4286  0.6000     0.6000  0.6000       0.7143    0.6667\n"
      "Straße             8.33 %  0.0000  0.0000     0.0000  0.0000       1.0000    0.9167\n"
      "mean                       0.3512  0.4564     0.4381  0.4778       0.7937    0.7778\n"
      "mean without sky           0.2143  0.3000     0.3000  0.3000       0.8571    0.7917\n"
      "pixel accuracy 0.6667 of 12 pixels\n");
}

/* Two images: in the first class 2 is nowhere, in the second class 1 is. */
static GPtrArray *
new_cases (void)
{
  static const guint16 truths[2][4] = { { 0, 0, 1, 1 }, { 0, 2, 2, IGNORE } };
  static const guint8 predicted[2][4] = { { 0, 1, 1, 1 }, { 0, 2, 0, 1 } };
  GPtrArray *cases = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_case_free);

  for (guint i = 0; i < 2; i++)
    {
      SegCase *result = g_new0 (SegCase, 1);

      result->name = g_strdup_printf ("%u", i);
      result->image = g_strdup_printf ("images/%u\xff.png", i); /* no UTF-8 */
      result->mask = g_strdup_printf ("masks/%u.png", i);
      result->metrics = seg_metrics_new (3);
      result->loss = i == 0 ? 0.5 : NAN;
      seg_metrics_add (result->metrics, truths[i], predicted[i], 4);
      g_ptr_array_add (cases, result);
    }
  return cases;
}

static double
get_number (json_t *root, const char *group, const char *class, const char *name)
{
  json_t *value = json_object_get (json_object_get (json_object_get (root, group), class), name);

  g_assert_nonnull (value);
  return json_is_null (value) ? NAN : json_number_value (value);
}

static void
test_summary (void)
{
  static const char *const names[] = { "back", "one", "two", NULL };
  g_autofree char *folder = g_dir_make_tmp ("segkit-summary-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "summary.json", NULL);
  g_autoptr (SegMetrics) total = seg_metrics_new (3);
  g_autoptr (GPtrArray) cases = new_cases ();
  g_autoptr (GError) error = NULL;
  json_t *root, *first;

  for (guint i = 0; i < cases->len; i++)
    seg_metrics_join (total, ((SegCase *) cases->pdata[i])->metrics);
  g_assert_true (seg_metrics_write_summary (total, cases, names, NULL, path, &error));
  g_assert_no_error (error);
  root = json_load_file (path, 0, NULL);
  g_assert_nonnull (root);

  /* class 1 is in the first image alone, with 2 of 3; in the second it has nothing */
  g_assert_cmpfloat_with_epsilon (get_number (root, "mean", "1", "IoU"), 2. / 3, 1e-14);
  g_assert_cmpfloat (get_number (root, "mean", "1", "TP"), ==, 1);
  g_assert_cmpfloat (get_number (root, "mean", "2", "IoU"), ==, 0.5);
  g_assert_cmpfloat_with_epsilon (get_number (root, "mean", "0", "Dice"), 2. / 3, 1e-14);
  g_assert_cmpfloat (get_number (root, "mean", "0", "n_ref"), ==, 1.5);
  g_assert_cmpfloat_with_epsilon (
      json_number_value (json_object_get (json_object_get (root, "foreground_mean"), "IoU")),
      (2. / 3 + 0.5) / 2, 1e-14);
  first = json_array_get (json_object_get (root, "metric_per_case"), 0);
  g_assert_true (isnan (get_number (first, "metrics", "2", "Dice")));
  g_assert_cmpfloat (get_number (first, "metrics", "2", "TN"), ==, 4);
  g_assert_cmpstr (json_string_value (json_object_get (first, "reference_file")), ==,
                   "masks/0.png");
  g_assert_cmpstr (json_string_value (json_object_get (first, "image_file")), ==,
                   "images/0\\xff.png");
  g_assert_cmpfloat_with_epsilon (
      json_number_value (json_object_get (json_object_get (root, "pooled"), "pixel_accuracy")),
      5. / 7, 1e-14);
  json_decref (root);
  g_remove (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metrics/by-hand", test_by_hand);
  g_test_add_func ("/metrics/absent", test_absent);
  g_test_add_func ("/metrics/join", test_join);
  g_test_add_func ("/metrics/print", test_print);
  g_test_add_func ("/metrics/summary", test_summary);
  return g_test_run ();
}
