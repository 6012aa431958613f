/* A convolution, or its transpose, in training: forward, and both ways back. */
#pragma once

#include "direct-conv.h"

/**
 * SegConvTiles:
 * @forward: tile of Winograd's; 0: directly
 * @back: likewise, of the gradient of the input
 * @weights: likewise, of the gradient of the weights
 */
typedef struct
{
  gint forward, back, weights;
} SegConvTiles;

SegStep *seg_conv_training_step_new (const SegOffer *offer, const SegConvSpec *spec,
                                     const SegConvSpec *back, gboolean transposed,
                                     gint64 out_channels, gboolean bias, SegConvTiles tiles);
