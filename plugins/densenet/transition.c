#include "densenet.h"

struct _SegTransition
{
  SegBlock parent_instance;
  gint channels;
  gboolean bias;
  gfloat dropout;
  const char *pool;
};

G_DEFINE_FINAL_TYPE (SegTransition, seg_transition, SEG_TYPE_BLOCK)

/**
 * SegTransition:
 *
 * What stands between two dense blocks: batch normalisation, ReLU, a 1×1 convolution and a pooling
 * that halves the size. Parameters are named as in torchvision, with whose DenseNet and unlike the
 * paper it has a ReLU.
 * Source: Huang et al. 2017, Densely connected convolutional networks, section 3, "pooling
 * layers" and "compression", arXiv:1608.06993; with dropout and the maximum: Jégou et al. 2017,
 * The one hundred layers tiramisu, table 1, arXiv:1611.09326
 */

static void
seg_transition_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegTransition *self = SEG_TRANSITION (block);
  SegValue x = in->values[0];
  gint64 half = MAX (seg_graph_get_channels (graph, x) / 2, 1);

  x = _seg_dense_activate (graph, "norm", "relu", x);
  x = _seg_dense_shrink (graph, "conv", self->channels > 0 ? self->channels : half, self->bias, x);
  x = _seg_dense_drop (graph, "dropout", self->dropout, x);
  x = seg_graph_add (graph, "pool", self->pool, SEG_IN (x), "kernel-size", 2, "stride", 2, NULL);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] * 2 } };
}

static void
seg_transition_class_init (SegTransitionClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_transition_build;
  seg_block_class_set_info (block, "Transition between dense blocks",
                            "Huang et al. 2017, arXiv:1608.06993; Jégou et al. 2017, "
                            "arXiv:1611.09326");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegTransition, channels), 0, 65536, 0,
                     "Channels of the result; 0: half of what it reads");
  seg_class_add_boolean (klass, "bias", G_STRUCT_OFFSET (SegTransition, bias), FALSE,
                         "Whether the convolution adds a number to each channel");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegTransition, dropout), 0.f, 0.95f, 0.f,
                       "Share of numbers that training drops before the pooling");
  seg_class_add_string (klass, "pool", G_STRUCT_OFFSET (SegTransition, pool), "avg-pool",
                        "Name of the layer that halves the size, such as avg-pool or max-pool");
}

static void
seg_transition_init (SegTransition *self)
{
  (void) self;
}
