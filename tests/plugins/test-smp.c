/* Folders of segmentation_models.pytorch: what is refused, and by which name; and that a model
 * comes back as it went. That the numbers are right is for tests/oracle/compare-smp.py to say. */
#include <sys/stat.h>

#include <segkit/segkit.h>

#include "../core/testing.h"

/* ---- reading --------------------------------------------------------------------------- */

static void
write_text (const char *folder, const char *name, const char *text, gssize n_bytes)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_assert_true (g_file_set_contents (path, text, n_bytes, NULL));
}

static void
write_weights (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (SegSafetensors) empty = seg_safetensors_new ();
  g_assert_true (seg_safetensors_write (empty, path, NULL));
}

static void
assert_not_loaded (const char *folder, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_model_load (folder, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, folder));
  g_assert_nonnull (strstr (error->message, message));
  for (const char *c = error->message; *c != '\0'; c++)
    g_assert_false (g_ascii_iscntrl (*c));
}

/* Whatever is wrong with a config is found before the weights are looked at: these are none, so
 * that a config that is accepted leads to "is missing". */
#define UNET "\"_model_class\": \"Unet\""
#define ACCEPTED "is missing"

static const struct
{
  const char *name, *config, *message;
} configs[] = {
  { "defaults", "{" UNET "}", ACCEPTED },
  { "all-keys",
    "{" UNET ", \"activation\": null, \"aux_params\": null, \"classes\": 2, "
    "\"decoder_attention_type\": null, \"decoder_channels\": [8, 8, 8, 8, 8], "
    "\"decoder_interpolation\": \"nearest\", \"decoder_use_norm\": \"batchnorm\", "
    "\"encoder_depth\": 5, \"encoder_name\": \"resnet18\", \"encoder_weights\": \"imagenet\", "
    "\"in_channels\": 3}",
    ACCEPTED },
  { "private-key", "{" UNET ", \"_else\": 1}", ACCEPTED },
  { "norm-true", "{" UNET ", \"decoder_use_batchnorm\": true}", ACCEPTED },
  { "norm-false", "{" UNET ", \"decoder_use_norm\": false}", ACCEPTED },
  { "norm-object", "{" UNET ", \"decoder_use_norm\": {\"type\": \"identity\"}}", ACCEPTED },
  { "activation-identity", "{" UNET ", \"activation\": \"identity\"}", ACCEPTED },
  { "activation-sigmoid", "{" UNET ", \"activation\": \"sigmoid\"}", ACCEPTED },
  { "activation-softmax", "{" UNET ", \"classes\": 2, \"activation\": \"softmax\"}", ACCEPTED },
  { "scse", "{" UNET ", \"decoder_attention_type\": \"scse\"}", ACCEPTED },
  { "bilinear", "{" UNET ", \"decoder_interpolation\": \"bilinear\"}", ACCEPTED },
  { "depth-1", "{" UNET ", \"encoder_depth\": 1, \"decoder_channels\": [16]}", ACCEPTED },
  { "densenet", "{" UNET ", \"encoder_name\": \"densenet161\"}", ACCEPTED },

  { "empty", "", "config.json: line 1" },
  { "list", "[1]", "config.json: not an object" },
  { "key-twice", "{" UNET ", " UNET "}", "duplicate object key" },
  { "end-missing", "{" UNET, "config.json: line 1" },
  { "not-a-number", "{" UNET ", \"classes\": NaN}", "config.json: line 1" },
  { "no-class", "{}", "\"_model_class\" is missing" },
  { "other-class", "{\"_model_class\": \"Linknet\"}", "\"_model_class\": \"Linknet\": only Unet" },
  { "unknown-key", "{" UNET ", \"stem\": 2}", "\"stem\": 2: unknown key" },
  { "delete-key", "{" UNET ", \"a\x7f\": \"\x7f\"}", "\"a?\": \"?\": unknown key" },
  { "unshowable-key", "{" UNET ", \"a\\u001b[2J\\n\": \"\\u202e\"}",
    "\"a\\u001B[2J\\n\": \"\\u202E\": unknown key" },
  { "encoder-unknown", "{" UNET ", \"encoder_name\": \"vgg16\"}",
    "\"encoder_name\": \"vgg16\": not" },
  { "encoder-timm", "{" UNET ", \"encoder_name\": \"tu-resnet18\"}", "\"tu-resnet18\": not" },
  { "encoder-number", "{" UNET ", \"encoder_name\": 18}", "\"encoder_name\": 18: not supported" },
  { "depth-0", "{" UNET ", \"encoder_depth\": 0}", "\"encoder_depth\": 0: not a whole number" },
  { "depth-6", "{" UNET ", \"encoder_depth\": 6}", "\"encoder_depth\": 6: not a whole number" },
  { "depth-alone", "{" UNET ", \"encoder_depth\": 4}", "needs \"decoder_channels\"" },
  { "channels-few", "{" UNET ", \"decoder_channels\": [8, 8, 8, 8]}",
    "\"decoder_channels\": [8,8,8" },
  { "channels-0", "{" UNET ", \"decoder_channels\": [8, 8, 8, 8, 0]}",
    "\"decoder_channels\": 0: not" },
  { "channels-real", "{" UNET ", \"decoder_channels\": [8, 8, 8, 8, 8.0]}", "8.0: not a whole" },
  { "channels-text", "{" UNET ", \"decoder_channels\": \"8\"}",
    "\"decoder_channels\": \"8\": not a" },
  { "norm-twice", "{" UNET ", \"decoder_use_norm\": true, \"decoder_use_batchnorm\": true}",
    "there is \"decoder_use_norm\", too" },
  { "norm-inplace", "{" UNET ", \"decoder_use_batchnorm\": \"inplace\"}",
    "\"decoder_use_batchnorm\": \"inplace\": not supported; known are batchnorm, identity" },
  { "norm-layer", "{" UNET ", \"decoder_use_norm\": \"layernorm\"}",
    "\"layernorm\": not supported" },
  { "norm-eps", "{" UNET ", \"decoder_use_norm\": {\"type\": \"batchnorm\", \"eps\": 1}}",
    "\"decoder_use_norm\": {\"type\":\"batchnorm\",\"eps\":1}: not supported" },
  { "attention", "{" UNET ", \"decoder_attention_type\": \"eda\"}",
    "\"decoder_attention_type\": \"eda\": not supported; known are null, scse" },
  { "bicubic", "{" UNET ", \"decoder_interpolation\": \"bicubic\"}", "\"bicubic\": not supported" },
  { "interpolation-null", "{" UNET ", \"decoder_interpolation\": null}", "null: not supported" },
  { "tanh", "{" UNET ", \"activation\": \"tanh\"}", "\"activation\": \"tanh\": may change" },
  { "activation-list", "{" UNET ", \"activation\": []}", "\"activation\": []: may change" },
  { "softmax-of-one", "{" UNET ", \"activation\": \"softmax\"}", "\"softmax\": has no meaning" },
  { "aux", "{" UNET ", \"aux_params\": {\"classes\": 4}}",
    "\"aux_params\": {\"classes\":4}: a second" },
  { "classes-0", "{" UNET ", \"classes\": 0}", "\"classes\": 0: not a whole number from 1 to 256" },
  { "classes-257", "{" UNET ", \"classes\": 257}", "\"classes\": 257: not" },
  { "classes-true", "{" UNET ", \"classes\": true}", "\"classes\": true: not" },
  { "bands-0", "{" UNET ", \"in_channels\": 0}", "\"in_channels\": 0: not" },
  { "bands-huge", "{" UNET ", \"in_channels\": 99999999999999999999}", "config.json: line 1" },
  { "weights-list", "{" UNET ", \"encoder_weights\": []}", "\"encoder_weights\": []: neither" },
};

