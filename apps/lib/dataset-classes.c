/* Tables of classes: the recipe's group [data.classes], its key class-values, a file classes.csv,
 * or nnU-Net's dataset.json. */
#include <string.h>

#include <jansson.h>

#include "dataset-values.h"

/* PASCAL VOC's colours: the bits of the number, spread over red, green and blue. */
static guint32
seg_classes_get_default_colour (guint i)
{
  guint32 rgb = 0;

  for (guint bit = 0; bit < 8; bit++, i >>= 3)
    rgb |= ((i & 1) << 16 | (i >> 1 & 1) << 8 | (i >> 2 & 1)) << (7 - bit);
  return rgb;
}

SegDatasetClass *
_seg_dataset_add_class (SegDataset *self, const char *name)
{
  SegDatasetClass *klass = g_new0 (SegDatasetClass, 1);

  klass->name = g_strdup (name);
  klass->codes = g_array_new (FALSE, FALSE, sizeof (guint32));
  klass->rgb = seg_classes_get_default_colour (self->classes->len);
  g_ptr_array_add (self->classes, klass);
  return klass;
}

void
_seg_dataset_class_add_code (SegDatasetClass *klass, guint32 code)
{
  g_array_append_val (klass->codes, code);
  if (code & SEG_MASK_COLOUR)
    klass->rgb = code & 0xffffff;
}

/* "7", "#80ff00" or "128 255 0". */
gboolean
_seg_dataset_parse_code (const char *text, guint32 *code)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  guint64 numbers[3], hex;
  guint n = 0;

  if (*text == '#')
    {
      if (strlen (text) != 7 || !g_ascii_string_to_unsigned (text + 1, 16, 0, 0xffffff, &hex, NULL))
        return FALSE;
      *code = SEG_MASK_COLOUR | (guint32) hex;
      return TRUE;
    }
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0'
        && (n == 3 || !g_ascii_string_to_unsigned (*word, 10, 0, G_MAXUINT16, &numbers[n++], NULL)))
      return FALSE;
  if (n == 1)
    *code = (guint32) numbers[0];
  else if (n == 3 && numbers[0] < 256 && numbers[1] < 256 && numbers[2] < 256)
    *code = SEG_MASK_COLOUR | (guint32) (numbers[0] << 16 | numbers[1] << 8 | numbers[2]);
  else
    return FALSE;
  return TRUE;
}

static gboolean
seg_class_has_number (const SegDatasetClass *self)
{
  gboolean has = FALSE;

  for (guint i = 0; i < self->codes->len; i++)
    has |= !(g_array_index (self->codes, guint32, i) & SEG_MASK_COLOUR);
  return has;
}

/* A value is of one class. Two may be drawn in one colour, as "unlabelled" and "own car" are black
 * in many a table, where numbers tell them apart. */
static gboolean
seg_classes_check_values (SegDataset *self, SegError code, const char *place, GError **error)
{
  g_autoptr (GHashTable) owners = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < self->classes->len; i++)
    {
      const SegDatasetClass *klass = g_ptr_array_index (self->classes, i), *other;

      for (guint j = 0; j < klass->codes->len; j++)
        {
          guint32 value = g_array_index (klass->codes, guint32, j);
          gboolean is_drawn = (value & SEG_MASK_COLOUR) && seg_class_has_number (klass);
          g_autofree char *text = _seg_dataset_dup_code_text (value);

          other = g_hash_table_lookup (owners, GUINT_TO_POINTER (value));
          g_hash_table_insert (owners, GUINT_TO_POINTER (value), (gpointer) klass);
          if (other == NULL || other == klass || (is_drawn && seg_class_has_number (other)))
            continue;
          g_set_error (error, SEG_ERROR, code, "%s: %s is of two classes, \"%s\" and \"%s\"", place,
                       text, other->name, klass->name);
          return FALSE;
        }
    }
  return TRUE;
}

/* "1, 2": what masks have for a class. */
static gboolean
seg_class_read_values (SegDatasetClass *klass, const char *place, const char *text, GError **error)
{
  g_auto (GStrv) values = g_strsplit (text, ",", -1);

  for (char **value = values; *value != NULL; value++)
    {
      guint32 code;

      if (!_seg_dataset_parse_code (g_strstrip (*value), &code))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "[%s]: \"%s\" cannot be %s; a value is a number, as 7, or a colour, as "
                       "#80ff00 or 128 255 0",
                       place, klass->name, *value);
          return FALSE;
        }
      _seg_dataset_class_add_code (klass, code);
    }
  return TRUE;
}

static gboolean
seg_classes_check_group (SegDataset *self, GError **error)
{
  if (self->options.class_values == NULL && self->options.classes == NULL)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "[data]: \"%s\" and the group [data.classes] both say what masks have; give one",
               self->options.classes != NULL ? "classes" : "class-values");
  return FALSE;
}

/* [data.classes]: name = value, value, … */
static gboolean
seg_classes_read_group (SegDataset *self, GKeyFile *recipe, GError **error)
{
  g_auto (GStrv) names = g_key_file_get_keys (recipe, "data.classes", NULL, error);

  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++)
    {
      SegDatasetClass *klass = _seg_dataset_add_class (self, *name);
      g_autofree char *text = g_key_file_get_string (recipe, "data.classes", *name, NULL);

      if (!seg_class_read_values (klass, "data.classes", text != NULL ? text : "", error))
        return FALSE;
    }
  return seg_classes_check_values (self, SEG_ERROR_PARAM, "[data.classes]", error);
}

