/* What seginspect tells, held against the library and against facts found elsewhere. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tool.h"

enum
{
  OK,
  FAILED,
  USAGE,
  INPUT,
  IO,
  LIMIT,
  NUMERIC,
  PLUGIN
};

#define HEAD(channels)                                                                             \
  "[segkit]\nformat=1\n[input]\nchannels=" channels "\n"                                           \
  "[classes]\nnames=back ground;\xc3\xa9toile\ncolors=#000000;#20e040\n"

#define CLASSIC(channels, width)                                                                   \
  HEAD (channels)                                                                                  \
  "[model]\ntype=unet\nclasses=2\nhead-kernel-size=1\n"                                            \
  "[model.encoder]\ntype=unet-encoder\ndepth=4\nchannels=" width "\n"                              \
  "[model.decoder]\ntype=unet-decoder\n"

static void
setup (Tool *tool, gconstpointer data)
{
  tool_setup (tool, data);
  tool->program = "seginspect";
}

static void
save_text (Tool *tool, const char *name, const char *text)
{
  tool_save_bytes (tool, name, text, strlen (text));
}

static void
assert_says (Tool *tool, const char *text)
{
  if (strstr (tool->output, text) != NULL)
    return;
  g_test_message ("\"%s\" is not in:\n%s", text, tool->output);
  g_test_fail ();
}

/* ---- plugins and features -------------------------------------------------------------- */

static void
test_list (Tool *tool, gconstpointer data)
{
  SegRegistry *registry = seg_registry_get_default ();

  (void) data;
  g_assert_cmpint (tool_run (tool, "--strict", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  assert_says (tool, "nn: The standard layers of neural networks\n");
  assert_says (tool, "LGPL-2.1-or-later\n");
  g_assert_null (strstr (tool->output, "not loaded"));
  for (guint k = 0; seg_registry_get_kind (k) != G_TYPE_INVALID; k++)
    {
      g_auto (GStrv) names = seg_registry_list (registry, seg_registry_get_kind (k));

      for (char **name = names; *name != NULL; name++)
        {
          g_autofree char *column = g_strdup_printf (" %s ", *name);

          assert_says (tool, column);
          assert_says (tool, seg_registry_get_plugin (registry, *name));
        }
    }
}

static void
test_not_loaded (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *file, *reason;
  } bad[] = {
    { "no-function.so", "descriptor" },
    { "no-layer.so", "feature \"any-layer\" is the abstract SegWindowed" },
    { "not-a-plugin.so", "not a plugin: it has no seg_plugin_descriptor" },
    { "undefined-symbol.so", "undefined symbol: seg_function_that_nobody_has" },
    { "wrong-abi.so", "made for plugin interface" },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path =
          g_test_build_filename (G_TEST_BUILT, "..", "plugins-bad", bad[i].file, NULL);
      g_autofree char *contents = NULL;
      gsize n_bytes;

      g_assert_true (g_file_get_contents (path, &contents, &n_bytes, NULL));
      tool_save_bytes (tool, bad[i].file, contents, n_bytes);
    }
  g_assert_cmpint (tool_run (tool, "--plugin-path", tool->folder, NULL), ==, OK);
  assert_says (tool, "nn: The standard layers");
  /* it is there, although all its features are not */
  assert_says (tool, "no_layer: Registers what is no layer\n");
  assert_says (tool, "/no-layer.so, CC0-1.0\n  no features\n");
  assert_says (tool, "\nnot loaded:\n");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *lines = g_strdup_printf ("/%s\n      ", bad[i].file);

      assert_says (tool, lines);
      assert_says (tool, bad[i].reason);
    }
  g_assert_cmpint (tool_run (tool, "--plugin-path", tool->folder, "--strict", NULL), ==, PLUGIN);
}

