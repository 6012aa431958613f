/* Model files that are broken, or made to break what reads them, with the real features: each is
 * refused in one line that names the file, without a byte left behind, or loads whole. */
#include <math.h>
#include <sys/stat.h>

#include <segkit/segkit.h>

#include "testing.h"

#define HEAD "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n[model]\n"
#define UNET "type=unet\n"
#define ENCODER "[model.encoder]\ntype=unet-encoder\nchannels=2\ndepth=1\n"
#define DECODER "[model.decoder]\ntype=unet-decoder\n"
#define INNER "[model.encoder.inner]\n"
#define SMALL HEAD UNET ENCODER DECODER

/* ---- files ----------------------------------------------------------------------------- */

typedef struct
{
  char *folder, *path;
  char *bytes; /* of a small model that loads */
  gsize n;
} File;

static void
file_write (const char *path, const void *bytes, gsize n)
{
  FILE *file = fopen (path, "w");

  g_assert_cmpuint (fwrite (bytes, 1, n, file), ==, n);
  g_assert_cmpint (fclose (file), ==, 0);
}

static void
file_setup (File *file, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (SMALL, 1, &error);

  (void) data;
  g_assert_no_error (error);
  file->folder = testing_folder_new ();
  file->path = g_build_filename (file->folder, "m.safetensors", NULL);
  g_assert_true (seg_model_save (model, file->path, NULL));
  g_assert_true (g_file_get_contents (file->path, &file->bytes, &file->n, NULL));
}

static void
file_teardown (File *file, gconstpointer data)
{
  (void) data;
  testing_folder_free (file->folder);
  g_free (file->path);
  g_free (file->bytes);
}

/* In the file, what the header says of its length may not be true any more. */
static void
file_write_header (File *file, const char *header, gsize n_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint64 n_header = strlen (header);

  g_byte_array_append (bytes, (const guint8 *) &n_header, sizeof n_header);
  g_byte_array_append (bytes, (const guint8 *) header, (guint) n_header);
  g_byte_array_set_size (bytes, bytes->len + (guint) n_data);
  memset (bytes->data + sizeof n_header + n_header, 0, n_data);
  file_write (file->path, bytes->data, bytes->len);
}

/* A header of no tensors; the recipe has no quotes. */
static char *
file_dup_header (const char *recipe)
{
  g_autoptr (GString) header = g_string_new ("{\"__metadata__\":{\"segkit.recipe\":\"");

  for (const char *c = recipe; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      g_string_append_printf (header, "\\u%04x", *c);
    else
      g_string_append_c (header, *c);
  g_string_append (header, "\"}}");
  return g_string_free (g_steal_pointer (&header), FALSE);
}

/* Loads or is refused; in either case all of it, and in the second in one line with the path. */
static SegModel *
try_to_load (const char *path, GError **error)
{
  gsize used = seg_memory_get_used ();
  SegModel *model = seg_model_load (path, error);

  if (model != NULL)
    return model;
  g_assert_nonnull (*error);
  g_assert_true (g_str_has_prefix ((*error)->message, path));
  g_assert_true (g_utf8_validate ((*error)->message, -1, NULL));
  for (const char *c = (*error)->message; *c != '\0'; c++)
    g_assert_false (g_ascii_iscntrl (*c));
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
  return NULL;
}

static void
assert_not_loaded (const char *path, SegError code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (try_to_load (path, &error));
  if (*message != '\0')
    g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, (gint) code);
  g_assert_nonnull (strstr (error->message, message));
}

/* At every byte. */
static void
test_truncated (File *file, gconstpointer data)
{
  (void) data;
  for (gsize n = file->n; n-- > 0;)
    {
      g_assert_cmpint (truncate (file->path, (off_t) n), ==, 0);
      assert_not_loaded (file->path, SEG_ERROR_FORMAT, "");
    }
}

static void
test_trailing (File *file, gconstpointer data)
{
  g_autofree char *bytes = g_malloc0 (file->n + 1);

  (void) data;
  memcpy (bytes, file->bytes, file->n);
  file_write (file->path, bytes, file->n + 1);
  assert_not_loaded (file->path, SEG_ERROR_FORMAT, "tensors end at byte");
}

/* In place: to write the file anew each time would keep the disk busy. */
static void
file_put (FILE *stream, gsize place, char byte)
{
  g_assert_cmpint (fseek (stream, (long) place, SEEK_SET), ==, 0);
  g_assert_cmpuint (fwrite (&byte, 1, 1, stream), ==, 1);
  g_assert_cmpint (fflush (stream), ==, 0);
}

