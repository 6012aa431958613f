#include "unet.h"

struct _SegStackedConvs
{
  SegBlock parent_instance;
  gint channels, n_convs, stride;
  SegUnetNames names;
};

G_DEFINE_FINAL_TYPE (SegStackedConvs, seg_stacked_convs, SEG_TYPE_BLOCK)

/**
 * SegStackedConvs:
 *
 * nnU-Net's plain block: convolutions of 3×3 with bias, each followed by normalisation and
 * activation; the first carries the stride. Parameters are named as in
 * dynamic_network_architectures: `convs.0.conv.weight`, `convs.0.norm.weight`, …
 * Source: Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z; StackedConvBlocks of
 * dynamic_network_architectures
 */

/* Adds `<name>.conv`, `<name>.norm` and `<name>.nonlin`. */
SegValue
_seg_nnunet_add_conv (SegGraph *graph, const char *name, const SegNnunetConv *conv, SegValue x)
{
  seg_graph_push (graph, name);
  x = seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", conv->channels, "kernel-size",
                     conv->kernel, "stride", conv->stride, "padding", conv->kernel / 2, "bias",
                     conv->bias, NULL);
  x = _seg_unet_add_norm (graph, "norm", conv->norm, x);
  if (conv->activation != NULL)
    x = _seg_unet_add_activation (graph, "nonlin", conv->activation, x);
  seg_graph_pop (graph);
  return x;
}

static void
seg_stacked_convs_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegStackedConvs *self = SEG_STACKED_CONVS (block);
  SegNnunetConv conv = { .channels = self->channels,
                         .kernel = 3,
                         .stride = self->stride,
                         .bias = TRUE,
                         .norm = self->names.norm,
                         .activation = self->names.activation };
  SegValue x = in->values[0];

  seg_graph_push (graph, "convs");
  for (gint i = 0; i < self->n_convs; i++, conv.stride = 1)
    {
      g_autofree char *name = g_strdup_printf ("%d", i);
      x = _seg_nnunet_add_conv (graph, name, &conv, x);
    }
  seg_graph_pop (graph);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] * self->stride } };
}

static void
seg_stacked_convs_class_init (SegStackedConvsClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_stacked_convs_build;
  seg_block_class_set_info (block, "nnU-Net's stacked convolutions",
                            "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegStackedConvs, channels), 1,
                     SEG_UNET_MAX_CHANNELS, 32, "Channels of each convolution");
  seg_class_add_int (klass, "n-convs", G_STRUCT_OFFSET (SegStackedConvs, n_convs), 1, 64, 2,
                     "How many convolutions");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegStackedConvs, stride), 1, 8, 1,
                     "Stride of the first convolution");
  _seg_unet_class_add_names (klass, G_STRUCT_OFFSET (SegStackedConvs, names), "instance",
                             "leaky-relu");
}

static void
seg_stacked_convs_init (SegStackedConvs *self)
{
  (void) self;
}
