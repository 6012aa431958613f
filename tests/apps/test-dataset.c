/* What is found in a folder of images and masks, and what is wrong with it. */
#include <math.h>
#include <string.h>

#include "../../apps/lib/source.h"
#include "samples.h"

static const guint8 palette[][3] = { { 0, 0, 0 }, { 200, 0, 0 }, { 0, 200, 0 }, { 0, 0, 0 } };

static void
assert_splits (SegDataset *dataset, const char *layout, guint train, guint validation, guint test)
{
  g_assert_cmpstr (seg_dataset_get_layout (dataset), ==, layout);
  g_assert_cmpuint (seg_dataset_get_n (dataset, SEG_SPLIT_TRAIN), ==, train);
  g_assert_cmpuint (seg_dataset_get_n (dataset, SEG_SPLIT_VALIDATION), ==, validation);
  g_assert_cmpuint (seg_dataset_get_n (dataset, SEG_SPLIT_TEST), ==, test);
}

static void
assert_names (SegDataset *dataset, SegSplit split, const char *names)
{
  g_autoptr (GString) found = g_string_new (NULL);

  for (guint i = 0; i < seg_dataset_get_n (dataset, split); i++)
    g_string_append_printf (found, "%s%s", i > 0 ? " " : "",
                            seg_dataset_get (dataset, split, i)->name);
  g_assert_cmpstr (found->str, ==, names);
}

static SegSampleData *
read_sample (SegDataset *dataset, SegSplit split, guint i)
{
  g_autoptr (GError) error = NULL;
  SegSampleData *data = seg_dataset_read (dataset, split, i, &error);

  g_assert_no_error (error);
  return data;
}

static void
test_layout_folders (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "Masks", 11);
  samples_save_text (folder, "images/README.txt", "not an image");
  samples_save_text (folder, "images/.hidden.png", "not an image");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "folders", 9, 2, 0);
    assert_names (dataset, SEG_SPLIT_TRAIN, "1 2 3 4 6 7 8 9 11");
    assert_names (dataset, SEG_SPLIT_VALIDATION, "5 10");
    samples_assert_classes (dataset, "background=0; object=255");
    g_assert_false (seg_dataset_is_split_given (dataset));
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 1);
    g_assert_cmpuint (seg_dataset_get_depth (dataset), ==, 8);
    g_assert_cmpuint (seg_dataset_get_class_counts (dataset)[0], ==, 9 * 80);
    g_assert_cmpuint (seg_dataset_get_class_counts (dataset)[1], ==, 9 * 40);
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);
}

/* Suffixes, different endings, and both in one folder. */
static void
test_layout_suffixes (void)
{
  char *folder = samples_new ();

  samples_save_image (folder, "imgs/a.jpg", 8, 8, 3, 1);
  samples_save_image (folder, "imgs/b.tif", 8, 8, 3, 2);
  samples_save_mask (folder, "gt/a_mask.png", 8, 8, "0 1");
  samples_save_mask (folder, "gt/b_gt.tif", 8, 8, "0 1");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "folders", 1, 1, 0);
    assert_names (dataset, SEG_SPLIT_TRAIN, "a");
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);

  folder = samples_new ();
  samples_save_image (folder, "a.png", 8, 8, 3, 1);
  samples_save_image (folder, "b.png", 8, 8, 3, 2);
  samples_save_mask (folder, "a_mask.png", 8, 8, "0 1");
  samples_save_mask (folder, "b_mask.png", 8, 8, "0 1");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "folders", 1, 1, 0);
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);
}

static void
test_layout_splits (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "train/image", "train/label", 3);
  samples_save_image (folder, "val/image/x.png", 8, 8, 1, 77);
  samples_save_mask (folder, "val/label/x.png", 8, 8, "0 255");
  samples_save_image (folder, "test/image/y.png", 8, 8, 1, 78);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "split-folders", 3, 1, 0);
    g_assert_true (seg_dataset_is_split_given (dataset));
    samples_assert_problems (dataset, 0, "warning: test without masks");
  }
  samples_free (folder);

  folder = samples_new ();
  samples_save_pairs (folder, "images/train", "masks/train", 3);
  samples_save_image (folder, "images/val/x.png", 8, 8, 1, 77);
  samples_save_mask (folder, "masks/val/x.png", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "split-folders", 3, 1, 0);
  }
  samples_free (folder);

  folder = samples_new ();
  samples_save_pairs (folder, "train", "trainannot", 3);
  samples_save_image (folder, "test/x.png", 8, 8, 1, 77);
  samples_save_mask (folder, "testannot/x.png", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "camvid", 2, 1, 1);
    g_assert_false (seg_dataset_is_split_given (dataset)); /* only the test images are */
  }
  samples_free (folder);
}

