/* The forms of the U-Net: what they do to sizes, how wide they are, what they refuse. */
#include "everywhere.h"

#include <string.h>

#define HEAD "[segkit]\nformat=1\n[model]\n"
#define VALID                                                                                      \
  "type=unet\n%s[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=%d\npadding=valid\nnorm="    \
  "none\n"                                                                                         \
  "[model.decoder]\ntype=unet-decoder\npadding=valid\nnorm=none\n"

/* The network on an image of three channels; the error is the graph's. */
static SegGraph *
build (const char *model, GError **error)
{
  g_autofree char *text = g_strconcat (HEAD, model, NULL);
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), error);
  g_autoptr (SegBlock) block = NULL;
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegFeatures image = { .n = 1, .strides = { 1 } }, out;

  if (recipe == NULL || (block = seg_recipe_build_block (recipe, "model", error)) == NULL)
    return NULL;
  image.values[0] = seg_graph_add_input (graph, "image", 3);
  seg_block_build (block, graph, NULL, &image, &out);
  if (!seg_graph_failed (graph))
    seg_graph_set_output (graph, out.values[0]);
  return seg_graph_finish (graph, error) ? g_steal_pointer (&graph) : NULL;
}

static SegGraph *
build_valid (const char *properties, int depth)
{
  g_autofree char *model = g_strdup_printf (VALID, properties, depth);
  g_autoptr (GError) error = NULL;
  SegGraph *graph = build (model, &error);

  g_assert_no_error (error);
  return graph;
}

static void
assert_gives (SegGraph *graph, gint64 height, gint64 width, gint64 out_height, gint64 out_width)
{
  g_autoptr (GError) error = NULL;
  SegShape shape;

  seg_graph_infer (graph, seg_graph_get_output (graph), height, width, &shape, &error);
  g_assert_no_error (error);
  g_assert_cmpint (shape.h, ==, out_height);
  g_assert_cmpint (shape.w, ==, out_width);
}

static void
test_valid_sizes (void)
{
  g_autoptr (SegGraph) graph = build_valid ("mirror=false\n", 4);
  g_autoptr (GError) error = NULL;
  SegShape shape;

  assert_gives (graph, 572, 572, 388, 388); /* the paper's figure 1 */
  assert_gives (graph, 587, 588, 388, 404);
  assert_gives (graph, 188, 572, 4, 388);
  g_assert_false (seg_graph_infer (graph, seg_graph_get_output (graph), 120, 572, &shape, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
}

static void
test_mirror_sizes (void)
{
  for (int depth = 1; depth <= 8; depth++)
    {
      g_autoptr (SegGraph) graph = build_valid ("", depth);

      for (gint64 n = 1; n < 70; n++)
        assert_gives (graph, n, 200 - n, n, 200 - n);
    }
}

/* Images smaller than the margin are mirrored back and forth. */
static void
test_mirror_runs (void)
{
  g_autoptr (SegGraph) graph = build_valid ("", 4);

  g_assert_true (everywhere_check (graph, "a valid network", 3, 1, 1, 1000000));
  g_assert_true (everywhere_check (graph, "a valid network", 3, 9, 5, 1000000));
  g_assert_true (everywhere_check (graph, "a valid network", 3, 75, 53, 1000000));
}

/* A network that gives the image's size is left alone; one that takes only multiples of its
 * coarsest stride is helped. */
static void
test_mirror_where_needed (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegGraph) with = build ("type=unet\n", &error);
  g_autoptr (SegGraph) without = build ("type=unet\nmirror=false\n", &error);
  g_autoptr (SegGraph) strided = build ("type=unet\n"
                                        "[model.encoder]\ntype=nnunet-encoder\nstages=4\n"
                                        "residual=true\n[model.decoder]\ntype=nnunet-decoder\n",
                                        &error);

  g_assert_no_error (error);
  g_assert_cmpuint (seg_graph_get_n_nodes (with), ==, seg_graph_get_n_nodes (without));
  for (gint64 n = 9; n < 30; n++)
    assert_gives (strided, n, n + 1, n, n + 1);
}

static void
test_nnunet_sizes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegGraph) graph = build ("type=nnunet\n", &error);

  g_assert_no_error (error);
  for (gint64 n = 33; n < 70; n++)
    assert_gives (graph, n, 3 * n, n, 3 * n);
}

