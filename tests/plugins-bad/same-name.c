/* Calls itself as one of our own plugins. */
#include "bad.h"

BAD_DEFINE_LAYER (BadSameName, bad_same_name)

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "same-name", bad_same_name_get_type ());
}

SEG_PLUGIN_DEFINE (nn, "Not the nn that is meant", "CC0-1.0", register_features)