static void
test_config (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (TestingFolder) folder = testing_folder_new ();

  write_weights (folder);
  write_text (folder, "config.json", configs[i].config, -1);
  assert_not_loaded (folder, configs[i].message);
}

static void
test_folder (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);
  g_autofree char *large = g_strnfill (1024 * 1024 + 1, ' ');

  assert_not_loaded (folder, "no model in a format that is known (smp");
  write_text (folder, "config.json", "{" UNET "}", -1);
  assert_not_loaded (folder, "has no model.safetensors");
  write_text (folder, "pytorch_model.bin", "", 0);
  assert_not_loaded (folder, "pytorch_model.bin is a pickle");
  write_weights (folder);
  assert_not_loaded (folder, ACCEPTED);
  write_text (folder, "model.safetensors", "x", 1);
  assert_not_loaded (folder, "model.safetensors");
  write_weights (folder);
  write_text (folder, "config.json", large, -1);
  assert_not_loaded (folder, "at most 1048576 bytes");
  write_text (folder, "config.json", "{\"\xff\": 1}", -1);
  assert_not_loaded (folder, "config.json: line 1");
  write_text (folder, "config.json", "{}\0", 3);
  assert_not_loaded (folder, "config.json: has a NUL character");

  /* nobody will ever write to it */
  g_assert_cmpint (g_remove (config), ==, 0);
  g_assert_cmpint (mkfifo (config, 0600), ==, 0);
  assert_not_loaded (folder, "config.json: not a regular file");
}

