#include <string.h>

#include <segkit/segkit.h>

/* A graph with an image of three channels. */
static SegGraph *
graph_new (SegValue *image)
{
  SegGraph *graph = seg_graph_new ();

  *image = seg_graph_add_input (graph, "image", 3);
  g_assert_cmpuint (*image, !=, 0);
  return graph;
}

/* The graph has failed, with a message that begins like this, and says so as often as asked. */
static void
assert_failed (SegGraph *graph, SegError code, const char *message)
{
  g_autoptr (GError) error = NULL, again = NULL;
  g_autofree char *beginning = NULL;

  g_assert_false (seg_graph_finish (graph, &error));
  g_assert_error (error, SEG_ERROR, (gint) code);
  beginning = g_strndup (error->message, strlen (message));
  g_assert_cmpstr (beginning, ==, message);

  g_assert_true (seg_graph_failed (graph));
  g_assert_false (seg_graph_finish (graph, NULL));
  g_assert_false (seg_graph_finish (graph, &again));
  g_assert_error (again, SEG_ERROR, (gint) code);
  g_assert_cmpstr (again->message, ==, error->message);
}

static SegValue
add_conv (SegGraph *graph, const char *name, SegValue in, gint channels)
{
  return seg_graph_add (graph, name, "conv2d", SEG_IN (in), "channels", channels, "kernel-size", 3,
                        "padding", 1, NULL);
}

/* ---- what goes well ----------------------------------------------------------------------- */

static void
test_build (void)
{
  SegValue image, value;
  g_autoptr (SegGraph) graph = graph_new (&image);
  g_autoptr (GError) error = NULL;

  seg_graph_push (graph, "encoder");
  seg_graph_push (graph, "layer1");
  value = add_conv (graph, "conv1", image, 8);
  g_assert_cmpint (seg_graph_get_channels (graph, value), ==, 8);
  seg_graph_pop (graph);
  value = seg_graph_add (graph, "relu", "relu", SEG_IN (value), NULL);
  seg_graph_pop (graph);
  value = seg_graph_add (graph, "both", "concat", SEG_IN (value, image), NULL);
  g_assert_cmpint (seg_graph_get_channels (graph, value), ==, 11);
  value = add_conv (graph, "conv1", value, 2);
  seg_graph_set_output (graph, value);

  g_assert_true (seg_graph_finish (graph, &error));
  g_assert_no_error (error);
  g_assert_false (seg_graph_failed (graph));
  g_assert_cmpuint (seg_graph_get_output (graph), ==, value);
  g_assert_cmpuint (seg_graph_get_n_nodes (graph), ==, 4);
  g_assert_cmpstr (seg_graph_get_node_name (graph, 0), ==, "encoder.layer1.conv1");
  g_assert_cmpstr (seg_graph_get_node_name (graph, 1), ==, "encoder.relu");
  g_assert_cmpstr (seg_graph_get_node_name (graph, 2), ==, "both");
  g_assert_cmpstr (seg_graph_get_node_name (graph, 3), ==, "conv1");
  g_assert_cmpstr (G_OBJECT_TYPE_NAME (seg_graph_get_node_layer (graph, 1)), ==, "SegRelu");
}

static void
test_no_value (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();

  g_assert_cmpint (seg_graph_get_channels (graph, 0), ==, 1);
  g_assert_cmpint (seg_graph_get_channels (graph, 99), ==, 1);
  g_assert_cmpuint (seg_graph_get_output (graph), ==, 0);
}

/* ---- the first error ---------------------------------------------------------------------- */

