#include "densenet.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "dense", SEG_TYPE_DENSE);
  seg_registry_add (registry, "dense-layer", SEG_TYPE_DENSE_LAYER);
  seg_registry_add (registry, "densenet-encoder", SEG_TYPE_DENSENET_ENCODER);
  seg_registry_add (registry, "fc-densenet", SEG_TYPE_FC_DENSENET);
  seg_registry_add (registry, "fc-densenet-decoder", SEG_TYPE_FC_DENSENET_DECODER);
  seg_registry_add (registry, "fc-densenet-encoder", SEG_TYPE_FC_DENSENET_ENCODER);
  seg_registry_add (registry, "transition", SEG_TYPE_TRANSITION);
}

SEG_PLUGIN_DEFINE (densenet, "Densely connected networks: encoders, decoders and their blocks",
                   "LGPL-2.1-or-later", register_features)
