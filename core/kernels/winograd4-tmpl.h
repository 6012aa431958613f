/* The transforms of Winograd's F(4×4, 3×3); kernels.h has the matrices. Each tile goes through the
 * same operations, wherever it lies. */

/* Bᵀ x of six vectors. */
SEG_INLINE void
seg_winograd4_in (const seg_vector x[6], seg_vector y[6])
{
  const float a = SEG_WINOGRAD4_A, b = SEG_WINOGRAD4_B;
  seg_vector even_a = x[4] - x[2] * (b * b), odd_a = (x[3] - x[1] * (b * b)) * a;
  seg_vector even_b = x[4] - x[2] * (a * a), odd_b = (x[3] - x[1] * (a * a)) * b;

  y[0] = x[0] * (a * a * b * b) + x[4] - x[2] * (a * a + b * b);
  y[1] = even_a + odd_a;
  y[2] = even_a - odd_a;
  y[3] = even_b + odd_b;
  y[4] = even_b - odd_b;
  y[5] = x[1] * (a * a * b * b) + x[5] - x[3] * (a * a + b * b);
}

/* Aᵀ x of six vectors. */
SEG_INLINE void
seg_winograd4_out (const seg_vector x[6], seg_vector y[4])
{
  const float a = SEG_WINOGRAD4_A, b = SEG_WINOGRAD4_B;
  seg_vector even_a = x[1] + x[2], odd_a = x[1] - x[2];
  seg_vector even_b = x[3] + x[4], odd_b = x[3] - x[4];

  y[0] = x[0] + even_a + even_b;
  y[1] = odd_a * a + odd_b * b;
  y[2] = even_a * (a * a) + even_b * (b * b);
  y[3] = odd_a * (a * a * a) + odd_b * (b * b * b) + x[5];
}

SEG_INLINE void
seg_winograd4_input_tile (const float *const rows[6], size_t offset, const SegPrologue *prologue,
                           float *v, size_t plane)
{
  seg_vector columns[6][6];

  SEG_UNROLL
  for (int j = 0; j < 6; j++)
    {
      seg_vector x[6], y[6];

      SEG_UNROLL
      for (int i = 0; i < 6; i++)
        {
          x[i] = seg_load (rows[i] + offset + j * SEG_LANES);
          if (prologue != NULL)
            x[i] = seg_prologue_apply (prologue, x[i]);
        }
      seg_winograd4_in (x, y);
      SEG_UNROLL
      for (int i = 0; i < 6; i++)
        columns[i][j] = y[i];
    }

  SEG_UNROLL
  for (int i = 0; i < 6; i++)
    {
      seg_vector y[6];

      seg_winograd4_in (columns[i], y);
      SEG_UNROLL
      for (int j = 0; j < 6; j++)
        seg_store (v + (size_t) (i * 6 + j) * plane, y[j]);
    }
}

static void
seg_winograd4_input (const float *const rows[6], size_t n_tiles,
                      const SegKernelPrologue *prologue, float *v, size_t plane)
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

static void
seg_winograd4_output (const float *m, size_t plane, size_t n_tiles, const float *shift,
                       const float *const add[4], float lo, float hi, float *const rows[4])
{
  seg_vector shifts = seg_load (shift), low = seg_splat (lo), high = seg_splat (hi);

  for (size_t t = 0; t < n_tiles; t++, m += SEG_LANES)
    {
      size_t offset = t * 4 * SEG_LANES;
      seg_vector columns[4][6];

      SEG_UNROLL
      for (int j = 0; j < 6; j++)
        {
          seg_vector x[6], y[4];

          SEG_UNROLL
          for (int i = 0; i < 6; i++)
            x[i] = seg_load (m + (size_t) (i * 6 + j) * plane);
          seg_winograd4_out (x, y);
          SEG_UNROLL
          for (int i = 0; i < 4; i++)
            columns[i][j] = y[i];
        }

      SEG_UNROLL
      for (int i = 0; i < 4; i++)
        {
          seg_vector y[4];

          seg_winograd4_out (columns[i], y);
          SEG_UNROLL
          for (int j = 0; j < 4; j++)
            {
              seg_vector sum = y[j] + shifts;

              if (add != NULL)
                sum += seg_load (add[i] + offset + j * SEG_LANES);
              seg_store (rows[i] + offset + j * SEG_LANES, seg_clamp (sum, low, high));
            }
        }
    }
}
