/* What segment computes: the same label map in every way of running, and the one that the
 * network gives for the pixels as the documentation says they are read. */
#include "tool.h"

#define MODEL "-m", "model.safetensors"

static void
save_picture (Tool *tool, const char *name, int width, int height, int bands)
{
  VipsImage *picture = tool_picture (width, height, bands);

  tool_save_image (tool, name, picture);
  g_object_unref (picture);
}

/* A test in which all pixels are of one class would show nothing. */
static void
assert_two_classes (Tool *tool, const char *name)
{
  VipsImage *labels = tool_load (tool, name);
  double minimum, maximum;

  g_assert_cmpint (vips_min (labels, &minimum, NULL), ==, 0);
  g_assert_cmpint (vips_max (labels, &maximum, NULL), ==, 0);
  g_assert_cmpfloat (minimum, ==, 0);
  g_assert_cmpfloat (maximum, ==, 1);
  g_object_unref (labels);
}

static void
test_ways (Tool *tool, gconstpointer data)
{
  static const char *const ways[][2] = {
    { "--bands", "1" },    { "--bands", "5" },  { "--bands", "64" },  { "--bands", "1000000" },
    { "--tile", "64" },    { "--tile", "100" }, { "--tile", "389" },  { "--tile", "1000" },
    { "--threads", "1" },  { "--threads", "2" }, { "--threads", "5" },
  };

  (void) data;
  save_picture (tool, "image.png", 517, 389, 3);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--overlay", "oa.png", "image.png", NULL),
                   ==, 0);
  g_assert_cmpstr (tool->error_line, ==, "");
  assert_two_classes (tool, "a.png");

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_test_message ("%s %s", ways[i][0], ways[i][1]);
      g_assert_cmpint (tool_run (tool, MODEL, ways[i][0], ways[i][1], "-o", "b.png", "--overlay",
                                 "ob.tif", "image.png", NULL),
                       ==, 0);
      tool_assert_equal (tool, "a.png", "b.png");
      tool_assert_equal (tool, "oa.png", "ob.tif");
    }
  tool_assert_files (tool, "image.png", "a.png", "oa.png", "b.png", "ob.tif", NULL);
}

static gboolean
are_equal (Tool *tool, const char *a, const char *b)
{
  g_autofree char *path_a = tool_path (tool, a), *path_b = tool_path (tool, b);
  g_autofree char *text_a = NULL, *text_b = NULL;
  gsize n_a, n_b;

  g_assert_true (g_file_get_contents (path_a, &text_a, &n_a, NULL));
  g_assert_true (g_file_get_contents (path_b, &text_b, &n_b, NULL));
  return n_a == n_b && memcmp (text_a, text_b, n_a) == 0;
}

/* Test-time augmentation has seams no more than anything else. */
static void
test_tta (Tool *tool, gconstpointer data)
{
  static const char *const tiles[] = { "40", "64", "100", "1000" };
  static const char *const kinds[] = { "none", "flips", "d4" };

  (void) data;
  save_picture (tool, "image.png", 131, 89, 3);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    {
      g_autofree char *whole = g_strconcat (kinds[k], ".tif", NULL);

      g_assert_cmpint (tool_run (tool, MODEL, "--tta", kinds[k], "--probabilities", whole,
                                 "--overlay", "oa.png", "image.png", NULL),
                       ==, 0);
      for (guint i = 0; i < G_N_ELEMENTS (tiles); i++)
        {
          g_test_message ("%s by %s", kinds[k], tiles[i]);
          g_assert_cmpint (tool_run (tool, MODEL, "--tta", kinds[k], "--tile", tiles[i],
                                     "--probabilities", "b.tif", "--overlay", "ob.png",
                                     "image.png", NULL),
                           ==, 0);
          g_assert_true (are_equal (tool, whole, "b.tif"));
          tool_assert_equal (tool, "oa.png", "ob.png");
        }
    }
  g_assert_false (are_equal (tool, "none.tif", "flips.tif"));
  g_assert_false (are_equal (tool, "flips.tif", "d4.tif"));
}

