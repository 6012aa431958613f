/* Images in memory through a model: the labels that `segment` writes of the file, and the same
 * logits whatever the threads and the memory. */
#include <string.h>

#include <segkit/kernels.h>
#include <segkit/plan.h>

#include "../../apps/lib/memory-budget.h"
#include "../../apps/lib/orientation.h"
#include "../../apps/lib/predictor.h"
#include "../../apps/lib/way.h"
#include "tool.h"

typedef struct
{
  gint64 width, height;
  float *image; /* three planes, 0 to 1 */
  guint8 *labels;
  float *logits; /* two planes */
} Picture;

/* The same picture as a file of this name. */
static Picture
new_picture (Tool *tool, const char *name, int width, int height)
{
  VipsImage *image = tool_picture (width, height, 3);
  Picture picture = { .width = width, .height = height };
  gsize n = (gsize) width * (gsize) height, size;
  guint8 *bytes = vips_image_write_to_memory (image, &size);

  g_assert_cmpuint (size, ==, 3 * n);
  picture.image = g_new (float, 3 * n);
  picture.labels = g_new0 (guint8, n);
  picture.logits = g_new0 (float, 2 * n);
  for (gsize i = 0; i < n; i++)
    for (guint c = 0; c < 3; c++)
      picture.image[c * n + i] = (float) bytes[3 * i + c] / 255.f;
  g_free (bytes);
  tool_save_image (tool, name, image);
  g_object_unref (image);
  return picture;
}

static void
clear_picture (Picture *picture)
{
  g_free (picture->image);
  g_free (picture->labels);
  g_free (picture->logits);
}

static void
run (SegPredictor *predictor, Picture *picture)
{
  g_autoptr (GError) error = NULL;
  gboolean done = seg_predictor_run (predictor, picture->image, 3, picture->height, picture->width,
                                     picture->labels, picture->logits, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (done);
}

static SegModel *
load_model (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_load (path, &error);

  g_assert_no_error (error);
  return model;
}

static SegPredictor *
new_predictor (SegModel *model, SegPool *pool, gsize limit)
{
  g_autoptr (GError) error = NULL;
  SegPredictor *predictor = seg_predictor_new (model, pool, limit, &error);

  g_assert_no_error (error);
  return predictor;
}

static void
assert_labels (Tool *tool, const char *name, const Picture *picture)
{
  VipsImage *labels = tool_load (tool, name);
  gsize n;
  guint8 *bytes = vips_image_write_to_memory (labels, &n);

  g_assert_cmpmem (bytes, n, picture->labels, (gsize) (picture->width * picture->height));
  g_free (bytes);
  g_object_unref (labels);
}

/* Sizes come, go and come back. */
static void
test_as_segment (Tool *tool, gconstpointer data)
{
  static const int sizes[][2] = { { 97, 61 }, { 40, 200 }, { 97, 61 }, { 5, 4 }, { 40, 200 } };
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegPredictor) predictor = new_predictor (model, pool, 0);

  (void) data;
  g_assert_cmpint (seg_predictor_get_n_planes (predictor), ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      Picture picture = new_picture (tool, "image.png", sizes[i][0], sizes[i][1]);

      tool_run (tool, "-m", "model.safetensors", "-o", "labels.png", "image.png", NULL);
      g_assert_cmpstr (tool->error_line, ==, "");
      run (predictor, &picture);
      assert_labels (tool, "labels.png", &picture);
      clear_picture (&picture);
    }
}

/* The pictures are large enough for bands. */
static void
test_same_bits (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  Picture first = new_picture (tool, "image.png", 600, 700);
  gsize n_bytes = 2 * 600 * 700 * sizeof (float);

  (void) data;
  for (guint n_threads = 1; n_threads <= 3; n_threads += 2)
    {
      g_autoptr (SegPool) pool = seg_pool_new (n_threads);
      g_autoptr (SegPredictor) predictor = new_predictor (model, pool, 0);
      Picture other = new_picture (tool, "image.png", 600, 700);

      run (predictor, n_threads == 1 ? &first : &other);
      if (n_threads > 1)
        g_assert_cmpmem (first.logits, n_bytes, other.logits, n_bytes);
      clear_picture (&other);
    }
  clear_picture (&first);
}

