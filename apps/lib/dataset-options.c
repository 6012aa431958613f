/* A recipe's group [data]. */
#include <string.h>

#include <segkit/recipe.h>

#include "dataset-private.h"

static const char *const seg_dataset_option_names[]
    = { "layout", "images", "masks", "instances", "image-suffixes", "mask-suffix", "train",
        "validation", "test", "validation-share", "validation-names", "classes", "class-values",
        "ignore", "threshold", "bands", "objects", "oversample", NULL };

static const char *const seg_dataset_layouts[] = { "folders", "split-folders", "camvid",
                                                   "voc",     "nnunet",        NULL };

static gboolean
seg_dataset_options_check_keys (GKeyFile *recipe, GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (recipe, "data", NULL, error);

  if (keys == NULL)
    return FALSE;
  for (char **key = keys; *key != NULL; key++)
    if (!g_strv_contains (seg_dataset_option_names, *key))
      {
        const char *nearest = seg_recipe_find_nearest (*key, seg_dataset_option_names);
        g_autofree char *known = g_strjoinv (", ", (char **) seg_dataset_option_names);

        if (nearest != NULL)
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "[data] has no key \"%s\"; did you mean \"%s\"?", *key, nearest);
        else
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data] has no key \"%s\"; there is %s",
                       *key, known);
        return FALSE;
      }
  return TRUE;
}

static char *
seg_dataset_options_get_text (GKeyFile *recipe, const char *key)
{
  char *text = g_key_file_get_string (recipe, "data", key, NULL);

  if (text != NULL && *g_strstrip (text) == '\0')
    g_clear_pointer (&text, g_free);
  return text;
}

static char **
seg_dataset_options_get_list (GKeyFile *recipe, const char *key, const char *separator)
{
  g_autofree char *text = seg_dataset_options_get_text (recipe, key);
  char **words = text != NULL ? g_strsplit (text, separator, -1) : NULL;

  for (char **word = words; word != NULL && *word != NULL; word++)
    g_strstrip (*word);
  return words;
}

static char **
seg_dataset_options_get_words (GKeyFile *recipe, const char *key)
{
  return seg_dataset_options_get_list (recipe, key, ",");
}

static gboolean
seg_dataset_options_get_number (GKeyFile *recipe, const char *key, double minimum, double maximum,
                                double *value, GError **error)
{
  g_autofree char *text = seg_dataset_options_get_text (recipe, key);
  char *end;

  if (text == NULL)
    return TRUE;
  *value = g_ascii_strtod (text, &end);
  if (*end == '\0' && *value >= minimum && *value <= maximum)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data]: \"%s\" cannot be %s (%g to %g)", key,
               text, minimum, maximum);
  return FALSE;
}

static gboolean
seg_dataset_options_get_int (GKeyFile *recipe, const char *key, gint maximum, gint *value,
                             GError **error)
{
  double number = *value;

  if (!seg_dataset_options_get_number (recipe, key, 0, maximum, &number, error))
    return FALSE;
  *value = (gint) number;
  return TRUE;
}

static gboolean
seg_dataset_options_get_objects (SegDatasetOptions *self, GKeyFile *recipe, GError **error)
{
  GError *failure = NULL;

  if (!g_key_file_has_key (recipe, "data", "objects", NULL))
    return TRUE;
  self->objects = g_key_file_get_boolean (recipe, "data", "objects", &failure);
  if (failure == NULL)
    return TRUE;
  g_clear_error (&failure);
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data]: \"objects\" is true or false");
  return FALSE;
}

static void
seg_oversampling_clear (gpointer data)
{
  g_free (((SegOversampling *) data)->names);
}

