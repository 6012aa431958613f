#include "unet.h"

struct _SegUnetDecoder
{
  SegBlock parent_instance;
  const char *up;
  SegUnetInner inner;
};

G_DEFINE_FINAL_TYPE (SegUnetDecoder, seg_unet_decoder, SEG_TYPE_BLOCK)

/**
 * SegUnetDecoder:
 *
 * The expanding half of a U-Net. At each level, deepest first: the map is made twice as large, its
 * size is matched with the skip's, both are joined, [skip, upsampled], and the inner block follows.
 *
 * "up" transposed: a 2×2 transposed convolution, which halves the channels; the inner block gives
 * as many as the skip has. Other ways to resize have no parameters and keep the channels (bilinear
 * puts corners on corners); then the inner block has half of the joined channels between its
 * convolutions and gives as many as the next finer skip has, as in the PyTorch U-Nets that offer
 * this choice.
 *
 * "padding" same: the upsampled map is padded to the skip's size (an odd size lost a row or column
 * on the way down). valid: the skip is cropped to the upsampled map, as in the paper.
 *
 * What each level has made is given, finest first; with "padding" valid only the finest, since the
 * others show more of the image than it does.
 *
 * Takes a pyramid of two or more maps, of strides exactly 1, 2, 4, …; with transposed convolutions
 * the deepest must have an even number of channels, and so must each skip but the finest. Other
 * pyramids are refused.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, figure 1, arXiv:1505.04597
 *
 * Longer than most blocks: it is what the paper's U-Net and the usual later ones have in common.
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

/* Twice as large. */
static SegValue
seg_unet_decoder_add_up (SegUnetDecoder *self, SegGraph *graph, SegValue x)
{
  gint64 channels = seg_graph_get_channels (graph, x);

  if (g_strcmp0 (self->up, "transposed") != 0)
    return _seg_unet_add_resize (graph, "up", self->up, TRUE, SEG_IN (x));
  if (channels % 2 != 0)
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_SHAPE,
                                        "unet-decoder cannot halve %" G_GINT64_FORMAT " channels",
                                        channels));
  return seg_graph_add (graph, "up", "conv-transpose2d", SEG_IN (x), "channels",
                        (gint) (channels / 2), "kernel-size", 2, "stride", 2, NULL);
}

/* One level: @x and the skip become one map. */
static SegValue
seg_unet_decoder_add_level (SegUnetDecoder *self, SegGraph *graph, guint number, SegValue x,
                            SegValue skip, gint64 next_channels)
{
  g_autofree char *name = g_strdup_printf ("blocks.%u", number);
  g_autofree char *join = g_strdup_printf ("joins.%u", number);
  gint64 channels = seg_graph_get_channels (graph, skip), mid_channels = channels;
  g_autoptr (SegBlock) inner = NULL;

  seg_graph_push (graph, name);
  x = seg_unet_decoder_add_up (self, graph, x);
  seg_graph_pop (graph);
  if (g_strcmp0 (self->up, "transposed") != 0)
    {
      mid_channels = MAX ((channels + seg_graph_get_channels (graph, x)) / 2, 1);
      channels = next_channels;
    }

  seg_graph_push (graph, join);
  if (self->inner.padding == SEG_UNET_SAME)
    x = seg_graph_add (graph, "pad", "pad", SEG_IN (x, skip), NULL);
  else
    skip = seg_graph_add (graph, "crop", "crop", SEG_IN (skip, x), NULL);
  x = seg_graph_add (graph, "concat", "concat", SEG_IN (skip, x), NULL);
  seg_graph_pop (graph);

  seg_graph_push (graph, name);
  inner = _seg_unet_new_inner (graph, &self->inner, channels, mid_channels);
  x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
  seg_graph_pop (graph);
  return x;
}

static void
seg_unet_decoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnetDecoder *self = SEG_UNET_DECODER (block);
  SegValue x = in->values[in->n - 1];

  if (!seg_unet_decoder_check (graph, in))
    return;
  for (guint i = 0; i < in->n - 1 && !seg_graph_failed (graph); i++)
    {
      guint level = in->n - 2 - i;
      gint64 next = seg_graph_get_channels (graph, in->values[level > 0 ? level - 1 : 0]);

      x = seg_unet_decoder_add_level (self, graph, i, x, in->values[level], next);
      out->values[level] = x;
      out->strides[level] = in->strides[level];
    }
  out->n = self->inner.padding == SEG_UNET_SAME ? in->n - 1 : 1;
}

static void
seg_unet_decoder_class_init (SegUnetDecoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_DECODER;
  block->build = seg_unet_decoder_build;
  seg_block_class_set_info (block, "Decoder of the classic U-Net",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_string (klass, "up", G_STRUCT_OFFSET (SegUnetDecoder, up), "transposed",
                        "How a map is made larger: transposed, or NAME for the layer resize-NAME "
                        "(bilinear, nearest, …)");
  _seg_unet_class_add_inner (klass, G_STRUCT_OFFSET (SegUnetDecoder, inner));
  _seg_unet_class_add_padding (klass, G_STRUCT_OFFSET (SegUnetDecoder, inner));
}

static void
seg_unet_decoder_init (SegUnetDecoder *self)
{
  (void) self;
}
