/* The product that every convolution is made of: a register tile of n_vectors × n_pixels sums takes
 * in one term after the other. A sum is the same chain of multiply-adds in a tile of any size. */

/* Of two vectors of output channels; of one vector, twice as many. */
#define SEG_MOST_PIXELS (2 * SEG_PIXELS)

/* Floats of a cache line. */
#define SEG_PRODUCT_LINE 16

/* What a tile calls for of the next call's weights: so many floats in each run. */
typedef struct
{
  const float *weights;
  size_t of_run;
} SegProductAhead;

/* Floats of the next call's weights, which are as many as this one's; 0: none are called for. */
SEG_INLINE size_t
seg_product_count_next (const SegKernelProduct *product, int n_vectors)
{
  size_t n_terms = 0;

  for (size_t i = 0; product->next != NULL && i < product->n_runs; i++)
    n_terms += (size_t) product->n_terms[i];
  return n_terms * (size_t) n_vectors * SEG_LANES;
}

/* Each tile calls for its share, so that memory has all of a call's time for the next one's weights:
 * the first tile alone would wait for its own, and others leave memory idle. */
SEG_INLINE SegProductAhead
seg_product_look_ahead (const SegKernelProduct *product, size_t n_next, size_t first, int n_pixels)
{
  size_t of_run;

  if (n_next == 0)
    return (SegProductAhead){ NULL, 0 };
  of_run = n_next * (size_t) n_pixels / (product->n_pixels * product->n_runs);
  return (SegProductAhead){ product->next + n_next * first / product->n_pixels,
                            (of_run + SEG_PRODUCT_LINE - 1) / SEG_PRODUCT_LINE * SEG_PRODUCT_LINE };
}

SEG_INLINE void
seg_product_tile (const SegKernelProduct *product, size_t n_next, size_t first, size_t x_step,
                  int n_vectors, int n_pixels)
{
  SegProductAhead ahead = seg_product_look_ahead (product, n_next, first, n_pixels);
  seg_vector first_sum[SEG_MOST_PIXELS], second_sum[SEG_PIXELS];
  const float *w = product->weights, *init = product->init;
  float *y = product->y + first * product->y_step;

  SEG_UNROLL
  for (int p = 0; p < n_pixels; p++)
    {
      first_sum[p] = init != NULL ? seg_load (init) : (seg_vector){ 0 };
      if (n_vectors == 2)
        second_sum[p] = init != NULL ? seg_load (init + SEG_LANES) : (seg_vector){ 0 };
    }

  for (size_t i = 0; i < product->n_runs; i++)
    {
      const float *x = product->x[i] + first * x_step;

      for (size_t f = 0; f < ahead.of_run; f += SEG_PRODUCT_LINE, ahead.weights += SEG_PRODUCT_LINE)
        __builtin_prefetch (ahead.weights, 0, 2);
      for (int32_t j = 0; j < product->n_terms[i]; j++, w += n_vectors * SEG_LANES)
        {
          seg_vector first_weights = seg_load (w);
          seg_vector second_weights = n_vectors == 2 ? seg_load (w + SEG_LANES) : first_weights;

          SEG_UNROLL
          for (int p = 0; p < n_pixels; p++)
            {
              seg_vector term = seg_splat (x[(size_t) p * x_step + (size_t) j]);

              if (n_vectors == 2)
                {
                  SEG_KEEP (term);
                  second_sum[p] += second_weights * term;
                }
              first_sum[p] += first_weights * term;
            }
        }
    }

  SEG_UNROLL
  for (int p = 0; p < n_pixels; p++, y += product->y_step)
    {
      seg_store (y, first_sum[p]);
      if (n_vectors == 2)
        seg_store (y + product->y_vector, second_sum[p]);
    }
}

#define SEG_PRODUCT_CASE(n)                                                                        \
  case n:                                                                                          \
    if (n <= SEG_MOST_PIXELS / n_vectors)                                                          \
      seg_product_tile (product, n_next, first, x_step, n_vectors, n);                             \
    break

/* A tile of any size that is not too large for the registers: each is code of its own. */
SEG_INLINE void
seg_product_tail (const SegKernelProduct *product, size_t n_next, size_t first, size_t x_step,
                  int n_vectors, size_t n_pixels)
{
  switch (n_pixels)
    {
      SEG_PRODUCT_CASE (1);
      SEG_PRODUCT_CASE (2);
      SEG_PRODUCT_CASE (3);
      SEG_PRODUCT_CASE (4);
      SEG_PRODUCT_CASE (5);
      SEG_PRODUCT_CASE (6);
      SEG_PRODUCT_CASE (7);
      SEG_PRODUCT_CASE (8);
      SEG_PRODUCT_CASE (9);
      SEG_PRODUCT_CASE (10);
      SEG_PRODUCT_CASE (11);
      SEG_PRODUCT_CASE (12);
    default:
      break;
    }
}

#define SEG_MOST_TAIL 12

/* Full tiles, and what is left in tiles that are as equal as can be: a small one has too few sums
 * to hide the latency of a multiply-add. */
SEG_INLINE void
seg_product_pixels (const SegKernelProduct *product, size_t x_step, int n_vectors)
{
  const size_t most = (size_t) (SEG_MOST_PIXELS / n_vectors);
  const size_t most_tail = most < SEG_MOST_TAIL ? most : SEG_MOST_TAIL;
  size_t n_next = seg_product_count_next (product, n_vectors);
  size_t first = 0, left = product->n_pixels;

  for (; left >= SEG_MOST_PIXELS || left == most; first += most, left -= most)
    seg_product_tile (product, n_next, first, x_step, n_vectors, (int) most);
  while (left > 0)
    {
      size_t n = left <= most_tail ? left : (left + 1) / 2;

      seg_product_tail (product, n_next, first, x_step, n_vectors, n);
      first += n;
      left -= n;
    }
}

static void
seg_product (const SegKernelProduct *product)
{
  /* a copy, so that the compiler knows that no result is written into it */
  const SegKernelProduct call = *product;

  if (call.n_vectors == 2 && call.x_step == SEG_LANES)
    seg_product_pixels (&call, SEG_LANES, 2);
  else if (call.n_vectors == 2)
    seg_product_pixels (&call, call.x_step, 2);
  else if (call.x_step == SEG_LANES)
    seg_product_pixels (&call, SEG_LANES, 1);
  else
    seg_product_pixels (&call, call.x_step, 1);
}
