#pragma once

#include <segkit/kernels.h>
#include <segkit/pool.h>

G_BEGIN_DECLS

/**
 * SegPeak:
 * @multiply_adds: of all threads together, in a second
 * @bytes: of memory that they read and write, in a second
 *
 * What this machine does at most.
 */
typedef struct
{
  double multiply_adds, bytes;
} SegPeak;

gboolean seg_peak_measure (const SegKernels *kernels, SegPool *pool, gsize limit,
                           SegPeak *peak, GError **error);

G_END_DECLS