static void
test_first_error_stays (void)
{
  static const char message[] =
      "encoder.layer1.conv1: property \"kernel-size\" cannot be 0 (1 to 255)";
  SegValue image, value;
  g_autoptr (SegGraph) graph = graph_new (&image);

  seg_graph_push (graph, "encoder");
  seg_graph_push (graph, "layer1");
  value = seg_graph_add (graph, "conv1", "conv2d", SEG_IN (image), "kernel-size", 0, NULL);
  g_assert_cmpuint (value, ==, 0);
  assert_failed (graph, SEG_ERROR_PARAM, message);

  /* nothing has an effect any more, nor has it to be looked at */
  g_assert_cmpuint (add_conv (graph, "conv2", image, 4), ==, 0);
  g_assert_cmpuint (add_conv (graph, "conv2", value, 4), ==, 0);
  g_assert_cmpuint (seg_graph_add (graph, "x", "nonsense", SEG_IN (value), NULL), ==, 0);
  g_assert_cmpuint (seg_graph_add_layer (graph, "y", NULL, SEG_IN (image)), ==, 0);
  seg_graph_pop (graph);
  seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE, "another"));
  seg_graph_pop (graph);
  seg_graph_set_output (graph, image);
  g_assert_cmpuint (seg_graph_get_n_nodes (graph), ==, 0);
  assert_failed (graph, SEG_ERROR_PARAM, message);
}

static void
test_fail (void)
{
  SegValue image;
  g_autoptr (SegGraph) inside = graph_new (&image), outside = graph_new (&image);

  seg_graph_push (inside, "decoder");
  seg_graph_push (inside, "blocks.0");
  seg_graph_fail (inside, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED, "not like this"));
  assert_failed (inside, SEG_ERROR_UNSUPPORTED, "decoder.blocks.0: not like this");
  seg_graph_fail (outside, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED, "not like this"));
  assert_failed (outside, SEG_ERROR_UNSUPPORTED, "not like this");
}

