/* The promise: the same answer whatever the tile, band or thread count, bit for bit. */
#include "network.h"

#define HEIGHT 389
#define WIDTH 517

static const struct
{
  gint64 tile, bands;
  guint n_threads;
} ways[] = {
  { 0, 0, 2 },  { 0, 0, 4 },   { 64, 0, 2 }, { 200, 0, 1 }, { 200, 0, 4 },
  { 0, 16, 1 }, { 0, 16, 4 },  { 0, 100, 1 }, { 0, 100, 2 }, { 0, 1, 1 },
};

static void
assert_same_bytes (const NetworkMap *a, const NetworkMap *b, const char *way)
{
  for (gint64 c = 0; c < a->channels; c++)
    for (gint64 y = 0; y < a->height; y++)
      for (gint64 x = 0; x < a->width; x++)
        if (memcmp (network_map_at (a, c, y, x), network_map_at (b, c, y, x), sizeof (float)) != 0)
          {
            g_test_message ("%s: class %d at (%d, %d): %.9g, not %.9g", way, (int) c, (int) x,
                            (int) y, (double) *network_map_at (b, c, y, x),
                            (double) *network_map_at (a, c, y, x));
            g_test_fail ();
            return;
          }
}

/* The label map that the logits give, row by row. */
static guint8 *
labels_new (const NetworkMap *logits)
{
  guint8 *labels = g_new0 (guint8, (gsize) (logits->height * logits->width));

  for (gint64 y = 0; y < logits->height; y++)
    {
      float *rows[2] = { network_map_at (logits, 0, y, 0), network_map_at (logits, 1, y, 0) };
      SegChannelBlock blocks[2] = { { &rows[0], 0, 1, 1 }, { &rows[1], 1, 1, 1 } };
      SegView view = { { 1, 2, logits->height, logits->width },
                       { 0, y, logits->width, 1 }, blocks, 2 };

      seg_labels_from_logits (&view, 0, y, labels + y * logits->width);
    }
  return labels;
}

static void
test_seams (gconstpointer data)
{
  const char *name = data;
  g_autoptr (SegModel) model = network_new (name, 8);
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  NetworkMap image = network_image_new (HEIGHT, WIDTH), whole;
  g_autofree guint8 *labels = NULL;
  double multiply_adds;

  network_fill (seg_model_get_parameters (model));
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);

  whole = network_run (plan, &image, 2, 0, 0, 1, &multiply_adds);
  labels = labels_new (&whole);
  g_assert_cmpfloat (multiply_adds, >, 0);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *way = g_strdup_printf ("tile %d, bands %d, threads %u", (int) ways[i].tile,
                                              (int) ways[i].bands, ways[i].n_threads);
      double of_way;
      NetworkMap other
          = network_run (plan, &image, 2, ways[i].tile, ways[i].bands, ways[i].n_threads, &of_way);
      g_autofree guint8 *other_labels = labels_new (&other);

      assert_same_bytes (&whole, &other, way);
      g_assert_cmpmem (labels, HEIGHT * WIDTH, other_labels, HEIGHT * WIDTH);
      if (ways[i].tile == 0) /* each row is computed once; tiles pay for their halo */
        g_assert_cmpfloat (of_way, ==, multiply_adds);
      else
        g_assert_cmpfloat (of_way, >, multiply_adds);
      g_free (other.pixels);
    }
  g_free (whole.pixels);
  g_free (image.pixels);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_data_func ("/seams/classic", "classic", test_seams);
  g_test_add_data_func ("/seams/resnet18", "resnet18", test_seams);
  g_test_add_data_func ("/seams/resnet34", "resnet34", test_seams);
  return g_test_run ();
}
