#include "unet.h"

struct _SegDoubleConv
{
  SegBlock parent_instance;
  gint channels, mid_channels;
  SegUnetNames names;
  SegUnetPadding padding;
};

G_DEFINE_FINAL_TYPE (SegDoubleConv, seg_double_conv, SEG_TYPE_BLOCK)

/**
 * SegDoubleConv:
 *
 * Twice a 3×3 convolution and an activation, with a normalisation between the two unless that is
 * "none". A convolution before a normalisation has no bias, which the normalisation would take
 * away again. With "padding" same the map keeps its size; with valid, the paper's form, it loses
 * two pixels on each side.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, section 2, arXiv:1505.04597; batch
 * normalisation as in its later versions
 */

static void
seg_double_conv_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegDoubleConv *self = SEG_DOUBLE_CONV (block);
  gint mid_channels = self->mid_channels > 0 ? self->mid_channels : self->channels;
  SegValue x = in->values[0];

  for (guint i = 1; i <= 2; i++)
    {
      seg_graph_push (graph, i == 1 ? "conv1" : "conv2");
      x = seg_graph_add (graph, "0", "conv2d", SEG_IN (x), "channels",
                         i == 1 ? mid_channels : self->channels, "kernel-size", 3, "padding",
                         self->padding == SEG_UNET_SAME ? 1 : 0, "bias",
                         !_seg_unet_has_norm (self->names.norm), NULL);
      x = _seg_unet_add_norm (graph, "1", self->names.norm, x);
      x = _seg_unet_add_activation (graph, "2", self->names.activation, x);
      seg_graph_pop (graph);
    }
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };
}

static void
seg_double_conv_class_init (SegDoubleConvClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_double_conv_build;
  seg_block_class_set_info (block, "Two convolutions",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegDoubleConv, channels), 1,
                     SEG_UNET_MAX_CHANNELS, 64, "Channels of the result");
  seg_class_add_int (klass, "mid-channels", G_STRUCT_OFFSET (SegDoubleConv, mid_channels), 0,
                     SEG_UNET_MAX_CHANNELS, 0,
                     "Channels between the two convolutions; 0: as many as the result has");
  _seg_unet_class_add_names (klass, G_STRUCT_OFFSET (SegDoubleConv, names), "batch", "relu");
  seg_class_add_enum (klass, "padding", G_STRUCT_OFFSET (SegDoubleConv, padding),
                      SEG_TYPE_UNET_PADDING, SEG_UNET_SAME,
                      "Whether the map keeps its size (same) or loses two pixels a side (valid)");
}

static void
seg_double_conv_init (SegDoubleConv *self)
{
  (void) self;
}
