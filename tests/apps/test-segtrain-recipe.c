/* What is chosen for a training, what a user may want of it, and that the recipe that is written is
 * all of it. */
#include <string.h>

#include "../../apps/lib/exit-code.h"
#include "../../apps/lib/train-recipe.h"
#include "samples.h"

/* Noise with stripes of the values, "1.png" and so on. */
static char *
save (guint n, int w, int h, int bands, const char *values)
{
  char *folder = samples_new ();

  for (guint i = 1; i <= n; i++)
    {
      g_autofree char *image = g_strdup_printf ("images/%u.png", i);
      g_autofree char *mask = g_strdup_printf ("masks/%u.png", i);

      samples_save_image (folder, image, w, h, bands, i);
      samples_save_mask (folder, mask, w, h, values);
    }
  return folder;
}

/* "train.rate=1 data.ignore=2", or "train.augmentation" for a group without keys, or "" */
static GKeyFile *
set (const char *settings)
{
  GKeyFile *keys = g_key_file_new ();
  g_auto (GStrv) words = g_strsplit (settings, " ", -1);
  g_autoptr (GError) error = NULL;

  for (char **word = words; *word != NULL; word++)
    if (strchr (*word, '=') != NULL)
      {
        seg_train_recipe_set (keys, *word, &error);
        g_assert_no_error (error);
      }
    else
      {
        g_key_file_set_value (keys, *word, "x", "");
        g_key_file_remove_key (keys, *word, "x", NULL);
      }
  return keys;
}

static SegTrainRecipe *
try_make (const char *folder, const char *settings, gsize max_memory, GError **error)
{
  SegTrainLimits limits = { .n_threads = 1, .max_memory = max_memory };
  g_autoptr (GKeyFile) keys = set (settings);
  g_autoptr (SegDataset) dataset = seg_dataset_open (folder, keys, error);

  return dataset != NULL ? seg_train_recipe_new (keys, dataset, &limits, error) : NULL;
}

static SegTrainRecipe *
make (const char *folder, const char *settings)
{
  g_autoptr (GError) error = NULL;
  SegTrainRecipe *recipe = try_make (folder, settings, 0, &error);

  g_assert_no_error (error);
  return recipe;
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" is not in:\n%s", part, text);
}

/* Two classes and few images: the classic network, a crop that fits, and all directions alike. */
static void
test_two_classes (void)
{
  char *folder = save (6, 200, 150, 1, "0 0 255");
  g_autoptr (SegTrainRecipe) recipe = make (folder, "");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (recipe, &error);
  gboolean flips, turns;

  g_assert_no_error (error);
  g_assert_cmpuint (seg_model_get_n_channels (model), ==, 1);
  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 2);
  assert_has (recipe->text, "type=unet-encoder\nchannels=32\n");
  g_assert_cmpstr (recipe->metric, ==, "foreground-dice");
  g_assert_null (recipe->trainer.class_weight);
  g_assert_cmpint (recipe->batches.n, ==, 4);
  g_assert_cmpint (recipe->batches.w, ==, 128);
  g_assert_cmpint (recipe->batches.h, ==, 128);
  g_object_get (recipe->augmentation, "flip-vertical", &flips, "right-angles", &turns, NULL);
  g_assert_true (flips && turns);
  samples_free (folder);
}

