/* Which class each value of the masks is. */
#include <string.h>

#include "dataset-values.h"

#define SEG_VALUES_MAX_CLASSES 256

static gboolean
seg_value_is_grey (guint32 code)
{
  return (code >> 16 & 0xff) == (code & 0xff) && (code >> 8 & 0xff) == (code & 0xff);
}

/**
 * _seg_dataset_get_code: (skip)
 *
 * Returns: what a mask's @code is compared as
 */
guint32
_seg_dataset_get_code (SegDataset *self, const SegEntry *entry, guint32 code)
{
  if (self->colours && code < entry->n_palette)
    {
      const guint8 *rgb = entry->palette[code];

      code = SEG_MASK_COLOUR | (guint32) (rgb[0] << 16 | rgb[1] << 8 | rgb[2]);
    }
  if (self->greys && (code & SEG_MASK_COLOUR) && seg_value_is_grey (code))
    code &= 0xff;
  return code;
}

/**
 * _seg_dataset_get_target: (skip)
 *
 * Returns: the class of a code of _seg_dataset_get_code(), %SEG_TARGET_IGNORE, or
 *   `SEG_DATASET_UNKNOWN`
 */
guint16
_seg_dataset_get_target (SegDataset *self, guint32 code)
{
  guint known;

  if (!(code & SEG_MASK_COLOUR))
    return self->numbers[code];
  known = GPOINTER_TO_UINT (g_hash_table_lookup (self->colour_classes, GUINT_TO_POINTER (code)));
  return known > 0 ? (guint16) (known - 1) : SEG_DATASET_UNKNOWN;
}

static void
seg_values_set_target (SegDataset *self, guint32 code, guint16 target)
{
  if (code & SEG_MASK_COLOUR)
    g_hash_table_insert (self->colour_classes, GUINT_TO_POINTER (code),
                         GUINT_TO_POINTER ((guint) target + 1));
  else
    self->numbers[code & G_MAXUINT16] = target;
}

/**
 * _seg_dataset_join_values: (skip)
 *
 * Returns: (transfer full) (element-type SegMaskValue): all values there are, by code
 */
GArray *
_seg_dataset_join_values (SegDataset *self)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (SegMaskValue));
  g_autoptr (GHashTable) places = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      for (guint j = 0; j < entry->values->len; j++)
        {
          SegMaskValue value = g_array_index (entry->values, SegMaskValue, j);
          guint known;

          value.code = _seg_dataset_get_code (self, entry, value.code);
          known = GPOINTER_TO_UINT (g_hash_table_lookup (places, GUINT_TO_POINTER (value.code)));
          if (known > 0)
            g_array_index (values, SegMaskValue, known - 1).count += value.count;
          else
            {
              g_array_append_val (values, value);
              g_hash_table_insert (places, GUINT_TO_POINTER (value.code),
                                   GUINT_TO_POINTER (values->len));
            }
        }
    }
  g_array_sort (values, seg_mask_value_compare);
  return values;
}

/* The sample whose mask's palette has the most colours, or NULL. */
static const SegEntry *
seg_values_find_palette (SegDataset *self)
{
  const SegEntry *longest = NULL;

  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      if (longest == NULL || entry->n_palette > longest->n_palette)
        longest = entry;
    }
  return longest;
}

/* Whether all palettes give their numbers the same colours, as far as they go. */
static gboolean
seg_values_palettes_agree (SegDataset *self)
{
  const SegEntry *longest = seg_values_find_palette (self);
  gboolean agree = TRUE;

  for (guint i = 0; i < self->readable->len && agree; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      agree = entry->n_palette == 0
              || memcmp (entry->palette, longest->palette, 3 * entry->n_palette) == 0;
    }
  return agree;
}

static gboolean
seg_classes_have (SegDataset *self, gboolean colours)
{
  for (guint i = 0; i < self->classes->len; i++)
    {
      const SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      for (guint j = 0; j < klass->codes->len; j++)
        if (((g_array_index (klass->codes, guint32, j) & SEG_MASK_COLOUR) != 0) == colours)
          return TRUE;
    }
  return FALSE;
}