/* Every feature that there is, with each of its properties. */
static void
test_features (Tool *tool, gconstpointer data)
{
  SegRegistry *registry = seg_registry_get_default ();

  (void) data;
  for (guint k = 0; seg_registry_get_kind (k) != G_TYPE_INVALID; k++)
    {
      g_auto (GStrv) names = seg_registry_list (registry, seg_registry_get_kind (k));

      for (char **name = names; *name != NULL; name++)
        {
          g_autoptr (GTypeClass) klass = g_type_class_ref (seg_registry_lookup (registry, *name));
          guint n;
          g_autofree GParamSpec **pspecs =
              g_object_class_list_properties (G_OBJECT_CLASS (klass), &n);
          g_autofree char *start = g_strconcat (*name, ": ", NULL);

          g_assert_cmpint (tool_run (tool, *name, NULL), ==, OK);
          g_assert_true (g_str_has_prefix (tool->output, start));
          assert_says (tool, seg_registry_get_plugin (registry, *name));
          assert_says (tool, "\nSource: ");
          for (guint i = 0; i < n; i++)
            {
              g_autofree char *setting = g_strconcat (
                  "\n  ", pspecs[i]->name, G_IS_PARAM_SPEC_OBJECT (pspecs[i]) ? " " : "=", NULL);
              assert_says (tool, setting);
            }
        }
    }
}

static void
test_properties (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "resnet-encoder", NULL), ==, OK);
  assert_says (tool, "\n  depth=34    (whole number, 18 to 152)\n");
  assert_says (tool, "18, 34, 50, 101 or 152\n");
  assert_says (tool, "\n  pre-activation=false    (true or false)\n");
  assert_says (tool, "Encoder from /");
  g_assert_cmpint (tool_run (tool, "unet-decoder", NULL), ==, OK);
  assert_says (tool, "\n  padding=same    (same or valid)\n");
  assert_says (tool, "\n  inner    (a block, ");
  g_assert_cmpint (tool_run (tool, "add", NULL), ==, OK);
  assert_says (tool, "\nReads 2 maps.\n");
  g_assert_cmpint (tool_run (tool, "instance-norm", NULL), ==, OK);
  assert_says (tool, "Needs statistics of the whole map");
}

/* ---- models ---------------------------------------------------------------------------- */

static json_t *
run_json (Tool *tool, const char *name, const char *size)
{
  json_error_t error;
  json_t *root;

  g_assert_cmpint (tool_run (tool, "--json", "--size", size, "--threads", "3", name, NULL), ==, OK);
  root = json_loads (tool->output, JSON_REJECT_DUPLICATES, &error);
  g_assert_nonnull (root);
  return root;
}

static double
get_number (json_t *object, const char *key)
{
  json_t *value = json_object_get (object, key);

  g_assert_true (json_is_number (value));
  return json_number_value (value);
}

static void
assert_halo (json_t *object, const char *key, const SegHalo *halo)
{
  json_t *sides = json_object_get (object, key);

  g_assert_cmpfloat (get_number (sides, "left"), ==, (double) halo->left);
  g_assert_cmpfloat (get_number (sides, "top"), ==, (double) halo->top);
  g_assert_cmpfloat (get_number (sides, "right"), ==, (double) halo->right);
  g_assert_cmpfloat (get_number (sides, "bottom"), ==, (double) halo->bottom);
}