/* Trained numbers, as published for the usual PyTorch U-Net and its bilinear form. */
static void
test_widths (void)
{
  const struct
  {
    const char *model;
    gint64 n;
  } cases[] = {
    { "type=unet\n[model.encoder]\ntype=unet-encoder\nnarrow-bottom=true\n"
      "[model.decoder]\ntype=unet-decoder\nup=bilinear\n",
      17263042 },
    { "type=unet\n", 31037698 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SegGraph) graph = build (cases[i].model, &error);
      g_autoptr (SegParameters) parameters = NULL;
      gint64 total = 0;

      g_assert_no_error (error);
      parameters = seg_parameters_new (graph);
      for (guint p = 0; p < seg_parameters_get_n (parameters); p++)
        {
          SegRole role = seg_parameters_get_role (parameters, p);
          gint64 n = 1;
          guint rank;
          const gint64 *dims = seg_parameters_get_shape (parameters, p, &rank);

          for (guint d = 0; d < rank; d++)
            n *= dims[d];
          if (role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER)
            total += n;
        }
      g_assert_cmpint (total, ==, cases[i].n);
    }
}

/* ---- dropout ----------------------------------------------------------------------------------- */

#define DROPPING "type=unet\n[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=3\n"

/* Behind the last two levels, and nothing else is different. */
static void
test_dropout (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegGraph) plain = build (DROPPING, &error), graph = NULL;
  g_autoptr (SegParameters) before = NULL, after = NULL;
  g_autoptr (GString) dropped = g_string_new (NULL);

  g_assert_no_error (error);
  graph = build (DROPPING "dropout=0.25\n", &error);
  g_assert_no_error (error);
  for (guint i = 0; i < seg_graph_get_n_nodes (graph); i++)
    {
      SegLayer *layer = seg_graph_get_node_layer (graph, i);
      gfloat p;

      if (!g_str_equal (G_OBJECT_TYPE_NAME (layer), "SegDropout"))
        continue;
      g_object_get (layer, "p", &p, NULL);
      g_assert_cmpfloat (p, ==, 0.25f);
      g_string_append_printf (dropped, "%s ", seg_graph_get_node_name (graph, i));
    }
  g_assert_cmpstr (dropped->str, ==, "encoder.drops.2 encoder.drops.3 ");

  before = seg_parameters_new (plain);
  after = seg_parameters_new (graph);
  g_assert_cmpuint (seg_parameters_get_n (after), ==, seg_parameters_get_n (before));
  for (guint p = 0; p < seg_parameters_get_n (before); p++)
    g_assert_cmpstr (seg_parameters_get_name (after, p), ==, seg_parameters_get_name (before, p));
  g_assert_true (everywhere_check (graph, "dropout", 3, 75, 53, 1000000));
}

/* ---- auxiliary heads ----------------------------------------------------------------------- */

#define NARROW                                                                                     \
  "type=unet\nclasses=3\n%s"                                                                       \
  "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=3\n"                                     \
  "[model.decoder]\ntype=unet-decoder\n"

static SegGraph *
build_with_heads (const char *model, guint n_heads, GError **error)
{
  g_autofree char *key = g_strdup_printf ("auxiliary-heads=%u\n", n_heads);
  g_autofree char *text = g_strdup_printf (model, key);

  return build (text, error);
}

/* So many channels more, of the image's size, as many heads as there are coarser maps, and all that
 * there is without them. */
