#include "densenet.h"

struct _SegDenseLayer
{
  SegBlock parent_instance;
  gint channels, expansion;
  gboolean bias;
  gfloat dropout;
};

G_DEFINE_FINAL_TYPE (SegDenseLayer, seg_dense_layer, SEG_TYPE_BLOCK)

/**
 * SegDenseLayer:
 *
 * What a dense block is made of: batch normalisation and ReLU, then a 3×3 convolution to a few
 * new channels. With "expansion" a 1×1 convolution, and normalisation and ReLU again, stand before
 * it: the bottleneck that DenseNet-B has. Parameters are named as in torchvision.
 * Source: Huang et al. 2017, Densely connected convolutional networks, section 3, "composite
 * function" and "bottleneck layers", arXiv:1608.06993; without bottleneck, with dropout: Jégou et
 * al. 2017, The one hundred layers tiramisu, table 1, arXiv:1611.09326
 */

/* Batch normalisation and ReLU: what comes before every convolution here. */
SegValue
_seg_dense_activate (SegGraph *graph, const char *norm, const char *relu, SegValue x)
{
  x = seg_graph_add (graph, norm, "batch-norm", SEG_IN (x), NULL);
  return seg_graph_add (graph, relu, "relu", SEG_IN (x), NULL);
}

/* A 1×1 convolution, usually to fewer channels. Too many are the convolution's to refuse. */
SegValue
_seg_dense_shrink (SegGraph *graph, const char *conv, gint64 channels, gboolean bias, SegValue x)
{
  return seg_graph_add (graph, conv, "conv2d", SEG_IN (x), "channels",
                        (gint) MIN (channels, G_MAXINT), "kernel-size", 1, "bias", bias, NULL);
}

/* Dropout, unless nothing is dropped. */
SegValue
_seg_dense_drop (SegGraph *graph, const char *name, gfloat dropout, SegValue x)
{
  return dropout > 0.f
             ? seg_graph_add (graph, name, "dropout", SEG_IN (x), "p", (double) dropout, NULL)
             : x;
}

static void
seg_dense_layer_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegDenseLayer *self = SEG_DENSE_LAYER (block);
  SegValue x = _seg_dense_activate (graph, "norm1", "relu1", in->values[0]);
  gboolean shrinks = self->expansion > 0;

  if (shrinks)
    {
      x = _seg_dense_shrink (graph, "conv1", (gint64) self->expansion * self->channels, self->bias,
                             x);
      x = _seg_dense_activate (graph, "norm2", "relu2", x);
    }
  x = seg_graph_add (graph, shrinks ? "conv2" : "conv1", "conv2d", SEG_IN (x), "channels",
                     self->channels, "kernel-size", 3, "padding", 1, "bias", self->bias, NULL);
  x = _seg_dense_drop (graph, "dropout", self->dropout, x);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };
}

static void
seg_dense_layer_class_init (SegDenseLayerClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_dense_layer_build;
  seg_block_class_set_info (block, "Layer of a dense block",
                            "Huang et al. 2017, arXiv:1608.06993; Jégou et al. 2017, "
                            "arXiv:1611.09326");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegDenseLayer, channels), 1, 65536, 32,
                     "New channels, the growth rate");
  seg_class_add_int (klass, "expansion", G_STRUCT_OFFSET (SegDenseLayer, expansion), 0, 16, 4,
                     "Channels of the 1×1 convolution, in growth rates; 0: there is none");
  seg_class_add_boolean (klass, "bias", G_STRUCT_OFFSET (SegDenseLayer, bias), FALSE,
                         "Whether convolutions add a number to each channel");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegDenseLayer, dropout), 0.f, 0.95f, 0.f,
                       "Share of new numbers that training drops");
}

static void
seg_dense_layer_init (SegDenseLayer *self)
{
  (void) self;
}
