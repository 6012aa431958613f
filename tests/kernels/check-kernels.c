/* Every kernel of every instruction-set level that this processor runs, in the manner of dav1d's
 * checkasm: against a plain reference in double precision, at random and at awkward shapes, with
 * memory around each buffer that must not be touched.
 *
 * check-kernels --bench prints the speed of each instead. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include <segkit/kernels.h>

#define N_ROUNDS 400
#define MOST_FLOATS 262144
#define MOST_TAPS 4608
#define GUARD_FLOATS 64
#define GUARD_BYTE 0xa5
#define UNIT 0x1p-24 /* most relative error of one rounding */

/* ---- memory ------------------------------------------------------------------------------ */

/* Memory between two pages that nobody may touch, and in it a buffer: at the very end, at the
 * very beginning, or at an odd place. The floats around the buffer hold a pattern. */
typedef struct
{
  float *first, *end; /* of what may be touched */
  float *data;
  size_t n;
} Area;

static void
area_init (Area *self)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE), bytes = MOST_FLOATS * sizeof (float);
  char *memory =
      mmap (NULL, bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  g_assert_true (memory != MAP_FAILED);
  g_assert_cmpint (bytes % page, ==, 0);
  g_assert_cmpint (mprotect (memory, page, PROT_NONE), ==, 0);
  g_assert_cmpint (mprotect (memory + page + bytes, page, PROT_NONE), ==, 0);
  self->first = (float *) (gpointer) (memory + page);
  self->end = self->first + MOST_FLOATS;
}

static float *
area_place (Area *self, size_t n)
{
  const size_t shifts[] = { 0, MOST_FLOATS - n, (size_t) g_test_rand_int_range (1, 32) };
  float *from, *to;

  g_assert_cmpuint (n + 32, <=, MOST_FLOATS);
  self->n = n;
  self->data = self->end - n - shifts[g_test_rand_int_range (0, G_N_ELEMENTS (shifts))];
  from = MAX (self->first, self->data - GUARD_FLOATS);
  to = MIN (self->end, self->data + n + GUARD_FLOATS);
  memset (from, GUARD_BYTE, (size_t) ((char *) to - (char *) from));
  return self->data;
}

static void
assert_untouched (const float *from, const float *to)
{
  for (const guchar *byte = (const guchar *) from; byte < (const guchar *) to; byte++)
    g_assert_cmphex (*byte, ==, GUARD_BYTE);
}

static void
area_assert_guards (const Area *self)
{
  assert_untouched (MAX (self->first, self->data - GUARD_FLOATS), self->data);
  assert_untouched (self->data + self->n, MIN (self->end, self->data + self->n + GUARD_FLOATS));
}

/* ---- numbers ----------------------------------------------------------------------------- */

static float
random_float (void)
{
  return (float) g_test_rand_double_range (-1.0, 1.0);
}

static const float specials[] = { 0.f,        -0.f,      1.f,      -1.f,    0x1p-149f,
                                  -0x1p-130f, FLT_MIN,   -FLT_MIN, 0x1p60f, -0x1p60f,
                                  INFINITY,   -INFINITY, NAN };
#define N_FINITE_SPECIALS 10

/* Every other time plain numbers only, otherwise special ones among them, finite or any. */
static void
fill (float *x, size_t n)
{
  gint kind = g_test_rand_int_range (0, 4);
  gint n_specials = kind == 2 ? N_FINITE_SPECIALS : (gint) G_N_ELEMENTS (specials);

  for (size_t i = 0; i < n; i++)
    x[i] = kind >= 2 && g_test_rand_int_range (0, 4) == 0
               ? specials[g_test_rand_int_range (0, n_specials)]
               : random_float ();
}

/* Denormal results may be off by as many of their units as there are roundings. */
static void
assert_near (float value, double reference, double magnitude, size_t n_roundings)
{
  if (isnan (reference))
    g_assert_true (isnan (value));
  else if (isinf (reference))
    g_assert_true ((double) value == reference);
  else
    g_assert_cmpfloat (fabs ((double) value - reference), <=,
                       (double) n_roundings * (UNIT * magnitude + 0x1p-149));
}

