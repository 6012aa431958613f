/* What a user wants of a training: a recipe that may leave much open. */
#include <string.h>

#include <segkit/error.h>
#include <segkit/recipe.h>

#include "command.h"
#include "recipe-file.h"
#include "train-recipe-private.h"
#include "train-wishes.h"

#define SEG_TRAIN_WISHES_BEGIN "[segkit]\nformat=1\n"

#define SEG_TRAIN_WISHES_MAX_EPOCHS 1000000
#define SEG_TRAIN_WISHES_MAX_STEPS 1000000000
#define SEG_TRAIN_WISHES_MAX_BATCH 4096

static struct
{
  char *recipe, **settings, *max_time, *encoder_weights, *from;
  gint64 seed;
  int epochs, steps, batch;
} wishes = {
  .seed = G_MININT64,
  .epochs = SEG_COMMAND_UNSET,
  .steps = SEG_COMMAND_UNSET,
  .batch = SEG_COMMAND_UNSET,
};

const GOptionEntry seg_train_wishes_entries[] = {
  { "recipe", 0, 0, G_OPTION_ARG_FILENAME, &wishes.recipe,
    "what is to be done; what it leaves open is chosen", "FILE" },
  /* not a STRING: GLib would convert it from a locale that is not set */
  { "set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &wishes.settings,
    "group.key=value of the recipe, as train.rate=1e-3", "SETTING" },
  { "epochs", 0, 0, G_OPTION_ARG_INT, &wishes.epochs, "go N times through the images", "N" },
  { "steps", 0, 0, G_OPTION_ARG_INT, &wishes.steps, "make N steps", "N" },
  { "max-time", 0, 0, G_OPTION_ARG_FILENAME, &wishes.max_time,
    "as many steps as fit into this, such as 15min or 2h", "TIME" },
  { "batch", 0, 0, G_OPTION_ARG_INT, &wishes.batch, "crops of one step", "N" },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &wishes.seed, "of all that is left to chance", "N" },
  { "encoder-weights", 0, 0, G_OPTION_ARG_FILENAME, &wishes.encoder_weights,
    "begin with an encoder's parameters from this safetensors file", "FILE" },
  { "from", 0, 0, G_OPTION_ARG_FILENAME, &wishes.from, "begin with this model's parameters",
    "MODEL" },
  G_OPTION_ENTRY_NULL
};

/**
 * seg_train_wishes_check:
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` for numbers out of range, and for options that contradict each other.
 */
gboolean
seg_train_wishes_check (GError **error)
{
  int n_lengths = (wishes.epochs != SEG_COMMAND_UNSET) + (wishes.steps != SEG_COMMAND_UNSET)
                  + (wishes.max_time != NULL);

  if (!seg_command_check_number ("epochs", wishes.epochs, SEG_TRAIN_WISHES_MAX_EPOCHS, error)
      || !seg_command_check_number ("steps", wishes.steps, SEG_TRAIN_WISHES_MAX_STEPS, error)
      || !seg_command_check_number ("batch", wishes.batch, SEG_TRAIN_WISHES_MAX_BATCH, error))
    return FALSE;
  if (wishes.seed < 0 && wishes.seed != G_MININT64)
    return seg_command_fail_usage (error, "--seed must not be negative");
  return n_lengths <= 1
         || seg_command_fail_usage (error, "--epochs, --steps and --max-time: give one");
}

/**
 * seg_train_wishes_need_training:
 *
 * Returns: whether one is given that says nothing where nothing is trained
 */
gboolean
seg_train_wishes_need_training (void)
{
  return wishes.max_time != NULL || wishes.encoder_weights != NULL || wishes.from != NULL
         || wishes.epochs != SEG_COMMAND_UNSET || wishes.steps != SEG_COMMAND_UNSET
         || wishes.batch != SEG_COMMAND_UNSET || wishes.seed != G_MININT64;
}

/**
 * seg_train_wishes_are_given:
 *
 * Returns: whether any is
 */
gboolean
seg_train_wishes_are_given (void)
{
  return wishes.recipe != NULL || wishes.settings != NULL || seg_train_wishes_need_training ();
}

/**
 * seg_train_wishes_get_recipe:
 *
 * Returns: (nullable): the file that is named
 */