/* What is told of each step is the library's, and in the right place. */
static void
test_steps (Tool *tool, gconstpointer data)
{
  json_t *root, *layer, *totals;
  g_autofree char *path = tool_path (tool, "u.safetensors");
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) bands = NULL;
  g_autofree SegHalo *halos = NULL, *tile_halos = NULL;
  const SegHalo *halo, *tile;
  guint n;
  size_t i;

  (void) data;
  tool_save_recipe (tool, "u.safetensors", CLASSIC ("3", "8"));
  root = run_json (tool, "u.safetensors", "300x2000");
  totals = json_object_get (root, "totals");
  model = seg_model_load (path, NULL);
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, NULL);
  bands = seg_schedule_new_bands (plan, 2000, 300, (gint64) get_number (root, "band_rows"), NULL);
  halos = seg_plan_dup_halos (plan, SEG_HALO_ARITHMETIC, &n, NULL);
  tile_halos = seg_plan_dup_halos (plan, SEG_HALO_COMPILED, &n, NULL);

  g_assert_cmpuint (json_array_size (json_object_get (root, "layers")), ==,
                    seg_plan_get_n_steps (plan));
  json_array_foreach (json_object_get (root, "layers"), i, layer)
  {
    SegStepInfo info;
    SegMapInfo ring;

    seg_plan_describe_step (plan, (guint) i, &info);
    seg_schedule_describe_map (bands, info.output, &ring);
    assert_halo (layer, "halo", &halos[info.output]);
    assert_halo (layer, "tile_halo", &tile_halos[info.output]);
    g_assert_cmpfloat (get_number (layer, "packed_bytes"), ==, (double) info.packed_bytes);
    g_assert_cmpfloat (get_number (layer, "ring_rows"), ==, (double) ring.n_rows);
    g_assert_cmpfloat (get_number (layer, "ring_bytes"), ==, (double) ring.bytes);
    /* what is padded by nothing is held by another, and nothing runs */
    g_assert_cmpstr (json_string_value (json_object_get (layer, "kernel")), ==,
                     ring.bytes > 0 ? info.kernel : NULL);
  }
  halo = &halos[seg_plan_get_output (plan)];
  tile = &tile_halos[seg_plan_get_output (plan)];
  assert_halo (totals, "halo", halo);
  assert_halo (totals, "tile_halo", tile);
  g_assert_cmpint (tile->left + tile->right, >, halo->left + halo->right);
  json_decref (root);
}

/* Each layer of the network is told of once, and what they take adds up to the totals. */
static void
test_json (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "model.safetensors");
  g_autoptr (SegModel) model = seg_model_load (path, NULL);
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  json_t *root = run_json (tool, "model.safetensors", "65x47"), *layer, *taken, *totals, *last;
  double parameters = 0, multiply_adds = 0, packed = 0;
  size_t i, j;

  (void) data;
  json_array_foreach (json_object_get (root, "layers"), i, layer)
  {
    g_assert_true (
        g_hash_table_add (names, g_strdup (json_string_value (json_object_get (layer, "name")))));
    json_array_foreach (json_object_get (layer, "taken"), j, taken)
        g_assert_true (g_hash_table_add (names, g_strdup (json_string_value (taken))));
    parameters += get_number (layer, "parameters");
    multiply_adds += get_number (layer, "multiply_adds");
    packed += get_number (layer, "packed_bytes");
  }
  for (guint n = 0; n < seg_graph_get_n_nodes (seg_model_get_graph (model)); n++)
    g_assert_true (
        g_hash_table_remove (names, seg_graph_get_node_name (seg_model_get_graph (model), n)));
  g_assert_cmpuint (g_hash_table_size (names), ==, 0);

  totals = json_object_get (root, "totals");
  g_assert_cmpfloat (parameters, ==, get_number (totals, "parameters"));
  g_assert_cmpfloat (multiply_adds, ==, get_number (totals, "multiply_adds"));
  g_assert_cmpfloat (packed, ==, get_number (totals, "packed_bytes"));

  last = json_array_get (json_object_get (root, "layers"), i - 1);
  g_assert_cmpstr (json_string_value (json_object_get (last, "feature")), ==, "conv2d");
  g_assert_cmpstr (json_string_value (json_object_get (last, "kernel")), ==, "direct");
  last = json_object_get (last, "shape");
  g_assert_cmpint (json_integer_value (json_array_get (last, 0)), ==, 2);
  g_assert_cmpint (json_integer_value (json_array_get (last, 1)), ==, 47);
  g_assert_cmpint (json_integer_value (json_array_get (last, 2)), ==, 65);
  g_assert_cmpstr (json_string_value (json_object_get (root, "recipe")), ==,
                   seg_model_get_recipe (model));
  json_decref (root);
}