/* Each byte once, and all bits of those that say how long the header is. */
static void
test_flipped (File *file, gconstpointer data)
{
  FILE *stream = fopen (file->path, "r+");
  guint n_loaded = 0;

  (void) data;
  for (gsize i = 0; i < file->n; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        g_autoptr (SegModel) model = NULL;
        g_autoptr (GError) error = NULL;

        if (i >= sizeof (guint64) && bit != (guint) g_test_rand_int_range (0, 8))
          continue;
        file_put (stream, i, file->bytes[i] ^ (char) (1 << bit));
        model = try_to_load (file->path, &error);
        n_loaded += model != NULL;
        file_put (stream, i, file->bytes[i]);
      }
  fclose (stream);
  g_test_message ("%u loaded", n_loaded);
}

static void
load_not_a_file (gconstpointer path)
{
  assert_not_loaded (path, SEG_ERROR_FORMAT, "");
}

static void
load_folder (gconstpointer path)
{
  assert_not_loaded (path, SEG_ERROR_UNSUPPORTED, "a folder that holds no model");
}

/* None of these is waited for, or read to an end that never comes. */
static void
test_not_a_file (File *file, gconstpointer data)
{
  g_autofree char *pipe = g_build_filename (file->folder, "pipe", NULL);
  g_autofree char *sparse = g_build_filename (file->folder, "sparse", NULL);
  g_autofree char *empty = g_build_filename (file->folder, "empty", NULL);
  g_autofree char *seven = g_build_filename (file->folder, "seven", NULL);

  (void) data;
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  file_write (empty, "", 0);
  file_write (seven, file->bytes, 7);
  file_write (sparse, "", 0);
  g_assert_cmpint (truncate (sparse, 5000000000), ==, 0);
  testing_run_within_limits (load_not_a_file, pipe);
  testing_run_within_limits (load_not_a_file, empty);
  testing_run_within_limits (load_not_a_file, seven);
  testing_run_within_limits (load_not_a_file, sparse);
  testing_run_within_limits (load_not_a_file, "/dev/zero");
  testing_run_within_limits (load_folder, file->folder);
}

/* A file of the name with which its own error begins is named all the same. */
static void
test_named_like_an_error (File *file, gconstpointer data)
{
  g_autofree char *before = g_get_current_dir ();
  g_autoptr (GError) error = NULL;

  (void) data;
  g_assert_cmpint (g_chdir (file->folder), ==, 0);
  file_write_header (file, "{}", 0);
  g_assert_cmpint (g_rename ("m.safetensors", "does"), ==, 0);
  g_assert_null (seg_model_load ("does", &error));
  g_assert_cmpint (g_chdir (before), ==, 0);
  g_assert_true (g_str_has_prefix (error->message, "does: does not say what network it is for"));
}

/* ---- architecture ------------------------------------------------------------------------ */

