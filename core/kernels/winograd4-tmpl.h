/* The transforms of Winograd's F(4×4, 3×3); kernels.h has the matrices. Each tile goes through the
 * same operations, wherever it lies. */

/* Bᵀ x of six vectors. What ±p share is computed once, and their odd part is rounded by itself
 * (SEG_KEEP): processors that add beside their multiply-adds are then quicker. */
SEG_INLINE void
seg_winograd4_in (const seg_vector x[6], seg_vector y[6])
{
  seg_vector even_p = x[4] - x[2] * 2.f, odd_p = (x[3] - x[1] * 2.f) * SEG_WINOGRAD4_P;
  seg_vector even_q = x[4] - x[2] * 0.5f, odd_q = (x[3] * 2.f - x[1]) * SEG_WINOGRAD4_P;

  SEG_KEEP (odd_p);
  SEG_KEEP (odd_q);
  y[0] = x[0] + x[4] - x[2] * 2.5f;
  y[1] = even_p + odd_p;
  y[2] = even_p - odd_p;
  y[3] = even_q + odd_q;
  y[4] = even_q - odd_q;
  y[5] = x[1] + x[5] - x[3] * 2.5f;
}

/* Rows 0 and 2 of Aᵀ x, which need even parts only, plus the shift if there is one, */
SEG_INLINE void
seg_winograd4_out_even (const seg_vector x[6], const seg_vector *shift, seg_vector *y0,
                        seg_vector *y2)
{
  seg_vector even_p = x[1] + x[2], even_q = x[3] + x[4];

  *y0 = (shift != NULL ? x[0] + *shift : x[0]) + even_p * 2.f + even_q * 0.5f;
  *y2 = even_p + even_q;
  if (shift != NULL)
    *y2 += *shift;
}

/* and rows 1 and 3, which need odd parts only. */
SEG_INLINE void
seg_winograd4_out_odd (const seg_vector x[6], const seg_vector *shift, seg_vector *y1,
                       seg_vector *y3)
{
  seg_vector odd_p = x[1] - x[2], odd_q = x[3] - x[4];

  *y1 = (odd_p * 2.f + odd_q) * SEG_WINOGRAD4_P;
  if (shift != NULL)
    *y1 += *shift;
  *y3 = (odd_p + odd_q * 2.f) * SEG_WINOGRAD4_P + (shift != NULL ? x[5] + *shift : x[5]);
}

/* Columns `first` to `last` of Bᵀ d B of one tile. */
SEG_INLINE void
seg_winograd4_input_columns (const float *const rows[6], size_t offset, const SegPrologue *prologue,
                             int first, int last, float *v, size_t plane)
{
  seg_vector columns[6][6];

  SEG_UNROLL
  for (int i = 0; i < 6; i++)
    {
      seg_vector x[6], y[6];

      SEG_UNROLL
      for (int j = 0; j < 6; j++)
        {
          x[j] = seg_load (rows[i] + offset + j * SEG_LANES);
          if (prologue != NULL)
            x[j] = seg_prologue_apply (prologue, x[j]);
        }
      seg_winograd4_in (x, y);
      SEG_UNROLL
      for (int j = first; j <= last; j++)
        columns[j][i] = y[j];
    }

  SEG_UNROLL
  for (int j = first; j <= last; j++)
    {
      seg_vector y[6];

      seg_winograd4_in (columns[j], y);
      SEG_UNROLL
      for (int i = 0; i < 6; i++)
        seg_store (v + (size_t) (i * 6 + j) * plane, y[i]);
    }
}

/* 32 registers hold half of a tile: then to load it twice is cheaper than to store it in between,
 * but not if each load also is a prologue. */
SEG_INLINE void
seg_winograd4_input_tile (const float *const rows[6], size_t offset, const SegPrologue *prologue,
                          float *v, size_t plane)
{
  if (SEG_N_REGISTERS >= 32 && prologue == NULL)
    {
      seg_winograd4_input_columns (rows, offset, prologue, 0, 2, v, plane);
      seg_winograd4_input_columns (rows, offset, prologue, 3, 5, v, plane);
    }
  else
    seg_winograd4_input_columns (rows, offset, prologue, 0, 5, v, plane);
}

static void
seg_winograd4_input (const float *const rows[6], size_t n_tiles, const SegKernelPrologue *prologue,
                     float *v, size_t plane)
{
  SegPrologue ready;

  if (prologue == NULL)
    {
      for (size_t t = 0; t < n_tiles; t++)
        seg_winograd4_input_tile (rows, t * 4 * SEG_LANES, NULL, v + t * SEG_LANES, plane);
      return;
    }
  ready = seg_prologue_prepare (prologue);
  for (size_t t = 0; t < n_tiles; t++)
    seg_winograd4_input_tile (rows, t * 4 * SEG_LANES, &ready, v + t * SEG_LANES, plane);
}

/* Rows `row` and `row` + 2 of the result: half of it, so that registers suffice. */
SEG_INLINE void
seg_winograd4_output_part (const float *m, size_t plane, int row, seg_vector shift, seg_vector low,
                           seg_vector high, const float *const *add, size_t offset,
                           float *const rows[4])
{
  seg_vector columns[2][6];

  SEG_UNROLL
  for (int j = 0; j < 6; j++)
    {
      seg_vector x[6] = { { 0 } };

      SEG_UNROLL
      for (int i = 0; i < 6; i++)
        x[i] = seg_load (m + (size_t) (i * 6 + j) * plane);
      if (row == 0)
        seg_winograd4_out_even (x, NULL, &columns[0][j], &columns[1][j]);
      else
        seg_winograd4_out_odd (x, NULL, &columns[0][j], &columns[1][j]);
    }

  SEG_UNROLL
  for (int i = 0; i < 2; i++)
    {
      size_t r = (size_t) (row + 2 * i);
      seg_vector y[4];

      seg_winograd4_out_even (columns[i], &shift, &y[0], &y[2]);
      seg_winograd4_out_odd (columns[i], &shift, &y[1], &y[3]);
      SEG_UNROLL
      for (int j = 0; j < 4; j++)
        {
          if (add != NULL)
            y[j] += seg_load (add[r] + offset + j * SEG_LANES);
          seg_store (rows[r] + offset + j * SEG_LANES, seg_clamp (y[j], low, high));
        }
    }
}

SEG_INLINE void
seg_winograd4_output_tiles (const float *m, size_t plane, size_t n_tiles, const float *shift,
                            const float *const *add, float lo, float hi, float *const rows[4])
{
  seg_vector shifts = seg_load (shift), low = seg_splat (lo), high = seg_splat (hi);

  for (size_t t = 0; t < n_tiles; t++, m += SEG_LANES)
    {
      size_t offset = t * 4 * SEG_LANES;

      seg_winograd4_output_part (m, plane, 0, shifts, low, high, add, offset, rows);
      seg_winograd4_output_part (m, plane, 1, shifts, low, high, add, offset, rows);
    }
}

static void
seg_winograd4_output (const float *m, size_t plane, size_t n_tiles, const float *shift,
                      const float *const add[4], float lo, float hi, float *const rows[4])
{
  if (add != NULL)
    seg_winograd4_output_tiles (m, plane, n_tiles, shift, add, lo, hi, rows);
  else
    seg_winograd4_output_tiles (m, plane, n_tiles, shift, NULL, lo, hi, rows);
}
