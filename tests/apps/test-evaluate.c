/* Evaluation of a model on a folder: what is counted is what `segment` would give, the loss is that
 * of whole images, and neither depends on threads. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../../apps/lib/evaluate.h"
#include "../../apps/lib/train-report-samples.h"
#include "tool.h"

#define N_SAMPLES 5

typedef struct
{
  Tool tool;
  char *data; /* the folder */
  SegModel *model;
} Fixture;

static char *
dup_file (const Fixture *fixture, const char *folder, guint i)
{
  g_autofree char *name = g_strdup_printf ("%02u.png", i);

  return g_build_filename (fixture->data, folder, name, NULL);
}

/* Classes 0 and 1, and a row of 255, which counts in nothing. */
static void
save_mask (const Fixture *fixture, guint i, int width, int height)
{
  g_autofree char *path = dup_file (fixture, "masks", i);
  gsize n = (gsize) width * (gsize) height;
  g_autofree guint8 *bytes = g_malloc (n);
  VipsImage *mask;

  for (gsize p = 0; p < n; p++)
    bytes[p] = p < (gsize) width ? 255 : (p / 7 + i) % 3 == 0;
  mask = vips_image_new_from_memory (bytes, n, width, height, 1, VIPS_FORMAT_UCHAR);
  g_assert_cmpint (vips_image_write_to_file (mask, path, NULL), ==, 0);
  g_object_unref (mask);
}

static void
setup (Fixture *fixture, gconstpointer data)
{
  g_autofree char *images = NULL, *masks = NULL, *model = NULL;
  g_autoptr (GError) error = NULL;

  tool_setup (&fixture->tool, data);
  fixture->data = tool_path (&fixture->tool, "data");
  images = g_build_filename (fixture->data, "images", NULL);
  masks = g_build_filename (fixture->data, "masks", NULL);
  g_assert_cmpint (g_mkdir_with_parents (images, 0777), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (masks, 0777), ==, 0);
  for (guint i = 0; i < N_SAMPLES; i++)
    {
      int width = i % 2 ? 48 : 61, height = 40 + (int) i;
      g_autofree char *path = dup_file (fixture, "images", i);
      VipsImage *image = tool_picture (width, height, 3);

      g_assert_cmpint (vips_image_write_to_file (image, path, NULL), ==, 0);
      g_object_unref (image);
      save_mask (fixture, i, width, height);
    }
  model = tool_path (&fixture->tool, "model.safetensors");
  fixture->model = seg_model_load (model, &error);
  g_assert_no_error (error);
}

static void
teardown (Fixture *fixture, gconstpointer data)
{
  static const char *const folders[] = { "images", "masks", "" };

  for (guint f = 0; f < G_N_ELEMENTS (folders); f++)
    {
      g_autofree char *folder = g_build_filename (fixture->data, folders[f], NULL);

      for (guint i = 0; f < 2 && i < N_SAMPLES; i++)
        {
          g_autofree char *path = dup_file (fixture, folders[f], i);
          g_remove (path);
        }
      g_assert_cmpint (g_rmdir (folder), ==, 0);
    }
  g_object_unref (fixture->model);
  g_free (fixture->data);
  tool_teardown (&fixture->tool, data);
}

/* All samples in one split. */
static SegDataset *
open_data (Fixture *fixture)
{
  g_autoptr (GKeyFile) recipe = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  SegDataset *dataset;

  g_key_file_set_string (recipe, "data", "validation-share", "0");
  dataset = seg_dataset_open (fixture->data, recipe, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seg_dataset_get_n (dataset, SEG_SPLIT_TRAIN), ==, N_SAMPLES);
  return dataset;
}

/* Counted from the files that `segment` writes. */
static void
count (Fixture *fixture, guint i, guint64 counts[4])
{
  g_autofree char *image = dup_file (fixture, "images", i);
  g_autofree char *path = dup_file (fixture, "masks", i);
  VipsImage *mask = vips_image_new_from_file (path, NULL), *labels;
  gsize n, n_labels;
  g_autofree guint8 *truth = vips_image_write_to_memory (mask, &n), *found = NULL;

  g_assert_cmpint (
      tool_run (&fixture->tool, "-m", "model.safetensors", "-o", "labels.png", image, NULL), ==, 0);
  labels = tool_load (&fixture->tool, "labels.png");
  found = vips_image_write_to_memory (labels, &n_labels);
  g_assert_cmpuint (n, ==, n_labels);
  for (gsize p = 0; p < n; p++)
    if (truth[p] != 255)
      counts[truth[p] * 2 + found[p]]++;
  g_object_unref (mask);
  g_object_unref (labels);
}