static const struct
{
  const char *name, *model, *message;
  SegError code;
} recipes[] = {
  { "unknown-block", "type=unett\n",
    "[model]: no plugin has a block \"unett\"; did you mean \"unet\"?", SEG_ERROR_PLUGIN },
  { "unknown-block-inside", UNET "[model.encoder]\ntype=resnet-encodr\n",
    "[model.encoder]: no plugin has a block \"resnet-encodr\"", SEG_ERROR_PLUGIN },
  { "unknown-norm", UNET ENCODER "norm=bach\n",
    "encoder.blocks.0.conv1.1: there is no layer \"bach-norm\"", SEG_ERROR_PLUGIN },
  { "unknown-activation", UNET ENCODER "activation=relo\n",
    "encoder.blocks.0.conv1.2: there is no layer \"relo\"", SEG_ERROR_PLUGIN },
  { "unknown-interpolation", UNET ENCODER DECODER "up=bicubic\n",
    "decoder.blocks.0.up: there is no layer \"resize-bicubic\"", SEG_ERROR_PLUGIN },
  { "layer-as-block", "type=conv2d\n", "[model]: no plugin has a block \"conv2d\"",
    SEG_ERROR_PLUGIN },
  { "format-as-block", "type=smp\n", "[model]: no plugin has a block \"smp\"", SEG_ERROR_PLUGIN },
  { "unknown-property", UNET "kernel=3\n", "[model]: unknown property \"kernel\"",
    SEG_ERROR_FORMAT },
  { "unknown-part", UNET "[model.neck]\ntype=dense\n", "[model.neck]: unknown property \"neck\"",
    SEG_ERROR_FORMAT },
  { "part-as-model", "type=double-conv\n", "a part of a network", SEG_ERROR_FORMAT },
  { "model-in-itself", UNET "[model.encoder]\ntype=unet\n", "encoder: unet is no encoder",
    SEG_ERROR_FORMAT },
  { "decoder-as-encoder", UNET "[model.encoder]\ntype=unet-decoder\n",
    "encoder: unet-decoder is no encoder", SEG_ERROR_FORMAT },
  { "encoder-as-decoder", UNET "[model.decoder]\ntype=unet-encoder\n",
    "decoder: unet-encoder is no decoder", SEG_ERROR_FORMAT },
  { "encoder-as-inner", UNET ENCODER INNER "type=resnet-encoder\n",
    "encoder.blocks.0: resnet-encoder cannot be an inner block", SEG_ERROR_FORMAT },
  { "halving-inner", UNET ENCODER INNER "type=transition\n",
    "encoder.blocks.0: transition cannot stand here", SEG_ERROR_FORMAT },
  { "channels-0", UNET "[model.encoder]\ntype=unet-encoder\nchannels=0\n",
    "[model.encoder]: property \"channels\" cannot be 0 (1 to 4096)", SEG_ERROR_FORMAT },
  { "channels-billion", UNET "[model.encoder]\ntype=unet-encoder\nchannels=1000000000\n",
    "[model.encoder]: property \"channels\" cannot be 1000000000 (1 to 4096)", SEG_ERROR_FORMAT },
  { "channels-beyond-int", UNET "[model.encoder]\ntype=unet-encoder\nchannels=4294967298\n",
    "[model.encoder]: channels: \"4294967298\" is not a whole number", SEG_ERROR_FORMAT },
  { "channels-doubled", UNET "[model.encoder]\ntype=unet-encoder\nchannels=4096\ndepth=8\n",
    "encoder.blocks.5: a level of 131072 channels is not supported: 1 to 65536 are",
    SEG_ERROR_FORMAT },
  { "channels-joined",
    UNET "[model.encoder]\ntype=fc-densenet-encoder\nlayers=255;255\ngrowth=65536\n",
    "encoder: property \"channels\" cannot be 16711728 (0 to 65536)", SEG_ERROR_FORMAT },
  { "channels-odd",
    UNET "[model.encoder]\ntype=nnunet-encoder\nstages=2\nchannels=3\nmax-channels=3\n" DECODER,
    "decoder.blocks.0: unet-decoder cannot halve 3 channels", SEG_ERROR_SHAPE },
  { "kernel-0", UNET "head-kernel-size=0\n", "\"head-kernel-size\" cannot be 0 (1 to 15)",
    SEG_ERROR_FORMAT },
  { "kernel-even", UNET "head-kernel-size=4\n" ENCODER DECODER,
    "segmentation_head: a kernel of 4 has no middle", SEG_ERROR_FORMAT },
  { "kernel-huge", UNET "head-kernel-size=2147483647\n",
    "\"head-kernel-size\" cannot be 2147483647 (1 to 15)", SEG_ERROR_FORMAT },
  { "padding-negative", UNET "[model.encoder]\ntype=unet-encoder\npadding=-1\n",
    "[model.encoder]: padding: \"-1\" is not one of same, valid", SEG_ERROR_FORMAT },
  { "stride-0", UNET ENCODER INNER "type=residual\nstride=0\n",
    "[model.encoder.inner]: property \"stride\" cannot be 0 (1 to 8)", SEG_ERROR_FORMAT },
  { "stride-2", UNET ENCODER INNER "type=residual\nstride=2\n",
    "encoder.blocks.0: residual cannot stand here", SEG_ERROR_FORMAT },
  { "groups-0", UNET "[model.encoder]\ntype=resnet-encoder\ndepth=50\ngroups=0\n",
    "[model.encoder]: property \"groups\" cannot be 0 (1 to 1024)", SEG_ERROR_FORMAT },
  { "groups-of-none", UNET "[model.encoder]\ntype=resnet-encoder\ndepth=18\ngroups=2\n",
    "encoder: ResNet-18 has no bottlenecks", SEG_ERROR_UNSUPPORTED },
  { "inputs", UNET ENCODER "activation=add\n", "encoder.blocks.0.conv1.2: takes 2 inputs, not 1",
    SEG_ERROR_SHAPE },
  { "numbers-text", UNET ENCODER "[model.decoder]\ntype=unet-smp-decoder\nchannels=x\n",
    "decoder: \"x\" is not a number from 1 to 65536", SEG_ERROR_FORMAT },
  { "numbers-many", UNET ENCODER "[model.decoder]\ntype=unet-smp-decoder\nchannels=8;8;8\n",
    "decoder: unet-smp-decoder takes at least one feature more than it has channel numbers, not 2 "
    "features for 3 numbers", SEG_ERROR_SHAPE },
  { "levels-many",
    UNET "[model.encoder]\ntype=fc-densenet-encoder\nlayers=1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1\n",
    "encoder: fc-densenet-encoder takes 1 to 16 numbers", SEG_ERROR_FORMAT },
  { "layers-many", UNET "[model.encoder]\ntype=fc-densenet-encoder\nlayers=256;1\n",
    "encoder: \"256\" is not a number from 1 to 255", SEG_ERROR_FORMAT },
  { "depth-between", UNET "[model.encoder]\ntype=resnet-encoder\ndepth=19\n",
    "encoder: ResNet-19 is not supported", SEG_ERROR_UNSUPPORTED },
  { "dropout-1", "type=fc-densenet\ndropout=1\n", "\"dropout\" cannot be 1 (0 to 0.95)",
    SEG_ERROR_FORMAT },
  { "dropout-infinite", "type=fc-densenet\ndropout=inf\n", "\"inf\" is not a number",
    SEG_ERROR_FORMAT },
  { "classes", UNET "classes=3\n" ENCODER DECODER, "3 channels, but there are 2 classes",
    SEG_ERROR_SHAPE },
  { "value-tab", UNET ENCODER "norm=a\tb\n", "[model.encoder]: norm has a value with control",
    SEG_ERROR_FORMAT },
};