/* What is said of a crop is true of the images, also where it was asked for. */
static void
test_crop (void)
{
  static const struct
  {
    int w, h;
    gboolean has_upright;
    const char *settings, *reason;
  } cases[] = {
    { 70, 60, FALSE, "", "crop=32: fits into the smallest image" },
    { 200, 150, FALSE, "", "crop=128: fits into the smallest image" },
    { 300, 260, FALSE, "", "crop=256: enough around each pixel, and quick" },
    { 300, 20, FALSE, "", "crop=32: there are smaller images; what they lack is mirrored" },
    { 70, 60, FALSE, "train.crop=64",
      "[train] crop=64x64: images are at least 70 pixels wide and 60 high; what they lack is "
      "mirrored" },
    { 70, 60, FALSE, "train.crop=60", NULL },
    { 100, 40, TRUE, "train.crop=64", "images are at least 40 pixels wide and 40 high" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *folder = save (2, cases[i].w, cases[i].h, 1, "0 1");
      g_autoptr (SegTrainRecipe) recipe = NULL;
      g_autofree char *reasons = NULL;

      if (cases[i].has_upright)
        {
          samples_save_image (folder, "images/2.png", cases[i].h, cases[i].w, 1, 2);
          samples_save_mask (folder, "masks/2.png", cases[i].h, cases[i].w, "0 1");
        }
      recipe = make (folder, cases[i].settings);
      g_ptr_array_add (recipe->reasons, NULL);
      reasons = g_strjoinv ("\n", (char **) recipe->reasons->pdata);
      if (cases[i].reason != NULL)
        assert_has (reasons, cases[i].reason);
      else
        g_assert_null (strstr (reasons, "crop="));
      samples_free (folder);
    }
}

/* Several classes: a ResNet, weights by median frequency, and an up. Of the 12 columns of stripes
 * six have class 0, and three, two and one the others. */
static void
test_scene (void)
{
  char *folder = save (5, 96, 96, 3, "0 0 0 0 0 0 1 1 1 2 2 3");
  g_autoptr (SegTrainRecipe) recipe = make (folder, "");
  static const float weights[] = { 2.5f / 6, 2.5f / 3, 2.5f / 2, 2.5f / 1 };
  gboolean flips, turns;

  assert_has (recipe->text, "type=resnet-encoder\ndepth=18\n");
  assert_has (recipe->text, "type=unet-smp-decoder\n");
  g_assert_cmpstr (recipe->metric, ==, "mean-iou");
  g_assert_nonnull (recipe->trainer.class_weight);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (recipe->trainer.class_weight[i], weights[i], 1e-3);
  g_object_get (recipe->augmentation, "flip-vertical", &flips, "right-angles", &turns, NULL);
  g_assert_true (!flips && !turns);
  samples_free (folder);
}

/* The recipe that is written is a fixed point: read again, nothing is left to choose. */
static void
test_repeats (gconstpointer settings)
{
  char *folder = save (5, 64, 64, 3, "0 1 2");
  g_autoptr (SegTrainRecipe) recipe = make (folder, settings), again = NULL;
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SegDataset) dataset = NULL;
  SegTrainLimits limits = { .n_threads = 2, .max_memory = 1 << 20 };

  g_key_file_load_from_data (keys, recipe->text, (gsize) -1, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  dataset = seg_dataset_open (folder, keys, &error);
  g_assert_no_error (error);
  again = seg_train_recipe_new (keys, dataset, &limits, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->text, ==, recipe->text);
  g_assert_cmpuint (again->seed, ==, recipe->seed);
  samples_free (folder);
}

/* What is given stands, and what else its group needs is chosen. */
static void
test_wishes (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");
  g_autoptr (SegTrainRecipe) recipe
      = make (folder, "train.rate=0.5 train.seed=7 train.crop=32x64 train.optimizer.beta1=0.8 "
                      "model.encoder.depth=2 model.encoder.channels=4 train.class-weights=auto "
                      "train.schedule.type=poly train.epochs=3 train.augmentation.noise=0.1");
  gboolean flips;

  g_assert_cmpfloat (recipe->trainer.rate, ==, .5);
  g_assert_cmpuint (recipe->seed, ==, 7);
  g_assert_cmpint (recipe->batches.w, ==, 32);
  g_assert_cmpint (recipe->batches.h, ==, 64);
  g_assert_cmpuint (recipe->n_steps, ==, 0);
  g_assert_cmpuint (recipe->n_epochs, ==, 3);
  assert_has (recipe->text, "[model.encoder]\ntype=unet-encoder\n");
  assert_has (recipe->text, "depth=2\n");
  assert_has (recipe->text, "channels=4\n");
  assert_has (recipe->text, "type=adamw\n");
  assert_has (recipe->text, "beta1=0.8\n");
  g_assert_null (strstr (recipe->text, "warmup"));
  assert_has (recipe->text, "class-weights=1;1\n");
  g_object_get (recipe->augmentation, "flip-horizontal", &flips, NULL);
  g_assert_false (flips); /* a list of what is done is all that is done */
  samples_free (folder);
}

/* An encoder that was asked for gets the decoder that goes with it. */
static void
test_decoder (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");
  g_autoptr (SegTrainRecipe) recipe
      = make (folder, "model.encoder.type=resnet-encoder model.encoder.depth=18");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (recipe, &error);

  g_assert_no_error (error);
  g_assert_nonnull (model);
  assert_has (recipe->text, "type=unet-smp-decoder\n");
  samples_free (folder);
}

/* A network that is described is taken as it is; only its classes are those of the data. */
static void
test_network (void)
{
  char *folder = save (5, 64, 64, 1, "0 1 2");
  g_autoptr (SegTrainRecipe) recipe
      = make (folder, "model.type=unet model.encoder.type=unet-encoder model.encoder.depth=1 "
                      "model.decoder.type=unet-decoder");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (recipe, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 3);
  g_assert_null (strstr (recipe->text, "head-kernel-size"));
  samples_free (folder);
}

/* A batch that nobody asked for is halved until it fits, and one that somebody did is not. */
static void
test_memory (void)
{
  char *folder = save (5, 256, 256, 1, "0 1");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegTrainRecipe) recipe = try_make (folder, "", 1 << 20, &error), given = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (recipe->batches.n, ==, 1);
  assert_has (recipe->text, "batch=1\n");
  assert_has (recipe->reasons->pdata[recipe->reasons->len - 1], "memory");
  given = try_make (folder, "train.batch=4", 1 << 20, &error);
  g_assert_no_error (error);
  g_assert_cmpint (given->batches.n, ==, 4);
  samples_free (folder);
}

