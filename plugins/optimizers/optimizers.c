#include "optimizers.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "adam", SEG_TYPE_ADAM);
  seg_registry_add (registry, "adamw", SEG_TYPE_ADAMW);
  seg_registry_add (registry, "constant", SEG_TYPE_CONSTANT);
  seg_registry_add (registry, "cosine", SEG_TYPE_COSINE);
  seg_registry_add (registry, "one-cycle", SEG_TYPE_ONE_CYCLE);
  seg_registry_add (registry, "plateau", SEG_TYPE_PLATEAU);
  seg_registry_add (registry, "poly", SEG_TYPE_POLY);
  seg_registry_add (registry, "rmsprop", SEG_TYPE_RMSPROP);
  seg_registry_add (registry, "sgd", SEG_TYPE_SGD);
  seg_registry_add (registry, "step", SEG_TYPE_STAIRS);
}

SEG_PLUGIN_DEFINE (optimizers, "Optimisers and learning rate schedules", "LGPL-2.1-or-later",
                   register_features)
