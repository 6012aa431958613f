/* What is wrong with a folder of images and masks, all of it at once. */
#include <math.h>
#include <string.h>

#include "samples.h"

static void
cut_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n * 2 / 3, NULL));
}

/* All at once: none hides another. */
static void
test_check_all (void)
{
  char *folder = samples_new ();
  const float numbers[] = { 0, 1, NAN, 0 };
  g_autoptr (VipsImage) with_nan =
      samples_make_mask (VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_B_W, 1, numbers, 4);

  samples_save_pairs (folder, "images", "masks", 30);
  samples_save_image (folder, "images/lonely.png", 8, 8, 1, 50);
  samples_save_mask (folder, "masks/widow.png", 8, 8, "0 255");
  samples_save_mask (folder, "masks/3.png", 9, 10, "0 255");
  samples_save_mask (folder, "masks/4.png", 12, 10, "0 0 7 255");
  samples_save_image (folder, "images/6.png", 90, 90, 1, 51);
  samples_save_mask (folder, "masks/6.png", 90, 90, "0 255");
  cut_file (folder, "images/6.png");
  samples_save_text (folder, "images/7.png", "this is a text");
  samples_save_image (folder, "images/8.jpg", 12, 10, 1, 52);
  samples_save_image (folder, "images/nan.tif", 4, 1, 1, 52);
  samples_save (folder, "images/nan.tif", with_nan);
  samples_save_mask (folder, "masks/nan.png", 4, 1, "0 255");
  samples_save_image (folder, "images/10.png", 12, 10, 1, 9); /* as 9.png, which is learnt from */
  samples_save_mask (folder, "masks/11.png", 12, 10, "255 255");
  samples_save_image (folder, "images/12.jpg", 12, 10, 1, 52);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data.classes]\na=0\nb=255\n");

    samples_assert_problems (
        dataset, 9,
        "error: no mask (1)|lonely.png: has no mask in|error: no image (1)|widow.png: has no image|"
        "error: sizes differ (1)|masks/3.png: has 9 × 10 pixels, and its image|12 × 10|"
        "error: unknown value (1)|masks/4.png: the value 7 in 30 pixels is no class; the first is "
        "in "
        "column 4, row 0|images/6.png: |images/7.png: is not a PNG|error: two files of one name "
        "(2)|"
        "nan.tif: the pixel in column 2, row 0 is not a finite number|warning: in two splits (1)|"
        "images/10.png: a validation image, has the same pixels as the training image");
  }
  samples_free (folder);
}

/* One kind has too many to be shown. */
static void
test_check_many (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 2);
  for (guint i = 100; i < 150; i++)
    {
      g_autofree char *name = g_strdup_printf ("images/%u.png", i);

      samples_save_image (folder, name, 4, 4, 1, i);
    }
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 50, "error: no mask (50)|images/119.png|and 30 more");
  }
  samples_free (folder);
}

/* What may be meant as an image is not passed over without a word; other files are. */
static void
test_check_left_out (void)
{
  static const char *const others[] = {
    "images/Thumbs.db", "images/notes.TXT",  "images/README",
    "images/.4.bmp",    "masks/classes.csv", "images/more.bmp/x"
  };
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 4);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    samples_save_text (folder, others[i], "");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_no_problem (dataset);
  }
  samples_save_text (folder, "images/5.bmp", "");
  samples_save_text (folder, "images/6.JP2", "");
  samples_save_text (folder, "masks/5.bmp", "");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (
        dataset, 0,
        "warning: left out (2)|images/5.bmp: is left out, and 1 more: not of a "
        "known image format (PNG, |masks/5.bmp: is left out: not of");
  }
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=images, images\nmasks=masks\n");

    samples_assert_problems (dataset, 0, "warning: left out (2)");
  }
  samples_free (folder);
}

static void
test_check_lossy (void)
{
  char *folder = samples_new ();
  guint8 smooth[400];
  g_autoptr (VipsImage) mask = NULL;

  for (guint i = 0; i < sizeof smooth; i++)
    smooth[i] = (guint8) (i < 190 ? 0 : i < 210 ? (i - 190) * 13 : 255);
  mask = samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, smooth, 400);
  samples_save_image (folder, "images/a.png", 400, 1, 1, 1);
  samples_save (folder, "masks/a.png", mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_classes (dataset, "background=0; object=255");
    samples_assert_problems (
        dataset, 1,
        "error: lossy mask (1)|19 values in 19 pixels are no class, the first the value "
        "13 in column 191, row 0");
  }
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nthreshold=128\n");

    samples_assert_problems (dataset, 0, "no validation");
  }
  samples_save_image (folder, "images/b.png", 8, 8, 1, 2);
  samples_save_mask (folder, "masks/b.jpg", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nthreshold=128\n");

    samples_assert_problems (dataset, 1, "masks/b.jpg: is a JPEG");
  }
  samples_free (folder);
}

