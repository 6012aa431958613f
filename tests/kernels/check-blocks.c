/* The kernels of channel blocks that go pixel by pixel: product, finish, prologue. */
#include <math.h>
#include <string.h>

#include "check.h"

#define MOST_RUNS 64

/* ---- product ----------------------------------------------------------------------------- */

typedef struct
{
  SegKernelProduct call;
  const float *runs[MOST_RUNS];
  int32_t n_terms[MOST_RUNS];
  size_t n_terms_in_all;
  gboolean narrow;
  size_t n_results; /* vectors of each pixel's */
  Area x, weights, init, y;
} Product;

static void
product_init (Product *self)
{
  Area *areas[] = { &self->x, &self->weights, &self->init, &self->y };

  for (guint i = 0; i < G_N_ELEMENTS (areas); i++)
    area_init (areas[i]);
}

/* Floats from the first that a run reads to the last. */
static size_t
product_span (const SegKernelProduct *call, int32_t n_terms)
{
  return call->n_pixels == 0 || n_terms == 0
             ? 0
             : (call->n_pixels - 1) * call->x_step + (size_t) n_terms;
}

/* Runs anywhere in x, over one another too; the last float of x is the last of a run. */
static void
product_place_runs (Product *self)
{
  SegKernelProduct *call = &self->call;
  size_t most = 0;

  for (size_t i = 0; i < call->n_runs; i++)
    most = MAX (most, product_span (call, self->n_terms[i]));
  fill (area_place (&self->x, most), most);
  for (size_t i = 0; i < call->n_runs; i++)
    {
      size_t spare = most - product_span (call, self->n_terms[i]);

      self->runs[i] = self->x.data + g_test_rand_int_range (0, (gint32) spare + 1);
    }
  call->x = self->runs;
  call->n_terms = self->n_terms;
}

/* Vectors of one pixel side by side, or a row for each, and in both cases room in between. */
static void
product_place_result (SegKernelProduct *call, size_t n_results, size_t lanes, Area *y)
{
  size_t gap = (size_t) g_test_rand_int_range (0, 20);

  if (g_test_rand_bit ())
    {
      call->y_vector = lanes + gap % 2;
      call->y_step = n_results * call->y_vector + gap;
    }
  else
    {
      call->y_step = lanes + gap;
      call->y_vector = call->n_pixels * call->y_step + gap;
    }
  call->y =
      area_place (y, call->n_pixels == 0 ? 0
                                         : (call->n_pixels - 1) * call->y_step
                                               + (n_results - 1) * call->y_vector + lanes);
}

/* How many outputs there are weights for. */
static size_t
product_count_outputs (const Product *self, size_t lanes)
{
  return self->call.n_vectors * (self->narrow ? SEG_KERNEL_NARROW_GRAIN : lanes);
}

/* Some terms, or as many as a block is full of. */
static int32_t
product_random_terms (const Product *self, const SegKernels *kernels, guint round)
{
  gint32 grain = self->narrow ? kernels->lanes / SEG_KERNEL_NARROW_GRAIN : 1;

  return round % 3 == 0 ? g_test_rand_int_range (0, 20 / grain + 1) * grain : kernels->lanes;
}

static void
product_randomise (Product *self, const SegKernels *kernels, guint round)
{
  size_t lanes = (size_t) kernels->lanes, n_outputs;
  const size_t steps[] = { lanes, lanes, 1, 2 * lanes, (size_t) g_test_rand_int_range (1, 70) };
  SegKernelProduct *call = &self->call;

  call->n_vectors = 1 + round % (self->narrow ? 3 : 2);
  n_outputs = product_count_outputs (self, lanes);
  self->n_results = (n_outputs + lanes - 1) / lanes;
  call->n_pixels = round < 120 ? round / 2 : (size_t) g_test_rand_int_range (0, 100);
  call->x_step = steps[g_test_rand_int_range (0, G_N_ELEMENTS (steps))];
  call->n_runs =
      round % 7 == 0 ? (size_t) round % 3 : (size_t) g_test_rand_int_range (1, MOST_RUNS + 1);
  self->n_terms_in_all = 0;
  for (size_t i = 0; i < call->n_runs; i++)
    {
      self->n_terms[i] = product_random_terms (self, kernels, round);
      self->n_terms_in_all += (size_t) self->n_terms[i];
    }
  product_place_runs (self);

  call->weights = area_place (&self->weights, self->n_terms_in_all * n_outputs);
  fill (self->weights.data, self->n_terms_in_all * n_outputs);
  fill (area_place (&self->init, self->n_results * lanes), self->n_results * lanes);
  call->init = g_test_rand_bit () ? self->init.data : NULL;
  call->next = g_test_rand_bit () ? call->weights : NULL;
  product_place_result (call, self->n_results, lanes, &self->y);
}

