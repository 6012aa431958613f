#include "resnet.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "bottleneck", SEG_TYPE_BOTTLENECK);
  seg_registry_add (registry, "residual", SEG_TYPE_RESIDUAL);
  seg_registry_add (registry, "resnet-encoder", SEG_TYPE_RESNET_ENCODER);
}

SEG_PLUGIN_DEFINE (resnet, "Residual networks: encoders and their blocks", "LGPL-2.1-or-later",
                   register_features)