/* Less and less memory: lower bands, then tiles, and at last an error. */
static void
test_little_memory (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  g_autoptr (SegPool) pool = seg_pool_new (1);
  Picture first = new_picture (tool, "image.png", 12000, 66);
  Picture other = new_picture (tool, "image.png", 12000, 66);
  gsize n_bytes = 2 * 12000 * 66 * sizeof (float);
  gboolean fits = TRUE;

  (void) data;
  for (gsize room = 256u << 20; fits; room /= 2)
    {
      g_autoptr (SegPredictor) predictor =
          new_predictor (model, pool, seg_memory_budget_get_resident () + (16u << 20) + room);
      Picture *picture = room == 256u << 20 ? &first : &other;
      g_autoptr (GError) error = NULL;

      memset (other.logits, 0, n_bytes);
      fits = seg_predictor_run (predictor, picture->image, 3, picture->height, picture->width,
                                picture->labels, picture->logits, NULL, &error);
      if (!fits)
        g_assert_error (error, SEG_ERROR, SEG_ERROR_MEMORY);
      else if (picture == &other)
        g_assert_cmpmem (first.logits, n_bytes, other.logits, n_bytes);
    }
  clear_picture (&first);
  clear_picture (&other);
}

/* One logit decides between two classes. */
static void
test_one_logit (Tool *tool, gconstpointer data)
{
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPredictor) predictor = NULL;
  Picture picture = new_picture (tool, "image.png", 50, 30);
  guint n_ones = 0;

  (void) data;
  tool_save_recipe (tool, "one.safetensors",
                    "[segkit]\nformat=1\n[input]\nchannels=3\nmean=0.5;0.4;0.6\n"
                    "[classes]\nnames=a;b\n"
                    "[model]\ntype=unet\nclasses=1\nhead-kernel-size=1\n"
                    "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
                    "[model.decoder]\ntype=unet-decoder\n");
  model = load_model (tool, "one.safetensors");
  predictor = new_predictor (model, pool, 0);
  g_assert_cmpint (seg_predictor_get_n_planes (predictor), ==, 1);
  run (predictor, &picture);
  for (guint i = 0; i < 50 * 30; i++)
    {
      g_assert_cmpuint (picture.labels[i], ==, picture.logits[i] > 0);
      n_ones += picture.labels[i];
    }
  g_assert_cmpuint (n_ones, >, 0);
  g_assert_cmpuint (n_ones, <, 50 * 30);
  clear_picture (&picture);
}

