#include "nn.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "add", SEG_TYPE_ADD);
  seg_registry_add (registry, "batch-norm", SEG_TYPE_BATCH_NORM);
  seg_registry_add (registry, "concat", SEG_TYPE_CONCAT);
  seg_registry_add (registry, "conv2d", SEG_TYPE_CONV2D);
  seg_registry_add (registry, "conv-transpose2d", SEG_TYPE_CONV_TRANSPOSE2D);
  seg_registry_add (registry, "max-pool", SEG_TYPE_MAX_POOL);
  seg_registry_add (registry, "pad", SEG_TYPE_PAD);
  seg_registry_add (registry, "relu", SEG_TYPE_RELU);
  seg_registry_add (registry, "resize-nearest", SEG_TYPE_RESIZE_NEAREST);
  seg_registry_add (registry, "sigmoid", SEG_TYPE_SIGMOID);
  seg_registry_add (registry, "softmax", SEG_TYPE_SOFTMAX);
}

SEG_PLUGIN_DEFINE (nn, "The standard layers of neural networks", "LGPL-2.1-or-later",
                   register_features)
