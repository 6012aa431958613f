/* The kernels of planar rows: affine, add, maximum. */
#include <math.h>

#include "check.h"

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
