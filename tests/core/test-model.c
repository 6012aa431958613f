#include <segkit/error.h>
#include <segkit/memory.h>
#include <segkit/model.h>
#include <segkit/registry.h>
#include <segkit/safetensors.h>

#include <math.h>

#include "testing.h"

/* ---- a network of one layer ---------------------------------------------------------- */

/* Maps channels to channels; it has a parameter of each role. */
struct _TestLayer
{
  SegLayer parent_instance;
  gint channels;
};

G_DECLARE_FINAL_TYPE (TestLayer, test_layer, TEST, LAYER, SegLayer)
G_DEFINE_FINAL_TYPE (TestLayer, test_layer, SEG_TYPE_LAYER)

static gboolean
test_layer_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  (void) n_in;
  (void) error;
  *out = in[0];
  out->c = TEST_LAYER (layer)->channels;
  return TRUE;
}

static void
test_layer_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  gint64 channels = TEST_LAYER (layer)->channels;
  SegInit zero = { .kind = SEG_INIT_CONSTANT }, one = { .kind = SEG_INIT_CONSTANT, .value = 1.f };
  SegInit random = { .kind = SEG_INIT_UNIFORM, .value = 1.f };

  (void) n_in;
  seg_param_set_add (params, "weight", SEG_ROLE_WEIGHT, SEG_DTYPE_F32, random, 2, channels,
                     in[0].c);
  seg_param_set_add (params, "bias", SEG_ROLE_BIAS, SEG_DTYPE_F32, zero, 1, channels);
  seg_param_set_add (params, "running_var", SEG_ROLE_STATE, SEG_DTYPE_F32, one, 1, channels);
  seg_param_set_add (params, "num_batches_tracked", SEG_ROLE_COUNTER, SEG_DTYPE_I64, zero, 0);
}

static void
test_layer_class_init (TestLayerClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->infer = test_layer_infer;
  layer->declare = test_layer_declare;
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (TestLayer, channels), 1, G_MAXINT, 2, "");
}

static void
test_layer_init (TestLayer *self)
{
  (void) self;
}

struct _TestNetwork
{
  SegBlock parent_instance;
  gint outputs, layers, stride;
};

G_DECLARE_FINAL_TYPE (TestNetwork, test_network, TEST, NETWORK, SegBlock)
G_DEFINE_FINAL_TYPE (TestNetwork, test_network, SEG_TYPE_BLOCK)

static void
test_network_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  TestNetwork *self = TEST_NETWORK (block);
  SegValue x = in->values[0];

  seg_graph_push (graph, "encoder");
  for (gint i = 0; i < self->layers; i++)
    {
      g_autofree char *name = g_strdup_printf ("%d", i);
      x = seg_graph_add (graph, name, "test-layer", SEG_IN (x), "channels", self->outputs, NULL);
    }
  seg_graph_pop (graph);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { self->stride } };
}

static void
test_network_class_init (TestNetworkClass *klass)
{
  SEG_BLOCK_CLASS (klass)->kind = SEG_BLOCK_MODEL;
  SEG_BLOCK_CLASS (klass)->build = test_network_build;
  seg_class_add_int (klass, "outputs", G_STRUCT_OFFSET (TestNetwork, outputs), 1, G_MAXINT, 2, "");
  seg_class_add_int (klass, "layers", G_STRUCT_OFFSET (TestNetwork, layers), 1, 100, 1, "");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (TestNetwork, stride), 1, 8, 1, "");
}

static void
test_network_init (TestNetwork *self)
{
  (void) self;
}

struct _TestPart
{
  SegBlock parent_instance;
};

G_DECLARE_FINAL_TYPE (TestPart, test_part, TEST, PART, SegBlock)
G_DEFINE_FINAL_TYPE (TestPart, test_part, SEG_TYPE_BLOCK)

static void
test_part_class_init (TestPartClass *klass)
{
  SEG_BLOCK_CLASS (klass)->kind = SEG_BLOCK_MAP;
}

static void
test_part_init (TestPart *self)
{
  (void) self;
}

/* ---- recipes ------------------------------------------------------------------------- */

