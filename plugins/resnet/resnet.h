/* Residual networks as encoders. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_RESIDUAL (seg_residual_get_type ())
G_DECLARE_FINAL_TYPE (SegResidual, seg_residual, SEG, RESIDUAL, SegBlock)

#define SEG_TYPE_RESNET_ENCODER (seg_resnet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegResnetEncoder, seg_resnet_encoder, SEG, RESNET_ENCODER, SegBlock)

G_END_DECLS
