/* What segment makes of an image beside the label map, each held against the labels, the image
 * and the library's own numbers, and the same in every way of running. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"
#define WIDTH 97
#define HEIGHT 61

enum { OK, FAILED, USAGE };

static const guint8 colours[3][3] = { { 0, 0, 0 }, { 0x20, 0xe0, 0x40 }, { 0xf0, 0x10, 0x80 } };

static void
save_picture (Tool *tool, const char *name)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  tool_save_recipe (tool, "model.safetensors",
                    "[segkit]\nformat=1\n"
                    "[input]\nchannels=3\nmean=0.5;0.5;0.5\nstd=0.25;0.25;0.25\n"
                    "[classes]\nnames=back;front, \"near\";far\ncolors=#000000;#20e040;#f01080\n"
                    "[model]\ntype=unet\nclasses=3\nhead-kernel-size=1\n"
                    "[model.encoder]\ntype=unet-encoder\nchannels=8\ndepth=2\n"
                    "[model.decoder]\ntype=unet-decoder\n");
  tool_save_image (tool, name, picture);
  g_object_unref (picture);
}

static gpointer
load_pixels (Tool *tool, const char *name, int bands, VipsBandFormat format)
{
  VipsImage *image = tool_load (tool, name);
  gsize n;
  gpointer pixels;

  g_assert_cmpint (image->Xsize, ==, WIDTH);
  g_assert_cmpint (image->Ysize, ==, HEIGHT);
  g_assert_cmpint (image->Bands, ==, bands);
  g_assert_cmpint (image->BandFmt, ==, format);
  pixels = vips_image_write_to_memory (image, &n);
  g_object_unref (image);
  return pixels;
}

/* A test in which a class has no pixels would show little. */
static void
assert_all_classes (const guint8 *labels)
{
  guint counts[3] = { 0 };

  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    {
      g_assert_cmpuint (labels[i], <, 3);
      counts[labels[i]]++;
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (counts[i], >, 50);
}

static gboolean
is_edge (const guint8 *labels, int x, int y)
{
  guint8 label = labels[y * WIDTH + x];

  return (x > 0 && labels[y * WIDTH + x - 1] != label)
         || (x + 1 < WIDTH && labels[y * WIDTH + x + 1] != label)
         || (y > 0 && labels[(y - 1) * WIDTH + x] != label)
         || (y + 1 < HEIGHT && labels[(y + 1) * WIDTH + x] != label);
}

static void
test_pictures (Tool *tool, gconstpointer data)
{
  g_autofree guint8 *image = NULL, *labels = NULL, *colors = NULL, *overlay = NULL, *outlines = NULL;

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "labels.png", "--colors", "colors.png", "--overlay",
                             "overlay.png", "--outlines", "outlines.tif", "image.png", NULL),
                   ==, OK);
  image = load_pixels (tool, "image.png", 3, VIPS_FORMAT_UCHAR);
  labels = load_pixels (tool, "labels.png", 1, VIPS_FORMAT_UCHAR);
  colors = load_pixels (tool, "colors.png", 3, VIPS_FORMAT_UCHAR);
  overlay = load_pixels (tool, "overlay.png", 3, VIPS_FORMAT_UCHAR);
  outlines = load_pixels (tool, "outlines.tif", 3, VIPS_FORMAT_UCHAR);
  assert_all_classes (labels);

  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      for (int c = 0; c < 3; c++)
        {
          int at = (y * WIDTH + x) * 3 + c;
          guint8 label = labels[y * WIDTH + x], colour = colours[label][c];

          g_assert_cmpint (colors[at], ==, colour);
          g_assert_cmpint (overlay[at], ==,
                           label == 0 ? image[at] : (image[at] + colour + 1) / 2);
          g_assert_cmpint (outlines[at], ==,
                           label != 0 && is_edge (labels, x, y) ? colour : image[at]);
        }
}

typedef struct
{
  const guint8 *pixels;
  double *probabilities; /* pixel × class */
} Softmax;

