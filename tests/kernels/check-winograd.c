/* Winograd's transforms, F(2×2, 3×3) and F(4×4, 3×3): each against its matrix in double, and all of
 * them together against the convolution that they stand for. */
#include <math.h>
#include <string.h>

#include "check.h"

#define MOST_TILES 14

/* ---- matrices ---------------------------------------------------------------------------- */

#define P 0.70710678118654752440 /* 1/√2 */

/* A matrix of some F(m×m, 3×3), up to 6 × 6, row by row. */
typedef struct
{
  int n_rows, n_columns;
  double values[6][6];
} Matrix;

static const Matrix input_matrix_2 = {
  4, 4, { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 }, { 0, 1, 0, -1 } }
};
static const Matrix weights_matrix_2 = {
  4, 3, { { 1, 0, 0 }, { .5, .5, .5 }, { .5, -.5, .5 }, { 0, 0, 1 } }
};
static const Matrix output_matrix_2 = { 2, 4, { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } } };

static const Matrix input_matrix_4 = { 6,
                                       6,
                                       { { 1, 0, -2.5, 0, 1, 0 },
                                         { 0, -2 * P, -2, P, 1, 0 },
                                         { 0, 2 * P, -2, -P, 1, 0 },
                                         { 0, -P, -.5, 2 * P, 1, 0 },
                                         { 0, P, -.5, -2 * P, 1, 0 },
                                         { 0, 1, 0, -2.5, 0, 1 } } };
static const Matrix weights_matrix_4 = { 6,
                                         3,
                                         { { 1, 0, 0 },
                                           { -1 / 3., -P / 3, -1 / 6. },
                                           { -1 / 3., P / 3, -1 / 6. },
                                           { 1 / 3., 2 * P / 3, 2 / 3. },
                                           { 1 / 3., -2 * P / 3, 2 / 3. },
                                           { 0, 0, 1 } } };
static const Matrix output_matrix_4 = { 4,
                                        6,
                                        { { 1, 2, 2, .5, .5, 0 },
                                          { 0, 2 * P, -2 * P, P, -P, 0 },
                                          { 0, 1, 1, 1, 1, 0 },
                                          { 0, P, -P, 2 * P, -2 * P, 1 } } };

/* M x Mᵀ, element (i, j), and the sum of what it is made of. A zero of M takes nothing in, not even
 * what is infinite. */
