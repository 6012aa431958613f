/* Folders of other programs, and weights of classifiers: what core does about them, with a format
 * and a layer of the test's own. */
#include <segkit/error.h>
#include <segkit/format.h>
#include <segkit/registry.h>

#include <math.h>

#include "testing.h"

/* ---- a network of two layers -------------------------------------------------------------- */

/* Declares what a convolution with normalisation does; nothing here runs it. */
struct _TestConv
{
  SegLayer parent_instance;
};

G_DECLARE_FINAL_TYPE (TestConv, test_conv, TEST, CONV, SegLayer)
G_DEFINE_FINAL_TYPE (TestConv, test_conv, SEG_TYPE_LAYER)

static gboolean
test_conv_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  (void) layer;
  (void) n_in;
  (void) error;
  *out = in[0];
  out->c = 2;
  return TRUE;
}

static void
test_conv_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegInit init = { .kind = SEG_INIT_CONSTANT, .value = 0.5f };

  (void) layer;
  (void) n_in;
  seg_param_set_add (params, "weight", SEG_ROLE_WEIGHT, SEG_DTYPE_F32, init, 4, (gint64) 2,
                     in[0].c, (gint64) 1, (gint64) 2);
  seg_param_set_add (params, "running_var", SEG_ROLE_STATE, SEG_DTYPE_F32, init, 1, (gint64) 2);
  seg_param_set_add (params, "num_batches_tracked", SEG_ROLE_COUNTER, SEG_DTYPE_I64, init, 0);
}

static void
test_conv_class_init (TestConvClass *klass)
{
  SEG_LAYER_CLASS (klass)->infer = test_conv_infer;
  SEG_LAYER_CLASS (klass)->declare = test_conv_declare;
}

static void
test_conv_init (TestConv *self)
{
  (void) self;
}

struct _TestNetwork
{
  SegBlock parent_instance;
  const char *name;
};

G_DECLARE_FINAL_TYPE (TestNetwork, test_network, TEST, NETWORK, SegBlock)
G_DEFINE_FINAL_TYPE (TestNetwork, test_network, SEG_TYPE_BLOCK)

static void
test_network_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegValue x = in->values[0];

  seg_graph_push (graph, TEST_NETWORK (block)->name);
  x = seg_graph_add (graph, "stage1.conv1", "test-conv", SEG_IN (x), NULL);
  x = seg_graph_add (graph, "stage1.conv2", "test-conv", SEG_IN (x), NULL);
  seg_graph_pop (graph);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { 1 } };
}

static void
test_network_class_init (TestNetworkClass *klass)
{
  SEG_BLOCK_CLASS (klass)->kind = SEG_BLOCK_MODEL;
  SEG_BLOCK_CLASS (klass)->build = test_network_build;
  seg_class_add_string (klass, "name", G_STRUCT_OFFSET (TestNetwork, name), "encoder", "");
}

static void
test_network_init (TestNetwork *self)
{
  (void) self;
}

#define RECIPE(channels, name)                                                                     \
  "[segkit]\nformat=1\n[input]\nchannels=" channels "\n[classes]\nnames=a;b\n"                     \
  "[model]\ntype=test-network\nname=" name "\n"

static SegModel *
new_model (const char *recipe)
{
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_new_from_recipe (recipe, 1, &error);

  g_assert_no_error (error);
  return model;
}

/* ---- formats --------------------------------------------------------------------------- */

/* A folder with a file called "mine"; what is in it says what comes of reading. */
struct _TestFormat
{
  SegFormat parent_instance;
};

G_DECLARE_FINAL_TYPE (TestFormat, test_format, TEST, FORMAT, SegFormat)
G_DEFINE_FINAL_TYPE (TestFormat, test_format, SEG_TYPE_FORMAT)

static gboolean
test_format_probe (SegFormat *format, const char *path)
{
  g_autofree char *file = g_build_filename (path, "mine", NULL);

  (void) format;
  return g_file_test (file, G_FILE_TEST_EXISTS);
}

static SegSafetensors *
test_format_read (SegFormat *format, const char *path, GError **error)
{
  g_autofree char *file = g_build_filename (path, "mine", NULL), *text = NULL;
  g_autofree char *values = g_build_filename (path, "values", NULL);
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegSafetensors) tensors = NULL;

  (void) format;
  if (!g_file_get_contents (file, &text, NULL, error))
    return NULL;
  if (*text == '\0')
    {
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "nothing in it");
      return NULL;
    }
  model = new_model (RECIPE ("3", "encoder"));
  tensors = seg_model_dup_tensors (model, error);
  if (strcmp (text, "no recipe") != 0)
    seg_safetensors_set_metadata (tensors, SEG_FORMAT_RECIPE, text);
  /* nothing is read before it is wanted, as formats should do */
  return seg_safetensors_write (tensors, values, error) ? seg_safetensors_open (values, error)
                                                        : NULL;
}

