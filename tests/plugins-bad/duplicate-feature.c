/* One feature whose name is taken, and one that is new. */
#include "bad.h"

BAD_DEFINE_LAYER (BadOtherRelu, bad_other_relu)

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "relu", bad_other_relu_get_type ());
  seg_registry_add (registry, "other-relu", bad_other_relu_get_type ());
}

SEG_PLUGIN_DEFINE (duplicate_feature, "Brings a second relu", "CC0-1.0", register_features)
