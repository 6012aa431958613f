/* Sums of outer products, which the gradients of a convolution's weights are: a register tile of
 * rows × vectors takes in one term after the other, and is added to memory at the end. A sum is the
 * same chain of multiply-adds in a tile of any size. */

/* Of two vectors; of one vector, twice as many. They divide the lanes, and are enough to hide the
 * latency of a multiply-add. */
#define SEG_OUTER_ROWS (SEG_N_REGISTERS / 4 < SEG_LANES ? SEG_N_REGISTERS / 4 : SEG_LANES)
#define SEG_MOST_OUTER_ROWS 16

SEG_INLINE void
seg_outer_tile (const SegKernelOuter *outer, size_t first, int n_vectors, int n_rows)
{
  seg_vector first_sum[SEG_MOST_OUTER_ROWS], second_sum[SEG_MOST_OUTER_ROWS];
  float *y = outer->y + first * outer->y_row;

  SEG_UNROLL
  for (int r = 0; r < n_rows; r++)
    {
      first_sum[r] = (seg_vector){ 0 };
      if (n_vectors == 2)
        second_sum[r] = (seg_vector){ 0 };
    }

  for (size_t i = 0; i < outer->n_runs; i++)
    {
      const float *a = outer->a[i] + first, *b = outer->b[i];
      const float *second = n_vectors == 2 ? outer->b[outer->n_runs + i] : b;

      for (size_t j = 0; j < outer->n_terms; j++)
        {
          seg_vector first_b = seg_load (b);
          seg_vector second_b = n_vectors == 2 ? seg_load (second) : first_b;

          SEG_UNROLL
          for (int r = 0; r < n_rows; r++)
            {
              seg_vector term = seg_splat (a[r]);

              if (n_vectors == 2)
                {
                  SEG_KEEP (term);
                  second_sum[r] += second_b * term;
                }
              first_sum[r] += first_b * term;
            }
          a += outer->a_step;
          b += outer->b_step;
          second += outer->b_step;
        }
    }

  SEG_UNROLL
  for (int r = 0; r < n_rows; r++, y += outer->y_row)
    {
      seg_store (y, seg_load (y) + first_sum[r]);
      if (n_vectors == 2)
        seg_store (y + outer->y_vector, seg_load (y + outer->y_vector) + second_sum[r]);
    }
}

SEG_INLINE void
seg_outer_rows (const SegKernelOuter *outer, int n_vectors)
{
  const size_t most = (size_t) (2 * SEG_OUTER_ROWS / n_vectors);
  size_t first = 0, left = outer->n_rows;

  for (; left >= most; first += most, left -= most)
    seg_outer_tile (outer, first, n_vectors, (int) most);
  for (; left >= 4; first += 4, left -= 4)
    seg_outer_tile (outer, first, n_vectors, 4);
  for (; left > 0; first++, left--)
    seg_outer_tile (outer, first, n_vectors, 1);
}

static void
seg_outer (const SegKernelOuter *outer)
{
  const SegKernelOuter call = *outer;

  if (call.n_vectors == 2)
    seg_outer_rows (&call, 2);
  else
    seg_outer_rows (&call, 1);
}