static gboolean
test_format_write (SegFormat *format, SegModel *model, const char *path, GError **error)
{
  g_autofree char *file = g_build_filename (path, "mine", NULL);

  (void) format;
  return g_file_set_contents (file, seg_model_get_recipe (model), -1, error);
}

static void
test_format_class_init (TestFormatClass *klass)
{
  SegFormatClass *format = SEG_FORMAT_CLASS (klass);

  seg_format_class_set_info (format, "Mine", "this test");
  format->probe = test_format_probe;
  format->read = test_format_read;
  format->write = test_format_write;
}

static void
test_format_init (TestFormat *self)
{
  (void) self;
}

/* Never knows a folder, and cannot write. */
struct _TestShyFormat
{
  SegFormat parent_instance;
};

G_DECLARE_FINAL_TYPE (TestShyFormat, test_shy_format, TEST, SHY_FORMAT, SegFormat)
G_DEFINE_FINAL_TYPE (TestShyFormat, test_shy_format, SEG_TYPE_FORMAT)

static gboolean
test_shy_format_probe (SegFormat *format, const char *path)
{
  (void) format;
  (void) path;
  return FALSE;
}

static void
test_shy_format_class_init (TestShyFormatClass *klass)
{
  SEG_FORMAT_CLASS (klass)->probe = test_shy_format_probe;
}

static void
test_shy_format_init (TestShyFormat *self)
{
  (void) self;
}

static void
assert_error (GError *error, SegError code, const char *message)
{
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, (gint) code);
  g_assert_nonnull (strstr (error->message, message));
}

static void
test_registered (void)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_auto (GStrv) names = seg_registry_list (registry, SEG_TYPE_FORMAT);
  g_auto (GStrv) blocks = seg_registry_list (registry, SEG_TYPE_BLOCK);
  g_autoptr (SegFormat) format =
      seg_registry_create (registry, "test-format", SEG_TYPE_FORMAT, NULL, NULL);

  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[0], ==, "a-shy-format");
  g_assert_cmpstr (names[1], ==, "test-format");
  g_assert_false (g_strv_contains ((const char *const *) blocks, "test-format"));
  g_assert_cmpstr (seg_format_get_title (format), ==, "Mine");
  g_assert_cmpstr (seg_format_get_source (format), ==, "this test");
}

static void
test_folders (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *file = g_build_filename (folder, "mine", NULL);
  g_autoptr (SegModel) model = new_model (RECIPE ("3", "encoder")), loaded = NULL;
  g_autoptr (GError) error = NULL;
  static const struct
  {
    const char *text, *message;
    SegError code;
  } bad[] = {
    { NULL, "in a format that is known (a-shy-format, test-format)", SEG_ERROR_UNSUPPORTED },
    { "", "nothing in it", SEG_ERROR_UNSUPPORTED },
    { "no recipe", "segkit.recipe", SEG_ERROR_FORMAT },
    { "x", "recipe line 1", SEG_ERROR_FORMAT },
    /* what a plugin gives is held against its recipe as a file is */
    { RECIPE ("4", "encoder"), "[2,3,1,2]", SEG_ERROR_FORMAT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      if (bad[i].text != NULL)
        g_assert_true (g_file_set_contents (file, bad[i].text, -1, NULL));
      g_assert_null (seg_model_load (folder, &error));
      assert_error (error, bad[i].code, bad[i].message);
      g_assert_true (g_str_has_prefix (error->message, folder));
      g_clear_error (&error);
    }

  g_assert_true (seg_model_export (model, "test-format", folder, &error));
  g_assert_no_error (error);
  loaded = seg_model_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (seg_model_get_recipe (loaded), ==, seg_model_get_recipe (model));
}

/* Who reads by hand gets values, too, though the format has only opened a file. */
static void
test_read (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *file = g_build_filename (folder, "mine", NULL);
  g_autoptr (SegFormat) format = seg_registry_create (seg_registry_get_default (), "test-format",
                                                      SEG_TYPE_FORMAT, NULL, NULL);
  g_autoptr (SegSafetensors) tensors = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (file, RECIPE ("3", "encoder"), -1, NULL));
  tensors = seg_format_read (format, folder, &error);
  g_assert_no_error (error);
  g_assert_nonnull (seg_safetensors_lookup (tensors, "encoder.stage1.conv1.weight")->data);
}