#define RECIPE(input, classes, model)                                                              \
  "[segkit]\nformat=1\n[input]\n" input "[classes]\n" classes "[model]\n" model
#define INPUT "channels=3\n"
#define CLASSES "names=back;front\n"
#define MODEL "type=test-network\n"
#define GOOD RECIPE (INPUT, CLASSES, MODEL)

static SegModel *
new_model (const char *recipe)
{
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_new_from_recipe (recipe, 1, &error);

  g_assert_no_error (error);
  g_assert_nonnull (model);
  return model;
}

static void
test_new (void)
{
  g_autoptr (SegModel) model = new_model (
      RECIPE ("channels=3\nmean=0.5;-1;2e-1\nstd=0.25;1;2;\n",
              "names=back;front;ü\ncolors=#000000;#E8306a;#0102ff\n", MODEL "outputs=3\n"));
  SegParameters *parameters = seg_model_get_parameters (model);

  g_assert_cmpuint (seg_model_get_n_channels (model), ==, 3);
  g_assert_true (seg_model_get_mean (model)[0] == 0.5f);
  g_assert_true (seg_model_get_mean (model)[1] == -1.f);
  g_assert_true (seg_model_get_mean (model)[2] == 0.2f);
  g_assert_true (seg_model_get_std (model)[2] == 2.f);
  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 3);
  g_assert_cmpstr (seg_model_get_class (model, 2)->name, ==, "ü");
  g_assert_cmpuint (seg_model_get_class (model, 1)->red, ==, 0xe8);
  g_assert_cmpuint (seg_model_get_class (model, 1)->green, ==, 0x30);
  g_assert_cmpuint (seg_model_get_class (model, 2)->blue, ==, 0xff);
  g_assert_true (g_str_has_prefix (seg_model_get_recipe (model), "[segkit]"));

  /* Names begin with the scopes that the model block pushed. */
  g_assert_cmpuint (seg_graph_get_n_nodes (seg_model_get_graph (model)), ==, 1);
  g_assert_cmpuint (seg_parameters_get_n (parameters), ==, 4);
  g_assert_cmpstr (seg_parameters_get_name (parameters, 0), ==, "encoder.0.weight");
}

static void
test_defaults (void)
{
  g_autoptr (SegModel) model = new_model (GOOD);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (seg_model_get_mean (model)[i] == 0.f);
      g_assert_true (seg_model_get_std (model)[i] == 1.f);
    }
}

/* Up to 256 classes have colours of their own, nearly. */
static void
test_palette (void)
{
  g_autoptr (GString) names = g_string_new ("names=0");
  g_autofree char *recipe = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (GHashTable) colors = g_hash_table_new (NULL, NULL);

  for (guint i = 1; i < 256; i++)
    g_string_append_printf (names, ";%u", i);
  recipe = g_strdup_printf (RECIPE (INPUT, "%s\n", MODEL "outputs=256\n"), names->str);
  model = new_model (recipe);
  for (guint i = 0; i < 256; i++)
    {
      const SegClass *class = seg_model_get_class (model, i);
      guint rgb = (guint) (class->red << 16 | class->green << 8 | class->blue);

      g_assert_true ((rgb == 0) == (i == 0));
      g_hash_table_add (colors, GUINT_TO_POINTER (rgb));
    }
  g_assert_cmpuint (g_hash_table_size (colors), >, 240);
}

static void
test_one_output (void)
{
  g_autoptr (SegModel) model = new_model (RECIPE (INPUT, CLASSES, MODEL "outputs=1\n"));

  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 2);
}

