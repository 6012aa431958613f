#include "unet.h"

struct _SegDoubleConv
{
  SegBlock parent_instance;
  gint channels;
  gboolean norm;
};

G_DEFINE_FINAL_TYPE (SegDoubleConv, seg_double_conv, SEG_TYPE_BLOCK)

/**
 * SegDoubleConv:
 *
 * Twice a 3×3 convolution and ReLU, with batch normalisation between the two unless switched
 * off. Padded, so that the map keeps its size; a convolution before a normalisation has no bias,
 * which the normalisation would take away again.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, section 2, arXiv:1505.04597; batch
 * normalisation as in its later versions
 */

static void
seg_double_conv_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegDoubleConv *self = SEG_DOUBLE_CONV (block);
  SegValue x = in->values[0];

  for (guint i = 1; i <= 2; i++)
    {
      seg_graph_push (graph, i == 1 ? "conv1" : "conv2");
      x = seg_graph_add (graph, "0", "conv2d", SEG_IN (x), "channels", self->channels,
                         "kernel-size", 3, "padding", 1, "bias", !self->norm, NULL);
      if (self->norm)
        x = seg_graph_add (graph, "1", "batch-norm", SEG_IN (x), NULL);
      x = seg_graph_add (graph, "2", "relu", SEG_IN (x), NULL);
      seg_graph_pop (graph);
    }
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };
}

/* The block that encoders and decoders use at each level: @pattern, or else a double
 * convolution, with so many channels. NULL after failing the graph. */
SegBlock *
_seg_unet_new_inner (SegGraph *graph, SegBlock *pattern, gint64 channels, gboolean norm)
{
  SegBlock *inner = NULL;
  GError *error = NULL;

  if (channels < 1 || channels > SEG_UNET_MAX_CHANNELS)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM,
                 "a level of %" G_GINT64_FORMAT " channels is not supported: 1 to %d are", channels,
                 SEG_UNET_MAX_CHANNELS);
  else if (pattern == NULL)
    inner = seg_registry_create (seg_registry_get_default (), "double-conv", SEG_TYPE_BLOCK, &error,
                                 "channels", (gint) channels, "norm", norm, NULL);
  else if (seg_block_get_kind (pattern) != SEG_BLOCK_MAP)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM,
                 "%s cannot be an inner block: it does not turn one map into one map",
                 G_OBJECT_TYPE_NAME (pattern));
  else
    inner = seg_object_copy_with (pattern, &error, "channels", (gint) channels, NULL);

  if (error != NULL)
    seg_graph_fail (graph, error);
  return inner;
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
                     SEG_UNET_MAX_CHANNELS, 64, "Channels of both convolutions");
  seg_class_add_boolean (klass, "norm", G_STRUCT_OFFSET (SegDoubleConv, norm), TRUE,
                         "Whether batch normalisation follows each convolution");
}

static void
seg_double_conv_init (SegDoubleConv *self)
{
  (void) self;
}
