#include "densenet.h"

struct _SegFcDensenet
{
  SegBlock parent_instance;
  gint depth, classes, n_heads;
  gfloat dropout;
};

G_DEFINE_FINAL_TYPE (SegFcDensenet, seg_fc_densenet, SEG_TYPE_BLOCK)

/**
 * SegFcDensenet:
 *
 * FC-DenseNet, "the tiramisu", as published: its encoder and decoder with the numbers of depth 56,
 * 67 or 103, and a 1×1 convolution to the classes, put together by the block "unet".
 * Source: Jégou et al. 2017, The one hundred layers tiramisu, table 2 and section 4.1,
 * arXiv:1611.09326
 */

typedef struct
{
  gint depth, growth;
  const char *encoder, *decoder;
} Variant;

static const Variant variants[] = {
  { 56, 12, "4;4;4;4;4;4", "4;4;4;4;4" },
  { 67, 16, "5;5;5;5;5;5", "5;5;5;5;5" },
  { 103, 16, "4;5;7;10;12;15", "12;10;7;5;4" },
};

static const Variant *
seg_fc_densenet_get_variant (SegFcDensenet *self, SegGraph *graph)
{
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].depth == self->depth)
      return &variants[i];
  seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                                      "FC-DenseNet-%d is not supported: depth may be 56, 67 or 103",
                                      self->depth));
  return NULL;
}

static void
seg_fc_densenet_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegFcDensenet *self = SEG_FC_DENSENET (block);
  const Variant *variant = seg_fc_densenet_get_variant (self, graph);
  g_autoptr (SegBlock) encoder = NULL, decoder = NULL, unet = NULL;
  GError *error = NULL;

  if (variant == NULL)
    return;
  encoder = g_object_new (SEG_TYPE_FC_DENSENET_ENCODER, "layers", variant->encoder, "growth",
                          variant->growth, "dropout", (double) self->dropout, NULL);
  decoder = g_object_new (SEG_TYPE_FC_DENSENET_DECODER, "layers", variant->decoder, "growth",
                          variant->growth, "dropout", (double) self->dropout, NULL);
  unet = seg_registry_create (seg_registry_get_default (), "unet", SEG_TYPE_BLOCK, &error,
                              "encoder", encoder, "decoder", decoder, "classes", self->classes,
                              "head-kernel-size", 1, "auxiliary-heads", self->n_heads, NULL);
  if (unet != NULL)
    seg_block_build (unet, graph, NULL, in, out);
  else
    seg_graph_fail (graph, error);
}

static void
seg_fc_densenet_class_init (SegFcDensenetClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MODEL;
  block->build = seg_fc_densenet_build;
  seg_block_class_set_info (block, "FC-DenseNet", "Jégou et al. 2017, arXiv:1611.09326");
  seg_class_add_int (klass, "depth", G_STRUCT_OFFSET (SegFcDensenet, depth), 56, 103, 103,
                     "Layers as the network's name counts them: 56, 67 or 103");
  seg_class_add_int (klass, "classes", G_STRUCT_OFFSET (SegFcDensenet, classes), 1, 65536, 2,
                     "Channels of the result, one per class");
  seg_class_add_int (klass, "auxiliary-heads", G_STRUCT_OFFSET (SegFcDensenet, n_heads), 0,
                     SEG_FEATURES_MAX - 1, 0, "Those of the block \"unet\"");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegFcDensenet, dropout), 0.f, 0.95f, 0.2f,
                       "Share of new numbers that training drops");
}

static void
seg_fc_densenet_init (SegFcDensenet *self)
{
  (void) self;
}
