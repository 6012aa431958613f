#include "losses.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "bce", SEG_TYPE_BCE);
  seg_registry_add (registry, "combined", SEG_TYPE_COMBINED);
  seg_registry_add (registry, "cross-entropy", SEG_TYPE_CROSS_ENTROPY);
  seg_registry_add (registry, "dice", SEG_TYPE_DICE);
  seg_registry_add (registry, "dice-ce", SEG_TYPE_DICE_CE);
  seg_registry_add (registry, "focal", SEG_TYPE_FOCAL);
  seg_registry_add (registry, "jaccard", SEG_TYPE_JACCARD);
  seg_registry_add (registry, "lovasz", SEG_TYPE_LOVASZ);
  seg_registry_add (registry, "tversky", SEG_TYPE_TVERSKY);
}

SEG_PLUGIN_DEFINE (losses, "Losses for segmentation", "LGPL-2.1-or-later", register_features)