static gboolean
read_pixels (const SegView *view, gpointer data, GError **error)
{
  Softmax *self = data;

  (void) error;
  for (gint64 y = 0; y < HEIGHT; y++)
    for (gint64 x = 0; x < WIDTH; x++)
      for (guint c = 0; c < 3; c++)
        *seg_view_at (view, c, 0, y, x)
            = ((float) self->pixels[(y * WIDTH + x) * 3 + c] / 255.f - .5f) / .25f;
  return TRUE;
}

static gboolean
write_softmax (const SegView *view, gpointer data, GError **error)
{
  Softmax *self = data;

  (void) error;
  for (gint64 y = 0; y < HEIGHT; y++)
    for (gint64 x = 0; x < WIDTH; x++)
      {
        double *p = self->probabilities + (y * WIDTH + x) * 3, sum = 0;

        for (guint c = 0; c < 3; c++)
          sum += p[c] = exp ((double) *seg_view_at (view, c, 0, y, x));
        for (guint c = 0; c < 3; c++)
          p[c] /= sum;
      }
  return TRUE;
}

/* The softmax of the library's logits, in double precision. */
static double *
compute_softmax (Tool *tool, const guint8 *pixels)
{
  g_autofree char *path = tool_path (tool, "model.safetensors");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_load (path, &error);
  g_autoptr (SegPlan) plan
      = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                      SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  SegRect all = { 0, 0, WIDTH, HEIGHT };
  g_autoptr (SegSchedule) schedule
      = seg_schedule_new_region (plan, 1, HEIGHT, WIDTH, &all, &error);
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegWorkspace) workspace = seg_workspace_new (schedule, pool, &error);
  Softmax softmax = { pixels, g_new (double, WIDTH * HEIGHT * 3) };

  g_assert_true (
      seg_workspace_run (workspace, read_pixels, write_softmax, &softmax, NULL, &error));
  g_assert_no_error (error);
  return softmax.probabilities;
}

static void
test_probabilities (Tool *tool, gconstpointer data)
{
  g_autofree guint8 *image = NULL, *p8 = NULL;
  g_autofree guint16 *p16 = NULL;
  g_autofree float *p = NULL;
  g_autofree double *expected = NULL;

  (void) data;
  save_picture (tool, "image.png");
  image = load_pixels (tool, "image.png", 3, VIPS_FORMAT_UCHAR);
  expected = compute_softmax (tool, image);
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p.tif", "image.png", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p16.tif", "--probability-bits", "16",
                             "image.png", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p8.png", "--classes", "far",
                             "image.png", NULL),
                   ==, OK);
  p = load_pixels (tool, "p.tif", 3, VIPS_FORMAT_FLOAT);
  p16 = load_pixels (tool, "p16.tif", 3, VIPS_FORMAT_USHORT);
  p8 = load_pixels (tool, "p8.png", 1, VIPS_FORMAT_UCHAR);
  for (guint i = 0; i < WIDTH * HEIGHT * 3; i++)
    {
      g_assert_cmpfloat_with_epsilon (p[i], expected[i], 1e-5);
      g_assert_cmpfloat_with_epsilon (p16[i], (double) p[i] * 65535, .51);
    }
  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    g_assert_cmpfloat_with_epsilon (p8[i], (double) p[3 * i + 2] * 255, .51);
}

static void
test_probability_files (Tool *tool, gconstpointer data)
{
  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p.png", "image.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "p.png: has room for the probability of one class, not 3", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p.png", "--classes", "1",
                             "--probability-bits", "32", "image.png", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "p.png: cannot hold floats", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p.jpg", "image.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "p.jpg: only .png, .tif and .tiff", "segkit:param");
  for (guint i = 0; i < 3; i++)
    {
      static const char *const bits[] = { "0", "12", "-8" };

      g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "p.tif", "--probability-bits",
                                 bits[i], "image.png", NULL),
                       ==, USAGE);
      tool_assert_fails (tool, USAGE, "--probability-bits is 8, 16 or 32", "usage");
    }
  tool_assert_files (tool, "image.png", NULL);
}

