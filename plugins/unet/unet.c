#include "unet.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "double-conv", SEG_TYPE_DOUBLE_CONV);
  seg_registry_add (registry, "nnunet", SEG_TYPE_NNUNET);
  seg_registry_add (registry, "nnunet-decoder", SEG_TYPE_NNUNET_DECODER);
  seg_registry_add (registry, "nnunet-encoder", SEG_TYPE_NNUNET_ENCODER);
  seg_registry_add (registry, "residual-d", SEG_TYPE_RESIDUAL_D);
  seg_registry_add (registry, "scse", SEG_TYPE_SCSE);
  seg_registry_add (registry, "stacked-convs", SEG_TYPE_STACKED_CONVS);
  seg_registry_add (registry, "unet", SEG_TYPE_UNET);
  seg_registry_add (registry, "unet-decoder", SEG_TYPE_UNET_DECODER);
  seg_registry_add (registry, "unet-encoder", SEG_TYPE_UNET_ENCODER);
  seg_registry_add (registry, "unet-smp-decoder", SEG_TYPE_UNET_SMP_DECODER);
}

SEG_PLUGIN_DEFINE (unet, "U-Nets: encoders, decoders and the models that join them",
                   "LGPL-2.1-or-later", register_features)
