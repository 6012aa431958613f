/* The product that every convolution is made of: a register tile of n_vectors × n_pixels sums takes
 * in one term after the other. A sum is the same chain of multiply-adds in a tile of any size. */

/* Of two vectors of output channels; of one vector, twice as many. */
#define SEG_MOST_PIXELS (2 * SEG_PIXELS)

SEG_INLINE void
seg_product_tile (const SegKernelProduct *product, size_t first, size_t x_step, int n_vectors,
                  int n_pixels)
{
  seg_vector sum[SEG_MOST_PIXELS][2];
  const float *w = product->weights;
  float *y = product->y + first * product->y_step;

  SEG_UNROLL
  for (int v = 0; v < n_vectors; v++)
    {
      seg_vector init = { 0 };

      if (product->init != NULL)
        init = seg_load (product->init + v * SEG_LANES);
      SEG_UNROLL
      for (int p = 0; p < n_pixels; p++)
        sum[p][v] = init;
    }

  for (size_t i = 0; i < product->n_runs; i++)
    {
      const float *x = product->x[i] + first * x_step;

      SEG_UNROLL_4
      for (int32_t j = 0; j < product->n_terms[i]; j++, w += n_vectors * SEG_LANES)
        {
          seg_vector weights[2];

          SEG_UNROLL
          for (int v = 0; v < n_vectors; v++)
            weights[v] = seg_load (w + v * SEG_LANES);
          SEG_UNROLL
          for (int p = 0; p < n_pixels; p++)
            {
              seg_vector term = seg_splat (x[(size_t) p * x_step + (size_t) j]);

              if (n_vectors > 1)
                SEG_KEEP (term);
              SEG_UNROLL
              for (int v = 0; v < n_vectors; v++)
                sum[p][v] += weights[v] * term;
            }
        }
    }

  SEG_UNROLL
  for (int p = 0; p < n_pixels; p++)
    SEG_UNROLL
    for (int v = 0; v < n_vectors; v++)
      seg_store (y + (size_t) p * product->y_step + (size_t) v * product->y_vector, sum[p][v]);
}

/* Largest tiles first, then smaller ones: each size is code of its own. */
SEG_INLINE void
seg_product_pixels (const SegKernelProduct *product, size_t x_step, int n_vectors)
{
  const size_t most = n_vectors == 2 ? SEG_PIXELS : SEG_MOST_PIXELS, n = product->n_pixels;
  size_t first = 0;

  for (; first + most <= n; first += most)
    seg_product_tile (product, first, x_step, n_vectors, (int) most);
  if (most > 16 && first + 16 <= n)
    {
      seg_product_tile (product, first, x_step, n_vectors, 16);
      first += 16;
    }
  if (most > 8 && first + 8 <= n)
    {
      seg_product_tile (product, first, x_step, n_vectors, 8);
      first += 8;
    }
  if (most > 4 && first + 4 <= n)
    {
      seg_product_tile (product, first, x_step, n_vectors, 4);
      first += 4;
    }
  if (first + 2 <= n)
    {
      seg_product_tile (product, first, x_step, n_vectors, 2);
      first += 2;
    }
  if (first < n)
    seg_product_tile (product, first, x_step, n_vectors, 1);
}

static void
seg_product (const SegKernelProduct *product)
{
  if (product->n_vectors == 2 && product->x_step == SEG_LANES)
    seg_product_pixels (product, SEG_LANES, 2);
  else if (product->n_vectors == 2)
    seg_product_pixels (product, product->x_step, 2);
  else if (product->x_step == SEG_LANES)
    seg_product_pixels (product, SEG_LANES, 1);
  else
    seg_product_pixels (product, product->x_step, 1);
}