static void
test_recipe (File *file, gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *recipe = g_strconcat (HEAD, recipes[i].model, NULL);
  g_autofree char *header = file_dup_header (recipe);

  file_write_header (file, header, 0);
  assert_not_loaded (file->path, recipes[i].code, recipes[i].message);
}

/* ---- architecture and weights -------------------------------------------------------------- */

static void
load_left_over (gconstpointer path)
{
  assert_not_loaded (path, SEG_ERROR_FORMAT, "is missing; and 15 more");
}

static void
load_not_small (gconstpointer path)
{
  assert_not_loaded (path, SEG_ERROR_FORMAT,
                     "\"encoder.blocks.0.conv1.0.weight\" is [1250000000] instead of [2,3,3,3]");
}

static void
load_as_encoder (gconstpointer path)
{
  g_autoptr (SegModel) model = seg_model_new_from_recipe (SMALL, 1, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_model_load_encoder (model, path, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  g_assert_true (g_str_has_prefix (error->message, path));
}

/* A file that is what it says, 5 GB, and costs nobody anything: no memory is taken for what is
 * not in the network. */
static void
test_huge_tensor (File *file, gconstpointer data)
{
  static const struct
  {
    const char *name;
    void (*load) (gconstpointer path);
  } tensors[] = { { "x", load_left_over }, { "encoder.blocks.0.conv1.0.weight", load_not_small } };
  g_autofree char *empty = file_dup_header (SMALL);

  (void) data;
  empty[strlen (empty) - 1] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    {
      g_autofree char *header = g_strdup_printf (
          "%s,\"%s\":{\"dtype\":\"F32\",\"shape\":[1250000000],\"data_offsets\":[0,5000000000]}}",
          empty, tensors[i].name);

      file_write_header (file, header, 0);
      g_assert_cmpint (truncate (file->path, (off_t) (8 + strlen (header)) + 5000000000), ==, 0);
      testing_run_within_limits (tensors[i].load, file->path);
      testing_run_within_limits (load_as_encoder, file->path);
    }
}

static void
load_huge_network (gconstpointer path)
{
  assert_not_loaded (path, SEG_ERROR_FORMAT, "\"encoder.blocks.4.conv1.0.weight\" "
                                             "[65536,32768,3,3] is missing");
}

/* A network of 600 GB of parameters, of which the file has none. */
static void
test_huge_network (File *file, gconstpointer data)
{
  g_autofree char *header = file_dup_header (
      HEAD UNET "[model.encoder]\ntype=unet-encoder\nchannels=4096\ndepth=4\nnorm=none\n"
      INNER "type=double-conv\nnorm=none\n");

  (void) data;
  file_write_header (file, header, 0);
  testing_run_within_limits (load_huge_network, file->path);
}

/* ---- values ------------------------------------------------------------------------------ */

/* The numbers of each parameter whose name ends like this. */
static void
fill (SegModel *model, const char *suffix, float value)
{
  SegParameters *parameters = seg_model_get_parameters (model);

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);
      gsize n = tensor->dtype == SEG_DTYPE_F32 ? seg_tensor_get_n_elements (tensor) : 0;

      if (!g_str_has_suffix (seg_parameters_get_name (parameters, i), suffix))
        continue;
      for (gsize j = 0; j < n; j++)
        ((float *) tensor->data)[j] = value;
    }
}

