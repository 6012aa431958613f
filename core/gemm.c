#include <cblas.h>

#include <segkit/gemm.h>

/* OpenBLAS's serial build hands two threads one buffer now and then (0.3.21: of 21,000 products made
 * by two threads, some were wrong), and one cannot tell which build is there. */
static GMutex seg_gemm_mutex;

/**
 * seg_gemm: (skip)
 *
 * c = alpha · op(a) · op(b) + beta · c, row-major, op(a) is m × k, op(b) is k × n.
 *
 * The bits of one element depend on the shape of the whole call, so this is for products whose
 * shape the layer fixes, such as a slot of a weight gradient; never for a rectangle of a map.
 * Threads: any; one product is made at a time.
 */
void
seg_gemm (gboolean transpose_a, gboolean transpose_b, gint64 m, gint64 n, gint64 k, float alpha,
          const float *a, gint64 a_stride, const float *b, gint64 b_stride, float beta, float *c,
          gint64 c_stride)
{
  g_mutex_lock (&seg_gemm_mutex);
  cblas_sgemm (CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
               transpose_b ? CblasTrans : CblasNoTrans, (int) m, (int) n, (int) k, alpha, a,
               (int) a_stride, b, (int) b_stride, beta, c, (int) c_stride);
  g_mutex_unlock (&seg_gemm_mutex);
}
