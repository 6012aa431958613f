/* Softmax of some pixels at a time, and the way back through it. */
#include <math.h>
#include <string.h>

#include "losses.h"

/* Below this, exp is as good as zero, and above the largest that a float holds. */
#define SEG_EXP_LEAST -87.f
#define SEG_EXP_MOST 88.f

/* exp x = 2ⁿ · exp r with |r| ≤ ½ log 2, and a polynomial for the latter (Cephes's expf, Moshier
 * 1992): to 2 units in the last place, a vector at a time, and with the same bits everywhere, which
 * libm's has not. NaN stays NaN. */
static inline float
seg_loss_exp_inline (float x)
{
  const float round = 12582912.f; /* 1.5 · 2²³: what is added to it is rounded to a whole number */
  float t, n, r, y, scale;
  guint32 bits;

  x = x < SEG_EXP_LEAST ? SEG_EXP_LEAST : x > SEG_EXP_MOST ? SEG_EXP_MOST : x;
  t = x * 1.44269504088896341f + round;
  n = t - round;
  r = x - n * 0.693359375f - n * -2.12194440e-4f;
  y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.f;

  /* n stands in the lowest bits of t; moved up it is the exponent of 2ⁿ */
  memcpy (&bits, &t, sizeof bits);
  bits = (bits + 127u) << 23;
  memcpy (&scale, &bits, sizeof scale);
  return y * scale;
}

float
seg_loss_exp (float x)
{
  return seg_loss_exp_inline (x);
}

/* Of pixels @first… of a row, as many as there are up to SEG_LOSS_RUN. */
void
seg_loss_run_compute (SegLossRun *self, const SegLossRow *row, gsize first)
{
  guint n = (guint) MIN (SEG_LOSS_RUN, row->n - first);
  float least = row->n_classes == 1 ? 0.f : -INFINITY;

  self->n = n;
  for (guint i = 0; i < n; i++)
    self->max[i] = least;
  for (guint c = 0; c < row->n_classes; c++)
    {
      const float *z = row->logits[c] + first;
#pragma omp simd
      for (guint i = 0; i < n; i++)
        self->max[i] = z[i] > self->max[i] ? z[i] : self->max[i];
    }
#pragma omp simd
  for (guint i = 0; i < n; i++)
    self->sum[i] = row->n_classes == 1 ? seg_loss_exp_inline (-self->max[i]) : 0.f;
  for (guint c = 0; c < row->n_classes; c++)
    {
      const float *z = row->logits[c] + first;
#pragma omp simd
      for (guint i = 0; i < n; i++)
        {
          self->p[c][i] = seg_loss_exp_inline (z[i] - self->max[i]);
          self->sum[i] += self->p[c][i];
        }
    }
  for (guint c = 0; c < row->n_classes; c++)
#pragma omp simd
    for (guint i = 0; i < n; i++)
      self->p[c][i] /= self->sum[i];
}

/* Adds the gradient of logits, from that of probabilities: dz = p (g - Σ p g), for one plane
 * dz = p (1 - p) g. */
void
seg_loss_run_chain (const SegLossRun *self, guint n_planes, gsize first,
                    float (*gradient)[SEG_LOSS_RUN], float *const *dlogits)
{
  float dot[SEG_LOSS_RUN] = { 0 };

  for (guint c = 0; c < n_planes; c++)
    for (guint i = 0; i < self->n; i++)
      dot[i] += self->p[c][i] * gradient[c][i];
  for (guint c = 0; c < n_planes; c++)
    for (guint i = 0; i < self->n; i++)
      dlogits[c][first + i] += self->p[c][i] * (gradient[c][i] - dot[i]);
}
