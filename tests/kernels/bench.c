/* How fast each kernel is at each level, and how exact Winograd's are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

#define BENCH_PIXELS 288

/* A product of so many pixels and channels, in runs of one vector; a row of so many tiles. */
#define BENCH_PRODUCT_PIXELS 48
#define BENCH_CHANNELS 256
#define BENCH_TILES 12
#define BENCH_PLANE (BENCH_TILES * 16 + 16)

#define BENCH_FLOATS 262144

typedef struct
{
  const SegKernels *kernels;
  const float *runs[BENCH_CHANNELS];
  int32_t n_terms[BENCH_CHANNELS];
  float *weights, *shift, *x, *y;
  const float *in[6];
  float *out[4];
  int far;
} Bench;

static double
bench_affine (Bench *self)
{
  self->kernels->affine (BENCH_PIXELS, self->x, 1.5f, 0.5f, self->y);
  return 2 * 4.0 * BENCH_PIXELS;
}

static double
bench_add (Bench *self)
{
  self->kernels->add (BENCH_PIXELS, self->x, self->x + BENCH_PIXELS, self->y);
  return 3 * 4.0 * BENCH_PIXELS;
}

static double
bench_maximum (Bench *self)
{
  self->kernels->maximum (BENCH_PIXELS, self->x, self->x + BENCH_PIXELS, self->y);
  return 3 * 4.0 * BENCH_PIXELS;
}

static double
bench_any_product (Bench *self, void (*kernel) (const SegKernelProduct *), size_t n_vectors,
                   size_t n_pixels, size_t x_step)
{
  size_t lanes = (size_t) self->kernels->lanes, n_runs = BENCH_CHANNELS / lanes;
  SegKernelProduct call = {
    .n_runs = n_runs,
    .x = self->runs,
    .n_terms = self->n_terms,
    .x_step = x_step,
    .weights = self->weights,
    .init = self->shift,
    .n_vectors = n_vectors,
    .n_pixels = n_pixels,
    .y = self->y,
    .y_step = lanes,
    .y_vector = n_pixels * lanes,
    .next = self->far ? self->weights : NULL,
  };

  for (size_t i = 0; i < n_runs; i++)
    {
      self->runs[i] = self->x + i * BENCH_PRODUCT_PIXELS * lanes;
      self->n_terms[i] = (int32_t) lanes;
    }
  kernel (&call);
  return 2.0 * BENCH_CHANNELS * (double) (n_pixels * n_vectors * lanes);
}

static double
bench_product (Bench *self)
{
  return bench_any_product (self, self->kernels->product, 2, BENCH_PRODUCT_PIXELS, (size_t) self->kernels->lanes);
}

/* What calling for weights costs where they are near. */
static double
bench_product_far (Bench *self)
{
  double n;

  self->far = 1;
  n = bench_product (self);
  self->far = 0;
  return n;
}

static double
bench_product_seven (Bench *self)
{
  return bench_any_product (self, self->kernels->product, 2, 7, (size_t) self->kernels->lanes);
}

static double
bench_product_one (Bench *self)
{
  return bench_any_product (self, self->kernels->product, 1, BENCH_PRODUCT_PIXELS, (size_t) self->kernels->lanes);
}

static double
bench_product_planar (Bench *self)
{
  return bench_any_product (self, self->kernels->product, 2, BENCH_PRODUCT_PIXELS, 1);
}

static double
bench_product_stride (Bench *self)
{
  return bench_any_product (self, self->kernels->product, 2, BENCH_PRODUCT_PIXELS, 2 * (size_t) self->kernels->lanes);
}

static double
bench_narrow (Bench *self)
{
  return bench_any_product (self, self->kernels->narrow, 3, BENCH_PRODUCT_PIXELS,
                            (size_t) self->kernels->lanes)
         * SEG_KERNEL_NARROW_GRAIN / self->kernels->lanes;
}

