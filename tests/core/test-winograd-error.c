/* What Winograd's arithmetic costs: the error of each layer of the bench's networks that is computed
 * so, alone, against double precision. Told for each, and bounded. */
#include "network.h"

#include <segkit/describe.h>

#define HEIGHT 10
#define WIDTH 9

/* ‖y − r‖ / ‖r‖; a direct sum of as many terms has up to 1e-6 */
#define MOST_ERROR 5e-6

/* Deep enough for the tiles of deep levels. */
#define DEEP 32

typedef struct
{
  gint64 in_channels, out_channels;
  const float *weight; /* (out_channels, in_channels, 3, 3) */
  const char *kernel;
} Layer;

/* Two layers: every @stride-th pixel, unchanged, and then the one that is looked at, reading blocks
 * as it does inside of a network. */
static SegPlan *
plan_of_layer (const Layer *layer, gint stride)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (graph, "x", layer->in_channels);
  SegPlan *plan;
  float *pick;

  x = seg_graph_add (graph, "pick", "conv2d", SEG_IN (x), "channels", (gint) layer->in_channels,
                     "kernel-size", 1, "stride", stride, "bias", FALSE, NULL);
  x = seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", (gint) layer->out_channels,
                     "kernel-size", 3, "padding", 1, "bias", FALSE, NULL);
  seg_graph_set_output (graph, x);
  seg_graph_finish (graph, &error);
  g_assert_no_error (error);

  parameters = seg_parameters_new (graph);
  pick = seg_parameters_get_tensor (parameters, 0, &error)->data;
  for (gint64 c = 0; c < layer->in_channels; c++)
    pick[c * layer->in_channels + c] = 1.f;
  memcpy (seg_parameters_get_tensor (parameters, 1, &error)->data, layer->weight,
          (gsize) (layer->out_channels * layer->in_channels * 9) * sizeof (float));
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  return plan;
}

static const char *
get_kernel (SegPlan *plan)
{
  SegStepInfo info;

  seg_plan_describe_step (plan, 1, &info);
  return info.kernel;
}

static double
compute_exactly (const Layer *layer, const NetworkMap *x, gint stride, gint64 k, gint64 y, gint64 at)
{
  double sum = 0.0;

  for (gint64 c = 0; c < layer->in_channels; c++)
    for (gint64 r = 0; r < 3; r++)
      for (gint64 s = 0; s < 3; s++)
        {
          gint64 row = y + r - 1, column = at + s - 1;

          if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH)
            sum += (double) layer->weight[((k * layer->in_channels + c) * 3 + r) * 3 + s]
                   * (double) *network_map_at (x, c, row * stride, column * stride);
        }
  return sum;
}

static double
find_error (const Layer *layer)
{
  gint stride = 1;
  g_autoptr (SegPlan) plan = plan_of_layer (layer, stride);
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (GError) error = NULL;
  NetworkMap x, y;
  double wrong = 0.0, all = 0.0;

  if (!g_str_equal (get_kernel (plan), layer->kernel))
    {
      stride = DEEP;
      g_object_unref (plan);
      plan = plan_of_layer (layer, stride);
    }
  g_assert_cmpstr (get_kernel (plan), ==, layer->kernel);

  x = network_map_new (layer->in_channels, (HEIGHT - 1) * stride + 1, (WIDTH - 1) * stride + 1);
  seg_random_uniform (NETWORK_SEED, seg_random_name_hash ("x"), 0,
                      (gsize) (x.channels * x.height * x.width), x.pixels);
  y = network_map_new (layer->out_channels, HEIGHT, WIDTH);
  schedule = seg_schedule_new_region (plan, 1, x.height, x.width, NULL, &error);
  g_assert_no_error (error);
  network_run_schedule (schedule, 2, &x, &y);
  for (gint64 k = 0; k < layer->out_channels; k++)
    for (gint64 i = 0; i < HEIGHT * WIDTH; i++)
      {
        double exact = compute_exactly (layer, &x, stride, k, i / WIDTH, i % WIDTH);
        double difference = (double) *network_map_at (&y, k, i / WIDTH, i % WIDTH) - exact;

        wrong += difference * difference;
        all += exact * exact;
      }
  g_free (x.pixels);
  g_free (y.pixels);
  return sqrt (wrong / all);
}

static SegTensor *
find_weight (SegParameters *parameters, const char *node)
{
  g_autofree char *name = g_strconcat (node, ".weight", NULL);

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    if (g_str_equal (seg_parameters_get_name (parameters, i), name))
      return seg_parameters_get_tensor (parameters, i, NULL);
  g_assert_not_reached ();
}

static void
test_network (gconstpointer data)
{
  g_autofree char *file = g_strconcat (data, ".recipe", NULL);
  g_autofree char *path
      = g_test_build_filename (G_TEST_DIST, "tests", "bench", "models", file, NULL);
  g_autofree char *recipe = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;

  g_file_get_contents (path, &recipe, NULL, &error);
  g_assert_no_error (error);
  model = seg_model_new_from_recipe (recipe, NETWORK_SEED, &error);
  g_assert_no_error (error);
  network_fill (seg_model_get_parameters (model));
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    {
      SegStepInfo info;
      const char *name;
      SegTensor *weight;
      char *shape;

      seg_plan_describe_step (plan, i, &info);
      if (info.kernel == NULL || !g_str_has_prefix (info.kernel, "Winograd"))
        continue;
      name = seg_graph_get_node_name (seg_model_get_graph (model), info.nodes[0]);
      weight = find_weight (seg_model_get_parameters (model), name);
      shape = g_strdup_printf ("%d → %d, %s", (int) weight->dims[1], (int) weight->dims[0],
                               info.kernel);
      if (g_hash_table_add (seen, shape)) /* one of each kind is enough */
        {
          Layer layer = { weight->dims[1], weight->dims[0], weight->data, info.kernel };
          double found = find_error (&layer);

          g_test_message ("%s: %s: %.1e", name, shape, found);
          g_assert_cmpfloat (found, <, MOST_ERROR);
        }
    }
  g_assert_cmpuint (g_hash_table_size (seen), >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_data_func ("/winograd-error/a", "a", test_network);
  g_test_add_data_func ("/winograd-error/b", "b", test_network);
  g_test_add_data_func ("/winograd-error/c", "c", test_network);
  g_test_add_data_func ("/winograd-error/d", "d", test_network);
  return g_test_run ();
}
