#include "resnet.h"

struct _SegResnetEncoder
{
  SegBlock parent_instance;
  gint depth;
};

G_DEFINE_FINAL_TYPE (SegResnetEncoder, seg_resnet_encoder, SEG_TYPE_BLOCK)

/**
 * SegResnetEncoder:
 *
 * A residual network without its classifier, parameters named as in torchvision.
 * Pyramid: the image itself, the stem before its pooling, and the four layers, of strides
 * 1, 2, 4, 8, 16, 32 and 64, 64, 128, 256, 512 channels.
 * Source: He et al. 2016, Deep residual learning for image recognition, table 1,
 * arXiv:1512.03385
 */

#define N_LAYERS 4

static const struct
{
  gint depth, n_blocks[N_LAYERS];
} variants[] = {
  { 18, { 2, 2, 2, 2 } },
  { 34, { 3, 4, 6, 3 } },
};

static const gint *
seg_resnet_encoder_get_n_blocks (SegResnetEncoder *self, SegGraph *graph)
{
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].depth == self->depth)
      return variants[i].n_blocks;
  seg_graph_fail (graph,
                  g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                               "ResNet-%d is not supported: depth may be 18 or 34", self->depth));
  return NULL;
}

static void
seg_resnet_encoder_keep (SegFeatures *pyramid, const SegFeatures *map)
{
  pyramid->values[pyramid->n] = map->values[0];
  pyramid->strides[pyramid->n++] = map->strides[0];
}

static void
seg_resnet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  const gint *n_blocks = seg_resnet_encoder_get_n_blocks (SEG_RESNET_ENCODER (block), graph);
  SegFeatures map = { .n = 1, .values = { in->values[0] }, .strides = { in->strides[0] } };
  SegValue *x = &map.values[0];

  if (n_blocks == NULL)
    return;
  seg_resnet_encoder_keep (out, &map);

  *x = seg_graph_add (graph, "conv1", "conv2d", SEG_IN (*x), "channels", 64, "kernel-size", 7,
                      "stride", 2, "padding", 3, "bias", FALSE, NULL);
  *x = seg_graph_add (graph, "bn1", "batch-norm", SEG_IN (*x), NULL);
  *x = seg_graph_add (graph, "relu", "relu", SEG_IN (*x), NULL);
  map.strides[0] *= 2;
  seg_resnet_encoder_keep (out, &map);

  *x = seg_graph_add (graph, "maxpool", "max-pool", SEG_IN (*x), "kernel-size", 3, "stride", 2,
                      "padding", 1, NULL);
  map.strides[0] *= 2;
  for (gint layer = 0; layer < N_LAYERS; layer++)
    {
      for (gint i = 0; i < n_blocks[layer]; i++)
        {
          g_autofree char *name = g_strdup_printf ("layer%d.%d", layer + 1, i);
          g_autoptr (SegBlock) residual =
              g_object_new (SEG_TYPE_RESIDUAL, "channels", 64 << layer, "stride",
                            layer > 0 && i == 0 ? 2 : 1, NULL);
          SegFeatures before = map;

          seg_block_build (residual, graph, name, &before, &map);
        }
      seg_resnet_encoder_keep (out, &map);
    }
}

static void
seg_resnet_encoder_class_init (SegResnetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_resnet_encoder_build;
  seg_block_class_set_info (block, "ResNet encoder", "He et al. 2016, arXiv:1512.03385");
  seg_class_add_int (klass, "depth", G_STRUCT_OFFSET (SegResnetEncoder, depth), 18, 34, 34,
                     "Layers as the network's name counts them: 18 or 34");
}

static void
seg_resnet_encoder_init (SegResnetEncoder *self)
{
  (void) self;
}
