/* The kernels of planar rows: convolve, affine, add, maximum. */
#include <math.h>

#include "check.h"

#define MOST_TAPS 4608

/* ---- convolve ---------------------------------------------------------------------------- */

typedef struct
{
  size_t n_taps, n, y_stride;
  int32_t offsets[MOST_TAPS];
  Area weights, shift, x, y;
  const float *origin; /* where the offsets count from, inside x */
} Convolution;

static void
convolution_init (Convolution *self)
{
  Area *areas[] = { &self->weights, &self->shift, &self->x, &self->y };

  for (guint i = 0; i < G_N_ELEMENTS (areas); i++)
    area_init (areas[i]);
}

static void
convolution_randomise (Convolution *self, const SegKernels *kernels, guint round)
{
  static const size_t tap_counts[] = { 0, 1, 9, 144, 288, 4608 };
  size_t channels = (size_t) kernels->conv_channels;
  size_t span = (size_t) g_test_rand_int_range (1, 4000); /* of the offsets */
  size_t before = (size_t) g_test_rand_int_range (0, (gint32) span);

  self->n_taps = round < 2 * G_N_ELEMENTS (tap_counts) ? tap_counts[round / 2]
                                                       : (size_t) g_test_rand_int_range (0, 300);
  self->n = (size_t) (g_test_rand_int_range (0, 6) * kernels->conv_pixels);
  self->y_stride = self->n + (size_t) (round % 2 ? 0 : g_test_rand_int_range (0, 50));

  for (size_t i = 0; i < self->n_taps; i++)
    self->offsets[i] = g_test_rand_int_range (0, (gint32) span) - (gint32) before;
  fill (area_place (&self->weights, self->n_taps * channels), self->n_taps * channels);
  fill (area_place (&self->shift, channels), channels);
  /* the last tap of the last pixel is the last float */
  fill (area_place (&self->x, span - 1 + self->n), span - 1 + self->n);
  self->origin = self->x.data + before;
  area_place (&self->y, (channels - 1) * self->y_stride + self->n);
}

static void
convolution_run (Convolution *self, const SegKernels *kernels)
{
  size_t channels = (size_t) kernels->conv_channels;
  const Area *areas[] = { &self->weights, &self->shift, &self->x, &self->y };

  kernels->convolve (self->n_taps, self->offsets, self->weights.data, self->shift.data,
                     self->origin, self->n, self->y.data, self->y_stride);
  for (guint i = 0; i < G_N_ELEMENTS (areas); i++)
    area_assert_guards (areas[i]);
  for (size_t k = 0; k + 1 < channels; k++)
    assert_untouched (self->y.data + k * self->y_stride + self->n,
                      self->y.data + (k + 1) * self->y_stride);
}

static void
convolution_check (const Convolution *self, const SegKernels *kernels)
{
  size_t channels = (size_t) kernels->conv_channels;

  for (size_t k = 0; k < channels; k++)
    for (size_t j = 0; j < self->n; j++)
      {
        double sum = (double) self->shift.data[k], magnitude = fabs (sum);

        for (size_t i = 0; i < self->n_taps; i++)
          {
            double product = (double) self->weights.data[i * channels + k]
                             * (double) self->origin[self->offsets[i] + (ptrdiff_t) j];
            sum += product;
            magnitude += fabs (product);
          }
        assert_near (self->y.data[k * self->y_stride + j], sum, magnitude, self->n_taps + 2);
      }
}

/* One pixel once more, alone among NaN, in another lane, from memory in another order. */
static void
convolution_check_alone (const Convolution *self, const SegKernels *kernels, Area *x, Area *y)
{
  static int32_t offsets[MOST_TAPS];
  size_t channels = (size_t) kernels->conv_channels, pixels = (size_t) kernels->conv_pixels;
  size_t n_taps = self->n_taps;

  if (self->n == 0)
    return;

  size_t j = (size_t) g_test_rand_int_range (0, (gint32) self->n);
  size_t lane = (size_t) g_test_rand_int_range (0, (gint32) pixels);
  area_place (x, n_taps * pixels);
  area_place (y, channels * pixels);
  for (size_t i = 0; i < n_taps * pixels; i++)
    x->data[i] = NAN;
  for (size_t i = 0; i < n_taps; i++)
    {
      offsets[i] = (int32_t) ((n_taps - 1 - i) * pixels);
      x->data[(size_t) offsets[i] + lane] = self->origin[self->offsets[i] + (ptrdiff_t) j];
    }
  kernels->convolve (n_taps, offsets, self->weights.data, self->shift.data, x->data, pixels,
                     y->data, pixels);
  for (size_t k = 0; k < channels; k++)
    assert_same_bits (y->data[k * pixels + lane], self->y.data[k * self->y_stride + j]);
}

