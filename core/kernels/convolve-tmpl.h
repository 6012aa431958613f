/* A convolution of planar rows: pixels are the lanes, and channels lie in planes. */
/* Taps lie in rows far apart, which the processor does not foresee: it is told where the third
 * row from here will be read. With 9 taps a channel, that is the next channel. */
#define SEG_TAPS_AHEAD 9

/* A register tile of SEG_CHANNELS × SEG_VECTORS vectors takes in one tap after the other. */
static void
seg_convolve (size_t n_taps, const int32_t *offsets, const float *weights, const float *shift,
              const float *x, size_t n, float *y, size_t y_stride)
{
  for (size_t j = 0; j < n; j += SEG_VECTORS * SEG_LANES)
    {
      seg_vector sum[SEG_CHANNELS][SEG_VECTORS];
      const float *w = weights;

#pragma GCC unroll 8
      for (int k = 0; k < SEG_CHANNELS; k++)
#pragma GCC unroll 8
        for (int v = 0; v < SEG_VECTORS; v++)
          sum[k][v] = (seg_vector){ 0 } + shift[k];

      for (size_t i = 0; i < n_taps; i++, w += SEG_CHANNELS)
        {
          const float *tap = x + offsets[i] + j;
          size_t ahead = i + SEG_TAPS_AHEAD < n_taps ? i + SEG_TAPS_AHEAD : i;
          seg_vector in[SEG_VECTORS];

          __builtin_prefetch (x + offsets[ahead] + j + SEG_VECTORS * SEG_LANES / 2);
#pragma GCC unroll 8
          for (int v = 0; v < SEG_VECTORS; v++)
            in[v] = seg_load (tap + v * SEG_LANES);
#pragma GCC unroll 8
          for (int k = 0; k < SEG_CHANNELS; k++)
#pragma GCC unroll 8
            for (int v = 0; v < SEG_VECTORS; v++)
              sum[k][v] += in[v] * w[k];
        }

#pragma GCC unroll 8
      for (int k = 0; k < SEG_CHANNELS; k++)
#pragma GCC unroll 8
        for (int v = 0; v < SEG_VECTORS; v++)
          seg_store (y + (size_t) k * y_stride + j + v * SEG_LANES, sum[k][v]);
    }
}