static double
matrix_apply (const Matrix *self, double x[6][6], int i, int j, double *magnitude)
{
  double sum = 0;

  for (int r = 0; r < self->n_columns; r++)
    for (int c = 0; c < self->n_columns; c++)
      if (self->values[i][r] != 0 && self->values[j][c] != 0)
        {
          double term = self->values[i][r] * x[r][c] * self->values[j][c];

          sum += term;
          *magnitude += fabs (term);
        }
  return sum;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Rows with room in between, in one area. */
typedef struct
{
  Area area;
  size_t n_rows, n, stride; /* floats of a row, and from one to the next */
  float *rows[6];
} Rows;

static void
rows_place (Rows *self, size_t n_rows, size_t n)
{
  self->n_rows = n_rows;
  self->n = n;
  self->stride = n + (size_t) g_test_rand_int_range (0, 20);
  area_place (&self->area, (n_rows - 1) * self->stride + n);
  for (size_t i = 0; i < n_rows; i++)
    self->rows[i] = self->area.data + i * self->stride;
}

static void
rows_fill (Rows *self)
{
  for (size_t i = 0; i < self->n_rows; i++)
    fill (self->rows[i], self->n);
}

static void
rows_assert_guards (const Rows *self)
{
  for (size_t i = 0; i + 1 < self->n_rows; i++)
    assert_untouched (self->rows[i] + self->n, self->rows[i + 1]);
  area_assert_guards (&self->area);
}

/* ---- input ------------------------------------------------------------------------------- */

static void
winograd_input (const SegKernels *kernels, int m, float *const rows[6], size_t n_tiles,
                const SegKernelPrologue *prologue, float *v, size_t plane)
{
  const float *const in[6] = { rows[0], rows[1], rows[2], rows[3], rows[4], rows[5] };

  if (m == 2)
    kernels->winograd2_input (in, n_tiles, prologue, v, plane);
  else
    kernels->winograd4_input (in, n_tiles, prologue, v, plane);
}

static void
check_input (const SegKernels *kernels, const Matrix *matrix, const Rows *x, size_t n_tiles,
             const SegKernelPrologue *prologue, const Rows *v)
{
  size_t lanes = (size_t) kernels->lanes, m = (size_t) matrix->n_rows - 2;

  for (size_t i = 0; i < n_tiles * lanes; i++)
    {
      double tile[6][6], widths[6][6]; /* and how far each may be off, in roundings of it */

      for (size_t r = 0; r < m + 2; r++)
        for (size_t c = 0; c < m + 2; c++)
          {
            double value = (double) x->rows[r][(i / lanes * m + c) * lanes + i % lanes];

            widths[r][c] = 0;
            if (prologue != NULL)
              {
                double product = value * (double) prologue->scale[i % lanes];
                double shift = (double) prologue->shift[i % lanes];

                value = product + shift;
                value = (double) prologue->lo > value ? (double) prologue->lo : value;
                value = (double) prologue->hi < value ? (double) prologue->hi : value;
                widths[r][c] = fabs (product) + fabs (shift);
              }
            tile[r][c] = value;
          }
      for (int r = 0; r < matrix->n_rows; r++)
        for (int c = 0; c < matrix->n_rows; c++)
          {
            double magnitude = 0, width = 0;
            double value = matrix_apply (matrix, tile, r, c, &magnitude);

            matrix_apply (matrix, widths, r, c, &width);
            assert_near (v->rows[0][(size_t) (r * matrix->n_rows + c) * v->stride + i], value,
                         magnitude + width, 12);
          }
    }
}

/* Planes of v are rows here: only the first is kept as a pointer. */
static void
planes_place (Rows *self, size_t n_planes, size_t n)
{
  rows_place (self, 1, n);
  self->stride = n + (size_t) g_test_rand_int_range (0, 20);
  self->rows[0] = area_place (&self->area, (n_planes - 1) * self->stride + n);
}

static void
planes_assert_guards (const Rows *self, size_t n_planes)
{
  for (size_t i = 0; i + 1 < n_planes; i++)
    assert_untouched (self->rows[0] + i * self->stride + self->n,
                      self->rows[0] + (i + 1) * self->stride);
  area_assert_guards (&self->area);
}

static size_t
random_n_tiles (guint round)
{
  return round / 4 < MOST_TILES ? round / 4 : (size_t) g_test_rand_int_range (0, MOST_TILES);
}

void
test_winograd_input (gconstpointer data)
{
  static Rows x, v, part;
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area scale, shift;

  area_init (&x.area);
  area_init (&v.area);
  area_init (&part.area);
  area_init (&scale);
  area_init (&shift);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      const Matrix *matrix = round % 2 ? &input_matrix_2 : &input_matrix_4;
      size_t a = (size_t) matrix->n_rows, m = a - 2;
      size_t n_tiles = random_n_tiles (round);
      size_t first = (size_t) g_test_rand_int_range (0, (gint32) n_tiles + 1);
      SegKernelPrologue all, *prologue = round / 2 % 2 ? &all : NULL;
      float *from[6] = { NULL };

      fill (area_place (&scale, lanes), lanes);
      fill (area_place (&shift, lanes), lanes);
      all.scale = scale.data;
      all.shift = shift.data;
      random_clamp (&all.lo, &all.hi);
      rows_place (&x, a, n_tiles == 0 ? 0 : (n_tiles * m + 2) * lanes);
      rows_fill (&x);
      planes_place (&v, a * a, n_tiles * lanes);

      winograd_input (kernels, (int) m, x.rows, n_tiles, prologue, v.rows[0], v.stride);
      check_input (kernels, matrix, &x, n_tiles, prologue, &v);
      planes_assert_guards (&v, a * a);
      rows_assert_guards (&x);
      area_assert_guards (&scale);
      area_assert_guards (&shift);

      /* a part of the tiles again: the same bits */
      for (size_t i = 0; i < a; i++)
        from[i] = x.rows[i] + first * m * lanes;
      planes_place (&part, a * a, (n_tiles - first) * lanes);
      winograd_input (kernels, (int) m, from, n_tiles - first, prologue, part.rows[0], part.stride);
      for (size_t plane = 0; plane < a * a; plane++)
        for (size_t i = 0; i < part.n; i++)
          assert_same_bits (part.rows[0][plane * part.stride + i],
                            v.rows[0][plane * v.stride + first * lanes + i]);
      planes_assert_guards (&part, a * a);
    }
}

