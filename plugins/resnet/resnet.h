/* Residual networks as encoders, and their units as blocks. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_RESIDUAL (seg_residual_get_type ())
G_DECLARE_FINAL_TYPE (SegResidual, seg_residual, SEG, RESIDUAL, SegBlock)

#define SEG_TYPE_BOTTLENECK (seg_bottleneck_get_type ())
G_DECLARE_FINAL_TYPE (SegBottleneck, seg_bottleneck, SEG, BOTTLENECK, SegBlock)

#define SEG_TYPE_RESNET_ENCODER (seg_resnet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegResnetEncoder, seg_resnet_encoder, SEG, RESNET_ENCODER, SegBlock)

/* A residual unit of either order: convolutions one after the other, and a shortcut around them. */
typedef struct
{
  struct
  {
    gint channels, kernel, stride, groups;
  } convs[3];
  guint n_convs;
  gboolean pre_activation;
  const char *norm; /* as the property has it */
} SegResidualUnit;

void     _seg_resnet_build_unit (SegGraph *graph, const SegResidualUnit *unit,
                                 const SegFeatures *in, SegFeatures *out);
SegValue _seg_resnet_activate   (SegGraph *graph, guint number, const char *norm,
                                 SegValue x);

G_END_DECLS