static const struct
{
  const char *name, *recipe, *message;
  gint code;
} bad[] = {
  { "not-a-recipe", "", "not a recipe", SEG_ERROR_FORMAT },
  { "no-channels", RECIPE ("", CLASSES, MODEL), "[input] channels", SEG_ERROR_FORMAT },
  { "channels-0", RECIPE ("channels=0\n", CLASSES, MODEL), "\"0\" is not", SEG_ERROR_FORMAT },
  { "channels-billion", RECIPE ("channels=1000000000\n", CLASSES, MODEL), "1024",
    SEG_ERROR_FORMAT },
  { "channels-text", RECIPE ("channels=x\n", CLASSES, MODEL), "\"x\" is not", SEG_ERROR_FORMAT },
  { "few-means", RECIPE (INPUT "mean=0;0\n", CLASSES, MODEL), "mean: 2 numbers for 3 channels",
    SEG_ERROR_FORMAT },
  { "many-stds", RECIPE (INPUT "std=1;1;1;1\n", CLASSES, MODEL), "std: 4 numbers for 3 channels",
    SEG_ERROR_FORMAT },
  { "std-0", RECIPE (INPUT "std=1;0;1\n", CLASSES, MODEL), "\"0\" is not a positive number",
    SEG_ERROR_FORMAT },
  { "std-tiny", RECIPE (INPUT "std=1;1e-99;1\n", CLASSES, MODEL), "\"1e-99\" is not a positive",
    SEG_ERROR_FORMAT },
  { "mean-nan", RECIPE (INPUT "mean=nan;0;1\n", CLASSES, MODEL), "\"nan\" is not a finite",
    SEG_ERROR_FORMAT },
  { "mean-huge", RECIPE (INPUT "mean=1e99;0;1\n", CLASSES, MODEL), "\"1e99\" is not a finite",
    SEG_ERROR_FORMAT },
  { "mean-empty", RECIPE (INPUT "mean=;;\n", CLASSES, MODEL), "mean", SEG_ERROR_FORMAT },
  { "mean-comma", RECIPE (INPUT "mean=0,5;0;0\n", CLASSES, MODEL), "\"0,5\" is not",
    SEG_ERROR_FORMAT },
  { "no-names", RECIPE (INPUT, "", MODEL), "[classes] names", SEG_ERROR_FORMAT },
  { "one-class", RECIPE (INPUT, "names=a\n", MODEL), "2 to 256 are needed, not 1",
    SEG_ERROR_FORMAT },
  { "empty-class", RECIPE (INPUT, "names=a;;b\n", MODEL), "\"\" cannot be", SEG_ERROR_FORMAT },
  { "class-twice", RECIPE (INPUT, "names=a;a\n", MODEL), "\"a\" occurs twice", SEG_ERROR_FORMAT },
  { "class-line", RECIPE (INPUT, "names=a;b\\nc\n", MODEL), "\"b\\u000ac\" cannot be",
    SEG_ERROR_FORMAT },
  { "bad-escape", RECIPE (INPUT, "names=a;b\\x\n", MODEL), "escapes nothing", SEG_ERROR_FORMAT },
  { "few-colors", RECIPE (INPUT, CLASSES "colors=#000000\n", MODEL), "1 colours for 2 classes",
    SEG_ERROR_FORMAT },
  { "bad-color", RECIPE (INPUT, CLASSES "colors=#000000;#00000g\n", MODEL), "\"#00000g\"",
    SEG_ERROR_FORMAT },
  { "short-color", RECIPE (INPUT, CLASSES "colors=#000000;#fff\n", MODEL), "\"#fff\"",
    SEG_ERROR_FORMAT },
  { "signed-color", RECIPE (INPUT, CLASSES "colors=#000000;#+12345\n", MODEL), "\"#+12345\"",
    SEG_ERROR_FORMAT },
  { "part", RECIPE (INPUT, CLASSES, "type=test-part\n"), "a part of a network", SEG_ERROR_FORMAT },
  { "half-size", RECIPE (INPUT, CLASSES, MODEL "stride=2\n"), "a map of 1/2 of", SEG_ERROR_SHAPE },
  { "outputs", RECIPE (INPUT, CLASSES, MODEL "outputs=3\n"), "3 channels, but there are 2 classes",
    SEG_ERROR_SHAPE },
  { "one-output-three-classes", RECIPE (INPUT, "names=a;b;c\n", MODEL "outputs=1\n"),
    "1 channels, but there are 3 classes", SEG_ERROR_SHAPE },
};