static void
test_layout_lists (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 5);
  samples_save_text (folder, "train.txt", "1\n/data/images/2.png /data/masks/2.png\n");
  samples_save_text (folder, "val.txt", "4.png\n# 5\n\n");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_names (dataset, SEG_SPLIT_TRAIN, "1 2");
    assert_names (dataset, SEG_SPLIT_VALIDATION, "4");
    samples_assert_problems (dataset, 0, "has 2 images with a mask that no list names");
  }
  samples_save_text (folder, "val.txt", "4\n2\n9\n");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 2, "in two lists (1)|listed but not there (1)|names \"9\"");
  }
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\noversample=*: 2, 4: 3\n"); /* 4 validates */

    samples_assert_problems (dataset, 3,
                             "oversampled but not there (1)|called \"4\": it validates");
  }
  samples_save_text (folder, "mine.txt", "1\n3\n");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nvalidation=mine.txt\n"
                                                           "train=train.txt\n");

    assert_names (dataset, SEG_SPLIT_TRAIN, "2");
    assert_names (dataset, SEG_SPLIT_VALIDATION, "1 3");
    g_assert_true (seg_dataset_is_split_given (dataset));
  }
  samples_free (folder);
}

static void
test_layout_voc (void)
{
  char *folder = samples_new ();
  guint8 indices[8 * 8];

  for (guint i = 0; i < sizeof indices; i++)
    indices[i] = i % 5 == 0 ? 255 : i % 3;
  for (guint i = 1; i <= 4; i++)
    {
      g_autofree char *image = g_strdup_printf ("JPEGImages/2007_%u.jpg", i);
      g_autofree char *mask = g_strdup_printf ("SegmentationClass/2007_%u.png", i);
      guint8 colours[256][3];

      for (guint k = 0; k < 256; k++)
        colours[k][0] = (guint8) (k * 128), colours[k][1] = (guint8) (k * 64), colours[k][2] = 0;
      samples_save_image (folder, image, 8, 8, 3, i);
      if (i < 4) /* one without a mask is no problem there */
        samples_save_palette (folder, mask, 8, 8, indices, colours[0], 256);
    }
  samples_save_text (folder, "ImageSets/Segmentation/train.txt", "2007_1\n2007_2\n");
  samples_save_text (folder, "ImageSets/Segmentation/val.txt", "2007_3\n");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "voc", 2, 1, 0);
    samples_assert_classes (dataset, "class 0=0; class 1=1; class 2=2");
    g_assert_cmpuint (seg_dataset_get_ignore_count (dataset), ==, 2 * 13);
    g_assert_cmpuint (seg_dataset_get_class (dataset, 1)->red, ==, 128);
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);
}

static void
test_layout_nnunet (void)
{
  char *folder = samples_new ();

  for (guint i = 1; i <= 2; i++)
    {
      g_autofree char *first = g_strdup_printf ("imagesTr/case_%u_0000.png", i);
      g_autofree char *second = g_strdup_printf ("imagesTr/case_%u_0001.png", i);
      g_autofree char *mask = g_strdup_printf ("labelsTr/case_%u.png", i);

      samples_save_image (folder, first, 8, 8, 1, i);
      samples_save_image (folder, second, 8, 8, 1, i + 10);
      samples_save_mask (folder, mask, 8, 8, "0 1 2");
    }
  samples_save_text (folder, "dataset.json",
                     "{\"channel_names\": {\"0\": \"a\", \"1\": \"b\"}, \"labels\": "
                     "{\"background\": 0, \"cell\": 1, \"ignore\": 2}, \"file_ending\": \".png\"}");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegSampleData) data = NULL;

    assert_splits (dataset, "nnunet", 1, 1, 0);
    assert_names (dataset, SEG_SPLIT_TRAIN, "case_1");
    samples_assert_classes (dataset, "background=0; cell=1");
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 2);
    data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);
    g_assert_cmpint (data->c, ==, 2);
    g_assert_cmpuint (data->target[4], ==, SEG_TARGET_IGNORE);
    samples_assert_no_problem (dataset);
  }
  samples_save_image (folder, "imagesTs/case_3_0000.png", 8, 8, 1, 3);
  samples_save_mask (folder, "labelsTs/case_3.png", 8, 8, "0 1");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "nnunet", 1, 1, 1);
    samples_assert_problems (dataset, 1,
                             "case_3_0000.png: its sample has 1 file, and the first one 2");
  }
  samples_free (folder);

  /* images of one file that are called as their masks */
  folder = samples_new ();
  for (guint i = 1; i <= 5; i++)
    {
      g_autofree char *image = g_strdup_printf ("imagesTr/case_%04u.png", i);
      g_autofree char *mask = g_strdup_printf ("labelsTr/case_%04u.png", i);

      samples_save_image (folder, image, 8, 8, 1, i);
      samples_save_mask (folder, mask, 8, 8, "0 1");
    }
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "nnunet", 4, 1, 0);
    assert_names (dataset, SEG_SPLIT_VALIDATION, "case_0005");
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);
}

static void
save_channels (const char *folder, const char *images, const char *mask, guint first, guint n)
{
  for (guint k = first; k < first + n; k++)
    {
      g_autofree char *name = g_strdup_printf ("%s_%04u.png", images, k);

      samples_save_image (folder, name, 8, 8, 1, k + g_str_hash (images));
    }
  samples_save_mask (folder, mask, 8, 8, "0 255");
}