static void
test_classes (Tool *tool, gconstpointer data)
{
  g_autofree guint8 *labels = NULL, *some = NULL, *sure = NULL, *any = NULL;
  g_autofree float *p = NULL;

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "labels.png", "--probabilities", "p.tif",
                             "image.png", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "some.png", "--classes", " far , 0", "image.png",
                             NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "sure.png", "--threshold", "0.4", "image.png", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "any.png", "--threshold", "0", "--classes", "2",
                             "image.png", NULL),
                   ==, OK);
  labels = load_pixels (tool, "labels.png", 1, VIPS_FORMAT_UCHAR);
  p = load_pixels (tool, "p.tif", 3, VIPS_FORMAT_FLOAT);
  some = load_pixels (tool, "some.png", 1, VIPS_FORMAT_UCHAR);
  sure = load_pixels (tool, "sure.png", 1, VIPS_FORMAT_UCHAR);
  any = load_pixels (tool, "any.png", 1, VIPS_FORMAT_UCHAR);
  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    {
      guint8 likeliest = p[3 * i + 2] > p[3 * i + 1] ? 2 : 1;

      g_assert_cmpint (some[i], ==, labels[i] == 2 ? 2 : 0);
      g_assert_cmpint (sure[i], ==, p[3 * i + likeliest] >= .4f ? likeliest : 0);
      g_assert_cmpint (any[i], ==, 2);
    }

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--classes", "near", "image.png", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE, "no class \"near\"; there are back, front, \"near\", far, or 0 to 2",
                     "usage");
  for (guint i = 0; i < 3; i++)
    {
      static const char *const none[] = { "", " ", "far," };
      static const char *const thresholds[] = { "1.5", "nan", "-1" };

      g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--classes", none[i], "image.png", NULL),
                       ==, USAGE);
      tool_assert_fails (tool, USAGE, "no class \"\"", "usage");
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--threshold", thresholds[i],
                                 "image.png", NULL),
                       ==, USAGE);
      tool_assert_fails (tool, USAGE, "--threshold", "usage");
    }
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--classes", "n\303\274cleus", "image.png",
                             NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "no class \"n\303\274cleus\"", "usage");
}

/* Each output, in other ways of running than the usual one: byte for byte the same file. */
static void
test_ways (Tool *tool, gconstpointer data)
{
  static const char *const ways[][2]
      = { { "--bands", "1" }, { "--tile", "20" }, { "--tile", "500" }, { "--threads", "3" } };
  static const char *const outputs[][2]
      = { { "a.png", "b.png" }, { "ac.png", "bc.png" }, { "ao.jpg", "bo.jpg" },
          { "al.tif", "bl.tif" }, { "ap.tif", "bp.tif" }, { "as.json", "bs.json" } };

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--colors", "ac.png", "--overlay", "ao.jpg",
                             "--outlines", "al.tif", "--probabilities", "ap.tif", "--stats",
                             "as.json", "image.png", NULL),
                   ==, OK);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_test_message ("%s %s", ways[i][0], ways[i][1]);
      g_assert_cmpint (tool_run (tool, MODEL, ways[i][0], ways[i][1], "-o", "b.png", "--colors",
                                 "bc.png", "--overlay", "bo.jpg", "--outlines", "bl.tif",
                                 "--probabilities", "bp.tif", "--stats", "bs.json", "image.png",
                                 NULL),
                       ==, OK);
      for (guint j = 0; j < G_N_ELEMENTS (outputs); j++)
        {
          g_autofree char *a = tool_path (tool, outputs[j][0]), *b = tool_path (tool, outputs[j][1]);
          g_autofree char *text_a = NULL, *text_b = NULL;
          gsize n_a, n_b;

          g_assert_true (g_file_get_contents (a, &text_a, &n_a, NULL));
          g_assert_true (g_file_get_contents (b, &text_b, &n_b, NULL));
          g_assert_cmpmem (text_a, n_a, text_b, n_b);
        }
    }
}