static void
assert_counts (const SegMetrics *metrics, const guint64 counts[4])
{
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (seg_metrics_get_count (metrics, i / 2, i % 2), ==, counts[i]);
}

static void
count_calls (guint n_done, guint n, gpointer data)
{
  g_assert_cmpuint (n, ==, N_SAMPLES);
  g_assert_cmpuint (++*(guint *) data, ==, n_done);
}

static void
test_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (SegDataset) dataset = open_data (fixture);
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegPredictor) predictor = seg_predictor_new (fixture->model, pool, 0, NULL);
  g_autoptr (SegMetrics) total = seg_metrics_new (2);
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_case_free);
  guint n_calls = 0;
  SegEvaluation evaluation = { .predictor = predictor,
                               .dataset = dataset,
                               .split = SEG_SPLIT_TRAIN,
                               .progress = count_calls,
                               .progress_data = &n_calls };
  g_autoptr (GError) error = NULL;
  guint64 all[4] = { 0 };

  (void) data;
  g_assert_true (seg_evaluate (&evaluation, total, cases, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n_calls, ==, N_SAMPLES);
  g_assert_cmpuint (cases->len, ==, N_SAMPLES);
  for (guint i = 0; i < N_SAMPLES; i++)
    {
      const SegCase *result = cases->pdata[i];
      guint64 counts[4] = { 0 };
      g_autofree char *mask = dup_file (fixture, "masks", i);

      count (fixture, i, counts);
      assert_counts (result->metrics, counts);
      g_assert_cmpstr (result->mask, ==, mask);
      g_assert_true (isnan (result->loss));
      for (guint k = 0; k < 4; k++)
        all[k] += counts[k];
    }
  assert_counts (total, all);
  g_assert_cmpuint (all[1], >, 0); /* of one class nothing would be shown */
  g_assert_cmpuint (all[2], >, 0);
}

/* Of a sample, in double and pixel by pixel. */
static double
cross_entropy (SegPredictor *predictor, const SegSampleData *sample)
{
  gsize n = (gsize) (sample->h * sample->w);
  g_autofree guint8 *labels = g_new (guint8, n);
  g_autofree float *logits = g_new (float, 2 * n);
  double sum = 0;
  guint n_counted = 0;

  g_assert_true (seg_predictor_run (predictor, sample->image, sample->c, sample->h, sample->w,
                                    labels, logits, NULL, NULL));
  for (gsize i = 0; i < n; i++)
    if (sample->target[i] != SEG_TARGET_IGNORE)
      {
        double right = (double) logits[sample->target[i] * n + i];
        double other = (double) logits[(1 - sample->target[i]) * n + i];

        sum += log1p (exp (other - right));
        n_counted++;
      }
  return sum / n_counted;
}

static void
test_loss (Fixture *fixture, gconstpointer data)
{
  g_autoptr (SegDataset) dataset = open_data (fixture);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegLoss) loss = seg_registry_create (seg_registry_get_default (), "cross-entropy",
                                                  SEG_TYPE_LOSS, &error, NULL);
  double found[2], expected = 0;

  (void) data;
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (SegPool) pool = seg_pool_new (1 + 2 * i);
      g_autoptr (SegPredictor) predictor = seg_predictor_new (fixture->model, pool, 0, NULL);
      g_autoptr (SegMetrics) total = seg_metrics_new (2);
      SegEvaluation evaluation = {
        .predictor = predictor, .dataset = dataset, .split = SEG_SPLIT_TRAIN, .loss = loss
      };

      g_assert_true (seg_evaluate (&evaluation, total, NULL, &found[i], NULL, &error));
      g_assert_no_error (error);
      for (guint k = 0; i == 0 && k < N_SAMPLES; k++)
        {
          g_autoptr (SegSampleData) sample = seg_dataset_read (dataset, SEG_SPLIT_TRAIN, k, &error);

          g_assert_no_error (error);
          expected += cross_entropy (predictor, sample) / N_SAMPLES;
        }
    }
  g_assert_cmpfloat_with_epsilon (found[0], expected, 1e-6 * expected);
  g_assert_cmpfloat (found[0], ==, found[1]);
}