/* Texts that are JSON, and that are refused nevertheless: keys that occur twice, and NUL. */
static const char *const refused_json[] = { "y_object_duplicated_key.json",
                                            "y_object_duplicated_key_and_value.json",
                                            "y_object_escaped_null_in_key.json",
                                            "y_string_null_escape.json", NULL };

/* The text as the value of a key that is not known: what is not JSON is told by line, the rest by
 * that key. */
static void
check_json_value (const char *folder, const char *name, const char *text, gsize n_bytes)
{
  g_autoptr (GString) config = g_string_new ("{" UNET ",\"x\":");
  g_autoptr (GError) error = NULL;
  gboolean parsed;

  g_string_append_len (config, text, (gssize) n_bytes);
  g_string_append_c (config, '}');
  write_text (folder, "config.json", config->str, (gssize) config->len);
  g_assert_null (seg_model_load (folder, &error));
  parsed = strstr (error->message, "config.json: \"x\": ") != NULL;
  g_assert_true (parsed || strstr (error->message, "config.json: line ") != NULL
                 || memchr (text, '\0', n_bytes) != NULL);
  if (*name == 'y')
    g_assert_true (parsed != g_strv_contains (refused_json, name));
  else if (*name == 'n')
    g_assert_false (parsed);
}

/* Files that parsers have stumbled over, as either of the two. */
static void
test_malformed (void)
{
  g_autofree char *path = testing_find_data ("malformed/JSONTestSuite/test_parsing");
  g_autoptr (TestingFolder) folder = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint n = 0;

  if (path == NULL)
    return;
  folder = testing_folder_new ();
  dir = g_dir_open (path, 0, NULL);
  write_weights (folder);
  for (; (name = g_dir_read_name (dir)) != NULL; n++)
    {
      g_autofree char *file = g_build_filename (path, name, NULL), *text = NULL;
      gsize n_bytes;

      g_assert_true (g_file_get_contents (file, &text, &n_bytes, NULL));
      g_test_message ("%s", name);
      check_json_value (folder, name, text, n_bytes);
      write_text (folder, "config.json", text, (gssize) n_bytes);
      assert_not_loaded (folder, "config.json: ");
      write_text (folder, "config.json", "{" UNET "}", -1);
      write_text (folder, "segkit.json", text, (gssize) n_bytes);
      /* {} is one of them, and good */
      assert_not_loaded (folder, "");
    }
  g_assert_cmpuint (n, >, 300);
}

