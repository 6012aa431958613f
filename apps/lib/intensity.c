/* What augmentation does to the values of a crop, in this order: blur, contrast, brightness, gamma,
 * noise. Values may leave the range 0…1. */
#include <math.h>

#include <segkit/memory.h>
#include <segkit/random.h>

#include "intensity.h"

/* In deviations. */
#define SEG_INTENSITY_BLUR_REACH 3

/* Sums @n_taps lines, each @stride after the other and the outer ones repeated, into one of @n. */
static void
seg_intensity_blur_plane (float *plane, gint64 h, gint64 w, const float *taps, gint64 reach,
                          float *scratch)
{
  for (gint64 y = 0; y < h; y++)
    {
      float *out = scratch + y * w;

      for (gint64 x = 0; x < w; x++)
        out[x] = taps[0] * plane[y * w + x];
      for (gint64 k = 1; k <= reach; k++)
        {
          const float *above = plane + MAX (y - k, 0) * w, *below = plane + MIN (y + k, h - 1) * w;

          for (gint64 x = 0; x < w; x++)
            out[x] += taps[k] * (above[x] + below[x]);
        }
    }
  for (gint64 y = 0; y < h; y++)
    {
      const float *in = scratch + y * w;
      float *out = plane + y * w;

      for (gint64 x = 0; x < w; x++)
        out[x] = taps[0] * in[x];
      for (gint64 k = 1; k <= reach; k++)
        {
          gint64 first = MIN (k, w), last = MAX (w - k, first);

          for (gint64 x = 0; x < first; x++)
            out[x] += taps[k] * (in[MAX (x - k, 0)] + in[MIN (x + k, w - 1)]);
          for (gint64 x = first; x < last; x++)
            out[x] += taps[k] * (in[x - k] + in[x + k]);
          for (gint64 x = last; x < w; x++)
            out[x] += taps[k] * (in[MAX (x - k, 0)] + in[MIN (x + k, w - 1)]);
        }
    }
}

static gboolean
seg_intensity_blur (float sigma, float *planes, gint64 c, gint64 h, gint64 w, GError **error)
{
  gint64 reach = (gint64) ceilf (SEG_INTENSITY_BLUR_REACH * sigma);
  g_autofree float *taps = g_new (float, (gsize) reach + 1);
  float *scratch = seg_alloc ((gsize) h * (gsize) w, sizeof (float), "blur", error);
  double sum = 0;

  if (scratch == NULL)
    return FALSE;
  for (gint64 k = 0; k <= reach; k++)
    {
      taps[k] = (float) exp (-0.5 * (double) (k * k) / ((double) sigma * (double) sigma));
      sum += (k == 0 ? 1 : 2) * (double) taps[k];
    }
  for (gint64 k = 0; k <= reach; k++)
    taps[k] = (float) ((double) taps[k] / sum);
  for (gint64 i = 0; i < c; i++)
    seg_intensity_blur_plane (planes + i * h * w, h, w, taps, reach, scratch);
  seg_free (scratch);
  return TRUE;
}

static void
seg_intensity_change_contrast (float contrast, float *plane, gsize n)
{
  double sum = 0;
  float mean;

  for (gsize i = 0; i < n; i++)
    sum += plane[i];
  mean = (float) (sum / (double) n);
  for (gsize i = 0; i < n; i++)
    plane[i] = (plane[i] - mean) * contrast + mean;
}

static void
seg_intensity_change_gamma (float gamma, float *plane, gsize n)
{
  float least = plane[0], largest = plane[0];

  for (gsize i = 1; i < n; i++)
    {
      least = MIN (least, plane[i]);
      largest = MAX (largest, plane[i]);
    }
  if (largest > least)
    for (gsize i = 0; i < n; i++)
      plane[i] = powf ((plane[i] - least) / (largest - least), gamma) * (largest - least) + least;
}

static void
seg_intensity_add_noise (float deviation, guint64 seed, guint64 first, float *plane, gsize n)
{
  guint64 stream = seg_random_name_hash ("augmentation.noise.field");
  float noise[256];

  for (gsize i = 0; i < n; i += G_N_ELEMENTS (noise))
    {
      gsize m = MIN (n - i, G_N_ELEMENTS (noise));

      seg_random_normal (seed, stream, first + i, m, noise);
      for (gsize j = 0; j < m; j++)
        plane[i + j] += deviation * noise[j];
    }
}

/**
 * seg_intensity_apply:
 * @draw: what happens to the sample
 * @seed: key
 * @counter: number of the sample since training began
 * @planes: (inout): c planes of h·w values
 * @c: bands
 * @h: rows
 * @w: columns
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_intensity_apply (const SegAugmentationDraw *draw, guint64 seed, guint64 counter, float *planes,
                     gint64 c, gint64 h, gint64 w, GError **error)
{
  gsize n = (gsize) h * (gsize) w;

  if (draw->blur > 0 && !seg_intensity_blur (draw->blur, planes, c, h, w, error))
    return FALSE;
  for (gint64 i = 0; i < c; i++)
    {
      float *plane = planes + (gsize) i * n;

      if (draw->contrast != 1)
        seg_intensity_change_contrast (draw->contrast, plane, n);
      for (gsize j = 0; j < n && draw->brightness != 0; j++)
        plane[j] += draw->brightness;
      if (draw->gamma != 1)
        seg_intensity_change_gamma (draw->gamma, plane, n);
      if (draw->noise > 0)
        seg_intensity_add_noise (draw->noise, seed, (counter * (guint64) c + (guint64) i) * n,
                                 plane, n);
    }
  return TRUE;
}
