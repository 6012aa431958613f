#include "unet.h"

struct _SegScse
{
  SegBlock parent_instance;
  gint reduction;
};

G_DEFINE_FINAL_TYPE (SegScse, seg_scse, SEG_TYPE_BLOCK)

/**
 * SegScse:
 *
 * Weighs a map twice, and adds: each channel by a number made of the means of all channels, each
 * pixel by a number made of its own channels. Parameters are named as in
 * segmentation_models.pytorch. Halo: the means are of the whole map, which is therefore computed
 * first, and held.
 * Source: Roy, Navab and Wachinger 2018, Concurrent spatial and channel squeeze & excitation,
 * arXiv:1803.02579
 */

static void
seg_scse_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  gint reduction = SEG_SCSE (block)->reduction;
  SegValue x = in->values[0], channel, pixel;
  gint channels = (gint) seg_graph_get_channels (graph, x);

  seg_graph_push (graph, "cSE");
  channel = seg_graph_add (graph, "0", "global-avg-pool", SEG_IN (x), NULL);
  channel = seg_graph_add (graph, "1", "conv2d", SEG_IN (channel), "channels",
                           MAX (channels / reduction, 1), "kernel-size", 1, NULL);
  channel = seg_graph_add (graph, "2", "relu", SEG_IN (channel), NULL);
  channel = seg_graph_add (graph, "3", "conv2d", SEG_IN (channel), "channels", channels,
                           "kernel-size", 1, NULL);
  channel = seg_graph_add (graph, "4", "sigmoid", SEG_IN (channel), NULL);
  seg_graph_pop (graph);

  seg_graph_push (graph, "sSE");
  pixel = seg_graph_add (graph, "0", "conv2d", SEG_IN (x), "channels", 1, "kernel-size", 1, NULL);
  pixel = seg_graph_add (graph, "1", "sigmoid", SEG_IN (pixel), NULL);
  seg_graph_pop (graph);

  channel = seg_graph_add (graph, "by-channel", "multiply", SEG_IN (x, channel), NULL);
  pixel = seg_graph_add (graph, "by-pixel", "multiply", SEG_IN (x, pixel), NULL);
  x = seg_graph_add (graph, "add", "add", SEG_IN (channel, pixel), NULL);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };
}

static void
seg_scse_class_init (SegScseClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_scse_build;
  seg_block_class_set_info (block, "Spatial and channel squeeze and excitation",
                            "Roy, Navab and Wachinger 2018, arXiv:1803.02579");
  seg_class_add_int (klass, "reduction", G_STRUCT_OFFSET (SegScse, reduction), 1, 65536, 16,
                     "How many channels become one inside; at least one is left");
}

static void
seg_scse_init (SegScse *self)
{
  (void) self;
}
