/* What normalisations and the clamp behind them do with a row of a channel block, lane by lane. */

/* Half of a vector's numbers in double: as wide as a register, where sums stay. */
#define SEG_HALF_LANES (SEG_LANES / 2)

typedef float seg_half __attribute__ ((vector_size (SEG_HALF_LANES * 4)));
typedef double seg_double __attribute__ ((vector_size (SEG_HALF_LANES * 8)));

SEG_INLINE seg_double
seg_load_half (const float *x)
{
  seg_half half;

  memcpy (&half, x, sizeof half);
  return __builtin_convertvector (half, seg_double);
}

typedef struct
{
  seg_double first[2], second[2];
} SegNormSums;

SEG_INLINE SegNormSums
seg_norm_load_sums (const double *first, const double *second)
{
  SegNormSums sums;

  memcpy (sums.first, first, sizeof sums.first);
  memcpy (sums.second, second, sizeof sums.second);
  return sums;
}

SEG_INLINE void
seg_norm_store_sums (const SegNormSums *sums, double *first, double *second)
{
  memcpy (first, sums->first, sizeof sums->first);
  memcpy (second, sums->second, sizeof sums->second);
}

static void
seg_norm_sum (size_t n_pixels, const float *x, double *sum, double *square)
{
  SegNormSums sums = seg_norm_load_sums (sum, square);

  for (size_t i = 0; i < n_pixels; i++, x += SEG_LANES)
    SEG_UNROLL
    for (int h = 0; h < 2; h++)
      {
        seg_double value = seg_load_half (x + h * SEG_HALF_LANES);

        sums.first[h] += value;
        sums.second[h] += value * value;
      }
  seg_norm_store_sums (&sums, sum, square);
}

static void
seg_norm_sum_gradient (size_t n_pixels, const float *x, const float *dy, const float *mean,
                       double *sum, double *product)
{
  SegNormSums sums = seg_norm_load_sums (sum, product);
  seg_double center[2] = { seg_load_half (mean), seg_load_half (mean + SEG_HALF_LANES) };

  for (size_t i = 0; i < n_pixels; i++, x += SEG_LANES, dy += SEG_LANES)
    SEG_UNROLL
    for (int h = 0; h < 2; h++)
      {
        seg_double gradient = seg_load_half (dy + h * SEG_HALF_LANES);

        sums.first[h] += gradient;
        sums.second[h] += gradient * (seg_load_half (x + h * SEG_HALF_LANES) - center[h]);
      }
  seg_norm_store_sums (&sums, sum, product);
}

static void
seg_norm_gradient (size_t n_pixels, const SegKernelNormGradient *of, const float *x,
                   const float *dy, const float *add, float *y)
{
  seg_vector scale = seg_load (of->scale), mean = seg_load (of->mean);
  seg_vector center = seg_load (of->center), slope = seg_load (of->slope);

  for (size_t i = 0; i < n_pixels * SEG_LANES; i += SEG_LANES)
    {
      seg_vector dx = seg_load (dy + i) * scale - mean - (seg_load (x + i) - center) * slope;

      seg_store (y + i, add != NULL ? seg_load (add + i) + dx : dx);
    }
}

static void
seg_unclamp (size_t n_pixels, const float *x, const SegKernelPrologue *clamp, const float *dy,
             float *to)
{
  seg_vector scale = clamp->scale != NULL ? seg_load (clamp->scale) : seg_splat (1.f);
  seg_vector shift = clamp->scale != NULL ? seg_load (clamp->shift) : seg_splat (0.f);
  seg_vector low = seg_splat (clamp->lo), high = seg_splat (clamp->hi);

  for (size_t i = 0; i < n_pixels * SEG_LANES; i += SEG_LANES)
    {
      seg_vector y = seg_load (x + i) * scale + shift;
      seg_mask closed = (y <= low) | (y >= high);

      seg_store (to + i, (seg_vector) (~closed & (seg_mask) seg_load (dy + i)));
    }
}