static void
assert_sizes (Tool *tool, const int sizes[][2], guint n)
{
  for (guint i = 0; i < n; i++)
    {
      VipsImage *labels;

      g_test_message ("%d by %d", sizes[i][0], sizes[i][1]);
      save_picture (tool, "image.png", sizes[i][0], sizes[i][1], 3);
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "image.png", NULL), ==, 0);
      g_assert_cmpint (tool_run (tool, MODEL, "--tile", "5", "-o", "b.tif", "image.png", NULL), ==,
                       0);
      tool_assert_equal (tool, "a.png", "b.tif");
      labels = tool_load (tool, "a.png");
      g_assert_cmpint (labels->Xsize, ==, sizes[i][0]);
      g_assert_cmpint (labels->Ysize, ==, sizes[i][1]);
      g_assert_cmpint (labels->Bands, ==, 1);
      g_assert_cmpint (labels->BandFmt, ==, VIPS_FORMAT_UCHAR);
      g_object_unref (labels);
    }
}

static void
test_sizes (Tool *tool, gconstpointer data)
{
  static const int sizes[][2]
      = { { 4, 4 }, { 5, 7 }, { 16, 16 }, { 33, 17 }, { 4, 300 }, { 300, 4 } };

  (void) data;
  assert_sizes (tool, sizes, G_N_ELEMENTS (sizes));
}

/* Pooling without padding leaves nothing of one pixel; a ResNet has strides with padding. */
static void
test_tiny (Tool *tool, gconstpointer data)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 7 }, { 7, 1 }, { 2, 3 }, { 1, 300 } };

  (void) data;
  tool_save_recipe (tool, "model.safetensors",
                    "[segkit]\nformat=1\n"
                    "[input]\nchannels=3\n"
                    "[classes]\nnames=a;b\n"
                    "[model]\ntype=unet\nclasses=2\nhead-kernel-size=3\n"
                    "[model.encoder]\ntype=resnet-encoder\ndepth=18\n"
                    "[model.decoder]\ntype=unet-smp-decoder\n");
  assert_sizes (tool, sizes, G_N_ELEMENTS (sizes));
}

typedef struct
{
  SegModel *model;
  VipsImage *image;
  guint8 *pixels, *labels;
} Whole;

/* value = (pixel / 255 - mean) / std, written down once more */
static gboolean
read_whole (const SegView *view, gpointer data, GError **error)
{
  Whole *whole = data;
  const float *mean = seg_model_get_mean (whole->model), *std = seg_model_get_std (whole->model);

  (void) error;
  for (gint64 y = 0; y < view->valid.h; y++)
    for (gint64 x = 0; x < view->valid.w; x++)
      for (guint c = 0; c < 3; c++)
        {
          guint8 pixel = whole->pixels[(y * whole->image->Xsize + x) * 3 + c];
          *seg_view_at (view, c, 0, y, x) = ((float) pixel / 255.f - mean[c]) / std[c];
        }
  return TRUE;
}

static gboolean
write_whole (const SegView *view, gpointer data, GError **error)
{
  Whole *whole = data;

  (void) error;
  for (gint64 y = 0; y < view->valid.h; y++)
    seg_labels_from_logits (view, 0, y, whole->labels + y * view->valid.w);
  return TRUE;
}

/* The library, run on the whole image at once, says the same. */
static void
test_library (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "model.safetensors");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_load (path, &error);
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegWorkspace) workspace = NULL;
  VipsImage *labels;
  Whole whole = { 0 };
  SegRect all;
  gsize n;

  (void) data;
  g_assert_no_error (error);
  save_picture (tool, "image.png", 131, 97, 3);
  whole.model = model;
  whole.image = tool_load (tool, "image.png");
  whole.pixels = vips_image_write_to_memory (whole.image, &n);
  whole.labels = g_malloc (131 * 97);

  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, &error);
  g_assert_no_error (error);
  all = (SegRect){ 0, 0, 131, 97 };
  schedule = seg_schedule_new_region (plan, 1, 97, 131, &all, &error);
  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);
  seg_workspace_run (workspace, read_whole, write_whole, &whole, NULL, &error);
  g_assert_no_error (error);
  labels = vips_image_new_from_memory (whole.labels, 131 * 97, 131, 97, 1, VIPS_FORMAT_UCHAR);
  tool_save_image (tool, "expected.png", labels);

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "image.png", NULL), ==, 0);
  assert_two_classes (tool, "a.png");
  tool_assert_equal (tool, "expected.png", "a.png");
  g_object_unref (labels);
  g_object_unref (whole.image);
  g_free (whole.pixels);
  g_free (whole.labels);
}

