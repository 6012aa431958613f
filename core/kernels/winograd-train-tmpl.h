/* What Winograd's convolutions need in training beside the transforms of inference: the adjoint of
 * the output's transform, and filters and their gradients, `lanes` at once and in double. */

/* A x of two vectors, */
SEG_INLINE void
seg_winograd2_out_adjoint (const seg_vector x[2], seg_vector y[4])
{
  y[0] = x[0];
  y[1] = x[0] + x[1];
  y[2] = x[0] - x[1];
  y[3] = -x[1];
}

/* and of four. */
SEG_INLINE void
seg_winograd4_out_adjoint (const seg_vector x[4], seg_vector y[6])
{
  seg_vector even_p = x[0] * 2.f + x[2], odd_p = (x[1] * 2.f + x[3]) * SEG_WINOGRAD4_P;
  seg_vector even_q = x[0] * 0.5f + x[2], odd_q = (x[1] + x[3] * 2.f) * SEG_WINOGRAD4_P;

  SEG_KEEP (odd_p);
  SEG_KEEP (odd_q);
  y[0] = x[0];
  y[1] = even_p + odd_p;
  y[2] = even_p - odd_p;
  y[3] = even_q + odd_q;
  y[4] = even_q - odd_q;
  y[5] = x[3];
}

SEG_INLINE void
seg_winograd_out_adjoint (int tile, const seg_vector *x, seg_vector *y)
{
  if (tile == 2)
    seg_winograd2_out_adjoint (x, y);
  else
    seg_winograd4_out_adjoint (x, y);
}

SEG_INLINE void
seg_winograd_adjoint (int tile, const float *const *rows, size_t n_tiles, float *m, size_t plane)
{
  const int a = tile + 2;

  for (size_t t = 0; t < n_tiles; t++, m += SEG_LANES)
    {
      size_t offset = t * (size_t) tile * SEG_LANES;
      seg_vector columns[6][4];

      SEG_UNROLL
      for (int j = 0; j < tile; j++)
        {
          seg_vector x[4] = { { 0 } }, y[6];

          SEG_UNROLL
          for (int i = 0; i < tile; i++)
            x[i] = seg_load (rows[i] + offset + j * SEG_LANES);
          seg_winograd_out_adjoint (tile, x, y);
          SEG_UNROLL
          for (int i = 0; i < a; i++)
            columns[i][j] = y[i];
        }

      SEG_UNROLL
      for (int i = 0; i < a; i++)
        {
          seg_vector y[6];

          seg_winograd_out_adjoint (tile, columns[i], y);
          SEG_UNROLL
          for (int j = 0; j < a; j++)
            seg_store (m + (size_t) (i * a + j) * plane, y[j]);
        }
    }
}

static void
seg_winograd2_adjoint (const float *const rows[2], size_t n_tiles, float *m, size_t plane)
{
  seg_winograd_adjoint (2, rows, n_tiles, m, plane);
}

static void
seg_winograd4_adjoint (const float *const rows[4], size_t n_tiles, float *m, size_t plane)
{
  seg_winograd_adjoint (4, rows, n_tiles, m, plane);
}

/* ---- filters ----------------------------------------------------------------------------- */

typedef double seg_wide __attribute__ ((vector_size (SEG_LANES * 8)));

SEG_INLINE seg_wide
seg_load_wide (const float *x)
{
  return __builtin_convertvector (seg_load (x), seg_wide);
}

SEG_INLINE void
seg_store_wide (float *y, seg_wide x)
{
  seg_store (y, __builtin_convertvector (x, seg_vector));
}