void
test_convolve (gconstpointer data)
{
  static Convolution convolution;
  const SegKernels *kernels = data;
  Area x, y;

  convolution_init (&convolution);
  area_init (&x);
  area_init (&y);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      convolution_randomise (&convolution, kernels, round);
      convolution_run (&convolution, kernels);
      convolution_check (&convolution, kernels);
      convolution_check_alone (&convolution, kernels, &x, &y);
    }
}

/* Taps are added one after the other: in any other order the small one would survive. */
void
test_convolve_order (gconstpointer data)
{
  const SegKernels *kernels = data;
  static const int32_t offsets[] = { 0, SEG_KERNEL_MAX_PIXELS, 2 * SEG_KERNEL_MAX_PIXELS };
  static const float taps[2][3] = { { 0x1p30f, 1.f, -0x1p30f }, { 0x1p30f, -0x1p30f, 1.f } };
  float weights[3 * SEG_KERNEL_MAX_CHANNELS], shift[SEG_KERNEL_MAX_CHANNELS] = { 0 };
  float x[3 * SEG_KERNEL_MAX_PIXELS], y[SEG_KERNEL_MAX_CHANNELS * SEG_KERNEL_MAX_PIXELS];

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    weights[i] = 1.f;
  for (guint order = 0; order < 2; order++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (x); i++)
        x[i] = taps[order][i / SEG_KERNEL_MAX_PIXELS];
      kernels->convolve (3, offsets, weights, shift, x, (size_t) kernels->conv_pixels, y,
                         SEG_KERNEL_MAX_PIXELS);
      for (int k = 0; k < kernels->conv_channels; k++)
        for (int j = 0; j < kernels->conv_pixels; j++)
          g_assert_cmpfloat (y[k * SEG_KERNEL_MAX_PIXELS + j], ==, order == 0 ? 0.f : 1.f);
    }
}

/* ---- runs -------------------------------------------------------------------------------- */

typedef enum
{
  AFFINE,
  ADD,
  MAXIMUM,
} RunKind;

typedef struct
{
  RunKind kind;
  float scale, shift;
} Run;

static void
run_call (const Run *self, const SegKernels *kernels, size_t n, const float *a, const float *b,
          float *y)
{
  switch (self->kind)
    {
    case AFFINE:
      kernels->affine (n, a, self->scale, self->shift, y);
      break;
    case ADD:
      kernels->add (n, a, b, y);
      break;
    case MAXIMUM:
      kernels->maximum (n, a, b, y);
      break;
    }
}

static void
run_check (const Run *self, float a, float b, float y)
{
  double product = (double) a * (double) self->scale;

  switch (self->kind)
    {
    case AFFINE:
      assert_near (y, product + (double) self->shift, fabs (product) + fabs ((double) self->shift),
                   3);
      break;
    case ADD:
      /* a double has room enough that rounding twice is rounding once */
      assert_same_bits (y, (float) ((double) a + (double) b));
      break;
    case MAXIMUM:
      if (isnan (a) || isnan (b))
        g_assert_true (isnan (y));
      else
        g_assert_cmpfloat (y, ==, a > b ? a : b);
      break;
    }
}

static void
test_run (RunKind kind, const SegKernels *kernels)
{
  Area a, b, y, part;

  area_init (&a);
  area_init (&b);
  area_init (&y);
  area_init (&part);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      Run run = { .kind = kind };
      size_t n = random_length (kernels, round), first;

      fill (&run.scale, 1);
      fill (&run.shift, 1);
      fill (area_place (&a, n), n);
      fill (area_place (&b, n), n);
      area_place (&y, n);
      run_call (&run, kernels, n, a.data, b.data, y.data);
      for (size_t i = 0; i < n; i++)
        run_check (&run, a.data[i], b.data[i], y.data[i]);

      /* a part of them again, elsewhere and so in other lanes */
      first = (size_t) g_test_rand_int_range (0, (gint32) n + 1);
      area_place (&part, n - first);
      run_call (&run, kernels, n - first, a.data + first, b.data + first, part.data);
      for (size_t i = first; i < n; i++)
        assert_same_bits (part.data[i - first], y.data[i]);
      area_assert_guards (&part);

      run_call (&run, kernels, n, a.data, b.data, a.data);
      for (size_t i = 0; i < n; i++)
        assert_same_bits (a.data[i], y.data[i]);
      area_assert_guards (&a);
      area_assert_guards (&b);
      area_assert_guards (&y);
    }
}

void
test_affine (gconstpointer data)
{
  test_run (AFFINE, data);
}

void
test_add (gconstpointer data)
{
  test_run (ADD, data);
}

void
test_maximum (gconstpointer data)
{
  test_run (MAXIMUM, data);
}