/* Class 0 shows the image, class 1 is half its colour, #20e040. */
static void
test_overlay (Tool *tool, gconstpointer data)
{
  static const guint8 colour[3] = { 0x20, 0xe0, 0x40 };
  VipsImage *images[3];
  guint8 *bytes[3];
  static const char *const names[] = { "image.png", "a.png", "o.png" };
  gsize n;

  (void) data;
  save_picture (tool, "image.png", 90, 200, 1);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--overlay", "o.png", "image.png", NULL),
                   ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      images[i] = tool_load (tool, names[i]);
      bytes[i] = vips_image_write_to_memory (images[i], &n);
    }
  g_assert_cmpint (images[2]->Bands, ==, 3);
  for (guint i = 0; i < 90 * 200; i++)
    for (guint c = 0; c < 3; c++)
      {
        guint pixel = bytes[0][i], mixed = (pixel + colour[c] + 1) / 2;
        g_assert_cmpuint (bytes[2][3 * i + c], ==, bytes[1][i] == 0 ? pixel : mixed);
      }
  for (guint i = 0; i < 3; i++)
    {
      g_object_unref (images[i]);
      g_free (bytes[i]);
    }
}

/* Two savers in threads of their own, and libvips' own threads below them: none waits for ever. */
static void
test_savers (Tool *tool, gconstpointer data)
{
  static const char *const outputs[]
      = { "b.png", "b.tif", "b.tif[tile=false,compression=none]", "b.tiff[pyramid]",
          "b.tif[pyramid,subifd,tile-width=64,tile-height=64]", "b.tif[bigtiff,compression=zstd]" };
  static const char *const concurrencies[] = { "1", "2", "8" };

  (void) data;
  save_picture (tool, "image.png", 700, 900, 1);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--overlay", "oa.png", "image.png", NULL),
                   ==, 0);
  tool->variable = "VIPS_CONCURRENCY";
  for (guint i = 0; i < G_N_ELEMENTS (concurrencies); i++)
    for (guint j = 0; j < G_N_ELEMENTS (outputs); j++)
      {
        g_test_message ("%s, concurrency %s", outputs[j], concurrencies[i]);
        tool->value = concurrencies[i];
        g_assert_cmpint (tool_run (tool, MODEL, "-o", outputs[j], "--overlay", "ob.tif[pyramid]",
                                   "image.png", NULL),
                         ==, 0);
        tool_assert_equal (tool, "a.png", j == 0 ? "b.png" : j == 3 ? "b.tiff" : "b.tif");
        tool_assert_equal (tool, "oa.png", "ob.tif");
      }
  tool_assert_files (tool, "image.png", "a.png", "oa.png", "b.png", "b.tif", "b.tiff", "ob.tif",
                     NULL);
}

/* Smaller levels of a pyramid hold labels, too, not means of them. */
static void
test_pyramid (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "a.tif");
  VipsImage *level;
  double maximum;

  (void) data;
  save_picture (tool, "image.png", 600, 600, 1);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.tif[pyramid]", "image.png", NULL), ==, 0);
  g_assert_cmpint (vips_tiffload (path, &level, "page", 1, NULL), ==, 0);
  g_assert_cmpint (level->Xsize, ==, 300);
  g_assert_cmpint (vips_max (level, &maximum, NULL), ==, 0);
  g_assert_cmpfloat (maximum, ==, 1);
  g_object_unref (level);
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) \
  g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/segment/ways", test_ways);
  ADD ("/segment/tta", test_tta);
  ADD ("/segment/sizes", test_sizes);
  ADD ("/segment/tiny", test_tiny);
  ADD ("/segment/library", test_library);
  ADD ("/segment/overlay", test_overlay);
  ADD ("/segment/savers", test_savers);
  ADD ("/segment/pyramid", test_pyramid);
  return g_test_run ();
}