/* ---- output ------------------------------------------------------------------------------ */

typedef struct
{
  const float *shift;
  float *const *add; /* or NULL */
  float lo, hi;
} Epilogue;

static void
winograd_output (const SegKernels *kernels, int m, const float *from, size_t plane, size_t n_tiles,
                 const Epilogue *epilogue, float *const rows[6])
{
  const float *add[4] = { NULL };

  for (int r = 0; r < m && epilogue->add != NULL; r++)
    add[r] = epilogue->add[r];
  if (m == 2)
    kernels->winograd2_output (from, plane, n_tiles, epilogue->shift,
                               epilogue->add != NULL ? add : NULL, epilogue->lo, epilogue->hi,
                               rows);
  else
    kernels->winograd4_output (from, plane, n_tiles, epilogue->shift,
                               epilogue->add != NULL ? add : NULL, epilogue->lo, epilogue->hi,
                               rows);
}

static void
check_output (const SegKernels *kernels, const Matrix *matrix, const Rows *v, size_t n_tiles,
              const Epilogue *epilogue, const Rows *y)
{
  size_t lanes = (size_t) kernels->lanes, m = (size_t) matrix->n_rows;
  size_t a = (size_t) matrix->n_columns;

  for (size_t i = 0; i < n_tiles * lanes; i++)
    {
      double tile[6][6];

      for (size_t r = 0; r < a; r++)
        for (size_t c = 0; c < a; c++)
          tile[r][c] = (double) v->rows[0][(r * a + c) * v->stride + i];
      for (size_t r = 0; r < m; r++)
        for (size_t c = 0; c < m; c++)
          {
            size_t at = (i / lanes * m + c) * lanes + i % lanes;
            double shift = (double) epilogue->shift[i % lanes];
            double add = epilogue->add != NULL ? (double) epilogue->add[r][at] : 0;
            double magnitude = fabs (shift) + fabs (add);
            double value = matrix_apply (matrix, tile, (int) r, (int) c, &magnitude) + shift + add;

            value = (double) epilogue->lo > value ? (double) epilogue->lo : value;
            value = (double) epilogue->hi < value ? (double) epilogue->hi : value;
            assert_near (y->rows[r][at], value, magnitude, 14);
          }
    }
}

