#include "unet.h"

struct _SegNnunet
{
  SegBlock parent_instance;
  SegBlock *encoder, *decoder;
  gint classes, n_heads;
};

G_DEFINE_FINAL_TYPE (SegNnunet, seg_nnunet, SEG_TYPE_BLOCK)

/**
 * SegNnunet:
 *
 * The 2-D networks of nnU-Net, PlainConvUNet and ResidualEncoderUNet, under their parameter names.
 * Of the segmentation layers only the last, of full resolution, is built: the others serve deep
 * supervision in training, as "auxiliary-heads" do here, whose logits lie behind the result's,
 * enlarged to its size.
 *
 * An image is padded with zeros, half on each side, to a multiple of the coarsest stride, as
 * nnU-Net pads what its patch does not fill, and the result cropped. Instance normalisation takes
 * its statistics over all of it: nnU-Net, which runs patch by patch, takes them of each patch, so
 * that only an image no larger than a patch is treated as there. An image of which one pixel is left
 * at the coarsest stride has no statistics there, and is refused.
 * Source: Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z; Isensee et al. 2024,
 * nnU-Net revisited, arXiv:2404.09556
 */

/* The coarsest stride, or 0 where the encoder cannot be built: that error will happen again. */
static gint64
seg_nnunet_get_stride (SegBlock *encoder, gint64 channels)
{
  g_autoptr (SegGraph) trial = seg_graph_new ();
  SegFeatures pyramid, image = { .n = 1,
                                 .values = { seg_graph_add_input (trial, "image", channels) },
                                 .strides = { 1 } };

  seg_block_build (encoder, trial, "encoder", &image, &pyramid);
  return pyramid.n > 0 ? pyramid.strides[pyramid.n - 1] : 0;
}

static void
seg_nnunet_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegNnunet *self = SEG_NNUNET (block);
  g_autoptr (SegBlock) encoder =
      _seg_unet_get_part (graph, self->encoder, "nnunet-encoder", SEG_BLOCK_ENCODER);
  g_autoptr (SegBlock) decoder =
      _seg_unet_get_part (graph, self->decoder, "nnunet-decoder", SEG_BLOCK_DECODER);
  g_autofree char *name = NULL;
  SegFeatures image = *in, pyramid, maps;
  SegUnetFit fit = { 0 };
  SegValue logits;

  if (encoder == NULL || decoder == NULL)
    return;
  fit.multiple = seg_nnunet_get_stride (encoder, seg_graph_get_channels (graph, in->values[0]));
  if (fit.multiple > 1)
    image.values[0] = _seg_unet_add_fit (graph, &fit, "zero", in->values[0]);
  seg_block_build (encoder, graph, "encoder", &image, &pyramid);
  seg_block_build (decoder, graph, "decoder", &pyramid, &maps);
  if (seg_graph_failed (graph))
    return;
  if (maps.strides[0] != 1)
    {
      seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                          "nnunet needs a map of full size, but the decoder gave "
                                          "one of stride %" G_GINT64_FORMAT,
                                          maps.strides[0]));
      return;
    }
  name = g_strdup_printf ("decoder.seg_layers.%u", pyramid.n > 2 ? pyramid.n - 2 : 0);
  logits = seg_graph_add (graph, name, "conv2d", SEG_IN (maps.values[0]), "channels", self->classes,
                          "kernel-size", 1, NULL);
  logits = _seg_unet_add_heads (graph, (guint) self->n_heads, decoder, &maps, logits);
  if (fit.multiple > 1)
    logits = seg_graph_add (graph, "crop", "crop", SEG_IN (logits, in->values[0]), NULL);
  *out = (SegFeatures){ .n = 1, .values = { logits }, .strides = { 1 } };
}

static void
seg_nnunet_class_init (SegNnunetClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MODEL;
  block->build = seg_nnunet_build;
  seg_block_class_set_info (block, "nnU-Net",
                            "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z");
  seg_class_add_object (klass, "encoder", G_STRUCT_OFFSET (SegNnunet, encoder), SEG_TYPE_BLOCK,
                        "Turns the image into features; nnunet-encoder by default");
  seg_class_add_object (klass, "decoder", G_STRUCT_OFFSET (SegNnunet, decoder), SEG_TYPE_BLOCK,
                        "Joins the features into one map; nnunet-decoder by default");
  seg_class_add_int (klass, "classes", G_STRUCT_OFFSET (SegNnunet, classes), 1, 65536, 2,
                     "Channels of the result, one per class");
  _seg_unet_class_add_heads (klass, G_STRUCT_OFFSET (SegNnunet, n_heads));
}

static void
seg_nnunet_init (SegNnunet *self)
{
  (void) self;
}
