/* The kernels of training: sums of outer products, and the transforms that Winograd's convolutions
 * need to go backward. Those are adjoints of others, and are checked as such:
 * ⟨A x, y⟩ = ⟨x, Aᵀ y⟩. */
#include <math.h>
#include <string.h>

#include "check.h"

#define MOST_RUNS 5
#define MOST_TERMS 40
#define MOST_TILES 9

/* ---- outer ------------------------------------------------------------------------------- */

typedef struct
{
  SegKernelOuter call;
  const float *a_runs[MOST_RUNS], *b_runs[2 * MOST_RUNS];
  Area a, b, y;
  float before[2 * 16 * SEG_KERNEL_MAX_LANES]; /* of the result, [row][vector][lane] */
} Outer;

static void
outer_randomise (Outer *self, size_t lanes, guint round)
{
  SegKernelOuter *call = &self->call;
  size_t a_span, b_span;

  call->n_vectors = 1 + round % 2;
  call->n_rows = round < 40 ? round / 2 % (lanes + 1)
                            : (size_t) g_test_rand_int_range (1, (gint32) lanes + 1);
  call->n_runs = (size_t) g_test_rand_int_range (round % 9 != 0, MOST_RUNS + 1);
  call->n_terms = (size_t) g_test_rand_int_range (round % 7 != 0, MOST_TERMS + 1);
  call->a_step = g_test_rand_bit () ? lanes : (size_t) g_test_rand_int_range (1, 40);
  call->b_step = g_test_rand_bit () ? lanes : (size_t) g_test_rand_int_range (1, 40);
  a_span = call->n_terms * call->n_rows == 0
               ? 0
               : (call->n_terms - 1) * call->a_step + call->n_rows;
  b_span = call->n_terms == 0 ? 0 : (call->n_terms - 1) * call->b_step + lanes;
  fill (area_place (&self->a, a_span + 13), a_span + 13);
  fill (area_place (&self->b, b_span + 13), b_span + 13);
  for (size_t i = 0; i < call->n_runs; i++)
    self->a_runs[i] = self->a.data + g_test_rand_int_range (0, 14);
  for (size_t i = 0; i < call->n_vectors * call->n_runs; i++)
    self->b_runs[i] = self->b.data + g_test_rand_int_range (0, 14);
  call->a = self->a_runs;
  call->b = self->b_runs;

  call->y_row = call->n_vectors * lanes + (size_t) g_test_rand_int_range (0, 20);
  call->y_vector = lanes;
  call->y = area_place (&self->y, call->n_rows * call->y_row);
  for (size_t i = 0; i < call->n_rows * call->n_vectors * lanes; i++)
    {
      size_t row = i / (call->n_vectors * lanes), column = i % (call->n_vectors * lanes);
      self->before[i] = call->y[row * call->y_row + column] = random_float ();
    }
}

static void
outer_check (const Outer *self, size_t lanes)
{
  const SegKernelOuter *call = &self->call;
  size_t n_columns = call->n_vectors * lanes;

  for (size_t r = 0; r < call->n_rows; r++)
    {
      const float *row = call->y + r * call->y_row;

      for (size_t k = 0; k < n_columns; k++)
        {
          double sum = (double) self->before[r * n_columns + k], magnitude = fabs (sum);

          for (size_t i = 0; i < call->n_runs; i++)
            for (size_t j = 0; j < call->n_terms; j++)
              {
                const float *b = call->b[k / lanes * call->n_runs + i] + k % lanes;
                double term = (double) call->a[i][j * call->a_step + r]
                              * (double) b[j * call->b_step];

                sum += term;
                magnitude += fabs (term);
              }
          assert_near (row[k], sum, magnitude, 2 * call->n_runs * call->n_terms + 2);
        }
      assert_untouched (row + n_columns, row + call->y_row);
    }
  area_assert_guards (&self->y);
}

void
test_outer (gconstpointer data)
{
  static Outer outer;
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;

  area_init (&outer.a);
  area_init (&outer.b);
  area_init (&outer.y);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      outer_randomise (&outer, lanes, round);
      kernels->outer (&outer.call);
      outer_check (&outer, lanes);
    }
}

