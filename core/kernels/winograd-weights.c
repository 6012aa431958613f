/* Weights for Winograd's convolutions: G g Gᵀ, in double and rounded once. kernels.h has the
 * matrices. */
#include <segkit/kernels.h>

/* G times three numbers that lie `step` apart. */
static void
seg_winograd2_apply (const double *g, size_t step, double y[4])
{
  double even = g[0] + g[2 * step], odd = g[step];

  y[0] = g[0];
  y[1] = (even + odd) / 2;
  y[2] = (even - odd) / 2;
  y[3] = g[2 * step];
}

static void
seg_winograd4_apply (const double *g, size_t step, double y[6])
{
  const double p = SEG_WINOGRAD4_P;
  double even_p = -(2 * g[0] + g[2 * step]) / 6, odd_p = -2 * p * g[step] / 6;
  double even_q = (2 * g[0] + 4 * g[2 * step]) / 6, odd_q = 4 * p * g[step] / 6;

  y[0] = g[0];
  y[1] = even_p + odd_p;
  y[2] = even_p - odd_p;
  y[3] = even_q + odd_q;
  y[4] = even_q - odd_q;
  y[5] = g[2 * step];
}

/* G g Gᵀ of the 3×3 filter @g times @scale: element (i, j) goes to @u[(i·a + j)·@plane], a being
 * @tile + 2. @tile is 2 or 4. */
void
seg_winograd_transform_weights (int tile, const float g[9], double scale, float *u, size_t plane)
{
  void (*apply) (const double *, size_t, double *) =
      tile == 2 ? seg_winograd2_apply : seg_winograd4_apply;
  int a = tile + 2;
  double scaled[9], columns[6][3], y[6];

  for (int i = 0; i < 9; i++)
    scaled[i] = scale * (double) g[i];
  for (int j = 0; j < 3; j++)
    {
      apply (scaled + j, 3, y);
      for (int i = 0; i < a; i++)
        columns[i][j] = y[i];
    }
  for (int i = 0; i < a; i++)
    {
      apply (columns[i], 1, y);
      for (int j = 0; j < a; j++)
        u[(size_t) (i * a + j) * plane] = (float) y[j];
    }
}
