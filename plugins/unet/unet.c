#include "unet.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "double-conv", SEG_TYPE_DOUBLE_CONV);
  seg_registry_add (registry, "unet", SEG_TYPE_UNET);
  seg_registry_add (registry, "unet-decoder", SEG_TYPE_UNET_DECODER);
  seg_registry_add (registry, "unet-encoder", SEG_TYPE_UNET_ENCODER);
  seg_registry_add (registry, "unet-smp-decoder", SEG_TYPE_UNET_SMP_DECODER);
}

SEG_PLUGIN_DEFINE (unet, "U-Nets: encoders, decoders and the model that joins them",
                   "LGPL-2.1-or-later", register_features)
