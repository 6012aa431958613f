#include <segkit/labels.h>

#include <math.h>
#include <string.h>

/* Pixels looked at together: their best values so far stay in the first-level cache while one
 * channel after the other goes over them. */
#define SEG_LABELS_RUN 1024

/* Where a channel is greater than the best so far, its class is the label. Beside numbers that
 * are not any, any number is great. */
static inline void
seg_labels_take (guint8 class, const float *v, gsize stride, gsize n, float *best, guint8 *labels)
{
  for (gsize i = 0; i < n; i++)
    {
      float value = v[i * stride];
      gboolean better = value > best[i] || (best[i] != best[i] && value == value);
      best[i] = better ? value : best[i];
      labels[i] = better ? class : labels[i];
    }
}

/* The labels of @n pixels from column @x on. */
static void
seg_labels_find_greatest (const SegView *logits, gint64 sample, gint64 y, gint64 x, gsize n,
                          guint8 *labels)
{
  float best[SEG_LABELS_RUN];

  memset (labels, 0, n);
  for (gsize i = 0; i < n; i++)
    best[i] = NAN;
  for (guint b = 0; b < logits->n_blocks; b++)
    {
      const SegChannelBlock *block = &logits->blocks[b];
      const float *v = seg_view_at (logits, b, sample, y, x);

      for (gint32 c = 0; c < block->n_channels; c++)
        {
          guint8 class = (guint8) (block->channel + c);
          if (block->lanes == 1) /* a constant stride, for the vectoriser */
            seg_labels_take (class, v, 1, n, best, labels);
          else
            seg_labels_take (class, v + c, (gsize) block->lanes, n, best, labels);
        }
    }
}

/**
 * seg_labels_from_logits: (skip)
 * @logits: what a network gives, at most 256 channels
 * @sample: which map of the batch
 * @y: which row
 * @labels: (out caller-allocates): a class for each column of the view's valid rectangle
 *
 * Decides on the classes of one row: the channel with the greatest logit, the first of equals;
 * with one channel, class 1 where it is above zero and class 0 elsewhere. NaN never wins: a
 * pixel that is NaN in all channels is of class 0.
 * Threads: any.
 */
void
seg_labels_from_logits (const SegView *logits, gint64 sample, gint64 y, guint8 *labels)
{
  const SegRect *valid = &logits->valid;

  g_return_if_fail (logits->shape.c <= 256);

  if (logits->shape.c == 1)
    {
      const float *v = seg_view_at (logits, 0, sample, y, valid->x);
      for (gint64 i = 0; i < valid->w; i++)
        labels[i] = v[i * logits->blocks[0].lanes] > 0.f;
      return;
    }
  for (gint64 i = 0; i < valid->w; i += SEG_LABELS_RUN)
    seg_labels_find_greatest (logits, sample, y, valid->x + i,
                              (gsize) MIN (valid->w - i, SEG_LABELS_RUN), labels + i);
}