/* nnU-Net's names, in other folders than its own. */
static void
test_layout_channels (void)
{
  char *folder = samples_new ();

  save_channels (folder, "images/a", "masks/a.png", 0, 2);
  save_channels (folder, "images/b", "masks/b_mask.png", 0, 2);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegSampleData) data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);

    assert_splits (dataset, "folders", 1, 1, 0);
    assert_names (dataset, SEG_SPLIT_TRAIN, "a");
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 2);
    g_assert_cmpint (data->c, ==, 2);
    g_assert_true (g_str_has_suffix (seg_dataset_get (dataset, SEG_SPLIT_TRAIN, 0)->images[1],
                                     "images/a_0001.png"));
    samples_assert_no_problem (dataset);
  }
  save_channels (folder, "images/c", "masks/c.png", 0, 1);
  save_channels (folder, "images/d", "masks/d.png", 1, 1);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 2,
                             "error: a file is missing (2)|images/c_0000.png: has no counterpart "
                             "c_0001 in |images/d_0001.png: has no counterpart d_0000 in ");
  }
  samples_remove (folder, "masks/d.png");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 2, "error: no mask (1)|images/d_0001.png: has no mask in ");
  }
  samples_remove (folder, "images/d_0001.png");
  samples_save_mask (folder, "masks/d.png", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 2, "masks/d.png: has no image d_0000 in ");
  }
  samples_free (folder);

  /* images without a mask, also with more numbers than those that have one */
  folder = samples_new ();
  save_channels (folder, "JPEGImages/a", "SegmentationClass/a.png", 0, 2);
  save_channels (folder, "JPEGImages/b", "SegmentationClass/b.png", 0, 2);
  save_channels (folder, "JPEGImages/c", "SegmentationClass/c.png", 0, 3);
  samples_remove (folder, "SegmentationClass/c.png");
  samples_save_image (folder, "JPEGImages/a_0064.png", 8, 8, 1, 64);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "voc", 1, 1, 0);
    samples_assert_no_problem (dataset);
  }
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=JPEGImages\nmasks=SegmentationClass\n");

    samples_assert_problems (dataset, 2,
                             "error: no mask (2)|a_0064.png: has no mask|c_0000.png: has no mask");
  }
  samples_free (folder);

  /* a number that nobody has is missed in all */
  folder = samples_new ();
  save_channels (folder, "train/images/a", "train/masks/a.png", 0, 3);
  save_channels (folder, "train/images/b", "train/masks/b.png", 0, 3);
  save_channels (folder, "val/images/c", "val/masks/c.png", 0, 3);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_splits (dataset, "split-folders", 2, 1, 0);
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 3);
    samples_assert_no_problem (dataset);
  }
  samples_remove (folder, "train/images/a_0001.png");
  samples_remove (folder, "train/images/b_0001.png");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_problems (dataset, 3,
                             "error: a file is missing (2)|a_0000.png: has no counterpart a_0001");
  }
  samples_free (folder);

  /* names that differ in more than the number meet only where the recipe has it */
  folder = samples_new ();
  save_channels (folder, "images/field_1", "masks/truth_1.png", 0, 2);
  save_channels (folder, "images/field_2", "masks/truth_2.png", 0, 2);
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=images\nmasks=masks\nimage-suffixes=_0000, _0001\n");

    assert_splits (dataset, "folders", 1, 1, 0);
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 2);
    samples_assert_no_problem (dataset);
  }
  samples_free (folder);

  /* names of samples, with masks of their own */
  folder = samples_new ();
  save_channels (folder, "images/a", "masks/a.png", 0, 2);
  samples_save_mask (folder, "masks/a_0000.png", 8, 8, "0 255");
  samples_save_mask (folder, "masks/a_0001_mask.png", 8, 8, "0 255");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_names (dataset, SEG_SPLIT_TRAIN, "a_0000");
    samples_assert_problems (dataset, 1, "masks/a.png: has no image in ");
  }
  samples_free (folder);
}

/* Whoever asks for another layout than the folder has is told of both. */
static void
test_layout_other (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 2);
  samples_open_fails (folder, "[data]\nlayout=voc\n",
                      "is not of the layout \"voc\", which has folders JPEGImages and "
                      "SegmentationClass; it looks like \"folders\"");
  samples_open_fails (folder, "[data]\nlayout=split-folders\n",
                      "which has folders train, val and test, with images and masks in each; it "
                      "looks like \"folders\"");
  samples_free (folder);

  folder = samples_new ();
  samples_save_pairs (folder, "train/images", "train/masks", 2);
  samples_open_fails (
      folder, "[data]\nlayout=folders\n",
      "which has folders images and masks, or 7.png and 7_mask.png side by side; it "
      "looks like \"split-folders\"");
  samples_free (folder);

  folder = samples_new ();
  samples_save_image (folder, "a.png", 8, 8, 1, 1);
  samples_open_fails (folder, "[data]\nlayout=camvid\n",
                      "which has folders train and trainannot; nor does it look like any other");
  samples_free (folder);
}