const char *
seg_train_wishes_get_recipe (void)
{
  return wishes.recipe;
}

static void
seg_train_wishes_set_length (GKeyFile *recipe, const char *key, const char *value)
{
  static const char *const keys[] = { "epochs", "steps", "max-time" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    g_key_file_remove_key (recipe, "train", keys[i], NULL);
  g_key_file_set_value (recipe, "train", key, value);
}

static void
seg_train_wishes_set_options (GKeyFile *recipe)
{
  g_autofree char *steps = g_strdup_printf ("%d", wishes.steps);
  g_autofree char *epochs = g_strdup_printf ("%d", wishes.epochs);

  if (wishes.steps != SEG_COMMAND_UNSET)
    seg_train_wishes_set_length (recipe, "steps", steps);
  if (wishes.epochs != SEG_COMMAND_UNSET)
    seg_train_wishes_set_length (recipe, "epochs", epochs);
  if (wishes.max_time != NULL)
    seg_train_wishes_set_length (recipe, "max-time", wishes.max_time);
  if (wishes.batch != SEG_COMMAND_UNSET)
    g_key_file_set_integer (recipe, "train", "batch", wishes.batch);
  if (wishes.seed != G_MININT64)
    g_key_file_set_int64 (recipe, "train", "seed", wishes.seed);
  if (wishes.encoder_weights != NULL)
    g_key_file_set_value (recipe, "train", "encoder-weights", wishes.encoder_weights);
  if (wishes.from != NULL)
    g_key_file_set_value (recipe, "train", "from", wishes.from);
}

/* What is said of a recipe, without the line that is said to be wrong: there is but one. */
static const char *
seg_train_wishes_skip_line (const char *message)
{
  const char *text = g_str_has_prefix (message, "recipe line ") ? strstr (message, ": ") : NULL;

  return text != NULL ? text + 2 : message;
}

/* A setting is held to what a line of a recipe file is: groups are known, names are names. */
static gboolean
seg_train_wishes_set (GKeyFile *recipe, const char *setting, GError **error)
{
  g_autoptr (GKeyFile) alone = g_key_file_new (), parsed = NULL;
  g_autoptr (GError) failure = NULL;
  g_autofree char *keys = NULL, *text = NULL;

  if (seg_train_recipe_set (alone, setting, &failure))
    {
      keys = g_key_file_to_data (alone, NULL, NULL);
      text = g_strconcat (SEG_TRAIN_WISHES_BEGIN, keys, NULL);
      parsed = seg_recipe_parse (text, strlen (text), &failure);
    }
  if (parsed != NULL)
    return seg_train_recipe_set (recipe, setting, error);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--set %s: %s", setting,
               seg_train_wishes_skip_line (failure->message));
  return FALSE;
}

/* Grey images for a model of colour ones, and the other way round, as segment takes them. */
static void
seg_train_wishes_take_bands (GKeyFile *recipe, SegModel *model)
{
  if (!g_key_file_has_key (recipe, "data", "bands", NULL))
    g_key_file_set_uint64 (recipe, "data", "bands", seg_model_get_n_channels (model));
}

/* The network that is gone on from says how many bands there should be, if nothing else does. */
static gboolean
seg_train_wishes_look_at_model (GKeyFile *recipe, GError **error)
{
  g_autofree char *name = g_key_file_get_value (recipe, "train", "from", NULL), *path = NULL;
  g_autoptr (SegModel) model = NULL;

  if (name == NULL || g_key_file_has_key (recipe, "data", "bands", NULL)
      || g_key_file_has_key (recipe, "input", "channels", NULL))
    return TRUE;
  if ((path = seg_model_find (name, error)) == NULL
      || (model = seg_model_load (path, error)) == NULL)
    return FALSE;
  seg_train_wishes_take_bands (recipe, model);
  return TRUE;
}

/* Options over settings over a file. */
static GKeyFile *
seg_train_wishes_join (const char *path, GError **error)
{
  g_autoptr (GKeyFile) recipe = path != NULL ? seg_recipe_file_load (path, error)
                                             : g_key_file_new ();

  if (recipe == NULL)
    {
      _seg_train_recipe_blame (error);
      return NULL;
    }
  for (char **setting = wishes.settings; setting != NULL && *setting != NULL; setting++)
    if (!seg_train_wishes_set (recipe, *setting, error))
      return NULL;
  seg_train_wishes_set_options (recipe);
  return g_steal_pointer (&recipe);
}