static const struct
{
  const char *notes, *message;
} notes[] = {
  { "{}", ACCEPTED },
  { "{\"mean\": [0, 0.5, 1e-2], \"std\": [1, 1, 1], \"class_names\": [\"a;\\\\b\", \" c\"], "
    "\"class_colors\": [\"#000000\", \"#ffffff\"]}",
    ACCEPTED },
  { "[]", "segkit.json: not an object" },
  { "{\"mena\": []}", "segkit.json: \"mena\": []: unknown key" },
  { "{\"mean\": 1}", "segkit.json: \"mean\": 1: not a list of numbers" },
  { "{\"mean\": [0, 0, \"0\"]}", "not a list of numbers" },
  { "{\"mean\": [0, 0]}", "mean: 2 numbers for 3 channels" },
  { "{\"mean\": [0, 0, 1e300]}", "mean" },
  { "{\"std\": [1, 1, 0]}", "std: \"0\" is not a positive number" },
  { "{\"class_names\": [1, 2]}", "not a list of texts" },
  { "{\"class_names\": [\"a\", \"b\", \"c\"]}", "1 channels, but there are 3 classes" },
  { "{\"class_names\": [\"a\", \"b\\n\"]}", "\"b\\u000a\" cannot be the name" },
  { "{\"class_names\": [\"a\", \"b\\u0007\"]}", "control characters" },
  { "{\"class_names\": [\"a\", \"a\"]}", "\"a\" occurs twice" },
  { "{\"class_colors\": [\"#000000\"]}", "1 colours for 2 classes" },
  { "{\"class_colors\": [\"#000000\", \"red\"]}", "\"red\" is not a colour" },
};

static void
test_notes (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();

  write_weights (folder);
  write_text (folder, "config.json", "{" UNET "}", -1);
  for (guint i = 0; i < G_N_ELEMENTS (notes); i++)
    {
      write_text (folder, "segkit.json", notes[i].notes, -1);
      assert_not_loaded (folder, notes[i].message);
    }
}

/* ---- writing --------------------------------------------------------------------------- */

#define HEAD                                                                                       \
  "[segkit]\nformat=1\n[input]\nchannels=1\nmean=0.1\nstd=0.3\n"                                   \
  "[classes]\nnames=a;b\ncolors=#102030;#405060\n[model]\ntype=unet\n"
#define KERNEL "head-kernel-size=3\n"
#define ENCODER "[model.encoder]\ntype=resnet-encoder\ndepth=18\n"
#define DECODER "[model.decoder]\ntype=unet-smp-decoder\nchannels=8;8;8;8;8\n"

static const struct
{
  const char *recipe, *message;
} unwritable[] = {
  { HEAD, "a network without a [model.encoder] of its own" },
  { HEAD KERNEL ENCODER "[model.decoder]\ntype=unet-decoder\n", "this decoder, unet-decoder" },
  { HEAD ENCODER DECODER, "a network with head-kernel-size=1" },
  { HEAD KERNEL "[model.encoder]\ntype=unet-encoder\ndepth=5\nchannels=2\n"
                "[model.decoder]\ntype=unet-smp-decoder\nchannels=8;8;8;8;8\n",
    "this encoder, unet-encoder" },
  { HEAD KERNEL ENCODER "pre-activation=true\n" DECODER, "this encoder, resnet-encoder" },
  { HEAD KERNEL ENCODER DECODER "activation=leaky-relu\n", "a decoder with activation=leaky-relu" },
  { HEAD KERNEL ENCODER DECODER "norm=instance\n", "a decoder with norm=instance" },
  { HEAD KERNEL ENCODER DECODER "[model.decoder.inner]\ntype=residual\n",
    "a decoder with inner=residual" },
};

static void
test_unwritable (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (unwritable); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SegModel) model = seg_model_new_from_recipe (unwritable[i].recipe, 1, &error);

      /* a network that its decoder refuses cannot be written, either */
      if (model == NULL)
        {
          g_test_message ("%s", error->message);
          continue;
        }
      g_assert_false (seg_model_export (model, "smp", folder, &error));
      g_test_message ("%s", error->message);
      g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, unwritable[i].message));
    }
  g_assert_cmpuint (testing_folder_count (folder), ==, 0);
}

