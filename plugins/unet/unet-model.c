#include "unet.h"

struct _SegUnet
{
  SegBlock parent_instance;
  SegBlock *encoder, *decoder;
  gint classes, head_kernel_size;
};

G_DEFINE_FINAL_TYPE (SegUnet, seg_unet, SEG_TYPE_BLOCK)

/**
 * SegUnet:
 *
 * A segmentation network: an encoder makes a pyramid of features of the image, a decoder joins
 * them into one map of full size, and a convolution, the head, turns that into one logit per
 * class. Which decoders take which encoders is the decoders' to say.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, arXiv:1505.04597
 */

/* @given, or else the feature @name at its defaults; NULL after failing the graph. */
static SegBlock *
seg_unet_get_part (SegGraph *graph, SegBlock *given, const char *name, SegBlockKind kind)
{
  GError *error = NULL;
  g_autoptr (SegBlock) part =
      given != NULL
          ? g_object_ref (given)
          : seg_registry_create (seg_registry_get_default (), name, SEG_TYPE_BLOCK, &error, NULL);

  if (part != NULL && seg_block_get_kind (part) != kind)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM, "%s is not %s", G_OBJECT_TYPE_NAME (part),
                 kind == SEG_BLOCK_ENCODER ? "an encoder" : "a decoder");
  if (error == NULL)
    return g_steal_pointer (&part);
  seg_graph_fail (graph, error);
  return NULL;
}

static void
seg_unet_build_head (SegUnet *self, SegGraph *graph, const SegFeatures *map, SegFeatures *out)
{
  SegValue logits;

  seg_graph_push (graph, "segmentation_head");
  if (map->n != 1 || map->strides[0] != 1)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                        "needs one map of full size, but the decoder gave %u of "
                                        "stride %" G_GINT64_FORMAT,
                                        map->n, map->strides[0]));
  if (self->head_kernel_size % 2 == 0)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PARAM,
                                        "a kernel of %d has no middle: its size must be odd",
                                        self->head_kernel_size));
  logits = seg_graph_add (graph, "0", "conv2d", SEG_IN (map->values[0]), "channels", self->classes,
                          "kernel-size", self->head_kernel_size, "padding",
                          self->head_kernel_size / 2, NULL);
  seg_graph_pop (graph);
  *out = (SegFeatures){ .n = 1, .values = { logits }, .strides = { 1 } };
}

static void
seg_unet_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnet *self = SEG_UNET (block);
  g_autoptr (SegBlock) encoder =
      seg_unet_get_part (graph, self->encoder, "unet-encoder", SEG_BLOCK_ENCODER);
  g_autoptr (SegBlock) decoder =
      seg_unet_get_part (graph, self->decoder, "unet-decoder", SEG_BLOCK_DECODER);
  SegFeatures pyramid, map;

  if (encoder == NULL || decoder == NULL)
    return;
  seg_block_build (encoder, graph, "encoder", in, &pyramid);
  seg_block_build (decoder, graph, "decoder", &pyramid, &map);
  if (!seg_graph_failed (graph))
    seg_unet_build_head (self, graph, &map, out);
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
}

static void
seg_unet_init (SegUnet *self)
{
  (void) self;
}