static void
test_bad (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_model_new_from_recipe (bad[i].recipe, 1, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, bad[i].code);
  g_assert_nonnull (strstr (error->message, bad[i].message));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_too_many_classes (void)
{
  g_autoptr (GString) names = g_string_new ("names=0");
  g_autofree char *recipe = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i < 257; i++)
    g_string_append_printf (names, ";%u", i);
  recipe = g_strdup_printf (RECIPE (INPUT, "%s\n", MODEL), names->str);
  g_assert_null (seg_model_new_from_recipe (recipe, 1, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
}

/* ---- files --------------------------------------------------------------------------- */

static void
add (SegSafetensors *file, const char *name, SegDtype dtype, guint rank, const gint64 *dims)
{
  g_autoptr (SegTensor) tensor = seg_tensor_new (dtype, rank, dims, NULL);

  seg_safetensors_add (file, name, tensor);
}

/* What GOOD needs, in half precision, without the counter; all zero. */
static SegSafetensors *
new_half_file (void)
{
  SegSafetensors *file = seg_safetensors_new ();

  seg_safetensors_set_metadata (file, "segkit.recipe", GOOD);
  add (file, "encoder.0.weight", SEG_DTYPE_F16, 2, (const gint64[]){ 2, 3 });
  add (file, "encoder.0.bias", SEG_DTYPE_BF16, 1, (const gint64[]){ 2 });
  add (file, "encoder.0.running_var", SEG_DTYPE_F32, 1, (const gint64[]){ 2 });
  return file;
}

static char *
write_file (SegSafetensors *file, const char *folder)
{
  char *path = g_build_filename (folder, "m.safetensors", NULL);
  g_autoptr (GError) error = NULL;

  seg_safetensors_write (file, path, &error);
  g_assert_no_error (error);
  return path;
}

static void
assert_not_loaded (const char *path, SegError code, const char *message)
{
  g_autoptr (GError) error = NULL;
  gsize used = seg_memory_get_used ();

  g_assert_null (seg_model_load (path, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, message));
  g_assert_null (strchr (error->message, '\n'));
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
}

static void
test_save_load (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "m.safetensors", NULL);
  g_autoptr (SegModel) model = new_model (GOOD);
  g_autoptr (SegModel) loaded = NULL;
  g_autoptr (GError) error = NULL;
  SegParameters *before = seg_model_get_parameters (model), *after;

  *(gint64 *) seg_parameters_get_tensor (before, 3, NULL)->data = 1234567890123;
  g_assert_true (seg_model_save (model, path, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (testing_folder_count (folder), ==, 1);

  loaded = seg_model_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (seg_model_get_recipe (loaded), ==, GOOD);
  after = seg_model_get_parameters (loaded);
  for (guint i = 0; i < seg_parameters_get_n (before); i++)
    {
      SegTensor *a = seg_parameters_get_tensor (before, i, NULL);
      SegTensor *b = seg_parameters_get_tensor (after, i, NULL);

      g_assert_cmpmem (a->data, seg_tensor_get_n_bytes (a), b->data, seg_tensor_get_n_bytes (b));
    }
}

static void
test_half_precision (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = new_half_file ();
  g_autofree char *path = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (GError) error = NULL;
  SegParameters *parameters;

  ((guint16 *) seg_safetensors_lookup (file, "encoder.0.weight")->data)[5] = 0xc248;
  ((guint16 *) seg_safetensors_lookup (file, "encoder.0.bias")->data)[1] = 0x4049;
  path = write_file (file, folder);
  model = seg_model_load (path, &error);
  g_assert_no_error (error);

  parameters = seg_model_get_parameters (model);
  g_assert_true (((float *) seg_parameters_get_tensor (parameters, 0, NULL)->data)[5]
                 == -3.140625f);
  g_assert_true (((float *) seg_parameters_get_tensor (parameters, 1, NULL)->data)[1] == 3.140625f);
  g_assert_cmpint (*(gint64 *) seg_parameters_get_tensor (parameters, 3, NULL)->data, ==, 0);
}

static void
test_no_recipe (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autofree char *path = write_file (file, folder);

  assert_not_loaded (path, SEG_ERROR_FORMAT, "no metadata \"segkit.recipe\"");
}

static void
test_bad_recipe (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autofree char *path = NULL;

  seg_safetensors_set_metadata (file, "segkit.recipe", "[segkit]\nformat=1\n[segkit]\n");
  path = write_file (file, folder);
  assert_not_loaded (path, SEG_ERROR_FORMAT, "line 3: [segkit] occurs twice");
}

/* All that is wrong is said at once. */
static void
test_mismatch (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autofree char *path = NULL;

  seg_safetensors_set_metadata (file, "segkit.recipe", GOOD);
  add (file, "encoder.0.bias", SEG_DTYPE_F32, 2, (const gint64[]){ 1, 2 });
  add (file, "encoder.0.running_var", SEG_DTYPE_I64, 1, (const gint64[]){ 2 });
  add (file, "encoder.0.num_batches_tracked", SEG_DTYPE_F32, 0, NULL);
  add (file, "other", SEG_DTYPE_F32, 0, NULL);
  path = write_file (file, folder);
  assert_not_loaded (path, SEG_ERROR_FORMAT, "\"encoder.0.weight\" [2,3] is missing");
  assert_not_loaded (path, SEG_ERROR_FORMAT, "\"encoder.0.bias\" is [1,2] instead of [2]");
  assert_not_loaded (path, SEG_ERROR_FORMAT, "\"encoder.0.running_var\" is I64 instead of F32");
  assert_not_loaded (path, SEG_ERROR_FORMAT,
                     "\"encoder.0.num_batches_tracked\" is F32 instead of I64");
  assert_not_loaded (path, SEG_ERROR_FORMAT, "\"other\" is in no layer");
}

static void
test_many_mismatches (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autofree char *path = NULL;

  seg_safetensors_set_metadata (file, "segkit.recipe",
                                RECIPE (INPUT, CLASSES, MODEL "layers=10\n"));
  path = write_file (file, folder);
  assert_not_loaded (path, SEG_ERROR_FORMAT, "and 10 more");
}

/* The recipe alone may ask for any amount of memory: none of it is taken. */
static void
test_huge (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autofree char *path = NULL;
  gsize used = seg_memory_get_used ();

  seg_safetensors_set_metadata (file, "segkit.recipe",
                                RECIPE (INPUT, "names=a;b\n", MODEL "outputs=2\nlayers=100\n"));
  path = write_file (file, folder);
  seg_memory_set_limit (used + 100000);
  assert_not_loaded (path, SEG_ERROR_FORMAT, "is missing");
  seg_memory_set_limit (0);
}

static void
test_not_finite (void)
{
  static const float values[] = { NAN, INFINITY, -INFINITY };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (TestingFolder) folder = testing_folder_new ();
      g_autoptr (SegSafetensors) file = new_half_file ();
      g_autofree char *path = NULL;

      ((float *) seg_safetensors_lookup (file, "encoder.0.running_var")->data)[1] = values[i];
      path = write_file (file, folder);
      assert_not_loaded (path, SEG_ERROR_NUMERIC,
                         i == 0 ? "tensor \"encoder.0.running_var\" has NaN at index 1"
                                : "has an infinite value at index 1");
    }
}

static void
test_negative_variance (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = new_half_file ();
  g_autofree char *path = NULL;

  ((float *) seg_safetensors_lookup (file, "encoder.0.running_var")->data)[0] = -1e-30f;
  path = write_file (file, folder);
  assert_not_loaded (path, SEG_ERROR_NUMERIC, "has a negative variance at index 0");
}

/* A model gone wrong does not replace a good one. */
static void
test_save_not_finite (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "m.safetensors", NULL);
  g_autoptr (SegModel) model = new_model (GOOD);
  g_autoptr (SegModel) loaded = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_model_save (model, path, NULL));
  ((float *) seg_parameters_get_tensor (seg_model_get_parameters (model), 0, NULL)->data)[4] = NAN;
  g_assert_false (seg_model_save (model, path, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_NUMERIC);
  g_assert_nonnull (strstr (error->message, "tensor \"encoder.0.weight\" has NaN at index 4"));
  loaded = seg_model_load (path, NULL);
  g_assert_nonnull (loaded);
}

/* Whichever allocation fails, there is an error and nothing is left behind. */
static void
test_no_memory (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autoptr (SegSafetensors) file = new_half_file ();
  g_autofree char *path = write_file (file, folder);
  gsize used = seg_memory_get_used ();
  gboolean loaded = FALSE;

  for (gsize limit = 0; !loaded && limit < 100000; limit += 64)
    {
      g_autoptr (SegModel) model = NULL;
      g_autoptr (GError) error = NULL;

      seg_memory_set_limit (used + limit + 1);
      model = seg_model_load (path, &error);
      loaded = model != NULL;
      if (!loaded)
        {
          g_assert_error (error, SEG_ERROR, SEG_ERROR_MEMORY);
          g_assert_cmpuint (seg_memory_get_used (), ==, used);
        }
    }
  seg_memory_set_limit (0);
  g_assert_true (loaded);
}

static void
test_find_default (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *models = g_build_filename (folder, "models", NULL);
  g_autofree char *expected = g_build_filename (models, "nuclei.safetensors", NULL);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  g_assert_true (g_file_set_contents (expected, "", 0, NULL));
  g_setenv ("SEGKIT_DATA_PATH", folder, TRUE);
  path = seg_model_find_default (&error);
  g_assert_no_error (error);
  g_assert_cmpstr (path, ==, expected);
  g_unsetenv ("SEGKIT_DATA_PATH");
  g_remove (expected);
}

/* An empty part of the path, such as "$UNSET:/folder" leaves, does not mean the current folder. */
static void
test_find_nowhere (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *models = g_build_filename (folder, "models", NULL);
  g_autofree char *wrong = g_build_filename (models, "nuclei.safetensors", NULL);
  g_autofree char *before = g_get_current_dir (), *path = NULL;

  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  g_assert_true (g_file_set_contents (wrong, "", 0, NULL));
  g_assert_cmpint (g_chdir (folder), ==, 0);
  g_setenv ("SEGKIT_DATA_PATH", ":/nowhere:", TRUE);
  path = seg_model_find_default (NULL);
  g_assert_true (path == NULL || g_path_is_absolute (path));
  g_unsetenv ("SEGKIT_DATA_PATH");
  g_assert_cmpint (g_chdir (before), ==, 0);
  g_remove (wrong);
}

int
main (int argc, char **argv)
{
  SegRegistry *registry = seg_registry_get_default ();

  g_test_init (&argc, &argv, NULL);
  seg_registry_add (registry, "test-layer", test_layer_get_type ());
  seg_registry_add (registry, "test-network", test_network_get_type ());
  seg_registry_add (registry, "test-part", test_part_get_type ());

  g_test_add_func ("/model/new", test_new);
  g_test_add_func ("/model/defaults", test_defaults);
  g_test_add_func ("/model/palette", test_palette);
  g_test_add_func ("/model/one-output", test_one_output);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path = g_strconcat ("/model/bad/", bad[i].name, NULL);
      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad);
    }
  g_test_add_func ("/model/too-many-classes", test_too_many_classes);
  g_test_add_func ("/model/save-load", test_save_load);
  g_test_add_func ("/model/half-precision", test_half_precision);
  g_test_add_func ("/model/no-recipe", test_no_recipe);
  g_test_add_func ("/model/bad-recipe", test_bad_recipe);
  g_test_add_func ("/model/mismatch", test_mismatch);
  g_test_add_func ("/model/many-mismatches", test_many_mismatches);
  g_test_add_func ("/model/huge", test_huge);
  g_test_add_func ("/model/not-finite", test_not_finite);
  g_test_add_func ("/model/negative-variance", test_negative_variance);
  g_test_add_func ("/model/save-not-finite", test_save_not_finite);
  g_test_add_func ("/model/no-memory", test_no_memory);
  g_test_add_func ("/model/find-default", test_find_default);
  g_test_add_func ("/model/find-nowhere", test_find_nowhere);
  return g_test_run ();
}
