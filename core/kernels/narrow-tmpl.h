/* The product for few outputs, which would leave lanes of whole vectors empty: here each vector holds
 * the sums of four outputs, and of each as many as there are lanes left, over every so many-th
 * term. They are added in the end. A pixel goes through the same operations in a tile of any size. */

#define SEG_NARROW_GRAIN SEG_KERNEL_NARROW_GRAIN
#define SEG_NARROW_TERMS (SEG_LANES / SEG_NARROW_GRAIN)
#define SEG_NARROW_VECTORS (SEG_KERNEL_NARROW / SEG_NARROW_GRAIN)

/* Pixels of a tile: as many sums as there are registers for. */
#define SEG_NARROW_MOST_PIXELS 8
#define SEG_NARROW_PIXELS(n_vectors)                                                               \
  (2 * SEG_PIXELS / (n_vectors) < SEG_NARROW_MOST_PIXELS ? 2 * SEG_PIXELS / (n_vectors)            \
                                                         : SEG_NARROW_MOST_PIXELS)

/* SEG_NARROW_TERMS terms, once for each output. */
SEG_INLINE seg_vector
seg_narrow_load (const float *x)
{
#if SEG_LANES == 16 && defined __AVX512F__
  return (seg_vector) _mm512_broadcast_f32x4 (_mm_loadu_ps (x));
#elif SEG_LANES == 8 && defined __AVX__
  double pair;

  memcpy (&pair, x, sizeof pair);
  return (seg_vector) _mm256_set1_pd (pair);
#else
  seg_vector v;

  for (int i = 0; i < SEG_LANES; i++)
    v[i] = x[i % SEG_NARROW_TERMS];
  return v;
#endif
}

/* Adds up the sums of each output, and puts the results side by side, zeros behind them. */
SEG_INLINE void
seg_narrow_join (const seg_vector sum[SEG_NARROW_VECTORS], seg_vector y[SEG_NARROW_VECTORS])
{
  const seg_vector zero = { 0 };
#if SEG_LANES == 16
  seg_vector ab = __builtin_shufflevector (sum[0], sum[1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25,
                                           12, 28, 13, 29)
                  + __builtin_shufflevector (sum[0], sum[1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11,
                                             27, 14, 30, 15, 31);
  seg_vector c = sum[2]
                 + __builtin_shufflevector (sum[2], sum[2], 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9,
                                            14, 15, 12, 13);
  seg_vector abc = __builtin_shufflevector (ab, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13,
                                            28, 29)
                   + __builtin_shufflevector (ab, c, 2, 3, 17, 16, 6, 7, 21, 20, 10, 11, 25, 24, 14,
                                              15, 29, 28);

  y[0] = __builtin_shufflevector (abc, zero, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 16, 16, 16,
                                  16);
#elif SEG_LANES == 8
  seg_vector ab = __builtin_shufflevector (sum[0], sum[1], 0, 2, 8, 10, 4, 6, 12, 14)
                  + __builtin_shufflevector (sum[0], sum[1], 1, 3, 9, 11, 5, 7, 13, 15);
  seg_vector c = __builtin_shufflevector (sum[2], zero, 0, 2, 8, 8, 4, 6, 8, 8)
                 + __builtin_shufflevector (sum[2], zero, 1, 3, 8, 8, 5, 7, 8, 8);

  y[0] = __builtin_shufflevector (ab, ab, 0, 1, 4, 5, 2, 3, 6, 7);
  y[1] = __builtin_shufflevector (c, c, 0, 1, 4, 5, 2, 3, 6, 7);
#else
  (void) zero;
  for (int v = 0; v < SEG_NARROW_VECTORS; v++)
    y[v] = sum[v];
#endif
}

SEG_INLINE void
seg_narrow_store (const SegKernelProduct *product, size_t pixel, int n_vectors,
                  const seg_vector sum[SEG_NARROW_VECTORS])
{
  float *to = product->y + pixel * product->y_step;
  seg_vector y[SEG_NARROW_VECTORS];

  seg_narrow_join (sum, y);
  SEG_UNROLL
  for (int v = 0; v * SEG_LANES < n_vectors * SEG_NARROW_GRAIN; v++, to += product->y_vector)
    seg_store (to, product->init != NULL ? y[v] + seg_load (product->init + v * SEG_LANES) : y[v]);
}

SEG_INLINE void
seg_narrow_tile (const SegKernelProduct *product, size_t first, int n_vectors, int n_pixels)
{
  /* an array for each vector: one of all would stay in memory, where clang makes the code */
  seg_vector a[SEG_NARROW_MOST_PIXELS], b[SEG_NARROW_MOST_PIXELS], c[SEG_NARROW_MOST_PIXELS];
  const size_t x_step = product->x_step;
  const float *w = product->weights;

  SEG_UNROLL
  for (int p = 0; p < n_pixels; p++)
    a[p] = b[p] = c[p] = (seg_vector){ 0 };

  for (size_t i = 0; i < product->n_runs; i++)
    {
      const float *x = product->x[i] + first * x_step;

      for (int32_t j = 0; j < product->n_terms[i]; j += SEG_NARROW_TERMS, w += n_vectors * SEG_LANES)
        SEG_UNROLL
        for (int p = 0; p < n_pixels; p++)
          {
            seg_vector terms = seg_narrow_load (x + (size_t) p * x_step + j);

            a[p] += seg_load (w) * terms;
            if (n_vectors > 1)
              b[p] += seg_load (w + SEG_LANES) * terms;
            if (n_vectors > 2)
              c[p] += seg_load (w + 2 * SEG_LANES) * terms;
          }
    }

  SEG_UNROLL
  for (int p = 0; p < n_pixels; p++)
    {
      seg_vector sum[SEG_NARROW_VECTORS] = { a[p], b[p], c[p] };

      seg_narrow_store (product, first + (size_t) p, n_vectors, sum);
    }
}

#define SEG_NARROW_CASE(n)                                                                         \
  case n:                                                                                          \
    if (n <= SEG_NARROW_PIXELS (n_vectors))                                                        \
      seg_narrow_tile (product, first, n_vectors, n);                                              \
    break

SEG_INLINE void
seg_narrow_tail (const SegKernelProduct *product, size_t first, int n_vectors, size_t n_pixels)
{
  switch (n_pixels)
    {
      SEG_NARROW_CASE (1);
      SEG_NARROW_CASE (2);
      SEG_NARROW_CASE (3);
      SEG_NARROW_CASE (4);
      SEG_NARROW_CASE (5);
      SEG_NARROW_CASE (6);
      SEG_NARROW_CASE (7);
      SEG_NARROW_CASE (8);
    default:
      break;
    }
}

/* Full tiles, and what is left in two that are as equal as can be. */
SEG_INLINE void
seg_narrow_pixels (const SegKernelProduct *product, int n_vectors)
{
  const size_t most = SEG_NARROW_PIXELS (n_vectors);
  size_t first = 0, left = product->n_pixels;

  for (; left >= 2 * most || left == most; first += most, left -= most)
    seg_narrow_tile (product, first, n_vectors, (int) most);
  while (left > 0)
    {
      size_t n = left <= most ? left : (left + 1) / 2;

      seg_narrow_tail (product, first, n_vectors, n);
      first += n;
      left -= n;
    }
}

static void
seg_narrow (const SegKernelProduct *product)
{
  const SegKernelProduct call = *product; /* as seg_product() does */

  if (call.n_vectors == 1)
    seg_narrow_pixels (&call, 1);
  else if (call.n_vectors == 2)
    seg_narrow_pixels (&call, 2);
  else
    seg_narrow_pixels (&call, 3);
}