/* Two files for each sample, whose names only share a number. */
static void
test_layout_explicit (void)
{
  char *folder = samples_new ();

  for (guint i = 9; i <= 11; i++)
    {
      g_autofree char *first = g_strdup_printf ("phase/field_c01t%u.png", i);
      g_autofree char *second = g_strdup_printf ("gfp/field_c02t%u.png", i);
      g_autofree char *mask = g_strdup_printf ("truth/segmented_c01t%u.png", i);

      samples_save_image (folder, first, 8, 8, 1, i);
      samples_save_image (folder, second, 8, 8, 3, i + 20);
      samples_save_mask (folder, mask, 8, 8, "0 1");
    }
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=phase,gfp\nmasks=truth\nvalidation-names=9\n");

    assert_splits (dataset, "folders", 2, 1, 0);
    assert_names (dataset, SEG_SPLIT_TRAIN, "10 11");
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 4);
    g_assert_true (g_str_has_suffix (seg_dataset_get (dataset, SEG_SPLIT_TRAIN, 0)->images[1],
                                     "gfp/field_c02t10.png"));
    samples_assert_no_problem (dataset);
  }
  samples_save_image (folder, "both/1_red.png", 8, 8, 1, 1);
  samples_save_image (folder, "both/1_blue.png", 8, 8, 1, 2);
  samples_save_mask (folder, "truth/1.png", 8, 8, "0 1");
  samples_save_mask (folder, "both/1_who.png", 8, 8, "0 1");
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nimages=both\nimage-suffixes=_red, _blue\nmasks=both\n"
                              "mask-suffix=_who\n");

    assert_splits (dataset, "folders", 1, 0, 0);
    g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, 2);
    samples_assert_problems (dataset, 0, "no validation");
  }
  samples_open_fails (folder, "[data]\nimages=phase,gfp\nimage-suffixes=_red\nmasks=truth\n",
                      "1 \"image-suffixes\" for 2 folders");
  samples_open_fails (folder, NULL, "has no images with masks");
  samples_open_fails (folder, "[data]\nimages=phase\n", "without \"masks\"");
  samples_open_fails (folder, "[data]\nimages=phase,red\nmasks=truth\n",
                      "[data] images: there is no folder ");
  samples_open_fails (folder, "[data]\nmask=truth\n", "no key \"mask\"");
  samples_open_fails (folder, "[data]\nvalidation-share=2\n", "cannot be 2");
  samples_open_fails (folder, "[data]\noversample=9: 0\n", "cannot be \"9: 0\"");
  samples_open_fails (folder, "[data]\noversample=9\n", "cannot be \"9\"");
  samples_open_fails (folder, "[data]\nimage-suffixes=_red\n", "is given without \"images\"");
  samples_open_fails (folder, "[data]\nmask-suffix=_m\n", "is given without \"images\"");
  samples_open_fails ("/nonexistent", NULL, "/nonexistent: is not a folder");
  samples_free (folder);
}

/* A folder with images of one pixel and one mask, given its content. */
static void
save_mask_image (const char *folder, VipsImage *mask)
{
  samples_save_image (folder, "images/a.png", mask->Xsize, mask->Ysize, 1, 1);
  samples_save (folder, "masks/a.tif", mask);
}

static void
assert_targets (SegDataset *dataset, const guint16 *targets, guint n)
{
  g_autoptr (SegSampleData) data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);

  g_assert_cmpint (data->w * data->h, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (data->target[i], ==, targets[i]);
}

static void
check_mask (VipsImage *mask, const char *recipe, const char *classes, const guint16 *targets)
{
  char *folder = samples_new ();

  save_mask_image (folder, mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, recipe);

    samples_assert_classes (dataset, classes);
    assert_targets (dataset, targets, (guint) mask->Xsize);
  }
  samples_free (folder);
  g_object_unref (mask);
}

static void
test_mask_numbers (void)
{
  const guint8 binary[] = { 0, 255, 255, 0 }, few[] = { 0, 1, 3, 255 }, far[] = { 0, 128, 255, 0 };
  const guint8 smooth[] = { 0, 100, 200, 255 };
  const float floats[] = { 0, 1, 1, 2 };
  const gint32 ints[] = { 0, 40000, 2, 2 };
  guint16 objects[100], of_objects[100];

  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, binary, 4), NULL,
              "background=0; object=255", (guint16[]){ 0, 1, 1, 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, few, 4), NULL,
              "class 0=0; class 1=1; class 2=2; class 3=3",
              (guint16[]){ 0, 1, 3, SEG_TARGET_IGNORE });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, few, 4),
              "[data]\nignore=1\n", "value 0=0; value 3=3; value 255=255",
              (guint16[]){ 0, SEG_TARGET_IGNORE, 1, 2 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, far, 4), NULL,
              "value 0=0; value 128=128; value 255=255", (guint16[]){ 0, 1, 2, 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, smooth, 4),
              "[data]\nthreshold=128\n", "background=0; object=1", (guint16[]){ 0, 0, 1, 1 });
  check_mask (samples_make_mask (VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_B_W, 1, floats, 4), NULL,
              "class 0=0; class 1=1; class 2=2", (guint16[]){ 0, 1, 1, 2 });
  check_mask (samples_make_mask (VIPS_FORMAT_INT, VIPS_INTERPRETATION_B_W, 1, ints, 4),
              "[data.classes]\nrest=0\nbig=40000\nsmall=2,3\n", "rest=0; big=40000; small=2, 3",
              (guint16[]){ 0, 1, 2, 2 });
  for (guint i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      objects[i] = (guint16) (i * 300);
      of_objects[i] = i > 0;
    }
  check_mask (samples_make_mask (VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16, 1, objects, 100),
              NULL, "background=0; object=1", of_objects);
}