/* The payload of a NaN is nobody's business. */
static void
assert_same_bits (float a, float b)
{
  guint32 bits[2];

  if (isnan (a) && isnan (b))
    return;
  memcpy (&bits[0], &a, sizeof a);
  memcpy (&bits[1], &b, sizeof b);
  g_assert_cmphex (bits[0], ==, bits[1]);
}

/* Nothing, one, all around the width of a vector, and anything. */
static size_t
random_length (const SegKernels *kernels, guint round)
{
  const size_t lanes = (size_t) kernels->lanes;
  const size_t lengths[] = {
    0, 1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, 3 * lanes + 1, 10007
  };

  return round < G_N_ELEMENTS (lengths) ? lengths[round]
                                        : (size_t) g_test_rand_int_range (0, 40 * kernels->lanes);
}

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

static void
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
static void
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

static void
test_affine (gconstpointer data)
{
  test_run (AFFINE, data);
}

static void
test_add (gconstpointer data)
{
  test_run (ADD, data);
}

static void
test_maximum (gconstpointer data)
{
  test_run (MAXIMUM, data);
}

/* ---- levels ------------------------------------------------------------------------------ */

static void
test_table (gconstpointer data)
{
  const SegKernels *kernels = data;

  g_assert_true (seg_kernels_lookup (kernels->level) == kernels);
  g_assert_cmpint (kernels->lanes, >=, 1);
  g_assert_cmpint (kernels->conv_channels, >=, 1);
  g_assert_cmpint (kernels->conv_channels, <=, SEG_KERNEL_MAX_CHANNELS);
  g_assert_cmpint (kernels->conv_pixels, <=, SEG_KERNEL_MAX_PIXELS);
  g_assert_cmpint (kernels->conv_pixels, >=, kernels->lanes);
  g_assert_cmpint (kernels->conv_pixels % kernels->lanes, ==, 0);
}

static void
test_lookup (void)
{
  g_assert_cmpstr (seg_kernels_get_level (0)->level, ==, "base");
  g_assert_null (seg_kernels_lookup ("x86-64-v99"));
  g_assert_null (seg_kernels_lookup (""));
}

static void
test_mask_chosen (void)
{
  g_assert_cmpstr (seg_kernels_get ()->level, ==, g_getenv ("SEGKIT_TEST_EXPECTED"));
}