/**
 * seg_train_wishes_read:
 * @basis: (nullable): the file of a recipe, if no option names one
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR`; `SEG_ERROR_PARAM` and `G_IO_ERROR` for the file; those of loading the
 * model that is to be gone on from.
 *
 * Returns: (transfer full): options over settings over a file, or %NULL with @error set
 */
GKeyFile *
seg_train_wishes_read (const char *basis, GError **error)
{
  g_autoptr (GKeyFile) recipe =
      seg_train_wishes_join (wishes.recipe != NULL ? wishes.recipe : basis, error);

  return recipe != NULL && seg_train_wishes_look_at_model (recipe, error)
             ? g_steal_pointer (&recipe)
             : NULL;
}

/* Whether all folders and lists are there that a recipe names. */
static gboolean
seg_train_wishes_has_places (GKeyFile *recipe, const char *folder)
{
  static const char *const keys[]
      = { "images", "masks", "instances", "train", "validation", "test" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *text = g_key_file_get_value (recipe, "data", keys[i], NULL);
      g_auto (GStrv) places = g_strsplit (text != NULL ? text : "", ",", -1);

      for (char **place = places; *place != NULL; place++)
        {
          g_autofree char *path = g_build_filename (folder, g_strstrip (*place), NULL);

          if (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (*place, G_FILE_TEST_EXISTS))
            return FALSE;
        }
    }
  return TRUE;
}

/* Of what a model's recipe says of its own data, all that holds for other data, too: not where they
 * lie and which of them validate. */
static void
seg_train_wishes_forget_places (GKeyFile *recipe)
{
  static const char *const keys[]
      = { "layout",      "images", "masks",      "instances", "image-suffixes",
          "mask-suffix", "train",  "validation", "test",      "validation-share",
          "oversample",  "validation-names" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    g_key_file_remove_key (recipe, "data", keys[i], NULL);
}

/* What the model's own recipe says of data, where nothing else is said. What masks have is said in
 * one way alone: a group, or else keys. */
static void
seg_train_wishes_take_data (GKeyFile *recipe, GKeyFile *own)
{
  static const char *const keys[] = { "class-values", "classes" };
  g_auto (GStrv) groups = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_key_file_has_key (recipe, "data", keys[i], NULL))
      g_key_file_remove_group (own, "data.classes", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_key_file_has_group (recipe, "data.classes") || g_key_file_has_group (own, "data.classes"))
      g_key_file_remove_key (own, "data", keys[i], NULL);
  groups = g_key_file_get_groups (own, NULL);
  for (char **group = groups; *group != NULL; group++)
    if (g_str_equal (*group, "data") || g_str_has_prefix (*group, "data."))
      _seg_train_given_copy_group (own, recipe, *group);
}

/**
 * seg_train_wishes_read_for_model:
 * @model: a model that was trained
 * @folder: a data set to evaluate it with
 * @error: return location
 *
 * Errors: those of seg_train_wishes_read().
 *
 * Returns: (transfer full): the same with the model's classes, and if no file is named what the
 *   model's own recipe says of data: what is ignored, which values are which class; and, if @folder
 *   has all that it names, where files are and which of them validate. Where nothing is said of bands,
 *   they are the model's
 */
GKeyFile *
seg_train_wishes_read_for_model (SegModel *model, const char *folder, GError **error)
{
  const char *text = seg_model_get_recipe (model);
  g_autoptr (GKeyFile) recipe = seg_train_wishes_join (wishes.recipe, error), own = NULL;

  if (recipe == NULL || (own = seg_recipe_parse (text, strlen (text), error)) == NULL)
    return NULL;
  _seg_train_given_copy_group (own, recipe, "classes");
  if (wishes.recipe == NULL)
    {
      if (!seg_train_wishes_has_places (own, folder))
        seg_train_wishes_forget_places (own);
      seg_train_wishes_take_data (recipe, own);
    }
  seg_train_wishes_take_bands (recipe, model);
  return g_steal_pointer (&recipe);
}
