/* Weights for Winograd's convolutions: G g Gᵀ, in double and rounded once. kernels.h has the
 * matrices. */
#include <segkit/kernels.h>

/* Row i of G times three numbers that lie `step` apart. */
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
  const double a = SEG_WINOGRAD4_A, b = SEG_WINOGRAD4_B, aa = a * a, bb = b * b;
  double even_a = (g[0] + aa * g[2 * step]) / (2 * aa * (aa - bb));
  double even_b = (g[0] + bb * g[2 * step]) / (2 * bb * (bb - aa));
  double odd_a = a * g[step] / (2 * aa * (aa - bb)), odd_b = b * g[step] / (2 * bb * (bb - aa));

  y[0] = g[0] / (aa * bb);
  y[1] = even_a + odd_a;
  y[2] = even_a - odd_a;
  y[3] = even_b + odd_b;
  y[4] = even_b - odd_b;
  y[5] = g[2 * step];
}

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
