#include "densenet.h"

struct _SegDensenetEncoder
{
  SegBlock parent_instance;
  gint depth;
};

G_DEFINE_FINAL_TYPE (SegDensenetEncoder, seg_densenet_encoder, SEG_TYPE_BLOCK)

/**
 * SegDensenetEncoder:
 *
 * DenseNet-BC without its classifier, parameters named as in torchvision: all are below
 * `features`.
 * Pyramid, as segmentation_models.pytorch takes it: the image itself, the stem before its pooling,
 * each of the three transitions before its convolution, and the last block normalised, there
 * without a ReLU: strides 1, 2, 4, 8, 16, 32. Depth 121 has 64, 256, 512, 1024, 1024 channels.
 * Sizes are rounded up twice, by stem and pooling, and then down, by the transitions.
 * Source: Huang et al. 2017, Densely connected convolutional networks, table 1, arXiv:1608.06993
 */

#define N_BLOCKS 4

typedef struct
{
  gint depth, growth, channels, n_layers[N_BLOCKS];
} Variant;

static const Variant variants[] = {
  { 121, 32, 64, { 6, 12, 24, 16 } },
  { 161, 48, 96, { 6, 12, 36, 24 } },
  { 169, 32, 64, { 6, 12, 32, 32 } },
  { 201, 32, 64, { 6, 12, 48, 32 } },
};

static const Variant *
seg_densenet_encoder_get_variant (SegDensenetEncoder *self, SegGraph *graph)
{
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].depth == self->depth)
      return &variants[i];
  seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                                      "DenseNet-%d is not supported: depth may be 121, 161, 169 "
                                      "or 201",
                                      self->depth));
  return NULL;
}

static void
seg_densenet_encoder_keep (SegFeatures *pyramid, SegValue x)
{
  pyramid->values[pyramid->n] = x;
  pyramid->strides[pyramid->n] = pyramid->strides[pyramid->n - 1] * 2;
  pyramid->n++;
}

/* A dense block, and where it ends: a skip, and unless it is the last what the next block reads. */
static SegValue
seg_densenet_encoder_build_stage (SegGraph *graph, const Variant *variant, gint i, SegValue x,
                                  SegFeatures *out)
{
  g_autofree char *block = g_strdup_printf ("denseblock%d", i + 1);
  g_autofree char *transition = g_strdup_printf ("transition%d", i + 1);
  SegDenseForm form = { .n_layers = variant->n_layers[i],
                        .growth = variant->growth,
                        .expansion = 4 };

  seg_graph_push (graph, block);
  x = _seg_dense_build_layers (graph, &form, FALSE, x);
  seg_graph_pop (graph);
  if (i == N_BLOCKS - 1)
    {
      x = seg_graph_add (graph, "norm5", "batch-norm", SEG_IN (x), NULL);
      seg_densenet_encoder_keep (out, x);
      return x;
    }

  /* as the transition block, but with a skip in it */
  seg_graph_push (graph, transition);
  x = _seg_dense_activate (graph, "norm", "relu", x);
  seg_densenet_encoder_keep (out, x);
  x = _seg_dense_shrink (graph, "conv", seg_graph_get_channels (graph, x) / 2, FALSE, x);
  x = seg_graph_add (graph, "pool", "avg-pool", SEG_IN (x), "kernel-size", 2, "stride", 2, NULL);
  seg_graph_pop (graph);
  return x;
}

static void
seg_densenet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in,
                            SegFeatures *out)
{
  const Variant *variant = seg_densenet_encoder_get_variant (SEG_DENSENET_ENCODER (block), graph);
  SegValue x = in->values[0];

  if (variant == NULL)
    return;
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };

  seg_graph_push (graph, "features");
  x = seg_graph_add (graph, "conv0", "conv2d", SEG_IN (x), "channels", variant->channels,
                     "kernel-size", 7, "stride", 2, "padding", 3, "bias", FALSE, NULL);
  x = _seg_dense_activate (graph, "norm0", "relu0", x);
  seg_densenet_encoder_keep (out, x);
  x = seg_graph_add (graph, "pool0", "max-pool", SEG_IN (x), "kernel-size", 3, "stride", 2,
                     "padding", 1, NULL);
  for (gint i = 0; i < N_BLOCKS; i++)
    x = seg_densenet_encoder_build_stage (graph, variant, i, x, out);
  seg_graph_pop (graph);
}

static void
seg_densenet_encoder_class_init (SegDensenetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_densenet_encoder_build;
  seg_block_class_set_info (block, "DenseNet encoder", "Huang et al. 2017, arXiv:1608.06993");
  seg_class_add_int (klass, "depth", G_STRUCT_OFFSET (SegDensenetEncoder, depth), 121, 201, 121,
                     "Layers as the network's name counts them: 121, 161, 169 or 201");
}

static void
seg_densenet_encoder_init (SegDensenetEncoder *self)
{
  (void) self;
}
