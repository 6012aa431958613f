/* What the values of masks mean. Without a table of classes the values themselves are looked at:
 *
 * - two: the lower is the background, the other the object
 * - numbers from 0 that leave few out: classes; and 255 above them: to be ignored
 * - a few others: classes in the order of their values
 * - more than 64 numbers of 16 bits: objects, each with its own number; not 0 is the object
 * - colours: classes, black first
 *
 * Many greys between 0 and 255 are none of these, but what JPEG or smooth edges leave of two
 * values. */
#include <string.h>

#include "dataset-values.h"

/* More than any table that was made by hand has. */
#define SEG_VALUES_MAX_FOUND 64
#define SEG_VALUES_MAX_CLASSES 256
/* Values of one mask that are no class, before it is taken for a damaged one. */
#define SEG_VALUES_MAX_UNKNOWN 16

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

#define SEG_VALUES_FOREACH_ENTRY(self, entry)                                                      \
  for (guint split_ = 0; split_ < SEG_N_SPLITS; split_++)                                          \
    for (guint i_ = 0; i_ < (self)->splits[split_]->len; i_++)                                     \
      if ((entry = g_ptr_array_index ((self)->splits[split_], i_))->readable)

/* All values there are, by code. */
static GArray *
seg_values_join (SegDataset *self)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (SegMaskValue));
  g_autoptr (GHashTable) places = g_hash_table_new (NULL, NULL);
  SegEntry *entry;

  SEG_VALUES_FOREACH_ENTRY (self, entry)
    for (guint i = 0; i < entry->values->len; i++)
      {
        SegMaskValue value = g_array_index (entry->values, SegMaskValue, i);
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
  g_array_sort (values, seg_mask_value_compare);
  return values;
}

/* Whether all palettes give their numbers the same colours, as far as they go. */
static gboolean
seg_values_palettes_agree (SegDataset *self)
{
  SegEntry *longest = NULL, *entry;

  SEG_VALUES_FOREACH_ENTRY (self, entry)
    if (longest == NULL || entry->n_palette > longest->n_palette)
      longest = entry;
  SEG_VALUES_FOREACH_ENTRY (self, entry)
    if (entry->n_palette > 0 && memcmp (entry->palette, longest->palette, 3 * entry->n_palette) != 0)
      return FALSE;
  return TRUE;
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

static gboolean
seg_values_are_grey (SegDataset *self)
{
  g_autoptr (GArray) values = NULL;
  gboolean grey = TRUE;

  self->greys = FALSE;
  values = seg_values_join (self);
  for (guint i = 0; i < values->len; i++)
    {
      guint32 code = g_array_index (values, SegMaskValue, i).code;

      grey &= !(code & SEG_MASK_COLOUR) || seg_value_is_grey (code);
    }
  return grey;
}

/* Whether the table has all colours that palettes give to the numbers in use. */
static gboolean
seg_values_match_colours (SegDataset *self)
{
  gboolean known = TRUE;
  SegEntry *entry;

  self->colours = TRUE;
  SEG_VALUES_FOREACH_ENTRY (self, entry)
    for (guint i = 0; i < entry->values->len && entry->n_palette > 0; i++)
      {
        guint32 code = _seg_dataset_get_code (
            self, entry, g_array_index (entry->values, SegMaskValue, i).code);
        gboolean found = FALSE;

        for (guint j = 0; j < self->classes->len && !found; j++)
          {
            const SegDatasetClass *klass = g_ptr_array_index (self->classes, j);

            for (guint k = 0; k < klass->codes->len; k++)
              found |= g_array_index (klass->codes, guint32, k) == code;
          }
        known &= found;
      }
  self->colours = FALSE;
  return known;
}

/* A table that has only colours says what numbers mean by its order; or, where these are too
 * large, by their grey. */
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

      if (largest < self->classes->len)
        _seg_dataset_class_add_code (klass, i);
      else if (seg_value_is_grey (klass->rgb))
        _seg_dataset_class_add_code (klass, klass->rgb & 0xff);
    }
}

/* Numbers from 0 that leave few out. */
static gboolean
seg_values_are_dense (GArray *values, guint n)
{
  return n > 0 && g_array_index (values, SegMaskValue, n - 1).code < 2 * n + 8;
}