static double
bench_winograd2_input (Bench *self)
{
  self->kernels->winograd2_input (self->in, BENCH_TILES, NULL, self->y, BENCH_PLANE);
  return 4.0 * (8 + 16) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd2_output (Bench *self)
{
  self->kernels->winograd2_output (self->y, BENCH_PLANE, BENCH_TILES, self->shift, NULL, 0.f,
                                   INFINITY, self->out);
  return 4.0 * (16 + 4) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd4_input (Bench *self)
{
  self->kernels->winograd4_input (self->in, BENCH_TILES, NULL, self->y, BENCH_PLANE);
  return 4.0 * (24 + 36) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd4_prologue (Bench *self)
{
  SegKernelPrologue prologue = { self->shift, self->shift, 0.f, INFINITY };

  self->kernels->winograd4_input (self->in, BENCH_TILES, &prologue, self->y, BENCH_PLANE);
  return 4.0 * (24 + 36) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd4_output (Bench *self)
{
  self->kernels->winograd4_output (self->y, BENCH_PLANE, BENCH_TILES, self->shift, NULL, 0.f,
                                   INFINITY, self->out);
  return 4.0 * (36 + 16) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_finish (Bench *self)
{
  self->kernels->finish (BENCH_PIXELS, self->x, 0.f, 6.f, self->y);
  return 3 * 4.0 * BENCH_PIXELS;
}

static double
bench_prologue (Bench *self)
{
  SegKernelPrologue prologue = { self->shift, self->shift, 0.f, INFINITY };
  size_t n_pixels = (size_t) (BENCH_PIXELS / self->kernels->lanes);

  self->kernels->prologue (n_pixels, self->x, &prologue, self->y);
  return 2 * 4.0 * BENCH_PIXELS;
}

static double
bench_any_outer (Bench *self, size_t n_vectors)
{
  size_t lanes = (size_t) self->kernels->lanes;
  const float *a = self->x, *b[2] = { self->weights, self->weights + BENCH_PRODUCT_PIXELS * lanes };
  SegKernelOuter call = { .n_runs = 1, .n_terms = BENCH_PRODUCT_PIXELS, .a = &a, .b = b,
                          .a_step = lanes, .b_step = lanes, .n_rows = lanes,
                          .n_vectors = n_vectors, .y = self->y, .y_row = 2 * lanes,
                          .y_vector = lanes };

  self->kernels->outer (&call);
  return 2.0 * BENCH_PRODUCT_PIXELS * (double) (lanes * n_vectors * lanes);
}

static double
bench_outer (Bench *self)
{
  return bench_any_outer (self, 2);
}

static double
bench_outer_one (Bench *self)
{
  return bench_any_outer (self, 1);
}

static double
bench_winograd4_adjoint (Bench *self)
{
  self->kernels->winograd4_adjoint (self->in, BENCH_TILES, self->y, BENCH_PLANE);
  return 4.0 * (16 + 36) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd2_adjoint (Bench *self)
{
  self->kernels->winograd2_adjoint (self->in, BENCH_TILES, self->y, BENCH_PLANE);
  return 4.0 * (4 + 16) * BENCH_TILES * self->kernels->lanes;
}

static double
bench_winograd4_filter (Bench *self)
{
  self->kernels->winograd4_filter (self->x, self->kernels->lanes, self->y, BENCH_PLANE);
  return 4.0 * (9 + 36) * self->kernels->lanes;
}

static double
bench_winograd4_filter_adjoint (Bench *self)
{
  self->kernels->winograd4_filter_adjoint (self->x, BENCH_PLANE, self->y);
  return 4.0 * (9 + 36) * self->kernels->lanes;
}

/* Operations are counted where arithmetic is the limit, else bytes read and written. */
static const struct
{
  const char *name, *unit;
  double (*call) (Bench *bench); /* gives how many of them that was */
} benches[] = {
  { "product, 2 vectors", "GFLOP/s", bench_product },
  { "product, 2 vectors, far", "GFLOP/s", bench_product_far },
  { "product, 2 vectors, 7 pixels", "GFLOP/s", bench_product_seven },
  { "product, 2 vectors, planar", "GFLOP/s", bench_product_planar },
  { "product, 2 vectors, stride 2", "GFLOP/s", bench_product_stride },
  { "product, 1 vector", "GFLOP/s", bench_product_one },
  { "narrow, 12 outputs", "GFLOP/s", bench_narrow },
  { "winograd2_input", "GB/s", bench_winograd2_input },
  { "winograd2_output", "GB/s", bench_winograd2_output },
  { "winograd4_input", "GB/s", bench_winograd4_input },
  { "winograd4_input, prologue", "GB/s", bench_winograd4_prologue },
  { "winograd4_output", "GB/s", bench_winograd4_output },
  { "outer, 2 vectors", "GFLOP/s", bench_outer },
  { "outer, 1 vector", "GFLOP/s", bench_outer_one },
  { "winograd2_adjoint", "GB/s", bench_winograd2_adjoint },
  { "winograd4_adjoint", "GB/s", bench_winograd4_adjoint },
  { "winograd4_filter", "GB/s", bench_winograd4_filter },
  { "winograd4_filter_adjoint", "GB/s", bench_winograd4_filter_adjoint },
  { "finish", "GB/s", bench_finish },
  { "prologue", "GB/s", bench_prologue },
  { "affine", "GB/s", bench_affine },
  { "add", "GB/s", bench_add },
  { "maximum", "GB/s", bench_maximum },
};

/* Of 1e9 a second. The best of many short stretches: what else the machine does only ever slows it
 * down. */
static double
bench_speed (Bench *self, double (*call) (Bench *bench))
{
  double best = 0;

  for (guint stretch = 0; stretch < 40; stretch++)
    {
      gint64 begin = g_get_monotonic_time (), now;
      double work = 0;

      do
        for (guint i = 0; i < 20; i++)
          work += call (self);
      while ((now = g_get_monotonic_time ()) < begin + 2000);
      best = MAX (best, work / (double) (now - begin) * 1e-3);
    }
  return best;
}

static void
bench_errors (const SegKernels *kernels)
{
  for (int n_channels = 16; n_channels <= 1024; n_channels *= 4)
    printf ("%-10s error of %4d channels: F(2×2) %.2e, F(4×4) %.2e\n", kernels->level, n_channels,
            winograd_measure_error (kernels, 2, n_channels),
            winograd_measure_error (kernels, 4, n_channels));
}

/* Begins where a cache line does, as maps and weights of a plan do: a vector of x86-64-v4 that
 * crosses lines costs twice. */
static float *
bench_new (size_t n)
{
  float *new = aligned_alloc (64, n * sizeof *new);

  g_assert_nonnull (new);
  memset (new, 0, n * sizeof *new);
  return new;
}

int
bench_all (void)
{
  static Bench bench;

  bench.weights = bench_new (BENCH_FLOATS);
  bench.shift = bench_new (64);
  bench.x = bench_new (BENCH_FLOATS);
  bench.y = bench_new (BENCH_FLOATS);
  for (int i = 0; i < 6; i++)
    bench.in[i] = bench.x + i * (4 * BENCH_TILES + 2) * 16;
  for (int i = 0; i < 4; i++)
    bench.out[i] = bench.x + i * 4 * BENCH_TILES * 16;
  for (guint level = 0; (bench.kernels = seg_kernels_get_level (level)) != NULL; level++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (benches); i++)
        printf ("%-10s %-28s %7.1f %s\n", bench.kernels->level, benches[i].name,
                bench_speed (&bench, benches[i].call), benches[i].unit);
      bench_errors (bench.kernels);
    }

  free (bench.weights);
  free (bench.shift);
  free (bench.x);
  free (bench.y);
  return 0;
}
