#include "unet.h"

struct _SegResidualD
{
  SegBlock parent_instance;
  gint channels, stride;
  SegUnetNames names;
};

G_DEFINE_FINAL_TYPE (SegResidualD, seg_residual_d, SEG_TYPE_BLOCK)

/**
 * SegResidualD:
 *
 * nnU-Net's residual block: two 3×3 convolutions with bias and normalisation, the first of them
 * strided and activated; the input is added, and the sum activated. Where the size changes the
 * input is averaged (ResNet-D), where the channels change it goes through a 1×1 convolution
 * without bias and a normalisation. Parameters are named as in dynamic_network_architectures.
 *
 * The average rounds sizes down and the convolution rounds them up: a strided block takes only
 * maps whose size the stride divides.
 * Source: He et al. 2019, Bag of tricks for image classification with convolutional neural
 * networks, figure 2(c), arXiv:1812.01187; BasicBlockD of dynamic_network_architectures
 */

/* The input, as it can be added. */
static SegValue
seg_residual_d_add_skip (SegResidualD *self, SegGraph *graph, SegValue x)
{
  SegNnunetConv project = {
    .channels = self->channels, .kernel = 1, .stride = 1, .norm = self->names.norm
  };

  seg_graph_push (graph, "skip");
  if (self->stride != 1)
    x = seg_graph_add (graph, "0", "avg-pool", SEG_IN (x), "kernel-size", self->stride, "stride",
                       self->stride, NULL);
  if (seg_graph_get_channels (graph, x) != self->channels)
    x = _seg_nnunet_add_conv (graph, self->stride != 1 ? "1" : "0", &project, x);
  seg_graph_pop (graph);
  return x;
}

static void
seg_residual_d_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegResidualD *self = SEG_RESIDUAL_D (block);
  const char *activation = self->names.activation != NULL ? self->names.activation : "";
  SegNnunetConv first = { .channels = self->channels,
                          .kernel = 3,
                          .stride = self->stride,
                          .bias = TRUE,
                          .norm = self->names.norm,
                          .activation = activation };
  SegNnunetConv second = first;
  SegValue x = in->values[0], skip = seg_residual_d_add_skip (self, graph, x);

  second.stride = 1;
  second.activation = NULL;
  x = _seg_nnunet_add_conv (graph, "conv1", &first, x);
  x = _seg_nnunet_add_conv (graph, "conv2", &second, x);
  x = seg_graph_add (graph, "add", "add", SEG_IN (x, skip), NULL);
  x = _seg_unet_add_activation (graph, "nonlin2", activation, x);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] * self->stride } };
}

static void
seg_residual_d_class_init (SegResidualDClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_residual_d_build;
  seg_block_class_set_info (block, "nnU-Net's residual block", "He et al. 2019, arXiv:1812.01187");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegResidualD, channels), 1,
                     SEG_UNET_MAX_CHANNELS, 32, "Channels of both convolutions");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegResidualD, stride), 1, 8, 1,
                     "Stride of the first convolution, and of the average");
  _seg_unet_class_add_names (klass, G_STRUCT_OFFSET (SegResidualD, names), "instance",
                             "leaky-relu");
}

static void
seg_residual_d_init (SegResidualD *self)
{
  (void) self;
}