/* The usual U-Net of width 64, one band to two classes: 31.0 million numbers, 96.2 GFLOP at 256²,
 * two for each multiply-add, 94 pixels around a tile. */
static void
test_known (Tool *tool, gconstpointer data)
{
  json_t *root, *totals, *halo;

  (void) data;
  save_text (tool, "u.recipe", CLASSIC ("1", "64"));
  root = run_json (tool, "u.recipe", "256x256");
  totals = json_object_get (root, "totals");
  halo = json_object_get (totals, "halo");
  g_assert_cmpfloat_with_epsilon (get_number (totals, "parameters") / 1e6, 31.0, 0.05);
  g_assert_cmpfloat_with_epsilon (2 * get_number (totals, "multiply_adds") / 1e9, 96.2, 0.05);
  g_assert_cmpfloat (get_number (halo, "left"), ==, 94);
  g_assert_cmpfloat (get_number (halo, "bottom"), ==, 94);
  json_decref (root);

  g_assert_cmpint (tool_run (tool, "--size", "256x256", "u.recipe", NULL), ==, OK);
  assert_says (tool, "parameters      31.0 M (31036546)");
  assert_says (tool, "multiply-adds   48.1 G");
  assert_says (tool, "halo            94 pixels left, 94 right, 94 above, 94 below\n");
}

/* What a run then really has in use is what was predicted, but for what rounding adds. */
static void
test_memory (Tool *tool, gconstpointer data)
{
  json_t *root = run_json (tool, "model.safetensors", "300x2000");
  json_t *totals = json_object_get (root, "totals");
  g_autofree char *path = tool_path (tool, "model.safetensors");
  g_autoptr (SegPool) pool = seg_pool_new (3);
  gsize before = seg_memory_get_used ();
  g_autoptr (SegModel) model = seg_model_load (path, NULL);
  g_autoptr (SegPlan) plan =
      seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                    SEG_PURPOSE_INFERENCE, NULL, NULL, NULL);

  (void) data;
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (SegSchedule) schedule =
          i == 0 ? seg_schedule_new_region (plan, 1, 2000, 300, NULL, NULL)
                 : seg_schedule_new_bands (plan, 2000, 300,
                                           json_integer_value (json_object_get (root, "band_rows")),
                                           NULL);
      g_autoptr (SegWorkspace) workspace = seg_workspace_new (schedule, pool, NULL);
      double used = (double) (seg_memory_get_used () - before);
      double predicted = get_number (totals, i == 0 ? "memory_whole" : "memory_bands");

      g_assert_nonnull (workspace);
      g_assert_cmpfloat (predicted, <=, used);
      g_assert_cmpfloat (predicted, >, used - 64 * 1024);
    }
  json_decref (root);
}

static void
test_text (Tool *tool, gconstpointer data)
{
  static const char *const says[] = {
    "input     3 channels",
    "mean 0; 0; 0",
    "classes     0  #000000  back ground\n",
    "            1  #20e040  \xc3\xa9toile\n",
    "model.encoder  unet-encoder  depth=4 channels=4\n",
    "70 × 40 pixels, step by step:\n",
    " 4 × 70×40 ",
    "  94/94  conv2d+batch-norm+relu\n",
    "how they run, at once and by bands of 24 rows:\n",
    " direct\n",
    " alias\n",
    " Winograd 4×4\n",
    "packed weights  ",
    "\ntile            ",
    "rings           ",
    "bands of 24     ",
  };

  (void) data;
  save_text (tool, "u.recipe", CLASSIC ("3", "4"));
  g_assert_cmpint (
      tool_run (tool, "--size", "70x40", "--bands", "24", "--threads", "1", "u.recipe", NULL), ==,
      OK);
  for (guint i = 0; i < G_N_ELEMENTS (says); i++)
    assert_says (tool, says[i]);
  g_assert_cmpstr (tool->error_line, ==, "");
  g_assert_null (strstr (tool->output, "fold-affine"));
  g_assert_cmpint (tool_run (tool, "-v", "u.recipe", NULL), ==, OK);
  assert_says (tool, "\nfold-affine: encoder.blocks.0.conv1.1 into encoder.blocks.0.conv1.0\n");

  /* the same network from a model file, but for where it comes from */
  g_assert_cmpint (tool_run (tool, "u.recipe", NULL), ==, OK);
  g_autofree char *from_recipe = g_strdup (strchr (tool->output, '\n'));
  tool_save_recipe (tool, "u.safetensors", CLASSIC ("3", "4"));
  g_assert_cmpint (tool_run (tool, "u.safetensors", NULL), ==, OK);
  g_assert_cmpstr (strchr (tool->output, '\n'), ==, from_recipe);
}

