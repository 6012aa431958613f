/* Rows of numbers, one for each lane, to vectors and back: `lanes` × `lanes` numbers at a time. */

/* a₀ b₀ a₁ b₁ …, of the first halves of two vectors and of the second ones. */
SEG_INLINE void
seg_transpose_interleave (seg_vector a, seg_vector b, seg_vector *low, seg_vector *high)
{
#if SEG_LANES == 16
  *low = __builtin_shufflevector (a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  *high = __builtin_shufflevector (a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
#elif SEG_LANES == 8
  *low = __builtin_shufflevector (a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  *high = __builtin_shufflevector (a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  *low = __builtin_shufflevector (a, b, 0, 4, 1, 5);
  *high = __builtin_shufflevector (a, b, 2, 6, 3, 7);
#endif
}

/* Each turn moves one bit of the number of a vector to that of a lane. */
SEG_INLINE void
seg_transpose_square (seg_vector x[SEG_LANES])
{
  SEG_UNROLL
  for (int turn = 1; turn < SEG_LANES; turn *= 2)
    {
      seg_vector y[SEG_LANES];

      SEG_UNROLL
      for (int i = 0; i < SEG_LANES / 2; i++)
        seg_transpose_interleave (x[i], x[i + SEG_LANES / 2], &y[2 * i], &y[2 * i + 1]);
      SEG_UNROLL
      for (int i = 0; i < SEG_LANES; i++)
        x[i] = y[i];
    }
}

/* The first @n numbers of a vector, and zeros. */
SEG_INLINE seg_vector
seg_load_some (const float *x, size_t n)
{
#if SEG_LANES == 16 && defined __AVX512F__
  return (seg_vector) _mm512_maskz_loadu_ps ((__mmask16) ((1u << n) - 1), x);
#else
  seg_vector v = { 0 };

  if (n == SEG_LANES)
    return seg_load (x);
  for (size_t i = 0; i < n; i++)
    v[i] = x[i];
  return v;
#endif
}

static void
seg_to_lanes (size_t n, const float *const *rows, float *y)
{
  for (size_t j = 0; j < n; j += SEG_LANES)
    {
      size_t width = n - j < SEG_LANES ? n - j : SEG_LANES;
      seg_vector x[SEG_LANES];

      SEG_UNROLL
      for (int l = 0; l < SEG_LANES; l++)
        x[l] = seg_load_some (rows[l] + j, width);
      seg_transpose_square (x);
      SEG_UNROLL
      for (size_t i = 0; i < SEG_LANES; i++)
        if (i < width)
          seg_store (y + (j + i) * SEG_LANES, x[i]);
    }
}

static void
seg_from_lanes (size_t n, const float *x, float *const *rows)
{
  size_t j = 0;

  for (; j + SEG_LANES <= n; j += SEG_LANES)
    {
      seg_vector y[SEG_LANES];

      SEG_UNROLL
      for (int i = 0; i < SEG_LANES; i++)
        y[i] = seg_load (x + (j + (size_t) i) * SEG_LANES);
      seg_transpose_square (y);
      SEG_UNROLL
      for (int l = 0; l < SEG_LANES; l++)
        seg_store (rows[l] + j, y[l]);
    }
  for (; j < n; j++)
    for (int l = 0; l < SEG_LANES; l++)
      rows[l][j] = x[j * SEG_LANES + (size_t) l];
}
