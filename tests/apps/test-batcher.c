/* Batches: the same ones whatever makes them, and made of all that there is. */
#include <math.h>
#include <string.h>

#include "../../apps/lib/batcher.h"
#include "../../apps/lib/preview.h"
#include "samples.h"

#define N 3
#define H 6
#define W 8
#define PIXELS (N * H * W)

/* Seven samples of 12 × 10 pixels; sample i has i in every pixel. */
static char *
save_flat (guint n)
{
  char *folder = samples_new ();

  for (guint i = 1; i <= n; i++)
    {
      g_autofree char *image = g_strdup_printf ("images/%u.png", i);
      g_autofree char *mask = g_strdup_printf ("masks/%u.png", i);
      g_autofree char *value = g_strdup_printf ("%u", i);

      samples_save_mask (folder, image, 12, 10, value);
      samples_save_mask (folder, mask, 12, 10, "0 0 1");
    }
  return folder;
}

static SegDataset *
open_all (const char *folder)
{
  return samples_open (folder, "[data]\nvalidation-share=0\n");
}

static SegBatcher *
make (SegDataset *dataset, SegAugmentation *augmentation, const SegBatcherOptions *options,
      guint64 first)
{
  g_autoptr (GError) error = NULL;
  SegBatcher *batcher =
      seg_batcher_new (dataset, SEG_SPLIT_TRAIN, augmentation, options, first, &error);

  g_assert_no_error (error);
  return batcher;
}

static void
next (SegBatcher *batcher, SegBatch *batch)
{
  g_autoptr (GError) error = NULL;

  seg_batcher_next (batcher, batch, &error);
  g_assert_no_error (error);
  g_assert_true (batch->n == N && batch->h == H && batch->w == W);
}

static SegAugmentation *
make_augmentation (void)
{
  return g_object_new (SEG_TYPE_AUGMENTATION, "flip-horizontal", TRUE, "right-angles", TRUE,
                       "rotation", 20.f, "scale-min", 0.5f, "elastic", 2.f, "elastic-probability",
                       0.5f, "contrast", 0.3f, "noise", 0.1f, "blur", 1.f, "foreground", 0.5f,
                       NULL);
}

/* Whatever the threads, and from wherever it is gone on. */
static void
test_same (void)
{
  char *folder = samples_new ();
  g_autoptr (SegAugmentation) augmentation = make_augmentation ();
  SegBatcherOptions options = { .n = N, .h = H, .w = W, .seed = 9 };
  float images[12][PIXELS];
  guint16 targets[12][PIXELS];

  samples_save_pairs (folder, "images", "masks", 8);
  for (guint n_threads = 0; n_threads < 4; n_threads++)
    for (guint first = 0; first < 12; first += 5)
      {
        g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
        g_autoptr (SegBatcher) batcher = NULL;

        options.n_threads = n_threads;
        if (n_threads == 3)
          seg_dataset_set_cache (dataset, 0);
        batcher = make (dataset, augmentation, &options, first);
        for (guint i = first; i < 12; i++)
          {
            SegBatch batch;

            next (batcher, &batch);
            if (n_threads == 0 && first == 0)
              {
                memcpy (images[i], batch.images, sizeof images[i]);
                memcpy (targets[i], batch.targets, sizeof targets[i]);
              }
            g_assert_cmpmem (batch.images, sizeof images[i], images[i], sizeof images[i]);
            g_assert_cmpmem (batch.targets, sizeof targets[i], targets[i], sizeof targets[i]);
          }
      }
  g_assert_true (memcmp (images[0], images[1], sizeof images[0]) != 0);
  samples_free (folder);
}

