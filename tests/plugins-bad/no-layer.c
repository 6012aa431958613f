/* Features that are neither layer nor block, or that nobody can make. */
#include "bad.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "an-object", G_TYPE_OBJECT);
  seg_registry_add (registry, "a-number", G_TYPE_INT);
  seg_registry_add (registry, "any-layer", SEG_TYPE_WINDOWED);
}

SEG_PLUGIN_DEFINE (no_layer, "Registers what is no layer", "CC0-1.0", register_features)