static void
test_export_fails (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *absent = g_build_filename (folder, "absent", NULL);
  g_autoptr (SegModel) model = new_model (RECIPE ("3", "encoder"));
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_model_export (model, "unknown", folder, &error));
  assert_error (error, SEG_ERROR_PLUGIN, "there is no format \"unknown\"");
  g_clear_error (&error);
  g_assert_false (seg_model_export (model, "test-network", folder, &error));
  assert_error (error, SEG_ERROR_PLUGIN, "there is no format \"test-network\"");
  g_clear_error (&error);
  g_assert_false (seg_model_export (model, "a-shy-format", folder, &error));
  assert_error (error, SEG_ERROR_UNSUPPORTED, "can be read, but not written");
  g_clear_error (&error);
  g_assert_false (seg_model_export (model, "test-format", absent, &error));
  g_assert_true (g_str_has_prefix (error->message, absent));
}

static void
test_dup_tensors (void)
{
  g_autoptr (SegModel) model = new_model (RECIPE ("3", "encoder"));
  SegTensor *weight = seg_parameters_get_tensor (seg_model_get_parameters (model), 0, NULL);
  g_autoptr (SegSafetensors) tensors = seg_model_dup_tensors (model, NULL);
  g_auto (GStrv) names = seg_safetensors_list (tensors);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (g_strv_length (names), ==, 6);
  g_assert_true (seg_safetensors_lookup (tensors, "encoder.stage1.conv1.weight") == weight);
  ((float *) weight->data)[3] = NAN;
  g_assert_null (seg_model_dup_tensors (model, &error));
  assert_error (error, SEG_ERROR_NUMERIC, "\"encoder.stage1.conv1.weight\" has NaN at index 3");
}

/* ---- encoder weights ------------------------------------------------------------------- */

static void
add (SegSafetensors *file, const char *name, gint64 c)
{
  const gint64 dims[] = { 2, c, 1, 2 };
  g_autoptr (SegTensor) tensor = seg_tensor_new (SEG_DTYPE_F32, c > 0 ? 4 : 1, dims, NULL);
  float *data = tensor->data;

  for (gsize i = 0; i < seg_tensor_get_n_elements (tensor); i++)
    data[i] = (float) (i + 1);
  seg_safetensors_add (file, name, tensor);
}

/* A classifier's file for three bands: 1 … 12, [2, 3, 1, 2]; @odd is added. */
static char *
write_weights (const char *folder, const char *prefix, const char *odd)
{
  static const struct
  {
    const char *name;
    gint64 channels;
  } tensors[] = {
    { "stage1.conv1.weight", 3 },
    { "stage1.conv1.running_var", 0 },
    { "stage1.conv.2.weight", 2 }, /* as in old files */
    { "stage1.conv2.running_var", 0 },
    { "classifier.weight", 7 },
  };
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  char *path = g_build_filename (folder, "weights.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    {
      g_autofree char *name = g_strconcat (prefix, tensors[i].name, NULL);
      add (file, name, tensors[i].channels);
    }
  if (odd != NULL)
    add (file, odd, 2);
  g_assert_true (seg_safetensors_write (file, path, NULL));
  return path;
}

static const float *
get_values (SegModel *model, const char *name)
{
  SegParameters *parameters = seg_model_get_parameters (model);

  return seg_parameters_get_tensor (parameters, (guint) seg_parameters_find (parameters, name),
                                    NULL)
      ->data;
}

static void
check_encoder (const char *recipe, const char *prefix, const float *wanted, guint n)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = write_weights (folder, prefix, NULL);
  g_autoptr (SegModel) model = new_model (recipe);
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_model_load_encoder (model, path, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (get_values (model, "encoder.stage1.conv1.weight"), n * sizeof (float), wanted,
                   n * sizeof (float));
  g_assert_true (get_values (model, "encoder.stage1.conv2.weight")[7] == 8.f);
  g_assert_true (get_values (model, "encoder.stage1.conv2.running_var")[1] == 2.f);
}

