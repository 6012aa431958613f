#include "unet.h"

struct _SegUnet
{
  SegBlock parent_instance;
  SegBlock *encoder, *decoder;
  gint classes, head_kernel_size, n_heads;
  gboolean mirror;
};

G_DEFINE_FINAL_TYPE (SegUnet, seg_unet, SEG_TYPE_BLOCK)

/**
 * SegUnet:
 *
 * A segmentation network: an encoder makes a pyramid of features of the image, a decoder joins
 * them into one map of full size, and a convolution, the head, turns that into one logit per
 * class. Which decoders take which encoders is the decoders' to say.
 *
 * With "auxiliary-heads" the result has as many channels for each of the decoder's next coarser
 * maps, too, behind those of the head: of each a 1×1 convolution, enlarged to the result's size.
 * Only training has a use for them.
 *
 * Some networks give a map smaller than the image (572 → 388 in the paper), or take no image but
 * of certain sizes. With "mirror" the image is then continued beyond its border by its mirror
 * image, as much as the network itself is found to need, and the result cropped to the image's
 * size. Networks that give each image's own size are left alone.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, arXiv:1505.04597; the mirror: section 2 and
 * figure 2; auxiliary heads: Xie and Tu 2015, section 3, arXiv:1504.06375
 */

/* Builds all but the fit. The result, or 0 after an error; @stride becomes that of the coarsest
 * map. */
static SegValue
seg_unet_build_network (SegUnet *self, SegGraph *graph, const SegFeatures *in, gint64 *stride)
{
  g_autoptr (SegBlock) encoder =
      _seg_unet_get_part (graph, self->encoder, "unet-encoder", SEG_BLOCK_ENCODER);
  g_autoptr (SegBlock) decoder =
      _seg_unet_get_part (graph, self->decoder, "unet-decoder", SEG_BLOCK_DECODER);
  SegFeatures pyramid, maps;
  SegValue logits;

  if (encoder == NULL || decoder == NULL)
    return 0;
  seg_block_build (encoder, graph, "encoder", in, &pyramid);
  seg_block_build (decoder, graph, "decoder", &pyramid, &maps);
  if (seg_graph_failed (graph))
    return 0;
  *stride = pyramid.strides[pyramid.n - 1];

  seg_graph_push (graph, "segmentation_head");
  if (maps.strides[0] != 1)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                        "needs a map of full size, but the decoder gave one of "
                                        "stride %" G_GINT64_FORMAT,
                                        maps.strides[0]));
  if (self->head_kernel_size % 2 == 0)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PARAM,
                                        "a kernel of %d has no middle: its size must be odd",
                                        self->head_kernel_size));
  logits = seg_graph_add (graph, "0", "conv2d", SEG_IN (maps.values[0]), "channels", self->classes,
                          "kernel-size", self->head_kernel_size, "padding",
                          self->head_kernel_size / 2, NULL);
  seg_graph_pop (graph);
  return _seg_unet_add_heads (graph, (guint) self->n_heads, decoder, &maps, logits);
}

/* Builds the network in a graph of its own, only to see what it does to sizes. Any error will
 * happen again in the graph that counts. */
static gboolean
seg_unet_derive_fit (SegUnet *self, gint64 channels, SegUnetFit *fit)
{
  g_autoptr (SegGraph) trial = seg_graph_new ();
  SegFeatures image = { .n = 1,
                        .values = { seg_graph_add_input (trial, "image", channels) },
                        .strides = { 1 } };
  gint64 stride = 1;
  SegValue logits = seg_unet_build_network (self, trial, &image, &stride);

  return !seg_graph_failed (trial) && _seg_unet_derive_fit (trial, logits, stride, fit);
}

static void
seg_unet_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnet *self = SEG_UNET (block);
  SegFeatures image = *in;
  SegUnetFit fit;
  gint64 stride;
  gboolean fitted =
      self->mirror
      && seg_unet_derive_fit (self, seg_graph_get_channels (graph, in->values[0]), &fit);
  SegValue logits;

  if (fitted)
    image.values[0] = _seg_unet_add_fit (graph, &fit, "reflect", in->values[0]);
  logits = seg_unet_build_network (self, graph, &image, &stride);
  if (fitted)
    logits = seg_graph_add (graph, "crop", "crop", SEG_IN (logits, in->values[0]), NULL);
  *out = (SegFeatures){ .n = 1, .values = { logits }, .strides = { 1 } };
}

static void
seg_unet_class_init (SegUnetClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MODEL;
  block->build = seg_unet_build;
  seg_block_class_set_info (block, "U-Net", "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_object (klass, "encoder", G_STRUCT_OFFSET (SegUnet, encoder), SEG_TYPE_BLOCK,
                        "Turns the image into features; unet-encoder by default");
  seg_class_add_object (klass, "decoder", G_STRUCT_OFFSET (SegUnet, decoder), SEG_TYPE_BLOCK,
                        "Joins the features into one map; unet-decoder by default");
  seg_class_add_int (klass, "classes", G_STRUCT_OFFSET (SegUnet, classes), 1, 65536, 2,
                     "Channels of the result, one per class");
  seg_class_add_int (klass, "head-kernel-size", G_STRUCT_OFFSET (SegUnet, head_kernel_size), 1, 15,
                     1, "Window of the last convolution, odd");
  _seg_unet_class_add_heads (klass, G_STRUCT_OFFSET (SegUnet, n_heads));
  seg_class_add_boolean (klass, "mirror", G_STRUCT_OFFSET (SegUnet, mirror), TRUE,
                         "Mirror the image at its border where the network gives less than it got");
}

static void
seg_unet_init (SegUnet *self)
{
  (void) self;
}