/* Statistics of whole maps: nobody is told of a halo. */
static void
test_whole_map (Tool *tool, gconstpointer data)
{
  (void) data;
  save_text (tool, "n.recipe",
             HEAD ("1") "[model]\ntype=nnunet\nclasses=2\n"
                        "[model.encoder]\ntype=nnunet-encoder\nchannels=4\nstages=3\n");
  g_assert_cmpint (tool_run (tool, "n.recipe", NULL), ==, OK);
  assert_says (tool, "halo            the whole image");
  assert_says (tool, "tile            the whole image");
  assert_says (tool, "  all  ");
}

static void
test_recipe (Tool *tool, gconstpointer data)
{
  static const char recipe[] = "# kept\n" CLASSIC ("1", "4") "\n# to the end";

  (void) data;
  tool_save_recipe (tool, "u.safetensors", recipe);
  g_assert_cmpint (tool_run (tool, "--recipe", "u.safetensors", NULL), ==, OK);
  g_assert_cmpstr (tool->output, ==, recipe);
}

/* Every step has a box, and every box a line to it; Graphviz, where there is one, takes it. */
static void
test_graph (Tool *tool, gconstpointer data)
{
  g_autofree char *dot = g_find_program_in_path ("dot");
  g_autofree char *path = tool_path (tool, "u.dot");
  g_autoptr (GError) error = NULL;
  guint n_open = 0, n_closed = 0, n_boxes = 0;
  int status;

  (void) data;
  save_text (tool, "a\"b\\.recipe", CLASSIC ("1", "4"));
  g_assert_cmpint (tool_run (tool, "--graph", "a\"b\\.recipe", NULL), ==, OK);
  g_assert_true (g_str_has_prefix (tool->output, "digraph \"a\\\"b\\\\.recipe\" {\n"));
  assert_says (tool, "label=\"encoder\";");
  assert_says (tool, "label=\"blocks.0\";");
  assert_says (tool, "conv1.0\\nconv2d + batch-norm + relu\\n4 × 512×512, 44 params");
  for (const char *c = tool->output; *c != '\0'; c++)
    {
      n_open += *c == '{';
      n_closed += *c == '}';
    }
  g_assert_cmpuint (n_open, ==, n_closed);
  for (;; n_boxes++)
    {
      g_autofree char *box = g_strdup_printf (" n%u [label=", n_boxes);
      g_autofree char *line = g_strdup_printf (" -> n%u", n_boxes);

      if (strstr (tool->output, box) == NULL)
        break;
      assert_says (tool, line);
    }
  g_assert_cmpuint (n_boxes, >, 30);
  if (dot == NULL)
    return;
  save_text (tool, "u.dot", tool->output);
  g_spawn_sync (NULL, (char *[]){ dot, "-Tdot", path, NULL }, NULL, G_SPAWN_STDOUT_TO_DEV_NULL,
                NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
}

/* A file of the name of a feature has to be asked for as a file. */
static void
test_feature_or_file (Tool *tool, gconstpointer data)
{
  (void) data;
  save_text (tool, "unet", CLASSIC ("1", "4"));
  g_assert_cmpint (tool_run (tool, "unet", NULL), ==, OK);
  g_assert_true (g_str_has_prefix (tool->output, "unet: U-Net\n"));
  g_assert_cmpint (tool_run (tool, "./unet", NULL), ==, OK);
  g_assert_true (g_str_has_prefix (tool->output, "./unet\n"));
  g_assert_cmpint (tool_run (tool, "nuclei", NULL), ==, OK);
  assert_says (tool, "models/nuclei.safetensors\n");
}

/* No map gets memory, so that a size is only a number. */
static void
test_huge (Tool *tool, gconstpointer data)
{
  gint64 start = g_get_monotonic_time ();
  json_t *root;

  (void) data;
  save_text (tool, "u.recipe", CLASSIC ("1", "64"));
  root = run_json (tool, "u.recipe", "100000x100000");
  g_test_message ("%.2f s", (double) (g_get_monotonic_time () - start) / 1e6);
  g_assert_cmpfloat (get_number (json_object_get (root, "totals"), "memory_whole"), >, 1e12);
  g_assert_cmpfloat (get_number (json_object_get (root, "totals"), "memory_bands"), <, 1e11);
  json_decref (root);
  root = run_json (tool, "u.recipe", "1000000x1000000");
  g_assert_cmpfloat_with_epsilon (
      get_number (json_object_get (root, "totals"), "multiply_adds") / 7.33888e17, 1, 1e-5);
  json_decref (root);
}

/* ---- the machine ----------------------------------------------------------------------- */

static void
test_cpu (Tool *tool, gconstpointer data)
{
  (void) data;
  tool->variable = "SEGKIT_CPU";
  tool->value = "base";
  g_assert_cmpint (tool_run (tool, "--cpu", NULL), ==, OK);
  g_assert_true (g_regex_match_simple ("\nbase +[0-9]+ +is used\n", tool->output, 0, 0));
  assert_says (tool, "SEGKIT_CPU=base: no level above it");
  tool->value = "";
  g_assert_cmpint (tool_run (tool, "--cpu", NULL), ==, OK);
  assert_says (tool, "SEGKIT_CPU is not set");
  assert_says (tool, seg_kernels_get ()->level);
  tool->value = "avx\n2";
  g_assert_cmpint (tool_run (tool, "--cpu", NULL), ==, OK);
  assert_says (tool, "SEGKIT_CPU=avx\\x0a2 is no level");
  g_assert_cmpint (tool_run (tool, "model.safetensors", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "SEGKIT_CPU", "segkit:param");
}

/* ---- what is wrong --------------------------------------------------------------------- */

static void
test_errors (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *arguments[4], *names, *cause;
    int status;
  } cases[] = {
    { { "resnet-encodr" }, "did you mean \"resnet-encoder\"?", "segkit:plugin", PLUGIN },
    { { "xyzzyxyzzy" }, "xyzzyxyzzy: there is no feature", "segkit:plugin", PLUGIN },
    { { "none.safetensors" }, "none.safetensors", "io:not-found", IO },
    { { "./none" }, "./none", "io:not-found", IO },
    { { "empty" }, "empty", "segkit:format", INPUT },
    { { "text.png" }, "text.png: recipe line 1", "segkit:format", INPUT },
    { { "noise" }, "noise", "segkit:format", INPUT },
    { { "." }, ".: ", "segkit:unsupported", INPUT },
    { { "/dev/zero" }, "/dev/zero", "segkit:format", INPUT },
    { { "bad.recipe" },
      "bad.recipe: [model.encoder]: no plugin has a block \"unet-encodr\"; did you mean",
      "segkit:plugin",
      PLUGIN },
    { { "open.recipe" },
      "open.recipe: leaves [model] type open, so that there is no network yet; \"segtrain --recipe "
      "open.recipe --dump-recipe DATASET\" prints it whole",
      "segkit:format",
      INPUT },
    { { "an open.recipe" }, " --recipe 'an open.recipe' --dump-recipe ", "segkit:format", INPUT },
    { { "--size", "3x40", "model.safetensors" },
      "model.safetensors: an image of 3 × 40 pixels is too small for the network, which takes",
      "segkit:shape",
      INPUT },
    { { "--size", "40", "model.safetensors" }, "--size: \"40\"", "usage", USAGE },
    { { "--size", "0x40", "model.safetensors" }, "--size", "usage", USAGE },
    { { "--size", "40x-1", "model.safetensors" }, "--size", "usage", USAGE },
    { { "--size", "40x1000001", "model.safetensors" }, "--size", "usage", USAGE },
    { { "--size", "4x4x4", "model.safetensors" }, "--size", "usage", USAGE },
    { { "--bands", "0", "model.safetensors" }, "--bands", "usage", USAGE },
    { { "--threads", "0", "model.safetensors" }, "--threads", "usage", USAGE },
    { { "--json" }, "name a model", "usage", USAGE },
    { { "--json", "unet" }, "\"unet\" is a feature", "usage", USAGE },
    { { "--size", "40x40", "unet" }, "\"unet\" is a feature", "usage", USAGE },
    { { "--graph", "--recipe", "model.safetensors" }, "give one", "usage", USAGE },
    { { "--cpu", "model.safetensors" }, "--cpu", "usage", USAGE },
    { { "model.safetensors", "unet" }, "name one", "usage", USAGE },
    { { "--colour" }, "--colour", "usage", USAGE },
  };

  (void) data;
  tool_save_bytes (tool, "empty", "", 0);
  tool_save_bytes (tool, "noise", "\x01\x02\x00\x03", 4);
  save_text (tool, "text.png", "not a picture\n");
  save_text (tool, "open.recipe", HEAD ("1") "[train]\ncrop=64\n");
  save_text (tool, "an open.recipe", HEAD ("1"));
  save_text (tool, "bad.recipe",
             HEAD ("1") "[model]\ntype=unet\n[model.encoder]\ntype=unet-encodr\n");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const *a = cases[i].arguments;

      g_assert_cmpint (tool_run (tool, a[0], a[1], a[2], a[3], NULL), ==, cases[i].status);
      tool_assert_fails (tool, cases[i].status, cases[i].names, cases[i].cause);
      g_assert_cmpstr (tool->output, ==, "");
    }
}

