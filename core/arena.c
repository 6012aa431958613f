/* Lifetimes to offsets: values that are never alive together share memory. Largest first, each
 * at the lowest place where it meets no neighbour in time (as XNNPACK's and TensorFlow Lite's
 * "greedy by size"; Pisarchyk and Lee 2020, arXiv 2001.03288). */
#include "schedule-private.h"

#include <segkit/memory.h>

static gint
seg_arena_compare_size (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const SegSlot *slots = user_data;
  guint i = *(const guint *) a, j = *(const guint *) b;

  if (slots[i].bytes != slots[j].bytes)
    return slots[i].bytes < slots[j].bytes ? 1 : -1;
  return i < j ? -1 : i > j;
}

static gint
seg_arena_compare_offset (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const SegSlot *slots = user_data;
  gsize i = slots[*(const guint *) a].offset, j = slots[*(const guint *) b].offset;

  return i < j ? -1 : i > j;
}

gboolean
_seg_arena_layout (SegSlot *slots, guint n_slots, gsize *arena_bytes, GError **error)
{
  g_autofree guint *order = g_new (guint, n_slots), *rivals = g_new (guint, n_slots);
  guint n = 0;

  *arena_bytes = 0;
  for (guint i = 0; i < n_slots; i++)
    if (slots[i].bytes > 0)
      order[n++] = i;
  g_qsort_with_data (order, (gint) n, sizeof *order, seg_arena_compare_size, slots);

  for (guint i = 0; i < n; i++)
    {
      SegSlot *slot = &slots[order[i]];
      gsize offset = 0, end;
      guint n_rivals = 0;

      for (guint j = 0; j < i; j++)
        if (slots[order[j]].birth <= slot->death && slot->birth <= slots[order[j]].death)
          rivals[n_rivals++] = order[j];
      g_qsort_with_data (rivals, (gint) n_rivals, sizeof *rivals, seg_arena_compare_offset, slots);
      for (guint j = 0; j < n_rivals && slots[rivals[j]].offset < offset + slot->bytes; j++)
        offset = MAX (offset, slots[rivals[j]].offset + slots[rivals[j]].bytes);

      slot->offset = offset;
      if (__builtin_add_overflow (offset, slot->bytes, &end) || end > G_MAXSSIZE)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                       "the network needs more memory than can be counted");
          return FALSE;
        }
      *arena_bytes = MAX (*arena_bytes, end);
    }
  return TRUE;
}