/* Every sample once in an epoch, in another order each time, another for another seed. */
static void
test_epochs (void)
{
  char *folder = save_flat (7);
  g_autoptr (SegDataset) dataset = open_all (folder);
  guint orders[2][3][7];

  for (guint seed = 0; seed < 2; seed++)
    {
      SegBatcherOptions options = { .n = N, .h = H, .w = W, .seed = seed };
      g_autoptr (SegBatcher) batcher = make (dataset, NULL, &options, 0);
      SegBatch batch = { 0 };

      g_assert_cmpuint (seg_batcher_get_steps_per_epoch (batcher), ==, 3);
      for (guint i = 0; i < 21; i++)
        {
          if (i % N == 0)
            next (batcher, &batch);
          orders[seed][i / 7][i % 7] = (guint) lroundf (batch.images[i % N * H * W] * 255);
        }
      for (guint epoch = 0; epoch < 3; epoch++)
        {
          guint seen = 0;

          for (guint i = 0; i < 7; i++)
            seen |= 1u << orders[seed][epoch][i];
          g_assert_cmpuint (seen, ==, 0xfe);
        }
      g_assert_true (memcmp (orders[seed][0], orders[seed][1], sizeof orders[0][0]) != 0);
    }
  g_assert_true (memcmp (orders[0][0], orders[1][0], sizeof orders[0][0]) != 0);
  samples_free (folder);
}

/* Rare samples more than once in each epoch, and never less than once. */
static void
test_oversampling (void)
{
  char *folder = save_flat (7);
  g_autoptr (SegDataset) dataset =
      samples_open (folder, "[data]\nvalidation-share=0\noversample=3: 4, ?: 1, 5: 9\n");
  SegBatcherOptions options = { .n = N, .h = H, .w = W, .seed = 1 };
  g_autoptr (SegBatcher) batcher = make (dataset, NULL, &options, 0);
  guint counts[3][8] = { 0 };

  g_assert_cmpuint (seg_batcher_get_steps_per_epoch (batcher), ==, 4);
  for (guint i = 0; i < 30; i += N)
    {
      SegBatch batch = { 0 };

      next (batcher, &batch);
      for (guint j = 0; j < N; j++)
        counts[(i + j) / 10][lroundf (batch.images[j * H * W] * 255)]++;
    }
  for (guint epoch = 0; epoch < 3; epoch++)
    for (guint i = 1; i <= 7; i++)
      g_assert_cmpuint (counts[epoch][i], ==, i == 3 ? 4 : 1);
  samples_free (folder);
}

/* A crop as large as the image is the image, normalised in float32. */
static void
test_whole (void)
{
  char *folder = samples_new ();
  float mean = 0.3f, std = 0.7f;
  SegBatcherOptions options = { .n = 1, .h = 10, .w = 12, .mean = &mean, .std = &std };

  samples_save_pairs (folder, "images", "masks", 2);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegBatcher) batcher = make (dataset, NULL, &options, 0);
    g_autoptr (GError) error = NULL;
    g_autoptr (SegSampleData) data = seg_dataset_read (dataset, SEG_SPLIT_TRAIN, 0, &error);
    SegBatch batch;

    g_assert_true (seg_batcher_next (batcher, &batch, &error));
    g_assert_null (batch.weights);
    for (guint i = 0; i < 120; i++)
      {
        float value = data->image[i];

        value = (value - mean) / std;
        g_assert_cmpfloat (batch.images[i], ==, value);
        g_assert_cmpuint (batch.targets[i], ==, data->target[i]);
      }
  }
  samples_free (folder);
}

/* A class with one pixel of a thousand is in all crops that must have it, and hardly in others. */
static void
test_foreground (void)
{
  char *folder = samples_new ();
  g_autoptr (VipsImage) mask = vips_image_new_matrix (60, 60), bytes = NULL;
  guint n_with[2] = { 0 };

  *VIPS_MATRIX (mask, 51, 7) = 1;
  g_assert_cmpint (vips_cast (mask, &bytes, VIPS_FORMAT_UCHAR, NULL), ==, 0);
  bytes->Type = VIPS_INTERPRETATION_B_W;
  samples_save_image (folder, "images/a.png", 60, 60, 1, 1);
  samples_save (folder, "masks/a.png", bytes);
  for (guint on = 0; on < 2; on++)
    {
      g_autoptr (SegDataset) dataset = open_all (folder);
      g_autoptr (SegAugmentation) augmentation =
          g_object_new (SEG_TYPE_AUGMENTATION, "foreground", (float) on, NULL);
      SegBatcherOptions options = { .n = N, .h = H, .w = W, .seed = 2 };
      g_autoptr (SegBatcher) batcher = make (dataset, augmentation, &options, 0);

      for (guint i = 0; i < 40; i++)
        {
          SegBatch batch;

          next (batcher, &batch);
          for (guint k = 0; k < PIXELS; k++)
            n_with[on] += batch.targets[k] == 1;
        }
    }
  g_assert_cmpuint (n_with[0], <, 10);
  g_assert_cmpuint (n_with[1], ==, 40 * N);
  samples_free (folder);
}

