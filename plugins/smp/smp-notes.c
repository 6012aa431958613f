/* segkit.json: what smp has no place for. Optional; of our own making, and made to be edited. */
#include <string.h>

#include "smp.h"

/* The shortest text that reads back as the same float. */
static char *
seg_smp_notes_dup_number (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.1g";

  for (char digits = '1'; digits <= '9'; digits++)
    {
      format[2] = digits;
      g_ascii_formatd (text, sizeof text, format, value);
      if ((float) g_ascii_strtod (text, NULL) == (float) value)
        break;
    }
  return g_strdup (text);
}

/* A list of numbers or of texts into the recipe, whose reader says what is wrong with them. */
static gboolean
seg_smp_notes_take (const char *key, const json_t *list, gboolean numbers, GKeyFile *recipe,
                    const char *group, const char *recipe_key, GError **error)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  gboolean good = json_is_array (list);

  for (gsize i = 0; good && i < json_array_size (list); i++)
    {
      const json_t *item = json_array_get (list, i);

      good = numbers ? json_is_number (item) : json_is_string (item);
      if (good)
        g_ptr_array_add (texts, numbers ? seg_smp_notes_dup_number (json_number_value (item))
                                        : g_strdup (json_string_value (item)));
    }
  if (!good)
    return _seg_smp_json_refuse (SEG_ERROR_FORMAT, key, list,
                                 numbers ? "not a list of numbers" : "not a list of texts", error);
  g_key_file_set_string_list (recipe, group, recipe_key, (const char *const *) texts->pdata,
                              texts->len);
  return TRUE;
}

static const struct
{
  const char *key;
  gboolean numbers;
  const char *group, *recipe_key;
} seg_smp_notes[] = {
  { "mean", TRUE, "input", "mean" },
  { "std", TRUE, "input", "std" },
  { "class_names", FALSE, "classes", "names" },
  { "class_colors", FALSE, "classes", "colors" },
};

gboolean
_seg_smp_notes_read (const json_t *root, GKeyFile *recipe, GError **error)
{
  const char *key;
  json_t *value;

  json_object_foreach ((json_t *) root, key, value)
    {
      guint i = 0;

      while (i < G_N_ELEMENTS (seg_smp_notes) && strcmp (key, seg_smp_notes[i].key) != 0)
        i++;
      if (i == G_N_ELEMENTS (seg_smp_notes))
        return _seg_smp_json_refuse (SEG_ERROR_FORMAT, key, value, "unknown key", error);
      if (!seg_smp_notes_take (key, value, seg_smp_notes[i].numbers, recipe,
                               seg_smp_notes[i].group, seg_smp_notes[i].recipe_key, error))
        return FALSE;
    }
  return TRUE;
}

json_t *
_seg_smp_notes_to_json (SegModel *model)
{
  json_t *mean = json_array (), *std = json_array ();
  json_t *names = json_array (), *colors = json_array ();

  for (guint i = 0; i < seg_model_get_n_channels (model); i++)
    {
      json_array_append_new (mean, json_real ((double) seg_model_get_mean (model)[i]));
      json_array_append_new (std, json_real ((double) seg_model_get_std (model)[i]));
    }
  for (guint i = 0; i < seg_model_get_n_classes (model); i++)
    {
      const SegClass *class = seg_model_get_class (model, i);
      g_autofree char *color
          = g_strdup_printf ("#%02x%02x%02x", class->red, class->green, class->blue);

      json_array_append_new (names, json_string (class->name));
      json_array_append_new (colors, json_string (color));
    }
  return json_pack ("{s:o, s:o, s:o, s:o}", "mean", mean, "std", std, "class_names", names,
                    "class_colors", colors);
}