static void
seg_classes_find_numbers (SegDataset *self, GArray *values)
{
  guint n = values->len;

  if (self->options.ignore == NULL && n > 2
      && g_array_index (values, SegMaskValue, n - 1).code == 255
      && seg_values_are_dense (values, n - 1))
    {
      guint32 code = 255;

      g_array_append_val (self->ignore, code);
      n--;
    }
  if (n > 2 && seg_values_are_dense (values, n))
    for (guint32 code = 0; code <= g_array_index (values, SegMaskValue, n - 1).code; code++)
      {
        g_autofree char *name = g_strdup_printf ("class %u", code);

        _seg_dataset_class_add_code (_seg_dataset_add_class (self, name), code);
      }
  else
    for (guint i = 0; i < n; i++)
      {
        guint32 code = g_array_index (values, SegMaskValue, i).code;
        g_autofree char *name = g_strdup_printf ("value %u", code);
        const char *shown = n <= 2 ? (i == 0 ? "background" : "object") : name;

        _seg_dataset_class_add_code (_seg_dataset_add_class (self, shown), code);
      }
}

static void
seg_classes_find_colours (SegDataset *self, GArray *values)
{
  for (guint i = 0; i < values->len; i++)
    {
      guint32 code = g_array_index (values, SegMaskValue, i).code;
      g_autofree char *name = g_strdup_printf ("#%06x", code & 0xffffff);

      _seg_dataset_class_add_code (_seg_dataset_add_class (self, name), code);
    }
}

/* Whether many values, rare ones, lie between 0 and 255. */
static gboolean
seg_values_are_lossy (GArray *values)
{
  guint64 n_pixels = 0, n_ends = 0;

  for (guint i = 0; i < values->len; i++)
    {
      const SegMaskValue *value = &g_array_index (values, SegMaskValue, i);

      if (value->code > 255)
        return FALSE;
      n_pixels += value->count;
      n_ends += value->code < 32 || value->code >= 224 ? value->count : 0;
    }
  return values->len > 8 && g_array_index (values, SegMaskValue, 0).code == 0
         && g_array_index (values, SegMaskValue, values->len - 1).code >= 250
         && (double) n_ends > 0.9 * (double) n_pixels
         && (values->len > SEG_VALUES_MAX_FOUND || !seg_values_are_dense (values, values->len - 1));
}

static void
seg_classes_add_two (SegDataset *self, guint32 object)
{
  _seg_dataset_class_add_code (_seg_dataset_add_class (self, "background"), 0);
  _seg_dataset_class_add_code (_seg_dataset_add_class (self, "object"), object);
}

static gboolean
seg_values_are_objects (SegDataset *self, GArray *values)
{
  gboolean is_wide = FALSE;
  SegEntry *entry;

  if (self->options.objects >= 0)
    return self->options.objects;
  SEG_VALUES_FOREACH_ENTRY (self, entry)
    is_wide |= !entry->is_colour && entry->mask_depth > 8;
  return is_wide && values->len > SEG_VALUES_MAX_FOUND;
}

/* Without a table. */
static void
seg_classes_find (SegDataset *self)
{
  g_autoptr (GArray) values = seg_values_join (self);
  guint n_colours = 0;

  for (guint i = values->len; i-- > 0;)
    {
      guint32 code = g_array_index (values, SegMaskValue, i).code;

      n_colours += (code & SEG_MASK_COLOUR) != 0;
      for (guint j = 0; j < self->ignore->len; j++)
        if (g_array_index (self->ignore, guint32, j) == code)
          {
            g_array_remove_index (values, i);
            break;
          }
    }
  if (n_colours == 0 && seg_values_are_objects (self, values))
    {
      self->objects = TRUE;
      seg_classes_add_two (self, 1);
    }
  else if (n_colours == 0 && seg_values_are_lossy (values))
    seg_classes_add_two (self, 255); /* the others will be called unknown */
  else if (values->len > (n_colours > 0 ? SEG_VALUES_MAX_CLASSES : SEG_VALUES_MAX_FOUND))
    {
      _seg_dataset_add_problem (
          self->problems, TRUE, "too many values", self->path,
          "masks have %u different %s, more than %u classes: they are lossy, have smooth edges, or "
          "number objects ([data] objects = true)",
          values->len, n_colours > 0 ? "colours" : "numbers",
          n_colours > 0 ? SEG_VALUES_MAX_CLASSES : SEG_VALUES_MAX_FOUND);
      g_array_set_size (values, 0);
    }
  else if (n_colours > 0)
    seg_classes_find_colours (self, values);
  else
    seg_classes_find_numbers (self, values);
}

/* [data] ignore: a number, a colour, or the name of a class, which then is none. */
static gboolean
seg_classes_ignore (SegDataset *self, GError **error)
{
  guint32 code;

  for (guint i = 0; i < self->classes->len && self->options.ignore != NULL; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);

      if (!g_str_equal (klass->name, self->options.ignore))
        continue;
      g_array_append_vals (self->ignore, klass->codes->data, klass->codes->len);
      g_ptr_array_remove_index (self->classes, i);
      return TRUE;
    }
  if (self->options.ignore == NULL)
    return TRUE;
  if (!_seg_dataset_parse_code (self->options.ignore, &code))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "[data]: \"ignore\" cannot be %s; it is a number, a colour or the name of a class",
                   self->options.ignore);
      return FALSE;
    }
  g_array_append_val (self->ignore, code);
  return TRUE;
}