/* A plan cannot be made of it, and says the same. */
static void
test_plan (void)
{
  SegValue image;
  g_autoptr (SegGraph) graph = graph_new (&image);
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (GError) error = NULL;

  seg_graph_set_output (graph, add_conv (graph, "conv", image, 0));
  parameters = seg_parameters_new (graph);
  g_assert_null (seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_cmpstr (error->message, ==, "conv: property \"channels\" cannot be 0 (1 to 65536)");
}

/* ---- one mistake each --------------------------------------------------------------------- */

static void
test_unknown_layer (void)
{
  SegValue image;
  g_autoptr (SegGraph) missing = graph_new (&image), block = graph_new (&image);

  seg_graph_push (missing, "encoder");
  seg_graph_add (missing, "conv", "conv7d", SEG_IN (image), NULL);
  assert_failed (missing, SEG_ERROR_PLUGIN, "encoder.conv: there is no layer \"conv7d\"");
  /* a block is no layer */
  seg_graph_add (block, "conv", "double-conv", SEG_IN (image), NULL);
  assert_failed (block, SEG_ERROR_PLUGIN, "conv: there is no layer \"double-conv\"");
}

static void
test_unknown_property (void)
{
  SegValue image;
  g_autoptr (SegGraph) graph = graph_new (&image);

  seg_graph_add (graph, "conv", "conv2d", SEG_IN (image), "kernel-size", 3, "colour", 5, NULL);
  assert_failed (graph, SEG_ERROR_PARAM, "conv: conv2d has no property \"colour\"");
}

static void
test_two_of_a_name (void)
{
  SegValue image;
  g_autoptr (SegGraph) nodes = graph_new (&image), input = graph_new (&image),
                       scoped = graph_new (&image);

  seg_graph_push (nodes, "encoder");
  add_conv (nodes, "conv", image, 1);
  g_assert_false (seg_graph_failed (nodes));
  add_conv (nodes, "conv", image, 2);
  assert_failed (nodes, SEG_ERROR_PARAM, "encoder.conv: there are two nodes of this name");
  g_assert_cmpuint (seg_graph_get_n_nodes (nodes), ==, 1);

  add_conv (input, "image", image, 1);
  assert_failed (input, SEG_ERROR_PARAM, "image: there are two nodes of this name");

  /* the full name counts, however it came about */
  seg_graph_push (scoped, "a");
  add_conv (scoped, "b.c", image, 1);
  seg_graph_push (scoped, "b");
  add_conv (scoped, "c", image, 1);
  assert_failed (scoped, SEG_ERROR_PARAM, "a.b.c: there are two nodes of this name");
}

static void
test_no_such_input (void)
{
  SegValue image;
  g_autoptr (SegGraph) none = graph_new (&image), later = graph_new (&image),
                       second = graph_new (&image);

  add_conv (none, "conv", 0, 1);
  assert_failed (none, SEG_ERROR_PARAM, "conv: input 0 is no value of this graph");
  add_conv (later, "conv", image + 1, 1);
  assert_failed (later, SEG_ERROR_PARAM, "conv: input 0 is no value of this graph");
  seg_graph_add (second, "sum", "add", SEG_IN (image, G_MAXUINT), NULL);
  assert_failed (second, SEG_ERROR_PARAM, "sum: input 1 is no value of this graph");
}

static void
test_number_of_inputs (void)
{
  SegValue image;
  g_autoptr (SegGraph) few = graph_new (&image), many = graph_new (&image),
                       none = graph_new (&image);

  seg_graph_add (few, "sum", "add", SEG_IN (image), NULL);
  assert_failed (few, SEG_ERROR_SHAPE, "sum: takes 2 inputs, not 1");
  seg_graph_add (many, "conv", "conv2d", SEG_IN (image, image), NULL);
  assert_failed (many, SEG_ERROR_SHAPE, "conv: takes 1 input, not 2");
  seg_graph_add (none, "relu", "relu", NULL, 0, NULL);
  assert_failed (none, SEG_ERROR_SHAPE, "relu: takes 1 input, not 0");
}

/* What a block might add without end. */
static void
test_number_of_nodes (void)
{
  SegValue value;
  g_autoptr (SegGraph) graph = graph_new (&value);

  for (guint i = 0; i < 100000 && !seg_graph_failed (graph); i++)
    {
      g_autofree char *name = g_strdup_printf ("relu%u", i);
      value = seg_graph_add (graph, name, "relu", SEG_IN (value), NULL);
    }
  assert_failed (graph, SEG_ERROR_UNSUPPORTED,
                 "relu8192: a network of more than 8192 layers is not supported");
}

/* Few layers may have many. */
static void
test_number_of_connections (void)
{
  SegValue image, many[256];
  g_autoptr (SegGraph) graph = graph_new (&image);

  for (guint i = 0; i < G_N_ELEMENTS (many); i++)
    many[i] = image;
  for (guint i = 0; i < 1000 && !seg_graph_failed (graph); i++)
    {
      g_autofree char *name = g_strdup_printf ("concat%u", i);
      seg_graph_add (graph, name, "concat", many, G_N_ELEMENTS (many), NULL);
    }
  assert_failed (graph, SEG_ERROR_UNSUPPORTED,
                 "concat256: a network whose layers have more than 65536 inputs together is not "
                 "supported");
}

/* What a layer says of shapes comes with the node's path. */
static void
test_shapes (void)
{
  SegValue image, value;
  g_autoptr (SegGraph) channels = graph_new (&image), sizes = graph_new (&image),
                       window = graph_new (&image), groups = graph_new (&image);

  value = add_conv (channels, "conv", image, 4);
  seg_graph_push (channels, "block");
  seg_graph_add (channels, "sum", "add", SEG_IN (value, image), NULL);
  assert_failed (channels, SEG_ERROR_SHAPE, "block.sum: cannot add 4 channels");

  value = seg_graph_add (sizes, "pool", "max-pool", SEG_IN (image), "kernel-size", 2, "stride", 2,
                         NULL);
  seg_graph_add (sizes, "both", "concat", SEG_IN (image, value), NULL);
  assert_failed (sizes, SEG_ERROR_SHAPE, "both: cannot join maps of 4096");

  seg_graph_add (window, "far", "conv2d", SEG_IN (image), "kernel-size", 70, "dilation", 64, NULL);
  assert_failed (window, SEG_ERROR_SHAPE,
                 "far: a window of 4417 is larger than the padded input of 4096");

  seg_graph_add (groups, "conv", "conv2d", SEG_IN (image), "channels", 4, "groups", 2, NULL);
  assert_failed (groups, SEG_ERROR_SHAPE, "conv: 2 groups");
}

/* Sizes that grow past what can be counted end there, not as a wrapped number. */
static void
test_sizes_too_large (void)
{
  SegValue value;
  g_autoptr (SegGraph) graph = graph_new (&value);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 9; i++)
    {
      g_autofree char *name = g_strdup_printf ("up%u", i);
      value = seg_graph_add (graph, name, "resize-nearest", SEG_IN (value), "scale", 64, NULL);
    }
  seg_graph_set_output (graph, value);
  g_assert_false (seg_graph_finish (graph, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "more than can be counted"));
}

