/* How many pixels each class has, and which values are no class. */
#include <stdlib.h>

#include "dataset-values.h"
#include "units.h"

/* Values of one mask that are no class, before it is taken for a damaged one. */
#define SEG_VALUES_MAX_UNKNOWN 16

/**
 * _seg_dataset_dup_code_text: (skip)
 *
 * Returns: (transfer full): what a message calls it
 */
char *
_seg_dataset_dup_code_text (guint32 code)
{
  return code & SEG_MASK_COLOUR ? g_strdup_printf ("the colour #%06x", code & 0xffffff)
                                : g_strdup_printf ("the value %u", code);
}

static void
seg_values_note_unknown (SegDataset *self, SegEntry *entry, const SegMaskValue *first, guint n,
                         guint64 n_pixels)
{
  g_autofree char *value = _seg_dataset_dup_code_text (first->code);
  gint64 x = first->first % entry->sample.width, y = first->first / entry->sample.width;
  SegProblem *problem;

  if (n > SEG_VALUES_MAX_UNKNOWN)
    problem = _seg_dataset_add_problem (
        self->problems, TRUE, "lossy mask", entry->sample.mask,
        "%u values in %" G_GUINT64_FORMAT
        " pixels are no class, the first %s in column %" G_GINT64_FORMAT ", row %" G_GINT64_FORMAT
        ": lossy compression or smooth edges; save masks without, or give [data] threshold",
        n, n_pixels, value, x, y);
  else
    problem = _seg_dataset_add_problem (
        self->problems, TRUE, "unknown value", entry->sample.mask,
        "%s in %" G_GUINT64_FORMAT " pixel%s is no class; the first is in column %" G_GINT64_FORMAT
        ", row %" G_GINT64_FORMAT,
        value, first->count, seg_units_plural (first->count), x, y);
  problem->splits = 1u << entry->split;
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
        guint16 target =
            _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, value->code));

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
  entry->has_unknown = n_unknown > 0;
}

/**
 * _seg_dataset_count_values: (skip)
 *
 * Fills self->counts and self->n_ignored, and notes values that are no class, unless there
 * is no class at all.
 */
void
_seg_dataset_count_values (SegDataset *self)
{
  self->counts = g_new0 (guint64, MAX (self->classes->len, 1));
  for (guint split = 0; split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < self->splits[split]->len; i++)
      {
        SegEntry *entry = _seg_dataset_get_entry (self, split, i);

        if (entry->readable && self->classes->len > 0)
          seg_values_count (self, entry, split == SEG_SPLIT_TRAIN);
        else
          entry->has_unknown = TRUE;
      }
}

/* Adds a mask's pixels to those of its classes, @counts, and all of them to @around of these. */
static void
seg_values_add_shares (SegDataset *self, const SegEntry *entry, guint64 *counts, guint64 *around)
{
  g_autofree gboolean *present = g_new0 (gboolean, self->classes->len);
  guint64 n_pixels = 0;

  for (guint i = 0; i < entry->values->len; i++)
    {
      const SegMaskValue *value = &g_array_index (entry->values, SegMaskValue, i);
      guint16 target =
          _seg_dataset_get_target (self, _seg_dataset_get_code (self, entry, value->code));
      guint64 count = value->count * entry->sample.n_draws;

      if (target >= self->classes->len)
        continue;
      present[target] = TRUE;
      counts[target] += count;
      n_pixels += count;
    }
  for (guint k = 0; k < self->classes->len; k++)
    around[k] += present[k] ? n_pixels : 0;
}

static int
seg_share_compare (const void *a, const void *b)
{
  double first = *(const double *) a, second = *(const double *) b;

  return first < second ? -1 : first > second;
}

/**
 * seg_dataset_get_class_weights:
 * @self: a data set
 * @weights: (out caller-allocates): of each class; 1 for one that no training mask has
 *
 * Weights by which rare classes count as much as others: the median of the shares of all classes
 * over that of the class, where a class's share is taken of the training masks that have it, each
 * as often as an epoch has it.
 * Source: Eigen and Fergus 2015, section 6.3.2 ("median frequency balancing").
 */
void
seg_dataset_get_class_weights (SegDataset *self, float *weights)
{
  guint n = self->classes->len, n_present = 0;
  g_autofree guint64 *counts = g_new0 (guint64, n + 1), *around = g_new0 (guint64, n + 1);
  g_autofree double *shares = g_new0 (double, n + 1), *sorted = g_new0 (double, n + 1);
  double median;

  for (guint i = 0; i < self->splits[SEG_SPLIT_TRAIN]->len; i++)
    {
      SegEntry *entry = _seg_dataset_get_entry (self, SEG_SPLIT_TRAIN, i);

      if (entry->readable)
        seg_values_add_shares (self, entry, counts, around);
    }
  for (guint k = 0; k < n; k++)
    if (counts[k] > 0)
      {
        shares[k] = (double) counts[k] / (double) around[k];
        sorted[n_present++] = shares[k];
      }
  qsort (sorted, n_present, sizeof (double), seg_share_compare);
  median = n_present > 0 ? (sorted[n_present / 2] + sorted[(n_present - 1) / 2]) / 2 : 1;
  for (guint k = 0; k < n; k++)
    weights[k] = shares[k] > 0 ? (float) (median / shares[k]) : 1;
}
