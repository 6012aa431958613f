#include "resnet.h"

struct _SegResidual
{
  SegBlock parent_instance;
  gint channels, stride;
};

G_DEFINE_FINAL_TYPE (SegResidual, seg_residual, SEG_TYPE_BLOCK)

/**
 * SegResidual:
 *
 * Two 3×3 convolutions with batch normalisation, to whose result the input is added: ResNet's
 * basic block. Where size or channels change, the input goes through a 1×1 convolution of the
 * same stride first. Parameters are named as in torchvision.
 * Source: He et al. 2016, Deep residual learning for image recognition, figure 5 left and
 * section 3.3 option B, arXiv:1512.03385
 */

static void
seg_residual_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegResidual *self = SEG_RESIDUAL (block);
  SegValue shortcut = in->values[0], x = in->values[0];

  x = seg_graph_add (graph, "conv1", "conv2d", SEG_IN (x), "channels", self->channels,
                     "kernel-size", 3, "stride", self->stride, "padding", 1, "bias", FALSE, NULL);
  x = seg_graph_add (graph, "bn1", "batch-norm", SEG_IN (x), NULL);
  x = seg_graph_add (graph, "relu1", "relu", SEG_IN (x), NULL);
  x = seg_graph_add (graph, "conv2", "conv2d", SEG_IN (x), "channels", self->channels,
                     "kernel-size", 3, "padding", 1, "bias", FALSE, NULL);
  x = seg_graph_add (graph, "bn2", "batch-norm", SEG_IN (x), NULL);

  if (self->stride != 1 || seg_graph_get_channels (graph, shortcut) != self->channels)
    {
      seg_graph_push (graph, "downsample");
      shortcut = seg_graph_add (graph, "0", "conv2d", SEG_IN (shortcut), "channels", self->channels,
                                "kernel-size", 1, "stride", self->stride, "bias", FALSE, NULL);
      shortcut = seg_graph_add (graph, "1", "batch-norm", SEG_IN (shortcut), NULL);
      seg_graph_pop (graph);
    }
  x = seg_graph_add (graph, "add", "add", SEG_IN (x, shortcut), NULL);
  x = seg_graph_add (graph, "relu2", "relu", SEG_IN (x), NULL);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] * self->stride } };
}

static void
seg_residual_class_init (SegResidualClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_residual_build;
  seg_block_class_set_info (block, "Residual block", "He et al. 2016, arXiv:1512.03385");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegResidual, channels), 1, 65536, 64,
                     "Channels of both convolutions");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegResidual, stride), 1, 8, 1,
                     "Stride of the first convolution");
}

static void
seg_residual_init (SegResidual *self)
{
  (void) self;
}
