/* Features that are neither layer nor block. */
#include "bad.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "an-object", G_TYPE_OBJECT);
  seg_registry_add (registry, "a-number", G_TYPE_INT);
}

SEG_PLUGIN_DEFINE (no_layer, "Registers what is no layer", "CC0-1.0", register_features)
