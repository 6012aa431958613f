/* What a user wants of a training, before the rest is chosen: read strictly, joined with the model
 * that it goes on from, and held against the data. */
#include <string.h>

#include <segkit/error.h>
#include <segkit/recipe.h>

#include "train-recipe-private.h"

static void
seg_train_given_copy_key (GKeyFile *from, GKeyFile *to, const char *group, const char *key)
{
  g_autofree char *value = g_key_file_get_value (from, group, key, NULL);

  if (value != NULL && !g_key_file_has_key (to, group, key, NULL))
    g_key_file_set_value (to, group, key, value);
}

/**
 * _seg_train_given_copy_group: (skip)
 * @from: a recipe
 * @to: one that gets what it does not have of the group
 * @group: which
 *
 * The kind goes first, which other keys are properties of.
 */
void
_seg_train_given_copy_group (GKeyFile *from, GKeyFile *to, const char *group)
{
  g_auto (GStrv) names = g_key_file_get_keys (from, group, NULL, NULL);

  /* a group without keys says something, too: no augmentation. GKeyFile makes it with a key only */
  if (!g_key_file_has_group (to, group))
    {
      g_key_file_set_value (to, group, "x", "");
      g_key_file_remove_key (to, group, "x", NULL);
    }
  seg_train_given_copy_key (from, to, group, "type");
  for (char **name = names; name != NULL && *name != NULL; name++)
    seg_train_given_copy_key (from, to, group, *name);
}

/* Copies a group and then those below it. */
static void
seg_train_given_copy_tree (GKeyFile *from, GKeyFile *to, const char *root)
{
  g_autofree char *below = g_strconcat (root, ".", NULL);
  g_auto (GStrv) groups = g_key_file_get_groups (from, NULL);

  if (g_key_file_has_group (from, root))
    _seg_train_given_copy_group (from, to, root);
  for (char **group = groups; *group != NULL; group++)
    if (g_str_has_prefix (*group, below))
      _seg_train_given_copy_group (from, to, *group);
}

/**
 * _seg_train_given_read: (skip)
 * @given: (nullable): a recipe's file with settings of the command line, which nobody has looked at
 *
 * As text it is read as strictly as a file is.
 * Errors: those of seg_recipe_parse().
 *
 * Returns: (transfer full): a recipe that may be changed, or %NULL with @error set
 */
GKeyFile *
_seg_train_given_read (GKeyFile *given, GError **error)
{
  g_autofree char *wishes = given != NULL ? g_key_file_to_data (given, NULL, NULL) : NULL;
  gboolean is_whole = given != NULL && g_key_file_has_group (given, "segkit");
  g_autofree char *text = g_strconcat (is_whole ? "" : "[segkit]\nformat=1\n",
                                       wishes != NULL ? wishes : "", NULL);
  GKeyFile *recipe = seg_recipe_parse (text, strlen (text), error);

  if (recipe == NULL)
    _seg_train_recipe_blame (error);
  return recipe;
}

/* A model that tells two classes apart may do so with one number a pixel. */
static gboolean
seg_train_given_is_binary (guint64 n_planes, guint n_classes)
{
  return n_planes == 1 && n_classes == 2;
}

/**
 * _seg_train_given_take_model: (skip)
 * @keys: a recipe
 * @n_classes: of the data
 * @reasons: to be added to
 *
 * To go on from a model ([train] from) means its network, and numbers as it knows them.
 * Errors: those of finding and loading it.
 */
gboolean
_seg_train_given_take_model (GKeyFile *keys, guint n_classes, GPtrArray *reasons, GError **error)
{
  g_autofree char *name = g_key_file_get_value (keys, "train", "from", NULL), *path = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (GKeyFile) recipe = NULL;

  if (name == NULL)
    return TRUE;
  if ((path = seg_model_find (name, error)) == NULL
      || (model = seg_model_load (path, error)) == NULL)
    return FALSE;
  recipe = seg_recipe_parse (seg_model_get_recipe (model), strlen (seg_model_get_recipe (model)),
                             error);
  if (recipe == NULL)
    return FALSE;
  if (!g_key_file_has_group (keys, "model"))
    {
      seg_train_given_copy_tree (recipe, keys, "model");
      if (!seg_train_given_is_binary (g_key_file_get_uint64 (keys, "model", "classes", NULL),
                                      n_classes))
        g_key_file_set_uint64 (keys, "model", "classes", n_classes);
      g_ptr_array_add (reasons, g_strdup_printf ("[model]: the network of %s", name));
    }
  _seg_train_given_copy_group (recipe, keys, "input");
  return TRUE;
}

static gboolean
seg_train_given_refuse (const char *what, guint64 given, guint64 found, const char *where,
                        GError **error)
{
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "%s: %" G_GUINT64_FORMAT " in the recipe, %" G_GUINT64_FORMAT " in the %s", what,
               given, found, where);
  return FALSE;
}

/**
 * _seg_train_given_check_data: (skip)
 * @keys: a recipe
 * @dataset: what is to be learnt from
 *
 * Errors: `SEG_ERROR_PARAM` for what is not true of the data.
 */
gboolean
_seg_train_given_check_data (GKeyFile *keys, SegDataset *dataset, GError **error)
{
  guint n_bands = seg_dataset_get_n_bands (dataset);
  guint n_classes = seg_dataset_get_n_classes (dataset);
  guint64 n_channels = g_key_file_get_uint64 (keys, "input", "channels", NULL);
  guint64 n_planes = g_key_file_get_uint64 (keys, "model", "classes", NULL);
  gsize n_names = 0;
  g_auto (GStrv) names = g_key_file_get_string_list (keys, "classes", "names", &n_names, NULL);

  if (n_channels > 0 && n_channels != n_bands)
    return seg_train_given_refuse ("[input] channels", n_channels, n_bands, "images", error);
  if (n_planes > 0 && n_planes != n_classes && !seg_train_given_is_binary (n_planes, n_classes))
    return seg_train_given_refuse ("[model] classes", n_planes, n_classes, "masks", error);
  return names == NULL || n_names == n_classes
         || seg_train_given_refuse ("[classes] names", n_names, n_classes, "masks", error);
}

/**
 * _seg_train_given_sort: (skip)
 *
 * Returns: (transfer full): the groups in the order in which a person reads them
 */
GKeyFile *
_seg_train_given_sort (GKeyFile *keys)
{
  static const char *const order[] = { "segkit", "input", "classes", "model", "data", "train" };
  GKeyFile *sorted = g_key_file_new ();

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    seg_train_given_copy_tree (keys, sorted, order[i]);
  return sorted;
}