void
test_winograd_output (gconstpointer data)
{
  static Rows v, add, y, part;
  const SegKernels *kernels = data;
  size_t lanes = (size_t) kernels->lanes;
  Area shift;

  area_init (&v.area);
  area_init (&add.area);
  area_init (&y.area);
  area_init (&part.area);
  area_init (&shift);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      const Matrix *matrix = round % 2 ? &output_matrix_2 : &output_matrix_4;
      size_t m = (size_t) matrix->n_rows, n_planes = (m + 2) * (m + 2);
      size_t n_tiles = random_n_tiles (round);
      size_t first = (size_t) g_test_rand_int_range (0, (gint32) n_tiles + 1);
      float *add_from[6];
      Epilogue epilogue = { 0 };

      planes_place (&v, n_planes, n_tiles * lanes);
      for (size_t i = 0; i < n_planes; i++)
        fill (v.rows[0] + i * v.stride, v.n);
      rows_place (&add, m, n_tiles * m * lanes);
      rows_fill (&add);
      rows_place (&y, m, n_tiles * m * lanes);
      epilogue.shift = area_place (&shift, lanes);
      fill (shift.data, lanes);
      epilogue.add = round / 2 % 2 ? add.rows : NULL;
      random_clamp (&epilogue.lo, &epilogue.hi);

      winograd_output (kernels, (int) m, v.rows[0], v.stride, n_tiles, &epilogue, y.rows);
      check_output (kernels, matrix, &v, n_tiles, &epilogue, &y);
      planes_assert_guards (&v, n_planes);
      rows_assert_guards (&add);
      rows_assert_guards (&y);
      area_assert_guards (&shift);

      /* a part of the tiles again: the same bits */
      rows_place (&part, m, (n_tiles - first) * m * lanes);
      for (size_t r = 0; r < m; r++)
        add_from[r] = add.rows[r] + first * m * lanes;
      if (epilogue.add != NULL)
        epilogue.add = add_from;
      winograd_output (kernels, (int) m, v.rows[0] + first * lanes, v.stride, n_tiles - first,
                       &epilogue, part.rows);
      for (size_t r = 0; r < m; r++)
        for (size_t i = 0; i < part.n; i++)
          assert_same_bits (part.rows[r][i], y.rows[r][first * m * lanes + i]);
      rows_assert_guards (&part);
    }
}

/* ---- weights ----------------------------------------------------------------------------- */