/* A photograph among the masks does not hide the classes of the others. */
static void
test_check_odd (void)
{
  static const struct
  {
    guint bands;
    const char *problem;
  } cases[] = {
    { 1, "masks/2.png: has 256 different numbers, and the 4 other masks 2 together" },
    { 3, " different colours, and the 4 other masks 2 together: it is no mask" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *folder = samples_new ();

      for (guint k = 1; k <= 5; k++)
        {
          g_autofree char *image = g_strdup_printf ("images/%u.png", k);
          g_autofree char *mask = g_strdup_printf ("masks/%u.png", k);

          samples_save_image (folder, image, 60, 60, 1, k);
          samples_save_mask (folder, mask, 60, 60, "0 1");
        }
      samples_save_image (folder, "masks/2.png", 60, 60, (int) cases[i].bands, 7);
      {
        g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

        samples_assert_classes (dataset, "background=0; object=1");
        g_assert_cmpuint (seg_dataset_get_class_counts (dataset)[1], ==, 3 * 1800);
        samples_assert_problems (dataset, 1, "error: too many values (1)");
        samples_assert_problems (dataset, 1, cases[i].problem);
      }
      samples_free (folder);
    }
}

static void
test_check_classes (void)
{
  char *folder = samples_new ();

  samples_save_image (folder, "images/a.png", 8, 8, 1, 1);
  samples_save_image (folder, "images/b.png", 8, 8, 1, 2);
  samples_save_mask (folder, "masks/a.png", 8, 8, "0");
  samples_save_mask (folder, "masks/b.png", 8, 8, "0");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 1, "error: one class (1)");
  }
  samples_save_mask (folder, "masks/b.png", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nignore=0\n");

    samples_assert_problems (dataset, 1,
                             "error: all ignored (1)|all 64 pixels|mask all ignored (1)");
  }
  samples_free (folder);
}

/* One wrong pixel makes a class, which is told where it was made. */
static void
test_check_stray (void)
{
  char *folder = samples_new ();
  guint8 slip[12 * 10] = { 0, 255 };
  g_autoptr (VipsImage) mask = NULL;

  slip[12 * 3 + 4] = 7;
  mask = vips_image_new_from_memory_copy (slip, sizeof slip, 12, 10, 1, VIPS_FORMAT_UCHAR);
  samples_save_pairs (folder, "images", "masks", 9);
  samples_save (folder, "masks/2.png", mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegDataset) mended = samples_open (folder, "[data]\nignore=7\n");

    g_assert_cmpuint (seg_dataset_get_n_classes (dataset), ==, 3);
    samples_assert_problems (dataset, 0,
                             "warning: stray class (1)|masks/2.png: the class \"value 7\" has 1 "
                             "pixel in 1 of 9 masks, one here in column 4, row 3: |"
                             "[data] ignore = 7");
    samples_assert_no_problem (mended);
  }
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data.classes]\nbackground=0\nobject=255\nslip=6, 7\n");

    samples_assert_problems (dataset, 0, "the class \"slip\" has 1|[data] ignore = 6, 7");
  }
  /* 2 of 250,000 pixels, though in two masks */
  for (guint i = 10; i < 12; i++)
    {
      g_autofree char *image = g_strdup_printf ("images/%u.png", i);
      g_autofree char *name = g_strdup_printf ("masks/%u.png", i);

      samples_save_image (folder, image, 500, 250, 1, i);
      samples_save_mask (folder, name, 500, 250, "0 0 255");
    }
  samples_save_mask (folder, "masks/1.png", 12, 10, "0 255");
  samples_save (folder, "masks/3.png", mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 0,
                             "masks/3.png: the class \"value 7\" has 2 pixels in 2 of 11 masks");
  }
  samples_free (folder);
}

static void
save_turned (const char *folder, const char *name, int w, int h, int bands, int orientation)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (VipsImage) image = NULL, copy = NULL;

  samples_save_image (folder, name, w, h, bands, 3);
  image = vips_image_new_from_file (path, "memory", TRUE, "access", VIPS_ACCESS_RANDOM, NULL);
  copy = vips_image_copy_memory (image);
  vips_image_set_int (copy, VIPS_META_ORIENTATION, orientation);
  samples_save (folder, name, copy);
}