/* Whether the table's classes are colours first of all, and numbers, if any, beside. */
static gboolean
seg_classes_are_colours (SegDataset *self)
{
  guint n_colours = 0, n_numbers = 0;

  for (guint i = 0; i < self->classes->len; i++)
    {
      const GArray *codes = ((SegDatasetClass *) g_ptr_array_index (self->classes, i))->codes;
      gboolean is_colour =
          codes->len > 0 && (g_array_index (codes, guint32, 0) & SEG_MASK_COLOUR) != 0;

      n_colours += is_colour;
      n_numbers += codes->len > 0 && !is_colour;
    }
  return n_colours > 0 && n_numbers == 0;
}

static gboolean
seg_values_are_grey (SegDataset *self)
{
  g_autoptr (GArray) values = NULL;
  gboolean grey = TRUE;

  self->greys = FALSE;
  values = _seg_dataset_join_values (self);
  for (guint i = 0; i < values->len; i++)
    {
      guint32 code = g_array_index (values, SegMaskValue, i).code;

      grey &= !(code & SEG_MASK_COLOUR) || seg_value_is_grey (code);
    }
  return grey;
}

static gboolean
seg_classes_have_code (SegDataset *self, guint32 code)
{
  for (guint i = 0; i < self->classes->len; i++)
    {
      const SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      for (guint j = 0; j < klass->codes->len; j++)
        if (g_array_index (klass->codes, guint32, j) == code)
          return TRUE;
    }
  return FALSE;
}

/* Whether the table has all colours that palettes give to the numbers in use. */
static gboolean
seg_values_match_colours (SegDataset *self)
{
  gboolean known = TRUE;

  self->colours = TRUE;
  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      for (guint j = 0; j < entry->values->len && entry->n_palette > 0; j++)
        known &= seg_classes_have_code (
            self, _seg_dataset_get_code (self, entry,
                                         g_array_index (entry->values, SegMaskValue, j).code));
    }
  self->colours = FALSE;
  return known;
}

/* Whether palettes' colours count, and not their numbers. A recipe's class-values say what was
 * found once: which of the two stands first. */
static gboolean
seg_values_find_colours (SegDataset *self)
{
  gboolean is_settled = self->options.class_values != NULL && self->options.classes == NULL;

  if (!seg_values_palettes_agree (self)
      && (seg_classes_have (self, TRUE) || !seg_classes_have (self, FALSE)))
    return TRUE;
  return seg_classes_are_colours (self) && (is_settled || seg_values_match_colours (self));
}

/* A table that has only colours says what numbers mean by its order; or, where these are too
 * large, by their grey. What palettes are read by stays, or comes, first. */
static void
seg_classes_number (SegDataset *self, GArray *values)
{
  gint64 largest = -1;

  for (guint i = 0; i < values->len; i++)
    if (!(g_array_index (values, SegMaskValue, i).code & SEG_MASK_COLOUR))
      largest = MAX (largest, g_array_index (values, SegMaskValue, i).code);
  if (largest < 0 || seg_classes_have (self, FALSE))
    return;
  for (guint i = 0; i < self->classes->len; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);
      guint32 number = largest < self->classes->len ? i : klass->rgb & 0xff;

      if (largest < self->classes->len || seg_value_is_grey (klass->rgb))
        g_array_insert_val (klass->codes, self->colours ? klass->codes->len : 0, number);
    }
}

/* [data] ignore: numbers and colours, or the name of a class, which then is none. */
static gboolean
seg_classes_ignore (SegDataset *self, GError **error)
{
  g_auto (GStrv) values = NULL;

  for (guint i = 0; i < self->classes->len && self->options.ignore != NULL; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      if (!g_str_equal (klass->name, self->options.ignore))
        continue;
      g_array_append_vals (self->ignore, klass->codes->data, klass->codes->len);
      g_ptr_array_remove_index (self->classes, i);
      return TRUE;
    }
  values = g_strsplit (self->options.ignore != NULL ? self->options.ignore : "", ",", -1);
  for (char **value = values; *value != NULL; value++)
    {
      guint32 code;

      if (!_seg_dataset_parse_code (g_strstrip (*value), &code))
        {
          g_set_error (
              error, SEG_ERROR, SEG_ERROR_PARAM,
              "[data]: \"ignore\" cannot be %s; it is a number, a colour or the name of a class",
              *value);
          return FALSE;
        }
      g_array_append_val (self->ignore, code);
    }
  return TRUE;
}