/* Grey is every colour, as for `segment`; two bands are nothing. */
static void
test_bands (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegPredictor) predictor = new_predictor (model, pool, 0);
  Picture colour = new_picture (tool, "image.png", 50, 30);
  gsize n = 50 * 30;
  g_autofree guint8 *labels = g_new (guint8, n);
  g_autoptr (GError) error = NULL;

  (void) data;
  memcpy (colour.image + n, colour.image, n * sizeof (float));
  memcpy (colour.image + 2 * n, colour.image, n * sizeof (float));
  run (predictor, &colour);
  g_assert_true (
      seg_predictor_run (predictor, colour.image, 1, 30, 50, labels, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (labels, n, colour.labels, n);

  g_assert_false (
      seg_predictor_run (predictor, colour.image, 2, 30, 50, labels, NULL, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
  g_assert_cmpstr (error->message, ==, "has 2 bands, and the model takes 3");
  clear_picture (&colour);
}

/* The pixel of orientation @n that shows pixel (@x, @y): columns are mirrored, then rows, then both
 * are exchanged. */
static gint64
turned_index (guint n, gint64 x, gint64 y, gint64 width, gint64 height)
{
  gint64 u = n & 1 ? width - 1 - x : x, v = n & 2 ? height - 1 - y : y;

  return n & 4 ? u * height + v : v * width + u;
}

static Picture
turn_picture (const Picture *picture, guint n)
{
  gsize n_pixels = (gsize) (picture->width * picture->height);
  Picture turned = {
    .width = n & 4 ? picture->height : picture->width,
    .height = n & 4 ? picture->width : picture->height,
    .image = g_new (float, 3 * n_pixels),
    .labels = g_new0 (guint8, n_pixels),
    .logits = g_new0 (float, 2 * n_pixels),
  };

  for (gint64 y = 0; y < picture->height; y++)
    for (gint64 x = 0; x < picture->width; x++)
      for (gsize c = 0; c < 3; c++)
        turned
            .image[c * n_pixels + (gsize) turned_index (n, x, y, picture->width, picture->height)] =
            picture->image[c * n_pixels + (gsize) (y * picture->width + x)];
  return turned;
}

/* Mean logits of a picture turned by hand, as a whole, and turned back. */
static void
average_by_hand (SegPredictor *predictor, Picture *picture, guint n_orientations)
{
  gsize n_pixels = (gsize) (picture->width * picture->height);

  for (guint n = 0; n < n_orientations; n++)
    {
      Picture turned = turn_picture (picture, n);

      run (predictor, &turned);
      for (gint64 y = 0; y < picture->height; y++)
        for (gint64 x = 0; x < picture->width; x++)
          for (gsize c = 0; c < 2; c++)
            picture->logits[c * n_pixels + (gsize) (y * picture->width + x)] +=
                turned.logits[c * n_pixels
                              + (gsize) turned_index (n, x, y, picture->width, picture->height)];
      clear_picture (&turned);
    }
  for (gsize i = 0; i < 2 * n_pixels; i++)
    picture->logits[i] /= (float) n_orientations;
}

/* Whole, and by tiles where there is little memory. */
static void
test_tta (Tool *tool, gconstpointer data)
{
  static const SegTta ttas[] = { SEG_TTA_FLIPS, SEG_TTA_D4 };
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegPredictor) plain = new_predictor (model, pool, 0);
  gsize n_bytes = 2 * 1500 * 61 * sizeof (float);

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (ttas); i++)
    for (guint little = 0; little < 2; little++)
      {
        Picture picture = new_picture (tool, "image.png", 1500, 61);
        Picture expected = new_picture (tool, "image.png", 1500, 61);
        gsize limit = seg_memory_budget_get_resident () + (16u << 20) + (4u << 20);
        g_autoptr (SegPredictor) predictor = new_predictor (model, pool, little ? limit : 0);

        seg_predictor_set_tta (predictor, ttas[i]);
        run (predictor, &picture);
        average_by_hand (plain, &expected, seg_tta_get_n_orientations (ttas[i]));
        g_assert_cmpmem (picture.logits, n_bytes, expected.logits, n_bytes);
        clear_picture (&picture);
        clear_picture (&expected);
      }
}

/* A turned tile begins elsewhere between the coarse maps' pixels, and may take more than one that
 * is as it is: what is predicted is enough for all. */
static void
test_tta_memory (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = load_model (tool, "model.safetensors");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegPlan) plan =
      seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                    SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, &error);
  SegWayRequest request = { .plan = plan,
                            .width = 333,
                            .height = 207,
                            .n_channels = 3,
                            .n_threads = 1,
                            .tile = 64,
                            .limit_bytes = G_MAXSIZE,
                            .tta = SEG_TTA_D4 };
  SegOrientation orientation = { .height = request.height, .width = request.width };
  SegWay way;
  gsize most = 0, plain = 0;

  (void) data;
  g_assert_no_error (error);
  g_assert_true (seg_way_choose (&request, &way, &error));
  for (; orientation.number < 8; orientation.number++)
    for (gint64 y = 0; y < request.height; y += way.tile)
      for (gint64 x = 0; x < request.width; x += way.tile)
        {
          SegRect tile = { x, y, MIN (way.tile, request.width - x),
                           MIN (way.tile, request.height - y) };
          SegRect seen = seg_orientation_turn (&orientation, &tile);
          g_autoptr (SegSchedule) schedule =
              seg_schedule_new_region (plan, 1, seg_orientation_get_height (&orientation),
                                       seg_orientation_get_width (&orientation), &seen, &error);

          g_assert_no_error (error);
          most = MAX (most, seg_schedule_get_workspace_bytes (schedule, 1));
          if (orientation.number == 0)
            plain = most;
        }
  g_assert_cmpuint (most, >, plain); /* else this shows nothing */
  g_assert_cmpuint (way.workspace_bytes, >=, most);
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
  g_test_add ("/predictor/as-segment", Tool, NULL, tool_setup, test_as_segment, tool_teardown);
  g_test_add ("/predictor/same-bits", Tool, NULL, tool_setup, test_same_bits, tool_teardown);
  g_test_add ("/predictor/bands", Tool, NULL, tool_setup, test_bands, tool_teardown);
  g_test_add ("/predictor/little-memory", Tool, NULL, tool_setup, test_little_memory,
              tool_teardown);
  g_test_add ("/predictor/tta", Tool, NULL, tool_setup, test_tta, tool_teardown);
  g_test_add ("/predictor/tta-memory", Tool, NULL, tool_setup, test_tta_memory, tool_teardown);
  g_test_add ("/predictor/one-logit", Tool, NULL, tool_setup, test_one_logit, tool_teardown);
  return g_test_run ();
}
