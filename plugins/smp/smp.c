#include "smp.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "smp", SEG_TYPE_SMP_FORMAT);
}

SEG_PLUGIN_DEFINE (smp, "Models of segmentation_models.pytorch, read and written",
                   "LGPL-2.1-or-later", register_features)