/* "*_bf: 6, *_color: 2". */
static gboolean
seg_dataset_options_get_oversample (SegDatasetOptions *self, GKeyFile *recipe, GError **error)
{
  g_auto (GStrv) words = seg_dataset_options_get_words (recipe, "oversample");

  if (words == NULL)
    return TRUE;
  self->oversample = g_array_new (FALSE, FALSE, sizeof (SegOversampling));
  g_array_set_clear_func (self->oversample, seg_oversampling_clear);
  for (char **word = words; *word != NULL; word++)
    {
      char *colon = strrchr (*word, ':');
      SegOversampling item = { NULL, 0 };
      guint64 n;

      if (colon == NULL || colon == *word
          || !g_ascii_string_to_unsigned (colon + 1 + strspn (colon + 1, " "), 10, 1,
                                          SEG_DATASET_MAX_DRAWS, &n, NULL))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "[data]: \"oversample\" cannot be \"%s\"; it is as *_rare: 4, 1 to %d times",
                       *word, SEG_DATASET_MAX_DRAWS);
          return FALSE;
        }
      item.n_draws = (guint) n;
      item.names = g_strstrip (g_strndup (*word, (gsize) (colon - *word)));
      g_array_append_val (self->oversample, item);
    }
  return TRUE;
}

/* Relations between keys. */
static gboolean
seg_dataset_options_check (SegDatasetOptions *self, GError **error)
{
  if (self->layout != NULL && !g_strv_contains (seg_dataset_layouts, self->layout))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) seg_dataset_layouts);

      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "[data]: \"layout\" cannot be %s; there is %s", self->layout, known);
    }
  else if ((self->images == NULL) != (self->masks == NULL))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data]: \"%s\" is given without \"%s\"",
                 self->images != NULL ? "images" : "masks",
                 self->images != NULL ? "masks" : "images");
  else if (self->images == NULL && (self->image_suffixes != NULL || self->mask_suffix != NULL))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                 "[data]: \"%s\" is given without \"images\" and \"masks\"",
                 self->image_suffixes != NULL ? "image-suffixes" : "mask-suffix");
  else
    return TRUE;
  return FALSE;
}

/**
 * _seg_dataset_options_read: (skip)
 *
 * Errors: `SEG_ERROR_PARAM` for a key that there is not, or a value out of range.
 */
gboolean
_seg_dataset_options_read (SegDatasetOptions *self, GKeyFile *recipe, GError **error)
{
  *self = (SegDatasetOptions){ .validation_share = 0.2, .objects = -1 };
  if (recipe == NULL || !g_key_file_has_group (recipe, "data"))
    return TRUE;
  if (!seg_dataset_options_check_keys (recipe, error))
    return FALSE;
  self->layout = seg_dataset_options_get_text (recipe, "layout");
  self->images = seg_dataset_options_get_words (recipe, "images");
  self->masks = seg_dataset_options_get_text (recipe, "masks");
  self->instances = seg_dataset_options_get_text (recipe, "instances");
  self->image_suffixes = seg_dataset_options_get_words (recipe, "image-suffixes");
  self->mask_suffix = seg_dataset_options_get_text (recipe, "mask-suffix");
  self->lists[SEG_SPLIT_TRAIN] = seg_dataset_options_get_text (recipe, "train");
  self->lists[SEG_SPLIT_VALIDATION] = seg_dataset_options_get_text (recipe, "validation");
  self->lists[SEG_SPLIT_TEST] = seg_dataset_options_get_text (recipe, "test");
  self->validation_names = seg_dataset_options_get_words (recipe, "validation-names");
  self->classes = seg_dataset_options_get_text (recipe, "classes");
  self->class_values = seg_dataset_options_get_list (recipe, "class-values", ";");
  self->ignore = seg_dataset_options_get_text (recipe, "ignore");
  return seg_dataset_options_get_number (recipe, "validation-share", 0, 0.9,
                                         &self->validation_share, error)
         && seg_dataset_options_get_int (recipe, "threshold", G_MAXUINT16, &self->threshold, error)
         && seg_dataset_options_get_int (recipe, "bands", 64, &self->bands, error)
         && seg_dataset_options_get_objects (self, recipe, error)
         && seg_dataset_options_get_oversample (self, recipe, error)
         && seg_dataset_options_check (self, error);
}

void
_seg_dataset_options_clear (SegDatasetOptions *self)
{
  g_free (self->layout);
  g_strfreev (self->images);
  g_free (self->masks);
  g_free (self->instances);
  g_strfreev (self->image_suffixes);
  g_free (self->mask_suffix);
  for (guint i = 0; i < SEG_N_SPLITS; i++)
    g_free (self->lists[i]);
  g_strfreev (self->validation_names);
  g_clear_pointer (&self->oversample, g_array_unref);
  g_free (self->classes);
  g_strfreev (self->class_values);
  g_free (self->ignore);
}
