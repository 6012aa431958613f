/* A convolution, or its transpose, in training: forward, and both ways back. */
#pragma once

#include "direct-conv.h"

SegStep *seg_conv_training_step_new (const SegOffer *offer, const SegConvSpec *spec,
                                     const SegConvSpec *back, gboolean transposed,
                                     gint64 out_channels, gboolean bias, gint tile);