static void
product_call (const Product *self, const SegKernels *kernels, const SegKernelProduct *call)
{
  (self->narrow ? kernels->narrow : kernels->product) (call);
}

static float
product_get_weight (const Product *self, size_t lanes, size_t term, size_t k)
{
  size_t n_outputs = product_count_outputs (self, lanes), t = lanes / SEG_KERNEL_NARROW_GRAIN;

  return self->call.weights[self->narrow ? (term / t * n_outputs + k) * t + term % t
                                         : term * n_outputs + k];
}

static float
product_get (const SegKernelProduct *call, size_t p, size_t v, size_t l)
{
  return call->y[p * call->y_step + v * call->y_vector + l];
}

/* Everything between the vectors of the result is as it was. */
static void
product_check_untouched (const Product *self, size_t lanes)
{
  static guint8 is_result[MOST_FLOATS];
  const SegKernelProduct *call = &self->call;

  memset (is_result, 0, self->y.n);
  for (size_t p = 0; p < call->n_pixels; p++)
    for (size_t v = 0; v < self->n_results; v++)
      memset (is_result + p * call->y_step + v * call->y_vector, 1, lanes);
  for (size_t i = 0; i < self->y.n; i++)
    if (!is_result[i])
      assert_untouched (self->y.data + i, self->y.data + i + 1);
  area_assert_guards (&self->y);
}

/* One output of one pixel. */
static void
product_check_sum (const Product *self, size_t lanes, size_t p, size_t k)
{
  const SegKernelProduct *call = &self->call;
  double sum = call->init != NULL ? (double) call->init[k] : 0, magnitude = fabs (sum);
  size_t n_outputs = product_count_outputs (self, lanes), term = 0;

  for (size_t i = 0; i < call->n_runs && k < n_outputs; i++)
    for (int32_t j = 0; j < call->n_terms[i]; j++, term++)
      {
        double product = (double) call->x[i][p * call->x_step + (size_t) j]
                         * (double) product_get_weight (self, lanes, term, k);

        sum += product;
        magnitude += fabs (product);
      }
  assert_near (product_get (call, p, k / lanes, k % lanes), sum, magnitude,
               self->n_terms_in_all + 2);
}

static void
product_check (const Product *self, size_t lanes)
{
  for (size_t p = 0; p < self->call.n_pixels; p++)
    for (size_t k = 0; k < self->n_results * lanes; k++)
      product_check_sum (self, lanes, p, k);
}

/* Some of the pixels again, from copies of their runs that lie further apart: the same bits. */
static void
product_check_part (const Product *self, const SegKernels *kernels, Area *x, Area *y)
{
  const float *runs[MOST_RUNS];
  SegKernelProduct call = self->call;
  size_t lanes = (size_t) kernels->lanes;
  size_t first = (size_t) g_test_rand_int_range (0, (gint32) call.n_pixels + 1), span = 0;
  float *to;

  call.n_pixels = (size_t) g_test_rand_int_range (0, (gint32) (call.n_pixels - first) + 1);
  call.x_step = g_test_rand_bit () ? MAX (lanes, 20) : 37;
  for (size_t i = 0; i < call.n_runs; i++)
    span += call.n_terms[i] > 0 ? call.n_pixels * call.x_step : 0;
  to = area_place (x, span);
  for (size_t i = 0; i < call.n_runs; i++)
    {
      runs[i] = to;
      if (call.n_terms[i] == 0)
        continue;
      for (size_t p = 0; p < call.n_pixels; p++, to += call.x_step)
        memcpy (to, self->call.x[i] + (first + p) * self->call.x_step,
                (size_t) call.n_terms[i] * sizeof *to);
    }
  call.x = runs;
  product_place_result (&call, self->n_results, lanes, y);
  product_call (self, kernels, &call);
  for (size_t p = 0; p < call.n_pixels; p++)
    for (size_t v = 0; v < self->n_results; v++)
      for (size_t l = 0; l < lanes; l++)
        assert_same_bits (product_get (&call, p, v, l), product_get (&self->call, first + p, v, l));
}

static void
check_product (const SegKernels *kernels, gboolean narrow)
{
  static Product product;
  size_t lanes = (size_t) kernels->lanes;
  Area x, y;

  product_init (&product);
  product.narrow = narrow;
  area_init (&x);
  area_init (&y);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      product_randomise (&product, kernels, round);
      product_call (&product, kernels, &product.call);
      area_assert_guards (&product.x);
      area_assert_guards (&product.weights);
      area_assert_guards (&product.init);
      product_check_untouched (&product, lanes);
      product_check (&product, lanes);
      product_check_part (&product, kernels, &x, &y);
    }
}