static void
test_statistics (Tool *tool, gconstpointer data)
{
  g_autofree guint8 *labels = NULL;
  g_autofree char *json_path = tool_path (tool, "s.json"), *csv_path = tool_path (tool, "s.csv");
  g_autofree char *csv = NULL;
  g_autoptr (GString) expected = g_string_new ("image,width,height,label,name,pixels,fraction\n");
  static const char *const quoted[] = { "back", "\"front, \"\"near\"\"\"", "far" };
  json_t *root, *classes, *class;
  json_error_t json_error;
  gsize i;

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "labels.png", "--stats", "s.json", "image.png", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "--stats", "s.csv", "image.png", NULL), ==, OK);
  labels = load_pixels (tool, "labels.png", 1, VIPS_FORMAT_UCHAR);

  root = json_load_file (json_path, 0, &json_error);
  g_assert_nonnull (root);
  g_assert_cmpuint (strlen (json_string_value (json_object_get (root, "model_sha256"))), ==, 64);
  classes = json_object_get (json_array_get (json_object_get (root, "images"), 0), "classes");
  g_assert_cmpuint (json_array_size (classes), ==, 3);
  json_array_foreach (classes, i, class)
    {
      gint64 n = 0;
      char fraction[G_ASCII_DTOSTR_BUF_SIZE];

      for (guint j = 0; j < WIDTH * HEIGHT; j++)
        n += labels[j] == i;
      g_assert_cmpint (json_integer_value (json_object_get (class, "label")), ==, (gint64) i);
      g_assert_cmpint (json_integer_value (json_object_get (class, "pixels")), ==, n);
      g_assert_cmpfloat_with_epsilon (json_number_value (json_object_get (class, "fraction")),
                                      (double) n / (WIDTH * HEIGHT), 1e-8);
      g_ascii_formatd (fraction, sizeof fraction, "%.9g", (double) n / (WIDTH * HEIGHT));
      g_string_append_printf (expected, "image.png,%d,%d,%u,%s,%" G_GINT64_FORMAT ",%s\n", WIDTH,
                              HEIGHT, (guint) i, quoted[i], n, fraction);
    }
  json_decref (root);
  g_assert_true (g_file_get_contents (csv_path, &csv, NULL, NULL));
  g_assert_cmpstr (csv, ==, expected->str);

  g_assert_cmpint (tool_run (tool, MODEL, "--stats", "s.txt", "image.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "s.txt: statistics are written as .json or .csv", "segkit:param");
}

/* Version, model and classes, under the name that each kind of file has for it. */
static void
test_stamp (Tool *tool, gconstpointer data)
{
  static const char *const files[][2] = { { "a.png", "png-comment-0-Description" },
                                          { "a.tif", VIPS_META_IMAGEDESCRIPTION },
                                          { "a.jpg", "exif-ifd0-ImageDescription" } };
  g_autofree char *model = tool_path (tool, "model.safetensors"), *sha256 = NULL, *bytes = NULL;
  gsize n;

  (void) data;
  save_picture (tool, "image.png");
  g_assert_true (g_file_get_contents (model, &bytes, &n, NULL));
  sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) bytes, n);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--colors", "a.tif", "--overlay", "a.jpg",
                             "image.png", NULL),
                   ==, OK);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      VipsImage *image = tool_load (tool, files[i][0]);
      const char *text = NULL;

      g_assert_cmpint (vips_image_get_string (image, files[i][1], &text), ==, 0);
      g_assert_true (g_str_has_prefix (text, "segkit " SEGKIT_VERSION "; model model.safetensors"));
      g_assert_nonnull (strstr (text, sha256));
      g_assert_nonnull (strstr (text, "classes 0 back, 1 front, \"near\", 2 far"));
      g_object_unref (image);
    }
}

/* One JSON object a line; the last says that all is done. */
static void
test_progress (Tool *tool, gconstpointer data)
{
  g_auto (GStrv) lines = NULL;
  json_t *object = NULL;
  json_int_t pixels = 0, of = 0;

  (void) data;
  save_picture (tool, "image.png");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--progress", "json", "image.png", NULL), ==,
                   OK);
  lines = g_strsplit (g_strchomp (tool->error_line), "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      json_int_t before = pixels;

      json_decref (object);
      object = json_loads (*line, 0, NULL);
      g_assert_nonnull (object);
      g_assert_cmpint (json_unpack (object, "{s:I, s:I}", "pixels", &pixels, "of", &of), ==, 0);
      g_assert_cmpint (pixels, >=, before);
    }
  g_assert_cmpint (pixels, ==, WIDTH * HEIGHT);
  g_assert_cmpint (of, ==, WIDTH * HEIGHT);
  json_decref (object);

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--progress", "bar", "image.png", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE, "--progress is line, json or none", "usage");
}

