/* The numeric kernels: one table per instruction-set level, all doing the same arithmetic in
 * the same order. Plain C, no GLib: this header is also what the kernels themselves include. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No table has longer vectors than this, in floats. */
#define SEG_KERNEL_MAX_LANES 16

/* Most outputs of the narrow product, and how many come together. */
#define SEG_KERNEL_NARROW 12
#define SEG_KERNEL_NARROW_GRAIN 4

/* x → min (max (scale·x + shift, lo), hi), per lane; NaN stays NaN. What comes before a
 * convolution. */
typedef struct
{
  const float *scale, *shift; /* `lanes` of each */
  float lo, hi;
} SegKernelPrologue;

/* One register-blocked product, the engine of every convolution:
 *
 *   y[v·y_vector + p·y_step + l] = init[v·lanes + l] + Σ_i Σ_{j < n_terms[i]}
 *       x[i][p·x_step + j] · weights[(terms before i, j)·n_vectors·lanes + v·lanes + l]
 *
 * for p < n_pixels, v < n_vectors (1 or 2), summed in the order of (i, j), by fused multiply-adds
 * where the level has them. Nothing outside of what is named is read or written, whatever n_pixels
 * is. It is fast for x_step == lanes; any other (1: planar, 2·lanes: stride 2) will do. */
typedef struct
{
  size_t n_runs;
  const float *const *x;  /* n_runs */
  const int32_t *n_terms; /* n_runs */
  size_t x_step;
  const float *weights, *init; /* init NULL: zeros */
  size_t n_vectors, n_pixels;
  float *y;
  size_t y_step, y_vector;
  const float *next; /* about as many, of the call to follow, which it is to find in L2; NULL:
                        they lie there, or there are none. A hint, which narrow() does not take */
} SegKernelProduct;

/* A sum of outer products, which gradients of a convolution's weights are made of:
 *
 *   y[r·y_row + v·y_vector + l] += Σ_i Σ_{j < n_terms}
 *       a[i][j·a_step + r] · b[v·n_runs + i][j·b_step + l]
 *
 * for r < n_rows, v < n_vectors (1 or 2): the sum is one chain of multiply-adds that begins with
 * zero, in the order of (i, j), and then added. Fast if n_rows is `lanes`. */
typedef struct
{
  size_t n_runs, n_terms;
  const float *const *a; /* n_runs */
  const float *const *b; /* n_vectors · n_runs */
  size_t a_step, b_step;
  size_t n_rows, n_vectors;
  float *y;
  size_t y_row, y_vector;
} SegKernelOuter;

/* How a normalisation's gradient follows from that of its output, in each of the lanes:
 * dx = scale·dy - mean - (x - center)·slope. */
typedef struct
{
  float scale[SEG_KERNEL_MAX_LANES], mean[SEG_KERNEL_MAX_LANES], center[SEG_KERNEL_MAX_LANES],
      slope[SEG_KERNEL_MAX_LANES];
} SegKernelNormGradient;

/* Winograd's F(2×2, 3×3) and F(4×4, 3×3) [Lavin and Gray 2016, arXiv:1509.09308]:
 * y = Aᵀ ((G g Gᵀ) ⊙ (Bᵀ d B)) A. F(2×2) interpolates at 0, ±1, ∞:
 *
 *        ⎡1  0 −1  0⎤      ⎡1   0   0⎤
 *   Bᵀ = ⎢0  1  1  0⎥  G = ⎢½   ½   ½⎥  Aᵀ = ⎡1 1  1  0⎤
 *        ⎢0 −1  1  0⎥      ⎢½  −½   ½⎥       ⎣0 1 −1 −1⎦
 *        ⎣0  1  0 −1⎦      ⎣0   0   1⎦
 *
 * and F(4×4) at 0, ±p, ±q, ∞ with p = 1/√2 and q = √2: its error is less than half of that of the
 * usual ±1, ±2, and p²q² = 1 makes it cheaper.
 *
 *        ⎡1   0  −2½   0   1  0⎤          ⎡ 6   0   0⎤
 *        ⎢0 −2p  −2    p   1  0⎥          ⎢−2 −2p  −1⎥       ⎡1  2   2   ½   ½  0⎤
 *   Bᵀ = ⎢0  2p  −2   −p   1  0⎥  G = 1/6 ⎢−2  2p  −1⎥  Aᵀ = ⎢0 2p −2p   p  −p  0⎥
 *        ⎢0  −p  −½   2p   1  0⎥          ⎢ 2  4p   4⎥       ⎢0  1   1   1   1  0⎥
 *        ⎢0   p  −½  −2p   1  0⎥          ⎢ 2 −4p   4⎥       ⎣0  p  −p  2p −2p  1⎦
 *        ⎣0   1   0  −2½   0  1⎦          ⎣ 0   0   6⎦ */
#define SEG_WINOGRAD4_P 0.70710678118654752440f