/* Epochs or a time become steps, and the text says nothing else. */
static void
test_steps (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");
  g_autoptr (SegTrainRecipe) recipe = make (folder, "train.max-time=15min");
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (recipe->n_steps, ==, 0);
  g_assert_cmpfloat (recipe->max_seconds, ==, 900.);
  seg_train_recipe_set_steps (recipe, 321, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (recipe->trainer.n_steps, ==, 321);
  assert_has (recipe->text, "steps=321\n");
  g_assert_null (strstr (recipe->text, "max-time"));
  g_assert_false (seg_train_recipe_set_steps (recipe, 0, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  samples_free (folder);
}

static void
assert_same (SegModel *model, SegModel *other, const char *name)
{
  SegParameters *of_model = seg_model_get_parameters (model);
  SegParameters *of_other = seg_model_get_parameters (other);
  gint i = seg_parameters_find (of_model, name), j = seg_parameters_find (of_other, name);
  SegTensor *a, *b;

  g_assert_true (i >= 0 && j >= 0);
  a = seg_parameters_get_tensor (of_model, (guint) i, NULL);
  b = seg_parameters_get_tensor (of_other, (guint) j, NULL);
  g_assert_cmpmem (a->data, seg_tensor_get_n_bytes (a), b->data, seg_tensor_get_n_bytes (b));
}

static void
test_from (void)
{
  char *folder = save (5, 64, 64, 1, "0 1 2");
  g_autofree char *path = NULL, *settings = NULL;
  g_autoptr (SegTrainRecipe) first = make (folder, "model.encoder.type=unet-encoder "
                                                   "model.encoder.depth=1 model.encoder.channels=2 "
                                                   "train.seed=5 input.mean=0.25 input.std=0.5");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (first, &error), next = NULL;
  g_autoptr (SegTrainRecipe) recipe = NULL;

  g_assert_no_error (error);
  path = g_build_filename (folder, "first.safetensors", NULL);
  seg_model_save (model, path, &error);
  g_assert_no_error (error);
  settings = g_strconcat ("train.from=", path, NULL);
  recipe = make (folder, settings);
  assert_has (recipe->text, "channels=2\n");
  assert_has (recipe->text, "mean=0.25\n");
  g_assert_cmpuint (recipe->seed, ==, 1);
  next = seg_train_recipe_new_model (recipe, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < seg_parameters_get_n (seg_model_get_parameters (model)); i++)
    assert_same (model, next, seg_parameters_get_name (seg_model_get_parameters (model), i));
  samples_free (folder);
}

/* An encoder's weights say which encoder: here ResNet-34's, where 18 would be chosen, or none. */
static void
test_encoder_weights (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");
  g_autofree char *path = g_build_filename (folder, "r34.safetensors", NULL);
  g_autofree char *settings = g_strconcat ("train.encoder-weights=", path, NULL);
  g_autoptr (SegTrainRecipe) first
      = make (folder, "model.encoder.type=resnet-encoder model.encoder.depth=34 train.seed=9");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_train_recipe_new_model (first, &error), next = NULL;
  g_autoptr (SegTrainRecipe) recipe = NULL;

  g_assert_no_error (error);
  seg_model_save (model, path, &error);
  g_assert_no_error (error);
  recipe = make (folder, settings);
  assert_has (recipe->text, "type=resnet-encoder\ndepth=34\n");
  next = seg_train_recipe_new_model (recipe, &error);
  g_assert_no_error (error);
  assert_same (model, next, "encoder.layer4.2.conv2.weight");
  samples_free (folder);
}

/* A property of another kind than the one that was chosen: it is told where that came from. */
static void
test_chosen_kind (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");
  g_autoptr (SegTrainRecipe) recipe = make (folder, "model.encoder.width=3");
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_train_recipe_new_model (recipe, &error));
  assert_has (error->message, "[model.encoder]: unknown property \"width\"; chosen was type=unet-encoder: "
                              "the classic U-Net");
  g_assert_cmpint (seg_exit_code_from_error (error), ==, SEG_EXIT_USAGE);
  samples_free (folder);
}

/* Settings that cannot be, and what the line that refuses them says. */
static const struct
{
  const char *settings, *says;
  int exit_code;
} wrong[] = {
  { "tran.rate=1", "unknown group \"tran\"; did you mean \"train\"?", SEG_EXIT_USAGE },
  { "train.rat=1", "[train] has no key \"rat\"; did you mean \"rate\"?", SEG_EXIT_USAGE },
  { "train.los.type=dice", "did you mean \"loss\"?", SEG_EXIT_USAGE },
  { "train.loss.type=dise", "did you mean \"dice\"?", SEG_EXIT_PLUGIN },
  { "train.loss.typ=dice", "unknown property \"typ\"", SEG_EXIT_USAGE },
  { "train.loss.type=dice train.loss.smooth=x", "smooth", SEG_EXIT_USAGE },
  { "train.augmentation.scale-min=3 train.augmentation.scale-max=2", "scale-min: 3 is more than",
    SEG_EXIT_USAGE },
  { "train.augmentation.rotation=x", "rotation", SEG_EXIT_USAGE },
  { "train.augmentation.rotaton=1", "did you mean \"rotation\"?", SEG_EXIT_USAGE },
  { "train.schedule.type=cosine train.schedule.warmup=2", "warmup", SEG_EXIT_USAGE },
  { "train.optimizer.beta1=-1", "beta1", SEG_EXIT_USAGE },
  { "data.ignor=1", "did you mean \"ignore\"?", SEG_EXIT_USAGE },
  { "train.rate=-1", "\"-1\" is not a number from 0", SEG_EXIT_USAGE },
  { "train.rate=nan", "\"nan\" is not a number", SEG_EXIT_USAGE },
  { "train.rate=1x", "\"1x\" is not a number", SEG_EXIT_USAGE },
  { "train.crop=0", "[train] crop: \"0\"", SEG_EXIT_USAGE },
  { "train.crop=99999", "[train] crop: \"99999\" is not a side of 1 to 65536 pixels, as 256, or",
    SEG_EXIT_USAGE },
  { "train.crop=32x32x32", "[train] crop: \"32x32x32\"", SEG_EXIT_USAGE },
  { "train.batch=0", "a whole number from 1", SEG_EXIT_USAGE },
  { "train.freeze-norms=yes", "true or false", SEG_EXIT_USAGE },
  { "train.max-time=1y", "\"1y\" is not a time", SEG_EXIT_USAGE },
  { "train.max-time=0", "\"0\" is not a time", SEG_EXIT_USAGE },
  { "train.metric=iou", "mean-iou", SEG_EXIT_USAGE },
  { "train.deep-supervision=-1",
    "[train] deep-supervision: \"-1\" is not a whole number from 0 to 15", SEG_EXIT_USAGE },
  { "train.class-weights=1;2;3", "\"1;2;3\" is not 2 numbers", SEG_EXIT_USAGE },
  { "train.class-weights=1", "\"1\" is not 2 numbers", SEG_EXIT_USAGE },
  { "train.class-weights=1;-1", "\"1;-1\" is not 2 numbers", SEG_EXIT_USAGE },
  { "train.class-weights=0;0", "\"0;0\" is not weights of which one is above 0", SEG_EXIT_USAGE },
  { "train.border-sigma=200", "\"200\" is not a number from 0.1 to 100", SEG_EXIT_USAGE },
  { "train.border-weights=true", "no masks of single objects", SEG_EXIT_USAGE },
  { "input.channels=3", "[input] channels: 3 in the recipe, 1 in the images", SEG_EXIT_USAGE },
  { "model.classes=5", "[model] classes: 5 in the recipe, 2 in the masks", SEG_EXIT_USAGE },
  { "data.class-values=0;x", "[data]: \"class 1\" cannot be x", SEG_EXIT_USAGE },
  { "data.class-values=0;0",
    "[data] class-values: the value 0 is of two classes, \"class 0\" and \"class 1\"",
    SEG_EXIT_USAGE },
  { "data.class-values=0;1 data.classes.a=0", "both say what masks have; give one",
    SEG_EXIT_USAGE },
  { "data.class-values=0;1 classes.names=a;b;c",
    "[data] class-values: has 2 classes, and [classes] "
    "names 3",
    SEG_EXIT_USAGE },
  { "classes.names=a;b;c", "[classes] names: 3 in the recipe, 2 in the masks", SEG_EXIT_USAGE },
  { "train.encoder-weights=/nowhere", "/nowhere", SEG_EXIT_IO },
  { "train.from=/nowhere.safetensors", "/nowhere.safetensors", SEG_EXIT_IO },
};

static void
test_wrong (void)
{
  char *folder = save (5, 64, 64, 1, "0 1");

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (try_make (folder, wrong[i].settings, 0, &error));
      g_assert_nonnull (error);
      if (strstr (error->message, wrong[i].says) == NULL || strchr (error->message, '\n') != NULL)
        g_error ("%s: %s", wrong[i].settings, error->message);
      g_assert_cmpint (seg_exit_code_from_error (error), ==, wrong[i].exit_code);
    }
  samples_free (folder);
}

/* What is wrong with the network is found when it is made, and is the recipe's fault, too. */
static void
test_wrong_network (void)
{
  static const char *const settings[] = { "model.encoder.depth=99", "model.encoder.channels=x",
                                          "model.head-kernel-size=2", "model.encoder.chanels=4" };
  char *folder = save (5, 64, 64, 1, "0 1");

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autoptr (SegTrainRecipe) recipe = make (folder, settings[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (seg_train_recipe_new_model (recipe, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
      g_test_message ("%s", error->message);
    }
  samples_free (folder);
}

static void
test_assignments (void)
{
  static const char *const none[] = { "", "rate", "rate=1", ".rate=1", "train.=1", "=1" };
  g_autoptr (GKeyFile) keys = set ("a.b.c=d=e");
  g_autofree char *value = g_key_file_get_value (keys, "a.b", "c", NULL);

  g_assert_cmpstr (value, ==, "d=e");
  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (seg_train_recipe_set (keys, none[i], &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
    }
}

int
main (int argc, char **argv)
{
  samples_main_init (&argc, &argv);
  g_test_add_func ("/recipe/two-classes", test_two_classes);
  g_test_add_func ("/recipe/crop", test_crop);
  g_test_add_func ("/recipe/scene", test_scene);
  g_test_add_data_func ("/recipe/repeats/chosen", "", test_repeats);
  g_test_add_data_func ("/recipe/repeats/given",
                        "train.loss.type=focal train.epochs=2 train.class-weights=none "
                        "data.ignore=2",
                        test_repeats);
  g_test_add_data_func ("/recipe/repeats/no-augmentation", "train.augmentation", test_repeats);
  g_test_add_func ("/recipe/wishes", test_wishes);
  g_test_add_func ("/recipe/decoder", test_decoder);
  g_test_add_func ("/recipe/network", test_network);
  g_test_add_func ("/recipe/memory", test_memory);
  g_test_add_func ("/recipe/steps", test_steps);
  g_test_add_func ("/recipe/from", test_from);
  g_test_add_func ("/recipe/encoder-weights", test_encoder_weights);
  g_test_add_func ("/recipe/chosen-kind", test_chosen_kind);
  g_test_add_func ("/recipe/wrong", test_wrong);
  g_test_add_func ("/recipe/wrong-network", test_wrong_network);
  g_test_add_func ("/recipe/assignments", test_assignments);
  return g_test_run ();
}