static void
test_mask_objects (void)
{
  char *folder = samples_new ();
  const guint8 values[] = { 0, 5, 6, 0 };
  g_autoptr (VipsImage) mask =
      samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, values, 4);

  save_mask_image (folder, mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nobjects=true\n");
    g_autoptr (SegSampleData) data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);

    g_assert_true (seg_dataset_has_instances (dataset));
    for (guint i = 0; i < 4; i++)
      {
        g_assert_cmpuint (data->target[i], ==, values[i] > 0);
        g_assert_cmpuint (data->instances[i], ==, values[i]);
      }
  }
  samples_save (folder, "instances/a.png", mask);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegSampleData) data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);

    g_assert_cmpuint (seg_dataset_get_n_classes (dataset), ==, 7);
    for (guint i = 0; i < 4; i++)
      g_assert_cmpuint (data->instances[i], ==, values[i]);
  }
  samples_free (folder);
}

static void
test_mask_colours (void)
{
  const guint8 colours[] = { 0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 0, 0 };
  const guint8 greys[] = { 0, 0, 0, 1, 1, 1, 2, 2, 2, 1, 1, 1 };
  const guint8 ends[] = { 0, 255, 255, 0 };

  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 3, colours, 4), NULL,
              "#000000=#000000; #0000ff=#0000ff; #ff0000=#ff0000", (guint16[]){ 0, 2, 1, 2 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 3, colours, 4),
              "[data]\nignore=sea\n[data.classes]\nland=#ff0000\nrest=0 0 0\nsea=0 0 255\n",
              "land=#ff0000; rest=#000000", (guint16[]){ 1, 0, SEG_TARGET_IGNORE, 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 3, greys, 4), NULL,
              "class 0=0; class 1=1; class 2=2", (guint16[]){ 0, 1, 2, 1 });
  /* a table with colours alone, and numbers that are their greys, or their places */
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, ends, 4),
              "[data.classes]\nblack=#000000\nwhite=#ffffff\n",
              "black=#000000, 0; white=#ffffff, 255", (guint16[]){ 0, 1, 1, 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, greys + 2, 4),
              "[data.classes]\na=#ff0000\nb=#00ff00\n", "a=#ff0000, 0; b=#00ff00, 1",
              (guint16[]){ 0, 1, 1, 1 });
}

/* What a recipe says holds for masks that lack some of it. */
static void
test_mask_values (void)
{
  const guint8 some[] = { 7, 255, 255, 7 }, middle[] = { 2, 2, 2, 2 };
  const guint16 large[] = { 65535, 0, 65534, 1 };
  const guint8 colours[] = { 0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0 };

  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, some, 4),
              "[classes]\nnames=sky;road;car\n[data]\nclass-values=0, 1;7;9\nignore=254, 255\n",
              "sky=0, 1; road=7; car=9", (guint16[]){ 1, SEG_TARGET_IGNORE, SEG_TARGET_IGNORE, 1 });
  check_mask (samples_make_mask (VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16, 1, large, 4),
              "[data]\nclass-values=1;65534;65535\nignore=0\n",
              "class 0=1; class 1=65534; class 2=65535", (guint16[]){ 2, SEG_TARGET_IGNORE, 1, 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 3, colours, 4),
              "[data]\nclass-values=#000000;#0000ff;#ff0000\n",
              "class 0=#000000; class 1=#0000ff; class 2=#ff0000", (guint16[]){ 0, 2, 2, 0 });
  /* names alone say which class is which, if all that are there have one of them */
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, middle, 4),
              "[classes]\nnames=object;background\n", "object=2; background=", (guint16[4]){ 0 });
  check_mask (samples_make_mask (VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1, some, 4),
              "[classes]\nnames=object;other\n", "background=7; object=255",
              (guint16[]){ 0, 1, 1, 0 });
}

/* Two numbers of one colour stay two; where palettes differ, their colours count. */
static void
test_mask_palettes (void)
{
  const guint8 indices[] = { 0, 1, 2, 3 }, swapped[][3] = { { 0, 200, 0 }, { 200, 0, 0 } };
  char *folder = samples_new ();

  samples_save_image (folder, "images/a.png", 4, 1, 1, 1);
  samples_save_palette (folder, "masks/a.png", 4, 1, indices, palette[0], 4);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    samples_assert_classes (dataset, "class 0=0; class 1=1; class 2=2; class 3=3");
    assert_targets (dataset, (guint16[]){ 0, 1, 2, 3 }, 4);
    g_assert_cmpuint (seg_dataset_get_class (dataset, 2)->green, ==, 200);
  }
  samples_save_image (folder, "images/b.png", 2, 1, 1, 2);
  samples_save_palette (folder, "masks/b.png", 2, 1, indices, swapped[0], 2);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegSampleData) second = read_sample (dataset, SEG_SPLIT_VALIDATION, 0);

    samples_assert_classes (dataset, "#000000=#000000; #00c800=#00c800; #c80000=#c80000");
    assert_targets (dataset, (guint16[]){ 0, 2, 1, 0 }, 4);
    g_assert_cmpuint (second->target[0], ==, 1);
    g_assert_cmpuint (second->target[1], ==, 2);
  }
  /* a table of colours in any order */
  samples_save_text (folder, "classes.csv", "name,r,g,b\nred,200,0,0\ngreen,0,200,0\nno,0,0,0\n");
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);

    assert_targets (dataset, (guint16[]){ 2, 0, 1, 2 }, 4);
  }
  samples_save_text (folder, "classes.csv", "name,r\nred,200,0\n");
  samples_open_fails (folder, NULL, "classes.csv: line 2");
  samples_free (folder);
}