static void
seg_classes_take_palette (SegDataset *self)
{
  const SegEntry *longest = seg_values_find_palette (self);

  for (guint i = 0; i < self->classes->len && longest != NULL && !self->colours; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);
      guint32 code = klass->codes->len > 0 ? g_array_index (klass->codes, guint32, 0) : G_MAXUINT32;

      if (code < longest->n_palette)
        klass->rgb = (guint32) (longest->palette[code][0] << 16 | longest->palette[code][1] << 8
                                | longest->palette[code][2]);
    }
}

static SegDatasetClass *
seg_classes_lookup (SegDataset *self, const char *name)
{
  for (guint i = 0; i < self->classes->len; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      if (strcmp (klass->name, name) == 0)
        return klass;
    }
  return NULL;
}

/* Where the recipe, as that of a model, names all classes that there are, they have its order, and
 * those that no mask has are there, too. Other names are another way to call them. */
static void
seg_classes_order (SegDataset *self, GKeyFile *recipe)
{
  g_auto (GStrv) names =
      recipe != NULL ? g_key_file_get_string_list (recipe, "classes", "names", NULL, NULL) : NULL;

  for (guint i = 0; i < self->classes->len; i++)
    if (names == NULL
        || !g_strv_contains ((const char *const *) names,
                             ((SegDatasetClass *) g_ptr_array_index (self->classes, i))->name))
      return;
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      SegDatasetClass *klass = seg_classes_lookup (self, names[i]);
      guint place;

      if (klass == NULL)
        klass = _seg_dataset_add_class (self, names[i]);
      if (g_ptr_array_find (self->classes, klass, &place) && place > i)
        g_ptr_array_insert (self->classes, (gint) i,
                            g_ptr_array_steal_index (self->classes, place));
    }
}

static gboolean
seg_classes_build (SegDataset *self, GError **error)
{
  if (self->classes->len > SEG_VALUES_MAX_CLASSES)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: has %u classes, more than %u",
                   self->path, self->classes->len, SEG_VALUES_MAX_CLASSES);
      return FALSE;
    }
  for (guint i = 0; i <= G_MAXUINT16; i++)
    self->numbers[i] = self->objects && i > 0 ? 1 : SEG_DATASET_UNKNOWN;
  for (guint i = 0; i < self->classes->len; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      klass->view = (SegClass){ klass->name, (guint8) (klass->rgb >> 16),
                                (guint8) (klass->rgb >> 8), (guint8) klass->rgb };
      for (guint j = 0; j < klass->codes->len; j++)
        seg_values_set_target (self, g_array_index (klass->codes, guint32, j), (guint16) i);
    }
  for (guint j = 0; j < self->ignore->len; j++)
    seg_values_set_target (self, g_array_index (self->ignore, guint32, j), SEG_TARGET_IGNORE);
  return TRUE;
}

/**
 * _seg_dataset_find_classes: (skip)
 *
 * Settles what each value of the masks is, after these have been looked at.
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_FORMAT`, `SEG_ERROR_UNSUPPORTED`, `G_FILE_ERROR`.
 */
gboolean
_seg_dataset_find_classes (SegDataset *self, GKeyFile *recipe, GError **error)
{
  gboolean has_table;

  if (!_seg_dataset_read_classes (self, recipe, error) || !seg_classes_ignore (self, error))
    return FALSE;
  has_table = self->classes->len > 0;
  if (!has_table)
    _seg_dataset_drop_odd_masks (self);
  self->colours = seg_values_find_colours (self);
  self->greys = !(has_table && seg_classes_have (self, TRUE)) && seg_values_are_grey (self);
  if (has_table)
    {
      g_autoptr (GArray) values = _seg_dataset_join_values (self);

      seg_classes_number (self, values);
    }
  else
    _seg_dataset_discover_classes (self);
  if (!has_table || self->options.class_values != NULL)
    seg_classes_take_palette (self);
  if (self->classes->len > 0)
    seg_classes_order (self, recipe);
  if (!seg_classes_build (self, error))
    return FALSE;
  _seg_dataset_count_values (self);
  return TRUE;
}
