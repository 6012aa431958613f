/* Classes found in the values of masks, where no table says them:
 *
 * - two: the lower is the background, the other the object; one alone is the object, unless it is 0
 * - numbers from 0 that leave few out: classes; and 255 above them: to be ignored
 * - a few others: classes in the order of their values
 * - more than 64 numbers of 16 bits: objects, each with its own number; not 0 is the object
 * - colours: classes, black first
 *
 * Many greys between 0 and 255 are none of these, but what JPEG or smooth edges leave of two
 * values. */
#include "dataset-values.h"

/* More than any table that was made by hand has. */
#define SEG_VALUES_MAX_FOUND 64
#define SEG_VALUES_MAX_COLOURS 256

static gboolean
seg_value_is_ignored (SegDataset *self, guint32 code)
{
  for (guint i = 0; i < self->ignore->len; i++)
    if (g_array_index (self->ignore, guint32, i) == code)
      return TRUE;
  return FALSE;
}

/* Numbers from 0 that leave few out. */
static gboolean
seg_values_are_dense (GArray *values, guint n)
{
  return n > 0 && g_array_index (values, SegMaskValue, n - 1).code < 2 * n + 8;
}

/* 255, far above other numbers. If these are the background and a few pixels by mistake, it is the
 * object. */
static gboolean
seg_values_end_with_ignored (GArray *values)
{
  guint n = values->len;
  guint64 n_between = 0;

  if (n < 3 || g_array_index (values, SegMaskValue, n - 1).code != 255
      || !seg_values_are_dense (values, n - 1))
    return FALSE;
  for (guint i = 1; i < n - 1; i++)
    n_between += g_array_index (values, SegMaskValue, i).count;
  return n_between > SEG_VALUES_STRAY_PIXELS
         || n_between > g_array_index (values, SegMaskValue, n - 1).count;
}

static void
seg_classes_find_numbers (SegDataset *self, GArray *values)
{
  guint n = values->len;

  if (self->options.ignore == NULL && seg_values_end_with_ignored (values))
    {
      guint32 code = 255;

      g_array_append_val (self->ignore, code);
      n--;
    }
  if (n > 2 && seg_values_are_dense (values, n))
    for (guint32 code = 0; code <= g_array_index (values, SegMaskValue, n - 1).code; code++)
      {
        g_autofree char *name = g_strdup_printf ("class %u", code);

        if (!seg_value_is_ignored (self, code))
          _seg_dataset_class_add_code (_seg_dataset_add_class (self, name), code);
      }
  else
    for (guint i = 0; i < n; i++)
      {
        guint32 code = g_array_index (values, SegMaskValue, i).code;
        g_autofree char *name = g_strdup_printf ("value %u", code);
        gboolean is_object = i > 0 || (n == 1 && code > 0);
        const char *shown = n > 2 ? name : is_object ? "object" : "background";

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

  if (self->options.objects >= 0)
    return self->options.objects;
  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      is_wide |= !entry->is_colour && entry->mask_depth > 8;
    }
  return is_wide && values->len > SEG_VALUES_MAX_FOUND;
}

static void
seg_classes_note_too_many (SegDataset *self, guint n, gboolean are_colours)
{
  const SegEntry *most = NULL;

  for (guint i = 0; i < self->readable->len; i++)
    {
      const SegEntry *entry = g_ptr_array_index (self->readable, i);

      if (most == NULL || entry->values->len > most->values->len)
        most = entry;
    }
  _seg_dataset_add_problem (
      self->problems, TRUE, "too many values", self->path,
      "masks have %u different %s, more than %u classes, and %s alone has %u: they are lossy, have "
      "smooth edges, or number objects ([data] objects = true)",
      n, are_colours ? "colours" : "numbers",
      are_colours ? SEG_VALUES_MAX_COLOURS : SEG_VALUES_MAX_FOUND, most->sample.mask,
      most->values->len);
}

/* More values than classes; more numbers than fit into 8 bits may be objects. */
static gboolean
seg_values_are_many (const SegEntry *entry)
{
  return entry->values->len > (entry->is_colour ? SEG_VALUES_MAX_COLOURS : SEG_VALUES_MAX_FOUND)
         && (entry->is_colour || entry->mask_depth <= 8);
}

/**
 * _seg_dataset_drop_odd_masks: (skip)
 *
 * Where most masks have few values together, one with many is a photograph, or was saved with loss.
 * It is told, and then is as one that cannot be read: classes are what the others have.
 */
void
_seg_dataset_drop_odd_masks (SegDataset *self)
{
  g_autoptr (GArray) values = _seg_dataset_join_values (self), rest = NULL;
  g_autoptr (GPtrArray) all = self->readable;

  self->readable = g_ptr_array_new ();
  for (guint i = 0; i < all->len; i++)
    if (!seg_values_are_many (all->pdata[i]))
      g_ptr_array_add (self->readable, all->pdata[i]);
  rest = _seg_dataset_join_values (self);
  if (self->options.objects > 0 || 2 * self->readable->len <= all->len
      || rest->len > SEG_VALUES_MAX_FOUND / 2 || seg_values_are_lossy (values))
    {
      g_ptr_array_set_size (self->readable, 0);
      g_ptr_array_extend (self->readable, all, NULL, NULL);
    }
  for (guint i = 0; i < all->len && self->readable->len < all->len; i++)
    {
      SegEntry *entry = all->pdata[i];

      if (!seg_values_are_many (entry))
        continue;
      entry->readable = FALSE;
      _seg_dataset_add_problem (
          self->problems, TRUE, "too many values", entry->sample.mask,
          "has %u different %s, and the %u other masks %u together: it is no mask, is lossy, has "
          "smooth edges, or numbers objects ([data] objects = true)",
          entry->values->len, entry->is_colour ? "colours" : "numbers", self->readable->len,
          rest->len)
          ->splits = 1u << entry->split;
    }
}

/**
 * _seg_dataset_discover_classes: (skip)
 *
 * Fills self->classes where there is no table of them.
 */
void
_seg_dataset_discover_classes (SegDataset *self)
{
  g_autoptr (GArray) values = _seg_dataset_join_values (self);
  guint n_colours = 0;

  for (guint i = values->len; i-- > 0;)
    {
      guint32 code = g_array_index (values, SegMaskValue, i).code;

      n_colours += (code & SEG_MASK_COLOUR) != 0;
      if (seg_value_is_ignored (self, code))
        g_array_remove_index (values, i);
    }
  if (n_colours == 0 && seg_values_are_objects (self, values))
    {
      self->objects = TRUE;
      seg_classes_add_two (self, 1);
    }
  else if (n_colours == 0 && seg_values_are_lossy (values))
    seg_classes_add_two (self, 255); /* the others will be called unknown */
  else if (values->len > (n_colours > 0 ? SEG_VALUES_MAX_COLOURS : SEG_VALUES_MAX_FOUND))
    {
      seg_classes_note_too_many (self, values->len, n_colours > 0);
      g_array_set_size (values, 0);
    }
  else if (n_colours > 0)
    seg_classes_find_colours (self, values);
  else
    seg_classes_find_numbers (self, values);
}
