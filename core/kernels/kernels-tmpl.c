/* Compiled once per instruction-set level, with SEG_LEVEL_NAME, SEG_LEVEL_SYMBOL, SEG_LANES,
 * SEG_CHANNELS and SEG_VECTORS given by the build. Portable C on GCC's vector types.
 *
 * Includes no GLib and defines nothing but static functions and one table: an inline compiled
 * for AVX-512 must never be the copy that the linker keeps.
 *
 * -ffp-contract=fast lets multiply and add become one fused operation. That is safe for the
 * determinism contract only because body and tail of every loop here are the same vector
 * operations: tails go through a whole vector too. */
#include <string.h>

#include <segkit/kernels.h>

typedef float seg_vector __attribute__ ((vector_size (SEG_LANES * 4)));
typedef int32_t seg_mask __attribute__ ((vector_size (SEG_LANES * 4)));

static inline seg_vector
seg_load (const float *x)
{
  seg_vector v;
  memcpy (&v, x, sizeof v);
  return v;
}

static inline void
seg_store (float *y, seg_vector v)
{
  memcpy (y, &v, sizeof v);
}

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

static inline seg_vector
seg_affine_vector (seg_vector x, float scale, float shift)
{
  return x * scale + shift;
}

static void
seg_affine (size_t n, const float *x, float scale, float shift, float *y)
{
  float tail[SEG_LANES] = { 0 };
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    seg_store (y + i, seg_affine_vector (seg_load (x + i), scale, shift));
  if (i == n)
    return;
  memcpy (tail, x + i, (n - i) * sizeof *x);
  seg_store (tail, seg_affine_vector (seg_load (tail), scale, shift));
  memcpy (y + i, tail, (n - i) * sizeof *y);
}

/* Sums and maxima round nothing that depends on the vector: a plain loop will do. */
static void
seg_add (size_t n, const float *a, const float *b, float *y)
{
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    seg_store (y + i, seg_load (a + i) + seg_load (b + i));
  for (; i < n; i++)
    y[i] = a[i] + b[i];
}

static void
seg_maximum (size_t n, const float *a, const float *b, float *y)
{
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    {
      seg_vector va = seg_load (a + i), vb = seg_load (b + i);
      seg_mask first = (va >= vb) | (va != va);
      seg_mask bits = (first & (seg_mask) va) | (~first & (seg_mask) vb);

      seg_store (y + i, (seg_vector) bits);
    }
  for (; i < n; i++)
    y[i] = a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i];
}

const SegKernels SEG_LEVEL_SYMBOL = {
  .level = SEG_LEVEL_NAME,
  .lanes = SEG_LANES,
  .conv_channels = SEG_CHANNELS,
  .conv_pixels = SEG_VECTORS * SEG_LANES,
  .convolve = seg_convolve,
  .affine = seg_affine,
  .add = seg_add,
  .maximum = seg_maximum,
};