/* A block that builds nothing is an error of the graph; its reader is never asked. */
#define TEST_TYPE_EMPTY_BLOCK (test_empty_block_get_type ())
G_DECLARE_FINAL_TYPE (TestEmptyBlock, test_empty_block, TEST, EMPTY_BLOCK, SegBlock)
struct _TestEmptyBlock
{
  SegBlock parent_instance;
};
G_DEFINE_FINAL_TYPE (TestEmptyBlock, test_empty_block, SEG_TYPE_BLOCK)

static void
test_empty_block_build (SegBlock *self, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  (void) self, (void) graph, (void) in, (void) out;
}

static void
test_empty_block_class_init (TestEmptyBlockClass *klass)
{
  SEG_BLOCK_CLASS (klass)->build = test_empty_block_build;
}

static void
test_empty_block_init (TestEmptyBlock *self)
{
  (void) self;
}

static void
test_block_builds_nothing (void)
{
  SegValue image;
  g_autoptr (SegGraph) graph = graph_new (&image);
  g_autoptr (SegBlock) block = g_object_new (TEST_TYPE_EMPTY_BLOCK, NULL);
  SegFeatures in = { .n = 1, .values = { image }, .strides = { 1 } }, out;

  seg_block_build (block, graph, "encoder", &in, &out);
  g_assert_cmpuint (out.n, ==, 0);
  assert_failed (graph, SEG_ERROR_PLUGIN, "TestEmptyBlock has built nothing that can be read");
}

static void
test_input_channels (void)
{
  static const gint64 counts[] = { 0, -1, G_MININT64 };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      g_autoptr (SegGraph) graph = seg_graph_new ();
      g_autofree char *message =
          g_strdup_printf ("image: an image cannot have %" G_GINT64_FORMAT " channels", counts[i]);

      g_assert_cmpuint (seg_graph_add_input (graph, "image", counts[i]), ==, 0);
      assert_failed (graph, SEG_ERROR_SHAPE, message);
    }
}

static void
test_unfinished (void)
{
  SegValue image;
  g_autoptr (SegGraph) empty = seg_graph_new (), no_output = graph_new (&image),
                       foreign_output = graph_new (&image);

  assert_failed (empty, SEG_ERROR_PARAM, "the network has no output");
  add_conv (no_output, "conv", image, 1);
  assert_failed (no_output, SEG_ERROR_PARAM, "the network has no output");
  seg_graph_set_output (foreign_output, 99);
  assert_failed (foreign_output, SEG_ERROR_PARAM, "the output is no value of the network");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/graph/build", test_build);
  g_test_add_func ("/graph/no-value", test_no_value);
  g_test_add_func ("/graph/first-error-stays", test_first_error_stays);
  g_test_add_func ("/graph/fail", test_fail);
  g_test_add_func ("/graph/plan", test_plan);
  g_test_add_func ("/graph/unknown-layer", test_unknown_layer);
  g_test_add_func ("/graph/unknown-property", test_unknown_property);
  g_test_add_func ("/graph/two-of-a-name", test_two_of_a_name);
  g_test_add_func ("/graph/no-such-input", test_no_such_input);
  g_test_add_func ("/graph/number-of-inputs", test_number_of_inputs);
  g_test_add_func ("/graph/number-of-nodes", test_number_of_nodes);
  g_test_add_func ("/graph/number-of-connections", test_number_of_connections);
  g_test_add_func ("/graph/shapes", test_shapes);
  g_test_add_func ("/graph/sizes-too-large", test_sizes_too_large);
  g_test_add_func ("/graph/block-builds-nothing", test_block_builds_nothing);
  g_test_add_func ("/graph/input-channels", test_input_channels);
  g_test_add_func ("/graph/unfinished", test_unfinished);
  return g_test_run ();
}