/* A file that can be seen and not read, by one who is not root. */
static void
test_unreadable (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "model.safetensors");

  (void) data;
  if (geteuid () == 0)
    {
      g_test_skip ("root may read everything");
      return;
    }
  g_assert_cmpint (chmod (path, 0), ==, 0);
  g_assert_cmpint (tool_run (tool, "model.safetensors", NULL), ==, IO);
  tool_assert_fails (tool, IO, "model.safetensors", "io:permission-denied");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) g_test_add (path, Tool, NULL, setup, function, tool_teardown)
  ADD ("/seginspect/list", test_list);
  ADD ("/seginspect/not-loaded", test_not_loaded);
  ADD ("/seginspect/features", test_features);
  ADD ("/seginspect/properties", test_properties);
  ADD ("/seginspect/json", test_json);
  ADD ("/seginspect/steps", test_steps);
  ADD ("/seginspect/known", test_known);
  ADD ("/seginspect/memory", test_memory);
  ADD ("/seginspect/text", test_text);
  ADD ("/seginspect/whole-map", test_whole_map);
  ADD ("/seginspect/recipe", test_recipe);
  ADD ("/seginspect/graph", test_graph);
  ADD ("/seginspect/feature-or-file", test_feature_or_file);
  ADD ("/seginspect/huge", test_huge);
  ADD ("/seginspect/cpu", test_cpu);
  ADD ("/seginspect/errors", test_errors);
  ADD ("/seginspect/unreadable", test_unreadable);
  return g_test_run ();
}