/* Asserts what the second sample is, too. */
static void
assert_both (SegDataset *dataset, const guint16 *first, const guint16 *second)
{
  g_autoptr (SegSampleData) data = read_sample (dataset, SEG_SPLIT_TRAIN, 1);

  assert_targets (dataset, first, 4);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (data->target[i], ==, second[i]);
}

/* A mask with a palette and one without, what a table of colours makes of them, and what the values
 * make of them that were found by it. */
static void
check_repeats (const char *table, const char *classes, const guint16 *first)
{
  const guint8 indices[] = { 0, 1, 2, 1 };
  const guint16 second[] = { 0, 0, 1, 1 };
  char *folder = samples_new ();
  g_autoptr (GString) recipe = g_string_new ("[data]\nvalidation-share=0\nclass-values=");

  samples_save_image (folder, "images/a.png", 4, 1, 1, 1);
  samples_save_palette (folder, "masks/a.png", 4, 1, indices, palette[0], 3);
  samples_save_image (folder, "images/b.png", 4, 1, 1, 2);
  samples_save_mask (folder, "masks/b.png", 4, 1, "0 1");
  samples_save_text (folder, "classes.csv", table);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, "[data]\nvalidation-share=0\n");

    samples_assert_classes (dataset, classes);
    assert_both (dataset, first, second);
    for (guint i = 0; i < seg_dataset_get_n_classes (dataset); i++)
      {
        g_autofree char *values = seg_dataset_dup_class_values (dataset, i);

        g_string_append_printf (recipe, "%s%s", i > 0 ? ";" : "", values);
      }
  }
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, recipe->str);

    assert_both (dataset, first, second);
  }
  samples_free (folder);
}

static void
test_mask_repeats (void)
{
  check_repeats ("red,200,0,0\ngreen,0,200,0\nblack,0,0,0\n",
                 "red=#c80000, 0; green=#00c800, 1; black=#000000, 2", (guint16[]){ 2, 0, 1, 0 });
  /* other colours than the palette's */
  check_repeats ("red,255,0,0\ngreen,0,255,0\nblack,0,0,0\n",
                 "red=0, #ff0000; green=1, #00ff00; black=2, #000000", (guint16[]){ 0, 1, 2, 1 });
  /* numbers tell apart what has one colour */
  check_repeats ("black,0,0,0,0\nred,1,200,0,0\ndark,2,0,0,0\n",
                 "black=0, #000000; red=1, #c80000; dark=2, #000000", (guint16[]){ 0, 1, 2, 1 });
}

static void
test_mask_shared (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 2);
  samples_open_fails (folder, "[data.classes]\na=0, 255\nb=255\n",
                      "[data.classes]: the value 255 is of two classes, \"a\" and \"b\"");
  samples_save_text (folder, "classes.csv", "a,#000000\nb,#ffffff\nc,0 0 0\n");
  samples_open_fails (folder, NULL,
                      "classes.csv: the colour #000000 is of two classes, \"a\" and \"c\"");
  samples_free (folder);
}

static void
assert_row (SegModel *model, SegSource *source, SegSampleData *data, gint64 y)
{
  g_autofree float *values = g_new (float, data->c * data->w);
  SegRect line = { 0, y, data->w, 1 };
  SegView view = { { 1, data->c, data->h, data->w }, line, NULL, (guint) data->c };
  SegChannelBlock blocks[3];
  float *rows[3];
  g_autoptr (GError) error = NULL;

  for (gint64 c = 0; c < data->c; c++)
    {
      rows[c] = values + c * data->w;
      blocks[c] = (SegChannelBlock){ &rows[c], (gint32) c, 1, 1 };
    }
  view.blocks = blocks;
  g_assert_true (seg_source_fill (source, &view, &error));
  for (gint64 c = 0; c < data->c; c++)
    for (gint64 x = 0; x < data->w; x++)
      {
        float value = data->image[(c * data->h + y) * data->w + x];

        value = (value - seg_model_get_mean (model)[c]) / seg_model_get_std (model)[c];
        g_assert_cmpfloat (value, ==, rows[c][x]);
      }
}

/* What `segment` gives a model, to the bit, of the one sample of a folder. */
static void
check_sample (const char *folder, guint channels, const char *key)
{
  g_autofree char *recipe = g_strdup_printf (
      "[segkit]\nformat=1\n[input]\nchannels=%u\nmean=%s\nstd=%s\n[classes]\nnames=a;b\n"
      "[model]\ntype=unet\nclasses=2\nhead-kernel-size=1\n"
      "[model.encoder]\ntype=unet-encoder\nchannels=2\ndepth=1\n"
      "[model.decoder]\ntype=unet-decoder\n",
      channels, channels == 1 ? "0.3" : "0.3;0.4;0.6", channels == 1 ? "0.7" : "0.7;0.2;0.3");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (recipe, 1, &error);
  g_autoptr (SegDataset) dataset = samples_open (folder, key);
  g_autoptr (SegSampleData) data = NULL;
  g_autoptr (SegSource) source = NULL;
  SegRect all;

  g_assert_no_error (error);
  samples_assert_problems (dataset, 0, "no validation");
  data = read_sample (dataset, SEG_SPLIT_TRAIN, 0);
  g_assert_cmpint (data->c, ==, channels);
  source = seg_source_new (
      (const char *const *) seg_dataset_get (dataset, SEG_SPLIT_TRAIN, 0)->images, model, FALSE,
      &error);
  g_assert_no_error (error);
  all = (SegRect){ 0, 0, data->w, data->h };
  g_assert_true (seg_source_fetch (source, &all, &error));
  for (gint64 y = 0; y < data->h; y++)
    assert_row (model, source, data, y);
}

