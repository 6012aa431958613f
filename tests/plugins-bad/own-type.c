/* A type called as one of our own: loaded first, it would keep ours from being registered. */
#include "bad.h"

BAD_DEFINE_LAYER (SegRelu, seg_relu)

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "own-type", seg_relu_get_type ());
}

SEG_PLUGIN_DEFINE (own_type, "Takes the name of a type", "CC0-1.0", register_features)
