#include "unet.h"

struct _SegUnetDecoder
{
  SegBlock parent_instance;
  gboolean norm;
  SegBlock *inner;
};

G_DEFINE_FINAL_TYPE (SegUnetDecoder, seg_unet_decoder, SEG_TYPE_BLOCK)

/**
 * SegUnetDecoder:
 *
 * The expanding half of a U-Net. At each level, deepest first: a 2×2 transposed convolution
 * doubles the size and halves the channels; the result is padded to the skip's size (an odd size
 * lost a row or column on the way down); both are joined, [skip, upsampled]; and the inner block
 * gives as many channels as the skip has.
 *
 * Takes a pyramid of two or more maps, of strides exactly 1, 2, 4, …; each map but the finest
 * must be one that can be halved in channels. Other pyramids are refused.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, figure 1, arXiv:1505.04597
 */

static gboolean
seg_unet_decoder_check (SegGraph *graph, const SegFeatures *in)
{
  g_autoptr (GString) strides = g_string_new (NULL);
  gboolean fits = in->n >= 2;

  for (guint i = 0; i < in->n; i++)
    {
      fits &= in->strides[i] == (gint64) 1 << i;
      g_string_append_printf (strides, "%s%" G_GINT64_FORMAT, i > 0 ? ", " : "", in->strides[i]);
    }
  if (!fits)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                        "unet-decoder needs features of strides 1, 2, 4, …, not %s",
                                        strides->str));
  return fits;
}

static void
seg_unet_decoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnetDecoder *self = SEG_UNET_DECODER (block);
  SegValue x;

  if (!seg_unet_decoder_check (graph, in))
    return;

  x = in->values[in->n - 1];
  for (guint i = 0; i < in->n - 1; i++)
    {
      SegValue skip = in->values[in->n - 2 - i], up;
      gint64 channels = seg_graph_get_channels (graph, x);
      g_autofree char *name = g_strdup_printf ("blocks.%u", i);
      g_autoptr (SegBlock) inner = NULL;

      seg_graph_push (graph, name);
      if (channels % 2 != 0)
        seg_graph_fail (graph,
                        g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                     "unet-decoder cannot halve %" G_GINT64_FORMAT " channels",
                                     channels));
      inner = _seg_unet_new_inner (graph, self->inner, seg_graph_get_channels (graph, skip),
                                   self->norm);
      up = seg_graph_add (graph, "up", "conv-transpose2d", SEG_IN (x), "channels",
                          (gint) (channels / 2), "kernel-size", 2, "stride", 2, NULL);
      up = seg_graph_add (graph, "pad", "pad", SEG_IN (up, skip), NULL);
      x = seg_graph_add (graph, "concat", "concat", SEG_IN (skip, up), NULL);
      x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
      seg_graph_pop (graph);

      if (seg_graph_failed (graph))
        return;
    }
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { 1 } };
}

static void
seg_unet_decoder_class_init (SegUnetDecoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_DECODER;
  block->build = seg_unet_decoder_build;
  seg_block_class_set_info (block, "Decoder of the classic U-Net",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_boolean (klass, "norm", G_STRUCT_OFFSET (SegUnetDecoder, norm), TRUE,
                         "Batch normalisation in the default inner block");
  seg_class_add_object (klass, "inner", G_STRUCT_OFFSET (SegUnetDecoder, inner), SEG_TYPE_BLOCK,
                        "Block of each level; double-conv by default");
}

static void
seg_unet_decoder_init (SegUnetDecoder *self)
{
  (void) self;
}