/* Class weight and border together; pixels between two objects weigh most. */
static void
test_weights (void)
{
  char *folder = samples_new ();
  const float class_weight[] = { 0.5f, 2 };
  SegBatcherOptions options = { .n = 1,
                                .h = 10,
                                .w = 12,
                                .border_weights = TRUE,
                                .border_w0 = 10,
                                .border_sigma = 2,
                                .class_weight = class_weight };

  samples_save_image (folder, "images/a.png", 12, 10, 1, 1);
  samples_save_mask (folder, "masks/a.png", 12, 10, "0 255 0 255 255 255");
  samples_save_mask (folder, "instances/a.png", 12, 10, "0 1 0 2 2 2");
  {
    g_autoptr (SegDataset) dataset = open_all (folder);
    g_autoptr (SegBatcher) batcher = make (dataset, NULL, &options, 0);
    g_autoptr (GError) error = NULL;
    SegBatch batch;

    g_assert_true (seg_batcher_next (batcher, &batch, &error));
    g_assert_cmpfloat (batch.weights[2], ==, 2); /* in an object */
    /* columns 4 and 5: one and two from the objects */
    g_assert_cmpfloat_with_epsilon (batch.weights[4], 0.5 + 10 * exp (-9 / 8.), 1e-5);
    g_assert_cmpfloat_with_epsilon (batch.weights[5], 0.5 + 10 * exp (-9 / 8.), 1e-5);
    /* column 0: two from the first, six from the second */
    g_assert_cmpfloat_with_epsilon (batch.weights[0], 0.5 + 10 * exp (-64 / 8.), 1e-5);
  }
  samples_free (folder);

  folder = save_flat (2);
  {
    g_autoptr (SegDataset) dataset = open_all (folder);
    g_autoptr (GError) error = NULL;

    g_assert_null (seg_batcher_new (dataset, SEG_SPLIT_TRAIN, NULL, &options, 0, &error));
    g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  }
  samples_free (folder);
}

/* Batches that are kept do not change while later ones are made. */
static void
test_kept (void)
{
  char *folder = save_flat (7);
  g_autoptr (SegDataset) dataset = open_all (folder);

  for (guint n_threads = 0; n_threads < 2; n_threads++)
    {
      SegBatcherOptions options = { .n = N, .h = H, .w = W, .n_threads = n_threads, .n_kept = 3 };
      g_autoptr (SegBatcher) batcher = make (dataset, NULL, &options, 0);
      SegBatch batches[3];
      float first[3][PIXELS];

      for (guint round = 0; round < 3; round++)
        {
          for (guint i = 0; i < 3; i++)
            {
              next (batcher, &batches[i]);
              memcpy (first[i], batches[i].images, sizeof first[i]);
            }
          for (guint i = 0; i < 3; i++)
            g_assert_cmpmem (first[i], sizeof first[i], batches[i].images, sizeof first[i]);
        }
    }
  samples_free (folder);
}

/* The memory that is predicted is what is taken: by slots that are made ahead, and by a sample that
 * is read, or whose borders are weighed. */