static void
test_heads (void)
{
  static const struct
  {
    const char *model;
    guint n_most;
  } cases[] = {
    { "type=unet\nclasses=3\n%s", 3 },
    { NARROW, 2 },
    { NARROW "up=bilinear\n", 2 },
    { NARROW "padding=valid\n", 0 },
    { "type=unet\nclasses=3\n%s[model.encoder]\ntype=resnet-encoder\ndepth=18\n"
      "[model.decoder]\ntype=unet-smp-decoder\n",
      4 },
    { "type=fc-densenet\ndepth=56\nclasses=3\n%s", 4 },
    { "type=nnunet\nclasses=3\n%s[model.encoder]\ntype=nnunet-encoder\nstages=4\n", 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *number = g_strdup_printf ("has %u coarser maps", cases[i].n_most);
      g_autoptr (GError) error = NULL;
      g_autoptr (SegGraph) plain = build_with_heads (cases[i].model, 0, &error);
      g_autoptr (SegGraph) graph = build_with_heads (cases[i].model, cases[i].n_most, &error);
      g_autoptr (SegParameters) few = seg_parameters_new (plain), all = seg_parameters_new (graph);

      g_assert_no_error (error);
      g_assert_cmpint (seg_graph_get_channels (graph, seg_graph_get_output (graph)), ==,
                       3 * (1 + cases[i].n_most));
      assert_gives (graph, 96, 64, 96, 64);
      for (guint p = 0; p < seg_parameters_get_n (few); p++)
        g_assert_cmpint (seg_parameters_find (all, seg_parameters_get_name (few, p)), >=, 0);
      g_assert_cmpuint (seg_parameters_get_n (all), ==,
                        seg_parameters_get_n (few) + 2 * cases[i].n_most);

      g_assert_null (build_with_heads (cases[i].model, cases[i].n_most + 1, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
      g_assert_nonnull (strstr (error->message, number));
    }
}

static void
test_heads_run (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegGraph) graph = build_with_heads (NARROW, 2, &error);

  g_assert_no_error (error);
  g_assert_true (everywhere_check (graph, "auxiliary heads", 3, 75, 53, 1000000));
}

static void
test_refused (void)
{
  const struct
  {
    const char *model, *says;
  } cases[] = {
    { "type=unet\n[model.decoder]\ntype=unet-decoder\nup=cubist\n", "resize-cubist" },
    { "type=unet\n[model.encoder]\ntype=unet-encoder\nnorm=true\n", "true-norm" },
    { "type=unet\n[model.encoder]\ntype=unet-encoder\nactivation=x\n", "\"x\"" },
    { "type=unet\n[model.encoder]\ntype=unet-encoder\npadding=full\n", "same, valid" },
    { "type=unet\n[model.decoder]\ntype=unet-smp-decoder\n", "5 features for 5 numbers" },
    { "type=nnunet\n[model.encoder]\ntype=nnunet-encoder\nstages=3\nrepeats=1;2;3;4\n",
      "4 numbers for 3 stages" },
    { "type=nnunet\n[model.decoder]\ntype=nnunet-decoder\nrepeats=2;0\n", "\"0\"" },
    { "type=unet\nhead-kernel-size=4\n", "must be odd" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SegGraph) graph = build (cases[i].model, &error);

      g_assert_null (graph);
      g_assert_nonnull (error);
      g_assert_cmpuint (error->domain, ==, SEG_ERROR);
      if (strstr (error->message, cases[i].says) == NULL)
        {
          g_test_message ("\"%s\" does not say \"%s\"", error->message, cases[i].says);
          g_test_fail ();
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/unet/valid/sizes", test_valid_sizes);
  g_test_add_func ("/unet/mirror/sizes", test_mirror_sizes);
  g_test_add_func ("/unet/mirror/runs", test_mirror_runs);
  g_test_add_func ("/unet/mirror/where-needed", test_mirror_where_needed);
  g_test_add_func ("/unet/nnunet/sizes", test_nnunet_sizes);
  g_test_add_func ("/unet/widths", test_widths);
  g_test_add_func ("/unet/dropout", test_dropout);
  g_test_add_func ("/unet/heads/shapes", test_heads);
  g_test_add_func ("/unet/heads/run", test_heads_run);
  g_test_add_func ("/unet/refused", test_refused);
  return g_test_run ();
}
