#include <segkit/probabilities.h>

#include <math.h>

/* Of one channel the logistic function: the probabilities of classes 0 and 1. */
static void
seg_probabilities_from_one (const float *logit, gint32 stride, gint64 n, float *out)
{
  for (gint64 x = 0; x < n; x++)
    {
      float odds = expf (-fabsf (logit[x * stride]));
      float less = odds / (1.f + odds), more = 1.f / (1.f + odds);

      /* a NaN is in both */
      out[2 * x] = logit[x * stride] > 0.f ? less : more;
      out[2 * x + 1] = logit[x * stride] > 0.f ? more : less;
    }
}

static void
seg_probabilities_copy (const SegView *logits, gint64 sample, gint64 y, float *out)
{
  for (guint b = 0; b < logits->n_blocks; b++)
    {
      const SegChannelBlock *block = &logits->blocks[b];
      const float *logit = seg_view_at (logits, b, sample, y, logits->valid.x);

      for (gint64 x = 0; x < logits->valid.w; x++)
        for (gint32 c = 0; c < block->n_channels; c++)
          out[x * logits->shape.c + block->channel + c] = logit[x * block->lanes + c];
    }
}

/* exp (v - greatest) / sum, summed in the order of the channels. Infinite logits share it all: v -
 * greatest would be no number. */
static void
seg_probabilities_normalise (float *values, gint64 n)
{
  float greatest = -INFINITY, sum = 0.f;

  for (gint64 c = 0; c < n; c++)
    greatest = values[c] > greatest ? values[c] : greatest;
  for (gint64 c = 0; c < n; c++)
    sum += values[c] = values[c] == greatest ? 1.f : expf (values[c] - greatest);
  for (gint64 c = 0; c < n; c++)
    values[c] /= sum;
}

/**
 * seg_probabilities_from_logits: (skip)
 * @logits: what a network gives
 * @sample: which map of the batch
 * @y: which row
 * @out: (out caller-allocates): for each column of the view's valid rectangle the probability of
 *   each class, 0…1, class after class
 *
 * The softmax of one row, in float32. There are as many classes as channels; a network of one
 * channel has two classes, and its logit's logistic function is the probability of class 1.
 * A pixel with a logit that is NaN has NaN for all classes. Classes whose logits are +∞ share
 * probability 1 in equal parts; so do all, if all logits are -∞.
 * Threads: any.
 */
void
seg_probabilities_from_logits (const SegView *logits, gint64 sample, gint64 y, float *out)
{
  gint64 n_classes = logits->shape.c;

  if (n_classes == 1)
    {
      seg_probabilities_from_one (seg_view_at (logits, 0, sample, y, logits->valid.x),
                                  logits->blocks[0].lanes, logits->valid.w, out);
      return;
    }
  seg_probabilities_copy (logits, sample, y, out);
  for (gint64 x = 0; x < logits->valid.w; x++)
    seg_probabilities_normalise (out + x * n_classes, n_classes);
}