/* The number in the column that ends with @heading in the first line. */
static double
get_cell (const char *headings, const char *heading, const char *line)
{
  const char *end = strstr (headings, heading) + strlen (heading), *start = end;

  while (start > headings && line[start - headings - 1] != ' ')
    start--;
  return g_ascii_strtod (line + (start - headings), NULL);
}

/* Each step that runs has a line, and what they took adds up to all that was taken. */
static void
assert_profile (Tool *tool, SegPlan *plan, SegGraph *graph)
{
  g_auto (GStrv) lines = g_strsplit (tool->error_line, "\n", -1);
  double seconds = 0, share = 0, runs = 0;
  SegStepInfo info;
  guint n = 1;

  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    {
      g_autofree char *start = NULL;

      seg_plan_describe_step (plan, i, &info);
      if (info.kernel == NULL)
        continue;
      start = g_strconcat (seg_graph_get_node_name (graph, info.nodes[0]), " ", NULL);
      /* an image that fits is padded by nothing, and then the step does not run */
      if (g_str_equal (G_OBJECT_TYPE_NAME (info.layer), "SegPad")
          && !g_str_has_prefix (lines[n], start))
        continue;
      g_assert_true (g_str_has_prefix (lines[n], start));
      g_assert_nonnull (strstr (lines[n], info.kernel));
      g_assert_true (g_str_has_suffix (lines[n], "%  arithmetic")
                     || g_str_has_suffix (lines[n], "%  memory"));
      seconds += get_cell (lines[0], "seconds", lines[n]);
      share += get_cell (lines[0], "share", lines[n]);
      runs += get_cell (lines[0], "runs", lines[n]);
      n++;
    }
  g_assert_true (g_str_has_prefix (lines[n], "all steps "));
  /* each is rounded to the last place that is shown */
  g_assert_cmpfloat_with_epsilon (get_cell (lines[0], "seconds", lines[n]), seconds, n * 1e-6);
  g_assert_cmpfloat_with_epsilon (get_cell (lines[0], "share", lines[n]), share, n * 0.1);
  g_assert_cmpfloat (get_cell (lines[0], "runs", lines[n]), ==, runs);
  g_assert_true (g_str_has_prefix (lines[n + 1], "outside of the steps "));
  g_assert_true (g_str_has_prefix (lines[n + 2], "total "));
  g_assert_cmpfloat_with_epsilon (get_cell (lines[0], "seconds", lines[n + 2]),
                                  get_cell (lines[0], "seconds", lines[n])
                                      + get_cell (lines[0], "seconds", lines[n + 1]),
                                  3e-6);
  g_assert_true (g_str_has_prefix (lines[n + 4], "limits: "));
}

static void
test_profile (Tool *tool, gconstpointer data)
{
  static const char *const ways[][2] = { { "--bands", "7" }, { "--tile", "16" } };
  g_autofree char *path = tool_path (tool, "model.safetensors");
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;

  (void) data;
  save_picture (tool, "image.png");
  model = seg_model_load (path, NULL);
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_assert_cmpint (tool_run (tool, MODEL, "--profile", ways[i][0], ways[i][1], "image.png",
                                 NULL),
                       ==, OK);
      g_assert_nonnull (strstr (tool->error_line, "Winograd "));
      assert_profile (tool, plan, seg_model_get_graph (model));
    }
  tool_assert_files (tool, "image.png", NULL);

  g_assert_cmpint (tool_run (tool, MODEL, "--profile", "--verify", "image.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--verify chooses its own ways", "usage");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/outputs/pictures", test_pictures);
  ADD ("/outputs/probabilities", test_probabilities);
  ADD ("/outputs/probability-files", test_probability_files);
  ADD ("/outputs/classes", test_classes);
  ADD ("/outputs/ways", test_ways);
  ADD ("/outputs/statistics", test_statistics);
  ADD ("/outputs/stamp", test_stamp);
  ADD ("/outputs/progress", test_progress);
  ADD ("/outputs/profile", test_profile);
  return g_test_run ();
}