static void
test_memory (void)
{
  SegBatcherOptions options = {
    .n = N, .h = 96, .w = 128, .n_threads = 1, .n_kept = 2, .border_w0 = 10, .border_sigma = 2
  };
  const gsize n_pixels = 500 * 400;
  char *folder = samples_new ();

  samples_save_image (folder, "images/a.png", 500, 400, 3, 1);
  samples_save_mask (folder, "masks/a.png", 500, 400, "0 1 0 2");
  for (guint weighs = 0; weighs < 2; weighs++)
    {
      g_autoptr (SegDataset) dataset =
          samples_open (folder, "[data]\nvalidation-share=0\nobjects=true\n");
      gsize predicted, taken, before = seg_memory_get_used ();
      g_autoptr (SegBatcher) batcher = NULL;
      g_autoptr (GError) error = NULL;
      SegBatch batch;

      options.border_weights = weighs > 0;
      predicted = seg_batcher_estimate_bytes (dataset, SEG_SPLIT_TRAIN, &options);
      seg_dataset_set_cache (dataset, 0);
      batcher = make (dataset, NULL, &options, 0);
      for (guint i = 0; i < 4; i++)
        {
          seg_batcher_next (batcher, &batch, &error);
          g_assert_no_error (error);
        }
      taken = seg_memory_get_peak () - before;
      g_assert_cmpuint (taken, <=, predicted + predicted / 100);
      g_assert_cmpuint (taken, >=, predicted / 10 * 9);
    }
  {
    /* what is kept of a sample has room for what is kept of its borders */
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nvalidation-share=0\nobjects=true\n");
    const gsize kept = n_pixels * (3 * sizeof (float) + 2 * sizeof (guint16) + sizeof (float));

    for (guint i = 0; i < 2; i++)
      {
        g_autoptr (SegSampleData) data = NULL;

        seg_dataset_set_cache (dataset, kept - 1 + i);
        data = seg_dataset_read (dataset, SEG_SPLIT_TRAIN, 0, NULL);
        g_assert_cmpint (seg_dataset_keeps (dataset, SEG_SPLIT_TRAIN, 0), ==, i == 1);
      }
  }
  samples_free (folder);
}

/* A file that has gone, or changed, since it was looked at. */
static void
test_failure (void)
{
  char *folder = save_flat (7);

  for (guint n_threads = 0; n_threads < 3; n_threads++)
    {
      g_autoptr (SegDataset) dataset = open_all (folder);
      SegBatcherOptions options = { .n = 7, .h = H, .w = W, .n_threads = n_threads };
      g_autoptr (SegBatcher) batcher = NULL;
      g_autoptr (GError) error = NULL;
      SegBatch batch;

      samples_save_text (folder, "images/4.png", "nothing");
      batcher = make (dataset, NULL, &options, 0);
      g_assert_false (seg_batcher_next (batcher, &batch, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, "images/4.png"));
      samples_save_mask (folder, "images/4.png", 12, 10, "4");
    }
  samples_free (folder);
}

static void
test_preview (void)
{
  char *folder = save_flat (7);
  g_autofree char *path = g_build_filename (folder, "preview.png", NULL);
  g_autoptr (SegDataset) dataset = open_all (folder);
  g_autoptr (SegAugmentation) augmentation = make_augmentation ();
  SegBatcherOptions options = { .n = N, .h = H, .w = W };
  g_autoptr (GError) error = NULL;
  g_autoptr (VipsImage) image = NULL;
  double *pixel;
  int n;

  g_assert_true (seg_preview_write (dataset, NULL, &options, path, &error));
  image = vips_image_new_from_file (path, NULL);
  g_assert_cmpint (image->Xsize, ==, 4 * (2 * W + 4));
  g_assert_cmpint (image->Ysize, ==, 6 * (H + 4));
  /* the second half of a sample has its class's colour in it, four tenths of red */
  for (int x = 0; x < W; x++)
    {
      g_autofree double *plain = NULL;

      g_assert_cmpint (vips_getpoint (image, &plain, &n, x, 0, NULL), ==, 0);
      g_assert_cmpint (vips_getpoint (image, &pixel, &n, W + x, 0, NULL), ==, 0);
      g_assert_true (pixel[0] == plain[0] || fabs (pixel[0] - (plain[0] * 0.6 + 128 * 0.4)) <= 1);
      g_free (pixel);
    }
  g_assert_false (
      seg_preview_write (dataset, augmentation, &options, "/nonexistent/a.png", &error));
  g_assert_nonnull (error);
  samples_free (folder);
}

int
main (int argc, char **argv)
{
  samples_main_init (&argc, &argv);
  g_test_add_func ("/batcher/same", test_same);
  g_test_add_func ("/batcher/epochs", test_epochs);
  g_test_add_func ("/batcher/oversampling", test_oversampling);
  g_test_add_func ("/batcher/whole", test_whole);
  g_test_add_func ("/batcher/foreground", test_foreground);
  g_test_add_func ("/batcher/weights", test_weights);
  g_test_add_func ("/batcher/kept", test_kept);
  g_test_add_func ("/batcher/memory", test_memory);
  g_test_add_func ("/batcher/failure", test_failure);
  g_test_add_func ("/batcher/preview", test_preview);
  return g_test_run ();
}