/* [data] class-values: value, value; value: of each class that [classes] names. */
static gboolean
seg_classes_read_values (SegDataset *self, GKeyFile *recipe, GError **error)
{
  gsize n_names = 0;
  g_auto (GStrv) names = g_key_file_get_string_list (recipe, "classes", "names", &n_names, NULL);
  guint n = g_strv_length (self->options.class_values);

  if (names != NULL && n_names != n)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "[data] class-values: has %u %s, and [classes] names %u", n,
                   n == 1 ? "class" : "classes", (guint) n_names);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *number = g_strdup_printf ("class %u", i);
      SegDatasetClass *klass = _seg_dataset_add_class (self, names != NULL ? names[i] : number);

      if (!seg_class_read_values (klass, "data", self->options.class_values[i], error))
        return FALSE;
    }
  return seg_classes_check_values (self, SEG_ERROR_PARAM, "[data] class-values", error);
}

/* A line of a table: name, and number, colour or both; FALSE where it is neither. */
static gboolean
seg_classes_read_line (SegDataset *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit_set (line, ",;\t", -1);
  guint n = g_strv_length (words);
  g_autofree char *rgb = NULL;
  guint32 codes[2];
  guint n_codes = 0;
  SegDatasetClass *klass;

  for (guint i = 0; i < n; i++)
    g_strstrip (words[i]);
  while (n > 0 && *words[n - 1] == '\0')
    n--;
  if (n == 0 || *words[0] == '\0')
    return FALSE;
  if (n == 4 || n == 5)
    rgb = g_strjoin (" ", words[n - 3], words[n - 2], words[n - 1], NULL);
  if ((n == 2 || n == 3 || n == 5) && !_seg_dataset_parse_code (words[1], &codes[n_codes++]))
    return FALSE;
  if (n == 3
      && (!_seg_dataset_parse_code (words[2], &codes[n_codes++])
          || !(codes[n_codes - 1] & SEG_MASK_COLOUR)))
    return FALSE;
  if (rgb != NULL && !_seg_dataset_parse_code (rgb, &codes[n_codes++]))
    return FALSE;
  if (n > 5)
    return FALSE;
  klass = _seg_dataset_add_class (self, words[0]);
  if (n == 1)
    _seg_dataset_class_add_code (klass, self->classes->len - 1);
  for (guint i = 0; i < n_codes; i++)
    _seg_dataset_class_add_code (klass, codes[i]);
  return TRUE;
}

/* The first line may be a heading. */
static gboolean
seg_classes_read_table (SegDataset *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);

      if (*line != '\0' && *line != '#' && !seg_classes_read_line (self, line) && i > 0)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                       "%s: line %u is none of a table of classes: name, then number, colour "
                       "(#80ff00, or red, green, blue) or both",
                       path, i + 1);
          return FALSE;
        }
    }
  return seg_classes_check_values (self, SEG_ERROR_FORMAT, path, error);
}

/* nnU-Net: "labels": { "background": 0, "cell": 1, "ignore": 2 } */
static gboolean
seg_classes_read_nnunet (SegDataset *self, const char *path, GError **error)
{
  json_error_t failure;
  json_t *root = json_load_file (path, 0, &failure), *labels, *label;
  const char *name;
  gboolean valid = TRUE;

  if (root == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: line %d: %s", path, failure.line,
                   failure.text);
      return FALSE;
    }
  labels = json_object_get (root, "labels");
  json_object_foreach (labels, name, label)
  {
    guint32 code = (guint32) json_integer_value (label);

    if (!json_is_integer (label) || json_integer_value (label) < 0
        || json_integer_value (label) > G_MAXUINT16)
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                     "%s: the label \"%s\" is not one number from 0; regions of several are not "
                     "read",
                     path, name);
        valid = FALSE;
        break;
      }
    if (g_str_equal (name, "ignore"))
      g_array_append_val (self->ignore, code);
    else
      _seg_dataset_class_add_code (_seg_dataset_add_class (self, name), code);
  }
  json_decref (root);
  return valid && seg_classes_check_values (self, SEG_ERROR_FORMAT, path, error);
}

/**
 * _seg_dataset_read_classes: (skip)
 *
 * Fills self->classes and self->ignore, if there is a table.
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_FORMAT`, `G_FILE_ERROR`.
 */
gboolean
_seg_dataset_read_classes (SegDataset *self, GKeyFile *recipe, GError **error)
{
  g_autofree char *table = NULL;

  if (recipe != NULL && g_key_file_has_group (recipe, "data.classes"))
    return seg_classes_check_group (self, error) && seg_classes_read_group (self, recipe, error);
  if (self->options.classes == NULL && self->options.class_values != NULL)
    return seg_classes_read_values (self, recipe, error);
  table = _seg_dataset_find_file (self, self->options.classes != NULL ? self->options.classes
                                                                      : "classes.csv");
  if (self->options.classes != NULL && table == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data]: there is no file %s, nor in %s",
                   self->options.classes, self->path);
      return FALSE;
    }
  if (self->options.classes == NULL && table != NULL
      && _seg_dataset_get_inside (self, table) == NULL) /* ours, not the dataset's */
    g_clear_pointer (&table, g_free);
  if (table != NULL)
    return seg_classes_read_table (self, table, error);
  if (g_str_equal (self->layout, "nnunet"))
    {
      g_autofree char *path = g_build_filename (self->path, "dataset.json", NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return seg_classes_read_nnunet (self, path, error);
    }
  return TRUE;
}
