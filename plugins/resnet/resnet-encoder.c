#include "resnet.h"

struct _SegResnetEncoder
{
  SegBlock parent_instance;
  gint depth, groups, width_per_group;
  gboolean pre_activation;
};

G_DEFINE_FINAL_TYPE (SegResnetEncoder, seg_resnet_encoder, SEG_TYPE_BLOCK)

/**
 * SegResnetEncoder:
 *
 * A residual network without its classifier, parameters named as in torchvision. Depths 18 and 34
 * are made of residual blocks, 50, 101 and 152 of bottlenecks; these may have groups (ResNeXt-50:
 * 32 of width 4; ResNeXt-101: 32 of width 8) or another width (wide ResNets: 128).
 * Pyramid: the image itself, the stem before its pooling, and the four layers, of strides 1, 2, 4,
 * 8, 16, 32 and 64, 64, 128, 256, 512 channels, or 64, 256, 512, 1024, 2048 from depth 50 on.
 *
 * With "pre-activation" the stem is one convolution and a pooling, linear but for the maximum, and
 * sums pass on unactivated. What a decoder gets of the stem and of each layer therefore goes
 * through a batch normalisation and ReLU of its own: `bn1` after the stem, `bn2` to `bn5` after
 * `layer1` to `layer4`. The next layer reads the sum itself.
 * Source: He et al. 2016, Deep residual learning for image recognition, table 1,
 * arXiv:1512.03385; pre-activation: He et al. 2016, Identity mappings in deep residual networks,
 * arXiv:1603.05027; ResNeXt: Xie et al. 2017, table 1, arXiv:1611.05431
 */

/* The file is longer than a block's should be: it is five networks of two kinds in two orders. */

#define N_LAYERS 4

typedef struct
{
  gint depth;
  gboolean bottleneck;
  gint n_blocks[N_LAYERS];
} Variant;

static const Variant variants[] = {
  { 18, FALSE, { 2, 2, 2, 2 } },  { 34, FALSE, { 3, 4, 6, 3 } },  { 50, TRUE, { 3, 4, 6, 3 } },
  { 101, TRUE, { 3, 4, 23, 3 } }, { 152, TRUE, { 3, 8, 36, 3 } },
};

static const Variant *
seg_resnet_encoder_get_variant (SegResnetEncoder *self, SegGraph *graph)
{
  const Variant *variant = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].depth == self->depth)
      variant = &variants[i];
  if (variant == NULL)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                                        "ResNet-%d is not supported: depth may be 18, 34, 50, 101 "
                                        "or 152",
                                        self->depth));
  else if (!variant->bottleneck && (self->groups != 1 || self->width_per_group != 64))
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                                        "ResNet-%d has no bottlenecks, which groups and "
                                        "width-per-group are for",
                                        self->depth));
  return variant;
}

static SegBlock *
seg_resnet_encoder_new_block (SegResnetEncoder *self, const Variant *variant, gint layer,
                              gint stride)
{
  if (variant->bottleneck)
    return g_object_new (SEG_TYPE_BOTTLENECK, "channels", 256 << layer, "stride", stride, "groups",
                         self->groups, "width-per-group", self->width_per_group, "pre-activation",
                         self->pre_activation, NULL);
  return g_object_new (SEG_TYPE_RESIDUAL, "channels", 64 << layer, "stride", stride,
                       "pre-activation", self->pre_activation, NULL);
}

/* Hands a map to the decoder. */
static void
seg_resnet_encoder_keep (SegResnetEncoder *self, SegGraph *graph, SegFeatures *pyramid,
                         const SegFeatures *map)
{
  SegValue x = map->values[0];

  if (self->pre_activation)
    x = _seg_resnet_activate (graph, pyramid->n, "batch", x);
  pyramid->values[pyramid->n] = x;
  pyramid->strides[pyramid->n++] = map->strides[0];
}

static void
seg_resnet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegResnetEncoder *self = SEG_RESNET_ENCODER (block);
  const Variant *variant = seg_resnet_encoder_get_variant (self, graph);
  SegFeatures map = { .n = 1, .values = { in->values[0] }, .strides = { in->strides[0] } };
  SegValue *x = &map.values[0];

  if (seg_graph_failed (graph))
    return;
  *out = map;

  *x = seg_graph_add (graph, "conv1", "conv2d", SEG_IN (*x), "channels", 64, "kernel-size", 7,
                      "stride", 2, "padding", 3, "bias", FALSE, NULL);
  if (!self->pre_activation)
    {
      *x = seg_graph_add (graph, "bn1", "batch-norm", SEG_IN (*x), NULL);
      *x = seg_graph_add (graph, "relu", "relu", SEG_IN (*x), NULL);
    }
  map.strides[0] *= 2;
  seg_resnet_encoder_keep (self, graph, out, &map);

  *x = seg_graph_add (graph, "maxpool", "max-pool", SEG_IN (*x), "kernel-size", 3, "stride", 2,
                      "padding", 1, NULL);
  map.strides[0] *= 2;
  for (gint layer = 0; layer < N_LAYERS; layer++)
    {
      for (gint i = 0; i < variant->n_blocks[layer]; i++)
        {
          g_autofree char *name = g_strdup_printf ("layer%d.%d", layer + 1, i);
          g_autoptr (SegBlock) unit =
              seg_resnet_encoder_new_block (self, variant, layer, layer > 0 && i == 0 ? 2 : 1);
          SegFeatures before = map;

          seg_block_build (unit, graph, name, &before, &map);
        }
      seg_resnet_encoder_keep (self, graph, out, &map);
    }
}

static void
seg_resnet_encoder_class_init (SegResnetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_resnet_encoder_build;
  seg_block_class_set_info (block, "ResNet encoder",
                            "He et al. 2016, arXiv:1512.03385 and arXiv:1603.05027");
  seg_class_add_int (klass, "depth", G_STRUCT_OFFSET (SegResnetEncoder, depth), 18, 152, 34,
                     "Layers as the network's name counts them: 18, 34, 50, 101 or 152");
  seg_class_add_int (klass, "groups", G_STRUCT_OFFSET (SegResnetEncoder, groups), 1, 1024, 1,
                     "Groups of each bottleneck's 3×3 convolution");
  seg_class_add_int (klass, "width-per-group", G_STRUCT_OFFSET (SegResnetEncoder, width_per_group),
                     1, 1024, 64, "Channels of a group in the first layer's bottlenecks");
  seg_class_add_boolean (klass, "pre-activation",
                         G_STRUCT_OFFSET (SegResnetEncoder, pre_activation), FALSE,
                         "Normalisation and ReLU before each convolution, not after");
}

static void
seg_resnet_encoder_init (SegResnetEncoder *self)
{
  (void) self;
}