static void
test_round_trip (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *absent = g_build_filename (folder, "absent", "model", NULL);
  g_autofree char *config = g_build_filename (folder, "config.json", NULL), *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) loaded = NULL,
                       model = seg_model_new_from_recipe (
                           HEAD KERNEL "classes=1\n" ENCODER DECODER "norm=none\n", 1, &error);
  SegParameters *before, *after;

  g_assert_no_error (error);
  g_assert_false (seg_model_export (model, "smp", absent, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  /* into a folder that is there, and over what it has */
  for (guint i = 0; i < 2; i++)
    g_assert_true (seg_model_export (model, "smp", folder, &error));
  g_assert_cmpuint (testing_folder_count (folder), ==, 3);
  g_assert_true (g_file_get_contents (config, &text, NULL, NULL));
  g_assert_cmpstr (text, ==,
                   "{\n  \"_model_class\": \"Unet\",\n  \"activation\": null,\n"
                   "  \"aux_params\": null,\n  \"classes\": 1,\n"
                   "  \"decoder_attention_type\": null,\n  \"decoder_channels\": [\n    8,\n"
                   "    8,\n    8,\n    8,\n    8\n  ],\n"
                   "  \"decoder_interpolation\": \"nearest\",\n"
                   "  \"decoder_use_norm\": \"identity\",\n  \"encoder_depth\": 5,\n"
                   "  \"encoder_name\": \"resnet18\",\n  \"encoder_weights\": null,\n"
                   "  \"in_channels\": 1\n}\n");

  loaded = seg_model_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seg_model_get_n_channels (loaded), ==, 1);
  g_assert_true (seg_model_get_mean (loaded)[0] == 0.1f);
  g_assert_true (seg_model_get_std (loaded)[0] == 0.3f);
  g_assert_cmpstr (seg_model_get_class (loaded, 1)->name, ==, "b");
  g_assert_cmpuint (seg_model_get_class (loaded, 1)->green, ==, 0x50);
  before = seg_model_get_parameters (model);
  after = seg_model_get_parameters (loaded);
  g_assert_cmpuint (seg_parameters_get_n (after), ==, seg_parameters_get_n (before));
  for (guint i = 0; i < seg_parameters_get_n (before); i++)
    {
      SegTensor *a = seg_parameters_get_tensor (before, i, NULL);
      SegTensor *b = seg_parameters_get_tensor (after, i, NULL);
      g_assert_cmpmem (a->data, seg_tensor_get_n_bytes (a), b->data, seg_tensor_get_n_bytes (b));
    }
}

/* Without segkit.json: what smp's own preprocessing does, and names that say nothing. */
static void
test_defaults (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *extra = g_build_filename (folder, "segkit.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel)
      loaded = NULL,
      model = seg_model_new_from_recipe (
          "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b;c\n[model]\ntype=unet\n"
          "classes=3\n" KERNEL ENCODER DECODER,
          1, &error);

  g_assert_no_error (error);
  g_assert_true (seg_model_export (model, "smp", folder, &error));
  g_assert_cmpint (g_remove (extra), ==, 0);
  loaded = seg_model_load (folder, &error);
  g_assert_no_error (error);
  g_assert_true (seg_model_get_mean (loaded)[0] == 0.485f);
  g_assert_true (seg_model_get_std (loaded)[2] == 0.225f);
  g_assert_cmpstr (seg_model_get_class (loaded, 2)->name, ==, "class_2");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      g_autofree char *name = g_strconcat ("/smp/config/", configs[i].name, NULL);
      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_config);
    }
  g_test_add_func ("/smp/folder", test_folder);
  g_test_add_func ("/smp/malformed", test_malformed);
  g_test_add_func ("/smp/notes", test_notes);
  g_test_add_func ("/smp/unwritable", test_unwritable);
  g_test_add_func ("/smp/round-trip", test_round_trip);
  g_test_add_func ("/smp/defaults", test_defaults);
  return g_test_run ();
}