static void
test_encoder (void)
{
  const float three[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
  const float one[] = { 9, 12, 27, 30 };
  const float six[] = { .5f, 1, 1.5f, 2, 2.5f, 3, .5f, 1, 1.5f, 2, 2.5f, 3 };

  check_encoder (RECIPE ("3", "encoder"), "", three, 12);
  check_encoder (RECIPE ("3", "encoder"), "encoder.", three, 12);
  check_encoder (RECIPE ("1", "encoder"), "", one, 4);
  check_encoder (RECIPE ("6", "encoder"), "", six, 12);
}

static void
check_bad_encoder (const char *recipe, const char *prefix, const char *odd, SegError code,
                   const char *message)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = write_weights (folder, prefix, odd);
  g_autoptr (SegModel) model = new_model (recipe);
  g_autoptr (SegSafetensors) before = seg_model_dup_tensors (model, NULL);
  g_auto (GStrv) names = seg_safetensors_list (before);
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_model_load_encoder (model, path, &error));
  assert_error (error, code, message);
  g_assert_true (g_str_has_prefix (error->message, path));

  /* the model is what it was */
  for (guint i = 0; names[i] != NULL; i++)
    g_assert_true (seg_parameters_get_tensor (seg_model_get_parameters (model), i, NULL)
                   == seg_safetensors_lookup (before, names[i]));
}

static void
test_bad_encoder (void)
{
  check_bad_encoder (RECIPE ("3", "network"), "", NULL, SEG_ERROR_PARAM,
                     "no parameters below \"encoder.\"");
  /* of a deeper network */
  check_bad_encoder (RECIPE ("3", "encoder"), "", "stage1.conv3.weight", SEG_ERROR_FORMAT,
                     "\"stage1.conv3.weight\" is in no layer");
  check_bad_encoder (RECIPE ("3", "encoder"), "", "stage1.conv2.weight", SEG_ERROR_FORMAT,
                     "\"stage1.conv.2.weight\" is in no layer");
  check_bad_encoder (RECIPE ("3", "encoder"), "other.", NULL, SEG_ERROR_FORMAT,
                     "\"stage1.conv1.weight\" is missing");
  /* below "encoder." there is but one */
  check_bad_encoder (RECIPE ("3", "encoder"), "", "encoder.weight", SEG_ERROR_FORMAT,
                     "\"encoder.stage1.conv2.weight\" is missing");
}

static void
test_bad_encoder_values (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "weights.safetensors", NULL);
  g_autoptr (SegModel) model = new_model (RECIPE ("3", "encoder"));
  g_autoptr (SegSafetensors) file = seg_safetensors_new (), values = seg_safetensors_new ();
  g_autoptr (GError) error = NULL;

  /* the second convolution is not the one that reads the image */
  add (file, "stage1.conv1.weight", 3);
  add (file, "stage1.conv1.running_var", 0);
  add (file, "stage1.conv2.weight", 5);
  add (file, "stage1.conv2.running_var", 0);
  g_assert_true (seg_safetensors_write (file, path, NULL));
  g_assert_false (seg_model_load_encoder (model, path, &error));
  assert_error (error, SEG_ERROR_FORMAT, "[2,5,1,2] instead of F32 [2,2,1,2]");
  g_clear_error (&error);

  add (values, "stage1.conv1.weight", 3);
  add (values, "stage1.conv1.running_var", 0);
  add (values, "stage1.conv2.weight", 2);
  add (values, "stage1.conv2.running_var", 0);
  ((float *) seg_safetensors_lookup (values, "stage1.conv1.running_var")->data)[1] = -1.f;
  g_assert_true (seg_safetensors_write (values, path, NULL));
  g_assert_false (seg_model_load_encoder (model, path, &error));
  assert_error (error, SEG_ERROR_NUMERIC, "negative variance");
}

int
main (int argc, char **argv)
{
  SegRegistry *registry = seg_registry_get_default ();

  g_test_init (&argc, &argv, NULL);
  seg_registry_add (registry, "test-conv", test_conv_get_type ());
  seg_registry_add (registry, "test-network", test_network_get_type ());
  seg_registry_add (registry, "test-format", test_format_get_type ());
  seg_registry_add (registry, "a-shy-format", test_shy_format_get_type ());

  g_test_add_func ("/format/registered", test_registered);
  g_test_add_func ("/format/folders", test_folders);
  g_test_add_func ("/format/read", test_read);
  g_test_add_func ("/format/export-fails", test_export_fails);
  g_test_add_func ("/format/dup-tensors", test_dup_tensors);
  g_test_add_func ("/encoder-weights/good", test_encoder);
  g_test_add_func ("/encoder-weights/bad", test_bad_encoder);
  g_test_add_func ("/encoder-weights/bad-values", test_bad_encoder_values);
  return g_test_run ();
}