typedef struct
{
  const char *level; /* "base", "x86-64-v3", "x86-64-v4" */
  int lanes;         /* floats in a vector */

  /* Runs of n floats; y may be x (or a), otherwise they do not overlap. */
  void (*affine) (size_t n, const float *x, float scale, float shift, float *y);
  void (*add) (size_t n, const float *a, const float *b, float *y);
  void (*maximum) (size_t n, const float *a, const float *b, float *y); /* NaN wins */

  /* What follows is for channel blocks: a row of a block is pixels of `lanes` channels. */

  void (*product) (const SegKernelProduct *product);

  /* The same for few outputs: n_vectors (1 to 3) of four, whose weights lie otherwise, those of
   * t = lanes / 4 terms together: term g·t + j of output k is
   * weights[(g·n_vectors·4 + k)·t + j]. Each n_terms is a multiple of t. A sum is t sums, each over
   * every t-th term, that are added in the end, and then init. As many vectors are written as hold
   * all outputs; behind these are zeros (or init). */
  void (*narrow) (const SegKernelProduct *product);

  /* v = Bᵀ d B of tiles side by side, m = 2 or 4, a = m + 2: tile t's input begins t·m·lanes
   * floats further in each of the a rows, and goes to v[(i·a + j)·plane + t·lanes + l]. prologue
   * may be NULL. */
  void (*winograd2_input) (const float *const rows[4], size_t n_tiles,
                           const SegKernelPrologue *prologue, float *v, size_t plane);
  void (*winograd4_input) (const float *const rows[6], size_t n_tiles,
                           const SegKernelPrologue *prologue, float *v, size_t plane);

  /* y = clamp (Aᵀ m A + shift [+ add], lo, hi), m laid out as v is: row r of tile t goes to
   * rows[r] + t·m·lanes; add[r], likewise, is added before the clamp (add NULL: nothing is).
   * `lanes` of shift; lo = -INFINITY and hi = INFINITY do not clamp, and NaN stays NaN. */
  void (*winograd2_output) (const float *m, size_t plane, size_t n_tiles, const float *shift,
                            const float *const add[2], float lo, float hi, float *const rows[2]);
  void (*winograd4_output) (const float *m, size_t plane, size_t n_tiles, const float *shift,
                            const float *const add[4], float lo, float hi, float *const rows[4]);

  /* What training needs beside them. */

  /* y[j·lanes + l] = rows[l][j], j < n, which makes vectors of numbers that lie one behind the other
   * in each of the lanes; and back, rows[l][j] = x[j·lanes + l]. */
  void (*to_lanes) (size_t n, const float *const *rows, float *y);
  void (*from_lanes) (size_t n, const float *x, float *const *rows);

  void (*outer) (const SegKernelOuter *outer);

  /* m = A dy Aᵀ of tiles side by side, the adjoint of the output's transform: tile t's gradient
   * begins t·m·lanes floats further in each of the m rows, and goes to
   * m[(i·a + j)·plane + t·lanes + l]. */
  void (*winograd2_adjoint) (const float *const rows[2], size_t n_tiles, float *m, size_t plane);
  void (*winograd4_adjoint) (const float *const rows[4], size_t n_tiles, float *m, size_t plane);

  /* u = G g Gᵀ of `lanes` filters, computed in double and rounded once: g[t·step + l], t < 9, to
   * u[(i·a + j)·plane + l]; and its adjoint, dg = Gᵀ du G, with step = lanes. */
  void (*winograd2_filter) (const float *g, ptrdiff_t step, float *u, size_t plane);
  void (*winograd4_filter) (const float *g, ptrdiff_t step, float *u, size_t plane);
  void (*winograd2_filter_adjoint) (const float *du, size_t plane, float *dg);
  void (*winograd4_filter_adjoint) (const float *du, size_t plane, float *dg);

  /* y = clamp (y + add, lo, hi) for n floats (add NULL: nothing is added), and y = prologue (x)
   * for n_pixels of `lanes` floats; y may be x. NaN stays NaN in both. */
  void (*finish) (size_t n, const float *add, float lo, float hi, float *y);
  void (*prologue) (size_t n_pixels, const float *x, const SegKernelPrologue *prologue, float *y);

  /* What of @dy came through @clamp, whose input was x: nothing where scale·x + shift is lo or less,
   * or hi or more; NaN lets it through. scale NULL: x is what the clamp itself saw, or made of it. */
  void (*unclamp) (size_t n_pixels, const float *x, const SegKernelPrologue *clamp, const float *dy,
                   float *to);

  /* Add Σ x and Σ x² of each of the lanes, and Σ dy and Σ dy·(x - mean), pixel after pixel. Products
   * of floats are exact in double, so that differences lose nothing that a float would show. */
  void (*norm_sum) (size_t n_pixels, const float *x, double *sum, double *square);
  void (*norm_sum_gradient) (size_t n_pixels, const float *x, const float *dy, const float *mean,
                             double *sum, double *product);

  /* y = dx, or add + dx; y may be add. */
  void (*norm_gradient) (size_t n_pixels, const SegKernelNormGradient *of, const float *x,
                         const float *dy, const float *add, float *y);
} SegKernels;

const SegKernels *seg_kernels_get       (void);
const SegKernels *seg_kernels_lookup    (const char *level);
const SegKernels *seg_kernels_get_level (unsigned i); /* NULL past the last this processor runs */
const SegKernels *seg_kernels_get_known (unsigned i); /* NULL past the last built in */
int               seg_kernels_is_known  (const char *level);

/* G g Gᵀ of one 3×3 filter g times scale: u[(i·a + j)·plane], computed in double and rounded once.
 * tile is 2 or 4, and a = tile + 2. */
void seg_winograd_transform_weights (int tile, const float g[9], double scale, float *u,
                                     size_t plane);

#ifdef __cplusplus
}
#endif
