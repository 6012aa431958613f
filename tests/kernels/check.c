/* See check.h. */
#include <float.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define GUARD_FLOATS 64
#define GUARD_BYTE 0xa5
#define UNIT 0x1p-24 /* most relative error of one rounding */

void
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

float *
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

void
assert_untouched (const float *from, const float *to)
{
  for (const guchar *byte = (const guchar *) from; byte < (const guchar *) to; byte++)
    g_assert_cmphex (*byte, ==, GUARD_BYTE);
}

void
area_assert_guards (const Area *self)
{
  assert_untouched (MAX (self->first, self->data - GUARD_FLOATS), self->data);
  assert_untouched (self->data + self->n, MIN (self->end, self->data + self->n + GUARD_FLOATS));
}

float
random_float (void)
{
  return (float) g_test_rand_double_range (-1.0, 1.0);
}

static const float specials[] = { 0.f,        -0.f,      1.f,      -1.f,    0x1p-149f,
                                  -0x1p-130f, FLT_MIN,   -FLT_MIN, 0x1p60f, -0x1p60f,
                                  INFINITY,   -INFINITY, NAN };
#define N_FINITE_SPECIALS 10

/* Every other time plain numbers only, otherwise special ones among them, finite or any. */
void
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
void
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
void
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
size_t
random_length (const SegKernels *kernels, guint round)
{
  const size_t lanes = (size_t) kernels->lanes;
  const size_t lengths[] = {
    0, 1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, 3 * lanes + 1, 10007
  };

  return round < G_N_ELEMENTS (lengths) ? lengths[round]
                                        : (size_t) g_test_rand_int_range (0, 40 * kernels->lanes);
}

/* As the kernels promise it: what is no number stays none. */
float
clamp (float x, float lo, float hi)
{
  x = lo > x ? lo : x;
  return hi < x ? hi : x;
}

void
random_clamp (float *lo, float *hi)
{
  static const float limits[][2] = {
    { -INFINITY, INFINITY }, { 0.f, INFINITY }, { 0.f, 6.f }, { -0.5f, 0.5f }, { -INFINITY, 0.25f }
  };
  gint i = g_test_rand_int_range (0, G_N_ELEMENTS (limits));

  *lo = limits[i][0];
  *hi = limits[i][1];
}
