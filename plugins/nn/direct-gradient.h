/* The gradient of a convolution's weights, computed directly:
 *
 *   dw[k][c][t] += Σ_(oy, ox) small[k](oy, ox) · large[c](oy · stride + dy_t, ox · stride + dx_t)
 *
 * A convolution's output is the small map and its input the large one; of a transposed convolution
 * it is the other way round. Both may lie in blocks, or, for any number of groups, in planes. */
#pragma once

#include "direct-conv.h"

typedef struct
{
  const SegKernels *kernels;
  SegConvSpec spec;
  gint64 n_small, n_large; /* channels of one group */
  SegBlocking small, large;
  gboolean few; /* the small map is planes, fewer than a vector holds: vectors are the large one's */
} SegDirectGradient;

void  seg_direct_gradient_init          (SegDirectGradient *self, const SegKernels *kernels,
                                         const SegConvSpec *spec, gint64 n_small,
                                         const SegBlocking *small, gint64 n_large,
                                         const SegBlocking *large);
gsize seg_direct_gradient_scratch_bytes (const SegDirectGradient *self);
void  seg_direct_gradient_run           (const SegDirectGradient *self, const SegView *small,
                                         const SegView *large, gint64 first_row, gint64 end_row,
                                         guint small_block, guint n_small_blocks,
                                         guint large_block, guint n_large_blocks, float *dweights,
                                         gpointer scratch);