/* A row alone: the same bits as beside others. */
void
test_outer_order (gconstpointer data)
{
  static Outer outer;
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;

  area_init (&outer.a);
  area_init (&outer.b);
  area_init (&outer.y);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      float alone[SEG_KERNEL_MAX_LANES];
      const float *a[MOST_RUNS];
      SegKernelOuter call;
      size_t row, vector;

      outer_randomise (&outer, lanes, round + 40);
      call = outer.call;
      row = (size_t) g_test_rand_int_range (0, (gint) call.n_rows);
      vector = (size_t) g_test_rand_int_range (0, (gint) call.n_vectors);
      for (size_t i = 0; i < call.n_runs; i++)
        a[i] = call.a[i] + row;
      memcpy (alone, outer.before + (row * call.n_vectors + vector) * lanes, lanes * sizeof *alone);
      call.a = a;
      call.b += vector * call.n_runs;
      call.n_rows = call.n_vectors = 1;
      call.y = alone;

      kernels->outer (&outer.call);
      kernels->outer (&call);
      for (size_t l = 0; l < lanes; l++)
        assert_same_bits (alone[l], outer.call.y[row * outer.call.y_row + vector * lanes + l]);
    }
}

/* ---- adjoint of the output's transform --------------------------------------------------- */

static void
apply_adjoint (const SegKernels *kernels, int tile, const float *const *rows, size_t n_tiles,
               float *m, size_t plane)
{
  (tile == 2 ? kernels->winograd2_adjoint : kernels->winograd4_adjoint) (rows, n_tiles, m, plane);
}

static void
apply_output (const SegKernels *kernels, int tile, const float *m, size_t plane, size_t n_tiles,
              float *const *rows)
{
  static const float shift[SEG_KERNEL_MAX_LANES];

  (tile == 2 ? kernels->winograd2_output : kernels->winograd4_output) (
      m, plane, n_tiles, shift, NULL, -INFINITY, INFINITY, rows);
}

/* ⟨a, b⟩ of lane @lane of tile @t, and the sum of what it is made of. */
static double
dot (const float *a, const float *b, double *magnitude)
{
  double term = (double) *a * (double) *b;

  *magnitude += fabs (term);
  return term;
}

void
test_winograd_adjoint (gconstpointer data)
{
  static float x[36 * 256], back[4 * 4 * 256], dy[4 * 4 * 256];
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area m;

  area_init (&m);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      int tile = round % 2 ? 2 : 4, a = tile + 2;
      size_t n_tiles = (size_t) g_test_rand_int_range (0, MOST_TILES + 1), n = n_tiles * lanes;
      size_t plane = n + (size_t) g_test_rand_int_range (0, 20), width = n * (size_t) tile;
      const float *from[4];
      float *to[4];

      for (size_t i = 0; i < (size_t) tile * width; i++)
        dy[i] = random_float ();
      for (size_t i = 0; i < (size_t) (a * a) * n; i++)
        x[i] = random_float ();
      for (int r = 0; r < tile; r++)
        from[r] = dy + (size_t) r * width, to[r] = back + (size_t) r * width;
      area_place (&m, n == 0 ? 0 : (size_t) (a * a - 1) * plane + n);
      apply_adjoint (kernels, tile, from, n_tiles, m.data, plane);
      apply_output (kernels, tile, x, n, n_tiles, to);

      for (size_t i = 0; i < n; i++)
        {
          double magnitude = 0, of_m = 0, of_y = 0;

          for (size_t p = 0; p < (size_t) (a * a); p++)
            of_m += dot (m.data + p * plane + i, x + p * n + i, &magnitude);
          for (size_t r = 0; r < (size_t) (tile * tile); r++)
            {
              size_t at = r / (size_t) tile * width
                          + (i / lanes * (size_t) tile + r % (size_t) tile) * lanes + i % lanes;
              of_y += dot (dy + at, back + at, &magnitude);
            }
          g_assert_cmpfloat (fabs (of_m - of_y), <=, 1e-6 * (magnitude + 1));
        }
      for (int p = 0; p + 1 < a * a && n > 0; p++)
        assert_untouched (m.data + (size_t) p * plane + n, m.data + (size_t) (p + 1) * plane);
      area_assert_guards (&m);
    }
}