/* G x of three vectors; kernels.h has the matrices. */
SEG_INLINE void
seg_winograd_filter_apply (int tile, const seg_wide x[3], seg_wide y[6])
{
  const double p = SEG_WINOGRAD4_P;

  y[0] = x[0];
  if (tile == 2)
    {
      y[1] = (x[0] + x[2] + x[1]) * 0.5;
      y[2] = (x[0] + x[2] - x[1]) * 0.5;
    }
  else
    {
      seg_wide even_p = (x[0] * 2. + x[2]) * (-1. / 6), odd_p = x[1] * (-2. * p / 6);
      seg_wide even_q = (x[0] * 2. + x[2] * 4.) * (1. / 6), odd_q = x[1] * (4. * p / 6);

      y[1] = even_p + odd_p;
      y[2] = even_p - odd_p;
      y[3] = even_q + odd_q;
      y[4] = even_q - odd_q;
    }
  y[tile + 1] = x[2];
}

/* Gᵀ x. */
SEG_INLINE void
seg_winograd_filter_apply_adjoint (int tile, const seg_wide x[6], seg_wide y[3])
{
  const double p = SEG_WINOGRAD4_P;

  if (tile == 2)
    {
      y[0] = x[0] + (x[1] + x[2]) * 0.5;
      y[1] = (x[1] - x[2]) * 0.5;
      y[2] = x[3] + (x[1] + x[2]) * 0.5;
    }
  else
    {
      seg_wide even_p = x[1] + x[2], odd_p = x[1] - x[2];
      seg_wide even_q = x[3] + x[4], odd_q = x[3] - x[4];

      y[0] = x[0] + (even_q - even_p) * (1. / 3);
      y[1] = (odd_q * 2. - odd_p) * (p / 3);
      y[2] = x[5] + (even_q * 4. - even_p) * (1. / 6);
    }
}

SEG_INLINE void
seg_winograd_filter (int tile, const float *g, ptrdiff_t step, float *u, size_t plane)
{
  const int a = tile + 2;
  seg_wide columns[6][3];

  SEG_UNROLL
  for (int j = 0; j < 3; j++)
    {
      seg_wide x[3], y[6];

      SEG_UNROLL
      for (int i = 0; i < 3; i++)
        x[i] = seg_load_wide (g + (i * 3 + j) * step);
      seg_winograd_filter_apply (tile, x, y);
      SEG_UNROLL
      for (int i = 0; i < a; i++)
        columns[i][j] = y[i];
    }

  SEG_UNROLL
  for (int i = 0; i < a; i++)
    {
      seg_wide y[6];

      seg_winograd_filter_apply (tile, columns[i], y);
      SEG_UNROLL
      for (int j = 0; j < a; j++)
        seg_store_wide (u + (size_t) (i * a + j) * plane, y[j]);
    }
}

SEG_INLINE void
seg_winograd_filter_adjoint (int tile, const float *du, size_t plane, float *dg)
{
  const int a = tile + 2;
  seg_wide columns[3][6];

  SEG_UNROLL
  for (int j = 0; j < a; j++)
    {
      seg_wide x[6], y[3];

      SEG_UNROLL
      for (int i = 0; i < a; i++)
        x[i] = seg_load_wide (du + (size_t) (i * a + j) * plane);
      seg_winograd_filter_apply_adjoint (tile, x, y);
      SEG_UNROLL
      for (int i = 0; i < 3; i++)
        columns[i][j] = y[i];
    }

  SEG_UNROLL
  for (int i = 0; i < 3; i++)
    {
      seg_wide y[3];

      seg_winograd_filter_apply_adjoint (tile, columns[i], y);
      SEG_UNROLL
      for (int j = 0; j < 3; j++)
        seg_store_wide (dg + (i * 3 + j) * SEG_LANES, y[j]);
    }
}

static void
seg_winograd2_filter (const float *g, ptrdiff_t step, float *u, size_t plane)
{
  seg_winograd_filter (2, g, step, u, plane);
}

static void
seg_winograd4_filter (const float *g, ptrdiff_t step, float *u, size_t plane)
{
  seg_winograd_filter (4, g, step, u, plane);
}

static void
seg_winograd2_filter_adjoint (const float *du, size_t plane, float *dg)
{
  seg_winograd_filter_adjoint (2, du, plane, dg);
}

static void
seg_winograd4_filter_adjoint (const float *du, size_t plane, float *dg)
{
  seg_winograd_filter_adjoint (4, du, plane, dg);
}