static void
check_floats (const char *name, VipsImage *image, guint channels)
{
  g_autofree char *key = g_strdup_printf ("[data]\nbands=%u\n", channels);
  g_autofree char *file = g_strconcat ("images/", name, NULL);
  char *folder = samples_new ();

  samples_save (folder, file, image);
  samples_save_mask (folder, "masks/a.png", image->Xsize, image->Ysize, "0 1");
  check_sample (folder, channels, key);
  samples_free (folder);
  g_object_unref (image);
}

static VipsImage *
make_picture (int bands, VipsBandFormat format, VipsInterpretation type, double scale)
{
  char *folder = samples_new ();
  g_autofree char *path = g_build_filename (folder, "p.png", NULL);
  VipsImage *loaded, *scaled, *cast, *picture;

  samples_save_image (folder, "p.png", 13, 150, bands, 5);
  loaded = vips_image_new_from_file (path, NULL);
  g_assert_cmpint (vips_linear1 (loaded, &scaled, scale, 0, NULL), ==, 0);
  g_assert_cmpint (vips_cast (scaled, &cast, format, NULL), ==, 0);
  picture = vips_image_copy_memory (cast);
  picture->Type = type;
  g_object_unref (loaded);
  g_object_unref (scaled);
  g_object_unref (cast);
  samples_free (folder);
  return picture;
}

static void
test_floats (void)
{
  check_floats ("a.png", make_picture (3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 1), 3);
  check_floats ("a.jpg", make_picture (3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 1), 3);
  check_floats ("a.png", make_picture (3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 1), 1);
  check_floats ("a.png", make_picture (1, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1), 3);
  check_floats ("a.png", make_picture (4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, 1), 3);
  check_floats ("a.tif", make_picture (3, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, 250), 3);
  check_floats ("a.tif", make_picture (1, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_B_W, 0.007), 1);
  check_floats ("a.tif", make_picture (1, VIPS_FORMAT_SHORT, VIPS_INTERPRETATION_B_W, 90), 1);
}

/* Each file of a sample by its own range. */
static void
test_floats_of_files (void)
{
  VipsImage *files[]
      = { make_picture (1, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, 1),
          make_picture (1, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16, 250),
          make_picture (1, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_B_W, 0.007) };
  char *folder = samples_new ();

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *name = g_strdup_printf ("images/a_%04u.tif", i);

      samples_save (folder, name, files[i]);
    }
  samples_save_mask (folder, "masks/a.png", files[0]->Xsize, files[0]->Ysize, "0 1");
  check_sample (folder, 3, NULL);
  samples_free (folder);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    g_object_unref (files[i]);
}

/* A class's share is of the masks that have it. */
static void
test_class_weights (void)
{
  char *folder = samples_new ();
  float weights[4];

  samples_save_image (folder, "images/a.png", 8, 8, 1, 1);
  samples_save_image (folder, "images/b.png", 8, 8, 1, 2);
  samples_save_mask (folder, "masks/a.png", 8, 8, "0 0 1 1");
  samples_save_mask (folder, "masks/b.png", 8, 8, "0 2 0 2");
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nvalidation-share=0\n[data.classes]\na=0\nb=1\nc=2\nd=3\n");

    seg_dataset_get_class_weights (dataset, weights);
    g_assert_cmpfloat (weights[0], ==, 1);
    g_assert_cmpfloat (weights[1], ==, 1);
    g_assert_cmpfloat (weights[3], ==, 1);
    samples_assert_problems (dataset, 0, "no training mask has the class \"d\"");
  }
  samples_save_mask (folder, "masks/b.png", 8, 8, "0 0 0 2");
  {
    g_autoptr (SegDataset) dataset =
        samples_open (folder, "[data]\nvalidation-share=0\n[data.classes]\na=0\nb=1\nc=2\n");

    /* shares 5/8, 1/2, 1/4 */
    seg_dataset_get_class_weights (dataset, weights);
    g_assert_cmpfloat_with_epsilon (weights[0], 0.8, 1e-6);
    g_assert_cmpfloat_with_epsilon (weights[1], 1, 1e-6);
    g_assert_cmpfloat_with_epsilon (weights[2], 2, 1e-6);
  }
  {
    g_autoptr (SegDataset) dataset = samples_open (
        folder, "[data]\nvalidation-share=0\noversample=b: 3\n[data.classes]\na=0\nb=1\nc=2\n");

    /* shares 11/16, 1/2, 1/4 */
    seg_dataset_get_class_weights (dataset, weights);
    g_assert_cmpfloat_with_epsilon (weights[0], 8. / 11, 1e-6);
    g_assert_cmpfloat_with_epsilon (weights[1], 1, 1e-6);
    g_assert_cmpfloat_with_epsilon (weights[2], 2, 1e-6);
  }
  samples_free (folder);
}