/* ---- filters ----------------------------------------------------------------------------- */

void
test_winograd_filter (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area u, dg;

  area_init (&u);
  area_init (&dg);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      int tile = round % 2 ? 2 : 4, n_points = (tile + 2) * (tile + 2);
      size_t plane = lanes + (size_t) g_test_rand_int_range (0, 20);
      float g[9 * SEG_KERNEL_MAX_LANES], du[36 * 64];
      gboolean turned = g_test_rand_bit (); /* by half a circle */

      for (size_t i = 0; i < 9 * lanes; i++)
        g[i] = random_float ();
      for (size_t i = 0; i < (size_t) n_points * plane; i++)
        du[i] = random_float ();
      area_place (&u, (size_t) (n_points - 1) * plane + lanes);
      area_place (&dg, 9 * lanes);
      (tile == 2 ? kernels->winograd2_filter : kernels->winograd4_filter) (
          turned ? g + 8 * lanes : g, turned ? -(ptrdiff_t) lanes : (ptrdiff_t) lanes, u.data,
          plane);
      (tile == 2 ? kernels->winograd2_filter_adjoint
                 : kernels->winograd4_filter_adjoint) (du, plane, dg.data);

      for (size_t l = 0; l < lanes; l++)
        {
          float filter[9], expected[36];
          double magnitude = 0, of_u = 0, of_g = 0;

          for (size_t t = 0; t < 9; t++)
            filter[t] = g[(turned ? 8 - t : t) * lanes + l];
          seg_winograd_transform_weights (tile, filter, 1.0, expected, 1);
          for (size_t p = 0; p < (size_t) n_points; p++)
            {
              float value = u.data[p * plane + l];

              /* what inference packs, but for how double precision rounds */
              g_assert_cmpfloat (fabsf (value - expected[p]), <=,
                                 0x1p-23f * fabsf (expected[p]) + 1e-14f);
              of_u += dot (&value, du + p * plane + l, &magnitude);
            }
          for (size_t t = 0; t < 9; t++)
            of_g += dot (filter + t, dg.data + t * lanes + l, &magnitude);
          g_assert_cmpfloat (fabs (of_u - of_g), <=, 0x1p-22 * (magnitude + 1e-6));
        }
      for (int p = 0; p + 1 < n_points; p++)
        assert_untouched (u.data + (size_t) p * plane + lanes, u.data + (size_t) (p + 1) * plane);
      area_assert_guards (&u);
      area_assert_guards (&dg);
    }
}

/* ---- lanes ------------------------------------------------------------------------------- */

/* Rows at any distance, both ways. */
void
test_lanes (gconstpointer data)
{
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area x, y, back;

  area_init (&x);
  area_init (&y);
  area_init (&back);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      size_t n = round < 40 ? round : (size_t) g_test_rand_int_range (0, 300);
      size_t pitch = n + (size_t) g_test_rand_int_range (0, 20), span = (lanes - 1) * pitch + n;
      const float *from[SEG_KERNEL_MAX_LANES];
      float *to[SEG_KERNEL_MAX_LANES];

      fill (area_place (&x, span), span);
      area_place (&y, n * lanes);
      area_place (&back, span);
      for (size_t l = 0; l < lanes; l++)
        from[l] = x.data + l * pitch, to[l] = back.data + l * pitch;
      kernels->to_lanes (n, from, y.data);
      kernels->from_lanes (n, y.data, to);

      for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < n; j++)
          {
            assert_same_bits (y.data[j * lanes + l], from[l][j]);
            assert_same_bits (to[l][j], from[l][j]);
          }
      for (size_t l = 0; l + 1 < lanes; l++)
        assert_untouched (to[l] + n, to[l + 1]);
      area_assert_guards (&x);
      area_assert_guards (&y);
      area_assert_guards (&back);
    }
}
