/* Passes: what they find, and that a plan with and without each agrees. */
#include "network.h"

static SegPlan *
plan_new (SegModel *model, const char *passes)
{
  g_autoptr (GError) error = NULL;
  SegPlan *plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                                SEG_PURPOSE_INFERENCE, NULL, passes, &error);

  g_assert_no_error (error);
  return plan;
}

static guint
count (const char *text, const char *word)
{
  guint n = 0;

  for (const char *at = text; (at = strstr (at, word)) != NULL; at += strlen (word))
    n++;
  return n;
}

static void
test_report (void)
{
  g_autoptr (SegModel) model = network_new ("resnet18", 0);
  g_autoptr (SegPlan) plan = plan_new (model, NULL), plain = plan_new (model, "-all");
  const char *report = seg_plan_get_report (plan);

  /* 20 norms and 17 activations of the encoder, 10 each of the decoder, 8 residual sums */
  g_assert_cmpuint (count (report, "fold-affine: "), ==, 30);
  g_assert_cmpuint (count (report, "absorb-elementwise: "), ==, 27);
  g_assert_cmpuint (count (report, "absorb-add: "), ==, 8);
  g_assert_nonnull (strstr (report, "fold-affine: encoder.bn1 into encoder.conv1\n"));
  g_assert_cmpstr (seg_plan_get_report (plain), ==, "");
  g_assert_cmpuint (seg_plan_get_n_steps (plan), ==, seg_plan_get_n_steps (plain) - 30 - 27 - 8);
}

/* Folding rounds other numbers: equal within the accuracy of single precision. The other passes
 * only move arithmetic: equal to the bit. */
static void
test_passes_agree (gconstpointer data)
{
  const char *network = data;
  static const struct
  {
    const char *with, *without;
    double bound;
  } cases[] = {
    { NULL, "-absorb-elementwise", 0.0 },
    { NULL, "-absorb-add", 0.0 },
    { NULL, "-fold-affine", 1e-5 },
    { "-fold-affine", "-all", 1e-5 },
  };
  g_autoptr (SegModel) model = network_new (network, 8);
  NetworkMap image = network_image_new (75, 53);

  network_fill (seg_model_get_parameters (model));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (SegPlan) with = plan_new (model, cases[i].with);
      g_autoptr (SegPlan) without = plan_new (model, cases[i].without);
      NetworkMap a = network_run (with, &image, 2, 0, 0, 1, NULL);
      NetworkMap b = network_run (without, &image, 2, 0, 0, 1, NULL);
      double largest = 0.0;

      for (gsize j = 0; j < 2 * 75 * 53; j++)
        largest = MAX (largest, fabs ((double) a.pixels[j]));
      for (gsize j = 0; j < 2 * 75 * 53; j++)
        g_assert_cmpfloat (fabs ((double) a.pixels[j] - (double) b.pixels[j]), <=,
                           cases[i].bound * largest);
      g_free (a.pixels);
      g_free (b.pixels);
    }
  g_free (image.pixels);
}

/* What feeds a skip, or is the network's output, has more than one reader: nothing may be
 * rewritten across it. */
static void
test_two_readers (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (graph, "input", 2), a, b;

  a = seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", 2, "kernel-size", 1, NULL);
  b = seg_graph_add (graph, "relu", "relu", SEG_IN (a), NULL);
  seg_graph_set_output (graph, seg_graph_add (graph, "concat", "concat", SEG_IN (a, b), NULL));
  g_assert_true (seg_graph_finish (graph, &error));
  parameters = seg_parameters_new (graph);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (seg_plan_get_report (plan), ==, "");
}

static void
test_unused_nodes (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (graph, "input", 2);

  seg_graph_set_output (graph, seg_graph_add (graph, "used", "relu", SEG_IN (x), NULL));
  seg_graph_add (graph, "unused", "conv2d", SEG_IN (x), NULL);
  parameters = seg_parameters_new (graph);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seg_plan_get_n_steps (plan), ==, 1);
}

/* Blocks that a concatenation joins are not all full, and end inside of groups. Training computes
 * with planes, whatever else. */
static void
test_groups_of_joined (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL, training = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (GError) error = NULL;
  NetworkMap image = network_image_new (9, 11), a, b = network_map_new (128, 9, 11);
  SegValue x = seg_graph_add_input (graph, "input", 3), y, z;

  y = seg_graph_add (graph, "one", "conv2d", SEG_IN (x), "channels", 24, "kernel-size", 1, NULL);
  z = seg_graph_add (graph, "two", "conv2d", SEG_IN (x), "channels", 104, "kernel-size", 1, NULL);
  x = seg_graph_add (graph, "concat", "concat", SEG_IN (y, z), NULL);
  x = seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", 128, "kernel-size", 3,
                     "padding", 1, "groups", 4, NULL);
  seg_graph_set_output (graph, x);
  g_assert_true (seg_graph_finish (graph, &error));
  parameters = seg_parameters_new (graph);
  network_fill (parameters);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  training = seg_plan_new (graph, parameters, SEG_PURPOSE_TRAINING, NULL, NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_region (training, 1, 9, 11, NULL, &error);
  g_assert_no_error (error);

  a = network_run (plan, &image, 128, 0, 0, 1, NULL);
  network_run_schedule (schedule, 1, &image, &b);
  for (gsize i = 0; i < 128 * 9 * 11; i++)
    g_assert_cmpfloat_with_epsilon (a.pixels[i], b.pixels[i], 1e-4f);
  g_free (a.pixels);
  g_free (b.pixels);
  g_free (image.pixels);
}

/* A plain layer at the end makes all of a chain planar: that must not take a round for each. */
static void
test_long_chain (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (graph, "input", 8);

  x = seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", 8, "kernel-size", 1, NULL);
  for (guint i = 0; i < 8000; i++)
    {
      g_autofree char *name = g_strdup_printf ("prelu%u", i);
      x = seg_graph_add (graph, name, "prelu", SEG_IN (x), NULL);
    }
  seg_graph_set_output (graph, x);
  g_assert_true (seg_graph_finish (graph, &error));
  parameters = seg_parameters_new (graph);
  g_test_timer_start ();
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  /* a thirtieth of a second; it took half a minute when it was quadratic */
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 10);
}

static void
test_no_such_pass (void)
{
  g_autoptr (SegModel) model = network_new ("classic", 2);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                               SEG_PURPOSE_INFERENCE, NULL, "-fold-afine", &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (error->message, "\"-fold-afine\""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/plan/report", test_report);
  g_test_add_data_func ("/plan/passes-agree/classic", "classic", test_passes_agree);
  g_test_add_data_func ("/plan/passes-agree/resnet18", "resnet18", test_passes_agree);
  g_test_add_func ("/plan/no-such-pass", test_no_such_pass);
  g_test_add_func ("/plan/groups-of-joined", test_groups_of_joined);
  g_test_add_func ("/plan/long-chain", test_long_chain);
  g_test_add_func ("/plan/two-readers", test_two_readers);
  g_test_add_func ("/plan/unused-nodes", test_unused_nodes);
  return g_test_run ();
}