void
test_winograd_weights (void)
{
  Area u;

  area_init (&u);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      const Matrix *matrix = round % 2 ? &weights_matrix_2 : &weights_matrix_4;
      int a = matrix->n_rows;
      size_t plane = (size_t) g_test_rand_int_range (1, 100);
      double scale = g_test_rand_double_range (-2, 2), scaled[6][6];
      float g[9];

      for (int i = 0; i < 9; i++)
        {
          g[i] = random_float ();
          scaled[i / 3][i % 3] = scale * (double) g[i];
        }
      area_place (&u, (size_t) (a * a - 1) * plane + 1);
      seg_winograd_transform_weights (a - 2, g, scale, u.data, plane);
      for (int i = 0; i < a; i++)
        for (int j = 0; j < a; j++)
          {
            double magnitude = 0, value = matrix_apply (matrix, scaled, i, j, &magnitude);
            size_t at = (size_t) (i * a + j) * plane;

            /* rounded once; the constant p is a float, and the sum's order another */
            assert_near (u.data[at], value, fabs (value) + 0.5 * magnitude, 1);
            if (at + 1 < u.n)
              assert_untouched (u.data + at + 1, u.data + at + plane);
          }
      area_assert_guards (&u);
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

#define ERROR_TILES 12

/* A 3×3 convolution of n_channels random channels, all positive as behind a ReLU or of both signs,
 * into one vector of output channels: a row of tiles. */
typedef struct
{
  const SegKernels *kernels;
  int tile, n_channels;
  size_t width;     /* of the input */
  float *x, *g, *y; /* blocks of rows; [channel][output channel][9]; rows */
} Chain;

static void
chain_run (const Chain *self)
{
  const SegKernels *kernels = self->kernels;
  size_t lanes = (size_t) kernels->lanes, a = (size_t) self->tile + 2;
  size_t n_channels = (size_t) self->n_channels, n_blocks = n_channels / lanes;
  size_t n = ERROR_TILES * lanes; /* of one block in one plane */
  g_autofree float *v = g_new (float, a *a *n_blocks *n);
  g_autofree float *u = g_new (float, a *a *n_channels *lanes);
  g_autofree float *products = g_new (float, a *a *n);
  g_autofree const float **runs = g_new (const float *, n_blocks);
  g_autofree int32_t *n_terms = g_new (int32_t, n_blocks);
  float shift[16] = { 0 };
  Epilogue epilogue = { .shift = shift, .lo = -INFINITY, .hi = INFINITY };
  float *rows[6] = { NULL };

  for (size_t b = 0; b < n_blocks; b++)
    {
      for (size_t r = 0; r < a; r++)
        rows[r] = self->x + (b * a + r) * self->width * lanes;
      winograd_input (kernels, self->tile, rows, ERROR_TILES, NULL, v + b * n, n_blocks * n);
      n_terms[b] = (int32_t) lanes;
    }
  for (size_t i = 0; i < n_channels * lanes; i++)
    seg_winograd_transform_weights (self->tile, self->g + 9 * i, 1.0, u + i, n_channels * lanes);
  for (size_t plane = 0; plane < a * a; plane++)
    {
      SegKernelProduct call = {
        .n_runs = n_blocks,
        .x = runs,
        .n_terms = n_terms,
        .x_step = lanes,
        .weights = u + plane * n_channels * lanes,
        .n_vectors = 1,
        .n_pixels = ERROR_TILES,
        .y = products + plane * n,
        .y_step = lanes,
      };

      for (size_t b = 0; b < n_blocks; b++)
        runs[b] = v + (plane * n_blocks + b) * n;
      kernels->product (&call);
    }
  for (size_t r = 0; r < a - 2; r++)
    rows[r] = self->y + r * (self->width - 2) * lanes;
  winograd_output (kernels, self->tile, products, n, ERROR_TILES, &epilogue, rows);
}

static double
chain_measure (const Chain *self)
{
  size_t lanes = (size_t) self->kernels->lanes, a = (size_t) self->tile + 2;
  double error = 0, norm = 0;

  for (size_t i = 0; i < (a - 2) * (self->width - 2); i++)
    for (size_t k = 0; k < lanes; k++)
      {
        size_t row = i / (self->width - 2), column = i % (self->width - 2);
        double sum = 0;

        for (size_t c = 0; c < (size_t) self->n_channels; c++)
          for (size_t t = 0; t < 9; t++)
            sum +=
                (double) self->g[9 * (c * lanes + k) + t]
                * (double)
                      self->x[((c / lanes * a + row + t / 3) * self->width + column + t % 3) * lanes
                              + c % lanes];
        error += pow ((double) self->y[i * lanes + k] - sum, 2);
        norm += sum * sum;
      }
  return sqrt (error / norm);
}

/* ‖y − r‖ / ‖r‖, r being the convolution in double. */
double
winograd_measure_error (const SegKernels *kernels, int tile, int n_channels)
{
  size_t lanes = (size_t) kernels->lanes, n = (size_t) n_channels;
  Chain chain = { kernels, tile, n_channels, (size_t) (ERROR_TILES * tile + 2), NULL, NULL, NULL };
  size_t n_inputs = n * (size_t) (tile + 2) * chain.width;
  g_autofree float *x = g_new (float, n_inputs);
  g_autofree float *g = g_new (float, 9 * n * lanes);
  g_autofree float *y = g_new (float, (size_t) tile *(chain.width - 2) * lanes);
  double error;

  for (size_t i = 0; i < n_inputs; i++)
    x[i] = random_float ();
  for (size_t i = 0; i < 9 * n * lanes; i++)
    g[i] = random_float ();
  chain.x = x;
  chain.g = g;
  chain.y = y;
  chain_run (&chain);
  error = chain_measure (&chain);
  return error;
}

/* It grows as the root of the number of channels, where it is the sum's, and has a part of its own:
 * half as much again as was measured. (±1 and ±2 instead of ±1/√2 and ±√2 do not pass.) */
void
test_winograd_error (gconstpointer data)
{
  for (int n_channels = 16; n_channels <= 1024; n_channels *= 4)
    {
      double root = sqrt ((double) n_channels);

      g_assert_cmpfloat (winograd_measure_error (data, 2, n_channels), <=, 1e-7 + 4e-8 * root);
      g_assert_cmpfloat (winograd_measure_error (data, 4, n_channels), <=, 4e-7 + 1.2e-7 * root);
    }
}