/* What a TIFF of this machine says of its last band: that nobody knows what it is, or, where it
 * has another tag that nobody knows, nothing. */
#define EXTRA_SAMPLES 338
#define NO_TAG 335

static void
forget_alpha (const char *folder, const char *name, guint16 tag)
{
  static const guint16 entry[] = { EXTRA_SAMPLES, 3, 1, 0 }; /* one SHORT */
  g_autofree char *path = g_build_filename (folder, name, NULL), *bytes = NULL;
  guint n_found = 0;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  for (gsize i = 0; i + 10 <= n; i += 2)
    if (memcmp (bytes + i, entry, sizeof entry) == 0)
      {
        memcpy (bytes + i, &tag, sizeof tag);
        bytes[i + 8] = bytes[i + 9] = 0;
        n_found++;
      }
  g_assert_cmpuint (n_found, ==, 1);
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
}

/* Alpha that the file speaks of is no band, and a band that it does not speak of is one. */
static void
test_check_bands (void)
{
  char *folder = samples_new ();

  samples_save_image (folder, "images/a.tif", 8, 8, 4, 1);
  samples_save_image (folder, "images/b.tif", 8, 8, 4, 2);
  samples_save_mask (folder, "masks/a.png", 8, 8, "0 255");
  samples_save_mask (folder, "masks/b.png", 8, 8, "0 255");
  save_turned (folder, "images/c.tif", 8, 10, 4, 6);
  samples_save_mask (folder, "masks/c.png", 10, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 3);
    samples_assert_no_problem (dataset);
  }
  forget_alpha (folder, "images/a.tif", EXTRA_SAMPLES);
  forget_alpha (folder, "images/b.tif", NO_TAG);
  forget_alpha (folder, "images/c.tif", EXTRA_SAMPLES);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegDataset) three = samples_open (folder, "[data]\nbands=3\n");

    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 4);
    samples_assert_problems (dataset, 0,
                             "warning: band of no stated kind (1)|a.tif: |and in 2 more|"
                             "[data] bands = 3 leaves it out");
    g_assert_cmpuint (seg_dataset_get_n_bands (three), ==, 3);
    samples_assert_no_problem (three);
  }
  /* of several files it is another than the first, and no key helps */
  samples_save_image (folder, "grey/a.png", 8, 8, 1, 4);
  samples_save_image (folder, "grey/b.png", 8, 8, 1, 5);
  samples_save_image (folder, "grey/c.png", 10, 8, 1, 6);
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=grey, images\nmasks=masks\nbands=4\n");

    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 5);
    samples_assert_problems (dataset, 0,
                             "images/a.tif: its last band|and in 2 more|save the file without it");
  }
  samples_free (folder);
}

/* Both are turned, or which is meant must be clear. */
static void
test_check_orientation (void)
{
  char *folder = samples_new ();

  save_turned (folder, "images/upright.tif", 12, 10, 1, 6);
  samples_save_mask (folder, "masks/upright.tif", 10, 12, "0 255");
  save_turned (folder, "images/stored.tif", 12, 10, 1, 6);
  samples_save_mask (folder, "masks/stored.tif", 12, 10, "0 255");
  save_turned (folder, "images/half.tif", 12, 10, 1, 3);
  samples_save_mask (folder, "masks/half.tif", 12, 10, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (
        dataset, 2,
        "masks/stored.tif: has 12 × 10 pixels, and its image|10 × 12, turned upright|"
        "images/half.tif: has orientation 3, and its mask");
  }
  samples_free (folder);
}

int
main (int argc, char **argv)
{
  samples_main_init (&argc, &argv);
  g_test_add_func ("/dataset/check/all", test_check_all);
  g_test_add_func ("/dataset/check/many", test_check_many);
  g_test_add_func ("/dataset/check/left-out", test_check_left_out);
  g_test_add_func ("/dataset/check/lossy", test_check_lossy);
  g_test_add_func ("/dataset/check/odd", test_check_odd);
  g_test_add_func ("/dataset/check/classes", test_check_classes);
  g_test_add_func ("/dataset/check/stray", test_check_stray);
  g_test_add_func ("/dataset/check/bands", test_check_bands);
  g_test_add_func ("/dataset/check/orientation", test_check_orientation);
  return g_test_run ();
}