/* No validation images; a model of other classes; a stop. */
static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (SegDataset) dataset = open_data (fixture);
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegPredictor) predictor = seg_predictor_new (fixture->model, pool, 0, NULL);
  g_autoptr (SegMetrics) total = seg_metrics_new (2);
  SegEvaluation evaluation = { .predictor = predictor,
                               .dataset = dataset,
                               .split = SEG_SPLIT_VALIDATION };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (SegModel) other = NULL;
  g_autoptr (SegPredictor) of_other = NULL;
  g_autoptr (GError) error = NULL;
  double loss = 0;

  (void) data;
  g_assert_true (seg_evaluate (&evaluation, total, NULL, &loss, NULL, &error));
  g_assert_true (isnan (loss));
  g_assert_cmpuint (seg_metrics_get_n_pixels (total), ==, 0);

  evaluation.split = SEG_SPLIT_TRAIN;
  g_cancellable_cancel (cancellable);
  g_assert_false (seg_evaluate (&evaluation, total, NULL, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  other = seg_model_new_from_recipe ("[segkit]\nformat=1\n[input]\nchannels=3\n"
                                     "[classes]\nnames=a;b;c\n"
                                     "[model]\ntype=unet\nclasses=3\n"
                                     "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
                                     "[model.decoder]\ntype=unet-decoder\n",
                                     1, &error);
  g_assert_no_error (error);
  evaluation.predictor = of_other = seg_predictor_new (other, pool, 0, NULL);
  g_assert_false (seg_evaluate (&evaluation, total, NULL, NULL, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
  g_assert_true (
      g_str_has_prefix (error->message, "the model has 3 classes, and the data have 2; "));
}

/* The best, one between, and the worst; each as evaluated. */
static void
test_shown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (SegDataset) dataset = open_data (fixture);
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegPredictor) predictor = seg_predictor_new (fixture->model, pool, 0, NULL);
  g_autoptr (SegMetrics) total = seg_metrics_new (2);
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_case_free);
  g_autoptr (SegTrainReport) report = seg_train_report_new ("x", fixture->model);
  SegEvaluation evaluation = { .predictor = predictor,
                               .dataset = dataset,
                               .split = SEG_SPLIT_TRAIN };
  g_autofree char *path = tool_path (&fixture->tool, "report.html");
  g_autofree char *text = NULL, *best = NULL;
  const char *at;
  double greatest = 0;
  guint first = 0;
  g_autoptr (GError) error = NULL;

  (void) data;
  g_assert_true (seg_evaluate (&evaluation, total, cases, NULL, NULL, &error));
  g_assert_true (seg_train_report_add_samples (report, &evaluation, cases, 3, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (seg_train_report_write (report, path, &error));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));

  for (guint i = 0; i < N_SAMPLES; i++)
    {
      const SegCase *result = cases->pdata[i];
      double dice = seg_metrics_get_mean (result->metrics, SEG_METRIC_DICE, 0);

      if (dice > greatest)
        {
          greatest = dice;
          first = i;
        }
    }
  best = g_strdup_printf ("<h3>%02u <span>the best of 5</span>", first);
  at = strstr (text, best);
  g_assert_nonnull (at);
  at = strstr (at, "rank 3");
  g_assert_nonnull (at);
  g_assert_nonnull (strstr (at, "the worst"));
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define TEST(path, function) g_test_add (path, Fixture, NULL, setup, function, teardown)
  TEST ("/evaluate/counts", test_counts);
  TEST ("/evaluate/loss", test_loss);
  TEST ("/evaluate/refused", test_refused);
  TEST ("/evaluate/shown", test_shown);
#undef TEST
  return g_test_run ();
}