static void
test_cache (void)
{
  char *folder = samples_new ();

  samples_save_pairs (folder, "images", "masks", 3);
  {
    g_autoptr (SegDataset) dataset = samples_open (folder, NULL);
    g_autoptr (SegSampleData) first = read_sample (dataset, SEG_SPLIT_TRAIN, 0);
    g_autoptr (SegSampleData) again = read_sample (dataset, SEG_SPLIT_TRAIN, 0);
    g_autoptr (SegDataset) without = samples_open (folder, NULL);
    float mean, std;
    double sum = 0, squares = 0;
    g_autoptr (GError) error = NULL;

    g_assert_true (first == again);
    seg_dataset_set_cache (without, 0);
    for (guint i = 0; i < 2; i++)
      {
        g_autoptr (SegSampleData) a = read_sample (without, SEG_SPLIT_TRAIN, i);
        g_autoptr (SegSampleData) b = read_sample (without, SEG_SPLIT_TRAIN, i);

        g_assert_true (a != b);
        g_assert_cmpmem (a->image, 120 * sizeof (float), b->image, 120 * sizeof (float));
        for (guint j = 0; j < 120; j++)
          {
            sum += a->image[j];
            squares += (double) a->image[j] * a->image[j];
          }
      }
    g_assert_true (seg_dataset_measure (dataset, &mean, &std, &error));
    g_assert_cmpfloat_with_epsilon (mean, sum / 240, 1e-6);
    g_assert_cmpfloat_with_epsilon (std, sqrt (squares / 240 - sum / 240 * sum / 240), 1e-6);
  }
  samples_free (folder);
}

typedef struct
{
  const char *name, *recipe, *layout;
  guint train, validation, test, bands, classes;
  gboolean instances;
  guint64 first, last; /* pixels of the first and last class in the training masks, by Pillow */
} RealCase;

static const RealCase real_cases[] = {
  { "isbi2012-em", NULL, "split-folders", 24, 6, 0, 1, 2, FALSE, 1400546, 4890910 },
  { "camvid", "[data]\nignore=11\n", "split-folders", 100, 25, 25, 3, 11, FALSE, 2902607, 40206 },
  { "dsb2018-nuclei", NULL, "folders", 120, 30, 0, 3, 2, TRUE, 18278624, 2645384 },
  { "oct-layers", NULL, "folders", 96, 24, 0, 1, 12, FALSE, 12024469, 252238 },
  { "nist-stemcells", "[data]\nimages=phasecontrast,gfp\nmasks=masks\n", "folders", 4, 1, 0, 2, 2,
    FALSE, 2327445, 723563 },
};

static void
test_real (gconstpointer data)
{
  const RealCase *real = data;
  g_autofree char *folder = samples_find_real (real->name);
  g_autoptr (SegDataset) dataset = NULL;
  guint n_errors;
  g_autofree char *text = NULL;

  if (folder == NULL)
    return;
  dataset = samples_open (folder, real->recipe);
  assert_splits (dataset, real->layout, real->train, real->validation, real->test);
  g_assert_cmpuint (seg_dataset_get_n_bands (dataset), ==, real->bands);
  g_assert_cmpuint (seg_dataset_get_n_classes (dataset), ==, real->classes);
  g_assert_cmpint (seg_dataset_has_instances (dataset), ==, real->instances);
  g_assert_cmpuint (seg_dataset_get_class_counts (dataset)[0], ==, real->first);
  g_assert_cmpuint (seg_dataset_get_class_counts (dataset)[real->classes - 1], ==, real->last);
  text = samples_check (dataset, &n_errors);
  g_assert_cmpuint (n_errors, ==, 0);
}

int
main (int argc, char **argv)
{
  samples_main_init (&argc, &argv);
  g_test_add_func ("/dataset/layout/folders", test_layout_folders);
  g_test_add_func ("/dataset/layout/suffixes", test_layout_suffixes);
  g_test_add_func ("/dataset/layout/splits", test_layout_splits);
  g_test_add_func ("/dataset/layout/lists", test_layout_lists);
  g_test_add_func ("/dataset/layout/voc", test_layout_voc);
  g_test_add_func ("/dataset/layout/nnunet", test_layout_nnunet);
  g_test_add_func ("/dataset/layout/channels", test_layout_channels);
  g_test_add_func ("/dataset/layout/other", test_layout_other);
  g_test_add_func ("/dataset/layout/explicit", test_layout_explicit);
  g_test_add_func ("/dataset/mask/numbers", test_mask_numbers);
  g_test_add_func ("/dataset/mask/objects", test_mask_objects);
  g_test_add_func ("/dataset/mask/values", test_mask_values);
  g_test_add_func ("/dataset/mask/colours", test_mask_colours);
  g_test_add_func ("/dataset/mask/palettes", test_mask_palettes);
  g_test_add_func ("/dataset/mask/repeats", test_mask_repeats);
  g_test_add_func ("/dataset/mask/shared", test_mask_shared);
  g_test_add_func ("/dataset/floats", test_floats);
  g_test_add_func ("/dataset/floats-of-files", test_floats_of_files);
  g_test_add_func ("/dataset/cache", test_cache);
  g_test_add_func ("/dataset/class-weights", test_class_weights);
  for (guint i = 0; i < G_N_ELEMENTS (real_cases); i++)
    {
      g_autofree char *path = g_strconcat ("/dataset/real/", real_cases[i].name, NULL);

      g_test_add_data_func (path, &real_cases[i], test_real);
    }
  return g_test_run ();
}
