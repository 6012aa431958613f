/* U-Nets: encoders, decoders and the model that joins them. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_DOUBLE_CONV (seg_double_conv_get_type ())
G_DECLARE_FINAL_TYPE (SegDoubleConv, seg_double_conv, SEG, DOUBLE_CONV, SegBlock)

#define SEG_TYPE_UNET (seg_unet_get_type ())
G_DECLARE_FINAL_TYPE (SegUnet, seg_unet, SEG, UNET, SegBlock)

#define SEG_TYPE_UNET_ENCODER (seg_unet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetEncoder, seg_unet_encoder, SEG, UNET_ENCODER, SegBlock)

#define SEG_TYPE_UNET_DECODER (seg_unet_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetDecoder, seg_unet_decoder, SEG, UNET_DECODER, SegBlock)

#define SEG_TYPE_UNET_SMP_DECODER (seg_unet_smp_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetSmpDecoder, seg_unet_smp_decoder, SEG, UNET_SMP_DECODER, SegBlock)

/* The most channels a level may have: 32 times the widest published. */
#define SEG_UNET_MAX_CHANNELS 65536

SegBlock *_seg_unet_new_inner (SegGraph *graph, SegBlock *pattern, gint64 channels, gboolean norm);

G_END_DECLS