void
test_product (gconstpointer kernels)
{
  check_product (kernels, FALSE);
}

void
test_narrow (gconstpointer kernels)
{
  check_product (kernels, TRUE);
}

/* Terms are added one after the other, over runs too: in any other order the small one would
 * survive. */
void
test_product_order (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  static const float terms[2][4] = { { 0x1p30f, 1.f, -0x1p30f, 0.f },
                                     { 0x1p30f, -0x1p30f, 1.f, 0.f } };
  static const int32_t n_terms[] = { 1, 2, 1 };
  float weights[4 * 2 * 16], y[50 * 2 * 16];

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    weights[i] = 1.f;
  for (size_t n_pixels = 1; n_pixels <= 50; n_pixels++)
    for (guint order = 0; order < 2; order++)
      for (size_t n_vectors = 1; n_vectors <= 2; n_vectors++)
        {
          float x[3][50 * 2];
          const float *runs[] = { x[0], x[1], x[2] };
          SegKernelProduct call = {
            .n_runs = 3,
            .x = runs,
            .n_terms = n_terms,
            .x_step = 2,
            .weights = weights,
            .n_vectors = n_vectors,
            .n_pixels = n_pixels,
            .y = y,
            .y_step = n_vectors * lanes,
            .y_vector = lanes,
          };

          for (size_t p = 0; p < n_pixels; p++)
            {
              x[0][2 * p] = terms[order][0];
              x[1][2 * p] = terms[order][1];
              x[1][2 * p + 1] = terms[order][2];
              x[2][2 * p] = terms[order][3];
            }
          kernels->product (&call);
          for (size_t i = 0; i < n_pixels * n_vectors * lanes; i++)
            g_assert_cmpfloat (y[i], ==, order == 0 ? 0.f : 1.f);
        }
}

/* ---- finish and prologue ----------------------------------------------------------------- */

void
test_finish (gconstpointer data)
{
  const SegKernels *kernels = data;
  Area add, y, part;

  area_init (&add);
  area_init (&y);
  area_init (&part);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n = random_length (kernels, round);
      size_t first = (size_t) g_test_rand_int_range (0, (gint32) n + 1);
      gboolean is_sum = g_test_rand_bit ();
      g_autofree float *before = g_new (float, n + 1);
      float lo, hi;

      random_clamp (&lo, &hi);
      fill (area_place (&add, n), n);
      fill (area_place (&y, n), n);
      memcpy (before, y.data, n * sizeof *before);
      area_place (&part, n - first);
      memcpy (part.data, y.data + first, (n - first) * sizeof *before);

      kernels->finish (n, is_sum ? add.data : NULL, lo, hi, y.data);
      for (size_t i = 0; i < n; i++)
        assert_same_bits (
            y.data[i],
            clamp (is_sum ? (float) ((double) before[i] + (double) add.data[i]) : before[i], lo,
                   hi));
      /* a part of them again, elsewhere and so in other lanes */
      kernels->finish (n - first, is_sum ? add.data + first : NULL, lo, hi, part.data);
      for (size_t i = first; i < n; i++)
        assert_same_bits (part.data[i - first], y.data[i]);
      area_assert_guards (&add);
      area_assert_guards (&y);
      area_assert_guards (&part);
    }
}

void
test_prologue (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area scale, shift, x, y;

  area_init (&scale);
  area_init (&shift);
  area_init (&x);
  area_init (&y);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n_pixels = round < 10 ? round : (size_t) g_test_rand_int_range (0, 60);
      size_t n = n_pixels * lanes;
      SegKernelPrologue prologue;

      random_clamp (&prologue.lo, &prologue.hi);
      fill (area_place (&scale, lanes), lanes);
      fill (area_place (&shift, lanes), lanes);
      prologue.scale = scale.data;
      prologue.shift = shift.data;
      fill (area_place (&x, n), n);
      area_place (&y, n);
      kernels->prologue (n_pixels, x.data, &prologue, y.data);
      for (size_t i = 0; i < n; i++)
        {
          double product = (double) x.data[i] * (double) scale.data[i % lanes];
          double term = (double) shift.data[i % lanes], sum = product + term;

          sum = (double) prologue.lo > sum ? (double) prologue.lo : sum;
          sum = (double) prologue.hi < sum ? (double) prologue.hi : sum;
          assert_near (y.data[i], sum, fabs (product) + fabs (term), 3);
        }
      area_assert_guards (&scale);
      area_assert_guards (&shift);
      area_assert_guards (&y);

      kernels->prologue (n_pixels, x.data, &prologue, x.data);
      for (size_t i = 0; i < n; i++)
        assert_same_bits (x.data[i], y.data[i]);
      area_assert_guards (&x);
    }
}
