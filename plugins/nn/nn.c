#include "nn.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "add", SEG_TYPE_ADD);
  seg_registry_add (registry, "avg-pool", SEG_TYPE_AVG_POOL);
  seg_registry_add (registry, "batch-norm", SEG_TYPE_BATCH_NORM);
  seg_registry_add (registry, "concat", SEG_TYPE_CONCAT);
  seg_registry_add (registry, "conv-transpose2d", SEG_TYPE_CONV_TRANSPOSE2D);
  seg_registry_add (registry, "conv2d", SEG_TYPE_CONV2D);
  seg_registry_add (registry, "crop", SEG_TYPE_CROP);
  seg_registry_add (registry, "dropout", SEG_TYPE_DROPOUT);
  seg_registry_add (registry, "elu", SEG_TYPE_ELU);
  seg_registry_add (registry, "gelu", SEG_TYPE_GELU);
  seg_registry_add (registry, "global-avg-pool", SEG_TYPE_GLOBAL_AVG_POOL);
  seg_registry_add (registry, "global-max-pool", SEG_TYPE_GLOBAL_MAX_POOL);
  seg_registry_add (registry, "group-norm", SEG_TYPE_GROUP_NORM);
  seg_registry_add (registry, "hardswish", SEG_TYPE_HARDSWISH);
  seg_registry_add (registry, "instance-norm", SEG_TYPE_INSTANCE_NORM);
  seg_registry_add (registry, "leaky-relu", SEG_TYPE_LEAKY_RELU);
  seg_registry_add (registry, "log-softmax", SEG_TYPE_LOG_SOFTMAX);
  seg_registry_add (registry, "max-pool", SEG_TYPE_MAX_POOL);
  seg_registry_add (registry, "multiply", SEG_TYPE_MULTIPLY);
  seg_registry_add (registry, "pad", SEG_TYPE_PAD);
  seg_registry_add (registry, "prelu", SEG_TYPE_PRELU);
  seg_registry_add (registry, "relu", SEG_TYPE_RELU);
  seg_registry_add (registry, "resize-bilinear", SEG_TYPE_RESIZE_BILINEAR);
  seg_registry_add (registry, "resize-nearest", SEG_TYPE_RESIZE_NEAREST);
  seg_registry_add (registry, "sigmoid", SEG_TYPE_SIGMOID);
  seg_registry_add (registry, "silu", SEG_TYPE_SILU);
  seg_registry_add (registry, "softmax", SEG_TYPE_SOFTMAX);
}

SEG_PLUGIN_DEFINE (nn, "The standard layers of neural networks", "LGPL-2.1-or-later",
                   register_features)
