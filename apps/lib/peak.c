/* What bounds any network on this machine: the arithmetic of its processors, and its memory. Each
 * is the best of some short measurements, since what else the machine does only ever slows them
 * down: a tenth of a second in all. */
#include <string.h>

#include <segkit/memory.h>

#include "peak.h"

#define SEG_PEAK_SECONDS 0.004 /* of a measurement of arithmetic */
#define SEG_PEAK_ARITHMETIC_RUNS 8
#define SEG_PEAK_MEMORY_RUNS 4

/* A product whose data fit into the smallest first-level caches: inputs 2 KiB, weights 16, outputs
 * 3, or less. 24 pixels are whole register tiles of each level. */
#define SEG_PEAK_TERMS 128
#define SEG_PEAK_PIXELS 24

/* Of each of the two halves of what is copied: several times what caches hold. */
#define SEG_PEAK_MAX_COPY_BYTES ((gsize) 128 << 20)

typedef struct
{
  const SegKernels *kernels;
  guint n_threads;
  guint n_rounds; /* of products, for each thread */
  char *from, *to;
  gsize copy_bytes;
} SegPeakRun;

/* ---- arithmetic ------------------------------------------------------------------------ */

static void
seg_peak_multiply (guint task, guint thread, gpointer user_data)
{
  const SegPeakRun *self = user_data;
  float x[SEG_PEAK_PIXELS * SEG_KERNEL_MAX_LANES + SEG_PEAK_TERMS] = { 0 };
  float weights[SEG_PEAK_TERMS * 2 * SEG_KERNEL_MAX_LANES] = { 0 };
  float y[SEG_PEAK_PIXELS * 2 * SEG_KERNEL_MAX_LANES];
  gsize lanes = (gsize) self->kernels->lanes;
  const float *input = x;
  gint32 n_terms = SEG_PEAK_TERMS;
  SegKernelProduct product = {
    .n_runs = 1,
    .x = &input,
    .n_terms = &n_terms,
    .x_step = lanes,
    .weights = weights,
    .n_vectors = 2,
    .n_pixels = SEG_PEAK_PIXELS,
    .y = y,
    .y_step = lanes,
    .y_vector = SEG_PEAK_PIXELS * lanes,
  };

  (void) task;
  (void) thread;
  for (guint i = 0; i < self->n_rounds; i++)
    self->kernels->product (&product);
}

static double
seg_peak_time (SegPool *pool, SegPoolFunc func, SegPeakRun *run)
{
  gint64 start = g_get_monotonic_time ();

  seg_pool_run (pool, run->n_threads, func, run);
  return (double) MAX (g_get_monotonic_time () - start, 1) / G_USEC_PER_SEC;
}

static double
seg_peak_measure_arithmetic (SegPeakRun *run, SegPool *pool)
{
  double most = 0, seconds;
  double of_round = (double) (SEG_PEAK_TERMS * SEG_PEAK_PIXELS * 2) * run->kernels->lanes
                    * run->n_threads;

  run->n_rounds = 64;
  while ((seconds = seg_peak_time (pool, seg_peak_multiply, run)) < SEG_PEAK_SECONDS)
    run->n_rounds *= 2;
  for (guint i = 0; i < SEG_PEAK_ARITHMETIC_RUNS; i++)
    {
      most = MAX (most, of_round * run->n_rounds / seconds);
      seconds = seg_peak_time (pool, seg_peak_multiply, run);
    }
  return most;
}

/* ---- memory ---------------------------------------------------------------------------- */

static void
seg_peak_copy (guint task, guint thread, gpointer user_data)
{
  const SegPeakRun *self = user_data;
  gsize share = self->copy_bytes / self->n_threads;

  (void) thread;
  memcpy (self->to + task * share, self->from + task * share, share);
}

/* What has not been written to may be one page of zeros. */
static void
seg_peak_fill (guint task, guint thread, gpointer user_data)
{
  const SegPeakRun *self = user_data;
  gsize share = self->copy_bytes / self->n_threads;

  (void) thread;
  memset (self->from + task * share, 1, share);
  memset (self->to + task * share, 2, share);
}

static double
seg_peak_measure_memory (SegPeakRun *run, SegPool *pool)
{
  double least = G_MAXDOUBLE;

  seg_peak_time (pool, seg_peak_fill, run);
  for (guint i = 0; i < SEG_PEAK_MEMORY_RUNS; i++)
    least = MIN (least, seg_peak_time (pool, seg_peak_copy, run));
  return 2. * (double) (run->copy_bytes / run->n_threads * run->n_threads) / least;
}

/**
 * seg_peak_measure: (skip)
 * @kernels: an instruction level
 * @pool: threads
 * @limit: bytes that may be taken for it
 * @peak: (out): what they do at most
 * @error: return location
 *
 * Measures what all threads of a pool together can do, in a tenth of a second and at most 256 MiB,
 * which are given back. With much less than that it is not memory that is measured, but a cache.
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_peak_measure (const SegKernels *kernels, SegPool *pool, gsize limit, SegPeak *peak,
                  GError **error)
{
  SegPeakRun run = { .kernels = kernels, .n_threads = seg_pool_get_n_threads (pool),
                     .copy_bytes = CLAMP (limit / 2, 1 << 20, SEG_PEAK_MAX_COPY_BYTES) };

  run.from = seg_alloc (run.copy_bytes, 2, "memory to measure", error);
  if (run.from == NULL)
    return FALSE;
  run.to = run.from + run.copy_bytes;
  peak->bytes = seg_peak_measure_memory (&run, pool);
  seg_free (run.from);
  peak->multiply_adds = seg_peak_measure_arithmetic (&run, pool);
  return TRUE;
}
