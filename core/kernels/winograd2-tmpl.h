/* The transforms of Winograd's F(2×2, 3×3); kernels.h has the matrices. Each tile goes through the
 * same operations, wherever it lies. */

/* Bᵀ x of four vectors. */
SEG_INLINE void
seg_winograd2_in (const seg_vector x[4], seg_vector y[4])
{
  y[0] = x[0] - x[2];
  y[1] = x[1] + x[2];
  y[2] = x[2] - x[1];
  y[3] = x[1] - x[3];
}

/* Aᵀ x of four vectors. */
SEG_INLINE void
seg_winograd2_out (const seg_vector x[4], seg_vector y[2])
{
  y[0] = x[0] + x[1] + x[2];
  y[1] = x[1] - x[2] - x[3];
}

SEG_INLINE void
seg_winograd2_input_tile (const float *const rows[4], size_t offset, const SegPrologue *prologue,
                          float *v, size_t plane)
{
  seg_vector columns[4][4];

  SEG_UNROLL
  for (int j = 0; j < 4; j++)
    {
      seg_vector x[4], y[4];

      SEG_UNROLL
      for (int i = 0; i < 4; i++)
        {
          x[i] = seg_load (rows[i] + offset + j * SEG_LANES);
          if (prologue != NULL)
            x[i] = seg_prologue_apply (prologue, x[i]);
        }
      seg_winograd2_in (x, y);
      SEG_UNROLL
      for (int i = 0; i < 4; i++)
        columns[i][j] = y[i];
    }

  SEG_UNROLL
  for (int i = 0; i < 4; i++)
    {
      seg_vector y[4];

      seg_winograd2_in (columns[i], y);
      SEG_UNROLL
      for (int j = 0; j < 4; j++)
        seg_store (v + (size_t) (i * 4 + j) * plane, y[j]);
    }
}

static void
seg_winograd2_input (const float *const rows[4], size_t n_tiles, const SegKernelPrologue *prologue,
                     float *v, size_t plane)
{
  SegPrologue ready;

  if (prologue == NULL)
    {
      for (size_t t = 0; t < n_tiles; t++)
        seg_winograd2_input_tile (rows, t * 2 * SEG_LANES, NULL, v + t * SEG_LANES, plane);
      return;
    }
  ready = seg_prologue_prepare (prologue);
  for (size_t t = 0; t < n_tiles; t++)
    seg_winograd2_input_tile (rows, t * 2 * SEG_LANES, &ready, v + t * SEG_LANES, plane);
}

static void
seg_winograd2_output (const float *m, size_t plane, size_t n_tiles, const float *shift,
                      const float *const add[2], float lo, float hi, float *const rows[2])
{
  seg_vector shifts = seg_load (shift), low = seg_splat (lo), high = seg_splat (hi);

  for (size_t t = 0; t < n_tiles; t++, m += SEG_LANES)
    {
      size_t offset = t * 2 * SEG_LANES;
      seg_vector columns[2][4];

      SEG_UNROLL
      for (int j = 0; j < 4; j++)
        {
          seg_vector x[4], y[2];

          SEG_UNROLL
          for (int i = 0; i < 4; i++)
            x[i] = seg_load (m + (size_t) (i * 4 + j) * plane);
          seg_winograd2_out (x, y);
          SEG_UNROLL
          for (int i = 0; i < 2; i++)
            columns[i][j] = y[i];
        }

      SEG_UNROLL
      for (int i = 0; i < 2; i++)
        {
          seg_vector y[2];

          seg_winograd2_out (columns[i], y);
          SEG_UNROLL
          for (int j = 0; j < 2; j++)
            {
              seg_vector sum = y[j] + shifts;

              if (add != NULL)
                sum += seg_load (add[i] + offset + j * SEG_LANES);
              seg_store (rows[i] + offset + j * SEG_LANES, seg_clamp (sum, low, high));
            }
        }
    }
}