/* In a process of its own: the level may be chosen once for all. */
static void
assert_masked (const char *mask, const char *expected)
{
  g_test_message ("SEGKIT_CPU=%s", mask);
  g_setenv ("SEGKIT_CPU", mask, TRUE);
  g_setenv ("SEGKIT_TEST_EXPECTED", expected, TRUE);
  g_test_trap_subprocess ("/kernels/mask/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_mask (void)
{
  g_autofree char *before = g_strdup (g_getenv ("SEGKIT_CPU"));
  const SegKernels *kernels, *best = NULL;

  for (guint i = 0; (kernels = seg_kernels_get_level (i)) != NULL; i++)
    {
      assert_masked (kernels->level, kernels->level);
      best = kernels;
    }
  assert_masked ("", best->level);
  assert_masked ("x86-64-v99", best->level);

  if (before != NULL)
    g_setenv ("SEGKIT_CPU", before, TRUE);
  else
    g_unsetenv ("SEGKIT_CPU");
}

/* ---- speed ------------------------------------------------------------------------------- */

typedef struct
{
  const SegKernels *kernels;
  const int32_t *offsets;
  float *weights, *shift, *x, *y;
} Bench;

/* A 3×3 convolution of 32 channels from rows of 288 pixels, as long as the cache lasts. */
#define BENCH_TAPS (9 * 32)
#define BENCH_PIXELS 288

static double
bench_convolve (const Bench *self)
{
  self->kernels->convolve (BENCH_TAPS, self->offsets, self->weights, self->shift, self->x,
                           BENCH_PIXELS, self->y, BENCH_PIXELS);
  return 2.0 * BENCH_TAPS * BENCH_PIXELS * self->kernels->conv_channels;
}

static double
bench_affine (const Bench *self)
{
  self->kernels->affine (BENCH_PIXELS, self->x, 1.5f, 0.5f, self->y);
  return 2.0 * BENCH_PIXELS;
}

static double
bench_add (const Bench *self)
{
  self->kernels->add (BENCH_PIXELS, self->x, self->x + BENCH_PIXELS, self->y);
  return BENCH_PIXELS;
}

static double
bench_maximum (const Bench *self)
{
  self->kernels->maximum (BENCH_PIXELS, self->x, self->x + BENCH_PIXELS, self->y);
  return BENCH_PIXELS;
}

static const struct
{
  const char *name;
  double (*call) (const Bench *bench); /* gives how many operations that was */
} benches[] = {
  { "convolve", bench_convolve },
  { "affine", bench_affine },
  { "add", bench_add },
  { "maximum", bench_maximum },
};

/* The best of many short stretches: what else the machine does only ever slows it down. */
static double
bench_gflops (const Bench *self, double (*call) (const Bench *bench))
{
  double best = 0;

  for (guint stretch = 0; stretch < 50; stretch++)
    {
      gint64 begin = g_get_monotonic_time (), now;
      double operations = 0;

      do
        for (guint i = 0; i < 100; i++)
          operations += call (self);
      while ((now = g_get_monotonic_time ()) < begin + 5000);
      best = MAX (best, operations / (double) (now - begin) * 1e-3);
    }
  return best;
}

static int
bench_all (void)
{
  static int32_t offsets[BENCH_TAPS];
  Bench bench = {
    .offsets = offsets,
    .weights = g_new0 (float, BENCH_TAPS * SEG_KERNEL_MAX_CHANNELS),
    .shift = g_new0 (float, SEG_KERNEL_MAX_CHANNELS),
    .x = g_new0 (float, 32 * 3 * BENCH_PIXELS + 2 + SEG_KERNEL_MAX_PIXELS),
    .y = g_new0 (float, BENCH_PIXELS * SEG_KERNEL_MAX_CHANNELS),
  };

  for (int i = 0; i < BENCH_TAPS; i++)
    offsets[i] = i / 3 * BENCH_PIXELS + i % 3;
  for (guint level = 0; (bench.kernels = seg_kernels_get_level (level)) != NULL; level++)
    for (guint i = 0; i < G_N_ELEMENTS (benches); i++)
      printf ("%-10s %-9s %7.1f GFLOP/s\n", bench.kernels->level, benches[i].name,
              bench_gflops (&bench, benches[i].call));

  g_free (bench.weights);
  g_free (bench.shift);
  g_free (bench.x);
  g_free (bench.y);
  return 0;
}

/* ------------------------------------------------------------------------------------------ */

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } of_each_level[] = {
    { "table", test_table },
    { "convolve", test_convolve },
    { "convolve-order", test_convolve_order },
    { "affine", test_affine },
    { "add", test_add },
    { "maximum", test_maximum },
  };
  const SegKernels *kernels;

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench_all ();

  g_test_init (&argc, &argv, NULL);
  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    for (guint i = 0; i < G_N_ELEMENTS (of_each_level); i++)
      {
        g_autofree char *path =
            g_strdup_printf ("/kernels/%s/%s", of_each_level[i].name, kernels->level);
        g_test_add_data_func (path, kernels, of_each_level[i].func);
      }
  g_test_add_func ("/kernels/lookup", test_lookup);
  g_test_add_func ("/kernels/mask", test_mask);
  g_test_add_func ("/kernels/mask/subprocess", test_mask_chosen);
  return g_test_run ();
}