static gboolean
read_image (const SegView *view, gpointer user_data, GError **error)
{
  (void) user_data, (void) error;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = view->valid.y; y < view->valid.y + view->valid.h; y++)
      for (gint64 x = view->valid.x; x < view->valid.x + view->valid.w; x++)
        *seg_view_at (view, c, 0, y, x) = (float) ((x + y) % 3);
  return TRUE;
}

static gboolean
check_finite (const SegView *view, gpointer user_data, GError **error)
{
  (void) user_data, (void) error;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = view->valid.y; y < view->valid.y + view->valid.h; y++)
      for (gint64 x = view->valid.x; x < view->valid.x + view->valid.w; x++)
        g_assert_true (isfinite (*seg_view_at (view, c, 0, y, x)));
  return TRUE;
}

/* A model saved, loaded and run gives numbers. */
static void
assert_runs (SegModel *model, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) loaded = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (SegWorkspace) workspace = NULL;

  seg_model_save (model, path, &error);
  g_assert_no_error (error);
  loaded = seg_model_load (path, &error);
  g_assert_no_error (error);
  plan = seg_plan_new (seg_model_get_graph (loaded), seg_model_get_parameters (loaded),
                       SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_bands (plan, 9, 7, 4, &error);
  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);
  g_assert_true (seg_workspace_run (workspace, read_image, check_finite, NULL, NULL, &error));
  g_assert_no_error (error);
}

static void
test_values (File *file, gconstpointer data)
{
  static const struct
  {
    const char *suffix;
    float value;
  } odd[] = {
    { ".running_var", 0.f },  { ".running_var", 1e-45f }, { ".running_var", 3e38f },
    { ".weight", 0.f },       { ".weight", 1e-45f },      { "", 0.f },
    { ".running_mean", -1e30f },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      g_autoptr (SegModel) model = seg_model_new_from_recipe (SMALL, 1, NULL);

      fill (model, odd[i].suffix, odd[i].value);
      assert_runs (model, file->path);
    }
}

/* Each tensor in turn has one of these in its last place. */
static void
test_not_finite (File *file, gconstpointer data)
{
  static const float values[] = { NAN, INFINITY, -NAN, -INFINITY };
  g_autoptr (SegSafetensors) tensors = seg_safetensors_read (file->path, NULL);
  g_auto (GStrv) names = seg_safetensors_list (tensors);

  (void) data;
  for (guint i = 0; names[i] != NULL; i++)
    {
      SegTensor *tensor = seg_safetensors_lookup (tensors, names[i]);
      gsize last = seg_tensor_get_n_elements (tensor) - 1;
      g_autofree char *message
          = g_strdup_printf ("tensor \"%s\" has %s at index %" G_GSIZE_FORMAT, names[i],
                             i % 2 == 0 ? "NaN" : "an infinite value", last);
      float before;

      if (tensor->dtype != SEG_DTYPE_F32)
        continue;
      before = ((float *) tensor->data)[last];
      ((float *) tensor->data)[last] = values[i % G_N_ELEMENTS (values)];
      g_assert_true (seg_safetensors_write (tensors, file->path, NULL));
      assert_not_loaded (file->path, SEG_ERROR_NUMERIC, message);
      ((float *) tensor->data)[last] = before;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

#define ADD(path, function) g_test_add (path, File, NULL, file_setup, function, file_teardown)
  ADD ("/bad-models/truncated", test_truncated);
  ADD ("/bad-models/trailing", test_trailing);
  ADD ("/bad-models/flipped", test_flipped);
  ADD ("/bad-models/not-a-file", test_not_a_file);
  ADD ("/bad-models/named-like-an-error", test_named_like_an_error);
  for (guint i = 0; i < G_N_ELEMENTS (recipes); i++)
    {
      g_autofree char *path = g_strconcat ("/bad-models/recipe/", recipes[i].name, NULL);
      g_test_add (path, File, GUINT_TO_POINTER (i), file_setup, test_recipe, file_teardown);
    }
  ADD ("/bad-models/huge-tensor", test_huge_tensor);
  ADD ("/bad-models/huge-network", test_huge_network);
  ADD ("/bad-models/values", test_values);
  ADD ("/bad-models/not-finite", test_not_finite);
  return g_test_run ();
}
