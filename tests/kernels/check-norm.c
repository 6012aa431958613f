/* The kernels of normalisations, and of the clamp behind one. */
#include <math.h>
#include <string.h>

#include "check.h"

static float *
place_random (Area *area, size_t n)
{
  float *x = area_place (area, n);

  for (size_t i = 0; i < n; i++)
    x[i] = random_float ();
  return x;
}

/* Shut just where the prologue, which makes the same number, clamps it. */
void
test_unclamp (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area scale, shift, x, dy, to;
  Area *areas[] = { &scale, &shift, &x, &dy, &to };

  for (guint i = 0; i < G_N_ELEMENTS (areas); i++)
    area_init (areas[i]);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n_pixels = round < 10 ? round : (size_t) g_test_rand_int_range (0, 60);
      size_t n = n_pixels * lanes;
      g_autofree float *seen = g_new (float, n + 1);
      SegKernelPrologue clamp, open = { NULL, NULL, -INFINITY, INFINITY };

      random_clamp (&clamp.lo, &clamp.hi);
      fill (area_place (&scale, lanes), lanes);
      fill (area_place (&shift, lanes), lanes);
      clamp.scale = open.scale = round % 3 != 0 ? scale.data : NULL;
      clamp.shift = open.shift = shift.data;
      fill (area_place (&x, n), n);
      fill (area_place (&dy, n), n);
      area_place (&to, n);
      if (clamp.scale != NULL)
        kernels->prologue (n_pixels, x.data, &open, seen);
      else
        memcpy (seen, x.data, n * sizeof *seen);

      kernels->unclamp (n_pixels, x.data, &clamp, dy.data, to.data);
      for (size_t i = 0; i < n; i++)
        assert_same_bits (to.data[i],
                          seen[i] <= clamp.lo || seen[i] >= clamp.hi ? 0.f : dy.data[i]);
      for (guint i = 0; i < G_N_ELEMENTS (areas); i++)
        area_assert_guards (areas[i]);
    }
}

static void
assert_sum (double sum, double reference, double magnitude, size_t n)
{
  g_assert_cmpfloat (fabs (sum - reference), <=, 0x1p-52 * (double) (n + 2) * magnitude);
}

void
test_norm_sums (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area x, dy, mean;

  area_init (&x);
  area_init (&dy);
  area_init (&mean);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n = round < 10 ? round : (size_t) g_test_rand_int_range (0, 60);
      double before[SEG_KERNEL_MAX_LANES], sums[4][SEG_KERNEL_MAX_LANES];

      place_random (&x, n * lanes);
      place_random (&dy, n * lanes);
      place_random (&mean, lanes);
      for (size_t l = 0; l < lanes; l++)
        before[l] = (double) random_float ();
      for (guint i = 0; i < G_N_ELEMENTS (sums); i++)
        memcpy (sums[i], before, lanes * sizeof *before);
      kernels->norm_sum (n, x.data, sums[0], sums[1]);
      kernels->norm_sum_gradient (n, x.data, dy.data, mean.data, sums[2], sums[3]);

      for (size_t l = 0; l < lanes; l++)
        {
          double expected[4] = { before[l], before[l], before[l], before[l] };

          for (size_t i = l; i < n * lanes; i += lanes)
            {
              double value = (double) x.data[i], gradient = (double) dy.data[i];

              expected[0] += value;
              expected[1] += value * value;
              expected[2] += gradient;
              expected[3] += gradient * (value - (double) mean.data[l]);
            }
          for (guint i = 0; i < G_N_ELEMENTS (sums); i++)
            assert_sum (sums[i][l], expected[i], 2. * (double) n + 1., n);
        }
    }
}

void
test_norm_gradient (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area x, dy, dx;

  area_init (&x);
  area_init (&dy);
  area_init (&dx);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n_pixels = round < 10 ? round : (size_t) g_test_rand_int_range (0, 60);
      size_t n = n_pixels * lanes;
      g_autofree float *before = g_new (float, n + 1);
      SegKernelNormGradient of;
      gboolean adds = g_test_rand_bit ();

      for (size_t l = 0; l < lanes; l++)
        {
          of.scale[l] = random_float ();
          of.mean[l] = random_float ();
          of.center[l] = random_float ();
          of.slope[l] = random_float ();
        }
      place_random (&x, n);
      place_random (&dy, n);
      memcpy (before, place_random (&dx, n), n * sizeof *before);
      kernels->norm_gradient (n_pixels, &of, x.data, dy.data, adds ? dx.data : NULL, dx.data);
      for (size_t i = 0; i < n; i++)
        {
          size_t l = i % lanes;
          double gradient = (double) of.scale[l] * (double) dy.data[i];
          double from_center = (double) x.data[i] - (double) of.center[l];

          assert_near (dx.data[i],
                       (adds ? (double) before[i] : 0.) + gradient - (double) of.mean[l]
                           - from_center * (double) of.slope[l],
                       6., 6);
        }
      area_assert_guards (&x);
      area_assert_guards (&dy);
      area_assert_guards (&dx);
    }
}
