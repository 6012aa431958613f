/* The gradient of a 3×3 convolution's weights by Winograd's minimal filtering [Lavin and Gray 2016,
 * arXiv:1509.09308]: dg = Gᵀ (Σ (Bᵀ d B) ⊙ (A dy Aᵀ)) G, summed over all tiles, is the adjoint of
 * what seg_winograd_conv_run() computes. */
#pragma once

#include "conv-posts.h"

typedef struct
{
  const SegKernels *kernels;
  gint64 tile, n_points;
  gint64 in_channels, n_in_blocks, n_out_blocks, y_padding, x_padding;
  gint64 grain;   /* blocks of outputs worked on at once */
  gint64 n_tiles; /* likewise */
} SegWinogradGradient;

void  seg_winograd_gradient_init          (SegWinogradGradient *self, const SegOffer *offer,
                                           gint tile, gint y_padding, gint x_padding);
gsize seg_winograd_gradient_scratch_bytes (const SegWinogradGradient *self);
void  seg_winograd_gradient_run           (const SegWinogradGradient *self, const SegView *in,
                                           const SegView *dout, const SegParamPiece *piece,
                                           float *dweights, gpointer scratch);