static void
seg_classes_take_palette (SegDataset *self)
{
  SegEntry *longest = NULL, *entry;

  SEG_VALUES_FOREACH_ENTRY (self, entry)
    if (longest == NULL || entry->n_palette > longest->n_palette)
      longest = entry;
  for (guint i = 0; i < self->classes->len && longest != NULL && !self->colours; i++)
    {
      SegDatasetClass *klass = g_ptr_array_index (self->classes, i);
      guint32 code = g_array_index (klass->codes, guint32, 0);

      if (code < longest->n_palette)
        klass->rgb = (guint32) (longest->palette[code][0] << 16 | longest->palette[code][1] << 8
                                | longest->palette[code][2]);
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

      klass->view = (SegClass){ klass->name, (guint8) (klass->rgb >> 16), (guint8) (klass->rgb >> 8),
                                (guint8) klass->rgb };
      for (guint j = 0; j < klass->codes->len; j++)
        seg_values_set_target (self, g_array_index (klass->codes, guint32, j), (guint16) i);
    }
  for (guint j = 0; j < self->ignore->len; j++)
    seg_values_set_target (self, g_array_index (self->ignore, guint32, j), SEG_TARGET_IGNORE);
  return TRUE;
}

static char *
seg_value_dup_text (guint32 code)
{
  return code & SEG_MASK_COLOUR ? g_strdup_printf ("the colour #%06x", code & 0xffffff)
                                : g_strdup_printf ("the value %u", code);
}

static void
seg_values_note_unknown (SegDataset *self, SegEntry *entry, const SegMaskValue *first, guint n,
                         guint64 n_pixels)
{
  g_autofree char *value = seg_value_dup_text (first->code);
  gint64 x = first->first % entry->sample.width, y = first->first / entry->sample.width;

  if (n > SEG_VALUES_MAX_UNKNOWN)
    _seg_dataset_add_problem (
        self->problems, TRUE, "lossy mask", entry->sample.mask,
        "%u values in %" G_GUINT64_FORMAT " pixels are no class, the first %s in column %"
        G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
        ": lossy compression or smooth edges; save masks without, or give [data] threshold",
        n, n_pixels, value, x, y);
  else
    _seg_dataset_add_problem (self->problems, TRUE, "unknown value", entry->sample.mask,
                              "%s in %" G_GUINT64_FORMAT
                              " pixels is no class; the first is in column %" G_GINT64_FORMAT
                              ", row %" G_GINT64_FORMAT,
                              value, first->count, x, y);
}

/* Pixels of each class, and values that are none. */
static void
seg_values_count (SegDataset *self, SegEntry *entry, gboolean is_train)
{
  const SegMaskValue *first = NULL;
  guint n_unknown = 0;
  guint64 n_pixels = 0;

  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < entry->values->len; i++)
      {
        const SegMaskValue *value = &g_array_index (entry->values, SegMaskValue, i);
        guint16 target
            = _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, value->code));

        if (pass == 1)
          {
            if (target == SEG_DATASET_UNKNOWN && n_unknown <= SEG_VALUES_MAX_UNKNOWN)
              seg_values_note_unknown (self, entry, value, 1, value->count);
          }
        else if (target == SEG_DATASET_UNKNOWN)
          {
            first = first == NULL || value->first < first->first ? value : first;
            n_unknown++;
            n_pixels += value->count;
          }
        else if (target == SEG_TARGET_IGNORE)
          self->n_ignored += is_train ? value->count : 0;
        else
          self->counts[target] += is_train ? value->count : 0;
      }
  if (n_unknown > SEG_VALUES_MAX_UNKNOWN)
    seg_values_note_unknown (self, entry, first, n_unknown, n_pixels);
  if (n_unknown > 0)
    entry->readable = FALSE;
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
  self->colours = !seg_values_palettes_agree (self)
                  || (has_table && !seg_classes_have (self, FALSE) && seg_values_match_colours (self));
  self->greys = !(has_table && seg_classes_have (self, TRUE)) && seg_values_are_grey (self);
  if (has_table)
    {
      g_autoptr (GArray) values = seg_values_join (self);

      seg_classes_number (self, values);
    }
  else
    {
      seg_classes_find (self);
      seg_classes_take_palette (self);
    }
  if (!seg_classes_build (self, error))
    return FALSE;
  self->counts = g_new0 (guint64, MAX (self->classes->len, 1));
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < self->splits[split]->len; i++)
      {
        SegEntry *entry = _seg_dataset_get_entry (self, split, i);

        if (entry->readable)
          seg_values_count (self, entry, split == SEG_SPLIT_TRAIN);
      }
  return TRUE;
}
